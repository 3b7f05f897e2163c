"""One request on its way through redirects: what is sent at each hop, and what is remembered of the earlier ones.

Nothing is sent here. What belongs to one origin (credentials, headers, cookies) never goes to another.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Sequence

import aiohttp
from yarl import URL

from aggregator.errors import FetchError
from aggregator.fetch import addresses
from aggregator.fetch.addresses import Origin, Target
from aggregator.fetch.transport import Outgoing
from aggregator.models import Request
from aggregator.values.urls import ENVIRONMENT

#: Redirects that say that the document has moved permanently (RFC 9110, section 15.4).
_PERMANENT = frozenset({301, 308})
#: Redirects that repeat the request as it is (sections 15.4.8 and 15.4.9); after others, a POST becomes a GET.
_REPEATING = frozenset({307, 308})

Choice = Callable[[Target], str | None]
"""Returns the address of the proxy for a target; raises `FetchError` where the environment names an unusable one."""


def no_proxy(target: Target) -> str | None:
    """No proxy, whatever the target."""
    return None


def choice(setting: str | None) -> Choice:
    """Return the function that finds the proxy of a target.

    Args:
        setting: address of a proxy, None for no proxy, or `ENVIRONMENT`: then HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and
            NO_PROXY decide, in upper or lower case, as they are now (`urllib.request.getproxies_environment`).
    """
    if setting is None:
        return no_proxy
    if setting != ENVIRONMENT:
        return lambda target: setting
    proxies = urllib.request.getproxies_environment()

    def of_environment(target: Target) -> str | None:
        address = proxies.get(target.scheme) or proxies.get("all")
        # The type stubs leave this function of the standard library out.
        if not address or urllib.request.proxy_bypass_environment(target.authority, proxies):  # type: ignore[attr-defined]
            return None
        scheme, mark, rest = address.partition("://")
        if not mark:
            return f"http://{address}"
        if scheme.lower() not in ("http", "https") or not rest:
            names = f"{target.scheme.upper()}_PROXY or ALL_PROXY"
            message = f"{names} names a proxy of the scheme {scheme[:20]!r}; only HTTP proxies can be used"
            raise FetchError(message, kind="refused", url=target.url)
        return address

    return of_environment


class ChainCookies:
    """Cookies of one redirect chain: some sites set one and redirect to the same address.

    They are kept for one request, and go back only to the origin that set them (RFC 6454, RFC 6265). aiohttp's jar has
    the rules and limits; it needs an event loop.
    """

    def __init__(self) -> None:
        self._jars: dict[Origin, aiohttp.CookieJar] = {}

    def keep(self, target: Target, headers: Sequence[str]) -> None:
        """Keep what an answer of `target` sets, given as values of Set-Cookie."""
        if headers:
            # `unsafe` allows cookies of IP addresses: each origin has a jar of its own.
            jar = self._jars.setdefault(target.origin, aiohttp.CookieJar(unsafe=True, quote_cookie=False))
            jar.update_cookies_from_headers(headers, URL(target.url, encoded=True))

    def of(self, target: Target) -> dict[str, str]:
        """Return the cookies to send to `target`, by name."""
        jar = self._jars.get(target.origin)
        if jar is None:
            return {}
        return {name: morsel.coded_value for name, morsel in jar.filter_cookies(URL(target.url, encoded=True)).items()}


class Trip:
    """One request, and the redirects that it has followed.

    Args:
        proxy_of: the proxy where the request names none.

    Raises:
        FetchError: its address cannot be fetched.
    """

    def __init__(self, request: Request, proxy_of: Choice = no_proxy) -> None:
        self.request = request
        self.target = addresses.parse(request.url)
        #: The body to send next; None: the next request is a GET.
        self.content = request.content
        self._first = self.target.url
        # RFC 9110, section 13.1.2: with them, a POST would be refused where the document is as before.
        self.validators = [] if request.content is not None else _validators(request)
        #: Notes about the redirects.
        self.notes: tuple[str, ...] = ()
        elsewhere = request.home is not None and request.home != request.url
        home = addresses.parse(request.home or "") if elsewhere else self.target
        self._home = home.origin
        #: The address to request next time: the one that the permanent redirects before the first other one led to;
        #: None: the old one.
        self.moved_to: str | None = None
        self._permanent = True
        self._cookies = ChainCookies()
        self._proxy_of = proxy_of
        self._credentials: dict[Origin, str] = {}
        if request.access.authorization:
            self._credentials[self._home] = request.access.authorization
        self._learn(home)
        self._learn(self.target)
        #: Addresses with the cookies and method that went there: with others, the same address may answer otherwise.
        self._visited = {self._asked}

    @property
    def at_home(self) -> bool:
        """Whether the target has the origin that the settings of the source are for."""
        return self.target.origin == self._home

    @property
    def signed_in(self) -> bool:
        """Whether the request has credentials for the target."""
        return self.target.origin in self._credentials

    @property
    def method(self) -> str:
        """The method of the next request."""
        return "GET" if self.content is None else "POST"

    @property
    def redirected(self) -> str:
        """``; it was redirected from …`` for a message, where it was."""
        return "" if self.target.url == self._first else f"; it was redirected from {self._first}"

    def ask(self, user_agent: str) -> Outgoing:
        """Return the request to send to the target."""
        request, target, access, at_home = self.request, self.target, self.request.access, self.at_home
        own = access.headers if at_home else ()
        if self.content is None and request.content is not None:
            # A redirect has taken the body away.
            own = tuple((name, value) for name, value in own if name.lower() != "content-type")
        named = {name.lower() for name, _ in own}
        headers = [
            ("User-Agent", access.user_agent or user_agent),
            ("Accept-Encoding", "gzip, deflate, br, zstd"),
            *self.validators,
            *own,
        ]
        if "accept" not in named:
            headers.insert(1, ("Accept", request.accept))
        if "host" not in named:
            headers.insert(0, ("Host", target.authority))
        if self.content is not None and "content-type" not in named:
            headers.append(("Content-Type", request.content_type))
        if request.delta and self.validators:
            headers.append(("A-IM", "feed"))
        if cookies := self._cookie_header():
            headers.append(("Cookie", cookies))
        credentials = self._credentials.get(target.origin)
        if credentials and "authorization" not in named:
            headers.append(("Authorization", credentials))
        unverified = at_home and access.unverified_until is not None
        proxy = access.proxy or self._proxy_of(target)
        return Outgoing(target, headers, request.allow_private, proxy, unverified=unverified, body=self.content)

    def move(self, location: str, status: int, cookies: Sequence[str] = ()) -> None:
        """Follow a redirect; raises `FetchError`.

        Args:
            cookies: values of Set-Cookie in the answer that redirects.
        """
        self._cookies.keep(self.target, cookies)
        before, self.target = self.target, self.target.join(location)
        if self.content is not None:
            self._repeat(before, status)
        if self._asked in self._visited:
            message = "the redirects go round in a circle; perhaps the site wants a browser"
            raise FetchError(message, kind="redirect", url=self.target.url)
        self._visited.add(self._asked)
        self._permanent = self._permanent and status in _PERMANENT
        if (before.scheme, self.target.scheme) == ("https", "http"):
            # Anyone on the network path could have written what follows, so the address is not remembered.
            self._permanent = False
            self.notes += (f"it redirects from https to http, where anyone can change it: {self.target.url}",)
        if self._permanent:
            self.moved_to = self.target.url
        self._learn(self.target)

    def _repeat(self, before: Target, status: int) -> None:
        """Decide what becomes of the body at a redirect."""
        if status not in _REPEATING:
            # What answers there is another document than the one that a POST would get, so it has not moved.
            self.content = None
            self._permanent = False
        elif self.target.origin != before.origin:
            message = (
                f"it redirects the POST request from {before.url} to another site, which gets no body; if that is "
            )
            message += "right, set this as the address of the source"
            raise FetchError(message, kind="redirect", url=self.target.url)

    @property
    def _asked(self) -> tuple[str, str, str]:
        return self.target.url, self._cookie_header(), self.method

    def _cookie_header(self) -> str:
        """Return the cookies for the target: those of the source at its own origin, and those that redirects set."""
        cookies = dict(self.request.access.cookies) if self.at_home else {}
        cookies |= self._cookies.of(self.target)
        return "; ".join([f"{name}={value}" for name, value in cookies.items()])

    def _learn(self, target: Target) -> None:
        """Keep the credentials of an address for its origin only; the first ones count.

        Otherwise a redirect could replace those of the source.
        """
        if target.authorization:
            self._credentials.setdefault(target.origin, target.authorization)


def _validators(request: Request) -> list[tuple[str, str]]:
    """Conditional headers with exactly the bytes that were received.

    aiohttp can only write header bytes that are UTF-8. Others are left out: the answer is then compared by its body.
    """
    found = []
    for name, value in (("If-None-Match", request.etag), ("If-Modified-Since", request.last_modified)):
        if value:
            try:
                found.append((name, value.encode("latin-1").decode("utf-8")))
            except UnicodeError:
                continue
    return found
