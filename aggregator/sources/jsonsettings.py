"""The settings of the kind `json`, and their checks."""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar

from pydantic import Field, GetJsonSchemaHandler, PlainValidator, WithJsonSchema, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from aggregator.config.fields import (
    MAX_TEXT,
    MAX_URL,
    Encoding,
    Maybe,
    Section,
    ShortSection,
    Url,
    address_with,
    checked,
    element_selector,
    text,
    with_short_form,
)
from aggregator.config.problems import show
from aggregator.sources.articles import ArticleSettings
from aggregator.sources.fields import Attribute, DateSettings, FieldSettings
from aggregator.sources.paging import MAX_LIMIT, MAX_PAGES, USUAL_LIMIT, USUAL_PAGES
from aggregator.values.jsonpaths import NEXT, is_template
from aggregator.values.selectors import NUMBER

#: Bytes of a body as JSON, and lists and mappings in each other.
MAX_BODY = 100_000
_MAX_DEPTH = 20
JSON_LD = "application/ld+json"
FORM = "application/x-www-form-urlencoded"


def json_selector(value: object) -> str:
    """Check the name of a member, a JSONPath, or a text with such in braces."""
    from aggregator.sources.jsonpaths import check

    if isinstance(value, list | dict):
        bracket = "[" if isinstance(value, list) else "{"
        raise ValueError(f"must be text; put one that begins with `{bracket}` in quotes")
    written = text(value)
    check(written)
    return written


def json_path(value: object) -> str:
    """Check the name of a member or a JSONPath."""
    written = json_selector(value)
    if is_template(written):
        raise ValueError(f"{show(written)} has braces; write a name or a JSONPath")
    return written


def script(value: object) -> str:
    """Check the selector of a script, or the media type of JSON-LD."""
    if isinstance(value, str) and value.strip().lower() == JSON_LD:
        return JSON_LD
    if isinstance(value, str) and value.strip().lower() == "application/json":
        raise ValueError(f'{show(value)} is no selector; write `script[type="application/json"]`')
    return element_selector(value)


def next_address(value: object) -> str:
    """Check an address with `{n}` or `{next}` in it; `{n}` alone: the same address, and another body."""
    written = text(value)
    if NUMBER not in written and NEXT not in written:
        raise ValueError(f"{show(written)} has neither `{NUMBER}` nor `{NEXT}`, so that it is the same for all pages")
    return address_with(written, {NUMBER: "2", NEXT: "x"}, f"`{NUMBER}` or `{NEXT}` in it")


def body(value: object) -> Any:
    """Check the body of a request: a mapping or a list, which is sent as JSON, or text as forms send it."""
    if isinstance(value, str):
        if not value.strip() or len(value) > MAX_BODY:
            raise ValueError("must be a mapping or a list, or text as forms send it, such as `page=1&size=20`")
        if value.lstrip()[:1] in ("{", "["):
            raise ValueError("is JSON in quotes; write it without them")
        return value.strip()
    if not isinstance(value, dict | list):
        raise ValueError("must be a mapping or a list, or text as forms send it, such as `page=1&size=20`")
    plain = _plain(value, _MAX_DEPTH)
    if len(json.dumps(plain)) > MAX_BODY:
        raise ValueError(f"is larger than {MAX_BODY:,} bytes")
    return plain


def _unquoted(value: object) -> None:
    """Refuse a text with braces that YAML has read as a mapping: its keys have no values."""
    if isinstance(value, dict) and value and all(one is None for one in value.values()):
        written = ", ".join(map(str, value))
        raise ValueError(f'is a mapping without values; put it in quotes if it is a text: "{{{written}}}"')


def _plain(value: Any, depth: int) -> Any:
    """Return a value of YAML as one of JSON."""
    if isinstance(value, dict) and set(value) in ({"n"}, {"next"}):
        _unquoted(value)
    if depth == 0:
        raise ValueError(f"nests more than {_MAX_DEPTH} lists and mappings")
    if isinstance(value, dict):
        return {str(name): _plain(one, depth - 1) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one, depth - 1) for one in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise ValueError(f"has a value that JSON lacks: {show(value)}; put it in quotes")


JsonSelector = Annotated[str, *checked(json_selector, pattern=r"\S", maxLength=MAX_TEXT)]
JsonPath = Annotated[str, *checked(json_path, pattern=r"\S", maxLength=MAX_TEXT)]
Script = Annotated[str, *checked(script, pattern=r"\S", maxLength=MAX_TEXT)]
NextAddress = Annotated[str, *checked(next_address, pattern=r"\{n(ext)?\}", maxLength=MAX_URL)]
Body = Annotated[
    Any,
    PlainValidator(body),
    WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "array"}, {"type": "string", "pattern": r"\S"}]}),
]


class JsonField(FieldSettings):
    """Where one field of an item is; a text in its place is its `select`."""

    select: Maybe[JsonSelector] = Field(
        default=None,
        description="Name of a member, path below the item, or text with such in braces; the item itself if left out.",
    )

    @model_validator(mode="before")
    @classmethod
    def _in_quotes(cls, value: object) -> object:
        _unquoted(value)
        return value


class JsonDate(DateSettings, JsonField):
    """Where a date is, and how to read it; a text in its place is its `select`."""


