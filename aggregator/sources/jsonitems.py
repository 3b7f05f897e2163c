"""An answer in JSON, or a page with JSON in it, read. It works in another process.

In: a document and the rules of its source. Out: entries. It is apart from `aggregator.sources.jsonapi`, which imports
it only where there is a document to read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urljoin

from aggregator.dates.formatted import read_as
from aggregator.errors import ParseError
from aggregator.models import Fetched, ParsedFeed, RawEntry, Text
from aggregator.parse.document import MAX_AUTHORS, MAX_TAGS, address, guid, looks_like_html
from aggregator.parse.encoding import decode, decode_as, misread
from aggregator.parse.jsontext import read_document, read_script
from aggregator.sources.drift import Memory
from aggregator.sources.fields import FieldRules, part_of, settled
from aggregator.sources.jsonpaths import MAX_FOUND, find, gives_one, place_of
from aggregator.values.jsonpaths import fill, is_template, places
from aggregator.values.markup import FORBIDDEN

if TYPE_CHECKING:
    from aggregator.sources.jsonapi import JsonRules, ScriptRules

_JSON_LD = "application/ld+json"
#: Scripts of a page that are looked at.
_MAX_SCRIPTS = 50
#: Characters of one line: a title, a name, a date.
_MAX_LINE = 2000
#: Members by which an answer says why it has no items, and how much of that is shown.
_REASONS = ("message", "msg", "error", "errors", "errmsg", "errorMessage", "error_description", "detail", "reason")
_GOOD = frozenset({"ok", "success", "successful", "0", "成功", "操作成功", "请求成功", "查询成功"})
_MAX_REASON = 200
#: Members that stand for an object where a text is wanted, as in schema.org: names of persons, addresses of pictures.
_NAMES = ("name", "title", "label")
_ADDRESSES = ("url", "contentUrl", "href", "src", "@id")
_MARKUP = re.compile(r"<[A-Za-z/!][^<>]*>|&#?\w{1,31};")


@dataclass(frozen=True, slots=True)
class JsonPage:
    """A document, read."""

    #: What it says of itself.
    feed: ParsedFeed
    entries: tuple[RawEntry, ...]
    #: Of each entry the fields that were looked for, and whether they were filled; see `drift.Memory.observe`.
    filled: tuple[Mapping[str, bool], ...]
    #: How many items `items` matches; those beyond the limit count, too.
    matched: int
    #: What `next.path` gives: an address or a value; None: nothing.
    next: str | int | float | None


def read_items(work: tuple[JsonRules, Memory | None, Fetched]) -> JsonPage:
    """Read the items of a document.

    Its second part is what is remembered of the source, for the message where there are no items; None: there may be
    none, because it is a further page.

    Raises:
        ParseError: it is no JSON, or has no items.
    """
    rules, memory, fetched = work
    document = _document(rules, fetched)
    items = _items(rules.items, document.value)
    reader = _Reader(rules, document.base)
    entries: list[RawEntry] = []
    filled: list[Mapping[str, bool]] = []
    for item in items[: rules.limit]:
        entry = reader.entry(item)
        if entry.url or entry.guid:
            entries.append(entry)
            filled.append(reader.filled)
    empty = rules.allow_empty and not items and place_of(rules.items, document.value)
    if not entries and memory is not None and not empty:
        raise ParseError(_nothing(rules, document, items, memory), kind="nothing_matched", url=fetched.url)
    home = document.home or _home(entries)
    feed = ParsedFeed("json", "json", (), document.title, home, document.language, repairs=document.notes)
    return JsonPage(feed, settled(entries, document.language), tuple(filled), len(items), _next(rules, document.value))


@dataclass(frozen=True, slots=True)
class _Document:
    """The JSON of a document."""

    value: Any
    #: Address that relative ones refer to.
    base: str
    #: Of the page with the script.
    title: str | None = None
    home: str | None = None
    language: str | None = None
    notes: tuple[str, ...] = ()


def _document(rules: JsonRules, fetched: Fetched) -> _Document:
    if rules.script is not None:
        return _in_page(rules.script, rules.encoding, fetched)
    body = fetched.body
    decoded = decode_as(body, rules.encoding) if rules.encoding else decode(body, fetched.content_type)
    note = misread(decoded.text, decoded.encoding)
    return _Document(read_document(decoded.text, fetched.url), fetched.url, notes=(note,) if note else ())


def _in_page(script: ScriptRules, encoding: str | None, fetched: Fetched) -> _Document:
    """Read the JSON in the scripts of a page: of all that are JSON-LD, else of the first that holds any."""
    from aggregator.sources.page import Page, attribute

    page = Page(fetched, encoding)
    linked = script.select == _JSON_LD
    selector = f'script[type="{_JSON_LD}" i]' if linked else script.select
    found: list[Any] = []
    trouble: ParseError | None = None
    matched = 0
    for tag in page.select(selector):
        matched += 1
        said = tag.get_text() if script.attribute is None else attribute(tag, script.attribute)
        try:
            value = read_script(said, fetched.url)
        except ParseError as error:
            trouble = trouble or error
        else:
            found.append(value)
            if not linked:
                break
        if matched == _MAX_SCRIPTS:
            break
    if not matched:
        message = f"nothing on the page matches `{script.select}` (json.script); look at the page and correct it"
        raise ParseError(message, kind="nothing_matched", url=fetched.url)
    if not found and trouble is not None:
        raise trouble
    value = list(_graphs(found)) if linked else found[0]
    notes = (page.misread,) if page.misread else ()
    return _Document(value, page.base, page.title, page.url, page.language, notes)


def _graphs(documents: list[Any]) -> Iterator[Any]:
    """Yield the objects of JSON-LD documents: lists and graphs are taken apart (JSON-LD 1.1, section 4.1)."""
    for one in documents:
        if isinstance(one, list):
            yield from _graphs(one)
        elif isinstance(one, dict) and isinstance(one.get("@graph"), list):
            yield from _graphs(one["@graph"])
        else:
            yield one


def _items(selector: str, value: Any) -> list[Any]:
    """Return the items: what the path matches, or the members of the one list that it leads to."""
    found = find(selector, value)
    if len(found) == 1 and gives_one(selector):
        if isinstance(found[0], list):
            return list(found[0][:MAX_FOUND])
        return found if found[0] is not None else []
    return found


class _Reader:
    """Reads the items of a document.

    Args:
        base: address that relative ones refer to.
    """

    def __init__(self, rules: JsonRules, base: str) -> None:
        self._rules = rules
        self._base = base
        #: Fields of the last item that were looked for, and whether they were filled.
        self.filled: Mapping[str, bool] = {}

    def entry(self, item: Any) -> RawEntry:
        """Return an item as an entry."""
        rules = self._rules
        link = _first_address(rules.link, item, self._base)
        base = link or self._base
        said = _line(rules.id, item)
        entry = RawEntry(
            guid=guid(said) or link,
            url=link,
            title=_text(rules.title, item, base, kind=None, line=True),
            content=_text(rules.content, item, base, kind="html"),
            summary=_text(rules.summary, item, base, kind=None),
            published=_date(rules.date, item),
            authors=_names(rules.author, item)[:MAX_AUTHORS],
            tags=_names(rules.categories, item, split=True)[:MAX_TAGS],
            image=_first_address(rules.image, item, base),
            timezone=rules.date.timezone if rules.date else None,
        )
        values = {
            "link": link,
            "title": entry.title,
            "date": entry.published,
            "summary": entry.summary,
            "content": entry.content,
            "author": entry.authors,
            "image": entry.image,
            "categories": entry.tags,
            "id": guid(said),
        }
        self.filled = {
            f"json.{name}": bool(value)
            for name, value in values.items()
            if (one := getattr(rules, name)) is not None and one.value is None
        }
        return entry


def _values(rules: FieldRules | None, item: Any) -> Iterator[Any]:
    """Yield what a field selects: single values, and objects."""
    if rules is None:
        return
    if rules.value is not None:
        yield rules.value
    elif rules.select is None:
        yield item
    elif is_template(rules.select):
        if filled := _filled(rules.select, item):
            yield filled
    else:
        yield from _flat(find(rules.select, item))


def _flat(values: list[Any]) -> Iterator[Any]:
    """Yield the values in lists, and in lists in these."""
    for value in values[:MAX_FOUND]:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _filled(template: str, item: Any) -> str:
    """Return a template with the values of an item in its places; "" where one of them is missing."""
    words = [next(filter(None, map(_word, _flat(find(name, item)))), "") for name in places(template)]
    return fill(template, words) if all(words) else ""


def _word(value: Any, *members: str) -> str:
    """Return a single value as text, of an object the first of its members that is one; "" for all else."""
    if isinstance(value, dict):
        return next(filter(None, (_word(value.get(name)) for name in members)), "")
    if isinstance(value, str):
        # Escapes can name what no document can hold: NUL, controls, halves of surrogates.
        return FORBIDDEN.sub("", value).strip()
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return ""
    return str(value)


def _words(rules: FieldRules | None, item: Any, *members: str) -> Iterator[str]:
    """Yield the values of a field as texts, none of them empty."""
    for value in _values(rules, item):
        if rules is not None and (word := part_of(_word(value, *members), rules).strip()):
            yield word


def _line(rules: FieldRules | None, item: Any, *members: str) -> str:
    return " ".join(next(_words(rules, item, *members), "").split())[:_MAX_LINE]


def _text(
    rules: FieldRules | None, item: Any, base: str, *, kind: Literal["html"] | None, line: bool = False
) -> Text | None:
    """Return a text, and whether it is markup: in the content any, elsewhere only where it can be nothing else."""
    said = _line(rules, item) if line else next(_words(rules, item), "")
    if not said:
        return None
    markup = _MARKUP.search(said) is not None if kind == "html" else looks_like_html(said)
    return Text(said, "html" if markup else "text", base)


def _first_address(rules: FieldRules | None, item: Any, base: str) -> str | None:
    words = _words(rules, item, *_ADDRESSES)
    return next(filter(None, (address(word.replace(" ", "%20"), base) for word in words)), None)


def _names(rules: FieldRules | None, item: Any, *, split: bool = False) -> tuple[str, ...]:
    """Return the names in a field; a single text may name several where `split` is true."""
    words = [" ".join(word.split())[:_MAX_LINE] for word in _words(rules, item, *_NAMES)]
    if split and len(words) == 1:
        words = [part.strip() for part in words[0].split(",")]
    return tuple(dict.fromkeys(filter(None, words)))


def _date(rules: FieldRules | None, item: Any) -> str | None:
    """Return a date: as ISO 8601 where its format is given, else as it stands."""
    first = None
    for word in _words(rules, item):
        shown = word[:_MAX_LINE]
        if rules is None or rules.format is None:
            return shown
        if read := read_as(shown, rules.format, rules.timezone):
            return read
        first = first or shown
    return first


def _home(entries: list[RawEntry]) -> str | None:
    """Return the root of the site that all entries are on: nobody wants to see the answer of an API."""
    sites = {urljoin(entry.url, "/") for entry in entries if entry.url}
    return sites.pop() if len(sites) == 1 else None


def _next(rules: JsonRules, document: Any) -> str | int | float | None:
    if rules.next is None or rules.next.path is None:
        return None
    for value in _flat(find(rules.next.path, document)):
        if word := _word(value):
            return value if isinstance(value, int | float) else word
    return None


def _nothing(rules: JsonRules, document: _Document, items: list[Any], memory: Memory) -> str:
    """Return the message for a document without items."""
    what = f"`{rules.items}` (json.items)"
    if items:
        fields = " or ".join(f"`{name}`" for name in ("link", "id") if getattr(rules, name) is not None)
        count = (
            f"none of the {len(items):,} items that match {what} has" if len(items) > 1 else f"the item {what} has no"
        )
        return f"{count} {fields}; look at the answer and correct json.{fields.split('`')[1]}"
    message = memory.zero(what)
    if reason := _reason(document.value):
        return f"{message}; the answer says: {reason}"
    if place_of(rules.items, document.value):
        return f"{message}; the list is there and is empty: if that can be, set `allow_empty: true`"
    return message


def _reason(document: Any) -> str:
    """Return what an answer without items says of the reason, or ""."""
    if not isinstance(document, dict):
        return ""
    for name in _REASONS:
        for value in _flat([document.get(name)]):
            said = " ".join("".join(filter(str.isprintable, _word(value, *_REASONS))).split())
            if said and said.lower() not in _GOOD:
                return said[:_MAX_REASON]
    return ""
