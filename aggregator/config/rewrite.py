"""Put an edited feeds.yaml in the place of the old one, once it is sure that it says what it should.

In: the configuration in force, the text it was read from, the edited text, and what is to be different. Out: the new
configuration, and the file replaced as a whole. How a text is edited is the business of `aggregator.config.edit`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from aggregator.config.load import load
from aggregator.config.model import Config
from aggregator.errors import AggregatorError
from aggregator.models import Source


def read_text(path: Path) -> str:
    """The text of feeds.yaml as it is: with its line breaks, and with the byte order mark where it has one.

    Raises:
        AggregatorError: it cannot be read.
    """
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise AggregatorError(f"{path} cannot be read: {error}") from error


def check(
    config: Config,
    text: str,
    environ: Mapping[str, str],
    *,
    urls: Mapping[int, str] | None = None,
    removed: Collection[int] = (),
    paused: Mapping[int, bool] | None = None,
) -> Config:
    """Load an edited text and compare it with the configuration that it was made from.

    Args:
        urls: the new address of each source that is to have one, by index.
        removed: indexes of the sources that are to be missing.
        paused: sources that are to be paused, or no longer so, by index.

    Raises:
        ConfigError: it is wrong now, for example because something refers to what was taken out.
        AggregatorError: anything else has changed as well.
    """
    new = load(config.path, environ, text=text)
    moved, resting = urls or {}, paused or {}
    expected = [
        replace(source, url=moved.get(index, source.url), paused=resting.get(index, source.paused))
        for index, source in enumerate(config.sources)
        if index not in removed
    ]
    sections = ("site", "posts", "feeds", "fetch", "hooks")
    same = all(getattr(config, name) == getattr(new, name) for name in sections) and list(
        map(_essence, new.sources)
    ) == list(map(_essence, expected))
    if not same:
        raise AggregatorError(f"the edit would change more of {config.path} than it should; edit it by hand")
    return new


def replace_file(path: Path, before: str, after: str) -> None:
    """Write `after` in the place of `before`, as a whole or not at all; who owns it and may read it stays.

    Raises:
        AggregatorError: the file holds something else than `before` by now, or cannot be replaced.
    """
    target = path.resolve()
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(after.encode())
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, temporary)
        _copy_owner(target, temporary)
        if target.read_bytes() != before.encode():
            raise AggregatorError(f"{path} was changed meanwhile and is left as it is; try again")
        temporary.replace(target)
    except OSError as error:
        raise AggregatorError(f"{path} cannot be replaced: {error.strerror or error}; edit it by hand") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _copy_owner(source: Path, target: Path) -> None:
    if hasattr(os, "chown"):
        there = source.stat()
        with suppress(PermissionError):
            os.chown(target, there.st_uid, there.st_gid)


def _essence(source: Source) -> Source:
    """A source without what an edit elsewhere may change: its line, and what is made from addresses."""
    return replace(source, line=0, id=source.id if source.explicit_id else "", public_url=None, fallback_name="")
