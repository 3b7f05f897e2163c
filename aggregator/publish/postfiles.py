"""Write the posts of pending entries, and store the digests of their files.

In: the store and the configuration. Out: files in `posts/`; entries that are no longer pending.

The folder may hold files of people. A post that this program wrote is replaced even if it was edited. But if a post was
never written, a file in its place belongs to this program only if it has the bytes of the post, or the bytes that were
about to be written when a run ended: their digest is stored before the file is replaced. Any other file stays, and the
post gets another name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from aggregator.config import Config
from aggregator.config.load import UNCATEGORIZED
from aggregator.errors import RowError
from aggregator.models import Item, Rendered
from aggregator.publish import files
from aggregator.publish.assignments import another_path
from aggregator.publish.posts.names import Wanted, path_key
from aggregator.publish.posts.presets import PRESETS
from aggregator.publish.posts.render import PostOptions, render_post
from aggregator.publish.report import OutputFailure, Report, refused_row, store_each, unexpected, unreadable_row
from aggregator.store import Assignment, PostFile, Store, UnreadableRow

#: Posts that are rendered and written together: enough for one sync of the disk, few enough to bound memory.
BATCH = 500


def has_posts(folder: Path) -> bool:
    """Whether a folder holds any file, hidden files excepted."""
    return any(not name.startswith(".") for _, _, names in os.walk(folder) for name in names)


def write_posts(store: Store, config: Config, folder: Path, report: Report, progress: Callable[[int], None]) -> None:
    """Write the posts of all pending entries, batch by batch, oldest first; entries that fail stay pending.

    Raises:
        StoreError: the store failed, and not because of a row.
    """
    unreadable: dict[int, UnreadableRow] = {}

    def read(after: Item | None) -> list[Item]:
        skipped: list[UnreadableRow] = []
        found = store.pending(BATCH, after, skipped)
        unreadable.update({row.pk: row for row in skipped})
        return found

    done = 0
    items = read(None)
    while items:
        _PostBatch(store, config, folder, report).write(items)
        done += len(items)
        progress(done)
        # A batch that is not full was the last one.
        items = read(items[-1]) if len(items) == BATCH else []
    reported = {failure.what for failure in report.failures}
    report.failures += [failure for failure in map(unreadable_row, unreadable.values()) if failure.what not in reported]


def write_retired(store: Store, config: Config, folder: Path, report: Report) -> None:
    """Write the posts of sources that are no longer configured, as far as their files exist.

    A post that was deleted is not restored.
    """
    last = 0
    while items := store.retired_items(last, BATCH):
        last = items[-1].pk
        there = [item for item in items if item.path is not None and (folder / item.path).is_file()]
        _PostBatch(store, config, folder, report).write(there)


def _first_level(config: Config, slug: str) -> str | None:
    """Return the first level of the categories of a post; None for sources without a category."""
    category = config.categories.get(slug)
    if category is None:
        # The category is no longer configured; only its slug is known.
        return None if slug == UNCATEGORIZED else slug
    return None if category.implicit else category.title


class _PostBatch:
    """Posts that are rendered and written together.

    Args:
        store: where digests and other paths are kept.
        config: the configuration in force.
        folder: the folder of all posts.
        report: written files and failures are added to it.
    """

    def __init__(self, store: Store, config: Config, folder: Path, report: Report) -> None:
        self._store = store
        self._config = config
        self._folder = folder
        self._report = report
        #: The item and the digest of each post, by name.
        self._items: dict[str, Item] = {}
        self._digests: dict[str, str] = {}
        self._known: Mapping[int, PostFile] = {}

    def write(self, items: Sequence[Item]) -> None:
        """Write the posts of items, and mark the items as published whose files are complete."""
        outputs = self._render(items)
        self._known = self._store.post_files([item.pk for item in self._items.values()])
        refused: set[str] = set()
        while outputs:
            written = files.write(self._folder, outputs, first=self._first(outputs), before=self._intend)
            self._report.posts += [f"posts/{name}" for name in written.changed]
            for name, failure in written.failed.items():
                self._fail(name, failure)
            self._adopt([output.name for output in outputs if output.name in self._items], written)
            refused |= {path_key(name) for name in written.taken}
            taken = set(written.taken)
            outputs = [moved for output in outputs if output.name in taken for moved in self._move(output, refused)]
        self._publish()

    def _render(self, items: Sequence[Item]) -> list[Rendered]:
        """Render the posts of items, and remember the item and the digest of each post."""
        settings = self._config.posts
        outputs = []
        for item in items:
            # The path of this entry could not be assigned, which is already reported.
            if item.path is None:
                continue
            try:
                data = render_post(
                    item,
                    category_title=_first_level(self._config, item.origin.category),
                    preset=PRESETS[settings.preset],
                    options=PostOptions(settings.image_proxy, settings.placeholder or None),
                )
            except Exception as error:
                self._report.failures.append(unexpected(f"posts/{item.path}", error))
            else:
                outputs.append(Rendered(item.path, "text/markdown", data))
                self._add(outputs[-1], item)
        return outputs

    def _add(self, output: Rendered, item: Item) -> None:
        self._items[output.name] = item
        self._digests[output.name] = files.digest(output.data)

    def _first(self, outputs: Sequence[Rendered]) -> dict[str, str | None]:
        """Return the names that were perhaps never written, each with the digest of what may have been written."""
        known = {output.name: self._known.get(self._items[output.name].pk) for output in outputs}
        return {name: file and file.intended for name, file in known.items() if file is None or file.written is None}

    def _intend(self, staged: Sequence[files.Staged]) -> Collection[str]:
        """Store the digests of files that are about to be replaced, and return the names that may be replaced."""
        wanted = {file.name: self._file(file.name, replaces=file.replaces) for file in staged}
        self._keep(wanted)
        return self._items.keys() & wanted.keys()

    def _file(self, name: str, *, replaces: bool) -> PostFile:
        known = self._known.get(self._items[name].pk, PostFile(None, None))
        # A file that is replaced and was perhaps never written was recognized by the intended digest.
        written = known.intended if known.written is None and replaces else known.written
        return PostFile(written, self._digests[name])

    def _keep(self, wanted: Mapping[str, PostFile]) -> None:
        rows = [(name, self._items[name].pk, file) for name, file in wanted.items()]
        store_each(
            lambda some: self._store.save_post_files({pk: file for _, pk, file in some}),
            rows,
            lambda row, error: self._fail(row[0], refused_row(f"posts/{row[0]}", error)),
        )

    def _adopt(self, names: Sequence[str], written: files.Written) -> None:
        """Store the digests of files that already have the right bytes."""
        others = {*written.changed, *written.taken}
        same = [name for name in names if name not in others]
        pks = {name: self._items[name].pk for name in same}
        self._report.adopted += [f"posts/{name}" for name, pk in pks.items() if pk not in self._known]
        stale = [
            name for name, pk in pks.items() if pk not in self._known or self._known[pk].intended != self._digests[name]
        ]
        if stale:
            self._keep({name: self._file(name, replaces=True) for name in stale})

    def _move(self, output: Rendered, refused: Collection[str]) -> list[Rendered]:
        """Return the post under another name, if one can be stored; a file of somebody else has its name."""
        item = self._items.pop(output.name)
        self._report.avoided.append(f"posts/{output.name}")
        wanted = Wanted(output.name.partition("/")[0], item.entry.title, item.id, item.entry.published_at)
        try:
            path, key = another_path(self._store, wanted, refused)
            self._store.move_posts([Assignment(item.pk, item.id, path, key)])
        except RowError as error:
            self._report.failures.append(refused_row(f"posts/{output.name}", error))
            return []
        moved = replace(output, name=path)
        self._add(moved, item)
        return [moved]

    def _fail(self, name: str, failure: OutputFailure) -> None:
        self._report.failures.append(failure._replace(what=f"posts/{name}"))
        self._items.pop(name, None)

    def _publish(self) -> None:
        names = {item.pk: name for name, item in self._items.items()}
        store_each(
            self._store.mark_published,
            list(names),
            lambda pk, error: self._report.failures.append(refused_row(f"posts/{names[pk]}", error)),
        )
