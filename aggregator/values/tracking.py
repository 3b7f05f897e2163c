"""Addresses without the parameters that say where a visitor came from. Pure.

The parameters stand in `tracking.txt`: those of all hosts, and those of some. What is left of an address keeps its
bytes and its order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from urllib.parse import unquote_plus

#: An address that is signed is left alone: the signature may be over all parameters.
_SIGNATURES = frozenset(
    "signature sig hmac x-amz-signature x-goog-signature x-oss-signature x-cos-signature hdnts hdnea".split()
)


@dataclass(slots=True)
class _Parameters:
    """Parameters that are removed, in lower case."""

    names: set[str] = field(default_factory=set)
    #: Beginnings of names.
    prefixes: tuple[str, ...] = ()
    #: Beginnings of values, by name; one that ends with "" is a whole value.
    values: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)

    def add(self, word: str) -> None:
        name, equals, value = word.partition("=")
        if equals:
            self.values.setdefault(name, []).append((value.removesuffix("*"), value.endswith("*")))
        elif name.endswith("*"):
            self.prefixes += (name[:-1],)
        else:
            self.names.add(name)

    def has(self, name: str, value: str) -> bool:
        if name in self.names or (self.prefixes and name.startswith(self.prefixes)):
            return True
        return any(
            value.startswith(begin) if is_prefix else value == begin for begin, is_prefix in self.values.get(name, ())
        )


def without_tracking(url: str) -> str:
    """Return an absolute http(s) address without tracking parameters, in its query and in its fragment.

    An address that has none, or is signed, is returned as it is.
    """
    if "=" not in url:
        return url
    before, hash_mark, fragment = url.partition("#")
    page, question_mark, query = before.partition("?")
    applied = _applied(page)
    if question_mark:
        kept = _kept(query, applied)
        if kept is None:
            return url
        before = f"{page}?{kept}" if kept or not query else page
    # A fragment is read as parameters only where it is nothing else: `#/path?x=1` is the place of a page's script.
    if hash_mark and "=" in fragment and "/" not in fragment and "?" not in fragment and "!" not in fragment:
        rest = _kept(fragment, applied)
        fragment, hash_mark = (fragment, hash_mark) if rest is None else (rest, hash_mark if rest else "")
    return f"{before}{hash_mark}{fragment}"


def _kept(query: str, applied: tuple[_Parameters, ...]) -> str | None:
    """Return what is left of a query; None: it is signed."""
    parts = query.split("&")
    kept = []
    for part in parts:
        name, _, value = part.partition("=")
        name, value = _plain(name), _plain(value)
        if name in _SIGNATURES:
            return None
        # `amp;` is left of an address that was escaped once too often.
        if not any(one.has(name.removeprefix("amp;"), value) for one in applied):
            kept.append(part)
    return query if len(kept) == len(parts) else "&".join(kept)


def _plain(part: str) -> str:
    return (unquote_plus(part) if "%" in part or "+" in part else part).lower()


def _applied(page: str) -> tuple[_Parameters, ...]:
    """Return what is removed from addresses of a page: for all hosts, for its host, and for those above it."""
    everywhere, by_host = _known()
    host = page.partition("://")[2].partition("/")[0].partition(":")[0].rstrip(".").lower()
    return (everywhere, *(by_host[name] for name in _domains(host) if name in by_host))


def _domains(host: str) -> Iterator[str]:
    while "." in host:
        yield host
        host = host.partition(".")[2]


@cache
def _known() -> tuple[_Parameters, Mapping[str, _Parameters]]:
    """Read the list."""
    everywhere = _Parameters()
    by_host: dict[str, _Parameters] = {}
    current = [everywhere]
    for line in (files("aggregator.values") / "tracking.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            current = [by_host.setdefault(host, _Parameters()) for host in line.strip("[]").split()]
        elif not line.startswith("#"):
            for word in line.split():
                for parameters in current:
                    parameters.add(word)
    return everywhere, by_host
