"""The attributes of an image as found in, one that shows without a script out.

Lazy loaders keep the true address in an attribute of their own and a blank in `src`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from aggregator.normalize.urls import resolve

#: Attributes in which lazy loaders keep the true address, the most telling first.
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
#: Those that also mean other things: they count only where `src` is of no use.
DOUBTFUL = ("data-url", "data-image", "data-croporisrc", "data-backsrc", "zoomfile", "file", "original", "real_src")
_ADDRESSES = (*LAZY, "src", *DOUBTFUL)
LAZY_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set")

#: Longest `srcset` that is read, in characters.
MAX_SRCSET = 20_000

#: A comma at the end of an address ends the candidate, which then has no descriptor.
_CANDIDATE = re.compile(r"[\s,]*+([^\s,][^\s]*+)(?:(?<=,)|((?:\s++[^\s,()]++)*+)\s*+(?:,|\Z))")
_EDGES = " \t\r\n\f,"
_SEPARATORS = re.compile(rf"[{_EDGES}]+")
_DESCRIPTOR = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([wxh])")
#: Name of an image that shows nothing.
BLANK = (
    r"[/_.-](?i:(?:blank|spacer|transparent|1x1|pixel|grey|lazy-?load(?:er|ing)?|loading|placeholder)"
    r"\.(?:gif|png|svg|webp))"
)
_BLANK = re.compile(rf"{BLANK}(?:[?#]|\Z)")
#: What a template or script leaves where it had no address to put.
NOTHING = r"(?i:undefined|null|none|nan|false|true|\[object(?:%20|\+| )object\])"
_NOTHING = re.compile(rf"(?:.*/)?{NOTHING}/?")
_TINY = re.compile(r"\s*[01](?:\.0*)?(?:px)?\s*", re.IGNORECASE)
_STYLE_SIZE = re.compile(r"(?:^|;)\s*(width|height)\s*:([^;]*)", re.IGNORECASE)

#: Address and descriptor ("" or such as ``2x``, ``640w``).
Candidate = tuple[str, str]


def candidates(srcset: str, base: str | None) -> tuple[Candidate, ...]:
    """The usable images of a `srcset`, their addresses absolute (HTML standard, section 4.8.4.2.1)."""
    if len(srcset) > MAX_SRCSET:
        return ()
    found = []
    for link, descriptor in _split(srcset):
        url = resolve(link, base)
        if url is not None and not _BLANK.search(url):
            found.append((url, descriptor))
    return tuple(found)


def clean_srcset(srcset: str, base: str | None) -> str:
    """The same `srcset` with absolute addresses, or "" where nothing in it can be used."""
    clean = ", ".join(f"{url} {descriptor}".rstrip() for url, descriptor in candidates(srcset, base))
    # What was left out must not come back: browsers understand some of it.
    return srcset if _SEPARATORS.split(srcset.strip(_EDGES)) == _SEPARATORS.split(clean) else clean


def choose(attributes: Mapping[str, str], base: str | None, offered: Sequence[Candidate]) -> str | None:
    """The address to show, absolute; None where the image has none.

    Args:
        attributes: of the `img` element.
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
