"""The one tree of exceptions::

    AggregatorError
      ConfigError(problems)        feeds.yaml or a command's arguments are wrong; exit status 2
      LockedError(holder)          another process works on the same data folder or database; exit status 3
      SourceError(source, kind)    one source failed; an outcome, never the end of a cycle
        FetchError(status)         it could not be had
        ParseError                 what came could not be read
      StoreError                   the database could not be read or written
        RowError                   one row of it could not; the others can
        NotThere                   nothing was ever stored in it
        ConnectionLost             its server is gone for now; the next use of the store connects again
      PublishError                 an output could not be written
        TemplateError              the operator's own template failed
      WorkerError(kind)            work in another process did not come to its end

Messages are for people: what was wrong, where, what to do. `str(error)` is all that a caller has to print.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aggregator.models import FailureKind, Fetched, Freshness


class AggregatorError(Exception):
    """Base of all errors that this program raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in the configuration, with its place."""

    message: str
    file: str
    #: Counted from 1; None where the problem has no place.
    line: int | None = None
    column: int | None = None
    #: Path of the key, e.g. ``sources[3].scrape.items``.
    path: str = ""

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f":{self.line}:{self.column or 1}"
        key = f" {self.path}:" if self.path else ""
        return f"{place}:{key} {self.message}"


class ConfigError(AggregatorError):
    """feeds.yaml cannot be used; carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class LockedError(AggregatorError):
    """Another process holds the data folder or the database.

    Args:
        place: the folder or the database, for people.
        holder: who holds it.
        advice: what to do.
    """

    def __init__(self, place: str, holder: str, *, advice: str = "wait until it has finished, or stop it") -> None:
        self.place = place
        self.holder = holder
        super().__init__(f"{place} is in use by {holder}; {advice}")


class SourceError(AggregatorError):
    """One source failed.

    Args:
        message: what went wrong and, where it helps, what to do; without the source's name and address.
        kind: the class of failure.
        url: the address at which it happened.
    """

    #: The document that could not be read as it should be, for the operator to look at; None: there is none.
    page: Fetched | None = None

    def __init__(self, message: str, *, kind: FailureKind, url: str | None = None) -> None:
        self.kind: FailureKind = kind
        self.url = url
        super().__init__(f"{message} ({url})" if url else message)


class FetchError(SourceError):
    """A document could not be fetched.

    Args:
        status: the HTTP status where there was one.
        retry_after: when the server wants to be asked again (RFC 9110, section 10.2.3), aware and in UTC.
        freshness: what the answer said of when to come back, as sent.
        held: the request was not even sent, because the host wants to be left alone.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: FailureKind,
        url: str | None = None,
        status: int | None = None,
        retry_after: datetime | None = None,
        freshness: Freshness | None = None,
        held: bool = False,
    ) -> None:
        self.status = status
        self.retry_after = retry_after
        self.freshness = freshness or Freshness()
        self.held = held
        super().__init__(message, kind=kind, url=url)


class ParseError(SourceError):
    """A document was fetched but could not be read as what it should be."""


class StoreError(AggregatorError):
    """The database could not be opened, read or written."""


class RowError(StoreError):
    """A row could not be read or written, and the database is not to blame: other rows can."""


class NotThere(StoreError):
    """The database has no tables of this program yet, and they are not made because it is only read."""


class NewerTables(StoreError):
    """The tables were made by a newer version of this program."""


class ConnectionLost(StoreError):
    """The server of the database cannot be reached, or has ended the connection.

    Nothing is stored of the transaction under way, unless it was lost while it ended. The next use of the store
    connects again.
    """


class PublishError(AggregatorError):
    """An output file could not be written."""


class TemplateError(PublishError):
    """A template of the operator failed with the values of one post."""


class WorkerError(AggregatorError):
    """A call in another process did not come to its end.

    Args:
        kind: ``limit``: it took too much time or memory, or its process ended; ``internal``: a mistake in this program.
        seconds: that it computed.
    """

    def __init__(self, message: str, *, kind: Literal["limit", "internal"], seconds: float = 0.0) -> None:
        self.kind: Literal["limit", "internal"] = kind
        self.seconds = seconds
        super().__init__(message)
