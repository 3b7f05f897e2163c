"""Entries that are ruled and published, for the tests of rulings and of where entries are listed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from aggregator.models import ALL, Decision, Item, Ruling
from aggregator.store import Membership, Store, StoredEntry
from tests.store_samples import NOW, entry, publish, ruled

LATER = NOW + timedelta(days=1)
OUTPUTS = ("rust", "long")


def add(store: Store, key: str, ruling: Ruling | None = None, id: str = "a", **changes: object) -> Item | None:
    """Store a new entry with a ruling, publish it, and return it as it is published."""
    one = entry(id, key, **changes)
    store.apply(ruled(id, (one, Ruling(one) if ruling is None else replace(ruling, entry=one))))
    publish(store)
    return next((item for item in store.newest(None, 1000) if item.entry.key == key), None)


def stored(store: Store, key: str) -> StoredEntry:
    return next(one for one in store.entries_after(0, 1000) if one.entry.key == key)


def rule_again(store: Store, key: str, **changes: object) -> None:
    """Store another ruling on an entry."""
    one = stored(store, key)
    ruling = Ruling(**{"entry": one.entry, **changes})  # type: ignore[arg-type]
    assert store.replace_rulings([(one, ruling)], {}) == []


def memberships_of(store: Store, pk: int) -> tuple[Membership, ...]:
    (found,) = store.rulings_after(pk - 1, 1)
    return found.memberships


def slugs(store: Store, pk: int) -> list[str]:
    return [one.placement.output for one in memberships_of(store, pk)]


def everything_current(store: Store) -> None:
    """Record that all feeds are made, and all pages of archives are written."""
    store.record_fingerprints({f"feeds/{slug}": "made" for slug in ("c", "d", "e", *OUTPUTS, ALL)})
    store.archives.mark_written(store.archives.stale_pages())


def outdated(store: Store) -> set[str]:
    return {name.removeprefix("feeds/") for name, value in store.fingerprints().items() if value == ""}


def decided(store: Store, pk: int, decision: Decision | None, ruling: Ruling) -> None:
    """Record a decision and carry it out."""
    store.decide(pk, decision, LATER)
    store.carry_out(pk, ruling, LATER)
