"""An origin on 127.0.0.1 for documents and folders that answers conditional requests, as web servers do."""

from __future__ import annotations

import hashlib
import threading
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

#: The media types of published files (docs/serving.md).
TYPES = {
    "rss.xml": "application/rss+xml",
    "atom.xml": "application/atom+xml",
    "feed.json": "application/feed+json",
}


class Origin:
    """A server for documents by address, and for the files of a folder.

    Args:
        folder: everything below it is served; None: only `documents`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        #: Media type and bytes of each document, by its path.
        self.documents: dict[str, tuple[str, bytes]] = {}
        #: Path and status of each answer.
        self.answers: list[tuple[str, int]] = []
        self._folder = folder
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Base address without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Origin:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _find(self, path: str) -> tuple[str, bytes, float] | None:
        """Media type, bytes and time of the last change of what is at a path."""
        if path in self.documents:
            return (*self.documents[path], 0)
        if self._folder is None:
            return None
        file = (self._folder / path.lstrip("/")).resolve()
        if not file.is_relative_to(self._folder.resolve()) or not file.is_file():
            return None
        return TYPES.get(file.name, "application/octet-stream"), file.read_bytes(), file.stat().st_mtime

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = unquote(self.path.partition("?")[0])
                found = origin._find(path)
                kind, data, changed = found or ("text/plain", b"not here", 0)
                tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
                status = 404 if found is None else 304 if self._is_known(tag, changed) else 200
                origin.answers.append((path, status))
                self.send_response(status)
                if found is not None:
                    self.send_header("ETag", tag)
                if changed:
                    self.send_header("Last-Modified", formatdate(changed, usegmt=True))
                if status != 304:
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if status != 304 and self.command != "HEAD":
                    self.wfile.write(data)

            do_HEAD = do_GET

            def _is_known(self, tag: str, changed: float) -> bool:
                """RFC 9110, section 13.2.2: a tag goes before a date."""
                if (tags := self.headers["If-None-Match"]) is not None:
                    return tag in tags
                since = self.headers["If-Modified-Since"]
                return since is not None and changed > 0 and int(changed) <= parsedate_to_datetime(since).timestamp()

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
