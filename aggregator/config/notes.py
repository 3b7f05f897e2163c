"""What in feeds.yaml is worth a look and no fault: `check` shows it.

In: a checked file. Out: notes. It looks for the programs of hooks, and must not touch anything else.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from aggregator.config.advice import is_secret
from aggregator.config.problems import Path, show
from aggregator.config.tree import ListNode, MapNode
from aggregator.models import Source

if TYPE_CHECKING:
    from aggregator.config.schema import Document

#: A variable as shells write it, or a command in its place.
_VARIABLE = re.compile(r"\$(?:([A-Z_][A-Z0-9_]{1,60})(?![a-z])|\([^()]{1,60}\))")
_MOST_VARIABLES = 20
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
#: What only a shell understands.
_SHELL = re.compile(r"[|<>;&`]|\$[A-Za-z({]|&&")


def of(
    text: str, tree: MapNode, document: Document, sources: Sequence[Source], environ: Mapping[str, str]
) -> list[tuple[Path, str]]:
    """The notes on a file, by place: messages, and the paths of what they are about.

    Args:
        text: the file as it is written.
        environ: where a hook's program is looked for (`PATH`).
    """
    variables = _variables(tree) if "$" in text else ()
    return [*_language(document), *_addresses(sources), *variables, *_hooks(document, environ)]


def _language(document: Document) -> Iterator[tuple[Path, str]]:
    """A country in place of a language: a tag that is well-formed, and that no language has."""
    if meant := _COUNTRIES.get(document.site.language.lower()):
        yield ("site", "language"), f"`{document.site.language}` is a country; did you mean `{meant}`?"


def _addresses(sources: Sequence[Source]) -> Iterator[tuple[Path, str]]:
    """Sources with the address of another one: they may differ in headers or category, or be there by mistake."""
    first: dict[tuple[str, str, str], Source] = {}
    for index, source in enumerate(sources):
        host, _, rest = source.url.partition("://")[2].partition("/")
        if rest.endswith((",", ";")):
            yield ("sources", index), f"the address ends with `{rest[-1]}`; is that a part of it?"
        other = first.setdefault((source.kind, host.lower(), rest), source)
        if other is not source:
            what = "address" if other.url == source.url else "address (but for its spelling)"
            text = f"the {what} of source {show(source.id)} is also on line {other.line}; is one of them too many?"
            yield ("sources", index), text


def _variables(tree: MapNode) -> Iterator[tuple[Path, str]]:
    """References in the way of a shell, which are taken as they stand."""
    seen = 0
    pending: list[tuple[Path, object]] = [(("sources",), tree.get("sources")), (("fetch",), tree.get("fetch"))]
    while pending and seen < _MOST_VARIABLES:
        path, node = pending.pop()
        if isinstance(node, MapNode):
            pending += [((*path, key), value) for key, value in node.items() if key not in node.written]
        elif isinstance(node, ListNode):
            pending += [((*path, index), value) for index, value in enumerate(node) if isinstance(value, MapNode)]
        elif isinstance(node, str) and "$" in node and (match := _VARIABLE.search(node)):
            seen += 1
            # What stands in a password is not shown.
            hidden = is_secret(path) or "@" in node
            what = "what begins with `$`" if hidden else f"`{match.group()}`"
            meant = (
                f"did you mean `${{env:{'NAME' if hidden else match[1]}}}`?" if match[1] else "no command is run here"
            )
            yield path, f"{what} is taken as it stands; {meant}"


def _hooks(document: Document, environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Commands that are not there, or need a shell."""
    for name in ("on_problem", "on_recovery"):
        command = getattr(document.hooks, name)
        if not command or "://" in command[0]:
            continue
        if len(command) > 1 and command[0] not in _SHELLS and (part := next(filter(_SHELL.fullmatch, command), None)):
            text = f'`{part}` is an argument like any other, for no shell is started; write `[sh, -c, "…"]`'
            yield ("hooks", name), text
        elif len(command) == 1 and _MAIL.fullmatch(command[0]):
            text = "a mail address is no command; write an Apprise URL that begins with `mailto://`"
            yield ("hooks", name), text
        elif shutil.which(command[0], path=environ.get("PATH", "")) is None:
            where = "is not there or cannot be executed" if "/" in command[0] else "is not found in PATH"
            text = f"the program {show(command[0])} {where}; install it, or write a list with its path: "
            text += "`[/path/to/program, argument]`"
            yield ("hooks", name), text


#: Of the codes of countries, those that no language has.
_COUNTRIES = {"cn": "zh-CN", "cz": "cs", "dk": "da", "gb": "en-GB", "gr": "el", "hk": "zh-HK", "jp": "ja", "ua": "uk"}
_COUNTRIES |= {"us": "en-US"}
_SHELLS = frozenset({"sh", "bash", "zsh", "dash", "/bin/sh", "/bin/bash"})
