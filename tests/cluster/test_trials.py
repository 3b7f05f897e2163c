"""Which source ends its workers, and which only ran beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from aggregator.cluster.database import ClusterDatabase
from aggregator.cluster.trials import MOST_TRIALS, Trials
from aggregator.errors import StoreError
from aggregator.fetch.leases import Leases
from tests.clusters import ask


@pytest.fixture
async def database(shared_database: str) -> AsyncIterator[ClusterDatabase]:
    ask(shared_database, "DELETE FROM cluster_facts WHERE starts_with(name, 'trial:')")
    async with ClusterDatabase(shared_database) as made:
        yield made


class NoLeases:
    """Gives every lease."""

    async def take(self, *asked: Any) -> None:
        return None


async def try_one(database: ClusterDatabase, monkeypatch: pytest.MonkeyPatch, *, lease: bool, dies: bool) -> bool:
    """Try a suspect in a worker of its own; return whether it was let."""
    trials = Trials(database, cast("Leases", NoLeases()))
    with monkeypatch.context() as patched:
        async with trials.trial("a", at_once=False) as innocent:
            if innocent and lease:
                await trials.take("a.example", "www.a.example", 2, 0.0, 30.0)
                await trials.take("a.example", "www.a.example", 2, 0.0, 30.0)
            if dies:
                patched.setattr(database, "run", died)
    return innocent


async def died(*statement: object) -> None:
    raise StoreError("nothing is recorded any more")


@pytest.fixture
def trying(database: ClusterDatabase, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    return lambda **how: try_one(database, monkeypatch, **how)


async def test_a_source_whose_trials_end_workers_is_given_up_once(trying: Callable[..., Any]) -> None:
    assert [await trying(lease=True, dies=True) for _ in range(MOST_TRIALS)] == [True] * MOST_TRIALS
    assert [await trying(lease=True, dies=False) for _ in range(2)] == [False, True]


async def test_a_source_that_waits_for_its_turn_is_not_to_blame(trying: Callable[..., Any]) -> None:
    assert [await trying(lease=False, dies=True) for _ in range(5)] == [True] * 5


async def test_a_trial_that_went_well_forgets_earlier_ones(trying: Callable[..., Any]) -> None:
    ends = [True, False] * MOST_TRIALS + [True]
    assert [await trying(lease=True, dies=dies) for dies in ends] == [True] * len(ends)
