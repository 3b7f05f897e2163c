"""The program as a process of its own, for what a test cannot see from inside: streams, signals, exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from tests.support import Site

#: Seconds until a test gives up waiting; nothing takes so long on a healthy machine.
PATIENCE = 60.0


def places(site: Site) -> Mapping[str, str]:
    """The environment in which commands work on this site without any option."""
    return {"AGGREGATOR_CONFIG": str(site.config), "AGGREGATOR_DATA": str(site.data)}


def program(site: Site, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a command on this site."""
    return subprocess.Popen(
        [sys.executable, "-m", "aggregator", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **places(site), **(environ or {})},
    )


def redirected(
    site: Site, arguments: Sequence[str], redirection: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a command with its standard streams redirected by a shell, such as ``>&-``, and catch the others."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "aggregator", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **places(site), **(environ or {})},
        timeout=PATIENCE,
    )


def unread(site: Site, arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    """Run a command whose standard output nobody reads any more, as behind `| head -0`."""
    with _broken_pipe() as sink:
        return subprocess.run(
            [sys.executable, "-m", "aggregator", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.PIPE,
            env={**os.environ, **places(site)},
            timeout=PATIENCE,
        )


@contextmanager
def _broken_pipe() -> Iterator[int]:
    source, sink = os.pipe()
    os.close(source)
    try:
        yield sink
    finally:
        os.close(sink)
