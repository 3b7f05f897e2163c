"""Edits of feeds.yaml that what was seen of the sources calls for: a feed that has moved, or is gone, or is a page.

In: the configuration, the states, what pages name, the text of the file. Out: proposals, and the text with those that
can be made. Nothing is fetched or written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

from aggregator.config import Config, redact
from aggregator.config.editing import NotEditable, remove_source, set_urls
from aggregator.models import FeedState, Source
from aggregator.pipeline import moves
from aggregator.schedule.failures import Gone
from aggregator.sources import KINDS

#: So long a feed has to be at its new address before that is proposed.
STANDING = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One edit that would put a source right."""

    #: Place of the source in `sources`, from 0.
    index: int
    source: Source
    #: What was seen of the source, as a clause.
    why: str
    #: The new address; None: the source is to be taken out.
    url: str | None
    #: Why it has to be made by hand; None: it can be made here.
    obstacle: str | None = None


def propose(config: Config, states: Mapping[str, FeedState], named: Mapping[str, str] | None = None) -> list[Proposal]:
    """What would put the sources right, in the order of feeds.yaml.

    Args:
        states: of the sources, by id.
        named: the feed that a page names, by the id of the source that is the page.
    """
    places: dict[tuple[str, str], int] = {(source.kind, source.url): source.line for source in config.sources}
    made = []
    for index, source in enumerate(config.sources):
        state = states.get(source.id)
        proposal = state and _of_source(config, places, index, source, state)
        if named and (feed := named.get(source.id)):
            proposal = _of_page(config, places, index, source, feed)
        if proposal:
            made.append(proposal)
            if proposal.url is not None:
                places.setdefault((source.kind, proposal.url), source.line)
    return made


def edited(text: str, proposals: Sequence[Proposal], *, gone: bool) -> tuple[str, list[Proposal]]:
    """Make the proposals that can be made.

    Args:
        text: of the file, as it is.
        gone: whether sources that are gone are taken out, too.

    Returns:
        The new text, and all proposals, with the obstacles that showed.
    """
    urls = {one.index: one.url for one in proposals if one.url is not None and one.obstacle is None}
    text, refused = set_urls(text, urls) if urls else (text, {})
    made = [replace(one, obstacle=str(refused[one.index])) if one.index in refused else one for one in proposals]
    # From the end, so that the indexes before stay what they are.
    for place, one in reversed(list(enumerate(made))):
        if one.url is None and gone:
            try:
                text = remove_source(text, one.index)
            except NotEditable as error:
                made[place] = replace(one, obstacle=str(error))
    return text, made


def _of_source(
    config: Config, places: Mapping[tuple[str, str], int], index: int, source: Source, state: FeedState
) -> Proposal | None:
    # The file may have been edited since the source was last looked at.
    if state.moved_to == source.url or state.request_hash not in (None, KINDS[source.kind].request_hash(source)):
        return None
    if Gone.of(state).confirmed:
        return Proposal(index, source, f"is gone: it said 410 on {state.gone_days} days", None)
    if state.moved_to is None or not _stands(state):
        return None
    why = f"has moved for good to {redact(state.moved_to, config.secrets)}, seen since {state.moved_since:%Y-%m-%d}"
    return Proposal(index, source, why, state.moved_to, _obstacle(config, places, source, state.moved_to))


def _of_page(config: Config, places: Mapping[tuple[str, str], int], index: int, source: Source, feed: str) -> Proposal:
    why = f"is a page, which names the feed {redact(feed, config.secrets)}"
    return Proposal(index, source, why, feed, _obstacle(config, places, source, feed))


def _stands(state: FeedState) -> bool:
    """Whether the new address was the right one for long enough, and still is."""
    since, seen = state.moved_since, state.last_success_at
    return not state.failures and since is not None and seen is not None and seen - since >= STANDING


def _obstacle(config: Config, places: Mapping[tuple[str, str], int], source: Source, url: str) -> str | None:
    line = places.get((source.kind, url))
    if line is not None:
        return f"the source on line {line} has that address, too; take one of the two away"
    if moves.keeps_credentials_back(source, url):
        host = urlsplit(url).netloc
        return f"its credentials would go to {host}; change the address by hand if that is right"
    if redact(url, config.secrets) != url or urlsplit(source.url).username is not None:
        return "its address holds a secret; change it by hand"
    return None
