"""The settings in feeds.yaml: one frozen model for each section.

The checks, the JSON Schema for editors and the reference page are made from these models; the descriptions are written
for people who edit the file. `load` fills in defaults that depend on other keys, such as the interval of a source.
"""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema, create_model, field_validator, model_validator

from aggregator.config.access import AccessSettings
from aggregator.config.fields import (
    Database,
    DefaultProxy,
    Language,
    Maybe,
    PrivateAddresses,
    Section,
    SiteUrl,
    Size,
    Text,
    TimeZone,
    Url,
    UserAgent,
    parse_size,
)
from aggregator.config.ids import Slug, SourceId
from aggregator.config.intervals import Duration, IntervalSettings, parse_duration
from aggregator.config.outputs import MAX_FEED_LIMIT, FeedFormat, JoinSettings, OutputSettings
from aggregator.config.posts import PostSettings
from aggregator.config.rsshub import RsshubSettings
from aggregator.config.ruling import RULES, RULES_FIELD, RuleSettings, rule_kinds, rule_model
from aggregator.config.templates import FOR

if TYPE_CHECKING:
    from aggregator.rules.kind import Rule
    from aggregator.sources import Kind

ANCHORS = "x-"
"""Prefix of keys at the top level that only hold anchors."""
RENAMED = {"insist": "poll_without_validators"}
"""Keys of a source by their old names, which are still read."""
MAX_CONCURRENCY = 1000
MAX_PER_HOST = 100
MAX_RETENTION = 1_000_000


def hook(value: object) -> tuple[str, ...]:
    """Check a command with its arguments (a list, or a text that is split as a shell would), or one Apprise URL."""
    if isinstance(value, str) and "://" in value.partition(" ")[0]:
        return (value.strip(),)
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as error:
            raise ValueError(f"is not a command: {error}") from None
    if not isinstance(value, list) or not value or not all(isinstance(part, str) and part for part in value):
        raise ValueError("must be a command such as `notify.sh --mail` or `[notify.sh, --mail]`, or an Apprise URL")
    if any("\0" in part for part in value):
        raise ValueError("must not contain the character U+0000")
    return tuple(value)


def command(value: object) -> tuple[str, ...]:
    """Check a command as `hook` does; an Apprise URL is none."""
    parts = hook(value)
    if len(parts) == 1 and "://" in parts[0]:
        raise ValueError("must be a command such as `[hexo, generate]`, not an address")
    return parts


_COMMAND_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string", "pattern": r"\S"},
            {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
        ]
    }
)
Hook = Annotated[tuple[str, ...], PlainValidator(hook), _COMMAND_SCHEMA]
Command = Annotated[tuple[str, ...], PlainValidator(command), _COMMAND_SCHEMA]


class RetentionSettings(Section):
    """How long entries are kept; a key that is left out comes from the category, then from the top level."""

    age: Maybe[Duration] = Field(default=None, description="Entries published longer ago are removed.")
    count: Maybe[int] = Field(
        default=None,
        strict=True,
        ge=1,
        le=MAX_RETENTION,
        description="How many entries of each source are kept: the newest.",
    )
    posts: Maybe[Literal["keep", "delete"]] = Field(
        default=None, description="Whether post files of removed entries are kept; `keep` if left out everywhere."
    )


class HookSettings(Section):
    """What is called when a source begins to fail or works again: a command or an Apprise URL (extra `notify`)."""

    on_problem: Maybe[Hook] = Field(default=None, description="Called once when a source begins to fail.")
    on_recovery: Maybe[Hook] = Field(default=None, description="Called once when such a source works again.")
    after: int = Field(default=3, strict=True, ge=1, le=1000, description="Failures in a row that make a problem.")


def _field(value: str, parsed: timedelta | int, description: str) -> Any:
    """Make a field whose default appears in the JSON Schema as people write it."""
    return Field(default=parsed, description=description, json_schema_extra={"default": value})


class SiteSettings(Section):
    """What is published, and where."""

    title: Text = Field(
        default="Aggregated feeds", description="Title of the feed of all entries, and of the OPML file."
    )
    url: SiteUrl = Field(
        default="http://localhost/",
        description="Address at which `data/public/` is served; ids and self links are made from it.",
    )
    language: Language = Field(default="en", description="Language of the site, as a tag such as `en` or `zh-CN`.")
    timezone: TimeZone = Field(
        default="UTC", description="Time zone of cron expressions in `interval`, such as `Europe/Berlin`."
    )
    description: Maybe[Text] = Field(default=None, description="One sentence about the site, for the feeds.")
    author: Maybe[Text] = Field(default=None, description="Who publishes the site; the title if left out.")
    icon: Maybe[Url] = Field(default=None, description="Address of a square picture that stands for the site.")


