"""Hooks: called once for each change of state, bounded, harmless."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from aggregator.commands import run_command
from aggregator.log import LogFormat, configure_logging
from aggregator.service.hooks import Call, run_calls
from tests.daemons import PATIENCE, wait_until
from tests.origin import Origin
from tests.support import Site, command, item, rss

#: Appends what a hook is given to the file that is its argument.
SCRIPT = """
import json, os, sys
given = {name: value for name, value in os.environ.items() if name.startswith("AGGREGATOR_")}
with open(sys.argv[1], "a") as file:
    file.write(json.dumps([given, json.load(sys.stdin)]) + "\\n")
"""


def _calls(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_each_change_of_state_is_told_once(site: Site, origin: Origin) -> None:
    log = site.folder / "calls"
    command = [sys.executable, "-c", SCRIPT, str(log)]
    feed = origin.url + "/feed"
    site.configure(
        {"id": "one", "feed": feed},
        {"id": "fine", "feed": origin.route("/fine", rss([item(2)]))},
        hooks={"on_problem": command, "on_recovery": command, "after": 2},
    )
    seen = []
    for _ in range(4):
        site.run("update", "--all")
        seen.append(len(_calls(log)))
    origin.route("/feed", rss([item(1)]))
    for _ in range(2):
        site.run("update", "--all")
        seen.append(len(_calls(log)))
    assert seen == [0, 1, 1, 1, 2, 2]
    (environ, body), (recovered, _) = _calls(log)
    assert environ["AGGREGATOR_SOURCE"] == "one"
    assert (environ["AGGREGATOR_STATE"], recovered["AGGREGATOR_STATE"]) == ("problem", "recovery")
    assert environ["AGGREGATOR_KIND"] == "http_status"
    assert "404" in environ["AGGREGATOR_ERROR"]
    assert body == {
        "source": "one",
        "state": "problem",
        "kind": "http_status",
        "error": environ["AGGREGATOR_ERROR"],
        "url": feed,
        "failures": 2,
    }


def test_hook_that_cannot_run_stops_nothing(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.url}, hooks={"on_problem": "/no/such/program --x", "after": 1})
    done = site.run("update")
    assert done.status == 1
    assert "but it could not be started" in done.stderr


def _call(*hook: str) -> Call:
    return Call(hook, "problem", "one", "https://example.org/", 3, "dns", "no\0such host")


async def test_hook_that_no_system_can_run_keeps_no_other_from_being_called(tmp_path: Path) -> None:
    told = tmp_path / "told"
    mad = Call(("a\0b",), "problem", "mad", "https://example.org/", 3, "dns", "")
    assert set(await run_calls([mad, _call("touch", str(told))])) == {"hook/mad", "hook/one"}
    assert told.exists()


async def test_hook_that_hangs_is_ended_with_its_children() -> None:
    assert await run_calls([_call("sh", "-c", "sleep 1000 & sleep 1000")], seconds=0.3) == {"hook/one": "problem"}


#: Leaves a process that keeps all pipes open in a session of its own, writes its id to the file that is its argument,
#: and sleeps so many seconds.
LEAVES_A_PROCESS = """
import os, pathlib, sys, time
if os.fork() == 0:
    os.setsid()
    beside = pathlib.Path(sys.argv[1] + ".tmp")
    beside.write_text(str(os.getpid()))
    beside.rename(sys.argv[1])
    time.sleep(1000)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Path]:
    """The file that names the process that is left."""
    file = tmp_path / "left"
    yield file
    os.kill(int(file.read_text()), signal.SIGKILL)


@pytest.mark.parametrize("given", [b"", bytes(1_000_000)])
async def test_command_that_leaves_a_process_is_done_when_it_exits(left: Path, given: bytes) -> None:
    script = f"{sys.executable} -c '{LEAVES_A_PROCESS}' {left} 0"
    async with asyncio.timeout(PATIENCE):
        ran = await run_command(["sh", "-c", f"{script}; echo done >&2; exit 3"], given, {}, PATIENCE)
    assert ran == ("it exited with status 3", b"done\n")


async def test_process_that_outlives_a_killed_command_is_not_waited_for(left: Path) -> None:
    command = [sys.executable, "-c", LEAVES_A_PROCESS, str(left), "1000"]
    call = asyncio.create_task(run_command(command, b"", {}, PATIENCE))
    await asyncio.to_thread(wait_until, left.exists)
    call.cancel()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_signal_that_ended_a_command_is_named() -> None:
    ran = await run_command(["sh", "-c", "kill -TERM $$"], b"", {}, PATIENCE)
    assert ran.failure == "it was ended by signal 15 (Terminated)"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_notices_go_out_through_apprise() -> None:
    pytest.importorskip("apprise")
    bodies: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is printed."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        await run_calls([_call(f"json://127.0.0.1:{server.server_port}/")])
        server.shutdown()
        thread.join()
    assert [body["title"] for body in bodies] == ["one fails: dns"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_unknown_service_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("apprise")
    configure_logging(LogFormat.text, lambda text: text)
    await run_calls([_call("nosuchservice://x")])
    assert "does not know this kind" in capsys.readouterr().err


@pytest.mark.parametrize("value", [[], "", "'open", [1], ["a\0b"], 3, {"run": "x"}])
def test_what_is_no_hook_is_a_problem_of_the_configuration(value: object, site: Site, origin: Origin) -> None:
    site.configure({"feed": origin.url}, hooks={"on_problem": value})
    done = command("check", "--config", str(site.config))
    assert (done.status, "hooks" in done.stderr) == (2, True), done.stderr
