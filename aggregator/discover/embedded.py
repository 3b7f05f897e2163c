"""The lists in the JSON of a page that look like its articles, as settings of the kind `json`. Pure.

Pages that scripts build have their data in a script: `__NEXT_DATA__`, a state that is assigned, or JSON-LD. In: a page.
Out: settings, the likeliest list first. The members of the items are recognized by their names and by what is in them;
where an item has no address but a word of it, the links on the page show how addresses are made.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import log
from typing import Any
from urllib.parse import urlsplit

from bs4 import Tag

from aggregator.discover.elements import Elements
from aggregator.discover.members import ItemMember, ItemMembers, Role, lacks_zone, members_of
from aggregator.discover.pagezone import timezone_of
from aggregator.discover.records import is_place, looks_like_article, same_site
from aggregator.errors import ParseError
from aggregator.models import Fetched
from aggregator.parse.encoding import decode
from aggregator.parse.jsontext import read_script
from aggregator.sources.page import Page, attribute

#: Lists that are offered, scripts that are read, and characters of all of them.
MAX_FOUND = 2
_SCRIPTS, _CHARACTERS = 30, 5_000_000
#: Values that are looked at in all scripts, and how deep; items of a list that are looked at.
_VALUES, _DEPTH, _ITEMS = 100_000, 25, 30
#: Fewer items are no list.
_FEWEST = 3
_ENOUGH = 5.0
#: CPU time in seconds; links of the page that are looked at; characters of a path.
_SECONDS, _LINKS, _LONGEST = 3.0, 2000, 400
_FURTHER: Sequence[Role] = ("summary", "content", "image")
_PART = re.compile(r"[/?=&#]|\.(?=\w{3,5}$)")
_BRACE = re.compile(r"[{}]")
JSON_LD = "application/ld+json"
#: Parts of data that are about the site.
_SITE = re.compile(
    r"nav|menu|footer|header|breadcrumb|categor|tag|sidebar|banner|related|recommend|hot|popular|trend|author|user|member|"
    r"product|locale|language|social|link|comment|filter|facet|option|config|setting|translation|i18n|media|asset|"
    r"advert|partner|sponsor|faq",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    r"\A\s*(?:(?:window|self|globalThis)\s*[.\[]\s*[\"']?|(?:var|let|const)\s+)([A-Za-z_$][\w$]{2,60})"
)
_IDENTITY = re.compile(r"[A-Za-z_][\w-]{0,80}\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
#: Types of schema.org that are no lists of articles.
_OTHER_TYPES = frozenset({"BreadcrumbList", "SiteNavigationElement", "FAQPage", "Product", "Organization", "Person"})


@dataclass(frozen=True, slots=True)
class DataList:
    """A list in the data of a page."""

    #: Settings of `json`, without `url`.
    settings: Mapping[str, object]
    #: How many items it has.
    items: int
    #: Whether they have dates.
    dated: bool
    score: float


def data_lists(elements: Elements) -> list[DataList]:
    """Return the lists in the JSON of a page that look like its articles, the likeliest first."""
    return _likeliest(elements, _scripts(elements))


def document_lists(page: Fetched) -> list[DataList]:
    """Return the lists in a document of JSON, such as the answer of an API, that look like articles."""
    text = decode(page.body, page.content_type).text.lstrip()
    if not text.startswith(("{", "[")) or len(text) > _CHARACTERS:
        return []
    try:
        value = read_script(text, page.url)
    except ParseError:
        return []
    # The document has no elements; its addresses are resolved as those of a page are.
    return _likeliest(Elements(Page(replace(page, body=b""), None)), [(None, value)])


def _likeliest(elements: Elements, scripts: Iterable[tuple[str | None, Any]]) -> list[DataList]:
    """Return the lists in values, each with what selects its script; None: there is none, the value is the document."""
    elements.allow(_SECONDS)
    finder = _Finder(elements)
    found = []
    left = [_VALUES]
    for script, value in scripts:
        for path, items in _lists(value, "$", left, 0):
            if elements.is_late:
                break
            one = finder.data_list(script, path, items)
            if one is not None and one.score >= _ENOUGH:
                found.append(one)
    return sorted(found, key=lambda one: -one.score)[:MAX_FOUND]


def _scripts(elements: Elements) -> Iterator[tuple[str, Any]]:
    """Return the JSON in the scripts of a page, each with what selects it for the kind."""
    linked: list[Any] = []
    left = _CHARACTERS
    for number, tag in enumerate(elements.named("script")):
        if number == 10 * _SCRIPTS or left < 0:
            break
        kind = attribute(tag, "type").lower().partition(";")[0].strip()
        text = tag.get_text()
        select = JSON_LD if kind == JSON_LD else _selector(tag, kind, text)
        if select is None or attribute(tag, "src") or len(text) > left:
            continue
        left -= len(text)
        try:
            value = read_script(text, elements.page.url)
        except ParseError:
            continue
        if select == JSON_LD:
            linked += _graph(value)
        else:
            yield select, value
    if linked:
        yield JSON_LD, linked


def _selector(tag: Tag, kind: str, text: str) -> str | None:
    """Return what selects a script that may have data, or None."""
    identity = attribute(tag, "id")
    if _IDENTITY.match(identity) and (kind.endswith("json") or identity.startswith("__")):
        return f"script#{identity}"
    if kind.endswith("json"):
        return f'script[type="{kind}"]' if re.fullmatch(r"[\w./+-]+", kind) else None
    if kind not in ("", "text/javascript", "application/javascript", "module"):
        return None
    name = _ASSIGNED.match(text)
    return f'script:-soup-contains("{name[1]}")' if name else None


def _graph(value: Any) -> list[Any]:
    """Return the objects of a document of JSON-LD, as the kind has them: lists and graphs are taken apart."""
    if isinstance(value, list):
        return [inner for one in value for inner in _graph(one)]
    if isinstance(value, dict) and isinstance(value.get("@graph"), list):
        return _graph(value["@graph"])
    return [value]


def _lists(value: Any, path: str, left: list[int], depth: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Return the lists of objects in a value, with their JSONPath."""
    left[0] -= 1
    if left[0] < 0 or depth > _DEPTH:
        return
    if isinstance(value, dict):
        for name, one in value.items():
            if isinstance(one, dict | list):
                yield from _lists(one, path + _step(name), left, depth + 1)
    elif isinstance(value, list):
        for types in [None] if depth or path != "$" else [None, *_types(value)]:
            items = [one for one in value if isinstance(one, dict) and (types is None or _type(one) == types)]
            if len(items) >= _FEWEST and 2 * len(items) > len(value) * (types is None):
                yield f"{path}[*]" if types is None else f'{path}[?@["@type"]=="{types}"]', items
        for number, one in enumerate(value[:_ITEMS]):
            if isinstance(one, dict | list):
                step = f'[?@["@type"]=="{_type(one)}"]' if path == "$" and _type(one) else f"[{number}]"
                yield from _lists(one, path + step, left, depth + 1)


