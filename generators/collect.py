"""Entries to build sites from: the program run over every feed there is, served over loopback.

Real feeds come from the corpus beside the checkout, where it is, else from the demo; hostile ones from there, and from
`generators.nasty`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import aggregator
from aggregator.models import Item
from aggregator.store import open_store
from generators import nasty

_SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
_DEMO = Path(aggregator.__file__).parent / "demo" / "samples"
_TYPES = {".json": "application/feed+json", ".html": "text/html"}
_FEEDS = frozenset({".xml", ".rss", ".atom", ".rdf", ".json", ".gz"})


#: The categories of feeds.yaml, and their titles; all but the last have entries that may try to do harm.
CATEGORIES = {"hostile": "Hostile", "twins": "Twins", "real": "Real"}


@dataclass(frozen=True)
class Found:
    """What one run of the program has brought."""

    #: Its data folder.
    data: Path
    #: The newest first.
    items: list[Item]
    #: The sources that `generators.nasty` made.
    made: frozenset[str]

    def some(self, real: int, *, corpus: bool) -> Found:
        """Return fewer of the entries.

        Args:
            real: how many of real feeds, of as many feeds as can be.
            corpus: whether all hostile ones; else only those that were made for this.
        """
        hostile = [item for item in self.items if is_hostile(item) and (corpus or item.origin.id in self.made)]
        nth: Counter[str] = Counter()
        ranked: list[tuple[int, Item]] = []
        for item in self.items:
            nth[item.origin.id] += 1
            if not is_hostile(item):
                ranked.append((nth[item.origin.id], item))
        return replace(self, items=hostile + [item for _, item in sorted(ranked, key=lambda one: one[0])[:real]])


def is_hostile(item: Item) -> bool:
    """Whether an entry may try to do harm."""
    return item.origin.category != "real"


@dataclass(frozen=True)
class _Feed:
    data: bytes
    headers: dict[str, str]
    category: str
    #: Whether it comes from `generators.nasty`.
    made: bool = False


def collect(folder: Path) -> Found:
    """Run the program.

    Args:
        folder: where its configuration and its data go; empty.
    """
    feeds = list(_feeds())
    with _Server(feeds) as address:
        sources = [{"id": f"f{n}", "feed": f"{address}/{n}", "category": feed.category} for n, feed in enumerate(feeds)]
        config = {
            "site": {"title": "Site", "url": "https://site.example/"},
            "categories": CATEGORIES,
            "fetch": {"allow_private_addresses": ["127.0.0.0/8"], "timeout": "60s"},
            "sources": sources,
        }
        (folder / "feeds.yaml").write_text(json.dumps(config), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "aggregator", "update", "-c", folder / "feeds.yaml", "-d", folder / "data"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    # 1: some of the hostile feeds cannot be read.
    if done.returncode not in (0, 1):
        raise SystemExit(f"generators: the program ended with {done.returncode}:\n{done.stderr[-2000:]}")
    store = open_store(folder / "data" / "aggregator.db")
    try:
        items = list(store.newest(None, 10_000_000))
    finally:
        store.close()
    return Found(folder / "data", items, frozenset(f"f{n}" for n, feed in enumerate(feeds) if feed.made))


def _feeds() -> Iterator[_Feed]:
    for category, document in nasty.feeds():
        yield _Feed(document.encode(), {"Content-Type": "application/xml"}, category, made=True)
    files = sorted(_SHARED.rglob("*")) if _SHARED.is_dir() else sorted(_DEMO.rglob("*"))
    manifests: dict[Path, dict[str, dict[str, str]]] = {}
    for path in files:
        if path.suffix not in _FEEDS or "manifest" in path.name or "feedparser" in path.parts or not path.is_file():
            continue
        is_real = not _SHARED.is_dir() or path.parent.name.startswith("real")
        told = manifests.setdefault(path.parent, _headers(path.parent)).get(path.name, {})
        kind = {"Content-Type": _TYPES.get(path.suffix, "application/xml")}
        headers = {**kind, **{name.title(): value for name, value in told.items()}}
        yield _Feed(path.read_bytes(), headers, "real" if is_real else "hostile")


def _headers(folder: Path) -> dict[str, dict[str, str]]:
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return {}
    return {row["file"]: row["headers"] for row in json.loads(manifest.read_text(encoding="utf-8"))}


class _Server:
    """Feeds by their numbers."""

    def __init__(self, feeds: list[_Feed]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                number = unquote(self.path).strip("/")
                found = int(number) < len(feeds) if number.isdecimal() else False
                self.send_response(200 if found else 404)
                feed = feeds[int(number)] if found else _Feed(b"", {}, "")
                for name, value in feed.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(feed.data)))
                self.end_headers()
                self.wfile.write(feed.data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
