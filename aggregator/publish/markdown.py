"""HTML that Markdown hands on as it is.

In: sanitized HTML, every attribute value in double quotes. Out: the same elements, attributes and text, written so that
a Markdown file in which the HTML stands inside of a ``<div>`` has nothing for Markdown to read. Pure, and linear in the
size of the HTML.

A ``<div>`` at the start of a line opens an HTML block, which ends at the first blank line (CommonMark 0.31, section
4.6, kind 6). Blank is a line of spaces and tabs only; nothing else ends the block, and nothing inside has a meaning.
"""

from __future__ import annotations

import re

#: What blank lines are made of.
BLANK = " \t\n"
_BEFORE_BLANK = re.compile(r"\n(?=[ \t]*+\n)")
_LINE_END = re.compile(r"\r\n?")
#: Also where a line begins for JavaScript only.
_LEADING_TAB = re.compile(r"([\n\u2028\u2029] *+)\t")


def one_block(html: str) -> str:
    """Write HTML without blank lines. White space around the whole is kept at its end only, where it is harmless."""
    if "\r" in html:
        # Readers of HTML read them as line feeds (HTML standard, section 13.2.3.5), and so does Markdown.
        html = _LINE_END.sub("\n", html)
    html = html.lstrip(BLANK)
    inner = html.rstrip(BLANK)
    closed = _BEFORE_BLANK.sub("&#10;", inner)
    if "\t" in closed:
        # Versions of marked before 15 write four spaces for each tab that begins a line.
        closed = _LEADING_TAB.sub(r"\1&#9;", closed)
    return closed + html[len(inner) :]
