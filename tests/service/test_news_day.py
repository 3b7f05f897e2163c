"""A day of cron over a misbehaving origin: `update --quiet` says something only when something changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from aggregator.cli import update
from tests import ROOT
from tests.origin import Origin, Response, Route, Seen
from tests.support import Site, item, rss

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
CRON = ROOT / "docs" / "cron.md"
BEGIN, END = "<!-- a day of mails, made by a test: -->\n", "<!-- end of the mails -->\n"

GOOD = rss([item(1)])
PAGE = Response(b"<!doctype html><html><body><p>Welcome</p></body></html>", headers={"Content-Type": "text/html"})
DROPPED = Response(raw=lambda handler: None)

#: What a source answers instead of its feed, by the hours since midnight and the number of this request.
At = Callable[[int, int], Response | None]


class Day:
    """The virtual clock, and sources with their misfortunes.

    All sources are asked through the origin as their proxy, so that each has a host of its own.
    """

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.now = START
        self.sources: list[dict[str, str]] = []

    @property
    def hours(self) -> int:
        return (self.now - START) // HOUR

    def add(self, name: str, many: int, at: At) -> None:
        """Add sources that answer in this way."""
        for number in range(1, many + 1):
            id = f"{name}-{number}"
            url = f"http://{id}.example/feed"
            self.origin.route(url, GOOD, conditional=True)
            self.sources.append({"id": id, "feed": url, "interval": "2h"})
            self.origin.handle(url, self._answer(at, self.origin.routes[url]))

    def _answer(self, at: At, fine: Route) -> Callable[[Seen], Response]:
        requests = count(1)

        def answer(seen: Seen) -> Response:
            route = at(self.hours, next(requests)) or fine
            return route(seen) if callable(route) else route

        return answer


def _between(first: int, last: int, answer: Response) -> At:
    return lambda hours, number: answer if first <= hours < last else None


def _sinking(hours: int, number: int) -> Response | None:
    """Down at first, and then something else in its place."""
    return None if hours < 11 else Response(b"", 503) if hours < 15 else PAGE


@pytest.fixture
def day(site: Site, origin: Origin) -> Day:
    """158 good sources and 42 bad ones."""
    made = Day(origin)
    made.add("steady", 158, lambda hours, number: None)
    made.add("lost", 6, _between(0, 24, Response(b"", 404)))
    made.add("parked", 4, _between(0, 24, PAGE))
    made.add("retired", 2, _between(0, 24, Response(b"", 410)))
    made.add("shaky", 4, lambda hours, number: Response(b"", 503) if number % 2 else None)
    made.add("hosted", 12, _between(2, 5, Response(b"", 503)))
    made.add("dropping", 7, _between(8, 10, DROPPED))
    made.add("sinking", 7, _sinking)
    site.configure(*made.sources, fetch={"proxy": origin.url})
    return made


@pytest.fixture
def mails(site: Site, day: Day, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What each run of a day said that said anything, by the time of day."""
    monkeypatch.setattr(update, "utc_now", lambda: day.now)
    found = {}
    while day.hours < 24:
        done = site.run("update", "--quiet")
        assert done.status in (0, 1), done.stderr
        if done.stdout or done.stderr:
            found[f"{day.now:%H:%M}"] = done.stdout + done.stderr
        day.now += HOUR
    return found


@pytest.mark.slow
def test_a_day_of_cron(mails: dict[str, str], site: Site) -> None:
    lines = [line for mail in mails.values() for line in mail.splitlines()]
    for id in site.status():
        fails = sum(line.startswith((f"{id} fails: ", f"{id} is gone")) for line in lines)
        worse = sum(line.startswith(f"{id} fails in another way: ") for line in lines)
        heals = sum(line.startswith(f"{id} works again") for line in lines)
        assert (fails, worse, heals) == {
            "steady": (0, 0, 0),
            "lost": (1, 0, 0),
            "parked": (1, 0, 0),
            "retired": (1, 0, 0),
            "hosted": (1, 0, 1),
            "dropping": (1, 0, 1),
            "sinking": (1, 1, 0),
            "shaky": (1, 0, 1),
        }[id.partition("-")[0]], id
    assert sum(line.endswith(" now") for line in lines) == len(mails)
    _stand_in_the_manual(mails)


def _stand_in_the_manual(mails: dict[str, str]) -> None:
    """Compare them with the manual, or write them there where `AGGREGATOR_GOLDEN=write` asks for it."""
    text = "".join(f"```text\n{time}\n\n{mail}```\n\n" for time, mail in mails.items())
    document = CRON.read_text(encoding="utf-8")
    head, _, rest = document.partition(BEGIN)
    _, _, tail = rest.partition(END)
    made = f"{head}{BEGIN}\n{text}{END}{tail}"
    if os.environ.get("AGGREGATOR_GOLDEN") == "write":
        CRON.write_text(made, encoding="utf-8")
    assert made == document
