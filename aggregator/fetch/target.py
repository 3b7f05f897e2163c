"""Addresses as they are requested: the text of a URL goes in, a checked `Target` comes out.

What goes over the wire is what the text says: escapes stay as they are, only characters outside ASCII are encoded
(RFC 3987, section 3.1; host names by IDNA). Only the text is checked; which addresses may be reached is the
business of `aggregator.fetch.guard`.
"""

from __future__ import annotations

import functools
import re
from base64 import b64encode
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import urljoin

import httpx

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
