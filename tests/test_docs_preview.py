"""docs/preview.md: its commands are run as they stand there, and print what it shows.

`AGGREGATOR_GOLDEN=write` writes what they print into the page; look at the difference before it is committed.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aggregator.cli import app
from aggregator.demo import serve
from tests import ROOT

pytestmark = pytest.mark.usefixtures("workers_inside")

PAGE = ROOT / "docs" / "preview.md"
#: The address that the page has in place of the one of the test; both are as wide.
ORIGIN = "http://127.0.0.1:40000"
_FILE = re.compile(r"^```yaml feeds\.yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_STEP = re.compile(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def _run(line: str, folder: Path) -> str:
    """Run a line of a shell, and return what it prints."""
    if not line.startswith("aggregator "):
        subprocess.run(["/bin/sh", "-c", line], cwd=folder, check=True)
        return ""
    words, _, target = line.removeprefix("aggregator ").partition(" > ")
    done = CliRunner().invoke(app, words.split())
    if target:
        # What goes to standard error here is that the source fails.
        (folder / target).write_bytes(done.stdout_bytes)
        return ""
    return done.stdout + done.stderr


def test_the_commands_print_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (settings,) = _FILE.findall(page)
    monkeypatch.chdir(tmp_path)
    with serve() as origin:
        assert len(origin) == len(ORIGIN)
        (tmp_path / "feeds.yaml").write_text(settings.replace(ORIGIN, origin), encoding="utf-8")

        def step(match: re.Match[str]) -> str:
            said = "".join(_run(line, tmp_path) for line in match[1].splitlines()).replace(origin, ORIGIN)
            return f"```sh\n{match[1]}```\n\n```text\n{said}```"

        made = _STEP.sub(step, page)
    if os.environ.get("AGGREGATOR_GOLDEN") == "write":
        PAGE.write_text(made, encoding="utf-8")
    assert made == PAGE.read_text(encoding="utf-8")
    assert not (tmp_path / "data").exists()


def test_every_block_of_commands_is_run() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(_STEP.findall(page)) == len(re.findall(r"^```sh$", page, re.MULTILINE)) == 6
