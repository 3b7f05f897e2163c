"""What a feed says about when to fetch it again: `ttl`, `skipHours` and `skipDays` of RSS, and the syndication module.

In: elements of the feed itself, one by one, from either reader. Out: a `Syndication` with their texts; the schedule
interprets them.

Specifications: RSS 2.0 (rssboard.org/rss-specification), RDF Site Summary 1.0 Modules: Syndication
(web.resource.org/rss/1.0/modules/syndication).
"""

from __future__ import annotations

from lxml import etree

from aggregator.models import Syndication
from aggregator.parse.xmltree import text_content

SY = "{http://purl.org/rss/1.0/modules/syndication/}"

#: Texts of one kind that are kept, and characters of each: a whole number or a date is expected.
_MAX_TEXTS = 100
_MAX_LENGTH = 100
_LISTS = {"skipHours": "hour", "skipDays": "day"}
_SINGLE = ("ttl", SY + "updatePeriod", SY + "updateFrequency", SY + "updateBase")


def hint_names(own: str) -> dict[str, str]:
    """Return the qualified names of the elements that are hints, with the names that `SyndicationHints` knows them by.

    Args:
        own: the namespace of the format's own elements, in lxml's form.
    """
    names = {name if name.startswith("{") else own + name: name.rpartition("}")[2] for name in _SINGLE}
    return names | {own + name: name for name in _LISTS}


class SyndicationHints:
    """Collects the hints of a feed; `finish` makes the `Syndication`."""

    __slots__ = ("texts",)

    def __init__(self) -> None:
        #: Texts by the local name of their element.
        self.texts: dict[str, list[str]] = {}

    def add(self, name: str, text: str) -> None:
        """Take the text of an element: ``ttl``, ``hour``, ``day``, ``updatePeriod`` …"""
        texts = self.texts.setdefault(name, [])
        if (text := text.strip()) and len(texts) < _MAX_TEXTS:
            texts.append(text[:_MAX_LENGTH])

    def read(self, name: str, element: etree._Element) -> None:
        """Take an element; `name` is its name in `hint_names`."""
        inner = _LISTS.get(name)
        for found in element.iterchildren(f"{{*}}{inner}") if inner else (element,):
            self.add(inner or name, text_content(found))

    def finish(self) -> Syndication | None:
        """Return the hints that were found, or None."""
        if not any(self.texts.values()):
            return None
        get = self.texts.get
        return Syndication(
            ttl=_first(get("ttl")),
            skip_hours=tuple(get("hour", ())),
            skip_days=tuple(get("day", ())),
            update_period=_first(get("updatePeriod")),
            update_frequency=_first(get("updateFrequency")),
            update_base=_first(get("updateBase")),
        )


def _first(texts: list[str] | None) -> str | None:
    return texts[0] if texts else None
