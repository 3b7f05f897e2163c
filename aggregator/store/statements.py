"""The statements of the store, built once, so that SQLAlchemy compiles each of them only once.

Statements that run in every cycle or for every source are `Prepared`. The others take lists of values in chunks of
`CHUNK`, because SQLite limits the number of parameters of a statement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    bindparam,
    delete,
    false,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    text,
    true,
    update,
)

from aggregator.store.dialects import as_stored, ignoring, not_by_index, replacing
from aggregator.store.prepared import Prepared, PreparedByLength
from aggregator.store.protocol import MAX_ALIASES
from aggregator.store.rows import (
    ENTRY_NAMES,
    ITEM_COLUMNS,
    ITEM_TABLES,
    KNOWN_COLUMNS,
    SIMILAR_COLUMNS,
    STATE_COLUMNS,
    STATE_NAMES,
    STORED_COLUMNS,
)
from aggregator.store.schema import (
    LISTED,
    NEWEST_FIRST,
    PENDING,
    addresses,
    aliases,
    archives,
    entries,
    memberships,
    post_files,
    rulings,
    sources,
    tombstones,
)
from aggregator.store.stamps import if_alone, next_stamp

#: Maximum number of values in one `IN (...)`.
CHUNK = 500

T = TypeVar("T", str, int, datetime)
V = TypeVar("V")


def chunks(values: Collection[T]) -> Iterator[list[T]]:
    """Yield the distinct values, in order, in lists that one statement can take."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]


def batches(values: Iterable[V]) -> Iterator[list[V]]:
    """Yield values in lists that one statement can take; they are consumed as the lists are."""
    left = iter(values)
    while batch := list(islice(left, CHUNK)):
        yield batch


def _among(column: Column[Any]) -> ColumnElement[bool]:
    return column.in_(bindparam("values", expanding=True))


def _taken(column: Column[Any]) -> PreparedByLength:
    return PreparedByLength(lambda listed: select(column).where(column.in_(listed)))


def numbers(prepared: Prepared) -> Select[Any]:
    """Return a statement about entries that selects the same rows in the same order, but only their row numbers."""
    return _query(prepared).with_only_columns(entries.c.pk)


def single(prepared: Prepared) -> Select[Any]:
    """Return a statement about entries that selects only the row with a number."""
    return _query(prepared).where(_of_entry)


def _query(prepared: Prepared) -> Select[Any]:
    assert isinstance(prepared.statement, Select)
    return prepared.statement


_of_id = sources.c.id == bindparam("source_id")
_of_entry = entries.c.pk == bindparam("entry_pk")
_of_source = entries.c.source_pk == bindparam("of_source")

#: What is written to an entry that has to be published, or published again.
MADE_PENDING: Final[dict[str, ColumnElement[Any]]] = {"pending": true(), "stamp": next_stamp()}
#: Only what was changed before a publication began.
UNTIL = entries.c.stamp <= bindparam("horizon")

# -- sources ---------------------------------------------------------------------------------------------------------

_states = select(*STATE_COLUMNS).where(sources.c.active)
STATES = Prepared(_states.order_by(sources.c.pk))
#: The states of some sources.
STATES_OF = PreparedByLength(lambda ids: _states.where(sources.c.id.in_(ids)))
#: The last second of the year 9999. Texts and bytes, which a damaged row may hold, compare as larger.
_NO_TIME: ColumnElement[int] = literal_column("253402300799")


def _due(active: Select[Any]) -> tuple[Prepared, Prepared, Prepared]:
    """Return what finds those of the active sources that are due: never tried, overdue, and tried "in the future".

    These are several statements, because one with OR would read every source instead of the index. Where a source was
    tried in the future, the clock was set back since, so its due time is meaningless.
    """
    never_tried = active.where(sources.c.next_due_at.is_(None)).order_by(sources.c.pk)
    overdue = active.where(sources.c.next_due_at <= bindparam("now")).order_by(sources.c.next_due_at, sources.c.pk)
    ahead = active.where(
        or_(sources.c.last_attempt_at > bindparam("ahead"), sources.c.next_due_at > _NO_TIME),
        sources.c.next_due_at > bindparam("now"),
    ).order_by(sources.c.pk)
    return Prepared(never_tried), Prepared(overdue, "now"), Prepared(ahead, "ahead", "now")


