"""Output that cannot be written, or not in this locale: what is to be published is published all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import redirected, unread
from tests.origin import Origin
from tests.support import Site, item, rss
from tests.thoroughness import chosen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the shell of POSIX is needed")

#: Redirections, with the exit status of a run that is fine but for its output.
SINKS = {">&-": 0, "2>&-": 0, "<&- >&- 2>&-": 0, ">/dev/full": 4, "2>/dev/full": 0, ">/dev/full 2>&1": 4}
#: What a locale of ASCII looks like where nothing is made good before.
ASCII = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def filled(site: Site, origin: Origin) -> Site:
    """A site with one good source, never updated."""
    site.configure({"id": "one", "name": "Größe 新闻", "feed": origin.route("/one", rss([item(1)]))})
    return site


def _needs(sink: str) -> None:
    if "/dev/full" in sink and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")


def _is_published(site: Site) -> bool:
    return (
        list(site.posts()) == ["news/Item-1.md"]
        and "news/atom.xml" in site.public()
        and (site.data / ".heartbeat").is_file()
    )


@pytest.mark.parametrize("sink", SINKS)
def test_update_publishes_whatever_becomes_of_its_output(filled: Site, sink: str) -> None:
    _needs(sink)
    done = redirected(filled, ["update"], sink)
    assert done.returncode == SINKS[sink], done.stderr
    assert _is_published(filled)
    assert b"Traceback" not in done.stderr
    # No file was opened in the place of a closed stream, to be written to instead of it.
    assert filled.run("publish").stdout == "Nothing to write: all files are up to date.\n"
    assert filled.run_data("backup", str(filled.folder / "copy.db")).status == 0


def test_a_disk_that_is_full_for_the_output_is_told(filled: Site) -> None:
    _needs("/dev/full")
    done = redirected(filled, ["update"], ">/dev/full")
    assert b"error: standard output cannot be written: No space left on device; all else was done\n" in done.stderr


def test_a_reader_that_has_gone_away_is_nothing_to_tell(filled: Site) -> None:
    done = unread(filled, ["update"])
    assert (done.returncode, done.stderr) == (0, done.stderr.splitlines(keepends=True)[0])
    assert done.stderr.startswith(b"one: 1 new")
    assert _is_published(filled)


@pytest.mark.parametrize(
    "arguments",
    # One of each way of writing: lines, a table, JSON, what a cycle tells meanwhile, and help.
    chosen(
        [["check"], ["status"], ["etiquette", "--json"], ["update", "--dry-run", "--all"], ["update", "--help"]],
        [
            ["publish"],
            ["status"],
            ["status", "--json"],
            ["health"],
            ["etiquette"],
            ["etiquette", "--json"],
            ["check"],
            ["schema"],
            ["fix"],
            ["vacuum"],
            ["update", "--dry-run", "--all"],
            ["--help"],
            ["update", "--help"],
            ["--version"],
        ],
    ),
    ids=" ".join,
)
def test_no_command_fails_for_a_reader_that_has_gone_away(filled: Site, arguments: list[str]) -> None:
    filled.run("update")
    done = unread(filled, arguments)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"rror" not in done.stderr


def test_the_demo_runs_whatever_becomes_of_its_output(site: Site) -> None:
    done = unread(site, ["demo"])
    assert (done.returncode, done.stderr.count(b"Traceback")) == (0, 0), done.stderr
    assert list((site.data / "demo" / "posts").rglob("*.md"))


def test_a_source_that_is_removed_is_removed_whatever_becomes_of_the_output(filled: Site) -> None:
    filled.run("update")
    assert unread(filled, ["remove", "one", "--purge", "--yes"]).returncode == 0
    assert filled.posts() == {}
    assert json.loads(filled.config.read_text(encoding="utf-8"))["sources"] == []


def test_a_locale_that_cannot_say_the_names_gets_others(filled: Site) -> None:
    update = redirected(filled, ["update"], "", ASCII)
    assert update.returncode == 0, update.stderr
    assert _is_published(filled)
    status = redirected(filled, ["status", "--json"], "", ASCII)
    assert [row["name"] for row in json.loads(status.stdout.decode("ascii"))] == ["Größe 新闻"]


def test_what_a_locale_cannot_say_is_replaced(site: Site, origin: Origin) -> None:
    site.configure({"name": "a新闻", "feed": origin.route("/one", rss([item(1)]))})
    for arguments in (["update"], ["status"]):
        done = redirected(site, arguments, "", ASCII)
        assert done.returncode == 0, done.stderr
        assert b"a?? " in done.stdout
    assert _is_published(site)


def test_a_pipe_that_does_not_block_gets_everything(filled: Site) -> None:
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    process = subprocess.Popen([sys.executable, "-m", "aggregator", "schema"], stdout=sink, stderr=subprocess.PIPE)
    os.close(sink)
    with os.fdopen(source, "rb") as pipe:
        text = pipe.read()
    _, complaints = process.communicate()
    assert (process.returncode, complaints) == (0, b"")
    assert json.loads(text)["title"]
