"""Which sitemaps of a site are read: found, asked whether they have changed, and read from the newest on.

What is remembered (`FeedState.memory`) is JSON: which sitemaps were found by the home page, and the validators of those
whose changes nothing else shows. All of them are asked conditionally first; once one has changed, the others are read
again as well, because the newest addresses of all are wanted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from aggregator.errors import FetchError, ParseError, SourceError
from aggregator.models import FeedState, Fetched, NotModified, Source
from aggregator.sources.kind import ShareUsedUp, Tools, plain_request, read_in_worker, validators
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    # It needs lxml, which a cycle does without where nothing has changed.
    from aggregator.sources.sitemap import SitemapRules
    from aggregator.sources.sitemapfile import Address, Child, SitemapFile

#: Sitemaps that are read in one cycle, and levels of indexes.
MAX_FILES = 8
MAX_DEPTH = 3
#: CPU time in seconds for reading one sitemap.
SECONDS = 15.0
#: Bytes of a robots.txt that are read (RFC 9309, section 2.5, asks for at least 500 KiB).
_ROBOTS = 512_000
#: Where sitemaps are if robots.txt names none: the usual place, Yoast and others, WordPress itself.
PLACES = ("/sitemap.xml", "/sitemap_index.xml", "/wp-sitemap.xml")
_MAX_MEMORY = 40_000
#: Characters of the fingerprint of the request that are kept.
_HASH = 16
#: Failures of the network, not of one address.
_NETWORK = ("dns", "connect", "tls", "timeout")


@dataclass(frozen=True, slots=True)
class Known:
    """A sitemap that was read, and what it can be asked with whether it has changed."""

    url: str
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None


@dataclass(frozen=True, slots=True)
class SitemapMemory:
    """What is remembered of a source."""

    #: Fingerprint of the request.
    hash: str
    #: Sitemaps that were found by the home page; empty where the address is that of one.
    roots: tuple[str, ...] = ()
    #: Sitemaps whose changes nothing else shows, but for the first root.
    others: tuple[Known, ...] = ()
    #: As `drift.Memory.dump` writes it.
    drift: str | None = None
    #: Whether it is of the same request, so that the sitemaps can be asked whether they have changed.
    usable: bool = False

    @classmethod
    def load(cls, said: str | None, hash: str) -> SitemapMemory:
        """Read what `dump` wrote; what cannot be read is nothing, and of another request only the drift counts."""
        try:
            found = json.loads(said) if said and len(said) <= _MAX_MEMORY else {}
            if found.get("v") != 1:
                return cls(hash)
            if found["hash"] != hash[:_HASH]:
                return cls(hash, drift=found["drift"])
            others = tuple(Known(*one) for one in found["others"])
            return cls(hash, tuple(map(str, found["roots"])), others, found["drift"], usable=True)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return cls(hash)

    def dump(self) -> str:
        """Return the text for the store; where it would be too long, the sitemaps are read whole each time."""
        others = [[one.url, one.etag, one.last_modified, one.body_hash] for one in self.others]
        whole = {"v": 1, "hash": self.hash[:_HASH], "roots": self.roots, "others": others, "drift": self.drift}
        said = json.dumps(whole, separators=(",", ":"))
        return said if len(said) <= _MAX_MEMORY else json.dumps({"v": 1, "hash": "", "drift": self.drift})


@dataclass(slots=True)
class Walk:
    """The sitemaps of one cycle.

    Args:
        accept: the Accept header for sitemaps.
    """

    source: Source
    rules: SitemapRules
    accept: str
    tools: Tools
    addresses: list[Address] = field(default_factory=list)
    #: Those whose changes nothing else shows.
    others: list[Known] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    #: Why some could not be read.
    errors: list[SourceError | ShareUsedUp] = field(default_factory=list)
    #: Addresses of sitemaps that were read, or could not be.
    seen: set[str] = field(default_factory=set)
    #: How many addresses were listed and wanted, and how many belong to other sites.
    listed: int = 0
    wanted: int = 0
    foreign: int = 0
    #: Whether any of them is a list of news.
    news: bool = False
    #: Sitemaps of indexes that were not read.
    unread: int = 0

    async def request(self, known: Known) -> Fetched | NotModified:
        """Ask for a sitemap, conditionally where something is known of it."""
        asked = plain_request(
            self.source,
            known.url,
            accept=self.accept,
            etag=known.etag,
            last_modified=known.last_modified,
            body_hash=known.body_hash,
            robots=True,
        )
        return await self.tools.fetch(asked)

    async def whole(self, url: str) -> Fetched:
        """Ask for a sitemap without a condition."""
        found = await self.request(Known(url))
        if isinstance(found, NotModified):
            raise FetchError("the server says unchanged of what it was not asked for", kind="http_status", url=url)
        return found

    async def read(self, page: Fetched) -> SitemapFile:
        """Read one sitemap in another process."""
        from aggregator.sources.sitemapfile import SitemapWork, read_sitemap

        rules = self.rules
        hosts = {urlsplit(url).hostname or "" for url in (self.source.url, page.url)}
        work = SitemapWork(
            page,
            tuple(sorted(host.removeprefix("www.") for host in hosts)),
            rules.limit,
            rules.include,
            rules.exclude,
            self.tools.clock(),
        )
        self.seen |= {page.requested_url, page.url}
        file: SitemapFile = await read_in_worker(self.tools, read_sitemap, work, page, SECONDS)
        self.listed += 0 if file.children else file.listed
        self.wanted += file.wanted
        self.foreign += file.foreign
        self.news = self.news or file.news
        self.notes |= dict.fromkeys(file.notes)
        self.addresses.extend(file.addresses)
        return file

    async def rest(self, first: SitemapFile, roots: Sequence[str]) -> None:
        """Read what else the source has, after its first sitemap.

        Args:
            roots: all that it has at the top, the first one included.

        Raises:
            SourceError: nothing could be read.
        """
        await self.descend(first)
        for root in roots[1:]:
            if root not in self.seen and len(self.seen) < MAX_FILES:
                self.seen.add(root)
                if inner := await self.other(root, remember=True):
                    await self.descend(inner)
        if self.errors and not self.addresses and not self.listed:
            error = self.errors[0]
            if isinstance(error, ShareUsedUp):
                raise error
            raise SourceError(f"no sitemap of the index could be read; the first: {error}", kind=error.kind)

    async def descend(self, file: SitemapFile, depth: int = 1) -> None:
        """Read those sitemaps of an index that may have the newest addresses."""
        for number, child in enumerate(file.children):
            if child.url in self.seen or self._is_older(child):
                continue
            if len(self.seen) >= MAX_FILES or depth == MAX_DEPTH:
                later = file.children[number:]
                self.unread += sum(not (one.url in self.seen or self._is_older(one)) for one in later)
                return
            self.seen.add(child.url)
            inner = await self.other(child.url, remember=child.changed is None)
            if inner is not None:
                await self.descend(inner, depth + 1)

    async def other(self, url: str, *, remember: bool) -> SitemapFile | None:
        """Read a further sitemap; one that cannot be read is missing."""
        try:
            page = await self.whole(url)
            file = await self.read(page)
        except (SourceError, ShareUsedUp) as error:
            self.errors.append(error)
            return None
        if remember:
            self.others.append(Known(url, page.etag, page.last_modified, page.body_hash or None))
        return file

    def _is_older(self, child: Child) -> bool:
        """Whether enough newer addresses are known than a sitemap can have."""
        changed = child.changed
        if changed is None:
            return False
        return sum(one.at is not None and one.at >= changed for one in self.addresses) >= self.rules.limit

    @property
    def missing(self) -> list[str]:
        """What could not be read, as messages."""
        return [f"a sitemap could not be read: {error}" for error in self.errors]

    @property
    def told(self) -> list[str]:
        """Notes for the operator."""
        notes = list(self.notes)
        if self.unread:
            some = counted(self.unread, "further sitemap")
            notes.append(f"{some} of an index are not read: {MAX_FILES} are read at once, those that were changed last")
        if self.foreign:
            notes.append(f"addresses of other sites are left out: {self.foreign}")
        return notes

    def chosen(self) -> list[Address]:
        """Return the newest addresses of all, each once, as the sitemap has it that says most of it."""
        once: dict[str | None, Address] = {}
        for one in self.addresses:
            old = once.get(one.entry.url)
            if old is None or (one.entry.title and not old.entry.title):
                once[one.entry.url] = one
        return sorted(once.values(), key=lambda one: -(one.at.timestamp() if one.at else 0.0))[: self.rules.limit]


async def first_of(
    state: FeedState, memory: SitemapMemory, walk: Walk, asked_hash: str
) -> tuple[NotModified | tuple[Fetched, SitemapFile], tuple[str, ...]]:
    """Return the first sitemap, read, or that nothing has changed; and the addresses of all that the source has."""
    source = walk.source
    home = is_home(source.url)
    roots = memory.roots if home else (state.moved_to or source.url,)
    if not roots:
        page, file, roots = await _discover(walk)
        return (page, file), roots
    known = validators(state, asked_hash) if memory.usable else (None, None, None)
    try:
        found = await walk.request(Known(roots[0], *known))
        if isinstance(found, NotModified):
            # Where the validators of the first one are not believed any more, those of the others are not, either.
            if not await _any_changed(walk, memory.others, believed=any(known[:2])):
                return found, roots
            found = await walk.whole(roots[0])
        return (found, await walk.read(found)), roots
    except (FetchError, ParseError) as error:
        if not home or not _is_lost(error):
            raise
    # The site has moved its sitemap.
    page, file, roots = await _discover(walk)
    return (page, file), roots


def _is_lost(error: SourceError) -> bool:
    """Whether a sitemap is no longer where it was."""
    return error.kind == "not_a_feed" or (isinstance(error, FetchError) and error.status in (404, 410))


async def _any_changed(walk: Walk, others: Sequence[Known], *, believed: bool) -> bool:
    for one in others:
        known = one if believed else replace(one, etag=None, last_modified=None)
        try:
            if isinstance(await walk.request(known), Fetched):
                return True
        except (SourceError, ShareUsedUp):
            # What is wrong with it, the reading of all will say.
            return True
    return False


async def _discover(walk: Walk) -> tuple[Fetched, SitemapFile, tuple[str, ...]]:
    """Find the sitemaps of a site: those that its robots.txt names, else the one in a usual place."""
    from aggregator.sources.sitemapfile import named_sitemaps

    source, tools = walk.source, walk.tools
    robots = replace(
        plain_request(source, urljoin(source.url, "/robots.txt"), accept="text/plain, */*;q=0.1"),
        max_body=_ROBOTS,
        truncate=True,
    )
    named: tuple[str, ...] = ()
    try:
        found = await tools.fetch(robots)
        named = named_sitemaps(found) if isinstance(found, Fetched) else ()
    except FetchError as error:
        if error.status is None:
            raise
    tried: list[str] = []
    for url in named or [urljoin(source.url, place) for place in PLACES]:
        try:
            page = await walk.whole(url)
            file = await walk.read(page)
        except SourceError as error:
            if error.kind in _NETWORK:
                raise
            tried.append(str(error))
            continue
        return page, file, (url, *(one for one in named if one != url))
    what = "none of those that robots.txt names can be read" if named else "robots.txt names none"
    message = f"no sitemap was found: {what}; write the address of one. The last that was tried: {tried[-1]}"
    raise FetchError(message, kind="http_status", status=404)


def is_home(url: str) -> bool:
    parts = urlsplit(url)
    return parts.path in ("", "/") and not parts.query
