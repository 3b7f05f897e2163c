"""Notice that feeds.yaml changed, read it, and say what is different.

In: the path of the file and the configuration in force. Out: a new `Config`, or a `ConfigError` and nothing changed.
Which of them is used when is the business of `aggregator.service.daemon`.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

from aggregator.config import Config, load
from aggregator.log import tell

#: Names in one log line at most.
_NAMED = 10
#: Milliseconds of quiet that make a burst of changes one; an editor writes a file in several steps.
_QUIET_MS = 400


class ConfigFile:
    """feeds.yaml as it was read last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digest = ""

    def load(self) -> Config:
        """Read and check the file.

        Raises:
            ConfigError: it is wrong; until it changes again, `changed` is false.
        """
        self._digest = self._read()
        return load(self.path, os.environ)

    def changed(self) -> bool:
        """Whether the file holds other bytes than at the last `load`."""
        return self._read() != self._digest

    async def watch(self, on_change: Callable[[], object]) -> None:
        """Call `on_change` after each change of the file, until cancelled.

        The folder is watched, since editors replace files, and so do the links of mounted configurations.
        """
        try:
            async for _ in self._events():
                if self.changed():
                    on_change()
        except (OSError, RuntimeError) as error:
            tell(
                f"{self.path} cannot be watched ({error}); after a change, send SIGHUP",
                action="reload",
                level=logging.WARNING,
            )

    async def _events(self) -> AsyncIterator[None]:
        from watchfiles import awatch

        folder = self.path.absolute().parent
        async for _ in awatch(folder, recursive=False, watch_filter=None, debounce=_QUIET_MS):
            yield

    def _read(self) -> str:
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError:
            return ""


def differences(old: Config, new: Config) -> str:
    """Say in one line what a new configuration changes, for the log."""
    before = {source.id: replace(source, line=0) for source in old.sources}
    after = {source.id: replace(source, line=0) for source in new.sources}
    both = [name for name in after if name in before]
    told = [
        _list("added", [name for name in after if name not in before]),
        _list("removed", [name for name in before if name not in after]),
        _list("changed", [name for name in both if before[name] != after[name]]),
    ]
    sections = ("site", "posts", "feeds", "fetch", "hooks", "categories")
    told.append(_list("other sections:", [name for name in sections if getattr(old, name) != getattr(new, name)]))
    return "; ".join(filter(None, told)) or "nothing that matters"


def _list(what: str, names: list[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{what} {', '.join(names[:_NAMED])}{rest}"
