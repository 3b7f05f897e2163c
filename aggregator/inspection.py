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
from aggregator.models import ALL
from aggregator.pipeline.judging import KeptSteps
from aggregator.publish.outputs import MergedFeed, merged
from aggregator.publish.selection import Selector
from aggregator.replay import difference_of, judge_stored
from aggregator.rules.book import Step, Trace
from aggregator.store import POSTS, Membership, Store, StoredRuling, Tombstone

if TYPE_CHECKING:
    from aggregator.config import Config

#: Entries that are read at once.
_BATCH = 200
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
            f"{text}: this item of source {tombstone.source_id} was stored once and was removed by `retention`, or with "
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
    found = _by_number(store, text) or store.find(text)
    if not found:
        for part in _tails(text):
            if found := store.find(part):
                break
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


def stored_items(store: Store, *, source: str | None = None, since: datetime | None = None) -> Iterator[StoredRuling]:
    """Yield stored items in the order of their row numbers, few in memory at a time.

    Args:
        source: only those of this source.
        since: only those that were first seen since.
    """
    last = 0
    while batch := store.rulings_after(last, _BATCH, source, since):
        yield from batch
        last = batch[-1].stored.pk


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
    #: What the rules of the configuration do with it now, in their order.
    steps: tuple[Step, ...]
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
        steps=tuple(trace.steps),
        outdated=difference_of(one, after) is not None,
        outputs=tuple(_outputs(store, config, one, trace, category, now)),
        files=tuple(_files(store, data, one)),
    )


def _outputs(
    store: Store, config: Config, one: StoredRuling, trace: Trace, category: str, now: datetime
) -> Iterator[Shown]:
    """Yield every category and output in which an item is, and every output in which it is not."""
    whole = _obstacle(one)
    reasons = {slug: why for slug, _, why in trace.outputs}
    members = {member.placement.output: member for member in one.memberships}
    selector = Selector(store, now, {slug: one.title for slug, one in config.categories.items()}, config.site.title)
    for feed in merged(config, store.fingerprints()):
        slug = feed.slug
        belongs = slug in members or slug == ALL or slug == category
        if not belongs and feed.kind != "output":
            continue
        if not belongs:
            yield Shown(slug, False, reasons.get(slug) or "it was not a member when it was judged last")
        elif whole is not None:
            yield Shown(slug, False, whole)
        else:
            yield _shown(selector, feed, members.get(slug), one)


def _obstacle(one: StoredRuling) -> str | None:
    """Return why an item is in no output at all, or None."""
    state = condition(one)
    return None if state == "published" else CONDITIONS[state]


def _shown(selector: Selector, feed: MergedFeed, member: Membership | None, one: StoredRuling) -> Shown:
    output = feed.output
    if member is not None and output.rate is not None and member.released_at is None:
        return Shown(feed.slug, False, "it waits: `rate` lets others out first")
    if output.delay is not None and member is not None and member.added_at is not None:
        out_at = member.added_at + output.delay
        if out_at > selector.now:
            return Shown(feed.slug, False, f"`delay` keeps it back until {out_at:%Y-%m-%d %H:%M} UTC")
    if output.digest is not None:
        return Shown(feed.slug, True, "it is a headline of a digest, or will be one when the current period ends")
    if output.max_age is not None and one.stored.entry.published_at < selector.now - output.max_age:
        return Shown(feed.slug, False, "it is older than `max_age`")
    if output.rate is not None:
        return Shown(feed.slug, True, "it came out")
    if one.stored.pk in selector.shown(feed):
        return Shown(feed.slug, True, "it is among the items that the feed shows")
    archived = "; its archive has it" if output.is_plain else ""
    limits = [
        name
        for name, value in (("limit", True), ("per_source", output.per_source), ("mix", output.mix == "fair"))
        if value
    ]
    return Shown(feed.slug, False, f"others come first ({', '.join(f'`{name}`' for name in limits)}){archived}")


def _files(store: Store, data: Path, one: StoredRuling) -> Iterator[str]:
    """Yield the posts of an item that are there."""
    pk = one.stored.pk
    paths = [(POSTS, one.stored.path)] if one.stored.path else []
    paths += [(folder, path) for folder in store.post_folders() for path in store.post_paths(folder, [pk]).values()]
    for folder, path in paths:
        if (data / folder / path).is_file():
            yield f"{folder}/{path}"
