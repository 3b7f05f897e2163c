"""When to come back to a source: decided from the configuration, from hints of server and feed, and from past posts.

Headers and feed elements -> `hints`; times of posts -> `rhythm`; these and failures -> `plan.next_due`; what is due ->
`plan.admit`. Nothing here reads a clock, draws a number at random or does IO.
"""

from __future__ import annotations

from aggregator.schedule.hints import NOTHING_SAID, FeedHints, ServerHints, feed_hints, server_hints
from aggregator.schedule.plan import (
    NEVER,
    OFFLINE,
    Due,
    FailureStreak,
    Gone,
    Start,
    admit,
    after_outage,
    after_stop,
    check_cron,
    network_down,
    next_due,
    said_gone,
)
from aggregator.schedule.rhythm import Rhythm, observe

__all__ = [
    "NEVER",
    "NOTHING_SAID",
    "OFFLINE",
    "Due",
    "FailureStreak",
    "FeedHints",
    "Gone",
    "Rhythm",
    "ServerHints",
    "Start",
    "admit",
    "after_outage",
    "after_stop",
    "check_cron",
    "feed_hints",
    "network_down",
    "next_due",
    "observe",
    "said_gone",
    "server_hints",
]
