"""Read documents that are well-formed, or become so by a repair: fast, and in this process.

In: `Fetched`, or the `TextDocument` that `sniff` made of it. Out: a `ParsedFeed`, or None where the tolerant reader is
needed. Most feeds are well-formed UTF-8, and lxml gets their bytes directly.

A document that the XML parser has refused is repaired in one linear pass over its text. Every ``<`` and ``&`` that
is not markup is escaped, the named entities of HTML are characters, and comments and processing instructions are
removed. A document that is cut off, or has a CDATA section without an end, ends after its last complete entry.
Markup inside an entry is balanced: what is open at its end is closed, and an end tag without a start tag is
removed. Other elements keep their order. Prefixes that are not declared are declared. Nothing is fetched or
expanded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.entities import html5
from typing import NamedTuple

from lxml import etree

from aggregator.errors import ParseError
from aggregator.models import Fetched, ParsedFeed
from aggregator.parse import atom, jsonfeed, rss
from aggregator.parse.document import TextDocument
from aggregator.parse.encoding import drop_forbidden_references, may_be_encoded_twice
from aggregator.parse.xmltree import USUAL, ElementReader, IllFormed, Unsure, parse_xml
from aggregator.values.markup import VOID

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


_ENTRIES = frozenset({"item", "entry"})
_ENTRY_START = re.compile(r"<(?:[A-Za-z_][\w-]{0,40}:)?(?:item|entry)(?=[\s/>])", re.IGNORECASE)
_AMPERSAND = re.compile(
    r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)(?:([A-Za-z][A-Za-z0-9]{1,31});)?"
)
_END_TAG = re.compile(r"</([A-Za-z_][\w.:-]*+)\s*+>")
_NAME = r"<([A-Za-z_][\w.:-]*+)(?=[\s/>])"
_START_TAG = re.compile(_NAME + r"""(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+>""")
_SLOPPY_START_TAG = re.compile(_NAME + r"[^<>]*+>")
_LOOSE_START_TAG = re.compile(_NAME + r"""(?:[^<>"']++|"[^"]*+"|'[^']*+')*+>""")
#: How far, and how often in a document, a start tag with ``<`` in its attributes is looked for.
_LOOSE_REACH = 2000
_LOOSE_TRIES = 2000
_ESCAPES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;", "'": "&apos;"}
#: HTML elements without content; in a feed, `link` and `source` have one.
_VOID = VOID - {"link", "source"} | {"param"}
#: Elements that are void in HTML but not in feeds: where one is left open, its end is unknown.
_UNKNOWN_END = frozenset({"link", "source", "title", "basefont", "frame", "isindex"})
#: HTML elements that end where the next of their kind starts (HTML standard, section 13.1.2.4).
_ENDED_BY_THEMSELVES = frozenset({"li", "p"})
_SECTIONS = (("<![CDATA[", "]]>"), ("<!--", "-->"), ("<?", "?>"))

_ROOT = re.compile(r"<[A-Za-z_][\w.:-]*+")
_USED = re.compile(r"<([A-Za-z_][\w.-]{0,40}):[A-Za-z_]")
_BOUND = re.compile(r"\sxmlns:([A-Za-z_][\w.-]{0,40})\s*=")
#: Undeclared prefixes that are declared at most; text that looks like markup may have any number of them.
_MAX_UNBOUND = 50


class Repaired(NamedTuple):
    """A document after its repair."""

    text: str
    #: What was repaired, as short messages for people.
    repairs: tuple[str, ...]
    #: False if the document was cut off.
    complete: bool


def without_forbidden(document: TextDocument) -> Repaired:
    """Remove the references to forbidden characters; a document without any is returned as it is."""
    text, dropped = drop_forbidden_references(document.text)
    more = (f"references to forbidden characters were removed: {dropped}",) if dropped else ()
    return Repaired(text, document.repairs + more, True)


def repair(before: Repaired, document: TextDocument, problem: str) -> Repaired:
    """Repair the markup of a document that an XML parser has refused.

    Args:
        before: the document without forbidden references.
        document: the document as it was.
        problem: what the XML parser reported.

    Returns:
        Text that may be well-formed, with messages that say what was done to it.

    Raises:
        ParseError: ``unparsable``: it is cut off before the end of its first entry.
    """
    markup = repair_markup(before.text, document.root)
    if markup.cut_off and not markup.entries:
        message = "the document is cut off before the end of its first entry"
        raise ParseError(message, kind="unparsable", url=document.url)
    if markup.cut_off:
        more = [f"the document is cut off: only its {markup.entries:,} complete entries were read"]
    else:
        more = [f"not well-formed XML, repaired: {problem}"]
    if markup.trailing:
        more.append("text after the end of the feed was left out")
    return Repaired(_bind(markup.text), (*before.repairs, *more), not markup.cut_off)


def _bind(text: str) -> str:
    """Declare the prefixes that are not declared: the usual ones as usual, others with a name that no reader knows."""
    unbound = set(_USED.findall(text)) - set(_BOUND.findall(text)) - {"xml", "xmlns"}
    root = _ROOT.match(text)
    if root is None or not 0 < len(unbound) <= _MAX_UNBOUND:
        return text
    added = "".join(f' xmlns:{prefix}="{USUAL.get(prefix) or f"urn:unbound:{prefix}"}"' for prefix in sorted(unbound))
    return text[: root.end()] + added + text[root.end() :]


class RepairedMarkup(NamedTuple):
    """Markup after the pass."""

    text: str
    #: Entries whose end tag was seen.
    entries: int
    #: Whether the root element never ends; the entry that was open at the cut is removed.
    cut_off: bool
    #: Whether text after the root element was removed.
    trailing: bool


def repair_markup(text: str, root: str) -> RepairedMarkup:
    """Repair markup.

    Args:
        text: XML from its root element on.
        root: name of the root element, in lower case.
    """
    return _Pass(text, root).run()


class _Pass:
    """The state of one pass."""

    def __init__(self, text: str, root: str) -> None:
        self.text = text
        self.root = root
        self.out: list[str] = []
        self.missing: set[str] = set()
        self.tries = _LOOSE_TRIES
        #: Open elements outside of entries, to be closed where the document is cut off.
        self.open: list[str] = []
        #: Length of `out` at the start of the open entry, or None outside of entries.
        self.entry_at: int | None = None
        #: Open elements inside the open entry, and how often each name is among them.
        self.inner: list[str] = []
        self.names: Counter[str] = Counter()
        self.entries = 0
        self.ended = False
        #: Index in `out` of the end tag of the root element, and that tag once it has to come later.
        self.root_end = 0
        self.late_end = ""
        #: Position in the text of the start of the last entry, once the root element has ended.
        self.last_entry = -1

    def run(self) -> RepairedMarkup:
        text, position, trailing = self.text, 0, False
        while (start := text.find("<", position)) >= 0:
            self._characters(text[position:start])
            position = self._markup(start)
            if self.ended and self.entry_at is None and text.startswith("</", start) and position > self.last_entry:
                trailing = bool(text[position:].strip())
                break
        else:
            self._characters(text[position:])
        cut_off = not self.ended or self.entry_at is not None
        if self.entry_at is not None:
            del self.out[self.entry_at :]
        if not self.ended:
            self.out += [f"</{name}>" for name in reversed(self.open)]
        self.out.append(self.late_end)
        return RepairedMarkup("".join(self.out), self.entries, cut_off, trailing)

    def _characters(self, characters: str) -> None:
        self.out.append(_AMPERSAND.sub(_escape, characters) if "&" in characters else characters)

    def _markup(self, start: int) -> int:
        """Copy, remove or escape what starts with the ``<`` at `start`; return the position after it."""
        text = self.text
        for opener, closer in _SECTIONS:
            if text.startswith(opener, start):
                end = self._find(closer, start + len(opener))
                if end < 0 and opener == "<![CDATA[":
                    return len(text)
                if end < 0:
                    break
                if opener == "<![CDATA[":
                    self.out.append(text[start:end])
                return end
        else:
            if match := _END_TAG.match(text, start):
                return self._end(match)
            if match := self._start_tag(start):
                return self._start(match)
        self.out.append("&lt;")
        return start + 1

    def _find(self, closer: str, position: int) -> int:
        """Find the position after the next `closer`, or -1; a missing one is not searched again (linear time)."""
        if closer in self.missing:
            return -1
        found = self.text.find(closer, position)
        if found < 0:
            self.missing.add(closer)
            return -1
        return found + len(closer)

    def _start_tag(self, start: int) -> re.Match[str] | None:
        match = _START_TAG.match(self.text, start) or _SLOPPY_START_TAG.match(self.text, start)
        if match is None and self.tries:
            match = _LOOSE_START_TAG.match(self.text, start, start + _LOOSE_REACH)
            self.tries -= 1
        return match

    def _start(self, match: re.Match[str]) -> int:
        name, tag = match.group(1), match.group()
        local = name.rpartition(":")[2].lower()
        if self.ended and (local in _ENTRIES or name.lower() == self.root):
            self._reopen(name.lower() == self.root)
        if not tag.endswith("/>"):
            if local in _ENTRIES:
                self.entry_at = len(self.out)
                self._forget()
            elif self.entry_at is None:
                self.open.append(name)
            elif self.inner and local in _VOID:
                tag = tag[:-1] + "/>"
            else:
                self._open_inner(name, local)
        inner = tag[1:].replace("<", "&lt;") if tag.rfind("<") > 0 else tag[1:]
        self.out.append("<")
        self._characters(inner)
        return match.end()

    def _reopen(self, root: bool) -> None:
        """Take up what stands behind the end of the root element: entries, or a second document.

        It is moved inside the root element, so that the whole is one document whose parts keep their namespaces.
        """
        if not self.late_end:
            self.late_end = self.out[self.root_end]
            self.out[self.root_end] = ""
        self.ended = not root

    def _open_inner(self, name: str, local: str) -> None:
        if len(self.inner) > 1 and local in _ENDED_BY_THEMSELVES and self.inner[-1] == name:
            self.out.append(f"</{name}>")
        else:
            self.inner.append(name)
            self.names[name] += 1

    def _end_inner(self, name: str) -> bool:
        """End an element in an entry, and what is open inside it; return whether its end tag stays."""
        if not self.names[name]:
            # At the level of the entry, only feedparser knows what it may mean.
            return not self.inner
        while (last := self.inner.pop()) != name:
            self.names[last] -= 1
            if last.rpartition(":")[2].lower() not in _UNKNOWN_END:
                self.out.append(f"</{last}>")
        self.names[name] -= 1
        return True

    def _forget(self) -> None:
        self.inner.clear()
        self.names.clear()

    def _end(self, match: re.Match[str]) -> int:
        name = match.group(1)
        if name.rpartition(":")[2].lower() in _ENTRIES:
            self.entry_at = None
            self.entries += 1
            self._forget()
        elif self.entry_at is None and self.open and self.open[-1] == name:
            self.open.pop()
        stays = self.entry_at is None or self._end_inner(name)
        if name.lower() == self.root:
            stays = True
            self._end_root(match.end())
        if stays:
            self.out.append(match.group())
        return match.end()

    def _end_root(self, position: int) -> None:
        self.ended = True
        self.entry_at = None
        if not self.late_end:
            self.root_end = len(self.out)
        if self.last_entry < position:
            self.last_entry = max((one.start() for one in _ENTRY_START.finditer(self.text, position)), default=-1)


def _escape(match: re.Match[str]) -> str:
    name = match.group(1)
    if name is None:
        return "&amp;"
    character = html5.get(f"{name};")
    if character is None:
        return f"&amp;{name};"
    return _ESCAPES.get(character, character)
