"""Rules: what is published of an entry, and where. Pure.

In: an `Entry` as `normalize` made it, its `Sight`, and the rules of the configuration. Out: a `Ruling`.

Another rule is another module or class, and one line in `RULES`; the checks of feeds.yaml, its JSON Schema and the
reference page are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.rules import (
    command,
    convert,
    excerpt,
    http,
    prefix,
    python,
    remove,
    replace,
    strip_tracking,
    suffix,
    unwrap,
)
from aggregator.rules.kind import Rule
from aggregator.rules.places import AlsoIn, Category
from aggregator.rules.tags import Tag, Untag
from aggregator.rules.titles import Title
from aggregator.rules.verdicts import Draft, Drop, FutureDates, Hold, Keep

_RULES: tuple[Rule, ...] = (
    Keep(),
    Drop(),
    Hold(),
    replace,
    Title(),
    Tag(),
    Untag(),
    Category(),
    AlsoIn(),
    remove,
    unwrap,
    strip_tracking,
    excerpt,
    prefix,
    suffix,
    convert,
    FutureDates(),
    Draft(),
    python,
    command,
    http,
)

RULES: Mapping[str, Rule] = {rule.NAME: rule for rule in _RULES}
"""The rules by their keys in feeds.yaml, in the order of the reference page."""
