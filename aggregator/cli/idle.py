"""`update` where there is nothing to do: told at once, as long as nothing has changed; see `aggregator.idle`."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aggregator import idle
from aggregator.cli.console import say
from aggregator.cli.options import locked, utc_now
from aggregator.errors import AggregatorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.config import Config
    from aggregator.store import Store


class Prospect(NamedTuple):
    """A time in which there is nothing to do."""

    since: datetime
    #: None: without end.
    until: datetime | None
    #: When the next source is due; None: never.
    due: datetime | None
    #: Whether a quiet run has nothing to tell in it.
    quiet: bool


def repeat(config: Path, data: Path, *, wait: bool, quiet: bool) -> bool:
    """Do and say what a run would that has nothing to do, where the last one foretold that; returns whether that is so.

    Raises:
        LockedError: another process holds the data folder.
        PublishError: the heartbeat cannot be written.
    """
    if idle.recall(config, data, utc_now(), os.environ, quiet=quiet) is None:
        return False
    from aggregator.service.health import write_heartbeat

    with locked(data, wait=wait, quiet=quiet):
        # Whoever held the folder until now may have changed everything.
        now = utc_now()
        said = idle.recall(config, data, now, os.environ, quiet=quiet)
        if said is None:
            return False
        try:
            write_heartbeat(data, now)
        finally:
            for line in () if quiet else said:
                say(line)
    return True


def leave(config: Config, store: Store, now: datetime, *, quiet: bool) -> Prospect | None:
    """What the next run will find where nobody changes anything, after one that could do all; None: work is left.

    Args:
        quiet: whether this run has told what got worse or better, so that a quiet one has nothing to tell either.
    """
    from aggregator.retention import next_time

    asked = {source.id for source in config.sources if not source.paused}
    try:
        if not config.sources or store.pending_categories():
            return None
        if any(state.source_id in asked for state in store.due(now)):
            return None
        times = [state.next_due_at for state in store.states().values() if state.source_id in asked]
        due = min((time for time in times if time is not None), default=None)
        removal = next_time(config, store)
    except AggregatorError:
        # The next run says what is wrong.
        return None
    return Prospect(now, min((time for time in (due, removal) if time is not None), default=None), due, quiet)


def remember(config: Config, data: Path, said: Sequence[str], prospect: Prospect) -> None:
    """Keep what the next run will say, once the database is closed."""
    from aggregator.publish.publication import outputs

    published, until = outputs(config), prospect.until
    environ, quiet = os.environ, prospect.quiet
    idle.remember(config.path, data, config.read, published, said, prospect.since, until, environ, quiet=quiet)
