"""What a page says of itself: title, dates, author, picture; pure.

In: a `Page`. Out: `PageFacts`, texts as found. Pages say it for programs (Open Graph, `ogp.me`; JSON-LD, microdata and
the types of schema.org; Dublin Core; the `meta` elements of the HTML standard and of many programs), and for people: a
heading, and near it the day of publication.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from bs4 import Tag
from bs4.element import Comment, NavigableString

from aggregator.dates.relative import find_date
from aggregator.sources.linkeddata import LinkedData, Node
from aggregator.sources.page import Page, attribute

#: Characters of a title or a name, and of a description.
MAX_NAME = 500
MAX_DESCRIPTION = 5000
#: Values that are taken of one kind.
MAX_VALUES = 20

#: Names of `meta` elements, the most reliable first.
_TITLES = ("og:title", "twitter:title", "dc.title", "dcterms.title", "parsely-title", "sailthru.title")
_DESCRIPTIONS = ("og:description", "description", "twitter:description", "dc.description", "dcterms.abstract")
_PUBLISHED = (
    *("article:published_time", "og:article:published_time", "og:published_time", "og:release_date", "og:pubdate"),
    *("datepublished", "article:published", "published_time", "published_at", "pubdate", "publishdate", "publish-date"),
    *("publish_date", "publish_time", "pubtime", "parsely-pub-date", "sailthru.date", "cxenseparse:recs:publishtime"),
    *("weibo:article:create_at", "weibo: article:create_at", "apub:time", "citation_publication_date"),
    *("citation_online_date", "dcterms.issued", "dc.date.issued", "dcterms.created", "dc.date.created"),
    *("dcterms.date", "dc.date", "article.published", "article_date_original", "originalpublicationdate", "date"),
)
_MODIFIED = (
    *("article:modified_time", "og:article:modified_time", "og:modified_time", "og:updated_time", "datemodified"),
    *("dcterms.modified", "dc.date.modified", "weibo:article:update_at", "lastmod", "last-modified"),
)
_AUTHORS = (
    *("author", "article:author", "og:article:author", "article:author_name", "parsely-author", "sailthru.author"),
    *("dc.creator", "dcterms.creator", "citation_author", "byl", "twitter:data1"),
)
_IMAGES = ("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src", "thumbnail")
_SITES = ("og:site_name", "application-name", "apple-mobile-web-app-title", "dc.publisher")
_TAGS = ("article:tag", "og:article:tag", "parsely-tags", "sailthru.tags", "news_keywords")

#: Elements around what belongs to the site and not to the article.
_AROUND = ("nav", "aside", "footer", "form", "script", "style", "template", "select")
#: How far from the heading its date may stand: elements and characters.
_ELEMENTS, _CHARACTERS = 60, 700
#: Characters in an element that shows a date, and in one that says so.
_SHORT, _LABELLED = 100, 250
#: Elements and texts in an element that is short.
_PARTS = 300
_LABEL = re.compile(
    r"(?i:publi|posted|date|updated|created|written|\bon\b|\bby\b|veröffentlicht|publié|fecha|опубл|дата)"
    r"|发布|發布|发表|時間|时间|日期|来源|來源|作者|公開|掲載|更新|投稿|작성|등록|입력"
)
#: When the dates of pages are read only to find out whether they are some.
_SOME_DAY = datetime(2100, 1, 1, tzinfo=UTC)
_EARLIEST = 1991
_SEPARATOR = r"\s*(?:[|–—_·•»«:：-]|::)\s*"
_SEPARATED = re.compile(_SEPARATOR)
#: Headings of a page that are looked at.
_HEADINGS = 200


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a page says of itself; texts as found, addresses absolute."""

    title: str = ""
    description: str = ""
    #: Dates of publication and of the last change.
    published: str = ""
    modified: str = ""
    authors: tuple[str, ...] = ()
    image: str | None = None
    #: Its own address.
    canonical: str | None = None
    #: Name of the site.
    site: str = ""
    tags: tuple[str, ...] = ()
    #: Types of the page by Open Graph, and of its article by schema.org, in lower case: ``article``, ``blogposting``.
    types: tuple[str, ...] = ()


