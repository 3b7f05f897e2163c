"""Requests that several sources of a cycle have in common: each document is fetched once, and all of them read it.

In: the sources of the cycle with their states. Out: for each source of such a group, the state to fetch with and a
`fetch` that asks the server at most once. Validators are sent only if all of the group have the same: otherwise one of
them lacks the document, and it has to come whole.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from aggregator.errors import FetchError
from aggregator.models import FeedState, Fetched, NotModified, Request, Source
from aggregator.pipeline import moves
from aggregator.sources import KINDS, validators, without_old_validators

Send = Callable[[Request], Awaitable[Fetched | NotModified]]


class Group:
    """The sources of one request in one cycle.

    Args:
        members: each with the state that it would fetch with on its own.
    """

    def __init__(self, members: Sequence[tuple[Source, FeedState]]) -> None:
        own = {source.id: validators(state, KINDS[source.kind].request_hash(source)) for source, state in members}
        alike = len(set(own.values())) == 1
        self._asked = {
            source.id: state if alike else replace(state, etag=None, last_modified=None, body_hash=None)
            for source, state in members
        }
        self._digests = {name: digest for name, (_, _, digest) in own.items()}
        self._waiting = {source.id for source, _ in members}
        self._lock = asyncio.Lock()
        #: What came of the requests, the last of which brought the document: before it, other servers may have failed.
        self._outcomes: dict[Request, Fetched | NotModified | FetchError] = {}
        self._served = False

    def asked(self, source: Source) -> FeedState:
        """Return the state with which a source of the group fetches."""
        return self._asked[source.id]

    async def fetch(self, source: Source, request: Request, send: Send) -> Fetched | NotModified:
        """Fetch the document of the group, unless another one has; anything else is fetched as usual.

        Where the one that asks is cancelled, the next one asks.

        Raises:
            FetchError: the document could not be fetched, by whichever source.
        """
        async with self._lock:
            if not self._served and request not in self._outcomes and source.id in self._waiting:
                self._outcomes[request] = made = await _outcome(send, request)
                self._served = not isinstance(made, FetchError)
            found = self._outcomes.get(request)
            if found is not None and not isinstance(found, FetchError):
                self._leave(source)
        if found is None:
            return await send(request)
        if isinstance(found, FetchError):
            raise found.with_traceback(None)
        digest = self._digests[source.id]
        if isinstance(found, Fetched) and found.status == 200 and found.body_hash and found.body_hash == digest:
            # Another one of the group did not have it.
            known = (found.etag, found.last_modified, found.freshness, found.moved_to)
            return NotModified(found.url, *known, whole=True, notes=found.notes)
        return found

    def _leave(self, source: Source) -> None:
        """Forget the document once all have it."""
        self._waiting.discard(source.id)
        if not self._waiting:
            self._outcomes.clear()


async def _outcome(send: Send, request: Request) -> Fetched | NotModified | FetchError:
    try:
        return await send(request)
    except FetchError as error:
        return error


def groups_of(chosen: Sequence[tuple[Source, FeedState]], now: datetime) -> dict[str, Group]:
    """Return the groups of two sources or more in a cycle, by the id of each source.

    Args:
        now: the current time, aware and in UTC.
    """
    alike = defaultdict[tuple[object, ...], list[tuple[Source, FeedState]]](list)
    by_address = defaultdict[tuple[str, str], list[tuple[Source, FeedState]]](list)
    for source, state in chosen:
        by_address[source.kind, source.url].append((source, state))
    for several in by_address.values():
        for source, state in several if len(several) > 1 else ():
            asked = moves.usable(source, without_old_validators(state, now), now)
            # Where one is to be asked at its new address, and another is not, each has a request of its own.
            alike[*source.request, asked.moved_to].append((source, asked))
    made = ((members, Group(members)) for members in alike.values() if len(members) > 1)
    return {source.id: group for members, group in made for source, _ in members}