DUE = _due(_states)
DUE_IDS = _due(select(sources.c.id).where(sources.c.active))
LAST_SUCCESS = select(func.max(sources.c.last_success_at)).where(sources.c.active)
ENTRY_COUNTS = select(sources.c.id, sources.c.entries).where(sources.c.active)

#: One pass over an index of what was published in the last year, no matter how much is stored.
ACTIVITY = (
    select(
        sources.c.id,
        func.count(),
        func.count().filter(entries.c.published_at > bindparam("four_weeks_ago")),
        func.min(entries.c.published_at),
        func.max(entries.c.published_at),
    )
    .select_from(entries.join(sources, entries.c.source_pk == sources.c.pk))
    .where(LISTED, entries.c.published_at > bindparam("since"), entries.c.published_at <= bindparam("now"))
    .group_by(sources.c.pk)
)

SOURCE_IDS = select(sources.c.id).order_by(sources.c.pk)
CONFIGURED = Prepared(
    select(
        sources.c.pk,
        sources.c.id,
        sources.c.kind,
        sources.c.url,
        sources.c.public_url,
        sources.c.fallback_name,
        sources.c.name,
        sources.c.category,
        sources.c.section,
        sources.c.explicit_id,
        sources.c.active,
        sources.c.republish,
        sources.c.copyright,
        sources.c.noindex,
        sources.c.title,
        sources.c.moved_to,
    ).order_by(sources.c.active.desc(), sources.c.pk)
)
ADD_SOURCE = insert(sources)
CHANGE_SOURCE = update(sources).where(sources.c.pk == bindparam("source_pk"))

RESET_SOURCE = update(sources).where(_of_id)

SOURCE = Prepared(
    select(
        sources.c.pk,
        sources.c.name,
        sources.c.title,
        sources.c.fallback_name,
        sources.c.category,
        sources.c.active,
        select(entries.c.pk).where(entries.c.source_pk == sources.c.pk).exists(),
    ).where(_of_id),
    "source_id",
)
_keep_state = update(sources).where(_of_id)
SAVE_STATE = Prepared(_keep_state, "source_id", *STATE_NAMES)
SAVE_STATE_AND_COUNT = Prepared(
    _keep_state.values(entries=sources.c.entries + bindparam("added")), "added", "source_id", *STATE_NAMES
)

# -- entries ---------------------------------------------------------------------------------------------------------