@dataclass(slots=True)
class _Found:
    """What one walk over a page has collected."""

    #: Contents of `meta` elements by name, in lower case; and the texts of elements with an `itemprop` by that.
    meta: dict[str, list[str]] = field(default_factory=dict)
    items: dict[str, list[Tag]] = field(default_factory=dict)
    #: Addresses of `link` elements by relation.
    links: dict[str, list[str]] = field(default_factory=dict)
    scripts: list[str] = field(default_factory=list)
    headings: list[Tag] = field(default_factory=list)
    times: list[Tag] = field(default_factory=list)
    writers: list[Tag] = field(default_factory=list)


def facts_of(page: Page) -> PageFacts:
    """Collect what a page says of itself."""
    found = _walk(page)
    links, meta = found.links, found.meta
    canonical = _address(page, (*links.get("canonical", ()), *_contents(meta, ("og:url",))))
    data = LinkedData.of(found.scripts)
    node = data.article([url for url in (page.url, canonical) if url])
    site = _first(meta, _SITES) or data.text(data.of_type("WebSite"), "name") or data.text(node, "publisher")
    title, heading = _title(page, found, data.text(node, "headline"), site)
    images = (*data.addresses(node, "image"), *data.addresses(node, "thumbnailUrl"), *links.get("image_src", ()))
    modified = (*_contents(meta, _MODIFIED), *data.texts(node, "dateModified"), *_item_dates(found, "datemodified"))
    types = (*_contents(meta, ("og:type",)), *types_of(node))
    return PageFacts(
        title=title[:MAX_NAME],
        description=(_first(meta, _DESCRIPTIONS) or data.text(node, "description"))[:MAX_DESCRIPTION],
        published=_published(found, data, node, heading),
        modified=_date(modified),
        authors=_authors(found, data, node),
        image=_address(page, (*_contents(meta, _IMAGES), *images, *_item_addresses(found, "image"))),
        canonical=canonical,
        site=site[:MAX_NAME],
        tags=_tags(meta, data, node),
        types=tuple(dict.fromkeys(one.lower() for one in types)),
    )


def types_of(node: Node | None) -> list[str]:
    """Return the types of a node as it names them."""
    said = node.get("@type") if node is not None else None
    return [one for one in (said if isinstance(said, list) else [said]) if isinstance(one, str)][:MAX_VALUES]


def article_body(page: Page) -> str:
    """Return the text of the article as JSON-LD in the page has it, or ""."""
    data = LinkedData.of(tag.get_text() for tag in page.tags() if _is_linked_data(tag))
    node = data.article([page.url])
    said = node.get("articleBody") if node is not None else None
    return said.strip() if isinstance(said, str) else ""


def _walk(page: Page) -> _Found:
    found = _Found()
    for tag in page.tags():
        if tag.name == "meta":
            name = attribute(tag, "property") or attribute(tag, "name") or attribute(tag, "itemprop")
            content = attribute(tag, "content")
            if name and content:
                found.meta.setdefault(name.lower(), []).append(content)
        elif tag.name == "link":
            for rel in relations(tag):
                if href := attribute(tag, "href"):
                    found.links.setdefault(rel, []).append(href)
        elif _is_linked_data(tag):
            found.scripts.append(tag.get_text())
        elif tag.name in ("h1", "h2", "h3"):
            found.headings.append(tag)
        elif tag.name == "time":
            found.times.append(tag)
        if tag.name != "meta" and (named := attribute(tag, "itemprop")):
            found.items.setdefault(named.lower(), []).append(tag)
        if tag.name == "a" and "author" in relations(tag):
            found.writers.append(tag)
    return found


