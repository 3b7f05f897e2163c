"""Titles, names and tags in, plain text on one line out: NFC, printable, of bounded length.

What a reader cannot see, or what changes how the text around it is read, is removed. Nothing is escaped here: every
writer escapes for its own format.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote

from aggregator.models import Text
from aggregator.values.markup import ELEMENTS, INLINE, unescape

MAX_TITLE = 500
#: Length of a title that is made from the text.
MAX_FALLBACK = 80
UNTITLED = "Untitled"
MAX_AUTHOR = 200
MAX_AUTHORS = 50
MAX_TAG = 100
MAX_TAGS = 50
#: Characters of a field that are examined; later ones cannot be shown anyway.
_LOOKED_AT = 8_000

_INLINE = re.compile(rf"</?(?:{'|'.join(sorted({*INLINE, 'nobr'}))})(?:[\s/][^<>]*)?>", re.IGNORECASE)
_BREAK = re.compile(r"<br(?:[\s/][^<>]*)?>", re.IGNORECASE)
_WRAPPED = re.compile(r"\s*<(p|div|h[1-6])(?:\s[^<>]*)?>(.*)</\1>\s*", re.IGNORECASE | re.DOTALL)
#: What is certainly a tag: it ends after its name, or has an attribute; or a comment or declaration.
_TAG = re.compile(
    r"""<(?:/?([A-Za-z][A-Za-z0-9:-]*+)(?:\s*+/?>|\s(?=[^<>]*=)[^<>]*+>|\s(?=[^<>]*?=\s*+["']))|!--|!\[CDATA\[|!doctype\s)""",
    re.IGNORECASE,
)
#: A `<` whose name would go on with what no name contains: formulas and code.
_NO_TAG = re.compile(r"<(?=/?[A-Za-z][A-Za-z0-9:._-]*+[$^\\{}()=+*,;|&])")
_REFERENCES = re.compile(r"&(?:#[0-9]++|#[xX][0-9a-fA-F]++|[A-Za-z][A-Za-z0-9]{1,31}+);")
#: A dot and what may be a top-level domain, or an address of a machine.
_DOMAIN = re.compile(r"\w\.(?:[^\W\d_]{2,}|xn--[\w-]+|[0-9]+)")
_END_TAG = re.compile(r"</[A-Za-z][A-Za-z0-9]*+\s*+>")

#: Controls, surrogates, noncharacters, invisible format characters, and marks that change the direction of text.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000))
    + "]|(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0000-\U000e00ff]+"
)
#: Zero-width joiners have a meaning only between emoji and in scripts from Hebrew to Mongolian.
_JOINED = "[\u0590-\u1cff\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]"
_IDLE_JOINER = re.compile(f"(?<!{_JOINED})[\u200c\u200d]|[\u200c\u200d](?!{_JOINED})")
#: Invisible characters that count as printable: fillers, and marks that show nothing.
_FILLERS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]")


def has_markup(text: str) -> bool:
    """Whether a text that is declared as HTML has markup other than references.

    Unknown names are not tags, and neither is what has no attribute: `n<m and k>2` is text.
    """
    if "<" not in text:
        return False
    for match in _TAG.finditer(text):
        name = match[1]
        if name is None or name.lower() in ELEMENTS or ":" in name or "-" in name:
            return True
    return False


def escape_formulas(markup: str) -> str:
    """Escape a `<` that does not start a tag, so that it does not remove the text up to the next `>`."""
    return _NO_TAG.sub("&lt;", markup)


def resolve_references(text: str) -> str:
    """Resolve the character references of a plain text; without `;` they are part of an address: `?a=1&copy=2`."""
    return _REFERENCES.sub(lambda match: unescape(match[0]), text) if "&" in text else text


def tidy_line(text: str, limit: int) -> str:
    """Put a text on one line, in NFC, without invisible characters, at most `limit` characters long."""
    seen = text[:_LOOKED_AT]
    # Most texts have nothing to remove, and these tests are fast.
    if not seen.isprintable() or not (seen.isascii() or _FILLERS.search(seen) is None):
        seen = _IDLE_JOINER.sub("", _INVISIBLE.sub("", seen))
    # Ordering many combining marks takes time that grows with the square of their number.
    begin = " ".join(seen.split())[: 4 * limit]
    return shorten(unicodedata.normalize("NFC", begin), limit)


def shorten(text: str, limit: int) -> str:
    """Cut a text that is longer than `limit` characters, with `…` at its end, and not inside a grapheme."""
    if len(text) <= limit:
        return text
    end = limit - 1
    # A longer cluster is not writing; it is cut anywhere.
    for back in range(end, max(end - 64, 0), -1):
        if _may_cut(text, back):
            end = back
            break
    return text[:end].rstrip() + "…"


def plain_title(title: Text) -> str:
    """Make a title plain text; "" where nothing is left.

    In HTML, the tags of inline formatting are removed and references resolved. Any other tag stays as text: titles
    about markup are far more frequent than titles with block elements, which go only around the whole title.
    """
    value = title.value[:_LOOKED_AT]
    if title.type == "html":
        if "<" in value:
            wrapped = _WRAPPED.fullmatch(value)
            value = value if wrapped is None else wrapped[2]
            value = _INLINE.sub("", _BREAK.sub(" ", value))
        value = unescape(value)
    return tidy_line(value, MAX_TITLE)


def fallback_title(words: str, url: str | None) -> str:
    """Make a title for an entry that has none: the beginning of its text, else the last part of its address."""
    words = tidy_line(words, MAX_TITLE)
    if words:
        begin = shorten(words, MAX_FALLBACK)
        at_word = begin.rpartition(" ")[0]
        return begin if begin == words or len(at_word) < MAX_FALLBACK // 2 else at_word + "…"
    path = "" if url is None else unquote(url.partition("://")[2].partition("?")[0].partition("#")[0])
    name = path.rstrip("/").rpartition("/")[2]
    return tidy_line(re.sub(r"\.[A-Za-z]{3,5}\Z", "", name) if "/" in path.rstrip("/") else name, MAX_TITLE) or UNTITLED


def clean_authors(raw: Sequence[str]) -> tuple[str, ...]:
    """Clean the names of authors, each once; mail addresses are not published.

    ``mail (name)`` and ``name <mail>`` give the name, an address alone gives its part before the ``@``. Markup around
    a name is removed, here and in tags.
    """
    return _unique([_author(name[:_LOOKED_AT]) for name in raw[:MAX_AUTHORS]], MAX_AUTHORS)


def clean_tags(raw: Sequence[str]) -> tuple[str, ...]:
    """Clean the tags, each once in any letter case, at most `MAX_TAGS`."""
    return _unique([_tag(tag[: 10 * MAX_TAG]) for tag in raw[: 20 * MAX_TAGS]], MAX_TAGS)


@lru_cache(maxsize=256)
def _tag(raw: str) -> str:
    return tidy_line(unescape(_unlinked(raw)), MAX_TAG)


# The entries of a feed share their authors and tags.
@lru_cache(maxsize=256)
def _author(raw: str) -> str:
    name = tidy_line(unescape(_unlinked(raw)), 2 * MAX_AUTHOR)
    if "@" in name:
        words = re.split(r"([\s<>()\[\],;:\"]+)", name)
        mails = [word for word in words if _is_mail(word)]
        rest = "".join(word for word in words if not _is_mail(word) and word.lower() != "mailto")
        name = re.sub(r"<[\s:]*>|\([\s:]*\)|\[[\s:]*\]", "", rest).strip()
        if name.startswith("(") and name.endswith(")"):
            name = name[1:-1]
        name = name.strip(' "<>,;:') or (mails[0].partition("@")[0] if mails else "")
    return tidy_line(name, MAX_AUTHOR)


def _unlinked(name: str) -> str:
    """Remove the inline tags from a name, if one is closed and if anything is left then."""
    if "<" not in name or not _END_TAG.search(name):
        return name
    return _INLINE.sub("", name).strip() or name


def _is_mail(word: str) -> bool:
    """Whether a word may be a mail address.

    ``@name`` and ``@name@server`` are names in social networks, and ``L@ra`` is a name.
    """
    name, at, domain = word.rpartition("@")
    return bool(at and name and not word.startswith("@") and _DOMAIN.search(domain))


def _unique(values: Sequence[str], limit: int) -> tuple[str, ...]:
    if len(values) < 2:
        return tuple(filter(None, values))
    found: dict[str, str] = {}
    for value in values:
        if value and len(found) < limit:
            found.setdefault(value.casefold(), value)
    return tuple(found.values())


def _may_cut(text: str, at: int) -> bool:
    """Whether a text may be cut before this place (the main rules of UAX 29, section 3.1.1)."""
    before, after = text[at - 1], text[at]
    if before == "\u200d" or after in "\u200c\u200d" or unicodedata.category(after) in ("Mn", "Mc", "Me"):
        return False
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return False
    if "\u1100" <= before <= "\u11ff" and "\u1160" <= after <= "\u11ff":
        return False
    if not ("\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff"):
        return True
    # Flags are pairs of letters: count how many letters stand before.
    start = at
    while start > 0 and "\U0001f1e6" <= text[start - 1] <= "\U0001f1ff":
        start -= 1
    return (at - start) % 2 == 0
