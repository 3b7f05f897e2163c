"""Rows of the database to and from the types of `aggregator.models`; no statement is run here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement

from aggregator.models import Enclosure, Entry, FeedState, Item, Known, Origin
from aggregator.store.schema import entries, sources

#: Names of the columns that hold a state; the id is not among them.
STATE_NAMES = tuple(field.name for field in fields(FeedState)[1:])
#: Columns in the order of the fields of the type that is made from them.
STATE_COLUMNS: tuple[ColumnElement[Any], ...] = (sources.c.id, *(sources.c[name] for name in STATE_NAMES))
KNOWN_COLUMNS: tuple[ColumnElement[Any], ...] = tuple(entries.c[field.name] for field in fields(Known))
_ENTRY_FIELDS = tuple(field.name for field in fields(Entry)[1:])
_ORIGIN_COLUMNS = tuple(sources.c[name] for name in ("id", "name", "title", "url", "home_url", "category", "section"))
ITEM_COLUMNS: tuple[ColumnElement[Any], ...] = (
    entries.c.pk,
    entries.c.source_pk,
    entries.c.public_id,
    entries.c.path,
    *(entries.c[name] for name in _ENTRY_FIELDS),
    *(column.label(f"source_{column.name}") for column in _ORIGIN_COLUMNS),
)
_ENTRY_START = 4
_ORIGIN_START = _ENTRY_START + len(_ENTRY_FIELDS)
_AUTHORS, _TAGS, _ENCLOSURES = (_ENTRY_START + _ENTRY_FIELDS.index(name) for name in ("authors", "tags", "enclosures"))


def origin_name(name: str | None, title: str | None, url: str) -> str:
    """Return the name that outputs give a source: as configured, else the feed's title, else the host."""
    if name or title:
        return name or title or ""
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


#: The id of a state's source and the values of `STATE_NAMES`.
state_row: Callable[[FeedState], tuple[Any, ...]] = attrgetter(*(field.name for field in fields(FeedState)))

_DUMPED = ("authors", "tags", "enclosures")
_PLAIN = tuple(name for name in _ENTRY_FIELDS if name not in _DUMPED)
#: Names of the columns that hold an entry; the source is not among them.
ENTRY_NAMES = (*_PLAIN, *_DUMPED)
_plain_values: Callable[[Entry], tuple[Any, ...]] = attrgetter(*_PLAIN)
_ENCLOSURE = tuple(field.name for field in fields(Enclosure))
_enclosure_values: Callable[[Enclosure], tuple[Any, ...]] = attrgetter(*_ENCLOSURE)
#: Made once: `json.dumps` makes an encoder at every call that asks for anything but its defaults.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def state_values(state: FeedState) -> dict[str, Any]:
    """Return the columns of `sources` that hold a state; the id is not among them."""
    return dict(zip(STATE_NAMES, state_row(state)[1:], strict=True))


def entry_row(entry: Entry) -> tuple[Any, ...]:
    """Return the values of `ENTRY_NAMES`."""
    files = [dict(zip(_ENCLOSURE, _enclosure_values(file), strict=True)) for file in entry.enclosures]
    return (*_plain_values(entry), _dump(entry.authors), _dump(entry.tags), _dump(files))


def with_kept_dates(entry: Entry, published_at: datetime, dated: bool) -> Entry:
    """Return an entry that is stored already as it is to be: without a date of its own it keeps the stored one."""
    if entry.dated:
        return entry
    return replace(entry, published_at=published_at, updated_at=max(entry.updated_at, published_at), dated=dated)


def states(rows: Iterable[Sequence[Any]]) -> list[FeedState]:
    """Make states of rows of `STATE_COLUMNS`."""
    return [FeedState(*row) for row in rows]


def items(rows: Iterable[Sequence[Any]]) -> list[Item]:
    """Make items of rows of `ITEM_COLUMNS`; those of one source share their origin."""
    origins: dict[int, Origin] = {}
    made = []
    for row in rows:
        values = list(row)
        pk, source_pk, public_id, path = values[:_ENTRY_START]
        origin = origins.get(source_pk)
        if origin is None:
            origin = origins[source_pk] = _origin(*values[_ORIGIN_START:])
        values[_AUTHORS] = _texts(values[_AUTHORS])
        values[_TAGS] = _texts(values[_TAGS])
        values[_ENCLOSURES] = _enclosures(values[_ENCLOSURES])
        made.append(Item(Entry(origin.id, *values[_ENTRY_START:_ORIGIN_START]), public_id or "", path, origin, pk))
    return made


def place(item: Item) -> dict[str, Any]:
    """Return the values that give an item its place among those that are pending."""
    return {"published_at": item.entry.published_at, "source_id": item.origin.id, "key": item.entry.key}


@lru_cache(maxsize=1024)
def _texts(dumped: str) -> tuple[str, ...]:
    # Cached: the same author and the same tags are on one entry after the other.
    return tuple(json.loads(dumped))


def _enclosures(dumped: str) -> tuple[Enclosure, ...]:
    return () if dumped == "[]" else tuple(Enclosure(**value) for value in json.loads(dumped))


def _origin(
    id: str, name: str | None, title: str | None, url: str, home_url: str | None, category: str, section: str | None
) -> Origin:
    return Origin(id, origin_name(name, title, url), url, home_url, category, section, bool(name))


def _dump(values: Sequence[Any]) -> str:
    return _encode(values) if values else "[]"
