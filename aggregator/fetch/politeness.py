"""How often a host gets requests, and which pages it lets programs read.

`Hosts` knows whose turn it is, which hosts must wait, and what was sent to each. A target goes in; its turn comes out
as soon as its domain and all other fetches leave room. Limits are for a registrable domain (https://publicsuffix.org),
because the hosts below it are mostly one machine; Retry-After counts for the host that sent it. Addresses and names
without a dot are domains of their own, by port. Loopback has no limits, but Retry-After is obeyed there as well. Where
several processes share their politeness (`fetch.leases`), a turn needs a lease, and delays and waits are kept there.

`Robots` holds the rules of robots.txt (RFC 9309), which are fetched once per origin and cycle. A request goes in;
nothing comes out, or a `FetchError` that says why the page is not fetched. The rules are read and applied by Protego.
Crawl-delay is passed on to the gate of the domain.
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address

from protego import Protego
from publicsuffixlist import PublicSuffixList

from aggregator.errors import FetchError, StoreError
from aggregator.fetch import addresses
from aggregator.fetch.addresses import Origin, Target
from aggregator.fetch.leases import Held, LeaseEnded, Leases, LeftAlone
from aggregator.fetch.trip import Trip
from aggregator.models import Access, Fetched, HostTraffic, NotModified, Request

#: Longest delay between two requests that a robots.txt can ask for: a page must still fit into a cycle.
MAX_CRAWL_DELAY = timedelta(minutes=1)
#: How long several processes leave a host alone that answers 429 without a time. One process does it for a cycle.
UNTOLD_WAIT = timedelta(hours=1)

#: Seconds for which a lease lasts longer than its request may take: for what lies between the two.
_SPARE = 5.0


@dataclass(slots=True)
class Tally:
    """`HostTraffic` while it is counted."""

    requests: int = 0
    documents: int = 0
    not_modified: int = 0
    received: int = 0
    decoded: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn of one request."""

    #: Where to count what comes.
    tally: Tally
    #: To be called right before the request is sent; see `Held.check`. None: nothing has to be checked.
    check: Callable[[], None] | None


@dataclass(slots=True)
class _Gate:
    """The gate of one domain."""

    domain: str
    #: None: no limit.
    places: asyncio.Semaphore | None
    #: Seconds between the starts of two requests.
    delay: float
    #: Time of the event loop before which no request starts.
    opens: float = 0.0


@dataclass(slots=True)
class _Host:
    """The host of one origin."""

    name: str
    gate: _Gate
    tally: Tally


