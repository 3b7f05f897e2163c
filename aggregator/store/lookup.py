"""Which entry a person means: by its id, its address, the file of its post, its key, or words of its title.

Ids and files are found through indexes; for the rest all rows are looked at, the newest first, without their texts.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import BindParameter, Connection, bindparam, func, or_, select

from aggregator.store.dialects import address_in, as_stored, decoded
from aggregator.store.rulingprotocol import Tombstone
from aggregator.store.schema import entries, folder_posts, rulings, sources, tombstones

_text: BindParameter[str] = bindparam("text")
_paths: BindParameter[Sequence[str]] = bindparam("values", expanding=True)
BY_ID = select(entries.c.pk).where(entries.c.public_id == _text)
BY_PATH = (
    select(entries.c.pk).where(entries.c.path_key.in_(_paths)).order_by(func.length(entries.c.path_key).desc()).limit(1)
)
BY_FOLDER_PATH = (
    select(folder_posts.c.entry_pk)
    .where(folder_posts.c.folder.in_(select(folder_posts.c.folder).distinct()), folder_posts.c.path_key.in_(_paths))
    .order_by(func.length(folder_posts.c.path_key).desc())
    .limit(1)
)
_with_rulings = entries.join(rulings, rulings.c.entry_pk == entries.c.pk, isouter=True)
#: The address that is published, where rules changed it.
_shown_url = address_in(rulings.c.changes)
_BY_NAME = (
    select(entries.c.pk)
    .select_from(_with_rulings)
    .where(or_(entries.c.key == _text, entries.c.url == _text, entries.c.guid == _text, _shown_url == _text))
    .order_by(entries.c.pk.desc())
    .limit(bindparam("limit"))
)
_TITLES = (
    select(entries.c.pk, as_stored(entries.c.title), as_stored(rulings.c.changes))
    .select_from(_with_rulings)
    .order_by(entries.c.pk.desc())
)
_removed = select(sources.c.id, tombstones.c.key, tombstones.c.public_id).select_from(
    tombstones.join(sources, sources.c.pk == tombstones.c.source_pk)
)
_REMOVED_BY_ID = _removed.where(tombstones.c.public_id == _text)
_REMOVED_BY_PATH = (
    _removed.where(tombstones.c.path_key.in_(_paths)).order_by(func.length(tombstones.c.path_key).desc()).limit(1)
)
_REMOVED_BY_KEY = _removed.where(tombstones.c.key == _text).limit(1)


def find(connection: Connection, text: str, limit: int) -> Sequence[int]:
    """Return the row numbers of the entries that a text names, the newest first."""
    if "\0" in text:
        # PostgreSQL refuses such a text, and nothing has such a name.
        return []
    for statement in (BY_ID, BY_PATH, BY_FOLDER_PATH, _BY_NAME):
        asked = {"text": text, "values": _path_keys(text), "limit": limit}
        if found := connection.execute(statement, asked).scalars().all():
            return found
    words = _folded(text).split()
    named: list[int] = []
    for pk, title, changes in connection.execute(_TITLES) if words else ():
        if any(all(word in shown for word in words) for shown in _titles(title, changes)):
            named.append(pk)
            if len(named) == limit:
                break
    return named


def tombstone(connection: Connection, text: str) -> Tombstone | None:
    """Return what is remembered of the removed entry that a text names."""
    for statement in (_REMOVED_BY_ID, _REMOVED_BY_PATH, _REMOVED_BY_KEY):
        if found := connection.execute(statement, {"text": text, "values": _path_keys(text)}).first():
            return Tombstone(*found)
    return None


def _titles(title: bytes | str, changes: bytes | str | None) -> list[str]:
    """Return the title that the source gave, and the one that is published, folded."""
    titles = [_folded(decoded(title))]
    if changes is not None and '"title"' in decoded(changes):
        with suppress(ValueError, LookupError, TypeError):
            titles.append(_folded(str(json.loads(changes)["title"])))
    return titles


def _path_keys(text: str) -> list[str]:
    """Return the folded paths that may be meant by a path: below each of the folders that it names."""
    parts = _folded(text.replace("\\", "/")).split("/")
    return ["/".join(parts[start:]) for start in range(len(parts)) if parts[start]] or [""]


def _folded(text: str) -> str:
    """Return a text as `Assignment.path_key` has it."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
