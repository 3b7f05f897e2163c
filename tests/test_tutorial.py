"""docs/tutorial.md: its commands are run as they stand there, on the samples of the demo.

The steps that need the network (installing the program, making and building the Hexo site) are run by
`python -m generators.tutorial`, and so by `make generators`, not here.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aggregator.demo import serve
from generators.tutorial import Block, Walk, blocks, follow
from tests.daemons import PATIENCE, wait_until

pytestmark = pytest.mark.slow

#: What the blocks with commands are for, and the test or the program that runs them.
PURPOSES = {
    "": "test_the_commands_print_what_the_tutorial_shows",
    "server": "test_the_server_gives_out_the_feeds",
    "daemon": "test_the_daemon_does_the_same",
    "update.sh": "test_the_script_puts_the_feeds_into_the_site",
    "install": "generators.tutorial",
    "hexo": "generators.tutorial",
}
NPX = """\
#!/bin/sh
echo "$@" >>"$HOME/npx.log"
mkdir -p public
"""


def _only(language: str, purpose: str) -> str:
    (text,) = [block.text for block in blocks() if (block.language, block.purpose) == (language, purpose)]
    return text


def _shape(text: str) -> list[list[str]]:
    """The words of each line, every number the same."""
    return [re.sub(r"\d+", "0", line).split() for line in text.rstrip().splitlines()]


@dataclass
class Visit:
    """Somebody who has this program and has followed the tutorial."""

    walk: Walk
    #: What the tutorial shows, and what was printed.
    outputs: list[tuple[Block, str]]

    @property
    def folder(self) -> Path:
        return self.walk.folder


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """One for all tests: each step is a process."""
    printed: list[str] = []
    outputs: list[tuple[Block, str]] = []

    def step(block: Block) -> None:
        if block.language == "sh":
            printed.append(walk.run(block.text))
        else:
            outputs.append((block, printed[-1]))

    with serve() as origin:
        walk = Walk(tmp_path_factory.mktemp("home"), origin, str(Path(sys.executable).parent))
        follow(walk, step)
        yield Visit(walk, outputs)


def test_every_block_of_commands_is_run_somewhere() -> None:
    assert {block.purpose for block in blocks() if block.language == "sh"} == set(PURPOSES)
    assert {who for who in PURPOSES.values() if not callable(globals().get(who))} == {"generators.tutorial"}


def test_the_commands_print_what_the_tutorial_shows(visit: Visit) -> None:
    assert len(visit.outputs) == 7
    for block, printed in visit.outputs:
        shown, expected = _shape(printed), _shape(block.text)
        if block.purpose == "last":
            # What comes before depends on the source.
            shown = shown[-1:]
        elif block.purpose == "status":
            # How often a source publishes depends on the day of the test.
            shown, expected = [[line[:3] for line in one] for one in (shown, expected)]
        assert shown == expected


def test_there_is_a_post_for_each_entry(visit: Visit) -> None:
    posts = list((visit.folder / "data" / "posts").rglob("*.md"))
    assert len(posts) == 13
    assert all(post.read_text(encoding="utf-8").startswith("\n---\ntitle: ") for post in posts)


def test_the_server_gives_out_the_feeds(visit: Visit) -> None:
    command = _only("sh", "server").replace(" 8000", " 0")
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"exec {command}"],
        cwd=visit.folder,
        env={**visit.walk.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    try:
        assert process.stdout is not None
        port = re.search(r"port (\d+)", process.stdout.readline())
        assert port
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{port[1]}/all/atom.xml", timeout=PATIENCE) as answer:
            assert answer.read() == (visit.folder / "data/public/all/atom.xml").read_bytes()
    finally:
        process.kill()
        process.communicate()


def test_the_script_puts_the_feeds_into_the_site(visit: Visit) -> None:
    """With a stand-in for npx, which needs the network."""
    tools, site = visit.folder.parent / "tools", visit.folder / "site"
    tools.mkdir()
    site.mkdir()
    (tools / "npx").write_text(NPX, encoding="utf-8")
    (tools / "npx").chmod(0o755)
    visit.walk.environ["PATH"] = f"{tools}{os.pathsep}{visit.walk.environ['PATH']}"
    assert visit.walk.run("sh update.sh") == ""
    assert (visit.folder.parent / "npx.log").read_text(encoding="utf-8") == "hexo generate --silent\n"
    published = visit.folder / "data" / "public"
    names = [path.relative_to(published) for path in published.rglob("*") if path.is_file()]
    assert len(names) == 12
    assert all((site / "public" / "feeds" / name).read_bytes() == (published / name).read_bytes() for name in names)


def test_the_daemon_does_the_same(visit: Visit) -> None:
    heartbeat = visit.folder / "data" / ".heartbeat"
    heartbeat.unlink()
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"exec {_only('sh', 'daemon')}"],
        cwd=visit.folder,
        env=visit.walk.environ,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(heartbeat.exists, "the first cycle")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


def test_cron_runs_the_script_of_the_tutorial() -> None:
    line = _only("cron", "").strip()
    assert re.fullmatch(r'(\S+ ){5}PATH="\$HOME/aggregator/bin:\$PATH" sh "\$HOME/reading/update\.sh"', line)
