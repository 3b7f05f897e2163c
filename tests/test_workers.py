"""Work in other processes and in the thread of the store: results, errors, and every way in which it can end."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from pickle import PicklingError

import pytest

from aggregator.errors import FetchError, ParseError, WorkerError
from aggregator.models import Fetched
from aggregator.parse import parse
from aggregator.workers import StoreThread, Worker
from tests import ROOT
from tests.thoroughness import THOROUGH


def work(order: tuple[str, object]) -> object:
    """Runs in the other process."""
    match order:
        case ("echo", value):
            return value
        case ("pid", _):
            return os.getpid()
        case ("print", text):
            sys.stdout.write(str(text))
            sys.stdout.flush()
            return "printed"
        case ("hang", _):
            # Backtracks for ages inside of C, with the interpreter locked.
            return re.fullmatch(r"(a+)+b", "a" * 60)
        case ("tell and hang", path):
            Path(str(path)).touch()
            return work(("hang", None))
        case ("wait", seconds):
            time.sleep(float(str(seconds)))
            return "done"
        case ("eat", _):
            return len(bytearray(2**33))
        case ("die", _):
            os._exit(7)
        case ("parse error", _):
            raise ParseError("not one", kind="not_a_feed", url="https://e.example/f")
        case ("fetch error", _):
            raise FetchError("gone", kind="http_status", status=410)
        case ("mistake", _):
            raise LookupError("no such thing")
        case ("function", _):
            return lambda: None
        case ("files", _):
            return sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    return None


@asynccontextmanager
async def worker(seconds: float = 30.0, memory_mb: int | None = None) -> AsyncIterator[Worker]:
    one = Worker(seconds=seconds, memory_mb=memory_mb)
    try:
        yield one
    finally:
        await one.close()


async def do(one: Worker, what: str, argument: object = None, **limits: float) -> object:
    return (await one.run(work, (what, argument), **limits))[0]


async def test_results_come_back_from_one_process_that_is_kept() -> None:
    async with worker() as one:
        value = {"text": "汉字" * 300_000, "bytes": bytes(range(256)), "tuple": (1, None)}
        assert await do(one, "echo", value) == value
        first, second = await do(one, "pid"), await do(one, "pid")
        assert first == second != os.getpid()


async def test_what_it_computed_is_told() -> None:
    async with worker() as one:
        _, spent = await one.run(work, ("wait", 0.1))
        assert 0 <= spent < 30
        with pytest.raises(WorkerError) as error:
            await do(one, "hang", seconds=0.5)
        assert error.value.seconds == 0.5


async def test_what_it_prints_does_not_mix_with_the_answers() -> None:
    async with worker() as one:
        assert await do(one, "print", "x" * 100_000) == "printed"
        assert await do(one, "echo", 1) == 1


async def test_errors_come_back_as_they_were() -> None:
    async with worker() as one:
        with pytest.raises(ParseError, match=r"^not one \(https://e\.example/f\)$") as parse_error:
            await do(one, "parse error")
        assert (parse_error.value.kind, parse_error.value.url) == ("not_a_feed", "https://e.example/f")
        with pytest.raises(FetchError) as fetch_error:
            await do(one, "fetch error")
        assert fetch_error.value.status == 410
        with pytest.raises(WorkerError, match="LookupError: no such thing") as mistake:
            await do(one, "mistake")
        assert mistake.value.kind == "internal"


async def test_a_call_that_takes_too_long_is_ended_and_the_next_one_works() -> None:
    async with worker(seconds=0.5) as one:
        before = await do(one, "pid")
        with pytest.raises(WorkerError, match=r"longer than 0\.5 s") as error:
            await do(one, "hang")
        assert error.value.kind == "limit"
        assert await do(one, "pid") != before


async def test_every_call_has_a_deadline_of_its_own_whatever_came_before() -> None:
    async with worker(seconds=0.5) as one:
        for _ in range(2):
            assert await do(one, "echo", 1) == 1
            with pytest.raises(WorkerError, match=r"longer than 0\.5 s"):
                await do(one, "hang")
        await one.close()
        with pytest.raises(WorkerError, match=r"longer than 0\.5 s"):
            await do(one, "hang")


async def test_waiting_is_not_computing() -> None:
    async with worker(seconds=0.2) as one:
        assert await do(one, "wait", 1) == "done"


async def test_what_neither_computes_nor_ends_is_ended_by_the_clock() -> None:
    async with worker(seconds=0.025) as one:
        with pytest.raises(WorkerError, match="not end within 1 s") as error:
            await do(one, "wait", 600)
        assert error.value.kind == "limit"
    async with worker() as one:
        assert await do(one, "echo", 1) == 1


async def test_one_call_may_be_given_less_time_than_the_others() -> None:
    async with worker(seconds=600) as one:
        with pytest.raises(WorkerError, match=r"longer than 0\.5 s of computing"):
            await do(one, "hang", seconds=0.5)
        with pytest.raises(WorkerError, match=r"longer than 0\.25 s of computing"):
            await do(one, "hang", seconds=0)
        assert await do(one, "echo", 1) == 1


@contextmanager
def burners() -> Iterator[None]:
    """Processes that keep every core busy; they end by themselves after a minute of computing."""
    # With so many, a process that computes gets less than a quarter of a core.
    many = (8 if THOROUGH else 4) * (os.cpu_count() or 1)
    code = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (60, 60))\nwhile True: pass"
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(many)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGPROF"), reason="no timer of computing here")
async def test_honest_document_is_read_however_busy_the_machine_is() -> None:
    body = ("<channel>" + "<item><title>One</title><description>Words</description></item>" * 1500).encode()
    document = Fetched("https://a.example/", "https://a.example/", 200, "application/rss+xml", body)
    started = time.process_time()
    expected = parse(document)
    needed = time.process_time() - started
    assert len(expected.entries) == 1500
    async with worker(seconds=4 * needed) as one:
        await do(one, "echo")
        with burners():
            assert (await one.run(parse, document))[0] == expected


async def test_what_cannot_be_sent_leaves_nothing_behind() -> None:
    async with worker() as one:
        assert await do(one, "echo", 1) == 1
        with pytest.raises((AttributeError, PicklingError)):
            await do(one, "echo", lambda: None)
        with pytest.raises(WorkerError, match="a mistake in this program"):
            await do(one, "function")
        assert await do(one, "echo", 2) == 2


async def test_a_caller_that_is_cancelled_ends_the_process_and_the_next_one_works(tmp_path: Path) -> None:
    told = tmp_path / "told"
    async with worker(seconds=600) as one:
        pid = await do(one, "pid")
        running = asyncio.create_task(do(one, "tell and hang", str(told)))
        assert await asyncio.to_thread(_within_half_a_minute, told.exists)
        waiting = asyncio.create_task(do(one, "echo", 1))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert _has_ended(int(str(pid)))
        assert await waiting == 1
        assert one.calls == 0


async def test_a_process_that_dies_is_an_error_and_the_next_call_works() -> None:
    async with worker() as one:
        with pytest.raises(WorkerError, match="exit status 7") as error:
            await do(one, "die")
        assert error.value.kind == "limit"
        assert await do(one, "echo", 2) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space")
async def test_memory_is_limited() -> None:
    async with worker(memory_mb=512) as one:
        with pytest.raises(WorkerError, match="more memory than 512 MB") as error:
            await do(one, "eat")
        assert error.value.kind == "limit"
        assert await do(one, "echo", 3) == 3


async def test_a_process_that_cannot_start_is_no_fault_of_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    async with worker() as one:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", "/nowhere/python")
            with pytest.raises(WorkerError, match="could not start") as error:
                await do(one, "echo", 1)
            assert error.value.kind == "internal"
        assert await do(one, "echo", 1) == 1


async def test_many_callers_get_their_own_answers() -> None:
    async with worker() as one:
        assert await asyncio.gather(*(do(one, "echo", number) for number in range(100))) == list(range(100))


async def test_it_works_again_after_close() -> None:
    async with worker() as one:
        await do(one, "echo", 1)
        await one.close()
        await one.close()
        assert await do(one, "echo", 4) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_it_inherits_no_files() -> None:
    read, write = os.pipe()
    os.set_inheritable(read, True)
    try:
        async with worker() as one:
            files = await do(one, "files")
    finally:
        os.close(read)
        os.close(write)
    # Input, output, errors, the copy of the output, and the listing itself.
    assert len(str(files).split(",")) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("busy", [False, True])
def test_it_does_not_outlive_its_parent(tmp_path: Path, busy: bool) -> None:
    told = tmp_path / "told"
    order = ("tell and hang", str(told)) if busy else ("echo", 1)
    code = (
        "import asyncio\n"
        "from aggregator.workers import Worker\n"
        "from tests.test_workers import work\n"
        "async def main():\n"
        "    worker = Worker(seconds=1, memory_mb=None)\n"
        "    print((await worker.run(work, ('pid', None)))[0], flush=True)\n"
        f"    print((await worker.run(work, {order!r}))[0], flush=True)\n"
        "    input()\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    if busy:
        assert _within_half_a_minute(told.exists)
    else:
        parent.stdout.readline()
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    assert _within_half_a_minute(lambda: _has_ended(child))


async def test_the_thread_of_the_store_does_one_thing_after_the_other_and_holds_the_loop_up_by_none() -> None:
    begun, go_on, order = threading.Event(), threading.Event(), []

    def first() -> int:
        begun.set()
        assert go_on.wait(30)
        order.append("first")
        return threading.get_ident()

    def second(name: str, *, again: bool) -> int:
        order.append(f"{name} {again}")
        return threading.get_ident()

    with StoreThread() as thread:
        one = asyncio.create_task(thread.run(first))
        other = asyncio.create_task(thread.run(second, "second", again=True))
        given_up = asyncio.create_task(thread.run(second, "never", again=False))
        assert await asyncio.to_thread(begun.wait, 30)
        given_up.cancel()
        await asyncio.sleep(0)
        go_on.set()
        assert await one == await other != threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await thread.run(lambda: 1 // 0)
    assert order == ["first", "second True"]


def _has_ended(pid: int) -> bool:
    """Whether a process is gone, or a zombie that nobody has collected yet."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def _within_half_a_minute(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False