def relations(tag: Tag) -> list[str]:
    """Return the relations of a link, in lower case."""
    said = tag.get("rel")
    return [one.lower() for one in (said if isinstance(said, list) else str(said or "").split())]


def _is_linked_data(tag: Tag) -> bool:
    return tag.name == "script" and attribute(tag, "type").lower().partition(";")[0].strip() == "application/ld+json"


def _contents(meta: dict[str, list[str]], names: Iterable[str]) -> list[str]:
    return [content for name in names for content in meta.get(name, ())[:MAX_VALUES]]


def _first(meta: dict[str, list[str]], names: Iterable[str]) -> str:
    return next((" ".join(one.split()) for one in _contents(meta, names)), "")


def _address(page: Page, hrefs: Iterable[str]) -> str | None:
    return next((url for href in hrefs if (url := page.absolute(href))), None)


def _title(page: Page, found: _Found, headline: str, site: str) -> tuple[str, Tag | None]:
    """Return the title, and the heading that shows it, or None.

    A heading that is part of what programs are told is the title: that often has the name of the site behind it.
    """
    told = [" ".join(one.split()) for one in (*_contents(found.meta, _TITLES), headline, page.title or "") if one]
    shown = [(text, tag) for tag in found.headings[:_HEADINGS] if (text := short_text(tag, MAX_NAME))]
    titles = [
        (rank, one) for one in shown if one[0] != site and (rank := max((_rank(one[0], t) for t in told), default=0))
    ]
    if titles:
        return max(titles, key=lambda one: (one[0], len(one[1][0])))[1]
    first = next((one for one in shown if one[1].name == "h1"), ("", None))
    return (_without_site(told[0], site) if told else first[0]), first[1]


def _rank(heading: str, told: str) -> int:
    """Return how a heading fits a title that programs are told: 0 not at all, 1 it is most of it, 2 it begins it."""
    heading, told = heading.casefold(), told.casefold()
    place = told.find(heading)
    if place == 0 and (len(heading) == len(told) or _SEPARATED.match(told, len(heading))):
        return 2
    return 1 if place >= 0 and 2 * len(heading) >= len(told) else 0


def _without_site(title: str, site: str) -> str:
    """Return a title without the name of the site at its end or beginning."""
    if not site:
        return title
    name = re.escape(site)
    return re.sub(rf"(?:{_SEPARATOR}{name}\s*\Z|\A\s*{name}{_SEPARATOR})", "", title, count=1, flags=re.I) or title


def _published(found: _Found, data: LinkedData, node: Node | None, heading: Tag | None) -> str:
    """Return the date of publication: as programs are told, else as it stands near the heading."""
    told = (*_contents(found.meta, _PUBLISHED), *data.texts(node, "datePublished", "uploadDate", "dateCreated"))
    if date := _date((*told, *_item_dates(found, "datepublished"), *_item_dates(found, "datecreated"))):
        return date
    marked = [tag for tag in found.times if tag.has_attr("pubdate")]
    if date := _date(map(_shown_date, marked)):
        return date
    if heading is not None and (date := _date_near(heading)):
        return date
    # Without a heading, or far from it: the only time on the page, or what is named so.
    times = list(dict.fromkeys(_shown_date(tag) for tag in found.times if not _is_around(tag)))
    if len(times) == 1 and (date := _date(times)):
        return date
    return ""


def _date_near(heading: Tag) -> str:
    """Return the date behind a heading, else that before it in the same part of the page; "" where there is none."""
    passed, around = 0, {id(parent) for parent in heading.parents}
    for one in islice(heading.next_elements, 40 * _ELEMENTS):
        if isinstance(one, NavigableString):
            if not isinstance(one, Comment) and not _within(one, heading) and not _is_around(one):
                passed += len(one.strip())
                if passed > _CHARACTERS:
                    break
        elif isinstance(one, Tag) and not _within(one, heading) and not _is_around(one) and (date := _date_of(one)):
            return date
    for one in islice(heading.previous_elements, _ELEMENTS):
        # A tag that holds the heading comes before it as well.
        if not isinstance(one, Tag):
            continue
        if id(one) not in around:
            if not _is_around(one) and (date := _date_of(one)):
                return date
        elif one.name in ("body", "header", "main", "article"):
            break
    return ""


