"""The feeds that a page names: link elements, Link headers, and links for people. Pure.

In: a page. Out: the feeds, each once. A feed that is there as Atom, RSS and JSON Feed is one feed, and Atom is taken
before RSS and JSON Feed: it is the strictest about dates and identity. What merely calls itself an alternate (oEmbed,
the REST interface of WordPress, translations, pages for small screens) is no feed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import islice
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from bs4 import Tag

from aggregator.discover.elements import Elements
from aggregator.sources.page import attribute
from aggregator.sources.pagefacts import relations, short_text
from aggregator.values import media_types

#: Feeds of one page that are kept, and links for people among them.
MAX_FEEDS = 50
MAX_ANCHORS = 12
#: Links for people, and link elements, that are looked at.
_LOOKED_AT = 5000
#: Characters of Link headers, of a title, and of the text of a link that says that it is a feed.
_MAX_HEADER, _MAX_TITLE, _MAX_SAYING = 20_000, 200, 40

_TYPES = {
    media_types.ATOM: "atom",
    media_types.RSS: "rss",
    media_types.JSON_FEED: "json",
    "application/rdf+xml": "rdf",
    "application/x-atom+xml": "atom",
    "application/x-rss+xml": "rss",
    "application/rss": "rss",
    "application/atom": "atom",
    "text/rss+xml": "rss",
    "text/atom+xml": "atom",
    "text/rss": "rss",
}
#: Types that some sites give their feeds, and others anything else.
_VAGUE = frozenset({"text/xml", "application/xml", "application/json", "text/json"})
_ORDER = ("atom", "rss", "rdf", "json")
#: Addresses that are not feeds although they look like some.
_NO_FEED = re.compile(
    r"/wp-json/|oembed|/xmlrpc\.php|[?&](?:rsd|action=rsd)\b|/osd\.xml|opensearch|sitemap", re.IGNORECASE
)
#: Paths and parameters of feeds, lower case; only whole segments count: `/livestock-feeds` is none.
_PATH = re.compile(
    r"/(?:feeds?|rss2?|atom|rdf|newsfeed|rssfeed|feed-rss)(?:\.(?:xml|php|aspx?|jsp|json|do|cgi))?/?$"
    r"|/(?:index|feed|rss|atom|blog|news|all|full|posts?)\.(?:xml|rdf|atom|rss)$"
    r"|/[^/]+\.(?:rss|atom|rdf)$|/feed\.json$|/feeds?/[^/]+(?:/[^/]+){0,3}/?$|/rss/[^/]+(?:/[^/]+){0,2}/?$"
)
_QUERY = re.compile(
    r"(?:^|&)(?:feed=(?:rss2?|atom|rdf)|format=(?:rss|atom|feed)|type=(?:rss|atom)\b|alt=rss|mod=rss|rss=1|output=rss"
    r"|outputtype=xml)(?:&|$)"
)
_SAYING = re.compile(
    r"(?<![A-Za-z])rss(?![A-Za-z])|\batom[ -]?feed|\bxml[ -]?feed|\b(?:web|news|json)[ -]?feed\b|\Afeeds?\Z"
    r"|订阅源|訂閱源|\A订阅\Z|フィード",
    re.IGNORECASE,
)
_ICON = re.compile(r"(?:^|[\s_-])(?:rss|feed)(?:[\s_-]|$)", re.IGNORECASE)
#: Comments, in titles and addresses.
_COMMENTS = re.compile(
    r"comment|kommentar|comentari|coment[aá]ri|commenti|reacties|komentar|комментар|коментар|yorum|评论|評論|回复|回應|留言"
    r"|コメント|댓글|/replies\b",
    re.IGNORECASE,
)
#: Parameters that name a visit, not a document.
_SESSIONS = frozenset({"sid", "phpsessid", "jsessionid", "s"})
_SESSION = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)
_FORMAT_WORDS = re.compile(
    r"(?:\b(?:rss|atom|json|rdf|xml)\b(?:[ _-]?\d(?:\.\d+)?)?(?:[ -]?feed)?)|\bfeed\b|[»«|:()\[\]·–—-]", re.IGNORECASE
)
_FORMAT_PARTS = re.compile(r"rss_?2(?:\.?00?)?|rss|atom(?:10?)?|rdf|json|xml|feed", re.IGNORECASE)


class Way(IntEnum):
    """How a page names a feed, the surest first."""

    LINK = 0
    HEADER = 1
    ANCHOR = 2
    SAYING = 3


@dataclass(frozen=True, slots=True)
class NamedFeed:
    """A feed that a page names."""

    url: str
    title: str
    way: Way
    #: ``atom``, ``rss``, ``rdf``, ``json``, as far as the page says.
    format: str
    #: Whether it has comments in place of articles.
    comments: bool = False
    #: Whether it belongs to the address of the page, and not to the whole site.
    closer: bool = False


def named_feeds(elements: Elements, links: str, *, article: bool) -> list[NamedFeed]:
    """Return the feeds that a page names, the best first.

    Args:
        elements: the page.
        links: its Link headers.
        article: whether the page is one article, so that a feed below its address has its comments.
    """
    page = elements.page
    found: dict[str, NamedFeed] = {}
    for feed in (*_of_elements(elements), *_of_headers(links, page.absolute), *_of_anchors(elements)):
        url = _without_session(feed.url)
        feed = replace(feed, url=url)
        if url not in found or feed.way < found[url].way:
            found[url] = feed if url not in found else replace(feed, title=feed.title or found[url].title)
        elif not found[url].title:
            found[url] = replace(found[url], title=feed.title)
    told = [_told(one, page.url, article) for one in found.values()][:MAX_FEEDS]
    return sorted(_joined(told), key=lambda one: (one.comments, one.way, not one.closer))


def _of_elements(elements: Elements) -> Iterator[NamedFeed]:
    """Return what link elements name: of relation "alternate" with the type of a feed, or of relation "feed"."""
    for tag in islice(elements.named("link"), _LOOKED_AT):
        url = elements.page.absolute(attribute(tag, "href"))
        if url and (kind := _kind(relations(tag), attribute(tag, "type"), url, attribute(tag, "title"))):
            yield NamedFeed(url, _title(attribute(tag, "title")), Way.LINK, kind)


def _of_headers(links: str, absolute: Callable[[str], str | None]) -> Iterator[NamedFeed]:
    """Return what Link headers name (RFC 8288, section 3)."""
    for target, parameters in _links(links[:_MAX_HEADER]):
        url = absolute(target)
        rel = parameters.get("rel", "").lower().split()
        if url and (kind := _kind(rel, parameters.get("type", ""), url, parameters.get("title", ""))):
            yield NamedFeed(url, _title(parameters.get("title", "")), Way.HEADER, kind)


_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[\w*!#$&+.^`|~-]+(?:\s*=\s*(?:\"(?:[^\"\\]|\\.)*\"|[^\s;,\"]*))?)*)")
_PARAMETER = re.compile(r";\s*([\w*!#$&+.^`|~-]+)(?:\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;,\"]*)))?")


def _links(said: str) -> Iterator[tuple[str, dict[str, str]]]:
    for target, rest in _LINK.findall(said):
        parameters: dict[str, str] = {}
        for name, quoted, bare in _PARAMETER.findall(rest):
            parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) or bare)
        yield target, parameters


def _kind(rel: Sequence[str], said: str, url: str, title: str) -> str | None:
    """Return the format of what a link names, or None where it is no feed."""
    media = media_types.without_parameters(said)
    if _NO_FEED.search(url) or "stylesheet" in rel or "oembed" in media:
        return None
    if "feed" in rel and "alternate" not in rel:
        return _TYPES.get(media, _format(url))
    if "alternate" not in rel:
        return None
    if media in _TYPES:
        return _TYPES[media]
    if media in _VAGUE and (_looks_like_feed(url) or "feed" in title.lower().split() or "xml" in media):
        return "json" if "json" in media else _format(url)
    # Some leave the type out; an alternate in another language is a page.
    return _format(url) if not media and _looks_like_feed(url) else None


def _of_anchors(elements: Elements) -> Iterator[NamedFeed]:
    """Return links for people that have the address of a feed, or say that they lead to one."""
    number = 0
    host = urlsplit(elements.page.url).netloc
    for tag in islice(elements.named("a"), _LOOKED_AT):
        href = attribute(tag, "href")
        if not href or number == MAX_ANCHORS:
            continue
        typed = media_types.without_parameters(attribute(tag, "type")) in _TYPES
        url = elements.page.absolute(href)
        if url is None or _NO_FEED.search(url):
            continue
        looks = typed or _looks_like_feed(url)
        says = (looks or urlsplit(url).netloc == host) and _says_feed(tag)
        if not looks and not says:
            continue
        if looks and urlsplit(url).netloc != host and not says and not typed:
            continue
        number += 1
        yield NamedFeed(url, _title(attribute(tag, "title")), Way.ANCHOR if looks else Way.SAYING, _format(url))


def _says_feed(tag: Tag) -> bool:
    """Whether the text, a name or the icon of a link says that it leads to a feed."""
    text = short_text(tag, _MAX_SAYING)
    images = tag.find_all(["img", "i", "svg", "span"], limit=4)
    names = [attribute(tag, "title"), attribute(tag, "aria-label"), *(attribute(one, "alt") for one in images)]
    if any(len(one) <= _MAX_SAYING and _SAYING.search(one) for one in (text or "", *names)):
        return True
    return any(_ICON.search(attribute(one, "class")[:_MAX_TITLE]) for one in (tag, *images))


def _looks_like_feed(url: str) -> bool:
    parts = urlsplit(url.lower())
    return _PATH.search(parts.path) is not None or _QUERY.search(parts.query) is not None


def _format(url: str) -> str:
    """Return the format that an address says, ``rss`` where it says none."""
    parts = urlsplit(url.lower())
    said = f"{parts.path}?{parts.query}"
    return next((name for name in ("atom", "json", "rdf") if name in said), "rss")


def _title(said: str) -> str:
    return " ".join(said.split())[:_MAX_TITLE]


def _without_session(url: str) -> str:
    """Remove the number of a visit from an address, which is new each time."""
    parts = urlsplit(url)
    if not _SESSION.search(parts.query):
        return url
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name.lower() not in _SESSIONS or not _SESSION.fullmatch(value)]
    return urlunsplit(parts._replace(query=urlencode(kept))) if len(kept) < len(pairs) else url


def _told(feed: NamedFeed, url: str, article: bool) -> NamedFeed:
    """Add what a feed is to the page."""
    own, its = urlsplit(url).path.rstrip("/"), urlsplit(feed.url).path
    below = bool(own) and (its.startswith((f"{own}/", f"{own}.")) or (its.rstrip("/") == own and "?" in feed.url))
    comments = (
        _COMMENTS.search(feed.title) is not None or _COMMENTS.search(f"{its}?{urlsplit(feed.url).query}") is not None
    )
    return replace(feed, comments=comments or (below and article), closer=below and not article)


def _joined(feeds: Iterable[NamedFeed]) -> list[NamedFeed]:
    """Return each feed in one format only, the best that there is."""
    by_title: dict[tuple[bool, str], list[NamedFeed]] = defaultdict(list)
    for feed in feeds:
        by_title[feed.comments, _bare_title(feed)].append(feed)
    groups: list[list[NamedFeed]] = []
    for (_, title), same in by_title.items():
        # Equal titles join only what is there once in each format: many sites call all their feeds "RSS".
        if title and len({one.format for one in same}) == len(same):
            groups.append(same)
            continue
        shapes: dict[str, list[NamedFeed]] = defaultdict(list)
        for one in same:
            shapes[_shape(one.url)].append(one)
        for alike in shapes.values():
            different = len({one.format for one in alike}) == len(alike)
            groups += [alike] if different else [[one] for one in alike]
    return [_best(group) for group in groups]


def _best(group: Sequence[NamedFeed]) -> NamedFeed:
    best = min(group, key=lambda one: _ORDER.index(one.format))
    return replace(
        best,
        way=min(one.way for one in group),
        closer=any(one.closer for one in group),
        title=best.title or next((one.title for one in group if one.title), ""),
    )


def _bare_title(feed: NamedFeed) -> str:
    """Return the title without words for formats, so that the same feed has the same title in each."""
    return " ".join(_FORMAT_WORDS.sub(" ", feed.title).split()).casefold()


def _shape(url: str) -> str:
    """Return an address without what names a format."""
    parts = urlsplit(url)
    return f"{parts.netloc}{_FORMAT_PARTS.sub('*', parts.path)}?{_FORMAT_PARTS.sub('*', parts.query)}"
