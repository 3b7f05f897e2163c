"""An origin on loopback that costs as little as possible, to be run in a process of its own.

Serves the documents of a workload, those of feeds (`/<number>.xml`) with an ETag, and answers 304 to the ETag of the
current cycle. `Server` starts it and steers it:
`/_cycle/<number>` makes the bodies of a cycle and then serves them, so that making them is never measured;
`/_seen` tells what was answered since it was asked last.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import urllib.request
from collections import Counter
from dataclasses import asdict
from types import TracebackType
from typing import Any

from benchmarks.workload import LOADS, Pages, Workload


class _Site:
    """What all connections share: the documents of the current cycle and a count of the answers."""

    def __init__(self, load: Workload | Pages) -> None:
        self.load = load
        self.documents: dict[str, tuple[bytes, bytes, bytes]] = {}
        self.seen: Counter[int] = Counter()
        self.headers: dict[str, str] = {}
        self.switch(0)

    def switch(self, cycle: int) -> None:
        """Make the answers of a cycle; those whose document stays the same are kept."""
        for path, content_type, etag, make in self.load.documents(cycle):
            tag = (etag or "").encode()
            if path not in self.documents or not tag or self.documents[path][0] != tag:
                unchanged = b"HTTP/1.1 304 Not Modified\r\nETag: " + tag + b"\r\nContent-Length: 0\r\n\r\n"
                self.documents[path] = tag, _response(make(), tag, content_type), unchanged

    def answer(self, request: bytes) -> bytes:
        """The answer to the head of one request."""
        path = request.split(b" ", 2)[1].decode()
        if path in self.documents:
            tag, whole, unchanged = self.documents[path]
            same = bool(tag) and tag in request
            self.seen[304 if same else 200] += 1
            if not self.headers:
                lines = request.decode("latin-1").split("\r\n")[1:]
                self.headers = dict(line.split(": ", 1) for line in lines)
            return unchanged if same else whole
        if not path.startswith("/_"):
            # robots.txt, for one.
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        if path.startswith("/_cycle/"):
            self.switch(int(path.removeprefix("/_cycle/")))
            return _response(b"{}")
        report = json.dumps({"answers": self.seen, "headers": self.headers}).encode()
        self.seen.clear()
        self.headers = {}
        return _response(report)


class _Connection(asyncio.Protocol):
    """One connection; HTTP/1.1 with keep-alive and pipelining, GET only."""

    def __init__(self, site: _Site) -> None:
        self.site = site
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.rest += data
        while b"\r\n\r\n" in self.rest:
            request, _, self.rest = self.rest.partition(b"\r\n\r\n")
            self.transport.write(self.site.answer(request))


def _response(body: bytes, tag: bytes = b"", content_type: str = "application/json") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + (b"ETag: " + tag + b"\r\n" if tag else b"") + b"\r\n" + body


class Server:
    """The origin as a child process, with its address; ends with the `with` block."""

    def __init__(self, load: Workload | Pages) -> None:
        self.load = load
        kind = next(name for name, cls in LOADS.items() if isinstance(load, cls))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.origin", kind, json.dumps(asdict(load))],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.terminate()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def feeds(self) -> list[str]:
        """The addresses of all feeds."""
        return [f"{self.url}/{number}.xml" for number in range(self.load.sources)]

    @property
    def lists(self) -> list[str]:
        """The addresses of all list pages."""
        return [f"{self.url}/{number}/" for number in range(self.load.sources)]

    def etags(self, cycle: int = 0) -> list[str]:
        """The validators of all feeds in a cycle."""
        assert isinstance(self.load, Workload)
        return [self.load.etag(number, cycle) for number in range(self.load.sources)]

    def go_to(self, cycle: int) -> None:
        """Make the bodies of a cycle, then serve it."""
        self._ask(f"/_cycle/{cycle}")

    def seen(self) -> tuple[dict[str, int], dict[str, str]]:
        """Answers by status, and the headers of the first request, since this was asked last."""
        report = self._ask("/_seen")
        return report["answers"], report["headers"]

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path) as answer:  # noqa: S310 - our own origin
            return json.load(answer)


async def _serve(load: Workload | Pages) -> None:
    site = _Site(load)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(site), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    """Serve a workload until the process is ended; the first line on standard output is the address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=list(LOADS))
    parser.add_argument("load", type=json.loads)
    options = parser.parse_args()
    asyncio.run(_serve(LOADS[options.kind](**options.load)))


if __name__ == "__main__":
    main()
