"""Workers as processes of their own, on one database and one origin of many hosts."""

from __future__ import annotations

import signal
import socket
import threading
from pathlib import Path

import pytest

from aggregator.cli.process import BROKEN
from tests.cluster_worker import AllNames
from tests.clusters import ITEMS, ask, settled, sources, worker
from tests.daemons import PATIENCE, wait_until
from tests.origin import Origin, Response, Seen
from tests.postgres import new_database
from tests.support import Site, item, rss

FEW = 24


def posts(site: Site) -> int:
    """How many posts there are."""
    return sum(1 for _ in (site.data / "posts").rglob("*.md"))


def test_two_workers_publish_what_one_process_does(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, together = Site(tmp_path / "alone"), Site(tmp_path / "together")
    made = sources(origin, FEW, hosts=8)
    # Two with one address, a paused one, and one that fails.
    made += [
        {**made[0], "id": "again", "category": "other"},
        {"id": "paused", "feed": "http://p.example/feed0", "paused": True},
    ]
    made += [{"id": "gone", "feed": "http://www.host1.example/nowhere"}]
    for site in (alone, together):
        site.folder.mkdir()
        # Elsewhere, so that it does not matter which of the two comes first.
        site.configure(*made, categories={"news": "News", "other": "Other"})
    monkeypatch.setattr("aggregator.fetch.transport._SystemResolver", lambda threads: AllNames(origin.port))
    assert alone.run("update").status == 1
    origin.requests.clear()
    with (
        new_database() as uri,
        worker(together, origin, uri, "publish", name="one") as one,
        worker(together, origin, uri, name="two") as two,
    ):
        for running in (one, two):
            running.wait_for("working, with configuration")
        wait_until(lambda: posts(together) == posts(alone) and settled(uri), "publication")
        shares = dict(ask(uri, "SELECT publishes, sources FROM cluster_workers"))
        assert [running.end() for running in (one, two)] == [0, 0]
        assert ask(uri, "SELECT count(*) FROM cluster_workers") == [(0,)]
    seen = [request.path for request in origin.pages()]
    assert sorted(seen) == sorted({source["feed"].partition(".example")[2] for source in made})
    assert sum(shares.values()) == FEW + 2
    assert together.posts() == alone.posts()
    assert together.public() == alone.public()


def test_the_jobs_of_a_killed_worker_are_taken_over(site: Site, origin: Origin) -> None:
    begun, hang = threading.Event(), threading.Event()

    def slow(seen: Seen) -> Response:
        begun.set()
        hang.wait(PATIENCE)
        return Response(rss([item(900)]).encode())

    made = sources(origin, 4, hosts=4)
    origin.handle("/slow", slow)
    site.configure(*made, {"id": "slow", "feed": "http://slow.example/slow"})
    with new_database() as uri:
        with worker(site, origin, uri, "publish", name="one") as one:
            assert begun.wait(PATIENCE)
            wait_until(lambda: posts(site) == 4 * ITEMS, "publication")
            one.end(signal.SIGKILL)
            hang.set()
        with worker(site, origin, uri, "publish", name="two") as two:
            two.wait_for("took over")
            wait_until(lambda: posts(site) == 4 * ITEMS + 1 and settled(uri), "publication")
            assert two.end() == 0
        assert ask(uri, "SELECT count(*), count(DISTINCT public_id) FROM entries") == [(4 * ITEMS + 1,) * 2]
    assert len(origin.asked("/slow")) == 2
    assert [len(origin.asked(f"/feed{number}")) for number in range(4)] == [1] * 4


def test_a_worker_ends_although_its_database_does_not_answer(site: Site, origin: Origin) -> None:
    site.configure(*sources(origin, 1, hosts=1))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"postgresql://u:hidden@127.0.0.1:{silent.getsockname()[1]}/d"
        with worker(site, origin, uri, "publish") as one:
            one.wait_for("this worker has")
            assert one.end() == BROKEN
        assert one.said("others take over")
        assert "hidden" not in one.log.read_text()
