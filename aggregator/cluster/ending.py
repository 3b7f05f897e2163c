"""The end of a worker that was told to stop, where something does not end.

That may be a database that does not answer, or a long publication, each in a thread that nobody can end. Nothing is
lost where the process ends nevertheless, as if it was killed: other workers take its jobs over.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from aggregator.cluster.worker import Worker
from aggregator.log import log_event


def stop_in_time(worker: Worker, status: int) -> Callable[[], None]:
    """Return what stops a worker, and ends this process if the worker has not ended some time after the grace period.

    Args:
        status: the exit status of the process then.
    """

    def give_up() -> None:
        text = "what is under way does not end; ended all the same, others take over"
        log_event(text, action="stop", level=logging.ERROR)
        logging.shutdown()
        os._exit(status)

    def stop() -> None:
        grace = worker.settings.grace.total_seconds() if worker.works else 0.0
        timer = threading.Timer(grace + worker.settings.times.last, give_up)
        timer.daemon = True
        timer.start()
        worker.stop()

    return stop
