"""File names for posts: readable, safe on every system, unique, and independent of the order of the items.

In: titles as plain text, category slugs, ids, dates, and how a folder names its posts. Out: paths relative to this
folder, and slugs. Pure; which paths are taken is an argument.

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
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from aggregator.publish.posts.presets import Preset

#: Maximum number of bytes of UTF-8 in a file name, including its suffix.
MAX_BYTES = 200
_MAX_NAME = MAX_BYTES - len(".md")

#: Lengths of the digest that makes names different, tried in this order; 0: no digest.
_DIGEST_LENGTHS = (0, 8, 16, 64)
#: A title that seems to end with a full digest always gets a digest of its own, so that no item can take the last
#: possible path of another one.
_LOOKS_DIGESTED = re.compile(r"-[0-9a-f]{64}\.[a-z0-9]+\Z")

#: Only this many characters of a title are used; this bounds the work and is far more than fits.
_MAX_CHARACTERS = 2000
_MASKED = re.compile(r'[\\/:*?"<>|#%]')
_SPACE = re.compile(r"[\s-]+")
# Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties) that are neither Cc, Cf nor Cn, and the Braille blank.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
_EDGES = ".-_~ "
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9]|lpt[0-9]|index)\Z")


class Wanted(NamedTuple):
    """What the path of an item is made from."""

    category: str
    title: str
    id: str
    published_at: datetime


def post_name(title: str, fallback: str) -> str:
    """Make a file name, without its extension, from a title.

    Args:
        title: plain text.
        fallback: a safe name, used if no letter or digit of the title is left.

    Returns:
        At least one and at most `MAX_BYTES` - 3 bytes of UTF-8: every suffix has at least three.
    """
    text = _SPACE.sub("-", title[:_MAX_CHARACTERS])
    if not text.isprintable():
        text = "".join(character for character in text if unicodedata.category(character) not in _INVISIBLE)
    text = _SPACE.sub("-", unicodedata.normalize("NFC", _BLANK.sub("", text)))
    text = cut(_MASKED.sub("_", text).strip(_EDGES), _MAX_NAME)
    if not any(map(str.isalnum, text)):
        return fallback
    base, dot, rest = text.partition(".")
    if _RESERVED.match(_fold(base)):
        # Reserved names are short, far from the limit.
        text = cut(f"{base}_{dot}{rest}", _MAX_NAME)
    return text


def assign_paths(
    wanted: Sequence[Wanted], preset: Preset, taken: Callable[[Collection[str]], Set[str]]
) -> list[tuple[str, str]]:
    """Assign a path relative to the folder of the posts to every item.

    If several items of the call want one path, or the path is taken, they get the start of the SHA-256 of their ids as
    a suffix, and a longer start if that path is taken too. So the result does not depend on the order of `wanted`.

    Args:
        wanted: what the paths are made from; no two have the same category, title and id.
        preset: how the folder names its posts.
        taken: returns which of some folded paths are in use. It is called with the paths without a suffix first, and
            with longer paths only for those that are not free.

    Returns:
        For each item, in order: the path, and the path folded (NFKC, casefold), which is the same for two paths that
        differ only by case or normalization.

    Raises:
        ValueError: two items have the same category, title and id, or all paths of one item are taken.
    """
    result: dict[int, tuple[str, str]] = {}
    used: set[str] = set()
    names = [_name(one, preset) for one in wanted]
    left: Sequence[int] = range(len(wanted))
    for length in _DIGEST_LENGTHS:
        paths = {index: _path(wanted[index], names[index], preset, length) for index in left}
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


def fits(path: str, preset: Preset) -> bool:
    """Whether a post of a preset can have a path that was given for another preset."""
    name = path.rpartition("/")[2].removesuffix(preset.suffix)
    masks = _masks(preset.masked_in_names) if preset.masked_in_names else None
    return (
        path.endswith(preset.suffix)
        # A pattern may have such a character itself, as `{name}.en` does.
        and not (masks and masks.search(name) and not masks.search(_WORD.sub("", preset.path)))
        and not (preset.renamed and preset.renamed[0].search(name))
        and (not preset.dated_names or _DATE.match(name) is not None)
    )


def path_key(path: str) -> str:
    """Fold a path; the result is the same for two paths that differ only by case or normalization."""
    return _fold(path)


def _name(wanted: Wanted, preset: Preset) -> str:
    name = post_name(wanted.title, "")
    if preset.masked_in_names:
        name = _masks(preset.masked_in_names).sub("_", name).strip(_EDGES)
    if preset.renamed is not None:
        name = preset.renamed[0].sub(preset.renamed[1], name)
    return name if any(map(str.isalnum, name)) else f"post-{_digest(wanted.id)[:8]}"


@cache
def _masks(characters: str) -> re.Pattern[str]:
    return re.compile(f"[{re.escape(characters)}]")


def _path(wanted: Wanted, name: str, preset: Preset, length: int) -> str:
    """Return the path with the first `length` digits of the digest of the id."""
    suffix = (f"-{_digest(wanted.id)[:length]}" if length else "") + preset.suffix
    if preset.path == "{category}/{name}":
        return f"{wanted.category}/{cut(name, MAX_BYTES - len(suffix))}{suffix}"
    date = wanted.published_at.astimezone(UTC)
    values = {
        "category": wanted.category,
        "year": f"{date.year:04}",
        "month": f"{date.month:02}",
        "day": f"{date.day:02}",
        "id": _digest(wanted.id)[:16],
    }
    *folders, last = preset.path.split("/")
    parts = [_filled(part, name, values, MAX_BYTES) for part in folders]
    return "/".join([*parts, _filled(last, name, values, MAX_BYTES - len(suffix)) + suffix])


def _filled(pattern: str, name: str, values: Mapping[str, str], limit: int) -> str:
    """Fill one part of a pattern, with as much of the name as fits into so many bytes each time that it is there."""
    if "{name}" not in pattern:
        return pattern.format(**values)
    around = pattern.format(name="", **values)
    free = limit - len(around.encode())
    return pattern.format(name=cut(name, max(0, free // pattern.count("{name}"))), **values)


# -- slugs -------------------------------------------------------------------------------------------------------------

#: Length of the digest in a slug: so long that nobody finds an id with the digest of another one.
_SLUG_DIGEST = 16
_LOOKS_LIKE_SLUG = re.compile(rf"-[0-9a-f]{{{_SLUG_DIGEST}}}\Z")
_WORD = re.compile(r"\{[a-z]+\}")
_GAPS = re.compile(r"[-_.]*-[-_.]*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}-")


def slug_of(path: str, identity: str, preset: Preset) -> str | None:
    """Return the slug that a post states, so that no other post has its address; None: it has to state none.

    A generator drops characters from the name of a file, and two posts whose addresses are the same are one page. A
    post with such a name gets a slug of the characters that stay, with the start of the digest of its id.

    Args:
        path: the path of the post in its folder.
        identity: the id of the item.
        preset: which characters stay.
    """
    folder, _, file = path.rpartition("/")
    name = file.removesuffix(preset.suffix)
    if preset.dated_names:
        name = _DATE.sub("", name, count=1)
    digest = _digest(identity)[:_SLUG_DIGEST]
    slug = name.lower() if preset.ascii_slugs else name
    kept = "".join([one if _stays(one, preset) else "-" for one in slug])
    if kept != slug or (_LOOKS_LIKE_SLUG.search(kept) and not kept.endswith(digest)):
        slug = f"{_GAPS.sub('-', kept).strip(_EDGES) or 'post'}-{digest}"
    elif not preset.always_slug:
        return None
    return f"{folder}/{slug}" if folder and preset.slug_with_folder else slug


def _stays(character: str, preset: Preset) -> bool:
    if character.isascii():
        return character.isalnum() or character in preset.kept_in_slugs
    return not preset.ascii_slugs and unicodedata.category(character) in _WORDS


#: Letters, marks and digits.
_WORDS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd"})

# -- text --------------------------------------------------------------------------------------------------------------


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
