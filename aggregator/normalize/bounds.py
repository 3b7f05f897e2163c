"""HTML of any kind in, HTML out that the sanitizer reads in a time that grows with its length only.

The sanitizer's parser follows the HTML standard, and the standard has places where work multiplies: every open element
is looked at for every tag, formatting elements that are left open are opened again in every following block, and
attributes are compared with each other; writing takes a time of length times special characters for one piece of text.
Small documents pass untouched: there is nothing to multiply in them. Nothing is made safe here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from aggregator.normalize.words import words

#: Characters of HTML that are read of one text.
MAX_HTML = 2_000_000
#: A document below both is not looked at.
SMALL_LENGTH = 50_000
SMALL_TAGS = 256

MAX_DEPTH = 256
MAX_TAGS = 50_000
#: Characters that opening formatting elements again may add.
MAX_REPEATED = 8_000_000
MAX_ATTRIBUTES = 100
MAX_VALUE = 8_000
#: Text between two tags is read in pieces of this size.
PIECE = 8_000

_SPACE = r"[\t\n\f\r /]"
_ATTRIBUTE = (
    r"[^\t\n\f\r />][^\t\n\f\r />=]*+"
    r"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|(?![\"'])[^\t\n\f\r >]*+))?+"
)
#: Comments, other declarations, and tags with name and attributes, as the tokenizer of the HTML standard
#: (section 13.2.5) delimits them.
_TOKEN = re.compile(
    rf"<!--(?:-?>|.*?(?:--!?>|\Z))|<!\[CDATA\[|<(?:[!?]|/(?![a-zA-Z]))[^>]*+>?"
    rf"|<(/?)([a-zA-Z][^\t\n\f\r />]*+)((?:{_SPACE}++|{_ATTRIBUTE})*+)(>?)",
    re.DOTALL,
)
_ATTRIBUTES = re.compile(_ATTRIBUTE)
_LONG_VALUE = re.compile(
    rf"=[\t\n\f\r ]*+(?:\"[^\"]{{{MAX_VALUE},}}+\"|'[^']{{{MAX_VALUE},}}+'|[^\"'\s>]{{{MAX_VALUE},}}+)"
)

_VOID = words("area base br col embed hr img input link meta param source track wbr")
#: Their content is text, not markup: it is taken out, as the sanitizer would do.
_RAW = frozenset({"script", "style"})
#: These mean nothing inside a text, and their attributes would be collected.
_FRAME = frozenset({"html", "head", "body", "frameset"})
_FORMATTING = words("a b big code em font i nobr s small strike strong tt u")
#: What the start tag of the key closes where it is the innermost open element (section 13.1.2.4).
_CLOSES: dict[str, frozenset[str]] = {
    "p": frozenset({"p"}),
    "li": frozenset({"li", "p"}),
    "dt": frozenset({"dt", "dd", "p"}),
    "dd": frozenset({"dt", "dd", "p"}),
    "td": frozenset({"td", "th", "p"}),
    "th": frozenset({"td", "th", "p"}),
    "tr": frozenset({"tr", "td", "th", "p"}),
    "tbody": frozenset({"tbody", "thead", "tfoot", "tr", "td", "th", "p"}),
    "option": frozenset({"option"}),
}
_CELLS = words("td th tr tbody thead tfoot")
_IMPLIED = _CELLS | words("p li dt dd option optgroup")
#: An end tag does not reach beyond these, or only in ways that depend on the parser's state.
_BARRIER = words(
    """
    annotation-xml applet button caption colgroup desc foreignobject form iframe marquee math mi mn mo ms mtext noembed
    noframes noscript object plaintext select svg table template textarea title xmp
    """
)
#: Their end tags close them together with whatever is open inside, up to a barrier (section 13.2.6.4.7).
_BLOCKS = words(
    """
    address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer h1 h2 h3 h4 h5
    h6 header hgroup listing main menu nav ol pre search section summary ul
    """
)
#: An end tag that is neither a block's nor a formatting element's does not reach beyond these ("special" elements).
_SPECIAL = _BARRIER | _BLOCKS | _CELLS | words("p li dt dd")
_STOPS: dict[str, frozenset[str]] = {
    **dict.fromkeys(_BLOCKS, _BARRIER),
    **dict.fromkeys(_FORMATTING, _BARRIER),
    **dict.fromkeys(_CELLS, _SPECIAL - _IMPLIED),
    "li": _BARRIER | {"ol", "ul"},
    "dt": _BARRIER,
    "dd": _BARRIER,
    # A block inside of a paragraph has closed it, so that the end tag closes nothing.
    "p": _BARRIER | _BLOCKS | {"li", "dt", "dd"},
    "table": _BARRIER - {"caption", "colgroup"},
}
#: Open elements that are looked through for the one that an end tag closes.
_REACH = 32


def bound(html: str) -> str:
    """The same document, without what would make it slow to read.

    Beyond `MAX_DEPTH` open elements, `MAX_TAGS` tags or too much repetition only the text is kept.
    """
    if len(html) <= SMALL_LENGTH and html.count("<") <= SMALL_TAGS:
        return html
    return "".join(_pieces(cut(html, MAX_HTML)))


def cut(html: str, limit: int) -> str:
    """The first `limit` characters at most, not ending inside of a tag."""
    if len(html) <= limit:
        return html
    tag = html.rfind("<", 0, limit)
    return html[:tag] if tag >= 0 and html.find(">", tag, limit) < 0 else html[:limit]


def _pieces(html: str) -> Iterator[str]:
    levels = _Levels()
    tags = at = 0
    while (match := _TOKEN.search(html, at)) is not None:
        yield from _text(html[at : match.start()])
        at = match.end()
        name = (match[2] or "").lower()
        if name and not match[4]:
            # The document ends inside of a tag, which then is none.
            return
        if not name or name in _FRAME:
            continue
        if name in _RAW and not match[1]:
            at = _end_of_raw(html, name, at)
            continue
        tags += 1
        tag = _tag(match)
        fits = levels.close(name) if match[1] else levels.open(name, len(tag))
        if not fits or tags > MAX_TAGS:
            yield from _text_only(html, at)
            return
        yield tag
    yield from _text(html[at:])


def _text_only(html: str, at: int) -> Iterator[str]:
    while (match := _TOKEN.search(html, at)) is not None:
        yield from _text(html[at : match.start()])
        if match.start() > at:
            yield " "
        name = (match[2] or "").lower()
        at = _end_of_raw(html, name, match.end()) if name in _RAW and not match[1] else match.end()
    yield from _text(html[at:])


def _text(text: str) -> Iterator[str]:
    """Text in pieces that the parser keeps apart, each cut where no character reference can be."""
    at = 0
    while len(text) - at > PIECE:
        end = at + PIECE
        reference = text.rfind("&", end - 40, end)
        end = reference if reference > at else end
        yield text[at:end]
        yield "<!---->"
        at = end
    yield text[at:]


def _tag(match: re.Match[str]) -> str:
    if len(match[0]) <= 1000:
        return match[0]
    attributes = _LONG_VALUE.sub('=""', match[3])
    few = [found[0] for found in islice(_ATTRIBUTES.finditer(attributes), MAX_ATTRIBUTES)]
    return f"<{match[1]}{match[2][:100]} {' '.join(few)}>"


def _end_of_raw(html: str, name: str, at: int) -> int:
    """Where the content of a raw text element ends, before its end tag; the end of the document where it has none."""
    end = re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE).search(html, at)
    return len(html) if end is None else end.start()


@dataclass(slots=True)
class _Levels:
    """An upper bound of how many elements are open: an end tag counts only where it closes for sure."""

    stack: list[tuple[str, int]] = field(default_factory=list)
    #: Formatting elements that were closed out of order, and may be opened again at any time.
    loose: int = 0
    #: Length of the start tags of the formatting elements in `stack` and in `loose`.
    formatting: int = 0
    repeated: int = 0

    def open(self, name: str, length: int) -> bool:
        """Count a start tag; False where it is one too many."""
        self.repeated += self.formatting
        if name in _VOID:
            return self.repeated <= MAX_REPEATED
        closes = _CLOSES.get(name, frozenset())
        while self.stack and self.stack[-1][0] in closes:
            self.stack.pop()
        self.stack.append((name, length))
        if name in _FORMATTING:
            self.formatting += length
        return len(self.stack) + self.loose <= MAX_DEPTH and self.repeated <= MAX_REPEATED

    def close(self, name: str) -> bool:
        """Count an end tag; False where the document has become too disordered."""
        at = self._find(name)
        if at is None:
            return True
        above = self.stack[at + 1 :]
        if name not in _FORMATTING:
            del self.stack[at:]
            self.loose += sum(other in _FORMATTING for other, _ in above)
        elif above:
            del self.stack[at]
            self.loose += 1
        else:
            self.formatting -= self.stack.pop()[1]
        return len(self.stack) + self.loose <= MAX_DEPTH

    def _find(self, name: str) -> int | None:
        """Place of the element that an end tag closes, or None where that is not sure."""
        stops = _STOPS.get(name, _SPECIAL)
        for at in range(len(self.stack) - 1, max(0, len(self.stack) - _REACH) - 1, -1):
            other = self.stack[at][0]
            if other == name:
                return at
            if other in stops:
                return None
        return None
