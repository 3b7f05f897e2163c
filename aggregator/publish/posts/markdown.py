"""Sanitized HTML -> Markdown, for notes and for sites that take no HTML.

In: HTML that the sanitizer serialized. Out: CommonMark without raw HTML, with tables and strikethrough as GitHub has
them. Text stays text: no character of it means anything to Markdown or to Obsidian. Pure.

The library escapes most of what has a meaning. What it reads twice or leaves alone, references, ``<`` and ``>``, and
what only Obsidian reads, takes its way through it as characters that Unicode keeps free for such use.
"""

from __future__ import annotations

import html
import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from html_to_markdown import ConversionOptions

#: What becomes of a character of the text, in Markdown.
_WRITTEN = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "$": "&#36;",
    "%": "&#37;",
    "^": "&#94;",
    "`": "&#96;",
    "[": "&#91;",
    "]": "&#93;",
    "\\": "&#92;",
    "|": "&#124;",
}
#: Noncharacters (Unicode, section 23.7), one for each.
_STANDING_IN = {character: chr(0xFDD0 + place) for place, character in enumerate(_WRITTEN)}
_BACK = str.maketrans({_STANDING_IN[character]: text for character, text in _WRITTEN.items()})
_FREE = re.compile("[\ufdd0-\ufdef]")

# A tag of sanitized HTML, with its name.
_TAG = re.compile(r'<(/?)([a-zA-Z][^\s>"/]*)([^"<>]*(?:"[^"]*"[^"<>]*)*)>')
#: Attributes whose text is shown.
_SHOWN = re.compile(r'(\s(?:alt|title))="([^"]*)"')
#: Code is written without attributes: a class would name its language, and Dataview runs blocks of some languages.
_CODE = frozenset({"code", "kbd", "pre", "samp"})
#: Dataview runs code that begins so; a character without width before it makes it text.
_RUN = re.compile(r"\s*\$?=")
_NOTHING = "\u2060"

_IN_TEXT = re.compile(r"[&<>$^]|%(?=%)|(?<=%)%")
_IN_ATTRIBUTES = re.compile(r"[&<>$%^`\[\]\\|]")


def to_markdown(body: str) -> str:
    """Return a body as Markdown, without white space around it."""
    from html_to_markdown import convert

    prepared = _prepared(_FREE.sub("\ufffd", body))
    converted = convert(prepared, _options()).content or ""
    return converted.strip("\n").translate(_BACK)


@cache
def _options() -> ConversionOptions:
    from html_to_markdown import ConversionOptions

    return ConversionOptions(
        escape_asterisks=True,
        escape_underscores=True,
        escape_misc=True,
        extract_metadata=False,
        highlight_style="none",
    )


def _prepared(body: str) -> str:
    """Replace what the library would not escape, outside of code."""
    parts: list[str] = []
    depth = end = 0
    for tag in _TAG.finditer(body):
        text = body[end : tag.start()]
        end = tag.end()
        parts.append(text if depth else _replaced(text, _IN_TEXT))
        closing, name, attributes = tag.groups()
        if name in _CODE:
            is_run = not closing and not depth and _RUN.match(body, end) is not None
            depth = max(0, depth - 1) if closing else depth + 1
            parts.append(f"<{closing}{name}>{_NOTHING if is_run else ''}")
            continue
        attributes = _SHOWN.sub(_attribute, attributes)
        parts.append(f"<{closing}{name}{attributes}>")
    parts.append(body[end:] if depth else _replaced(body[end:], _IN_TEXT))
    return "".join(parts)


def _attribute(match: re.Match[str]) -> str:
    """Return an attribute whose text is shown, on one line: a blank line would end it in Markdown."""
    return f'{match[1]}="{" ".join(_replaced(match[2], _IN_ATTRIBUTES).split())}"'


def _replaced(text: str, characters: re.Pattern[str]) -> str:
    return html.escape(characters.sub(lambda match: _STANDING_IN[match[0]], html.unescape(text)))
