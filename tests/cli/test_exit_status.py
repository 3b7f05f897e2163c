"""How commands end: the exit status says whose fault it was, and an interrupted run leaves nothing half done."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import typer
from filelock import FileLock

from aggregator.cli import app, daemon, update
from aggregator.cli.process import report_errors
from aggregator.cli.update import show_failures, show_written
from aggregator.publish.report import OutputFailure, Report
from tests import ROOT
from tests.commands import PATIENCE, program
from tests.origin import Origin, Response, Seen
from tests.support import Site, command, item, rss


@pytest.fixture
def filled(site: Site, origin: Origin) -> Site:
    """A site with one good source and a bad one, updated once."""
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))}, {"id": "bad", "feed": origin.url})
    assert site.run("update").status == 1
    return site


@pytest.mark.parametrize(
    "arguments",
    [["update"], ["publish"], ["status"], ["health"], ["etiquette"], ["fix"], ["update", "--dry-run"]],
    ids=" ".join,
)
def test_a_database_that_is_damaged_is_no_fault_of_a_source(filled: Site, arguments: list[str]) -> None:
    (filled.data / "aggregator.db").write_bytes(b"no database " * 1000)
    done = filled.run(*arguments)
    assert done.status == 4
    assert re.match(r"error: \S*aggregator\.db\b.*damaged|error: \S*aggregator\.db cannot be copied", done.stderr)


def test_a_database_that_is_damaged_cannot_be_copied_nor_compacted(filled: Site) -> None:
    (filled.data / "aggregator.db").write_bytes(b"no database " * 1000)
    assert filled.run_data("backup", str(filled.folder / "copy.db")).status == 4
    assert filled.run_data("vacuum").status == 4


def test_a_file_that_cannot_be_written_counts_more_than_a_source_that_fails(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))}, {"id": "bad", "feed": origin.url})
    site.data.mkdir()
    (site.data / "posts").touch()
    done = site.run("update")
    assert done.status == 4
    assert "posts" in done.stderr
    assert "bad " in done.stdout
    assert site.run("publish").status == 4


def test_every_file_that_could_not_be_written_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    failures = [OutputFailure(f"posts/{name}", "cannot be written", "make room") for name in ("a.md", "b.md")]
    show_written(Report(failures=failures), tmp_path, whole=False)
    assert show_failures(failures) == 4
    said = capsys.readouterr()
    assert said.err == (
        "error: posts/a.md: cannot be written; make room\nerror: posts/b.md: cannot be written; make room\n"
    )
    assert said.out == ""


def test_a_data_folder_that_cannot_be_made_is_no_fault_of_a_source(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.url})
    site.data.touch()
    assert site.run("update").status == 4


def test_a_configuration_that_cannot_be_written_is_no_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = command("init", "--config", str(tmp_path / "file" / "feeds.yaml"))
    assert done.status == 4
    assert "cannot be written" in done.stderr


def test_a_demo_does_not_clear_the_folder_of_somebody_else(site: Site) -> None:
    (site.data / "demo").mkdir(parents=True)
    assert site.run_data("demo").status == 2


def test_a_demo_clears_only_a_folder_that_no_other_demo_uses(site: Site) -> None:
    folder = site.data / "demo"
    assert site.run_data("demo").status == 0
    (folder / "posts" / "left-over.md").touch()
    before = sorted(folder.rglob("*"))
    with FileLock(folder / ".lock"):
        assert site.run_data("demo").status == 3
        assert {*before} <= {*folder.rglob("*")}
    assert site.run_data("demo").status == 0
    assert sorted(folder.rglob("*")) == [path for path in before if path.name != "left-over.md"]


def test_a_mistake_of_the_program_is_short_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for wanted in ("", "1"):
        monkeypatch.setenv("AGGREGATOR_VERBOSE", wanted)
        with pytest.raises(typer.Exit) as ended, report_errors():
            raise KeyError("no\x9bsuch")
        assert ended.value.exit_code == 4
        complaint = capsys.readouterr().err
        assert re.search(
            r"^error: a bug in this program: KeyError: 'no.*such' \(test_exit_status\.py:\d+\)\. What was stored "
            r"stays; run it again\. If that does not help, report it",
            complaint,
            re.MULTILINE,
        )
        assert "\x9b" not in complaint
        assert ("Traceback" in complaint) is bool(wanted)
        assert ("AGGREGATOR_VERBOSE=1" in complaint) is not bool(wanted)


@pytest.mark.parametrize("name", ["update", "run"])
def test_verbose_shows_where_a_mistake_of_the_program_is(
    site: Site, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    site.configure()
    monkeypatch.delenv("AGGREGATOR_VERBOSE", raising=False)

    def fail(*args: object, **named: object) -> None:
        raise KeyError("no such")

    monkeypatch.setattr({"update": update, "run": daemon}[name], "locked", fail)
    short, long = site.run(name), site.run(name, "--verbose")
    assert (short.status, long.status) == (4, 4)
    assert "Traceback" not in short.stderr
    assert "Traceback" in long.stderr
    assert "Traceback" not in site.run(name).stderr, "it is for one command only"


def test_every_command_ends_this_way() -> None:
    assert all(hasattr(command.callback, "__wrapped__") for command in app.registered_commands)


@dataclass
class Hanging:
    """A route that says when it was asked, and answers when it is told to."""

    asked: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    def __call__(self, seen: Seen) -> Response:
        self.asked.set()
        self.release.wait(PATIENCE)
        return Response()


@pytest.fixture
def slow() -> Iterator[Hanging]:
    """A route that hangs until the end of the test."""
    route = Hanging()
    yield route
    route.release.set()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter on Windows")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_cycle_keeps_what_it_has_and_leaves_nothing_behind(
    site: Site, origin: Origin, slow: Hanging, number: int, status: int
) -> None:
    site.configure(
        {"id": "one", "feed": origin.route("/one", rss([item(1)]))},
        {"id": "slow", "feed": origin.handle("/slow", slow)},
    )
    process = program(site, "update")
    assert process.stderr is not None
    said = process.stderr.readline()
    assert slow.asked.wait(PATIENCE)
    process.send_signal(number)
    _, rest = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, said + rest
    assert b"one: 1 new" in said
    assert rest.endswith(b"interrupted; the next run continues from here\n")
    assert b"Traceback" not in rest
    assert {path.name for path in site.data.iterdir()} <= {"aggregator.db", ".lock"}
    assert {name: row["entries"] for name, row in site.status().items()} == {"one": 1, "slow": 0}
    assert site.run("publish").status == 0
    assert list(site.posts()) == ["news/Item-1.md"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter on Windows")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_waits_for_another_can_be_interrupted(site: Site, origin: Origin, number: int) -> None:
    site.configure({"id": "one", "feed": origin.url})
    site.data.mkdir()
    with FileLock(site.data / ".lock"):
        process = program(site, "run", "--wait")
        assert process.stderr is not None
        assert b"waiting" in process.stderr.readline()
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter on Windows")
def test_a_signal_that_the_caller_ignores_is_ignored(site: Site, origin: Origin, slow: Hanging) -> None:
    """As under `nohup`."""
    site.configure({"id": "slow", "feed": origin.handle("/slow", slow)})
    arguments = [sys.executable, "-m", "aggregator", "update", "--config", str(site.config), "--data", str(site.data)]
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert slow.asked.wait(PATIENCE)
    os.kill(process.pid, signal.SIGHUP)
    slow.release.set()
    _, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert b"interrupted" not in complaints


# -- what is said of it ----------------------------------------------------------------------------------------------


def test_the_status_is_documented_in_all_places() -> None:
    for text in (
        command("--help").stdout,
        (ROOT / "README.md").read_text(encoding="utf-8"),
        (ROOT / "docs" / "cron.md").read_text(encoding="utf-8"),
        (ROOT / "docs" / "daemon.md").read_text(encoding="utf-8"),
    ):
        words = re.sub(r"[\s│|]+", " ", text)
        assert re.search(r"\b4 (?:the )?database, (?:the )?disk or ", words)


def test_the_units_take_only_failing_sources_for_success() -> None:
    unit = (ROOT / "deploy" / "aggregator-update.service").read_text(encoding="utf-8")
    assert re.findall(r"^SuccessExitStatus=(.*)$", unit, re.MULTILINE) == ["1"]
    assert "SuccessExitStatus" not in (ROOT / "deploy" / "aggregator.service").read_text(encoding="utf-8")


def test_fix_and_health_keep_their_meaning_of_1(filled: Site) -> None:
    assert filled.run("fix").status == 0
    assert filled.run("health", "--max-failing", "0").status == 1
    assert json.loads(filled.run("health", "--json").stdout)["healthy"] is True


def test_a_daemon_that_is_told_to_reload_before_it_works_does_not_end(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    site.data.mkdir()
    with FileLock(site.data / ".lock"), program(site, "run", "--wait") as waiting:
        assert waiting.stderr is not None
        assert b"waiting" in waiting.stderr.readline()
        waiting.send_signal(signal.SIGHUP)
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(PATIENCE) == 128 + signal.SIGTERM
