"""Feed readers that people use, run over what this program publishes: ``python -m generators.readers``.

Each reader subscribes to every feed of a publication on 127.0.0.1, has to show all items, and after an update exactly
what is new and what has changed. `base` says what a reader has to do here; each has a module of its own.
"""

from __future__ import annotations

from generators.readers.base import Item, Look, Program
from generators.readers.check import check
from generators.readers.newsboat import NEWSBOAT
from generators.readers.publication import Publication, demo, nasty_set, real_slice
from generators.readers.python_reader import READER
from generators.readers.rss2email import RSS2EMAIL
from generators.readers.sfeed import SFEED

__all__ = ["PROGRAMS", "Item", "Look", "Program", "Publication", "check", "demo", "nasty_set", "real_slice"]

#: All readers. Another one is a module, and a name here.
PROGRAMS: tuple[Program, ...] = (NEWSBOAT, SFEED, RSS2EMAIL, READER)
