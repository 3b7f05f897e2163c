"""`worker` and `cluster`: what they say without a database, without workers, and with some."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from aggregator.cli import cluster as commands
from aggregator.cluster.connections import open_pool
from aggregator.cluster.tables import make_tables
from aggregator.place import VARIABLE
from aggregator.store import open_store
from tests.clusters import ask
from tests.postgres import new_database
from tests.support import Site

WORKER = (
    "INSERT INTO cluster_workers (host, pid, version, config, state, publishes, places, since, seen_at, sources)"
    " VALUES (%s, %s, '1.0', %s, %s, %s, 32, '2026-05-04 12:00:00Z', now() - make_interval(secs => %s), 90)"
)


@pytest.fixture
def uri(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with new_database() as made:
        monkeypatch.setenv(VARIABLE, made)
        yield made


async def _make_tables(uri: str) -> None:
    async with open_pool(uri) as pool:
        await make_tables(pool)


@pytest.mark.parametrize("arguments", [("worker",), ("cluster",), ("cluster", "adopt")])
def test_workers_need_a_server(site: Site, arguments: tuple[str, ...]) -> None:
    site.configure()
    done = site.run(*arguments)
    assert (done.status, VARIABLE in done.stderr) == (2, True)


def test_workers_need_the_extra(site: Site, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    site.configure()
    monkeypatch.setattr(commands, "find_spec", lambda name: None)
    done = site.run("worker")
    assert (done.status, "[postgres]" in done.stderr) == (2, True)


def test_a_cluster_without_workers(site: Site, uri: str) -> None:
    site.configure()
    assert "no worker has used this database yet" in site.run("cluster").stdout
    assert site.run("cluster", "--json").stdout == "null\n"


def test_a_cluster_shows_its_workers(site: Site, uri: str) -> None:
    site.configure({"id": "one", "feed": "https://a.example/"}, {"id": "two", "feed": "https://b.example/"})
    assert "is in force now" in site.run("cluster", "adopt").stdout
    assert "is in force already" in site.run("cluster", "adopt").stdout
    shown = json.loads(site.run("cluster", "--json").stdout)
    assert (shown["sources"], shown["never_asked"], shown["due"], shown["workers"]) == (2, 2, 0, [])
    ask(uri, WORKER, "alpha", 1, shown["config"], "working", True, 2)
    ask(uri, WORKER, "beta", 2, "other", "waiting for its configuration to be adopted", False, 1)
    ask(uri, WORKER, "gamma", 3, shown["config"], "working", False, 500)
    ask(uri, "UPDATE sources SET next_due_at = extract(epoch FROM now())::bigint - 90 WHERE id = 'two'")
    shown = json.loads(site.run("cluster", "--json").stdout)
    assert [(one["host"], one["dead"]) for one in shown["workers"]] == [
        ("alpha", False),
        ("beta", False),
        ("gamma", True),
    ]
    assert (shown["due"], shown["never_asked"], 90 <= shown["lag_seconds"] < 150) == (1, 1, True)
    screen = site.run("cluster").stdout
    for text in ("alpha:1", "dead", "2 sources: 1 due", "1 never asked", "nothing is published yet"):
        assert text in screen
    assert "no worker publishes" not in screen
    assert "beta, process 2 has another file" in site.run("cluster", "adopt").stdout


def test_a_changed_file_is_another_configuration(site: Site, uri: str) -> None:
    site.configure({"id": "one", "feed": "https://a.example/"})
    site.run("cluster", "adopt")
    site.configure({"id": "two", "feed": "https://b.example/"})
    assert "here is another one" in site.run("cluster").stdout
    assert "in place of" in site.run("cluster", "adopt").stdout
    assert ask(uri, "SELECT id FROM sources WHERE active") == [("two",)]


def test_a_cycle_of_one_process_puts_its_configuration_in_force(site: Site, uri: str) -> None:
    site.configure()
    open_store(uri).close()
    asyncio.run(_make_tables(uri))
    assert site.run("update").status == 0
    shown = json.loads(site.run("cluster", "--json").stdout)
    assert shown["config"] is not None
    assert "here is another one" not in site.run("cluster").stdout
