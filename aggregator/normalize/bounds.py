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
from aggregator.normalize.words import words

#: Characters of HTML that are read of one text.
MAX_HTML = 2_000_000
#: A document below both is not looked at.
SMALL_LENGTH = 50_000
SMALL_TAGS = 256

MAX_ELEMENTS = 50_000
MAX_ATTRIBUTES = 100
MAX_VALUE = 8_000
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
_TOKEN = re.compile(
    rf"<!--(?:-?>|.*?(?:--!?>|\Z))|<!\[CDATA\[|<(?:[!?]|/(?![a-zA-Z]))[^>]*+>?"
    rf"|<(/?)([a-zA-Z][^\t\n\f\r />]*+)((?:{_SPACE}++|{_ATTRIBUTE})*+)(>?)",
    re.DOTALL,
)
_ATTRIBUTES = re.compile(_ATTRIBUTE)
_LONG_VALUE = re.compile(
    rf"=[\t\n\f\r ]*+(?:\"[^\"]{{{MAX_VALUE},}}+\"|'[^']{{{MAX_VALUE},}}+'|[^\"'\s>]{{{MAX_VALUE},}}+)"
)

#: Gone with all they hold, as the sanitizer would do. Without an end tag the first two take all that follows, of the
#: others only the tag goes.
_RAW = words("script style")
_FOREIGN = words("svg math")
_LONGEST_NAME = 100
_EMPTIED = words("button math noembed noframes select svg template textarea title")
_END = {name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE) for name in _RAW | _EMPTIED}
#: Gone, their content not. The attributes of some would be collected; others have rules of their own.
_IGNORED = words("body form frameset head html iframe noscript plaintext xmp")


def bound(html: str) -> str:
    """The same document, without what would make it slow to read.

    Where there are too many open elements, too much repetition or more than `MAX_ELEMENTS` elements, only text is kept.
    """
    if len(html) <= SMALL_LENGTH and html.count("<") <= SMALL_TAGS:
        return html
    return "".join(_pieces(cut(html, MAX_HTML)))


def cut(html: str, limit: int) -> str:
    """The first `limit` characters at most, not ending inside of a tag."""
    if len(html) <= limit:
        return html
    tag = html.rfind("<", 0, limit)
    return html[:tag] if tag >= 0 and html.find(">", tag, limit) < 0 else html[:limit]


def _pieces(html: str) -> Iterator[str]:
    nesting = Nesting()
    elements = paragraphs = 0
    for text, tag in _tokens(html):
        yield from _text(text)
        if tag is not None:
            name, written = tag[2].lower(), _written(tag)
            # An end tag without its start makes an empty paragraph or a line break.
            elements += not tag[1] or name == "br" or (name == "p" and paragraphs == 0)
            if name == "p":
                paragraphs = max(0, paragraphs + (-1 if tag[1] else 1))
            if nesting.fits and elements <= MAX_ELEMENTS:
                if tag[1]:
                    nesting.close(name)
                else:
                    nesting.open(name, len(written))
            if nesting.fits and elements <= MAX_ELEMENTS:
                yield written
                continue
        # What is left out must not join two texts to a tag, nor two words.
        if text:
            yield _NOTHING if tag is None else " "


def _tokens(html: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Pieces of text, each with the tag after it or None."""
    at = 0
    closed = dict.fromkeys(_END, True)
    while (match := _TOKEN.search(html, at)) is not None:
        before = html[at : match.start()]
        at = match.end()
        name = (match[2] or "").lower()
        if name and not match[4]:
            # The document ends inside of a tag, which then is none.
            yield before, None
            return
        if name in _END and not match[1] and not (name in _FOREIGN and match[0].endswith("/>")):
            end = _END[name].search(html, at) if closed[name] else None
            closed[name] = end is not None
            at = end.start() if end is not None else len(html) if name in _RAW else at
        kept = 0 < len(name) <= _LONGEST_NAME and name not in _END and name not in _IGNORED
        yield before, match if kept else None
    yield html[at:], None


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


def _written(match: re.Match[str]) -> str:
    """A tag as it stands, or shorter where it is overlong."""
    if len(match[0]) <= 1000:
        return match[0]
    attributes = _LONG_VALUE.sub('=""', match[3])
    few = [found[0] for found in islice(_ATTRIBUTES.finditer(attributes), MAX_ATTRIBUTES)]
    return f"<{match[1]}{match[2]} {' '.join(few)}>"
