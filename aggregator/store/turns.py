"""The methods of the store about turns, fingerprints, and what is published: see `TurnStore` and `stamps`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from aggregator.store import archives, postpaths, stamps, statements
from aggregator.store import fingerprints as prints
from aggregator.store.database import Database
from aggregator.store.prepared import Prepared


class Turns:
    """The methods of the store that have a horizon."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: The last stamp that the publication in progress takes part in; None: all of them.
        self._horizon: int | None = None

    def turn(self) -> None:
        """See `TurnStore.turn`."""
        if self._database.shared:
            # Within a transaction that writes: no other one that has taken a stamp is still to be committed.
            with self._database.write() as connection:
                self._horizon = stamps.horizon(connection)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `TurnStore.alone`."""
        with self._database.alone():
            horizon, self._horizon = self._horizon, None
            try:
                yield
            finally:
                self._horizon = horizon

    def sole(self, name: str) -> AbstractContextManager[bool]:
        """See `TurnStore.sole`."""
        return self._database.sole(name)

    def pending_categories(self) -> set[str]:
        """See `Store.pending_categories`."""
        asked: dict[str, int] = {}
        first, besides = statements.PENDING_CATEGORIES, statements.PENDING_OUTPUTS
        if self._horizon is not None:
            first, besides = statements.PENDING_CATEGORIES_UNTIL, statements.PENDING_OUTPUTS_UNTIL
            asked = {"horizon": self._horizon}
        with self._database.read() as connection:
            categories = set(connection.execute(first, asked).scalars())
            return categories.union(connection.execute(besides, asked).scalars()) if categories else set()

    def mark_published(self, pks: Collection[int]) -> None:
        """See `Store.mark_published`."""
        with self._database.write() as connection:
            numbers = [(pk,) for pk in sorted(pks)]
            # What was intended is what was written, also where an entry was changed since.
            postpaths.mark_written(connection, numbers)
            if self._horizon is None:
                statements.MARK_PUBLISHED.run_many(connection, numbers)
            else:
                until = [(pk, self._horizon) for (pk,) in numbers]
                statements.MARK_PUBLISHED_UNTIL.run_many(connection, until)
            archives.mark_entries(connection, pks)

    def fingerprints(self) -> dict[str, str]:
        """See `Store.fingerprints`."""
        with self._database.read() as connection:
            return prints.recorded(connection)

    def record_fingerprints(self, fingerprints: Mapping[str, str]) -> None:
        """See `Store.record_fingerprints`."""
        if fingerprints:
            with self._database.write() as connection:
                prints.record(connection, fingerprints, self._horizon)

    def _pending(self, prepared: Prepared, asked: Mapping[str, Any]) -> tuple[Prepared, dict[str, Any]]:
        """Return a statement about pending entries up to the horizon, and its parameters in their order."""
        if self._horizon is None:
            return prepared, dict(asked)
        return statements.PENDING_UNTIL[prepared], {**asked, "horizon": self._horizon}
