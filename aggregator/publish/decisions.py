"""Carry out what persons decided in review, before anything is published.

In: the store and the configuration. Out: rulings that follow from the decisions. A command only records a decision, so
that it need not wait until no other process publishes; after a crash the next call goes on.
"""

from __future__ import annotations

from datetime import datetime

from aggregator.config import Config
from aggregator.errors import RowError
from aggregator.judging import KeptSteps, judge_stored
from aggregator.publish.report import OutputFailure, refused_row
from aggregator.store import Store

#: Entries that are read at once.
BATCH = 100


def carry_out_decisions(store: Store, config: Config, now: datetime) -> list[OutputFailure]:
    """Judge the entries again on which persons have decided, and return those that could not be stored."""
    failures: list[OutputFailure] = []
    while found := store.to_carry_out(BATCH + len(failures)):
        failed = {failure.what for failure in failures}
        left = [one for one in found if _name(one.stored.pk) not in failed]
        if not left:
            break
        for one in left:
            try:
                store.carry_out(one.stored.pk, judge_stored(config, one, KeptSteps(store)), now)
            except RowError as error:
                failures.append(refused_row(_name(one.stored.pk), error))
    return failures


def _name(pk: int) -> str:
    return f"the decision on item {pk}"
