"""HTML of any kind in, HTML out that the sanitizer reads in a time that grows with its length only.

The sanitizer's parser follows the HTML standard, and the standard has places where work multiplies: every open element
is looked at for every tag, formatting elements that are left open are opened again in every following block, and
attributes are compared with each other; writing takes a time of length times special characters for one piece of text.
Small documents pass untouched: there is nothing to multiply in them. Nothing is made safe here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from aggregator.normalize.nesting import Nesting
from aggregator.normalize.text import unescape
from aggregator.normalize.words import words

#: Characters of HTML that are read of one text.
MAX_HTML = 2_000_000
#: A document below both is not looked at.
SMALL_LENGTH = 50_000
SMALL_TAGS = 256

MAX_ELEMENTS = 50_000
MAX_ATTRIBUTES = 100
MAX_VALUE = 8_000
#: Characters of a tag from which on its attributes are looked at.
LONG_TAG = 1000
_NOTHING = "<!---->"
#: Text between two tags is read in pieces of this size.
PIECE = 8_000

_SPACE = r"[\t\n\f\r /]"
_ATTRIBUTE = (
    r"[^\t\n\f\r />][^\t\n\f\r />=]*+"
    r"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|(?![\"'])[^\t\n\f\r >]*+))?+"
)
#: Comments, other declarations, and tags with name and attributes, as the tokenizer of the HTML standard
#: (section 13.2.5) delimits them.
TOKEN = re.compile(
    rf"<!--(?:-?>|.*?(?:--!?>|\Z))|<!\[CDATA\[|<(?:[!?]|/(?![a-zA-Z]))[^>]*+>?"
    rf"|<(/?)([a-zA-Z][^\t\n\f\r />]*+)((?:{_SPACE}++|{_ATTRIBUTE})*+)(>?)",
    re.DOTALL,
)
ATTRIBUTES = re.compile(_ATTRIBUTE)

#: Gone with all they hold, as the sanitizer would do. Without an end tag the first two take all that follows, of the
#: others only the tag goes.
_RAW = words("script style")
_FOREIGN = words("svg math")
_LONGEST_NAME = 100
_EMPTIED = words("button math noembed noframes select svg template textarea title")
_END = {name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE | re.ASCII) for name in _RAW | _EMPTIED}
#: Gone, their content not. The attributes of some would be collected; others have rules of their own.
_IGNORED = words("body form frameset head html iframe noscript plaintext xmp")
_TAKEN_OUT = _END.keys() | _IGNORED


def bound(html: str) -> str:
    """The same document, without what would make it slow to read.

    Where there are too many open elements, too much repetition or more than `MAX_ELEMENTS` elements, only text is kept.
    """
    return html if is_small(html) else "".join(_pieces(cut(html, MAX_HTML)))


def is_small(html: str) -> bool:
    """Whether there is too little in a document for it to be slow to read."""
    return len(html) <= SMALL_LENGTH and html.count("<") <= SMALL_TAGS


def attributes(written: str) -> dict[str, str]:
    """The attributes of a tag, names in lower case and references resolved; the first of a name counts."""
    found: dict[str, str] = {}
    for match in islice(ATTRIBUTES.finditer(written), MAX_ATTRIBUTES):
        name, _, value = match[0].partition("=")
        value = value.strip("\t\n\f\r ")
        if value[:1] in ('"', "'"):
            value = value[1:].removesuffix(value[0])
        found.setdefault(name.strip("\t\n\f\r ").lower(), unescape(value))
    return found


def cut(html: str, limit: int) -> str:
    """The first `limit` characters at most, not ending inside of a tag."""
    if len(html) <= limit:
        return html
    tag = html.rfind("<", 0, limit)
    return html[:tag] if tag >= 0 and html.find(">", tag, limit) < 0 else html[:limit]


def _pieces(html: str) -> Iterator[str]:
    nesting, fits = Nesting(), True
    elements = paragraphs = 0
    # What stays as it is from `kept` on is one piece; up to `at`, it was looked at.
    kept = at = 0
    for begin, end, name, tag in _tokens(html):
        if begin - at > PIECE:
            yield html[kept:at]
            yield from _text(html[at:begin])
            kept = begin
        if name and fits:
            written = _shortened(tag) if end - begin > LONG_TAG else None
            if tag[1]:
                # An end tag without its start makes an empty paragraph or a line break.
                if name == "p":
                    elements += paragraphs == 0
                    paragraphs = max(0, paragraphs - 1)
                elif name == "br":
                    elements += 1
                # This leaves as many open as before, or fewer.
                nesting.close(name)
            else:
                elements += 1
                paragraphs += name == "p"
                nesting.open(name, end - begin if written is None else len(written))
                fits = nesting.fits
            fits = fits and elements <= MAX_ELEMENTS
            if fits:
                at = end
                if written is not None:
                    yield html[kept:begin]
                    yield written
                    kept = end
                continue
        yield html[kept:begin]
        # What is left out must not join two texts to a tag, nor two words.
        if begin > at:
            yield " " if name else _NOTHING
        kept = at = end
    yield html[kept:at]
    yield from _text(html[at:])


def _tokens(html: str) -> Iterator[tuple[int, int, str, re.Match[str]]]:
    """Where each tag, comment or declaration begins and ends, and the name of a tag that may stay, else ""."""
    closed = dict.fromkeys(_END, True)
    tokens = TOKEN.finditer(html)
    while (match := next(tokens, None)) is not None:
        begin, end = match.span()
        name = (match[2] or "").lower()
        if name in _TAKEN_OUT or not match[4]:
            if name and not match[4]:
                # The document ends inside of a tag, which then is none.
                yield begin, len(html), "", match
                return
            if name in _END and not match[1] and not (name in _FOREIGN and match[0].endswith("/>")):
                found = _END[name].search(html, end) if closed[name] else None
                closed[name] = found is not None
                end = found.start() if found is not None else len(html) if name in _RAW else end
                tokens = TOKEN.finditer(html, end)
            name = ""
        yield begin, end, name if len(name) <= _LONGEST_NAME else "", match


def _text(text: str) -> Iterator[str]:
    """Text in pieces that the parser keeps apart, each cut where no character reference can be."""
    at = 0
    while len(text) - at > PIECE:
        end = at + PIECE
        reference = text.rfind("&", end - 40, end)
        end = reference if reference > at else end
        yield text[at:end]
        yield _NOTHING
        at = end
    yield text[at:]


def _shortened(match: re.Match[str]) -> str:
    """An overlong tag, with what is too much of it left out."""
    few = [
        found[0] if len(found[0]) < MAX_VALUE else found[0].partition("=")[0] + '=""'
        for found in islice(ATTRIBUTES.finditer(match[3]), MAX_ATTRIBUTES)
    ]
    return f"<{match[1]}{match[2]} {' '.join(few)}>"
