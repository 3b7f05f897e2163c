"""What becomes of entries by the rules of a configuration, and as of which rules the stored entries were judged.

In: an entry as it is stored, without secrets, and the configuration. Out: its ruling, without secrets, too. New entries
(`pipeline.judge`) and stored ones (`replay`, `publish.memberships`) are judged by the same functions, so that both give
the same.

As of which rules the stored entries are judged is recorded as the fingerprint `RULES`, and the definitions as of which
the memberships of outputs were made likewise. Once some entries were judged by other ones, it is "".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from aggregator.config.secrets import public_placement, public_ruling
from aggregator.models import Decision, Entry, Placement, Ruling, Sight
from aggregator.store.rulingprotocol import DEFINITIONS, NO_RULES, RULES, StoredRuling
from aggregator.values.tracking import without_tracking

if TYPE_CHECKING:
    from datetime import datetime

    from aggregator.config import Config
    from aggregator.rules.book import Trace
    from aggregator.store import Store

#: Entries that are read at once: few enough to bound memory.
BATCH = 500
Progress = Callable[[int, int], None]
#: Entries were judged by different rules.
_MIXED = ""
#: Fields that stay as they were when an entry was first seen.
_DATES = ("published_at", "updated_at", "dated", "future_at")


class StepCall(NamedTuple):
    """A call of a step of one's own."""

    kind: str
    settings: Any
    given: Mapping[str, Any]


class KeptSteps:
    """The results of steps that are kept; calls without one are noted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        #: Calls without a result, by their hashes.
        self.missing: dict[str, StepCall] = {}

    def run(self, kind: str, settings: Any, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the result of a step, as `Subject.run_step` does."""
        # Few configurations have steps.
        from aggregator.rules.steps import step_hash

        name = step_hash(kind, settings, given)
        found = self._store.steps.results([name])
        if name in found:
            return found[name]
        self.missing[name] = StepCall(kind, settings, given)
        return None


def stored_rulings(
    store: Store,
    source_id: str | None = None,
    since: datetime | None = None,
    progress: Progress = lambda done, total: None,
) -> Iterator[StoredRuling]:
    """Yield stored entries with what became of them, in the order of row numbers, few in memory at a time.

    Args:
        source_id, since: as for `Store.rulings_after`.
        progress: called after some of them with the number of those done so far, and of all stored ones.
    """
    done, last, total = 0, 0, store.entry_count()
    while batch := store.rulings_after(last, BATCH, source_id, since):
        yield from batch
        last, done = batch[-1].stored.pk, done + len(batch)
        progress(done, max(total, done))


def judge_entry(
    config: Config,
    entry: Entry,
    sight: Sight,
    decision: Decision | None,
    steps: KeptSteps,
    notes: list[str],
    trace: Trace | None = None,
) -> Ruling:
    """Return the ruling of an entry as it is stored, without secrets.

    Args:
        notes: gets notes of rules.
        trace: gets what happened on the way; None: nobody wants to know.
    """
    if config.rules.is_trivial and decision is None:
        return _by_default(entry, sight)
    ruling = config.rule_book.judge(entry, sight, decision=decision, run_step=steps.run, notes=notes, trace=trace)
    return public_ruling(ruling, entry, config.confidential)


def has_default(config: Config, entry: Entry) -> bool:
    """Whether an entry is published as it is, whatever else is known of it: most are, where there are no rules."""
    return config.rules.is_trivial and (entry.url is None or without_tracking(entry.url) == entry.url)


def _by_default(entry: Entry, sight: Sight) -> Ruling:
    """Return what a book without rules would return: to import the book takes longer than to judge a document."""
    if entry.url is None or sight.seen_at is None or (url := without_tracking(entry.url)) == entry.url:
        return Ruling(entry)
    return Ruling(replace(entry, url=url))


def judge_stored(
    config: Config,
    one: StoredRuling,
    steps: KeptSteps,
    notes: list[str] | None = None,
    trace: Trace | None = None,
) -> Ruling:
    """Return the ruling of a stored entry by the rules in force; its dates stay. See `judge_entry`."""
    entry = one.stored.entry
    ruling = judge_entry(config, entry, one.sight, one.decision, steps, [] if notes is None else notes, trace)
    placements = [replace(place, entry=place.entry and _dated_as(place.entry, entry)) for place in ruling.placements]
    return replace(ruling, entry=_dated_as(ruling.entry, entry), placements=tuple(placements))


def place_stored(config: Config, one: StoredRuling, output: str, steps: KeptSteps) -> Placement | None:
    """Return how a stored entry, as it is published, belongs to an output, or None if it does not."""
    ruling = one.ruling
    if ruling.verdict not in ("published", "copy"):
        return None
    placement = config.rule_book.place(
        ruling.entry,
        one.sight,
        output,
        category=ruling.category,
        original=one.stored.entry,
        decision=one.decision,
        run_step=steps.run,
    )
    return placement and public_placement(placement, config.confidential)


def _dated_as(made: Entry, entry: Entry) -> Entry:
    """Return what rules made of an entry with the dates that it has."""
    dates = {name: getattr(entry, name) for name in _DATES}
    return made if all(getattr(made, name) == date for name, date in dates.items()) else replace(made, **dates)


# -- as of which rules -------------------------------------------------------------------------------------------------


def fingerprints_of(config: Config) -> dict[str, str]:
    """Return the fingerprints of the rules and outputs of a configuration, by which entries are judged."""
    outputs = {f"{DEFINITIONS}{slug}": output.definition for slug, output in config.outputs.items()}
    return {RULES: _digest(config), **outputs}


def judged_by_others(recorded: Mapping[str, str], config: Config) -> bool:
    """Whether stored entries, if there are any, were judged by other rules than those of a configuration.

    Args:
        recorded: the fingerprints of the store.
    """
    return recorded.get(RULES, NO_RULES) != _digest(config)


def _digest(config: Config) -> str:
    if config.rules.is_trivial:
        return NO_RULES
    from aggregator.rules import book

    digest = config.rule_book.digest
    return NO_RULES if digest == book.NO_RULES else digest


def rules_note(store: Store, config: Config) -> str | None:
    """Return one line for people where stored entries were judged by other rules than those in force."""
    if not judged_by_others(store.fingerprints(), config) or not store.entries_after(0, 1):
        return None
    return (
        "rules or categories have changed; stored items are as before: `aggregator replay` shows what would differ, "
        "`aggregator replay --apply` changes it"
    )


def note_rules(store: Store, config: Config) -> None:
    """Record by which rules and outputs entries are judged from now on, before any is stored.

    An empty store has none that were judged otherwise. In any other, what is judged by others is told apart no more.
    """
    if not _others(store.fingerprints(), config):
        return
    # Another process may store the first entry, or note its own rules.
    with store.alone():
        _note(store, store.fingerprints(), config)


def _others(recorded: Mapping[str, str], config: Config) -> dict[str, str]:
    """Return the fingerprints of rules and outputs that are not recorded."""
    others = {name: value for name, value in fingerprints_of(config).items() if recorded.get(name) != value}
    if not judged_by_others(recorded, config):
        others.pop(RULES, None)
    return others


def _note(store: Store, recorded: Mapping[str, str], config: Config) -> None:
    others = _others(recorded, config)
    if not store.entries_after(0, 1):
        store.record_fingerprints(others)
    elif mixed := {name: _MIXED for name in others if recorded.get(name, NO_RULES if name == RULES else _MIXED)}:
        store.record_fingerprints(mixed)
