"""What the end-to-end tests share: running commands, writing configurations, looking at a data folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from aggregator.cli import app


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Site:
    """A configuration and a data folder to run commands on."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "feeds.yaml"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def configure(self, *sources: Mapping[str, Any], **sections: Any) -> None:
        """Write feeds.yaml; JSON is YAML, and loopback is allowed because the test's origin lives there."""
        whole = {
            "site": {"title": "Test site", "url": "https://feeds.example.org/", "language": "en"},
            "categories": {"news": "News"},
            "fetch": {"allow_private_addresses": ["127.0.0.0/8"]},
            **sections,
            "sources": [{"category": "news", **source} for source in sources],
        }
        self.config.write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")

    def run(self, *arguments: str) -> Done:
        """Run a command on this site, in this process."""
        return command(*arguments, "--config", str(self.config), "--data", str(self.data))

    def run_data(self, *arguments: str) -> Done:
        """Run a command that needs the data folder only."""
        return command(*arguments, "--data", str(self.data))

    def status(self) -> dict[str, dict[str, Any]]:
        """What `status --json` says, by source id."""
        done = self.run("status", "--json")
        assert done.status == 0, done.stderr
        return {row["id"]: row for row in json.loads(done.stdout)}

    def posts(self) -> dict[str, bytes]:
        """All posts, by path below `posts/`."""
        return read_tree(self.data / "posts")

    def public(self) -> dict[str, bytes]:
        """All published files, by path below `public/`."""
        return read_tree(self.data / "public")

    def stamps(self) -> dict[str, tuple[int, int]]:
        """Inode and time of every output file: a rewrite changes one of them, whatever the bytes."""
        return {
            path.relative_to(self.data).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
            for folder in ("posts", "public")
            for path in sorted((self.data / folder).rglob("*"))
            if path.is_file()
        }


def command(*arguments: str) -> Done:
    """Run a command in this process and catch what it prints."""
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def read_tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too, but for one that a running program moves meanwhile."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with suppress(FileNotFoundError):
                found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def rss(items: Sequence[Mapping[str, str]], title: str = "A feed") -> str:
    """A small RSS 2.0 document; values are put in as they are, so they may be markup."""
    body = "".join(
        "<item>" + "".join(f"<{name}>{value}</{name}>" for name, value in item.items()) + "</item>" for item in items
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
        f"<title>{title}</title><link>https://example.org/</link><description>d</description>{body}</channel></rss>"
    )


def item(number: int, **fields: str) -> dict[str, str]:
    """One dated item of a made-up feed."""
    return {
        "title": f"Item {number}",
        "link": f"https://example.org/{number}",
        "guid": f"https://example.org/{number}",
        "pubDate": f"Thu, {number % 28 + 1:02d} Jan 2026 10:00:00 GMT",
        "description": f"&lt;p&gt;Text of item {number}.&lt;/p&gt;",
        **fields,
    }
