"""`update` where there is nothing to do: told at once, as long as nothing has changed; see `aggregator.idle`."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator import idle
from aggregator.cli.console import say
from aggregator.cli.options import locked, utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.config import Config
    from aggregator.store import Store


def repeat(config: Path, data: Path, *, wait: bool) -> bool:
    """Do and say what the last run did, where there is still nothing to do; returns whether that is so.

    Raises:
        LockedError: another process holds the data folder.
        PublishError: the heartbeat cannot be written.
    """
    if idle.recall(config, data, utc_now(), os.environ) is None:
        return False
    from aggregator.health import write_heartbeat

    with locked(data, wait=wait):
        # Whoever held the folder until now may have changed everything.
        now = utc_now()
        said = idle.recall(config, data, now, os.environ)
        if said is None:
            return False
        try:
            write_heartbeat(data, now)
        finally:
            for line in said:
                say(line)
    return True


def work_ahead(config: Config, store: Store) -> datetime | None:
    """When there is something to do at the latest, where nobody changes anything; None: never."""
    from aggregator.retention import next_time

    asked = {source.id for source in config.sources if not source.paused}
    times = [state.next_due_at for state in store.states().values() if state.source_id in asked]
    times.append(next_time(config, store))
    return min((time for time in times if time is not None), default=None)


def remember(config: Config, data: Path, said: Sequence[str], now: datetime, until: datetime | None) -> None:
    """Keep what a run said that found nothing to do, once the database is closed."""
    from aggregator.publish.site import outputs

    idle.remember(config.path, data, config.read, outputs(config), said, now, until, os.environ)
