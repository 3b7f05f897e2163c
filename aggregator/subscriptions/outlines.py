"""The outlines of an OPML document (opml.org/spec2.opml), in whatever state its XML is.

In: text, from the root element on. Out: the title of the document, and its outlines in their order, each with its
attributes and the outline around it. What the outlines mean is not known here. Pure.

OPML needs little of XML: tags with attributes. Much of what programs export and people edit is not well-formed: a raw
``&`` in an address, entities of HTML, quotes and ``<`` in titles, outlines without an end, a file that is cut off. A
parser that recovers from that loses parts of addresses, and all that is nested deeper than it allows. So the tags are
found in one pass, in linear time, which reads a well-formed document as an XML parser does. There is no tree, and
nothing is expanded but references to characters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.entities import html5

from aggregator.values.markup import FORBIDDEN

MAX_OUTLINES = 100_000
"""Outlines of one document at most."""
MAX_ATTRIBUTES = 200
"""Attributes of one outline that are read; the rest is left out."""

_NAME = r"[^\W\d][\w.-]*+(?::[^\W\d][\w.-]*+)?"
_OF_OPML = r"(?:[^\W\d][\w.-]*+:)?(?:opml|head|title|body|outline)(?=[\s/>])"
_TAG = re.compile(rf"<(/?)({_OF_OPML})", re.IGNORECASE)
#: What begins the next attribute, or ends the tag: a quote is the closing one if that follows it.
_NEXT = rf"\s*+(?:/?>|{_NAME}\s*+=)"


def _quoted(quote: str) -> str:
    """Make the pattern of a value in quotes, with the quotes and the ``<`` in it that XML does not allow.

    Where another attribute begins in it, with its own opening quote, the closing one of this value is missing.
    """
    blank = rf"\s++(?!{_NAME}\s*+=\s*+{quote}(?!{_NEXT}))"
    return rf"{quote}((?:[^{quote}<\s]++|{blank}|<(?!/?{_OF_OPML})|{quote}(?!{_NEXT}))*+){quote}"


#: The value of an attribute without quotes, or without the closing one.
_BARE = rf"""["']?((?:[^<>\s/]++|/(?!>)|\s++(?!{_NAME}\s*+=))*+)"""
_ATTRIBUTE = re.compile(
    rf"""({_NAME})\s*+(?:=\s*+(?:{_quoted('"')}|{_quoted("'")}|{_BARE}))?""",
    re.IGNORECASE,
)
#: What stands between two attributes; anything that is no name is skipped.
_BETWEEN = re.compile(r"[^\w<>]*+")
_SPACE = re.compile(r"[\t\r\n]")
_REFERENCE = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));")
_SECTIONS = (("<![CDATA[", "]]>"), ("<!--", "-->"), ("<?", "?>"))
#: Prefixes that are bound to nothing in a document; XML binds this one itself.
_XML = {"xml": "http://www.w3.org/XML/1998/namespace"}


@dataclass(frozen=True, slots=True)
class Outline:
    """One outline."""

    #: Line in the document, from 1.
    line: int
    #: By name in lower case; that of an attribute in a namespace is ``{namespace}name``.
    attributes: Mapping[str, str]
    #: Index of the outline around it; None: it stands at the top.
    parent: int | None


@dataclass(frozen=True, slots=True)
class Outlines:
    """All that an OPML document holds."""

    title: str
    #: Attributes of the root element, as those of an outline.
    attributes: Mapping[str, str]
    outlines: tuple[Outline, ...]
    #: Whether there were more outlines than `MAX_OUTLINES`, which were left out.
    too_many: bool
    #: Whether the root element ends.
    complete: bool


@dataclass(frozen=True, slots=True)
class _Start:
    """The start tag of an outline."""

    line: int
    attributes: Mapping[str, str]
    closed: bool


def scan(text: str, *, first_line: int = 1) -> Outlines:
    """Find the outlines of a document.

    Args:
        text: the document from its root element on.
        first_line: the line on which it begins.
    """
    return _Scan(text, first_line).run()


