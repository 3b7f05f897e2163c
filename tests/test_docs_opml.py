"""docs/opml.md: its commands are run as they stand there, and print what it shows.

`AGGREGATOR_GOLDEN=write` writes what they print into the page; look at the difference before it is committed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aggregator.cli import app
from aggregator.config import load
from aggregator.subscriptions.namespace import URI
from aggregator.subscriptions.reading import MAX_BYTES
from tests import ROOT

pytestmark = pytest.mark.usefixtures("workers_inside")

PAGE = ROOT / "docs" / "opml.md"
_FILE = re.compile(r"^```(?:xml|yaml) ([a-z.]+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_STEP = re.compile(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def _run(line: str, folder: Path) -> str:
    """Run a line of a shell, and return what it prints."""
    if not line.startswith("aggregator "):
        return subprocess.run(["/bin/sh", "-c", line], cwd=folder, check=True, capture_output=True, text=True).stdout
    words, _, target = line.removeprefix("aggregator ").partition(" > ")
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 0, done.output
    if target:
        (folder / target).write_bytes(done.stdout_bytes)
        return done.stderr
    return done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("tail") is None, reason="the page uses tail and grep")
def test_the_commands_print_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGE.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LWN_TOKEN", "a-token-of-lwn")
    parts: list[str] = []
    position = 0
    for match in re.finditer(f"{_FILE.pattern}|{_STEP.pattern}", page, re.DOTALL | re.MULTILINE):
        name, text, commands, _ = match.groups()
        parts.append(page[position : match.start()])
        position = match.end()
        if name is not None:
            (tmp_path / name).write_text(text, encoding="utf-8")
            parts.append(match[0])
        else:
            said = "".join(_run(line, tmp_path) for line in commands.splitlines())
            parts.append(f"```sh\n{commands}```\n\n```text\n{said}```")
    made = "".join([*parts, page[position:]])
    if os.environ.get("AGGREGATOR_GOLDEN") == "write":
        PAGE.write_text(made, encoding="utf-8")
    assert made == PAGE.read_text(encoding="utf-8")
    _, second = (load(Path(name), os.environ) for name in ("feeds.yaml", "new/feeds.yaml"))
    assert [one.access.authorization for one in second.sources] == ["Bearer a-token-of-lwn", None]


def test_every_block_of_commands_is_run() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(_STEP.findall(page)) == len(re.findall(r"^```sh$", page, re.MULTILINE)) == 6


def test_the_page_says_what_is_so() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert URI in page
    assert f"{MAX_BYTES // 10**6} MB" in page
