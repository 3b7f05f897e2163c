"""The problems of feeds.yaml, collected so that all of them are reported at once.

In: problems with their places. Out: one `ConfigError`, sorted by place, with secrets hidden. What is right or wrong is
not decided here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from aggregator.config.secrets import redact
from aggregator.errors import ConfigError, Problem

Path = tuple[str | int, ...]
"""The position of a value in the document: keys and list indexes from the top."""

Place = tuple[int, int]
"""Line and column, both from 1."""

_PLAIN_KEY = re.compile(r"[\w-]+")
_SHOWN = 60
#: The search for near misses is slow, and nobody reads thousands of hints.
_MOST_COMPARISONS = 50_000


def path_text(path: Iterable[str | int]) -> str:
    """Format a path as people write it: ``sources[3].scrape.items``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{show(step)}]"
    return text


def show(value: object) -> str:
    """Quote a value for a message: shortened, on one line."""
    text = value if isinstance(value, str) else _yaml_word(value)
    text = " ".join(text.split()).encode("utf-8", "replace").decode()
    return f"`{text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''}`"


def _yaml_word(value: object) -> str:
    words: dict[Any, str] = {True: "true", False: "false", None: "null"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


class Problems:
    """Collects the problems of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.secrets: set[str] = set()
        #: Paths whose last step is not in the file, because the short form of a list has one element.
        self.unwritten: set[Path] = set()
        #: For each source the index of its entry in the file, where that is another one; None: they are the same.
        self.entries: Sequence[int] | None = None
        self._found: dict[object, Problem] = {}
        self._comparisons_left = _MOST_COMPARISONS
        self._near: dict[tuple[str, tuple[str, ...]], str | None] = {}

    def add(self, message: str, place: Place | None = None, path: Path = ()) -> None:
        """Add a problem. Of several at one place, the first counts: the others follow from it."""
        line, column = place or (None, None)
        for short in self.unwritten:
            if path[: len(short)] == short:
                path = (*short[:-1], *path[len(short) :])
        if self.entries is not None and len(path) > 1 and path[0] == "sources" and isinstance(path[1], int):
            path = ("sources", self.entries[path[1]], *path[2:])
        problem = Problem(message, self.file, line, column, path_text(path))
        self._found.setdefault((line, column, problem.path) if place else problem, problem)

    def hint(self, word: str, options: Collection[str]) -> str:
        """Give advice, ``; did you mean `x`?``, with the option that `near` finds; empty where there is none."""
        near = self.near(word, options)
        return f"; did you mean `{near}`?" if near else ""

    def near(self, word: str, options: Collection[str]) -> str | None:
        """Return the option that `word` misses narrowly, or None."""
        asked = (word, tuple(options))
        if asked not in self._near:
            if self._comparisons_left < len(options) or len(word) > _SHOWN:
                return None
            self._comparisons_left -= len(options)
            self._near[asked] = next(iter(difflib.get_close_matches(word.lower(), options, n=1, cutoff=0.6)), None)
        return self._near[asked]

    def fatal(self, message: str, place: Place | None = None, path: Path = ()) -> ConfigError:
        """Add a problem after which nothing can be read, and return the error to raise."""
        self.add(message, place, path)
        return self.error()

    def error(self) -> ConfigError:
        """Return all problems so far as one error."""
        return ConfigError(self.sorted())

    def sorted(self) -> tuple[Problem, ...]:
        """Return all problems so far, sorted by place, without any secret."""
        secrets = frozenset(self.secrets)
        found = sorted(self._found.values(), key=lambda p: (p.line or 0, p.column or 0, p.path))
        return tuple(
            Problem(redact(p.message, secrets), p.file, p.line, p.column, redact(p.path, secrets)) for p in found
        )

    def raise_any(self) -> None:
        """Raise the problems found.

        Raises:
            ConfigError: there was at least one problem.
        """
        if self._found:
            raise self.error()
