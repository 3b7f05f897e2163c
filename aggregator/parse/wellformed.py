"""Read documents that are well-formed, or become so by a repair: fast, and in this process.

In: `Fetched`, or the `TextDocument` that `sniff` made of it. Out: a `ParsedFeed`, or None where the tolerant reader is
needed. Most feeds are well-formed UTF-8, and lxml gets their bytes directly.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from lxml import etree

from aggregator.models import Fetched, ParsedFeed
from aggregator.parse import atom, jsonfeed, rss
from aggregator.parse.document import TextDocument
from aggregator.parse.encoding import may_be_encoded_twice
from aggregator.parse.repair import repair, without_forbidden
from aggregator.parse.xmltree import ElementReader, IllFormed, Unsure, parse_xml

_ReadTree = Callable[[etree._Element, ElementReader, tuple[str, ...]], ParsedFeed]

#: Readers by the local name of the root element, in lower case.
_READERS: dict[str, _ReadTree] = {"rss": rss.read, "rdf": rss.read, "feed": atom.read}
#: The start of a document that lxml rightly reads as UTF-8 (XML 1.0, section 4.3.3).
_UTF8_START = re.compile(
    rb"""(?:\xef\xbb\xbf)?(?:<\?xml(?![^>]{0,200}?\sencoding)|<\?xml[^>]{0,200}?\sencoding\s*=\s*["']utf-?8["']|<[a-z])""",
    re.IGNORECASE,
)
#: All that may stand before the root element, except a DOCTYPE; no part of it is matched twice.
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?>\s++|<!--.*?-->|<\?.*?\?>)*+<[A-Za-z_]", re.DOTALL)


def read_bytes(fetched: Fetched) -> ParsedFeed | None:
    """Read a document that is well-formed UTF-8 without a DOCTYPE, which could declare entities; else None."""
    body = fetched.body
    if not _UTF8_START.match(body) or not _PROLOG.match(body) or may_be_encoded_twice(body):
        return None
    try:
        return _read_xml(body, fetched.url, ())
    except Unsure:
        return None


def read_document(document: TextDocument, *, repair_up_to: int | None = None) -> ParsedFeed | None:
    """Read a JSON Feed, or XML whose DOCTYPE was removed; None where only the tolerant reader can read it.

    Args:
        document: what to read.
        repair_up_to: length of the largest ill-formed document to repair, in characters; None: any.

    Raises:
        ParseError: it is JSON that is not a feed, or XML of which too little is left.
    """
    if document.format == "json":
        return jsonfeed.read(document)
    try:
        try:
            return _read_xml(document.text.encode(), document.url, document.repairs)
        except IllFormed as error:
            if repair_up_to is not None and len(document.text) > repair_up_to:
                return None
            return _read_ill_formed(document, str(error))
    except Unsure:
        return None


def _read_ill_formed(document: TextDocument, problem: str) -> ParsedFeed:
    repaired = without_forbidden(document)
    if repaired.text != document.text:
        try:
            return _read_xml(repaired.text.encode(), document.url, repaired.repairs)
        except IllFormed as error:
            problem = str(error)
    repaired = repair(repaired, document, problem)
    feed = _read_xml(repaired.text.encode(), document.url, repaired.repairs)
    return feed if repaired.complete else replace(feed, complete=False)


def _read_xml(data: bytes, url: str, repairs: tuple[str, ...]) -> ParsedFeed:
    root = parse_xml(data, url)
    read = _READERS.get(root.tag.rpartition("}")[2].lower())
    if read is None:
        raise Unsure(f"root element {root.tag}")
    return read(root, ElementReader(url, data), repairs)
