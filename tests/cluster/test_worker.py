"""A worker in this process: what ends it, what it waits for, and what it tells people."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.cluster.adoption import adopt
from aggregator.cluster.inforce import digest_of
from aggregator.cluster.queue import POSTS
from aggregator.cluster.worker import Superseded, Worker
from aggregator.config import load
from aggregator.errors import ConfigError
from aggregator.store import open_store
from tests.cluster_worker import TIMES, make
from tests.clusters import ITEMS, ask, sources
from tests.daemons import PATIENCE
from tests.origin import Origin, Response, Seen
from tests.postgres import new_database
from tests.support import Site


@pytest.fixture
def uri() -> Iterator[str]:
    with new_database() as made:
        yield made


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that runs, and is stopped at the end."""
    task = asyncio.create_task(worker.run())
    try:
        yield task
    finally:
        worker.stop()
        await asyncio.wait([task])


async def until(condition: Callable[[], object], what: str = "it") -> None:
    """Wait for a condition that will come true."""
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - what it looks at tells nobody
            await asyncio.sleep(0.02)


def worker_of(site: Site, origin: Origin, uri: str, **more: Any) -> Worker:
    return make(origin.port, uri, site.config, site.data, **more)


def all_asked(uri: str) -> bool:
    """Whether every source was asked."""
    there = ask(uri, "SELECT to_regclass('sources') IS NOT NULL")[0][0]
    return bool(there) and ask(uri, "SELECT bool_and(next_due_at IS NOT NULL) FROM sources") == [(True,)]


