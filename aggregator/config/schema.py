"""The shape of feeds.yaml: one frozen model for each section.

From these models come the checks, the JSON Schema for editors and the reference page; the descriptions are written for
the people who edit the file. Defaults that depend on other keys (a source's interval, a category's limit) are filled
in by `load`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, create_model, field_validator, model_validator

from aggregator.config.access import AccessSettings
from aggregator.config.durations import parse_duration, parse_size
from aggregator.config.intervals import IntervalSettings
from aggregator.config.section import Section
from aggregator.config.upkeep import HookSettings, RetentionSettings
from aggregator.config.values import (
    DefaultProxy,
    Duration,
    Encoding,
    Language,
    Maybe,
    Placeholder,
    PrivateAddresses,
    Selector,
    SiteUrl,
    Size,
    Slug,
    SourceId,
    Text,
    TimeZone,
    Url,
    UserAgent,
)
from aggregator.models import ArticleRules, ScrapeRules, SourceKind

FeedFormat = Literal["rss", "atom", "json"]
Preset = Literal["hexo"]

ANCHORS = "x-"
"""What keys at the top begin with that mean nothing themselves."""
MAX_FEED_LIMIT = 10_000
MAX_SCRAPE_LIMIT = 1000
MAX_CONCURRENCY = 1000
MAX_PER_HOST = 100


def _written(value: str, parsed: timedelta | int, description: str) -> Any:
    """A field whose default reads in the schema as people write it."""
    return Field(default=parsed, description=description, json_schema_extra={"default": value})


class Site(Section):
    """What is published, and where."""

    title: Text = Field(
        default="Aggregated feeds", description="Title of the feed that holds everything, and of the OPML."
    )
    url: SiteUrl = Field(
        default="http://localhost/",
        description="Address under which `data/public/` can be reached; ids and self links are made from it.",
    )
    language: Language = Field(default="en", description="Language of the site, as a tag such as `en` or `zh-CN`.")
    timezone: TimeZone = Field(
        default="UTC", description="Time zone of cron expressions in `interval`, such as `Europe/Berlin`."
    )
    description: Maybe[Text] = Field(default=None, description="One sentence about the site, for the feeds.")
    author: Maybe[Text] = Field(default=None, description="Who publishes the site; the title if left out.")


class PostSettings(Section):
    """How entries become posts."""

    preset: Preset = Field(default="hexo", description="The form of the post files.")
    image_proxy: Maybe[Url] = Field(
        default=None, description="Address put before the address of every `http://` image; none if left out."
    )
    placeholder: Placeholder = Field(
        default="https://picsum.photos/400/300?random={n}",
        description="Picture for posts without one; `{n}` becomes a number from 0 to 9999 that never changes for a "
        "post. `false`: no picture.",
    )


class FeedSettings(Section):
    """The merged feeds that are written for every category and for all."""

    formats: tuple[FeedFormat, ...] = Field(
        default=("rss", "atom", "json"),
        min_length=1,
        description="Formats to write.",
        json_schema_extra={"uniqueItems": True},
    )
    limit: int = Field(
        default=100,
        strict=True,
        ge=1,
        le=MAX_FEED_LIMIT,
        description="Entries in each feed at most; a category can differ.",
    )

    @field_validator("formats")
    @classmethod
    def _once(cls, formats: tuple[FeedFormat, ...]) -> tuple[FeedFormat, ...]:
        if len(set(formats)) < len(formats):
            raise ValueError("must name each format once")
        return formats


class FetchDefaults(Section):
    """How sources are fetched, where they do not say otherwise themselves."""

    interval: IntervalSettings = Field(
        default_factory=lambda: IntervalSettings(every=parse_duration("1h")),
        description="How often a source is looked at.",
        json_schema_extra={"default": "1h"},
    )
    timeout: Duration = _written(
        "20s", parse_duration("20s"), "Deadline for one whole fetch, redirects and body included."
    )
    max_body: Size = _written("15MB", parse_size("15MB"), "Largest document that is read, counted after decompression.")
    allow_private_addresses: PrivateAddresses = Field(
        default=False,
        description="Whether addresses that are not public may be reached: `true`, `false`, or a list of networks "
        "such as `[192.168.0.0/16]`.",
    )
    concurrency: int = Field(
        default=32, strict=True, ge=1, le=MAX_CONCURRENCY, description="How many sources are fetched at the same time."
    )
    per_host: int = Field(
        default=2,
        strict=True,
        ge=1,
        le=MAX_PER_HOST,
        description="How many requests go to one registrable domain at the same time.",
    )
    host_delay: Maybe[Duration] = Field(
        default=None, description="Time from one request to a domain to the next; none if left out."
    )
    user_agent: Maybe[UserAgent] = Field(
        default=None, description="Text of the `User-Agent` header; the program's own name if left out."
    )
    proxy: Maybe[DefaultProxy] = Field(
        default=None,
        description="Address of an HTTP proxy to ask through, or `environment`: what `HTTP_PROXY`, `HTTPS_PROXY` and "
        "`NO_PROXY` say; none if left out.",
    )
    contact: Maybe[UserAgent] = Field(
        default=None, description="Mail or web address of whoever runs this, told to the sites in the `User-Agent`."
    )


class CategorySettings(Section):
    """A category that says more than its title."""

    title: Maybe[Text] = Field(default=None, description="Title of the category; the slug if left out.")
    description: Maybe[Text] = Field(default=None, description="One sentence about the category, for its feeds.")
    limit: Maybe[int] = Field(
        default=None, strict=True, ge=1, le=MAX_FEED_LIMIT, description="Entries in each of its feeds at most."
    )
    interval: Maybe[IntervalSettings] = Field(default=None, description="How often its sources are looked at.")
    retention: Maybe[RetentionSettings] = Field(default=None, description="How long entries of its sources are kept.")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if isinstance(value, str):
            return {"title": value}
        if value is None:
            raise ValueError("is empty; write its title")
        if isinstance(value, list):
            raise ValueError(
                "must be a title, not a list; sources stand below `sources`, and each names its `category`"
            )
        if not isinstance(value, dict):
            raise ValueError("must be a title (in quotes, where it is a number), or a mapping of keys and values")
        return value


class ArticleSettings(Section):
    """How to read the article pages of a scraped source."""

    body: Selector = Field(description="CSS selector of the element that holds the article.")
    title: Maybe[Selector] = Field(default=None, description="CSS selector of the title; the link's text if left out.")
    author: Maybe[Selector] = Field(default=None, description="CSS selector of the author's name.")
    date: Maybe[Selector] = Field(default=None, description="CSS selector of the date of publication.")
    timezone: Maybe[TimeZone] = Field(
        default=None, description="Time zone of dates that name none, such as `Asia/Shanghai`; UTC if left out."
    )
    remove: tuple[Selector, ...] = Field(default=(), description="CSS selectors of what is taken out of the article.")

    def rules(self) -> ArticleRules:
        """The same as the scraper takes it."""
        return ArticleRules(self.body, self.title, self.author, self.date, self.timezone, self.remove)


class ScrapeSettings(Section):
    """A list page without a feed."""

    url: Url = Field(description="Address of the list page.")
    items: Selector = Field(description="CSS selector of the links to the articles, or of elements that hold one.")
    limit: int = Field(default=20, strict=True, ge=1, le=MAX_SCRAPE_LIMIT, description="Links to take, from the top.")
    encoding: Maybe[Encoding] = Field(
        default=None, description="Encoding of list and articles, such as `gbk`; found by itself if left out."
    )
    article: Maybe[ArticleSettings] = Field(
        default=None, description="How to read the article pages; if left out, the list is all there is."
    )

    def rules(self) -> ScrapeRules:
        """The same as the scraper takes it."""
        return ScrapeRules(self.items, self.limit, self.encoding, self.article.rules() if self.article else None)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source: the key that chooses it, and what stands below the key."""

    #: Type and field of the value, as pydantic's `create_model` takes them.
    field: tuple[Any, Any]
    #: Key below which the address is; None: the value itself is the address.
    url_key: str | None
    #: The rules for the scraper.
    rules: Callable[[Any], ScrapeRules | None]


