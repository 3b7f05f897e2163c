"""Makes the reference pages from the code: ``make docs``.

A page has marked parts; each is written by one function here, and everything else in the page by people.
"""

from __future__ import annotations

import enum
import inspect
import sys
import typing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.main import get_command

from aggregator.cli import app
from aggregator.cli.process import CAN_BE_LOCKED_OUT, MEANING_OF_1, STATUSES
from aggregator.config.mistakes import models_in
from aggregator.config.outputs import JoinSettings
from aggregator.config.posts import PostSettings, PresetFile
from aggregator.config.ruling import RuleSettings
from aggregator.config.settings import file_model
from aggregator.log import ACTIONS, KEYS
from aggregator.models import FAILURE_KINDS
from aggregator.publish.posts.presets import PRESETS, VALUE_MEANINGS
from aggregator.rules import RULES
from aggregator.rules.conditions import Condition
from aggregator.sources import KINDS
from aggregator.sources.articles import ArticleSettings
from aggregator.sources.fields import FieldSettings
from tests import ROOT

DOCS = ROOT / "docs"
END = "<!-- end -->"
_FORMS = {"hexo": "YAML as in Hexo's own files", "yaml": "YAML", "toml": "TOML", "html": "the head of an HTML page"}
_BODIES = {"block": "HTML in one block", "html": "HTML", "markdown": "Markdown"}
_VALUES = {Path: "PATH", str: "TEXT", int: "NUMBER"}


def statuses() -> str:
    """The exit statuses."""
    rows = ((number, status.meaning, status.advice) for number, status in STATUSES.items())
    return _table(("status", "meaning", "what to do"), rows)


def keys() -> str:
    """The keys of log lines in JSON."""
    return _table(("key", "value"), ((f"`{name}`", text) for name, text in KEYS.items()))


def actions() -> str:
    """What log lines are about."""
    return _table(("action", "logged when"), ((f"`{name}`", text) for name, text in ACTIONS.items()))


def kinds() -> str:
    """The classes of failure."""
    return _table(("kind", "meaning"), ((f"`{name}`", text) for name, text in FAILURE_KINDS.items()))


def sources() -> str:
    """The kinds of source, and the keys of each."""
    rows = ((f"`sources[].{name}`", _sentence(kind.DESCRIPTION)) for name, kind in KINDS.items())
    parts = ["Each source has exactly one of these keys:", _table(("key", "meaning"), rows)]
    for name, kind in KINDS.items():
        if keys := [_key(*row) for model in models_in(kind.SETTINGS) for row in _fields(model, f"sources[].{name}")]:
            parts += [
                f"### {name}",
                kind.GUIDE,
                _table(("key", "default", "meaning"), keys),
                _field_keys(kind.SETTINGS),
            ]
    keys = [_key(*row) for row in _fields(ArticleSettings, "article")]
    about = "The keys of `article`, which several kinds have. Fields are written as those of `scrape`."
    parts += ["### article", about, _table(("key", "default", "meaning"), keys)]
    return "\n\n".join(part for part in parts if part)


def _field_keys(settings: Any) -> str:
    """The keys of the fields of items, which are the same wherever they stand; "" where a kind has none."""
    models = dict.fromkeys(found for model in models_in(settings) for found in _field_models(model))
    rows: dict[str, tuple[str, str, str]] = {}
    for model in models:
        for key in dict.fromkeys(name for one in model.__mro__ for name in inspect.get_annotations(one)):
            if key in model.model_fields and key not in rows:
                row = _key(f"<field>.{key}", model.model_fields[key])
                everywhere = all(key in one.model_fields for one in models)
                rows[key] = row if everywhere else (*row[:2], f"{row[2]}; for dates")
    text = "A field is a selector, or a mapping with at least one of these keys:"
    return f"{text}\n\n{_table(('key', 'default', 'meaning'), rows.values())}" if rows else ""


def _field_models(model: type[BaseModel]) -> Iterator[type[FieldSettings]]:
    for field in model.model_fields.values():
        for inner in models_in(field):
            if issubclass(inner, FieldSettings):
                yield inner
            elif inner is not ArticleSettings:
                yield from _field_models(inner)


def rules() -> str:
    """The rules, and the keys of each."""
    rows = ((f"`{name}`", _sentence(rule.DESCRIPTION), _code(rule.EXAMPLE)) for name, rule in RULES.items())
    conditions = [_key(key, field) for key, field in _named(Condition)]
    others = [
        _key(f"{name}.{key}", field)
        for name, rule in RULES.items()
        for model in models_in(rule.SETTINGS)
        if not issubclass(model, Condition)
        for key, field in _named(model)
    ]
    head = ("key", "default", "meaning")
    return "\n\n".join(
        (
            _table(("rule", "meaning", "example"), rows),
            "`keep`, `drop` and `hold` have words, or a mapping with at least one of these keys:",
            _table(head, conditions),
            "Further keys of others:",
            _table(head, others),
        )
    )


def outputs() -> str:
    """The keys of an output."""
    (model,) = models_in(file_model().model_fields["outputs"])
    shared = tuple(f"outputs.<slug>.{name}" for name in JoinSettings.model_fields)
    rows = [_key(key, field) for key, field in _fields(model, "outputs.<slug>")]
    rows.sort(key=lambda row: row[0].strip("`") in shared)
    return _table(("key", "default", "meaning"), rows)


def posts() -> str:
    """The keys of posts, and the presets."""
    keys = [_key(f"posts.{name}", field) for name, field in PostSettings.model_fields.items()]
    head = ("preset", "files", "front matter", "its fields", "text")
    rows = [
        (
            f"`{name}`",
            f"`{preset.path}{preset.suffix}`",
            _FORMS[preset.form],
            ", ".join(f"`{field.key}`" for field in preset.fields),
            _BODIES[preset.body] + (", braces as references" if any("{" in one for one, _ in preset.escapes) else ""),
        )
        for name, preset in PRESETS.items()
    ]
    return "\n\n".join((_table(("key", "default", "meaning"), keys), _table(head, rows)))


