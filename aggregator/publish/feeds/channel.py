"""What the merged feeds of one category say of themselves.

In: settings. Out: `Channel`, the formats, and where each feed is found. This module renders nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

from aggregator.values import media_types
from aggregator.values.urls import clean_url

Format = Literal["rss", "atom", "json"]

FILE_NAMES: dict[Format, str] = {"rss": "rss.xml", "atom": "atom.xml", "json": "feed.json"}
"""File of each format below the folder of its category."""

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
        """Address of the feed in one format, as a URI: a slug may have letters beyond ASCII, and so may a host."""
        return _uri(self.base_url) + FILE_NAMES[form]

    def home(self) -> str:
        """Address of the home page, as a URI."""
        return _uri(self.home_url)

    def fingerprint(self) -> str:
        """All that the feeds depend on besides their items, as text."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)


def _uri(url: str) -> str:
    return clean_url(url) or url
