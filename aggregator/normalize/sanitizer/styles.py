"""The value of a `style` attribute in, its harmless declarations out; and the sizes of letters.

What is allowed keeps its bytes: a style in which everything is allowed does not change.

A text may look like anything inside its own box. It must not show outside, where it would cover the page that it is
published on. So no value is negative, computed, as large as the window or much wider than a column; no box is lower
than its content, and nothing is painted around one.

Each element may enlarge its letters a little, but a hundred inside each other make them larger than the page:
`bounded_fonts` removes those that would.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from aggregator.values.markup import VOID, unescape

#: A longer style is removed: no honest one is so long.
MAX_STYLE = 4000
#: Pixels of a box that every column has room for.
_NARROW = 300.0
#: Height of the largest letters in pixels.
MAX_FONT = 48.0

#: Pixels of each unit, those of a font for its usual size. The units of windows are not allowed.
_UNITS = {
    "": 1.0,
    "px": 1.0,
    "pt": 4 / 3,
    "pc": 16.0,
    "in": 96.0,
    "cm": 37.8,
    "mm": 3.78,
    "q": 0.945,
    "em": 16.0,
    "rem": 16.0,
    "ex": 8.0,
    "ch": 8.0,
}
#: Properties whose values are words and colors.
_WORDED = frozenset(
    """
    align-items align-self background-color border-bottom-color border-bottom-style border-collapse border-color
    border-left-color border-left-style border-right-color border-right-style border-style border-top-color
    border-top-style box-sizing break-inside caption-side clear color direction empty-cells flex-direction flex-flow
    flex-wrap float font-kerning font-style font-variant font-variant-caps font-variant-numeric hyphens justify-content
    line-break list-style list-style-position list-style-type object-fit overflow-wrap ruby-align ruby-position
    table-layout text-align text-align-last text-decoration text-decoration-color text-decoration-line
    text-decoration-style text-emphasis text-justify text-overflow text-transform visibility white-space word-break
    word-wrap
    """.split()
)
#: Properties with strings in them.
_STRINGS = frozenset("font font-family font-feature-settings quotes".split())
#: Properties with numbers, with the most pixels and the most percent that they may be.
_MEASURED: dict[str, tuple[float, float]] = {
    **dict.fromkeys("width max-width".split(), (1300, 100)),
    **dict.fromkeys("min-width flex-basis column-width".split(), (400, 100)),
    "min-height": (1300, 0),
    **dict.fromkeys("margin margin-bottom margin-left margin-right margin-top".split(), (300, 50)),
    **dict.fromkeys("padding padding-left padding-right".split(), (64, 10)),
    **dict.fromkeys("padding-bottom padding-top".split(), (300, 100)),
    **dict.fromkeys("gap column-gap row-gap border-spacing".split(), (100, 50)),
    **dict.fromkeys("border border-bottom border-left border-right border-top border-width".split(), (12, 0)),
    **dict.fromkeys("border-bottom-width border-left-width border-right-width border-top-width".split(), (12, 0)),
    **dict.fromkeys("border-radius border-bottom-left-radius border-bottom-right-radius".split(), (9999, 100)),
    **dict.fromkeys("border-top-left-radius border-top-right-radius".split(), (9999, 100)),
    **dict.fromkeys("column-count flex-grow font-feature-settings orphans widows".split(), (20, 0)),
    **dict.fromkeys("background object-position".split(), (9999, 100)),
    **dict.fromkeys("letter-spacing tab-size word-spacing".split(), (32, 0)),
    "text-indent": (100, 25),
    "font-family": (0, 0),
    "font-size": (MAX_FONT, 100 * MAX_FONT / 16),
    "font-stretch": (0, 200),
    "font-weight": (1000, 0),
    "quotes": (0, 0),
}
#: Sizes of letters that are words, as `font_factor` returns them.
_FONT_WORDS = {"larger": 1.2, "smaller": 0.83, "medium": -16.0, "large": -18.0, "x-large": -24.0, "xx-large": -32.0}
_FONT_WORDS |= {"xxx-large": -48.0, "small": -13.0, "x-small": -10.0, "xx-small": -9.0}
#: Properties that are inherited anyway, and so may say `inherit`.
_INHERITED = frozenset("letter-spacing tab-size text-indent word-spacing".split())
#: The limits of a padding that does not make the line higher.
_INLINE_PADDING = (8.0, 0.0)
#: Heights that may be lower than the content of the box.
_HEIGHTS = frozenset("height max-height".split())
_NO_HEIGHT = frozenset("auto none initial unset min-content max-content fit-content".split())
#: Elements without content, and those whose height is never lower than their content.
_HOLLOW = frozenset("hr img video".split())
_CELLS = frozenset("table td th tr".split())
_BLOCKS = frozenset(
    """
    address article aside blockquote center dd details div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header li
    main nav ol p pre section summary table td th ul
    """.split()
)
_DISPLAYS = frozenset(
    """
    block contents flex flow-root grid inline inline-block inline-flex inline-grid inline-table list-item none table
    table-caption table-cell table-column table-column-group table-footer-group table-header-group table-row
    table-row-group
    """.split()
)
_BOXES = _DISPLAYS - frozenset("inline contents".split())
_OVERFLOWS = frozenset("auto clip hidden scroll".split())
_BIDI = frozenset("embed isolate normal plaintext".split())

_IMPORTANT = re.compile(r"![ \t\r\n]*+important[ \t\r\n]*+\Z", re.IGNORECASE | re.ASCII)
#: White space that is not white space in CSS (css-syntax, section 4.2): it would be part of a name.
_ODD_SPACE = re.compile(r"[^\S \t\r\n]")
_CAPITALS = re.compile("[A-Z]+")
#: Words, strings, numbers with units, and colors, which are the only functions. Backslashes and comments are not
#: allowed: both can hide what a browser reads.
_TOKEN = re.compile(
    r"[ \t\r\n,]*+(?:(?P<word>-?[^\W\d][\w-]*+)(?!\()|(?P<string>\"[^\"\\\n<>{}]*+\"|'[^'\\\n<>{}]*+')"
    r"|(?P<number>[0-9]{1,5}(?:\.[0-9]{1,9})?+|\.[0-9]{1,9})(?P<unit>%|[a-z]*+)"
    r"|(?:#[0-9a-f]{3,8}|(?:rgb|hsl)a?\([0-9a-z.,%/ \t\r\n]*+\))(?![\w-])|/(?!\*))"
)
_END = re.compile(r"[ \t\r\n,]*+\Z")
_PART = re.compile(r"calc\(\s*+(?:100|\d{1,2})(?:\.\d{1,9})?%\s++-\s++\d{1,4}(?:\.\d{1,9})?(?:px|r?em)\s*+\)", re.ASCII)
_COMPUTED = frozenset("width max-width min-width flex-basis".split())
_FLEX = re.compile(
    r"auto|initial|\d{1,2}(?:\.\d{1,4})?(?:\s+[1-9]\d?(?:\s+(?:auto|0(?:px|%)?|\d\d?%|100%|\d{1,3}px))?)?", re.ASCII
)
_RATIO = re.compile(r"auto|(?:auto\s+)?\d{1,5}(?:\.\d{1,20})?(?:\s*/\s*\d{1,5}(?:\.\d{1,20})?)?", re.ASCII)
#: Formulas that are images stand a little below the line.
_VERTICAL = re.compile(
    r"[a-z-]+|0|-?(?:\d{1,2}(?:\.\d{1,9})?|\.\d{1,9})(?:px|pt)|-?(?:[0-5](?:\.\d{1,9})?|\.\d{1,9})(?:r?em|ex)|-?\d\d?%",
    re.ASCII,
)
#: Heights of lines that contain their letters.
_LINE = re.compile(
    r"normal|inherit|initial|unset|(?:[1-9](?:\.\d{1,20})?)(?:r?em)?|(?:1[2-9]|[2-9]\d|1\d\d)(?:\.\d{1,20})?px"
    r"|(?:9|[1-9]\d)(?:\.\d{1,20})?pt|[1-4]\d\d(?:\.\d{1,20})?%",
    re.ASCII,
)
_LINE_IN_FONT = re.compile(r"/\s*([^\s,]++)")
#: Usual height of letters in pixels.
_USUAL = 16.0
_FACTORS = {"big": 1.2, "h1": 2.0, "h2": 1.5, "h3": 1.17}
_OPEN_OR_END = re.compile(r'<(/?)([a-z][a-z0-9-]*)((?: [^ "=<>]+="[^"]*")*+)>')
_STYLE = re.compile(r' style="([^"]*)"')
_HEADING = re.compile("<(/?)h[123][ >]")


def safe_style(style: str, tag: str = "") -> str | None:
    """Remove the forbidden declarations from a style; None where nothing is left.

    Properties that change how the text itself looks are allowed, with values that stay inside its box. What loads
    (`url()`), runs (`expression()`, `behavior`), leaves its place (`position`, `transform`, negative margins), covers
    others (`outline`, shadows, low boxes) or cannot be read with certainty (escapes, comments) is removed.

    Args:
        tag: name of the element; "": what is allowed for every element.
    """
    if len(style) > MAX_STYLE:
        return None
    declarations = style.split(";")
    display = _display(declarations)
    kept = [declaration for declaration in declarations if _allowed(declaration, tag, display)]
    if "width" in style.lower() and tag not in _HOLLOW:
        kept = _within_column(kept)
    if kept == declarations:
        return style
    rest = ";".join(kept)
    return rest if rest.strip() else None


def font_factor(style: str) -> float | None:
    """Return the size of letters as a factor of that around them; negative: in pixels; None: not given."""
    found = None
    for name, value in map(_read, style.split(";")):
        if name in ("font-size", "font"):
            sizes = [match for match in map(_TOKEN.fullmatch, re.split(r"[\s,/]+", value)) if match is not None]
            for match in sizes:
                number, unit = float(match["number"] or 0), match["unit"]
                if unit in ("%", "em", "ex", "ch"):
                    found = number / (100 if unit == "%" else 1)
                elif unit or match["word"] in _FONT_WORDS:
                    found = -number * _UNITS.get(unit, 1) if unit else _FONT_WORDS[match["word"]]
    return found


def _within_column(declarations: list[str]) -> list[str]:
    """Limit the width of a wide box to that of its container: where it floats right, it would show at the left."""
    read = list(map(_read, declarations))
    if not any(
        name == "width" and not is_length(value, _NARROW, False) and value[:1].isdigit() and not value.endswith("%")
        for name, value in read
    ):
        return declarations
    limits = [value for name, value in read if name == "max-width"]
    if len(limits) == 1 and limits[0].endswith(("%", "%)")):
        return declarations
    rest = [one for one, (name, _) in zip(declarations, read, strict=True) if name != "max-width"]
    while rest and not rest[-1].strip():
        rest.pop()
    return [*rest, "max-width:100%"]


def is_length(value: str, most: float, unit_required: bool = True) -> bool:
    """Whether a value is one length of at most `most` pixels, and not negative."""
    match = _TOKEN.fullmatch(value)
    return match is not None and bool(match["unit"] or not unit_required) and _fits(match, (most, 100))


def _display(declarations: list[str]) -> str:
    """Return the value of `display`; "inline" where it is not clear, "" where there is none."""
    values = {value for name, value in map(_read, declarations) if name == "display"}
    return "" if not values else values.pop() if len(values) == 1 else "inline"


def _read(declaration: str) -> tuple[str, str]:
    """Split a declaration into name and value, in lower case; "" for what is missing or cannot be read."""
    if _ODD_SPACE.search(declaration):
        return "", ""
    name, _, value = declaration.partition(":")
    return _lower(name), _lower(_IMPORTANT.sub("", value))


def _lower(text: str) -> str:
    """Lower the ASCII letters of a text, as CSS does."""
    return _CAPITALS.sub(lambda match: match[0].lower(), text.strip())


def _allowed(declaration: str, tag: str, display: str) -> bool:
    if not declaration or declaration.isspace():
        return True
    name, value = _read(declaration)
    if not value:
        return False
    if name in _WORDED:
        return _is_made_of(value, None, strings=False)
    if name in _MEASURED:
        return _is_measured(name, value, tag, display)
    if name in _HEIGHTS or name == "aspect-ratio":
        return _is_high_enough(name, value, tag, display)
    judge = _OTHERS.get(name)
    return judge is not None and judge(value)


def _is_measured(name: str, value: str, tag: str, display: str) -> bool:
    limits = _MEASURED[name]
    is_box = display in _BOXES if display else tag in _BLOCKS
    if name.startswith("padding") and not is_box:
        limits = _INLINE_PADDING
    if name in _COMPUTED and _PART.fullmatch(value):
        return True
    if value == "inherit":
        return name.startswith("font") or name in _INHERITED
    return "inherit" not in value and _is_made_of(value, limits, strings=name in _STRINGS)


def _is_high_enough(name: str, value: str, tag: str, display: str) -> bool:
    if value in _NO_HEIGHT:
        return True
    if tag not in _HOLLOW and (tag not in _CELLS or display or name != "height"):
        return False
    return _RATIO.fullmatch(value) is not None if name == "aspect-ratio" else is_length(value, 5000, False)


def _is_font(value: str) -> bool:
    """Whether a value is a shorthand: style, weight, size, perhaps a line height, families."""
    if not all(_LINE.fullmatch(line) for line in _LINE_IN_FONT.findall(value)):
        return False
    return _is_made_of(re.sub(r"(?<![\w.])[1-9]00(?![\w.%])", "", _LINE_IN_FONT.sub("", value)), _MEASURED["font-size"])


def _is_made_of(value: str, limits: tuple[float, float] | None, *, strings: bool = True) -> bool:
    """Whether a value has only words, colors, and the numbers and strings that are allowed."""
    at = 0
    while match := _TOKEN.match(value, at):
        if (match["number"] and not _fits(match, limits)) or (match["string"] and not strings):
            return False
        at = match.end()
    return _END.match(value, at) is not None


def _fits(match: re.Match[str], limits: tuple[float, float] | None) -> bool:
    number, unit = match["number"], match["unit"]
    if limits is None or number is None:
        return False
    if unit == "%":
        return float(number) <= limits[1]
    return unit in _UNITS and float(number) * _UNITS[unit] <= limits[0]


def _is_one_of(allowed: frozenset[str], value: str) -> bool:
    return allowed.issuperset(value.split())


_OTHERS: dict[str, Callable[[str], bool]] = {
    "display": partial(_is_one_of, _DISPLAYS),
    "flex": lambda value: _FLEX.fullmatch(value) is not None,
    "font": _is_font,
    "line-height": lambda value: _LINE.fullmatch(value) is not None,
    **dict.fromkeys("overflow overflow-x overflow-y".split(), partial(_is_one_of, _OVERFLOWS)),
    "unicode-bidi": partial(_is_one_of, _BIDI),
    "vertical-align": lambda value: _VERTICAL.fullmatch(value) is not None,
}


def may_grow(html: str) -> bool:
    """Whether letters may grow without a style: in `big`, and in headings inside headings."""
    return "<big" in html or "++" in "".join([end or "+" for end in _HEADING.findall(html)])


def bounded_fonts(html: str) -> str:
    """Remove the tags of elements in which letters would be larger than `MAX_FONT`; their content is kept."""
    return "".join(_bounded(html))


def _bounded(html: str) -> Iterator[str]:
    # Of each open element, the size of its letters and whether its tags are removed.
    sizes: list[tuple[float, bool]] = [(_USUAL, False)]
    at = 0
    for match in _OPEN_OR_END.finditer(html):
        end, name, attributes = match.groups()
        if name in VOID:
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
