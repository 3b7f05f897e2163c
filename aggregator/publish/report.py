"""What a publication wrote, and what it could not write: each file and each entry that failed, with advice.

Pure. Publishing fills the report; the command line and the daemon show it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from aggregator.errors import RowError, StoreError

if TYPE_CHECKING:
    from aggregator.store import UnreadableRow

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
    #: Messages for people that are no failures.
    notes: list[str] = field(default_factory=list)
    #: What could not be published; the next call tries it again.
    failures: list[OutputFailure] = field(default_factory=list)
    #: When an output changes by itself, as time passes; None: never.
    next_at: datetime | None = None

    @property
    def files(self) -> int:
        """Number of files written or removed."""
        return len(self.posts) + len(self.feeds) + len(self.removed)


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
