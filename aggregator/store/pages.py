"""Pages of entries and instances in the store: what kinds of source remember besides the state of a source.

The functions work within the transaction of their caller, the methods are transactions (`protocol.PageStore`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from aggregator.models import InstanceState, PageState
from aggregator.store.database import Database
from aggregator.store.dialects import replacing
from aggregator.store.prepared import Prepared, PreparedByLength
from aggregator.store.schema import entries, instances, pages, sources

_NAMES = tuple(field.name for field in fields(PageState))
_values = attrgetter(*_NAMES)
_of_id = select(sources.c.pk).where(sources.c.id == bindparam("source_id")).scalar_subquery()
_PAGES = PreparedByLength(
    lambda keys: select(*(pages.c[name] for name in _NAMES)).where(pages.c.source_pk == _of_id, pages.c.key.in_(keys)),
    "source_id",
)
_SAVE = Prepared(replacing(pages), "source_pk", *_NAMES)
_FORGET = delete(pages).where(
    select(entries.c.pk)
    .where(
        entries.c.source_pk == pages.c.source_pk,
        entries.c.key == pages.c.key,
        entries.c.pk.in_(bindparam("values", expanding=True)),
    )
    .exists()
)
_FORGET_SOURCE = delete(pages).where(
    pages.c.source_pk
    == select(sources.c.pk).where(sources.c.id == bindparam("source_id"), ~sources.c.active).scalar_subquery()
)
_INSTANCES = select(instances.c.url, instances.c.failures, instances.c.until).order_by(instances.c.url)
_RECORD = Prepared(replacing(instances), "url", "failures", "until")


def save(connection: Connection, source_pk: int, states: Iterable[PageState]) -> None:
    """Remember pages, in place of what was remembered of them."""
    _SAVE.run_many(connection, [(source_pk, *_values(state)) for state in states])


def forget(connection: Connection, pks: Sequence[int]) -> None:
    """Forget the pages of these entries, which are still stored."""
    connection.execute(_FORGET, {"values": pks})


def forget_source(connection: Connection, source_id: str) -> None:
    """Forget all pages of a source that is no longer configured."""
    connection.execute(_FORGET_SOURCE, {"source_id": source_id})


class SqlPages:
    """What is remembered of pages and instances in an open database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, source_id: str, keys: Collection[str]) -> dict[str, PageState]:
        """See `PageStore.find`."""
        with self._database.read() as connection:
            states = [_page(row) for row in _PAGES.rows(connection, (source_id,), keys)]
        return {state.key: state for state in states}

    def instances(self) -> dict[str, InstanceState]:
        """See `PageStore.instances`."""
        with self._database.read() as connection:
            rows = connection.execute(_INSTANCES).all()
        return {url: InstanceState(url, failures or 0, until) for url, failures, until in rows}

    def record_instances(self, states: Iterable[InstanceState]) -> None:
        """See `PageStore.record_instances`."""
        with self._database.write() as connection:
            _RECORD.run_many(connection, [(state.url, state.failures, state.until) for state in states])


def _page(row: Sequence[Any]) -> PageState:
    *values, fruitless = row
    return PageState(**dict(zip(_NAMES, (*values, fruitless or 0), strict=True)))
