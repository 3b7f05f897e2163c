"""A straight-line program for sites without a feed: what scraping them costs at least with our libraries.

aiohttp asks, BeautifulSoup (on lxml) reads lists and articles, nh3 cleans, sqlite3 stores, lxml and json write, as in
`floor`. Nothing is checked, bounded, read in another process, or made absolute but the links of the list.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from benchmarks.floor import FEEDS, LIMIT, SCHEMA, Entry, post
from benchmarks.peers import ask_all

if TYPE_CHECKING:
    from benchmarks.tasks import Clock, Task

#: Articles of one list that are asked for at once.
_AT_ONCE = 4


def scrape(
    clock: Clock, *, urls: list[str], headers: dict[str, str], concurrency: int, categories: int, folder: str
) -> int:
    """Read every list and the articles that are not stored, write a post for each, and the feeds of what changed."""
    import aiohttp
    import bs4
    import lxml.etree  # noqa: F401 - like all imports of a cycle, before the clock
    import nh3  # noqa: F401

    bs4.BeautifulSoup("<p>", "lxml")
    home = Path(folder)
    numbers = {url: number for number, url in enumerate(urls)}
    kept: list[list[Entry]] = [[] for _ in range(categories)]

    async def read(database: sqlite3.Connection, ask: Callable[[str], Awaitable[bytes]], url: str) -> None:
        source = numbers[url]
        known = {row[0] for row in database.execute("SELECT id FROM entries WHERE source = ?", (source,))}
        links = [urljoin(url, link) for link in _links(await ask(url))]
        new = [link for link in dict.fromkeys(links) if link not in known]
        entries: list[Entry] = []
        for at in range(0, len(new), _AT_ONCE):
            some = new[at : at + _AT_ONCE]
            pages = await asyncio.gather(*map(ask, some))
            entries += [_article(source, link, page) for link, page in zip(some, pages, strict=True)]
        if entries:
            _store(database, home, source, entries, source % categories)
            kept[source % categories] += entries

    async def run(database: sqlite3.Connection) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency), headers=headers) as session:

            async def ask(url: str) -> bytes:
                async with session.get(url) as answer:
                    body: bytes = await answer.read()
                    return body

            async def one(url: str, sent: dict[str, str]) -> int:
                await read(database, ask, url)
                return 200

            await ask_all(one, urls, [{}] * len(urls), concurrency)

    with clock:
        for category in range(categories):
            for kind in ("posts", "public"):
                (home / kind / f"c{category}").mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(home / "floor.db")) as database:
            database.executescript(SCHEMA)
            asyncio.run(run(database))
        for category, entries in enumerate(kept):
            newest = sorted(entries, key=lambda entry: entry.published, reverse=True)[:LIMIT]
            for name, render in FEEDS.items() if entries else ():
                (home / "public" / f"c{category}" / name).write_bytes(render(f"Category {category}", newest))
    return sum(1 for _ in (home / "posts").rglob("*.md"))


def _links(body: bytes) -> list[str]:
    from bs4 import BeautifulSoup

    return [str(link["href"]) for link in BeautifulSoup(body, "lxml").select(".list h2 > a")]


def _article(source: int, link: str, body: bytes) -> Entry:
    import nh3
    from bs4 import BeautifulSoup

    page: Any = BeautifulSoup(body, "lxml")
    text = page.select_one("#article")
    for other in text.select(".share, .ad"):
        other.decompose()
    return Entry(
        link,
        source,
        link,
        page.select_one("h1").get_text(strip=True),
        page.select_one(".author").get_text(strip=True),
        "",
        datetime.fromisoformat(page.select_one("time")["datetime"]),
        nh3.clean(text.decode_contents()),
    )


def _store(database: sqlite3.Connection, home: Path, source: int, entries: list[Entry], category: int) -> None:
    rows = [(*entry[:6], int(entry.published.timestamp()), entry.html) for entry in entries]
    with database:
        database.execute("INSERT OR IGNORE INTO sources VALUES (?, ?, ?)", (source, f"Site {source}", None))
        database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    for number, entry in enumerate(entries):
        path = home / "posts" / f"c{category}" / f"{source}-{number}.md"
        path.write_text(post(entry, f"Site {source}", category), encoding="utf-8")


TASKS: dict[str, Task] = {"floor_pages": scrape}
