"""Made-up feeds, the same for the same seed: sources x entries x body size, Chinese and English, some new per cycle.

In: the sizes. Out: documents as bytes, with their ETags. Nothing is random but by the seed, and no clock is read.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
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
