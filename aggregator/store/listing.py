"""Where entries are listed, and what follows when that changes: feeds and pages of archives are out of date.

An entry is listed in its first category and in the outputs of its memberships, unless its source is not configured, or
it is not published, or is a draft. `entries.category` and `memberships.listed` say so; both follow from other tables,
and `relist` brings them up to date. The functions work within the transaction of their caller.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    bindparam,
    case,
    delete,
    func,
    null,
    or_,
    select,
    update,
)

from aggregator.store import archives, fingerprints
from aggregator.store.dialects import ignoring
from aggregator.store.prepared import Prepared
from aggregator.store.schema import (
    entries,
    folder_posts,
    memberships,
    post_files,
    rulings,
    sources,
    withheld_posts,
)
from aggregator.store.stamps import next_stamp

_among: BindParameter[Any] = bindparam("values", expanding=True)
_ruling = select(rulings.c.verdict).where(rulings.c.entry_pk == entries.c.pk).scalar_subquery()
_source = sources.c.pk == entries.c.source_pk
#: The first category in which an entry is published.
_category = case(
    (or_(_ruling.is_not(null()), ~select(sources.c.active).where(_source).scalar_subquery()), null()),
    else_=func.coalesce(
        select(rulings.c.category).where(rulings.c.entry_pk == entries.c.pk).scalar_subquery(),
        select(sources.c.category).where(_source).scalar_subquery(),
    ),
)
_listed = (
    select(entries.c.category.is_not(null()) & ~entries.c.draft)
    .where(entries.c.pk == memberships.c.entry_pk)
    .scalar_subquery()
)
_relist = (
    update(entries).where(entries.c.category.is_distinct_from(_category)).values(category=_category, stamp=next_stamp())
)
_relist_members = update(memberships).where(memberships.c.listed != _listed).values(listed=_listed)
_of_source = entries.c.source_pk == bindparam("of_source")
RELIST = (
    _relist.where(entries.c.pk.in_(_among)),
    _relist_members.where(memberships.c.entry_pk.in_(_among)),
)
RELIST_SOURCE = (
    _relist.where(_of_source),
    _relist_members.where(memberships.c.entry_pk.in_(select(entries.c.pk).where(_of_source))),
)


def _has_files(of: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the file of an entry was written, or about to be written, in any folder."""
    folder = folder_posts.c
    return or_(
        select(post_files.c.entry_pk).where(post_files.c.entry_pk == of).exists(),
        select(folder.entry_pk)
        .where(folder.entry_pk == of, folder.written.is_not(null()) | folder.intended.is_not(null()))
        .exists(),
    )


_withheld = select(rulings.c.entry_pk).where(rulings.c.entry_pk.in_(_among), rulings.c.verdict.is_not(null()))
_NOTE_WITHHELD = ignoring(withheld_posts).from_select(["entry_pk"], _withheld.where(_has_files(rulings.c.entry_pk)))
_DROP_PUBLISHED = delete(withheld_posts).where(
    withheld_posts.c.entry_pk.in_(_among), withheld_posts.c.entry_pk.not_in(_withheld)
)
_DROP_WITHDRAWN = Prepared(
    delete(withheld_posts).where(
        withheld_posts.c.entry_pk == bindparam("of_entry"), ~_has_files(withheld_posts.c.entry_pk)
    ),
    "of_entry",
)
_ANY_MEMBER = select(memberships.c.output).limit(1)


@contextmanager
def changing(connection: Connection, pks: Collection[int]) -> Iterator[set[tuple[str, int]]]:
    """Make out of date, at the end, the outputs that entries have come into or left, and note posts to withdraw.

    Entries that outputs show as before, but with other texts, are pending instead.

    Yields:
        A set of outputs that show an entry in another way, with its number; the caller adds to it.
    """
    before = archives.shown(connection, pks)
    others: set[tuple[str, int]] = set()
    yield others
    outdate(connection, (before ^ archives.shown(connection, pks)) | others)
    given = list(pks)
    if given:
        connection.execute(_NOTE_WITHHELD, {"values": given})
        connection.execute(_DROP_PUBLISHED, {"values": given})


def outdate(connection: Connection, pairs: Collection[tuple[str, int]]) -> None:
    """Make the feeds of outputs, and the pages that hold some of their entries, out of date."""
    archives.mark(connection, pairs)
    fingerprints.clear_feeds(connection, {output for output, _ in pairs})


def outdate_source(connection: Connection, source_pk: int) -> None:
    """Make everything out of date that shows entries of a source."""
    outdate(connection, archives.shown_of_source(connection, source_pk))


def relist(connection: Connection, pks: Collection[int]) -> None:
    """Make the entries listed where their rulings and sources say; within `changing`."""
    given = list(pks)
    if given:
        for statement in RELIST:
            connection.execute(statement, {"values": given})


def relist_source(connection: Connection, source_pk: int) -> None:
    """Make the entries of a source listed where their rulings and the source say."""
    of: Mapping[str, int] = {"of_source": source_pk}
    connection.execute(RELIST_SOURCE[0], of)
    if connection.execute(_ANY_MEMBER).first() is not None:
        connection.execute(RELIST_SOURCE[1], of)


def note_withheld(connection: Connection, pks: Collection[int]) -> None:
    """Note posts to withdraw among those whose files are about to be written: their entries may be withheld by now."""
    if pks:
        connection.execute(_NOTE_WITHHELD, {"values": list(pks)})


def forget_withheld(connection: Connection, pks: Collection[int]) -> None:
    """Forget that posts have to be withdrawn, where no file is left."""
    _DROP_WITHDRAWN.run_many(connection, [(pk,) for pk in pks])
