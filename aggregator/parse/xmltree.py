"""Well-formed XML as a tree: what the readers of RSS and Atom share, and the namespaces that feeds use.

In: the text of a document, from its root element on. Out: an lxml tree in which nothing was expanded or fetched, and
functions that read text and addresses from its elements. What the strict readers do not know for certain raises
`Unsure`: the tolerant reader reads it.

`SyndicationHints` collects what a feed says about when to fetch it again: `ttl`, `skipHours` and `skipDays` of RSS
2.0 (rssboard.org/rss-specification), and the elements of the module Syndication
(web.resource.org/rss/1.0/modules/syndication). The tolerant reader uses it as well; the schedule interprets the
texts.
"""

from __future__ import annotations

import re

from lxml import etree

from aggregator.models import Syndication, Text
from aggregator.parse.document import address
from aggregator.values.markup import VOID

XHTML = "{http://www.w3.org/1999/xhtml}"
XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

#: Declarations of namespaces that a serialized element inherits from its ancestors.
_INHERITED = re.compile(r'\A(<[^\s/>]+)(?:\s+xmlns(?::[^\s=]+)?="[^"]*")+')

_XML_BASE = re.compile(rb"xml:base")
#: C1 controls, raw or by reference. They are windows-1252, or UTF-8 that was encoded twice.
#: There are two patterns because one that starts with fixed bytes is found faster.
_C1_RAW = re.compile(rb"\xc2[\x80-\x9f]")
_C1_REFERENCE = re.compile(rb"&#(?:1[2-5][0-9]|[xX]0*[89][0-9a-fA-F]);")
_C1 = re.compile("[\x80-\x9f]")
_CP1252 = {chr(code): bytes([code]).decode("cp1252", "ignore") or chr(code) for code in range(0x80, 0xA0)}
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*+)?>")
_SPACES = re.compile(r"[ \t\r\n]+")
_POSITION = re.compile(r", line \d+, column \d+")
_BARE_AMPERSAND = "xmlParseEntityRef: no name"

DC = "{http://purl.org/dc/elements/1.1/}"
DCTERMS = "{http://purl.org/dc/terms/}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
#: The same with a common misspelling.
DCS = (DC, "{http://purl.org/dc/elements/1.1}")
CONTENTS = (CONTENT, "{http://purl.org/rss/1.0/modules/content}")
ITUNES = tuple(f"{{http://www.itunes.com/{name}-1.0.dtd}}" for name in ("dtds/podcast", "DTDs/PodCast", "DTDs/Podcast"))
ATOM = "{http://www.w3.org/2005/Atom}"
ATOM_03 = "{http://purl.org/atom/ns#}"
MEDIA = (
    "{http://search.yahoo.com/mrss/}",
    "{http://search.yahoo.com/mrss}",
    "{http://www.rssboard.org/media-rss}",
)
#: Elements of services that count clicks: the link of an item is theirs, and these give that of the publisher.
ORIGINALS = ("{http://rssnamespace.org/feedburner/ext/1.0}", "{http://www.pheedo.com/namespace/pheedo}")

#: Prefixes of the namespaces above; where one is bound to another name, only the tolerant reader knows what is meant.
_PREFIXES = ("dc", "dcterms", "content", "itunes", "media", "atom")
_KNOWN = frozenset(name[1:-1] for name in (*DCS, DCTERMS, *CONTENTS, ATOM, ATOM_03, *ITUNES, *MEDIA))
#: What a prefix stands for where the document does not declare it.
USUAL = {
    "dc": DC[1:-1],
    "dcterms": DCTERMS[1:-1],
    "content": CONTENT[1:-1],
    "itunes": ITUNES[0][1:-1],
    "media": MEDIA[0][1:-1],
    "atom": ATOM[1:-1],
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "xhtml": "http://www.w3.org/1999/xhtml",
}


class Unsure(Exception):
    """The document needs the tolerant reader; the message says why."""


class IllFormed(Unsure):
    """The document is not well-formed, or nested too deeply, or too large; the message is the XML parser's."""


