"""pydantic's errors -> sentences for the author of feeds.yaml, each with its place.

In: the errors of one validation and the tree that was validated. Out: problems. It must not judge anything itself.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from pydantic import BaseModel, ValidationError

from aggregator.config.advice import elsewhere, indented_too_little, is_secret, models, shape, synonym
from aggregator.config.characters import strange
from aggregator.config.problems import Path, Problems, show
from aggregator.config.tree import MapNode, find_place

_KEY = "[key]"
#: The mappings on the way to a value: the key that led to each, and its model.
_Levels = list[tuple[str, type[BaseModel]]]


def explain(error: ValidationError, tree: MapNode, model: type[BaseModel], problems: Problems) -> None:
    """Add a problem for each of the errors of validating `tree` as `model`."""
    details = error.errors(include_url=False)
    levels = [_levels(detail["loc"][:-1], model) for detail in details]
    meant = {
        (*detail["loc"][:-1], name)
        for detail, around in zip(details, levels, strict=True)
        if detail["type"] == "extra_forbidden" and (name := _meant(str(detail["loc"][-1]), around, problems))
    }
    meant |= _consequences(details, tree)
    for detail, around in zip(details, levels, strict=True):
        if detail["input"] is None and (below := _below(detail["loc"], tree, around)):
            meant |= {(*detail["loc"][:-1], key) for key in below}
    for detail, around in zip(details, levels, strict=True):
        path: Path = detail["loc"]
        if path in meant and (detail["type"] in ("missing", "extra_forbidden")):
            # It is there under another name or at another level, which is told already.
            continue
        if detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]:
            # Entries that are wrong themselves do not count there.
            continue
        at_key = detail["type"] == "extra_forbidden"
        if path and path[-1] == _KEY:
            path, at_key = path[:-1], True
        below = _below(path, tree, around) if detail["input"] is None else []
        sentence = _sentence(detail, path, problems)
        if at_key and detail["type"] == "extra_forbidden":
            sentence = _unknown_key(str(path[-1]), around, _node(path, tree), problems)
        if below:
            names = " and ".join(f"`{name}`" for name in below[:5])
            sentence = f"is empty; {names} belong{'s' if len(below) == 1 else ''} below it: indent deeper"
        problems.add(sentence, find_place(tree, path, key=at_key), path)


def _consequences(details: list[Any], tree: MapNode) -> set[Path]:
    """The paths of what is wrong only because of something else."""
    found: set[Path] = set()
    categories = tree.get("categories")
    if isinstance(tree.get("feeds"), list) or (isinstance(categories, dict) and "sources" in categories):
        # They stand for `sources`.
        found.add(("sources",))
    found |= {
        (*detail["loc"][:-1], "until")
        for detail in details
        if detail["type"] == "literal_error" and detail["loc"][-1] == "verify"
    }
    return found


def _node(path: Path, tree: MapNode) -> Any:
    """The mapping or list in which the value at a path stands, or None."""
    node: Any = tree
    for step in path[:-1]:
        known = step in node if isinstance(node, dict) else isinstance(node, list) and isinstance(step, int)
        if not known:
            return None
        node = node[step]
    return node


def _below(path: Path, tree: MapNode, levels: _Levels) -> list[str]:
    """The keys that stand beside an empty one, and belong below it."""
    node = _node(path, tree)
    return indented_too_little(path, node, levels[-1][1]) if isinstance(node, dict) else []


def _meant(key: str, levels: _Levels, problems: Problems) -> str | None:
    """The key that an unknown one stands for, as far as can be told."""
    known = list(levels[-1][1].model_fields)
    return synonym(key, known) or problems.near(key, known)


def _sentence(detail: Any, path: Path, problems: Problems) -> str:
    kind: str = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    value = detail["input"]
    if path == ("categories", "sources") and isinstance(value, list):
        return "stands below `categories`; it belongs one level up, to the margin"
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return f"`{path[-1]}` is missing; add it"
    if kind in ("model_type", "dict_type", "tuple_type"):
        return _wrong_shape(kind, value, path)
    if value is None:
        return "is empty; give it a value, or take it away"
    if kind == "literal_error" and path[-1] == "verify":
        return "must be `false`; certificates are checked where nothing is said, so take `tls` away"
    if kind == "literal_error":
        hint = problems.hint(value, _literals(context["expected"])) if isinstance(value, str) else ""
        expected = _YAML_WORDS.get(context["expected"], context["expected"].replace("'", "`"))
        return f"{_shown(value)} is not known here; use {expected}{hint}"
    if kind == "bool_type" and isinstance(value, str) and value.lower() in _BOOLEANS:
        return f"must be `true` or `false`, not {_shown(value)}; write `{_BOOLEANS[value.lower()]}`"
    if kind == "bool_type" and (meant := _TRUTHS.get(str(value).lower())):
        return f"must be `true` or `false`, not {_typed(value)}; write `{meant}`"
    if kind == "int_type" and isinstance(value, str) and value.isdecimal():
        return f"must be a whole number, not text; write {show(value)} without quotes"
    if kind == "string_type" and isinstance(value, list) and path[-1] == "category":
        return "must be one category, not a list; keep one of them"
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(value=_shown(value), **context)
    return f"{_shown(value)} cannot be used: {detail['msg']}"


def _wrong_shape(kind: str, value: object, path: Path) -> str:
    """Something else where a mapping or a list belongs."""
    if kind == "tuple_type":
        if path == ("sources",):
            if isinstance(value, dict) and (joined := next((key for key in value if key.startswith("-")), None)):
                return f"a space is missing after `-`; write `- {joined.lstrip('-')}:`"
            if isinstance(value, dict) and (odd := next((key[0] for key in value if key[:1] in _BULLETS), None)):
                return f"`{odd}` begins no entry of a list; write `-`"
            given = "is empty" if value is None else f"must be a list, not {_shown(value)}"
            wanted = "add at least one source, such as" if value is None else "write each source like"
            return f"{given}; {wanted} `- feed: https://example.org/feed.xml`"
        wanted = f"; write `[{value}]`" if isinstance(value, str | int) else ""
        return f"must be a list (lines that begin with `- `), not {_shown(value)}{wanted}"
    if path[:1] == ("sources",) and len(path) == 2:
        return _source_of_text(value)
    if path == ("feeds",) and isinstance(value, list):
        formats = [one for one in value if one in ("rss", "atom", "json")]
        if formats and len(formats) == len(value):
            return (
                f"must be a mapping of keys and values, not a list; write `feeds: {{formats: [{', '.join(formats)}]}}`"
            )
        return "is about the merged feeds that are written; what is aggregated stands below `sources`"
    given = "text" if is_secret(path) and not isinstance(value, list | dict | None) else _shown(value)
    return f"must be a mapping of keys and values, not {given}{shape(path)}"


def _source_of_text(value: object) -> str:
    """An entry of `sources` that is no mapping."""
    if value is None:
        return "is empty; write `- feed: https://…`, or take the `-` away"
    if not isinstance(value, str):
        return f"must be a mapping of keys and values, not {_shown(value)}; write `- feed: https://…`"
    if not value.lower().startswith(("http:", "https:")) and (match := _JOINED.match(value)):
        return f"a space is missing after `{match[1]}:`"
    if (match := _WIDE.match(value)) and (odd := strange(match[0])):
        return f"must be a mapping of keys and values, not {_shown(value)}: {odd} and a space"
    if value.lower().startswith(("http:", "https:")):
        return f"must be a mapping of keys and values; write `- feed: {' '.join(value.split())[:200]}`"
    return f"must be a mapping of keys and values, not {_shown(value)}; write `- feed: https://…`"


_JOINED = re.compile(r"([a-z_]{2,30}):(?!//)\S")
_WIDE = re.compile(r"[a-z_]{2,30}\uff1a")
_BULLETS = ("–", "—", "•", "·", "−", "‣")
_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_TRUTHS = {"true": "true", "false": "false", "1": "true", "0": "false"}
_YAML_WORDS = {"True": "`true`", "False": "`false`"}
_SENTENCES = {
    "string_type": "must be text, not {value}; put it in quotes",
    "bool_type": "must be `true` or `false`, not {value}",
    "int_type": "must be a whole number, not {value}",
    "greater_than_equal": "must be at least {ge}, not {value}",
    "less_than_equal": "must be at most {le}, not {value}",
    "too_short": "must have at least {min_length} entry",
}


def _typed(value: object) -> str:
    """A value, and that it is text where that cannot be seen."""
    return f"the text {show(value)} in quotes" if isinstance(value, str) else show(value)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else show(value)


def _ordered(model: type[BaseModel]) -> list[str]:
    """The keys of a model, its own before those that it shares with others."""
    own = (name for one in model.__mro__ for name in inspect.get_annotations(one))
    return [name for name in dict.fromkeys(own) if name in model.model_fields]


def _unknown_key(key: str, levels: _Levels, node: dict[str, Any] | None, problems: Problems) -> str:
    if key == "<<":
        return "merge keys (`<<`) are not supported; write the keys out"
    around, (_, here) = levels[:-1], levels[-1]
    known = _ordered(here)
    if odd := strange(key):
        return f"unknown key {show(key)}: {odd}"
    joined = key.partition(":")[0]
    if joined != key and joined in known:
        return f"a space is missing after `{joined}:`"
    if levels[-1][0] == "categories" and key in ("feed", "feeds", "sources"):
        return f"unknown key {show(key)}; sources stand below `sources`, and each names its `category`"
    if meant := synonym(key, known):
        if node and meant in node:
            return f"unknown key {show(key)}; `{meant}` is there already: keep one of them"
        return f"unknown key {show(key)}; did you mean `{meant}`?"
    where = elsewhere(key, here, [(str(name), model) for (_, model), (name, _) in zip(around, levels[1:], strict=True)])
    hint = where or problems.hint(key, known)
    return f"unknown key {show(key)}{hint or '; known here are ' + ', '.join(f'`{name}`' for name in known)}"


def _literals(expected: str) -> list[str]:
    """The choices in pydantic's list of them: ``'rss', 'atom' or 'json'``."""
    return expected.split("'")[1::2]


def _levels(path: Path, model: type[BaseModel]) -> _Levels:
    """The models of the mappings on the way to `path`, each with the key that led to it; the outermost first."""
    found: list[tuple[str, type[BaseModel]]] = [("", model)]
    for step in path:
        fields = found[-1][1].model_fields
        inner = next(models(fields[step]), None) if isinstance(step, str) and step in fields else None
        if inner is not None:
            found.append((str(step), inner))
    return found
