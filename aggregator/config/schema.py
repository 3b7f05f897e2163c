"""The shape of feeds.yaml: one frozen model for each section.

From these models come the checks, the JSON Schema for editors and the reference page; the descriptions are written for
the people who edit the file. Defaults that depend on other keys (a source's interval, a category's limit) are filled
in by `load`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field, create_model, field_validator, model_validator

from aggregator.config.access import AccessSettings
from aggregator.config.durations import parse_duration, parse_size
from aggregator.config.intervals import IntervalSettings
from aggregator.config.section import Section
from aggregator.config.upkeep import HookSettings, RetentionSettings
from aggregator.config.values import (
    DefaultProxy,
    Duration,
    Language,
    Maybe,
    Placeholder,
    PrivateAddresses,
    SiteUrl,
    Size,
    Slug,
    SourceId,
    Text,
    TimeZone,
    Url,
    UserAgent,
)

if TYPE_CHECKING:
    from aggregator.sources import Kind

FeedFormat = Literal["rss", "atom", "json"]
Preset = Literal["hexo"]

ANCHORS = "x-"
"""What keys at the top begin with that mean nothing themselves."""
MAX_FEED_LIMIT = 10_000
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


class CommonSettings(AccessSettings):
    """What sources of every kind can say; `document_model` adds the keys of the kinds."""

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


class Document(Section):
    """All of feeds.yaml."""

    model_config = ConfigDict(defer_build=True)

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
    sources: tuple[CommonSettings, ...] = Field(description="What is aggregated.")

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


def source_kinds() -> Mapping[str, Kind]:
    """Return the kinds of source by their keys; each source has exactly one."""
    # The modules of the kinds take the types of their settings from this package, so it is imported first.
    from aggregator.sources import KINDS

    return KINDS


def source_model() -> type[CommonSettings]:
    """Return the model of one source, with the keys of all registered kinds."""
    return _source_model(tuple(source_kinds().items()))


def document_model() -> type[Document]:
    """Return the model of feeds.yaml, with the sources as `source_model` has them."""
    return _document_model(source_model())


@cache
def _source_model(kinds: tuple[tuple[str, Kind], ...]) -> type[CommonSettings]:
    maybe: Any = Maybe
    fields: dict[str, Any] = {
        name: (maybe[kind.SETTINGS], Field(default=None, description=kind.DESCRIPTION)) for name, kind in kinds
    }
    names = ", ".join(f"`{name}`" for name, _ in kinds)
    doc = f"One source; it has exactly one of the keys {names}."
    return create_model("SourceSettings", __base__=CommonSettings, __doc__=doc, **fields)


@cache
def _document_model(source: type[CommonSettings]) -> type[Document]:
    sources: Any = (tuple[source, ...], Document.model_fields["sources"])  # type: ignore[valid-type]
    return create_model("Document", __base__=Document, __doc__=Document.__doc__, sources=sources)
