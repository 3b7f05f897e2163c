"""What `keep`, `drop` and `hold` look for: words in fields, limits of age, length and playing time, and what there is.

All keys of a condition have to hold; of the words of a key, one has to be found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from aggregator.config.fields import Maybe, Section
from aggregator.config.intervals import Duration, parse_duration
from aggregator.config.problems import show
from aggregator.rules.expressions import Expression, When
from aggregator.rules.facts import Facts
from aggregator.rules.matching import WORDS_SCHEMA, WordList, Words, make_each
from aggregator.rules.settings import one_or_more, one_or_more_schema

WordField = Literal[
    "title", "text", "html", "summary", "url", "host", "author", "tags", "language", "source", "category", "guid"
]
"""Fields in which words can be looked for."""
Has = Literal["image", "enclosure", "audio", "video", "text", "summary", "url", "author", "tags", "date", "comments"]

#: Where `any` and `all` look if nothing is said.
_ANYWHERE: tuple[WordField, ...] = ("title", "text")
#: `author` means all of them.
_READ_FROM = {"author": "authors"}
_COMPARISON = re.compile(r"\s*(>=|<=|>|<)\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison with a duration, such as ``>10m``."""

    sign: str
    limit: timedelta

    def holds(self, value: timedelta) -> bool:
        """Whether a duration is as the comparison says."""
        if self.sign[0] == ">":
            return value > self.limit or (self.sign == ">=" and value == self.limit)
        return value < self.limit or (self.sign == "<=" and value == self.limit)


def comparison(value: object) -> Comparison:
    """Check a comparison with a duration."""
    match = _COMPARISON.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('must be a comparison with a duration, in quotes, such as `">10m"` or `"<=1h30m"`')
    return Comparison(match[1], parse_duration(match[2]))


Playing = Annotated[
    Comparison,
    PlainValidator(comparison),
    WithJsonSchema({"type": "string", "pattern": r"^\s*[<>]=?\s*[0-9]"}),
]
Fields = Annotated[
    tuple[WordField, ...],
    Field(min_length=1),
    BeforeValidator(one_or_more),
    WithJsonSchema(one_or_more_schema({"enum": [*get_args(WordField)]})),
]
Parts = Annotated[
    tuple[Has, ...],
    Field(min_length=1),
    BeforeValidator(one_or_more),
    WithJsonSchema(one_or_more_schema({"enum": [*get_args(Has)]})),
]

Test = Callable[[Facts, list[str]], str | tuple[str, str] | None]
"""Returns how it holds, as a clause, or as what was found and the field, or None; the list takes notes."""

_HAS: Mapping[Has, Callable[[Facts], Any]] = {
    "image": lambda f: f["images"],
    "enclosure": lambda f: f.entry.enclosures,
    "audio": lambda f: any(file.type.startswith("audio/") for file in f.entry.enclosures),
    "video": lambda f: any(file.type.startswith("video/") for file in f.entry.enclosures),
    "text": lambda f: f["text"],
    "summary": lambda f: f["summary"],
    "url": lambda f: f["url"],
    "author": lambda f: f.entry.authors,
    "tags": lambda f: f.entry.tags,
    "date": lambda f: f["dated"],
    "comments": lambda f: f["comments"],
}


