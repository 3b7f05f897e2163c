"""Join the same item from several sources before anything is published; see `aggregator.duplicates`.

In: the store and the configuration. Out: entries that are copies, and no longer published, and entries that are none
any more. Only addresses at which something has changed are looked at; after a change of the settings, these are all.
After a crash the next call goes on: what is stale stays so until it is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aggregator.config import Config
from aggregator.duplicates.levels import Levels
from aggregator.errors import RowError
from aggregator.judging import stored_rulings
from aggregator.publish.report import OutputFailure, refused_row
from aggregator.store import DUPLICATES, Store

if TYPE_CHECKING:
    from aggregator.duplicates.finding import Finder

#: Addresses that are compared in one transaction.
BATCH = 500


def join_duplicates(store: Store, config: Config) -> list[OutputFailure]:
    """Compare entries with each other where they, or the settings, have changed.

    Returns:
        Sources and addresses that could not be read; their entries stay as they are until the next call.

    Raises:
        StoreError: the store failed, and not because of a row.
    """
    levels = Levels(config.duplicates)
    if store.fingerprints().get(DUPLICATES, "") != levels.definition:
        store.copies.restart(levels.definition)
    if not levels.definition:
        return []
    # Most configurations join nothing.
    from aggregator.duplicates.finding import Finder

    failures: list[OutputFailure] = []
    finder = Finder(levels)
    for source_id in store.copies.stale_sources():
        try:
            store.copies.replace_addresses(source_id, _addresses(store, source_id, finder))
        except RowError as error:
            failures.append(refused_row(f"duplicates of source {source_id!r}", error))
    last = ""
    while addresses := store.copies.stale(BATCH, last):
        last = addresses[-1]
        failures += _rejoin(store, levels, addresses)
    return failures


def _addresses(store: Store, source_id: str, finder: Finder) -> dict[int, str | None]:
    from aggregator.rules.facts import Facts

    found: dict[int, str | None] = {}
    for one in stored_rulings(store, source_id):
        entry, facts = one.ruling.entry, Facts(one.ruling.entry, one.sight, one.ruling.category)
        # As in a judgement: what rules drop or hold is no item.
        is_item = one.ruling.verdict in ("published", "copy")
        found[one.stored.pk] = finder(entry, one.sight, facts) if is_item else None
    return found


def _rejoin(store: Store, levels: Levels, addresses: list[str]) -> list[OutputFailure]:
    from aggregator.duplicates.joining import join

    try:
        store.copies.rejoin(addresses, lambda address, found, apart: join(address, found, levels, apart))
    except RowError as error:
        if len(addresses) == 1:
            return [refused_row(f"duplicates at {addresses[0]}", error)]
        return [failure for address in addresses for failure in _rejoin(store, levels, [address])]
    return []
