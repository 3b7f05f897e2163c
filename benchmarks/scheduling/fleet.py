"""All sources at once, with hosts that may only be asked so often, servers that ask for things, and some that fail.

A minute at a time: what is due goes through `plan.admit`, and each poll ends in `plan.next_due`.
"""

from __future__ import annotations

import heapq
import random
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil

from aggregator.models import Auto
from aggregator.schedule import (
    FailureStreak,
    FeedHints,
    Rhythm,
    ServerHints,
    admit,
    after_stop,
    next_due,
    observe,
)
from benchmarks.scheduling.world import DAY, HOUR, START, synthetic

MINUTE = timedelta(minutes=1)
SPACING = timedelta(seconds=2)
_PLATFORMS = 200
_FRESH = timedelta(hours=2)
_TTL = timedelta(hours=3)
_RETRY = timedelta(days=2)


@dataclass(slots=True)
class Member:
    """One source and what is remembered of it."""

    key: str
    host: str
    history: array[int]
    posts: array[int]
    #: What its server or its feed is like.
    nature: str
    rhythm: Rhythm | None = None
    seen: int = 0
    looked_at: int = START
    failures: int = 0
    #: Not to be asked sooner, as its server or feed wants it.
    wanted: int = 0


@dataclass(slots=True)
class Account:
    """What happened."""

    looks: int = 0
    found: int = 0
    waited: int = 0
    posts: int = 0
    #: The longest time between two looks at one source in seconds, those aside that asked for more (Retry-After).
    longest: int = 0
    #: Looks that came sooner than server or feed wanted.
    too_soon: int = 0
    #: Sources that were never looked at.
    forgotten: int = 0
    #: Most requests to one host in one minute.
    busiest_host: int = 0
    per_minute: Counter[int] = field(default_factory=Counter)
    #: Looks of the sources on the largest host, and how many they are.
    crowd: int = 0
    crowd_looks: int = 0


def members(count: int, days: int, seed: int = 1) -> list[Member]:
    """The sources: two in five on platforms, the largest of which has more than its limit lets through."""
    draw = random.Random(seed)  # noqa: S311 - a world, not a secret
    ranks = range(1, _PLATFORMS + 1)
    weights = [rank**-1.5 for rank in ranks]
    natures = ("plain", "fresh", "ttl", "weekend", "no validator", "down", "busy")
    shares = (60, 10, 10, 5, 10, 4, 1)
    world = []
    for index in range(count):
        timeline = synthetic(index, days, seed)
        platform = draw.choices(ranks, weights)[0] if draw.random() < 0.4 else None
        host = f"platform-{platform}" if platform else f"host-{index}"
        nature = draw.choices(natures, shares)[0]
        history, posts = array("l", timeline.history), array("l", timeline.posts)
        world.append(Member(timeline.key, host, history, posts, nature))
    return world


