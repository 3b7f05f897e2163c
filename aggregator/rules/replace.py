"""The rule `replace`: other words in one field of an entry."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, field_validator
from pydantic_core.core_schema import ValidationInfo

from aggregator.config.fields import Section
from aggregator.models import Entry
from aggregator.rules.bodies import edit_text, escaped, with_texts
from aggregator.rules.kind import Subject
from aggregator.rules.replacing import MAX_PATTERN, Pattern, Replacer, TooMuch, parse_pattern, parse_replacement
from aggregator.rules.settings import written

MAX_WITH = 2000
"""Characters that are put in for each match at most, groups aside."""

ReplacePattern = Annotated[
    Pattern, PlainValidator(parse_pattern), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_PATTERN})
]
Replacement = Annotated[
    str,
    PlainValidator(lambda value: written(value, MAX_WITH)),
    WithJsonSchema({"type": "string", "maxLength": MAX_WITH}),
]


class ReplaceSettings(Section):
    """Other words in one field of an entry."""

    field: Literal["title", "text", "url", "author", "tags"] = Field(
        description="The field; `text` is the text of body and summary, never their markup."
    )
    pattern: ReplacePattern = Field(
        description="A text as it is, or a regular expression between slashes, such as `/colou?r/i`."
    )
    with_: Replacement = Field(
        default="",
        alias="with",
        description=r"What takes its place; for a regular expression, `\1` and `\g<name>` stand for groups.",
    )

    @field_validator("with_")
    @classmethod
    def _groups(cls, value: str, info: ValidationInfo) -> str:
        if "pattern" in info.data:
            parse_replacement(value, info.data["pattern"])
        return value


NAME = "replace"
SETTINGS: Any = ReplaceSettings
DESCRIPTION = "Replaces words in one field: a text, or what a regular expression matches."
EXAMPLE = r"replace: {field: title, pattern: '/^\[(.*?)\] /', with: '\1: '}"
IN_OUTPUTS = True


def apply(settings: ReplaceSettings, subject: Subject) -> str | None:
    """Replace every match in the field; what would leave the field without a value changes nothing."""
    entry = subject.entry
    if settings.field == "text" and not _may_match(settings.pattern, entry):
        return None
    replacer = Replacer(settings.pattern, parse_replacement(settings.with_, settings.pattern))
    try:
        changed = _EDITS[settings.field](entry, replacer.replace)
    except TooMuch as error:
        subject.notes.append(f"`{NAME}` left `{settings.field}` as it is: it {error}")
        return None
    if changed is None:
        subject.notes.append(f"`{NAME}` left `{settings.field}` as it is: nothing usable would be left")
        return None
    subject.entry = changed
    return (
        None if changed is entry or changed == entry else f"replaced {settings.pattern.written} in `{settings.field}`"
    )


def _may_match(pattern: Pattern, entry: Entry) -> bool:
    """Whether a pattern may be in the text of an entry; a text that is not in its HTML is not."""
    if pattern.regex is not None:
        return True
    found = escaped(pattern.written)
    return found in entry.html or found in entry.summary


_Edit = Callable[[str], str]


def _title(entry: Entry, edit: _Edit) -> Entry | None:
    from aggregator.normalize.text import MAX_TITLE, tidy_line

    edited = edit(entry.title)
    if edited == entry.title:
        return entry
    title = tidy_line(edited, MAX_TITLE)
    return dataclasses.replace(entry, title=title) if title else None


def _text(entry: Entry, edit: _Edit) -> Entry | None:
    return with_texts(entry, edit_text(entry.html, edit), edit_text(entry.summary, edit))


def _url(entry: Entry, edit: _Edit) -> Entry | None:
    from aggregator.values.urls import clean_url

    if entry.url is None or (edited := edit(entry.url)) == entry.url:
        return entry
    url = clean_url(edited)
    return None if url is None else dataclasses.replace(entry, url=url)


def _author(entry: Entry, edit: _Edit) -> Entry | None:
    from aggregator.normalize.text import MAX_AUTHOR

    authors = _names(entry.authors, edit, MAX_AUTHOR)
    return entry if authors == entry.authors else dataclasses.replace(entry, authors=authors)


def _tags(entry: Entry, edit: _Edit) -> Entry | None:
    from aggregator.normalize.text import MAX_TAG

    tags = _names(entry.tags, edit, MAX_TAG)
    return entry if tags == entry.tags else dataclasses.replace(entry, tags=tags)


def _names(names: tuple[str, ...], edit: _Edit, limit: int) -> tuple[str, ...]:
    """Edit names; those that become empty, or the same as an earlier one, are left out."""
    from aggregator.normalize.text import tidy_line

    edited = [edit(name) for name in names]
    if edited == list(names):
        return names
    found: dict[str, str] = {}
    for name in edited:
        if tidy := tidy_line(name, limit):
            found.setdefault(tidy.casefold(), tidy)
    return tuple(found.values())


_EDITS: dict[str, Callable[[Entry, _Edit], Entry | None]] = {
    "title": _title,
    "text": _text,
    "url": _url,
    "author": _author,
    "tags": _tags,
}
