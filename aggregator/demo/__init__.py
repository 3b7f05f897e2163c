"""The demo: bundled samples, a server on this machine, and a configuration that reads them.

The folder `samples` is the site: a file's path is its address. All text in it was written for this program; the list
page and articles in `factory` are sent in GBK. Images are drawn on request. Serves GET and HEAD, with ETag and 304.
"""

from __future__ import annotations

import hashlib
import struct
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

#: Addresses that have moved permanently (301).
MOVED = {"/tea/feed": "/tea/podcast.xml"}

_TYPES = {
    "html": "text/html",
    "xml": "application/xml; charset=utf-8",
    "rdf": "application/rdf+xml",
    "json": "application/feed+json",
}
_WIDTH, _HEIGHT = 320, 180


_CONFIG = """\
site:
  title: 示例聚合
  url: https://feeds.example.org/
  language: zh-CN
fetch:
  # The samples are served on this machine; without this line such addresses are refused.
  allow_private_addresses: [127.0.0.0/8]
categories:
  new-media: 新媒体
  programming: 编程
  leisure: 闲暇
sources:
  # A site without a feed: a list page in GBK, and the articles that it links to.
  - id: factory
    name: 制造前线
    category: new-media
    section: 新闻
    scrape:
      url: {base_url}/factory/list.html
      encoding: gbk
      items: div.list-left div.con-details h3 > a
      article:
        body: "#articleC"
        author: div.source-name
        date: div.time.fl
        timezone: Asia/Shanghai
  - id: library
    name: 河畔图书馆
    category: new-media
    section: 活动
    feed: {base_url}/library/index.rdf
  - id: weekly
    name: 开源手记
    category: programming
    feed: {base_url}/weekly/rss.xml
  - id: notes
    name: Notes on Small Programs
    category: programming
    feed: {base_url}/notes/atom.xml
  - id: trails
    name: Quiet Trails
    category: leisure
    feed: {base_url}/trails/feed.json
  # This address has moved; the redirect is followed.
  - id: tea
    name: One Pot of Tea
    category: leisure
    section: Podcast
    feed: {base_url}/tea/feed
  # Broken on purpose: the server sends a web page. The other sources are not affected.
  - id: lost
    name: Lost and Found
    category: leisure
    feed: {base_url}/lost/feed.html
"""


def demo_config(base_url: str) -> str:
    """Return the text of a feeds.yaml that reads every sample.

    Args:
        base_url: address that `serve` yields, without a slash at the end.
    """
    return _CONFIG.format(base_url=base_url)


@contextmanager
def serve() -> Iterator[str]:
    """Serve the samples on 127.0.0.1 and a free port; yield the base address, without a slash at the end."""
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@lru_cache(maxsize=1)
def _pages() -> dict[str, tuple[str, bytes]]:
    """Return media type and bytes of every sample by its address."""
    return dict(_load(files(__name__) / "samples", ""))


def _load(folder: Traversable, path: str) -> Iterator[tuple[str, tuple[str, bytes]]]:
    for child in folder.iterdir():
        address = f"{path}/{child.name}"
        if child.is_dir():
            yield from _load(child, address)
        elif media_type := _TYPES.get(child.name.rpartition(".")[2]):
            text = child.read_text(encoding="utf-8")
            yield address, (media_type, text.encode("gbk" if path.startswith("/factory") else "utf-8"))


@lru_cache(maxsize=64)
def _picture(name: str) -> bytes:
    """Draw a PNG of a sun over hills in colours that depend on the name (PNG specification, sections 5 and 11)."""
    seed = hashlib.sha256(name.encode()).digest()
    sky, sun = (150 + seed[0] % 90, 170 + seed[1] % 70, 200 + seed[2] % 55), (255, 225, 120 + seed[3] % 100)
    land = (40 + seed[4] % 70, 90 + seed[5] % 80, 60 + seed[6] % 60)
    centre, radius, slope = 60 + seed[7] % 200, 18 + seed[8] % 14, 1 + seed[9] % 3
    rows = bytearray()
    for y in range(_HEIGHT):
        rows.append(0)
        for x in range(_WIDTH):
            horizon = 110 + abs((x * slope + seed[10]) % 160 - 80) // 2
            if y > horizon:
                rows += bytes(max(0, value - (y - horizon) // 3) for value in land)
            elif (x - centre) ** 2 + (y - 55) ** 2 < radius**2:
                rows += bytes(sun)
            else:
                rows += bytes(min(255, value + y // 4) for value in sky)
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that has gone away."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "aggregator-demo"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in MOVED:
            self._send(301, {"Location": MOVED[path]})
        elif path.startswith("/images/") and path.endswith(".png"):
            self._send_page("image/png", _picture(path))
        elif path in _pages():
            self._send_page(*_pages()[path])
        else:
            self._send(404, {"Content-Type": "text/plain"}, b"not here\n")

    do_HEAD = do_GET

    def _send_page(self, media_type: str, body: bytes) -> None:
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if etag in self.headers.get("If-None-Match", ""):
            self._send(304, {"ETag": etag})
        else:
            self._send(200, {"Content-Type": media_type, "ETag": etag}, body)

    def _send(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the demo has its own output."""
