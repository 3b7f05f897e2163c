"""The commands as people use them: help, messages, exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from tests.origin import Origin
from tests.support import Site, command, item, rss

COMMANDS = (
    "init",
    "check",
    "schema",
    "update",
    "publish",
    "run",
    "status",
    "health",
    "backup",
    "vacuum",
    "demo",
    "fix",
    "remove",
)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    done = command(name, "--help")
    assert done.status == 0
    assert len(done.stdout.splitlines()) > 3


def test_help_lists_every_command() -> None:
    done = command("--help")
    assert all(name in done.stdout for name in COMMANDS)


def test_init_writes_a_configuration_that_checks(tmp_path: Path) -> None:
    config = tmp_path / "feeds.yaml"
    assert command("init", "--config", str(config)).status == 0
    assert (tmp_path / "feeds.schema.json").is_file()
    assert command("check", "--config", str(config)).status == 0
    config.write_text("# mine", encoding="utf-8")
    again = command("init", "--config", str(config))
    assert again.status == 2
    assert "--force" in again.stderr
    assert config.read_text(encoding="utf-8") == "# mine"


def test_check_lists_every_mistake_with_its_place(tmp_path: Path) -> None:
    config = tmp_path / "feeds.yaml"
    config.write_text(
        "sources:\n  - feed: https://example.org/\n    intervall: 1h\n  - feed: ftp://example.org/\n", encoding="utf-8"
    )
    done = command("check", "--config", str(config))
    assert done.status == 2
    assert f"{config}:3:5: sources[0].intervall:" in done.stderr
    assert "did you mean" in done.stderr
    assert f"{config}:4:" in done.stderr
    assert "2 problems" in done.stderr


def test_update_with_a_bad_configuration_does_nothing(site: Site) -> None:
    site.config.write_text("sources: 3\n", encoding="utf-8")
    assert site.run("update").status == 2
    assert not site.data.exists()


def test_missing_configuration_says_what_to_do(site: Site) -> None:
    done = site.run("update")
    assert done.status == 2
    assert "aggregator init" in done.stderr


def test_unknown_source_is_a_usage_error_with_a_hint(site: Site, origin: Origin) -> None:
    site.configure({"id": "heise", "feed": origin.url})
    done = site.run("update", "--source", "heisse")
    assert done.status == 2
    assert "did you mean 'heise'" in done.stderr


def test_second_writer_is_told_who_holds_the_folder(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.url})
    site.data.mkdir()
    with FileLock(site.data / ".lock"):
        (site.data / ".lock-holder").write_text("process 4711, since now", encoding="utf-8")
        done = site.run("update")
    assert done.status == 3
    assert "process 4711" in done.stderr


def test_status_says_the_same_to_people_and_programs(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "name": "One", "feed": origin.route("/one", rss([item(1)]))}, {"feed": origin.url})
    site.run("update")
    rows = json.loads(site.run("status", "--json").stdout)
    assert list(rows[0]) == [
        "id",
        "name",
        "kind",
        "category",
        "state",
        "entries",
        "last_attempt_at",
        "last_success_at",
        "next_due_at",
        "due_why",
        "failures",
        "failure_kind",
        "error",
        "entries_per_week",
        "silent",
        "identity",
        "notes",
    ]
    assert rows[0]["name"] == "One"
    assert rows[0]["last_success_at"].endswith("Z")
    table = site.run("status").stdout
    assert "failing" in table
    assert "http_status" in table


def test_status_before_the_first_update_makes_nothing(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.url})
    assert site.status()["one"]["state"] == "new"
    assert not site.data.exists()


def test_control_characters_from_a_feed_do_not_reach_the_terminal(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/x", b"no \x1b[2J feed", content_type="text/plain")})
    done = site.run("update")
    assert "\x1b" not in done.stdout + done.stderr


def test_environment_names_the_files(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    environment = {"AGGREGATOR_CONFIG": str(site.config), "AGGREGATOR_DATA": str(site.data), "PATH": ""}
    done = subprocess.run([sys.executable, "-m", "aggregator", "update"], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert list(site.posts()) == ["news/Item-1.md"]


def test_log_has_one_plain_line_per_source(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))}, {"id": "two", "feed": origin.url})
    lines = site.run("update").stderr.splitlines()
    assert any(line.startswith("one: 1 new") for line in lines)
    assert any(line.startswith("two: failed: http_status") for line in lines)


def test_redirecting_output_to_a_file_needs_no_terminal_width(site: Site, origin: Origin) -> None:
    site.configure({"id": "x" * 60, "feed": origin.route("/one", rss([item(1)]))})
    assert "x" * 60 in site.run("update").stdout


def test_waiting_writer_goes_on_when_the_folder_is_free(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    site.data.mkdir()
    places = ["--config", str(site.config), "--data", str(site.data)]
    with FileLock(site.data / ".lock"):
        (site.data / ".lock-holder").write_text("process 4711, since now", encoding="utf-8")
        arguments = [sys.executable, "-m", "aggregator", "update", "--wait", *places]
        waiting = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert waiting.stderr is not None
        assert "process 4711, since now; waiting" in waiting.stderr.readline()
        assert origin.requests == []
    waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert list(site.posts()) == ["news/Item-1.md"]


def test_durations_of_options_are_checked(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.url})
    done = site.run("run", "--every", "soon")
    assert done.status == 2
    assert "--every: must be a duration" in done.stderr


def test_long_table_shows_what_matters(site: Site, origin: Origin) -> None:
    good = [{"id": f"s{n}", "feed": origin.route(f"/{n}", rss([item(n)]), conditional=True)} for n in range(60)]
    site.configure(*good, {"id": "broken", "feed": origin.url + "/nowhere"})
    first = site.run("update").stdout
    assert first.index("broken") < first.index("s0 ")
    assert "0 sources had nothing new, and 11 more had something" in first
    again = site.run("update", "--all").stdout
    assert "60 sources had nothing new\n" in again
    assert "s1 " not in again
