"""A function in a process of its own: results, errors, and every way in which it can end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from pickle import PicklingError

import pytest

from aggregator.errors import FetchError, ParseError
from aggregator.isolate import Isolated
from aggregator.models import Fetched
from aggregator.parse import parse

ROOT = Path(__file__).resolve().parent.parent


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
        case ("files", _):
            return sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    return None


@contextmanager
def isolated(seconds: float = 30.0, memory_mb: int | None = None) -> Iterator[Isolated]:
    with closing(Isolated("tests.test_isolate:work", seconds=seconds, memory_mb=memory_mb)) as worker:
        yield worker


def test_results_come_back_from_one_process_that_is_kept() -> None:
    with isolated() as worker:
        value = {"text": "汉字" * 100_000, "bytes": bytes(range(256)), "tuple": (1, None)}
        assert worker.call(("echo", value)) == value
        first, second = worker.call(("pid", None)), worker.call(("pid", None))
        assert first == second != os.getpid()


def test_what_it_prints_does_not_mix_with_the_answers() -> None:
    with isolated() as worker:
        assert worker.call(("print", "x" * 100_000)) == "printed"
        assert worker.call(("echo", 1)) == 1


def test_errors_come_back_as_they_were() -> None:
    with isolated() as worker:
        with pytest.raises(ParseError, match=r"^not one \(https://e\.example/f\)$") as parse_error:
            worker.call(("parse error", None))
        assert (parse_error.value.kind, parse_error.value.url) == ("not_a_feed", "https://e.example/f")
        with pytest.raises(FetchError) as fetch_error:
            worker.call(("fetch error", None))
        assert fetch_error.value.status == 410
        with pytest.raises(ParseError, match="LookupError: no such thing") as mistake:
            worker.call(("mistake", None))
        assert mistake.value.kind == "internal"


def test_a_call_that_takes_too_long_is_ended_and_the_next_one_works() -> None:
    with isolated(seconds=0.5) as worker:
        before = worker.call(("pid", None))
        with pytest.raises(ParseError, match=r"longer than 0\.5 s") as error:
            worker.call(("hang", None))
        assert error.value.kind == "unparsable"
        assert worker.call(("pid", None)) != before


def test_every_call_has_a_deadline_of_its_own_whatever_came_before() -> None:
    with isolated(seconds=1) as worker:
        for _ in range(2):
            assert worker.call(("echo", 1)) == 1
            with pytest.raises(ParseError, match="longer than 1 s"):
                worker.call(("hang", None))
        worker.close()
        with pytest.raises(ParseError, match="longer than 1 s"):
            worker.call(("hang", None))


def test_waiting_is_not_computing() -> None:
    with isolated(seconds=0.9) as worker:
        assert worker.call(("wait", 1)) == "done"


def test_what_neither_computes_nor_ends_is_ended_by_the_clock() -> None:
    with isolated() as worker:
        with pytest.raises(ParseError, match="not read within 1 s") as error:
            worker.call(("wait", 600), seconds=0.05)
        assert error.value.kind == "unparsable"
        assert worker.call(("echo", 1)) == 1


def test_one_call_may_be_given_less_time_than_the_others() -> None:
    with isolated(seconds=600) as worker:
        # Where the machine is very busy, the limit by the clock, which is made of the same seconds, comes first.
        with pytest.raises(ParseError, match=r"longer than 0\.5 s of computing|not read within 10 s"):
            worker.call(("hang", None), seconds=0.5)
        with pytest.raises(ParseError, match=r"longer than 0\.01 s of computing|not read within 0\.2 s"):
            worker.call(("hang", None), seconds=0)
        assert worker.call(("echo", 1)) == 1


@contextmanager
def burners() -> Iterator[None]:
    """Processes that keep every core busy, eight for each; they end by themselves after a minute of computing."""
    code = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (60, 60))\nwhile True: pass"
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(8 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGPROF"), reason="no timer of computing here")
def test_honest_document_is_read_however_busy_the_machine_is() -> None:
    body = ("<channel>" + "<item><title>One</title><description>Words</description></item>" * 1500).encode()
    document = Fetched("https://a.example/", "https://a.example/", 200, "application/rss+xml", body)
    started = time.process_time()
    expected = parse(document)
    needed = time.process_time() - started
    assert len(expected.entries) == 1500
    with closing(Isolated("aggregator.parse:parse", seconds=4 * needed, memory_mb=None)) as reader:
        reader.start()
        with burners():
            assert reader.call(document) == expected


def test_what_cannot_be_sent_leaves_nothing_behind() -> None:
    with isolated() as worker:
        assert worker.call(("echo", 1)) == 1
        with pytest.raises((AttributeError, PicklingError)):
            worker.call(("echo", lambda: None))
        assert worker.call(("echo", 2)) == 2


def test_stopping_ends_the_call_that_runs_and_those_that_wait(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with isolated(seconds=600) as worker, ThreadPoolExecutor(2) as threads:
        running = threads.submit(worker.call, ("tell and hang", str(told)))
        assert _within_half_a_minute(told.exists)
        waiting = threads.submit(worker.call, ("echo", 1))
        worker.stop()
        for call in (running, waiting, threads.submit(worker.call, ("echo", 2))):
            with pytest.raises(ParseError):
                call.result()


def test_it_can_be_started_before_the_first_call() -> None:
    with isolated() as worker:
        worker.start()
        first = worker.call(("pid", None))
        worker.start()
        assert worker.call(("pid", None)) == first
    with closing(Isolated("tests.test_isolate:nothing", seconds=5, memory_mb=None)) as worker:
        worker.start()
        with pytest.raises(ParseError, match="could not start"):
            worker.call(None)


def test_a_process_that_dies_is_an_error_and_the_next_call_works() -> None:
    with isolated() as worker:
        with pytest.raises(ParseError, match="exit status 7") as error:
            worker.call(("die", None))
        assert error.value.kind == "unparsable"
        assert worker.call(("echo", 2)) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space")
def test_memory_is_limited() -> None:
    with isolated(memory_mb=512) as worker:
        with pytest.raises(ParseError, match="more memory than 512 MB") as error:
            worker.call(("eat", None))
        assert error.value.kind == "unparsable"
        assert worker.call(("echo", 3)) == 3


def test_a_function_that_is_not_there_is_a_mistake_of_the_program() -> None:
    with closing(Isolated("tests.test_isolate:nothing", seconds=5, memory_mb=None)) as worker:
        with pytest.raises(ParseError, match="could not start") as error:
            worker.call(None)
        assert error.value.kind == "internal"


def test_calls_from_many_threads_get_their_own_answers() -> None:
    with isolated() as worker, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda number: worker.call(("echo", number)), range(100))) == list(range(100))


def test_it_works_again_after_close() -> None:
    with isolated() as worker:
        worker.call(("echo", 1))
        worker.close()
        worker.close()
        assert worker.call(("echo", 4)) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_inherits_no_files() -> None:
    read, write = os.pipe()
    os.set_inheritable(read, True)
    try:
        with isolated() as worker:
            files = worker.call(("files", None))
    finally:
        os.close(read)
        os.close(write)
    # Input, output, errors, the copy of the output, and the listing itself.
    assert len(files) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("busy", [False, True])
def test_it_does_not_outlive_its_parent(tmp_path: Path, busy: bool) -> None:
    told = tmp_path / "told"
    order = ("tell and hang", str(told)) if busy else ("echo", 1)
    code = (
        "from aggregator.isolate import Isolated\n"
        "worker = Isolated('tests.test_isolate:work', seconds=1, memory_mb=None)\n"
        "print(worker.call(('pid', None)), flush=True)\n"
        f"print(worker.call({order!r}), flush=True)\n"
        "input()\n"
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
