"""Lists on a page: links that repeat in the same way, each with what belongs to it, and how much they look like news.

A page has many lists: menus, columns of links, tags, numbers of pages, lists of what is read most. Links at the same
place below siblings make a group, and a group is weighed by what the records around its links have: headings, dates,
texts, pictures; and by where it stands. Pure.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import log
from urllib.parse import urldefrag, urlsplit

from bs4 import Tag

from aggregator.discover.elements import Elements
from aggregator.discover.stable import classes_of, names_of
from aggregator.sources.page import attribute
from aggregator.sources.pagefacts import short_text
from aggregator.sources.selecting import is_date

#: Links of a page that are looked at; how far above a link its record may be; records of a group that are weighed.
MAX_LINKS = 4000
_LEVELS = 8
MAX_RECORDS = 40
#: Fewer records are no list.
FEWEST = 3
#: Groups that are weighed in full, those with the most text first.
_WEIGHED = 40
#: Characters of a record, and of an element that shows a date.
_RECORD, _DATE = 3000, 60
#: Elements of a record that are looked at for a date.
_PARTS = 60
#: Siblings of a record that may have its date.
_NEAR = 3
#: Share of the links of a page below an element that is the page itself, more or less.
_WHOLE = 0.6
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_AROUND = frozenset({"nav", "footer", "aside"})

_TITLE_NAME = re.compile(r"title|headline|subject|caption|heading|biaoti|\btit\b|_tit\b|\btit_", re.IGNORECASE)
#: Names of parts of a page that are about the site, and of those beside what it is about.
_SITE_PART = re.compile(
    r"(?:^|[_-])(?:nav|navi|navbar|navigation|gnb|lnb|gnavi|menu|footer|foot|ft|topbar|breadcrumbs?|crumbs?|pager|paging|"
    r"pagination|social|share|login|friends?|friendlinks?|copyright|language|switcher|cookies?|cart|sitemap)(?:$|[_-])"
    r"|\A(?:header|pages?|tagcloud|tag-cloud|lang)\Z",
    re.IGNORECASE,
)
_SIDE_PART = re.compile(
    r"(?:^|[_-])(?:side|sidebar|aside|rail|hot|hots|rank|ranking|recommend(?:ed)?|related|popular|most|trending|widget|"
    r"recent|promo|banner|carousel|slider|swiper|ads?|advert|partners?|right|comments?|authors?|users?|opinion|videos?|"
    r"tags?|links|categor(?:y|ies)|archives?|filters?|chips|products?|subscribe)(?:$|[_-])",
    re.IGNORECASE,
)
_MAIN_PART = re.compile(
    r"(?:^|[_-])(?:main|content|contents|container|article|articles|posts?|news|list|latest|blog|entries|stories|board)"
    r"(?:$|[_-])",
    re.IGNORECASE,
)
#: Addresses of places and not of articles, and addresses that look like articles.
_PLACE = re.compile(
    r"/(?:tags?|topics?|categor(?:y|ies)|cat|archives?|authors?|users?|u|people|login|signin|register|search|about|"
    r"contact|privacy|terms|help|member|shop|products?|cart|lists?|col|channel|jobs?)(?:/|[-_.?]|$)|[?&](?:page|tag|cat|"
    r"sort|sst|year|topic|lang|category)=|/(?:index|default|list)\d*\.\w{2,5}$|/page[/-]?\d+",
    re.IGNORECASE,
)
_ARTICLE = re.compile(
    r"\d{4}[/-]?\d{2}|\d{4,}|/[^/]*-[^/]*-[^/]*/?$|\.(?:s?html?|jhtml|pdf)$|/\d+/?$"
    r"|[?&](?:[a-z]*id|s|no|seq|newsid|artid|aid|tid)=\d+",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"[\d\s.,:+%-]{1,8}\Z")
_RELATIVE_WORD = re.compile(r"刚刚|刚才|今天|昨天|前天|today|yesterday|just now|오늘|어제|ago", re.IGNORECASE)


#: How far above its link a record is, its parent, its name, and the way from there to the link.
_Key = tuple[int, int, str, tuple[object, ...]]


@dataclass(slots=True)
class Record:
    """One item of a list."""

    element: Tag
    link: Tag
    url: str


@dataclass
class Group:
    """A list: its records, in the order of the page."""

    records: Sequence[Record]
    score: float = 0.0
    #: What speaks for it, for tests and for people who wonder.
    reasons: dict[str, float] = field(default_factory=dict)
    #: Where the dates are if they stand beside the records: XPath from there.
    beside: str | None = None

    @cached_property
    def urls(self) -> frozenset[str]:
        """The addresses of its links."""
        return frozenset(record.url for record in self.records)


def groups(elements: Elements) -> list[Group]:
    """Return the lists on a page that look like news, the best first."""
    links = list(_links(elements))
    below = _links_below(links)
    found = [group for group in _grouped(elements, links) if len(group.urls) >= FEWEST]
    found.sort(key=lambda group: -sum(weight(_link_text(one.link)) for one in group.records[:MAX_RECORDS]))
    host = _host(elements.page.url)
    for group in found[:_WEIGHED]:
        group.beside = _beside(group.records[:MAX_RECORDS])
        group.reasons = _reasons(group, host, below, len(links))
        group.score = sum(group.reasons.values())
    return sorted((group for group in found[:_WEIGHED] if group.score > 0), key=lambda group: -group.score)


def weight(text: str) -> int:
    """Return how much a text says: characters, of which one of East Asia counts twice."""
    return sum(2 if char > "\u2e7f" else 1 for char in text)


def _links(elements: Elements) -> Iterator[tuple[Tag, str]]:
    page = elements.page
    own = urldefrag(page.url).url
    for number, tag in enumerate(elements.named("a")):
        if number == MAX_LINKS:
            return
        href = attribute(tag, "href")
        url = page.absolute(href) if href and not href.startswith(("#", "javascript:", "mailto:", "tel:")) else None
        if url and urldefrag(url).url != own:
            yield tag, url


def _links_below(links: Sequence[tuple[Tag, str]]) -> Counter[int]:
    """Return how many links are below each element."""
    below: Counter[int] = Counter()
    for tag, _ in links:
        below.update(id(parent) for parent in tag.parents)
    return below


def _grouped(elements: Elements, links: Sequence[tuple[Tag, str]]) -> Iterator[Group]:
    """Return the groups: per parent, and of all parents that stand at the same place of the page."""
    siblings: dict[_Key, dict[int, list[Record]]] = defaultdict(dict)
    places: dict[object, list[_Key]] = defaultdict(list)
    for tag, url in links:
        inner: tuple[object, ...] = ()
        node = tag
        for level in range(_LEVELS):
            parent = node.parent
            if parent is None or parent.name in ("html", "[document]"):
                break
            key: _Key = (level, id(parent), node.name, inner if level else (_signature(node),))
            if key not in siblings:
                places[level, _place(parent), *key[2:]].append(key)
            siblings[key].setdefault(id(node), []).append(Record(node, tag, url))
            if node.name == "body":
                break
            inner = (*inner, _signature(node))
            node = parent
    # The same links may repeat below several parents of theirs; the largest records have all that belongs to them.
    found: dict[tuple[int, ...], Group] = {}
    for keys in sorted(places.values(), key=lambda keys: -keys[0][0]):
        for some in [keys] if len(keys) == 1 else [keys, *([key] for key in keys)]:
            group = _group([records for key in some for records in siblings[key].values()])
            if group is not None:
                found.setdefault(tuple(id(record.link) for record in group.records), group)
    yield from found.values()


def _group(siblings: Sequence[Sequence[Record]]) -> Group | None:
    """Make a group of siblings, of which nearly all have just one address at this place."""
    if len(siblings) < FEWEST:
        return None
    single = [records[0] for records in siblings if len({record.url for record in records}) == 1]
    return Group(single) if len(single) >= max(FEWEST, 0.8 * len(siblings)) else None


def _signature(tag: Tag) -> tuple[object, ...]:
    """Return what an element has in common with those at the same place in other records."""
    number = 0
    if tag.name in ("td", "th"):
        number = sum(1 for _ in tag.find_previous_siblings(["td", "th"], limit=20))
    return tag.name, number, tuple(sorted(names_of(tag)))


def _place(tag: Tag) -> tuple[object, ...]:
    """Return where a parent stands, so that the months of an archive are one list."""
    path = [(one.name, tuple(sorted(names_of(one)))) for one in (tag, *tag.parents)][:_LEVELS]
    return tuple(path)


def _reasons(group: Group, host: str, below: Counter[int], links: int) -> dict[str, float]:
    """Return what speaks for a group, and against it."""
    records = group.records[:MAX_RECORDS]
    number = len(records)
    titles = [title_of(record) for record in records]
    lengths = [weight(title) for title in titles]
    mean = sum(lengths) / number
    dated = sum(_has_date(record, title) for record, title in zip(records, titles, strict=True)) / number
    said = [weight(short_text(record.element, _RECORD) or " " * _RECORD) for record in records]
    more = sum(one - length >= 40 for one, length in zip(said, lengths, strict=True)) / number
    paths = [record.url.partition("://")[2].partition("/")[2] for record in records]
    return {
        "titles": 3.0 * max(0.0, min(1.0, (mean - 8) / 20)) - (2.0 if mean > 200 or mean < 6 else 0.0),
        "same titles": -4.0 * (1 - len(set(titles)) / number),
        "headings": 3.0 * sum(map(_has_heading, records)) / number,
        "dates": 4.0 * (1.0 if group.beside else dated),
        "texts": 1.5 * more,
        "pictures": 0.7 * sum(record.element.find(["img", "picture"]) is not None for record in records) / number,
        "number": 0.8 * log(min(len(group.records), 30), 2) - 0.8,
        "host": -3.0 * sum(_host(record.url) != host for record in records) / number,
        "places": -3.0 * sum(_PLACE.search(f"/{path}") is not None for path in paths) / number,
        "articles": 1.5 * sum(_ARTICLE.search(f"/{path}") is not None for path in paths) / number,
        "part": _part(records[0].element, below, links),
    }


def _part(tag: Tag, below: Counter[int], links: int) -> float:
    """Weigh where a list stands on the page; the elements around nearly all of it say nothing."""
    score = 0.0
    for one in (tag, *tag.parents):
        if one.name in ("body", "html", "[document]") or below[id(one)] > _WHOLE * links > FEWEST:
            break
        names = [attribute(one, "id"), *classes_of(one)]
        if one.name in _AROUND or (one.name == "header" and one.find_parent(["article", "li"]) is None):
            score -= 3.0
        if any(_SITE_PART.search(name) for name in names) or attribute(one, "role") in (
            "navigation",
            "menu",
            "menubar",
        ):
            score -= 3.0
        elif any(_SIDE_PART.search(name) for name in names):
            score -= 1.5
        elif one.name == "main" or any(_MAIN_PART.search(name) for name in names):
            score += 0.5
    return max(-6.0, min(score, 1.5))


def title_of(record: Record) -> str:
    """Return the text that is likely the title of a record."""
    heading = record.link.find(list(_HEADINGS))
    if isinstance(heading, Tag) and (text := short_text(heading, 400)):
        return text
    return _link_text(record.link)


def _link_text(tag: Tag) -> str:
    text = short_text(tag, 400) or ""
    whole = " ".join(attribute(tag, "title").split())[:400]
    return whole if whole and (not text or text.endswith(("…", "..."))) else text


def _has_heading(record: Record) -> bool:
    """Whether the link of a record is a heading, has one, or is called a title."""
    if record.link.find(list(_HEADINGS)) is not None:
        return True
    for one in (record.link, *record.link.parents):
        if one.name in _HEADINGS or any(_TITLE_NAME.search(name) for name in classes_of(one)):
            return True
        if one is record.element:
            return False
    return False


def _has_date(record: Record, title: str) -> bool:
    if next(dates_in(record.element), None) is not None:
        return True
    text = short_text(record.element, _RECORD) or ""
    rest = text.replace(title, " ", 1).strip()
    return len(rest) <= 2 * _DATE and looks_like_date(rest)


def _beside(records: Sequence[Record]) -> str | None:
    """Return where the dates are that stand between the records, as in lists of definitions, or None."""
    found: Counter[str] = Counter()
    own = {id(record.element) for record in records}
    for record in records:
        for axis, siblings in (
            ("preceding", record.element.find_previous_siblings(True, limit=_NEAR)),
            ("following", record.element.find_next_siblings(True, limit=_NEAR)),
        ):
            passed: Counter[str] = Counter()
            for one in siblings:
                if id(one) in own:
                    break
                passed[one.name] += 1
                if looks_like_date(short_text(one, _DATE) or ""):
                    found[f"./{axis}-sibling::{one.name}[{passed[one.name]}]"] += 1
                    break
    best = found.most_common(1)
    return best[0][0] if best and best[0][1] >= 0.7 * len(records) else None


def dates_in(element: Tag) -> Iterator[Tag]:
    """Return the elements of a record that show a date and nothing much else, the innermost."""
    for number, one in enumerate(element.find_all(True)):
        if number == _PARTS:
            return
        if one.name == "time" and attribute(one, "datetime"):
            yield one
        elif one.name not in ("a", "h1", "h2", "h3", "h4") and one.find("a") is None:
            text = short_text(one, _DATE)
            if text and looks_like_date(text) and not _inner_date(one):
                yield one


def _inner_date(tag: Tag) -> bool:
    return any(looks_like_date(short_text(one, _DATE) or "") for one in tag.find_all(True, limit=10))


def looks_like_date(text: str) -> bool:
    """Whether a short text is a date; a bare number is none."""
    if not 2 <= len(text) <= 2 * _DATE or _NUMBER.match(text) and not re.search(r"\d[-./:]\d", text):
        return False
    return (_DIGIT.search(text) is not None or _RELATIVE_WORD.search(text) is not None) and is_date(text)


def _host(url: str) -> str:
    """Return the registrable domain of an address, more or less: what counts is whether two have the same."""
    labels = (urlsplit(url).hostname or "").split(".")
    return ".".join(labels[-3:] if len(labels) > 2 and len(labels[-2]) <= 3 else labels[-2:])
