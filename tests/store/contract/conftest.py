"""A new store of each implementation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aggregator.store import Store
from tests.store.contract.implementations import IMPLEMENTATIONS, Opener
from tests.store_samples import source


@pytest.fixture(params=IMPLEMENTATIONS, scope="session")
def implementation(request: pytest.FixtureRequest) -> str:
    """The name of an implementation; a test that uses this runs once for each."""
    return str(request.param)


@pytest.fixture
def opener(implementation: str, tmp_path: Path) -> Iterator[Opener]:
    with IMPLEMENTATIONS[implementation](tmp_path) as opener:
        yield opener


@pytest.fixture
def store(opener: Opener) -> Iterator[Store]:
    """A new store, open during the test."""
    with closing(opener()) as opened:
        yield opened


@pytest.fixture
def two(store: Store) -> Store:
    """A store with the sources `a` of category `c` and `b` of category `d`."""
    store.sync_sources([source("a"), source("b", category="d")])
    return store
