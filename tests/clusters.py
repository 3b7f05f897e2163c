"""Clusters of real workers on a database and an origin of their own: what their tests share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.daemons import Running
from tests.origin import Origin
from tests.support import Site, item, rss

#: Items of a source.
ITEMS = 3


def host(number: int) -> str:
    """The name of a host."""
    return f"www.host{number}.example"


def sources(origin: Origin, count: int, hosts: int) -> list[dict[str, Any]]:
    """Sources on hosts of the origin, each with items of its own."""
    made = []
    for number in range(count):
        items = [item(number * ITEMS + one) for one in range(ITEMS)]
        origin.route(f"/feed{number}", rss(items, title=f"Feed {number}"), conditional=True)
        made.append({"id": f"s{number:03d}", "feed": f"http://{host(number % hosts)}/feed{number}"})
    return made


@contextmanager
def worker(site: Site, origin: Origin, uri: str, *more: str, name: str = "worker") -> Iterator[Running]:
    """A worker on this site, killed at the end where it still runs.

    Args:
        more: `publish`, if it does.
        name: of its log.
    """
    log = site.folder / f"{name}.log"
    with log.open("wb") as sink:
        arguments = (str(origin.port), uri, str(site.config), str(site.data), *more)
        process = subprocess.Popen([sys.executable, "-m", "tests.cluster_worker", *arguments], stdout=sink, stderr=sink)
    try:
        yield Running(process, log)
    finally:
        process.kill()
        process.wait()


def ask(uri: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask the database itself."""
    with psycopg.connect(uri, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


def settled(uri: str) -> bool:
    """Whether all sources were asked, and all that is stored is published."""
    statement = """
        SELECT (SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'sources')
            + (SELECT count(*) FROM sources WHERE next_due_at IS NULL AND id <> 'paused')
            + (SELECT count(*) FROM entries WHERE pending)
            + (SELECT count(*) FROM fingerprints WHERE starts_with(name, 'feeds/') AND value = '')
    """
    return ask(uri, statement) == [(0,)]
