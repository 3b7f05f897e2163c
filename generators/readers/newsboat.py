"""newsboat, a reader for the terminal: RSS and Atom, conditional requests, articles that become unread when changed."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from generators.readers.base import Item, Look, Program, run


def _version() -> str | None:
    if shutil.which("newsboat") is None:
        return None
    found = re.search(r"newsboat ([\d.]+)", run(["newsboat", "--version"], Path.cwd()))
    return found[1] if found else "?"


def _look(folder: Path, feeds: Mapping[str, str]) -> dict[str, Look]:
    return {name: _one(folder / name, url) for name, url in feeds.items()}


def _one(folder: Path, url: str) -> Look:
    """Look at one feed. Each has a cache of its own, because newsboat shows an item of several feeds in only one."""
    folder.mkdir(exist_ok=True)
    cache = folder / "cache.db"
    (folder / "urls").write_text(f"{url}\n", encoding="utf-8")
    (folder / "config").write_text(f'reset-unread-on-update "{url}"\n', encoding="utf-8")
    reload = ["newsboat", "-q", "-u", "urls", "-c", "cache.db", "-C", "config", "-x", "reload"]
    known = {}
    if cache.exists():
        known = _read(cache)
    else:
        # It forgets the ETag of the first answer, because the feed has no row in its cache yet.
        run(reload, folder)
    run(reload, folder)
    rows = _read(cache)
    with closing(sqlite3.connect(cache)) as database, database:
        # Its user has read everything.
        database.execute("UPDATE rss_item SET unread = 0")
    new = tuple(guid for guid in rows if guid not in known)
    changed = tuple(guid for guid, (_, is_unread) in rows.items() if is_unread and guid in known)
    return Look(tuple(item for item, _ in rows.values()), new, changed)


def _read(cache: Path) -> dict[str, tuple[Item, bool]]:
    """Items by their ids, and whether they are unread."""
    with closing(sqlite3.connect(cache)) as database:
        rows = database.execute("SELECT guid, title, url, pubDate, unread FROM rss_item WHERE deleted = 0 ORDER BY id")
        return {
            guid: (Item(guid, title, url or None, datetime.fromtimestamp(moment, UTC)), bool(unread))
            for guid, title, url, moment, unread in rows
        }


def _link(link: str) -> str:
    """An address without a path gets one."""
    return re.sub("^(https?://[^/?#]+)$", r"\1/", link)


NEWSBOAT = Program("newsboat", _version, "Debian's newsboat", ("rss", "atom"), _look, _link)
