"""Names that last: which classes of a page to build a selector on, and which a program made for one build only. Pure.

CSS modules, styled components and the like put a hash in their names, which is another one after each build; utility
classes say how an element looks, and many different ones look alike; numbers count.
"""

from __future__ import annotations

import re

from bs4 import Tag

from aggregator.sources.page import attribute

#: Classes of an element that are looked at, and those of them that are used.
_MOST, _MOST_NAMES = 40, 6

#: Names with a hash: `css-1q2w3e`, `sc-kAyceB`, `jsx-123`, `Card_title__x7Yz1`, `svelte-1abc`, `hQvXwZ`.
_MADE = re.compile(
    r"(?:css|sc|jsx|svelte|emotion|makeStyles|ng|v|st|tw|r|x)[-_]+(?=[\w-]*(?:\d|[a-z][A-Z]))[\w-]{4,}\Z"
    r"|.*__[\w-]*(?:\d|[a-z][A-Z]|[A-Z]{2})[\w-]*\Z|(?:is|has|js|no|u|g|l|o)-[\w-]+\Z"
    r"|.*[0-9a-f]{8,}.*\Z|(?=.{4,8}\Z)[A-Za-z]*[a-z][A-Z][A-Za-z]*[a-z][A-Z][A-Za-z]*\Z"
    r"|[a-z0-9]*\d[a-z]+\d[a-z0-9]*\Z|_[\w-]+\Z"
)
#: The part of a name of CSS modules before its hash.
_MODULE = re.compile(r"([A-Za-z][\w]*?_[A-Za-z][\w-]*?)__+[\w-]{4,10}\Z")
#: Names that count, or that say what is with one item and not with another.
_COUNTING = re.compile(
    r".*\d.*|(?:odd|even|first|last|active|current|cur|on|selected|hover|new|hot|top|sticky|pinned|clearfix|cf|fl|fr|left|"
    r"right|row|col|hidden|show|visible|lazy(?:load(?:ed|ing)?)?|clear|group|notice|bo_notice|no-?img|has-?img|sticky|"
    r"unread|read|visited|bold|red|ad|ads)\Z",
    re.IGNORECASE,
)
#: Utility classes (Tailwind, Bootstrap), which only say how something looks.
_UTILITY = re.compile(
    r".*[:\[\]/%!@].*|-?(?:m|p)[trblxyse]?-.*|(?:w|h|min|max|gap|space|text|font|leading|tracking|bg|border|rounded|shadow|"
    r"flex|grid|items|justify|self|content|order|col|row|inset|top|left|right|bottom|z|opacity|overflow|object|"
    r"aspect|transition|duration|ease|delay|animate|cursor|select|sr|line|float|align|d|g|position|size|divide|ring|"
    r"inline|table|basis|grow|shrink|backdrop|underline|decoration|whitespace|break|truncate)-.+"
    r"|flex|grid|block|inline|inline-block|inline-flex|relative|absolute|fixed|sticky|static|hidden|truncate|underline|"
    r"uppercase|lowercase|capitalize|italic|antialiased|container|group|peer|wrapper|inner|outer|pull-left|pull-right|"
    r"(?:el|ant|v|uk|pure|am|layui)-(?:col|row|g|u|flex)(?:-[\w-]+)?|img-fluid|nowrap|w100|mt\d+|mb\d+|pt\d+|pb\d+"
)
_ELEMENT = re.compile(r"[a-z][a-z0-9-]{0,60}")
#: Characters that a name in a selector may have without escapes.
_PLAIN = re.compile(r"-?[A-Za-z_\u4e00-\u9fff][\w-]{0,80}\Z")


def is_plain(tag: Tag) -> bool:
    """Whether the name of an element can stand in selectors as it is; pages from word processors have others."""
    return _ELEMENT.fullmatch(tag.name) is not None


def classes_of(tag: Tag) -> list[str]:
    """Return the classes of an element."""
    return attribute(tag, "class").split()[:_MOST]


def names_of(tag: Tag) -> list[str]:
    """Return the classes of an element that are worth a selector; of CSS modules the part that stays, with ``*``."""
    found = []
    for name in classes_of(tag):
        if module := _MODULE.match(name):
            found.append(f"*{module[1]}")
        elif is_lasting(name):
            found.append(name)
    return found[:_MOST_NAMES]


def is_lasting(name: str) -> bool:
    """Whether a class or an id is a name that a person gave, and that says what the element is."""
    return (
        _PLAIN.match(name) is not None
        and _MADE.match(name) is None
        and _COUNTING.match(name) is None
        and _UTILITY.fullmatch(name) is None
    )


def selector_of(name: str) -> str:
    """Return the part of a selector for a name of `names_of`."""
    return f'[class*="{name[1:]}__"]' if name.startswith("*") else f".{name}"