_FeedValue = Maybe[Url]
_ScrapeValue = Maybe[ScrapeSettings]

KINDS: dict[SourceKind, Kind] = {
    "feed": Kind(
        (_FeedValue, Field(default=None, description="Address of an RSS, Atom or JSON feed.")),
        None,
        lambda address: None,
    ),
    "scrape": Kind(
        (_ScrapeValue, Field(default=None, description="A site without a feed: a list page and its articles.")),
        "url",
        ScrapeSettings.rules,
    ),
}
"""The kinds of source by their key; each source has exactly one."""


class CommonSettings(AccessSettings):
    """What sources of every kind can say."""

    id: Maybe[SourceId] = Field(
        default=None, description="Lasting name of the source in commands and in the store; made from name or address."
    )
    name: Maybe[Text] = Field(default=None, description="Name of the source in posts and feeds; the feed's own title.")
    category: Maybe[str] = Field(default=None, strict=True, description="Slug of its category, one of `categories`.")
    section: Maybe[Text] = Field(default=None, description="Third level of the posts' categories.")
    interval: Maybe[IntervalSettings] = Field(default=None, description="How often it is looked at.")
    insist: bool = Field(
        default=False,
        strict=True,
        description="Whether it is asked more often than once an hour although its server sends neither `ETag` nor "
        "`Last-Modified`, so that all of it is sent each time.",
    )
    timeout: Maybe[Duration] = Field(default=None, description="Deadline for one whole fetch.")
    max_body: Maybe[Size] = Field(default=None, description="Largest document that is read.")
    allow_private_addresses: Maybe[PrivateAddresses] = Field(
        default=None, description="Whether addresses that are not public may be reached."
    )
    retention: Maybe[RetentionSettings] = Field(default=None, description="How long its entries are kept.")
    paused: bool = Field(
        default=False, strict=True, description="Whether it is not asked for now; its entries stay published."
    )


