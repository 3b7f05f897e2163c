"""cProfile over all threads of this process, in CPU seconds: a thread that waits costs nothing.

Children are separate processes and are not seen; `Sample.children` says what they cost.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import re
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

#: Functions in each list.
TOP = 25

_CHECKOUT = str(Path(__file__).resolve().parent.parent)
#: Title, order, and a pattern for the file where not all functions are wanted.
_LISTS = (
    ("with all they call", "cumulative", ()),
    ("with all they call, those of the product only", "cumulative", (re.escape(f"{_CHECKOUT}/aggregator/"),)),
    ("by themselves", "tottime", ()),
)


class Profiler:
    """Profiles what runs between `start` and `stop`, also in threads that begin meanwhile."""

    def __init__(self) -> None:
        self._profiles: list[cProfile.Profile] = []
        self._loaded: pstats.Stats | None = None

    def start(self) -> None:
        """Begin."""
        # From Python 3.12 on, one profile sees all threads, and a second one is refused.
        if sys.version_info < (3, 12):
            threading.setprofile(self._thread_begins)
        self._enable()

    def stop(self) -> None:
        """End; the threads that began meanwhile have to be over."""
        self._profiles[0].disable()
        if sys.version_info < (3, 12):
            threading.setprofile(None)

    def run(self, arguments: Sequence[str]) -> None:
        """Run a command in Python, its own process profiled; what it imports is in the profile, too."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "profile"
            command = [arguments[0], "-m", "cProfile", "-o", str(file), *arguments[1:]]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            self._loaded = pstats.Stats(str(file))

    def text(self) -> str:
        """The functions that cost most: with all they call, and by themselves."""
        out = io.StringIO()
        stats = self._loaded or pstats.Stats(*self._profiles)
        stats.stream = out  # type: ignore[attr-defined]
        for title, order, only in _LISTS:
            out.write(f"-- CPU seconds by function: {title}\n")
            stats.sort_stats(order).print_stats(*only, TOP)
        return _shorten(out.getvalue())

    def _enable(self) -> None:
        profile = cProfile.Profile(time.thread_time)
        self._profiles.append(profile)
        profile.enable()

    def _thread_begins(self, frame: FrameType, event: str, argument: Any) -> None:
        self._enable()


def _shorten(text: str) -> str:
    """Paths below the folders of libraries and of this checkout, without those folders."""
    for root in (sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), _CHECKOUT):
        text = text.replace(root + "/", "")
    return text
