"""Pages that could not be read as their source is configured, kept in a folder beside the database for a look.

Each source has at most one such file, named after its id. It is an HTTP message (`fetch.recorded`), so that nothing in
it runs when it is opened.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from aggregator.fetch import recorded
from aggregator.models import Fetched, Rendered
from aggregator.publish import files

FOLDER = "pages"
"""The folder of the pages, in the data folder."""
#: Bytes of one page that are kept.
MAX_PAGE = 4_000_000


class SavedPages:
    """The pages in a data folder.

    Args:
        data: the data folder; None: no page is kept.
    """

    def __init__(self, data: Path | None) -> None:
        self._folder = None if data is None else data / FOLDER

    def save(self, source_id: str, page: Fetched) -> str | None:
        """Keep a page in place of the one before, and return its path below the data folder; None: it is not kept."""
        if self._folder is None:
            return None
        name = name_of(source_id)
        rendered = Rendered(name, "application/http", recorded.dump(page)[:MAX_PAGE])
        written = files.write(self._folder, [rendered])
        return None if name in written.failed else f"{FOLDER}/{name}"

    def forget(self, source_id: str) -> None:
        """Delete the page of a source, if there is one."""
        if self._folder is not None:
            with suppress(OSError):
                (self._folder / name_of(source_id)).unlink(missing_ok=True)


def name_of(source_id: str) -> str:
    """Return the name of the file of a source; ids are letters, digits, `-`, `_` and `.`."""
    name = source_id if len(source_id.encode()) <= 200 else hashlib.sha256(source_id.encode()).hexdigest()
    return name + recorded.SUFFIX
