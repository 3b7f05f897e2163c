"""The differences between static site generators for which posts are written, as data.

Out: `PRESETS`, by name. This module renders nothing: `aggregator.publish.posts` does, from the data of a preset.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Value = Literal["title", "categories", "image", "author", "date", "constant"]
"""The value of a field; ``categories`` is a list, and ``image`` is left out if a post has none."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the front matter."""

    key: str
    value: Value
    #: Always in single quotes; otherwise a plain scalar, quoted only if necessary.
    quoted: bool = False
    #: The text if `value` is ``constant``, written as it is.
    constant: str = ""


# Compared by identity, so that a preset is a fast cache key.
@dataclass(frozen=True, slots=True, eq=False)
class Preset:
    """The form of a post for one generator."""

    #: The text before the first field.
    opening: str
    fields: tuple[Field, ...]
    #: The text between the last field and the body.
    middle: str
    #: The text after the body.
    ending: str
    #: Characters that become ``_`` in the title, and in names that come from a feed.
    masked: str
    #: Names of categories that break the generator; such a name from a feed gets a ``_``.
    reserved: frozenset[str]
    #: Replacements in the body, so that the template engine of the generator does not change it.
    escapes: tuple[tuple[str, str], ...]
    #: Replacements that need a pattern, done after `escapes`: a text that the body must contain, the pattern, and the
    #: replacement. The text is searched first, because that is faster.
    patterns: tuple[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]


#: White space of this length in the tag of a link is split: one of its characters becomes a reference.
_LONG_BLANK = re.compile(r"\s{64}")


def _without_apostrophes(match: re.Match[str]) -> str:
    return match[0].replace("'", "&#39;")


def _with_short_blanks(match: re.Match[str]) -> str:
    return _LONG_BLANK.sub(lambda blank: f"{blank[0][:-1]}&#{ord(blank[0][-1])};", match[0])


HEXO = Preset(
    opening="\n---\n",
    fields=(
        Field("title", "title", quoted=True),
        Field("categories", "categories"),
        Field("headimg", "image", quoted=True),
        Field("author", "author"),
        Field("comments", "constant", constant="false"),
        Field("date", "date"),
        Field("thumbnail", "image", quoted=True),
    ),
    middle="---\n\n<div>   \n",
    ending="  \n</div>\n            ",
    masked='\\/:*?"<>|[]\u201c\u201d',
    # Hexo looks categories up in a JavaScript object, which inherits these properties.
    reserved=frozenset(
        {
            "constructor",
            "hasOwnProperty",
            "isPrototypeOf",
            "propertyIsEnumerable",
            "toLocaleString",
            "toString",
            "valueOf",
            "__proto__",
            "__defineGetter__",
            "__defineSetter__",
            "__lookupGetter__",
            "__lookupSetter__",
        }
    ),
    # Hexo runs Nunjucks over posts: {{ }}, {% %} and {# #}. U+FFFC marks the places where Hexo puts back what it took
    # out before; another U+FFFC ends the whole build. A link that opens a window is written without `rel`, as on its
    # site: for browsers `_blank` implies `noopener` (HTML standard, section 4.6.5).
    escapes=(("{", "&#123;"), ("}", "&#125;"), ("\ufffc", "&#65532;"), ('<a rel="noopener" ', "<a ")),
    patterns=(
        # Hexo looks for code fences in the whole file before Markdown does: no three of these may follow each other.
        ("`", re.compile("`(?=``)"), "&#96;"),
        ("~", re.compile("~(?=~~)"), "&#126;"),
        # Hexo searches tags for these attributes, including their values: to mark external links, and to find pictures.
        # Inside of a value, no quote that opens another value follows.
        # The pattern starts with a rare character, which makes it fast.
        (
            "=",
            re.compile(r'=(?!"(?:"|[^\s">]))(?:(?<=[hH][rR][eE][fF]=)|(?<=[rR][eE][lL]=)|(?<=[sS][rR][cC]=))'),
            "&#61;",
        ),
        # For Hexo the address of a picture ends at a quote of either kind. What remains is another picture, or none; a
        # quote in the name of the host ends the whole build.
        ("'", re.compile(r' src="[^"\']*\'[^"]*"'), _without_apostrophes),
        # The time of Hexo 7 for a link grows with the square of the longest white space in its tag.
        ("<a ", re.compile(r"<a (?:\s{0,63}+[^<>\s]++)*+\s{64}[^<>]*>"), _with_short_blanks),
    ),
)

PRESETS: dict[str, Preset] = {"hexo": HEXO}
"""Every preset by the name that `posts.preset` gives."""
