"""A list page, read: its items, and where the list goes on. It works in another process.

In: a fetched page and the rules of its source. Out: entries. It is apart from `aggregator.sources.scrape`, which
imports it only where there is a page to read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urldefrag

from bs4 import Tag

from aggregator.errors import ParseError
from aggregator.models import Fetched, ParsedFeed, RawEntry, Text
from aggregator.sources import selecting
from aggregator.sources.fields import FieldRules, settled
from aggregator.sources.page import Page, attribute, text_of
from aggregator.values.selectors import NUMBER

if TYPE_CHECKING:
    from aggregator.sources.scrape import ScrapeRules

#: Characters of an element whose text may be a date with a few words around it; a longer one is prose.
_SHORT = 80
#: Elements of an item that are looked at for a date.
_MAX_ELEMENTS = 200
_HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]


@dataclass(frozen=True, slots=True)
class ListPage:
    """A list page, read."""

    #: What it says of itself, without the entries.
    feed: ParsedFeed
    #: Its items, each once, in its order.
    entries: tuple[RawEntry, ...]
    #: How many elements match `items`; those beyond the limit and those without a link count, too.
    matched: int
    #: Of each entry the fields that were looked for, by their path in feeds.yaml, and whether they were filled.
    filled: tuple[Mapping[str, bool], ...]
    #: Address of the next page, as the page links to it.
    next: str | None = None
    #: Whether it has scripts and hardly any text.
    bare: bool = False


def read_list(work: tuple[ScrapeRules, Fetched]) -> ListPage:
    """Read the items of a list page; there may be none.

    Raises:
        ParseError: the page cannot be read.
    """
    rules, fetched = work
    page = Page(fetched, rules.encoding)
    following = rules.next is not None and NUMBER not in rules.next
    next_page = selecting.link(page, FieldRules(select=rules.next)) if following else None
    items: dict[str, RawEntry] = {}
    matched = 0
    elements = page.select(rules.items)
    for element in elements:
        matched += 1
        entry = _entry(page, rules, element)
        if entry is None:
            continue
        key = entry.guid or ""
        if key not in items and len(items) == rules.limit:
            matched += _count(elements)
            break
        # A picture often links to the article before its title does.
        items[key] = _joined(items[key], entry) if key in items else entry
    entries = settled(items.values(), page.language)
    filled = tuple(_filled(rules, entry) for entry in entries)
    notes = (page.misread,) if page.misread else ()
    feed = ParsedFeed("scrape", "scrape", (), page.title, fetched.url, page.language, repairs=notes)
    return ListPage(feed, entries, matched, filled, next_page, bare=not matched and page.is_bare)


def _count(elements: Iterator[Tag]) -> int:
    """Count the elements that are left, as far as the time for selectors allows: only a message needs their number."""
    count = 0
    with suppress(ParseError):
        for _ in elements:
            count += 1
    return count


def _entry(page: Page, rules: ScrapeRules, item: Tag) -> RawEntry | None:
    """Return what an item says, or None where it leads nowhere."""
    link = _link(rules, page, item)
    url = _address(page, rules, item, link)
    if url is None:
        return None
    if rules.title is None:
        title = _title(item, link, chosen=rules.link is not None)
    else:
        title = selecting.text(page, rules.title, item)
    date = rules.date or FieldRules()
    if date == FieldRules(timezone=date.timezone):
        published = _found_date(item, link)
    else:
        published = selecting.date(page, date, item)
    if rules.image is not None:
        image = selecting.image(page, rules.image, item)
    else:
        # An article has larger pictures than its list.
        image = None if rules.article or not rules.pictures else selecting.image_of(page, item)
    author = selecting.text(page, rules.author, item) if rules.author else ""
    summary = selecting.text(page, rules.summary, item) if rules.summary else ""
    entry = RawEntry(
        guid=(selecting.text(page, rules.id, item) if rules.id else "") or url,
        url=url,
        title=Text(title, "text") if title else None,
        content=selecting.html(page, rules.content, item) if rules.content else None,
        summary=Text(summary, "text") if summary else None,
        published=published or None,
        authors=(author,) if author else (),
        tags=selecting.texts(page, rules.categories, item) if rules.categories else (),
        image=image,
        timezone=date.timezone,
    )
    if rules.link is not None and rules.link.value is not None and entry.guid == url:
        return _told_apart(entry)
    return entry


def _link(rules: ScrapeRules, page: Page, item: Tag) -> Tag | None:
    """Return the element that links to the article, where it is one."""
    if rules.link is None:
        inside = item if item.name == "a" else item.find("a", href=True)
        around = item.find_parent("a", href=True) if inside is None else None
        return next((one for one in (inside, around) if isinstance(one, Tag)), None)
    chosen = next((one for one in selecting.found(page, rules.link, item) if isinstance(one, Tag)), None)
    return None if chosen is None else selecting.linked_in(chosen)


def _address(page: Page, rules: ScrapeRules, item: Tag, link: Tag | None) -> str | None:
    """Return the address of an item, or None where it has none of its own."""
    if rules.link is not None:
        url = selecting.link(page, rules.link, item)
        if rules.link.value is not None:
            return url
    else:
        url = page.absolute(attribute(link, "href")) if link is not None and attribute(link, "href") else None
    if url is None:
        return None
    # A fragment is a place on a page; it tells entries apart only where their pages are not fetched.
    url = urldefrag(url).url if rules.article else url
    return None if url == urldefrag(page.url).url else url


def _told_apart(entry: RawEntry) -> RawEntry:
    """Return an entry with an address that others have as well, with an id of what it says."""
    said = [text.value for text in (entry.title, entry.summary, entry.content) if text is not None]
    return replace(entry, guid=f"{entry.url}#{hashlib.sha256(repr(said).encode()).hexdigest()[:16]}")


def _title(item: Tag, link: Tag | None, *, chosen: bool) -> str:
    """Return the title where no selector is given: the text of the link, or the first heading.

    Args:
        item: the item.
        link: the link in it.
        chosen: whether a selector chose the link, which may be "Read more" then: the heading counts before it.
    """
    heading = item.find(_HEADINGS)
    headline = text_of(heading) if isinstance(heading, Tag) else ""
    linked = _link_title(link) if link is not None else ""
    return (headline or linked) if chosen else (linked or headline)


def _link_title(link: Tag) -> str:
    """Text of a link; what its `title` says where the text is missing or cut off, else its picture's `alt`."""
    text, whole = text_of(link), " ".join(attribute(link, "title").split())
    if whole and (not text or text.endswith(("…", "..."))):
        return whole
    picture = link.find("img", alt=True)
    return text or (" ".join(attribute(picture, "alt").split()) if isinstance(picture, Tag) else "")


