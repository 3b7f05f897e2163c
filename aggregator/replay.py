"""Judge all stored entries again by the rules in force, from the entries as their sources gave them.

In: the store and the configuration. Out: what differs from how the entries were judged before, and, if that is wanted,
the same written in one transaction, so that a crash leaves the old state or the new one. Ids, paths and dates stay.
Nothing is fetched, and no step of one's own runs: only the results that are kept count. The next publication writes the
files that differ, and withdraws what is not published any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Literal

from aggregator.judging import KeptSteps, Progress, fingerprints_of, judge_stored, stored_rulings
from aggregator.models import ALL, Entry, Placement, Ruling

if TYPE_CHECKING:
    from aggregator.config import Config
    from aggregator.store import Store, StoredEntry
    from aggregator.store.rulingprotocol import StoredRuling

#: Examples of each kind of change.
EXAMPLES = 5
#: Notes of rules that are kept.
_MAX_NOTES = 20

Kind = Literal["dropped", "held", "published", "changed", "moved", "draft", "outputs"]
"""What may differ of an entry: it is dropped now, waits for a person now, or is published now and was not; and of one
that was published and still is: its text or other fields, its first category, whether its post is a draft, and the
outputs and further categories to which it belongs, or how it looks there."""

KINDS: tuple[Kind, ...] = ("dropped", "held", "published", "changed", "moved", "draft", "outputs")


_FIELDS = tuple(one.name for one in fields(Entry))


@dataclass(frozen=True, slots=True)
class Change:
    """What differs of one entry."""

    stored: StoredEntry
    #: Slug of the first category of its source.
    category: str
    before: Ruling
    after: Ruling
    #: Empty: nothing that outputs show.
    kinds: tuple[Kind, ...]
    #: Names of the fields of `models.Entry` that differ.
    fields: tuple[str, ...] = ()
    #: Slugs of its first categories before and after, where they differ.
    moved: tuple[str, str] | None = None
    #: Outputs and further categories that it joins and leaves, and in which it looks different.
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()


@dataclass(slots=True)
class Difference:
    """What differs of all stored entries."""

    #: Entries that were judged, and those of which anything differs.
    judged: int = 0
    changed: int = 0
    #: Entries by what differs; one may be counted several times.
    counts: Counter[Kind] = field(default_factory=Counter)
    #: Entries by the field that differs.
    fields: Counter[str] = field(default_factory=Counter)
    #: Moved entries by their categories before and after.
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: Entries by the outputs that they join and leave, and in which they look different.
    joined: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    altered: Counter[str] = field(default_factory=Counter)
    #: The first ones of each kind.
    examples: dict[Kind, list[Change]] = field(default_factory=dict)
    #: Entries without a result that is kept of one of their steps, so that they were judged without it.
    unmade: int = 0
    #: Notes of rules, each once.
    notes: list[str] = field(default_factory=list)

    def add(self, change: Change, examples: int) -> None:
        """Count a change, and keep it where there are fewer examples of its kinds."""
        self.changed += 1
        self.counts.update(change.kinds)
        if "changed" in change.kinds:
            self.fields.update(change.fields)
        if change.moved is not None and "moved" in change.kinds:
            self.moves[change.moved] += 1
        self.joined.update(change.joined)
        self.left.update(change.left)
        self.altered.update(change.altered)
        for kind in change.kinds:
            if len(known := self.examples.setdefault(kind, [])) < examples:
                known.append(change)


def compare(
    store: Store, config: Config, *, examples: int = EXAMPLES, progress: Progress = lambda done, total: None
) -> Difference:
    """Return what would differ if all stored entries were judged again; nothing is changed.

    Args:
        examples: how many of each kind to return.
        progress: called with the number of entries judged so far, and of all.

    Raises:
        StoreError: the store failed.
    """
    replay = _Replay(store, config, examples, progress)
    for _ in replay.changes():
        pass
    return replay.difference


def apply(
    store: Store, config: Config, *, examples: int = EXAMPLES, progress: Progress = lambda done, total: None
) -> Difference:
    """Judge all stored entries again and store what differs, in one transaction; return what differed.

    Args:
        examples, progress: as for `compare`.

    Raises:
        StoreError: the store failed; everything is as before.
    """
    replay = _Replay(store, config, examples, progress)
    # They are read in the transaction that writes them, so that no source changes them meanwhile.
    store.replace_rulings(((one.stored, one.after) for one in replay.changes()), fingerprints_of(config))
    return replay.difference


class _Replay:
    """One pass over all stored entries."""

    def __init__(self, store: Store, config: Config, examples: int, progress: Progress) -> None:
        self.difference = Difference()
        self._store = store
        self._config = config
        self._examples = examples
        self._progress = progress

    def changes(self) -> Iterator[Change]:
        """Yield what differs, in the order of row numbers, and sum it up."""
        difference = self.difference
        for one in stored_rulings(self._store, progress=self._progress):
            steps, notes = KeptSteps(self._store), list[str]()
            after = judge_stored(self._config, one, steps, notes)
            difference.judged += 1
            difference.unmade += bool(steps.missing)
            if notes:
                difference.notes = list(dict.fromkeys((*difference.notes, *notes)))[:_MAX_NOTES]
            if (change := difference_of(one, after)) is not None:
                difference.add(change, self._examples)
                yield change


def difference_of(one: StoredRuling, after: Ruling) -> Change | None:
    """Return what differs of an entry by another ruling, or None if nothing does."""
    before = one.ruling
    if before.verdict == "copy" and after.verdict == "published":
        # It is published as another source's item: that is decided when duplicates are joined.
        before = replace(before, verdict="published")
    old, new = (_memberships(ruling, one.sight.category) for ruling in (before, after))
    # A source that was moved may have left the membership of what is the first category now.
    stored = {placement.output: placement for placement in before.placements}
    if replace(before, placements=()) == replace(after, placements=()) and stored == new:
        return None
    categories = tuple(ruling.category or one.sight.category for ruling in (before, after))
    changed = tuple([name for name in _FIELDS if getattr(before.entry, name) != getattr(after.entry, name)])
    change = Change(
        one.stored,
        one.sight.category,
        before,
        after,
        (),
        changed,
        (categories[0], categories[1]) if categories[0] != categories[1] else None,
        joined=tuple(sorted(new.keys() - old.keys())),
        left=tuple(sorted(old.keys() - new.keys())),
        altered=tuple(sorted(slug for slug in old.keys() & new.keys() if old[slug] != new[slug])),
    )
    return replace(change, kinds=tuple(_kinds(change)))


def _memberships(ruling: Ruling, category: str) -> dict[str, Placement]:
    """Return the memberships of an entry besides its first category, by output."""
    first = ruling.category or category
    return {one.output: one for one in ruling.placements if one.output not in (first, ALL)}


def _kinds(change: Change) -> Iterator[Kind]:
    before, after = change.before, change.after
    if before.verdict != after.verdict:
        if after.verdict != "copy":
            yield after.verdict
        return
    if after.verdict != "published":
        return
    if change.fields:
        yield "changed"
    if change.moved:
        yield "moved"
    if before.draft != after.draft:
        yield "draft"
    if change.joined or change.left or change.altered:
        yield "outputs"
