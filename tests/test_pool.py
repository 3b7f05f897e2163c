"""Work spread over processes: the same results in the same order wherever it runs, and errors that say what was."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from aggregator.errors import ParseError
from aggregator.pool import SMALLEST, Pool

FULL = ["one"] * SMALLEST


def work(batch: Sequence[str]) -> tuple[int, list[str]]:
    """Runs here or in another process."""
    if "refuse" in batch:
        raise ParseError("not this one", kind="unparsable")
    if "die" in batch:
        os._exit(7)
    return os.getpid(), [text.upper() for text in batch]


@contextmanager
def pool(processes: int | None = 1, first: int = 0) -> Iterator[Pool[Sequence[str], tuple[int, list[str]]]]:
    with closing(Pool(work, seconds=30, memory_mb=1024, processes=processes, first=first)) as made:
        yield made


def test_small_batches_and_the_first_ones_are_done_here() -> None:
    with pool(first=2 * SMALLEST) as workers:
        here = [workers.run(FULL)[0], workers.run(FULL[1:])[0]]
        assert here == [os.getpid()] * 2
        assert workers.run([*FULL, "more", "and more"])[0] != os.getpid()
        assert workers.run(FULL[1:])[0] == os.getpid()


def test_one_process_does_batch_after_batch() -> None:
    with pool() as workers:
        assert len({workers.run(FULL)[0] for _ in range(3)} - {os.getpid()}) == 1


def test_without_another_core_all_is_done_here() -> None:
    with pool(processes=0) as workers:
        assert workers.threads == 1
        assert workers.run(FULL) == (os.getpid(), ["ONE"] * SMALLEST)


def test_there_is_a_thread_for_each_process_and_one_for_here() -> None:
    with pool(processes=None) as workers:
        assert 1 <= workers.threads <= 4


def test_many_threads_get_their_own_results() -> None:
    batches = [[f"{number}-{place}" for place in range(SMALLEST)] for number in range(40)]
    with pool(processes=2) as workers, ThreadPoolExecutor(workers.threads) as threads:
        results = list(threads.map(workers.run, batches))
    assert [made for _, made in results] == [[text.upper() for text in batch] for batch in batches]


def test_an_error_of_the_function_comes_back() -> None:
    with pool() as workers:
        with pytest.raises(ParseError, match="not this one"):
            workers.run(["refuse", *FULL])
        assert workers.run(FULL)[1] == ["ONE"] * SMALLEST


def test_a_process_that_dies_fails_its_batch_only() -> None:
    with pool() as workers:
        with pytest.raises(ParseError, match="exit status 7"):
            workers.run(["die", *FULL])
        pid, made = workers.run(FULL)
        assert (pid != os.getpid(), made) == (True, ["ONE"] * SMALLEST)
