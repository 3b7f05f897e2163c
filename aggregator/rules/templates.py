"""Templates of titles: text with named fields, such as ``[{source}] {title}``.

They are filled in one pass: what a field says is never read as a template, and there are no format specifications, no
attributes and no indexes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from aggregator.config.fields import text as one_line
from aggregator.config.problems import show

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was checked."""

    text: str
    #: Names of its fields, each once.
    fields: tuple[str, ...]

    def fill(self, values: Mapping[str, str]) -> str:
        """Fill in the fields."""
        return _PART.sub(lambda match: match[0][0] if match[1] is None else values[match[1]], self.text)


def template_of(names: Collection[str], checked: Callable[[object], str] = one_line) -> Callable[[object], Template]:
    """Make the check of a template with these fields; `checked` is the check of its text."""
    known = ", ".join(f"`{{{name}}}`" for name in names)

    def check(value: object) -> Template:
        written = checked(value)
        found: dict[str, None] = {}
        for match in _PART.finditer(written):
            if match[0] in ("{", "}"):
                raise ValueError(f"{show(written)}: a brace is open or closed alone; write it twice for itself")
            if (name := match[1]) is not None:
                if name not in names:
                    near = get_close_matches(name, names, n=1)
                    hint = f"did you mean `{{{near[0]}}}`?" if near else f"use {known}"
                    raise ValueError(f"{show(written)}: `{{{name}}}` is not known here; {hint}")
                found[name] = None
        return Template(written, tuple(found))

    return check
