"""Read what is well-formed and plain, in this process and fast; leave everything else to the tolerant reader.

In: `Fetched`, or a `Document` that `sniff` has made of it. Out: a `ParsedFeed`, or None where the tolerant reader is
needed. Most feeds are well-formed UTF-8; lxml gets them as the bytes they are, without a look at their text before.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree

from aggregator.models import Fetched, ParsedFeed
from aggregator.parse import atom, jsonfeed, rss
from aggregator.parse.document import Document
from aggregator.parse.xmltree import Reader, Unsure, parse_xml

_ReadTree = Callable[[etree._Element, Reader, tuple[str, ...]], ParsedFeed]

#: Readers by the local name of the root element, in lower case.
_READERS: dict[str, _ReadTree] = {"rss": rss.read, "rdf": rss.read, "feed": atom.read}
#: The start of a document that lxml reads as UTF-8, as it should be read (XML 1.0, section 4.3.3).
_UTF8_START = re.compile(
    rb"""(?:\xef\xbb\xbf)?(?:<\?xml(?![^>]{0,200}?\sencoding)|<\?xml[^>]{0,200}?\sencoding\s*=\s*["']utf-?8["']|<[a-z])""",
    re.IGNORECASE,
)


def read_bytes(fetched: Fetched) -> ParsedFeed | None:
    """Read a document that is well-formed UTF-8 without a DOCTYPE: with one, entities could be declared."""
    body = fetched.body
    if not _UTF8_START.match(body) or b"<!DOCTYPE" in body:
        return None
    return _read_xml(body, fetched.url, ())


def read_document(document: Document) -> ParsedFeed | None:
    """Read a JSON Feed, or XML in whatever encoding; its DOCTYPE is gone already.

    Raises:
        ParseError: it is JSON, but cannot be read as a feed.
    """
    if document.format == "json":
        return jsonfeed.read(document)
    return _read_xml(document.text.encode(), document.url, document.repairs)


def _read_xml(data: bytes, url: str, repairs: tuple[str, ...]) -> ParsedFeed | None:
    try:
        root = parse_xml(data, url)
        read = _READERS.get(root.tag.rpartition("}")[2].lower())
        return None if read is None else read(root, Reader(url, data), repairs)
    except Unsure:
        return None
