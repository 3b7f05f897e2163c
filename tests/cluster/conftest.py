from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from aggregator.cluster.connections import open_pool
from aggregator.cluster.leases import Pool
from aggregator.cluster.tables import make_tables
from aggregator.store import open_store
from tests.postgres import new_database


@pytest.fixture(scope="session")
def shared_database() -> Iterator[str]:
    """A database with the tables of the store and of the cluster, for tests that use domains of their own."""
    with new_database() as uri:
        open_store(uri).close()
        asyncio.run(_make_tables(uri))
        yield uri


async def _make_tables(uri: str) -> None:
    async with open_pool(uri) as pool:
        await make_tables(pool)


@pytest.fixture
async def pool(shared_database: str) -> AsyncIterator[Pool]:
    async with open_pool(shared_database) as one:
        yield one
