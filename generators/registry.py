"""What a site generator has to do here, and which ones there are.

Another one is a module with a function that returns its `Site`s, and a line in `SITES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Page:
    """A page that was built of a post."""

    #: The post below `posts/`.
    post: str
    #: The page below the site's output.
    path: str
    title: str
    date: datetime
    categories: tuple[str, ...]
    author: str
    #: The whole page, whose first `article` holds the text.
    html: str


@dataclass(frozen=True)
class Site:
    """One generator in one version with one renderer and one theme."""

    #: How the report calls it.
    name: str
    #: Installs what is needed into a folder, where it is not there yet; returns the versions that count.
    install: Callable[[Path], dict[str, str]]
    #: Builds a site in that folder from a folder of posts; returns the folder of the pages.
    build: Callable[[Path, Path], Path]
    #: Reads the pages of posts back.
    pages: Callable[[Path], Iterator[Page]]
    #: Pages beside those of posts that show texts of many of them.
    others: tuple[str, ...] = ("index.html",)
    #: Whether scripts of the theme may run.
    scripted: bool = False
    #: Commands that must be there.
    commands: tuple[str, ...] = field(default=("npm", "node"))


def sites() -> list[Site]:
    """All sites to build."""
    from generators import hexo

    return [*hexo.sites()]
