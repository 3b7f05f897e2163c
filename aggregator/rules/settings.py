"""The types of single values in the settings of several rules, in the style of `aggregator.config.fields`."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from aggregator.config.fields import Selector


def one_or_more(value: object) -> object:
    """Make a list of a single value."""
    return [value] if isinstance(value, str) else value


def one_or_more_schema(member: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of a value, or of a list of such values."""
    return {"anyOf": [member, {"type": "array", "items": member, "minItems": 1}]}


def written(value: object, longest: int) -> str:
    """Check a text that is used as it is, white space at its ends included; it may be empty.

    Raises:
        ValueError: it is no text, too long, or has characters that no text has.
    """
    if not isinstance(value, str):
        raise ValueError("must be text; put it in quotes")
    if len(value) > longest:
        raise ValueError(f"is longer than {longest:,} characters")
    if any(unicodedata.category(one) in ("Cc", "Cs") and one not in "\n\t" for one in value):
        raise ValueError("must not have control characters")
    return value


Selectors: Any = Annotated[
    tuple[Selector, ...],
    BeforeValidator(one_or_more, json_schema_input_type=Selector | list[Selector]),
    Field(min_length=1, max_length=100),
]
"""CSS selectors: one, or a list."""
