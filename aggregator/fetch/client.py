"""Fetching: a `Request` goes in; a document, or the answer that it has not changed, comes out.

`Fetcher` is the only HTTP client of the program. It follows redirects itself, because every hop is checked and waits
for its turn, and decodes bodies itself, because they can blow up. It keeps cookies for the redirects of one fetch only,
and sends no Referer. It raises nothing but `FetchError`, whatever a server does; where several processes share their
politeness, `ConnectionLost` as well.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType, TracebackType
from typing import Self

from aiohttp.abc import AbstractResolver

from aggregator.errors import FetchError, StoreError
from aggregator.fetch import answer
from aggregator.fetch.leases import LeaseEnded, Leases
from aggregator.fetch.politeness import Hosts, Robots, Turn
from aggregator.fetch.transport import GuardedTransport
from aggregator.fetch.trip import Trip, choice
from aggregator.models import Fetched, HostTraffic, NotModified, Request

log = logging.getLogger(__name__)

MAX_REDIRECTS = 10

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """Settings that all fetches have in common."""

    user_agent: str
    #: Requests in flight at most; others wait, and their timeouts do not run meanwhile.
    concurrency: int
    #: The same for each registrable domain.
    per_host: int = 2
    #: Time from the start of one request to a domain to the start of the next.
    host_delay: timedelta = timedelta(0)
    #: Address of an HTTP proxy for requests that name none, or ``environment``: see `aggregator.fetch.trip.choice`.
    proxy: str | None = None


class Fetcher:
    """Fetches the documents of one cycle over one shared HTTP client.

    An asynchronous context manager, for one event loop.

    Args:
        settings: what all fetches have in common.
        waits: hosts that must be left alone, with the time until when, as `waits` of an earlier one gave them; with
            `leases`, only those of this machine count.
        clock: the current time, aware and in UTC.
        resolver: looks up host names; None: the system does.
        leases: whoever keeps the politeness of several processes; None: this is the only one.
    """

    def __init__(
        self,
        settings: FetchSettings,
        *,
        waits: Mapping[str, datetime] = MappingProxyType({}),
        clock: Callable[[], datetime] = _utc_now,
        resolver: AbstractResolver | None = None,
        leases: Leases | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._resolver = resolver
        self._proxy_of = choice(settings.proxy)
        self._hosts = Hosts(settings.concurrency, settings.per_host, settings.host_delay, waits, clock, leases)
        self._robots = Robots(self.fetch, self._hosts.slow_down)

    async def __aenter__(self) -> Self:
        self._transport = GuardedTransport(self._settings.concurrency, self._resolver)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._robots.close()
        await self._transport.close()

    @property
    def traffic(self) -> tuple[HostTraffic, ...]:
        """Requests and answers of each host so far."""
        return self._hosts.traffic

    @property
    def waits(self) -> dict[str, datetime]:
        """Hosts that want to be left alone, with the time until when; with leases, only those of this machine."""
        return self._hosts.waits

    async def fetch(self, request: Request) -> Fetched | NotModified:
        """Fetch one document.

        Raises:
            FetchError: it could not be fetched; `kind` says why, `status` is the HTTP status where there was one.
            ConnectionLost: the database with the leases went away; nothing is known of the document.
        """
        trip = Trip(request, self._proxy_of)
        try:
            return await self._follow(trip)
        except (FetchError, StoreError):
            raise
        except Exception as error:
            raise answer.explain(error, trip.target, trip.redirected) from error

    async def _follow(self, trip: Trip) -> Fetched | NotModified:
        left = trip.request.timeout.total_seconds()
        for _ in range(MAX_REDIRECTS + 1):
            self._check_certificate_exception(trip)
            if trip.request.robots:
                await self._robots.check(trip, self._settings.user_agent)
            found, spent = await self._hop(trip, left)
            if found is not None:
                return found
            left -= spent
        raise FetchError(f"more than {MAX_REDIRECTS} redirects", kind="redirect", url=trip.target.url)

    async def _hop(self, trip: Trip, left: float) -> tuple[Fetched | NotModified | None, float]:
        """Send the request to the current target when it is its turn.

        Args:
            left: seconds that it may take.

        Returns:
            The outcome, None where it was redirected, and the seconds that it took.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with self._hosts.turn(trip.target, left) as turn:
                    # The timeout starts here: waiting for a turn is not the server's fault.
                    started = loop.time()
                    try:
                        async with asyncio.timeout(left) as deadline:
                            found = await self._send_logged(trip, turn)
                        return found, loop.time() - started
                    except FetchError as error:
                        await self._obey(trip, error)
                        raise
                    except Exception as error:
                        if isinstance(error, LeaseEnded) or not deadline.expired():
                            raise
                        message = f"no complete answer within {trip.request.timeout.total_seconds():g} seconds"
                        raise FetchError(message, kind="timeout", url=trip.target.url) from error
            except LeaseEnded:
                # Nothing was sent; it waits for another turn.
                continue

    async def _send_logged(self, trip: Trip, turn: Turn) -> Fetched | NotModified | None:
        """Send the request, and log the outcome at level DEBUG."""
        if not log.isEnabledFor(logging.DEBUG):
            return await self._send(trip, turn)
        loop, url, host, came = asyncio.get_running_loop(), trip.target.url, trip.target.host, "no answer"
        started, method = loop.time(), trip.method
        try:
            found = await self._send(trip, turn)
            came = _outcome(found, trip)
            return found
        except Exception as error:
            came = f"{type(error).__name__}: {error}"
            raise
        finally:
            seconds = round(loop.time() - started, 3)
            fields = {"action": "request", "host": host, "elapsed": seconds}
            log.debug("%s %s: %s (%.3f s)", method, url, came, seconds, extra={"fields": fields})

    async def _send(self, trip: Trip, turn: Turn) -> Fetched | NotModified | None:
        """Send the request to the current target of the trip; None: it was redirected."""
        response = await self._transport.send(trip.ask(self._settings.user_agent), turn.check)
        try:
            said = answer.headers(response)
            location = said.get(b"location")
            if response.status_code not in _REDIRECTS or location is None:
                return await answer.read(trip, response, said, turn.tally, self._clock())
        finally:
            await response.aclose()
        trip.move(answer.text(location), response.status_code, answer.cookies(response))
        return None

    async def _obey(self, trip: Trip, error: FetchError) -> None:
        """Leave a host alone that answers 429, or 503 with Retry-After."""
        if error.status == 429 or (error.status == 503 and error.retry_after is not None):
            await self._hosts.leave_alone(trip.target, error.retry_after)

    def _check_certificate_exception(self, trip: Trip) -> None:
        until = trip.request.access.unverified_until
        if until is not None and self._clock().date() > until:
            message = f"its certificate was to be accepted unchecked until {until} (tls.until), which is over; check "
            message += "whether it is in order now and take `tls` away, or set another day"
            raise FetchError(message, kind="tls", url=trip.target.url)


def _outcome(found: Fetched | NotModified | None, trip: Trip) -> str:
    """Return what a request brought, for the log."""
    if found is None:
        return f"redirected to {trip.target.url}"
    if isinstance(found, NotModified):
        return "the same body" if found.whole else "304 Not Modified"
    return f"{found.status}, {len(found.body)} bytes"
