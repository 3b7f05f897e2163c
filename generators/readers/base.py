"""What a reader of feeds has to do here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

Format = Literal["rss", "atom", "json"]


@dataclass(frozen=True)
class Item:
    """An item as a reader shows it, or as it was published."""

    id: str
    title: str
    #: None: there is none, or the reader does not say.
    link: str | None
    date: datetime


@dataclass(frozen=True)
class Look:
    """What a reader shows of one feed after it has looked at it."""

    #: All items that it has of the feed.
    items: tuple[Item, ...]
    #: Ids of those that are new since the last look.
    new: tuple[str, ...]
    #: Ids of those that it shows as changed; None: this program does not show changes.
    changed: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Program:
    """One reader."""

    name: str
    #: Its version; None: it is not installed.
    version: Callable[[], str | None]
    #: Where it comes from, for somebody who has to install it.
    package: str
    formats: tuple[Format, ...]
    #: Makes the program look at feeds, by name and address, with its state in a folder; returns what it shows of each.
    look: Callable[[Path, Mapping[str, str]], dict[str, Look]]
    #: What it gives as the link of an item.
    link: Callable[[str], str] = lambda link: link
    #: Whether it may take a title of RSS for HTML, as feedparser does with what looks like it.
    guesses: bool = False


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Run a program with a folder as its home; returns what it prints.

    Raises:
        RuntimeError: it failed.
    """
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    settings = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**kept, **settings, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout + done.stderr
