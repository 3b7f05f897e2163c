"""Whether a reader shows what was published: all items at first, and after an update what is new and changed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from generators.readers.base import Item, Look, Program
from generators.readers.publication import Publication

#: What makes a text look like HTML to feedparser.
_MARKUP = re.compile(r"</\w+>|&#?\w+;")


@dataclass
class Result:
    """What a reader made of one publication."""

    feeds: int = 0
    items: int = 0
    new: int = 0
    changed: int | None = None
    faults: tuple[str, ...] = ()


def check(program: Program, publication: Publication, folder: Path) -> Result:
    """Subscribe a program, in an empty folder, to all feeds; look again, publish an update, and look again."""
    result = Result()
    feeds = publication.feeds(program.formats)
    first = program.look(folder, feeds)
    result.feeds, result.items = len(feeds), sum(len(look.items) for look in first.values())
    faults = [f"{name}: {one}" for name in feeds for one in _all(program, publication, name, first[name])]
    faults += [f"{name}: not all are new" for name, look in first.items() if Counter(look.new) != _ids(look)]
    faults += _quiet(program, publication, folder)
    touched = publication.changes()
    update = publication.update()
    later = program.look(folder, feeds)
    for name, look in later.items():
        is_touched = name.rpartition(".")[0] in touched
        faults += [f"{name}: {one}" for one in _all(program, publication, name, look)]
        if look.new != ((update.new,) if is_touched else ()):
            faults.append(f"{name}: new are {look.new}")
        if look.changed not in (None, (update.changed,) if is_touched else ()):
            faults.append(f"{name}: changed are {look.changed}")
        result.new += len(look.new)
        if look.changed is not None:
            result.changed = (result.changed or 0) + len(look.changed)
    result.faults = tuple(faults)
    return result


def _quiet(program: Program, publication: Publication, folder: Path) -> Iterator[str]:
    """Nothing has happened: every answer is 304, and nothing is new."""
    publication.origin.answers.clear()
    feeds = publication.feeds(program.formats)
    for name, look in program.look(folder, feeds).items():
        if look.new or look.changed:
            yield f"{name}: nothing has changed, and the program shows {look.new + (look.changed or ())}"
    if sorted(status for _, status in publication.origin.answers) != [304] * len(feeds):
        yield f"answers when nothing has changed: {publication.origin.answers}"


def _all(program: Program, publication: Publication, name: str, look: Look) -> Iterator[str]:
    """What is missing, too much, or other than it was published."""
    slug, _, form = name.rpartition(".")
    wanted = {}
    for one in publication.items(slug):
        link = None if one.entry.url is None else program.link(one.entry.url)
        wanted[one.id or ""] = Item(one.id or "", one.entry.title, link, one.entry.published_at)
    shown, published = _ids(look), Counter(list(wanted))
    if shown != published:
        different = sorted((shown - published) + (published - shown))
        yield f"{len(wanted)} items became {len(look.items)}: {different[:5]}"
    for item in look.items:
        if (expected := wanted.get(item.id)) is None:
            continue
        if program.guesses and form == "rss" and _MARKUP.search(expected.title):
            # What the program made of it is its own affair.
            expected = replace(expected, title=item.title)
        if item != expected:
            yield f"{expected} became {item}"


def _ids(look: Look) -> Counter[str]:
    return Counter(item.id for item in look.items)
