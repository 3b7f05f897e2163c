"""A sitemap, read: the pages it lists, or the sitemaps. It works in another process.

In: a document as it came. Out: addresses, the newest ones first, with what the sitemap says of each; or the sitemaps
that an index names. Formats: XML as in sitemaps.org/protocol.html, with Google's extensions for news, images and
videos; and text with one address a line. Compressed ones (`.gz`) were unpacked when they were fetched.

The root element is found first, and nothing before it is read, so that no entity is declared. What is not well-formed
is read as far as possible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

from lxml import etree

from aggregator.dates.formats import parse_date
from aggregator.errors import ParseError
from aggregator.models import Fetched, RawEntry, Text
from aggregator.parse.document import address
from aggregator.parse.encoding import decode
from aggregator.parse.sniff import FEED_ROOTS, find_root
from aggregator.values.languages import found_tag
from aggregator.values.patterns import compile_pattern

#: Addresses of one document that are read, and sitemaps of an index; the protocol allows 50,000.
MAX_ADDRESSES = 100_000
MAX_CHILDREN = 50_000
#: Lines of a robots.txt that name sitemaps, and sitemaps of an index that are returned.
MAX_NAMED = 20
MAX_RETURNED = 100
#: A date further in the future than this says nothing.
_TOMORROW = timedelta(days=1)
_MAX_TEXT = 1000
#: Characters of a text that are read; no address is as long.
_MAX_READ = 10_000
_MAX_TAGS = 20

_SITEMAP_LINE = re.compile(r"^\s*sitemap\s*:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
#: Ends of addresses that are no pages.
_FILES = re.compile(
    r"\.(?:pdf|jpe?g|png|gif|webp|avif|svg|ico|css|js|json|xml|gz|zip|rar|7z|mp[34]|m4[av]|webm|ogg|wav|mov|avi|docx?|xlsx?"
    r"|pptx?|epub|apk|exe|dmg|txt|csv)\Z",
    re.IGNORECASE,
)
#: Names of sitemaps that list what is read, and of those that list something else.
_LIKELY = re.compile(r"news|post|article|blog|stor(?:y|ies)|latest|recent|content|entr", re.IGNORECASE)
_UNLIKELY = re.compile(
    r"image|video|tag|categor|taxonom|author|user|product|shop|archive|static|page[-_s.]|attachment|keyword|topic|misc",
    re.IGNORECASE,
)
_MONTH = re.compile(r"\d{4}(?:-\d\d)?")
_NUMBER = re.compile(r"\d+(?=\D*\Z)")


@dataclass(frozen=True, slots=True)
class SitemapWork:
    """A sitemap that is to be read, and what is wanted of it."""

    fetched: Fetched
    #: Names of hosts whose pages are taken, with all hosts below them.
    hosts: tuple[str, ...]
    #: Addresses that are returned at most.
    limit: int
    #: Patterns of re2 for paths with their query: one must match, none may.
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    #: The current time, aware and in UTC.
    now: datetime


@dataclass(frozen=True, slots=True)
class Child:
    """A sitemap that an index names."""

    url: str
    #: When it was changed last; None: the index does not say.
    changed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A page that a sitemap lists."""

    entry: RawEntry
    #: When it was published or changed last; None: the sitemap does not say.
    at: datetime | None
    #: The last change, as it stands there.
    lastmod: str = ""


@dataclass(frozen=True, slots=True)
class SitemapFile:
    """A sitemap, read."""

    #: Those of an index, in the order in which to read them.
    children: tuple[Child, ...] = ()
    #: The newest ones first, those without a date last, in the order of the document.
    addresses: tuple[Address, ...] = ()
    #: How many pages of the site it lists, and how many of them are wanted.
    listed: int = 0
    wanted: int = 0
    #: How many addresses of other sites.
    foreign: int = 0
    #: Whether it is a list of news, which is empty where there was none for two days.
    news: bool = False
    #: What is worth a word to the operator.
    notes: tuple[str, ...] = ()


def read_sitemap(work: SitemapWork) -> SitemapFile:
    """Read a sitemap or an index of sitemaps.

    Raises:
        ParseError: it is neither.
    """
    fetched = work.fetched
    text = decode(fetched.body, fetched.content_type).text
    root = find_root(text)
    if root is None:
        return _read_text(text, work)
    if root.local not in ("urlset", "sitemapindex"):
        raise ParseError(_described(root.local, fetched), kind="not_a_feed", url=fetched.url)
    cut_off = not re.search(rf"</{re.escape(root.name)}\s*>", text, re.IGNORECASE)
    items = _Items(text[root.start :].encode("utf-8", "replace"), cut_off=cut_off)
    file = _read_index(items, work) if root.local == "sitemapindex" else _read_pages(items, work)
    if cut_off or items.damaged:
        note = "the sitemap is not well-formed XML; what could be read of it is used"
        return replace(file, notes=(*file.notes, note))
    return file


