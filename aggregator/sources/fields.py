"""The fields of an item, as feeds.yaml says where they are: shared by the kinds that read items of pages and of JSON.

A field is a text in short, a selector; or a mapping, with which part of what the selector finds is the value. Or it is
a constant. What a selector is (CSS, XPath, JSONPath), the kind decides by the type of `select`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from aggregator.config.fields import (
    MAX_TEXT,
    AnySelector,
    Maybe,
    Section,
    Text,
    TimeZone,
    checked,
    text,
    with_short_form,
)
from aggregator.config.problems import show
from aggregator.config.selectors import selects_elements
from aggregator.models import RawEntry
from aggregator.values.patterns import compile_pattern
from aggregator.values.selectors import xpath_of

FIELDS = ("link", "title", "date", "summary", "content", "author", "image", "categories", "id")
"""The fields of an item of a list."""
MAX_PATTERN = 500
"""Characters in a regular expression at most."""


@dataclass(frozen=True, slots=True)
class FieldRules:
    """Where one field of an item is."""

    #: None: the item itself.
    select: str | None = None
    #: Name of an attribute of what is selected; None: its text.
    attribute: str | None = None
    #: A regular expression of re2: its first group, or all that it matches, is the value.
    regex: str | None = None
    #: A constant in place of all the others.
    value: str | None = None
    #: How a date is written: codes of `strptime`, or ``unix`` or ``unix_ms``; None: as people write dates.
    format: str | None = None
    #: IANA name of the zone of dates that name none; None: UTC.
    timezone: str | None = None


def pattern(value: object) -> str:
    """Check a regular expression of re2; it stays as written."""
    if not isinstance(value, str) or not value:
        raise ValueError("must be a regular expression, in quotes")
    if len(value) > MAX_PATTERN:
        raise ValueError(f"is longer than {MAX_PATTERN} characters")
    try:
        compile_pattern(value)
    except ValueError as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return value


Pattern = Annotated[str, *checked(pattern, minLength=1, maxLength=MAX_PATTERN)]


_ATTRIBUTE = re.compile(r"[^\s\"'<>/=@\[\]]{1,100}")


def attribute(value: object) -> str:
    """Check the name of an attribute of HTML; pages have it in lower case."""
    name = text(value)
    if not _ATTRIBUTE.fullmatch(name):
        meant = re.search(r"[\w-]+", name)
        hint = f"; write `{meant[0]}`" if meant else ""
        raise ValueError(f"{show(name)} is not the name of an attribute{hint}")
    return name.lower()


Attribute = Annotated[str, *checked(attribute, pattern=r"^\s*[^\s\"'<>/=@\[\]]{1,100}\s*$")]


class FieldSettings(Section):
    """Where one field of an item is; a text in its place is its `select`.

    A kind derives its own class from it, which adds `select`, of the type of its selectors.
    """

    regex: Maybe[Pattern] = Field(
        default=None, description="Regular expression: its first group, or all that it matches, is the value."
    )
    value: Maybe[Text] = Field(default=None, description="A constant, in place of what stands on the page.")

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Allow a text in place of the mapping."""
        short = {"type": "string", "pattern": r"\S", "maxLength": MAX_TEXT}
        whole = with_short_form(schema, handler, short)
        handler.resolve_ref_schema(whole)["anyOf"][1]["minProperties"] = 1
        return whole

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if isinstance(value, list):
            raise ValueError("must be text; put a selector that begins with `[` in quotes")
        if value is not None and not isinstance(value, str | Mapping):
            raise ValueError(f"must be a selector in quotes, or a mapping such as `{{select: …}}`, not {show(value)}")
        return {"select": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_way(self) -> FieldSettings:
        others = [name for name in type(self).model_fields if name != "value" and getattr(self, name) is not None]
        if self.value is not None and others:
            raise ValueError(f"has both `value` and `{others[0]}`; a constant is all that there is")
        if self.value is None and not others:
            raise ValueError("is empty; write a selector")
        return self

    def rules(self) -> FieldRules:
        """Return the settings without pydantic."""
        return FieldRules(**self.model_dump())


def date_format(value: object) -> str:
    """Check how dates are written; it stays as written."""
    from aggregator.dates.formatted import check_format

    written = text(value)
    check_format(written)
    return written


DateFormat = Annotated[str, *checked(date_format, pattern=r"%[A-Za-z]|^unix(_ms)?$", maxLength=MAX_TEXT)]


class DateSettings(FieldSettings):
    """Where a date is, and how to read it."""

    format: Maybe[DateFormat] = Field(
        default=None,
        description="How it is written, in codes of `strptime` such as `%d.%m.%Y %H:%M`, or `unix` or `unix_ms`; found "
        "out if left out.",
    )
    timezone: Maybe[TimeZone] = Field(
        default=None, description="Time zone of dates that name none, such as `Asia/Shanghai`; UTC if left out."
    )


class PageField(FieldSettings):
    """Where one field is on a page; a text in its place is its `select`."""

    select: Maybe[AnySelector] = Field(
        default=None, description="CSS selector or XPath, below the item; the item itself if left out."
    )
    attribute: Maybe[Attribute] = Field(
        default=None, description="Attribute of what is selected; its text if left out."
    )

    @model_validator(mode="after")
    def _element_with_attribute(self) -> PageField:
        expression = xpath_of(self.select) if self.select else None
        if self.attribute is not None and expression is not None and not selects_elements(expression):
            raise ValueError("has both an XPath that gives no elements and `attribute`; remove one of them")
        return self


class PageDate(DateSettings, PageField):
    """Where a date is on a page, and how to read it; a text in its place is its `select`."""

    @model_validator(mode="after")
    def _format_of_something(self) -> PageDate:
        if self.format is not None and self.select is None and self.attribute is None and self.regex is None:
            raise ValueError("has `format`, but not what is written so; add `select`")
        return self


def rules_of(settings: FieldSettings | None) -> FieldRules | None:
    """Return the rules of a field, or None where it is left out."""
    return None if settings is None else settings.rules()


def part_of(whole: str, rules: FieldRules) -> str:
    """Return the value in the text that was selected; "" where the regular expression does not match."""
    if rules.regex is None:
        return whole
    found: Any = _compiled(rules.regex).search(whole)
    if not found:
        return ""
    return (found.group(1) or "") if found.re.groups else found.group(0)


@functools.lru_cache(maxsize=256)
def _compiled(regex: str) -> Any:
    return compile_pattern(regex)


def settled(entries: Iterable[RawEntry], language: str | None) -> tuple[RawEntry, ...]:
    """Return the entries of a document with those dates as ISO 8601 that are the same whenever they are read.

    Args:
        language: tag of its language, or None.
    """
    from aggregator.dates.formats import style_of
    from aggregator.dates.relative import absolute_date

    found = list(entries)
    style = style_of((entry.published for entry in found), language)

    def one(entry: RawEntry) -> RawEntry:
        date = absolute_date(entry.published, entry.timezone, style=style) if entry.published else None
        return entry if date is None else replace(entry, published=date.isoformat())

    return tuple(map(one, found))
