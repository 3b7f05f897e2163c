"""The paths of posts and the digests of their files, by folder: a part of the store on SQLite.

The folder `POSTS` has them in the rows of entries and in `post_files`, as before there were others; all other folders
have them in `folder_posts`. Ids are shared by all folders.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, insert, literal_column, null, select, update

from aggregator.models import Item
from aggregator.store import listing, statements
from aggregator.store.database import Database
from aggregator.store.prepared import Prepared, PreparedByLength
from aggregator.store.protocol import POSTS, Assignment, PostFile
from aggregator.store.rows import ITEM_COLUMNS, ITEM_TABLES, items
from aggregator.store.schema import entries, folder_posts

_rows = folder_posts.c
_of_folder = _rows.folder == bindparam("of_folder")

_TAKEN = PreparedByLength(lambda keys: select(_rows.path_key).where(_of_folder, _rows.path_key.in_(keys)), "of_folder")
_ADD = Prepared(insert(folder_posts), "folder", "entry_pk", "path", "path_key")
_MOVE = Prepared(
    update(folder_posts)
    .where(_of_folder, _rows.entry_pk == bindparam("of_entry"), _rows.written.is_(null()))
    .values(path=bindparam("new_path"), path_key=bindparam("new_key")),
    "new_path",
    "new_key",
    "of_folder",
    "of_entry",
)
_FILES = PreparedByLength(
    lambda pks: select(_rows.entry_pk, _rows.written, _rows.intended).where(
        _of_folder, _rows.entry_pk.in_(pks), _rows.written.is_not(null()) | _rows.intended.is_not(null())
    ),
    "of_folder",
)
_PATHS = PreparedByLength(
    lambda pks: select(_rows.entry_pk, _rows.path).where(_of_folder, _rows.entry_pk.in_(pks)), "of_folder"
)
_MAIN_PATHS = PreparedByLength(
    lambda pks: select(entries.c.pk, entries.c.path).where(entries.c.pk.in_(pks), entries.c.path.is_not(null()))
)
_SAVE = Prepared(
    update(folder_posts)
    .where(_of_folder, _rows.entry_pk == bindparam("of_entry"))
    .values(written=bindparam("new_written"), intended=bindparam("new_intended")),
    "new_written",
    "new_intended",
    "of_folder",
    "of_entry",
)
_MARK_WRITTEN = Prepared(
    update(folder_posts)
    .where(_rows.entry_pk == bindparam("of_entry"), _rows.intended.is_not(null()))
    .values(written=_rows.intended),
    "of_entry",
)
_FORGET = Prepared(
    delete(folder_posts).where(_of_folder, _rows.entry_pk == bindparam("of_entry")), "of_folder", "of_entry"
)
_FOLDERS = select(_rows.folder).distinct()
_ANY: Select[Any] = select(literal_column("1")).select_from(folder_posts).limit(1)
_ANY_WRITTEN: Select[Any] = select(literal_column("1")).where(_of_folder, _rows.written.is_not(null())).limit(1)

_after = (entries.c.pk > bindparam("after"),)
_MAIN_ITEMS = (
    select(*ITEM_COLUMNS)
    .select_from(ITEM_TABLES)
    .where(*_after, entries.c.path.is_not(null()))
    .order_by(entries.c.pk)
    .limit(bindparam("limit"))
)
_FOLDER_ITEMS = (
    select(*(_rows.path.label("path") if column is entries.c.path else column for column in ITEM_COLUMNS))
    .select_from(ITEM_TABLES.join(folder_posts, _rows.entry_pk == entries.c.pk))
    .where(*_after, _of_folder)
    .order_by(entries.c.pk)
    .limit(bindparam("limit"))
)


class PostPaths:
    """The methods of the store about paths and files of posts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_posts(self, folder: str, assignments: Sequence[Assignment]) -> None:
        """See `Store.add_posts`."""
        with self._database.write() as connection:
            _add(connection, folder, assignments)

    def move_posts(self, assignments: Sequence[Assignment], folder: str = POSTS) -> None:
        """See `Store.move_posts`."""
        with self._database.write() as connection:
            _move(connection, folder, assignments)

    def post_paths(self, folder: str, pks: Collection[int]) -> dict[int, str]:
        """See `Store.post_paths`."""
        statement, of = (_MAIN_PATHS, ()) if folder == POSTS else (_PATHS, (folder,))
        with self._database.read() as connection:
            return {row[0]: row[1] for row in statement.rows(connection, of, pks)}

    def post_folders(self) -> list[str]:
        """See `Store.post_folders`."""
        with self._database.read() as connection:
            return sorted(connection.execute(_FOLDERS).scalars())

    def any_post_written(self, folder: str) -> bool:
        """See `Store.any_post_written`."""
        statement = statements.ANY_POST_WRITTEN if folder == POSTS else _ANY_WRITTEN
        with self._database.read() as connection:
            return connection.execute(statement, {} if folder == POSTS else {"of_folder": folder}).first() is not None

    def posts_in(self, folder: str, pk: int, limit: int) -> list[Item]:
        """See `Store.posts_in`."""
        statement, of = (_MAIN_ITEMS, {}) if folder == POSTS else (_FOLDER_ITEMS, {"of_folder": folder})
        with self._database.read() as connection:
            return items(connection.execute(statement, {"after": pk, "limit": limit, **of}).all())

    def replace_posts(self, folder: str, assignments: Sequence[Assignment]) -> None:
        """See `Store.replace_posts`."""
        with self._database.write() as connection:
            _forget(connection, folder, [one.pk for one in assignments])
            if folder == POSTS:
                _move(connection, folder, assignments)
            else:
                _add(connection, folder, assignments)

    def forget_posts(self, folder: str, pks: Collection[int]) -> None:
        """See `Store.forget_posts`."""
        with self._database.write() as connection:
            _forget(connection, folder, pks)

    def post_files(self, pks: Collection[int], folder: str = POSTS) -> dict[int, PostFile]:
        """See `Store.post_files`."""
        statement, of = (statements.POST_FILES, ()) if folder == POSTS else (_FILES, (folder,))
        with self._database.read() as connection:
            return {pk: PostFile(*file) for pk, *file in statement.rows(connection, of, pks)}

    def save_post_files(self, files: Mapping[int, PostFile], folder: str = POSTS) -> None:
        """See `Store.save_post_files`."""
        if not files:
            return
        with self._database.write() as connection:
            if folder == POSTS:
                statements.SAVE_POST_FILE.run_many(connection, [(pk, *file) for pk, file in sorted(files.items())])
            else:
                _SAVE.run_many(connection, [(*file, folder, pk) for pk, file in sorted(files.items())])
            if self._database.shared:
                for chunk in statements.chunks(files):
                    listing.note_withheld(connection, chunk)


