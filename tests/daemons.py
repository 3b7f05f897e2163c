"""The daemon as a process of its own, for the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import Site

#: Seconds until a test gives up waiting; nothing takes so long on a healthy machine.
PATIENCE = 60.0


def wait_until(condition: Callable[[], object], what: str = "it", *, seconds: float = PATIENCE) -> None:
    """Wait for a condition that will come true; fail loudly where it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.02)


@dataclass
class Running:
    """One daemon."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        whole = self.log.read_text(encoding="utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def said(self, text: str) -> bool:
        """Whether a message of the log holds this text."""
        return any(text in line["message"] for line in self.lines())

    def wait_for(self, text: str) -> None:
        """Wait until the log says so."""
        wait_until(lambda: self.said(text) or self.process.poll() is not None, f"the log line {text!r}")
        assert self.said(text), self.log.read_text(encoding="utf-8")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def arguments(site: Site, *more: str) -> list[str]:
    """The command line of a daemon that looks for due sources every second."""
    places = ("--config", str(site.config), "--data", str(site.data))
    return ["run", *places, "--every", "1s", "--log-format", "json", *more]


@contextmanager
def running(
    site: Site, *more: str, environ: Mapping[str, str] | None = None, command: tuple[str, ...] = ("-m", "aggregator")
) -> Iterator[Running]:
    """A daemon on this site, killed at the end where it still runs."""
    log = site.folder / "daemon.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, *command, *arguments(site, *more)],
            stdout=sink,
            stderr=sink,
            env={**os.environ, **(environ or {})},
        )
    try:
        yield Running(process, log)
    finally:
        process.kill()
        process.wait()
