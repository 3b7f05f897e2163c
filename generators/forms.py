"""The posts of one preset, in a folder of their own, as a site is built of them."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from aggregator.models import Item
from generators.collect import Found, is_hostile


@dataclass(frozen=True)
class Posts:
    """The posts of one preset."""

    folder: Path
    #: Each post below the folder, and its entry.
    items: dict[str, Item]
    #: Those that may try to do harm.
    hostile: frozenset[str]

    def only(self, paths: Collection[str], folder: Path) -> Posts:
        """Copy some of them into another folder, which becomes theirs."""
        return _copied(self.folder, {path: self.items[path] for path in paths}, folder)


def written(found: Found, preset: str, folder: Path) -> Posts:
    """Return the posts of a preset, copied into a folder."""
    if preset != "hexo":
        raise SystemExit(f"generators: there is no preset {preset}")
    return _copied(found.data / "posts", {item.path: item for item in found.items if item.path}, folder)


def _copied(source: Path, items: dict[str, Item], folder: Path) -> Posts:
    for path in items:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, folder / path)
    return Posts(folder, items, frozenset(path for path, item in items.items() if is_hostile(item)))
