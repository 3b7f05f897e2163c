"""Well-formed XML as a tree, read strictly: the ground that the readers of RSS and Atom stand on.

In: the text of a `Document`, from its root element on. Out: an lxml tree in which nothing was expanded or fetched, and
helpers that read text and addresses from its elements. What is not plain raises `Unsure`: the tolerant reader gets it.
"""

from __future__ import annotations

import re

from lxml import etree

from aggregator.models import Text
from aggregator.parse.document import address
from aggregator.values.elements import VOID

XHTML = "{http://www.w3.org/1999/xhtml}"
XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

#: Namespaces that a serialized element carries over from its ancestors.
_INHERITED = re.compile(r'\A(<[^\s/>]+)(?:\s+xmlns(?::[^\s=]+)?="[^"]*")+')


#: As a pattern it is found in half the time.
_XML_BASE = re.compile(rb"xml:base")
#: C1 controls, raw or by reference. Nobody means them: they are windows-1252, or UTF-8 that was encoded twice.
#: Two patterns, for each starts with fixed bytes: such are searched for several times as fast.
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
#: The same with a common slip of the pen.
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
#: Elements of services that count clicks: the address in the item is theirs, and here is that of the publisher.
ORIGINALS = ("{http://rssnamespace.org/feedburner/ext/1.0}", "{http://www.pheedo.com/namespace/pheedo}")

#: Prefixes that stand for a namespace known here; with another address, only the tolerant reader knows what is meant.
_PREFIXES = ("dc", "dcterms", "content", "itunes", "media", "atom")
_KNOWN = frozenset(name[1:-1] for name in (*DCS, DCTERMS, *CONTENTS, ATOM, ATOM_03, *ITUNES, *MEDIA))
#: What a prefix stands for where the document forgot to say it.
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
    """This document needs the tolerant reader; the message says why."""


class IllFormed(Unsure):
    """It is not well-formed, or too deep or too large for a feed; the message says what the XML parser said."""


def parse_xml(data: bytes, url: str) -> etree._Element:
    """Parse a well-formed document in UTF-8.

    Raises:
        IllFormed: it is not well-formed, or too deep or too large for a feed.
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
    # No caller lets one through; should one ever do, no text that it declares is believed.
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unsure("a DOCTYPE")
    return root


def check_namespaces(root: etree._Element) -> None:
    """Make sure that the usual prefixes mean what they usually mean.

    Raises:
        Unsure: one of them means something else, or differs in letter case.
    """
    for prefix in _PREFIXES:
        if (address := root.nsmap.get(prefix)) is not None and address not in _KNOWN:
            raise Unsure(f"namespace {address}")


def _problem(error: Exception) -> str:
    """What the parser says is wrong, on one line; lines are not counted from the start of the file here."""
    said = " ".join(_POSITION.sub("", getattr(error, "msg", None) or str(error))[:200].split())
    return "an & that is no reference" if said == _BARE_AMPERSAND else said


class Reader:
    """Reads elements of one document; knows its address and whether xml:base is used anywhere in it."""

    __slots__ = ("based", "garbled", "url")

    def __init__(self, url: str, data: bytes) -> None:
        self.url = url
        #: Asking every element for its base would cost more than all the rest.
        self.based = _XML_BASE.search(data) is not None
        # A byte that each of them needs is found many times as fast; most documents do not have it.
        self.garbled = (b"\xc2" in data and _C1_RAW.search(data) is not None) or (
            b"#" in data and _C1_REFERENCE.search(data) is not None
        )

    def base(self, element: etree._Element, default: str | None = None) -> str:
        """Base of relative addresses in an element (XML Base); without one, `default` or the document's address."""
        if not self.based:
            return default or self.url
        base = None
        for one in reversed([element, *element.iterancestors()]):
            if value := one.get(XML_BASE):
                base = address(value, base or self.url) or base
        return base or default or self.url

    def address(self, element: etree._Element, value: str | None, default: str | None = None) -> str | None:
        """An address found in an element, resolved as `base` says, or None."""
        return address(value, self.base(element, default)) if value else None

    def text(self, element: etree._Element, kind: str) -> Text | None:
        """The text of an element, as `kind` (``text`` or ``html``) if no markup is inside; None where it is empty."""
        if len(element):
            return self.markup(element, escaped=kind == "html")
        value = (element.text or "").strip()
        if not value:
            return None
        if self.garbled:
            value = _mended(value)
        return Text(value, "html" if kind == "html" else "text", self.base(element) if self.based else self.url)

    def markup(self, element: etree._Element, *, escaped: bool = False) -> Text | None:
        """The content of an element that holds markup (Atom ``type="xhtml"``, or HTML that was never escaped).

        Args:
            escaped: whether text between its own elements may be escaped HTML, as where a template wraps such in a div.
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
        # Nobody writes tags to be read as text beside elements that are not.
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
    """Move what stands inside of an element behind it."""
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
    """Markup that has no element, without line breaks: those mean nothing in it, and would in a plain text."""
    return _SPACES.sub(" ", markup)


def has_entries(root: etree._Element) -> bool:
    """Whether anything in a document is an entry by its name, in whatever namespace and letter case."""
    return any(isinstance(one.tag, str) and is_entry(one.tag.rpartition("}")[2]) for one in root.iter())


def is_entry(name: str) -> bool:
    """Whether an element's local name is that of an entry."""
    return name.lower() in ("item", "entry")


def plain(element: etree._Element) -> str:
    """The text of an element and all within it, white space around it taken off."""
    if len(element):
        return "".join(map(str, element.itertext())).strip()
    return (element.text or "").strip()


def _escape(text: str | None, escaped: bool) -> str:
    if not text or escaped:
        return text or ""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mended(text: str) -> str:
    """A text without C1 controls, as feedparser would mend it too."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        # Not `translate`: it takes a hundred times as long.
        return _C1.sub(lambda match: _CP1252[match.group()], text)
