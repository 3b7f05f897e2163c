"""What a search for sources comes to, and how what was found is compared: which sources are one, or about a page."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from pathlib import Path

from aggregator.discover.candidates import Candidate
from aggregator.models import Fetched, Source
from aggregator.parse.encoding import decode
from aggregator.preview import Preview
from aggregator.values.urls import resolve, same_feed

#: Links of a page that are compared.
_MOST_LINKS = 3000
_HREF = re.compile(r"""\bhref\s*=\s*("[^"<>]{1,2000}"|'[^'<>]{1,2000}'|[^\s"'<>]{1,2000})""", re.IGNORECASE)

#: How far pages are looked through for what stands in their heads.
_HEAD = 20_000
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|meta)\b", re.IGNORECASE)
_HIDDEN = re.compile(r"<!--.*?-->|<(noscript|script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_META = re.compile(r"<meta\b([^<>]{1,2000})>", re.IGNORECASE)
_EQUIV = re.compile(r"""\bhttp-equiv\s*=\s*["']?refresh\b""", re.IGNORECASE)
#: At once, or after some seconds; a page that is loaded again after minutes is one that stays.
_REFRESH = re.compile(
    r"""\bcontent\s*=\s*["']?\s*(?:10|\d)(?:\.\d*)?\s*[;,]\s*url\s*=\s*(?:"([^"<>]+)"|'([^'<>]+)'|([^\s"'<>]+))""",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Option:
    """A source that works, and is not configured yet."""

    candidate: Candidate
    preview: Preview
    #: Lower is better.
    rank: int

    @property
    def order(self) -> tuple[bool, int]:
        """What options are sorted by: a feed without items is one, but a worse one."""
        return not self.preview.items, self.rank

    @property
    def source(self) -> Source:
        """The source as it would be, but for its id."""
        return self.preview.source

    @property
    def title(self) -> str | None:
        """What it calls itself, as plain text."""
        return self.preview.result.state.title or self.candidate.title


@dataclass(frozen=True, slots=True)
class Miss:
    """What was tried in vain."""

    address: str
    #: How it was found.
    found: str
    why: str


@dataclass(frozen=True, slots=True)
class There:
    """A source that is configured already."""

    source: Source
    #: How it was found from the address; "" where it has that address.
    found: str


@dataclass(slots=True)
class Found:
    """What an address offers."""

    url: str
    #: The best first.
    options: list[Option] = field(default_factory=list)
    misses: list[Miss] = field(default_factory=list)
    there: list[There] = field(default_factory=list)
    #: How many candidates were not tried, because there were too many.
    untried: int = 0
    #: Whether the address is that of a page.
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside the configuration; all of it may be empty."""

    #: Hosts that want no requests now, with the time until when.
    waits: Mapping[str, datetime] = field(default_factory=dict)
    #: Where feeds have moved to permanently, by the id of the source.
    moved: Mapping[str, str] = field(default_factory=dict)
    #: The data folder, which is only read; None: there is none.
    data: Path | None = None


NOTHING = Known()


def are_the_same(one: Preview, other: Preview) -> bool:
    """Whether two sources lead to one document, or have the same items in another format."""
    if one.source.kind == other.source.kind == "feed" and same_feed(leads_to(one) or "") == same_feed(
        leads_to(other) or ""
    ):
        return True
    links = [{item.stored.stored.entry.url for item in seen.items} for seen in (one, other)]
    return bool(links[0]) and None not in links[0] and links[0] == links[1]


def leads_to(seen: Preview) -> str | None:
    """Return the address that answered for the first document."""
    document = document_of(seen)
    return None if document is None else document.url


def document_of(seen: Preview) -> Fetched | None:
    """Return the first document, if it came."""
    outcomes: Iterable[object] = (one.outcome for one in seen.documents[:1])
    return next((one for one in outcomes if isinstance(one, Fetched)), None)


def is_html(page: Fetched) -> bool:
    """Whether a document is a page."""
    return _HTML.search(page.body[:_HEAD]) is not None


def refreshed_to(page: Fetched) -> str | None:
    """Return where a page sends browsers on to at once (HTML, `http-equiv=refresh`), or None.

    What stands in comments and `noscript` is left aside: browsers with scripts do not go there.
    """
    if not is_html(page):
        return None
    text = _HIDDEN.sub("", decode(page.body, page.content_type).text[:_HEAD])
    for tag in _META.findall(text):
        found = _REFRESH.search(unescape(tag))
        if found is None or _EQUIV.search(tag) is None:
            continue
        url = resolve(found[1] or found[2] or found[3], page.url)
        return url if url is not None and same_feed(url) != same_feed(page.url) else None
    return None


def is_about(seen: Preview, links: Collection[str]) -> bool:
    """Whether any item of a feed is among the links of a page, which are comparable addresses."""
    urls = (item.stored.stored.entry.url for item in seen.items)
    return any(same_feed(url) in links for url in urls if url)


def links_of(page: Fetched) -> set[str]:
    """Return the addresses that a page links to, comparable."""
    found = _HREF.findall(decode(page.body, page.content_type).text)[:_MOST_LINKS]
    return {same_feed(url) for link in found if (url := resolve(unescape(link.strip("\"'")), page.url))}