class Condition(Section):
    """What an entry must be like: all keys have to hold."""

    SHORT_FORMS: ClassVar[tuple[dict[str, Any], ...]] = tuple(WORDS_SCHEMA["anyOf"])

    any: Maybe[WordList] = Field(default=None, description="Words of which one is found in the fields of `in`.")
    all: Maybe[WordList] = Field(default=None, description="Words that are all found in the fields of `in`.")
    in_: Maybe[Fields] = Field(
        default=None, alias="in", description="Fields in which `any` and `all` look; `title` and `text` if left out."
    )
    title: Maybe[WordList] = Field(default=None, description="Words of which one is found in the title.")
    text: Maybe[WordList] = Field(default=None, description="Words of which one is found in the text.")
    html: Maybe[WordList] = Field(default=None, description="Words of which one is found in the HTML of the body.")
    summary: Maybe[WordList] = Field(default=None, description="Words of which one is found in the summary.")
    url: Maybe[WordList] = Field(default=None, description="Words of which one is found in the address.")
    host: Maybe[WordList] = Field(default=None, description="Words of which one is found in the host of the address.")
    author: Maybe[WordList] = Field(default=None, description="Words of which one is found in the name of an author.")
    tags: Maybe[WordList] = Field(default=None, description="Words of which one is found in a tag.")
    language: Maybe[WordList] = Field(default=None, description="Words of which one is found in the language tag.")
    source: Maybe[WordList] = Field(default=None, description="Words of which one is found in the id of the source.")
    category: Maybe[WordList] = Field(
        default=None, description="Words of which one is found in the slug of the category."
    )
    guid: Maybe[WordList] = Field(default=None, description="Words of which one is found in the source's own id.")
    min_words: Maybe[int] = Field(default=None, strict=True, ge=1, description="It has at least this many words.")
    max_words: Maybe[int] = Field(default=None, strict=True, ge=0, description="It has at most this many words.")
    min_age: Maybe[Duration] = Field(default=None, description="It was at least this old when it was first seen.")
    max_age: Maybe[Duration] = Field(default=None, description="It was at most this old when it was first seen.")
    duration: Maybe[Playing] = Field(
        default=None, description='Its playing time, such as `">10m"`; one without any is neither short nor long.'
    )
    has: Maybe[Parts] = Field(default=None, description="What it has: one of these, or a list of them that it has all.")
    where: Maybe[When] = Field(default=None, description="An expression that holds.")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if isinstance(value, str | list):
            return {"any": value}
        if isinstance(value, dict) and "file" in value:
            if "any" in value:
                raise ValueError("`any` and `file` are one; write `any: [word, {file: list}]`")
            return {**{key: one for key, one in value.items() if key != "file"}, "any": {"file": value["file"]}}
        if isinstance(value, dict | Condition):
            return value
        if value is True:
            raise ValueError(f"{show(value)} says nothing; write what is kept, such as `{{where: words > 100}}`")
        raise ValueError(f"{show(value)} must be words, or a mapping such as `{{title: [sponsored]}}`")

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        mapping = handler(core_schema)
        mapping["properties"]["file"] = {"type": "string", "description": "As `any`, with the words of a file."}
        return {"anyOf": [*cls.SHORT_FORMS, mapping]}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.in_ is not None and self.any is None and self.all is None:
            raise ValueError("`in` goes with `any` or `all`; add one of them")
        if not self.tests:
            raise ValueError("is empty; say what it must be like")
        return self

    @cached_property
    def tests(self) -> tuple[Test, ...]:
        """What has to hold."""
        return tuple(_tests(self))

    def matches(self, facts: Facts, notes: list[str]) -> bool:
        """Whether all of it holds for an entry."""
        return all(test(facts, notes) is not None for test in self.tests)

    def find(self, facts: Facts, notes: list[str]) -> str | None:
        """Return how all of it holds for an entry, as a clause ("" for one without keys), or None."""
        hows = []
        for test in self.tests:
            if (how := test(facts, notes)) is None:
                return None
            hows.append(how if isinstance(how, str) else f"{show(how[0])} in {how[1]}")
        return ", ".join(hows)


def _tests(condition: Condition) -> list[Test]:
    tests: list[Test] = []
    # What is fast comes first.
    for name in _QUICK:
        if (words := getattr(condition, name)) is not None:
            tests.append(_in_fields(words, (name,)))
    for key, variable, least in _LIMITS:
        if (limit := getattr(condition, key)) is not None:
            tests.append(_within(variable, limit, least))
    if condition.duration is not None:
        tests.append(_playing(condition.duration))
    tests += [_has(part) for part in condition.has or ()]
    fields = condition.in_ or _ANYWHERE
    if condition.any is not None:
        tests.append(_in_fields(condition.any, fields))
    if condition.all is not None:
        tests += [_in_fields(word, fields) for word in make_each(condition.all)]
    for name in _LONG:
        if (words := getattr(condition, name)) is not None:
            tests.append(_in_fields(words, (name,)))
    if condition.where is not None:
        tests.append(_holds(condition.where))
    return tests


_LONG: tuple[WordField, ...] = ("summary", "text", "html")
_QUICK: tuple[WordField, ...] = (
    "title", "url", "host", "author", "tags", "language", "source", "category", "guid",
)  # fmt: skip
_LIMITS = (
    ("min_words", "words", True),
    ("max_words", "words", False),
    ("min_age", "age", True),
    ("max_age", "age", False),
)


def _in_fields(words: Words, fields: Sequence[WordField]) -> Test:
    names = [(field, _READ_FROM.get(field, field)) for field in fields]
    has_plain, has_patterns, find = words.has_plain, words.has_patterns, words.find

    def test(facts: Facts, notes: list[str]) -> tuple[str, str] | None:
        for field, name in names:
            texts = facts.texts(name) if has_patterns else ()
            if (found := find(texts, facts.folded(name) if has_plain else ())) is not None:
                return found, field
        return None

    return test


def _within(variable: str, limit: Any, least: bool) -> Test:
    def test(facts: Facts, notes: list[str]) -> str | None:
        value = facts[variable]
        return f"{variable}: {value}" if (value >= limit if least else value <= limit) else None

    return test


def _playing(comparison: Comparison) -> Test:
    def test(facts: Facts, notes: list[str]) -> str | None:
        value = facts["duration"]
        return f"duration: {value}" if value and comparison.holds(value) else None

    return test


def _has(part: Has) -> Test:
    read = _HAS[part]
    return lambda facts, notes: f"has {part}" if read(facts) else None


def _holds(expression: Expression) -> Test:
    return lambda facts, notes: show(expression.text) if expression.evaluate(facts, notes) else None
