"""Publishing one changed category out of a large store: how the store is filled, and what is measured.

The first entries go through the whole program; the store is then multiplied in SQL, because a million entries one
source at a time would take longer than all that is measured.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.workload import Workload

if TYPE_CHECKING:
    from aggregator.models import Entry, Source
    from benchmarks.tasks import Clock, Task

_HASH = "0" * 64

#: How the columns of a copied entry come from the original; ?1 is the number of the copy. The others stay as they are.
_COPIED = {
    "key": "key || '~' || ?1",
    "public_id": "public_id || '~' || ?1",
    "path": "replace(path, '.md', '~' || ?1 || '.md')",
    "path_key": "replace(path_key, '.md', '~' || ?1 || '.md')",
    "published_at": "published_at - 61 * ?1",
    "updated_at": "updated_at - 61 * ?1",
}


def _entry(load: Workload, source: Source, place: int, number: int) -> Entry:
    from aggregator.models import Entry

    made = load.entry(place, number)
    return Entry(
        source_id=source.id,
        key=made.url,
        guid=made.url,
        url=made.url,
        title=made.title,
        html=made.body,
        summary="",
        authors=("An author",),
        tags=("tag",),
        enclosures=(),
        image=None,
        comments_url=None,
        language="en",
        published_at=made.when,
        updated_at=made.when,
        dated=True,
        hash=_HASH,
    )


def fill(clock: Clock, *, config: str, data: str, entries: int, body: int) -> int:
    """Store `entries` entries for each configured source and publish them all."""
    from aggregator.config import load
    from aggregator.models import FeedState, FeedUpdate
    from aggregator.publish.site import publish as publish_changed
    from aggregator.store import open_store

    loaded = load(Path(config), os.environ)
    made = Workload(len(loaded.sources), entries, body)
    with clock, closing(open_store(Path(data) / "aggregator.db")) as store:
        store.sync_sources(loaded.sources)
        for place, source in enumerate(loaded.sources):
            new = tuple(_entry(made, source, place, number) for number in range(entries))
            store.apply(FeedUpdate(FeedState(source.id, title=source.name), new))
        publish_changed(store, loaded, Path(data))
        return sum(store.counts().values())


def multiply(clock: Clock, *, origin: str, data: str, times: int) -> int:
    """Copy a filled data folder and put every entry into it `times` times; only the originals have a post file."""
    shutil.copytree(origin, data)
    with clock, closing(sqlite3.connect(Path(data) / "aggregator.db")) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(entries)") if row[1] != "pk"]
        values = [_COPIED.get(name, name) for name in columns]
        last = database.execute("SELECT max(pk) FROM entries").fetchone()[0]
        for copy in range(1, times):
            database.execute(
                f"INSERT INTO entries ({', '.join(columns)}) SELECT {', '.join(values)} FROM entries WHERE pk <= ?2",  # noqa: S608 - names from the schema
                (copy, last),
            )
        database.execute("UPDATE sources SET entries = entries * ?", (times,))
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(database.execute("SELECT count(*) FROM entries").fetchone()[0])


def publish(clock: Clock, *, config: str, data: str, number: int) -> int:
    """Store one new entry for one source, then publish; only the publishing is measured. Returns the files written."""
    from aggregator.config import load
    from aggregator.models import FeedUpdate
    from aggregator.publish.site import publish as publish_changed
    from aggregator.store import open_store

    loaded = load(Path(config), os.environ)
    with closing(open_store(Path(data) / "aggregator.db")) as store:
        source = loaded.sources[number % len(loaded.sources)]
        state = store.states()[source.id]
        when = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
        entry = _entry(Workload(1), source, 0, 1_000_000 + number)
        entry = replace(entry, published_at=when, updated_at=when)
        store.apply(FeedUpdate(state, (entry,)))
        with clock:
            report = publish_changed(store, loaded, Path(data))
        return report.files


TASKS: dict[str, Task] = {"fill": fill, "multiply": multiply, "publish": publish}
