"""docs/adding.md: its commands are run as they stand there, and print what it shows.

`AGGREGATOR_GOLDEN=write` writes what they print into the page; look at the difference before it is committed.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aggregator.cli import adding, app
from aggregator.demo import serve
from tests import ROOT

pytestmark = pytest.mark.usefixtures("workers_inside")

PAGE = ROOT / "docs" / "adding.md"
#: The address that the page has in place of the one of the test; both are as wide.
ORIGIN = "127.0.0.1:40000"
_FILE = re.compile(r"^```yaml feeds\.yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: Behind `sh`: what a person answers on a terminal.
_STEP = re.compile(r"^```sh( \S+)?\n(.*?)^```\n\n```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def _run(line: str, folder: Path, origin: str) -> str:
    """Run a line of a shell, and return what it prints."""
    if line == "cat feeds.yaml":
        return (folder / "feeds.yaml").read_text(encoding="utf-8")
    return CliRunner().invoke(app, shlex.split(line)[1:]).output.replace(origin, ORIGIN)


def _answer(line: str, answer: str, origin: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a line as on a terminal, on which a person answers."""
    with monkeypatch.context() as patched:
        patched.setattr(adding, "_is_terminal", lambda: True)
        shown = CliRunner().invoke(app, shlex.split(line)[1:], input=f"{answer}\n").output
    return shown.replace(origin, ORIGIN)


def test_the_commands_print_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (settings,) = _FILE.findall(page)
    monkeypatch.chdir(tmp_path)
    with serve() as base:
        origin = base.removeprefix("http://")
        assert len(origin) == len(ORIGIN)
        (tmp_path / "feeds.yaml").write_text(settings.replace(ORIGIN, origin), encoding="utf-8")

        def step(match: re.Match[str]) -> str:
            lines = match[2].replace(ORIGIN, origin).splitlines()
            if match[1]:
                said = "".join(_answer(line, match[1].strip(), origin, monkeypatch) for line in lines)
            else:
                said = "".join(_run(line, tmp_path, origin) for line in lines)
            return f"```sh{match[1] or ''}\n{match[2]}```\n\n```text\n{said.replace(origin, ORIGIN)}```"

        made = _STEP.sub(step, page)
    if os.environ.get("AGGREGATOR_GOLDEN") == "write":
        PAGE.write_text(made, encoding="utf-8")
    assert made == PAGE.read_text(encoding="utf-8")
    assert not (tmp_path / "data").exists()


def test_every_block_of_commands_is_run() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(_STEP.findall(page)) == len(re.findall(r"^```sh", page, re.MULTILINE)) == 9
