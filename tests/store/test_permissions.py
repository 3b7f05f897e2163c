"""Who may read the database, its side files and its backups."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from aggregator.datafolder import file_mode
from aggregator.errors import ConfigError
from aggregator.store import open_store
from aggregator.store.filecopies import backup, vacuum
from tests.origin import Origin
from tests.store_samples import entry, fill, update
from tests.support import Site, item, rss

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions are another matter on Windows")


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize(("wanted", "mode"), [("", 0o600), ("0640", 0o640), ("640", 0o640), ("0664", 0o664)])
def test_database_and_side_files_and_backups_have_the_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: int, wanted: str, mode: int
) -> None:
    monkeypatch.setenv("AGGREGATOR_DB_MODE", wanted)
    path = tmp_path / "aggregator.db"
    with umask(mask):
        with closing(open_store(path)) as store:
            fill(store, "1")
            assert modes(tmp_path) == dict.fromkeys(["aggregator.db", "aggregator.db-wal", "aggregator.db-shm"], mode)
            (tmp_path / "copy.db").touch()
            backup(path, tmp_path / "copy.db")
        vacuum(path)
    assert modes(tmp_path) == {"aggregator.db": mode, "copy.db": mode}


def test_files_of_an_older_version_become_private(tmp_path: Path) -> None:
    path = tmp_path / "aggregator.db"
    with closing(open_store(path)) as store:
        fill(store, "1")
        for file in tmp_path.iterdir():
            file.chmod(0o644)
        with closing(open_store(path)) as other:
            assert set(modes(tmp_path).values()) == {0o600}
            other.apply(update("a", entry("a", "2")))
        assert store.entry_counts()["a"] == 2


def test_a_database_behind_a_link_is_private_too(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "aggregator.db").symlink_to(tmp_path / "real" / "x.db")
    with closing(open_store(tmp_path / "aggregator.db")):
        assert set(modes(tmp_path / "real").values()) == {0o600}


def test_what_is_published_stays_readable_for_all(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    with umask(0o022):
        site.run("update")
    files = [path for name in ("posts", "public") for path in (site.data / name).rglob("*") if path.is_file()]
    assert files
    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}
    assert (site.data / "aggregator.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("wrong", ["x", "0999", "0777", "0666", "0400", "600x", "06400", "0o640", "-0600", " 0640"])
def test_a_mode_that_cannot_be_meant_is_a_usage_error(
    site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("AGGREGATOR_DB_MODE", wrong)
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    done = site.run("update")
    assert done.status == 2
    assert done.stderr == (
        f"AGGREGATOR_DB_MODE: {wrong!r} is not the mode of a database; write 0600, or 0640 for the group to read it\n"
        "1 problem in the configuration; nothing was done\n"
    )
    assert origin.requests == []
    assert not site.data.exists()


def test_every_mode_is_taken_or_refused() -> None:
    taken = set()
    for number in range(0o1000):
        try:
            taken.add(file_mode({"AGGREGATOR_DB_MODE": f"{number:04o}"}))
        except ConfigError:
            continue
    assert taken == {0o600, 0o640, 0o660, 0o604, 0o644, 0o664}
