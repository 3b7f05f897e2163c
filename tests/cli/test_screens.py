"""What people see on terminals of three widths, with few and with many sources, as it was last agreed on.

`AGGREGATOR_GOLDEN=write` writes them anew; look at the difference before it is committed.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import struct
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import pytest

from aggregator.cli import app, etiquette, status, update
from aggregator.cli.console import cell_width
from aggregator.config import load
from aggregator.models import FailureKind, FeedState, FeedUpdate, HostTraffic
from aggregator.store import open_store
from tests import DATA
from tests.origin import Origin
from tests.store_samples import HOUR, NOW, entry
from tests.support import Site, item, rss

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pseudo terminal is needed")

SCREENS = DATA / "screens"
WIDTHS = (80, 120, 200)
SIZES = (7, 300)
DAY = timedelta(days=1)


def screen(site: Site, width: int, *arguments: str) -> str:
    """What a command shows on a terminal of this width, without colours."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    parts: list[bytes] = []
    reader = threading.Thread(target=lambda: parts.extend(iter(lambda: _read(ours), b"")))
    reader.start()
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("COLUMNS", raising=False)
        patched.setenv("NO_COLOR", "1")
        patched.chdir(site.folder)
        with open(theirs, "w", encoding="utf-8") as terminal:  # noqa: PTH123 (a descriptor)
            patched.setattr(sys, "stdout", terminal)
            patched.setattr(sys, "__stdout__", terminal)
            with pytest.raises(SystemExit):
                app(arguments)
    reader.join()
    os.close(ours)
    return b"".join(parts).decode("utf-8").replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        # Nobody has the other end open any more.
        return b""


