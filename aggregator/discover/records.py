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
from itertools import islice
from math import log
from urllib.parse import urldefrag, urlsplit

from bs4 import Tag

from aggregator.discover.elements import Elements
from aggregator.discover.parts import (
    HEADINGS,
    TITLE_NAME,
    Record,
    date_beside,
    dates_of,
    is_in,
    title_text,
    titles_of,
    weight,
)
from aggregator.discover.stable import classes_of, names_of
from aggregator.sources.page import attribute
from aggregator.sources.pagefacts import short_text
from aggregator.sources.selecting import linked_in

#: Links of a page that are looked at; how far above a link its record may be; records of a group that are weighed.
MAX_LINKS = 4000
_LEVELS = 8
MAX_RECORDS = 40
#: Fewer records are no list.
FEWEST = 3
#: Groups that are weighed in full, those with the most text first.
_WEIGHED = 40
#: Characters of a record, and elements and texts in it.
_RECORD, _LARGE = 3000, 1500
#: What shares of the records are worth, and titles as long as titles are.
_WORTH = {
    "headings": 3.0,
    "dates": 4.0,
    "texts": 1.5,
    "pictures": 0.7,
    "articles": 1.5,
    "host": -2.0,
    "places": -3.0,
    "apart": -1.0,
    "other links": -3.0,
    "same titles": -4.0,
}
_TITLE_WORTH = 3.0
#: What it is worth to be the only list beside menus.
_ALONE = 2.5
#: Share of the links of a page below an element that is the page itself, more or less.
_WHOLE = 0.6
#: Share of the siblings that must have texts, so that the others are none of the list.
_TELLING = 0.6
_AROUND = frozenset({"nav", "footer", "aside"})
_MENUS = frozenset({"navigation", "menu", "menubar"})

