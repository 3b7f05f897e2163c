"""HTML of any kind in; safe HTML with absolute addresses out. Nothing is fetched, nothing raises.

The sanitizer (nh3) runs twice. The first run gives one canonical form, in which a tag is found by a simple pattern:
attributes are quoted, `<` and `>` occur in tags only. There addresses, styles and images are set right. The second run
has the last word: whatever comes out of this module came out of the sanitizer with the strict list. When it changed
nothing the result is stable; otherwise (the standard lets some trees be written that read back differently) both run
again.

The second run is left out where it would change nothing: the first gave back what it read, byte for byte, and all that
was edited is that origins stand before paths in links. Then there is no element or attribute left that only the first
list has, for each of them is edited; and the same text with other addresses in it is read as the same elements, for no
rule of reading looks at the address of a link. So the second run would find what the first one kept. (One rule compares
the attributes of formatting elements that are open inside of each other, and a link closes the one before it.)

Neither runs over a line of words: without `<` and `&` there is nothing in it that could be read as anything else.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import islice

from aggregator.models import Text
from aggregator.normalize.images import is_picture
from aggregator.normalize.sanitizer.allowlist import FOUND, STRICT
from aggregator.normalize.sanitizer.fallbacks import ANY, shown, with_addresses
from aggregator.normalize.sanitizer.limits import MAX_HTML, SMALL_LENGTH, bound, cut, is_small
from aggregator.normalize.sanitizer.mathml import put_back, take_out
from aggregator.normalize.sanitizer.rewriting import Editor
from aggregator.normalize.text import escape_formulas, has_markup, resolve_references
from aggregator.values.elements import INLINE
from aggregator.values.xmltext import SURROGATES, unescape

#: Runs until a text that keeps changing is given up and only its words are kept.
_ROUNDS = 6
#: A result that is too long is cut to this length, which leaves room for what closes it.
_ENOUGH = MAX_HTML * 3 // 4

_ATTRIBUTES = r'(?: [^ "=<>]+="[^"]*")*+'
_TAGS = re.compile(rf"</?([a-z][a-z0-9-]*){_ATTRIBUTES}>")
_IMAGE = re.compile(rf'<img(?: [^ "=<>]+="[^"]*")*? src="([^"]*)"{_ATTRIBUTES}>')
#: An attribute that may say that an image is no picture.
_MARKED = re.compile(r' (?:class|style)="| (?:width|height)="(?![1-9][0-9]{2})')
_ATTRIBUTE = re.compile(r' ([^ "=<>]+)="([^"]*)"')
#: Images that are looked at to find a picture.
_MAX_IMAGES = 200
#: What a formula says again in another language; browsers do not show it.
_ANNOTATION = re.compile(r"<annotation(?: [^<>]*)?>[^<>]*</annotation>")
#: One line of words in which nothing is a reference, or would be written as one.
_WORDS = re.compile("[ -%'-;=?-~\u00a1-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]++")
_LINE_END = re.compile(r"[\r\n]")
_SPACES = re.compile(r"[ \t\r\n]+")
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")


def clean_html(text: Text, *, page: str | None = None) -> str:
    """The text as safe HTML with absolute links.

    Kept is all formatting, with `class`, `style` (harmless declarations), `title` and the order of attributes; markup
    that needs no change keeps its bytes. Gone are scripts, styles, forms, comments, `id`, event handlers, addresses
    other than http(s) (and mailto, tel in links), images without an address and counting pixels. Images that are loaded
    lazily show, those of an emoji become the emoji, and a frame becomes a link to what it shows. Formulas in MathML
    stay. The result is stable: cleaned again it does not change.

    What is said to be HTML and has no element of it is plain text: its line breaks stay.

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
        source, formulas = take_out(shown(source)) if ANY.search(source) else (source, [])
    longest = MAX_HTML - sum(map(len, formulas))
    for attempt in range(_ROUNDS):
        whole, editor = bound(source), Editor(text.base, page)
        found = early if early is not None and whole == text.value else FOUND.clean(whole)
        edited = editor.edit(found)
        if editor.lost and not attempt and (mended := with_addresses(source)) != source:
            source = mended
            continue
        again = bound(edited)
        settled = editor.settled and found == whole and again == edited
        safe = edited if settled else STRICT.clean(again)
        if safe == edited and len(safe) <= longest:
            if safe.isspace():
                return ""
            return put_back(safe, formulas) if formulas else _without_idle_breaks(safe)
        source = safe if len(safe) <= longest else cut(safe, _ENOUGH)
    rest = text_of(safe)[: _ENOUGH // 8]
    return put_back(f"<p>{html.escape(rest, quote=False)}</p>".replace("\u00a0", "&nbsp;"), formulas)


def first_image(safe: str) -> str | None:
    """The address of the first picture of a text that `clean_html` gave."""
    for match in islice(_IMAGE.finditer(safe), _MAX_IMAGES):
        url, attributes = unescape(match[1]), {}
        if _MARKED.search(match[0]):
            attributes = {name: unescape(value) for name, value in _ATTRIBUTE.findall(match[0])}
        if is_picture(url, attributes):
            return url
    return None


def all_images(safe: str) -> Iterator[str]:
    """The addresses of all images of a text that `clean_html` gave."""
    return (unescape(match[1]) for match in _IMAGE.finditer(safe))


def text_of(safe: str) -> str:
    """The words of a text that `clean_html` gave, on one line."""
    if "<annotation" in safe:
        safe = _ANNOTATION.sub("", safe)
    plain = _TAGS.sub(_gap, safe) if "<" in safe else safe
    return " ".join(unescape(plain).split())


def _found_early(text: Text) -> str | None:
    """What the first sanitizer makes of HTML as it came, where that is most likely what it would be given anyway.

    What comes back as it went in has elements of the list, as the sanitizer writes them, and nothing else: it has no
    formula and nothing that a script would show, and is known to be HTML without a look at its tags.
    """
    if text.type == "text" or "<" not in text.value or not is_small(text.value) or ANY.search(text.value):
        return None
    try:
        return FOUND.clean(text.value)
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
    """Clean HTML that would be taken for plain text, as none of its elements is left: its line breaks mean nothing."""
    if not _LINE_END.search(safe.strip(" \t\r\n")) or has_markup(safe):
        return safe
    return _SPACES.sub(" ", safe)


def _as_html(text: Text) -> str:
    if text.type == "text":
        return _paragraphs(text.value)
    if has_markup(text.value):
        return escape_formulas(text.value)
    # Said to be HTML and plain all the same: its line breaks mean something, and no `<` in it starts a tag.
    plain = resolve_references(text.value)
    return _paragraphs(plain) if _LINE_END.search(plain.strip(" \t\r\n")) else html.escape(plain, quote=False)


def _paragraphs(text: str) -> str:
    """Plain text as HTML: empty lines part paragraphs, other line breaks stay."""
    lines = html.escape(text.replace("\r\n", "\n").replace("\r", "\n"), quote=False).strip()
    return "".join(f"<p>{part}</p>" for part in _BLANK_LINE.split(lines)).replace("\n", "<br>")
