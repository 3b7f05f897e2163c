"""pydantic's errors -> sentences for the author of feeds.yaml, each with its place.

In: the errors of one validation and the tree that was validated. Out: problems. It must not judge anything itself.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from aggregator.config.problems import Path, Problems, show
from aggregator.config.tree import MapNode, find_place

_KEY = "[key]"


def explain(error: ValidationError, tree: MapNode, model: type[BaseModel], problems: Problems) -> None:
    """Add a problem for each of the errors of validating `tree` as `model`."""
    for detail in error.errors(include_url=False):
        path: Path = detail["loc"]
        at_key = detail["type"] == "extra_forbidden"
        if path and path[-1] == _KEY:
            path, at_key = path[:-1], True
        problems.add(_sentence(detail, path, model, problems), find_place(tree, path, key=at_key), path)


def _sentence(detail: Any, path: Path, model: type[BaseModel], problems: Problems) -> str:
    kind: str = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    value = detail["input"]
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), _keys_at(path[:-1], model), problems)
    if kind == "missing":
        return f"`{path[-1]}` is missing; add it"
    if value is None:
        return "is empty; give it a value, or take it away"
    if kind == "literal_error":
        hint = problems.hint(value, _literals(context["expected"])) if isinstance(value, str) else ""
        expected = _YAML_WORDS.get(context["expected"], context["expected"].replace("'", "`"))
        return f"{_shown(value)} is not known here; use {expected}{hint}"
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(value=_shown(value), **context)
    return f"{_shown(value)} cannot be used: {detail['msg']}"


_YAML_WORDS = {"True": "`true`", "False": "`false`"}
_SENTENCES = {
    "model_type": "must be a mapping of keys and values, not {value}",
    "dict_type": "must be a mapping of keys and values, not {value}",
    "tuple_type": "must be a list (lines that begin with `- `), not {value}",
    "string_type": "must be text, not {value}; put it in quotes",
    "bool_type": "must be `true` or `false`, not {value}",
    "int_type": "must be a whole number, not {value}",
    "greater_than_equal": "must be at least {ge}, not {value}",
    "less_than_equal": "must be at most {le}, not {value}",
    "too_short": "must have at least {min_length} entry",
}


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else show(value)


def _unknown_key(key: str, known: list[str], problems: Problems) -> str:
    if key == "<<":
        return "merge keys (`<<`) are not supported; write the keys out"
    hint = problems.hint(key, known)
    return f"unknown key {show(key)}{hint or '; known here are ' + ', '.join(f'`{name}`' for name in known)}"


def _literals(expected: str) -> list[str]:
    """The choices in pydantic's list of them: ``'rss', 'atom' or 'json'``."""
    return expected.split("'")[1::2]


def _keys_at(path: Path, model: type[BaseModel]) -> list[str]:
    """The keys that the mapping at `path` can have."""
    current = model
    for step in path:
        if isinstance(step, str) and step in current.model_fields:
            current = _model_in(current.model_fields[step].annotation) or current
    return list(current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as ``tuple[Model, ...]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := _model_in(part))), None)
