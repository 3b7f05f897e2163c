"""The same item from several sources: how it is found, and which of the entries is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from aggregator.models.entries import Copy, Item


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
