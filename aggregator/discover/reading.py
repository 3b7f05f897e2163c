"""Guesses, checked: what the kinds themselves read with the settings that were guessed. Pure; it works in a worker.

A selector that is built from names and places can be wrong in a way that only the reader shows: it reads more than the
list, or texts that are no titles. What is not read as it was meant is not offered.
"""

from __future__ import annotations

from collections.abc import Iterable

from aggregator.discover.embedded import DataList
from aggregator.discover.guess import Guess
from aggregator.errors import ParseError
from aggregator.models import Fetched, RawEntry
from aggregator.sources import jsonapi, scrape
from aggregator.sources.jsonitems import read_items
from aggregator.sources.jsonsettings import JsonSettings
from aggregator.sources.listpage import read_list
from aggregator.sources.paging import USUAL_LIMIT

#: Share of the articles that must be read, and that must have a title.
_MOST = 0.9
#: How many articles may be read for each that was meant: a list may go on in other parts of the page.
_AT_MOST = 3


def reads_list(page: Fetched, guess: Guess) -> bool:
    """Whether the kind `scrape` reads the articles of a list, and hardly anything else."""
    try:
        settings = scrape.ScrapeSettings.model_validate({"url": page.url, **guess.settings})
        entries = read_list((scrape.make_rules(settings, None), page)).entries
    except (ValueError, ParseError):
        return False
    read = {entry.url for entry in entries}
    meant = {url.partition("#")[0] if "article" in guess.settings else url for url in guess.urls}
    hits = len(read & meant)
    return hits >= _MOST * min(len(meant), settings.limit or USUAL_LIMIT) and (
        len(read) <= _AT_MOST * len(meant) and _are_titled(entries)
    )


def reads_data(page: Fetched, data: DataList) -> bool:
    """Whether the kind `json` reads the items of a list."""
    try:
        settings = JsonSettings.model_validate({"url": page.url, **data.settings})
        entries = read_items((jsonapi.make_rules(settings, None), None, page)).entries
    except (ValueError, ParseError):
        return False
    return len(entries) >= _MOST * min(data.items, settings.limit or USUAL_LIMIT) and _are_titled(entries)


def _are_titled(entries: Iterable[RawEntry]) -> bool:
    """Whether nearly all entries have a title, and not all the same."""
    titles = [entry.title.value if entry.title else "" for entry in entries]
    return sum(map(bool, titles)) >= _MOST * len(titles) and len(set(titles)) > len(titles) / 2
