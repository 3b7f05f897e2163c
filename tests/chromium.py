"""Headless Chromium for the tests, asked over its DevTools protocol; the browser itself is the only thing needed."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.daemons import PATIENCE

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--remote-debugging-port=0",
]


class Tab:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._events: list[dict[str, Any]] = []

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": arguments})
        while True:
            message = await self._socket.receive_json(timeout=PATIENCE)
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self._events.append(message)

    async def open(self, url: str) -> None:
        """Open an address and wait until everything of it is loaded."""
        await self.call("Page.enable")
        self._events.clear()
        answer = await self.call("Page.navigate", url=url)
        assert "errorText" not in answer, answer
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            self._events.append(await self._socket.receive_json(timeout=PATIENCE))

    async def ask(self, expression: str) -> Any:
        """Return the value of an expression in JavaScript."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")


@asynccontextmanager
async def tab(folder: Path) -> AsyncIterator[Tab]:
    """Start the browser with a profile in an empty folder; the test is skipped where there is none."""
    program = next((found for name in _NAMES if (found := shutil.which(name)) is not None), None)
    if program is None:
        pytest.skip("chromium is not installed: what a feed looks like in a browser is not tested here")
    process = await asyncio.create_subprocess_exec(
        program,
        *_ARGUMENTS,
        f"--user-data-dir={folder}",
        "about:blank",
        env={**os.environ, "HOME": str(folder)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        port = await asyncio.wait_for(_port(process), PATIENCE)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                (page,) = [one for one in await answer.json(content_type=None) if one["type"] == "page"]
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Tab(socket)
    finally:
        if process.returncode is None:
            process.terminate()
        # What it still says must not fill the pipe.
        await asyncio.wait_for(process.communicate(), PATIENCE)


async def _port(process: asyncio.subprocess.Process) -> int:
    """Wait for the line that says where the browser listens."""
    assert process.stderr is not None
    async for line in process.stderr:
        if b"DevTools listening on ws://" in line:
            return int(line.partition(b"127.0.0.1:")[2].partition(b"/")[0])
    raise AssertionError("the browser ended before it listened")
