"""One item from several sources comes out once in one output, where `Output.duplicates` is set. Pure.

This looks only at the items that the output would show, and changes nothing that is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from aggregator.duplicates.finding import Finder
from aggregator.duplicates.joining import Pair, join
from aggregator.duplicates.levels import Levels
from aggregator.models import ALL, Candidate, Duplicates, Group, Item, Output, Sight, joined
from aggregator.rules.facts import Facts


def join_items(items: Sequence[Item], output: Output, apart: Collection[Pair] = ()) -> list[Item]:
    """Return the items of an output, each once, in their order; all of them where it joins none.

    Args:
        items: candidates; what is not among them is no duplicate.
        apart: as `CopyStore.apart` returns them.
    """
    if not output.duplicates:
        return list(items)
    levels = Levels({ALL: Duplicates("url", output.prefer, output.duplicate_key)})
    finder = Finder(levels)
    found: dict[str, list[Candidate]] = {}
    for item in items:
        sight = Sight(item.entry.source_id, item.origin.category, None)
        address = finder(item.entry, sight, Facts(item.entry, sight))
        if address is not None:
            found.setdefault(address, []).append(_candidate(item))
    groups = [group for address, some in found.items() for group in join(address, some, levels, apart)]
    leaders = {group.leader: group for group in groups}
    copies = {pk for group in groups for pk in group.copies}
    by_pk = {item.pk: item for item in items}
    return [_whole(item, leaders.get(item.pk), by_pk) for item in items if item.pk not in copies]


def _candidate(item: Item) -> Candidate:
    entry, origin = item.entry, item.origin
    return Candidate(item.pk, entry.source_id, origin.category, entry.title, entry.published_at, entry.dated)


def _whole(item: Item, group: Group | None, by_pk: Mapping[int, Item]) -> Item:
    if group is None:
        return item
    others = [by_pk[pk] for pk in group.copies]
    whole = joined(item, others, group.shown)
    # Some of them may stand for others already.
    also_at = dict.fromkeys((*whole.also_at, *(copy for one in (item, *others) for copy in one.also_at)))
    return replace(whole, also_at=tuple(also_at))
