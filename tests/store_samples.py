"""Sources, entries and updates for the tests of the store, with only what a test cares about to be named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aggregator.models import Entry, Every, FeedState, FeedUpdate, Placement, Ruling, Source
from aggregator.store import Assignment, Store

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def source(id: str, **changes: Any) -> Source:
    """Return a feed of category `c` at an address of its own."""
    plain = Source(
        id=id,
        name=f"Name of {id}",
        kind="feed",
        url=f"https://{id}.example/feed",
        category="c",
        section=None,
        interval=Every(HOUR),
        timeout=timedelta(seconds=20),
        max_body=1_000_000,
        allow_private=False,
        explicit_id=True,
        line=1,
        public_url=f"https://{id}.example/feed",
        fallback_name=f"{id}.example",
    )
    return replace(plain, **changes)


def entry(source_id: str, key: str, **changes: Any) -> Entry:
    """Return a dated entry."""
    plain = Entry(
        source_id=source_id,
        key=key,
        guid=key,
        url=f"https://{source_id}.example/{key}",
        title=f"Title {key}",
        html=f"<p>{key}</p>",
        summary="",
        authors=(),
        tags=(),
        enclosures=(),
        image=None,
        comments_url=None,
        language=None,
        published_at=NOW,
        updated_at=NOW,
        dated=True,
        hash=f"hash of {key}",
    )
    return replace(plain, **changes)


def update(source_id: str, *new: Entry, changed: tuple[Entry, ...] = (), **state: Any) -> FeedUpdate:
    """Return the outcome of a fetch that brought these entries."""
    return FeedUpdate(FeedState(source_id, **state), new=new, changed=changed)


def ruled(source_id: str, *rulings: tuple[Entry, Ruling], changed: bool = False, **state: Any) -> FeedUpdate:
    """Return the outcome of a fetch that brought these entries, with what rules made of them."""
    state = {"last_success_at": NOW, **state}
    given = tuple(one for one, _ in rulings)
    update = FeedUpdate(FeedState(source_id, **state), rulings={one.key: ruling for one, ruling in rulings})
    return replace(update, changed=given) if changed else replace(update, new=given)


def placed(*outputs: str) -> tuple[Placement, ...]:
    """Return places in outputs that show an entry as all others do."""
    return tuple(Placement(output) for output in outputs)


def fill(store: Store, *keys: str, id: str = "a", **changes: Any) -> None:
    """Store entries of the source `id`, which is the only one that stays configured."""
    store.sync_sources([source(id)])
    store.apply(update(id, *(entry(id, key, **changes) for key in keys)))


def publish(store: Store) -> None:
    """Give every pending entry an id and a path, and take it as written."""
    pending = store.pending(1_000_000)
    store.assign(
        [Assignment(item.pk, f"id:{name}", f"{name}.md", name) for item in pending for name in [_name(item.entry)]]
    )
    store.mark_published([item.pk for item in pending])


def pending_keys(store: Store) -> list[str]:
    """Return the keys of the pending entries, in their order."""
    return [item.entry.key for item in store.pending(1_000_000)]


def newest_keys(store: Store, category: str | None = None, limit: int = 1_000_000) -> list[str]:
    """Return the keys of the newest entries, in their order."""
    return [item.entry.key for item in store.newest(category, limit)]


def _name(entry: Entry) -> str:
    return f"{entry.source_id}/{entry.key}"
