"""The kind `sitemap`: a sitemap, or the index of several, and the pages of the newest addresses in it.

The address is that of a sitemap, or of the site's home page; then robots.txt says where the sitemaps are, else the
usual places are tried. Of an index those sitemaps are read that were changed last, a few in each cycle. The newest
addresses of all are the items, and `articles.collect` asks for their pages: an address is all that most sitemaps say.

What is remembered (`FeedState.memory`) is JSON: which sitemaps were found, and the validators of those whose changes
nothing else shows. All of them are asked conditionally first; once one has changed, the others are read again as well,
because the newest addresses of all are wanted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote, urljoin, urlsplit

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from aggregator.config.fields import URL_PATTERN, Encoding, Maybe, Section, Url, checked, text, with_short_form
from aggregator.config.problems import show
from aggregator.errors import FetchError, ParseError, SourceError
from aggregator.models import FeedState, Fetched, NotModified, ParsedFeed, Source
from aggregator.sources.articles import (
    ArticleRules,
    ArticleSettings,
    Listed,
    collect,
    dated,
    make_article_rules,
    mark_of,
)
from aggregator.sources.kind import (
    Parse,
    ShareUsedUp,
    Tools,
    fingerprint,
    plain_request,
    read_in_worker,
    validators,
)
from aggregator.values.patterns import compile_pattern
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aggregator.sources.sitemapfile import Address, Child, SitemapFile

ACCEPT = "application/xml, text/xml;q=0.9, text/plain;q=0.5, */*;q=0.1"
MAX_LIMIT = 1000
MAX_PATTERNS = 100
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


@dataclass(frozen=True, slots=True)
class SitemapRules:
    """Which addresses of a sitemap become entries, and how their pages are read."""

    #: Patterns of re2 for paths: one must match, none may.
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    #: Addresses to take at most, the newest ones.
    limit: int = 20
    #: Encoding of the article pages where it must be forced.
    encoding: str | None = None
    article: ArticleRules = field(default_factory=ArticleRules)


def path_pattern(value: object) -> str:
    """Check a pattern for paths: ``/blog/*``, or a regular expression between slashes; it stays as written."""
    written = text(value)
    if "://" in written:
        path = urlsplit(written).path or "/"
        raise ValueError(f"{show(written)} is an address; write its path, such as {show(path)}")
    if (expression := _expression(written)) is not None:
        try:
            compile_pattern(expression)
        except ValueError as error:
            raise ValueError(f"{show(written)} is not a regular expression: {error}") from None
    elif not written.startswith(("/", "*")):
        hint = f"/{written}" if "/" in written or "*" in written else f"*{written}*"
        raise ValueError(f"{show(written)} must begin with `/` or `*`, as paths do; did you mean {show(hint)}?")
    return written


def _expression(written: str) -> str | None:
    """Return the regular expression in ``/…/`` or ``/…/i``; None where a pattern is none."""
    bare = written.removesuffix("i")
    if len(bare) < 3 or not bare.startswith("/") or not bare.endswith("/"):
        return None
    return bare[1:-1] if bare == written else f"(?i){bare[1:-1]}"


def expression_of(written: str) -> str:
    """Return a pattern for paths as a regular expression of re2; ``*`` stands for any characters."""
    if (expression := _expression(written)) is not None:
        return expression
    return "^" + ".*".join(_quoted(part) for part in unquote(written).split("*")) + "$"


def _quoted(part: str) -> str:
    return "".join(c if c.isalnum() or c in "/_-" or ord(c) > 127 else f"\\{c}" for c in part)


PathPattern = Annotated[str, *checked(path_pattern, pattern=r"^\s*[/*]", maxLength=500)]


class SitemapSettings(Section):
    """A site by its sitemap; an address in its place is its `url`."""

    url: Url = Field(
        description="Address of a sitemap or of an index of sitemaps; or of the home page, so that they are found by "
        "robots.txt."
    )
    include: tuple[PathPattern, ...] = Field(
        default=(),
        max_length=MAX_PATTERNS,
        description="Paths of the pages to take, such as `/blog/*`, or regular expressions between slashes; all paths "
        "if left out.",
    )
    exclude: tuple[PathPattern, ...] = Field(
        default=(), max_length=MAX_PATTERNS, description="The same for pages to leave out."
    )
    limit: int = Field(default=20, strict=True, ge=1, le=MAX_LIMIT, description="Pages to take, the newest ones.")
    encoding: Maybe[Encoding] = Field(
        default=None, description="Encoding of the article pages, such as `gbk`; detected if left out."
    )
    article: ArticleSettings = Field(
        default_factory=ArticleSettings,
        description="How to read the article pages.",
        json_schema_extra={"default": True},
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Allow an address in place of the mapping."""
        return with_short_form(schema, handler, {"type": "string", "pattern": URL_PATTERN})

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return {"url": value} if isinstance(value, str) else value


SETTINGS: Any = SitemapSettings
DESCRIPTION = "A site without a feed, but with a sitemap: its newest pages."
GUIDE = (
    "`sitemap: https://example.org/sitemap.xml`, or the address of the home page, is all that many sites need. "
    "[Sitemaps](sitemaps.md) says which sitemaps are read, and what becomes of the pages."
)
ADDRESS_KEY: str | None = "url"
PARSE_ONLY = False
DATE_ADVICE = "correct the selector `article.date`"


def address(settings: SitemapSettings) -> str:
    """Return the address of the sitemap or of the home page."""
    return settings.url


def make_rules(settings: SitemapSettings, file: object) -> SitemapRules:
    """Return the settings without the address, and without pydantic."""
    return SitemapRules(
        tuple(expression_of(one) for one in settings.include),
        tuple(expression_of(one) for one in settings.exclude),
        settings.limit,
        settings.encoding,
        make_article_rules(settings.article),
    )


def request_hash(source: Source) -> str:
    """Hash what the validators of a sitemap depend on: its address, and the rules by which it is read."""
    return fingerprint(source, source.rules, ACCEPT)


@dataclass(frozen=True, slots=True)
class _Validators:
    """A sitemap that was read, and what it can be asked with whether it has changed."""

    url: str
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None


@dataclass(frozen=True, slots=True)
class _Memory:
    """What is remembered of a source."""

    #: Fingerprint of the request.
    hash: str
    #: Sitemaps that were found by the home page; empty where the address is that of one.
    roots: tuple[str, ...] = ()
    #: Sitemaps whose changes nothing else shows, but for the first root.
    others: tuple[_Validators, ...] = ()
    #: As `drift.Memory.dump` writes it.
    drift: str | None = None
    #: Whether it is of the same request, so that the sitemaps can be asked whether they have changed.
    usable: bool = False

    @classmethod
    def load(cls, said: str | None, hash: str) -> _Memory:
        """Read what `dump` wrote; what cannot be read is nothing, and of another request only the drift counts."""
        try:
            found = json.loads(said) if said and len(said) <= _MAX_MEMORY else {}
            if found.get("v") != 1:
                return cls(hash)
            if found["hash"] != hash[:_HASH]:
                return cls(hash, drift=found["drift"])
            others = tuple(_Validators(*one) for one in found["others"])
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
class _Reading:
    """The sitemaps of one cycle."""

    source: Source
    rules: SitemapRules
    tools: Tools
    addresses: list[Address] = field(default_factory=list)
    #: Those whose changes nothing else shows.
    others: list[_Validators] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
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

    async def request(self, known: _Validators) -> Fetched | NotModified:
        """Ask for a sitemap, conditionally where something is known of it."""
        asked = plain_request(
            self.source,
            known.url,
            accept=ACCEPT,
            etag=known.etag,
            last_modified=known.last_modified,
            body_hash=known.body_hash,
        )
        return await self.tools.fetch(replace(asked, robots=True))

    async def whole(self, url: str) -> Fetched:
        """Ask for a sitemap without a condition."""
        found = await self.request(_Validators(url))
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
            self.missing.append(f"a sitemap could not be read: {error}")
            return None
        if remember:
            self.others.append(_Validators(url, page.etag, page.last_modified, page.body_hash or None))
        return file

    def _is_older(self, child: Child) -> bool:
        """Whether enough newer addresses are known than a sitemap can have."""
        changed = child.changed
        if changed is None:
            return False
        return sum(one.at is not None and one.at >= changed for one in self.addresses) >= self.rules.limit

    def chosen(self) -> list[Address]:
        """Return the newest addresses of all, each once, as the sitemap has it that says most of it."""
        once: dict[str | None, Address] = {}
        for one in self.addresses:
            old = once.get(one.entry.url)
            if old is None or (one.entry.title and not old.entry.title):
                once[one.entry.url] = one
        return sorted(once.values(), key=lambda one: -(one.at.timestamp() if one.at else 0.0))[: self.rules.limit]


async def fetch(source: Source, state: FeedState, tools: Tools) -> Fetched | NotModified:
    """Fetch the sitemaps, and the newest pages that they list."""
    from aggregator.sources.drift import Memory

    rules, asked_hash = _rules(source), request_hash(source)
    memory = _Memory.load(state.memory, asked_hash)
    reading = _Reading(source, rules, tools)
    found, roots = await _first(state, memory, reading, asked_hash)
    if isinstance(found, NotModified):
        return found
    page, file = found
    await reading.descend(file)
    for root in roots[1:]:
        if root not in reading.seen and len(reading.seen) < MAX_FILES:
            reading.seen.add(root)
            inner = await reading.other(root, remember=True)
            if inner is not None:
                await reading.descend(inner)
    if reading.missing and not reading.addresses and not reading.listed:
        raise SourceError(f"no sitemap could be read; the first: {reading.missing[0]}", kind="unparsable")
    drift = Memory.load(memory.drift, asked_hash)
    listed = _listed(reading, drift, page)
    # Where sitemaps were found by the home page, a redirect of one of them is no move of the source.
    page = replace(page, missing=tuple(reading.missing), moved_to=None if _is_home(source.url) else page.moved_to)
    host = urljoin(page.url, "/")
    feed = ParsedFeed("sitemap", "sitemap", (), None, host, None, repairs=tuple(_notes(reading)))
    drift = drift.with_items(len(listed))
    fetched = await collect(source, page, feed, listed, rules.article, rules.encoding, tools, drift)
    kept = _Memory(asked_hash, roots if _is_home(source.url) else (), tuple(reading.others), fetched.memory)
    return replace(fetched, memory=kept.dump())


def read(source: Source, fetched: Fetched, now: datetime, parse: Parse) -> ParsedFeed:
    """Return what was read while fetching, with dates in ISO 8601 where they can be read."""
    return dated(fetched, now)


async def _first(
    state: FeedState, memory: _Memory, reading: _Reading, asked_hash: str
) -> tuple[NotModified | tuple[Fetched, SitemapFile], tuple[str, ...]]:
    """Return the first sitemap, read, or that nothing has changed; and the addresses of all that the source has."""
    source = reading.source
    home = _is_home(source.url)
    roots = memory.roots if home else (state.moved_to or source.url,)
    if not roots:
        page, file, roots = await _discover(reading)
        return (page, file), roots
    known = validators(state, asked_hash) if memory.usable else (None, None, None)
    try:
        found = await reading.request(_Validators(roots[0], *known))
        if isinstance(found, NotModified):
            # Where the validators of the first one are not believed any more, those of the others are not, either.
            if not await _any_changed(reading, memory.others, believed=any(known[:2])):
                return found, roots
            found = await reading.whole(roots[0])
        return (found, await reading.read(found)), roots
    except (FetchError, ParseError) as error:
        if not home or not _is_lost(error):
            raise
    # The site has moved its sitemap.
    page, file, roots = await _discover(reading)
    return (page, file), roots


def _is_lost(error: SourceError) -> bool:
    """Whether a sitemap is no longer where it was."""
    return error.kind == "not_a_feed" or (isinstance(error, FetchError) and error.status in (404, 410))


async def _any_changed(reading: _Reading, others: Sequence[_Validators], *, believed: bool) -> bool:
    for one in others:
        known = one if believed else replace(one, etag=None, last_modified=None)
        try:
            if isinstance(await reading.request(known), Fetched):
                return True
        except (SourceError, ShareUsedUp):
            # What is wrong with it, the reading of all will say.
            return True
    return False


async def _discover(reading: _Reading) -> tuple[Fetched, SitemapFile, tuple[str, ...]]:
    """Find the sitemaps of a site: those that its robots.txt names, else the one in a usual place."""
    from aggregator.sources.sitemapfile import named_sitemaps

    source, tools = reading.source, reading.tools
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
            page = await reading.whole(url)
            file = await reading.read(page)
        except SourceError as error:
            if error.kind in ("dns", "connect", "tls", "timeout"):
                raise
            tried.append(str(error))
            continue
        return page, file, (url, *(one for one in named if one != url))
    what = "none of those that robots.txt names can be read" if named else "robots.txt names none"
    message = f"no sitemap was found: {what}; write the address of one. The last that was tried: {tried[-1]}"
    raise FetchError(message, kind="http_status", status=404)


def _listed(reading: _Reading, drift: Any, page: Fetched) -> list[Listed]:
    """Return the items; raise where there are addresses, and none is wanted."""
    chosen = reading.chosen()
    if not chosen and (reading.listed or reading.foreign) and not reading.news:
        if reading.listed:
            what = f"0 of {counted(reading.listed, 'address', 'addresses')} matched `include` and `exclude` (sitemap)"
            message = f"{what}; look at the sitemap and correct the patterns"
        else:
            message = (
                f"all {reading.foreign} addresses of the sitemap are of other sites; write the address of this one"
            )
        error = ParseError(message, kind="nothing_matched", url=page.url)
        error.page = page
        raise error
    return [Listed(one.entry, mark_of(one.entry, one.lastmod)) for one in chosen]


def _notes(reading: _Reading) -> list[str]:
    notes = list(reading.notes)
    if reading.unread:
        some = counted(reading.unread, "further sitemap")
        notes.append(f"{some} of an index are not read: {MAX_FILES} are read at once, those that were changed last")
    if reading.foreign:
        notes.append(f"addresses of other sites are left out: {reading.foreign}")
    return notes


def _is_home(url: str) -> bool:
    parts = urlsplit(url)
    return parts.path in ("", "/") and not parts.query


def _rules(source: Source) -> SitemapRules:
    if not isinstance(source.rules, SitemapRules):
        raise SourceError("the source has no sitemap rules", kind="internal", url=source.url)
    return source.rules
