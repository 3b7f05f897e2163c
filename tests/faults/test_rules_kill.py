"""`kill -9` at many statements of a change of rules or outputs: old or new, and the same in the end."""

from __future__ import annotations

import signal
from contextlib import closing
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from aggregator.store import open_store
from tests.daemons import PATIENCE
from tests.faults.kills import needs_kill, start
from tests.ruled_worlds import configured, judged, random_settings, world
from tests.thoroughness import THOROUGH

POINTS = 10 if THOROUGH else 4
#: Names of fingerprints of definitions begin with this.
DEFINITION = "output/"


def _run(folder: Path, command: list[str], statement: int = 0) -> tuple[int | None, int]:
    """Exit status of a command that is killed at a statement (0: never), and how many statements it made."""
    log = folder / "log"
    arguments = [*command, "--config", str(folder / "feeds.yaml"), "--data", str(folder)]
    process = start(arguments, log, kill_at_statement=statement)
    process.join(PATIENCE)
    said = log.read_text(encoding="utf-8")
    return process.exitcode, 0 if statement else int(said.split("statements ")[1].split()[0])


def _stored(folder: Path) -> tuple[dict[str, str], dict[Any, Any]]:
    with closing(open_store(folder / "aggregator.db")) as store:
        return store.fingerprints(), judged(store)


def _members(stored: dict[Any, Any], slug: str) -> dict[Any, Any]:
    """The members of an output, each as it looks there."""
    return {name: [one for one in values[-1] if one[0] == slug] for name, values in stored.items()}


def _points(statements: int) -> list[int]:
    """Statements spread over all, with the last ones."""
    return sorted({1 + number * statements // POINTS for number in range(POINTS)} | {statements - 1, statements})


@pytest.fixture
def changed(tmp_path: Path) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """A world whose configuration is about to change; with the settings before and after."""
    before, after = random_settings(8), random_settings(10)
    with world(tmp_path / "world", before) as one:
        one.read()
    return tmp_path / "world", before, after


@pytest.mark.slow
@needs_kill
def test_a_replay_that_is_killed_leaves_the_old_rulings_or_the_new_ones(
    changed: tuple[Path, dict[str, Any], dict[str, Any]], tmp_path: Path
) -> None:
    folder, _, after = changed
    config = configured(folder, after)
    with closing(open_store(folder / "aggregator.db")) as store:
        store.sync_sources(config.sources)
    _, old = _stored(folder)
    command = ["replay", "--apply"]
    calm = copytree(folder, tmp_path / "calm")
    status, statements = _run(calm, command)
    assert status == 0
    recorded, new = _stored(calm)
    assert new != old
    killed = 0
    for statement in _points(statements):
        place = copytree(folder, tmp_path / f"at-{statement}")
        killed += _run(place, command, statement)[0] == -signal.SIGKILL
        prints, found = _stored(place)
        assert found in (old, new)
        assert (prints == recorded) == (found == new)
        assert _run(place, command)[0] == 0
        assert _stored(place) == (recorded, new)
    assert killed >= POINTS


@pytest.mark.slow
@needs_kill
def test_memberships_that_are_made_again_are_old_or_new_whenever_that_is_killed(
    changed: tuple[Path, dict[str, Any], dict[str, Any]], tmp_path: Path
) -> None:
    folder, before, after = changed
    settings = {**before, "outputs": after["outputs"]}
    config = configured(folder, settings)
    _, old = _stored(folder)
    calm = copytree(folder, tmp_path / "calm")
    status, statements = _run(calm, ["publish"])
    assert status == 0
    recorded, new = _stored(calm)
    slugs = config.outputs.keys() | before["outputs"].keys()
    assert any(_members(old, slug) != _members(new, slug) for slug in slugs)
    killed = 0
    for statement in _points(statements):
        place = copytree(folder, tmp_path / f"at-{statement}")
        killed += _run(place, ["publish"], statement)[0] == -signal.SIGKILL
        prints, found = _stored(place)
        for slug in slugs:
            name, is_new = f"{DEFINITION}{slug}", _members(found, slug) == _members(new, slug)
            assert is_new or _members(found, slug) == _members(old, slug)
            assert prints.get(name) != recorded.get(name) or is_new
        assert _run(place, ["publish"])[0] == 0
        assert _stored(place)[1] == new
    assert killed >= POINTS
