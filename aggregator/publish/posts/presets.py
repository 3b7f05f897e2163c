"""What differs between the static site generators that posts are written for, as data.

In: nothing. Out: `PRESETS`, by name. This module must not render anything: `aggregator.publish.posts` does, from what a
preset says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Value = Literal["title", "categories", "image", "author", "date", "constant"]
"""What a field shows; ``categories`` is a list, and ``image`` is left out where a post has none."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the front matter."""

    key: str
    value: Value
    #: Always in single quotes; otherwise a plain scalar that is quoted only where it has to be.
    quoted: bool = False
    #: The text itself where `value` is ``constant``; written as it is.
    constant: str = ""


# Compared by identity: what is made once for a preset is found by it.
@dataclass(frozen=True, slots=True, eq=False)
class Preset:
    """The form of a post for one generator."""

    #: All that stands before the first field.
    opening: str
    fields: tuple[Field, ...]
    #: All that stands between the last field and the body.
    middle: str
    #: All that follows the body.
    ending: str
    #: Characters that become ``_`` in the title, and in names that come from a feed.
    masked: str
    #: Names of categories that the generator cannot bear; a name that comes from a feed gets a ``_`` there.
    reserved: frozenset[str]
    #: Replacements in the body, so that the generator's template engine leaves it alone.
    escapes: tuple[tuple[str, str], ...]
    #: The same for what only a pattern can tell, where a text has the first of the three; done after `escapes`. One
    #: character is found much faster than several.
    patterns: tuple[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]


#: A blank of this length in the tag of a link is cut in two, as one of its characters becomes a reference.
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
    # Hexo looks categories up in an object of JavaScript, which has these by birth.
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
    # out before; one that it finds elsewhere ends the whole build. And in posts of this family, a link that opens a
    # window stands as its site has it: browsers take `_blank` for `noopener` (HTML standard, section 4.6.5).
    escapes=(("{", "&#123;"), ("}", "&#125;"), ("\ufffc", "&#65532;"), ('<a rel="noopener" ', "<a ")),
    patterns=(
        # Hexo looks for fences of code before Markdown does, in all of the file: no three of them stay together.
        ("`", re.compile("`(?=``)"), "&#96;"),
        ("~", re.compile("~(?=~~)"), "&#126;"),
        # Hexo looks for these attributes in the source of tags, values included: to mark links that lead elsewhere, and
        # to find pictures. Inside of a value no quote that opens another one follows.
        # The pattern begins with what is rare, which makes it fast.
        (
            "=",
            re.compile(r'=(?!"(?:"|[^\s">]))(?:(?<=[hH][rR][eE][fF]=)|(?<=[rR][eE][lL]=)|(?<=[sS][rR][cC]=))'),
            "&#61;",
        ),
        # To Hexo the address of a picture ends at a quote of either kind. What is left is another picture, or none:
        # where the quote stands in the name of the host, it ends the whole build.
        ("'", re.compile(r' src="[^"\']*\'[^"]*"'), _without_apostrophes),
        # The time that Hexo 7 takes for a link grows with the square of the longest blank in its tag.
        ("<a ", re.compile(r"<a (?:\s{0,63}+[^<>\s]++)*+\s{64}[^<>]*>"), _with_short_blanks),
    ),
)

PRESETS: dict[str, Preset] = {"hexo": HEXO}
"""Every preset by the name that `posts.preset` gives."""
