"""Sanitized HTML in, the same without letters that grow beyond all bounds out.

Each element may enlarge its letters a little; a hundred inside of each other make them larger than the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.normalize.css import MAX_FONT, font_factor
from aggregator.normalize.text import unescape
from aggregator.normalize.words import words

#: Pixels of the letters of a page, about.
_USUAL = 16.0
_FACTORS = {"big": 1.2, "h1": 2.0, "h2": 1.5, "h3": 1.17}
_VOID = words("br col hr img source track wbr")
_TAG = re.compile(r'<(/?)([a-z][a-z0-9-]*)((?: [^ "=<>]+="[^"]*")*+)>')
_STYLE = re.compile(r' style="([^"]*)"')
_HEADING = re.compile("<(/?)h[123][ >]")


def may_grow(html: str) -> bool:
    """Whether letters may grow without a style: in `big`, and in headings inside of headings."""
    return "<big" in html or "++" in "".join([end or "+" for end in _HEADING.findall(html)])


def bounded_fonts(html: str) -> str:
    """The text without the elements in which letters would be larger than `MAX_FONT`; what is in them stays."""
    return "".join(_pieces(html))


def _pieces(html: str) -> Iterator[str]:
    # Size and whether it is left out, of each open element.
    sizes: list[tuple[float, bool]] = [(_USUAL, False)]
    at = 0
    for match in _TAG.finditer(html):
        end, name, attributes = match.groups()
        if name in _VOID:
            continue
        if end:
            left_out = sizes.pop()[1] if len(sizes) > 1 else False
        else:
            size = _size(name, attributes, sizes[-1][0])
            left_out = size > max(MAX_FONT, sizes[-1][0])
            sizes.append((sizes[-1][0] if left_out else size, left_out))
        if left_out:
            yield html[at : match.start()]
            at = match.end()
    yield html[at:]


def _size(name: str, attributes: str, around: float) -> float:
    style = _STYLE.search(attributes) if " style=" in attributes else None
    factor = None if style is None else font_factor(unescape(style[1]))
    if factor is None:
        factor = _FACTORS.get(name, 1.0)
    return -factor if factor < 0 else around * factor
