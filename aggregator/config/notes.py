"""Notes on feeds.yaml: what is probably a mistake, but not an error. `check` shows them.

In: a file without errors. Out: notes. The programs of hooks are looked up in the file system, and nothing else is.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from aggregator.config.mistakes import is_secret
from aggregator.config.problems import Path, show
from aggregator.config.ruling import rule_lists, uses_rules
from aggregator.config.secrets import has_reference
from aggregator.config.tree import ListNode, MapNode
from aggregator.models import Source
from aggregator.place import passwords

if TYPE_CHECKING:
    from aggregator.config.settings import FileSettings

#: A variable or a command substitution as shells write them.
_VARIABLE = re.compile(r"\$(?:([A-Z_][A-Z0-9_]{1,60})(?![a-z])|\([^()]{1,60}\))")
_MOST_VARIABLES = 20
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
#: Syntax that only a shell understands.
_SHELL = re.compile(r"[|<>;&`]|\$[A-Za-z({]|&&")


def collect(
    text: str, tree: MapNode, document: FileSettings, sources: Sequence[Source], environ: Mapping[str, str]
) -> list[tuple[Path, str]]:
    """Return the notes on a file.

    Args:
        text: the text of the file.
        tree: the same, parsed.
        document: the same, checked.
        sources: the sources made from it.
        environ: has the `PATH` in which the programs of hooks are looked up.

    Returns:
        Pairs of the path of a value and a message about it.
    """
    variables = _variables(tree) if "$" in text else ()
    steps = _steps(tree, environ) if uses_rules(tree) else ()
    hooks = _hooks(document, environ)
    database = _database(tree)
    return [*_language(document), *_addresses(sources), *_selectors(document), *variables, *database, *hooks, *steps]


def _database(tree: MapNode) -> Iterator[tuple[Path, str]]:
    """Note a password of the database that is written out: whoever reads the file has it."""
    written = tree.written.get("database") or tree.get("database")
    if isinstance(written, str) and not has_reference(written) and passwords(written):
        yield ("database",), "a password is written out here; write the whole value as a reference: `${env:NAME}`"


def _language(document: FileSettings) -> Iterator[tuple[Path, str]]:
    """Note codes of countries in place of languages: well-formed tags that no language has."""
    if meant := _COUNTRIES.get(document.site.language.lower()):
        yield ("site", "language"), f"`{document.site.language}` is a country; did you mean `{meant}`?"


def _addresses(sources: Sequence[Source]) -> Iterator[tuple[Path, str]]:
    """Note addresses of other sources: two sources may differ in headers or category, or one may be a mistake."""
    first: dict[tuple[str, str, str], Source] = {}
    for index, source in enumerate(sources):
        host, _, rest = source.url.partition("://")[2].partition("/")
        if rest.endswith((",", ";")):
            yield ("sources", index), f"the address ends with `{rest[-1]}`; is that a part of it?"
        other = first.setdefault((source.kind, host.lower(), rest), source)
        if other is not source:
            what = "address" if other.url == source.url else "address (but for its spelling)"
            text = f"the {what} of source {show(source.id)} is also on line {other.line}; is it a duplicate?"
            yield ("sources", index), text


def _selectors(document: FileSettings) -> Iterator[tuple[Path, str]]:
    """Note XPath for fields of items that begins at the top of the page: each item gets the same then."""
    for index, source in enumerate(document.sources):
        for name, field in getattr(source, "scrape", None) or ():
            selector = getattr(field, "select", None)
            if isinstance(selector, str) and selector.startswith("/"):
                meant = f"did you mean {show('.' + selector)}?"
                text = f"{show(selector)} looks at the whole page, not below the item; {meant}"
                yield ("sources", index, "scrape", name), text


def _variables(tree: MapNode) -> Iterator[tuple[Path, str]]:
    """Note references in the syntax of a shell, which are taken literally."""
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
            # Parts of passwords are not shown.
            hidden = is_secret(path) or "@" in node
            what = "what begins with `$`" if hidden else f"`{match.group()}`"
            meant = f"did you mean `${{env:{'NAME' if hidden else match[1]}}}`?" if match[1] else "commands are not run"
            yield path, f"{what} is taken literally; {meant}"


def _steps(tree: MapNode, environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Note steps of one's own that the environment does not allow."""
    from aggregator.rules.steps import STEPS, why_refused

    for path, rules in rule_lists(tree):
        for number, node in enumerate(rules):
            name = next((key for key in node if key in STEPS), None)
            if name is not None and (reason := why_refused(name, environ)):
                yield (*path, number, name), reason


def _hooks(document: FileSettings, environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Note commands that do not exist, or need a shell."""
    commands: list[tuple[Path, tuple[str, ...] | None]] = [
        (("hooks", name), getattr(document.hooks, name)) for name in ("on_problem", "on_recovery")
    ]
    for place, command in (*commands, (("after_publish",), document.after_publish)):
        if not command or "://" in command[0]:
            continue
        if len(command) > 1 and command[0] not in _SHELLS and (part := next(filter(_SHELL.fullmatch, command), None)):
            text = f'`{part}` is an ordinary argument, as no shell is started; write `[sh, -c, "…"]`'
            yield place, text
        elif len(command) == 1 and _MAIL.fullmatch(command[0]):
            text = "a mail address is not a command; write an Apprise URL that begins with `mailto://`"
            yield place, text
        elif shutil.which(command[0], path=environ.get("PATH", "")) is None:
            where = "does not exist or cannot be executed" if "/" in command[0] else "is not found in PATH"
            text = f"the program {show(command[0])} {where}; install it, or write a list with its path: "
            text += "`[/path/to/program, argument]`"
            yield place, text


#: Codes of countries that no language has, and the tags that are meant.
_COUNTRIES = {"cn": "zh-CN", "cz": "cs", "dk": "da", "gb": "en-GB", "gr": "el", "hk": "zh-HK", "jp": "ja", "ua": "uk"}
_COUNTRIES |= {"us": "en-US"}
_SHELLS = frozenset({"sh", "bash", "zsh", "dash", "/bin/sh", "/bin/bash"})
