"""Tables of plain lines: aligned, as wide as a terminal, or as long as they need to be where nobody looks at them.

In: columns, rows, and the width of the terminal, None where there is none. Out: lines. Pure.

Where the width does not suffice, columns go, those first that matter least; then names are cut in their middle, as long
as they stay different; and what stands in the last column is cut at the end, or put below its row.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

GAP = "  "
#: Characters of a last column below which it is left out.
NARROWEST = 20
#: The same where it may have lines of its own.
SHORTEST_WRAPPED = 12
#: How far what stands below its row is moved to the right.
INDENT = 4
#: Characters of a name that is cut, at least.
SHORTEST_NAME = 12


class Cell(NamedTuple):
    """A text, and the colour that it has on a terminal."""

    text: str
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    title: str
    right: bool = False
    #: What goes first where there is too little room; 0 stays.
    spare: int = 0


Row = Sequence[Cell]
Paint = Callable[[Cell, str], str]


def unpainted(cell: Cell, text: str) -> str:
    """The text of a cell as it is."""
    return text


def lines(
    columns: Sequence[Column],
    rows: Sequence[Row],
    width: int | None,
    *,
    wrap: bool = False,
    paint: Paint = unpainted,
) -> Iterator[str]:
    """Lay out a table, a header above it.

    Args:
        columns: the first holds names; the last one texts of any length.
        width: of the terminal; None: nothing is cut or left out.
        wrap: put a long last text on lines of its own, and do not cut it.
        paint: gives the text of a cell its colour.
    """
    table = [[Cell(column.title, "bold") for column in columns], *rows]
    kept = list(range(len(columns)))
    widths = [max(cells(row[place].text) for row in table) for place in kept]
    widths[0] = max(widths[0], 1)
    if width is not None:
        last = min(SHORTEST_WRAPPED if wrap else NARROWEST, widths[-1]) + len(GAP)
        kept = _kept(columns, widths, width, last)
        names = [row[0].text for row in rows]
        room = width - sum(widths[place] + len(GAP) for place in kept[1:] if not _is_last(place, columns))
        room -= last if _is_last(kept[-1], columns) else 0
        short = shortened(names, max(room, SHORTEST_NAME))
        table = [table[0], *([Cell(name, row[0].colour), *row[1:]] for name, row in zip(short, rows, strict=True))]
        # One that is still too long is so in its own row only.
        widths[0] = min(max(cells(row[0].text) for row in table), max(room, SHORTEST_NAME))
    for row in table:
        yield from _row(columns, kept, widths, row, width, wrap, paint)


def shortened(names: Sequence[str], width: int) -> list[str]:
    """The names, cut in their middle where they are too long, but whole where two of them would look the same."""
    from collections import Counter

    long = [name for name in names if cells(name) > width]
    if not long:
        return list(names)
    taken = Counter(names)
    found: dict[str, str] = {}
    left = set(long)
    # What most names differ in stands at their end, or at their beginning: both are tried.
    for share in (4, 6, 2, 7, 1):
        tail = width * share // 8
        cut = {name: _cut(name, width - tail - 1, tail) for name in left}
        count = Counter(cut.values())
        for name, short in cut.items():
            if count[short] == 1 and short not in taken:
                found[name] = short
        taken.update(found.values())
        left -= found.keys()
    return [found.get(name, name) for name in names]


def _cut(name: str, head: int, tail: int) -> str:
    """The first and the last of a name, by the width they have on a terminal."""
    return f"{_first(name, head)}…{_first(name[::-1], tail)[::-1]}"


def _first(text: str, width: int) -> str:
    if text.isascii():
        return text[:width]
    taken, used = 0, 0
    for character in text:
        used += cells(character)
        if used > width:
            break
        taken += 1
    return text[:taken]


def cells(text: str) -> int:
    """The width of a text on a terminal: letters of East Asia take two columns."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _is_last(place: int, columns: Sequence[Column]) -> bool:
    return place == len(columns) - 1


def _kept(columns: Sequence[Column], widths: list[int], width: int, last: int) -> list[int]:
    """The places of the columns that there is room for beside the names, which may have half of the width."""
    kept = list(range(len(columns)))
    names = min(widths[0], width // 2)

    def needed() -> int:
        size = names + sum(widths[place] + len(GAP) for place in kept[1:] if not _is_last(place, columns))
        return size + (last if _is_last(kept[-1], columns) else 0)

    for spare in sorted({column.spare for column in columns if column.spare}, reverse=True):
        if needed() <= width:
            break
        kept = [place for place in kept if columns[place].spare != spare]
    return kept


def _row(
    columns: Sequence[Column],
    kept: list[int],
    widths: list[int],
    row: Row,
    width: int | None,
    wrap: bool,
    paint: Paint,
) -> Iterator[str]:
    parts = []
    used = 0
    for place in kept[:-1]:
        cell = row[place]
        blank = " " * (widths[place] - cells(cell.text))
        shown = paint(cell, cell.text)
        parts.append(blank + shown if columns[place].right else shown + blank)
        used += max(widths[place], cells(cell.text)) + len(GAP)
    cell = row[kept[-1]]
    if not _is_last(kept[-1], columns) or width is None:
        blank = " " * (widths[kept[-1]] - cells(cell.text)) if columns[kept[-1]].right else ""
        yield GAP.join([*parts, blank + paint(cell, cell.text)]).rstrip()
        return
    room = max(width - used, SHORTEST_WRAPPED)
    text, rest, indent = cell.text, list[str](), used
    if cells(text) > room and not wrap:
        text = f"{_first(text, room - 1)}…"
    elif cells(text) > room:
        # Where less than half of the width is left, the text has lines of its own.
        indent = used if room >= width // 2 else INDENT
        rest = _wrapped(text, width - indent)
        text = rest.pop(0) if indent == used else ""
    yield GAP.join([*parts, paint(cell, text) if text else ""]).rstrip()
    for line in rest:
        yield " " * indent + paint(cell, line)


def _wrapped(text: str, width: int) -> list[str]:
    """A text on several lines; addresses stay whole, so that they can be copied."""
    # Letters that are twice as wide: half as many.
    room = width if text.isascii() else width // 2
    return textwrap.wrap(text, max(room, 1), break_long_words=False, break_on_hyphens=False)
