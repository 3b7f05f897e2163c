"""Sanitized HTML in, the same with absolute addresses, harmless styles and visible images out.

The input is the canonical form of the sanitizer; the output goes back to the sanitizer, or is known to be `settled`.
Most tags need no change, and one pattern finds those that may; `Rewriter` rewrites them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache, partial

from aggregator.normalize.images import (
    BLANK,
    EMOJI_PATH,
    LAZY,
    LAZY_SETS,
    NOTHING,
    Candidate,
    candidates,
    clean_srcset,
    image_address,
    is_emoji,
    is_pixel,
)
from aggregator.normalize.sanitizer.allowlist import STRICT
from aggregator.normalize.sanitizer.styles import bounded_fonts, font_factor, may_grow, safe_style
from aggregator.values.markup import attribute_value, unescape
from aggregator.values.urls import ORIGIN, plain_origin, resolve

_ATTRIBUTES = r'(?: [^ "=<>]+="[^"]*")'
#: Tags with attributes, and images without, which may get an address from elsewhere.
_TAG = re.compile(rf"<([a-z][a-z0-9-]*)({_ATTRIBUTES}++|(?<=<img))>")
_ATTRIBUTE = re.compile(r' ([^ "=<>]+)="([^"]*)"')
_PRE = re.compile(rf"(<pre{_ATTRIBUTES}*+>)\n+")
_LEFT_OVER = re.compile(r"<(?:/?x-|img>|pre[^<>]*>\n)")
_GONE = re.compile(r"</?x-(?:noscript|iframe)>|<img>")
#: What XML cannot hold (XML 1.0, section 2.2), and what parsing the text again would change.
_ILLEGAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
#: The opposite: to match a whole text is faster than to search it.
_LEGAL = re.compile("[\t\n\x20-\x7e\xa0-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*+")
#: The illegal characters of ASCII.
_CONTROLS = bytes([*range(0x09), *range(0x0B, 0x20), 0x7F])

_LINKS = frozenset("href src poster cite".split())
#: Elements other than images that may have one of them.
_LINKED = frozenset("a audio blockquote del ins q track video".split())
#: An address that `resolve` does not change, and what follows the `/` of a path that it puts behind the origin of the
#: base: both as the sanitizer writes them, and neither near a limit of length.
_PLAIN = (
    rf"(?=[^\"]{{1,2000}}\"){ORIGIN}"
    r"(?:[/?#][!#-%'-;=?-\[\]^_a-z{|}~]*+(?:&amp;[!#-%'-;=?-\[\]^_a-z{|}~]*+)*+)?"
)
_ROOTED = (
    r"(?=[^\"]{0,1000}\")(?![/.])"
    r"[!#-%'-.0-;=?-\[\]^_a-z{|}~]*+(?:(?:&amp;|/(?!\.))[!#-%'-.0-;=?-\[\]^_a-z{|}~]*+)*+"
)
_STYLE = ' style="'
#: Elements other than images that have sizes; and sizes that are larger than a column, or than any image.
_SIZED = frozenset("col colgroup hr table td th tr video".split())
_SIZES = frozenset("height width".split())
_VAST = r"[\s+]*0*(?:(?:[89]|[1-9][0-9])[0-9]{2}|[0-9]{5}|(?!100%)[1-9][0-9]{2}(?:\.[0-9]*)?%)"
_IS_VAST = re.compile(_VAST)
_IS_VAST_IMAGE = re.compile(r"[\s+]*0*[0-9]{5}")
#: A link to a path from the root. It is in a tag, and not in text that looks like one: there, `>` is escaped.
_ROOTED_LINK = re.compile(rf' href="/(?={_ROOTED}"{_ATTRIBUTES}*+>)')
#: The attributes of an image that `Rewriter._image` does not change if its address is not the base: none of a lazy
#: loader, no address of a blank image, no size of a counting pixel, no sign of an emoji.
_ORDINARY_IMAGE = (
    rf'(?={_ATTRIBUTES}*? src=")(?: (?:'
    r'(?:alt|title|lang|dir|align|border|hspace|vspace|loading|decoding|sizes)="[^"]*"'
    r'|class="(?![^"]*(?i:emoji|smil|emoticon))[^"]*"|(?:width|height)="(?:[4-9][0-9]|[1-9][0-9]{2,3})(?![0-9])[^"]*"'
    rf'|src="(?!(?:[^"]*/)?{NOTHING}/?"|[^"]*(?:{BLANK}[?#"]|{EMOJI_PATH})){_PLAIN}"'
    r"))++"
)
#: Tags that may need a change where all styles are harmless, and those that leave something to remove. The first letter
#: excludes most others.
_ADDRESSED_TAG = re.compile(
    r"<(?=[abcdhiqtvx]|pre|source)"
    rf"(img(?!{_ORDINARY_IMAGE}>)|source|x-[a-z0-9-]+|pre(?={_ATTRIBUTES}*+>\n)"
    rf"|(?:{'|'.join(sorted(_LINKED))})"
    rf"(?={_ATTRIBUTES}*? (?:(?:{'|'.join(sorted(_LINKS))})=\"(?!{_PLAIN}\")|target=\"_[bB]))"
    r"|(?:big|h[123])(?=[ >])"
    rf"|(?:{'|'.join(sorted(_SIZED))})(?={_ATTRIBUTES}*? (?:{'|'.join(sorted(_SIZES))})=\"{_VAST}))"
    rf"({_ATTRIBUTES}*+)>"
)
#: The attributes that replace those of lazy loaders.
_PROPER = {**dict.fromkeys(LAZY, "src"), **dict.fromkeys(LAZY_SETS, "srcset")}
_REPLACED = frozenset({"src", "srcset", "style"})
_CONTACT = re.compile(r"(?:mailto|tel):[^\s\"<>]+", re.IGNORECASE)

#: Links that open a window that gets access to the page with the link.
_WINDOW = re.compile(
    rf'(?={_ATTRIBUTES}*? target="(?i:_blank)")(?!{_ATTRIBUTES}*? rel="[^"]*\b(?i:noopener|noreferrer)\b)'
    rf"\A({_ATTRIBUTES}*+)\Z"
)
_LARGE = frozenset("big h1 h2 h3".split())
_REL = re.compile(r' rel="([^"]*)"')
_MAX_RELATIONS = 4

_NOSCRIPT = re.compile(r"<x-noscript>(.*?)</x-noscript>", re.DOTALL)
#: What may stand between an image and the `noscript` that repeats it: nothing that is visible.
_UNSEEN = rf"(?:\s|<(?!img)/?[a-z][a-z0-9-]*{_ATTRIBUTES}*+>)*+"
_ENDS_WITH_IMAGE = re.compile(rf"<img{_ATTRIBUTES}++>{_UNSEEN}\Z")
_STARTS_WITH_IMAGE = re.compile(rf"{_UNSEEN}<img{_ATTRIBUTES}++>")
_SHOWN = re.compile(rf"<img{_ATTRIBUTES}++>")

_MAX_FRAMES = 50
_MAX_TITLE = 200
#: Longest tag, style or origin in a cache, in characters.
_REMEMBERED = 300


@dataclass(slots=True)
class Rewriter:
    """One pass over one text.

    Args:
        base: absolute address that relative links start from.
        page: address of the entry, for links to a place in the text.
    """

    base: str | None
    page: str | None
    #: Images of the `source` elements since the last image.
    offered: list[Candidate] = field(default_factory=list)
    #: Addresses of the frames so far.
    frames: set[str] = field(default_factory=set)
    #: Whether there is an element that enlarges its letters.
    large: bool = False
    #: Whether an image has no address.
    lost: bool = False
    #: Whether the last pass only put the origin of the base before links.
    settled: bool = False

    def rewrite(self, html: str) -> str:
        """Rewrite the text."""
        completed = self._complete(html)
        edited = completed if _is_legal(completed) else _ILLEGAL.sub("", completed)
        harmless = _all_harmless(edited)
        few = harmless and "<source" not in edited
        few = few and (self.base is None or f'"{attribute_value(self.base)}"' not in edited)
        edited, count = (_ADDRESSED_TAG if few else _TAG).subn(self._tag, edited)
        if not harmless or ((self.large or not few) and may_grow(edited)):
            edited = bounded_fonts(edited)
        left = _LEFT_OVER.search(edited) if count or not few else None
        self.settled = left is None and edited == completed
        return edited if left is None else _without_left_overs(edited)

    def _complete(self, html: str) -> str:
        """Make links that are a plain path from the root absolute: all that most texts need."""
        origin = plain_origin(self.base) if self.base is not None else None
        if origin is None or len(origin) > _REMEMBERED or not _is_kept(origin):
            return html
        return _ROOTED_LINK.sub(f' href="{origin}/', html)

    def _tag(self, match: re.Match[str]) -> str:
        name, attributes = match[1], match[2]
        if name == "img":
            return self._image(attributes)
        if name == "source":
            return self._source(attributes)
        if name == "x-iframe":
            return self._frame(match)
        if name == "a" and ' target="' in attributes:
            attributes = _WINDOW.sub(_without_opener, attributes)
        if name in _LINKED or name in _SIZED:
            return f"<{name}{_ATTRIBUTE.sub(partial(self._attribute, name), attributes)}>"
        if name in _LARGE:
            self.large = True
        if ' style="' not in attributes:
            return match[0]
        return _restyled(match[0]) if len(match[0]) <= _REMEMBERED else _restyled.__wrapped__(match[0])

    def _attribute(self, tag: str, match: re.Match[str]) -> str:
        """Rewrite one attribute of an element other than an image, with the blank before it; "" removes it."""
        name, value = match[1], match[2]
        if name == "style":
            return _style(tag, match)
        if name in _SIZES:
            return "" if _IS_VAST.match(value) else match[0]
        if name not in _LINKS:
            return match[0]
        link = unescape(value)
        if name == "href" and _CONTACT.fullmatch(link):
            return match[0]
        base = self.page if link.startswith("#") and self.page else self.base
        url = resolve(link, base) if link else None
        return "" if url is None else match[0] if url == link else f' {name}="{attribute_value(url)}"'

    def _image(self, attributes: str) -> str:
        """Rewrite the tag of an image; without an address it loses its attributes, and "" removes an invisible one."""
        offered, self.offered = self.offered, []
        written = dict(_ATTRIBUTE.findall(attributes))
        found = {name: unescape(value) for name, value in written.items()} if "&" in attributes else written
        if is_pixel(found):
            return ""
        url = image_address(found, self.base, offered)
        if url is None:
            self.lost = True
            return "<img>"
        if is_emoji(found):
            return attribute_value(found["alt"].strip())
        replaced = {"src": attribute_value(url)}
        sets = [found[name] for name in (*LAZY_SETS, "srcset") if name in found]
        if sets:
            replaced["srcset"] = attribute_value(clean_srcset(sets[0], self.base))
        if "style" in found:
            replaced["style"] = attribute_value(safe_style(found["style"], "img") or "")
        tag = "<img"
        for name, value in written.items():
            name = _PROPER.get(name, name)
            value = replaced.pop(name, "") if name in _REPLACED else value
            if (value or name not in _REPLACED) and not (name in _SIZES and _IS_VAST_IMAGE.match(value)):
                tag += f' {name}="{value}"'
        return f'{tag} src="{replaced["src"]}">' if "src" in replaced else f"{tag}>"

    def _source(self, attributes: str) -> str:
        found = {name: unescape(value) for name, value in _ATTRIBUTE.findall(attributes)}
        sets = [found[name] for name in (*LAZY_SETS, "srcset") if name in found]
        if not sets:
            return f"<source{_ATTRIBUTE.sub(partial(self._attribute, 'source'), attributes)}>"
        self.offered += candidates(sets[0], self.base)
        srcset = clean_srcset(sets[0], self.base)
        kept = [
            self._attribute("source", match)
            for match in _ATTRIBUTE.finditer(attributes)
            if match[1] != "srcset" and match[1] not in LAZY_SETS
        ]
        return f'<source srcset="{attribute_value(srcset)}"{"".join(kept)}>' if srcset else ""

    def _frame(self, match: re.Match[str]) -> str:
        """Make a link to what a frame shows."""
        found = {name: unescape(value) for name, value in _ATTRIBUTE.findall(match[2])}
        url = resolve(found.get("src", ""), self.base)
        if url is None or url in self.frames or len(self.frames) >= _MAX_FRAMES:
            return ""
        self.frames.add(url)
        words = " ".join(found.get("title", "").split())[:_MAX_TITLE] or url.partition("://")[2].partition("/")[0]
        link = f'<a href="{attribute_value(url)}">{attribute_value(words)}</a>'
        before, at = match.string, match.start()
        inside = max(before.rfind("<p>", 0, at), before.rfind("<p ", 0, at)) > before.rfind("</p>", 0, at)
        return link if inside else f"<p>{link}</p>"


def _without_opener(match: re.Match[str]) -> str:
    """Add to the attributes of a link that the window that it opens gets no access to this one."""
    attributes = match[1]
    if (rel := _REL.search(attributes)) is None:
        return f' rel="noopener"{attributes}'
    relations = [*rel[1].split()[: _MAX_RELATIONS - 1], "noopener"]
    return f'{attributes[: rel.start()]} rel="{" ".join(relations)}"{attributes[rel.end() :]}'


def _without_left_overs(html: str) -> str:
    """Remove the placeholders of other elements, and empty lines at the start of a `pre`."""
    if "<x-noscript" in html:
        html = _settle_noscript(html)
    return _PRE.sub(r"\1", _GONE.sub("", html))


def _settle_noscript(html: str) -> str:
    """Keep the images of a `noscript` only if no image beside it is visible: they are the same ones."""
    parts = _NOSCRIPT.split(html)
    for at in range(1, len(parts), 2):
        before, after = parts[at - 1], parts[at + 1]
        last = before.rfind("<img")
        shown = last >= 0 and _ENDS_WITH_IMAGE.match(before, last) is not None
        repeated = shown or _STARTS_WITH_IMAGE.match(after) is not None
        parts[at] = "" if repeated else "".join(_SHOWN.findall(parts[at]))
    return "".join(parts)


@lru_cache(maxsize=1024)
def _is_kept(origin: str) -> bool:
    """Whether the sanitizer keeps addresses of this origin: it checks hosts more strictly."""
    link = f'<a href="{origin}/"></a>'
    return STRICT.clean(link) == link


def _is_legal(html: str) -> bool:
    """Whether a text has no `_ILLEGAL` character."""
    if html.isascii():
        return len(html.encode().translate(None, _CONTROLS)) == len(html)
    return _LEGAL.fullmatch(html) is not None


def _all_harmless(html: str) -> bool:
    """Whether all styles may stay as they are; text that looks like a style is judged as one."""
    if _STYLE not in html:
        return True
    styles = {rest.partition('"')[0] for rest in html.split(_STYLE)[1:]}
    return all(len(style) <= _REMEMBERED and _is_harmless(style) for style in styles)


@lru_cache(maxsize=4096)
def _is_harmless(style: str) -> bool:
    style = unescape(style)
    return safe_style(style) == style and (font_factor(style) or 0) <= 1


@lru_cache(maxsize=4096)
def _restyled(tag: str) -> str:
    """Rewrite the style of a tag without addresses; the same few tags make up most of a text."""
    name, mark, attributes = tag.partition(" ")
    return name + _ATTRIBUTE.sub(partial(_style, name[1:]), mark + attributes)


def _style(tag: str, match: re.Match[str]) -> str:
    if match[1] != "style":
        return match[0]
    style = unescape(match[2])
    safe = safe_style(style, tag)
    return "" if safe is None else match[0] if safe == style else f' style="{attribute_value(safe)}"'
