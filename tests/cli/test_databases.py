"""Commands on a PostgreSQL database: what they use, whom they wait for, what they say, and what they never say."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import aggregator
from aggregator.cli import options
from aggregator.place import DATABASE, VARIABLE
from aggregator.store.exclusive import hold_database
from tests.daemons import PATIENCE, running, wait_until
from tests.origin import Origin
from tests.postgres import empty_database, new_database
from tests.support import Done, Site, command, item, rss

PASSWORD = "tiger-lily"  # noqa: S105 (it opens nothing)
#: Nothing listens there.
AWAY = f"postgresql://scott:{PASSWORD}@127.0.0.1:1/feeds"


@pytest.fixture
def uri() -> Iterator[str]:
    with empty_database() as made:
        yield made


@pytest.fixture
def served(site: Site, origin: Origin, uri: str) -> Site:
    """A site whose feeds.yaml names a PostgreSQL database by reference."""
    site.folder.joinpath("database").write_text(uri)
    return configured(site, origin, database="${file:database}")


def configured(site: Site, origin: Origin, **sections: str) -> Site:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1), item(2)]))}, **sections)
    return site


def fine(done: Done) -> str:
    assert done.status == 0, done
    return done.stdout


# -- which database ----------------------------------------------------------------------------------------------------


def test_feeds_yaml_names_it_for_every_command(served: Site) -> None:
    assert "new" in fine(served.run("status"))
    assert "nothing was stored or written" in fine(served.run("preview", "one", "--items", "0")).lower()
    assert "2 new entries" in fine(served.run("update"))
    assert served.status()["one"]["entries"] == 2
    assert fine(served.run("update")).startswith("No source is due.")
    for words in (["list"], ["show", "1"], ["explain", "1"], ["etiquette"], ["outputs"], ["review"], ["rules", "test"]):
        assert fine(served.run(*words))
    fine(served.run("review", "1", "--drop"))
    assert "1 new" not in fine(served.run("update", "--all", "--dry-run"))
    fine(served.run("publish"))
    assert len(served.posts()) == 1
    fine(served.run("reset", "one"))
    fine(served.run("remove", "one", "--purge", "--yes"))
    # No SQLite file, and no ticket: another process may change the database at any time.
    assert sorted(path.name for path in served.data.iterdir()) == [".heartbeat", ".lock", "posts", "public"]


def test_the_environment_comes_before_feeds_yaml(served: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_database() as other:
        monkeypatch.setenv(VARIABLE, other)
        fine(served.run("update"))
        monkeypatch.delenv(VARIABLE)
        assert served.status()["one"]["entries"] == 0


def test_a_ticket_of_a_file_is_no_ticket_of_a_database(
    site: Site, origin: Origin, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(site, origin)
    for _ in range(2):
        fine(site.run("update"))
    monkeypatch.setenv(VARIABLE, uri)
    assert "2 new entries" in fine(site.run("update"))


def test_the_demo_never_leaves_its_folder(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, AWAY)
    assert site.run_data("demo").status == 0
    assert (site.data / "demo" / DATABASE).is_file()


async def test_the_python_interface(served: Site, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = aggregator.load_config(served.config)
    assert config.database == uri
    summary = await aggregator.run_cycle(config, served.data)
    assert [result.new for result in summary.results] == [2]
    with aggregator.open_store(served.data, database=config.database) as store:
        assert store.entry_counts() == {"one": 2}
    with pytest.raises(aggregator.StoreError, match="run a cycle first"), aggregator.open_store(served.data):
        pass
    monkeypatch.setenv(VARIABLE, uri)
    with aggregator.open_store(served.data) as store:
        assert store.entry_counts() == {"one": 2}
    with hold_database(uri, shared=True), pytest.raises(aggregator.LockedError, match="1 worker"):
        await aggregator.run_cycle(config, served.data)
    wrong = pytest.raises(aggregator.ConfigError, match="database: `mysql:` is not supported")
    with wrong, aggregator.open_store(database="mysql://x"):
        pass


# -- who else uses it --------------------------------------------------------------------------------------------------


def test_commands_that_need_it_alone_are_locked_out(served: Site, uri: str) -> None:
    fine(served.run("update"))
    with hold_database(uri, shared=True), hold_database(uri, shared=True):
        for words in (["update"], ["publish"], ["run"], ["replay", "--apply"], ["remove", "one", "--purge", "--yes"]):
            done = served.run(*words)
            assert done.status == 3, done
            assert "is in use by 2 workers (process " in done.stderr
            assert "; stop them first" in done.stderr
        # Others change one thing in one transaction.
        for words in (["reset", "one"], ["review", "1", "--drop"], ["outputs"], ["status"]):
            fine(served.run(*words))
    with hold_database(uri):
        assert served.run("update", "--quiet") == Done(3, "", "")


def test_a_command_that_waits(served: Site, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    waits = threading.Event()

    def tell(text: str) -> None:
        told.append(text)
        waits.set()

    monkeypatch.setattr(options, "complain", tell)
    done: list[Done] = []
    waiting = threading.Thread(target=lambda: done.append(served.run("publish", "--wait")))
    with hold_database(uri):
        waiting.start()
        assert waits.wait(PATIENCE)
    waiting.join(PATIENCE)
    fine(done[0])
    (said,) = told
    assert " is in use by process " in said
    assert said.endswith("; waiting")


# -- what goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["update"], ["status"], ["preview", "one"], ["run"], ["add", "https://a.example/"]])
def test_a_server_that_is_away(site: Site, origin: Origin, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, AWAY)
    monkeypatch.setenv("AGGREGATOR_VERBOSE", "1")
    done = configured(site, origin).run(*words)
    assert done.status == 4, done
    assert "error: postgresql://127.0.0.1:1/feeds: " in done.stderr
    assert "; check its address, and that the server runs" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


def test_a_wrong_variable(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"mysql://scott:{PASSWORD}@127.0.0.1/feeds")
    configured(site, origin)
    for words in (["update"], ["update", "--quiet"], ["check"], ["status"]):
        done = site.run(*words)
        assert done.status == 2, done
        assert done.stderr.startswith(f"{VARIABLE}: `mysql:` is not supported; use PostgreSQL")
        assert PASSWORD not in done.stderr


def test_a_user_who_may_not(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_database() as uri, psycopg.connect(uri, autocommit=True) as connection:
        role = f"reader_{os.getpid()}"
        connection.execute(f"CREATE ROLE {role} LOGIN".encode())
        try:
            monkeypatch.setenv(VARIABLE, f"{uri}&user={role}")
            done = configured(site, origin).run("update")
            assert done.status == 4, done
            assert "permission denied for schema public: give this user the right to it" in done.stderr
            monkeypatch.setenv(VARIABLE, uri)
            fine(site.run("update"))
            # One who may read sees everything from anywhere.
            connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}".encode())
            monkeypatch.setenv(VARIABLE, f"{uri}&user={role}")
            assert site.status()["one"]["entries"] == 2
            fine(site.run("list"))
            assert "permission denied for table" in site.run("update", "--all").stderr
        finally:
            connection.execute(f"DROP OWNED BY {role}".encode())
            connection.execute(f"DROP ROLE {role}".encode())


def test_a_server_that_only_reads(served: Site, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fine(served.run("update"))
    monkeypatch.setenv(VARIABLE, f"{uri}&options=-c%20default_transaction_read_only%3Don")
    assert served.status()["one"]["entries"] == 2
    fine(served.run("preview", "one"))
    done = served.run("reset", "one")
    assert done.status == 4
    assert "it can only be read: name the primary server, or a user who may write" in done.stderr


def test_backup_and_vacuum_are_for_files(served: Site, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    served.data.mkdir()
    served.data.joinpath(DATABASE).write_bytes(b"an old one")
    calls = {
        "back it up with pg_dump": ["backup", str(served.folder / "copy")],
        "the server uses the space again by itself": ["vacuum"],
    }
    for advice, call in calls.items():
        for config in (served.config, served.folder / "none.yaml"):
            done = command(*call, "-d", str(served.data), "-c", str(config))
            assert done.status == 2, done
            assert f"and this is for SQLite; {advice}" in done.stderr
            monkeypatch.setenv(VARIABLE, uri)
        monkeypatch.delenv(VARIABLE)


def test_the_daemon_holds_it_and_survives_its_server(served: Site, origin: Origin, uri: str) -> None:
    with running(served) as daemon, psycopg.connect(uri, autocommit=True) as connection:
        wait_until(lambda: served.posts() or daemon.process.poll() is not None)
        me = f"process {daemon.process.pid} on {socket.gethostname()}"
        assert holder(uri) == me
        assert served.run("publish").status == 3
        # As a server does that restarts.
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        more = {"id": "two", "feed": origin.route("/two", rss([item(3)]))}
        served.configure({"id": "one", "feed": f"{origin.url}/one"}, more, database="postgresql:///another")
        daemon.wait_for("`database` is another one now; it is used after a restart")
        wait_until(lambda: len(served.posts()) == 3 or daemon.process.poll() is not None)
        assert holder(uri) == me
        assert daemon.end() == 0
    assert uri not in daemon.log.read_text(encoding="utf-8")


def holder(uri: str) -> str:
    """Who has the database, as others are told."""
    with pytest.raises(aggregator.LockedError) as caught, hold_database(uri):
        pass
    return caught.value.holder


# -- copy-database -----------------------------------------------------------------------------------------------------


def test_a_site_moves_to_postgresql_and_back(
    site: Site, origin: Origin, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine(configured(site, origin).run("update"))
    before = site.stamps()
    monkeypatch.setenv("NEW", uri)
    said = fine(command("copy-database", str(site.data / DATABASE), "${env:NEW}"))
    assert said.startswith("Copied ")
    assert said.endswith("To use it, set AGGREGATOR_DATABASE, or `database` in feeds.yaml.\n")
    monkeypatch.setenv(VARIABLE, uri)
    assert "0 new entries" in fine(site.run("update", "--all"))
    assert "Nothing to write" in fine(site.run("publish"))
    (site.data / DATABASE).unlink()
    fine(command("copy-database", uri, str(site.data / DATABASE)))
    monkeypatch.delenv(VARIABLE)
    assert "Nothing to write" in fine(site.run("publish"))
    assert site.stamps() == before
    assert site.status()["one"]["entries"] == 2


def test_a_copy_of_what_is_in_use_says_so(site: Site, origin: Origin, uri: str) -> None:
    fine(configured(site, origin).run("update"))
    target = site.folder / "copy.db"
    with hold_database(uri):
        done = command("copy-database", str(site.data / DATABASE), uri)
        assert (done.status, "is in use by process" in done.stderr) == (3, True)
    fine(command("copy-database", str(site.data / DATABASE), uri))
    with hold_database(uri, shared=True):
        done = command("copy-database", uri, str(target))
    assert done.status == 0
    assert "is in use by 1 worker (" in done.stderr
    assert "; what it stores from now on is not copied" in done.stderr


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("mysql://u:tiger-lily@h/d", "x.db", "FROM: `mysql:` is not supported"),
        ("x.db", "postgresql://u:tiger-lily@rose@h/d", "TO: has more than one `@`"),
        ("${env:NOTHING_THERE}", "x.db", "FROM: the environment has no variable `NOTHING_THERE`"),
        ("missing.db", "x.db", "missing.db does not exist; there is nothing to copy"),
    ],
)
def test_a_copy_that_cannot_be_meant(
    tmp_path: Path, source: str, target: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command("copy-database", source, target)
    assert (done.status, done.stdout) == (2, "")
    assert said in done.stderr
    assert "tiger" not in done.stderr
    assert list(tmp_path.iterdir()) == []
