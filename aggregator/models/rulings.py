"""What rules make of an entry, where it belongs, and the merged feeds that are published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from aggregator.models.entries import Entry

Verdict = Literal["published", "held", "dropped", "copy"]
"""What comes of an entry: it is published, waits for a person, is left out, or is another source's item again."""

Mix = Literal["newest", "fair"]
"""Which items a feed with a limit shows: the newest, or in turn the newest of each source."""

Content = Literal["full", "excerpt", "link"]
"""How much of an item a feed shows, as in `Republish`."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What rules may know of an entry besides the entry itself."""

    #: Id of its source, and slug of the first category of the source.
    source: str
    category: str
    #: When the entry was first seen; None: by a version that did not record it.
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided on an entry in review; it holds until the next decision."""

    verdict: Literal["published", "dropped"]
    #: Slug of the category that the person chose; None: that of the source or the rules.
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """An output to which an entry belongs, besides its first category and `models.ALL`."""

    #: Slug of an output, or of a further category.
    output: str
    #: The entry as this output alone shows it; None: as all others do.
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What comes of an entry by the rules and outputs of a configuration."""

    #: The entry as it is published; the same object if nothing was changed.
    entry: Entry
    verdict: Verdict = "published"
    #: Slug of its first category, if a rule or a person chose one; None: that of its source.
    category: str | None = None
    placements: tuple[Placement, ...] = ()
    #: Whether its post is written as a draft; a draft is in no feed.
    draft: bool = False
    #: By what other entries with the same item are found (`aggregator.duplicates`); None: duplicates are off.
    address: str | None = None
    #: The steps of one's own that made parts of it, such as ``command``.
    made_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of items that a feed gets at most in a period; the others wait."""

    count: int
    period: timedelta


@dataclass(frozen=True, slots=True)
class Digest:
    """One item for each day or week, with the headlines and links of that time."""

    every: Literal["daily", "weekly"]
    #: Minutes after midnight at which a digest ends, in the time zone.
    minute: int
    #: IANA name.
    zone: str
    #: Of a weekly digest, 0 is Monday.
    weekday: int = 0


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Which items from several sources are one, and whose copy is shown."""

    by: Literal["off", "url"] = "off"
    #: Ids of the sources whose copy is shown, the most preferred first.
    prefer: tuple[str, ...] = ()
    #: The expression that gives what they have in common; None: their canonical address.
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """A merged feed of ``outputs:`` in feeds.yaml; what depends on time is applied when it is published."""

    slug: str
    title: str
    description: str | None
    #: Items in its feeds at most.
    limit: int
    #: Digest of what decides which items belong to it and how they look: ``where`` and the rules.
    definition: str
    formats: tuple[Literal["rss", "atom", "json"], ...]
    #: Items of one source at most.
    per_source: int | None = None
    mix: Mix = "newest"
    #: Items that were published longer ago are left out.
    max_age: timedelta | None = None
    #: Time from when an item is first seen to when it comes out.
    delay: timedelta | None = None
    rate: Rate | None = None
    title_template: str | None = None
    content: Content = "full"
    #: Language tag; None: that of the site.
    language: str | None = None
    digest: Digest | None = None
    #: Whether its address cannot be guessed and is listed nowhere.
    private: bool = False
    #: Whether one item from several sources comes out once.
    duplicates: bool = False
    #: Ids of the sources whose copy is shown, the most preferred first.
    prefer: tuple[str, ...] = ()
    #: The expression of what such items have in common; None: their canonical address.
    duplicate_key: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it shows just the newest of its items, so that it can have an archive."""
        special = (self.per_source, self.max_age, self.delay, self.rate, self.digest)
        return self.mix == "newest" and not self.duplicates and not self.private and special == (None,) * len(special)
