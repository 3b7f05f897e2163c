"""The front matter of a post.

In: an item and a preset. Out: the lines of the front matter. Pure. A string becomes a scalar that parsers of YAML 1.1
and YAML 1.2 load as the same string, in a block context, on one line, at column 1 or later. Lone surrogates, which
UTF-8 cannot carry, are not handled here.
"""

from __future__ import annotations

import html
import re
import string
from datetime import UTC
from email.utils import format_datetime
from functools import cache, lru_cache

from aggregator.models import Item, Origin
from aggregator.publish.posts.names import MAX_BYTES, cut
from aggregator.publish.posts.presets import Preset

#: A possible character reference; names have at most 32 characters.
_REFERENCE = re.compile(r"&(?=[#A-Za-z])#?[0-9A-Za-z]{1,32};?")
#: Characters that are not enough for the name of a folder.
_NOT_IN_FOLDERS = string.punctuation + string.whitespace


def front_matter(item: Item, category_title: str | None, image: str | None, preset: Preset) -> str:
    """Render the front matter; a field without a value is left out."""
    categories, author = _categories_and_author(category_title, item.origin, preset)
    values = {
        "title": _masked(item.entry.title, preset.masked),
        "image": image,
        "author": author,
        "date": format_datetime(item.entry.published_at.astimezone(UTC), usegmt=True),
    }
    lines = []
    for field in preset.fields:
        if field.value == "categories":
            lines.append(f"{field.key}: \n{categories}")
        elif field.value == "constant":
            lines.append(f"{field.key}: {field.constant}\n")
        elif (value := values[field.value]) is not None:
            lines.append(f"{field.key}: {single(value) if field.quoted else plain(value)}\n")
    return "".join(lines)


# Cached, because a source has many posts.
@lru_cache(maxsize=4096)
def _categories_and_author(category_title: str | None, origin: Origin, preset: Preset) -> tuple[str, str]:
    """Return the items of the list of categories, and the author."""
    author = origin.name if origin.named else _folder(origin.name, origin.id, preset)
    levels = (category_title, author, origin.section)
    return "".join([f" - {plain(level)}\n" for level in levels if level]), author


def _folder(name: str, source_id: str, preset: Preset) -> str:
    """Return a name from a feed in a form fit for a category, of which generators make a folder."""
    name = cut(_masked(name, preset.masked), MAX_BYTES)
    if not name.strip(_NOT_IN_FOLDERS):
        return source_id
    return f"{name}_" if name in preset.reserved else name


def _masked(text: str, masked: str) -> str:
    """Mask what has a meaning in HTML in a text from a feed, because themes write it unescaped."""
    text = _masks(masked).sub("_", text)
    return _REFERENCE.sub(_without_reference, text) if "&" in text else text


def _without_reference(match: re.Match[str]) -> str:
    return match[0] if html.unescape(match[0]) == match[0] else "_" + match[0][1:]


@cache
def _masks(masked: str) -> re.Pattern[str]:
    # A pattern is faster than `str.translate`, which looks up each character.
    return re.compile(f"[{re.escape(masked)}]" if masked else "(?!)")


# -- strings as YAML scalars -------------------------------------------------------------------------------------------

# Not c-printable (YAML 1.2.2, section 5.1), or a line break in YAML 1.1 (NEL, LS, PS), or eaten as a byte order mark.
# A tab beside an indicator separates tokens; an escaped tab is always text.
_NEEDS_ESCAPE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_ESCAPED = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff"\\\\]')

# YAML 1.2.2, section 7.3.3: what a plain scalar cannot begin with or hold.
_NOT_PLAIN = re.compile(r"""[,\[\]{}#&*!|>'"%@`]|[-?:](?:\ |\Z)|\ |.*(?::\ |\ \#|[:\ ]\Z)""", re.VERBOSE)

# Plain text that is read as something other than a string: the types of YAML 1.1 (yaml.org/type) and the core schema of
# YAML 1.2.2 (section 10.3), including the interpretations of PyYAML and js-yaml.
_NOT_STRING = re.compile(
    r"""
    ~ | null | Null | NULL | << | = |
    y | Y | yes | Yes | YES | n | N | no | No | NO | on | On | ON | off | Off | OFF |
    true | True | TRUE | false | False | FALSE |
    [-+]? 0b [01_]+ | [-+]? 0o? [0-7_]+ | [-+]? 0x [0-9a-fA-F_]+ |
    [-+]? [0-9] [0-9_]*+ (?: : [0-5]? [0-9] )++ (?: \. [0-9_]* )? |
    [-+]? (?= [0-9.] ) [0-9_]*+ \.? [0-9._]*+ (?: [eE] [-+]? [0-9]+ )? |
    [-+]? \. (?: inf | Inf | INF ) | \. (?: nan | NaN | NAN ) |
    [0-9]{4} - [0-9]{1,2} - [0-9]{1,2}
        (?: (?: [Tt] | [ \t]+ ) [0-9]{1,2} : [0-9]{2} : [0-9]{2} (?: \. [0-9]* )?
            (?: [ \t]* (?: Z | [-+] [0-9]{1,2} (?: :? [0-9]{2} )? ) )? )?
    """,
    re.VERBOSE,
)


def plain(text: str) -> str:
    """Write `text` as a plain scalar; quote it only if a parser would read something other than this string."""
    if not text or _NOT_PLAIN.match(text) or _NOT_STRING.fullmatch(text):
        return single(text)
    return double(text) if _has_to_be_escaped(text) else text


def single(text: str) -> str:
    """Write `text` single quoted, or double quoted if it holds characters that need an escape."""
    if _has_to_be_escaped(text):
        return double(text)
    return "'" + text.replace("'", "''") + "'"


def double(text: str) -> str:
    """Write `text` double quoted (YAML 1.2.2, section 7.3.1)."""
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _has_to_be_escaped(text: str) -> bool:
    # None of these characters is printable, and `isprintable` is faster than the pattern.
    return not text.isprintable() and _NEEDS_ESCAPE.search(text) is not None


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
