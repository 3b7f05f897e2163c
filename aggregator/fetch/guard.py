"""Which addresses may be reached: the check between DNS and every connection.

A `Guard` is a socket factory. The connection pool asks it for a socket once for every address that it is about to
connect to, after DNS and for IP literals too; so nothing that a name resolves to, now or on the next look-up, gets
around it. It never looks at names: only the address that is connected to counts.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

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
        """Return the resolver belongs to the transport."""
