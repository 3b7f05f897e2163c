"""Who may use a PostgreSQL database: one process alone, or several that share it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from aggregator.errors import ConnectionLost, LockedError
from aggregator.store.exclusive import hold_database
from tests.postgres import new_database

ME = f"process {os.getpid()} on {socket.gethostname()}"


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    with new_database() as made:
        yield made


def end_holder(uri: str) -> None:
    """End the session that holds the database, as a server does that restarts."""
    with psycopg.connect(uri) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(l.pid, 5000) FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid "
            "WHERE l.locktype = 'advisory' AND a.datname = current_database()"
        ).fetchall()
    assert ended == [(True,)]


def refused(uri: str, said: str, *, shared: bool = False) -> None:
    with pytest.raises(LockedError, match=said), hold_database(uri, shared=shared):
        pass


def test_one_process_alone(uri: str) -> None:
    with hold_database(uri), pytest.raises(LockedError) as caught, hold_database(uri):
        pass
    assert caught.value.holder == ME
    assert str(caught.value).endswith(f" is in use by {ME}; wait until it has finished, or stop it")
    with hold_database(uri):
        pass


def test_several_that_share_it(uri: str) -> None:
    with hold_database(uri, shared=True), hold_database(uri, shared=True):
        refused(uri, rf"by 2 workers \({ME}, {ME}\); stop them first")
    with hold_database(uri, shared=True):
        refused(uri, rf"by 1 worker \({ME}\); stop it")
    with hold_database(uri):
        refused(uri, rf"in use by {ME}; wait", shared=True)


def test_databases_of_one_server_do_not_count(uri: str) -> None:
    with new_database() as other, hold_database(uri), hold_database(other) as held:
        held.renew()


def test_a_holder_that_ends_lets_the_one_go_on_who_waits(uri: str) -> None:
    told: list[LockedError] = []

    def end(error: LockedError) -> None:
        told.append(error)
        end_holder(uri)

    with hold_database(uri), hold_database(uri, on_wait=end):
        assert [error.holder for error in told] == [ME]


def test_a_use_that_was_lost_is_taken_again_unless_another_has_it(uri: str) -> None:
    with hold_database(uri) as held:
        held.renew()
        end_holder(uri)
        held.renew()
        refused(uri, ME)
        end_holder(uri)
        with hold_database(uri):
            for _ in range(2):
                with pytest.raises(LockedError, match=f"in use by {ME}"):
                    held.renew()
        held.renew()


def test_a_file_is_held_with_its_folder(tmp_path: Path) -> None:
    with hold_database(tmp_path / "x.db") as held, hold_database(tmp_path / "x.db"):
        held.renew()
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there() -> None:
    said = r"^postgresql://127\.0\.0\.1:1/x: .*; check its address, and that the server runs$"
    with pytest.raises(ConnectionLost, match=said), hold_database("postgresql://me:tiger-lily@127.0.0.1:1/x"):
        pass
