"""Runs the commands of docs/tutorial.md: ``python -m generators.tutorial``.

The samples of the demo stand for its sources. The tests run the blocks that need no network. This module runs all of
them: it installs the program into a new environment and builds the site with Hexo, for which it needs npm and the
package registries.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aggregator.demo import serve

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tutorial.md"
#: The samples that stand for the sources of the tutorial, and for the page of one.
SAMPLES = {
    "https://www.ruanyifeng.com/blog/": "/weekly/index.html",
    "https://lwn.net/headlines/rss": "/notes/atom.xml",
    "https://feeds.arstechnica.com/arstechnica/index": "/trails/feed.json",
}


@dataclass(frozen=True)
class Block:
    """One block of code of the tutorial."""

    #: What stands behind the fence: its language, and what it is for.
    language: str
    purpose: str
    text: str


def blocks() -> list[Block]:
    """All blocks, in their order."""
    text = PAGE.read_text(encoding="utf-8")
    return [Block(*found) for found in re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)]


class Walk:
    """The shell of somebody who follows the tutorial.

    Args:
        home: an empty folder; it is the home of that person.
        origin: base address of the samples.
        path: what PATH begins with.
    """

    def __init__(self, home: Path, origin: str, path: str = "") -> None:
        self._home = home
        self._origin = origin
        self.folder = home
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AGGREGATOR_")}
        start = f"{path}{os.pathsep}" if path else ""
        path = f"{start}{os.environ['PATH']}"
        # The samples are on this machine, whatever proxy leads elsewhere.
        self.environ = {**kept, "HOME": str(home), "PATH": path, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}

    def run(self, commands: str) -> str:
        """Run commands where the ones before have come to; returns what they print on standard output.

        Raises:
            SystemExit: one of them failed.
        """
        for address, sample in SAMPLES.items():
            commands = commands.replace(address, self._origin + sample)
        state = self._home / ".state"
        done = subprocess.run(
            ["/bin/sh", "-c", f'set -e\n{commands}\npwd >"$STATE"\nprintf %s "$PATH" >>"$STATE"'],
            cwd=self.folder,
            env={**self.environ, "STATE": str(state)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"the tutorial fails at:\n{commands}\n{done.stdout}{done.stderr}")
        folder, self.environ["PATH"] = state.read_text(encoding="utf-8").split("\n", 1)
        self.folder = Path(folder)
        self._use_samples()
        return done.stdout

    def _use_samples(self) -> None:
        """Put the samples in place of the sources with which a new feeds.yaml begins."""
        config = self.folder / "feeds.yaml"
        if not config.exists() or self._origin in (text := config.read_text(encoding="utf-8")):
            return
        for address, sample in SAMPLES.items():
            text = text.replace(address, self._origin + sample)
        config.write_text(f"{text}\nfetch: {{allow_private_addresses: [127.0.0.0/8]}}\n", encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        """Write a file as the tutorial shows it."""
        (self.folder / name).write_text(text, encoding="utf-8")


def follow(walk: Walk, commands: Callable[[Block], None], *purposes: str) -> None:
    """Write the files of the tutorial and hand out its commands, in their order; those with a purpose only if asked."""
    for block in blocks():
        if block.language == "sh" and block.purpose.endswith(".sh"):
            walk.write(block.purpose, block.text)
        elif block.language == "text" or (block.language == "sh" and block.purpose in ("", *purposes)):
            commands(block)


def main() -> int:
    """Follow the whole tutorial."""
    missing = [name for name in ("node", "npm", "npx") if shutil.which(name) is None]
    if missing:
        sys.stderr.write(f"tutorial: not installed: {', '.join(missing)}; on Debian: apt-get install npm\n")
        return 2
    with TemporaryDirectory(prefix="tutorial-") as name, serve() as origin:
        walk = Walk(Path(name), origin)
        walk.folder = ROOT

        def say_and_run(block: Block) -> None:
            if block.language == "sh":
                sys.stdout.write(f"{block.text}\n")
                sys.stdout.flush()
                walk.run(block.text)

        follow(walk, say_and_run, "install", "hexo")
        site = walk.folder / "site" / "public"
        pages = [path for path in site.glob("[0-9]*/**/index.html") if "<article" in path.read_text(encoding="utf-8")]
        posts = list((walk.folder / "data" / "posts").rglob("*.md"))
        feeds = list((site / "feeds").rglob("*.*"))
    sys.stdout.write(f"{len(posts)} posts, {len(pages)} pages, {len(feeds)} files of feeds\n")
    return 0 if posts and len(pages) == len(posts) and len(feeds) == 10 else 1


if __name__ == "__main__":
    sys.exit(main())
