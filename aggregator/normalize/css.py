"""The value of a `style` attribute in, the harmless declarations of it out.

What is allowed keeps its bytes: a style in which everything is allowed comes back as it was.
"""

from __future__ import annotations

import re

from aggregator.normalize.words import words

#: Longer styles are dropped whole: no honest one is.
MAX_STYLE = 4000

_PROPERTIES = words(
    """
    background background-color border border-bottom border-bottom-color border-bottom-left-radius
    border-bottom-right-radius border-bottom-style border-bottom-width border-collapse border-color border-left
    border-left-color border-left-style border-left-width border-radius border-right border-right-color
    border-right-style border-right-width border-spacing border-style border-top border-top-color
    border-top-left-radius border-top-right-radius border-top-style border-top-width border-width box-sizing
    break-inside caption-side clear color column-count column-gap column-width direction display empty-cells
    flex flex-basis flex-direction flex-flow flex-grow flex-shrink flex-wrap align-items align-self justify-content
    float font font-family font-feature-settings font-kerning font-size font-stretch font-style font-variant
    font-variant-caps font-variant-numeric font-weight gap height hyphens letter-spacing line-break line-height
    list-style list-style-position list-style-type margin margin-bottom margin-left margin-right margin-top
    max-height max-width min-height min-width object-fit object-position opacity orphans outline overflow overflow-wrap
    overflow-x overflow-y padding padding-bottom padding-left padding-right padding-top quotes row-gap ruby-align
    ruby-position tab-size table-layout text-align text-align-last text-decoration text-decoration-color
    text-decoration-line text-decoration-style text-emphasis text-indent text-justify text-orientation text-overflow
    text-shadow text-transform text-underline-offset unicode-bidi vertical-align visibility white-space widows width
    word-break word-spacing word-wrap writing-mode aspect-ratio
    """
)
_FUNCTIONS = frozenset({"rgb", "rgba", "hsl", "hsla", "calc", "min", "max", "clamp"})
_FUNCTION = re.compile(r"([^\s(,:]*)\(")
#: No backslash and no comment: both can hide what a browser will read. No `@`, `<`, `{`.
_VALUE = re.compile(r"(?:[^\\@<>{}\"'/\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|/(?!\*)|\"[^\"\\\n<>{}]*\"|'[^'\\\n<>{}]*')*+")
_NEGATIVE = re.compile(r"(?:^|[\s(,])-\s*[\d.]")


def safe_style(style: str) -> str | None:
    """The style without its forbidden declarations, or None where nothing is left of it.

    Allowed are properties that change how the text itself looks. Anything that loads (`url()`), runs (`expression()`,
    `behavior`), leaves its place (`position`, `z-index`, `transform`, negative margins) or cannot be read for sure
    (escapes, comments) is not.
    """
    if len(style) > MAX_STYLE:
        return None
    declarations = style.split(";")
    kept = [declaration for declaration in declarations if _allowed(declaration)]
    if len(kept) == len(declarations):
        return style
    rest = ";".join(kept)
    return rest if rest.strip() else None


def _allowed(declaration: str) -> bool:
    if not declaration or declaration.isspace():
        return True
    name, colon, value = declaration.partition(":")
    name = name.strip().lower()
    if not colon or name not in _PROPERTIES or _VALUE.fullmatch(value) is None:
        return False
    if name.startswith("margin") and _NEGATIVE.search(value):
        return False
    return all(function.lower() in _FUNCTIONS for function in _FUNCTION.findall(value))