class Hosts:
    """All hosts, for one cycle on one event loop.

    Args:
        concurrency: requests in flight at most.
        per_host: the same for each domain.
        host_delay: time from the start of one request to a domain to the start of the next.
        waits: hosts that want to be left alone, with the time until when; with `leases`, only those of this machine
            count, which are no business of other processes.
        clock: the current time, aware and in UTC.
        leases: whoever keeps the politeness of several processes; None: this is the only one.
    """

    def __init__(
        self,
        concurrency: int,
        per_host: int,
        host_delay: timedelta,
        waits: Mapping[str, datetime],
        clock: Callable[[], datetime],
        leases: Leases | None = None,
    ) -> None:
        self._per_host = per_host
        self._delay = host_delay.total_seconds()
        self._clock = clock
        self._leases = leases
        self._all = asyncio.Semaphore(concurrency)
        self._gates: dict[str, _Gate] = {}
        self._tallies: dict[str, Tally] = {}
        self._hosts: dict[Origin, _Host] = {}
        now = clock()
        self._waits: dict[str, datetime | None] = {
            host: until
            for host, until in waits.items()
            if until > now and (leases is None or _is_this_machine(host.rpartition(":")[0]))
        }

    @property
    def traffic(self) -> tuple[HostTraffic, ...]:
        """Requests and answers of each host."""
        return tuple(
            HostTraffic(host, one.requests, one.documents, one.not_modified, one.received, one.decoded, one.held)
            for host, one in self._tallies.items()
            if one.requests or one.held
        )

    @property
    def waits(self) -> dict[str, datetime]:
        """The hosts that want to be left alone, with the time until when."""
        return {host: until for host, until in self._waits.items() if until is not None}

    @asynccontextmanager
    async def turn(self, target: Target, seconds: float) -> AsyncIterator[Turn]:
        """Wait for the turn of a target, and hold its place during the request.

        Args:
            seconds: that the request may take.

        Raises:
            FetchError: its host wants to be left alone; `held` is True.
            ConnectionLost: see `Leases.take`.
        """
        host = self._host(target)
        gate = host.gate
        if gate.places is not None:
            await gate.places.acquire()
        try:
            while True:
                self._check(host, target)
                if gate.opens > (now := _time()):
                    await asyncio.sleep(gate.opens - now)
                # The lease comes first: who waits for one must not keep places from others.
                held = await self._lease(host, target, seconds)
                try:
                    async with self._all:
                        self._check(host, target)
                        if gate.opens > (now := _time()) or not (held is None or held.allows(seconds)):
                            # Another one of the domain went first, or the lease got old, while this one waited.
                            continue
                        if held is None:
                            gate.opens = now + gate.delay
                        host.tally.requests += 1
                        yield Turn(host.tally, held.check if held else None)
                        return
                except LeaseEnded:
                    host.tally.requests -= 1
                    raise
                finally:
                    if held is not None:
                        await held.give_back()
        finally:
            if gate.places is not None:
                gate.places.release()

    async def _lease(self, host: _Host, target: Target, seconds: float) -> Held | None:
        """Return a lease for a request; None: it needs none."""
        gate = host.gate
        if self._leases is None or gate.places is None:
            return None
        try:
            return await self._leases.take(gate.domain, host.name, self._per_host, gate.delay, seconds + _SPARE)
        except LeftAlone as answer:
            raise _held_back(host, target, answer.until) from None

    async def leave_alone(self, target: Target, until: datetime | None) -> None:
        """Send nothing more to the host of a target before `until`.

        Where no other process has to know, nothing is sent in this cycle either.

        Args:
            until: the time that the host gave; None: it gave none.
        """
        host = self._host(target)
        if self._leases is None or host.gate.places is None:
            self._waits[host.name] = until
        else:
            # Clocks of machines differ, so what is told is how long.
            await self._leases.leave_alone(host.name, UNTOLD_WAIT if until is None else until - self._clock())

    async def slow_down(self, target: Target, delay: timedelta) -> None:
        """Leave at least `delay` between two requests to a target's domain (Crawl-delay)."""
        gate = self._host(target).gate
        seconds = min(delay, MAX_CRAWL_DELAY).total_seconds()
        if seconds > gate.delay:
            gate.opens = max(gate.opens, gate.opens - gate.delay + seconds)
            gate.delay = seconds
            if self._leases is not None and gate.places is not None:
                await self._leases.slow_down(gate.domain, seconds)

    def _check(self, host: _Host, target: Target) -> None:
        if host.name not in self._waits:
            return
        raise _held_back(host, target, self._waits[host.name])

    def _host(self, target: Target) -> _Host:
        host = self._hosts.get(target.origin)
        if host is None:
            name = host_of(target)
            tally = self._tallies.setdefault(name, Tally())
            host = self._hosts[target.origin] = _Host(name, self._gate(target), tally)
        return host

    def _gate(self, target: Target) -> _Gate:
        domain = domain_of(target)
        gate = self._gates.get(domain)
        if gate is None:
            spared = not _is_this_machine(target.host)
            gate = self._gates[domain] = _Gate(
                domain,
                asyncio.Semaphore(self._per_host) if spared else None,
                self._delay if spared else 0.0,
            )
        return gate


def _held_back(host: _Host, target: Target, until: datetime | None) -> FetchError:
    """Count a request that is not sent, and return the error for it."""
    host.tally.held += 1
    when = "in this cycle" if until is None else f"until {until:%Y-%m-%d %H:%M:%S} UTC"
    return FetchError(
        f"not asked: {host.name} wants to be left alone {when}",
        kind="http_status",
        url=target.url,
        retry_after=until,
        held=True,
    )


def host_of(target: Target) -> str:
    """Return the name of a target's host, with the port where it is an address or a name without a dot."""
    return _names(target.origin)[0]


def domain_of(target: Target) -> str:
    """Return the registrable domain of a target, else the host as `host_of` names it."""
    return _names(target.origin)[1]


def gate_of(url: str) -> str | None:
    """Return the name of the gate that requests for an address pass through, or None."""
    try:
        target = addresses.parse(url)
    except FetchError:
        return None
    return None if _is_this_machine(target.host) else domain_of(target)


@functools.lru_cache(maxsize=10_000)
def _names(origin: Origin) -> tuple[str, str]:
    _, host, port = origin
    host = host.rstrip(".")
    if "." not in host or _address(host) or _is_this_machine(host):
        return f"{host}:{port}", f"{host}:{port}"
    return host, _suffixes().privatesuffix(host) or host


def _address(host: str) -> IPv4Address | IPv6Address | None:
    # Quick for nearly all names: an IPv4 address ends in a digit, an IPv6 address has colons.
    if ":" not in host and not host[-1:].isdigit():
        return None
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_this_machine(host: str) -> bool:
    host = host.rstrip(".")
    if address := _address(host):
        return address.is_loopback
    return host == "localhost" or host.endswith(".localhost")


@functools.cache
def _suffixes() -> PublicSuffixList:
    # The list is slow to read; a cycle with nothing but loopback and IP addresses does without.
    return PublicSuffixList()