def own_preset() -> str:
    """The keys of a preset.yaml, and the values that it can name."""
    keys = [_key(name, field) for name, field in PresetFile.model_fields.items()]
    values = [f"- `{name}`: {meaning}" for name, meaning in VALUE_MEANINGS.items()]
    return "\n\n".join((_table(("key", "default", "meaning"), keys), "The values:", "\n".join(values)))


def commands() -> str:
    """All commands."""
    return "\n\n".join(_command(name, command) for name, command in _commands(get_command(app)))


def _commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


#: The parts, by page and name.
PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "commands.md": {"commands": commands},
    "configuration.md": {
        "posts": posts,
        "a preset of your own": own_preset,
        "rules": rules,
        "outputs": outputs,
        "kinds of source": sources,
    },
    "cron.md": {"exit statuses": statuses},
    "logging.md": {"keys": keys, "actions": actions, "kinds": kinds},
}


def page(name: str) -> str:
    """A page as it should be: its parts made again, everything else as it is."""
    text = (DOCS / name).read_text(encoding="utf-8")
    for part, make in PARTS[name].items():
        begin = f"<!-- {part}: made from the code by `make docs`, do not edit -->"
        before, found, rest = text.partition(begin)
        after = rest.partition(END)[2]
        if not found or not after:
            raise SystemExit(f"docs/{name} has no part that begins with {begin} and ends with {END}")
        text = f"{before}{begin}\n\n{make()}\n\n{END}{after}"
    return text


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _fields(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, Any]]:
    """The fields of a model and of those below it, each with its path; what is the same everywhere is told once."""
    for name, field in _named(model):
        yield f"{prefix}.{name}", field
        for inner in models_in(field):
            if not issubclass(inner, RuleSettings | FieldSettings | ArticleSettings):
                yield from _fields(inner, f"{prefix}.{name}")


def _named(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    """The fields of a model, each with its key."""
    return ((field.alias or name, field) for name, field in model.model_fields.items())


def _code(text: str) -> str:
    """Code in a cell of a table."""
    return f"`{text}`".replace("|", "\\|")


def _key(path: str, field: Any) -> tuple[str, str, str]:
    """A row about a key of the configuration."""
    meaning, default = _sentence(field.description), ""
    extra = field.json_schema_extra
    shown = extra["default"] if isinstance(extra, dict) and "default" in extra else field.default
    if shown is not PydanticUndefined:
        written = str(shown).lower() if isinstance(shown, bool) else [] if shown == () else shown
        default = "none" if field.default in (None, "") else f"`{written}`"
    before, _, told = meaning.rpartition("; ")
    if told.endswith(" if left out"):
        meaning, default = before, told.removesuffix(" if left out")
    limits = [
        str(one.ge if hasattr(one, "ge") else one.le)
        for one in field.metadata
        if hasattr(one, "ge") or hasattr(one, "le")
    ]
    within = f"at least {limits[0]}" if len(limits) == 1 else " to ".join(limits)
    return f"`{path}`", default, f"{meaning}, {within}" if limits else meaning


def _sentence(text: str) -> str:
    """A description as the tables of the page have it: in lower case where it can be, without a full stop."""
    first = text.partition(" ")[0]
    return (text if first.isupper() and len(first) > 1 else text[:1].lower() + text[1:]).removesuffix(".")


def _command(name: str, command: Any) -> str:
    types = _types(command.callback)
    text = inspect.cleandoc(command.callback.__doc__ or "")
    arguments = [one.metavar or one.name.upper() for one in command.params if one.param_type_name == "argument"]
    parts = [f"## {name}", f"`{' '.join(['aggregator', name, *arguments, '[OPTIONS]'])}`", text]
    if command.params:
        rows = [_row(one, types[one.name]) for one in command.params]
        parts.append(_table(("option", "default", "meaning"), rows))
    special = []
    if name in MEANING_OF_1:
        special.append(f"1 ({MEANING_OF_1[name]})")
    if name in CAN_BE_LOCKED_OUT:
        special.append(f"3 (the data folder is in use{CAN_BE_LOCKED_OUT[name]})")
    if special and "Exit status:" not in text:
        parts.append(f"Further exit statuses: {', '.join(special)}.")
    return "\n\n".join(parts)


def _types(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of the parameters of a command, by name."""
    hints = typing.get_type_hints(inspect.unwrap(function), include_extras=True)
    return {name: typing.get_args(hint)[0] for name, hint in hints.items() if name != "return"}


def _row(parameter: Any, kind: Any) -> tuple[str, str, str]:
    (plain,) = [one for one in typing.get_args(kind) or (kind,) if one is not type(None)]
    if parameter.param_type_name == "argument":
        shown = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        choices = "\\|".join(plain) if isinstance(plain, enum.EnumMeta) else _VALUES.get(plain, "")
        shown = ", ".join(f"`{one}`" for one in parameter.opts) + (f" `{choices}`" if choices else "")
    default = "" if parameter.default in (None, False) else f"`{parameter.default}`"
    meaning = parameter.help
    if parameter.envvar:
        meaning += f" Environment variable: `{parameter.envvar}`."
    return shown, default, meaning


def main() -> None:
    """Write all pages."""
    for name in PARTS:
        (DOCS / name).write_text(page(name), encoding="utf-8")
        sys.stdout.write(f"docs/{name}\n")


if __name__ == "__main__":
    main()
