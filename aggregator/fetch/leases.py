"""Politeness that several processes share: what `Hosts` needs of whoever keeps it for all of them.

A domain, and for how long, goes in; a lease comes out as soon as all processes together leave room. No request is sent
without one, and none is in flight when it has ended. `aggregator.cluster.leases` keeps them in a database; this module
knows none.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol


class LeftAlone(Exception):
    """A host wants to be left alone.

    Args:
        until: the end of that, aware and in UTC.
    """

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__(f"left alone until {until}")


class LeaseEnded(Exception):
    """The lease has ended before the request was sent, because this process or its machine stood still."""


class Held(Protocol):
    """A lease: the right to one request."""

    def allows(self, seconds: float) -> bool:
        """Return whether a request may begin now that is over in `seconds`."""
        ...

    def check(self) -> None:
        """Raise `LeaseEnded` if nothing may be sent any more."""
        ...

    async def give_back(self) -> None:
        """Let others have it; raises nothing: a lease that cannot be given back ends by itself."""
        ...


class Leases(Protocol):
    """Who may be asked, over all processes."""

    async def take(self, domain: str, host: str, slots: int, delay: float, seconds: float) -> Held:
        """Wait for a lease.

        Args:
            domain, host: registrable domain and host, as `aggregator.fetch.politeness` names them.
            slots: leases of the domain at the same time at most.
            delay: seconds between the beginnings of two of them at least.
            seconds: how long it lasts at least.

        Raises:
            LeftAlone: the host wants to be left alone.
            ConnectionLost: nobody knows, because the database went away.
        """
        ...

    async def leave_alone(self, host: str, wait: timedelta) -> None:
        """Give no lease for a host during that time, counted from now; raises nothing."""
        ...

    async def slow_down(self, domain: str, delay: float) -> None:
        """Keep at least so many seconds between two beginnings at a domain (Crawl-delay); raises nothing."""
        ...