_KIND_FIELDS: dict[str, Any] = {name: kind.field for name, kind in KINDS.items()}

SourceSettings = create_model(
    "SourceSettings",
    __base__=CommonSettings,
    __doc__=f"One source; it has exactly one of the keys {', '.join(f'`{name}`' for name in KINDS)}.",
    **_KIND_FIELDS,
)


class Document(Section):
    """All of feeds.yaml."""

    site: Site = Field(default_factory=Site, description="What is published, and where.")
    posts: PostSettings = Field(default_factory=PostSettings, description="How entries become posts.")
    feeds: FeedSettings = Field(default_factory=FeedSettings, description="The merged feeds.")
    fetch: FetchDefaults = Field(default_factory=FetchDefaults, description="How sources are fetched.")
    retention: RetentionSettings = Field(
        default_factory=RetentionSettings, description="How long entries are kept; for ever if left out."
    )
    hooks: HookSettings = Field(default_factory=HookSettings, description="Who is told when a source breaks.")
    categories: dict[Slug, CategorySettings] = Field(
        default_factory=dict, description="Categories by slug: a title, or a mapping that says more."
    )
    sources: tuple[SourceSettings, ...] = Field(description="What is aggregated.")  # type: ignore[valid-type]

    @model_validator(mode="before")
    @classmethod
    def _empty_sections(cls, value: object) -> object:
        """A section whose keys are all commented out has its defaults; what begins with ``x-`` only holds anchors."""
        if not isinstance(value, dict):
            return value
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {
            key: entry
            for key, entry in value.items()
            if (entry is not None or key not in optional) and not key.startswith(ANCHORS)
        }
