"""The tags of a document in, an upper bound of how many elements they leave open out.

It follows the tree construction of the HTML standard (section 13.2.6) as far as nesting goes, and where it is simpler
it counts too much. Foreign content, forms, `select` and `template`, which have rules of their own, must have been taken
out before.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aggregator.normalize.words import words

MAX_DEPTH = 256
#: Characters that opening formatting elements again may add.
MAX_REPEATED = 8_000_000

_VOID = words("area base br col colgroup embed hr image img input link meta param source track wbr")
_FORMATTING = words("a b big code em font i nobr s small strike strong tt u")
_HEADINGS = words("h1 h2 h3 h4 h5 h6")
_ITEMS = words("li dt dd")
_GROUPS = words("tbody thead tfoot")
_CELLS = words("td th caption")
_ANNOTATIONS = words("rb rp rt rtc")
#: An end tag does not reach beyond these.
_SCOPE = words("applet marquee object table td th caption")
#: Their end tags close them together with whatever is open inside of the scope.
_BLOCKS = _HEADINGS | words(
    """
    address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer header hgroup
    listing main menu nav ol pre search section summary ul
    """
)
#: Their start tags close an open paragraph.
_END_PARAGRAPH = _BLOCKS | _ITEMS | words("p hr table")
#: The end tags of all other elements do not reach beyond these.
_SPECIAL = _SCOPE | _BLOCKS | _ITEMS | _GROUPS | words("p tr")
#: Where the search for what an end tag closes stops.
_STOPS: dict[str, frozenset[str]] = {
    **dict.fromkeys(_BLOCKS | _FORMATTING | words("p dt dd applet marquee object"), _SCOPE),
    "li": _SCOPE | {"ol", "ul"},
}
#: What is closed by a start tag where it is the innermost open element.
_CLOSED_BY: dict[str, frozenset[str]] = {
    **dict.fromkeys(_HEADINGS, _HEADINGS),
    **dict.fromkeys(words("option optgroup"), frozenset({"option"})),
}
#: The items that an item ends when it begins, and where the search for them stops.
_ENDED_BY = {"li": words("li"), **dict.fromkeys(words("dt dd"), words("dt dd"))}
_STOPS_OF_ITEMS = _SPECIAL - words("address div")
_CLOSED_IN_RUBY = _ANNOTATIONS | words("p li dd dt option optgroup")
#: What may stay open between a table and the element of it that begins.
_ABOVE_IN_TABLE: dict[str, frozenset[str]] = {
    **dict.fromkeys(words("td th"), _GROUPS | {"tr"}),
    "tr": _GROUPS,
    **dict.fromkeys(_GROUPS | {"caption"}, frozenset()),
}
_TABLE_PARTS = _ABOVE_IN_TABLE.keys()
#: Elements that may close others when they begin, paragraphs aside.
_MAKE_ROOM = _TABLE_PARTS | {"table"} | _ITEMS | _ANNOTATIONS | _CLOSED_BY.keys()
#: Open elements that are looked through; one that is further away is not found, which counts too much.
_REACH = 32


@dataclass(slots=True)
class Nesting:
    """What is open at one place of a document."""

    #: Names of the open elements, the innermost last.
    stack: list[str] = field(default_factory=list)
    #: Lengths of their start tags.
    lengths: list[int] = field(default_factory=list)
    #: Places of the tables in it.
    tables: list[int] = field(default_factory=list)
    rubies: int = 0
    #: Formatting elements that were closed out of order, and may be opened again at any time.
    loose: int = 0
    #: Length of the start tags of the formatting elements in `stack` and in `loose`.
    formatting: int = 0
    #: Characters that these may have added so far.
    repeated: int = 0

    @property
    def fits(self) -> bool:
        """Whether it is within the bounds."""
        return len(self.stack) + self.loose <= MAX_DEPTH and self.repeated <= MAX_REPEATED

    def open(self, name: str, length: int) -> None:
        """Count a start tag, given with its length in characters."""
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
        """Close the innermost element, which is no table."""
        name, length = self.stack.pop(), self.lengths.pop()
        if name in _FORMATTING:
            self.formatting -= length
        elif name == "ruby":
            self.rubies -= 1

    def _make_room(self, name: str) -> None:
        """Close what an element of this name does not stand in."""
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
