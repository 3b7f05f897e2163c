"""A real HTTP origin on loopback for the tests: routes, a log of what was asked, and misbehaviour on demand."""

from __future__ import annotations

import hashlib
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Seen:
    """One request as the origin saw it; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    status: int = 0


@dataclass
class Response:
    """What a route answers; `raw` takes over the connection instead."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: Callable[[BaseHTTPRequestHandler], None] | None = None


Route = Response | Callable[[Seen], Response]


class _Server(ThreadingHTTPServer):
    """Takes it as usual that clients go away, and that many come at once."""

    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Origin:
    """An HTTP/1.1 server on a free port of 127.0.0.1, in a thread of its own.

    Args:
        tls: speak HTTPS with this context.
        host: listen there instead; "" for every address of the machine.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, *, host: str = "127.0.0.1") -> None:
        self.routes: dict[str, Route] = {}
        #: What POST requests are answered: the request and its body go in.
        self.posts: dict[str, Callable[[Seen, bytes], Response]] = {}
        self.requests: list[Seen] = []
        self._lock = threading.Lock()
        self._server = _Server((host, 0), self._handler())
        self._server.daemon_threads = True
        self._scheme = "http"
        if tls is not None:
            self._scheme = "https"
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Base address without a slash at the end."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return self._server.server_port

    def route(
        self,
        path: str,
        body: bytes | str = b"",
        *,
        status: int = 200,
        content_type: str = "application/xml",
        headers: Mapping[str, str] | None = None,
        conditional: bool = False,
    ) -> str:
        """Serve `body` at `path` and return its address; `conditional` adds an ETag and answers 304."""
        data = body.encode() if isinstance(body, str) else body
        sent = {"Content-Type": content_type, **(headers or {})}
        if not conditional:
            self.routes[path] = Response(data, status, sent)
            return self.url + path
        sent["ETag"] = f'"{hashlib.sha256(data).hexdigest()[:12]}"'

        def answer(seen: Seen) -> Response:
            if seen.headers.get("if-none-match") == sent["ETag"]:
                return Response(b"", 304, {"ETag": sent["ETag"]})
            return Response(data, status, sent)

        self.routes[path] = answer
        return self.url + path

    def handle(self, path: str, answer: Route) -> str:
        """Serve whatever `answer` gives at `path` and return its address."""
        self.routes[path] = answer
        return self.url + path

    def asked(self, path: str) -> list[Seen]:
        """The requests for `path` so far."""
        with self._lock:
            return [seen for seen in self.requests if seen.path == path]

    def pages(self) -> list[Seen]:
        """The requests so far, those for robots.txt aside."""
        with self._lock:
            return [seen for seen in self.requests if seen.path != "/robots.txt"]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                seen = self._seen()
                route = origin.routes.get(self.path) or origin.routes.get(self.path.partition("?")[0])
                answer = Response(b"not here", 404) if route is None else route
                self._answer(answer(seen) if callable(answer) else answer, seen.headers)

            do_HEAD = do_GET

            def do_POST(self) -> None:
                seen, body = self._seen(), self.rfile.read(int(self.headers["Content-Length"]))
                post = origin.posts.get(self.path.partition("?")[0])
                self._answer(Response(b"not here", 404) if post is None else post(seen, body), seen.headers)

            def _seen(self) -> Seen:
                return Seen(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})

            def _answer(self, answer: Response, headers: Mapping[str, str]) -> None:
                with origin._lock:
                    origin.requests.append(Seen(self.command, self.path, headers, answer.status))
                try:
                    self._send(answer)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def _send(self, answer: Response) -> None:
                if answer.raw is not None:
                    self.close_connection = True
                    answer.raw(self)
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in answer.headers and answer.status not in (204, 304):
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if self.command != "HEAD" and answer.status not in (204, 304):
                    self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:
                """The requests are kept in `Origin.requests`; nothing is printed."""

        return Handler
