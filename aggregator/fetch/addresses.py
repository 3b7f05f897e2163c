"""Addresses: URLs as they are requested, and which IP addresses may be reached.

`parse` makes a checked `Target` from the text of a URL. What goes over the wire is what the text says: escapes stay as
they are, only characters outside ASCII are encoded (RFC 3987, section 3.1; host names by IDNA).

A `Guard` stands between DNS and every connection. It is a socket factory: the connection pool asks it for a socket once
for every address that it is about to connect to, after DNS and for IP literals too; so nothing that a name resolves to,
now or on the next look-up, gets around it. It never looks at names: only the address that is connected to counts.
"""

from __future__ import annotations

import functools
import re
import socket
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urljoin

import httpx
from aiohttp.abc import AbstractResolver, ResolveResult

from aggregator.errors import FetchError
from aggregator.values.urls import without_feed_scheme, without_userinfo

MAX_LENGTH = 8192
#: Longer ones are not kept: strangers choose them, and nearly all are shorter.
_KEPT_LENGTH = 300

_PORTS = {"http": 80, "https": 443}
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,62})"
_NAME = re.compile(rf"(?=.{{1,254}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
#: What nearly all addresses look like: nothing to encode, to lower or to leave out. Of the hosts that end in a digit,
#: only IPv4 addresses, since all others want a closer look.
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_UNTOUCHED = r"[A-Za-z0-9/._~!$&()*+,;=:@-]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9/._~!$&()*+,;=:@-]*)*"
_PLAIN = re.compile(
    rf"(https?)://((?:{_OCTET}\.){{3}}{_OCTET}|[a-z0-9._-]*[a-z])(?::([1-9][0-9]{{0,4}}))?"
    rf"/{_UNTOUCHED}(?:\?{_UNTOUCHED})?"
)
_LENIENT = re.compile(r"[\x00-\x20\\]|\Afeed:", re.IGNORECASE)
#: C0 controls and spaces.
_AROUND = "".join(map(chr, range(0x21)))
_LINE_ENDS = re.compile(r"[\t\r\n]+")
_QUERY = re.compile(r"(?=[?#])")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")

Origin = tuple[str, str, int]
"""Scheme, host and port (RFC 6454)."""


@dataclass(frozen=True, slots=True)
class Target:
    """One address, ready for a request."""

    #: Without user name, password and fragment.
    url: str
    origin: Origin
    #: Authorization header made of the user name and password (RFC 7617), or None.
    authorization: str | None

    @property
    def scheme(self) -> str:
        return self.origin[0]

    @property
    def host(self) -> str:
        return self.origin[1]

    @property
    def port(self) -> int:
        return self.origin[2]

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them (RFC 9110, section 7.2)."""
        scheme, host, port = self.origin
        name = f"[{host}]" if ":" in host else host
        return name if port == _PORTS[scheme] else f"{name}:{port}"

    def join(self, location: str) -> Target:
        """Return the target of a redirect (RFC 9110, section 10.2.2), read as browsers do; raises `FetchError`."""
        try:
            return parse(urljoin(self.url, _checked(_lenient(location))))
        except ValueError as error:
            raise _refused(location, str(error)) from error


def parse(text: str) -> Target:
    """Check an absolute URL and take it apart.

    Raises:
        FetchError: of kind ``refused``, if it is no http(s) URL that can be requested.
    """
    return _kept(text) if len(text) <= _KEPT_LENGTH else _parse(text)


def _parse(text: str) -> Target:
    return _plain(text) or _general(text)


def _plain(text: str) -> Target | None:
    """Return the target of an address that is used exactly as it is written; None: `_general` reads it."""
    found = _PLAIN.fullmatch(text) if len(text) <= MAX_LENGTH and "/." not in text else None
    if found is None:
        return None
    scheme, host, written = found.groups()
    port = int(written) if written else _PORTS[scheme]
    # A port that is written although it is the usual one is taken away.
    if port > 65535 or (written and port == _PORTS[scheme]) or not _is_host(host):
        return None
    return Target(text, (scheme, host, port), None)


def _general(text: str) -> Target:
    try:
        url = httpx.URL(_checked(text))
    except (httpx.InvalidURL, ValueError) as error:
        raise _refused(text, str(error)) from error
    if url.scheme not in _PORTS:
        raise _refused(text, f"its scheme is {url.scheme or 'missing'}; only http and https are fetched")
    host = url.raw_host.decode("ascii")
    if not _is_host(host):
        raise _refused(text, f"{host!r} is not a host name" if host else "it has no host name")
    port = _PORTS[url.scheme] if url.port is None else url.port
    if not 0 < port < 65536:
        raise _refused(text, f"{port} is not a port")
    authorization = None
    if url.userinfo:
        authorization = "Basic " + b64encode(f"{url.username}:{url.password}".encode()).decode()
    if url.userinfo or "#" in text or url.port == _PORTS[url.scheme]:
        url = url.copy_with(userinfo=b"", fragment=None, port=None if port == _PORTS[url.scheme] else port)
    return Target(str(url), (url.scheme, host, port), authorization)


def _lenient(text: str) -> str:
    """Return an address as browsers read it (WHATWG URL, section 4.4) where it is not written by the letter.

    White space around it goes, as do tabs and line ends inside; other spaces are encoded; a backslash before the query
    is a slash; and ``feed:`` names a feed over http.
    """
    if not _LENIENT.search(text):
        return text
    text = _LINE_ENDS.sub("", text.strip(_AROUND))
    path, *rest = _QUERY.split(text, maxsplit=1)
    if not (scheme := _SCHEME.match(path)) or scheme[1].lower() in (*_PORTS, "feed"):
        path = path.replace("\\", "/")
    return without_feed_scheme("".join((path, *rest)).replace(" ", "%20").replace("\\", "%5C"))


#: The address of a source is parsed twice in every cycle: when its turn is decided, and when it is fetched.
_kept = functools.lru_cache(maxsize=10_000)(_parse)


def shown(text: str) -> str:
    """Return a URL of any kind, fit for a message: no password, no control characters, not endless."""
    text = without_userinfo(text)
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _checked(text: str) -> str:
    if len(text) > MAX_LENGTH:
        raise _refused(text, f"it is longer than {MAX_LENGTH:,} characters")
    if found := _FORBIDDEN.search(text):
        names = {" ": "a space", "\\": "a backslash"}
        what = names.get(found[0], "a control character")
        raise _refused(text, f"it has {what} at position {found.start() + 1}; write it percent-encoded")
    return text


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _NAME.fullmatch(host) is not None
    try:
        return IPv6Address(host).scope_id is None
    except ValueError:
        return False


def _refused(text: str, why: str) -> FetchError:
    return FetchError(f"the address cannot be fetched: {why}", kind="refused", url=shown(text))


Address = IPv4Address | IPv6Address

_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host (RFC 791)
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # carrier-grade NAT (RFC 6598)
        "127.0.0.0/8",  # loopback (RFC 1122)
        "169.254.0.0/16",  # link-local, with the metadata services of clouds (RFC 3927)
        "172.16.0.0/12",  # private (RFC 1918)
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "192.168.0.0/16",  # private (RFC 1918)
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "198.51.100.0/24",  # documentation (RFC 5737)
        "203.0.113.0/24",  # documentation (RFC 5737)
        "224.0.0.0/4",  # multicast (RFC 5771)
        "240.0.0.0/4",  # reserved, and the broadcast address (RFC 1112)
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them (RFC 2928)
        "2001:db8::/32",  # documentation (RFC 3849)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")


class AddressRefused(OSError):
    """The guard does not let a connection be made to `address`."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(f"{address} is not a public address")


class Guard:
    """A socket factory (for `aiohttp.TCPConnector`) that makes sockets only for addresses that may be reached.

    Args:
        allowed: networks in CIDR notation that may be reached although they are not public, or True for all.

    Raises:
        ValueError: `allowed` has an item that is not a network.
    """

    def __init__(self, allowed: bool | Sequence[str]) -> None:
        self._all = allowed is True
        self._allowed = () if isinstance(allowed, bool) else tuple(ip_network(item, strict=False) for item in allowed)

    def __call__(self, info: tuple[Any, ...]) -> socket.socket:
        """Make the socket for one item of `socket.getaddrinfo`; raises `AddressRefused`."""
        family, kind, protocol, _, (address, *_) = info
        if not self.permits(address):
            raise AddressRefused(address)
        return socket.socket(family, kind, protocol)

    def permits(self, address: str) -> bool:
        """Whether a connection may be made to an IP address, given as text."""
        if self._all:
            return True
        parsed = ip_address(address.partition("%")[0])
        inner = _embedded(parsed)
        return is_public(parsed) or self._lists(parsed) or (inner is not None and self._lists(inner))

    def _lists(self, address: Address) -> bool:
        return any(address in network for network in self._allowed)


def is_public(address: Address) -> bool:
    """Whether an address is globally reachable (IANA's registries of special-purpose addresses, RFC 6890).

    IPv6 addresses that stand for an IPv4 one (mapped, NAT64, 6to4) are as public as that one. Teredo, IPv4-compatible
    and local-use NAT64 addresses (RFC 8215) never are.
    """
    inner = _embedded(address)
    if inner is not None:
        address = inner
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)


def _embedded(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 one leads to, or None (RFC 4291, section 2.5.5.2; RFC 6052; RFC 3056)."""
    if isinstance(address, IPv4Address):
        return None
    if address in _MAPPED or address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _6TO4:
        return IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return None


def check_literal(host: str, guard: Guard) -> None:
    """Raise `AddressRefused` where a host that is an address, however written, or this machine may not be reached."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        name = "127.0.0.1"
    try:
        # Also reads 127.1, 0x7f000001 and 2130706433, as proxies do.
        name = socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        if ":" not in name:
            return
    if not guard.permits(name):
        raise AddressRefused(name)


class GuardedResolver(AbstractResolver):
    """Looks names up, and leaves out the addresses that the guard would refuse.

    The guard sees every connection anyway; but of several addresses that fail aiohttp does not tell which one failed
    why.
    """

    def __init__(self, resolver: AbstractResolver, guard: Guard) -> None:
        self._resolver = resolver
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        permitted = [one for one in found if self._guard.permits(one["host"])]
        if found and not permitted:
            raise AddressRefused(found[0]["host"])
        return permitted

    async def close(self) -> None:
        """Do nothing: the resolver belongs to the transport."""
