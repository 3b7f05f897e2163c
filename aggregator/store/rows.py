"""Rows of the database to and from the types of `aggregator.models`; no statement is run here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Text, func, literal_column, null, type_coerce

from aggregator.models import (
    TEXT_COMPARED,
    Enclosure,
    Entry,
    FeedState,
    Item,
    Known,
    KnownEntry,
    Origin,
    OriginalFeed,
    Republish,
)
from aggregator.store.columns import LenientText
from aggregator.store.dialects import as_stored, decoded
from aggregator.store.protocol import StoredEntry, UnassignedEntry
from aggregator.store.schema import entries, rulings, sources

if TYPE_CHECKING:
    from aggregator.models.extras import Extras

#: Names of the columns that hold a state; the id is not among them.
STATE_NAMES = tuple(field.name for field in fields(FeedState)[1:])
#: Columns in the order of the fields of the type that is made from them.
STATE_COLUMNS: tuple[ColumnElement[Any], ...] = (sources.c.id, *(sources.c[name] for name in STATE_NAMES))
KNOWN_COLUMNS: tuple[ColumnElement[Any], ...] = tuple(entries.c[field.name] for field in fields(Known))
#: The columns by which entries are compared.
SIMILAR_COLUMNS: tuple[ColumnElement[Any], ...] = (
    *KNOWN_COLUMNS,
    entries.c.guid,
    entries.c.url,
    entries.c.title,
    func.substr(entries.c.html, literal_column("1"), literal_column(str(TEXT_COMPARED))).label("html"),
    entries.c.enclosures,
)
_ENTRY_FIELDS = tuple(field.name for field in fields(Entry)[1:])
_ORIGIN_COLUMNS = tuple(
    sources.c[name]
    for name in (
        "id",
        "name",
        "title",
        "fallback_name",
        "public_url",
        "home_url",
        "section",
        "republish",
        "copyright",
        "noindex",
    )
)
#: All columns of an entry, texts as bytes: a text that is not UTF-8 must not prevent the others from being read.
STORED_COLUMNS: tuple[ColumnElement[Any], ...] = tuple(
    as_stored(column).label(f"stored_{place}") if isinstance(column.type, Text) else column
    for place, column in enumerate(
        (
            entries.c.pk,
            entries.c.revision,
            sources.c.url,
            entries.c.public_id,
            entries.c.path,
            sources.c.id,
            *(entries.c[name] for name in _ENTRY_FIELDS),
        )
    )
)
#: The first category of an entry, published or not.
FIRST_CATEGORY: ColumnElement[Any] = type_coerce(
    func.coalesce(entries.c.category, rulings.c.category, sources.c.category), LenientText
).label("first_category")
#: With outer joins SQLite walks an index of `entries` and looks up the others; it may reverse an inner join.
ITEM_TABLES = entries.join(sources, entries.c.source_pk == sources.c.pk, isouter=True).join(
    rulings, rulings.c.entry_pk == entries.c.pk, isouter=True
)
#: What an output alone changes; a statement that reads the items of an output has its column in this place.
NO_MEMBER_CHANGES: ColumnElement[Any] = null().label("member_changes")
#: Columns of `ITEM_TABLES`.
ITEM_COLUMNS: tuple[ColumnElement[Any], ...] = (
    entries.c.pk,
    entries.c.source_pk,
    entries.c.public_id,
    entries.c.path,
    entries.c.draft,
    FIRST_CATEGORY,
    *(entries.c[name] for name in _ENTRY_FIELDS),
    *(column.label(f"source_{column.name}") for column in _ORIGIN_COLUMNS),
    rulings.c.changes.label("general_changes"),
    NO_MEMBER_CHANGES,
)
_ENTRY_START = 6
_ORIGIN_START = _ENTRY_START + len(_ENTRY_FIELDS)
_CHANGES_START = _ORIGIN_START + len(_ORIGIN_COLUMNS)
_DUMPED = ("authors", "tags", "enclosures", "original_feed", "extras")
_AUTHORS, _TAGS, _ENCLOSURES, _ORIGINAL, _EXTRAS = (_ENTRY_START + _ENTRY_FIELDS.index(name) for name in _DUMPED)


def origin_name(name: str | None, title: str | None, fallback: str | None) -> str:
    """Return the name that outputs give a source: the configured one, else the title of the feed, else the fallback."""
    return name or title or fallback or ""


#: The id of the source of a state, and the values of `STATE_NAMES`.
state_row: Callable[[FeedState], tuple[Any, ...]] = attrgetter(*(field.name for field in fields(FeedState)))

#: The fields of an entry that rules may change.
CHANGEABLE = (
    "url",
    "title",
    "html",
    "summary",
    "authors",
    "tags",
    "enclosures",
    "image",
    "comments_url",
    "language",
    "original_feed",
    "extras",
)
_changeable_values: Callable[[Entry], tuple[Any, ...]] = attrgetter(*CHANGEABLE)
_PLAIN = tuple(name for name in _ENTRY_FIELDS if name not in _DUMPED)
#: Names of the columns that hold an entry; the source is not among them.
ENTRY_NAMES = (*_PLAIN, *_DUMPED)
#: The columns that are published, besides the id.
_PUBLISHED = ("guid", "url", "title", "image", "comments_url", "summary", "html", *_DUMPED)
_plain_values: Callable[[Entry], tuple[Any, ...]] = attrgetter(*_PLAIN)
_ENCLOSURE = tuple(field.name for field in fields(Enclosure))
_enclosure_values: Callable[[Enclosure], tuple[Any, ...]] = attrgetter(*_ENCLOSURE)
_FEED = tuple(field.name for field in fields(OriginalFeed))
#: Created once: `json.dumps` creates an encoder at each call with arguments other than its defaults.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def state_values(state: FeedState) -> dict[str, Any]:
    """Return the columns of `sources` that hold a state; the id is not among them."""
    return dict(zip(STATE_NAMES, state_row(state)[1:], strict=True))


def entry_row(entry: Entry) -> tuple[Any, ...]:
    """Return the values of `ENTRY_NAMES`."""
    files = [dict(zip(_ENCLOSURE, _enclosure_values(file), strict=True)) for file in entry.enclosures]
    feed = entry.original_feed
    original = None if feed is None else _encode({name: getattr(feed, name) for name in _FEED})
    dumped = _encode(files) if files else "[]"
    extras = None if entry.extras is None else _dump_extras(entry.extras)
    return (*_plain_values(entry), _dump_texts(entry.authors), _dump_texts(entry.tags), dumped, original, extras)


def with_kept_dates(entry: Entry, published_at: datetime, dated: bool) -> Entry:
    """Return an entry with the date of publication under which it is already stored."""
    if entry.published_at == published_at and entry.dated == dated:
        return entry
    return replace(entry, published_at=published_at, updated_at=max(entry.updated_at, published_at), dated=dated)


def changes(before: Entry, after: Entry) -> str | None:
    """Return what rules changed of an entry, as it is stored, or None if they changed nothing."""
    if after is before:
        return None
    pairs = zip(CHANGEABLE, _changeable_values(before), _changeable_values(after), strict=True)
    changed = [name for name, old, new in pairs if old != new]
    if not changed:
        return None
    values = dict(zip(ENTRY_NAMES, entry_row(after), strict=True))
    return _encode({name: values[name] for name in changed})


def with_changes(entry: Entry, dumped: str) -> Entry:
    """Return an entry with stored changes.

    Raises:
        ValueError: they cannot be read.
    """
    return replace(entry, **_load_changes(dumped))


def _load_changes(dumped: str) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(dumped)
        if any(values.get(name, "") is None for name in _NEVER_NULL):
            raise ValueError(f"an entry has no such values: {dumped!r:.80}")
        return {name: _LOADERS[name](value) for name, value in values.items()}
    except (TypeError, AttributeError, LookupError, RecursionError) as error:
        raise ValueError(f"changes of an entry cannot be read: {error}") from error


def states(rows: Iterable[Sequence[Any]]) -> list[FeedState]:
    """Convert rows of `STATE_COLUMNS` to states."""
    return [FeedState(*row) for row in rows]


def known_entries(rows: Iterable[Sequence[Any]]) -> list[KnownEntry]:
    """Convert rows of `SIMILAR_COLUMNS` to the parts of entries that are compared."""
    size = len(KNOWN_COLUMNS)
    made = []
    for row in rows:
        guid, url, title, html, files = row[size:]
        made.append(KnownEntry(Known(*row[:size]), guid, url, title, html, _enclosures(files)))
    return made


def items(rows: Iterable[Sequence[Any]]) -> list[Item]:
    """Convert rows of `ITEM_COLUMNS` to items; items of one source share their origin.

    Raises:
        ValueError: a row cannot be an item.
    """
    origins: dict[tuple[int, str], Origin] = {}
    made = []
    try:
        for row in rows:
            values = list(row)
            pk, source_pk, public_id, path, draft, category = values[:_ENTRY_START]
            origin = origins.get((source_pk, category))
            if origin is None:
                given = values[_ORIGIN_START:_CHANGES_START]
                origin = origins[source_pk, category] = _origin(category, *given)
            values[_AUTHORS] = _texts(values[_AUTHORS])
            values[_TAGS] = _texts(values[_TAGS])
            values[_ENCLOSURES] = _enclosures(values[_ENCLOSURES])
            values[_ORIGINAL] = _original_feed(values[_ORIGINAL])
            values[_EXTRAS] = _extras(values[_EXTRAS])
            entry = Entry(origin.id, *values[_ENTRY_START:_ORIGIN_START])
            for dumped in values[_CHANGES_START:]:
                if dumped is not None:
                    entry = with_changes(entry, dumped)
            made.append(Item(entry, public_id or "", path, origin, pk, bool(draft)))
    except (TypeError, AttributeError, RecursionError) as error:
        # The database was damaged or edited.
        raise ValueError(f"a row of entries cannot be read: {error}") from error
    return made


def unassigned(rows: Iterable[Sequence[Any]]) -> list[UnassignedEntry]:
    """Convert rows of `statements.UNASSIGNED`; a name is made from the title that is published."""
    made = []
    for *values, dumped in rows:
        one = UnassignedEntry(*values)
        made.append(one if dumped is None else replace(one, title=_load_changes(dumped).get("title", one.title)))
    return made


def stored_entry(row: Sequence[Any]) -> StoredEntry:
    """Convert a row of `STORED_COLUMNS` to a stored entry; damaged texts and lists are repaired or left empty."""
    pk, revision, source_url, public_id, path, source_id, *texts = map(decoded, row)
    values = dict(zip(_ENTRY_FIELDS, texts, strict=True))
    for name, read in (("authors", _texts), ("tags", _texts), ("enclosures", _enclosures)):
        try:
            values[name] = read(values[name])
        except (TypeError, ValueError):
            values[name] = ()
    for name, load in (("original_feed", _original_feed), ("extras", _extras)):
        try:
            values[name] = load(values[name])
        except (TypeError, ValueError, RecursionError):
            values[name] = None
    return StoredEntry(pk, revision, source_url, public_id, path, Entry(source_id, **values))


def rewrite_parameters(one: StoredEntry) -> dict[str, Any]:
    """Return the parameters of `statements.REWRITE`."""
    values = dict(zip(ENTRY_NAMES, entry_row(one.entry), strict=True))
    return {
        "entry_pk": one.pk,
        "read_revision": one.revision,
        "public_id": one.id,
        **{name: values[name] for name in _PUBLISHED},
    }


def place(item: Item) -> dict[str, Any]:
    """Return the values that place an item in the order of pending items."""
    return {"published_at": item.entry.published_at, "source_id": item.entry.source_id, "key": item.entry.key}


@lru_cache(maxsize=1024)
def _texts(dumped: str) -> tuple[str, ...]:
    # Cached: many entries in a row have the same author and tags.
    return tuple(json.loads(dumped))


def _enclosures(dumped: str) -> tuple[Enclosure, ...]:
    return () if dumped == "[]" else tuple(Enclosure(**value) for value in json.loads(dumped))


def _original_feed(dumped: str | None) -> OriginalFeed | None:
    return None if dumped is None else OriginalFeed(**json.loads(dumped))


def _extras(dumped: str | None) -> Extras | None:
    if dumped is None:
        return None
    # Few entries have any, and this takes long to import.
    from aggregator.models.extras import Extras, as_stored, from_plain

    return from_plain(Extras, json.loads(dumped), as_stored)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f"{value!r:.40} is no text")


_NEVER_NULL = ("title", "html", "summary", "authors", "tags", "enclosures")
_LOADERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(CHANGEABLE, _text),
    "authors": _texts,
    "tags": _texts,
    "enclosures": _enclosures,
    "original_feed": _original_feed,
    "extras": _extras,
}


def _dump_extras(extras: Extras) -> str:
    from aggregator.models.extras import to_plain

    return _encode(to_plain(extras))


def _origin(
    category: str,
    id: str,
    name: str | None,
    title: str | None,
    fallback: str | None,
    url: str | None,
    home_url: str | None,
    section: str | None,
    republish: Republish,
    copyright: str | None,
    noindex: bool,
) -> Origin:
    # A source that was removed from the configuration by an older version has no fallback name.
    shown = origin_name(name, title, fallback or id)
    return Origin(id, shown, url, home_url, category, section, bool(name), republish, copyright, noindex)


@lru_cache(maxsize=1024)
def _dump_texts(values: tuple[str, ...]) -> str:
    # Cached for the same reason.
    return _encode(values)