_pk_of_id = select(sources.c.pk).where(_of_id).scalar_subquery()
#: The columns with row numbers that no new entry may get.
_NUMBERS = (entries.c.pk, archives.c.last_pk)
#: The tables with keys of entries.
_KEYED = (entries, aliases, tombstones)
#: Whether anything of a source is known: if not, none of its keys has to be looked up.
KNOWS_ANY = Prepared(
    select(
        or_(*(select(table.c.key).where(table.c.source_pk == sources.c.pk).exists() for table in _KEYED)),
    ).where(_of_id),
    "source_id",
)
KNOWN = PreparedByLength(
    lambda keys: select(*KNOWN_COLUMNS).where(entries.c.source_pk == _pk_of_id, entries.c.key.in_(keys)), "source_id"
)
ALIASED = PreparedByLength(
    lambda keys: select(aliases.c.key, aliases.c.entry_pk).where(
        aliases.c.source_pk == _pk_of_id, aliases.c.key.in_(keys)
    ),
    "source_id",
)
KNOWN_BY_PK = select(entries.c.pk, *KNOWN_COLUMNS).where(_among(entries.c.pk))
REMOVED = PreparedByLength(
    lambda keys: select(tombstones.c.key).where(tombstones.c.source_pk == _pk_of_id, tombstones.c.key.in_(keys)),
    "source_id",
)
_similar = select(*SIMILAR_COLUMNS).where(entries.c.source_pk == _pk_of_id)
SIMILAR_BY_KEY = PreparedByLength(lambda keys: _similar.where(entries.c.key.in_(keys)), "source_id")
SIMILAR_BY_DATE = _similar.where(_among(entries.c.published_at)).limit(bindparam("limit"))
SIMILAR_NEWEST = _similar.order_by(entries.c.published_at.desc(), entries.c.position.desc()).limit(bindparam("limit"))
#: Whether a ruling has left anything beside an entry.
_ruled = or_(
    entries.c.draft,
    *(select(t.c.entry_pk).where(t.c.entry_pk == entries.c.pk).exists() for t in (rulings, memberships, addresses)),
)
STORED_KEYS = PreparedByLength(
    lambda keys: select(entries.c.key, entries.c.pk, entries.c.published_at, entries.c.dated, _ruled).where(
        _of_source, entries.c.key.in_(keys)
    ),
    "of_source",
)
ADD_ENTRY = Prepared(
    insert(entries).values(revision=literal_column("0"), **MADE_PENDING),
    "pk",
    "source_pk",
    "category",
    "position",
    "seen_at",
    "draft",
    *ENTRY_NAMES,
)
#: Row numbers and positions of new entries come after both: SQLite would give the number of a removed entry again, and
#: a new entry with such a number could belong to a closed page of an archive.
LAST_NUMBERS = Prepared(
    select(*(func.coalesce(select(func.max(c)).scalar_subquery(), literal_column("0")) for c in _NUMBERS))
)
CHANGE_ENTRY = Prepared(
    update(entries).where(_of_entry).values(revision=entries.c.revision + literal_column("1"), **MADE_PENDING),
    "entry_pk",
    *ENTRY_NAMES,
)
REREAD_ENTRY = Prepared(update(entries).where(_of_entry).values(**MADE_PENDING), "entry_pk", *ENTRY_NAMES)

#: A key that belongs to several entries keeps doing so.
ADD_ALIAS = text(
    "INSERT INTO aliases (source_pk, key, entry_pk) "
    "SELECT source_pk, :key, pk FROM entries WHERE source_pk = :source_pk AND key = :of "
    "ON CONFLICT (source_pk, key) DO UPDATE SET entry_pk = excluded.entry_pk WHERE aliases.entry_pk IS NOT NULL"
)
ADD_SHARED_ALIAS = text(
    "INSERT INTO aliases (source_pk, key, entry_pk) VALUES (:source_pk, :key, NULL) "
    "ON CONFLICT (source_pk, key) DO UPDATE SET entry_pk = NULL"
)
#: The last ones of each entry are kept: some sources give an entry a new guid in each document.
DROP_OLD_ALIASES = text(
    "DELETE FROM aliases WHERE entry_pk = (SELECT pk FROM entries WHERE source_pk = :source_pk AND key = :of) "
    "AND rowid NOT IN (SELECT a.rowid FROM aliases a JOIN entries e ON e.pk = a.entry_pk "
    "WHERE e.source_pk = :source_pk AND e.key = :of ORDER BY a.rowid DESC LIMIT :kept)"
).bindparams(kept=MAX_ALIASES)

