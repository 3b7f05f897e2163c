"""Work spread over processes: the same results in the same order wherever it runs, and errors that say what was."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

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


def test_small_batches_and_the_first_ones_are_for_here() -> None:
    with Pool(processes=1, first=2 * SMALLEST) as pool:
        assert [pool.is_worth(FULL), pool.is_worth(FULL[1:])] == [False, False]
        assert pool.is_worth([*FULL, "more"])
        assert not pool.is_worth(FULL[1:])


def test_much_to_come_starts_the_processes_and_counts_at_once() -> None:
    with Pool(processes=1) as pool:
        pool.expect(10)
        assert not pool.is_worth(FULL)
        pool.expect(10_000)
        pool.expect(20_000)
        assert pool.is_worth(FULL)


def test_one_process_does_batch_after_batch() -> None:
    with Pool(processes=1, first=0) as pool:
        assert len({pool.run(work, FULL)[0] for _ in range(3)} - {os.getpid()}) == 1


def test_without_another_core_all_is_done_here() -> None:
    with Pool(processes=0, first=0) as pool:
        assert not pool.is_worth(FULL)
        assert pool.run(work, FULL) == (os.getpid(), ["ONE"] * SMALLEST)


def wait(batch: Sequence[str]) -> int:
    """Tells the test where it runs, and ends when the test says so."""
    with socket.create_connection(("127.0.0.1", int(batch[0]))) as connection:
        connection.sendall(b"%d\n" % os.getpid())
        connection.recv(1)
    return os.getpid()


def caller(listener: socket.socket) -> tuple[int, socket.socket]:
    """The process in which the next `wait` runs, and the connection that it waits on."""
    connection, _ = listener.accept()
    with connection.makefile("rb") as lines:
        return int(lines.readline()), connection


def test_what_a_busy_process_cannot_take_is_done_here() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Pool(processes=1, first=0) as pool,
        ThreadPoolExecutor(3) as threads,
    ):
        listener.settimeout(30)
        pids = [threads.submit(pool.run, wait, [str(listener.getsockname()[1])] * SMALLEST) for _ in range(3)]
        # The one process runs one of them, so that the second connection is from here.
        with caller(listener)[1], caller(listener)[1]:
            assert not any(pid.done() for pid in pids)
        caller(listener)[1].close()
        assert sorted(pid.result() == os.getpid() for pid in pids) == [False, False, True]


def test_what_is_done_here_waits_for_its_turn() -> None:
    with Pool(processes=0) as pool, ThreadPoolExecutor(1) as threads:
        with pool.turn:
            done = threads.submit(pool.run, work, FULL)
            assert not done.done()
        assert done.result()[0] == os.getpid()


def test_many_threads_get_their_own_results() -> None:
    batches = [[f"{number}-{place}" for place in range(SMALLEST)] for number in range(40)]
    with Pool(processes=2, first=0) as pool, ThreadPoolExecutor(pool.threads) as threads:
        results = list(threads.map(lambda batch: pool.run(work, batch), batches))
    assert [made for _, made in results] == [[text.upper() for text in batch] for batch in batches]


def test_an_error_of_the_function_comes_back() -> None:
    with Pool(processes=1, first=0) as pool:
        with pytest.raises(ParseError, match="not this one"):
            pool.run(work, ["refuse", *FULL])
        assert pool.run(work, FULL)[1] == ["ONE"] * SMALLEST


def test_a_process_that_dies_fails_its_batch_only() -> None:
    with Pool(processes=1, first=0) as pool:
        with pytest.raises(ParseError, match="exit status 7"):
            pool.run(work, ["die", *FULL])
        pid, made = pool.run(work, FULL)
        assert (pid != os.getpid(), made) == (True, ["ONE"] * SMALLEST)


def test_what_is_submitted_before_there_is_a_process_is_done_here_when_it_is_wanted() -> None:
    done: list[int] = []
    with Pool(processes=1) as pool:
        result = pool.submit(lambda batch: done.append(len(batch)), FULL)
        assert done == []
        result()
        assert done == [SMALLEST]


def started(pool: Pool) -> Pool:
    """The pool, its process running."""
    assert pool.run(work, FULL)[0] != os.getpid()
    return pool


def test_submitted_batches_are_shared_by_the_process_and_whoever_waits() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, Pool(processes=1, first=0) as pool:
        listener.settimeout(30)
        slow = started(pool).submit(wait, [str(listener.getsockname()[1])] * SMALLEST)
        with caller(listener)[1]:
            # The process is busy, so that whoever wants a result finds all of them left, and does that one.
            rest = [pool.submit(work, [*FULL, str(number)]) for number in range(20)]
            assert rest[-1]() == (os.getpid(), [*["ONE"] * SMALLEST, "19"])
        assert slow() != os.getpid()
        assert [one()[1][-1] for one in rest] == [str(number) for number in range(20)]


def test_whoever_has_the_turn_waits_for_nothing_that_needs_it() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Pool(processes=1, first=0) as pool,
        ThreadPoolExecutor(3) as threads,
    ):
        listener.settimeout(30)
        port = str(listener.getsockname()[1])
        started(pool)
        # One of them is done here as soon as the one process works on a batch and has the next: nothing can go there.
        busy = [threads.submit(pool.run, wait, [port] * SMALLEST) for _ in range(3)]
        callers = dict(caller(listener) for _ in range(2))
        callers.pop(os.getpid()).close()
        (first,) = callers.values()
        with first, pool.turn:
            results = [pool.submit(work, [*FULL, str(number)]) for number in range(10)]
            assert [result()[1][-1] for result in results] == [str(number) for number in range(10)]
        caller(listener)[1].close()
        assert sorted(one.result() == os.getpid() for one in busy) == [False, False, True]


def test_an_error_of_what_was_submitted_comes_with_its_result() -> None:
    with Pool(processes=1, first=0) as pool:
        results = [started(pool).submit(work, [word, *FULL]) for word in ("refuse", "good", "refuse")]
        for result in (results[0], results[2]):
            with pytest.raises(ParseError, match="not this one"):
                result()
        assert results[1]()[1][0] == "GOOD"


def test_what_nobody_asks_for_does_not_keep_the_pool_open() -> None:
    with Pool(processes=1, first=0) as pool:
        for _ in range(100):
            started(pool).submit(work, FULL)


def test_what_is_asked_for_after_the_end_is_done_here() -> None:
    with Pool(processes=1, first=0) as pool:
        results = [started(pool).submit(work, FULL) for _ in range(50)]
    assert {tuple(result()[1]) for result in results} == {("ONE",) * SMALLEST}
    assert pool.submit(work, FULL)() == (os.getpid(), ["ONE"] * SMALLEST)


def only_here(batch: Sequence[str]) -> int:
    """Ends every process but the one that is named first."""
    if os.getpid() != int(batch[0]):
        os._exit(7)
    return os.getpid()


def test_a_process_that_dies_costs_nothing_that_was_submitted() -> None:
    with Pool(processes=1, first=0) as pool:
        results = [started(pool).submit(only_here, [str(os.getpid())] * SMALLEST) for _ in range(5)]
        assert [result() for result in results] == [os.getpid()] * 5


def mistaken(batch: Sequence[str]) -> int:
    """Has a mistake in other processes."""
    if os.getpid() != int(batch[0]):
        raise LookupError("no such thing")
    return os.getpid()


def test_what_a_process_cannot_do_is_done_here() -> None:
    with Pool(processes=1, first=0) as pool:
        assert pool.run(mistaken, [str(os.getpid())] * SMALLEST) == os.getpid()
        with pytest.raises(LookupError, match="no such thing"):
            pool.run(mistaken, ["0"] * SMALLEST)
        assert not pool.turn.locked()
