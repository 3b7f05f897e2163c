"""Made-up feeds and pages, the same for the same seed: sources x entries x body size, Chinese and English.

In: the sizes, and the share that is new in each cycle. Out: documents as bytes, with their ETags. Nothing is random but
by the seed, and no clock is read.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache, partial
from typing import NamedTuple
from xml.sax.saxutils import escape

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_ENGLISH = """
the of a network feed server reader time page entry change body cache request answer small large new known quiet
morning river garden engine paper window light number question history science market travel
"""
_CHINESE = """
的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工
也能下过子说产种面而方后多定行学法所民得经
"""
_WORDS = _ENGLISH.split()
_CHARACTERS = "".join(_CHINESE.split())


class Made(NamedTuple):
    """One made-up entry."""

    url: str
    title: str
    when: datetime
    #: HTML.
    body: str


class Document(NamedTuple):
    """What is served at one path."""

    path: str
    content_type: str
    #: None: the server names no validator.
    etag: str | None
    make: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Workload:
    """What an origin serves.

    Args:
        sources: number of feeds.
        entries: entries in each feed.
        body: bytes of HTML in each entry, about.
        fresh: share of a feed's entries that are new in each cycle, 0 to 1.
        seed: another seed makes other texts.
    """

    sources: int
    entries: int = 20
    body: int = 4000
    fresh: float = 0.0
    seed: int = 1

    def documents(self, cycle: int = 0) -> Iterator[Document]:
        """Iterate over all that is served in a cycle."""
        for source in range(self.sources):
            yield Document(
                f"/{source}.xml", "application/xml", self.etag(source, cycle), partial(self.feed, source, cycle)
            )

    def feed(self, source: int, cycle: int = 0) -> bytes:
        """The document of one source in one cycle: every third an Atom feed, the others RSS 2.0."""
        shift = self._shift(cycle)
        numbers = range(shift + self.entries - 1, shift - 1, -1)
        make = _atom if source % 3 == 2 else _rss
        return make(source, [self.entry(source, number) for number in numbers]).encode()

    def etag(self, source: int, cycle: int = 0) -> str:
        """Changes with the document, and with nothing else."""
        return f'"{self.seed}-{source}-{self._shift(cycle)}"'

    def entry(self, source: int, number: int) -> Made:
        """One entry; the same in every cycle in which it is in the feed."""
        draw = random.Random(f"{self.seed}/{source}/{number}")  # noqa: S311 - no secret
        chinese = source % 2 == 1
        title = _words(draw, chinese, 8)
        when = FIRST + timedelta(minutes=97 * number + source % 60)
        first = f"<p>Entry {number} of source {source}.</p>"
        return Made(f"https://s{source}.example.org/{number}", title, when, _body(draw, chinese, self.body, first))

    def _shift(self, cycle: int) -> int:
        return round(cycle * self.fresh * self.entries)


@dataclass(frozen=True, slots=True)
class Pages:
    """Sites without a feed: list pages, and the articles behind them; `Workload` has the words.

    Lists have no validators, as on most sites, and a number of visitors that is another one in each cycle. No article
    is ever new.
    """

    sources: int
    entries: int = 20
    body: int = 4000
    seed: int = 1

    def documents(self, cycle: int = 0) -> Iterator[Document]:
        """Iterate over all that is served in a cycle."""
        for source in range(self.sources):
            yield Document(f"/{source}/", _HTML, None, partial(self.listing, source, cycle))
            if cycle == 0:
                for number in range(self.entries):
                    yield Document(f"/{source}/{number}.html", _HTML, None, partial(self.article, source, number))

    def listing(self, source: int, cycle: int = 0) -> bytes:
        """One list page."""
        made = [self._words.entry(source, number) for number in range(self.entries)]
        items = "".join(
            f'<li class="item"><h2><a href="/{source}/{number}.html">{escape(one.title)}</a></h2>'
            f'<span class="meta">{one.when:%Y-%m-%d %H:%M}</span><p>{escape(one.title)}</p></li>'
            for number, one in enumerate(made)
        )
        aside = f"<aside><p>Visitors: {cycle}</p><ul>{_links(40)}</ul></aside>"
        return _page(f"Site {source}", f'<ul class="list">{items}</ul>{aside}')

    def article(self, source: int, number: int) -> bytes:
        """One article page."""
        one = self._words.entry(source, number)
        text = (
            f'<article><h1>{escape(one.title)}</h1><p class="by"><span class="author">Author {source}</span> '
            f'<time datetime="{one.when.isoformat()}">{one.when:%d %B %Y}</time></p>'
            f'<div id="article"><div class="share"><a href="/share/{number}">Share</a></div>{one.body}'
            f'<div class="ad"><p>Sponsored</p></div></div></article><aside><ul>{_links(40)}</ul></aside>'
        )
        return _page(one.title, text)

    @property
    def _words(self) -> Workload:
        return Workload(self.sources, self.entries, self.body, seed=self.seed)


_HTML = "text/html; charset=utf-8"


def _links(count: int) -> str:
    return "".join(
        f'<li class="link"><a href="/more/{n}" title="Link {n}">Another page, number {n}</a></li>' for n in range(count)
    )


def _page(title: str, main: str) -> bytes:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><link rel="stylesheet" href="/style.css">'
    script = f"<script>var data = [{','.join(map(str, range(300)))}];</script>"
    return (
        f"<!DOCTYPE html><html lang='en'><head>{head}</head><body><nav><ul>{_links(20)}</ul></nav>"
        f"<main>{main}</main><footer><p>Imprint</p><ul>{_links(10)}</ul></footer>{script}</body></html>"
    ).encode()


LOADS = {"feeds": Workload, "pages": Pages}
"""Kinds of workload, by their names."""


@cache
def _paragraphs(chinese: bool) -> tuple[str, ...]:
    """A stock of paragraphs; making each anew would make the generator slower than what it measures."""
    draw = random.Random(7)  # noqa: S311 - no secret
    return tuple(
        f'<p class="p{n % 3}" style="text-indent: 2em;">{_words(draw, chinese, 60)} '
        f'<a href="/tag/{n}" title="{_words(draw, chinese, 2)}">{_words(draw, chinese, 3)}</a>, '
        f"<strong>{_words(draw, chinese, 4)}</strong>.</p>"
        + (f'<p><img src="https://img.example.org/{n}.jpg" alt="{n}" width="640"></p>' if n % 4 == 0 else "")
        for n in range(200)
    )


def _body(draw: random.Random, chinese: bool, size: int, first: str) -> str:
    stock, parts, length = _paragraphs(chinese), [first], len(first)
    while length < size:
        part = draw.choice(stock)
        parts.append(part)
        length += len(part.encode())
    return "\n".join(parts)


def _words(draw: random.Random, chinese: bool, count: int) -> str:
    if chinese:
        return "".join(draw.choices(_CHARACTERS, k=count * 2))
    return " ".join(draw.choices(_WORDS, k=count))


def _rss(source: int, entries: list[Made]) -> str:
    items = "".join(
        f"<item><title>{escape(entry.title)}</title><link>{entry.url}</link><guid>{entry.url}</guid>"
        f"<pubDate>{format_datetime(entry.when, usegmt=True)}</pubDate><dc:creator>Author {source}</dc:creator>"
        f"<category>tag {source % 7}</category><description>{escape(entry.title)}</description>"
        f"<content:encoded><![CDATA[{entry.body}]]></content:encoded></item>"
        for entry in entries
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
        f"<title>Source {source}</title><link>https://s{source}.example.org/</link>"
        f"<description>Feed {source}</description>{items}</channel></rss>"
    )


def _atom(source: int, entries: list[Made]) -> str:
    items = "".join(
        f"<entry><title>{escape(entry.title)}</title><link href='{entry.url}'/><id>{entry.url}</id>"
        f"<published>{entry.when.isoformat()}</published><updated>{entry.when.isoformat()}</updated>"
        f"<author><name>Author {source}</name></author><category term='tag {source % 7}'/>"
        f"<content type='html'>{escape(entry.body)}</content></entry>"
        for entry in entries
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>Source {source}</title><id>https://s{source}.example.org/</id>"
        f"<link href='https://s{source}.example.org/'/><updated>{FIRST.isoformat()}</updated>{items}</feed>"
    )