MARK_SOURCE_PENDING = update(entries).where(_of_source, if_alone(~entries.c.pending)).values(**MADE_PENDING)
MARK_PENDING = (
    update(entries)
    .where(entries.c.source_pk.in_(select(sources.c.pk).where(_among(sources.c.id))), if_alone(~entries.c.pending))
    .values(**MADE_PENDING)
)
_publish = update(entries).where(_of_entry).values(pending=false())
MARK_PUBLISHED = Prepared(_publish, "entry_pk")
MARK_PUBLISHED_UNTIL = Prepared(_publish.where(UNTIL), "entry_pk", "horizon")
ASSIGN = Prepared(
    update(entries).where(_of_entry, entries.c.public_id.is_(null())), "entry_pk", "public_id", "path", "path_key"
)
#: Only for entries whose post was never written.
MOVE_POST = update(entries).where(
    _of_entry,
    ~select(post_files).where(post_files.c.entry_pk == entries.c.pk, post_files.c.written.is_not(null())).exists(),
)
POST_FILES = PreparedByLength(lambda pks: select(post_files).where(post_files.c.entry_pk.in_(pks)))
DELETE_POST_FILES = delete(post_files).where(_among(post_files.c.entry_pk))
SAVE_POST_FILE = Prepared(replacing(post_files), "entry_pk", "written", "intended")
MARK_POST_WRITTEN = Prepared(
    update(post_files)
    .where(post_files.c.entry_pk == bindparam("of_entry"), post_files.c.intended.is_not(null()))
    .values(written=post_files.c.intended),
    "of_entry",
)
ANY_POST_WRITTEN: Select[Any] = (
    select(literal_column("1")).select_from(post_files).where(post_files.c.written.is_not(null())).limit(1)
)
#: Ids and paths of stored and of removed entries.
TAKEN_IDS = [_taken(column) for column in (entries.c.public_id, tombstones.c.public_id)]
TAKEN_PATHS = [_taken(column) for column in (entries.c.path_key, tombstones.c.path_key)]

# -- removal ---------------------------------------------------------------------------------------------------------

_of_the_source = select(entries.c.pk, entries.c.path).where(entries.c.source_pk == _pk_of_id)
EXPIRED_BY_AGE = _of_the_source.where(entries.c.published_at < bindparam("before")).limit(bindparam("limit"))
EXPIRED_BY_COUNT = (
    _of_the_source.order_by(entries.c.published_at.desc(), entries.c.position.desc(), entries.c.pk)
    .limit(bindparam("limit"))
    .offset(bindparam("count"))
)
ADD_TOMBSTONES = insert(tombstones).from_select(
    ["source_pk", "key", "public_id", "path_key"],
    select(entries.c.source_pk, entries.c.key, entries.c.public_id, entries.c.path_key).where(_among(entries.c.pk)),
)
#: An alias of a removed entry must not bring it back.
ADD_TOMBSTONES_OF_ALIASES = ignoring(tombstones).from_select(
    ["source_pk", "key"], select(aliases.c.source_pk, aliases.c.key).where(_among(aliases.c.entry_pk))
)
DELETE_ALIASES = delete(aliases).where(_among(aliases.c.entry_pk))
DELETE_ENTRIES = delete(entries).where(_among(entries.c.pk))
DELETE_TOMBSTONES = delete(tombstones).where(
    tombstones.c.source_pk == select(sources.c.pk).where(_of_id, ~sources.c.active).scalar_subquery()
)
DELETE_ALIASES_OF_SOURCE = delete(aliases).where(
    aliases.c.source_pk == select(sources.c.pk).where(_of_id, ~sources.c.active).scalar_subquery()
)
DELETE_SOURCE = delete(sources).where(_of_id, ~sources.c.active)
SUBTRACT_ENTRIES = update(sources).where(_of_id).values(entries=sources.c.entries - bindparam("gone"))

# -- items -----------------------------------------------------------------------------------------------------------

