"""What the program does in another process, done in the process of the tests.

To start a process and to import what a page needs takes a second of computing, the rest of such a test a tenth of it.
That processes are started, limited and ended is what `tests.test_workers` and the tests marked `processes` are about.
"""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from aggregator import workers
from aggregator.errors import WorkerError


def work_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a `Worker` make its calls in this process: what goes in and comes out is pickled as ever."""
    monkeypatch.setattr(workers, "_set_timers", lambda seconds: None)
    monkeypatch.setattr(workers.Worker, "_call", _call)


async def _call(_: workers.Worker, request: bytes, limit: float) -> Any:
    answer = pickle.loads(workers._answer(request))  # noqa: S301 - it was pickled a moment ago
    if answer[-1] > limit:
        raise WorkerError(f"it took longer than {limit:g} s of computing", kind="limit", seconds=limit)
    return answer
