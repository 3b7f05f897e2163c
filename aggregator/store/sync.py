"""Compare the configured sources with the stored ones: what must be written so that they agree.

In: sources and rows. Out: a plan. Pure: this module reads and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aggregator.models import FeedState, Source
from aggregator.store.rows import origin_name, state_values


class SourceRow(NamedTuple):
    """The stored configuration of a source, in the order of `statements.CONFIGURED`."""

    pk: int
    id: str
    kind: str
    url: str
    public_url: str | None
    fallback_name: str | None
    name: str | None
    category: str
    section: str | None
    explicit_id: bool
    active: bool
    republish: str
    copyright: str | None
    noindex: bool
    #: The title of the feed when it was last read.
    title: str | None
    #: The new address, if the feed has moved.
    moved_to: str | None


@dataclass(slots=True)
class SyncPlan:
    """Parameters of the statements to execute, in the order of the fields."""

    #: Temporary ids of rows whose id goes to another row, so that no two rows ever have the same id.
    released: list[dict[str, Any]] = field(default_factory=list)
    added: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    #: Rows whose state belongs to a former address.
    reset: list[dict[str, Any]] = field(default_factory=list)
    removed: list[dict[str, Any]] = field(default_factory=list)
    #: Numbers of sources whose entries get other categories, or are in no feed any more.
    moved: list[int] = field(default_factory=list)
    #: Sources whose posts are out of date.
    stale: list[dict[str, Any]] = field(default_factory=list)
    #: Whether a source has another category, on which rules and outputs may depend.
    recategorized: bool = False

    def __bool__(self) -> bool:
        return bool(self.released or self.added or self.changed or self.removed)


#: Columns that the configuration decides.
_COLUMNS = SourceRow._fields[1:-2]

#: The values of a state that depend on the document at an address. Title and home page stay until the next fetch;
#: rhythm and identity belong to the entries, which stay.
RESET = {
    name: value
    for name, value in state_values(FeedState("")).items()
    if name not in ("title", "home_url", "last_attempt_at", "last_success_at", "rhythm", "identity")
}


def plan(sources: Sequence[Source], rows: Sequence[SourceRow]) -> SyncPlan:
    """Return the changes that make `rows` agree with `sources`, whose ids are distinct."""
    found = match(sources, rows)
    configured = {source.id for source in sources}
    made = SyncPlan()
    for source in sources:
        row = found.get(source.id)
        wanted = _values(source)
        if row is None:
            made.added.append(
                {**dict(zip(_COLUMNS, wanted, strict=True)), **state_values(FeedState(source.id)), "entries": 0}
            )
        elif wanted != row[1:-2]:
            _change(made, row, source)
    kept = {row.pk for row in found.values()}
    for row in rows:
        if row.pk in kept:
            continue
        if row.id in configured:
            made.released.append({"source_pk": row.pk, "id": _free_id(row)})
        if row.active:
            made.removed.append({"source_pk": row.pk, "active": False})
            made.moved.append(row.pk)
    return made


def match(sources: Sequence[Source], rows: Sequence[SourceRow]) -> dict[str, SourceRow]:
    """Return the row of each source that has one, by the source's id.

    An explicit id identifies a source. A derived id does not, because it depends on what else is configured (`example`
    and `example-2`). Such a source is the row with its address, else the row that has moved to its address, else the
    row with its id. A source whose explicit id was changed is found the same way: it is the row with its address, if no
    other source has the id of that row.
    """
    by_id = {row.id: row for row in rows}
    found: dict[str, SourceRow] = {}
    used: set[int] = set()

    def take(look: Callable[[Source], SourceRow | None]) -> None:
        for source in sources:
            if source.id not in found:
                row = look(source)
                if row is not None and row.pk not in used:
                    found[source.id] = row
                    used.add(row.pk)

    def same(source: Source) -> SourceRow | None:
        row = by_id.get(source.id)
        return row if row and _address(row) == _address(source) else None

    def named(source: Source) -> SourceRow | None:
        return by_id.get(source.id) if source.explicit_id else None

    def addressed(source: Source) -> SourceRow | None:
        for row in by_address.get(_address(source), ()):
            if row.pk not in used:
                return row
        return None

    def called(source: Source) -> SourceRow | None:
        return by_id.get(source.id)

    def index(address: Callable[[SourceRow], tuple[str, str]]) -> None:
        by_address.clear()
        for row in rows:
            if row.pk not in used:
                by_address.setdefault(address(row), []).append(row)

    take(same)
    take(named)
    by_address: dict[tuple[str, str], list[SourceRow]] = {}
    index(_address)
    take(addressed)
    index(lambda row: (row.kind, row.moved_to or ""))
    take(addressed)
    take(called)
    return found


def _address(place: Source | SourceRow) -> tuple[str, str]:
    return place.kind, place.url


def _change(made: SyncPlan, row: SourceRow, source: Source) -> None:
    if row.id != source.id:
        made.released.append({"source_pk": row.pk, "id": _free_id(row)})
    made.changed.append({"source_pk": row.pk, **dict(zip(_COLUMNS, _values(source), strict=True))})
    if _address(row) != _address(source):
        made.reset.append({"source_pk": row.pk, **RESET})
    if not row.active or row.category != source.category:
        made.moved.append(row.pk)
    made.recategorized = made.recategorized or row.category != source.category
    before = (origin_name(row.name, row.title, row.fallback_name), row.category, row.section)
    after = (origin_name(source.name, row.title, source.fallback_name), source.category, source.section)
    permitted = (row.republish, row.copyright, row.noindex) == (source.republish, source.copyright, source.noindex)
    # While a source is inactive, changes of rendering do not reach its posts.
    if before != after or not permitted or not row.active:
        made.stale.append({"of_source": row.pk})


def _values(source: Source) -> tuple[Any, ...]:
    """Return the values of `_COLUMNS` for a source."""
    return (
        source.id,
        source.kind,
        source.url,
        source.public_url,
        source.fallback_name,
        source.name,
        source.category,
        source.section,
        source.explicit_id,
        True,
        source.republish,
        source.copyright,
        source.noindex,
    )


def _free_id(row: SourceRow) -> str:
    """Return an id that no configured source can have: `~` is not allowed in ids."""
    return f"~{row.pk}"
