"""The attributes of an image in; its address out, and whether it is a picture of what the text is about.

Lazy loaders keep the true address in an attribute of their own. The attributes of those that have a smaller image in
`src` are listed here; where `src` is useless, `sanitizer.fallbacks` finds the address in any attribute.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from aggregator.values.urls import resolve

#: Attributes in which lazy loaders keep the true address, the most reliable first.
LAZY = (
    "data-original",
    "data-original-src",
    "data-actualsrc",
    "data-lazy-src",
    "data-src",
    "data-lazyload",
    "data-lazy",
    "data-echo",
)
_ADDRESSES = (*LAZY, "src")
LAZY_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set")

#: Longest `srcset` that is read, in characters.
MAX_SRCSET = 20_000

#: A comma at the end of an address ends the candidate, which then has no descriptor.
_CANDIDATE = re.compile(r"[\s,]*+([^\s,][^\s]*+)(?:(?<=,)|((?:\s++[^\s,()]++)*+)\s*+(?:,|\Z))")
_EDGES = " \t\r\n\f,"
_SEPARATORS = re.compile(rf"[{_EDGES}]+")
_DESCRIPTOR = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([wxh])")
#: The name, or its end, of an image that shows nothing; and how it stands in an address.
BLANK_NAME = (
    r"(?i:(?:blank|spacer|transparent|1x1|pixel|grey|lazy-?load(?:er|ing)?|loading|placeholder)\.(?:gif|png|svg|webp)"
    r"|(?<=/pagespeed_static/)1\.[a-z0-9_-]{1,40}\.gif)"
)
BLANK = rf"[/_.-](?=(?i:[1bglpst])){BLANK_NAME}"
_BLANK = re.compile(rf"{BLANK}(?:[?#]|\Z)")
#: What a template or script writes where it has no address.
NOTHING = r"(?i:undefined|null|none|nan|false|true|\[object(?:%20|\+| )object\])"
_NOTHING = re.compile(rf"(?:.*/)?{NOTHING}/?")
#: Height or width in pixels up to which an image stands in a line of text.
SMALL = 32
_SIZE = re.compile(r"\s*([0-9]{1,5}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})\s*(|px|r?em)\s*(?:!\s*important\s*)?", re.IGNORECASE)
_HIDDEN = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
#: Longest text that an image of an emoji stands for, in characters.
MAX_EMOJI = 32
_EMOJI = re.compile(
    "(?:[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff][\ufe0e\ufe0f\u200d\u20e3\U000e0020-\U000e007f]*+|[0-9#*]\ufe0f?\u20e3)+"
)
_EMOJI_CLASS = re.compile(
    r"(?:^|\s)(?:wp-smiley|(?:custom-|tw)?emoji(?:one)?|smiley|smilie|emoticon)(?:\s|\Z)", re.IGNORECASE
)
#: Folder of images that stand for characters.
EMOJI_PATH = r"/(?i:twemoji|smilies|smileys|emoticons?|emojis?)[@/]"
_EMOJI_ADDRESS = re.compile(EMOJI_PATH)
#: Addresses of pictures of people, of emoji, and of counting pixels, in lower case. Each begins with a character that
#: keeps the search fast.
_NO_PICTURE = re.compile(
    r"/(?:avatars?|profile_images|twemoji|smilies|smileys|emoticons?|emojis?|~r|/feeds\.wordpress\.com/1\.0)[/@]"
    r"|//[^/]*gravatar\.com/|//avatars[^/]*\.githubusercontent\.com/|//(?:pixel|stats)\.(?:wp|wordpress)\.com/"
    r"|//feeds\.feedburner\.com/~|//[^/]*(?:doubleclick\.net|google-analytics\.com)/"
    r"|[/_.-](?:tracking|counter|open)\.(?:gif|png)(?:[?#]|\Z)"
)
_NO_PICTURE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:avatar|gravatar|emoji|wp-smiley|smiley|emoticon)(?:[\s_-]|\Z)", re.IGNORECASE
)
_TINY = re.compile(r"\s*[01](?:\.0*)?(?:px)?\s*", re.IGNORECASE)
_STYLE_SIZE = re.compile(r"(?:^|;)\s*(width|height)\s*:([^;]*)", re.IGNORECASE)

#: Address and descriptor ("" or such as ``2x``, ``640w``).
Candidate = tuple[str, str]


def candidates(srcset: str, base: str | None) -> tuple[Candidate, ...]:
    """Return the usable images of a `srcset`, their addresses absolute (HTML standard, section 4.8.4.2.1)."""
    if len(srcset) > MAX_SRCSET:
        return ()
    found = []
    for link, descriptor in _split(srcset):
        url = resolve(link, base)
        if url is not None and not _BLANK.search(url):
            found.append((url, descriptor))
    return tuple(found)


def clean_srcset(srcset: str, base: str | None) -> str:
    """Make the addresses of a `srcset` absolute; "" where nothing in it is usable."""
    clean = ", ".join(f"{url} {descriptor}".rstrip() for url, descriptor in candidates(srcset, base))
    # What was removed must not come back: browsers understand some of it.
    return srcset if _SEPARATORS.split(srcset.strip(_EDGES)) == _SEPARATORS.split(clean) else clean


def image_address(attributes: Mapping[str, str], base: str | None, offered: Sequence[Candidate]) -> str | None:
    """Choose the address to show, absolute; None where the image has none.

    Args:
        attributes: attributes of the `img` element.
        offered: candidates of the `source` elements before it.
    """
    for name in _ADDRESSES:
        link = attributes.get(name)
        if link and not _NOTHING.fullmatch(link.strip()):
            url = resolve(link, base)
            if url is not None and url != base and not _BLANK.search(url) and not _NOTHING.fullmatch(url):
                return url
    for name in (*LAZY_SETS, "srcset"):
        if largest := _largest(candidates(attributes.get(name, ""), base)):
            return largest
    return _largest(offered)


def is_pixel(attributes: Mapping[str, str]) -> bool:
    """Whether the image is at most one pixel high and wide: it counts readers and shows nothing."""
    sizes = {name: attributes[name] for name in ("width", "height") if name in attributes}
    if len(sizes) < 2 and "style" in attributes:
        sizes = {name.lower(): value for name, value in _STYLE_SIZE.findall(attributes["style"])} | sizes
    return len(sizes) == 2 and all(_TINY.fullmatch(value) for value in sizes.values())


def is_hidden(attributes: Mapping[str, str]) -> bool:
    """Whether the element is not meant to be seen."""
    return "hidden" in attributes or is_pixel(attributes) or _HIDDEN.search(attributes.get("style", "")) is not None


def is_emoji(attributes: Mapping[str, str]) -> bool:
    """Whether the image stands for a character, which is its alternative text."""
    alt = attributes.get("alt", "").strip()
    if not alt or len(alt) > MAX_EMOJI:
        return False
    return (
        _EMOJI_CLASS.search(attributes.get("class", "")) is not None
        or _EMOJI_ADDRESS.search(attributes.get("src", "")) is not None
        or (_EMOJI.fullmatch(alt) is not None and _is_in_line(attributes))
    )


def is_picture(url: str, attributes: Mapping[str, str] | None = None) -> bool:
    """Whether an image shows what the text is about: no emoji, avatar, spacer or counting pixel, and no icon.

    Args:
        url: its absolute address.
        attributes: the relevant attributes, if it is an `img` element of a clean text, which has no blank images.
    """
    if _NO_PICTURE.search(url.lower()):
        return False
    if attributes is None:
        return _BLANK.search(url) is None
    return not (_NO_PICTURE_CLASS.search(attributes.get("class", "")) or _is_in_line(attributes))


def _is_in_line(attributes: Mapping[str, str]) -> bool:
    sizes = [attributes[name] for name in ("width", "height") if name in attributes]
    if "style" in attributes:
        sizes += [value for _, value in _STYLE_SIZE.findall(attributes["style"])]
    return any(map(_is_small, sizes))


def _is_small(size: str) -> bool:
    match = _SIZE.fullmatch(size)
    return match is not None and float(match[1]) * (1 if match[2].lower() in ("", "px") else 16) <= SMALL


def _split(srcset: str) -> Iterator[Candidate]:
    at = 0
    while match := _CANDIDATE.match(srcset, at):
        link, descriptor = match[1].rstrip(","), (match[2] or "").strip()
        at = match.end()
        if not descriptor or _DESCRIPTOR.fullmatch(descriptor):
            yield link, descriptor


def _largest(found: Sequence[Candidate]) -> str | None:
    def size(candidate: Candidate) -> float:
        match = _DESCRIPTOR.fullmatch(candidate[1])
        return float(match[1]) if match else 1.0

    return max(found, key=size)[0] if found else None
