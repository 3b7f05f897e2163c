"""What sites let programs read: the rules of robots.txt (RFC 9309), fetched once per origin and cycle.

A request goes in; nothing comes out, or a `FetchError` that says why the page is not fetched. The rules are read and
applied by Protego. Crawl-delay is passed on to the gate of the domain.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from protego import Protego

from aggregator.errors import FetchError
from aggregator.fetch.politeness import MAX_CRAWL_DELAY
from aggregator.fetch.target import Origin, Target
from aggregator.fetch.trip import Trip
from aggregator.models import Access, Fetched, NotModified, Request

#: RFC 9309, section 2.5: at least 500 KiB are read.
MAX_BYTES = 500 * 1024

_AGENT = re.compile(r"^([ \t]*user[- ]?agent\b[ \t]*:?)[ \t]*([^\s#]*).*$", re.IGNORECASE | re.MULTILINE)
#: An agent that no program is.
_NOBODY = "~"
_PRODUCT = re.compile(r"[A-Za-z_-]+")

_Key = tuple[Origin, bool | tuple[str, ...], Access]


class Robots:
    """The rules of all origins, as far as they were fetched.

    Args:
        fetch: fetches a document; raises `FetchError`.
        slow_down: called with a target and the time between two requests to its domain (Crawl-delay).
    """

    def __init__(
        self,
        fetch: Callable[[Request], Awaitable[Fetched | NotModified]],
        slow_down: Callable[[Target, timedelta], None],
    ) -> None:
        self._fetch = fetch
        self._slow_down = slow_down
        self._rules: dict[_Key, asyncio.Task[Protego | FetchError | None]] = {}

    async def check(self, trip: Trip, user_agent: str) -> None:
        """Let the request pass to where it has come, or raise.

        Raises:
            FetchError: ``robots`` where the rules forbid the page; the kind of the failure where they cannot be had.
        """
        agent = product(trip.request.access.user_agent or user_agent)
        key = self._key(trip)
        if key not in self._rules:
            self._rules[key] = asyncio.create_task(self._get(trip.request, key, agent))
        # One caller that gives up must not take the rules from the others.
        rules = await asyncio.shield(self._rules[key])
        if isinstance(rules, FetchError):
            raise FetchError(
                f"robots.txt, which says what may be read there, could not be had: {rules}",
                kind=rules.kind,
                url=trip.target.url,
                status=rules.status,
                retry_after=rules.retry_after,
                freshness=rules.freshness,
                held=rules.held,
            )
        if rules is None:
            return
        delay = rules.crawl_delay(agent)
        if delay is not None and delay > 0:
            self._slow_down(trip.target, timedelta(seconds=min(delay, MAX_CRAWL_DELAY.total_seconds())))
        if not rules.can_fetch(trip.target.url, agent):
            message = "the site's robots.txt asks programs to leave this page alone; ask its owner, or do without"
            raise FetchError(message, kind="robots", url=trip.target.url)

    async def close(self) -> None:
        """End what is still under way."""
        for task in self._rules.values():
            task.cancel()
        await asyncio.gather(*self._rules.values(), return_exceptions=True)

    def _key(self, trip: Trip) -> _Key:
        access = trip.request.access
        # No credentials: robots.txt is for everybody.
        bare = Access(
            proxy=access.proxy,
            user_agent=access.user_agent,
            unverified_until=access.unverified_until if trip.at_home else None,
        )
        return trip.target.origin, trip.request.allow_private, bare

    async def _get(self, page: Request, key: _Key, agent: str) -> Protego | FetchError | None:
        """Return the rules of an origin; None: all is allowed; an error: nothing is, for now (section 2.3.1)."""
        (scheme, host, port), _, access = key
        url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/robots.txt"
        request = replace(
            Request(url, page.timeout, MAX_BYTES, page.allow_private, "text/plain, */*;q=0.1"),
            access=access,
            truncate=True,
        )
        try:
            fetched = await self._fetch(request)
        except FetchError as error:
            unavailable = error.status is not None and 400 <= error.status < 500
            # An empty file has no rules, and neither has one that is too many redirects away.
            return None if unavailable or error.kind in ("not_a_feed", "redirect") else error
        assert isinstance(fetched, Fetched)
        return await asyncio.to_thread(parse, fetched.body, agent)


def parse(body: bytes, agent: str) -> Protego:
    """Read a robots.txt for one product token, in time linear in its size.

    Protego takes quadratic time for rules that are for many agents at once, so all others become one. That also makes
    the comparison exact, as section 2.2.1 has it.
    """

    def name(line: re.Match[str]) -> str:
        wanted = "*" if line[2] == "*" else agent if product(line[2]) == agent else _NOBODY
        return f"{line[1]} {wanted}"

    text = "\n".join(body.decode("utf-8-sig", "replace").splitlines())
    return Protego.parse(_AGENT.sub(name, text))


def product(user_agent: str) -> str:
    """Return the product token that names us in a robots.txt (RFC 9309, section 2.2.1)."""
    match = _PRODUCT.match(user_agent)
    return match[0].lower() if match else _NOBODY
