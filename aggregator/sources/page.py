"""A page opened with BeautifulSoup, for many selectors.

Pages are hostile: what would take too much memory or time to read is a `ParseError`. Nothing is cleaned here;
`aggregator.normalize` does that. BeautifulSoup takes long to import, so this module is imported only where there is a
page to read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING, Any

import soupsieve
from bs4 import BeautifulSoup, Tag
from bs4.dammit import EncodingDetector
from bs4.element import PageElement
from soupsieve import SelectorSyntaxError

from aggregator.errors import ParseError
from aggregator.models import Fetched
from aggregator.parse.document import address, base_address
from aggregator.parse.encoding import decode, decode_as, misread
from aggregator.values.languages import found_tag
from aggregator.values.selectors import xpath_of

if TYPE_CHECKING:
    from aggregator.sources.xpathtree import XPathTree

#: A tree takes about 2 kB a tag; no page for people has more, start and end tags counted, nor nests them deeper.
MAX_TAGS = 100_000
MAX_DEPTH = 256
#: Attributes on the page for each tag that is allowed; pages have one or two.
MAX_ATTRIBUTES_PER_TAG = 2
#: CPU time for all selectors on one page; a page can be made so that a harmless selector takes hours on it.
SELECT_SECONDS = 5.0
#: Bytes at the start of a page that may declare its encoding; the HTML standard asks for 1024.
_HEAD = 4096
#: Start and end tags of an article page; a list page may have more. There are many articles, and each is read twice.
MAX_ARTICLE_TAGS = 40_000


#: Characters of text that a page has that is more than a frame for scripts.
BARE = 200

#: Elements that begin on a line of their own.
_BLOCKS = frozenset(
    "p div li ul ol dl dt dd table tr td th h1 h2 h3 h4 h5 h6 br hr section article header footer aside nav main "
    "figure figcaption blockquote pre form fieldset address details summary".split()
)
#: Elements that make an article of one without any text.
MEDIA = ["img", "picture", "video", "audio", "iframe", "embed", "object", "svg"]


class Page:
    """A page, parsed once for many selectors.

    Args:
        fetched: the page as it came.
        encoding: the encoding where it must be forced.
        max_tags: tags that it may have.

    Raises:
        ParseError: the page has too many tags or attributes, or nests the tags too deep.
    """

    def __init__(self, fetched: Fetched, encoding: str | None, max_tags: int = MAX_TAGS) -> None:
        self.url = fetched.url
        self._text, self.encoding = _text(fetched, encoding)
        if self._text.count("<") > max_tags:
            raise ParseError(f"the page has more than {max_tags} tags", kind="too_large", url=self.url)
        most = MAX_ATTRIBUTES_PER_TAG * max_tags
        try:
            self._soup = _Soup(self._text, most)
        except _TooManyAttributes:
            raise ParseError(f"the page has more than {most} attributes", kind="too_large", url=self.url) from None
        self._tree: XPathTree | None = None
        self._spans: dict[str, list[tuple[int, int] | None]] = {}
        self._numbers: dict[int, int] = {}
        self._deadline = time.thread_time() + SELECT_SECONDS
        depth = {id(self._soup): 0}
        for tag in self._soup.find_all(True):
            depth[id(tag)] = depth[id(tag.parent)] + 1
        if max(depth.values()) > MAX_DEPTH:
            raise ParseError(f"the page nests more than {MAX_DEPTH} tags", kind="unparsable", url=self.url)
        base = self._soup.find("base", href=True)
        #: Address that relative ones refer to (HTML standard, section 4.2.3).
        self.base = base_address(attribute(base, "href"), self.url) if isinstance(base, Tag) else self.url

    def select(self, selector: str, within: Tag | None = None) -> Iterator[Tag]:
        """Return the elements that match, in the order of the page; see `find`."""
        return (one for one in self.find(selector, within) if isinstance(one, Tag))

    def find(self, selector: str, within: Tag | None = None) -> Iterator[Tag | str]:
        """Return what matches, in the order of the page: elements, and texts on one line where XPath gives such.

        Args:
            selector: CSS, or XPath 1.0 where it begins like that.
            within: element below which to look, and from which XPath starts; None: the whole page.

        Raises:
            ParseError: it takes too long, or is no selector.
        """
        expression = xpath_of(selector)
        try:
            if expression is None:
                yield from self._by_css(soupsieve.compile(selector), selector, within)
                return
            self._check(selector)
            yield from self._xpath_tree().find(expression, within)
        except (ValueError, NotImplementedError, RecursionError, SelectorSyntaxError) as error:
            reason = str(error).partition("\n")[0]
            raise ParseError(f"`{selector}` is not a selector: {reason}", kind="internal", url=self.url) from None

    def _by_css(self, matcher: soupsieve.SoupSieve, selector: str, within: Tag | None) -> Iterator[Tag]:
        if within is not None:
            # The item is the scope, which only the library can set; items are small.
            for tag in matcher.iselect(within):
                self._check(selector)
                yield tag
            self._check(selector)
            return
        for tag in self._soup.find_all(True):
            self._check(selector)
            if matcher.match(tag):
                yield tag

    def _check(self, selector: str) -> None:
        """Raise where the time for all selectors is used up."""
        if time.thread_time() > self._deadline:
            message = f"looking for `{selector}` takes more than {SELECT_SECONDS:.0f} s; use a simpler selector"
            raise ParseError(message, kind="unparsable", url=self.url)

    def _xpath_tree(self) -> XPathTree:
        if self._tree is None:
            from aggregator.sources.xpathtree import XPathTree

            self._tree = XPathTree(self._soup)
        return self._tree

    def first(self, selector: str, within: Tag | None = None) -> Tag | None:
        """Return the first element that matches, or None."""
        return next(self.select(selector, within), None)

    def tags(self) -> Iterator[Tag]:
        """All elements, in the order of the page."""
        return (tag for tag in self._soup.descendants if isinstance(tag, Tag))

    def absolute(self, href: str) -> str | None:
        """Return an http(s) address in full, or None where it is no such address."""
        return address(href, self.base)

    def inner_html(self, tag: Tag) -> str:
        """Return what stands between the tags of an element of this page, as the page has it.

        BeautifulSoup writes markup in its own way, so the text is cut out of the page where its place there can be
        found; the cut is taken only if it reads as the very same content, otherwise BeautifulSoup's writing is.
        """
        written = tag.decode_contents(formatter="minimal")
        cut = self._cut(tag)
        if cut is None:
            return written
        again = _Soup(f"<div>{cut}</div>", inf).find("div")
        same = isinstance(again, Tag) and again.decode_contents(formatter="minimal") == written
        return cut if same else written

    def _cut(self, tag: Tag) -> str | None:
        """Text between the tags of an element, or None where they cannot be found."""
        name = tag.name
        if name not in self._spans:
            self._spans[name] = _spans(self._text, name)
            self._numbers |= {id(one): number for number, one in enumerate(self._soup.find_all(name))}
        spans, number = self._spans[name], self._numbers.get(id(tag))
        span = spans[number] if number is not None and number < len(spans) else None
        return self._text[span[0] : span[1]] if span else None

    @property
    def title(self) -> str | None:
        """The page's own title, or None."""
        tag = self._soup.find("title")
        return (text_of(tag) or None) if isinstance(tag, Tag) else None

    @property
    def misread(self) -> str | None:
        """A note on an encoding in which much of the page cannot be read, or None."""
        return misread(self._text, self.encoding)

    @property
    def is_bare(self) -> bool:
        """Whether it has scripts and hardly any text, as one that a script fills in."""
        body = self._soup.find("body")
        said = body.get_text(" ", strip=True) if isinstance(body, Tag) else ""
        return self._soup.find("script") is not None and len(said) < BARE

    @property
    def language(self) -> str | None:
        """The language of the page as it declares it, or None."""
        tag = self._soup.find("html")
        return found_tag(attribute(tag, "lang")) if isinstance(tag, Tag) else None


