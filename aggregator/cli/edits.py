"""What the commands that write feeds.yaml share: a new file, an edit as a whole, and what is said of changed ids."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aggregator.cli.console import say
from aggregator.errors import AggregatorError, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from aggregator.config import Config
    from aggregator.config.additions import NewSource
    from aggregator.models import Source


def write_new(path: Path, text: str, *, replace: bool = False) -> Path:
    """Write a feeds.yaml, and the JSON Schema with which editors check it beside it, and return the latter's path.

    Args:
        replace: whether a file that is there is replaced.

    Raises:
        AggregatorError: one of them cannot be written.
    """
    from aggregator.config import schema_text

    schema = path.with_name("feeds.schema.json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if replace else "x", encoding="utf-8", newline="") as file:
            file.write(text)
        schema.write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        raise AggregatorError(
            f"{error.filename} cannot be written: {error.strerror}; check its path, its permissions and the free space"
        ) from None
    return schema


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
    added: Sequence[NewSource] = (),
    before: str | None = None,
) -> Config:
    """Edit the file and return the new configuration; see `check_edit` for the other arguments.

    Args:
        before: the text that the file must still have; None: whatever it has now.

    Raises:
        ConfigError: it has to be edited by hand.
        AggregatorError: it could not be edited; nothing was changed.
    """
    from aggregator.config.editing import check_edit, read_text, replace_file
    from aggregator.config.layout import NotEditable

    if before is None:
        before = read_text(config.path)
    try:
        after = edit(before)
    except NotEditable as error:
        raise ConfigError([Problem(str(error), str(config.path))]) from None
    new = check_edit(config, after, os.environ, removed=removed, paused=paused, values=values, added=added)
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
