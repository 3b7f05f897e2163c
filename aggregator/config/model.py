"""The configuration in force.

`Config` is what `load` gives to the rest of the program: frozen, with all defaults filled in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator.errors import Problem
from aggregator.models import Category, Source

if TYPE_CHECKING:
    from aggregator.config.schema import FeedSettings, FetchDefaults, PostSettings, Site
    from aggregator.config.upkeep import HookSettings


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a configuration was read from; digests are SHA-256, hexadecimal."""

    #: Of the bytes of the file; "" where it was not read from a file.
    digest: str = ""
    #: ``env`` or ``file``, the name, and the digest of the value, for each value that was put in.
    references: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """One feeds.yaml, read and checked."""

    site: Site
    posts: PostSettings
    feeds: FeedSettings
    #: Defaults for fetching; what a source says itself is in its `Source` already.
    fetch: FetchDefaults
    hooks: HookSettings
    #: By slug, in the order of the file; the implicit one (sources without a category), where there is one, is last.
    categories: dict[str, Category]
    #: In the order of the file.
    sources: tuple[Source, ...]
    #: The file it was read from.
    path: Path
    #: Values that came from the environment or from files, and others that must not be shown; `redact` hides them.
    secrets: frozenset[str]
    #: Those that came from the environment or from files, and what is made of them: they are not published either.
    confidential: frozenset[str]
    #: What is worth a look and no fault.
    notes: tuple[Problem, ...] = ()
    #: What tells whether another reading would give the same.
    provenance: Provenance = field(default_factory=Provenance)
