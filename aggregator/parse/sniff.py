"""Find out from its content what a document is: a feed, and in which format, or something else.

In: `Fetched`. Out: a `TextDocument` for a reader. What is certainly not a feed raises a `ParseError` that says what it
is and what to do. The media type does not count: servers send feeds as text/html and pages as application/xml.
Everything before the root element is removed: the declaration, comments, and the DOCTYPE with its entities, so that no
reader can expand or fetch one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from aggregator.errors import ParseError
from aggregator.models import Fetched
from aggregator.parse.document import TextDocument, address
from aggregator.parse.encoding import decode
from aggregator.values import media_types
from aggregator.values.markup import unescape
from aggregator.values.urls import without_feed_scheme, without_userinfo

#: Root elements of feeds, without prefix.
FEED_ROOTS = frozenset({"rss", "rdf", "feed", "channel"})

_MAGIC = (
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "compressed (gzip) once more than the server said"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"BZh", "compressed (bzip2)"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd) once more than the server said"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording"),
    (b"\x00asm", "a WebAssembly module"),
    (b"RIFF", "a WebP image or a recording (RIFF)"),
    (b"\xfd7zXZ\x00", "compressed (xz)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x7fELF", "a program"),
)
_NOT_FEEDS = {
    "opml": "an OPML list of feeds, not a feed; `aggregator opml import` adds its feeds",
    "urlset": "a sitemap, not a feed; write `sitemap` in place of `feed`",
    "sitemapindex": "a sitemap index, not a feed; write `sitemap` in place of `feed`",
    "svg": "an SVG image, not a feed",
    "opensearchdescription": "a description of a search form, not a feed",
    "error": "an error message in XML, not a feed",
    "wsdl": "a description of a web service, not a feed",
}
_NAME = re.compile(r"<((?:[A-Za-z_][\w.-]*:)?)([A-Za-z_][\w.-]*)(?=[\s/>])")
_FEED_START = re.compile(r"<(rss|feed|rdf:RDF|[A-Za-z][\w-]{0,40}:feed)(?=[\s>])", re.IGNORECASE)
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|title|meta|div|p|h1)[\s/>]", re.IGNORECASE)
#: The start of an entry.
ENTRY = re.compile(r"<(?:[A-Za-z_][\w-]{0,40}:)?(?:item|entry)(?=[\s/>])", re.IGNORECASE)
#: A JSON Feed behind other text, such as a warning of the server.
_JSON_FEED = re.compile(r'\{\s*+"version"\s*+:\s*+"https?:\\?/\\?/(?:www\.)?jsonfeed\.org')
_SUBSET_MARK = re.compile(r"""["'\[\]>]|<!--|<\?""")
_SPACE = re.compile(r"\s*")
#: C0 controls, except those of texts: tab, line ends, form feed, and the escape of ISO 2022.
_CONTROLS = bytes(set(range(0x20)) - set(b"\t\n\r\f\x1b"))
_CLOSERS = {'"': '"', "'": "'", "<!--": "-->", "<?": "?>"}
#: Characters of a page in which its head is looked for.
_HEAD = 300_000
_PAGE_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{0,500})", re.IGNORECASE)
_PAGE_LINK = re.compile(r"<link\b[^<>]{0,2000}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([a-z-]{1,20})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_PASSWORD = re.compile(r"""<input\b[^<>]{0,500}?\stype\s{0,5}=\s{0,5}["']?password\b""", re.IGNORECASE)
_FEED_TYPES = frozenset({media_types.RSS, media_types.ATOM, media_types.JSON_FEED})


class Root(NamedTuple):
    """The position of the root element, its name in lower case, and its name without prefix."""

    start: int
    name: str
    local: str


def sniff(fetched: Fetched) -> TextDocument:
    """Decode a document and find its format.

    Raises:
        ParseError: ``not_a_feed``, with what it is instead, or ``unparsable``.
    """
    body = fetched.body
    for magic, name in _MAGIC:
        if body.startswith(magic):
            raise _not_a_feed(f"this is {name}, not a feed", fetched)
    decoded = decode(body, fetched.content_type)
    text = decoded.text
    start = text[:1000].lstrip()[:1]
    if not start and not text.strip():
        raise _not_a_feed("the document is empty" if not body else "the document has nothing but white space", fetched)
    if start in ("{", "["):
        return TextDocument("json", text, "", fetched.url, decoded.repairs)
    return _sniff_xml(text, decoded.repairs, fetched)


def _sniff_xml(text: str, repairs: tuple[str, ...], fetched: Fetched) -> TextDocument:
    root = find_root(text)
    if root is not None and root.local in FEED_ROOTS:
        return TextDocument("xml", text[root.start :], root.name, fetched.url, repairs)
    if root is not None and root.local in _NOT_FEEDS:
        raise _not_a_feed(f"this is {_NOT_FEEDS[root.local]}", fetched)
    later = (*repairs, "text before the feed was left out")
    if (inner := _find_feed(text)) is not None:
        return TextDocument("xml", text[inner.start :], inner.name, fetched.url, later)
    if (match := _JSON_FEED.search(text)) is not None and text.rstrip().endswith("}"):
        return TextDocument("json", text[match.start() :], "", fetched.url, later)
    if _HTML.search(text, 0, 10_000):
        raise _not_a_feed(_describe_page(text, fetched.url), fetched)
    if root is None:
        if text.lstrip().startswith("<") and ">" not in text:
            raise ParseError("the document is cut off before its first element", kind="unparsable", url=fetched.url)
        if _is_binary(fetched):
            raise _not_a_feed("this is binary data (compressed, or an image?), not a feed", fetched)
        raise _not_a_feed(f"this is plain text, not a feed: {_quote(text)}", fetched)
    if ENTRY.search(text, root.start):
        return TextDocument("xml", text[root.start :], root.name, fetched.url, repairs)
    raise _not_a_feed(f"this is XML but no feed: its root element is <{root.name[:80]}>", fetched)


def named_feed(text: str, url: str) -> str | None:
    """Return the address of the first feed that the head of a page names (HTML, link type "alternate"), or None."""
    for link in _PAGE_LINK.finditer(text, 0, _HEAD):
        found = {
            name.lower(): unescape(double or single or bare)
            for name, double, single, bare in _ATTRIBUTE.findall(link.group())
        }
        rel = found.get("rel", "").lower().split()
        if "alternate" in rel and found.get("type", "").strip().lower() in _FEED_TYPES:
            feed = address(found.get("href"), url)
            if feed is not None:
                return feed
    return None


def _describe_page(text: str, url: str) -> str:
    """Describe a page that came in place of a feed, for people: its title, and the feed that it names."""
    head = text[:_HEAD]
    match = _PAGE_TITLE.search(head)
    title = " ".join(unescape(match.group(1)).split())[:80] if match else ""
    message = f'this is an HTML page ("{title}"), not a feed' if title else "this is an HTML page, not a feed"
    if feed := named_feed(head, url):
        return f"{message}; it names a feed at {feed}: use that address"
    if _PASSWORD.search(head):
        return f"{message}; it asks for a password: set `auth` or `cookies` of the source"
    return f"{message}; it names no feed: look for another address, or read the page itself with `scrape`"


def find_root(text: str) -> Root | None:
    """Find the first element, behind white space, processing instructions, comments and a DOCTYPE, or return None."""
    position = 0
    while (position := _skip_space(text, position)) < len(text):
        if text.startswith("<?", position):
            end = text.find("?>", position)
        elif text.startswith("<!--", position):
            end = text.find("-->", position)
        elif text[position : position + 9].upper() == "<!DOCTYPE":
            end = _doctype_end(text, position)
        else:
            match = _NAME.match(text, position)
            if match is None:
                return None
            return Root(position, (match.group(1) + match.group(2)).lower(), match.group(2).lower())
        if end < 0:
            return None
        position = text.find(">", end) + 1
    return None


def _find_feed(text: str) -> Root | None:
    """Find a feed behind other text, such as a warning of the server, or within a page."""
    match = _FEED_START.search(text)
    if match is None or not ENTRY.search(text, match.end()):
        return None
    name = match.group(1).lower()
    return Root(match.start(), name, name.rpartition(":")[2])


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _doctype_end(text: str, position: int) -> int:
    """Return the position of the ``>`` that ends a DOCTYPE with its internal subset (XML 1.0, section 2.8), or -1."""
    depth = 0
    position += len("<!DOCTYPE")
    while match := _SUBSET_MARK.search(text, position):
        mark, position = match.group(), match.end()
        if mark in _CLOSERS:
            position = text.find(_CLOSERS[mark], position)
            if position < 0:
                return -1
            position += 1
        elif mark == "[":
            depth += 1
        elif mark == "]":
            depth -= 1
        elif depth <= 0:
            return match.start()
    return -1


def _quote(text: str) -> str:
    folded = " ".join(text[:400].split())
    return f'"{folded[:80]}…"' if len(folded) > 80 else f'"{folded}"'


def _is_binary(fetched: Fetched) -> bool:
    """Whether a document without markup is not text either.

    It is not if it has control characters, or neither ASCII nor UTF-8 in it and no other encoding is declared.
    """
    start = fetched.body[:1000]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    if len(start.translate(None, _CONTROLS)) < 0.98 * len(start):
        return True
    return "charset" not in fetched.content_type.lower() and not start.decode("utf-8", "ignore").strip()


def _not_a_feed(message: str, fetched: Fetched) -> ParseError:
    asked, found = (_plain_address(url) for url in (fetched.requested_url, fetched.url))
    if asked.rstrip("/") != found.rstrip("/"):
        message += f"; it was redirected from {asked}"
    return ParseError(message, kind="not_a_feed", url=fetched.url)


def _plain_address(url: str) -> str:
    """Remove user name, password and fragment from an address."""
    return without_userinfo(without_feed_scheme(url).partition("#")[0])