def taken(connection: Connection, folder: str, keys: Collection[str]) -> set[str]:
    """Return which folded paths are assigned in a folder, to stored or, in `POSTS`, to removed entries."""
    if folder != POSTS:
        return {row[0] for row in _TAKEN.rows(connection, (folder,), keys)}
    return {row[0] for statement in statements.TAKEN_PATHS for row in statement.rows(connection, (), keys)}


def _add(connection: Connection, folder: str, assignments: Iterable[Assignment]) -> None:
    """Store the paths of entries in a folder other than `POSTS`."""
    given = sorted([(folder, one.pk, one.path, one.path_key) for one in assignments])
    _ADD.run_many(connection, given)


def _move(connection: Connection, folder: str, assignments: Sequence[Assignment]) -> None:
    """Give other paths to entries whose posts were never written in a folder."""
    if folder == POSTS:
        parameters = [{"entry_pk": given.pk, "path": given.path, "path_key": given.path_key} for given in assignments]
        if parameters:
            connection.execute(statements.MOVE_POST, parameters)
    else:
        _MOVE.run_many(connection, [(one.path, one.path_key, folder, one.pk) for one in assignments])


def mark_written(connection: Connection, pks: Sequence[tuple[int]]) -> None:
    """Record that the files of entries in all folders are written as intended."""
    statements.MARK_POST_WRITTEN.run_many(connection, pks)
    # Most installations have one folder.
    if connection.execute(_ANY).first() is not None:
        _MARK_WRITTEN.run_many(connection, pks)


def _forget(connection: Connection, folder: str, pks: Collection[int]) -> None:
    """Forget the files of entries in a folder; in a folder other than `POSTS`, their paths, too."""
    if folder == POSTS:
        for chunk in statements.chunks(pks):
            connection.execute(statements.DELETE_POST_FILES, {"values": chunk})
    else:
        _FORGET.run_many(connection, [(folder, pk) for pk in sorted(pks)])
    listing.forget_withheld(connection, pks)
