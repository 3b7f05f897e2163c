"""Sites whose feeds are known, by their addresses or by marks on their pages: the table `sites.toml`, applied. Pure.

Sites change: each entry of the table has the day on which it was last compared with what the site offers. An address
that is made here is a proposal, and only a try shows whether it works.
"""

from __future__ import annotations

import functools
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

from aggregator.values.urls import resolve

if TYPE_CHECKING:
    from aggregator.discover.elements import Elements

#: Elements that are looked at for one value, and characters of an attribute.
_LOOKED_AT = 200
_LONGEST = 2000
_VALUE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class PageValue:
    """Where a value stands on a page."""

    select: str
    pattern: re.Pattern[str]
    #: None: the text of the element.
    attribute: str | None = None
    #: Whether the value has the escapes of a text in JSON.
    json: bool = False


@dataclass(frozen=True, slots=True)
class At:
    """One kind of address of a site."""

    name: str
    path: re.Pattern[str]
    query: Mapping[str, re.Pattern[str]]
    read: tuple[PageValue, ...]
    feeds: tuple[str, ...]
    routes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """One site, or one program that many sites are made with."""

    #: The day on which the entry was last compared with what the site offers.
    checked: date
    hosts: tuple[str, ...]
    marks: tuple[str, ...]
    #: Whether its feed is that of the whole site, whatever the page.
    generic: bool
    at: tuple[At, ...]


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A source at a known site."""

    #: What the address is, such as "YouTube channel".
    name: str
    #: Address of a feed, or a route of RSSHub.
    feed: str | None
    route: str | None
    #: Whether it is about this very address, and not about the whole site.
    exact: bool
    #: Whether the page was read for it.
    read: bool


@functools.cache
def table() -> tuple[Site, ...]:
    """Return the table."""
    text = resources.files(__package__).joinpath("sites.toml").read_text(encoding="utf-8")
    return tuple(_site(one) for one in tomllib.loads(text)["site"])


def known(url: str, elements: Elements | None = None) -> list[KnownSource]:
    """Return the sources at an address of a known site, the best first; [] where the site is not known.

    Args:
        url: absolute http(s) address.
        elements: the page there, if it was fetched; without it only hosts are recognized.
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return []
    found: list[KnownSource] = []
    for site in table():
        if any(_is_host(host, one) for one in site.hosts) or (elements and _has_mark(elements, site)):
            found += _at(site, url, elements)
    return found


def _at(site: Site, url: str, elements: Elements | None) -> Iterator[KnownSource]:
    parts = urlsplit(url)
    for at in site.at:
        values = _values(at, url)
        if values is None:
            continue
        if at.read:
            more = _read(at, elements) if elements else None
            if more is None:
                continue
            values |= more
        host = parts.hostname or ""
        values |= {"origin": f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", "account": host.partition(".")[0]}
        for feed in at.feeds:
            if address := _filled(feed, values):
                yield KnownSource(at.name, resolve(address, None), None, not site.generic, bool(at.read))
        for route in at.routes:
            if address := _filled(route, values):
                yield KnownSource(at.name, None, address, True, bool(at.read))
        return


def _values(at: At, url: str) -> dict[str, str] | None:
    """Return the values in an address, or None where it is not one of this kind."""
    parts = urlsplit(url)
    path = at.path.fullmatch(parts.path.rstrip("/"))
    if path is None:
        return None
    values = {name: value for name, value in path.groupdict().items() if value is not None}
    try:
        said = dict(reversed(parse_qsl(parts.query, max_num_fields=100)))
    except ValueError:
        said = {}
    for name, pattern in at.query.items():
        value = pattern.fullmatch(said.get(name, ""))
        if value is None:
            return None
        values |= {key: quote_plus(one) for key, one in value.groupdict().items() if one is not None}
    return values


def _read(at: At, elements: Elements) -> dict[str, str] | None:
    """Return the values on a page, or None where there are none."""
    from aggregator.sources.page import attribute

    for read in at.read:
        for number, tag in enumerate(elements.matching(read.select)):
            if number == _LOOKED_AT:
                break
            said = tag.get_text() if read.attribute is None else attribute(tag, read.attribute)[:_LONGEST]
            match = read.pattern.search(said)
            if match is not None:
                values = {name: value for name, value in match.groupdict().items() if value is not None}
                return {name: _unescaped(value) for name, value in values.items()} if read.json else values
    return None


def _unescaped(value: str) -> str:
    try:
        return str(json.loads(f'"{value}"'))
    except ValueError:
        return value


def _filled(template: str, values: Mapping[str, str]) -> str | None:
    if any(name not in values for name in _VALUE.findall(template)):
        return None
    return _VALUE.sub(lambda match: values[match[1]], template)


def _is_host(host: str, pattern: str) -> bool:
    if not pattern.startswith("*."):
        return host == pattern
    return host.endswith(pattern[1:]) and host != f"www{pattern[1:]}"


def _has_mark(elements: Elements, site: Site) -> bool:
    return any(next(elements.matching(mark), None) is not None for mark in site.marks)


def _site(raw: Mapping[str, Any]) -> Site:
    at = tuple(
        At(
            name=one["is"],
            path=re.compile(one["path"]),
            query={name: re.compile(pattern) for name, pattern in one.get("query", {}).items()},
            read=tuple(
                PageValue(read["select"], re.compile(read["pattern"]), read.get("attribute"), read.get("json", False))
                for read in one.get("read", ())
            ),
            feeds=tuple(one.get("feeds", ())),
            routes=tuple(one.get("routes", ())),
        )
        for one in raw["at"]
    )
    return Site(raw["checked"], tuple(raw.get("hosts", ())), tuple(raw.get("marks", ())), raw.get("generic", False), at)
