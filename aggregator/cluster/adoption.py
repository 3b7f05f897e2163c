"""Put another configuration in force: `aggregator cluster adopt`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

from aggregator.cluster.database import ClusterDatabase
from aggregator.cluster.inforce import CONFIG, claim_folder, digest_of
from aggregator.cluster.tables import make_tables
from aggregator.config import Config
from aggregator.store import open_store
from aggregator.store.exclusive import hold_database

_OTHERS = """
SELECT host || ', process ' || pid FROM cluster_workers
WHERE config <> %s AND seen_at > clock_timestamp() - make_interval(secs => 30) ORDER BY id
"""


class Adopted(NamedTuple):
    """What came of it."""

    #: Digests of the configuration that was in force, None if none was, and of the one that is.
    before: str | None
    after: str
    #: Workers that have another one.
    others: list[str]


async def adopt(uri: str, config: Config, folder: Path | None) -> Adopted:
    """Put a configuration in force, and sync the sources with it.

    Args:
        uri: of the database.
        folder: the data folder to publish to from now on; None: that stays as it is.

    Raises:
        LockedError: a program uses the database alone.
        StoreError: the database cannot be used.
    """
    before = await asyncio.to_thread(_adopt, uri, config)
    after = digest_of(config)
    async with ClusterDatabase(uri) as database:
        await make_tables(database.pool)
        if folder is not None:
            await claim_folder(database, folder, adopt=True)
        return Adopted(before, after, [name for (name,) in await database.rows(_OTHERS, after)])


def _adopt(uri: str, config: Config) -> str | None:
    with hold_database(uri, shared=True):
        store = open_store(uri)
        try:
            with store.alone():
                before = store.fingerprints().get(CONFIG)
                store.record_fingerprints({CONFIG: digest_of(config)})
                store.sync_sources(config.sources)
        finally:
            store.close()
    return before