def _date_of(tag: Tag) -> str:
    """Return the date that an element shows, or ""."""
    if tag.name == "time":
        return _date([_shown_date(tag)])
    text = short_text(tag, _LABELLED)
    inner = tag.find("time", datetime=True) if text else None
    if isinstance(inner, Tag):
        return _date([_shown_date(inner)])
    if not text or (len(text) > _SHORT and not _LABEL.search(text)):
        return ""
    return _date([text], sure=True)


def _shown_date(tag: Tag) -> str:
    """Return a date as an element gives it: for programs where it does (HTML standard, section 4.5.14)."""
    for name in ("datetime", "content"):
        if value := attribute(tag, name):
            return value
    return short_text(tag, _LABELLED) or ""


def _item_dates(found: _Found, name: str) -> list[str]:
    return [_shown_date(tag) for tag in found.items.get(name, ())[:MAX_VALUES]]


def _item_addresses(found: _Found, name: str) -> list[str]:
    tags = found.items.get(name, ())[:MAX_VALUES]
    return [value for tag in tags for key in ("src", "href", "content") if (value := attribute(tag, key))]


def _date(texts: Iterable[str], *, sure: bool = False) -> str:
    """Return the first of some texts in which there is a date, or ""; `sure` as for `find_date`."""
    for text in texts:
        text = " ".join(text[:_LABELLED].split())
        found = find_date(text, _SOME_DAY, None, sure=sure) if text else None
        if found is not None and found.year >= _EARLIEST:
            return text
    return ""


def _authors(found: _Found, data: LinkedData, node: Node | None) -> tuple[str, ...]:
    named = [*data.texts(node, "author"), *data.texts(node, "creator")]
    if not named:
        named = [name for key in _AUTHORS if (name := _first(found.meta, (key,))) and "://" not in name][:1]
    if not named:
        named = [_name_of(tag) for tag in (*found.items.get("author", ()), *found.writers)]
    clean = (" ".join(name.split()) for name in named)
    return tuple(dict.fromkeys(name for name in clean if 0 < len(name) <= 100))[:MAX_VALUES]


def _name_of(tag: Tag) -> str:
    """Return the name of an author in microdata, where the name may be a property of its own."""
    name = tag.find(None, {"itemprop": "name"})
    inner = name if isinstance(name, Tag) else tag
    return attribute(inner, "content") or short_text(inner, 100) or ""


def _tags(meta: dict[str, list[str]], data: LinkedData, node: Node | None) -> tuple[str, ...]:
    said: Sequence[str] = [one for name in _TAGS for one in meta.get(name, ())] or data.texts(node, "keywords")
    parts = (part.strip() for one in said for part in re.split(r"[,，、;]", one))
    return tuple(dict.fromkeys(part[:MAX_NAME] for part in parts if part))[:MAX_VALUES]


def short_text(tag: Tag, most: int) -> str | None:
    """Return the text of an element on one line; None where it is longer than `most` characters, or has many parts."""
    pieces, length = [], 0
    for number, one in enumerate(tag.descendants):
        if number == _PARTS or length > 4 * most:
            return None
        if type(one) is NavigableString:
            pieces.append(one)
            length += len(one)
    whole = " ".join("".join(pieces).split())
    return whole if len(whole) <= most else None


def _is_around(one: Tag | NavigableString) -> bool:
    """Whether an element stands in a part of the page that is not about the article."""
    return any(parent.name in _AROUND for parent in (one, *one.parents) if isinstance(parent, Tag))


def _within(one: Tag | NavigableString, outer: Tag) -> bool:
    return any(parent is outer for parent in one.parents)
