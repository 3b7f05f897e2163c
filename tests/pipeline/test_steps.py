"""Steps of one's own run for real: processes, functions and an HTTP origin, with all their bounds."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from aggregator.config import Config, load
from aggregator.pipeline.steps import StepRunner
from aggregator.rules.steps import MAX_OUTPUT, given_to_step, step_hash, why_refused
from aggregator.store import Store, open_store
from aggregator.workers import StoreThread
from tests.daemons import wait_until
from tests.origin import Origin, Response, Seen
from tests.rules.applying import SIGHT, giving, make_entry, ruled, settings_of
from tests.store_samples import NOW
from tests.support import Site

ALL = {"AGGREGATOR_ALLOW_STEPS": "python,command,http", "PATH": os.environ["PATH"]}
ENTRY = make_entry(title="One", html="<p>Two &amp; three</p>")

#: Writes its input into the title: what it was given, and what its environment has.
ECHO = """
import json, os, sys
given = json.load(sys.stdin)
said = {"title": given["title"] + "!", "tags": sorted(given), "summary": " ".join(sorted(os.environ))}
print(json.dumps(said))
"""


@dataclass
class World:
    """A runner with its configuration and store."""

    site: Site
    store: Store
    runner: StepRunner
    config: Config
    failures: list[str] = field(default_factory=list)

    async def run(self, rule: str, entry: Any = ENTRY) -> Mapping[str, Any] | None:
        """Run one rule in YAML, and return what is stored of it."""
        kind, settings = settings_of(rule)
        given = given_to_step(entry, SIGHT)
        name = step_hash(kind, settings, given)
        failures = await self.runner.run({name: (kind, settings, given)})
        assert failures.keys() <= {name}
        self.failures += failures.values()
        return self.store.steps.results([name]).get(name)

    async def failure(self, rule: str) -> str:
        """Run a rule that fails, and return why."""
        assert await self.run(rule) is None
        return self.failures.pop()


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "aggregator.db")) as store:
        yield store


@asynccontextmanager
async def running(site: Site, store: Store, environ: Mapping[str, str] = ALL, **sections: Any) -> AsyncIterator[World]:
    site.configure({"id": "example", "feed": "https://example.org/feed"}, **sections)
    config = load(site.config, environ)
    with StoreThread() as thread:
        async with StepRunner(lambda: config, store, thread, lambda: NOW, environ=environ) as runner:
            yield World(site, store, runner, config)


def command_of(script: str, *arguments: str, **more: Any) -> str:
    """A rule that runs a Python script; JSON is YAML."""
    return json.dumps({"command": {"run": [sys.executable, "-c", script, *arguments], **more}})


class TestCommand:
    async def test_it_gets_the_item_on_standard_input_and_gives_json(self, site: Site, stored: Store) -> None:
        async with running(site, stored) as world:
            made = await world.run(command_of(ECHO))
        assert made is not None
        assert made["title"] == "One!"
        assert made["tags"] == sorted(given_to_step(ENTRY, SIGHT))
        changed = ruled(command_of(ECHO), ENTRY, giving(made))
        assert (changed.entry.title, changed.made_by) == ("One!", ["command"])

    async def test_its_environment_has_no_secrets(self, site: Site, stored: Store) -> None:
        environ = {**ALL, "TOKEN": "named-in-the-file", "COPY": "x named-in-the-file", "OTHER": "kept"}
        async with running(site, stored, environ, fetch={"user_agent": "${env:TOKEN}"}) as world:
            made = await world.run(command_of(ECHO))
        assert made is not None
        assert {"OTHER", "PATH"} <= set(made["summary"].split())
        assert not {"TOKEN", "COPY"} & set(made["summary"].split())

    async def test_it_runs_beside_the_configuration_and_without_a_shell(self, site: Site, stored: Store) -> None:
        script = site.folder / "step"
        script.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps({{'title': sys.argv[1]}}))\n")
        script.chmod(0o755)
        async with running(site, stored) as world:
            assert await world.run("command: [./step, '$(id); `id`']") == {"title": "$(id); `id`"}

    async def test_all_its_processes_end_at_the_deadline(self, site: Site, stored: Store) -> None:
        pid = site.folder / "pid"
        script = (
            "import subprocess, sys, time\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'])\n"
            "open(sys.argv[1], 'w').write(str(child.pid))\n"
            "time.sleep(1000)\n"
        )
        async with running(site, stored) as world:
            assert "longer than 3 s" in await world.failure(command_of(script, str(pid), deadline="3s"))
        await gone(int(pid.read_text()))

    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            ("import sys; sys.exit('no luck')", "it exited with status 1: no luck"),
            ("", "it gave nothing; `{}` changes nothing"),
            ("print('{')", "it gave no JSON"),
            ("print('[' * 100000)", "it gave no JSON"),
            ("print('[1]')", "it gave no JSON object"),
            ('print(\'{"titel": "x"}\')', "it gave `titel`; the keys are title, html, text"),
            ("print('{\"title\": 5}')", "it gave a value for `title` of another type"),
            ('print(\'{"drop": "yes"}\')', "it gave a value for `drop` of another type"),
            ('print(\'{"html": "x", "text": "x"}\')', "it gave both `html` and `text`"),
            (f"print('x' * {MAX_OUTPUT + 1})", "it wrote more than 2,000,000 bytes"),
            ("while True: print('x' * 100000)", "it wrote more than 2,000,000 bytes"),
            (r"import sys; sys.exit('\x1b[31mred')", "it exited with status 1"),
        ],
    )
    async def test_what_fails_leaves_no_result_and_says_why(
        self, site: Site, stored: Store, script: str, reason: str
    ) -> None:
        async with running(site, stored) as world:
            failure = await world.failure(command_of(script))
        assert failure.startswith(f"`command` gave no result: {reason}")
        assert failure.isprintable()

    async def test_it_need_not_read_its_input_nor_be_there(self, site: Site, stored: Store) -> None:
        entry = make_entry(html="<p>" + "x" * 1_000_000 + "</p>")
        async with running(site, stored) as world:
            assert await world.run(command_of("print('{}')"), entry) == {}
            assert "could not be started" in await world.failure("command: [./nothing]")

    async def test_a_secret_is_in_no_result_and_in_no_message(self, site: Site, stored: Store) -> None:
        environ = {**ALL, "TOKEN": "never-to-be-seen"}
        script = "import sys, json; print(json.dumps({'title': 'a ' + sys.argv[1], 'tags': [sys.argv[1]]}))"
        async with running(site, stored, environ, fetch={"user_agent": "${env:TOKEN}"}) as world:
            assert await world.run(command_of(script, environ["TOKEN"])) == {"title": "a ***", "tags": ["***"]}
            rule = command_of("import sys; sys.exit(sys.argv[1])", environ["TOKEN"])
            assert "never" not in await world.failure(rule)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; whoever inherited it may not have asked for its exit status yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


async def gone(pid: int) -> None:
    """Wait until a process has ended."""
    await asyncio.to_thread(wait_until, lambda: is_gone(pid))


class TestPython:
    MODULE = """
