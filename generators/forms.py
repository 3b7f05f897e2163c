"""The posts of one preset, in a folder of their own, as a site is built of them."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from aggregator.models import Item
from aggregator.publish.names import Wanted, assign_paths
from aggregator.publish.posts.presets import PRESETS, PostOptions
from aggregator.publish.posts.render import render_post
from generators.collect import CATEGORIES, Found, is_hostile


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
    """Write the posts of a preset into a folder; those that the program wrote are copied."""
    if preset == "hexo":
        return _copied(found.data / "posts", {item.path: item for item in found.items if item.path}, folder)
    form = PRESETS[preset]
    wanted = [Wanted(item.origin.category, item.entry.title, item.id, item.entry.published_at) for item in found.items]
    items: dict[str, Item] = {}
    for item, (path, _) in zip(found.items, assign_paths(wanted, form, lambda paths: set()), strict=True):
        items[path] = item
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(
            render_post(
                replace(item, path=path),
                category_title=CATEGORIES[item.origin.category],
                preset=form,
                options=PostOptions(None, None),
            )
        )
    return _posts(folder, items)


def _copied(source: Path, items: dict[str, Item], folder: Path) -> Posts:
    for path in items:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, folder / path)
    return _posts(folder, items)


def _posts(folder: Path, items: dict[str, Item]) -> Posts:
    return Posts(folder, items, frozenset(path for path, item in items.items() if is_hostile(item)))