def text_of(tag: Tag) -> str:
    """Text of an element on one line, with blanks between its blocks and lines; of a `meta` element its content."""
    if tag.name == "meta":
        return " ".join(attribute(tag, "content").split())
    shown = {id(one) for one in tag.strings}
    parts: list[str] = []
    block: PageElement | None = tag
    blocks = False
    for one in tag.descendants:
        if isinstance(one, Tag):
            blocks = blocks or one.name in _BLOCKS
            if one.name == "br":
                parts.append(" ")
        elif id(one) in shown:
            if blocks:
                around = next(parent for parent in one.parents if parent is tag or parent.name in _BLOCKS)
                if around is not block:
                    parts.append(" ")
                    block = around
            parts.append(str(one))
    return " ".join("".join(parts).split())


def attribute(tag: Tag, name: str) -> str:
    """Value of an attribute without white space around it, "" where it has none."""
    value = tag.get(name)
    return value.strip() if isinstance(value, str) else ""


class _TooManyAttributes(Exception):
    """A page has more attributes than it may have."""


class _Soup(BeautifulSoup):
    """A tree whose attributes are counted while it grows: each takes memory of its own."""

    def __init__(self, text: str, most: float) -> None:
        self._left = most
        # The newline keeps BeautifulSoup from warning that a page looks like a file name, an address or XML.
        super().__init__("\n" + text, "lxml", multi_valued_attributes=None)

    def handle_starttag(self, name: str, namespace: Any, nsprefix: Any, attrs: Any, *more: Any, **named: Any) -> Any:
        """Count the attributes of a start tag, and add it."""
        self._left -= len(attrs)
        if self._left < 0:
            raise _TooManyAttributes
        return super().handle_starttag(name, namespace, nsprefix, attrs, *more, **named)


