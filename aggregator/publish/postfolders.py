"""The folders of posts that the configuration names, and what happens if one of them gets another preset.

In: the configuration, the store. Out: `PostFolder`s; paths in the form of another preset, if that was asked for. A post
keeps its path for ever, except if its folder gets another preset: then each post whose path does not fit the preset
gets a new one, and its old file is deleted. Without being asked for, this happens only while nothing was written.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from aggregator.config import Config
from aggregator.config.posts import OwnPreset, PostSettings
from aggregator.errors import RowError
from aggregator.models import Item
from aggregator.publish import files
from aggregator.publish.assignments import BATCH, give_paths
from aggregator.publish.names import Wanted, fits
from aggregator.publish.postedits import FolderEdits
from aggregator.publish.posts.presets import HEXO, PRESETS, PostOptions, Preset
from aggregator.publish.postsurvey import lost_note
from aggregator.publish.report import OutputFailure, Report, refused_row
from aggregator.store import POSTS, Assignment, Store

#: Beginning of the names of the fingerprints that say which preset a folder has.
_RECORD = "preset/"
#: Beginning of the names of the records of posts whose old files are perhaps deleted, and which only we can restore.
_MOVED = "moved/"
#: The preset of `POSTS` where none is recorded: there was no other one.
_FIRST = "hexo"


@dataclass(frozen=True, slots=True, eq=False)
class PostFolder:
    """One folder of posts."""

    #: Below the data folder, with ``/``.
    name: str
    #: How feeds.yaml names the preset.
    preset_name: str
    preset: Preset
    options: PostOptions
    #: Slugs of the categories whose entries become posts; None: of all.
    categories: frozenset[str] | None
    #: Whether the new version of a post that a person has edited goes beside it.
    writes_beside: bool

    def has(self, item: Item) -> bool:
        """Whether an item becomes a post here."""
        return self.categories is None or item.origin.category in self.categories

    def wanted(self, item: Item) -> Wanted:
        """Return what the path of an item is made from."""
        return Wanted(item.origin.category, item.entry.title, item.id, item.entry.published_at)


def post_folders(config: Config) -> list[PostFolder]:
    """Return the folders of posts, in the order of the configuration."""
    return [_folder(one, config.presets.get(one.preset)) for one in config.posts]


# Presets are compared by identity, as keys of caches.
@lru_cache(maxsize=64)
def _folder(settings: PostSettings, own: OwnPreset | None) -> PostFolder:
    if own is None:
        preset = PRESETS[settings.preset]
    else:
        # Imported when it is used: few installations have presets of their own.
        from aggregator.publish.posts.own import as_preset

        preset = as_preset(own)
    if settings.path is not None:
        preset = replace(preset, path=settings.path)
    return PostFolder(
        name=settings.folder,
        preset_name=settings.preset,
        preset=preset,
        options=PostOptions(settings.image_proxy, settings.picture, settings.footer),
        categories=None if settings.categories is None else frozenset(settings.categories),
        writes_beside=settings.on_edit == "beside",
    )


def main_preset(folders: Sequence[PostFolder]) -> Preset:
    """Return the preset by which paths in `POSTS` are made, which every entry gets."""
    return next((folder.preset for folder in folders if folder.name == POSTS), HEXO)


def settle_presets(
    store: Store,
    recorded: Mapping[str, str],
    folders: Sequence[PostFolder],
    config: Config,
    data: Path,
    report: Report,
    edits: Mapping[str, FolderEdits],
    *,
    change: bool,
) -> tuple[list[PostFolder], set[tuple[str, int]]]:
    """Bring the paths of folders to their presets.

    Args:
        recorded: the fingerprints of the store.
        config: its sources write their posts again; those of other sources are remembered until they are written.
        edits: what persons did in each folder, by name; the posts that they edited or moved keep their paths.
        change: whether folders that hold posts may get another preset. If not, such a folder is left out, and the
            report says what to do. If so, paths that do not fit the preset are replaced in all folders: one's own
            preset may have another suffix now.

    Returns:
        The folders that can be written; and the folder and row number of each post of a source that is no longer
        configured whose file was deleted, in this run or in one that did not come to its end, because it has another
        path now. `forget_moved` ends that.
    """
    configured = {source.id for source in config.sources}
    ready: list[PostFolder] = []
    moved = {(folder.name, pk) for folder in folders for pk in _pks(recorded.get(_MOVED + folder.name))}
    for folder in folders:
        before = _before(folder, recorded.get(_RECORD + folder.name))
        other = before != folder.preset_name
        if other or change:
            written = store.any_post_written(folder.name)
            if written and not change:
                report.failures.append(_refused(folder, before))
                continue
            if written and other:
                edits[folder.name].restore_if_lost()
            sections = _sections(store, folder, before)
            _change(store, folder, configured, data / folder.name, report, moved, edits[folder.name])
            _delete_sections(data / folder.name, folder.name, sections, report)
            if written and other:
                report.notes.append(f"{folder.name}/ has the preset {folder.preset_name} now; it was {before}")
        if recorded.get(_RECORD + folder.name) != folder.preset_name:
            store.record_fingerprints({_RECORD + folder.name: folder.preset_name})
        ready.append(folder)
    return ready, moved


def folder_notes(store: Store, config: Config, data: Path) -> list[str]:
    """Return messages about folders to which nothing would be written, or whose posts are missing."""
    recorded = store.fingerprints()
    notes = []
    for folder in post_folders(config):
        before = _before(folder, recorded.get(_RECORD + folder.name))
        if before != folder.preset_name and store.any_post_written(folder.name):
            notes.append(str(_refused(folder, before)))
        elif note := lost_note(store, folder, data, recorded):
            notes.append(note)
    return notes


def _pks(record: str | None) -> list[int]:
    """Return the row numbers in a record; a damaged one has none."""
    return [int(pk) for pk in (record or "").split() if pk.isdecimal()]


def forget_moved(store: Store, moved: Iterable[tuple[str, int]]) -> None:
    """Record that these posts are written."""
    store.record_fingerprints({_MOVED + folder: "" for folder in {folder for folder, _ in moved}})


def _remember(store: Store, folder: str, pks: Iterable[int], moved: set[tuple[str, int]]) -> None:
    """Record posts before their files are deleted: nothing else says later that they are to be written."""
    moved.update((folder, pk) for pk in pks)
    store.record_fingerprints({_MOVED + folder: " ".join(str(pk) for name, pk in sorted(moved) if name == folder)})


def _before(folder: PostFolder, recorded: str | None) -> str:
    """Return the preset by which the paths of a folder were made."""
    if recorded is None:
        return _FIRST if folder.name == POSTS else folder.preset_name
    # A damaged record says nothing.
    return recorded if recorded in PRESETS or "/" in recorded or recorded.startswith(".") else folder.preset_name


def _refused(folder: PostFolder, before: str) -> OutputFailure:
    return OutputFailure(
        f"{folder.name}/",
        f"its posts have the form of the preset `{before}`, and feeds.yaml names `{folder.preset_name}`; nothing was "
        "written there",
        "run `aggregator publish --change-preset`, which writes all of them again and deletes the files whose names do "
        "not fit, or give the new preset another `folder`",
    )


def _change(
    store: Store,
    folder: PostFolder,
    configured: Container[str],
    place: Path,
    report: Report,
    moved: set[tuple[str, int]],
    edits: FolderEdits,
) -> None:
    """Give new paths to all posts of a folder that do not fit its preset, except to those whose files have to stay."""
    last = 0
    while items := store.posts_in(folder.name, last, BATCH):
        last = items[-1].pk
        misplaced = [item for item in items if item.path and not fits(item.path, folder.preset)]
        known = store.post_files([item.pk for item in misplaced], folder.name)
        ended = [item for item in misplaced if item.pk in known and item.origin.id not in configured]
        if there := [item.pk for item in ended if (place / (item.path or "")).is_file()]:
            _remember(store, folder.name, there, moved)
        standings = edits.look(misplaced, known)
        free = [
            item
            for item in misplaced
            if item.pk not in known or (standing := standings.get(item.pk)) is None or edits.leave(item, standing)
        ]
        try:
            given = give_paths(store, [folder.wanted(item) for item in free], folder.name, folder.preset)
            store.replace_posts(
                folder.name, [Assignment(item.pk, item.id, *path) for item, path in zip(free, given, strict=True)]
            )
        except RowError as error:
            report.failures.append(refused_row(f"the paths of {folder.name}/", error))


def _sections(store: Store, folder: PostFolder, before: str) -> list[str]:
    """Return where the files are that another preset needs in each folder of posts, and the new one does not."""
    section = PRESETS[before].section if before in PRESETS else None
    if section is None or section == folder.preset.section:
        return []
    last = 0
    above: set[str] = set()
    while items := store.posts_in(folder.name, last, BATCH):
        last = items[-1].pk
        above.update(str(parent) for item in items for parent in PurePosixPath(item.path or "").parents)
    return [f"{parent}/{section}" for parent in sorted(above - {"."})]


def _delete_sections(place: Path, folder: str, sections: Iterable[str], report: Report) -> None:
    """Delete such files, unless somebody edited them."""
    # Imported when it is used: a folder seldom changes its preset.
    from aggregator.publish.posts.frontmatter import is_section_file

    for name in sections:
        try:
            data = (place / name).read_bytes()
            if is_section_file(data.decode()):
                files.withdraw(place, name, folder, report.removed, report.failures, only=[files.digest(data)])
        except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
            continue
        except OSError as error:
            report.failures.append(OutputFailure(f"{folder}/{name}", str(error), "delete it"))
