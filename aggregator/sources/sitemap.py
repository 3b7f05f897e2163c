"""The kind `sitemap`: a sitemap, or the index of several, and the pages of the newest addresses in it.

The address is that of a sitemap, or of the site's home page; then robots.txt says where the sitemaps are, else the
usual places are tried. Of an index those sitemaps are read that were changed last, a few in each cycle. The newest
addresses of all are the items, and `articles.collect` asks for their pages: an address is all that most sitemaps say.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from urllib.parse import unquote, urljoin, urlsplit

from pydantic import Field

from aggregator.config.fields import Encoding, Maybe, ShortSection, Url, checked, text
from aggregator.config.problems import show
from aggregator.errors import ParseError, SourceError
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
from aggregator.sources.kind import Parse, Tools, fingerprint
from aggregator.sources.paging import MAX_LIMIT, USUAL_LIMIT
from aggregator.values.patterns import compile_pattern
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aggregator.sources.sitemapwalk import Walk

ACCEPT = "application/xml, text/xml;q=0.9, text/plain;q=0.5, */*;q=0.1"
MAX_PATTERNS = 100


@dataclass(frozen=True, slots=True)
class SitemapRules:
    """Which addresses of a sitemap become entries, and how their pages are read."""

    #: Patterns of re2 for paths: one must match, none may.
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    #: Addresses to take at most, the newest ones.
    limit: int = USUAL_LIMIT
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


class SitemapSettings(ShortSection):
    """A site by its sitemap; an address in its place is its `url`."""

    SHORT: ClassVar[str] = "url"

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
    limit: int = Field(
        default=USUAL_LIMIT, strict=True, ge=1, le=MAX_LIMIT, description="Pages to take, the newest ones."
    )
    encoding: Maybe[Encoding] = Field(
        default=None, description="Encoding of the article pages, such as `gbk`; detected if left out."
    )
    article: ArticleSettings = Field(
        default_factory=ArticleSettings,
        description="How to read the article pages.",
        json_schema_extra={"default": True},
    )


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


async def fetch(source: Source, state: FeedState, tools: Tools) -> Fetched | NotModified:
    """Fetch the sitemaps, and the newest pages that they list."""
    from aggregator.sources.drift import Memory
    from aggregator.sources.sitemapwalk import SitemapMemory, Walk, first_of, is_home

    rules, asked_hash, home = _rules(source), request_hash(source), is_home(source.url)
    memory = SitemapMemory.load(state.memory, asked_hash)
    walk = Walk(source, rules, ACCEPT, tools)
    found, roots = await first_of(state, memory, walk, asked_hash)
    # Where sitemaps are found by the home page, a redirect of one of them is no move of the source.
    if isinstance(found, NotModified):
        return replace(found, moved_to=None) if home else found
    page, file = found
    await walk.rest(file, roots)
    drift = Memory.load(memory.drift, asked_hash)
    listed = _listed(walk, page)
    page = replace(page, missing=tuple(walk.missing), moved_to=None if home else page.moved_to)
    feed = ParsedFeed("sitemap", "sitemap", (), home_url=urljoin(page.url, "/"), repairs=tuple(walk.told))
    drift = drift.with_items(len(listed))
    fetched = await collect(source, page, feed, listed, rules.article, rules.encoding, tools, drift)
    kept = SitemapMemory(asked_hash, roots if home else (), tuple(walk.others), fetched.memory)
    return replace(fetched, memory=kept.dump())


def read(source: Source, fetched: Fetched, now: datetime, parse: Parse) -> ParsedFeed:
    """Return what was read while fetching, with dates in ISO 8601 where they can be read."""
    return dated(fetched, now)


def _listed(walk: Walk, page: Fetched) -> list[Listed]:
    """Return the items; raise where there are addresses, and none is wanted."""
    chosen = walk.chosen()
    if not chosen and (walk.listed or walk.foreign) and not walk.news:
        if walk.listed:
            what = f"0 of {counted(walk.listed, 'address', 'addresses')} matched `include` and `exclude` (sitemap)"
            message = f"{what}; look at the sitemap and correct the patterns"
        else:
            message = f"the sitemap has only addresses of other sites ({walk.foreign}); write the address of this one"
        error = ParseError(message, kind="nothing_matched", url=page.url)
        error.page = page
        raise error
    return [Listed(one.entry, mark_of(one.entry, one.lastmod)) for one in chosen]


def _rules(source: Source) -> SitemapRules:
    if not isinstance(source.rules, SitemapRules):
        raise SourceError("the source has no sitemap rules", kind="internal", url=source.url)
    return source.rules
