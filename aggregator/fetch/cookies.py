"""Cookies of one redirect chain: some sites set one and send back to where they were asked.

They are kept for one request, go back to the very origin that set them, and to nobody else (RFC 6454, RFC 6265).
"""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp
from yarl import URL

from aggregator.fetch.target import Origin, Target


class ChainCookies:
    """What the origins of one chain have set; used inside of an event loop. aiohttp's jar has the rules and limits."""

    def __init__(self) -> None:
        self._jars: dict[Origin, aiohttp.CookieJar] = {}

    def keep(self, target: Target, headers: Sequence[str]) -> None:
        """Keep what an answer of `target` sets, given as values of Set-Cookie."""
        if headers:
            # Unsafe is what the jar calls cookies of IP addresses: other origins have other jars here.
            jar = self._jars.setdefault(target.origin, aiohttp.CookieJar(unsafe=True, quote_cookie=False))
            jar.update_cookies_from_headers(headers, URL(target.url, encoded=True))

    def of(self, target: Target) -> dict[str, str]:
        """The cookies to send to `target`, by name."""
        jar = self._jars.get(target.origin)
        if jar is None:
            return {}
        return {name: morsel.coded_value for name, morsel in jar.filter_cookies(URL(target.url, encoded=True)).items()}
