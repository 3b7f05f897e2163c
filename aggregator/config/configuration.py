"""The configuration in force: what `load` makes of feeds.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator.config.posts import OwnPreset, PostSettings
from aggregator.config.rsshub import RsshubSettings
from aggregator.config.ruling import RuleLists
from aggregator.config.settings import FeedSettings, FetchDefaults, HookSettings, SiteSettings
from aggregator.errors import Problem
from aggregator.models import Category, Duplicates, Output, Source

if TYPE_CHECKING:
    from aggregator.rules.book import RuleBook

UNCATEGORIZED = "uncategorized"
"""Slug of the category of sources that name none."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a configuration was read from; digests are SHA-256, hexadecimal."""

    #: Of the bytes of the file; "" if it was not read from a file.
    digest: str = ""
    #: ``env`` or ``file``, the name, and the digest of the value, for each value that was inserted.
    references: tuple[tuple[str, str, str], ...] = ()
    #: Of these, the files that only tell where the database is.
    of_database: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration in force: one feeds.yaml, read and checked, with all defaults filled in."""

    site: SiteSettings
    #: One for each folder of posts.
    posts: tuple[PostSettings, ...]
    feeds: FeedSettings
    #: Defaults for fetching; each `Source` has its own settings or these defaults.
    fetch: FetchDefaults
    hooks: HookSettings
    #: Command and arguments that are called after each publication that changed files.
    after_publish: tuple[str, ...] | None
    #: By slug, in the order of the file; the implicit one, for sources without a category, is last.
    categories: dict[str, Category]
    #: In the order of the file.
    sources: tuple[Source, ...]
    #: The file that it was read from.
    path: Path
    #: Values from the environment or from files, and others that must not be shown; `redact` hides them.
    secrets: frozenset[str]
    #: Those from the environment or from files, and what is made of them: they must not be published either.
    confidential: frozenset[str]
    #: The PostgreSQL database that the environment or the file names, see `aggregator.place`; None: SQLite.
    database: str | None = None
    #: The instances of RSSHub that sources with a route use; None: none are configured.
    rsshub: RsshubSettings | None = None
    #: One's own presets, by the paths that name them.
    presets: Mapping[str, OwnPreset] = field(default_factory=dict)
    #: Remarks on what is not an error; `check` shows them.
    notes: tuple[Problem, ...] = ()
    #: Digests of what was read: whether loading again would give the same.
    provenance: Provenance = field(default_factory=Provenance)
    #: Further merged feeds by slug, in the order of the file.
    outputs: Mapping[str, Output] = field(default_factory=dict)
    #: Which items from several sources are one, by the slug of the first category, and `ALL` for the whole file.
    duplicates: Mapping[str, Duplicates] = field(default_factory=dict)
    #: All rules; `rule_book` is made of them.
    rules: RuleLists = field(default_factory=RuleLists)
    #: For each source the index of its entry in `sources` of the file.
    entries: tuple[int, ...] = ()
    #: The indexes of the entries that make several sources (`for`).
    templates: frozenset[int] = frozenset()

    @property
    def rule_book(self) -> RuleBook:
        """What judges entries by all rules, made when it is first asked for."""
        return self.rules.book
