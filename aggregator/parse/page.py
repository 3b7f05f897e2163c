"""Say what an HTML page is that came in place of a feed, and which feed it names."""

from __future__ import annotations

import html
import re

from aggregator.parse.document import address

_HEAD = 300_000
_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{0,500})", re.IGNORECASE)
_LINK = re.compile(r"<link\b[^<>]{0,2000}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([a-z-]{1,20})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_PASSWORD = re.compile(r"""<input\b[^<>]{0,500}?\stype\s{0,5}=\s{0,5}["']?password\b""", re.IGNORECASE)
_FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json"})


def describe_page(text: str, url: str) -> str:
    """A message for people: the page's title, and the feed that its head offers (HTML, link type "alternate")."""
    head = text[:_HEAD]
    match = _TITLE.search(head)
    title = " ".join(html.unescape(match.group(1)).split())[:80] if match else ""
    message = f'this is an HTML page ("{title}"), not a feed' if title else "this is an HTML page, not a feed"
    if feed := named_feed(head, url):
        return f"{message}; it names a feed at {feed}: use that address"
    if _PASSWORD.search(head):
        return f"{message}; it asks for a password: set `auth` or `cookies` of the source"
    return f"{message}; it names no feed: look for another address, or read the page itself with `scrape`"


def named_feed(text: str, url: str) -> str | None:
    """The address of the first feed that a page names in its head (HTML, link type "alternate"), or None."""
    for link in _LINK.finditer(text, 0, _HEAD):
        found = {
            name.lower(): html.unescape(double or single or bare)
            for name, double, single, bare in _ATTRIBUTE.findall(link.group())
        }
        rel = found.get("rel", "").lower().split()
        if "alternate" in rel and found.get("type", "").strip().lower() in _FEED_TYPES:
            feed = address(found.get("href"), url)
            if feed is not None:
                return feed
    return None
