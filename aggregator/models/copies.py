"""The same item from several sources: how it is found, and which of the entries is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from aggregator.models.entries import Copy, Item


class KeyExpression(Protocol):
    """An expression that gives a text, such as `aggregator.rules.expressions.Expression`."""

    @property
    def text(self) -> str:
        """The expression as written."""

    def key(self, variables: Mapping[str, Any]) -> str:
        """Return its value as a text, "" where it has none."""


@dataclass(frozen=True, slots=True)
class Joining:
    """How the same item from several sources is found, everywhere or in one category."""

    #: Not at all, or by the canonical address.
    by: Literal["off", "url"] = "off"
    #: Ids of the sources whose copy is shown, the most preferred first.
    prefer: tuple[str, ...] = ()
    #: What two entries have in common, in place of address and title.
    key: KeyExpression | None = None


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Where the same item from several sources comes out once; `Output.duplicates` is apart from this."""

    site: Joining = Joining()
    #: Of categories with settings of their own, by slug; what such a category leaves out is filled in from `site`.
    categories: Mapping[str, Joining] = field(default_factory=dict)

    def of(self, category: str) -> Joining:
        """Return the settings for the entries whose first category this is."""
        return self.categories.get(category, self.site)

    def scope(self, category: str) -> str | None:
        """Return among what the entries of a category are joined: "" for all, or its slug; None: they are not."""
        if self.of(category).by == "off":
            return None
        return category if self.site.by == "off" else ""

    @property
    def active(self) -> bool:
        """Whether entries are joined anywhere."""
        return any(one.by != "off" for one in (self.site, *self.categories.values()))


class Candidate(NamedTuple):
    """What has to be known of an entry to find out whether it is another one's copy."""

    pk: int
    #: Id of its source.
    source: str
    #: Slug of its first category, published or not.
    category: str
    #: As the source gave it.
    title: str
    published_at: datetime
    #: Whether the source gave the date.
    dated: bool
    #: Whether it is published, or would be if it were no copy.
    published: bool = True


class Group(NamedTuple):
    """Entries that are one item."""

    #: Row number of the entry that is published.
    leader: int
    #: Those of the others, in order.
    copies: tuple[int, ...]
    #: That of the copy whose text and link are shown; None: those of the leader are.
    shown: int | None = None


def joined(leader: Item, others: Sequence[Item], shown: int | None) -> Item:
    """Return what is published of a group: an item with the id, path, dates and category of the leader.

    Args:
        others: the copies, in the order of their row numbers.
        shown: as in `Group`; text, link and source are those of this copy then, as its source may permit less.
    """
    face = next((one for one in others if one.pk == shown), leader)
    also_at = tuple(Copy(one.origin.name, one.entry.url) for one in (leader, *others) if one is not face)
    if face is leader:
        return replace(leader, also_at=also_at)
    entry, text = leader.entry, face.entry
    entry = replace(
        entry,
        url=text.url,
        title=text.title,
        html=text.html,
        summary=text.summary,
        authors=text.authors,
        tags=text.tags,
        enclosures=text.enclosures,
        image=text.image,
        comments_url=text.comments_url,
        language=text.language,
        original_feed=text.original_feed,
        extras=text.extras,
        updated_at=max(entry.updated_at, text.updated_at),
    )
    origin = replace(face.origin, category=leader.origin.category, section=leader.origin.section)
    return replace(leader, entry=entry, origin=origin, also_at=also_at)