def parse_xml(data: bytes, url: str) -> etree._Element:
    """Parse a well-formed document in UTF-8.

    Raises:
        IllFormed: it is not well-formed, is nested too deeply, or is too large for a feed.
        Unsure: it has a DOCTYPE.
    """
    # Without `huge_tree`, libxml2 itself refuses deep nesting and texts over 10 MB.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=False,
    )
    try:
        root = etree.fromstring(data, parser, base_url=url)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise IllFormed(_problem(error)) from None
    # Callers remove it; if one does not, no text that it declares is used.
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unsure("a DOCTYPE")
    return root


def check_namespaces(root: etree._Element) -> None:
    """Check that the usual prefixes are bound to the usual namespaces.

    Raises:
        Unsure: one of them is bound to another name, or to one in another letter case.
    """
    for prefix in _PREFIXES:
        if (address := root.nsmap.get(prefix)) is not None and address not in _KNOWN:
            raise Unsure(f"namespace {address}")


def _problem(error: Exception) -> str:
    """Return the parser's message on one line, without its position: that does not count from the start of the file."""
    said = " ".join(_POSITION.sub("", getattr(error, "msg", None) or str(error))[:200].split())
    return "an & that is no reference" if said == _BARE_AMPERSAND else said


class ElementReader:
    """Reads text and addresses from the elements of one document."""

    __slots__ = ("based", "garbled", "url")

    def __init__(self, url: str, data: bytes) -> None:
        self.url = url
        #: Whether xml:base is used: to look for it at every element would cost more than all the rest.
        self.based = _XML_BASE.search(data) is not None
        #: Whether there are C1 controls. A byte is found faster than a pattern, and most documents lack it.
        self.garbled = (b"\xc2" in data and _C1_RAW.search(data) is not None) or (
            b"#" in data and _C1_REFERENCE.search(data) is not None
        )

    def base(self, element: etree._Element, default: str | None = None) -> str:
        """Return the base of addresses in an element (XML Base), else `default`, else the address of the document."""
        if not self.based:
            return default or self.url
        base = None
        for one in reversed([element, *element.iterancestors()]):
            if value := one.get(XML_BASE):
                base = address(value, base or self.url) or base
        return base or default or self.url

    def address(self, element: etree._Element, value: str | None, default: str | None = None) -> str | None:
        """Resolve an address found in an element against its base; None for what is no address."""
        return address(value, self.base(element, default)) if value else None

    def text(self, element: etree._Element, kind: str) -> Text | None:
        """Return the text of an element, as `kind` (``text`` or ``html``) if it has no markup; None if it is empty."""
        if len(element):
            return self.markup(element, escaped=kind == "html")
        value = (element.text or "").strip()
        if not value:
            return None
        if self.garbled:
            value = _without_c1(value)
        return Text(value, "html" if kind == "html" else "text", self.base(element) if self.based else self.url)

    def markup(self, element: etree._Element, *, escaped: bool = False) -> Text | None:
        """Return the content of an element that holds markup (Atom ``type="xhtml"``, or HTML that was not escaped).

        Args:
            escaped: whether text between its elements may be escaped HTML, such as a template wraps in a div.
        """
        holder = element
        if len(element) == 1 and element[0].tag in ("div", XHTML + "div"):
            around = (element.text or "") + (element[0].tail or "")
            holder = element if around.strip() else element[0]
        base = self.base(holder)
        filled = []
        for inner in holder.iterdescendants():
            if self.based and inner.get(XML_BASE):
                raise Unsure("xml:base inside of markup")
            if isinstance(inner.tag, str):
                inner.tag = inner.tag.rpartition("}")[2]
                if inner.tag in VOID and (inner.text or len(inner)):
                    filled.append(inner)
        for inner in reversed(filled):
            _empty(inner)
        texts = (holder.text, *(child.tail for child in holder))
        # Tags that are written as text beside elements are meant as tags.
        escaped = escaped and any(_TAG.search(text) for text in texts if text)
        parts = [_escape(holder.text, escaped)]
        for child in holder:
            markup = etree.tostring(child, encoding="unicode", method="html", with_tail=False)
            parts.append(_INHERITED.sub(r"\1", markup))
            parts.append(_escape(child.tail, escaped))
        value = "".join(parts).strip()
        if not len(holder) and not escaped:
            value = one_line(value)
        return Text(value, "html", base) if value else None


