"""Write the posts of pending entries, and store the digests of their files.

In: the store and the configuration. Out: files in the folders of posts; entries that are no longer pending, because
their posts are written to all folders to which they belong.

The folder may hold files of people. A file belongs to this program only if it has the bytes of the post, those that
were written last, or those that were about to be written when a run ended: their digest is stored before the file is
replaced. Any other file stays. If the post was written before, a person has edited it (`postedits`); if not, the post
gets another name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from aggregator.config import Config
from aggregator.config.configuration import UNCATEGORIZED
from aggregator.errors import RowError, TemplateError
from aggregator.models import Item, Rendered
from aggregator.publish import files
from aggregator.publish.assignments import give_paths
from aggregator.publish.names import path_key
from aggregator.publish.permissions import permitted
from aggregator.publish.postedits import Done, FolderEdits, Standing, withdraw
from aggregator.publish.postfolders import PostFolder
from aggregator.publish.report import OutputFailure, Report, refused_row, store_each, unexpected, unreadable_row
from aggregator.store import POSTS, Assignment, PostFile, Store, UnreadableRow

#: Posts that are rendered and written together: enough for one sync of the disk, few enough to bound memory.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Destination:
    """Where posts are written."""

    store: Store
    config: Config
    #: The data folder.
    data: Path
    folders: Sequence[PostFolder]
    #: What persons did in each folder, by its name.
    edits: Mapping[str, FolderEdits]
    #: Written files and failures are added to it.
    report: Report
    #: Whether entries stay pending in any case, because a folder cannot be written.
    incomplete: bool = False

    def write(self, items: Sequence[Item], *, retired: Container[tuple[str, int]] | None = None) -> None:
        """Write the posts of items to all folders, and mark the items as published whose files are complete.

        Args:
            retired: the sources of the items are no longer configured; only posts whose files exist or are restored are
                written, and those in this set of folders and row numbers.
        """
        # The path of an entry without one could not be assigned, which is already reported.
        items = [item for item in items if item.path is not None]
        names = {item.pk: f"{POSTS}/{item.path}" for item in items}
        written: set[int] = set()
        failed: set[int] = set()
        for folder in self.folders:
            complete, incomplete = _PostBatch(self, folder).write(items, retired)
            written |= complete
            failed |= incomplete
        if not self.incomplete:
            store_each(
                self.store.mark_published,
                # An entry that belongs to no folder is published, too.
                sorted((written if retired is not None else names.keys()) - failed),
                lambda pk, error: self.report.failures.append(refused_row(names[pk], error)),
            )


def write_posts(to: Destination, progress: Callable[[int], None]) -> None:
    """Write the posts of all pending entries, batch by batch, oldest first; entries that fail stay pending.

    Raises:
        StoreError: the store failed, and not because of a row.
    """
    unreadable: dict[int, UnreadableRow] = {}

    def read(after: Item | None) -> list[Item]:
        skipped: list[UnreadableRow] = []
        found = to.store.pending(BATCH, after, skipped)
        unreadable.update({row.pk: row for row in skipped})
        return found

    done = 0
    items = read(None)
    while items:
        to.write(items)
        done += len(items)
        progress(done)
        # A batch that is not full was the last one.
        items = read(items[-1]) if len(items) == BATCH else []
    report = to.report
    reported = {failure.what for failure in report.failures}
    report.failures += [failure for failure in map(unreadable_row, unreadable.values()) if failure.what not in reported]


def write_retired(to: Destination, moved: Container[tuple[str, int]]) -> None:
    """Write the posts of sources that are no longer configured, as far as their files exist.

    A post that was deleted is not restored.

    Args:
        moved: folders and row numbers of posts that were deleted because they have other paths now.
    """
    last = 0
    while items := to.store.retired_items(last, BATCH):
        last = items[-1].pk
        to.write(items, retired=moved)


def withdraw_posts(to: Destination) -> None:
    """Delete the posts of entries that are not published any more.

    A post that a person has edited stays, and is the post again if its entry comes back.

    Raises:
        StoreError: the store failed, and not because of a row.
    """
    store, report = to.store, to.report
    stuck: set[tuple[str, int]] = set()
    while found := [one for one in store.withheld_posts(BATCH + len(stuck)) if (one.folder, one.pk) not in stuck]:
        for folder in sorted({one.folder for one in found}):
            pks = {one.pk for one in found if one.folder == folder}
            result = withdraw(
                store, to.data, folder, pks, removed=report.removed, kept=report.kept, failures=report.failures
            )
            store.forget_posts(folder, pks - result.stuck)
            stuck |= {(folder, pk) for pk in result.stuck}


def _first_level(config: Config, slug: str) -> str | None:
    """Return the first level of the categories of a post; None for sources without a category."""
    category = config.categories.get(slug)
    if category is None:
        # The category is no longer configured; only its slug is known.
        return None if slug == UNCATEGORIZED else slug
    return None if category.implicit else category.title


class _PostBatch:
    """Posts that are rendered and written to one folder together."""

    def __init__(self, to: Destination, folder: PostFolder) -> None:
        self._store = to.store
        self._config = to.config
        self._folder = folder
        self._data = to.data
        self._place = to.data / folder.name
        self._report = to.report
        self._edits = to.edits[folder.name]
        #: The item and the digest of each post, by name.
        self._items: dict[str, Item] = {}
        self._digests: dict[str, str] = {}
        self._known: Mapping[int, PostFile] = {}
        #: Where each post stands, by row number.
        self._standings: dict[int, Standing] = {}

    def write(self, items: Sequence[Item], retired: Container[tuple[str, int]] | None) -> tuple[set[int], set[int]]:
        """Write the posts of items; return the row numbers of those that are written, and of those that failed."""
        wanted = [item for item in items if self._folder.has(item)]
        left: set[int] = set()
        if retired is None and len(wanted) < len(items):
            left = self._remove([item for item in items if not self._folder.has(item)])
        placed = self._placed(wanted, assign=retired is None)
        known = self._store.post_files([item.pk for item in placed], self._folder.name)
        self._standings = self._edits.look(placed, known)
        self._known = {**known, **{pk: one.file for pk, one in self._standings.items() if one.file.intended}}
        stay = {item.pk for item in placed} - self._standings.keys()
        # Those that a person has moved come first: the name of such a file is never given to another post.
        placed = [item for item in placed if item.pk in self._standings]
        placed.sort(key=lambda item: self._standings[item.pk].name == item.path)
        if retired is not None:
            placed = [item for item in placed if self._is_kept(item, retired)]
            wanted, stay = placed, set()
        outputs = self._render(placed)
        refused: set[str] = set()
        done: list[Done] = []
        while outputs:
            written = files.write(self._place, outputs, ours=self._ours(outputs), before=self._intend)
            self._report.posts += [self._named(name) for name in written.changed]
            for name, failure in written.failed.items():
                self._fail(name, failure)
            self._adopt([output.name for output in outputs if output.name in self._items], written)
            taken = set(written.taken)
            edited = {name for name in taken if self._standing(name).was_written}
            done += self._done(outputs, edited)
            refused |= {path_key(name) for name in taken - edited}
            others = [output.name for output in outputs if output.name in taken - edited]
            outputs = [moved for name in others for moved in self._move(self._items.pop(name), refused)]
        self._write_sections()
        failed = self._edits.settle(done)
        complete = {item.pk for item in self._items.values()} - failed | stay
        return complete, ({item.pk for item in wanted} - complete) | left

    def _is_kept(self, item: Item, retired: Container[tuple[str, int]]) -> bool:
        """Whether the post of a source that is no longer configured is written."""
        standing = self._standings[item.pk]
        there = standing.restored or (self._place / standing.name).is_file()
        return there or (self._folder.name, item.pk) in retired

    def _standing(self, name: str) -> Standing:
        return self._standings[self._items[name].pk]

    def _done(self, outputs: Sequence[Rendered], edited: Set[str]) -> list[Done]:
        """Return the posts of which there is, or was, something to record besides their digests."""
        done = []
        for output in outputs:
            item = self._items.get(output.name)
            standing = None if item is None else self._standings[item.pk]
            if item is None or standing is None:
                continue
            if standing.edit is not None or standing.name != item.path or output.name in edited:
                done.append(Done(item, standing, output, output.name in edited))
        return done

    def _named(self, name: str) -> str:
        return f"{self._folder.name}/{name}"

    def _placed(self, items: Sequence[Item], *, assign: bool) -> Sequence[Item]:
        """Return the items with their paths in this folder; those without one get it, if `assign`."""
        name = self._folder.name
        if name == POSTS:
            return items
        paths = self._store.post_paths(name, [item.pk for item in items])
        new = [item for item in items if item.pk not in paths] if assign else []
        if new:
            given = give_paths(self._store, [self._folder.wanted(item) for item in new], name, self._folder.preset)
            rows = [Assignment(item.pk, item.id, *path) for item, path in zip(new, given, strict=True)]
            refused: set[int] = set()

            def fail(row: Assignment, error: RowError) -> None:
                refused.add(row.pk)
                self._report.failures.append(refused_row(self._named(row.path), error))

            store_each(lambda some: self._store.add_posts(name, some), rows, fail)
            paths.update({row.pk: row.path for row in rows if row.pk not in refused})
        return [replace(item, path=paths[item.pk]) for item in items if item.pk in paths]

    def _remove(self, items: Sequence[Item]) -> set[int]:
        """Delete the posts of items that do not belong to this folder any more, as far as they were written.

        Returns:
            The row numbers of those that are still there.
        """
        name, report = self._folder.name, self._report
        pks = [item.pk for item in items]
        result = withdraw(
            self._store, self._data, name, pks, removed=report.removed, kept=report.kept, failures=report.failures
        )
        self._store.forget_posts(name, result.gone)
        return result.stuck

    def _write_sections(self) -> None:
        """Write the file that each folder of posts needs, unless somebody has another one there."""
        section = self._folder.preset.section
        if section is None:
            return
        from aggregator.publish.posts.frontmatter import is_section_file, section_file

        above = {str(parent) for name in self._items for parent in PurePosixPath(name).parents} - {"."}
        outputs = []
        for path in sorted(above):
            slug = path.rpartition("/")[2]
            title = _first_level(self._config, slug) if slug in self._config.categories else None
            place = self._place / path / section
            try:
                free = is_section_file(place.read_text(encoding="utf-8"))
            except FileNotFoundError:
                # A link may lead to nothing.
                free = not place.is_symlink()
            except (OSError, UnicodeDecodeError):
                free = False
            if free:
                data = section_file(title or slug, nested="/" in path).encode()
                outputs.append(Rendered(f"{path}/{section}", "text/markdown", data))
        written = files.write(self._place, outputs)
        self._report.posts += [self._named(name) for name in written.changed]
        for name, failure in written.failed.items():
            self._report.failures.append(failure._replace(what=self._named(name)))

    def _render(self, items: Sequence[Item]) -> list[Rendered]:
        """Render the posts of items, and remember the item and the digest of each post."""
        # A run without new entries renders no post, and this takes long to import.
        from aggregator.publish.posts.render import render_post

        outputs = []
        for item in items:
            try:
                data = render_post(
                    permitted(item, linked=True),
                    category_title=_first_level(self._config, item.origin.category),
                    preset=self._folder.preset,
                    options=self._folder.options,
                )
            except TemplateError as error:
                advice = f"mend the template of the preset {self._folder.preset_name}"
                self._report.failures.append(OutputFailure(self._named(item.path or ""), str(error), advice))
            except Exception as error:
                self._report.failures.append(unexpected(self._named(item.path or ""), error))
            else:
                name = self._standings[item.pk].name
                if name in self._items:
                    # A person has moved a post to this name, and none was written there.
                    outputs += self._move(item, {path_key(name)})
                    continue
                outputs.append(Rendered(name, "text/markdown", data))
                self._add(outputs[-1], item)
        return outputs

    def _add(self, output: Rendered, item: Item) -> None:
        self._items[output.name] = item
        self._digests[output.name] = files.digest(output.data)

    def _ours(self, outputs: Sequence[Rendered]) -> dict[str, Collection[str]]:
        """Return the names at which files of others may stand, each with the digests of our bytes."""
        ours = {output.name: self._standing(output.name).ours for output in outputs}
        return {name: digests for name, digests in ours.items() if digests is not None}

    def _intend(self, staged: Sequence[files.Staged]) -> Collection[str]:
        """Store the digests of files that are about to be replaced, and return the names that may be replaced."""
        wanted = {file.name: self._file(file.name, replaces=file.replaces) for file in staged}
        self._keep(wanted)
        return self._items.keys() & wanted.keys()

    def _file(self, name: str, *, replaces: bool) -> PostFile:
        known = self._known.get(self._items[name].pk, PostFile(None, None))
        # A file that is replaced and was perhaps never written was recognized by the intended digest.
        recognized = replaces and self._standing(name).ours is not None
        written = known.intended if known.written is None and recognized else known.written
        return PostFile(written, self._digests[name])

    def _keep(self, wanted: Mapping[str, PostFile]) -> None:
        rows = [(name, self._items[name].pk, file) for name, file in wanted.items()]
        store_each(
            lambda some: self._store.save_post_files({pk: file for _, pk, file in some}, self._folder.name),
            rows,
            lambda row, error: self._fail(row[0], refused_row(row[0], error)),
        )

    def _adopt(self, names: Sequence[str], written: files.Written) -> None:
        """Store the digests of files that already have the right bytes."""
        others = {*written.changed, *written.taken}
        same = [name for name in names if name not in others]
        pks = {name: self._items[name].pk for name in same}
        self._report.adopted += [self._named(name) for name, pk in pks.items() if pk not in self._known]
        stale = [
            name for name, pk in pks.items() if pk not in self._known or self._known[pk].intended != self._digests[name]
        ]
        if stale:
            self._keep({name: self._file(name, replaces=True) for name in stale})

    def _move(self, item: Item, refused: Collection[str]) -> list[Rendered]:
        """Return the post under another name, if one can be stored; a file of somebody else has its name."""
        name, old = self._folder.name, self._named(item.path or "")
        self._report.avoided.append(old)
        wanted = self._folder.wanted(item)
        try:
            ((path, key),) = give_paths(self._store, [wanted], name, self._folder.preset, refused)
            self._store.move_posts([Assignment(item.pk, item.id, path, key)], name)
        except RowError as error:
            self._report.failures.append(refused_row(old, error))
            return []
        self._standings[item.pk] = self._standings[item.pk]._replace(name=path)
        # Its slug may follow its path.
        return self._render([replace(item, path=path)])

    def _fail(self, name: str, failure: OutputFailure) -> None:
        self._report.failures.append(failure._replace(what=self._named(name)))
        self._items.pop(name, None)