# SQLAlchemy adds an OFFSET to every LIMIT for SQLite; without this it would be a parameter with a constant value.
NO_OFFSET: ColumnElement[int] = literal_column("0")
_items = select(*ITEM_COLUMNS).select_from(ITEM_TABLES).limit(bindparam("limit")).offset(NO_OFFSET)
_listed = _items.where(LISTED).order_by(*NEWEST_FIRST, entries.c.pk)
NEWEST = Prepared(_listed, "limit")
# The entries of a page are found by an index on their numbers, and sorted then: there are few.
_of_page = select(entries.c.pk).where(LISTED, entries.c.pk > bindparam("after"), entries.c.pk <= bindparam("last"))
ITEMS_OF_PAGE = Prepared(_listed.where(entries.c.pk.in_(_of_page)), "limit", "after", "last")
RETIRED_ITEMS = _items.where(
    entries.c.pk > bindparam("after"),
    entries.c.category.is_(null()),
    entries.c.path.is_not(null()),
    rulings.c.verdict.is_(null()),
).order_by(entries.c.pk)
_oldest_first = (entries.c.published_at, sources.c.id, entries.c.key)
_pending_items = _items.where(PENDING).order_by(*_oldest_first)
PENDING_ITEMS = Prepared(_pending_items, "limit")
#: The first condition is redundant, but lets SQLite start at the right place of the index.
PENDING_ITEMS_AFTER = Prepared(
    _pending_items.where(
        entries.c.published_at >= bindparam("published_at"),
        (entries.c.published_at > bindparam("published_at"))
        | (sources.c.id > bindparam("source_id"))
        | ((sources.c.id == bindparam("source_id")) & (entries.c.key > bindparam("key"))),
    ),
    "limit",
    "published_at",
    "source_id",
    "key",
)
#: The plus keeps SQLite from the index of ids, in which all entries that are not published come first.
_no_id = not_by_index(entries.c.public_id).is_(null())
UNASSIGNED = Prepared(
    select(
        entries.c.pk,
        entries.c.key,
        entries.c.guid,
        entries.c.title,
        sources.c.url,
        entries.c.category,
        sources.c.id,
        entries.c.published_at,
        rulings.c.changes,
    )
    .select_from(ITEM_TABLES)
    .where(PENDING, _no_id)
    .order_by(*_oldest_first)
    .limit(bindparam("limit"))
    .offset(NO_OFFSET),
    "limit",
)
#: The source and key of an entry whose row cannot be read; as bytes, every key can be read.
NAME_OF_ENTRY = select(sources.c.id, as_stored(entries.c.key)).select_from(ITEM_TABLES).where(_of_entry)
FEED_METADATA = select(sources.c.id, sources.c.title, sources.c.home_url).where(sources.c.active)
PENDING_CATEGORIES = select(entries.c.category).where(PENDING).distinct()


def _pending_outputs(*conditions: ColumnElement[bool]) -> Select[Any]:
    pending = select(entries.c.pk).where(PENDING, *conditions)
    return select(memberships.c.output).where(memberships.c.entry_pk.in_(pending), memberships.c.listed).distinct()


PENDING_OUTPUTS = _pending_outputs()
#: The same up to a horizon, by the statement without one.
PENDING_UNTIL = {
    one: Prepared(one.statement.where(UNTIL), *one.names, "horizon")
    for one in (PENDING_ITEMS, PENDING_ITEMS_AFTER, UNASSIGNED)
    if isinstance(one.statement, Select)
}
PENDING_CATEGORIES_UNTIL = PENDING_CATEGORIES.where(UNTIL)
PENDING_OUTPUTS_UNTIL = _pending_outputs(UNTIL)

# -- all stored entries ----------------------------------------------------------------------------------------------

ENTRY_COUNT = select(func.count()).select_from(entries)
ENTRIES_AFTER = (
    select(*STORED_COLUMNS)
    .select_from(ITEM_TABLES)
    .where(entries.c.pk > bindparam("after"))
    .order_by(entries.c.pk)
    .limit(bindparam("limit"))
)
_as_read = (_of_entry, entries.c.revision == bindparam("read_revision"))
REWRITE = update(entries).where(*_as_read).values(**MADE_PENDING)
UNASSIGN = update(entries).where(*_as_read).values(path=null(), path_key=null())
ALL_FEED_METADATA = select(sources.c.pk, sources.c.title, sources.c.home_url)
