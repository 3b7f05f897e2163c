"""The list on a page that looks like its news, as settings of the kind `scrape`. Pure.

In: a page. Out: settings with selectors, the likeliest list first. Only what can be told apart on the page by lasting
names or places is offered, and only what the kind's own reader then finds there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from bs4 import Tag

from aggregator.discover.elements import Elements
from aggregator.discover.pagezone import timezone_of
from aggregator.discover.parts import Record, is_in, summaries_of, title_text, weight
from aggregator.discover.records import MAX_RECORDS, LinkGroup, groups, is_beside, same_site
from aggregator.discover.selection import ItemSelector, common_way, first_of, inner_selector, item_selector
from aggregator.discover.stable import names_of
from aggregator.sources.page import Page, attribute
from aggregator.sources.pagefacts import short_text
from aggregator.sources.selecting import linked_in

#: Lists that are offered, groups that are tried, and CPU time in seconds for all of them.
MAX_GUESSES = 2
_TRIED = 6
_SECONDS = 3.0
#: What a list must score to be offered, and how far behind the best another one may be.
_ENOUGH, _BEHIND = 6.5, 6.0
#: What must speak for a list: dates, or headings, or addresses like those of articles where titles are long or it is
#: the only list.
_DATES, _HEADINGS, _ARTICLES, _TITLES, _ALONE = 2.0, 1.5, 1.0, 2.5, 2.0
#: Weight of the text of a link that may be a title.
_LONG = 8
#: Share of the records in which a default must be right.
_RIGHT = 0.95
#: Wrappers around records that may be left out.
_WRAPPERS = 3
_FILE = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|zip|rar|jpe?g|png|gif|mp[34])$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Guess:
    """A list on a page."""

    #: Settings of `scrape`, without `url`.
    settings: Mapping[str, object]
    #: The addresses of the articles on it.
    urls: frozenset[str]
    #: Whether it gives dates.
    dated: bool
    score: float


def guesses(elements: Elements) -> list[Guess]:
    """Return the lists on a page that look like its news, the likeliest first."""
    found: list[Guess] = []
    taken: set[object] = set()
    elements.allow(_SECONDS)
    zone = timezone_of(elements)
    for group in groups(elements)[:_TRIED]:
        if elements.is_late or len(found) == MAX_GUESSES:
            break
        if not _is_news(group) or (found and group.score < found[0].score - _BEHIND):
            break
        # Other links of the same records make groups of their own.
        marks: set[object] = {*group.urls, *(id(record.element) for record in group.records)}
        if len(marks & taken) < 0.25 * len(marks) and (guess := _guess(elements, group, zone)) is not None:
            found.append(guess)
            taken |= marks
    return found


def _is_news(group: LinkGroup) -> bool:
    """Whether enough speaks for a list that it is news, and not a menu or a column of links."""
    reasons = group.reasons
    shown = reasons["dates"] >= _DATES or reasons["headings"] >= _HEADINGS
    likely = reasons["titles"] >= _TITLES or reasons["alone"] >= _ALONE
    return group.score >= _ENOUGH and (shown or (likely and reasons["articles"] >= _ARTICLES))


def _guess(elements: Elements, group: LinkGroup, zone: str | None) -> Guess | None:
    """Make settings of a list; None where no selector finds just its records."""
    found = [one for one in (_read(elements, level) for level in _levels(group)) if one is not None]
    if not found:
        return None
    group, link, title, reading = min(found, key=lambda one: one[3].cost)
    records = group.records[:MAX_RECORDS]
    settings: dict[str, object] = {"items": reading.selector}
    if link is not None:
        settings["link"] = link
    if (bare := _without_date(records, group)) is not None:
        settings["title"] = bare
    elif title is not None:
        settings["title"] = title
    if (date := _date(records, group, zone)) is not None:
        settings["date"] = date
    summaries = summaries_of([record.element for record in records], group.titles)
    if summaries is not None and (summary := inner_selector(records, summaries)) is not None:
        settings["summary"] = summary
    if _has_articles(elements.page.url, records):
        settings["article"] = {"timezone": zone} if zone else True
    return Guess(settings, group.urls, group.reasons["dates"] >= _DATES, group.score)


def _levels(group: LinkGroup) -> Iterator[LinkGroup]:
    """Return a list with its records as they are, and with what is inside of a wrapper in each of them."""
    yield group
    needed = [
        [tag for tag in (title, dates) if tag is not None]
        for title, dates in zip(group.titles, group.dates or [None] * len(group.titles), strict=True)
    ]
    inner = list(group.records)
    for _ in range(_WRAPPERS):
        children = [[one for one in record.element.children if isinstance(one, Tag)] for record in inner]
        if any(len(some) != 1 or some[0] is record.link for some, record in zip(children, inner, strict=True)):
            return
        if len({some[0].name for some in children}) > 1 or group.beside is not None:
            return
        inner = [Record(some[0], record.link, record.url) for some, record in zip(children, inner, strict=True)]
        if any(tag is record.element for tags, record in zip(needed, inner, strict=False) for tag in tags):
            return
        yield replace(group, records=inner)


_Read = tuple[LinkGroup, str | None, str | None, ItemSelector]


def _read(elements: Elements, group: LinkGroup) -> _Read | None:
    """Return the selectors of link, title and items of a list; None where nothing finds just its records."""
    records = group.records[:MAX_RECORDS]
    links: list[Tag | None] = [record.link for record in records]
    link, title = _link_and_title(records, group.titles)
    place = link if link is not None else inner_selector(records, links)
    reading = item_selector(elements, group.records, _judge(elements.page, group, link, title), place, title)
    return None if reading is None else (group, link, title, reading)


def _link_and_title(records: Sequence[Record], titles: Sequence[Tag]) -> tuple[str | None, str | None]:
    """Return the selectors of link and title; None where the first link of a record, and its text, are right."""
    firsts = [linked_in(record.element) for record in records]
    pairs = list(zip(firsts, records, strict=True))
    right = sum(one is not None and attribute(one, "href") == attribute(record.link, "href") for one, record in pairs)
    same = sum(one is title or _says(one, title) for one, title in zip(firsts, titles, strict=True))
    if right >= _RIGHT * len(records) and same >= _RIGHT * len(records):
        return None, None
    linked = sum(title is record.link for title, record in zip(titles, records, strict=True))
    links: list[Tag | None] = [record.link for record in records]
    if linked >= _RIGHT * len(records) and (link := inner_selector(records, links)) is not None:
        return link, None
    shown: list[Tag | None] = list(titles)
    link = None if right >= _RIGHT * len(records) else inner_selector(records, links)
    return link, inner_selector(records, shown)


def _without_date(records: Sequence[Record], group: LinkGroup) -> str | None:
    """Return XPath for titles in whose elements the dates stand as well; None where they do not."""
    dates = group.dates or [None] * len(records)
    both = sum(date is not None and is_in(date, title) for date, title in zip(dates, group.titles, strict=True))
    if both < 0.5 * len(records):
        return None
    way = common_way([(record.element, title) for record, title in zip(records, group.titles, strict=True)])
    return None if way is None else f"./{'/'.join((*way, 'text()'))}"


def _says(link: Tag | None, title: Tag) -> bool:
    """Whether a link has the text of a title, and no more."""
    text = short_text(link, 400) if link is not None else None
    return bool(text) and text == short_text(title, 400)


def _date(records: Sequence[Record], group: LinkGroup, zone: str | None) -> object:
    """Return the settings of the date; None where the reader finds it by itself, or there is none."""
    select = group.beside
    if group.dates is not None:
        times = sum(tag is not None and tag.name == "time" and bool(attribute(tag, "datetime")) for tag in group.dates)
        if times < _RIGHT * len(records):
            select = inner_selector(records, group.dates)
        elif not zone:
            return None
    elif select is None:
        return None
    if select is None:
        return {"timezone": zone} if zone else None
    return {"select": select, "timezone": zone} if zone else select


def _judge(page: Page, group: LinkGroup, link: str | None, title: str | None) -> Callable[[Tag], bool | None]:
    """Return what tells of an element that is no record of a list whether it would be an item of it all the same.

    False: it would not be read, or leads to the same article; None: it belongs to another list.
    """
    parents = {id(record.element.parent) for record in group.records}
    names = set(names_of(group.records[0].element)).intersection(*(names_of(one.element) for one in group.records))

    def judge(tag: Tag) -> bool | None:
        linked = first_of(link, tag) if link is not None else linked_in(tag)
        url = page.absolute(attribute(linked, "href")) if linked is not None else None
        if url is None or linked is None or url in group.urls:
            return False
        shown = first_of(title, tag) if title is not None else linked
        alike = id(tag.parent) in parents or (names & set(names_of(tag)) and not is_beside(tag))
        return True if alike and shown is not None and weight(title_text(shown)) >= _LONG else None

    return judge


def _has_articles(url: str, records: Sequence[Record]) -> bool:
    """Whether there are pages of articles behind a list: most are on the same site, and are no files."""
    behind = sum(same_site(record.url, url) and not _FILE.search(urlsplit(record.url).path) for record in records)
    return behind >= 0.6 * len(records)
