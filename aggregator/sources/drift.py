"""How many items a source had, and which of their fields were filled: what tells that a site was rebuilt. Pure.

A page whose items can no longer be found is a failure, and its message says how many there were. A field that was
always filled and suddenly is not is a note, which `status` shows: items without a date look like news.

It is kept in `FeedState.memory`, as JSON::

    {"v": 1, "rules": "…", "items": 25, "left": false, "fields": {"scrape.date": [filled, gap, always]}}
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from aggregator.values.terminal import counted

#: In how many items a field must have been filled, so that its absence is worth a note.
FEWEST_FILLED = 10
#: How many items in a row must lack it.
FEWEST_EMPTY = 3
#: A memory is no larger than this; there are fewer fields than this, too.
_MAX_TEXT = 4000
_MAX_FIELDS = 40
_MAX_NAME = 60
_MOST = 1_000_000
#: Characters of the fingerprint of the rules that are kept.
_RULES = 16


@dataclass(frozen=True, slots=True)
class Filling:
    """How one field was filled, item after item."""

    #: In how many items it was filled; counted again from the end of a gap that was worth a note.
    filled: int = 0
    #: In how many of the last items, without a break, it was empty; whole documents only.
    gap: int = 0
    #: Whether it was filled in every item before the gap.
    always: bool = True

    @property
    def missed(self) -> bool:
        """Whether it was always filled and no longer is."""
        return self.always and self.filled >= FEWEST_FILLED and self.gap >= FEWEST_EMPTY

    def after(self, filled: int, items: int) -> Filling:
        """Return what is known after a document with some items, in `filled` of which the field was filled."""
        if not filled and self.filled:
            return replace(self, gap=min(self.gap + items, _MOST))
        if filled < items:
            return Filling(min(self.filled + filled, _MOST), always=False)
        if self.missed:
            return Filling(filled)
        return Filling(min(self.filled + filled, _MOST), always=self.always and not self.gap)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of the items of one source."""

    #: Fingerprint of the rules by which the items were read.
    rules: str
    #: How many items the last document had; None: there was none yet.
    items: int | None = None
    #: Whether all pages of the list have to be read next time: one of them, or an article on them, was not read.
    left: bool = False
    #: By the path of the field in feeds.yaml, such as ``scrape.date``.
    fields: Mapping[str, Filling] = field(default_factory=dict)
    #: Whether its items have no picture that no field names; it ends when the rules change.
    plain: bool = False

    @classmethod
    def load(cls, text: str | None, rules: str) -> Memory:
        """Read what `dump` wrote.

        Args:
            text: `FeedState.memory`; what cannot be read is nothing.
            rules: fingerprint of the rules in force (`Kind.request_hash`). What other rules found in the fields says
                nothing; the number of items is kept.
        """
        rules = rules[:_RULES]
        try:
            found = json.loads(text) if text and len(text) <= _MAX_TEXT else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or found.get("v") != 1:
            return cls(rules)
        items, left = _count(found.get("items")), found.get("left") is True
        named = found.get("fields")
        if found.get("rules") != rules or not isinstance(named, dict) or len(named) > _MAX_FIELDS:
            return cls(rules, items, left)
        fields = {name: filling for name, value in named.items() if (filling := _filling(value)) is not None}
        return cls(rules, items, left, fields, plain=found.get("plain") is True)

    def dump(self) -> str:
        """Return a short text for the store."""
        fields = {name: [one.filled, one.gap, one.always] for name, one in sorted(self.fields.items())}
        whole = {"v": 1, "rules": self.rules, "items": self.items, "left": self.left, "fields": fields}
        whole |= {"plain": True} if self.plain else {}
        return json.dumps(whole, separators=(",", ":"))

    def zero(self, what: str) -> str:
        """Return the message for a document without items.

        Args:
            what: what was looked for, and the key that says so: "`div.card` (scrape.items)".
        """
        of = f" of {self.items}" if self.items else ""
        return f"0{of} items matched {what}; look at the page and correct the selector"

    def with_items(self, items: int, *, left: bool = False) -> Memory:
        """Return the memory after a document with some items; `left` as in the attribute."""
        return replace(self, items=min(items, _MOST), left=left)

    def observe(self, items: Sequence[Mapping[str, bool]]) -> tuple[Memory, tuple[str, ...]]:
        """Return the memory after the items of a document, and notes about fields that were filled and no longer are.

        Args:
            items: of each item the fields that were looked for, by their path in feeds.yaml, and whether they were
                filled. Several documents that are one item each (articles) count as one document.
        """
        looked = Counter(name for item in items for name in item)
        filled = Counter(name for item in items for name, found in item.items() if found)
        fields = dict(self.fields)
        notes = []
        for name, number in looked.items():
            if name not in fields and (len(fields) == _MAX_FIELDS or len(name) > _MAX_NAME):
                continue
            fields[name] = one = fields.get(name, Filling()).after(filled[name], number)
            if one.missed:
                # A list shows the same items again and again; they are not counted twice.
                last = number if number >= FEWEST_EMPTY else one.gap
                what = f"`{name.rpartition('.')[2]}` was always filled and is empty in the last {counted(last, 'item')}"
                notes.append(f"{what}; look at `{name}`")
        return replace(self, fields=fields), tuple(notes)


def _filling(value: object) -> Filling | None:
    if not isinstance(value, list) or len(value) != 3 or not isinstance(value[2], bool):
        return None
    filled, gap = _count(value[0]), _count(value[1])
    return None if filled is None or gap is None else Filling(filled, gap, value[2])


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MOST else None
