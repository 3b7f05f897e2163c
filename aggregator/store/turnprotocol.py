"""The part of the interface of the store by which a publication is right while other processes store entries.

`protocol.Store` includes it. Its methods cost nothing where one process has the store alone.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class TurnStore(Protocol):
    """The turns of publications, and sole use of the store."""

    def turn(self) -> None:
        """Begin a publication, or a part of one, with what is stored now: that is its horizon.

        From then on, up to the next turn, `pending`, `unassigned` and `pending_categories` of this store object give
        only entries that were not changed since. What is recorded as done leaves alone what was changed since:
        `mark_published` such entries, and `record_fingerprints` fingerprints of feeds that were cleared since.
        """

    def alone(self) -> AbstractContextManager[None]:
        """Let no other process write until the end.

        This is for what reads, thinks, and writes in several transactions. Inside, nothing has a horizon.
        """

    def sole(self, name: str) -> AbstractContextManager[bool]:
        """Be the only one over all processes who does what is named so; False: another one does it.

        It ends with this process, or with its connection to the database: what is done within fails then. A process
        that stands still goes on to be the only one, where its jobs have been taken over.
        """