async def test_newer_tables_end_a_worker(site: Site, origin: Origin, uri: str) -> None:
    site.configure(*sources(origin, 1, hosts=1))
    async with running(worker_of(site, origin, uri)) as task:
        await until(lambda: all_asked(uri))
        ask(uri, "UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(Superseded, match="revision 9999"):
            await asyncio.wait_for(task, PATIENCE)


@pytest.mark.parametrize("moment", ["at once", "this worker has", "working, with configuration"])
async def test_a_worker_can_be_stopped_at_any_moment(
    site: Site, origin: Origin, uri: str, caplog: pytest.LogCaptureFixture, moment: str
) -> None:
    caplog.set_level(logging.INFO, "aggregator")
    site.configure(*sources(origin, 1, hosts=1))
    worker = worker_of(site, origin, uri, publish=True)
    async with running(worker) as task:
        await until(lambda: moment == "at once" or moment in caplog.text)
        worker.stop()
        await asyncio.wait_for(task, PATIENCE)


async def test_a_worker_older_than_the_tables_does_not_begin(site: Site, origin: Origin, uri: str) -> None:
    site.configure(*sources(origin, 1, hosts=1))
    open_store(uri).close()
    ask(uri, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Superseded, match=r"revision 9999.*install the newer version"):
        await asyncio.wait_for(worker_of(site, origin, uri).run(), PATIENCE)


async def test_a_job_that_does_not_end_in_time_leaves_its_source_due(site: Site, origin: Origin, uri: str) -> None:
    begun, hang = threading.Event(), threading.Event()

    def slow(seen: Seen) -> Response:
        begun.set()
        hang.wait(PATIENCE)
        return Response(b"")

    origin.handle("/slow", slow)
    site.configure({"id": "slow", "feed": "http://slow.example/slow"})
    worker = worker_of(site, origin, uri, grace=timedelta(seconds=0.2))
    async with running(worker):
        await asyncio.to_thread(begun.wait, PATIENCE)
    hang.set()
    assert ask(uri, "SELECT next_due_at FROM sources") == [(None,)]
    assert ask(uri, "SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'sources'") == [(0,)]


async def test_a_hook_is_called_once_for_a_source_that_fails_and_works_again(
    site: Site, origin: Origin, uri: str
) -> None:
    called = site.folder / "called"
    program = f"import os; open({str(called)!r}, 'a').write(os.environ['AGGREGATOR_STATE'] + ' ')"
    command = [sys.executable, "-c", program]
    site.configure(
        {"id": "one", "feed": "http://one.example/feed"},
        hooks={"after": 2, "on_problem": command, "on_recovery": command},
    )

    def again() -> None:
        ask(uri, "UPDATE sources SET next_due_at = 1")

    def failures(count: int) -> bool:
        return ask(uri, "SELECT failures FROM sources") == [(count,)]

    async with running(worker_of(site, origin, uri)), running(worker_of(site, origin, uri)):
        await until(lambda: all_asked(uri))
        for count in (2, 3):
            again()
            await until(lambda count=count: failures(count))  # type: ignore[misc]
        await until(called.exists)
        sources(origin, 1, hosts=1)
        origin.routes["/feed"] = origin.routes["/feed0"]
        again()
        await until(lambda: called.read_text() == "problem recovery ")
    assert called.read_text() == "problem recovery "


async def test_the_command_for_changed_files_gets_all_of_them(site: Site, origin: Origin, uri: str) -> None:
    got = site.folder / "got"
    program = f"import sys; open({str(got)!r}, 'a').write(sys.stdin.read() + chr(10))"
    site.configure(*sources(origin, 1, hosts=1), after_publish=[sys.executable, "-c", program])

    def written() -> set[str]:
        if not got.exists():
            return set()
        return {name for line in got.read_text().splitlines() for name in json.loads(line)["written"]}

    async with running(worker_of(site, origin, uri, publish=True)):
        await until(written)


async def test_quiet_workers_log_news_only(
    site: Site, origin: Origin, uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    site.configure({"id": "one", "feed": "http://one.example/nowhere"})
    caplog.set_level(logging.INFO, "aggregator")

    def news() -> list[str]:
        found = (getattr(record, "fields", {}) for record in caplog.records)
        return [str(fields.get("source")) for fields in found if fields.get("action") == "news"]

    async with running(worker_of(site, origin, uri, quiet=True)):
        await until(lambda: "one" in news())


async def test_a_worker_without_sources_publishes(site: Site, origin: Origin, uri: str) -> None:
    site.configure()
    async with running(worker_of(site, origin, uri, publish=True)):
        await until((site.data / "public" / "opml.xml").exists)


async def test_a_clock_that_is_wrong_does_not_count(
    site: Site, origin: Origin, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.configure(*sources(origin, 1, hosts=1))
    import time

    real = time.time
    monkeypatch.setattr("aggregator.cluster.database.time.time", lambda: real() + 7200)
    async with running(worker_of(site, origin, uri)):
        await until(lambda: all_asked(uri))
    ((ahead,),) = ask(uri, "SELECT last_success_at - extract(epoch FROM clock_timestamp()) FROM sources")
    assert abs(ahead) < PATIENCE


async def test_a_folder_that_is_not_published_to_is_refused(
    site: Site, tmp_path: Path, origin: Origin, uri: str
) -> None:
    site.configure(*sources(origin, 1, hosts=1))
    async with running(worker_of(site, origin, uri, publish=True)):
        await until(lambda: len(site.posts()) == ITEMS)
    other = make(origin.port, uri, site.config, tmp_path / "other", publish=True)
    with pytest.raises(ConfigError, match="is not the folder that is published to"):
        await asyncio.wait_for(other.run(), PATIENCE)


async def test_a_publisher_waits_for_one_that_stands_still(
    site: Site, origin: Origin, uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "aggregator")
    site.configure(*sources(origin, 1, hosts=1))
    with closing(open_store(uri)) as frozen, frozen.sole(POSTS) as sole:
        assert sole
        async with running(worker_of(site, origin, uri, publish=True)):
            await until(lambda: "another worker publishes" in caplog.text)
    assert site.posts() == {}
    assert caplog.text.count("another worker publishes") == 1
    async with running(worker_of(site, origin, uri, publish=True)):
        await until(lambda: len(site.posts()) == ITEMS)


async def test_a_folder_that_is_not_published_to_any_more_is_left_alone(
    site: Site, tmp_path: Path, origin: Origin, uri: str
) -> None:
    site.configure(*sources(origin, 1, hosts=1))
    async with running(worker_of(site, origin, uri, publish=True)) as task:
        await until(lambda: len(site.posts()) == ITEMS)
        await adopt(uri, load(site.config, {}), tmp_path / "other")
        with pytest.raises(ConfigError, match="is not the folder that is published to"):
            await asyncio.wait_for(asyncio.shield(task), PATIENCE)


async def test_a_worker_that_stood_still_begins_again(
    site: Site, origin: Origin, uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    site.configure(*sources(origin, 1, hosts=1))
    async with running(make(origin.port, uri, site.config, site.data, times=replace(TIMES, least_pause=0.05))):
        await until(lambda: all_asked(uri))
        # The others take it for dead.
        ask(uri, "UPDATE cluster_workers SET seen_at = seen_at - interval '1 hour'")
        await until(lambda: "this process stood still" in caplog.text)
        ask(uri, "UPDATE sources SET next_due_at = 1")
        await until(lambda: len(origin.asked("/feed0")) == 2)


async def test_a_worker_with_another_configuration_waits_until_it_is_adopted(
    site: Site,
    tmp_path: Path,
    origin: Origin,
    uri: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "aggregator")
    made = sources(origin, 2, hosts=2)
    site.configure(made[0])
    other = Site(tmp_path / "other")
    other.folder.mkdir()
    other.configure(*made)

    def states() -> list[tuple[Any, ...]]:
        return ask(uri, "SELECT state, count(*) FROM cluster_workers GROUP BY 1 ORDER BY 1")

    async with running(worker_of(site, origin, uri)):
        await until(lambda: all_asked(uri))
        async with running(worker_of(other, origin, uri)):
            await until(lambda: states() == [("waiting for its configuration to be adopted", 1), ("working", 1)])
            assert "is not the configuration in force" in caplog.text
            await adopt(uri, load(other.config, {}), None)
            await until(lambda: origin.asked("/feed1"), "the other source")
            await until(lambda: states() == [("waiting for its configuration to be adopted", 1), ("working", 1)])
            assert "another configuration is in force" in caplog.text
            # Its file becomes the one in force, and it goes on.
            site.config.write_bytes(other.config.read_bytes())
            await until(lambda: states() == [("working", 2)])


def test_the_file_with_the_address_of_the_database_is_no_part_of_the_configuration(site: Site, origin: Origin) -> None:
    address, token = site.folder / "address", site.folder / "token"
    reference = {"X-Token": f"${{file:{token}}}"}
    made = [{**one, "headers": reference} for one in sources(origin, 1, hosts=1)]
    site.configure(*made, database=f"${{file:{address}}}")

    def digest(password: str, secret: str) -> str:
        address.write_text(f"postgresql://u:{password}@db.example/feeds")
        token.write_text(secret)
        return digest_of(load(site.config, {}))

    assert digest("one", "a-long-token") == digest("other", "a-long-token") != digest("one", "another-token")
