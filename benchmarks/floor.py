"""A straight-line program of our own libraries: what a cold cycle and the rendering of feeds cost at least.

aiohttp asks, lxml reads, nh3 cleans, sqlite3 stores, lxml and json write. There is no more to it: nothing is checked,
recognized, repaired, made absolute, written atomically or left alone because it is the same. README.md has the list.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.peers import ask_all

if TYPE_CHECKING:
    from lxml.etree import _Element

    from benchmarks.tasks import Clock, Task

_ATOM = "http://www.w3.org/2005/Atom"
_CONTENT = "http://purl.org/rss/1.0/modules/content/"
_DC = "http://purl.org/dc/elements/1.1/"
_RSS_NAMESPACES = {"content": _CONTENT, "dc": _DC}
_HOME = "https://feeds.example.org/"

#: Items in each feed, the newest ones: the default of feeds.yaml.
LIMIT = 100

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS sources (number INTEGER PRIMARY KEY, title TEXT, etag TEXT);
CREATE TABLE IF NOT EXISTS entries (
    id TEXT, source INTEGER, url TEXT, title TEXT, author TEXT, tag TEXT, published INTEGER, html TEXT,
    PRIMARY KEY (source, id)
);
CREATE INDEX IF NOT EXISTS newest ON entries (source, published);
"""


class Entry(NamedTuple):
    id: str
    source: int
    url: str
    title: str
    author: str
    tag: str
    published: datetime
    html: str


class Node(NamedTuple):
    """An element with all that is in it."""

    tag: str
    text: str | None = None
    attributes: Sequence[tuple[str, str]] = ()
    children: Sequence[Node] = ()


def cold(
    clock: Clock, *, urls: list[str], headers: dict[str, str], concurrency: int, categories: int, folder: str
) -> int:
    """Ask for every feed, store its entries, write a post for each, and three feeds for each category."""
    import aiohttp
    import lxml.etree  # noqa: F401 - like all imports of a cycle, before the clock
    import nh3

    home = Path(folder)
    numbers = {url: number for number, url in enumerate(urls)}
    kept: list[list[Entry]] = [[] for _ in range(categories)]

    def take(database: sqlite3.Connection, source: int, body: bytes, etag: str | None) -> None:
        title, found = _read(source, body)
        entries = [entry._replace(html=nh3.clean(entry.html)) for entry in found]
        rows = [entry._replace(published=int(entry.published.timestamp())) for entry in entries]  # type: ignore[arg-type]
        with database:
            database.execute("INSERT INTO sources VALUES (?, ?, ?)", (source, title, etag))
            database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        category = source % categories
        for number, entry in enumerate(entries):
            path = home / "posts" / f"c{category}" / f"{source}-{number}.md"
            path.write_text(post(entry, title, category), encoding="utf-8")
        kept[category] += entries

    async def run(database: sqlite3.Connection) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:

            async def get(url: str, sent: dict[str, str]) -> int:
                async with session.get(url, headers=sent) as answer:
                    take(database, numbers[url], await answer.read(), answer.headers.get("ETag"))
                    return answer.status

            await ask_all(get, urls, [headers] * len(urls), concurrency)

    with clock:
        for category in range(categories):
            for kind in ("posts", "public"):
                (home / kind / f"c{category}").mkdir(parents=True)
        with closing(sqlite3.connect(home / "floor.db")) as database:
            database.executescript(SCHEMA)
            asyncio.run(run(database))
        for category, entries in enumerate(kept):
            newest = sorted(entries, key=lambda entry: entry.published, reverse=True)[:LIMIT]
            for name, render in FEEDS.items():
                (home / "public" / f"c{category}" / name).write_bytes(render(f"Category {category}", newest))
    return sum(1 for _ in (home / "posts").rglob("*.md"))


def render(clock: Clock, *, load: dict[str, Any]) -> int:
    """Build and serialize the documents that ours renders of the same items, with lxml and json; returns their bytes.

    Raises:
        RuntimeError: they are other documents.
    """
    from benchmarks.ours_publish import rendered

    # What ours wrote, as elements and texts in memory.
    trees, objects = [], []
    for document in rendered(load):
        if document.startswith(b"{"):
            objects.append(json.loads(document))
            made = _json(objects[-1])
        else:
            trees.append(_described(document))
            made = _xml(*trees[-1])
        if made != document:
            raise RuntimeError(f"wrote {len(made)} bytes that differ from {len(document)} of ours")
    with clock:
        return sum(len(_xml(*tree)) for tree in trees) + sum(len(_json(value)) for value in objects)


def _read(source: int, body: bytes) -> tuple[str, list[Entry]]:
    """The title and the entries of a feed of the workload."""
    from lxml import etree

    root = etree.fromstring(body)
    if root.tag == "rss":
        channel = root[0]
        return channel.findtext("title") or "", [_rss_item(source, item) for item in channel.iterfind("item")]
    title = root.findtext(f"{{{_ATOM}}}title") or ""
    return title, [_atom_entry(source, entry) for entry in root.iterfind(f"{{{_ATOM}}}entry")]


