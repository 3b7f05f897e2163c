"""Pages that could not be read as their source is configured, kept in a folder beside the database for a look.

Each source has at most one such file, named after its id. It is an HTTP message (`fetch.recorded`), so that nothing in
it runs when it is opened. It is deleted when the source works again, or is no longer configured.

Light imports: `status` names the files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from aggregator.models import Fetched, Rendered
from aggregator.publish import files

FOLDER = "pages"
"""The folder of the pages, in the data folder."""
#: Bytes of one page that are kept.
MAX_PAGE = 4_000_000
#: `fetch.recorded.SUFFIX`, which is slow to import.
_SUFFIX = ".http"


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
        from aggregator.fetch import recorded

        name = name_of(source_id)
        # Pages may be those of subscribers, and addresses may have tokens: they are for the owner only.
        with suppress(OSError):
            self._folder.mkdir(mode=0o700)
        rendered = Rendered(name, "application/http", recorded.dump(page)[:MAX_PAGE])
        written = files.write(self._folder, [rendered])
        return None if name in written.failed else f"{FOLDER}/{name}"

    def find(self, source_id: str) -> tuple[str, datetime] | None:
        """Return the path of the page of a source below the data folder, and when it was kept; None: there is none."""
        name = name_of(source_id)
        try:
            found = None if self._folder is None else (self._folder / name).stat()
        except OSError:
            return None
        return None if found is None else (f"{FOLDER}/{name}", datetime.fromtimestamp(int(found.st_mtime), UTC))

    def forget(self, source_id: str) -> None:
        """Delete the page of a source, if there is one."""
        self._delete(name_of(source_id))

    def forget_others(self, source_ids: Iterable[str]) -> None:
        """Delete the pages of all sources but these."""
        try:
            names = [] if self._folder is None else [one.name for one in self._folder.iterdir()]
        except OSError:
            return
        if kept := [name for name in names if name.endswith(_SUFFIX)]:
            wanted = set(map(name_of, source_ids))
            for name in kept:
                if name not in wanted:
                    self._delete(name)

    def _delete(self, name: str) -> None:
        if self._folder is not None:
            # The next cycle tries again; the page harms nobody.
            with suppress(files.FileError):
                files.delete(self._folder, name)


def name_of(source_id: str) -> str:
    """Return the name of the file of a source; ids are letters, digits, `-`, `_` and `.`."""
    name = source_id if len(source_id.encode()) <= 200 else hashlib.sha256(source_id.encode()).hexdigest()
    return name + _SUFFIX
