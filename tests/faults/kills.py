"""Commands that kill their own process at a chosen moment, each in a fork of one process that has imported everything.

A start of the program takes most of a second of computing, which is not what the tests of kills are about.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
#: The modules of a cycle, of rules and of publications, and what they import when it is needed.
_PROGRAM = (
    *("aggregator.cli", "aggregator.cycle", "aggregator.pipeline.run", "aggregator.replay", "aggregator.store"),
    *("aggregator.normalize.entry", "aggregator.parse.wellformed", "aggregator.publish.publication"),
    *("aggregator.publish.posts.render", "aggregator.rules", "aggregator.rules.bodies", "aggregator.rules.expressions"),
    *("bs4", "cel", "feedgen.feed", "filelock"),
)
#: Audit events (PEP 578).
_COUNTED = frozenset(("open", "os.rename", "os.remove", "os.mkdir", "os.listdir", "socket.connect", "os.truncate"))


def start(arguments: Sequence[str], log: Path, *, kill_at: int = 0, kill_at_statement: int = 0) -> ForkServerProcess:
    """Start a command, which writes to `log` what it prints, and in the end the numbers of its events and statements.

    Args:
        kill_at: the process kills itself at this event after the store was opened (opening, renaming or removing files,
            connecting …); 0: never.
        kill_at_statement: the same for statements of the database, BEGIN and COMMIT among them.
    """
    log.write_bytes(b"")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *_PROGRAM])
    process = context.Process(target=_run, args=(list(arguments), str(log), kill_at, kill_at_statement))
    process.start()
    return process


def _run(arguments: list[str], log: str, kill_at: int, kill_at_statement: int) -> None:
    sink = os.open(log, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    from sqlalchemy import Engine, event

    from aggregator.cli import app

    seen, statements, armed = 0, 0, False

    def count(statement: str) -> None:
        nonlocal statements
        statements += 1
        if statements == kill_at_statement:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(name: str, _: object) -> None:
        nonlocal seen, armed
        armed = armed or name == "sqlite3.connect"
        if armed and name in _COUNTED:
            seen += 1
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "connect", lambda connection, _: connection.set_trace_callback(count))
    sys.addaudithook(hook)
    try:
        app(arguments)
    finally:
        sys.stdout.write(f"statements {statements}\nevents {seen}\n")
        sys.stdout.flush()