def _type(value: Any) -> str | None:
    """Return the type of an object of JSON-LD, where it has one."""
    said = value.get("@type") if isinstance(value, dict) else None
    return said if isinstance(said, str) and _NAME.match(said) else None


def _types(values: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(one for one in map(_type, values) if one and one not in _OTHER_TYPES))


def _step(name: str) -> str:
    """Return the step of JSONPath to a member (RFC 9535, section 2.5.1)."""
    if _NAME.match(name):
        return f".{name}"
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"


class _Finder:
    """Makes settings of lists; what it takes of the page for that is found once."""

    def __init__(self, elements: Elements) -> None:
        self._page = elements.page
        self._zone = timezone_of(elements)
        #: Addresses on the page by each of their parts.
        self._links: dict[str, set[str]] = {}
        for tag in islice(elements.named("a"), _LINKS):
            url = self._page.absolute(attribute(tag, "href"))
            if url and same_site(url, self._page.url):
                for part in _PART.split(_path(url)):
                    self._links.setdefault(part, set()).add(url)

    def data_list(self, script: str | None, path: str, items: Sequence[dict[str, Any]]) -> DataList | None:
        """Make settings of a list; None where its items are no articles."""
        if any(f'"{name}"' in path for name in _OTHER_TYPES) or not path.isprintable() or len(path) > _LONGEST:
            return None
        members = members_of(items[:_ITEMS])
        title = members.best("title")
        link = members.best("link", self._page.absolute)
        address = link.select if link is not None else self._template(members)
        if title is None or address is None:
            return None
        settings: dict[str, object] = {} if script is None else {"script": script}
        settings |= {"items": path, "title": title.select, "link": address}
        date, content = members.best("date"), members.best("content")
        if date is not None:
            zoned = self._zone is not None and lacks_zone(date)
            settings["date"] = {"select": date.select, "timezone": self._zone} if zoned else date.select
        for role in _FURTHER:
            if (member := members.best(role)) is not None:
                settings[role] = member.select
        urls = [url for value in link.values if (url := self._page.absolute(str(value)))] if link is not None else []
        own = sum(same_site(url, self._page.url) for url in urls) >= 0.6 * len(urls)
        if own and content is None:
            settings["article"] = {"timezone": self._zone} if self._zone else True
        return DataList(settings, len(items), date is not None, _score(path, members, title, urls, settings))

    def _template(self, members: ItemMembers) -> str | None:
        """Return an address with the name of a member in it, as links on the page show how addresses are made."""
        for member in members.all("key"):
            found: Counter[str] = Counter()
            for value in map(str, member.values):
                for url in self._links.get(value, ()):
                    head, _, tail = url.rpartition(value)
                    if not _BRACE.search(head + tail):
                        found[f"{head}{{{member.select}}}{tail}"] += 1
            best = found.most_common(1)
            # A short number may be in any address.
            if best and (best[0][1] > 1 or len(str(member.values[0])) > 3):
                return best[0][0]
        return None


def _path(url: str) -> str:
    """Return the path of an address with its query."""
    return urlsplit(url)._replace(scheme="", netloc="").geturl()


def _score(
    path: str, members: ItemMembers, title: ItemMember, urls: Sequence[str], settings: Mapping[str, object]
) -> float:
    """Weigh how much a list looks like articles."""
    score = 3.0 * ("date" in settings) + 1.0 * ("summary" in settings) + 0.5 * log(members.items, 2)
    score += 2.0 * max(0.0, min(1.0, (title.weight - 6) / 20))
    if urls:
        paths = [_path(url) for url in urls]
        score += 1.5 * sum(map(looks_like_article, paths)) / len(urls) - 2.0 * sum(map(is_place, paths)) / len(urls)
    else:
        # A link on the page leads to one of them.
        score += 1.0
    if members.has("price"):
        score -= 3.0
    # The last steps of the path say what the list is.
    return score - (3.0 if _SITE.search(".".join(path.split(".")[-2:])) else 0.0)