def _rss_item(source: int, item: _Element) -> Entry:
    text = {child.tag: child.text or "" for child in item}
    return Entry(
        text["guid"],
        source,
        text["link"],
        text["title"],
        text[f"{{{_DC}}}creator"],
        text["category"],
        parsedate_to_datetime(text["pubDate"]),
        text[f"{{{_CONTENT}}}encoded"],
    )


def _atom_entry(source: int, entry: _Element) -> Entry:
    child = {child.tag.removeprefix(f"{{{_ATOM}}}"): child for child in entry}
    return Entry(
        child["id"].text or "",
        source,
        child["link"].get("href") or "",
        child["title"].text or "",
        child["author"][0].text or "",
        child["category"].get("term") or "",
        datetime.fromisoformat(child["published"].text or ""),
        child["content"].text or "",
    )


def post(entry: Entry, source: str, category: int) -> str:
    """Markdown with a front matter; JSON strings are YAML strings."""
    front = {
        "title": entry.title,
        "date": entry.published.isoformat(),
        "categories": [f"Category {category}"],
        "author": entry.author,
        "source": source,
        "link": entry.url,
        "id": entry.id,
    }
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in front.items()]
    return f"---\n{''.join(lines)}---\n{entry.html}\n"


def _rss(title: str, entries: Iterable[Entry]) -> bytes:
    items = [
        Node(
            "item",
            children=(
                Node("title", entry.title),
                Node("link", entry.url),
                Node(f"{{{_CONTENT}}}encoded", entry.html),
                Node("guid", entry.id),
                Node("category", entry.tag),
                Node(f"{{{_DC}}}creator", entry.author),
                Node("pubDate", format_datetime(entry.published)),
            ),
        )
        for entry in entries
    ]
    head = (Node("title", title), Node("link", _HOME), Node("description", title))
    channel = Node("channel", children=(*head, *items))
    return _xml(Node("rss", None, (("version", "2.0"),), (channel,)), _RSS_NAMESPACES)


def _atom(title: str, entries: Sequence[Entry]) -> bytes:
    def name(local: str) -> str:
        return f"{{{_ATOM}}}{local}"

    items = [
        Node(
            name("entry"),
            children=(
                Node(name("id"), entry.id),
                Node(name("title"), entry.title),
                Node(name("updated"), entry.published.isoformat()),
                Node(name("author"), children=(Node(name("name"), entry.author),)),
                Node(name("content"), entry.html, (("type", "html"),)),
                Node(name("category"), None, (("term", entry.tag),)),
                Node(name("link"), None, (("href", entry.url),)),
            ),
        )
        for entry in entries
    ]
    updated = entries[0].published.isoformat() if entries else ""
    head = (Node(name("id"), _HOME), Node(name("title"), title), Node(name("updated"), updated))
    return _xml(Node(name("feed"), children=(*head, *items)), {None: _ATOM})


def _jsonfeed(title: str, entries: Iterable[Entry]) -> bytes:
    items = [
        {
            "id": entry.id,
            "url": entry.url,
            "title": entry.title,
            "date_published": entry.published.isoformat(),
            "authors": [{"name": entry.author}],
            "tags": [entry.tag],
            "content_html": entry.html,
        }
        for entry in entries
    ]
    head = {"version": "https://jsonfeed.org/version/1.1", "title": title, "home_page_url": _HOME}
    return _json({**head, "items": items})


FEEDS: dict[str, Callable[[str, list[Entry]], bytes]] = {"rss.xml": _rss, "atom.xml": _atom, "feed.json": _jsonfeed}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _xml(root: Node, namespaces: dict[Any, str], style: str | None = None) -> bytes:
    from lxml import etree

    element = etree.Element(root.tag, dict(root.attributes), namespaces)
    if style is not None:
        element.addprevious(etree.ProcessingInstruction("xml-stylesheet", style))
    _fill(element, root, etree.SubElement)
    return etree.tostring(element.getroottree(), pretty_print=True, encoding="UTF-8", xml_declaration=True)


def _fill(element: _Element, node: Node, make: Callable[[_Element, str], _Element]) -> None:
    for child in node.children:
        made = make(element, child.tag)
        made.text = child.text
        for name, value in child.attributes:
            made.set(name, value)
        if child.children:
            _fill(made, child, make)


def _described(document: bytes) -> tuple[Node, dict[Any, str], str | None]:
    """An XML document as nodes, with the namespaces of its root and the stylesheet that it names."""
    from lxml import etree

    root = etree.fromstring(document, etree.XMLParser(remove_blank_text=True))

    def describe(element: _Element) -> Node:
        attributes = tuple((str(name), str(value)) for name, value in element.attrib.items())
        return Node(str(element.tag), element.text, attributes, tuple(map(describe, element)))

    style = root.getprevious()
    return describe(root), dict(root.nsmap), None if style is None else style.text


TASKS: dict[str, Task] = {"floor": cold, "floor_render": render}
