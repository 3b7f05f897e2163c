"""Show what a text shows only with a script or plug-in, or only without.

In: HTML as found. Out: HTML that the sanitizer reads; nothing is made safe here. The parser of the HTML standard does
not read the content of `noscript` and frames, and the sanitizer removes unknown attributes: so this comes first.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from itertools import islice

from aggregator.normalize.images import BLANK_NAME, LAZY, NOTHING, is_hidden
from aggregator.normalize.sanitizer.limits import TOKEN, attributes
from aggregator.values.markup import unescape

#: `noscript` elements of a text whose words are kept.
MAX_NOSCRIPT = 50
_CLOSED = ("noscript", "iframe", "object")
_UNREAD = re.compile(r"<(?=[nNiIoOeE])((?ai:noscript|iframe|object|embed))(?=[\s/>])")
_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE | re.ASCII) for name in _CLOSED}
_ANY_IMAGE = re.compile(r"<img\s[^<>]*>", re.IGNORECASE)
_ANY_FRAME = re.compile(r"<(?:iframe|embed)\s[^<>]*>", re.IGNORECASE)
_PARAMETER = re.compile(r"<param\s[^<>]{0,4000}>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^<>]*>")
_NO_TEXT = re.compile(r"<(script|style)\b.*?(?:</\1\b[^>]*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)

#: Elements of AMP that are elements of HTML with a prefix.
_AMP = re.compile(r"<(/?)amp-(img|anim|audio|iframe|video)(?=[\s/>])", re.IGNORECASE | re.ASCII)
_OF_AMP = {"anim": "img"}

#: Images of a text that get another address, and characters before an image in which the tag around it is searched.
_MAX_IMAGES = 5_000
_NEAR = 3_000
#: Addresses that loaders put in place of the true one, with what ends them.
_NO_ADDRESS = (
    r"(?:about|blob|data|javascript):|[\"'\s>#]"
    rf"|(?:[^\"'\s<>?#/]{{0,400}}+/){{0,40}}+(?:{NOTHING}[\"'\s/>]|(?:[^\"'\s<>?#/]{{0,400}}[_.-])?{BLANK_NAME}[?#\"'\s>])"
)
_USELESS = re.compile(_NO_ADDRESS, re.IGNORECASE)
_ODD_IMAGE = re.compile(rf"<[iI][mM][gG](?=[\s/])(?![^<>]{{0,2000}}?\s(?ai:src)=[\"']?(?!(?i:{_NO_ADDRESS})))")
#: Without a match, `reveal` and `mathml.take_out` change nothing.
ANY = re.compile(
    r"<(?=[eEiImMnNoO]|amp-)(?:(?ai:noscript|iframe|object|embed|(?:m:|mml:|mathml:)?math)(?=[\s/>])|amp-)"
)
_AROUND = re.compile(
    r"<(?!(?:a|br|col|embed|hr|img|input|param|source|track|wbr)[\s/>])[a-z][a-z0-9-]*(\s[^<>]*)>\s*", re.IGNORECASE
)
#: Names of attributes in which an address is most likely that of the image, and those in which it is not.
_TELLING = re.compile(r"src|lazy|orig")
_OF_OTHERS = re.compile(
    r"on[a-z]|(?:src|srcset|sizes|alt|title|class|style|id|name|usemap|longdesc|cite|width|height)\Z"
    r"|(?:.*-)?(?:perma)?(?:link|href|page)(?:-?url)?\Z|.*(?:caption|desc|title)"
)
_WEB = re.compile(r"(?:https?:)?//[^\s<>{}\"']{3,4000}", re.IGNORECASE)
_PATH = re.compile(r"[^\s<>{}\"':]{0,2000}/[^\s<>{}\"':]{1,2000}")
_PICTURE = re.compile(
    r"[^\s<>{}\"':]{1,4000}\.(?:jpe?g|png|gif|webp|avif|svg|bmp)(?:[?#][^\s<>{}\"']*)?", re.IGNORECASE
)
_SET = re.compile(r"[^<>{}\"']{2,20000}")


def reveal(source: str) -> str:
    """Put frames, and texts for readers without scripts, where the sanitizer finds them."""
    source = _AMP.sub(_plain_name, source)
    return "".join(_opened(source, _Rest(source))) if _UNREAD.search(source) else source


def recover_addresses(source: str) -> str:
    """Give images without a usable address the one that a script would give them."""
    return "".join(_found_addresses(source))


def _plain_name(match: re.Match[str]) -> str:
    name = match[2].lower()
    return f"<{match[1]}{_OF_AMP.get(name, name)}"


class _Rest:
    """The words of a text outside its `noscript` elements; read on first use."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.looks = 0
        self._words: str | None = None

    def says(self, words: str) -> bool:
        """Whether it has these words; after many calls always yes, because each takes time."""
        if self._words is None:
            outside = (re.split("<noscript", part, maxsplit=1, flags=re.IGNORECASE)[0] for part in self._parts())
            self._words = _words(" ".join(outside))
        self.looks += 1
        return self.looks > MAX_NOSCRIPT or words in self._words

    def _parts(self) -> list[str]:
        *parts, last = re.split("</noscript", self.source, flags=re.IGNORECASE)
        return [*parts, last.replace("<noscript", "<x-open")]