def _time() -> float:
    return asyncio.get_running_loop().time()


#: RFC 9309, section 2.5: at least 500 KiB are read.
MAX_ROBOTS = 500 * 1024

_AGENT = re.compile(r"^([ \t]*user[- ]?agent\b[ \t]*:?)[ \t]*([^\s#]*).*$", re.IGNORECASE | re.MULTILINE)
#: An agent that no program is.
_NOBODY = "~"
_PRODUCT = re.compile(r"[A-Za-z_-]+")

_RulesKey = tuple[Origin, bool | tuple[str, ...], Access]


class Robots:
    """The rules of all origins, as far as they were fetched.

    Args:
        fetch: fetches a document; raises `FetchError`.
        slow_down: called with a target and the time between two requests to its domain (Crawl-delay).
    """

    def __init__(
        self,
        fetch: Callable[[Request], Awaitable[Fetched | NotModified]],
        slow_down: Callable[[Target, timedelta], Awaitable[None]],
    ) -> None:
        self._fetch = fetch
        self._slow_down = slow_down
        self._rules: dict[_RulesKey, asyncio.Task[Protego | FetchError | None]] = {}

    async def check(self, trip: Trip, user_agent: str) -> None:
        """Let the request pass to where it has come, or raise.

        Raises:
            FetchError: ``robots`` where the rules forbid the page; the kind of the failure where they cannot be had.
            ConnectionLost: see `Leases.take`.
        """
        agent = product_token(trip.request.access.user_agent or user_agent)
        key = self._key(trip)
        if key not in self._rules:
            self._rules[key] = asyncio.create_task(self._get(trip.request, key, agent))
        task = self._rules[key]
        try:
            # One caller that gives up must not take the rules from the others.
            rules = await asyncio.shield(task)
        except StoreError:
            self._forget(key, task)
            raise
        if isinstance(rules, FetchError):
            if rules.held:
                # Whether the host still wants to be left alone is for whoever knows it.
                self._forget(key, task)
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
            await self._slow_down(trip.target, timedelta(seconds=min(delay, MAX_CRAWL_DELAY.total_seconds())))
        if not rules.can_fetch(trip.target.url, agent):
            message = "the site's robots.txt asks programs to leave this page alone; ask its owner, or do without"
            raise FetchError(message, kind="robots", url=trip.target.url)

    def _forget(self, key: _RulesKey, task: asyncio.Task[Protego | FetchError | None]) -> None:
        """Let the next request ask for the rules again."""
        if self._rules.get(key) is task:
            del self._rules[key]

    async def close(self) -> None:
        """End what is still under way."""
        for task in self._rules.values():
            task.cancel()
        await asyncio.gather(*self._rules.values(), return_exceptions=True)

    def _key(self, trip: Trip) -> _RulesKey:
        access = trip.request.access
        # No credentials: robots.txt is for everybody.
        bare = Access(
            proxy=access.proxy,
            user_agent=access.user_agent,
            unverified_until=access.unverified_until if trip.at_home else None,
        )
        return trip.target.origin, trip.request.allow_private, bare

    async def _get(self, page: Request, key: _RulesKey, agent: str) -> Protego | FetchError | None:
        """Return the rules of an origin; None: all is allowed; an error: nothing is, for now (section 2.3.1)."""
        (scheme, host, port), _, access = key
        url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/robots.txt"
        request = replace(
            Request(url, page.timeout, MAX_ROBOTS, page.allow_private, "text/plain, */*;q=0.1"),
            access=access,
            truncate=True,
        )
        try:
            fetched = await self._fetch(request)
        except FetchError as error:
            unavailable = error.status is not None and 400 <= error.status < 500
            # An empty file has no rules, and neither has one that is too many redirects away, or behind a bot wall: if
            # that stands before the page as well, the page says so.
            return None if unavailable or error.kind in ("not_a_feed", "redirect", "blocked") else error
        assert isinstance(fetched, Fetched)
        return await asyncio.to_thread(read_rules, fetched.body, agent)


def read_rules(body: bytes, agent: str) -> Protego:
    """Read a robots.txt for one product token, in time linear in its size.

    Protego takes quadratic time for rules that are for many agents at once, so all others become one. That also makes
    the comparison exact, as section 2.2.1 has it.
    """

    def name(line: re.Match[str]) -> str:
        wanted = "*" if line[2] == "*" else agent if product_token(line[2]) == agent else _NOBODY
        return f"{line[1]} {wanted}"

    text = "\n".join(body.decode("utf-8-sig", "replace").splitlines())
    return Protego.parse(_AGENT.sub(name, text))


def product_token(user_agent: str) -> str:
    """Return the product token that names us in a robots.txt (RFC 9309, section 2.2.1)."""
    match = _PRODUCT.match(user_agent)
    return match[0].lower() if match else _NOBODY
