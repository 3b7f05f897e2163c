"""Which proxy a request goes through where its source names none.

In: the setting, and the environment where the setting says so. Out: for each target, the address of a proxy or None.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Callable

from aggregator.errors import FetchError
from aggregator.fetch.target import Target
from aggregator.values.urls import ENVIRONMENT

Choice = Callable[[Target], str | None]
"""Gives the address of the proxy for a target; raises `FetchError` where the environment names one of no use."""


def no_proxy(target: Target) -> str | None:
    """No proxy, whatever the target."""
    return None


def choice(setting: str | None) -> Choice:
    """How the proxy of a target is found.

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
