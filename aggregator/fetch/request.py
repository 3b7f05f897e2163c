"""What is asked for, and how all fetches are made: the types that the rest of the program hands to `Fetcher`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """What all fetches have in common."""

    user_agent: str
    #: Requests under way at once at most; others wait, and their time does not run meanwhile.
    concurrency: int
    #: The same for each registrable domain.
    per_host: int = 2
    #: Time from the start of one request to a domain to the start of the next.
    host_delay: timedelta = timedelta(0)
    #: Address of an HTTP proxy for requests that name none, or ``environment``: see `aggregator.fetch.proxies`.
    proxy: str | None = None
