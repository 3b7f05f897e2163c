"""Publishing: one changed category out of a large store, and the rendering of many categories without a store.

How a large store is filled: the first entries are stored and published as always; then the store is multiplied in SQL,
because a million entries one source at a time would take longer than all that is measured.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.workload import FIRST, Workload

if TYPE_CHECKING:
    from aggregator.models import Entry, Item
    from benchmarks.tasks import Clock, Task

_HASH = "0" * 64
#: Soon after the last stored entry, so that outputs with a limit of age show something.
_NOW = FIRST + timedelta(days=7)

#: How the columns of a copied entry come from the original; ?1 is the number of the copy. The others stay as they are.
_COPIED = {
    "key": "key || '~' || ?1",
    "public_id": "public_id || '~' || ?1",
    "path": "replace(path, '.md', '~' || ?1 || '.md')",
    "path_key": "replace(path_key, '.md', '~' || ?1 || '.md')",
    "published_at": "published_at - 61 * ?1",
    "updated_at": "updated_at - 61 * ?1",
    "added_at": "added_at - 61 * ?1",
}


def _entry(load: Workload, source: str, place: int, number: int) -> Entry:
    from aggregator.models import Entry

    made = load.entry(place, number)
    return Entry(
        source_id=source,
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
    from aggregator.pipeline.judge import Judge
    from aggregator.publish.publication import publish as publish_changed
    from aggregator.store import open_store

    loaded = load(Path(config), os.environ)
    made = Workload(len(loaded.sources), entries, body)
    with clock, closing(open_store(Path(data) / "aggregator.db")) as store:
        store.sync_sources(loaded.sources)
        judge = Judge(store, lambda: loaded)
        for place, source in enumerate(loaded.sources):
            new = tuple(_entry(made, source.id, place, number) for number in range(entries))
            store.apply(judge.judge(source, FeedUpdate(FeedState(source.id, title=source.name), new)))
        publish_changed(store, loaded, Path(data), now=_NOW)
        return sum(store.entry_counts().values())


def multiply(clock: Clock, *, origin: str, data: str, times: int) -> int:
    """Copy a filled data folder and put every entry into it `times` times; only the originals have a post file."""
    shutil.copytree(origin, data)
    with clock, closing(sqlite3.connect(Path(data) / "aggregator.db")) as database:
        last = database.execute("SELECT max(pk) FROM entries").fetchone()[0]
        for copy in range(1, times):
            _copy(database, "entries", "pk", copy, last)
        # One output after the other, which is the order of the table; its indexes are faster made at once.
        outputs = [row[0] for row in database.execute("SELECT DISTINCT output FROM memberships ORDER BY output")]
        indexes = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'memberships' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            database.execute(f"DROP INDEX {name}")
        for output, copy in product(outputs, range(1, times)):
            _copy(database, "memberships", "entry_pk", copy, last, output)
        for _, made in indexes:
            database.execute(made)
        database.execute("UPDATE sources SET entries = entries * ?", (times,))
        database.commit()
        _archive(Path(data))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(database.execute("SELECT count(*) FROM entries").fetchone()[0])


def _copy(database: sqlite3.Connection, table: str, number: str, copy: int, last: int, output: str = "") -> None:
    """Insert copies of the first rows of a table; of memberships, of those of one output."""
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    values = [f"{number} + ?1 * ?2" if name == number else _COPIED.get(name, name) for name in columns]
    which = f"{number} <= ?2" + (" AND output = ?3" if output else "")
    statement = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} WHERE {which}"  # noqa: S608 - names from the schema
    database.execute(statement, (copy, last, output) if output else (copy, last))


def _archive(data: Path) -> None:
    """Put the copies into the pages of the archives, as if their files were written."""
    from aggregator.publish.archives import PAGE_SIZE
    from aggregator.store import open_store

    with closing(open_store(data / "aggregator.db")) as store:
        for output in store.archives.outputs():
            store.archives.close_pages(output, PAGE_SIZE, PAGE_SIZE)
        store.archives.mark_written(store.archives.stale_pages())


def publish(clock: Clock, *, config: str, data: str, number: int, changed: int = 1) -> int:
    """Store a new entry for each of some sources, then publish, measured alone; returns the files written."""
    from aggregator.config import load
    from aggregator.models import FeedUpdate
    from aggregator.pipeline.judge import Judge
    from aggregator.publish.publication import publish as publish_changed
    from aggregator.store import open_store

    loaded = load(Path(config), os.environ)
    with closing(open_store(Path(data) / "aggregator.db")) as store:
        states, judge = store.states(), Judge(store, lambda: loaded)
        when = _NOW + timedelta(minutes=number)
        for place in range(number, number + changed):
            source = loaded.sources[place % len(loaded.sources)]
            entry = _entry(Workload(1), source.id, place, 1_000_000 + number)
            entry = replace(entry, published_at=when, updated_at=when)
            store.apply(judge.judge(source, FeedUpdate(states[source.id], (entry,))))
        with clock:
            report = publish_changed(store, loaded, Path(data), now=when)
        return report.files


def _items(load: Workload, place: int) -> list[Item]:
    """The items of one category, newest first; every other one has a summary beside its body."""
    from aggregator.models import Item, Origin

    name, home = f"s{place}", f"https://s{place}.example.org/"
    origin = Origin(name, f"Source {place}", f"{home}feed", home, f"c{place}", None)
    entries = [_entry(load, name, place, number) for number in reversed(range(load.entries))]
    entries = [replace(entry, summary=entry.title) if pk % 2 else entry for pk, entry in enumerate(entries)]
    return [Item(entry, entry.key, None, origin, pk) for pk, entry in enumerate(entries)]


def _feeds(place: int, items: list[Item]) -> list[bytes]:
    """The feeds of one category in all formats."""
    from aggregator.publish.feeds import FILE_NAMES, Channel, render_feeds

    home = "https://feeds.example.org/"
    channel = Channel(f"c{place}", f"Category {place}", "A category", home, f"{home}c{place}/", None, "Benchmark")
    return [feed.data for feed in render_feeds(channel, items, tuple(FILE_NAMES))]


def rendered(load: dict[str, Any]) -> Iterator[bytes]:
    """All feeds of all categories, one for each source of the workload."""
    made = Workload(**load)
    for place in range(made.sources):
        yield from _feeds(place, _items(made, place))


def render(clock: Clock, *, load: dict[str, Any]) -> int:
    """Render the feeds of all categories, items in memory; returns their bytes."""
    made = Workload(**load)
    categories = [_items(made, place) for place in range(made.sources)]
    _feeds(0, categories[0][:1])
    with clock:
        return sum(len(feed) for place, items in enumerate(categories) for feed in _feeds(place, items))


def posts(clock: Clock, *, load: dict[str, Any], preset: str) -> int:
    """Render the posts of all items in the form of a preset, items in memory; returns their bytes."""
    from aggregator.publish.posts.presets import PRESETS, PostOptions
    from aggregator.publish.posts.render import render_post

    made, form, options = Workload(**load), PRESETS[preset], PostOptions()
    items = [
        replace(item, path=f"c{place}/{number}{form.suffix}")
        for place in range(made.sources)
        for number, item in enumerate(_items(made, place))
    ]

    def rendered(some: list[Item]) -> int:
        return sum(len(render_post(item, category_title="Category", preset=form, options=options)) for item in some)

    # Libraries are imported by the first post.
    rendered(items[:1])
    with clock:
        return rendered(items)


TASKS: dict[str, Task] = {
    "fill": fill,
    "multiply": multiply,
    "publish": publish,
    "render": render,
    "posts": posts,
}
