"""Stored items for people: find one by what they know of it, and explain what came of it.

In: the store, the configuration, the data folder. Out: plain values that commands print. Nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from aggregator.errors import AggregatorError
from aggregator.judging import KeptSteps, judge_stored
from aggregator.models import ALL
from aggregator.publish.outputs import MergedFeed, merged
from aggregator.publish.selection import Selector
from aggregator.replay import difference_of
from aggregator.rules.book import Step, Trace
from aggregator.store import POSTS, Membership, Store, StoredEntry, StoredRuling, Tombstone

if TYPE_CHECKING:
    from aggregator.config import Config

#: Items that a message names if a text fits several.
_NAMED = 10

Condition = Literal["published", "waiting", "draft", "held", "dropped", "copy", "retired"]
#: What each condition of an item means.
CONDITIONS: dict[Condition, str] = {
    "published": "it is in the feeds and has a post",
    "waiting": "it comes out with the next publication",
    "draft": "its post is a draft, and it is in no feed",
    "held": "it waits for `aggregator review`",
    "dropped": "a rule or a person dropped it",
    "copy": "another source had the same item before",
    "retired": "its source is not configured any more; its post stays",
}


class NotFound(AggregatorError):
    """No stored item, or several, fit what a person wrote."""


class Removed(NotFound):
    """The item was stored once, and was removed since."""

    def __init__(self, text: str, tombstone: Tombstone) -> None:
        self.tombstone = tombstone
        super().__init__(
            f"{text}: this item of source {tombstone.source_id} was stored once and was removed, by `retention` or by "
            "`aggregator remove --purge`; it does not come back, and its post may still be there"
        )


def find_one(store: Store, text: str) -> StoredRuling:
    """Return the item with a number, an id, an address, a post file, a key, or words of its title.

    Args:
        text: as a person writes it; a post file may be given with its folder.

    Raises:
        Removed: it is not stored any more.
        NotFound: there is none, or there are several; the message names them.
    """
    found = _by_number(store, text)
    for part in (text, *_tails(text)):
        found = found or store.find(part)
    if len(found) == 1:
        return found[0]
    if found:
        shown = "\n".join(f"  {one.stored.pk}  {one.ruling.entry.title}" for one in found[:_NAMED])
        more = f"\n  and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise NotFound(f"{text}: several items fit; name one by its number:\n{shown}{more}")
    for part in (text, *_tails(text)):
        if tombstone := store.tombstone_of(part):
            raise Removed(text, tombstone)
    raise NotFound(
        f"{text}: there is no such item; name its number, id, address or post file, or words of its title "
        "(`aggregator list` shows the newest)"
    )


def _by_number(store: Store, text: str) -> list[StoredRuling]:
    number = text.removeprefix("#")
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return []
    return [one for one in store.rulings_after(int(number) - 1, 1) if one.stored.pk == int(number)]


def _tails(text: str) -> Iterator[str]:
    """Yield a path of a file without its first folders: the store knows posts by their path below their folder."""
    if "://" not in text:
        parts = text.replace("\\", "/").split("/")
        for start in range(1, len(parts)):
            yield "/".join(parts[start:])


def condition(one: StoredRuling) -> Condition:
    """Return what came of a stored item."""
    if one.ruling.verdict != "published":
        return one.ruling.verdict
    if not one.configured:
        return "retired"
    if one.ruling.draft:
        return "draft"
    return "published" if one.stored.id is not None else "waiting"


@dataclass(frozen=True, slots=True)
class Shown:
    """An output, and whether an item is in it."""

    #: Slug of the category or output, or `models.ALL`.
    output: str
    shown: bool
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What came of an item, and why."""

    item: StoredRuling
    condition: Condition
    #: Slug of the first category.
    category: str
    #: The item that is published for it, if it is a copy.
    copy_of: StoredEntry | None
    #: What the rules of the configuration do with it now, in their order.
    steps: tuple[Step, ...]
    #: What review makes of it besides the rules, or None.
    review: str | None
    #: Whether they would make something else of it than what is stored.
    outdated: bool
    outputs: tuple[Shown, ...]
    #: Files in the data folder in which it stands, relative to it; feeds and pages of archives are named by folder.
    files: tuple[str, ...]