#: Names of parts of a page that are about the site, and of those beside what it is about.
_SITE_PART = re.compile(
    r"(?:^|[_-])(?:nav|navi|navbar|navigation|gnb|lnb|gnavi|menue?|fuss|kopf|entete|pied|cabecera|rodape|footer|"
    r"foot|ft|topbar|breadcrumbs?|crumbs?|pager|paging|pagination|social|share|login|friends?|friendlinks?|copyright|language|switcher|cookies?|cart|sitemap)(?:$|[_-])"
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
    r"(?:^|[_-])(?:main|content|contents|container|inhalt|contenu|contenido|article|articles|posts?|news|list|"
    r"latest|blog|entries|stories|board)(?:$|[_-])",
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


#: How far above its link a record is, its parent, its name, and the way from there to the link.
_Key = tuple[int, int, str, tuple[object, ...]]


@dataclass
class LinkGroup:
    """A list: its records, in the order of the page."""

    records: Sequence[Record]
    score: float = 0.0
    #: What speaks for it, for tests and for people who wonder.
    reasons: dict[str, float] = field(default_factory=dict)
    #: For each of the first records, the element that shows its title; and its date, where most have one.
    titles: Sequence[Tag] = ()
    dates: Sequence[Tag | None] | None = None
    #: Where the dates are if they stand beside the records: XPath from there.
    beside: str | None = None

    def weigh(self, host: str, below: Counter[int], links: int) -> None:
        """Find its parts, and weigh what speaks for it and against it.

        Args:
            host: the host of the page.
            below: how many links are below each element.
            links: how many there are on the page.
        """
        records = self.records[:MAX_RECORDS]
        elements = [record.element for record in records]
        self.titles = titles_of(records)
        self.dates = dates_of(elements)
        self.beside = None if self.dates else date_beside(records)
        texts = [title_text(title) for title in self.titles]
        lengths = [weight(text) for text in texts]
        number, mean = len(records), sum(lengths) / len(records)
        said = [weight(short_text(one, _RECORD) or " " * _RECORD) for one in elements]
        paths = [f"/{record.url.partition('://')[2].partition('/')[2]}" for record in records]
        in_link = sum(is_in(title, record.link) for title, record in zip(self.titles, records, strict=True))
        shares = {
            "headings": sum(map(_has_heading, records, self.titles)),
            "dates": number if self.beside else sum(one is not None for one in self.dates or ()),
            "texts": sum(one - length >= 40 for one, length in zip(said, lengths, strict=True)),
            "pictures": sum(one.find(["img", "picture"]) is not None for one in elements),
            "host": sum(_host(record.url) != host for record in records),
            "places": sum(map(is_place, paths)),
            "articles": sum(map(looks_like_article, paths)),
            "apart": number - in_link,
            "other links": sum(map(_leads_elsewhere, self.titles, records)),
            "same titles": number - len(set(texts)),
        }
        self.reasons = {name: _WORTH[name] * share / number for name, share in shares.items()}
        self.reasons["titles"] = _TITLE_WORTH * max(0.0, min(1.0, (mean - 8) / 20)) - 2.0 * (mean > 200 or mean < 6)
        self.reasons["number"] = 0.8 * log(min(len(self.records), 30), 2) - 0.8
        self.reasons["part"] = _part(elements[0], below, links)
        self.score = sum(self.reasons.values())

    @property
    def is_coarse(self) -> bool:
        """Whether its records are too large for items of a list: they are parts of a page."""
        large = sum(
            sum(1 for _ in islice(record.element.descendants, _LARGE + 1)) > _LARGE
            for record in self.records[:MAX_RECORDS]
        )
        return 2 * large > min(len(self.records), MAX_RECORDS)

    @cached_property
    def urls(self) -> frozenset[str]:
        """The addresses of its links."""
        return frozenset(record.url for record in self.records)


def groups(elements: Elements) -> list[LinkGroup]:
    """Return the lists on a page that look like news, the best first; those for which there is time."""
    links = list(_links(elements))
    below = _links_below(links)
    found = [group for group in _grouped(elements, links) if len(group.urls) >= FEWEST and not group.is_coarse]
    found.sort(key=lambda group: -sum(weight(title_text(one.link)) for one in group.records[:MAX_RECORDS]))
    host = _host(elements.page.url)
    for group in found[:_WEIGHED]:
        if elements.is_late:
            break
        group.weigh(host, below, len(links))
    weighed = [group for group in found[:_WEIGHED] if group.reasons]
    _compare(weighed)
    return sorted((group for group in weighed if group.score > 0), key=lambda group: -group.score)


def _compare(weighed: Sequence[LinkGroup]) -> None:
    """Weigh how much of what the page has in lists, beside its menus, is in each of them."""
    texts = {
        id(record.link): weight(title_text(record.link))
        for group in weighed
        if group.reasons["part"] >= 0
        for record in group.records
    }
    whole = sum(texts.values())
    for group in weighed:
        share = sum(texts.get(id(record.link), 0) for record in group.records) / whole if whole else 0.0
        group.reasons["alone"] = _ALONE * max(0.0, (share - 0.6) / 0.4) if len(group.records) > FEWEST else 0.0
        group.score += group.reasons["alone"]


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


def _grouped(elements: Elements, links: Sequence[tuple[Tag, str]]) -> Iterator[LinkGroup]:
    """Return the groups: per parent, and of all parents that stand at the same place of the page."""
    siblings: dict[_Key, dict[int, list[Record]]] = defaultdict(dict)
    places: dict[object, list[_Key]] = defaultdict(list)
    known: dict[int, tuple[object, ...]] = {}

    def signature(one: Tag) -> tuple[object, ...]:
        if id(one) not in known:
            known[id(one)] = _signature(one)
        return known[id(one)]

    for tag, url in links:
        inner: tuple[object, ...] = ()
        node = tag
        for level in range(_LEVELS):
            parent = node.parent
            if parent is None or parent.name in ("html", "[document]"):
                break
            key: _Key = (level, id(parent), node.name, inner if level else (signature(node),))
            if key not in siblings:
                place = tuple(signature(one) for one in islice((parent, *parent.parents), _LEVELS))
                places[level, place, *key[2:]].append(key)
            siblings[key].setdefault(id(node), []).append(Record(node, tag, url))
            if node.name == "body":
                break
            inner = (*inner, signature(node))
            node = parent
    # The same links may repeat below several parents of theirs; the largest records have all that belongs to them.
    found: dict[tuple[int, ...], LinkGroup] = {}
    for keys in sorted(places.values(), key=lambda keys: -keys[0][0]):
        for some in [keys] if len(keys) == 1 else [keys, *([key] for key in keys)]:
            group = _group([records for key in some for records in siblings[key].values()])
            if group is not None:
                found.setdefault(tuple(id(record.link) for record in group.records), group)
    yield from found.values()


def _group(siblings: Sequence[Sequence[Record]]) -> LinkGroup | None:
    """Make a group of siblings, of which nearly all have just one address at this place."""
    if len(siblings) < FEWEST:
        return None
    single = [records[0] for records in siblings if len({record.url for record in records}) == 1]
    if len(single) < max(FEWEST, 0.8 * len(siblings)):
        return None
    # Pictures without a word between records are advertisements.
    telling = [record for record in single if _says_anything(record)]
    return LinkGroup(telling if len(telling) >= max(FEWEST, _TELLING * len(single)) else single)


def _says_anything(record: Record) -> bool:
    return next(record.element.stripped_strings, None) is not None or title_text(record.link) != ""


def _signature(tag: Tag) -> tuple[object, ...]:
    """Return what an element has in common with those at the same place in other records."""
    number = 0
    if tag.name in ("td", "th"):
        number = sum(1 for _ in tag.find_previous_siblings(["td", "th"], limit=20))
    return tag.name, number, tuple(sorted(names_of(tag)))


def _leads_elsewhere(title: Tag, record: Record) -> bool:
    """Whether the title of a record has a link, and that is another one."""
    linked = linked_in(title)
    return linked is not None and attribute(linked, "href") != attribute(record.link, "href")


def _part(tag: Tag, below: Counter[int], links: int) -> float:
    """Weigh where a list stands on the page; the elements around nearly all of it say nothing."""
    score = 0.0
    for one in (tag, *tag.parents):
        if one.name in ("body", "html", "[document]") or below[id(one)] > _WHOLE * links > FEWEST:
            break
        names = [attribute(one, "id"), *classes_of(one)]
        if one.name in _AROUND or (one.name == "header" and one.find_parent(["article", "li"]) is None):
            score -= 3.0
        if attribute(one, "role") in _MENUS or any(_SITE_PART.search(name) for name in names):
            score -= 3.0
        elif any(_SIDE_PART.search(name) for name in names):
            score -= 1.5
        elif one.name == "main" or any(_MAIN_PART.search(name) for name in names):
            score += 0.5
    return max(-6.0, min(score, 1.5))


def _has_heading(record: Record, title: Tag) -> bool:
    """Whether the title of a record is a heading, or is called a title; not just a part of one."""
    most = 2 * len(title_text(title)) + 20
    for one in (title, *title.parents):
        if one.name in HEADINGS or any(TITLE_NAME.search(name) for name in classes_of(one)):
            return len(short_text(one, _RECORD) or "") <= most
        if one is record.element:
            return False
    return False


def _host(url: str) -> str:
    """Return the registrable domain of an address, more or less: what counts is whether two have the same."""
    labels = (urlsplit(url).hostname or "").split(".")
    return ".".join(labels[-3:] if len(labels) > 2 and len(labels[-2]) <= 3 else labels[-2:])


def is_beside(tag: Tag) -> bool:
    """Whether an element stands beside what the page is about: in a menu, a column, a foot."""
    return _part(tag, Counter(), 0) < 0


def same_site(one: str, other: str) -> bool:
    """Whether two addresses are of the same site."""
    return _host(one) == _host(other)


def looks_like_article(path: str) -> bool:
    """Whether a path with its query looks like that of an article."""
    return _ARTICLE.search(path) is not None


def is_place(path: str) -> bool:
    """Whether a path with its query looks like that of a place on a site: a section, a tag, a page of a list."""
    return _PLACE.search(path) is not None
