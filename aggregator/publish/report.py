"""What a publication wrote, and what it could not write: each file and each entry that failed, with advice.

Pure. Publishing fills the report; the command line and the daemon show it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from aggregator.errors import RowError, StoreError
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aggregator.store import UnreadableRow

#: Files that a message names one by one.
_NAMED = 5

T = TypeVar("T")
R = TypeVar("R")


class OutputFailure(NamedTuple):
    """One file or entry that could not be published; the others are not affected."""

    #: A file in the data folder, or an entry.
    what: str
    reason: str
    #: What to do.
    advice: str

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}; {self.advice}"


@dataclass(slots=True)
class Report:
    """What a call of `publish` wrote; names are relative to the data folder."""

    posts: list[str] = field(default_factory=list)
    feeds: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    #: Posts of new entries whose files already existed with the same bytes; they are taken over.
    adopted: list[str] = field(default_factory=list)
    #: Files with other bytes in the place of a new post, which got another name.
    avoided: list[str] = field(default_factory=list)
    #: Posts that a person has edited: they stay as they are.
    edited: list[str] = field(default_factory=list)
    #: Files with the new versions of such posts.
    beside: list[str] = field(default_factory=list)
    #: Edited posts that stay although their entries are no longer published there.
    kept: list[str] = field(default_factory=list)
    #: Posts that a person has deleted: they stay so.
    deleted: list[str] = field(default_factory=list)
    #: Posts that a person has moved, each with its old and new place: they are followed.
    moved: list[str] = field(default_factory=list)
    #: Messages about folders most of whose posts are missing.
    lost: list[str] = field(default_factory=list)
    #: Messages for people that are no failures.
    notes: list[str] = field(default_factory=list)
    #: What could not be published; the next call tries it again.
    failures: list[OutputFailure] = field(default_factory=list)
    #: When an output changes by itself, as time passes; None: never.
    next_at: datetime | None = None
    #: Slugs of the merged feeds that have to be written now, after `publish_posts`.
    outdated: list[str] = field(default_factory=list)

    @property
    def files(self) -> int:
        """Number of files written or removed."""
        return len(self.posts) + len(self.feeds) + len(self.removed) + len(self.beside)

    def followed_by(self, later: Report) -> Report:
        """Return a report of both publications, each file once; what is left to do is that of the later one."""
        names = [one.name for one in fields(self) if one.name not in ("failures", "next_at", "outdated")]
        both = {name: list(dict.fromkeys((*getattr(self, name), *getattr(later, name)))) for name in names}
        return Report(**both, failures=later.failures, next_at=later.next_at, outdated=later.outdated)

    def edits(self) -> list[str]:
        """Return messages about what a person did with posts."""
        return [
            *_told(self.edited, "edited by a person and stays as it is", "edited by a person and stay as they are"),
            *(_told(self.beside, "the new version of an edited post", "new versions of edited posts", verb=False)),
            *_told(
                self.kept,
                "edited by a person and stays, although its entry has left",
                "edited by a person and stay, although their entries have left",
            ),
            *_told(self.deleted, "deleted by a person and stays so", "deleted by a person and stay so"),
            *_told(self.moved, "moved by a person and is followed", "moved by a person and are followed"),
        ]


def _told(names: Sequence[str], one: str, several: str, *, verb: bool = True) -> list[str]:
    """Return a message about files, with the first of their names; none if there are none."""
    if not names:
        return []
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    listed = ", ".join(names[:_NAMED]) + more
    if not verb:
        return [f"{counted(len(names), 'file')} with {one if len(names) == 1 else several}: {listed}"]
    was = f"was {one}" if len(names) == 1 else f"were {several}"
    return [f"{counted(len(names), 'post')} {was}: {listed}"]


def unexpected(what: str, error: Exception) -> OutputFailure:
    """Return the failure of one entry or file for an unexpected error."""
    return OutputFailure(what, f"{type(error).__name__}: {error}", "this is a bug; please report it with this message")


def unreadable_row(row: UnreadableRow) -> OutputFailure:
    """Return the failure for a row that cannot be read."""
    return OutputFailure(row.entry, row.reason, "repair its row in the database, or put a backup in its place")


def refused_row(what: str, error: RowError) -> OutputFailure:
    """Return the failure for a row that the database refuses."""
    return OutputFailure(what, str(error), "repair its row in the database, or put a backup in its place")


def sift(
    function: Callable[[Sequence[T]], R], things: Sequence[T], failed: Callable[[T, Exception], None]
) -> tuple[R, list[T]]:
    """Call a function with things; leave out the things with which it fails alone.

    Args:
        function: it must accept an empty sequence; if it fails with that, the error is not caused by a thing.
        things: all of them are tried together first.
        failed: called for each thing that is left out, with its error.

    Returns:
        The result, and the things from which it was made.

    Raises:
        StoreError: the store failed, and not because of a row.
        Exception: the function fails with all things together, but with none of them alone.
    """
    try:
        return function(things), list(things)
    except Exception as trouble:
        _only_of_one(trouble)
        function([])
        good = []
        for thing in things:
            try:
                function([thing])
                good.append(thing)
            except Exception as error:
                _only_of_one(error)
                failed(thing, error)
        if len(good) == len(things):
            raise
    return function(good), good


def store_each(write: Callable[[Sequence[T]], None], rows: Sequence[T], refused: Callable[[T, RowError], None]) -> None:
    """Write rows together; if the store refuses one of them, write the others anyway.

    Raises:
        StoreError: the store failed, and not because of a row.
    """
    try:
        write(rows)
    except RowError as error:
        if len(rows) == 1:
            refused(rows[0], error)
            return
        middle = len(rows) // 2
        store_each(write, rows[:middle], refused)
        store_each(write, rows[middle:], refused)


def _only_of_one(error: Exception) -> None:
    """Raise an error that is not caused by a single thing."""
    if isinstance(error, StoreError) and not isinstance(error, RowError):
        raise error
