"""The JSON Schema of feeds.yaml, for editors.

It is made from the models in `schema`, and says the same as `load` as far as a schema can: it knows no categories,
selectors or time zones.
"""

from __future__ import annotations

import json
from typing import Any

from aggregator.config.ids import MAX_ID
from aggregator.config.intervals import NAMES, SHORT_FORM
from aggregator.config.schema import ANCHORS, document_model, source_kinds
from aggregator.config.values import RESERVED_SLUGS, SLUG_PATTERN

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text() -> str:
    """The schema (JSON Schema, draft 2020-12) as JSON text; the same at every call."""
    document = document_model()
    schema = _plain(document.model_json_schema())
    sections: dict[str, Any] = schema["properties"]
    taken = sorted(RESERVED_SLUGS)
    sections["categories"]["propertyNames"] = {"pattern": SLUG_PATTERN, "maxLength": MAX_ID, "not": {"enum": taken}}
    for name in sections:
        if name not in schema["required"]:
            # All keys of a section may be commented out, and the section stays.
            described = {"description": document.model_fields[name].description}
            sections[name].pop("description", None)
            sections[name] = {**described, "anyOf": [sections[name], {"type": "null"}]}
    definitions: dict[str, Any] = schema["$defs"]
    definitions["SourceSettings"]["oneOf"] = [{"required": [name]} for name in source_kinds()]
    category = definitions["CategorySettings"]
    title = {key: value for key, value in category["properties"]["title"].items() if key != "description"}
    definitions["CategorySettings"] = {"anyOf": [title, category]}
    interval = definitions["IntervalSettings"]
    interval["oneOf"] = [{"required": [name]} for name in NAMES]
    definitions["IntervalSettings"] = {"anyOf": [SHORT_FORM, interval]}
    schema["patternProperties"] = {f"^{ANCHORS}": {"description": "Holds anchors (`&name`) for use further down."}}
    head = {"$schema": DIALECT, "title": "feeds.yaml"}
    return json.dumps({**head, **schema}, ensure_ascii=False, indent=2) + "\n"


def _plain(node: Any, *, names: bool = False) -> Any:
    """Take out what pydantic adds and editors would show: titles made from names, and null for keys left out.

    Args:
        node: a schema, or part of one.
        names: whether the keys of `node` are names of settings, not words of JSON Schema.
    """
    if isinstance(node, list):
        return [_plain(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _plain(value) for key, value in node.items()}
    node = {
        key: _plain(value, names=key in ("properties", "$defs"))
        for key, value in node.items()
        if key != "title" and not (key == "default" and value is None)
    }
    choices = [choice for choice in node.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del node["anyOf"]
        return {**choices[0], **node}
    return {**node, "anyOf": choices} if choices else node
