"""HTML of any kind in, HTML out that the sanitizer reads in time that grows linearly with its length.

The parser of the sanitizer follows the HTML standard, in which some work multiplies: every open element is examined for
every tag, formatting elements that are left open are opened again in every following block, and attributes are compared
with each other; writing one piece of text takes time of its length times its special characters. Small documents pass
unchanged. Nothing is made safe here.

`Nesting` gives an upper bound of how many elements the tags of a document leave open. It follows the tree construction
of the HTML standard (section 13.2.6) as far as nesting goes, and where it is simpler it counts too much. Foreign
content, forms, `select` and `template`, which have rules of their own, must be removed before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from aggregator.values.markup import VOID, unescape

#: Characters that are read of one text.
MAX_HTML = 2_000_000
#: A document below both limits is not examined.
SMALL_LENGTH = 50_000
SMALL_TAGS = 256

MAX_ELEMENTS = 50_000
MAX_ATTRIBUTES = 100
MAX_VALUE = 8_000
#: Length of a tag from which its attributes are examined, in characters.
LONG_TAG = 1000
_NOTHING = "<!---->"
#: Text between two tags is read in pieces of this size.
PIECE = 8_000

_SPACE = r"[\t\n\f\r /]"
_ATTRIBUTE = (
    r"[^\t\n\f\r />][^\t\n\f\r />=]*+"
    r"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|(?![\"'])[^\t\n\f\r >]*+))?+"
)
#: Comments, other declarations, and tags with name and attributes, delimited as by the tokenizer of the HTML standard
#: (section 13.2.5).
TOKEN = re.compile(
    rf"<!--(?:-?>|.*?(?:--!?>|\Z))|<!\[CDATA\[|<(?:[!?]|/(?![a-zA-Z]))[^>]*+>?"
    rf"|<(/?)([a-zA-Z][^\t\n\f\r />]*+)((?:{_SPACE}++|{_ATTRIBUTE})*+)(>?)",
    re.DOTALL,
)
ATTRIBUTES = re.compile(_ATTRIBUTE)

#: Removed with their content, as the sanitizer does. Without an end tag, the first two remove all that follows, and of
#: the others only the tag is removed.
_RAW = frozenset("script style".split())
_FOREIGN = frozenset("svg math".split())
_LONGEST_NAME = 100
_EMPTIED = frozenset("button math noembed noframes select svg template textarea title".split())
_END = {name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE | re.ASCII) for name in _RAW | _EMPTIED}
#: Removed without their content. The attributes of some would be collected; others have rules of their own.
_IGNORED = frozenset("body form frameset head html iframe noscript plaintext xmp".split())
_TAKEN_OUT = _END.keys() | _IGNORED


#: Elements that may be open inside each other.
MAX_DEPTH = 256
#: Characters that formatting elements may add when they are opened again.
MAX_REPEATED = 8_000_000

#: Elements without content.
_VOID = VOID | {"colgroup", "image", "param"}
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_ITEMS = frozenset("li dt dd".split())
_GROUPS = frozenset("tbody thead tfoot".split())
_CELLS = frozenset("td th caption".split())
_ANNOTATIONS = frozenset("rb rp rt rtc".split())
#: An end tag does not close beyond these.
_SCOPE = frozenset("applet marquee object table td th caption".split())
#: Their end tags close them with all that is open inside the scope.
_BLOCKS = _HEADINGS | frozenset(
    """
    address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer header hgroup
    listing main menu nav ol pre search section summary ul
    """.split()
)
#: Their start tags close an open paragraph.
_END_PARAGRAPH = _BLOCKS | _ITEMS | frozenset("p hr table".split())
#: The end tags of all other elements do not close beyond these.
_SPECIAL = _SCOPE | _BLOCKS | _ITEMS | _GROUPS | frozenset("p tr".split())
#: Where the search for the element that an end tag closes stops.
_STOPS: dict[str, frozenset[str]] = {
    **dict.fromkeys(_BLOCKS | _FORMATTING | frozenset("p dt dd applet marquee object".split()), _SCOPE),
    "li": _SCOPE | {"ol", "ul"},
}
#: What a start tag closes if it is the innermost open element.
_CLOSED_BY: dict[str, frozenset[str]] = {
    **dict.fromkeys(_HEADINGS, _HEADINGS),
    **dict.fromkeys("option optgroup".split(), frozenset({"option"})),
}
#: The items that the start of an item closes, and where the search for them stops.
_ENDED_BY = {"li": frozenset("li".split()), **dict.fromkeys("dt dd".split(), frozenset("dt dd".split()))}
_STOPS_OF_ITEMS = _SPECIAL - frozenset("address div".split())
_CLOSED_IN_RUBY = _ANNOTATIONS | frozenset("p li dd dt option optgroup".split())
#: What may stay open between a table and a part of it that begins.
_ABOVE_IN_TABLE: dict[str, frozenset[str]] = {
    **dict.fromkeys("td th".split(), _GROUPS | {"tr"}),
    "tr": _GROUPS,
    **dict.fromkeys(_GROUPS | {"caption"}, frozenset()),
}
_TABLE_PARTS = _ABOVE_IN_TABLE.keys()
#: Elements other than paragraphs that may close others when they begin.
_MAKE_ROOM = _TABLE_PARTS | {"table"} | _ITEMS | _ANNOTATIONS | _CLOSED_BY.keys()
#: Open elements that are searched; one that is further away is not found, which counts too much.
_REACH = 32


def bound(html: str) -> str:
    """Remove from a document what would make it slow to read.

    After too many open elements, too much repetition or `MAX_ELEMENTS` elements, only text is kept.
    """
    return html if is_small(html) else "".join(_pieces(cut(html, MAX_HTML)))


def is_small(html: str) -> bool:
    """Whether a document is too small to be slow to read."""
    return len(html) <= SMALL_LENGTH and html.count("<") <= SMALL_TAGS


def attributes(written: str) -> dict[str, str]:
    """Read the attributes of a tag, names in lower case and references resolved; the first of a name counts."""
    found: dict[str, str] = {}
    for match in islice(ATTRIBUTES.finditer(written), MAX_ATTRIBUTES):
        name, _, value = match[0].partition("=")
        value = value.strip("\t\n\f\r ")
        if value[:1] in ('"', "'"):
            value = value[1:].removesuffix(value[0])
        found.setdefault(name.strip("\t\n\f\r ").lower(), unescape(value))
    return found


def cut(html: str, limit: int) -> str:
    """Return at most the first `limit` characters, not ending inside a tag."""
    if len(html) <= limit:
        return html
    tag = html.rfind("<", 0, limit)
    return html[:tag] if tag >= 0 and html.find(">", tag, limit) < 0 else html[:limit]


def _pieces(html: str) -> Iterator[str]:
    nesting, fits = Nesting(), True
    elements = paragraphs = 0
    # The text from `kept` on is one unchanged piece; up to `at`, it was examined.
    kept = at = 0
    for begin, end, name, tag in _tokens(html):
        if begin - at > PIECE:
            yield html[kept:at]
            yield from _text(html[at:begin])
            kept = begin
        if name and fits:
            written = _shortened(tag) if end - begin > LONG_TAG else None
            if tag[1]:
                # An end tag without a start tag makes an empty paragraph or a line break.
                if name == "p":
                    elements += paragraphs == 0
                    paragraphs = max(0, paragraphs - 1)
                elif name == "br":
                    elements += 1
                # This leaves no more elements open than before.
                nesting.close(name)
            else:
                elements += 1
                paragraphs += name == "p"
                nesting.open(name, end - begin if written is None else len(written))
                fits = nesting.fits
            fits = fits and elements <= MAX_ELEMENTS
            if fits:
                at = end
                if written is not None:
                    yield html[kept:begin]
                    yield written
                    kept = end
                continue
        yield html[kept:begin]
        # Removing it must not join two texts to a tag, nor two words.
        if begin > at:
            yield " " if name else _NOTHING
        kept = at = end
    yield html[kept:at]
    yield from _text(html[at:])


def _tokens(html: str) -> Iterator[tuple[int, int, str, re.Match[str]]]:
    """Yield where each tag, comment or declaration begins and ends, and the name of a tag that may stay, else ""."""
    closed = dict.fromkeys(_END, True)
    tokens = TOKEN.finditer(html)
    while (match := next(tokens, None)) is not None:
        begin, end = match.span()
        name = (match[2] or "").lower()
        if name in _TAKEN_OUT or not match[4]:
            if name and not match[4]:
                # The document ends inside a tag, which then is not one.
                yield begin, len(html), "", match
                return
            if name in _END and not match[1] and not (name in _FOREIGN and match[0].endswith("/>")):
                found = _END[name].search(html, end) if closed[name] else None
                closed[name] = found is not None
                end = found.start() if found is not None else len(html) if name in _RAW else end
                tokens = TOKEN.finditer(html, end)
            name = ""
        yield begin, end, name if len(name) <= _LONGEST_NAME else "", match


def _text(text: str) -> Iterator[str]:
    """Split a text into pieces that the parser keeps apart, each cut where there is no character reference."""
    at = 0
    while len(text) - at > PIECE:
        end = at + PIECE
        reference = text.rfind("&", end - 40, end)
        end = reference if reference > at else end
        yield text[at:end]
        yield _NOTHING
        at = end
    yield text[at:]


def _shortened(match: re.Match[str]) -> str:
    """Shorten a tag that is too long."""
    few = [
        found[0] if len(found[0]) < MAX_VALUE else found[0].partition("=")[0] + '=""'
        for found in islice(ATTRIBUTES.finditer(match[3]), MAX_ATTRIBUTES)
    ]
    return f"<{match[1]}{match[2]} {' '.join(few)}>"


@dataclass(slots=True)
class Nesting:
    """The elements that are open at one place of a document."""

    #: Names of the open elements, the innermost last.
    stack: list[str] = field(default_factory=list)
    #: Lengths of their start tags.
    lengths: list[int] = field(default_factory=list)
    #: Places of the tables in `stack`.
    tables: list[int] = field(default_factory=list)
    rubies: int = 0
    #: Formatting elements that were closed out of order, and may be opened again.
    loose: int = 0
    #: Length of the start tags of the formatting elements in `stack` and in `loose`.
    formatting: int = 0
    #: Characters that they may have added so far.
    repeated: int = 0

    @property
    def fits(self) -> bool:
        """Whether the nesting is within the limits."""
        return len(self.stack) + self.loose <= MAX_DEPTH and self.repeated <= MAX_REPEATED

    def open(self, name: str, length: int) -> None:
        """Count a start tag of this length in characters."""
        self.repeated += self.formatting
        if name in _END_PARAGRAPH and "p" in self.stack[-_REACH:]:
            self._end(frozenset({"p"}), _SCOPE)
        if name in _VOID or (name in _TABLE_PARTS and not self.tables):
            return
        if name in _MAKE_ROOM:
            self._make_room(name)
        self.stack.append(name)
        self.lengths.append(length)
        if name in _FORMATTING:
            self.formatting += length
        elif name == "ruby":
            self.rubies += 1

    def close(self, name: str) -> None:
        """Count an end tag."""
        if name == "table" or name in _TABLE_PARTS:
            self._close_in_table(name)
        elif self.stack and self.stack[-1] == name:
            self._pop()
        elif name in _FORMATTING:
            at = self._find(frozenset({name}), _SCOPE)
            if at is not None:
                del self.stack[at], self.lengths[at]
                self.tables = [table - (table > at) for table in self.tables]
                self.loose += 1
        else:
            self._end(_HEADINGS if name in _HEADINGS else frozenset({name}), _STOPS.get(name, _SPECIAL))

    def _pop(self) -> None:
        """Close the innermost element, which is not a table."""
        name, length = self.stack.pop(), self.lengths.pop()
        if name in _FORMATTING:
            self.formatting -= length
        elif name == "ruby":
            self.rubies -= 1

    def _make_room(self, name: str) -> None:
        """Close what an element of this name cannot stand in."""
        if name in _TABLE_PARTS:
            self._clear_table(_ABOVE_IN_TABLE[name])
        elif name == "table":
            if self.tables and _CELLS.isdisjoint(self.stack[self.tables[-1] :]):
                self._drop(self.tables[-1])
            self.tables.append(len(self.stack))
        elif name in _ITEMS:
            self._end(_ENDED_BY[name], _STOPS_OF_ITEMS)
        closed = _CLOSED_IN_RUBY if name in _ANNOTATIONS and self.rubies else _CLOSED_BY.get(name, frozenset())
        while self.stack and self.stack[-1] in closed:
            self._pop()

    def _close_in_table(self, name: str) -> None:
        if not self.tables:
            return
        for at in range(self.tables[-1], min(len(self.stack), self.tables[-1] + 4)):
            if self.stack[at] == name:
                self._drop(at)
                return

    def _clear_table(self, kept: frozenset[str]) -> None:
        """Close what is open in the innermost table, down to the elements that may stay."""
        at = self.tables[-1] + 1
        while at < len(self.stack) and self.stack[at] in kept:
            at += 1
        self._drop(at)

    def _end(self, names: frozenset[str], stops: frozenset[str]) -> None:
        at = self._find(names, stops)
        if at is not None:
            self._drop(at)

    def _find(self, names: frozenset[str], stops: frozenset[str]) -> int | None:
        for at in range(len(self.stack) - 1, max(0, len(self.stack) - _REACH) - 1, -1):
            other = self.stack[at]
            if other in names:
                return at
            if other in stops:
                return None
        return None

    def _drop(self, at: int) -> None:
        for name in self.stack[at:]:
            self.loose += name in _FORMATTING
            self.rubies -= name == "ruby"
        del self.stack[at:], self.lengths[at:]
        while self.tables and self.tables[-1] >= at:
            self.tables.pop()