def _found_date(item: Tag, link: Tag | None) -> str:
    """Return the date of an item where no selector is given: a `time` element, else a short text with a date in it.

    Titles have dates that are no dates of publication, so they are left out, and so is prose.
    """
    inside = [one for one in item.descendants if isinstance(one, Tag)]
    for one in (item, *inside):
        if one.name == "time" and selecting.is_date(stamp := attribute(one, "datetime")):
            return stamp
    titles = [one for one in inside if one.name in _HEADINGS]
    outer = link is not None and any(one is link for one in (item, *item.parents))
    if not titles and outer:
        # All of the item is the title.
        return ""
    if link is not None and not outer and not any(one is link for title in titles for one in title.parents):
        titles.append(link)
    apart = {id(one) for title in titles for one in (title, *title.parents, *title.descendants)}
    rest = " ".join(" ".join(one for one in item.strings if id(one) not in apart).split())
    if len(rest) <= _SHORT:
        return rest if selecting.is_date(rest, sure=True) else ""
    for one in inside[:_MAX_ELEMENTS]:
        if id(one) not in apart and len(said := text_of(one)) <= _SHORT and selecting.is_date(said, sure=True):
            return said
    return ""


def _joined(first: RawEntry, later: RawEntry) -> RawEntry:
    """Return what two items with one address say, the first one before the later one."""
    names = ("title", "content", "summary", "published", "authors", "tags", "image")
    return replace(first, **{name: getattr(first, name) or getattr(later, name) for name in names})


def _filled(rules: ScrapeRules, entry: RawEntry) -> dict[str, bool]:
    """Return the fields that were looked for, and whether they are filled."""
    filled = {
        "title": bool(entry.title),
        "date": bool(entry.published) and selecting.is_date(entry.published or ""),
        "summary": bool(entry.summary),
        "content": bool(entry.content),
        "author": bool(entry.authors),
        "image": bool(entry.image),
        "categories": bool(entry.tags),
        "id": entry.guid != entry.url,
    }
    # The page of an article has its date, too.
    always = ("title",) if rules.article else ("title", "date")
    return {f"scrape.{name}": one for name, one in filled.items() if name in always or getattr(rules, name)}
