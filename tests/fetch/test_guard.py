from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.fetch.addresses import AddressRefused, Guard, is_public

NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "3fff::1",
    "4000::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "2002:808:808::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_needs_permission(address: str) -> None:
    assert not Guard(False).permits(address)
    assert not Guard(("192.0.1.0/24", "2a00::/16")).permits(address)
    assert Guard(True).permits(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_may_be_reached(address: str) -> None:
    assert Guard(False).permits(address)


@pytest.mark.parametrize(
    ("address", "network", "permitted"),
    [
        ("127.0.0.1", "127.0.0.1/32", True),
        ("127.0.0.2", "127.0.0.1/32", False),
        ("10.1.2.3", "10.1.0.0/16", True),
        ("10.2.0.0", "10.1.0.0/16", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3/8", True),
        ("::1", "::1/128", True),
        ("fd00::7", "fd00::/8", True),
        ("::ffff:10.1.2.3", "10.0.0.0/8", True),
        ("64:ff9b::10.1.2.3", "10.0.0.0/8", True),
        ("64:ff9b:1::10.1.2.3", "64:ff9b:1::/48", True),
        ("2002:a01:203::1", "10.0.0.0/8", True),
        ("::1", "127.0.0.0/8", False),
        ("127.0.0.1", "::/0", False),
    ],
)
def test_listed_networks_may_be_reached(address: str, network: str, permitted: bool) -> None:
    assert Guard((network,)).permits(address) is permitted


@given(st.ip_addresses(v=4))
def test_an_address_in_disguise_is_judged_like_itself(address: object) -> None:
    plain = ip_address(str(address))
    number = int(plain)
    for disguise in (f"::ffff:{plain}", f"64:ff9b::{plain}", f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1"):
        assert is_public(ip_address(disguise)) is is_public(plain)


@given(st.ip_addresses())
def test_nothing_public_is_what_the_standard_library_calls_private(address: object) -> None:
    plain = ip_address(str(address))
    if is_public(plain) and getattr(plain, "ipv4_mapped", None) is None:
        assert not (plain.is_loopback or plain.is_link_local or plain.is_multicast or plain.is_unspecified)
        assert not (plain.is_private or plain.is_reserved) or str(plain).startswith(("64:ff9b:", "2002:"))


def test_a_guard_makes_sockets_for_permitted_addresses_only() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.1"):
        Guard(False)(info)
    with Guard(True)(info) as made:
        assert made.family == socket.AF_INET
        assert not made.get_inheritable()


def test_a_list_of_something_else_than_networks_is_an_error() -> None:
    with pytest.raises(ValueError, match="example"):
        Guard(("example.org",))