def explain(store: Store, config: Config, data: Path, one: StoredRuling, now: datetime) -> Explanation:
    """Explain what came of a stored item; see `Explanation`."""
    trace = Trace()
    after = judge_stored(config, one, KeptSteps(store), trace=trace)
    category = one.ruling.category or one.sight.category
    return Explanation(
        item=one,
        condition=condition(one),
        category=category,
        copy_of=_leader(store, one),
        steps=tuple(trace.steps),
        review=trace.review,
        outdated=difference_of(one, after) is not None,
        outputs=tuple(_outputs(store, config, one, trace, category, now)),
        files=tuple(_files(store, data, one)),
    )


def _outputs(
    store: Store, config: Config, one: StoredRuling, trace: Trace, category: str, now: datetime
) -> Iterator[Shown]:
    """Yield every category and output in which an item is, and every output in which it is not."""
    whole = _obstacle(one)
    # By the rules in force and a decision that is not carried out yet, it may belong to more than it did.
    reasons = {slug: why for slug, belongs, why in trace.outputs if not belongs}
    members = {member.placement.output: member for member in one.memberships}
    titles = {slug: category.title for slug, category in config.categories.items()}
    asked = _Asked(Selector(store, now, titles, config.site.title), now, one)
    for feed in merged(config, store.fingerprints()):
        slug = feed.slug
        belongs = slug in members or slug in (ALL, category)
        if not belongs and feed.kind != "output":
            continue
        if not belongs:
            yield Shown(slug, False, reasons.get(slug) or whole or "it was not a member when it was judged last")
        elif whole is not None:
            yield Shown(slug, False, whole)
        else:
            yield asked.answer(feed, members.get(slug))


def _obstacle(one: StoredRuling) -> str | None:
    """Return why an item is in no output at all, or None."""
    state = condition(one)
    return None if state == "published" else CONDITIONS[state]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A published item, and what is needed to say which feeds show it."""

    selector: Selector
    now: datetime
    item: StoredRuling

    def answer(self, feed: MergedFeed, member: Membership | None) -> Shown:
        """Say whether a feed to which the item belongs shows it now."""
        output = feed.output
        if member is not None and output.delay is not None and member.added_at is not None:
            out_at = member.added_at + output.delay
            if out_at > self.now:
                return Shown(feed.slug, False, f"`delay` keeps it back until {out_at:%Y-%m-%d %H:%M} UTC")
        if output.digest is not None:
            return Shown(feed.slug, True, "it is a headline of a digest, or will be when the current period ends")
        if output.max_age is not None and self.item.stored.entry.published_at < self.now - output.max_age:
            return Shown(feed.slug, False, "it is older than `max_age`")
        if output.rate is not None:
            # To select such a feed would let items out.
            if member is not None and member.released_at is not None:
                return Shown(feed.slug, True, f"it came out on {member.released_at:%Y-%m-%d %H:%M} UTC")
            return Shown(feed.slug, False, "it waits: `rate` lets others out first")
        if self.item.stored.pk in self.selector.shown(feed):
            return Shown(feed.slug, True, "it is among the items that the feed shows")
        names = ("limit", *(["per_source"] if output.per_source else []), *(["mix"] if output.mix == "fair" else []))
        archived = "; its archive has it" if output.is_plain else ""
        return Shown(feed.slug, False, f"others come first ({', '.join(f'`{name}`' for name in names)}){archived}")


def _leader(store: Store, one: StoredRuling) -> StoredEntry | None:
    """Return the entry that is published for a copy."""
    pks = [copy.leader for copy in store.copies.of([one.stored.pk]) if copy.pk == one.stored.pk]
    return next((other.stored for pk in pks for other in store.rulings_after(pk - 1, 1)), None)


def _files(store: Store, data: Path, one: StoredRuling) -> Iterator[str]:
    """Yield the posts of an item that are there."""
    pk = one.stored.pk
    paths = [(POSTS, one.stored.path)] if one.stored.path else []
    paths += [(folder, path) for folder in store.post_folders() for path in store.post_paths(folder, [pk]).values()]
    for folder, path in paths:
        if (data / folder / path).is_file():
            yield f"{folder}/{path}"