class ScriptSettings(ShortSection):
    """Where the JSON of a page is; a text in its place is its `select`."""

    SHORT: ClassVar[str] = "select"

    select: Script = Field(
        description="CSS selector or XPath of the script or other element that holds it, or `application/ld+json`: "
        "all scripts with JSON-LD, as one list."
    )
    attribute: Maybe[Attribute] = Field(
        default=None, description="Attribute of the element that holds it; its text if left out."
    )


class NextSettings(Section):
    """Where the next answer is; a text in its place is its `url` if it has braces, else its `path`."""

    path: Maybe[JsonPath] = Field(
        default=None,
        description="Name or JSONPath of the address of the next answer, or of the value that leads to it.",
    )
    url: Maybe[NextAddress] = Field(
        default=None,
        description="Address of the next answer, with `{n}` for its number or `{next}` for the value of `path`; "
        "`{n}` alone where only the body changes.",
    )
    start: int = Field(default=1, strict=True, ge=0, le=1_000_000, description="Number of the first answer.")
    step: int = Field(
        default=1, strict=True, ge=1, le=1_000_000, description="Distance to the number of the next answer."
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Allow a text in place of the mapping."""
        return with_short_form(schema, handler, {"type": "string", "pattern": r"\S", "maxLength": MAX_URL})

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        _unquoted(value)
        if isinstance(value, str):
            address = is_template(value) or value.strip().startswith(("http://", "https://"))
            return {"url" if address else "path": value}
        return value

    @model_validator(mode="after")
    def _one_way(self) -> NextSettings:
        if self.path is None and self.url is None:
            raise ValueError("needs `path` or `url`")
        if self.url is not None and NEXT in self.url and self.path is None:
            raise ValueError(f"has `{NEXT}`, but no `path` for its value; write `{{url: …, path: …}}`")
        if self.url is not None and NEXT not in self.url and self.path is not None:
            raise ValueError(f"has a `path`, but no `{NEXT}` in `url`; put it in, or remove one of them")
        return self


class JsonSettings(Section):
    """An API that answers in JSON, or a page with JSON in it."""

    url: Url = Field(description="Address of the API, or of the page.")
    items: JsonPath = Field(description="Path of the items, such as `$.data.list[*]`, or of the list of them.")
    title: Maybe[JsonField] = Field(default=None, description="Where the title is.")
    link: Maybe[JsonField] = Field(
        default=None, description="Where the address is; a relative one is completed. `link` or `id` is needed."
    )
    id: Maybe[JsonField] = Field(
        default=None, description="Where an id is that stays the same when the address changes; the link if left out."
    )
    date: Maybe[JsonDate] = Field(default=None, description="Where the date is; Unix time is recognized.")
    summary: Maybe[JsonField] = Field(default=None, description="Where a summary is.")
    content: Maybe[JsonField] = Field(default=None, description="Where the text is, as HTML or plain.")
    author: Maybe[JsonField] = Field(default=None, description="Where the names of the authors are.")
    image: Maybe[JsonField] = Field(default=None, description="Where the address of a picture is.")
    categories: Maybe[JsonField] = Field(default=None, description="Where the categories are: all that are found.")
    limit: Maybe[int] = Field(
        default=None,
        strict=True,
        ge=1,
        le=MAX_LIMIT,
        description=f"Items to take, from the top; with `next` all of them, else {USUAL_LIMIT} if left out.",
    )
    script: Maybe[ScriptSettings] = Field(
        default=None, description="Where the JSON of a page is; if left out, the document itself is JSON."
    )
    body: Maybe[Body] = Field(
        default=None,
        description="What is sent, which makes the request a POST: a mapping or a list as JSON, a text as forms send "
        "it; `{n}` in it is the number of the answer, `{next}` the value of `next.path`.",
    )
    next: Maybe[NextSettings] = Field(
        default=None, description="Where the next answer is; if left out, there is one answer."
    )
    pages: Maybe[int] = Field(
        default=None,
        strict=True,
        ge=1,
        le=MAX_PAGES,
        description=f"Answers to read at most; {USUAL_PAGES} if left out.",
    )
    allow_empty: bool = Field(
        default=False, strict=True, description="Whether a list that is there and is empty is no failure."
    )
    encoding: Maybe[Encoding] = Field(
        default=None, description="Encoding of the document and of articles, such as `gbk`; detected if left out."
    )
    article: Maybe[ArticleSettings] = Field(
        default=None, description="How to read the article pages; if left out, only the answer is read."
    )

    @model_validator(mode="after")
    def _complete(self) -> JsonSettings:
        if self.link is None and self.id is None:
            raise ValueError("needs `link` or `id`, so that its entries can be told apart")
        if self.article is not None and self.link is None:
            raise ValueError("has `article`, but no `link` to the article")
        if self.pages is not None and self.next is None:
            raise ValueError("has `pages`, but not `next`; write where the next answer is")
        written = self.body if isinstance(self.body, str) else json.dumps(self.body)
        counts = self.next is not None and self.next.path is None
        if NEXT in written and (self.next is None or self.next.path is None):
            raise ValueError(f"has `{NEXT}` in `body`, but no `next` that gives its value; write `next: PATH`")
        if self.next is not None and self.next.url == NUMBER and NUMBER not in written:
            raise ValueError(f"has `{NUMBER}` as `next`, but not in `body`; write an address with `{NUMBER}` in it")
        if NUMBER in written and not counts:
            raise ValueError(f'has `{NUMBER}` in `body`, but does not count; write `next: "{NUMBER}"`')
        return self
