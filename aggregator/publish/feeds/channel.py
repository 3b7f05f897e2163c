"""The head of the merged feeds of one category.

In: settings. Out: `Channel`, the formats, and the address of each feed. This module renders nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

from aggregator.values import media_types
from aggregator.values.urls import clean_url

Format = Literal["rss", "atom", "json"]

FILE_NAMES: dict[Format, str] = {"rss": "rss.xml", "atom": "atom.xml", "json": "feed.json"}
"""The file of each format in the folder of its category."""

MEDIA_TYPES: dict[Format, str] = {
    "rss": media_types.RSS,
    "atom": media_types.ATOM,
    "json": media_types.JSON_FEED,
}


@dataclass(frozen=True, slots=True)
class Channel:
    """The head of the feeds of one category."""

    slug: str
    #: Never empty.
    title: str
    description: str
    #: Home page of the site, absolute.
    home_url: str
    #: Address of the folder that holds the feeds, absolute, with ``/`` at its end.
    base_url: str
    #: BCP 47, or None.
    language: str | None
    author: str

    def url(self, form: Format) -> str:
        """Return the address of the feed in one format, as a URI: slug and host may have characters beyond ASCII."""
        return _uri(self.base_url) + FILE_NAMES[form]

    def home(self) -> str:
        """Return the address of the home page, as a URI."""
        return _uri(self.home_url)

    def fingerprint(self) -> str:
        """Return everything that the feeds depend on besides their items, as text."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)


def _uri(url: str) -> str:
    return clean_url(url) or url
