"""A feed of an instance of RSSHub, read, and the same whichever instance gave it.

Feeds of RSSHub are those of other sites, so nearly all that they say is the same everywhere. Only what leads to the
instance itself differs: pictures and files that it passes on, links to other routes, and guids made of these. A guid
becomes ``rsshub://…``, an address in a text or of a file that of the instance that is configured first, and the access
code goes wherever it stands. It is apart from `aggregator.sources.rsshub`, which imports it only where there is a feed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from aggregator.config.rsshub import SCHEME
from aggregator.models import Enclosure, Fetched, OriginalFeed, ParsedFeed, RawEntry, Text
from aggregator.models.extras import rebuilt
from aggregator.parse import parse, parse_plain

_T = TypeVar("_T")

#: Bytes of a feed that does not delay others, and is not worth a process.
SMALL = 200_000
#: Ports that are written or not.
_USUAL = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of all instances; each ends with `/`."""

    names: tuple[str, ...]
    #: The one that takes the place of all others.
    first: str
    #: The access code that was sent, or None.
    code: str | None = None


def read_small(fetched: Fetched, addresses: Addresses) -> ParsedFeed | None:
    """Read the feed that an instance gave, if that takes only milliseconds, as nearly always; None: `read_feed`.

    Raises:
        ParseError: it is none.
    """
    parsed = parse_plain(fetched) if len(fetched.body) <= SMALL else None
    return parsed and independent(parsed, addresses)


def read_feed(work: tuple[Fetched, Addresses]) -> ParsedFeed:
    """Read the feed that an instance gave. It works in another process.

    Raises:
        ParseError: it is none.
    """
    fetched, addresses = work
    return independent(parse(fetched), addresses)


def independent(feed: ParsedFeed, addresses: Addresses) -> ParsedFeed:
    """Return a feed as every instance would have given it."""
    there = _pattern(addresses.names, "://", "/", r"(?![\w@-])(?!\.\w)(?!:\d)")
    escaped = _pattern(addresses.names, "%3A%2F%2F", "%2F", r"(?![\w-])(?!\.\w)(?!%40)")
    first = addresses.first.removesuffix("/")

    def neutral(text: str) -> str:
        text = without_code(text, addresses.code)
        if "http" not in text:
            return text
        return escaped.sub(lambda _: quote(first, safe=""), there.sub(lambda _: first, text))

    def name(guid: str | None) -> str | None:
        found = None if guid is None else there.match(without_code(guid, addresses.code))
        if guid is None or found is None:
            return guid and without_code(guid, addresses.code)
        return SCHEME + without_code(guid, addresses.code)[found.end() :].lstrip("/")

    def entry(one: RawEntry) -> RawEntry:
        # Without a guid, the address is what identifies an entry, also if another instance is the first one some day.
        guid = one.guid or (one.url if one.url and there.match(one.url) else None)
        return _entry(replace(one, guid=name(guid)), neutral)

    return replace(
        feed,
        entries=tuple(map(entry, feed.entries)),
        title=_maybe(neutral, feed.title),
        home_url=_maybe(neutral, feed.home_url),
        extras=_extras(feed.extras, neutral),
    )


def _entry(entry: RawEntry, neutral: Callable[[str], str]) -> RawEntry:
    def text(one: Text | None) -> Text | None:
        return one and replace(one, value=neutral(one.value), base=_maybe(neutral, one.base))

    def file(one: Enclosure) -> Enclosure:
        return replace(one, url=neutral(one.url), title=_maybe(neutral, one.title))

    def origin(one: OriginalFeed) -> OriginalFeed:
        id, url, home = (_maybe(neutral, found) for found in (one.id, one.url, one.home_url))
        return replace(one, id=id, url=url, home_url=home)

    return replace(
        entry,
        url=_maybe(neutral, entry.url),
        former_url=_maybe(neutral, entry.former_url),
        image=_maybe(neutral, entry.image),
        comments_url=_maybe(neutral, entry.comments_url),
        title=text(entry.title),
        content=text(entry.content),
        summary=text(entry.summary),
        enclosures=tuple(map(file, entry.enclosures)),
        original_feed=entry.original_feed and origin(entry.original_feed),
        extras=_extras(entry.extras, neutral),
    )


def without_code(text: str, code: str | None) -> str:
    """Remove the access code from an address, or from a text with addresses; elsewhere it becomes ``***``."""
    if code is None or code not in text:
        return text
    text = re.sub(rf"(?:&(?:amp;)?|&#38;)code={code}", "", text)
    # The parameters after it move up.
    text = re.sub(rf"\?code={code}(&(?:amp;)?|&#38;)?", lambda match: "?" if match[1] else "", text)
    return text.replace(code, "***")


def _pattern(names: tuple[str, ...], colon: str, slash: str, end: str) -> re.Pattern[str]:
    """Return what matches the addresses of instances without the `/` at their end, over http and over https.

    An instance behind a proxy does not know by which of the two it is reached.

    Args:
        colon, slash: how these are written.
        end: what an address must not go on with: then it is that of another host, or of another folder.
    """
    hosts = []
    for one in names:
        parts = urlsplit(one)
        name = parts.hostname or ""
        host = re.escape(f"[{name}]" if ":" in name else name)
        port = f":{parts.port}" if parts.port not in (None, *_USUAL.values()) else "(?::443|:80)?"
        path = re.escape(parts.path.rstrip("/")).replace("/", re.escape(slash))
        hosts.append(f"{host}{port}{path}")
    hosts.sort(key=len, reverse=True)
    # A pattern that begins with letters whose case counts is searched for many times faster.
    return re.compile(rf"https?(?i:{colon}(?:{'|'.join(hosts)}){end})")


def _maybe(change: Callable[[str], str], text: str | None) -> str | None:
    return None if text is None else change(text)


def _extras(extras: _T | None, neutral: Callable[[str], str]) -> _T | None:
    if extras is None:
        return None

    def value(kind: str, found: Any) -> Any:
        return neutral(found) if isinstance(found, str) else found

    return rebuilt(extras, value)
