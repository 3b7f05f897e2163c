"""Real posting times: each feed's history as its timeline.

`posting-times.txt` holds the times alone, one feed a line: the first in epoch seconds, then the distances. To make it
anew from a folder of captured feeds: `python -m benchmarks.scheduling.replay FOLDER`.
"""

from __future__ import annotations

import sys
from calendar import timegm
from collections import Counter
from itertools import accumulate, pairwise
from pathlib import Path

import feedparser

from benchmarks.scheduling.world import DAY, Timeline

TIMES = Path(__file__).with_name("posting-times.txt")

#: Before 1995 there were no feeds; 2030 is the mistake of a clock.
_FIRST, _LAST = 788_918_400, 1_893_456_000
_FEWEST = 5
#: Of each feed, what it published in the last year before its newest post.
_SPAN = 365 * DAY


def replays() -> list[Timeline]:
    """The feeds, each from its first post to its last and one mean gap more.

    It is a year at most before the last, and two days after it.
    """
    timelines = []
    for number, line in enumerate(TIMES.read_text(encoding="ascii").splitlines()):
        times = list(accumulate(int(part) for part in line.split()))
        start = max(times[0], times[-1] - _SPAN)
        gap = (times[-1] - times[0]) // (len(times) - 1)
        history = [time for time in times if time <= start]
        posts = [time for time in times if time > start]
        timelines.append(Timeline(f"feed-{number}", history, posts, start, times[-1] + min(gap, 2 * DAY)))
    return timelines


def extract(folder: Path) -> list[list[int]]:
    """The times of the posts of captured feeds, in order.

    Left out are feeds with fewer than five and those where half of the posts or more have the same time of day: they
    name the day alone, so that nobody knows when they came.
    """
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix in (".tsv", ".json"):
            continue
        entries = feedparser.parse(path.read_bytes()).entries
        dates = [entry.get("published_parsed") or entry.get("updated_parsed") for entry in entries]
        times = sorted({timegm(date) for date in dates if date})
        times = [time for time in times if _FIRST < time < _LAST]
        if len(times) < _FEWEST:
            continue
        same = Counter(time % DAY for time in times).most_common(1)[0][1]
        if same * 2 <= len(times):
            found.append(times)
    return found


if __name__ == "__main__":
    lines = (
        " ".join(map(str, (times[0], *(two - one for one, two in pairwise(times)))))
        for times in extract(Path(sys.argv[1]))
    )
    TIMES.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
