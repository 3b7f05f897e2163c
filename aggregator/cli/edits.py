"""What the commands that edit feeds.yaml share: the edit as a whole, and what is said of ids that change with it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aggregator.cli.console import say
from aggregator.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from aggregator.config import Config
    from aggregator.models import Source


def index_of(config: Config, source: str) -> int:
    """Return the index of a source by its id."""
    return next(index for index, one in enumerate(config.sources) if one.id == source)


def edit_file(
    config: Config,
    edit: Callable[[str], str],
    *,
    removed: Collection[int] = (),
    paused: Mapping[int, bool] | None = None,
    values: Mapping[int, Mapping[str, str | None]] | None = None,
) -> Config:
    """Edit the file and return the new configuration; see `check_edit` for the other arguments.

    Raises:
        ConfigError: it has to be edited by hand.
        AggregatorError: it could not be edited; nothing was changed.
    """
    from aggregator.config.editing import check_edit, read_text, replace_file
    from aggregator.config.layout import NotEditable

    before = read_text(config.path)
    try:
        after = edit(before)
    except NotEditable as error:
        raise ConfigError([Problem(str(error), str(config.path))]) from None
    new = check_edit(config, after, os.environ, removed=removed, paused=paused, values=values)
    replace_file(config.path, before, after)
    return new


def say_new_ids(before: Sequence[Source], after: Sequence[Source], made_from: str) -> None:
    """Say which ids change with an edit.

    Args:
        before, after: the same sources.
        made_from: what these ids are made from.
    """
    for old, new in zip(before, after, strict=True):
        if old.id != new.id:
            say(f"the id {old.id}, made from the {made_from}, becomes {new.id}; its entries stay with it")
