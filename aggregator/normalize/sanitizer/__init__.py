"""HTML of any kind in, safe HTML with absolute addresses out. Nothing is fetched, nothing raises.

The sanitizer (nh3) runs twice. The first run gives one canonical form, in which a simple pattern finds a tag:
attributes are quoted, `<` and `>` occur only in tags. In this form addresses, styles and images are rewritten. The
second run decides: all output of this package is output of the sanitizer with the strict list. If the second run
changes nothing, the result is stable; otherwise (some trees of the standard are parsed differently when they are
written and read again) both run again.

The second run is skipped where it would change nothing: the first returned what it read, byte for byte, and the only
change since is that origins stand before paths in links. Then no element or attribute is left that only the first list
has, because each of them is rewritten; and the same text with other addresses is parsed as the same elements, because
no rule of parsing depends on the address of a link. (One rule compares the attributes of formatting elements that are
open inside each other, and a link closes the one before it.)

Neither runs over a line of words: without `<` and `&`, it cannot be read as anything else.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import islice

from aggregator.models import Text
from aggregator.normalize.images import is_picture
from aggregator.normalize.sanitizer.allowlist import LENIENT, STRICT
from aggregator.normalize.sanitizer.fallbacks import ANY, recover_addresses, reveal
from aggregator.normalize.sanitizer.limits import MAX_HTML, SMALL_LENGTH, bound, cut, is_small
from aggregator.normalize.sanitizer.mathml import put_back, take_out
from aggregator.normalize.sanitizer.rewriting import Rewriter
from aggregator.normalize.text import escape_formulas, has_markup, resolve_references
from aggregator.values.markup import INLINE, SURROGATES, unescape

#: Runs after which only the words are kept of a text that still changes.
_ROUNDS = 6
#: A result that is too long is cut to this length, which leaves room for what closes it.
_ENOUGH = MAX_HTML * 3 // 4

_ATTRIBUTES = r'(?: [^ "=<>]+="[^"]*")*+'
_TAGS = re.compile(rf"</?([a-z][a-z0-9-]*){_ATTRIBUTES}>")
_IMAGE = re.compile(rf'<img(?: [^ "=<>]+="[^"]*")*? src="([^"]*)"{_ATTRIBUTES}>')
#: An attribute that may show that an image is not a picture.
_MARKED = re.compile(r' (?:class|style)="| (?:width|height)="(?![1-9][0-9]{2})')
_ATTRIBUTE = re.compile(r' ([^ "=<>]+)="([^"]*)"')
#: Images that are examined to find a picture.
_MAX_IMAGES = 200
#: What repeats a formula in another language; browsers do not show it.
_ANNOTATION = re.compile(r"<annotation(?: [^<>]*)?>[^<>]*</annotation>")
#: One line of words without references, and without characters that are written as references.
_WORDS = re.compile("[ -%'-;=?-~\u00a1-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]++")
_LINE_END = re.compile(r"[\r\n]")
_SPACES = re.compile(r"[ \t\r\n]+")
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")


def clean_html(text: Text, *, page: str | None = None) -> str:
    """Make a text safe HTML with absolute links.

    All formatting is kept, with `class`, `style` (harmless declarations), `title` and the order of attributes; markup
    that needs no change keeps its bytes. Scripts, style sheets, forms, comments, `id`, event handlers, addresses other
    than http(s) (and mailto, tel in links), images without an address and counting pixels are removed. Images that are
    loaded lazily are shown, those of an emoji become the emoji, and a frame becomes a link to what it shows. Formulas
    in MathML are kept. The result is stable: to clean it again does not change it.

    A text that is declared as HTML and has no element is plain text: its line breaks are kept.

    Args:
        page: address of the entry, for links to a place in the same text.
    """
    if not text.value or text.value.isspace():
        return ""
    if len(text.value) <= SMALL_LENGTH and _WORDS.fullmatch(text.value):
        return text.value if text.type == "html" else f"<p>{text.value.strip()}</p>"
    early = _found_early(text)
    if early == text.value:
        source, formulas = early, list[str]()
    else:
        source = cut(_encodable(_as_html(text)), MAX_HTML)
        source, formulas = take_out(reveal(source)) if ANY.search(source) else (source, [])
    longest = MAX_HTML - sum(map(len, formulas))
    for attempt in range(_ROUNDS):
        rewriter = Rewriter(text.base, page)
        if early is not None and source == text.value:
            # It is small.
            whole, found = source, early
        else:
            whole = bound(source)
            found = LENIENT.clean(whole)
        rewritten = rewriter.rewrite(found)
        if rewriter.lost and not attempt and (recovered := recover_addresses(source)) != source:
            source = recovered
            continue
        again = bound(rewritten)
        settled = rewriter.settled and found == whole and again == rewritten
        safe = rewritten if settled else STRICT.clean(again)
        if safe == rewritten and len(safe) <= longest:
            if safe.isspace():
                return ""
            return put_back(safe, formulas) if formulas else _without_idle_breaks(safe)
        source = safe if len(safe) <= longest else cut(safe, _ENOUGH)
    rest = text_of(safe)[: _ENOUGH // 8]
    return put_back(f"<p>{html.escape(rest, quote=False)}</p>".replace("\u00a0", "&nbsp;"), formulas)


def first_image(safe: str) -> str | None:
    """Return the address of the first picture of a clean text."""
    for match in islice(_IMAGE.finditer(safe), _MAX_IMAGES):
        url, attributes = unescape(match[1]), {}
        if _MARKED.search(match[0]):
            attributes = {name: unescape(value) for name, value in _ATTRIBUTE.findall(match[0])}
        if is_picture(url, attributes):
            return url
    return None


def all_images(safe: str) -> Iterator[str]:
    """Return the addresses of all images of a clean text."""
    return (unescape(match[1]) for match in _IMAGE.finditer(safe))


def text_of(safe: str) -> str:
    """Return the words of a clean text, on one line."""
    if "<annotation" in safe:
        safe = _ANNOTATION.sub("", safe)
    plain = _TAGS.sub(_gap, safe) if "<" in safe else safe
    return " ".join(unescape(plain).split())


def _found_early(text: Text) -> str | None:
    """Sanitize HTML as it came with the first list, where it most likely needs no preparation; else None.

    What comes back unchanged has elements of the list, as the sanitizer writes them, and nothing else: it has no
    formula and nothing that a script would show, and it is HTML.
    """
    if text.type == "text" or "<" not in text.value or not is_small(text.value) or ANY.search(text.value):
        return None
    try:
        return LENIENT.clean(text.value)
    except UnicodeEncodeError:
        return None


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return SURROGATES.sub("", text)
    return text


def _gap(match: re.Match[str]) -> str:
    return "" if match[1] in INLINE else " "


def _without_idle_breaks(safe: str) -> str:
    """Remove the line breaks of clean HTML without elements: it would be read as plain text, in which they count."""
    if "<" in safe or not _LINE_END.search(safe.strip(" \t\r\n")):
        return safe
    return _SPACES.sub(" ", safe)


def _as_html(text: Text) -> str:
    if text.type == "text":
        return _paragraphs(text.value)
    if has_markup(text.value):
        return escape_formulas(text.value)
    # Declared as HTML, but plain text: its line breaks count, and no `<` in it starts a tag.
    plain = resolve_references(text.value)
    return _paragraphs(plain) if _LINE_END.search(plain.strip(" \t\r\n")) else html.escape(plain, quote=False)


def _paragraphs(text: str) -> str:
    """Make plain text HTML: empty lines separate paragraphs, other line breaks are kept."""
    lines = html.escape(text.replace("\r\n", "\n").replace("\r", "\n"), quote=False).strip()
    return "".join(f"<p>{part}</p>" for part in _BLANK_LINE.split(lines)).replace("\n", "<br>")