def live(world: list[Member], days: int, interval: Auto, spacing: timedelta = SPACING) -> Account:
    """Run all of them for some days, beginning with every source overdue."""
    account = Account(posts=sum(len(member.posts) for member in world))
    by_key = {member.key: member for member in world}
    queues: dict[str, list[tuple[int, str]]] = defaultdict(list)
    start = datetime.fromtimestamp(START, UTC)
    for member in world:
        begin = after_stop(member.key, start, len(world))
        heapq.heappush(queues[member.host], (int(begin.timestamp()), member.key))
    agenda = [(queue[0][0], host) for host, queue in queues.items()]
    heapq.heapify(agenda)
    free: dict[str, int] = {}
    #: Requests to one host that fit into a minute.
    most = max(ceil(MINUTE / spacing), 1)
    for minute in range(days * DAY // 60):
        now = START + minute * 60
        hosts = list(_due_hosts(agenda, now))
        open_hosts = (host for host in hosts if free.get(host, now) <= now)
        waiting = sorted(one for host in open_hosts for one in _first_of(queues[host], now, most))
        starts = admit(
            ((key, by_key[key].host) for _, key in waiting), datetime.fromtimestamp(now, UTC), MINUTE, spacing
        )
        dues = {key: due for due, key in waiting}
        for one in starts:
            free[one.host] = int((one.at + spacing).timestamp())
            del dues[one.key]
            due = _look(by_key[one.key], int(one.at.timestamp()), interval, account)
            heapq.heappush(queues[one.host], (due, one.key))
        for key, due in dues.items():
            heapq.heappush(queues[by_key[key].host], (due, key))
        for host in hosts:
            heapq.heappush(agenda, (max(queues[host][0][0], now + 60), host))
        account.per_minute[minute] = len(starts)
        account.busiest_host = max(account.busiest_host, *Counter(one.host for one in starts).values(), 0)
    _close(world, account, START + days * DAY)
    return account


def _due_hosts(agenda: list[tuple[int, str]], now: int) -> Iterator[str]:
    while agenda and agenda[0][0] <= now:
        yield heapq.heappop(agenda)[1]


def _first_of(queue: list[tuple[int, str]], now: int, most: int) -> Iterator[tuple[int, str]]:
    """The oldest of one host, as many as a minute can take."""
    for _ in range(most):
        if not queue or queue[0][0] > now:
            return
        yield heapq.heappop(queue)


def _look(member: Member, now: int, interval: Auto, account: Account) -> int:
    """One look at one source.

    Returns:
        When it is due again.
    """
    account.looks += 1
    account.too_soon += now < member.wanted
    if member.nature != "busy":
        account.longest = max(account.longest, now - member.looked_at)
    if member.host == "platform-1":
        account.crowd_looks += 1
    first = member.rhythm is None
    moment = datetime.fromtimestamp(now, UTC)
    upto = member.seen
    down = member.nature == "down" and now // (5 * DAY) % 2 == 0
    if not down:
        while upto < len(member.posts) and member.posts[upto] <= now:
            account.waited += now - member.posts[upto]
            upto += 1
    brought = [*member.history, *member.posts[:upto]] if first else member.posts[member.seen : upto]
    member.rhythm = observe(member.rhythm, [datetime.fromtimestamp(post, UTC) for post in brought], moment)
    account.found += upto - member.seen
    member.failures = member.failures + 1 if down else 0
    member.seen, member.looked_at = upto, now
    server, feed = _hints(member, now)
    failure = FailureStreak("timeout", member.failures) if down else None
    due = next_due(
        member.key,
        moment,
        interval,
        rhythm=member.rhythm,
        server=server,
        feed=feed,
        failure=failure,
        first=first,
    )
    asked = max(server.retry_after or timedelta(), server.fresh_for or timedelta(), feed.ttl or timedelta())
    member.wanted = now + int(asked.total_seconds()) if asked else now + HOUR * (member.nature == "no validator")
    return int(due.at.timestamp())


def _hints(member: Member, now: int) -> tuple[ServerHints, FeedHints]:
    match member.nature:
        case "fresh":
            return ServerHints(fresh_for=_FRESH), FeedHints()
        case "ttl":
            return ServerHints(), FeedHints(ttl=_TTL)
        case "weekend":
            return ServerHints(), FeedHints(skip_days=frozenset({5, 6}))
        case "no validator":
            return ServerHints(no_validator=True), FeedHints()
        case "busy" if now // DAY % 7 == 0:
            return ServerHints(retry_after=_RETRY), FeedHints()
    return ServerHints(), FeedHints()


def _close(world: list[Member], account: Account, end: int) -> None:
    """What was not looked at again counts as well: for the longest wait, and as posts that wait to this day."""
    for member in world:
        account.forgotten += member.rhythm is None
        account.crowd += member.host == "platform-1"
        if member.nature != "busy":
            account.longest = max(account.longest, end - member.looked_at)
        for post in member.posts[member.seen :]:
            account.waited += end - post
