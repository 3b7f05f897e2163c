"""Items as plain values that files hold and programs read, and how two lists of them differ. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aggregator.values.terminal import iso

if TYPE_CHECKING:
    from aggregator.models import Entry
    from aggregator.preview import PreviewItem

#: The fields of an entry that people see, in this order.
_FIELDS = (
    "title",
    "url",
    "published_at",
    "updated_at",
    "authors",
    "tags",
    "language",
    "image",
    "comments_url",
    "enclosures",
    "guid",
    "summary",
    "html",
)
_DATES = ("published_at", "updated_at")
#: What else is compared of an item.
_FACTS = ("state", "category", "outputs", "dated")

Item = Mapping[str, Any]
"""An item as `item_values` returns it, or as it was read from a file."""


def entry_values(entry: Entry) -> dict[str, Any]:
    """Return the fields of an entry as JSON has them."""
    found: dict[str, Any] = {}
    for name in _FIELDS:
        value = getattr(entry, name)
        if isinstance(value, datetime):
            value = iso(value)
        elif name == "enclosures":
            value = [asdict(file) for file in value]
        found[name] = list(value) if isinstance(value, tuple) else value
    return found


def changed_by_rules(before: Entry, after: Entry) -> dict[str, Any]:
    """Return the fields that rules have changed, as they were."""
    old, new = entry_values(before), entry_values(after)
    return {name: value for name, value in old.items() if value != new[name]}


def item_values(item: PreviewItem) -> dict[str, Any]:
    """Return an item of a preview: what is stored of it, and what rules made of that."""
    one = item.stored
    return {
        "key": one.stored.entry.key,
        "state": item.condition,
        "category": one.ruling.category or one.sight.category,
        "outputs": sorted({member.placement.output for member in one.memberships}),
        "dated": one.stored.entry.dated,
        "entry": entry_values(one.ruling.entry),
        "before_rules": changed_by_rules(one.stored.entry, one.ruling.entry),
    }


@dataclass(frozen=True, slots=True)
class Change:
    """What differs of one item."""

    before: Item
    after: Item
    #: Old and new value of each field that differs; "title before rules" and the like where only that differs.
    fields: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """How two lists of items differ."""

    missing: tuple[Item, ...] = ()
    new: tuple[Item, ...] = ()
    changed: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.new or self.changed)

    def by_field(self) -> list[tuple[str, list[Change]]]:
        """Return each field with its changes, most changes first; those of a fact, such as the state, by its values."""
        found: dict[tuple[str, str], list[Change]] = defaultdict(list)
        for change in self.changed:
            for name, values in change.fields.items():
                found[name, repr(values) if name in _FACTS else ""].append(change)
        return [(name, changes) for (name, _), changes in sorted(found.items(), key=lambda pair: -len(pair[1]))]


def difference(before: Sequence[Item], after: Sequence[Item]) -> Difference:
    """Compare two lists of items.

    An item is found again by its key, else by its address, else by its title, as far as only one item has that.
    """
    left, right = list(before), list(after)
    pairs: list[tuple[Item, Item]] = []
    for name in (lambda one: one.get("key"), _of_entry("url"), _of_entry("title")):
        found, left, right = _paired(left, right, name)
        pairs += found
    order = {id(one): place for place, one in enumerate(after)}
    pairs.sort(key=lambda pair: order[id(pair[1])])
    changes = (Change(old, new, _changes(old, new)) for old, new in pairs)
    return Difference(tuple(left), tuple(right), tuple(one for one in changes if one.fields))


def _of_entry(name: str) -> Callable[[Item], Any]:
    return lambda one: entry_of(one).get(name)


def entry_of(item: Item) -> Mapping[str, Any]:
    """Return the fields of the entry of an item; none where a file has something else there."""
    found = item.get("entry")
    return found if isinstance(found, Mapping) else {}


def _paired(
    left: Sequence[Item], right: Sequence[Item], name: Callable[[Item], Any]
) -> tuple[list[tuple[Item, Item]], list[Item], list[Item]]:
    """Return the pairs of items with one name, and what is left of both lists."""
    ours, theirs = _single(left, name), _single(right, name)
    pairs = [(one, theirs[called]) for called, one in ours.items() if called in theirs]
    done = {id(one) for pair in pairs for one in pair}
    return pairs, [one for one in left if id(one) not in done], [one for one in right if id(one) not in done]


def _single(items: Iterable[Item], name: Callable[[Item], Any]) -> dict[str, Item]:
    """Return the items that are the only ones with their name, by name."""
    by_name: dict[str, list[Item]] = defaultdict(list)
    for one in items:
        called = name(one)
        if isinstance(called, str) and called:
            by_name[called].append(one)
    return {called: several[0] for called, several in by_name.items() if len(several) == 1}


def _changes(before: Item, after: Item) -> dict[str, tuple[Any, Any]]:
    found = {name: pair for name in _FACTS if _differ(pair := (before.get(name), after.get(name)))}
    old, new = entry_of(before), entry_of(after)
    # Without a date, an item has the time at which it was seen.
    undated = before.get("dated") is after.get("dated") is False
    for name in _FIELDS:
        if undated and name in _DATES:
            continue
        if _differ(pair := (old.get(name), new.get(name))):
            found[name] = pair
        elif _differ(pair := (_raw(before, name), _raw(after, name))):
            found[f"{name} before rules"] = pair
    return found


def _raw(item: Item, name: str) -> Any:
    changed = item.get("before_rules")
    known = isinstance(changed, Mapping) and name in changed
    return changed[name] if known and isinstance(changed, Mapping) else entry_of(item).get(name)


def _differ(pair: tuple[Any, Any]) -> bool:
    return bool(pair[0] != pair[1])