class FeedSettings(Section):
    """The merged feeds: one for every category, and one for all of them."""

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
        description="Entries in each feed at most; a category can set its own.",
    )
    archive: bool = Field(
        default=True,
        strict=True,
        description="Whether older entries are published, too, in pages that each feed links to (RFC 5005).",
    )

    @field_validator("formats")
    @classmethod
    def _once(cls, formats: tuple[FeedFormat, ...]) -> tuple[FeedFormat, ...]:
        if len(set(formats)) < len(formats):
            raise ValueError("must name each format once")
        return formats


class FetchDefaults(Section):
    """How sources are fetched, unless they have settings of their own."""

    interval: IntervalSettings = Field(
        default_factory=lambda: IntervalSettings(every=parse_duration("1h")),
        description="How often a source is fetched.",
        json_schema_extra={"default": "1h"},
    )
    timeout: Duration = _field(
        "20s", parse_duration("20s"), "Deadline for a whole fetch, including redirects and body."
    )
    max_body: Size = _field("15MB", parse_size("15MB"), "Largest document that is read, measured after decompression.")
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
        default=None, description="Shortest time between two requests to a domain; none if left out."
    )
    user_agent: Maybe[UserAgent] = Field(
        default=None, description="Text of the `User-Agent` header; the program's own name if left out."
    )
    proxy: Maybe[DefaultProxy] = Field(
        default=None,
        description="Address of an HTTP proxy to use, or `environment` for the variables `HTTP_PROXY`, "
        "`HTTPS_PROXY` and `NO_PROXY`; none if left out.",
    )
    contact: Maybe[UserAgent] = Field(
        default=None, description="Mail or web address of the operator, sent to the sites in the `User-Agent` header."
    )


class CategorySettings(JoinSettings):
    """A category with more settings than its title."""

    title: Maybe[Text] = Field(default=None, description="Title of the category; the slug if left out.")
    description: Maybe[Text] = Field(default=None, description="One sentence about the category, for its feeds.")
    limit: Maybe[int] = Field(
        default=None, strict=True, ge=1, le=MAX_FEED_LIMIT, description="Entries in each of its feeds at most."
    )
    interval: Maybe[IntervalSettings] = Field(default=None, description="How often its sources are fetched.")
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
                "must be a title, not a list; sources belong below `sources`, and each names its `category`"
            )
        if not isinstance(value, dict):
            raise ValueError("must be a title (a number in quotes), or a mapping of keys and values")
        return value


class CommonSettings(AccessSettings):
    """The settings that sources of every kind have; `source_model` adds the keys of the kinds."""

    id: Maybe[SourceId] = Field(
        default=None,
        description="Permanent name of the source in commands and in the database; made from name or address if left "
        "out.",
    )
    name: Maybe[Text] = Field(
        default=None, description="Name of the source in posts and feeds; the feed's own title if left out."
    )
    category: Maybe[str] = Field(default=None, strict=True, description="Slug of its category, one of `categories`.")
    categories: Maybe[tuple[str, ...]] = Field(
        default=None,
        min_length=1,
        description="In place of `category`: slugs of several; the first is that of its posts.",
        json_schema_extra={"uniqueItems": True},
    )
    section: Maybe[Text] = Field(default=None, description="Third level of the posts' categories.")
    interval: Maybe[IntervalSettings] = Field(default=None, description="How often it is fetched.")
    poll_without_validators: bool = Field(
        default=False,
        strict=True,
        description="Whether it may be fetched more often than once an hour although its server sends neither `ETag` "
        "nor `Last-Modified`, so that every fetch transfers all of it.",
    )
    timeout: Maybe[Duration] = Field(default=None, description="Deadline for a whole fetch.")
    max_body: Maybe[Size] = Field(default=None, description="Largest document that is read.")
    allow_private_addresses: Maybe[PrivateAddresses] = Field(
        default=None, description="Whether addresses that are not public may be reached."
    )
    retention: Maybe[RetentionSettings] = Field(default=None, description="How long its entries are kept.")
    paused: bool = Field(
        default=False, strict=True, description="Whether it is not fetched for now; its entries stay published."
    )
    review: bool = Field(
        default=False,
        strict=True,
        description="Whether its new entries are published only after `aggregator review`, or as a rule decides.",
    )
    republish: Literal["full", "excerpt", "link"] = Field(
        default="full",
        description="How much of its entries posts and feeds show: all, at most 300 characters of the text, or title "
        "and link alone.",
    )
    rules: tuple[RuleSettings, ...] = RULES_FIELD
    copyright: Maybe[Text] = Field(
        default=None,
        description="What feeds and posts say of the rights in its entries; what the source says if left out.",
    )
    noindex: bool = Field(
        default=False, strict=True, description="Whether search engines are asked to leave its entries out."
    )