def _text(fetched: Fetched, forced: str | None) -> tuple[str, str]:
    """Return the text of a page, and its encoding.

    Its newlines are as the HTML standard has them (section 13.2.3.5: CR LF and CR become LF).
    """
    if forced:
        decoded = decode_as(fetched.body, forced)
    else:
        named = EncodingDetector.find_declared_encoding(fetched.body[:_HEAD], is_html=True)
        decoded = decode(fetched.body, fetched.content_type, named)
    return decoded.text.replace("\r\n", "\n").replace("\r", "\n"), decoded.encoding


def _spans(text: str, name: str) -> list[tuple[int, int] | None]:
    """Return where the text between the tags of each element `name` stands; None where its end tag is not found.

    One pass from left to right: comments, scripts and other raw text are skipped, quoted `>` do not end a tag.
    """
    tokens = re.compile(rf"<(?:(!--)|(/?)(?:(script|style|textarea|title)|{re.escape(name)})(?=[\s/>]))", re.IGNORECASE)
    spans: list[tuple[int, int] | None] = []
    opened: list[tuple[int, int]] = []
    place = 0
    while token := tokens.search(text, place):
        comment, slash, raw = token.groups()
        end = _COMMENT_END.search(text, token.end()) if comment else _TAG_END.match(text, token.end())
        if end and raw and not slash:
            end = re.compile(rf"</{raw}\s*>", re.IGNORECASE).search(text, end.end())
        if not end:
            break
        place = end.end()
        if comment or raw:
            continue
        if not slash:
            opened.append((len(spans), place))
            spans.append(None)
        elif opened:
            number, begin = opened.pop()
            spans[number] = begin, token.start()
    return spans


_COMMENT_END = re.compile(r"-->")
_TAG_END = re.compile(r"""(?:[^"'>]|"[^"]*"|'[^']*')*+>""")
