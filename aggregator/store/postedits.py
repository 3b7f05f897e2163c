"""What persons did with the files of posts, in the store on SQLite: one row for each such post and folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Select, bindparam, delete, literal_column, null, select, update

from aggregator.store.database import Database
from aggregator.store.dialects import replacing
from aggregator.store.prepared import Prepared, PreparedByLength
from aggregator.store.protocol import POSTS, PostEdit, WrittenPost
from aggregator.store.schema import entries, folder_posts, post_edits, post_files
from aggregator.store.statements import MADE_PENDING

#: The post is not written because most files of its folder are not there.
MISSING = "missing"

_rows = post_edits.c
_of_folder = _rows.folder == bindparam("of_folder")
_of_entry = (_of_folder, _rows.entry_pk == bindparam("of_entry"))

# Most installations have none.
_ANY: Select[Any] = select(literal_column("1")).select_from(post_edits).limit(1)
_FIND = PreparedByLength(
    lambda pks: select(_rows.entry_pk, _rows.edit, _rows.path, _rows.upstream).where(
        _of_folder, _rows.entry_pk.in_(pks)
    ),
    "of_folder",
)
_SAVE = Prepared(replacing(post_edits), "entry_pk", "folder", "edit", "path", "upstream")
_FORGET = Prepared(delete(post_edits).where(*_of_entry), "of_folder", "of_entry")
_missing = (_of_folder, _rows.edit == bindparam("of_edit"))
_RETURN = (
    update(entries).where(entries.c.pk.in_(select(_rows.entry_pk).where(*_missing))).values(**MADE_PENDING),
    delete(post_edits).where(*_missing),
)


def _written(table: Any, path: Any, *conditions: Any) -> Select[Any]:
    with_edit = table.join(post_edits, (_rows.entry_pk == table.c.entry_pk) & _of_folder, isouter=True)
    return (
        select(entries.c.pk, entries.c.public_id, path, _rows.edit, _rows.path, _rows.upstream)
        .select_from(with_edit.join(entries, entries.c.pk == table.c.entry_pk))
        .where(
            table.c.entry_pk > bindparam("after"),
            table.c.written.is_not(null()),
            path.is_not(null()),
            entries.c.public_id.is_not(null()),
            *conditions,
        )
        .order_by(table.c.entry_pk)
        .limit(bindparam("limit"))
    )


_WRITTEN = _written(post_files, entries.c.path)
_WRITTEN_IN_FOLDER = _written(folder_posts, folder_posts.c.path, folder_posts.c.folder == bindparam("of_folder"))


class SqlEdits:
    """The records in an open database; see `EditStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, folder: str, pks: Collection[int]) -> dict[int, PostEdit]:
        """See `EditStore.find`."""
        with self._database.read() as connection:
            if not pks or connection.execute(_ANY).first() is None:
                return {}
            return {pk: PostEdit(*edit) for pk, *edit in _FIND.rows(connection, (folder,), pks)}

    def save(self, folder: str, edits: Mapping[int, PostEdit]) -> None:
        """See `EditStore.save`."""
        with self._database.write() as connection:
            _SAVE.run_many(connection, [(pk, folder, *edit) for pk, edit in sorted(edits.items())])

    def forget(self, folder: str, pks: Collection[int]) -> None:
        """See `EditStore.forget`."""
        with self._database.write() as connection:
            _FORGET.run_many(connection, [(folder, pk) for pk in sorted(pks)])

    def return_missing(self, folder: str) -> None:
        """See `EditStore.return_missing`."""
        with self._database.write() as connection:
            for statement in _RETURN:
                connection.execute(statement, {"of_folder": folder, "of_edit": MISSING})

    def written(self, folder: str, pk: int, limit: int) -> list[WrittenPost]:
        """See `EditStore.written`."""
        statement = _WRITTEN if folder == POSTS else _WRITTEN_IN_FOLDER
        with self._database.read() as connection:
            found = connection.execute(statement, {"of_folder": folder, "after": pk, "limit": limit}).all()
        return [
            WrittenPost(number, entry_id, path, None if edit[0] is None else PostEdit(*edit))
            for number, entry_id, path, *edit in found
        ]