class _Scan:
    """The state of one pass."""

    def __init__(self, text: str, first_line: int) -> None:
        self.text = text
        self.line = first_line
        #: The position up to which lines are counted.
        self.counted = 0
        self.missing: set[str] = set()
        self.namespaces = dict(_XML)
        self.title = ""
        self.root: dict[str, str] = {}
        #: Start tags, and None for end tags.
        self.tags: list[_Start | None] = []
        self.starts = 0
        self.in_head = False
        self.complete = False

    def run(self) -> Outlines:
        text, position = self.text, 0
        while (start := text.find("<", position)) >= 0 and self.starts <= MAX_OUTLINES:
            position = self._markup(start)
        too_many = self.starts > MAX_OUTLINES
        outlines = tuple(_nested(self.tags)[:MAX_OUTLINES])
        return Outlines(self.title, self.root, outlines, too_many, self.complete and not too_many)

    def _markup(self, start: int) -> int:
        """Read what begins with the ``<`` at `start`; return the position behind it."""
        for opener, closer in _SECTIONS:
            if self.text.startswith(opener, start):
                return self._behind(closer, start + len(opener))
        match = _TAG.match(self.text, start)
        if match is None:
            return start + 1
        name = match[2].rpartition(":")[2].lower()
        if match[1]:
            return self._end(name, match.end())
        attributes, end, closed = self._attributes(match.end())
        if name == "outline":
            self.in_head = False
            self.line += self.text.count("\n", self.counted, start)
            self.counted = start
            self.starts += 1
            self.tags.append(_Start(self.line, attributes, closed))
        elif name == "head":
            self.in_head = not closed
        elif name == "body":
            self.in_head = False
        elif name == "opml":
            self.root = self.root or attributes
        elif name == "title" and self.in_head and not closed and not self.title:
            return self._text(end)
        return end

    def _end(self, name: str, position: int) -> int:
        if name == "outline":
            self.tags.append(None)
        elif name == "head":
            self.in_head = False
        elif name == "opml":
            self.complete = True
        return position

    def _behind(self, closer: str, position: int) -> int:
        """Return the position behind the next `closer`; where there is none, it is not searched again."""
        found = -1 if closer in self.missing else self.text.find(closer, position)
        if found < 0:
            self.missing.add(closer)
            return position
        return found + len(closer)

    def _text(self, position: int) -> int:
        """Read the title, up to the next tag."""
        end = self.text.find("<", position)
        if self.text.startswith("<![CDATA[", end) and (closed := self.text.find("]]>", end)) >= 0:
            self.title = self.text[end + len("<![CDATA[") : closed].strip()
            return closed
        self.title = _resolved(self.text[position : end if end >= 0 else len(self.text)]).strip()
        return end if end >= 0 else len(self.text)

    def _attributes(self, position: int) -> tuple[dict[str, str], int, bool]:
        """Read the attributes of a tag; return them, the position behind the tag, and whether it ends with ``/>``."""
        found: list[tuple[str, str]] = []
        text = self.text
        while True:
            between = _BETWEEN.match(text, position)
            position = between.end() if between else position
            if position >= len(text) or text[position] in "<>":
                break
            match = _ATTRIBUTE.match(text, position)
            if match is None:
                # A digit, or a letter that begins no name.
                position += 1
                continue
            position = match.end()
            if len(found) < MAX_ATTRIBUTES:
                name, double, single, bare = match.groups()
                found.append(
                    (name, next((value for value in (double, single) if value is not None), (bare or "").strip()))
                )
        closed = text[position - 1] == "/"
        for name, value in found:
            prefix, colon, local = name.partition(":")
            if prefix == "xmlns" and colon:
                self.namespaces[local] = _resolved(value).strip()
        attributes: dict[str, str] = {}
        for name, value in found:
            # The first one counts, unless it says nothing.
            key = self._key(name)
            attributes[key] = attributes.get(key) or _resolved(value)
        return attributes, position + 1 if text.startswith(">", position) else position, closed

    def _key(self, name: str) -> str:
        prefix, colon, local = name.partition(":")
        if not colon or prefix == "xmlns":
            return name.lower()
        return f"{{{self.namespaces.get(prefix, prefix)}}}{local.lower()}"


def _resolved(value: str) -> str:
    """Resolve the references to characters; white space becomes blanks, as XML has it (section 3.3.3)."""
    value = _SPACE.sub(" ", value.replace("\r\n", "\n"))
    return _REFERENCE.sub(_character, value) if "&" in value else value


def _character(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name is not None:
        return html5.get(f"{name};", match[0])
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return FORBIDDEN.sub("", chr(code)) if code < 0x110000 else ""


def _nested(tags: list[_Start | None]) -> list[Outline]:
    """Find the outline around each outline.

    Where outlines with an address are written without an end (`<outline xmlUrl="…">`), all of them are: then there
    are no more end tags than folders. None is inside of such an outline.
    """
    unclosed = [tag for tag in tags if tag is not None and not tag.closed]
    folders = sum(not _has_address(tag) for tag in unclosed)
    without_end = len(unclosed) > folders and tags.count(None) <= folders
    found: list[Outline] = []
    open_ones: list[int] = []
    for tag in tags:
        if tag is not None:
            found.append(Outline(tag.line, tag.attributes, open_ones[-1] if open_ones else None))
            if not tag.closed and not (without_end and _has_address(tag)):
                open_ones.append(len(found) - 1)
        elif open_ones:
            open_ones.pop()
    return found


def _has_address(tag: _Start) -> bool:
    return "xmlurl" in tag.attributes