def _words(markup: str) -> str:
    return " ".join(unescape(_ANY_TAG.sub(" ", _NO_TEXT.sub(" ", markup))).split())


def _opened(source: str, rest: _Rest) -> Iterator[str]:
    """Rename the unread elements of a text, or replace them by their content."""
    at = 0
    closed = dict.fromkeys(_CLOSED, True)
    while (start := _UNREAD.search(source, at)) is not None:
        name = start[1].lower()
        yield source[at : start.start()]
        if name == "embed":
            tag = TOKEN.match(source, start.start())
            if tag is None or not tag[4]:
                # The document ends inside the tag.
                return
            yield _frame(attributes(tag[3]))
            at = tag.end()
            continue
        end = _END[name].search(source, start.end()) if closed.get(name) else None
        closed[name] = end is not None
        inside = 0 if end is None else source.find(">", start.end(), end.start()) + 1
        if end is None or not inside:
            # Not closed: all that follows would be its content. Only the tag is renamed, so that it is removed.
            yield "<x-open"
            at = start.end()
            continue
        found = attributes(source[start.end() : inside - 1])
        content = source[inside : end.start()]
        if name == "noscript":
            yield from _without_script(content, rest)
        else:
            yield _frame(found) if name == "iframe" else _object(found, content)
        yield "</x-open"
        at = end.end()
    yield source[at:]


def _without_script(content: str, rest: _Rest) -> Iterator[str]:
    """Return the content of a `noscript`, unless the text beside it says the same; else its images and frames."""
    says = _words(content)
    if says and not rest.says(says):
        yield from _opened(content, rest)
        return
    yield f"<x-noscript>{''.join(_ANY_IMAGE.findall(content))}</x-noscript>"
    for tag in _ANY_FRAME.findall(content):
        yield _frame(attributes(tag[1:-1]))


def _object(found: Mapping[str, str], content: str) -> str:
    """Replace an `object` by its picture, a link to it, or its content for readers without the plug-in."""
    address = found.get("data", "")
    if address and found.get("type", "").lower().startswith("image/"):
        return f'<img src="{html.escape(address)}">'
    parameters = (attributes(tag[1:-1]) for tag in _PARAMETER.findall(content))
    named = {one.get("name", "").lower(): one.get("value", "") for one in parameters}
    address = address or next(filter(None, map(named.get, ("movie", "src", "url", "filename"))), "")
    frames = [{**found, "src": address}] if address else [attributes(tag[1:-1]) for tag in _ANY_FRAME.findall(content)]
    return "".join(map(_frame, frames)) or _UNREAD.sub("<x-open", content)


def _frame(found: Mapping[str, str]) -> str:
    """Replace a frame by a placeholder from which a link is made; "" if it is invisible."""
    address = found.get("src", "").strip()
    if not _WEB.match(address) and not _PATH.match(address):
        address = _lazy(found, telling=True)[0]
    if not address or is_hidden(found):
        return ""
    title = found.get("title", "")
    return f'<x-iframe src="{html.escape(address)}" title="{html.escape(title)}"></x-iframe>'


def _found_addresses(source: str) -> Iterator[str]:
    at = read = 0
    for match in islice(_ODD_IMAGE.finditer(source), _MAX_IMAGES):
        if match.start() < read:
            continue
        tag = TOKEN.match(source, match.start())
        if tag is None or not tag[4]:
            break
        read = tag.end()
        found = attributes(tag[3])
        if not all(_is_useless(found.get(name, "")) for name in ("src", *LAZY)):
            continue
        address, candidates = _lazy(found)
        if not address and not candidates and "srcset" not in found:
            begin = source.rfind("<", max(0, match.start() - _NEAR), match.start())
            around = _AROUND.fullmatch(source, begin, match.start()) if begin >= 0 else None
            address, candidates = ("", "") if around is None else _lazy(attributes(around[1]), telling=True)
        yield source[at : match.end()]
        # The first of two attributes with one name counts.
        yield f' data-src="{html.escape(address)}"' if address else ""
        yield f' data-srcset="{html.escape(candidates)}"' if candidates else ""
        at = match.end()
    yield source[at:]


def _lazy(found: Mapping[str, str], *, telling: bool = False) -> tuple[str, str]:
    """Return the address and the candidates that a loader keeps in attributes of any name.

    Args:
        telling: only in attributes whose names suggest it.
    """
    address = candidates = ""
    for name, value in sorted(found.items(), key=lambda item: _TELLING.search(item[0]) is None):
        says = _TELLING.search(name) is not None
        value = value.strip()
        if (telling and not says) or _OF_OTHERS.match(name) or _is_useless(value):
            continue
        if name.endswith("set"):
            candidates = candidates or (value if _SET.fullmatch(value) and "." in value else "")
        elif not address and (
            _WEB.fullmatch(value) or _PICTURE.fullmatch(value) or (says and _PATH.fullmatch(value) is not None)
        ):
            address = value
    return address, candidates


def _is_useless(address: str) -> bool:
    return _USELESS.match(f'{address.strip()}"') is not None
