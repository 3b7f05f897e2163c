"""What addresses look like in the wild, wherever they are found: in feeds.yaml, in headers, in documents."""

from __future__ import annotations

import re

#: In place of a proxy's address: the proxies that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name.
ENVIRONMENT = "environment"

_FEED = re.compile(r"\s*feed:(?=//|https?:)", re.IGNORECASE)
_HTTP = re.compile(r"https?:", re.IGNORECASE)


def without_feed_scheme(text: str) -> str:
    """The http(s) address behind a `feed:` address; any other text comes back as it is.

    ``feed://example.org/x`` is ``http://example.org/x``, ``feed:https://example.org/x`` is ``https://example.org/x``.
    """
    found = _FEED.match(text)
    if found is None:
        return text
    rest = text[found.end() :]
    return rest if _HTTP.match(rest) else f"http:{rest}"
