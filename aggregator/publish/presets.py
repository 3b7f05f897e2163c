"""What differs between the static site generators that posts are written for, as data.

In: nothing. Out: `PRESETS`, by name. This module must not render anything: `aggregator.publish.posts` does, from what a
preset says.
"""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Preset:
    """The form of a post for one generator."""

    #: All that stands before the first field.
    opening: str
    fields: tuple[Field, ...]
    #: All that stands between the last field and the body.
    middle: str
    #: All that follows the body.
    ending: str
    #: Characters that become ``_`` in the title.
    masked: str
    #: Replacements in the body, so that the generator's template engine leaves it alone.
    escapes: tuple[tuple[str, str], ...]


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
    masked='\\/:*?"<>|\u201c\u201d',
    # Hexo runs Nunjucks over posts: {{ }}, {% %} and {# #}. And in posts of this family, a link that opens a window
    # stands as its site has it: browsers take `_blank` for `noopener` (HTML standard, section 4.6.5).
    escapes=(("{", "&#123;"), ("}", "&#125;"), ('<a rel="noopener" ', "<a ")),
)

PRESETS: dict[str, Preset] = {"hexo": HEXO}
"""Every preset by the name that `posts.preset` gives."""
