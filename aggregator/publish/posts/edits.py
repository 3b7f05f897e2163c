"""Edits of tags in the body of a post, for generators that read HTML in their own ways.

In: a match in sanitized HTML. Out: what takes its place. Pure; `presets` says which generator needs which.
"""

from __future__ import annotations

import html
import re

#: White space of this length in the tag of a link is split: one of its characters becomes a reference.
_LONG_BLANK = re.compile(r"\s{64}")


def without_apostrophes(match: re.Match[str]) -> str:
    """Write apostrophes as references."""
    return match[0].replace("'", "&#39;")


def with_short_blanks(match: re.Match[str]) -> str:
    """Write one character of each long white space as a reference."""
    return _LONG_BLANK.sub(lambda blank: f"{blank[0][:-1]}&#{ord(blank[0][-1])};", match[0])


#: A start tag with attributes, whose values are in double quotes; `<` outside of them ends the attempt.
TAG = re.compile(r'<[a-zA-Z][^"<>]*+(?:"[^"]*+"[^"<>]*+)++>')
_VALUE = re.compile(r'="([^"]*+)"')
_TYPOGRAPHIC = str.maketrans("'\"", "\u2019\u201d")
#: What Pelican replaces, also where it stands in another attribute.
_PLACE = re.compile(r"=\s*[\"'][{|]")


def with_one_quote(match: re.Match[str]) -> str:
    """Make the attributes of a tag safe for Pelican, which writes them again.

    It puts a value with a double quote between single quotes, and does not escape those that it has: what follows the
    first one would be further attributes. It also replaces places of the site, as in ``href="{index}"``.
    """
    return _VALUE.sub(_typographic, match[0]) if any(sign in match[0] for sign in ("&", "{", "|")) else match[0]


def _typographic(match: re.Match[str]) -> str:
    value = html.unescape(match[1])
    if ("'" in value and '"' in value) or _PLACE.search(value):
        return f'="{html.escape(value.translate(_TYPOGRAPHIC))}"'
    return match[0]