import os, time
def title(item):
    print("ignored")
    return {"title": item["title"].upper(), "tags": [str(os.getpid() != int(item["authors"][0]))]}
def nothing(item): return None
def fails(item): raise KeyError("what")
def waits(item): time.sleep(1000)
def computes(item):
    while True: pass
def ends(item): os._exit(3)
def odd(item): return {"title": object()}
def huge(item): return {"title": "x" * 3_000_000}
"""

    @pytest.fixture
    def module(self, site: Site) -> None:
        (site.folder / "steps_of_mine.py").write_text(self.MODULE)

    @pytest.mark.usefixtures("module")
    async def test_a_function_runs_in_another_process(self, site: Site, stored: Store) -> None:
        entry = make_entry(title="One", authors=(str(os.getpid()),))
        async with running(site, stored) as world:
            assert await world.run("python: steps_of_mine:title", entry) == {"title": "ONE", "tags": ["True"]}
            assert await world.run("python: steps_of_mine:nothing") == {}

    @pytest.mark.usefixtures("module")
    async def test_what_fails_says_why_and_the_next_one_runs(self, site: Site, stored: Store) -> None:
        async with running(site, stored) as world:
            for name, reason in {
                "fails": "KeyError: 'what'",
                "ends": "its process ended by itself (exit status 3)",
                "odd": "TypeError: Object of type object is not JSON serializable",
                "huge": "it returned more than 2,000,000 characters",
                "missing": "AttributeError: module 'steps_of_mine' has no attribute 'missing'",
            }.items():
                assert await world.failure(f"python: steps_of_mine:{name}") == f"`python` gave no result: {reason}"
            assert "No module named" in await world.failure("python: no_such_module:x")
            assert await world.run("python: steps_of_mine:nothing") == {}

    @pytest.mark.usefixtures("module")
    @pytest.mark.parametrize("name", ["waits", "computes"])
    async def test_it_ends_at_its_deadline(self, site: Site, stored: Store, name: str) -> None:
        async with running(site, stored) as world:
            failure = await world.failure(f"python: {{function: 'steps_of_mine:{name}', deadline: 3s}}")
            assert "longer than 3 s" in failure
            assert await world.run("python: steps_of_mine:nothing") == {}


class TestHttp:
    async def test_the_item_is_posted(self, site: Site, stored: Store, origin: Origin) -> None:
        got: list[tuple[Any, Mapping[str, str]]] = []
        url = origin.url + "/step"

        def answer(seen: Seen, body: bytes) -> Response:
            got.append((json.loads(body), seen.headers))
            return Response(b'{"text": "a <b>\\n\\nc"}', headers={"Content-Type": "application/json"})

        origin.posts["/step"] = answer
        async with running(site, stored) as world:
            rule = f"http: {{url: '{url}', auth: {{bearer: abc}}}}"
            made = await world.run(rule)
            assert made == {"text": "a <b>\n\nc"}
            assert ruled(rule, ENTRY, giving(made)).entry.html == "<p>a &lt;b&gt;</p><p>c</p>"
        body, headers = got[0]
        assert body == given_to_step(ENTRY, SIGHT)
        assert headers["authorization"] == "Bearer abc"
        assert headers["content-type"] == "application/json"

    async def test_private_addresses_have_to_be_allowed(self, site: Site, stored: Store, origin: Origin) -> None:
        origin.posts["/step"] = lambda seen, body: Response(b"{}")
        async with running(site, stored, fetch={}) as world:
            assert "is not a public address" in await world.failure(f"http: {origin.url}/step")
            assert await world.run(f"http: {{url: '{origin.url}/step', allow_private_addresses: true}}") == {}
        async with running(site, stored) as world:
            rule = f"http: {{url: '{origin.url}/step', allow_private_addresses: false}}"
            assert "is not a public address" in await world.failure(rule.replace("step'", "step?2'"))

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (Response(b"{}", 500), "the server answered 500 Internal Server Error"),
            (Response(b"{}", 302, {"Location": "/other"}), "the server answered 302 Found"),
            (Response(b""), "it gave nothing"),
            (Response(b"<html>"), "it gave no JSON"),
            (Response(b"x" * (MAX_OUTPUT + 1)), "it gave more than 2,000,000 bytes"),
        ],
    )
    async def test_other_answers_are_failures(
        self, site: Site, stored: Store, origin: Origin, answer: Response, reason: str
    ) -> None:
        origin.posts["/step"] = lambda seen, body: answer
        async with running(site, stored) as world:
            assert f"`http` gave no result: {reason}" in await world.failure(f"http: {origin.url}/step")
        assert [seen.path for seen in origin.requests] == ["/step"]

    async def test_a_slow_service_is_left(self, site: Site, stored: Store, origin: Origin) -> None:
        def wait(handler: BaseHTTPRequestHandler) -> None:
            handler.rfile.read()

        origin.posts["/step"] = lambda seen, body: Response(raw=wait)
        async with running(site, stored) as world:
            rule = f"http: {{url: '{origin.url}/step', deadline: 1s}}"
            assert "no complete answer within 1 seconds" in await world.failure(rule)


class TestAllowed:
    @pytest.mark.parametrize("allowed", ["", "python", "commands", "http,python", "*"])
    async def test_nothing_runs_that_the_environment_does_not_allow(
        self, site: Site, stored: Store, allowed: str
    ) -> None:
        ran = site.folder / "ran"
        async with running(site, stored, {**ALL, "AGGREGATOR_ALLOW_STEPS": allowed}) as world:
            failure = await world.failure(command_of("import sys; open(sys.argv[1], 'w')", str(ran)))
        assert "`command` is a step of one's own, which has to be allowed" in failure
        assert "command" in failure.rpartition("AGGREGATOR_ALLOW_STEPS=")[2].split(",")
        assert not ran.exists()

    def test_the_advice_keeps_what_is_allowed_already(self) -> None:
        assert why_refused("http", {"AGGREGATOR_ALLOW_STEPS": " HTTP , x"}) is None
        advice = why_refused("command", {"AGGREGATOR_ALLOW_STEPS": "http,python"})
        assert advice is not None
        assert advice.endswith("AGGREGATOR_ALLOW_STEPS=python,command,http")


class TestKept:
    def test_a_result_is_kept_for_the_step_and_its_input(self) -> None:
        def name(rule: str, title: str = "One") -> str:
            kind, settings = settings_of(rule)
            return step_hash(kind, settings, given_to_step(make_entry(title=title), SIGHT))

        same = name("command: [x]")
        assert name("command: {run: [x], deadline: 1m, per_day: 7}") == same
        others = [
            name("command: [x]", "Two"),
            name("command: [y]"),
            name("command: {run: [x], version: '2'}"),
            name("http: https://x.example/"),
        ]
        assert len({same, *others}) == 5

    async def test_the_budget_of_a_step_is_for_a_day(self, site: Site, stored: Store) -> None:
        rule = command_of("print('{}')", per_day=3)
        kind, settings = settings_of(rule)
        calls = {}
        for number in range(5):
            given = given_to_step(make_entry(title=str(number)), SIGHT)
            calls[step_hash(kind, settings, given)] = (kind, settings, given)
        async with running(site, stored) as world:
            failures = await world.runner.run(calls)
            assert len(failures) == 2
            assert set(failures.values()) == {"`command` was not run: it has run 3 times in 24 hours (`per_day`)"}
            # Other steps have budgets of their own.
            assert await world.run(command_of("print('{}') ", per_day=1)) == {}
        async with running(site, stored) as world:
            assert failures.keys() == (await world.runner.run({name: calls[name] for name in failures})).keys()
        assert stored.steps.count_since(NOW) == 4
        with StoreThread() as thread:
            tomorrow = NOW + timedelta(hours=25)
            async with StepRunner(lambda: world.config, stored, thread, lambda: tomorrow, environ=ALL) as runner:
                assert await runner.run({name: calls[name] for name in failures}) == {}

    async def test_what_fails_uses_up_the_budget_too(self, site: Site, stored: Store) -> None:
        async with running(site, stored) as world:
            rule = command_of("raise SystemExit(1)", per_day=1)
            assert "status 1" in await world.failure(rule)
            assert "per_day" in await world.failure(rule)

    async def test_cancelled_steps_end_with_their_processes(self, site: Site, stored: Store) -> None:
        started = site.folder / "started"
        script = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(1000)"
        async with running(site, stored) as world:
            task = asyncio.create_task(world.run(command_of(script, str(started))))
            await asyncio.to_thread(wait_until, lambda: started.exists() and bool(started.read_text()))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await gone(int(started.read_text()))
