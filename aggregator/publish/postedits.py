"""What a person did with the files of posts, and what follows from it: no work of a person is ever lost.

In: the store, a folder of posts, and the files in it. Out: where the file of each post stands, and which bytes there
are ours; records in the store; what is to be reported. A file is ours if it has the bytes that were written last, that
were about to be written, or that were put beside it. Any other file of a post that was written was edited: it stays,
and the new version goes beside it, under a name that no site generator builds, unless `on_edit` says otherwise. A post
whose file is gone was deleted, and stays so, unless the folder has a file with its id, which is followed from then on.

Only the files of posts that are about to be written or removed are looked at. If one of them is missing, all names in
the folder are compared with those that were written there. Where more than half of them are missing, nothing counts as
deleted: the posts wait for the folder to come back, or for a person who asks for them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from posixpath import splitext
from typing import TYPE_CHECKING, NamedTuple

from aggregator.models import Item, Rendered
from aggregator.publish import files
from aggregator.publish.posts.presets import UPSTREAM_FORMS
from aggregator.publish.postsurvey import LOST, Survey, is_suspect, said_lost, survey
from aggregator.publish.report import OutputFailure, Report, refused_row, store_each
from aggregator.store import PostEdit, PostFile, Store

if TYPE_CHECKING:
    from aggregator.errors import RowError
    from aggregator.publish.postfolders import PostFolder

_NEW = PostFile(None, None)
_EDITED, _MOVED, _DELETED, _MISSING = "edited", "moved", "deleted", "missing"


class Standing(NamedTuple):
    """Where the file of a post stands."""

    #: Below the folder: its own path, or where a person has moved it.
    name: str
    #: The digests of our bytes; None: the file is ours, whatever is in it.
    ours: frozenset[str] | None
    file: PostFile
    edit: PostEdit | None
    #: Whether the file was written before, so that a file with other bytes was edited.
    was_written: bool
    #: Whether it is missing, and is to be written nevertheless.
    restored: bool = False


class Done(NamedTuple):
    """A post that was rendered, and what became of its file."""

    item: Item
    standing: Standing
    output: Rendered
    #: Whether its file was edited, and was left as it is.
    edited: bool


def upstream_name(name: str, form: str) -> str:
    """Return the name of the file with the new version of a post, beside the post."""
    folder, slash, base = name.rpartition("/")
    stem, suffix = splitext(base)
    return folder + slash + form.format(stem=stem, suffix=suffix)


# -- removing ----------------------------------------------------------------------------------------------------------


class Withdrawn(NamedTuple):
    """What became of the files of posts that are no longer wanted."""

    #: Row numbers of posts whose files are gone, or are no files of ours.
    gone: set[int]
    #: Of those whose files could not be deleted.
    stuck: set[int]
    #: Of those that a person has edited: their files stay.
    kept: set[int]


def withdraw(
    store: Store,
    data: Path,
    folder: str,
    pks: Collection[int],
    *,
    removed: list[str],
    kept: list[str],
    failures: list[OutputFailure],
) -> Withdrawn:
    """Delete the files of posts that were written to a folder, except those that a person has edited.

    Args:
        data: the data folder.
        removed, kept, failures: get the names of files that were deleted, of those that stay, and the failures.
    """
    known = store.post_files(pks, folder)
    edits = store.edits.find(folder, list(known)) if known else {}
    result = Withdrawn(set(), set(), set())
    place = data / folder
    for pk, path in (store.post_paths(folder, list(known)) if known else {}).items():
        file, edit = known[pk], edits.get(pk)
        name = edit.path if edit is not None and edit.path else path
        if not files.withdraw(place, name, folder, removed, failures, only=_ours(file, edit)):
            result.stuck.add(pk)
        elif (file.written or edit is not None) and files.is_safe(name) and os.path.lexists(place / name):
            result.kept.add(pk)
            kept.append(f"{folder}/{name}")
            # The digests may be forgotten, but it is the post, if its entry comes back.
            store.edits.save(folder, {pk: PostEdit(_EDITED, None if edit is None else edit.path)})
        else:
            result.gone.add(pk)
            if edit is not None and edit.edit != _DELETED:
                # Should its entry come back, its file is missing because it was deleted here.
                store.edits.forget(folder, [pk])
        if edit is not None and pk not in result.stuck:
            _withdraw_upstream(place, folder, name, edit, removed, failures)
    return result


def _withdraw_upstream(
    place: Path, folder: str, name: str, edit: PostEdit, removed: list[str], failures: list[OutputFailure]
) -> None:
    """Delete the new version beside a post, if there is one."""
    for form in UPSTREAM_FORMS if edit.upstream else ():
        files.withdraw(place, upstream_name(name, form), folder, removed, failures, only=edit.upstream)


def _ours(file: PostFile, edit: PostEdit | None) -> frozenset[str] | None:
    """Return the digests of bytes of ours; None where they were not kept, and the file was always replaced."""
    if edit is None and file.written == "":
        return None
    known = (file.written, file.intended, *(() if edit is None else edit.upstream))
    return frozenset(digest for digest in known if digest)


# -- what a publication does -------------------------------------------------------------------------------------------


class FolderEdits:
    """What a person did in one folder of posts, during one publication.

    Args:
        data: the data folder.
        report: what is noticed is added to it.
        restore: write posts whose files are missing, whatever made them so.
        overwrite: replace files that were edited.
    """

    def __init__(
        self,
        store: Store,
        folder: PostFolder,
        data: Path,
        report: Report,
        *,
        restore: bool = False,
        overwrite: bool = False,
    ) -> None:
        self._store = store
        self._folder = folder
        self._data = data
        self._place = data / folder.name
        self._report = report
        self._restore = restore or overwrite
        self._overwrite = overwrite
        self._surveyed: Survey | None = None
        #: What was reported, because a change of the preset looks at posts, and so does writing them.
        self._told: set[tuple[str, int]] = set()

    def check(self, recorded: Mapping[str, str]) -> None:
        """Report that most of the files are missing; if they are back, make pending what waited for them.

        Args:
            recorded: the fingerprints of the store.
        """
        name = LOST + self._folder.name
        if self._restore or not is_suspect(recorded, self._folder, self._place):
            return
        if self._survey().is_lost:
            self._tell_lost()
        elif recorded.get(name):
            self._write_again(self._survey().later)
            self._store.edits.return_missing(self._folder.name)
            self._store.record_fingerprints({name: ""})

    def _write_again(self, pks: Sequence[int]) -> None:
        """Make posts pending as if they had never been written: where they were written is not what is back now."""
        known = self._store.post_files(pks, self._folder.name)
        self._save({pk: PostEdit(_MISSING) for pk in known})
        self._store.save_post_files({pk: _unwritten(file) for pk, file in known.items()}, self._folder.name)

    def restore_if_lost(self) -> None:
        """Write the missing posts of this folder, if most of them are missing: it gets another preset."""
        self._restore = self._restore or self._survey().is_lost

    def look(self, items: Sequence[Item], known: Mapping[int, PostFile]) -> dict[int, Standing]:
        """Return where the files of posts stand, by row number, and record what was deleted.

        Args:
            items: with their paths in this folder.
            known: their digests.

        Returns:
            The posts that can be written. Those that are left out stay deleted, or wait for their folder.
        """
        recorded = self._store.edits.find(self._folder.name, [item.pk for item in items])
        standings: dict[int, Standing] = {}
        missing: list[tuple[Item, Standing]] = []
        for item in items:
            file, edit = known.get(item.pk), recorded.get(item.pk)
            path = item.path or ""
            if file is None and edit is None:
                standings[item.pk] = Standing(path, frozenset(), _NEW, None, was_written=False)
                continue
            standing = self._standing(path, file or _NEW, edit)
            if standing.was_written and not self._exists(standing.name):
                missing.append((item, standing))
            else:
                standings[item.pk] = standing
        if missing:
            self._look_for(missing, standings)
        again = {pk: one.file for pk, one in standings.items() if one.restored or one.file != known.get(pk, _NEW)}
        if again:
            self._store.edits.forget(self._folder.name, again)
            self._store.save_post_files(again, self._folder.name)
        return standings

    def leave(self, item: Item, standing: Standing) -> bool:
        """Delete the file of a post that gets another path, if it is ours and where we put it.

        Returns:
            Whether the post can have another path; one that a person has edited or moved keeps its own.
        """
        name, report = standing.name, self._report
        if name != item.path:
            return False
        if not files.withdraw(
            self._place, name, self._folder.name, report.removed, report.failures, only=standing.ours
        ) or (standing.was_written and self._exists(name)):
            return False
        if standing.edit is not None:
            self._withdraw_upstream(name, standing.edit)
            self._store.edits.forget(self._folder.name, [item.pk])
        return True

    def settle(self, done: Sequence[Done]) -> set[int]:
        """Put new versions beside files that were edited, and record what is known of all files.

        Returns:
            The row numbers of posts whose new version could not be written.
        """
        beside, failed = self._put_beside([one for one in done if one.edited])
        news: dict[int, PostEdit] = {}
        ended: list[int] = []
        for item, standing, _, edited in done:
            if item.pk in failed:
                continue
            edit = standing.edit
            moved = standing.name if standing.name != item.path else None
            upstream = beside.get(item.pk, ())
            if edit is not None and edit.upstream:
                before = edit.path or item.path or ""
                if not upstream or before != standing.name:
                    self._withdraw_upstream(before, edit)
            now = PostEdit(_EDITED if edited else _MOVED, moved, upstream) if edited or moved else None
            if now is None and edit is not None:
                ended.append(item.pk)
            elif now is not None and now != edit:
                news[item.pk] = now
        self._save(news)
        if ended:
            self._store.edits.forget(self._folder.name, ended)
        return failed

    def _standing(self, path: str, file: PostFile, edit: PostEdit | None) -> Standing:
        """Return where a post stands that was written, or was about to be written."""
        was_written = edit is not None or bool(file.written)
        ours = _ours(file, edit)
        if self._overwrite and (file.written or (edit is not None and edit.edit == _EDITED)):
            ours = None
        name = edit.path if edit is not None and edit.path and self._exists(edit.path) else path
        if self._is_blocked(name):
            # As if it had never been written: the next run writes it, if nothing is in the way then.
            return Standing(name, None, _unwritten(file), None, was_written=False)
        return Standing(name, ours, file, edit, was_written)

    def _exists(self, name: str) -> bool:
        return os.path.lexists(f"{self._place}{os.sep}{name}")

    def _is_blocked(self, name: str) -> bool:
        """Whether nothing can be written here, which is a failure and no edit: a folder, or a link to the outside."""
        try:
            mode = os.lstat(f"{self._place}{os.sep}{name}").st_mode
        except (OSError, ValueError):
            return False
        if stat.S_ISLNK(mode):
            return not files.is_inside(self._place / name, self._place)
        return stat.S_ISDIR(mode)

    def _survey(self) -> Survey:
        if self._surveyed is None:
            self._surveyed = survey(self._store, self._folder, self._place)
        return self._surveyed

    def _look_for(self, missing: Sequence[tuple[Item, Standing]], standings: dict[int, Standing]) -> None:
        """Decide on posts that were written and are not where they should be."""
        # What is known to be deleted asks for no survey.
        new = any(one.edit is None or one.edit.edit != _DELETED for _, one in missing)
        survey = self._survey() if new or self._restore else Survey(0, 0, {})
        news: dict[int, PostEdit] = {}
        for item, standing in missing:
            edit = standing.edit
            if place := survey.places.get(item.id):
                self._tell(_MOVED, item, f"{standing.name} -> {place}")
                standings[item.pk] = standing._replace(name=place)
            elif self._restore:
                # As if it had never been written: whatever ends this run, the next one writes it.
                standings[item.pk] = standing._replace(file=_unwritten(standing.file), restored=True)
            elif survey.is_lost and (edit is None or edit.edit != _DELETED):
                self._tell_lost()
                news[item.pk] = PostEdit(_MISSING)
            else:
                self._tell(_DELETED, item, standing.name)
                news[item.pk] = PostEdit(_DELETED)
                if edit is not None:
                    self._withdraw_upstream(edit.path or standing.name, edit)
        self._save({item.pk: news[item.pk] for item, one in missing if item.pk in news and news[item.pk] != one.edit})

    def _put_beside(self, done: Sequence[Done]) -> tuple[dict[int, tuple[str, ...]], set[int]]:
        """Write the new versions of posts that were edited; return the digests of what is beside them, and failures."""
        result: dict[int, tuple[str, ...]] = {}
        wanted: dict[str, tuple[Done, tuple[str, ...], str]] = {}
        for one in done:
            item, standing, output, _ = one
            self._tell(_EDITED, item, standing.name)
            digest = files.digest(output.data)
            before = () if standing.edit is None else standing.edit.upstream
            if not self._folder.writes_beside or digest == standing.file.written:
                result[item.pk] = ()
            elif before == (digest,):
                # A person who has removed it has seen it.
                result[item.pk] = before
            else:
                name = upstream_name(standing.name, self._folder.preset.upstream)
                wanted[name] = (one, before, digest)
        if not wanted:
            return result, set()
        # Before the files are written: whatever ends this run, they are recognized.
        self._save(
            {
                # Several digests, or none and one, say that the file is perhaps not written.
                one.item.pk: PostEdit(_EDITED, _moved(one), (*(before or ("",)), digest))
                for one, before, digest in wanted.values()
                if before[-1:] != (digest,)
            }
        )
        written = files.write(
            self._place,
            [Rendered(name, "text/markdown", one.output.data) for name, (one, _, _) in wanted.items()],
            ours={name: (*before, digest) for name, (_, before, digest) in wanted.items()},
        )
        self._report.beside += [f"{self._folder.name}/{name}" for name in written.changed]
        failed = set()
        for name, (one, before, digest) in wanted.items():
            # What stands at the name may be a file of a person, too.
            result[one.item.pk] = before if name in written.taken else (digest,)
            if failure := written.failed.get(name):
                self._report.failures.append(failure._replace(what=f"{self._folder.name}/{name}"))
                failed.add(one.item.pk)
        return result, failed

    def _withdraw_upstream(self, name: str, edit: PostEdit) -> None:
        _withdraw_upstream(self._place, self._folder.name, name, edit, self._report.removed, self._report.failures)

    def _tell_lost(self) -> None:
        text = said_lost(self._folder, self._survey())
        if text not in self._report.lost:
            self._report.lost.append(text)
            self._store.record_fingerprints({LOST + self._folder.name: str(self._survey().last)})

    def _tell(self, edit: str, item: Item, name: str) -> None:
        if (edit, item.pk) not in self._told:
            self._told.add((edit, item.pk))
            report = {_EDITED: self._report.edited, _DELETED: self._report.deleted, _MOVED: self._report.moved}
            report[edit].append(f"{self._folder.name}/{name}")

    def _save(self, news: Mapping[int, PostEdit]) -> None:
        def fail(row: tuple[int, PostEdit], error: RowError) -> None:
            self._report.failures.append(
                refused_row(f"what was done with post {row[0]} of {self._folder.name}/", error)
            )

        store_each(lambda some: self._store.edits.save(self._folder.name, dict(some)), list(news.items()), fail)


def folder_edits(
    store: Store, folders: Sequence[PostFolder], data: Path, report: Report, *, restore: bool, overwrite: bool
) -> dict[str, FolderEdits]:
    """Return what persons did in each folder, by its name; see `FolderEdits`."""
    return {one.name: FolderEdits(store, one, data, report, restore=restore, overwrite=overwrite) for one in folders}


def _unwritten(file: PostFile) -> PostFile:
    return PostFile(None, file.written or file.intended)


def _moved(one: Done) -> str | None:
    return one.standing.name if one.standing.name != one.item.path else None
