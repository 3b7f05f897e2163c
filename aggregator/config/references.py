"""`${env:NAME}` and `${file:PATH}` inside the values of feeds.yaml.

In: one string. Out: the string with its references replaced. Nothing that was put in is looked at again, so a secret
may hold any text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

#: A variable as shells and other programs write it.
_NAME = re.compile(r"(?:env[.:]|ENV[.:])?([A-Z_][A-Z0-9_]{0,60})\}")
#: A name with what shells give for a variable that is not set.
_DEFAULT = re.compile(r"(\w{1,60})\s*(?::[-=?+]|[|,?=])")
MAX_FILE = 64 * 1024
"""Bytes that a referenced file may have."""

_REFERENCE = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?:(?P<kind>env|file):(?P<name>[^{}]*)\}|(?P<other>[^{}]*\}?))")


class BadReference(ValueError):
    """A reference that cannot be replaced; the message says why."""


class References:
    """Replaces references; remembers where to look, and a digest of what was found."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ
        self._found: dict[tuple[str, str], str] = {}

    @property
    def found(self) -> tuple[tuple[str, str, str], ...]:
        """Kind, name and digest of each value that was put in."""
        return tuple((kind, name, value) for (kind, name), value in self._found.items())

    def replace(self, text: str) -> tuple[str, list[str]]:
        """Replace every reference in `text`.

        Returns:
            The new text, and the values that were put in.

        Raises:
            BadReference: one of them cannot be resolved.
        """
        values: list[str] = []

        def value(match: re.Match[str]) -> str:
            if match["escaped"]:
                return "${"
            if match["kind"] is None:
                said = f"`${{{match['other'][:60]}` is not understood"
                if variable := _NAME.fullmatch(match["other"]):
                    raise BadReference(f"{said}; did you mean `${{env:{variable[1]}}}`? A literal `${{` is `$${{`")
                raise BadReference(f"{said}; write `${{env:NAME}}` or `${{file:PATH}}`, and `$${{` for a literal `${{`")
            found = self._env(match["name"]) if match["kind"] == "env" else self._file(match["name"])
            values.append(found)
            return found

        return _REFERENCE.sub(value, text), values

    def _env(self, name: str) -> str:
        found = self._environ.get(name)
        if found is None and (match := _DEFAULT.match(name)):
            raise BadReference(
                f"`${{env:{match[1]}…}}` has a default, which no reference can; write `${{env:{match[1]}}}`"
            )
        if found is None:
            raise BadReference(f"the environment has no variable `{name}`; set it, or change the reference")
        try:
            found.encode()
        except UnicodeEncodeError:
            raise BadReference(f"the environment variable `{name}` is not UTF-8") from None
        self._found["env", name] = hashlib.sha256(found.encode()).hexdigest()
        return found

    def _file(self, name: str) -> str:
        try:
            path = self._folder / name
            if not path.is_file():
                raise BadReference(f"there is no file `{name}` (seen from {self._folder})")
            with path.open("rb") as file:
                data = file.read(MAX_FILE + 1)
        except (OSError, ValueError) as error:
            if isinstance(error, BadReference):
                raise
            reason = getattr(error, "strerror", None) or str(error)
            raise BadReference(f"the file `{name}` cannot be read: {reason}") from None
        if len(data) > MAX_FILE:
            raise BadReference(f"the file `{name}` is larger than {MAX_FILE // 1024} kB; is it the right one?")
        self._found["file", name] = hashlib.sha256(data).hexdigest()
        try:
            return data.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            raise BadReference(f"the file `{name}` is not UTF-8") from None
