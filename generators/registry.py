"""What a site generator has to do here, and which ones there are.

Another one is one more module in `generators.programs`, with a function `sites` that returns its `Site`s. Nothing else
has to know it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aggregator.models import Item
from generators import programs


@dataclass(frozen=True)
class Page:
    """A page that was built of a post; None: the site does not print it."""

    #: The post below the folder of posts.
    post: str
    #: The page below the site's output.
    path: str
    title: str
    date: datetime
    #: The whole page, whose first `article` begins with a `div` that holds the text.
    html: str
    categories: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    authors: tuple[str, ...] | None = None
    link: str | None = None


@dataclass(frozen=True)
class Site:
    """One generator in one version with one renderer and one theme."""

    #: How the report calls it.
    name: str
    #: The preset of its posts.
    preset: str
    #: Installs what is needed into a folder, where it is not there yet; returns the versions that count.
    install: Callable[[Path], dict[str, str]]
    #: Builds a site in that folder from a folder of posts; returns the folder of the pages.
    build: Callable[[Path, Path], Path]
    #: Reads the pages of posts back.
    pages: Callable[[Path], Iterator[Page]]
    #: What the head of a page shows that is not as in the entry; given are the page, the entry and the title of its
    #: category.
    head: Callable[[Page, Item, str], Iterator[str]]
    #: Pages beside those of posts that show texts of many of them.
    others: tuple[str, ...] = ("index.html",)
    #: Whether scripts of the theme may run.
    scripted: bool = False
    #: Where the posts go in a site, and the lines that its configuration needs for them, as the report shows them.
    place: str = ""
    configuration: str = ""
    #: Commands that must be there: names or paths, each with the package of Debian that brings it.
    commands: tuple[tuple[str, str], ...] = ()


def sites() -> list[Site]:
    """All sites to build, in the order of the modules' names."""
    found: list[Site] = []
    for module in sorted(pkgutil.iter_modules(programs.__path__), key=lambda module: module.name):
        found += importlib.import_module(f"{programs.__name__}.{module.name}").sites()
    return found