class FileSettings(JoinSettings):
    """The whole of feeds.yaml."""

    model_config = ConfigDict(defer_build=True)

    site: SiteSettings = Field(default_factory=SiteSettings, description="What is published, and where.")
    posts: tuple[PostSettings, ...] = Field(
        default_factory=lambda: (PostSettings(),),
        description="How entries become posts: a mapping, or a list of mappings that each have a `folder`.",
    )
    feeds: FeedSettings = Field(default_factory=FeedSettings, description="The merged feeds.")
    fetch: FetchDefaults = Field(default_factory=FetchDefaults, description="How sources are fetched.")
    rsshub: RsshubSettings | None = Field(
        default=None, description="The instances of RSSHub that sources with a route use."
    )
    retention: RetentionSettings = Field(
        default_factory=RetentionSettings, description="How long entries are kept; forever if left out."
    )
    hooks: HookSettings = Field(
        default_factory=HookSettings,
        description="What is called when a source begins to fail or works again.",
    )
    after_publish: Maybe[Command] = Field(
        default=None,
        description="A command that is called after each publication that changed files, at most once a minute.",
    )
    database: Maybe[Database] = Field(
        default=None,
        description="A PostgreSQL database in place of the SQLite file in the data folder, best as a reference: "
        "`${env:NAME}`.",
    )
    categories: dict[Slug, CategorySettings] = Field(
        default_factory=dict, description="Categories by slug: a title, or a mapping that says more."
    )
    outputs: dict[Slug, OutputSettings] = Field(
        default_factory=dict, description="More merged feeds by slug, each of the items that an expression chooses."
    )
    sources: tuple[CommonSettings, ...] = Field(description="What is aggregated.")

    @model_validator(mode="before")
    @classmethod
    def _empty_sections(cls, value: object) -> object:
        """Drop sections whose keys are all commented out, and keys that only hold anchors."""
        if not isinstance(value, dict):
            return value
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {
            key: entry
            for key, entry in value.items()
            if (entry is not None or key not in optional) and not key.startswith(ANCHORS)
        }


_VALUES = Field(
    default=None,
    description="Variables with their values: one source for each value, with `${name}` replaced in its texts.",
)


def source_kinds() -> Mapping[str, Kind]:
    """Return the kinds of source by their keys; each source has exactly one."""
    # Imported late: the modules of the kinds take the types of their settings from this package.
    from aggregator.sources import KINDS

    return KINDS


def source_model() -> type[CommonSettings]:
    """Return the model of one source, with the keys of all registered kinds; none of its rules are checked."""
    return _source_model(tuple(source_kinds().items()), RuleSettings)


def file_model(*, rules: bool = True) -> type[FileSettings]:
    """Return the model of feeds.yaml, with the sources as `source_model` has them.

    Args:
        rules: with rules and expressions; what checks them takes long to import.
    """
    return _file_model(tuple(source_kinds().items()), tuple(rule_kinds().items()) if rules else ())


@cache
def _source_model(kinds: tuple[tuple[str, Kind], ...], rule: type[RuleSettings]) -> type[CommonSettings]:
    maybe: Any = Maybe
    fields: dict[str, Any] = {
        name: (maybe[kind.SETTINGS], Field(default=None, description=kind.DESCRIPTION)) for name, kind in kinds
    }
    # Sources are written out before they are checked (`templates`), so that none has this key then.
    fields[FOR] = (maybe[dict[str, Annotated[tuple[str | int, ...], Field(min_length=1)]]], _VALUES)
    fields[RULES] = (tuple[rule, ...], RULES_FIELD)  # type: ignore[valid-type]
    names = ", ".join(f"`{name}`" for name, _ in kinds)
    doc = f"One source; it has exactly one of the keys {names}."
    with warnings.catch_warnings():
        # The base model of pydantic has a method `json` of old, which nothing here calls.
        warnings.filterwarnings("ignore", message='Field name "json"', category=UserWarning)
        return create_model("SourceSettings", __base__=CommonSettings, __doc__=doc, **fields)


@cache
def _file_model(kinds: tuple[tuple[str, Kind], ...], rules: tuple[tuple[str, Rule], ...]) -> type[FileSettings]:
    rule: Any = RuleSettings
    key: Any = Any
    where: Any = Any
    if rules:
        from aggregator.rules.expressions import Key, Where

        rule, key, where = rule_model(rules), Key, Where
    maybe: Any = Maybe
    joins: dict[str, Any] = {
        RULES: (tuple[rule, ...], RULES_FIELD),
        "duplicate_key": (maybe[key], JoinSettings.model_fields["duplicate_key"]),
    }

    def derived(base: Any, **fields: Any) -> Any:
        return create_model(base.__name__, __base__=base, __doc__=base.__doc__, **joins, **fields)

    category: Any = derived(CategorySettings)
    output: Any = derived(OutputSettings, where=(maybe[where], OutputSettings.model_fields["where"]))
    source: Any = _source_model(kinds, rule)
    of_file: Any = FileSettings.model_fields
    made: type[FileSettings] = derived(
        FileSettings,
        categories=(dict[Slug, category], of_file["categories"]),
        outputs=(dict[Slug, output], of_file["outputs"]),
        sources=(tuple[source, ...], of_file["sources"]),
    )
    return made