def agreed(name: str, shown: str) -> None:
    """Compare a screen with the one that is kept."""
    path = SCREENS / f"{name}.txt"
    if os.environ.get("AGGREGATOR_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


#: State by state, what the sources of the screens are like; they take turns.
KINDS: tuple[Callable[[FeedState], FeedState], ...] = (
    lambda state: replace(state, etag='"5f3a"', whole_at=NOW - 9 * HOUR, identity="link 0 0 -"),
    lambda state: state,
    lambda state: _failed(
        state,
        "http_status",
        "the server answered 404 Not Found; check whether its address has changed (https://lost.example/feed)",
        3,
    ),
    lambda state: replace(state, notes=("its dates are in the future", "2 entries have no address")),
    lambda state: replace(state, moved_to="https://new.example/feed.xml", moved_since=NOW - 9 * DAY),
    lambda state: replace(
        _failed(state, "http_status", "the server answered 410 Gone; look for its new address, or do without it", 3),
        gone_days=3,
    ),
    lambda state: FeedState(state.source_id),
)


def _failed(state: FeedState, kind: FailureKind, error: str, failures: int) -> FeedState:
    return replace(state, failures=failures, failure_kind=kind, error=error, last_success_at=NOW - 2 * DAY)


def fill(site: Site, size: int) -> None:
    """Configure and store so many sources."""
    names = [
        "blog",
        "a-journal-of-rather-long-names",
        "news",
        "the-weekly-letter-of-a-small-town",
        "wiki",
        "shop",
        "fresh",
    ]
    sources = [f"{names[number % 7]}-{number + 1}" for number in range(size)]
    listed = "".join(f"  - id: {id}\n    feed: https://{id}.example/feed\n" for id in sources)
    site.config.write_text(f"site: {{title: T, url: https://feeds.example.org/}}\nsources:\n{listed}", encoding="utf-8")
    site.data.mkdir()
    traffic = []
    with closing(open_store(site.data / "aggregator.db")) as store:
        store.sync_sources(load(site.config, {}).sources)
        for number, id in enumerate(sources):
            due = NOW + HOUR + timedelta(minutes=number)
            state = FeedState(
                id,
                title=f"Title of {id}",
                last_attempt_at=NOW - HOUR,
                last_success_at=NOW - HOUR,
                next_due_at=due,
                due_why="every 1h",
            )
            new = [
                entry(id, f"k{n}", published_at=NOW - n * DAY, updated_at=NOW)
                for n in range(0 if number % 7 == 6 else number % 7 * 3)
            ]
            store.apply(FeedUpdate(KINDS[number % 7](state), new=tuple(new)))
            traffic.append(HostTraffic(f"{id}.example", 24 + number, 3, 20, 30_000, 120_000, number % 2))
        store.record_traffic(NOW, traffic, {f"{sources[2]}.example": NOW + 5 * HOUR})


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clock stands still."""
    for module in (update, status, etiquette):
        monkeypatch.setattr(module, "utc_now", lambda: NOW)
    yield


@pytest.mark.parametrize("size", SIZES)
def test_screens_of_what_is_stored(site: Site, still: None, size: int) -> None:
    fill(site, size)
    commands = {
        "status": ["status"],
        "status-failing": ["status", "--failing"],
        "status-id": ["status", "news-3"],
        "etiquette": ["etiquette"],
        "fix": ["fix"],
    }
    for name, arguments in commands.items():
        for width in WIDTHS:
            shown = screen(site, width, *arguments)
            if name != "fix":
                assert max(map(cell_width, shown.splitlines())) <= width, "a line goes beyond the edge"
            agreed(f"{name}-{size}-{width}", shown)


@pytest.mark.parametrize("size", SIZES)
def test_screens_of_an_update(site: Site, origin: Origin, still: None, size: int) -> None:
    kinds = ("good", "lost", "a-page-with-a-rather-long-name-in-the-configuration")
    sources = []
    for number in range(size):
        kind = kinds[number % 4 % 3]
        url = origin.url + f"/{kind}/{number}"
        if kind == "good":
            origin.route(f"/{kind}/{number}", rss([item(n) for n in range(number % 5)], title=f"Feed {number}"))
        elif kind != "lost":
            origin.route(f"/{kind}/{number}", "<!doctype html><p>Welcome</p>", content_type="text/html")
        sources.append({"id": f"{kind}-{number + 1}", "feed": url})
    for width in WIDTHS:
        site.configure(*sources, fetch={"allow_private_addresses": ["127.0.0.0/8"]})
        shutil.rmtree(site.data, ignore_errors=True)
        shown = screen(site, width, "update", "--all")
        # Time and ports are other ones each time; the width of a port is the same.
        shown = re.sub(r"(?<=127\.0\.0\.1:)\d{5}", "54321", shown)
        shown = re.sub(r"(?m)(?<= ) *\d+\.\d(?=  |$)", lambda found: "0.0".rjust(len(found[0])), shown)
        beyond = [line for line in shown.splitlines() if cell_width(line) > width]
        assert all("://" in line for line in beyond), "only an address may go beyond the edge"
        agreed(f"update-{size}-{width}", shown)


def test_pipe_has_one_line_for_each_source_and_all_of_it(site: Site, still: None) -> None:
    fill(site, 300)
    lines = site.run("status").stdout.splitlines()
    assert len(lines) == 301
    assert [line.split()[0] for line in lines[1:]] == list(site.status())
    assert "…" not in "".join(lines)
    assert "404 Not Found; check whether its address has changed (https://lost.example/feed)" in lines[3]
    assert "its dates are in the future; 2 entries have no address" in lines[4]


def test_colours_are_for_terminals(site: Site, still: None, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(site, 7)
    assert "\x1b" not in site.run("status").stdout


def test_no_source_is_failing(site: Site, still: None) -> None:
    site.configure({"id": "one", "feed": "https://one.example/"})
    assert site.run("status", "--failing").stdout == "no source is failing\n"
    assert site.run("status", "--failing", "--json").stdout == "[]\n"
    site.configure()
    assert site.run("status").stdout == site.run("status", "--failing").stdout
    assert "names no sources" in site.run("status").stdout


def test_everything_of_one_source(site: Site, still: None) -> None:
    fill(site, 7)
    lines = site.run("status", "a-journal-of-rather-long-names-2").stdout.splitlines()
    told = [line.split(maxsplit=1) for line in lines]
    assert ["state", "ok"] in told
    assert [line for line in lines if line.startswith("newest")] == [
        "newest         2024-05-06T07:08:09Z Title k0",
        "newest         2024-05-05T07:08:09Z Title k1",
        "newest         2024-05-04T07:08:09Z Title k2",
    ]
    moved = site.run("status", "wiki-5").stdout
    assert "moved to       https://new.example/feed.xml, since 2024-04-27T07:08:09Z" in moved
    assert moved.count("newest") == 5
    assert 'etag           "5f3a"' in site.run("status", "blog-1").stdout


def test_address_of_one_source_is_shown_without_its_password(site: Site, still: None) -> None:
    site.configure({"id": "one", "feed": "https://me:hidden-word@one.example/"})
    for arguments in ([], ["--json"]):
        done = site.run("status", "one", *arguments)
        assert done.status == 0
        assert "one.example/" in done.stdout
        assert "hidden-word" not in done.stdout


def test_source_that_is_not_there(site: Site, still: None) -> None:
    site.configure({"id": "heise", "feed": "https://one.example/"})
    done = site.run("status", "heisse")
    assert (done.status, done.stdout) == (2, "")
    assert "heisse: there is no such source; did you mean 'heise'?" in done.stderr


def test_one_source_for_programs(site: Site, still: None) -> None:
    fill(site, 7)
    found = json.loads(site.run("status", "wiki-5", "--json").stdout)
    assert site.status()["wiki-5"].items() <= found.items()
    assert (found["moved_to"], found["newest"][0]["title"]) == ("https://new.example/feed.xml", "Title k0")
    assert date.fromisoformat(found["newest"][0]["published_at"][:10]) == NOW.date()
