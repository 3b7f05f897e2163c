"""The kind `json`: the answer of an API, or the JSON in a page, and the pages of its articles.

An answer says where the next one is, and which articles to fetch, so documents are read while fetching, as in the kind
`scrape`: `fetch` returns the first answer with everything already read in `Fetched.parsed`, and `read` only has to make
out the dates that need the time. An API is asked as its operator has configured it, with GET or POST; a page that only
holds JSON is a page like any other, about which robots.txt decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aggregator.errors import ParseError, SourceError
from aggregator.models import FeedState, Fetched, NotModified, ParsedFeed, Request, Source
from aggregator.sources import articles
from aggregator.sources.articles import ArticleRules, complete, make_article_rules
from aggregator.sources.drift import Memory
from aggregator.sources.fields import FIELDS, FieldRules, rules_of
from aggregator.sources.jsonsettings import FORM, JsonSettings
from aggregator.sources.kind import Parse, Tools, conditional_request, fingerprint, plain_request, read_in_worker
from aggregator.sources.paging import USUAL_LIMIT, Pages, bounds
from aggregator.values.jsonpaths import NEXT
from aggregator.values.selectors import NUMBER

if TYPE_CHECKING:
    from aggregator.sources.jsonitems import JsonPage

ACCEPT = "application/json, text/json;q=0.9, */*;q=0.1"
#: CPU time in seconds for reading one document.
SECONDS = 10.0

SETTINGS: Any = JsonSettings
DESCRIPTION = "An API that answers in JSON, or a page with JSON in it."
GUIDE = (
    "The answer of an API, or the JSON in a page (`script`), and what in it are items and their fields. A field is the "
    "name of a member, such as `title`; a path below the item, such as `author.name`, `tags[*].name` or any other "
    "JSONPath (RFC 9535); or a text with such names in braces, such as `https://example.org/p/{id}`. [Items from "
    "JSON](json.md) shows how to find an API, with examples."
)
ADDRESS_KEY: str | None = "url"
PARSE_ONLY = False
DATE_ADVICE = "correct `date`, or give its `format`"


@dataclass(frozen=True, slots=True)
class ScriptRules:
    """Where the JSON of a page is."""

    #: CSS selector or XPath of the elements, or ``application/ld+json``: all scripts with JSON-LD, as one list.
    select: str
    #: Attribute of the element that holds it; None: its text does.
    attribute: str | None = None


@dataclass(frozen=True, slots=True)
class NextRules:
    """Where the next answer is."""

    #: Name or JSONPath of the address, or of the value that leads to it; None: answers are counted.
    path: str | None = None
    #: Address in which ``{n}`` stands for the number of the answer, and ``{next}`` for the value; None: `path` gives
    #: the address, or what changes is the body.
    url: str | None = None
    #: Number of the first answer, and the distance to the next.
    start: int = 1
    step: int = 1


@dataclass(frozen=True, slots=True)
class JsonRules:
    """How JSON becomes entries."""

    #: JSONPath of the items, or of the list of them.
    items: str
    #: Items to take at most, from the top.
    limit: int = USUAL_LIMIT
    #: Encoding where it must be forced, e.g. ``gbk``.
    encoding: str | None = None
    #: How to read the article page; None: the answer is all there is.
    article: ArticleRules | None = None
    #: Where the JSON is in a page; None: the document is JSON.
    script: ScriptRules | None = None
    #: The body of the request, JSON unless `form` is true; None: it is a GET.
    body: str | None = None
    form: bool = False
    next: NextRules | None = None
    #: Answers to read at most.
    pages: int = 1
    #: Whether a list that is there and is empty is no failure.
    allow_empty: bool = False
    link: FieldRules | None = None
    title: FieldRules | None = None
    date: FieldRules | None = None
    summary: FieldRules | None = None
    content: FieldRules | None = None
    author: FieldRules | None = None
    image: FieldRules | None = None
    categories: FieldRules | None = None
    id: FieldRules | None = None


def address(settings: JsonSettings) -> str:
    """Return the address of the API, or of the page."""
    return settings.url


def make_rules(settings: JsonSettings, file: object) -> JsonRules:
    """Return the settings without the address, and without pydantic."""
    one = settings
    form = isinstance(one.body, str)
    body = one.body if form or one.body is None else json.dumps(one.body, ensure_ascii=False, separators=(",", ":"))
    fields: Mapping[str, Any] = {name: rules_of(getattr(one, name)) for name in FIELDS}
    limit, pages = bounds(one.limit, one.pages, several=one.next is not None)
    return JsonRules(
        items=one.items,
        limit=limit,
        encoding=one.encoding,
        article=None if one.article is None else make_article_rules(one.article),
        script=None if one.script is None else ScriptRules(one.script.select, one.script.attribute),
        body=body,
        form=form,
        next=None if one.next is None else NextRules(one.next.path, one.next.url, one.next.start, one.next.step),
        pages=pages,
        allow_empty=one.allow_empty,
        **fields,
    )


def request_hash(source: Source) -> str:
    """Hash what the validators depend on: the address, and the rules by which requests are made and answers read."""
    return fingerprint(source, source.rules, _accept(_rules(source)))


async def fetch(source: Source, state: FeedState, tools: Tools) -> Fetched | NotModified:
    """Fetch the answer, those that follow it, and the articles in them that are new or may have changed."""
    rules, hashed = _rules(source), request_hash(source)
    request = conditional_request(source, state, accept=_accept(rules), request_hash=hashed)
    page = await tools.fetch(_filled(request, rules, 1, None))
    if isinstance(page, NotModified):
        return page
    memory = Memory.load(state.memory, hashed)
    first = await _read(rules, memory, page, tools)
    everything = state.last_success_at is None or memory.left
    pages = await _follow(source, rules, tools, page, first, everything=everything)
    memory = memory.with_items(first.matched, left=pages.left)
    return await complete(source, page, first.feed, pages, memory, rules.article, rules.encoding, tools)


def read(source: Source, fetched: Fetched, now: datetime, parse: Parse) -> ParsedFeed:
    """Return what was read while fetching, with dates in ISO 8601 where they can be read, else as they stand."""
    return articles.dated(fetched, now)


async def _follow(
    source: Source, rules: JsonRules, tools: Tools, page: Fetched, first: JsonPage, *, everything: bool
) -> Pages:
    """Return the items of an answer and of those that follow it."""
    pages = Pages(tools, rules.limit, first)
    asked = {_identity(_filled(plain_request(source, page.requested_url, accept=""), rules, 1, None))}
    before = first

    async def ask(number: int) -> JsonPage | None:
        nonlocal before
        request = _next_request(source, rules, page, number, before.next)
        if request is None or _identity(request) in asked:
            return None
        asked.add(_identity(request))
        found = await tools.fetch(request)
        if isinstance(found, NotModified):
            return None
        before = await _read(rules, None, found, tools)
        return before

    if rules.next is not None:
        await pages.follow(rules.pages, ask, everything=everything, counted=rules.next.path is None)
    return pages


def _next_request(
    source: Source, rules: JsonRules, page: Fetched, number: int, value: str | int | float | None
) -> Request | None:
    """Return the request for a further answer; None where the one before names none.

    Args:
        page: the first answer.
        number: of the answer, from 2.
        value: what `next.path` gives in the answer before.

    Raises:
        ParseError: the value should be an address and is none.
    """
    from aggregator.parse.document import address as absolute

    rule = rules.next
    if rule is None or (rule.path is not None and value is None):
        return None
    url: str | None = page.requested_url
    if rule.url not in (None, NUMBER):
        written = (rule.url or "").replace(NUMBER, str(_number(rule, number)))
        url = absolute(written.replace(NEXT, quote(str(value), safe="")), page.url)
    elif rule.path is not None and NEXT not in (rules.body or ""):
        url = absolute(str(value).replace(" ", "%20"), page.url) if _may_be_address(value) else None
    if url is None:
        message = (
            f"`{rule.path}` (json.next) gives `{str(value)[:80]}`, which is no address; put it into one with `url`"
        )
        raise ParseError(message, kind="unparsable", url=page.url)
    return _filled(plain_request(source, url, accept=_accept(rules)), rules, number, value)


def _may_be_address(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://", "/", "?", "./", "../"))


def _number(rule: NextRules, number: int) -> int:
    return rule.start + rule.step * (number - 1)


def _filled(request: Request, rules: JsonRules, number: int, value: str | int | float | None) -> Request:
    """Return the request for the answer with a number, with its body, if there is one."""
    request = replace(request, robots=rules.script is not None)
    if rules.body is None:
        return request
    counted = _number(rules.next or NextRules(), number)
    if rules.form:
        text = rules.body.replace(NUMBER, str(counted))
        text = text.replace(NEXT, "" if value is None else quote(str(value), safe=""))
        return replace(request, content=text.encode(), content_type=FORM)
    body = _replaced(json.loads(rules.body), {NUMBER: counted, NEXT: value})
    return replace(request, content=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def _replaced(body: Any, values: Mapping[str, Any]) -> Any:
    """Return a body with values in the place of texts that stand for them."""
    if isinstance(body, dict):
        return {name: _replaced(one, values) for name, one in body.items()}
    if isinstance(body, list):
        return [_replaced(one, values) for one in body]
    return values.get(body, body) if isinstance(body, str) else body


def _identity(request: Request) -> tuple[str, str]:
    """Return what tells a request from others of the source, so that none is sent twice."""
    return request.url, hashlib.sha256(request.content or b"").hexdigest()


async def _read(rules: JsonRules, memory: Memory | None, page: Fetched, tools: Tools) -> JsonPage:
    from aggregator.sources.jsonitems import read_items

    return await read_in_worker(tools, read_items, (rules, memory, page), page, SECONDS)


def _accept(rules: JsonRules) -> str:
    return ACCEPT if rules.script is None else articles.ACCEPT


def _rules(source: Source) -> JsonRules:
    if not isinstance(source.rules, JsonRules):
        raise SourceError("the source has no rules for JSON", kind="internal", url=source.url)
    return source.rules
