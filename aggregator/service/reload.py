"""Watch feeds.yaml, reload it after a change, and describe the differences.

In: the path of the file and the configuration in force. Out: a new `Config`, or a `ConfigError`. The daemon
(`aggregator.service.daemon`) decides when a new one takes effect.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

from aggregator.config import Config, load
from aggregator.log import log_event

#: Maximum number of names in one log line.
_MAX_NAMES = 10
#: Milliseconds without a change that end a burst of them; an editor writes a file in several steps.
_QUIET_MS = 400
#: What `differences` compares besides the sources.
_SECTIONS = tuple("site posts presets feeds fetch hooks after_publish categories rules outputs duplicates".split())


class ConfigFile:
    """feeds.yaml, and a digest of the bytes that were last read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digest = ""

    def load(self) -> Config:
        """Read and check the file.

        Raises:
            ConfigError: it is invalid; `changed` is false until it changes again.
        """
        self._digest = self._read()
        return load(self.path, os.environ)

    def changed(self) -> bool:
        """Return whether the bytes of the file differ from those at the last `load`."""
        return self._read() != self._digest

    async def watch(self, on_change: Callable[[], object]) -> None:
        """Call `on_change` after each change of the file, until cancelled.

        It watches the folder, because editors replace files, and mounted configurations replace links.
        """
        try:
            async for _ in self._events():
                if self.changed():
                    on_change()
        except (OSError, RuntimeError) as error:
            log_event(
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
    """Describe in one line, for the log, what a new configuration changes."""
    before = {source.id: replace(source, line=0) for source in old.sources}
    after = {source.id: replace(source, line=0) for source in new.sources}
    both = [name for name in after if name in before]
    changes = [
        _list("added", [name for name in after if name not in before]),
        _list("removed", [name for name in before if name not in after]),
        _list("changed", [name for name in both if before[name] != after[name]]),
    ]
    changes.append(_list("other sections:", [name for name in _SECTIONS if getattr(old, name) != getattr(new, name)]))
    return "; ".join(filter(None, changes)) or "no effective change"


def _list(what: str, names: list[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f"{what} {', '.join(names[:_MAX_NAMES])}{rest}"
