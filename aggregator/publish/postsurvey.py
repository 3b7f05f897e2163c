"""The files of a folder of posts as a whole, compared with the posts that were written there.

In: the store, a folder. Out: how many posts are missing, and where those are that a person has moved. All names are
looked at, and the heads of files that are no posts of ours, so this is done only where a post is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator.publish import files
from aggregator.publish.posts.reading import MAX_HEAD, id_keys, read_id
from aggregator.store import Store

if TYPE_CHECKING:
    from aggregator.publish.postfolders import PostFolder

#: Beginning of the names of the records of folders most of whose files are missing. A record has the row number of the
#: last post that was written there before: later ones say nothing of whether the folder is back.
LOST = "missing/"
#: Posts that are read at once from the store.
_BATCH = 1000
#: Maximum number of unknown files whose ids are read.
_MAX_READ = 10_000
#: What posts end with, also those that a person has renamed.
_TEXTS = (".md", ".markdown", ".mdx", ".html", ".htm", ".txt")


def has_posts(folder: Path) -> bool:
    """Whether a folder holds any file, hidden files excepted."""
    inside = []
    try:
        with os.scandir(folder) as entries:
            # One file is enough: a folder may have many.
            for entry in entries:
                if not entry.is_dir():
                    if not entry.name.startswith("."):
                        return True
                elif not entry.is_symlink():
                    inside.append(Path(entry.path))
    except OSError:
        return False
    return any(map(has_posts, inside))


@dataclass(frozen=True, slots=True)
class Survey:
    """The files of a folder, compared with the posts that were written there."""

    #: Number of posts that should be there, and of those that are nowhere in the folder.
    expected: int
    missing: int
    #: Where posts are that are not where they were written, by id.
    places: Mapping[str, str]
    #: Whether so many are missing that nobody can have deleted them one by one.
    is_lost: bool = False
    #: The row number of the last post that was written there, before most were missing.
    last: int = 0
    #: The row numbers of the posts that were written while most were missing, and are missing, too.
    later: Sequence[int] = ()


def survey(store: Store, folder: PostFolder, place: Path) -> Survey:
    """Look for the posts that were written to a folder."""
    names = set(_names(place))
    before = store.fingerprints().get(LOST + folder.name, "")
    end = int(before) if before.isdecimal() else None
    known: set[str] = set()
    expected = expected_later = last = 0
    #: Row numbers by id.
    absent: dict[str, int] = {}
    deleted: set[str] = set()
    while posts := store.edits.written(folder.name, last, _BATCH):
        last = posts[-1].pk
        for pk, entry_id, path, edit in posts:
            known.add(path)
            if edit is not None and edit.path:
                known.add(edit.path)
            if edit is not None and edit.edit == "deleted":
                deleted.add(entry_id)
                continue
            expected += 1
            expected_later += end is not None and pk > end
            # A name may be written in several ways, and a folder may be a link.
            at = (path, edit.path) if edit is not None and edit.path else (path,)
            if names.isdisjoint(at) and not any(os.path.lexists(place / name) for name in at):
                absent[entry_id] = pk
    places = {}
    if absent or deleted:
        found = _ids(place, sorted(names - known), folder)
        places = {entry_id: name for entry_id, name in found if entry_id in absent or entry_id in deleted}
    missing = [pk for entry_id, pk in absent.items() if entry_id not in places]
    later = [pk for pk in missing if end is not None and pk > end]
    is_lost = (len(missing) - len(later)) * 2 > expected - expected_later
    return Survey(expected, len(missing), places, is_lost, last if end is None else end, later)


def _names(place: Path) -> Iterator[str]:
    """Yield the names of all files in a folder; those that generators leave out are not looked at."""
    for top, folders, names in os.walk(place):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(top).relative_to(place).as_posix()
        for name in names:
            if not name.startswith(".") and not name.endswith("~"):
                yield name if below == "." else f"{below}/{name}"


def _ids(place: Path, names: Iterable[str], folder: PostFolder) -> Iterator[tuple[str, str]]:
    """Yield the ids in the heads of files with their names; the first name of an id comes last."""
    keys = id_keys(folder.preset)
    texts = [name for name in names if name.lower().endswith((*_TEXTS, folder.preset.suffix)) and files.is_safe(name)]
    for name in reversed(texts[:_MAX_READ]):
        try:
            path = place / name
            if not path.is_file():
                continue
            with path.open("rb") as file:
                entry_id = read_id(file.read(MAX_HEAD), keys)
        except OSError:
            continue
        if entry_id is not None:
            yield entry_id, name


def lost_note(store: Store, folder: PostFolder, data: Path, recorded: Mapping[str, str]) -> str | None:
    """Return a message if most of the posts of a folder are known to be missing, or all of them are."""
    place = data / folder.name
    if not is_suspect(recorded, folder, place):
        return None
    found = survey(store, folder, place)
    return said_lost(folder, found) if found.is_lost else None


def is_suspect(recorded: Mapping[str, str], folder: PostFolder, place: Path) -> bool:
    """Whether it is worth to look at all names; to look for a single one is cheap."""
    return bool(recorded.get(LOST + folder.name)) or not has_posts(place)


def said_lost(folder: PostFolder, found: Survey) -> str:
    """Return the message about a folder most of whose posts are missing."""
    return (
        f"{found.missing} of the {found.expected} posts of {folder.name}/ are missing, so that none counts as "
        "deleted by a person; put the folder back, or write them again with `aggregator publish --restore`"
    )