def _empty(element: etree._Element) -> None:
    """Move the content of an element behind it."""
    parent, children = element.getparent(), list(element)
    if parent is None:
        return
    behind, element.tail, element.text = element.tail, element.text, None
    for place, child in enumerate(children, parent.index(element) + 1):
        parent.insert(place, child)
    if behind:
        last = children[-1] if children else element
        last.tail = (last.tail or "") + behind


def one_line(markup: str) -> str:
    """Remove the line breaks from markup without elements: they mean nothing there, but would in a plain text."""
    return _SPACES.sub(" ", markup)


def has_entries(root: etree._Element) -> bool:
    """Whether any element of a document has the name of an entry, in any namespace and letter case."""
    return any(isinstance(one.tag, str) and is_entry(one.tag.rpartition("}")[2]) for one in root.iter())


def is_entry(name: str) -> bool:
    """Whether an element's local name is that of an entry."""
    return name.lower() in ("item", "entry")


def text_content(element: etree._Element) -> str:
    """Return the text of an element and its descendants, without the white space around it."""
    if len(element):
        return "".join(map(str, element.itertext())).strip()
    return (element.text or "").strip()


def _escape(text: str | None, escaped: bool) -> str:
    if not text or escaped:
        return text or ""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _without_c1(text: str) -> str:
    """Decode the C1 controls of a text, as feedparser does."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        # Not `translate`, which is much slower.
        return _C1.sub(lambda match: _CP1252[match.group()], text)


SY = "{http://purl.org/rss/1.0/modules/syndication/}"

#: Texts of one kind that are kept, and characters of each: a whole number or a date is expected.
_MAX_TEXTS = 100
_MAX_LENGTH = 100
_LISTS = {"skipHours": "hour", "skipDays": "day"}
_SINGLE = ("ttl", SY + "updatePeriod", SY + "updateFrequency", SY + "updateBase")


def hint_names(own: str) -> dict[str, str]:
    """Return the qualified names of the elements that are hints, with the names that `SyndicationHints` knows them by.

    Args:
        own: the namespace of the format's own elements, in lxml's form.
    """
    names = {name if name.startswith("{") else own + name: name.rpartition("}")[2] for name in _SINGLE}
    return names | {own + name: name for name in _LISTS}


class SyndicationHints:
    """Collects the hints of a feed; `finish` makes the `Syndication`."""

    __slots__ = ("texts",)

    def __init__(self) -> None:
        #: Texts by the local name of their element.
        self.texts: dict[str, list[str]] = {}

    def add(self, name: str, text: str) -> None:
        """Take the text of an element: ``ttl``, ``hour``, ``day``, ``updatePeriod`` …"""
        texts = self.texts.setdefault(name, [])
        if (text := text.strip()) and len(texts) < _MAX_TEXTS:
            texts.append(text[:_MAX_LENGTH])

    def read(self, name: str, element: etree._Element) -> None:
        """Take an element; `name` is its name in `hint_names`."""
        inner = _LISTS.get(name)
        for found in element.iterchildren(f"{{*}}{inner}") if inner else (element,):
            self.add(inner or name, text_content(found))

    def finish(self) -> Syndication | None:
        """Return the hints that were found, or None."""
        if not any(self.texts.values()):
            return None
        get = self.texts.get
        return Syndication(
            ttl=_first(get("ttl")),
            skip_hours=tuple(get("hour", ())),
            skip_days=tuple(get("day", ())),
            update_period=_first(get("updatePeriod")),
            update_frequency=_first(get("updateFrequency")),
            update_base=_first(get("updateBase")),
        )


def _first(texts: list[str] | None) -> str | None:
    return texts[0] if texts else None
