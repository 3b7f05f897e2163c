"""Results of steps of one's own in the store (`rulingprotocol.StepStore`)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, select

from aggregator.store.database import Database
from aggregator.store.dialects import as_stored, replacing
from aggregator.store.prepared import Prepared, PreparedByLength
from aggregator.store.schema import entries, step_results

_rows = step_results.c
_RESULTS = PreparedByLength(lambda hashes: select(_rows.hash, as_stored(_rows.result)).where(_rows.hash.in_(hashes)))
_SAVE = Prepared(replacing(step_results), "hash", "result", "made_at")
COUNT = (
    select(func.count())
    .select_from(step_results)
    .where(
        _rows.made_at >= bindparam("moment"),
        func.substr(_rows.hash, 1, func.length(bindparam("begin"))) == bindparam("begin"),
    )
)
FORGET = delete(step_results).where(_rows.made_at < bindparam("before"))
#: Rows of versions that did not record it count as the oldest ones.
_OLDEST = select(func.min(entries.c.seen_at), func.count() - func.count(entries.c.seen_at))
#: A result is made before its entry is stored; a crash in between may leave this much time.
_SLACK = timedelta(days=7)


class SqlSteps:
    """The results in an open database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def results(self, hashes: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """See `StepStore.results`."""
        with self._database.read() as connection:
            found = [(hash, _load(dumped)) for hash, dumped in _RESULTS.rows(connection, (), hashes)]
        return {hash: result for hash, result in found if result is not None}

    def save(self, hash: str, result: Mapping[str, Any], now: datetime) -> None:
        """See `StepStore.save`."""
        dumped = json.dumps(result)
        with self._database.write() as connection:
            _SAVE.run(connection, hash, dumped, now)

    def count_since(self, moment: datetime, begin: str = "") -> int:
        """See `StepStore.count_since`."""
        with self._database.read() as connection:
            return connection.execute(COUNT, {"moment": moment, "begin": begin}).scalar_one()

    def forget_unneeded(self) -> None:
        """See `StepStore.forget_unneeded`."""
        with self._database.write() as connection:
            if connection.execute(select(_rows.hash).limit(1)).first() is None:
                return
            oldest, unknown = connection.execute(_OLDEST).one()
            if oldest is not None and not unknown:
                connection.execute(FORGET, {"before": oldest - _SLACK})


def _load(dumped: bytes | str) -> Mapping[str, Any] | None:
    """Return a result; a damaged one is none, so that its step runs again."""
    try:
        result = json.loads(dumped)
    except (ValueError, TypeError, RecursionError):
        return None
    return result if isinstance(result, dict) else None
