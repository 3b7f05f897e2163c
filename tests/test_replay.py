"""Rules that change: what is stored becomes what it would be if they had been in force from the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator import replay
from aggregator.publish.memberships import place_again
from tests.ruled_worlds import documents, judged, random_settings, shown, world

SETS = 200
HALF = len(documents()) // 2


@pytest.mark.slow
def test_replay_gives_what_a_run_from_scratch_gives(tmp_path: Path) -> None:
    """Each world is brought to the rules of the next one, and compared with it."""
    wanted, changed = None, 0
    for seed in range(SETS, -1, -1):
        settings, following = random_settings(seed), random_settings(seed + 1)
        with world(tmp_path / str(seed), settings, parsed=False) as one:
            one.read()
            scratch = judged(one.store), shown(one.store, one.config)
            if wanted is not None:
                one.configure(following)
                found = replay.compare(one.store, one.config)
                assert replay.apply(one.store, one.config) == found
                changed += found.changed
                assert (judged(one.store), shown(one.store, one.config)) == wanted, (seed, settings, following)
                assert replay.compare(one.store, one.config).changed == 0
            wanted = scratch
    assert changed > 10 * SETS


@pytest.mark.parametrize("seed", range(5))
def test_rules_that_change_while_documents_come(tmp_path: Path, seed: int) -> None:
    before, after = random_settings(1000 + seed), random_settings(2000 + seed)
    with world(tmp_path / "changing", before) as one:
        one.read(HALF)
        one.configure(after)
        one.read()
        replay.apply(one.store, one.config)
        found = judged(one.store), shown(one.store, one.config)
    with world(tmp_path / "scratch", after) as other:
        other.read()
        assert (judged(other.store), shown(other.store, other.config)) == found


@pytest.mark.parametrize("seed", range(5))
def test_outputs_that_change_get_the_members_of_a_run_from_scratch(tmp_path: Path, seed: int) -> None:
    before, other = random_settings(3000 + seed), random_settings(4000 + seed)
    after = {**before, "outputs": other.get("outputs", {})}
    with world(tmp_path / "changing", before) as one:
        one.read(HALF)
        one.configure(after)
        one.read()
        place_again(one.store, one.config)
        assert place_again(one.store, one.config) == []
        assert replay.compare(one.store, one.config).changed == 0
        found = judged(one.store), shown(one.store, one.config)
    with world(tmp_path / "scratch", after) as scratch:
        scratch.read()
        assert (judged(scratch.store), shown(scratch.store, scratch.config)) == found
