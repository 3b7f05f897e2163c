"""The Python interface, which `import aggregator` offers; docs/python.md describes it.

In: a configuration and a data folder. Out: the summary of one cycle, or a store for queries. `run_cycle` does what the
command `aggregator update` does, without printing anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from aggregator.config import Config, load, redact
from aggregator.cycle import Cycle, Summary
from aggregator.datafolder import hold
from aggregator.errors import AggregatorError, ConfigError, LockedError, Problem, StoreError
from aggregator.models import Category, Entry, FeedState, Item, Source
from aggregator.pipeline.due import choose
from aggregator.pipeline.run import SourceResult
from aggregator.place import given_as, place_of
from aggregator.publish.report import OutputFailure, Report
from aggregator.store import Activity, Store, open_for_reading
from aggregator.store import open_store as open_for_writing
from aggregator.store.exclusive import hold_database
from aggregator.workers import StoreThread

__all__ = [
    "Activity",
    "AggregatorError",
    "Category",
    "Config",
    "ConfigError",
    "Entry",
    "FeedState",
    "Item",
    "LockedError",
    "OutputFailure",
    "Problem",
    "Report",
    "Source",
    "SourceResult",
    "Store",
    "StoreError",
    "Summary",
    "load_config",
    "open_store",
    "redact",
    "run_cycle",
]


def load_config(path: str | Path = "feeds.yaml", environ: Mapping[str, str] | None = None) -> Config:
    """Read and check a configuration file.

    Args:
        path: the file.
        environ: where ``${env:NAME}`` is looked up; None: `os.environ`.

    Raises:
        ConfigError: the file is invalid; `problems` lists everything that is wrong with it.
    """
    return load(Path(path), os.environ if environ is None else environ)


async def run_cycle(
    config: Config,
    data_folder: str | Path = "data",
    *,
    everything: bool = False,
    on_result: Callable[[SourceResult], None] = lambda result: None,
) -> Summary:
    """Run one cycle: update the sources that are due, remove expired entries, publish, and run the hooks.

    A failure of a source or a file is part of the summary and raises no exception.

    Args:
        config: the configuration.
        data_folder: the folder for everything that is written; it is created if it does not exist.
        everything: update every source that is not paused, due or not.
        on_result: called after each source with its result, on the thread of the event loop.

    Raises:
        LockedError: another process writes to the data folder or the database.
        StoreError: the database cannot be opened.
        AggregatorError: the data folder cannot be created or written.
    """
    data = Path(data_folder)
    place = place_of(data, config.database)
    with (
        hold(data),
        hold_database(place),
        closing(open_for_writing(place)) as store,
        StoreThread() as thread,
    ):
        store.sync_sources(config.sources)
        if config.database:
            from aggregator.cluster.inforce import record

            record(store, config)
        chosen = choose(config, store, _utc_now(), everything=everything)
        cycle = Cycle(store, data, thread, config=lambda: config, clock=_utc_now)
        return await cycle.run(chosen, on_result=on_result)


@contextmanager
def open_store(data_folder: str | Path = "data", *, database: str | None = None) -> Iterator[Store]:
    """Open the store of a data folder, or a PostgreSQL database, for queries; the context closes it.

    This needs no lock: a daemon or a cycle may write at the same time. Do not write: only `run_cycle` does.

    Args:
        data_folder: the folder with the SQLite file.
        database: `Config.database`, or any connection string; None: what `AGGREGATOR_DATABASE` says, else the file.

    Raises:
        ConfigError: the connection string is wrong.
        StoreError: there is no database yet, or it cannot be read.
    """
    given = None if database is None else given_as("database", database)
    place = place_of(Path(data_folder), given, {} if given else os.environ)
    if isinstance(place, Path) and not place.is_file():
        raise StoreError(f"{place} does not exist; run a cycle first")
    with open_for_reading(place) as store:
        yield store


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