def named_sitemaps(fetched: Fetched) -> tuple[str, ...]:
    """Return the sitemaps that a robots.txt names, those first that list articles (RFC 9309, section 2.2.4)."""
    text = decode(fetched.body, fetched.content_type).text
    found = (address(line, fetched.url) for line in _SITEMAP_LINE.findall(text))
    return tuple(sorted(dict.fromkeys(url for url in found if url), key=_likelihood)[:MAX_NAMED])


def _described(root: str, fetched: Fetched) -> str:
    """Say what a document is that is no sitemap."""
    if root in FEED_ROOTS:
        return "this is a feed, not a sitemap; write `feed` in place of `sitemap`"
    if root == "html":
        return "this is an HTML page, not a sitemap; write the address of a sitemap, or that of the site's home page"
    return f"this is no sitemap: its root element is <{root[:80]}>"


class _Items:
    """What the elements of a sitemap say, one after the other.

    Args:
        data: the document from its root on, in UTF-8.
        cut_off: whether its end is missing, so that its last element is not whole.
    """

    def __init__(self, data: bytes, *, cut_off: bool) -> None:
        self._cut_off = cut_off
        self._events: Any = etree.iterparse(
            BytesIO(data),
            events=("end",),
            tag=("{*}url", "{*}sitemap"),
            recover=True,
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        latest = None
        for said in self._all():
            if latest is not None:
                yield latest
            latest = said
        if latest is not None and not self._cut_off:
            yield latest

    @property
    def damaged(self) -> bool:
        """Whether anything that was read is not well-formed."""
        return len(self._events.error_log) > 0

    def _all(self) -> Iterator[dict[str, Any]]:
        try:
            for _, element in self._events:
                yield _said(element)
                # What was read takes no memory any more.
                element.clear()
                parent = element.getparent()
                while parent is not None and element.getprevious() is not None:
                    del parent[0]
        except etree.XMLSyntaxError:
            # Also with `recover`, where nothing more can be read.
            return


def _said(element: Any) -> dict[str, Any]:
    """Return what an element says: its own children by name, and those of extensions as ``news:title``."""
    said: dict[str, Any] = {}
    for child in element:
        name = _local(child)
        if name in ("loc", "lastmod"):
            said.setdefault(name, _text(child))
        elif name in ("news", "image", "video"):
            for inner in child:
                said.setdefault(f"{name}:{_local(inner)}", _text(inner))
                if _local(inner) == "publication":
                    for part in inner:
                        said.setdefault(f"publication:{_local(part)}", _text(part))
    return said


def _local(element: Any) -> str:
    """Return the name of an element without namespace or prefix; "" where it is none."""
    return _bare(element.tag) if isinstance(element.tag, str) else ""


@lru_cache(maxsize=1000)
def _bare(name: str) -> str:
    return name.rpartition("}")[2].rpartition(":")[2].lower()


def _text(element: Any) -> str:
    said = "".join(element.itertext()) if len(element) else element.text or ""
    return " ".join(said[:_MAX_READ].split())


def _read_index(items: Iterable[dict[str, Any]], work: SitemapWork) -> SitemapFile:
    found: dict[str, Child] = {}
    for said in items:
        if len(found) == MAX_CHILDREN:
            break
        if url := address(said.get("loc"), work.fetched.url):
            found.setdefault(url, Child(url, _date(said.get("lastmod"), work.now)))
    dated = sorted((one for one in found.values() if one.changed), key=_newest_first)
    others = sorted((one for one in found.values() if not one.changed), key=lambda one: _likelihood(one.url))
    return SitemapFile(children=(*dated, *others)[:MAX_RETURNED], listed=len(found))


def _newest_first(child: Child) -> tuple[float, tuple[int, int]]:
    return -(child.changed or _EPOCH).timestamp(), _likelihood(child.url)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _likelihood(url: str) -> tuple[int, int]:
    """Return a key that sorts sitemaps by what their names say: articles first, of a series the last one."""
    name = urlsplit(url).path.rpartition("/")[2] + "?" + urlsplit(url).query
    rank = 0 if _LIKELY.search(name) and not _UNLIKELY.search(name) else 2 if _UNLIKELY.search(name) else 1
    number = _NUMBER.search(name.partition(".")[0])
    return rank, -int(number[0][:9]) if number else 0


def _read_pages(items: Iterable[dict[str, Any]], work: SitemapWork) -> SitemapFile:
    return _chosen(((said.get("loc", ""), said) for said in items), work)


def _read_text(text: str, work: SitemapWork) -> SitemapFile:
    """Read one address a line (sitemaps.org/protocol.html, "Text file")."""
    lines = [line.strip() for line in text.split("\n")]
    first = next((line for line in lines if line), "")
    if address(first) is None:
        what = "the document is empty" if not first else "this is no sitemap, neither XML nor a list of addresses"
        raise ParseError(what, kind="not_a_feed", url=work.fetched.url)
    return _chosen(((line, {}) for line in lines if address(line)), work)


def _chosen(found: Iterator[tuple[str, dict[str, Any]]], work: SitemapWork) -> SitemapFile:
    """Choose the addresses that are wanted, the newest ones."""
    include = [compile_pattern(one) for one in work.include]
    exclude = [compile_pattern(one) for one in work.exclude]
    wanted: dict[str, tuple[datetime | None, dict[str, Any]]] = {}
    listed = foreign = read = 0
    news = cut = False
    for loc, said in found:
        if read == MAX_ADDRESSES:
            cut = True
            break
        read += 1
        news = news or any(name.startswith("news:") for name in said)
        url = address(loc, work.fetched.url)
        url = urldefrag(url).url if url else None
        if url is None or url in wanted or not _is_page(url):
            continue
        if not _is_ours(url, work.hosts):
            foreign += 1
            continue
        listed += 1
        if _is_wanted(url, include, exclude):
            named = (_date(said.get(name), work.now) for name in ("lastmod", "news:publication_date"))
            wanted[url] = max((date for date in named if date), default=None), said
    newest = sorted(wanted.items(), key=lambda one: -(one[1][0] or _EPOCH).timestamp())[: work.limit]
    addresses = tuple(Address(_entry(url, said, work), at, said.get("lastmod", "")) for url, (at, said) in newest)
    dates = {at for at, _ in wanted.values()}
    notes = [f"the sitemap has more than {MAX_ADDRESSES:,} addresses; the others are not read"] if cut else []
    if len(dates) == 1 and len(wanted) > work.limit:
        what = "no dates" if dates == {None} else "the same date for all pages"
        notes.append(f"the sitemap has {what}, so that the first {work.limit} of {len(wanted):,} addresses are taken")
    return SitemapFile((), addresses, listed, len(wanted), foreign, news, tuple(notes))


def _entry(url: str, said: dict[str, Any], work: SitemapWork) -> RawEntry:
    title, keywords = said.get("news:title", "")[:_MAX_TEXT], said.get("news:keywords", "")
    tags = dict.fromkeys(tag for part in re.split("[,，、]", keywords) if (tag := part.strip()))
    return RawEntry(
        guid=url,
        url=url,
        title=Text(title, "text") if title else None,
        published=said.get("news:publication_date") or None,
        updated=said.get("lastmod") or None,
        tags=tuple(tags)[:_MAX_TAGS],
        image=address(said.get("image:loc") or said.get("video:thumbnail_loc"), work.fetched.url),
        language=found_tag(said.get("publication:language", "")),
    )


def _date(text: str | None, now: datetime) -> datetime | None:
    # A year, or a year and a month, are dates as well (W3C, "Date and Time Formats").
    whole = f"{text}-01-01"[:10] if text and _MONTH.fullmatch(text) else text
    found = parse_date(whole) if whole else None
    return found if found is not None and found <= now + _TOMORROW else None


def _is_page(url: str) -> bool:
    """Whether an address may be that of an article: not the home page, and no picture or archive."""
    parts = urlsplit(url)
    return bool(parts.path.strip("/") or parts.query) and not _FILES.search(parts.path)


def _is_ours(url: str, hosts: Sequence[str]) -> bool:
    host = urlsplit(url).hostname or ""
    return any(host == own or host.endswith(f".{own}") for own in hosts)


def _is_wanted(url: str, include: Sequence[Any], exclude: Sequence[Any]) -> bool:
    if not include and not exclude:
        return True
    parts = urlsplit(url)
    path = unquote(f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path)
    if include and not any(one.search(path) for one in include):
        return False
    return not any(one.search(path) for one in exclude)
