"""Proposals: edits of feeds.yaml that the state of the sources calls for.

A source gets a new address if its feed has moved permanently, or if it is a page that names a feed; it is removed if it
is gone.

In: the configuration, the states of the sources, the text of the file. Out: proposals, and the text with those that can
be made; nothing is written here. `find_feeds` fetches pages, with the same checks, limits and pauses as an update.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aggregator.config import Config, redact
from aggregator.config.editing import remove_source, set_urls
from aggregator.config.layout import NotEditable
from aggregator.errors import AggregatorError, FetchError
from aggregator.fetch import Fetcher
from aggregator.models import FeedState, Fetched, Source
from aggregator.parse.encoding import decode
from aggregator.parse.sniff import named_feed, sniff
from aggregator.pipeline import moves
from aggregator.pipeline.engine import fetch_settings
from aggregator.schedule.plan import Gone
from aggregator.sources import KINDS, feed
from aggregator.sources.kind import plain_request

#: Time for which a feed must have been at its new address before that is proposed.
SETTLED_AFTER = timedelta(days=7)
#: Maximum number of pages that one call fetches; the next call fetches others once these are corrected.
MAX_PAGES = 50


@dataclass(frozen=True, slots=True)
class Proposal:
    """One edit of feeds.yaml that corrects a source."""

    #: Index of the source in `Config.sources`, from 0.
    index: int
    source: Source
    #: What was observed, as a clause with the source as its subject.
    why: str
    #: The new address; None: remove the source.
    url: str | None
    #: Why a person has to make the edit; None: it can be made here.
    obstacle: str | None = None
    #: Index of its entry in `sources` of the file.
    entry: int = 0


def propose(config: Config, states: Mapping[str, FeedState], named: Mapping[str, str] | None = None) -> list[Proposal]:
    """Return the edits that would correct the sources, in the order of feeds.yaml.

    Args:
        states: of the sources, by id.
        named: addresses of the feeds that pages name, by the id of the source.
    """
    places: dict[tuple[str, str], int] = {(source.kind, source.url): source.line for source in config.sources}
    made = []
    for index, source in enumerate(config.sources):
        state = states.get(source.id)
        proposal = state and _of_source(config, places, index, source, state)
        if named and (url := named.get(source.id)):
            proposal = _of_page(config, places, index, source, url)
        if proposal:
            proposal = replace(proposal, entry=config.entries[index])
            if proposal.entry in config.templates:
                why = "its entry makes other sources as well (`for`); change it by hand"
                proposal = replace(proposal, obstacle=why)
            made.append(proposal)
            if proposal.url is not None:
                places.setdefault((source.kind, proposal.url), source.line)
    return made


def apply_proposals(text: str, proposals: Sequence[Proposal], *, gone: bool) -> tuple[str, list[Proposal]]:
    """Make the edits that can be made.

    Args:
        text: the current text of the file.
        gone: whether sources that are gone are removed, too.

    Returns:
        The new text, and all proposals, with the obstacles that were found.
    """
    urls = {one.entry: one.url for one in proposals if one.url is not None and one.obstacle is None}
    text, refused = set_urls(text, urls) if urls else (text, {})
    made = [
        replace(one, obstacle=str(refused[one.entry])) if one.url is not None and one.entry in refused else one
        for one in proposals
    ]
    # From the end, so that the indexes of the sources before stay valid.
    for place, one in reversed(list(enumerate(made))):
        if one.url is None and gone and one.obstacle is None:
            try:
                text = remove_source(text, one.entry)
            except NotEditable as error:
                made[place] = replace(one, obstacle=str(error))
    return text, made


def _of_source(
    config: Config, places: Mapping[tuple[str, str], int], index: int, source: Source, state: FeedState
) -> Proposal | None:
    # The file may have been edited since the last update of the source.
    if state.moved_to == source.url or state.request_hash not in (None, KINDS[source.kind].request_hash(source)):
        return None
    if Gone.of(state).confirmed:
        return Proposal(index, source, f"is gone: it answered 410 on {state.gone_days} days", None)
    if state.moved_to is None or not _is_settled(state):
        return None
    why = f"has moved permanently to {redact(state.moved_to, config.secrets)}, seen since {state.moved_since:%Y-%m-%d}"
    return Proposal(index, source, why, state.moved_to, _obstacle(config, places, source, state.moved_to))


def _of_page(config: Config, places: Mapping[tuple[str, str], int], index: int, source: Source, url: str) -> Proposal:
    why = f"is a page, which names the feed {redact(url, config.secrets)}"
    return Proposal(index, source, why, url, _obstacle(config, places, source, url))


def _is_settled(state: FeedState) -> bool:
    """Return whether the feed has been at its new address for long enough, and still is."""
    since, seen = state.moved_since, state.last_success_at
    return not state.failures and since is not None and seen is not None and seen - since >= SETTLED_AFTER


def _obstacle(config: Config, places: Mapping[tuple[str, str], int], source: Source, url: str) -> str | None:
    line = places.get((source.kind, url))
    if line is not None:
        return f"the source on line {line} has that address, too; remove one of the two"
    if moves.keeps_credentials_back(source, url):
        host = urlsplit(url).netloc
        return f"its credentials would be sent to {host}; change the address by hand if you want that"
    if redact(url, config.secrets) != url or urlsplit(source.url).username is not None:
        return "its address contains a secret; change it by hand"
    return None


def pages(config: Config, states: Mapping[str, FeedState]) -> list[Source]:
    """Return the sources that seem to be pages: their address never returned a feed, but something else."""
    found = []
    for source in config.sources:
        state = states.get(source.id)
        never = state is not None and state.failure_kind == "not_a_feed" and state.request_hash is None
        if never and source.kind == "feed" and not source.paused:
            found.append(source)
    return found[:MAX_PAGES]


async def find_feeds(
    config: Config, sources: Sequence[Source], waits: Mapping[str, datetime], clock: Callable[[], datetime]
) -> tuple[dict[str, str], list[Source]]:
    """Fetch pages and return the feeds that they name.

    Args:
        waits: hosts that want no requests now, with the time until when.
        clock: the current time, aware and in UTC.

    Returns:
        The address of the feed that each page names, by the id of the source; and the sources that could not be
        fetched because their host wants no requests now.
    """
    async with Fetcher(fetch_settings(config, config.fetch.concurrency), waits=waits, clock=clock) as fetcher:
        found = await asyncio.gather(*(_find(fetcher, source) for source in sources))
    named = {source.id: url for source, (url, _) in zip(sources, found, strict=True) if url is not None}
    return named, [source for source, (_, held) in zip(sources, found, strict=True) if held]


async def _find(fetcher: Fetcher, source: Source) -> tuple[str | None, bool]:
    """Return the feed that a page names, and whether the host wants no requests now."""
    try:
        page = await _fetch(fetcher, source, source.url)
        url = page and named_feed(decode(page.body, page.content_type).text, page.url)
        # The named feed may be gone, or be another page.
        if url and url != source.url and (there := await _fetch(fetcher, source, url)):
            sniff(there)
            return url, False
    except FetchError as error:
        return None, error.held
    except AggregatorError:
        # `status` shows what is wrong with the source.
        pass
    return None, False


async def _fetch(fetcher: Fetcher, source: Source, url: str) -> Fetched | None:
    got = await fetcher.fetch(plain_request(source, url, accept=feed.ACCEPT))
    return got if isinstance(got, Fetched) else None
