"""From an address to the sources that work: what it may become is found, tried one after the other, and compared.

In: an address, and the configuration that sources are to be added to. Out: `Found`, with the sources that work, the
best first, each as a `Preview`; what was tried in vain, and why; and the source that is configured already. Nothing is
stored or written.

The address is fetched as pages are: its robots.txt is asked. A feed, a sitemap or a page comes; `candidates` says what
a page offers, and each of that is tried as an update would do it. Where a page offers no feed, the usual addresses of
feeds are asked, and last what only a guess can read: the data, the sitemap or the list of the page itself.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from urllib.parse import urlsplit

from aggregator.config import Config, load
from aggregator.config.additions import NewSource, add_sources
from aggregator.discover.candidates import COMMENTS, Candidate, of_address, of_page, well_known
from aggregator.discover.found import (
    NOTHING,
    Found,
    Known,
    Miss,
    Option,
    There,
    are_the_same,
    document_of,
    is_about,
    is_html,
    leads_to,
    links_of,
    refreshed_to,
)
from aggregator.errors import AggregatorError, ConfigError, FetchError, ParseError, WorkerError
from aggregator.fetch import Fetcher
from aggregator.models import FailureKind, Fetched, NotModified, Request, Source
from aggregator.parse import parse_plain
from aggregator.parse.encoding import decode
from aggregator.parse.sniff import find_root, sniff
from aggregator.pipeline.engine import fetch_settings, page_worker
from aggregator.pipeline.together import Send
from aggregator.preview import feed_source, preview
from aggregator.sources import KINDS, feed
from aggregator.sources.kind import plain_request
from aggregator.values.urls import same_feed

MAX_TRIES = 12
"""Candidates that are tried at most."""
SECONDS = 180.0
"""Time after which no other candidate is tried; what is tried then is finished."""
#: Candidates that are looked at; some of them may be there already, or one source in several forms.
_MOST = 3 * MAX_TRIES
#: Usual addresses of feeds that are asked at most.
_USUAL = 14
#: Rank of feeds at usual addresses: after what the page says, and before guesses.
_USUAL_RANK = 650
#: Feeds of a site that have nothing to do with the page come after guesses about the page.
_ASIDE = 950
#: Pages first: a server that offers several forms of a document gives the one for people, which names the others.
_ACCEPT = (
    "text/html, application/xhtml+xml, application/atom+xml;q=0.9, application/rss+xml;q=0.9, "
    "application/feed+json;q=0.9, application/xml;q=0.8, */*;q=0.5"
)
#: Pages that send on to another one, and pages behind links of one that say that they are feeds, which are read.
_REFRESHES, _BEHIND = 2, 2
#: Failures after which no other address of the same host is asked.
_UNREACHABLE: frozenset[FailureKind] = frozenset({"dns", "connect", "tls", "timeout", "refused"})
#: Failures after which http is tried in place of https.
_NO_HTTPS: frozenset[FailureKind] = frozenset({"connect", "tls"})
#: Kinds whose candidates are guesses, which are tried where no feed is found.
_GUESSED = ("json", "scrape", "sitemap")
_JSON = re.compile(r"\s*[{\[]")
_SITEMAPS = ("urlset", "sitemapindex")
#: CPU time in seconds for reading a page.
_SECONDS = 20.0


Report = Callable[[str], None]
"""Takes what a search looks at next: an address."""


async def search(
    url: str,
    config: Config,
    text: str,
    environ: Mapping[str, str],
    *,
    clock: Callable[[], datetime],
    known: Known = NOTHING,
    settings: Mapping[str, object] = MappingProxyType({}),
    best: bool = False,
    or_http: bool = False,
    through: Callable[[Send], Send] = lambda send: send,
    report: Report = lambda address: None,
) -> Found:
    """Find the sources that an address may become, and try them.

    Args:
        url: an absolute http(s) address, or a route of RSSHub as `aggregator.config.rsshub.route` returns it.
        config: the configuration in force.
        text: its feeds.yaml, which has `sources`.
        environ: the environment variables for references.
        clock: the current time, aware and in UTC.
        settings: further keys of the sources, such as their category.
        best: end with the first source that works.
        or_http: ask by http where nothing answers by https.
        through: what requests go through, see `update_due`.

    Raises:
        AggregatorError: the data folder cannot be read, or there is no room for a temporary one.
    """
    return await _Search(url, config, text, environ, clock, known, settings, best, or_http, through, report).run()


class _Memory:
    """Answers requests for documents that came before, so that none is fetched twice."""

    def __init__(self, through: Callable[[Send], Send]) -> None:
        self._through = through
        self._pages: dict[str, Fetched] = {}

    def keep(self, page: Fetched) -> None:
        """Remember a document by the address that was asked for."""
        self._pages[page.requested_url] = page

    def through(self, send: Send) -> Send:
        """Return what answers in place of `send`."""
        inner = self._through(send)

        async def fetch(request: Request) -> Fetched | NotModified:
            page = self._pages.get(request.url) if request.content is None else None
            return await inner(request) if page is None else page

        return fetch


class _Search:
    """One search; the arguments are those of `search`."""

    def __init__(
        self,
        url: str,
        config: Config,
        text: str,
        environ: Mapping[str, str],
        clock: Callable[[], datetime],
        known: Known,
        settings: Mapping[str, object],
        best: bool,
        or_http: bool,
        through: Callable[[Send], Send],
        report: Report,
    ) -> None:
        self._url = url
        self._config = config
        self._text = text
        self._environ = environ
        self._clock = clock
        self._known = known
        self._settings = settings
        self._best = best
        self._or_http = or_http
        self._report = report
        self._memory = _Memory(through)
        self._there = _by_address(config, known.moved)
        self._tried: set[tuple[str, str, object]] = set()
        self._left = MAX_TRIES
        self._until = time.monotonic() + SECONDS
        self._found = Found(url)
        #: Pages that came in place of feeds.
        self._pages: list[str] = []
        #: Reads all pages of this search: to start a process for each try takes longer than the try.
        self._worker = page_worker()

    async def run(self) -> Found:
        """Search, and return what was found."""
        try:
            return await self._run()
        finally:
            await self._worker.close()

    async def _run(self) -> Found:
        if self._is_there(self._url, ""):
            return self._found
        if not self._url.startswith(("http://", "https://")):
            await self._try([Candidate({"rsshub": self._url}, "a route of RSSHub", None, 0)])
            return self._found
        async with Fetcher(fetch_settings(self._config, 4), waits=self._known.waits, clock=self._clock) as fetcher:
            send = self._memory.through(fetcher.fetch)
            page, failure = await self._page(send)
            page = page and await self._refreshed(page, send)
            leads = (page.url, page.moved_to or page.url) if page is not None else ()
            if any(self._is_there(url, "it is redirected there") for url in leads):
                return self._found
            await self._try_candidates(page, failure, send)
        return self._found

    async def _page(self, send: Send) -> tuple[Fetched | None, FetchError | None]:
        """Fetch the address; the failure is a miss."""
        self._report(self._url)
        try:
            got = await self._ask(self._url, send)
        except FetchError as error:
            if self._or_http and error.kind in _NO_HTTPS and self._url.startswith("https:"):
                self._url = self._found.url = f"http:{self._url.removeprefix('https:')}"
                return await self._page(send)
            self._found.misses.append(Miss(self._url, "the address", _why(error)))
            return None, error
        self._memory.keep(got)
        return got, None

    async def _ask(self, url: str, send: Send) -> Fetched:
        """Fetch a page; raises `FetchError`."""
        source = feed_source(self._config, url)
        got = await send(plain_request(source, url, accept=_ACCEPT, robots=True))
        # Nothing was asked conditionally.
        assert isinstance(got, Fetched)
        return got

    async def _refreshed(self, page: Fetched, send: Send) -> Fetched:
        """Return the page to which a page sends browsers on at once; itself where there is none."""
        for _ in range(_REFRESHES):
            url = refreshed_to(page)
            next_page = None if url is None else await self._another(url, send)
            if next_page is None:
                break
            page = next_page
        return page

    async def _another(self, url: str, send: Send) -> Fetched | None:
        """Fetch another page; None where that fails."""
        try:
            return await self._ask(url, send)
        except FetchError:
            return None

    async def _try_candidates(self, page: Fetched | None, failure: FetchError | None, send: Send) -> None:
        instances = self._config.rsshub is not None
        offered = of_address(self._url, instances=instances)
        if page is not None:
            whole = _as_document(page)
            if whole is not None and whole.why:
                self._found.misses.append(Miss(self._url, "the address", whole.why))
                return
            self._found.is_page = whole is None
            offered = [whole.candidate] if whole else [*offered, *await self._of_page(page, instances)]
        elif failure is not None and failure.kind == "robots":
            # Feeds are made for programs.
            offered.append(Candidate({"feed": self._url}, "the address itself", None, 0))
        offered.sort(key=lambda one: one.rank)
        await self._try([one for one in offered if not _is_guess(one) and one.rank < COMMENTS])
        if not self._has_any:
            await self._try_behind(send)
        if not self._is_sure and (failure is None or failure.kind not in _UNREACHABLE):
            await self._try_usual(page, send)
        for kinds in (("json", "scrape"), ("sitemap",)):
            if not self._is_sure:
                await self._try([one for one in offered if _is_guess(one) and _kind(one) in kinds])
        if not (self._best and self._has_any):
            await self._try([one for one in offered if one.rank >= COMMENTS])
        if self._best:
            del self._found.options[1:]

    @property
    def _has_any(self) -> bool:
        return bool(self._found.options or self._found.there)

    @property
    def _is_sure(self) -> bool:
        """Whether something was found that is about the address."""
        return bool(self._found.there) or any(one.rank < _ASIDE for one in self._found.options)

    async def _try_behind(self, send: Send) -> None:
        """Try the feeds that are named on pages of their own, to which the page has links that say so."""
        for url in self._pages[:_BEHIND]:
            page = await self._another(url, send)
            found = [] if page is None else await self._of_page(page, instances=False)
            feeds = [one for one in found if "feed" in one.entry and one.rank < COMMENTS]
            await self._try([replace(one, found="a page of feeds names it") for one in feeds])

    async def _of_page(self, page: Fetched, instances: bool) -> list[Candidate]:
        """Return what a page offers; that it cannot be read is a miss."""
        try:
            found, _ = await self._worker.run(partial(of_page, instances=instances), page, seconds=_SECONDS)
        except (ParseError, WorkerError) as error:
            self._found.misses.append(Miss(page.requested_url, "the page", _why(error)))
            return []
        if not found:
            why = "it names no feed, and no list of articles was recognized on it"
            self._found.misses.append(Miss(page.requested_url, "the page", why))
        return found

    async def _try_usual(self, page: Fetched | None, send: Send) -> None:
        """Ask the usual addresses of feeds, and try those that have one.

        The feed of a whole site that has nothing of the page in it is worth less than a guess about the page.
        """
        if page is not None and _JSON.match(decode(page.body, page.content_type).text):
            return
        urls = [
            url
            for url in well_known(page.url if page else self._url)
            if ("feed", same_feed(url), None) not in self._tried
        ]
        came = await asyncio.gather(*(self._probe(url, send) for url in urls[:_USUAL]))
        feeds = [candidate for candidate in came if candidate is not None]
        await self._try(feeds)
        if not feeds and urls:
            shown = f"{urls[0]} and {len(urls[:_USUAL]) - 1} more"
            self._found.misses.append(Miss(shown, "usual addresses of feeds", "there is no feed"))
        if page is not None and urlsplit(page.url).path.strip("/"):
            linked = links_of(page)
            new = (one if is_about(one.preview, linked) else replace(one, rank=_ASIDE) for one in self._found.options)
            self._found.options = sorted(new, key=lambda one: one.order)

    async def _probe(self, url: str, send: Send) -> Candidate | None:
        source = feed_source(self._config, url)
        try:
            got = await send(plain_request(source, url, accept=feed.ACCEPT))
            assert isinstance(got, Fetched)
            _check_feed(got)
        except AggregatorError:
            return None
        self._memory.keep(got)
        return Candidate({"feed": got.moved_to or url}, "a usual address of feeds", None, _USUAL_RANK)

    # -- trying ----------------------------------------------------------------------------------------------------

    async def _try(self, candidates: Sequence[Candidate]) -> None:
        """Try candidates until there are enough sources that work, and add what came of them."""
        made = self._made(candidates[:_MOST])
        self._found.untried += len(candidates[_MOST:])
        for candidate, config, source in made:
            # A page may have several lists.
            key = (source.kind, same_feed(source.url), source.rules)
            if key in self._tried:
                continue
            self._tried.add(key)
            if self._is_there(source.url, candidate.found, source.kind):
                if self._best:
                    return
                continue
            if not self._left or time.monotonic() >= self._until:
                self._found.untried += 1
                continue
            self._report(source.url)
            self._left -= 1
            await self._see(candidate, config, source)
            if self._best and self._is_sure:
                return

    async def _see(self, candidate: Candidate, config: Config, source: Source) -> None:
        """Try one candidate."""
        seen = await preview(
            config,
            source,
            clock=self._clock,
            data=self._known.data,
            through=self._memory.through,
            repeatable=True,
            pages=self._worker,
        )
        if seen.failure is not None or (not seen.items and source.kind in _GUESSED):
            why = (seen.result.state.error or seen.failure or "it has no items").removesuffix(f" ({source.url})")
            self._found.misses.append(Miss(source.url, candidate.found, why))
            if source.kind == "feed" and (page := document_of(seen)) is not None and is_html(page):
                self._pages.append(page.url)
            return
        leads = leads_to(seen)
        if leads is not None and leads != source.url and self._is_there(leads, candidate.found, source.kind):
            return
        if not any(are_the_same(seen, other.preview) for other in self._found.options):
            self._found.options.append(Option(candidate, seen, candidate.rank))
            self._found.options.sort(key=lambda one: one.order)

    def _made(self, candidates: Sequence[Candidate]) -> list[tuple[Candidate, Config, Source]]:
        """Return the sources that candidates would be; one that feeds.yaml would not take is a miss."""
        if not candidates:
            return []
        try:
            return self._loaded(candidates)
        except ConfigError as error:
            if len(candidates) == 1:
                why = error.problems[0].message
                self._found.misses.append(Miss(_address(candidates[0]), candidates[0].found, why))
                return []
        return [made for one in candidates for made in self._made([one])]

    def _loaded(self, candidates: Sequence[Candidate]) -> list[tuple[Candidate, Config, Source]]:
        taken = {source.id for source in self._config.sources}
        names = [f"candidate-{number}" for number in range(len(taken) + len(candidates))]
        free = [name for name in names if name not in taken]
        entries = [
            NewSource({"id": name, **self._settings, **candidate.entry})
            for name, candidate in zip(free, candidates, strict=False)
        ]
        config = load(self._config.path, self._environ, text=add_sources(self._text, entries, give_ids=False))
        sources = {source.id: source for source in config.sources}
        return [(candidate, config, sources[name]) for name, candidate in zip(free, candidates, strict=False)]

    # -- what is there already -------------------------------------------------------------------------------------

    def _is_there(self, url: str, found: str, kind: str = "") -> bool:
        """Whether a source with this address is configured already; then it is among what was found."""
        source = self._there.get((kind, same_feed(url)))
        if source is None:
            return False
        if all(one.source is not source for one in self._found.there):
            self._found.there.append(There(source, found))
        return True


def _by_address(config: Config, moved: Mapping[str, str]) -> dict[tuple[str, str], Source]:
    """Return the sources by kind and comparable address, and by "" and the address: where they are, or moved to."""
    found: dict[tuple[str, str], Source] = {}
    for source in config.sources:
        addresses = (source.url, moved.get(source.id, source.url))
        for key in ((kind, same_feed(url)) for url in addresses for kind in ("", source.kind)):
            found.setdefault(key, source)
    return found


@dataclass(frozen=True, slots=True)
class _Whole:
    """A document that is a source as a whole, or that is none for a reason."""

    candidate: Candidate
    why: str = ""


def _as_document(page: Fetched) -> _Whole | None:
    """Return what a document is that is no page: a feed, a sitemap, a list of subscriptions."""
    url = page.moved_to or page.requested_url
    as_feed = _Whole(Candidate({"feed": url}, "the address is a feed", None, 0))
    try:
        _check_feed(page)
    except ParseError:
        root = find_root(decode(page.body, page.content_type).text)
        if root is not None and root.local in _SITEMAPS:
            return _Whole(Candidate({"sitemap": url}, "the address is a sitemap", None, 0))
        if root is not None and root.local == "opml":
            return replace(as_feed, why=f"this is a list of subscriptions: aggregator opml import {url}")
        return None
    return as_feed


def _check_feed(page: Fetched) -> None:
    """Check that a document may be a feed.

    Raises:
        ParseError: it is certainly none.
    """
    if parse_plain(page) is None:
        # What is large or broken is read only when it is tried.
        sniff(page)


def _why(error: AggregatorError) -> str:
    """Return a message without the address behind it."""
    return str(error).removesuffix(f" ({getattr(error, 'url', '')})")


def _kind(candidate: Candidate) -> str:
    return next(key for key in candidate.entry if key in KINDS)


def _is_guess(candidate: Candidate) -> bool:
    return _kind(candidate) in _GUESSED and candidate.rank > 0


def _address(candidate: Candidate) -> str:
    value = candidate.entry[_kind(candidate)]
    return str(value.get("url", value)) if isinstance(value, Mapping) else str(value)
