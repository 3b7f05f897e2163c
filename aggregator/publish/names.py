"""File names for posts: readable, safe on every system, unique, and independent of the order of the items.

In: titles as plain text, category slugs, ids. Out: paths relative to `posts/`. Pure; which paths are taken is an
argument.

A name is the title in NFC with as little changed as possible:

- white space becomes one ``-``, as Hexo's own `titlecase` file names have it;
- ``\\ / : * ? " < > |`` become ``_`` (Windows forbids them), and so do ``#`` and ``%``, which have a meaning in a URL
  and which Hexo and browsers escape differently; everything else that a URL can carry percent-encoded stays;
- control, format (bidi, zero width), unassigned and other invisible characters are dropped;
- leading and trailing ``. - _ ~`` are dropped: hidden files, command options, and names that Hexo and Jekyll skip;
- names that Windows reserves (with any extension) and ``index`` (a bundle to Hugo) get a ``_``;
- a name without any letter or digit is not used: generators that keep only letters and digits in addresses would put
  all such posts at one address, that of the section;
- it is cut at a grapheme boundary before the file name exceeds 200 bytes of UTF-8.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Sequence, Set

#: Maximum number of bytes of UTF-8 in a file name, including ``.md``.
MAX_BYTES = 200
EXTENSION = ".md"

#: Lengths of the digest that makes names different, tried in this order; 0: no digest.
_DIGEST_LENGTHS = (0, 8, 16, 64)
#: A title that seems to end with a full digest always gets a digest of its own, so that no item can take the last
#: possible path of another one.
_LOOKS_DIGESTED = re.compile(rf"-[0-9a-f]{{64}}{re.escape(EXTENSION)}\Z")

#: Only this many characters of a title are used; this bounds the work and is far more than fits.
_MAX_CHARACTERS = 2000
_MASKED = re.compile(r'[\\/:*?"<>|#%]')
_SPACE = re.compile(r"[\s-]+")
# Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties) that are neither Cc, Cf nor Cn, and the Braille blank.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
_EDGES = ".-_~ "
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9]|lpt[0-9]|index)\Z")

Wanted = tuple[str, str, str]
"""Slug of the category, title, id."""


def post_name(title: str, fallback: str) -> str:
    """Make a file name, without its extension, from a title.

    Args:
        title: plain text.
        fallback: a safe name, used if no letter or digit of the title is left.

    Returns:
        At least one and at most `MAX_BYTES` - 3 bytes of UTF-8.
    """
    text = _SPACE.sub("-", title[:_MAX_CHARACTERS])
    if not text.isprintable():
        text = "".join(character for character in text if unicodedata.category(character) not in _INVISIBLE)
    text = _SPACE.sub("-", unicodedata.normalize("NFC", _BLANK.sub("", text)))
    text = cut(_MASKED.sub("_", text).strip(_EDGES), MAX_BYTES - len(EXTENSION))
    if not any(map(str.isalnum, text)):
        return fallback
    base, dot, rest = text.partition(".")
    if _RESERVED.match(_fold(base)):
        # Reserved names are short, far from the limit.
        text = cut(f"{base}_{dot}{rest}", MAX_BYTES - len(EXTENSION))
    return text


def assign_paths(wanted: Sequence[Wanted], taken: Callable[[Collection[str]], Set[str]]) -> list[tuple[str, str]]:
    """Assign a path relative to `posts/` to every item.

    If several items of the call want one path, or the path is taken, they get the start of the SHA-256 of their ids as
    a suffix, and a longer start if that path is taken too. So the result does not depend on the order of `wanted`.

    Args:
        wanted: slug, title and id of each item; no two have the same slug, title and id.
        taken: returns which of some folded paths are in use. It is called with the paths without a suffix first, and
            with longer paths only for those that are not free.

    Returns:
        For each item, in order: the path, and the path folded (NFKC, casefold), which is the same for two paths that
        differ only by case or normalization.

    Raises:
        ValueError: two items have the same slug, title and id, or all paths of one item are taken.
    """
    result: dict[int, tuple[str, str]] = {}
    used: set[str] = set()
    named = [(slug, post_name(title, "") or f"post-{_digest(identity)[:8]}") for slug, title, identity in wanted]
    left: Sequence[int] = range(len(wanted))
    for length in _DIGEST_LENGTHS:
        paths = {index: _path(*named[index], wanted[index][2], length) for index in left}
        keys = {index: _fold(path) for index, path in paths.items()}
        count = Counter(keys.values())
        used |= taken(count)
        for index, key in keys.items():
            if count[key] == 1 and key not in used and (length or not _LOOKS_DIGESTED.search(key)):
                result[index] = (paths[index], key)
        left = [index for index in left if index not in result]
        if not left:
            break
        used.update(key for _, key in result.values())
    if left:
        raise ValueError(f"no path is left for {wanted[left[0]]}: it has one already")
    return [result[index] for index in range(len(wanted))]


def path_key(path: str) -> str:
    """Fold a path; the result is the same for two paths that differ only by case or normalization."""
    return _fold(path)


def _path(slug: str, name: str, identity: str, length: int) -> str:
    """Return the path with the first `length` digits of the digest of the id."""
    suffix = f"-{_digest(identity)[:length]}" if length else ""
    return f"{slug}/{cut(name, MAX_BYTES - len(EXTENSION) - len(suffix))}{suffix}{EXTENSION}"


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode("utf-8", errors="surrogatepass")).hexdigest()


def _fold(text: str) -> str:
    """NFKC, casefold and NFKC again: casefolding can undo the normalization."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def cut(text: str, limit: int) -> str:
    """Cut `text` to at most `limit` bytes of UTF-8, at a grapheme boundary, without edge characters at its end."""
    if len(text) * 4 <= limit or len(text.encode()) <= limit:
        return text
    end = len(text.encode()[:limit].decode(errors="ignore"))
    while end and not _is_boundary(text, end):
        end -= 1
    return text[:end].rstrip(_EDGES)


def _is_boundary(text: str, at: int) -> bool:
    """Whether a grapheme may end before `text[at]` (UAX #29, as far as it matters without joiners and NFD Hangul)."""
    before, after = text[at - 1], text[at]
    if unicodedata.category(after).startswith("M") or unicodedata.combining(before) == 9:
        return False
    if "\U0001f3fb" <= after <= "\U0001f3ff":
        return False
    if _is_regional(after):
        run = len(text[:at]) - len(text[:at].rstrip(_REGIONAL))
        return run % 2 == 0
    return not ("\u1100" <= before <= "\u11ff" and "\u1160" <= after <= "\u11ff")


_REGIONAL = "".join(map(chr, range(0x1F1E6, 0x1F200)))


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
