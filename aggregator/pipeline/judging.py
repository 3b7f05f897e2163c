"""What becomes of the entries of an outcome by the rules in force, before they are stored.

In: an outcome without secrets, the configuration in force, and what is stored of its entries. Out: the same outcome
with its rulings. Rules see what will be stored, and what they make passes the same redaction as what sources give, so
that judging the stored entry again gives the same ruling (`aggregator.replay`).

It is recorded as of which rules the stored entries are judged: fingerprint `RULES`. Once some were judged by other
rules, it is "", which no rules have.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from aggregator.config.secrets import public_ruling, redact
from aggregator.models import Decision, Entry, FeedUpdate, Ruling, Sight, Source
from aggregator.pipeline.decide import MAX_NOTE, MAX_NOTES

if TYPE_CHECKING:
    from aggregator.config import Config
    from aggregator.store import Store

log = logging.getLogger(__name__)

RULES = "rules"
"""The fingerprint of the rules as of which the stored entries are judged; absent: of no rules."""
NOTHING_TRIED: Mapping[str, str] = MappingProxyType({})
"""No step has run for an outcome."""
#: Entries were judged by different rules.
_MIXED = ""
#: Notes of rules about one document.
_MAX_RULE_NOTES = 3


class StepCall(NamedTuple):
    """A call of a step of one's own."""

    kind: str
    settings: Any
    given: Mapping[str, Any]


class NeedsSteps(Exception):
    """Entries cannot be judged before steps of one's own have run, which is done outside of the thread of the store.

    Args:
        update: the outcome, not judged yet.
        calls: those of which no result is known, by their hashes.
    """

    def __init__(self, update: FeedUpdate, calls: Mapping[str, StepCall]) -> None:
        super().__init__(f"{len(calls)} steps have to run")
        self.update = update
        self.calls = dict(calls)


class KeptSteps:
    """The results of steps that are kept; calls without one are noted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        #: Calls without a result, by their hashes.
        self.missing: dict[str, StepCall] = {}

    def run(self, kind: str, settings: Any, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the result of a step, as `Subject.run_step` does."""
        # Few configurations have steps.
        from aggregator.pipeline.steps import step_hash

        name = step_hash(kind, settings, given)
        found = self._store.steps.results([name])
        if name in found:
            return found[name]
        self.missing[name] = StepCall(kind, settings, given)
        return None


class Judge:
    """Gives the entries of outcomes their rulings, in the thread of the store.

    Args:
        config: returns the configuration in force.
        record: record as of which rules entries are judged; false where nothing is stored.
    """

    def __init__(self, store: Store, config: Callable[[], Config], *, record: bool = True) -> None:
        self._store = store
        self._get = config
        self._record = record
        #: The configuration that was in force last, and the first categories of its sources.
        self._config: Config | None = None
        self._categories: Mapping[str, str] = {}

    def judge(self, source: Source, update: FeedUpdate, tried: Mapping[str, str] | None = NOTHING_TRIED) -> FeedUpdate:
        """Return an outcome with the rulings of its entries, and with notes of rules.

        Args:
            source: the source of the outcome.
            update: it holds no secrets.
            tried: hashes of the calls of steps that have run, each with why it gave no result: entries are judged without
                those. None: they are judged with the results that are kept.

        Raises:
            NeedsSteps: steps have to run first.
        """
        config = self._in_force()
        steps, notes = KeptSteps(self._store), list[str]()
        rulings: dict[str, Ruling] = {}
        for entry, sight, decision in self._seen(source, update):
            ruling = judge_entry(config, entry, sight, decision, steps, notes)
            if not is_plain(ruling, entry):
                rulings[entry.key] = ruling
        if tried is not None:
            if needed := {name: call for name, call in steps.missing.items() if name not in tried}:
                raise NeedsSteps(update, needed)
            notes += [tried[name] for name in steps.missing if tried[name]]
        if notes:
            update = _with_notes(update, notes, config.secrets)
        return replace(update, rulings=rulings) if rulings else update

    def _seen(self, source: Source, update: FeedUpdate) -> Iterator[tuple[Entry, Sight, Decision | None]]:
        """Yield the entries of an outcome, each with what rules may know besides and what a person decided."""
        now, category = update.state.last_success_at, self._categories.get(source.id, source.category)
        first = Sight(source.id, category, now)
        for entry in update.new:
            yield entry, first, None
        known = (*update.changed, *update.reread)
        judged = self._store.judged(source.id, [entry.key for entry in known]) if known else {}
        for entry in known:
            before = judged.get(entry.key)
            if before is None:
                yield entry, first, None
            else:
                yield entry, Sight(source.id, category, before.seen_at), before.decision

    def _in_force(self) -> Config:
        """Return the configuration in force; where it is another one than before, see what that means for the store."""
        config = self._get()
        if config is not self._config:
            self._config = config
            self._categories = {source.id: source.category for source in config.sources}
            if self._record:
                note_rules(self._store, config)
        return config


def judge_entry(
    config: Config, entry: Entry, sight: Sight, decision: Decision | None, steps: KeptSteps, notes: list[str]
) -> Ruling:
    """Return the ruling of an entry as it is stored, without secrets; notes of rules are appended to `notes`."""
    ruling = config.rule_book.judge(entry, sight, decision=decision, run_step=steps.run, notes=notes)
    return public_ruling(ruling, entry, config.confidential)


def is_plain(ruling: Ruling, entry: Entry) -> bool:
    """Whether an entry is published as it is, in the category of its source and nowhere else."""
    return (
        ruling.verdict == "published"
        and (ruling.entry is entry or ruling.entry == entry)
        and not (ruling.placements or ruling.category or ruling.draft or ruling.address or ruling.made_by)
    )


class Verdicts(NamedTuple):
    """How many of the new and changed entries of an outcome come out, and how many do not."""

    new: int
    changed: int
    dropped: int
    held: int


def verdicts(update: FeedUpdate) -> Verdicts:
    """Count the new and changed entries of an outcome by what becomes of them."""
    if not update.rulings:
        return Verdicts(len(update.new), len(update.changed), 0, 0)
    counts = {"new": 0, "changed": 0, "dropped": 0, "held": 0}
    for kind, entries in (("new", update.new), ("changed", update.changed)):
        for entry in entries:
            ruling = update.rulings.get(entry.key)
            verdict = "published" if ruling is None else ruling.verdict
            counts[verdict if verdict in ("dropped", "held") else kind] += 1
    return Verdicts(**counts)


def _with_notes(update: FeedUpdate, notes: Sequence[str], secrets: frozenset[str]) -> FeedUpdate:
    """Return an outcome with notes of rules, each once."""
    more = list(dict.fromkeys(redact(note, secrets)[:MAX_NOTE] for note in notes))
    if len(more) > _MAX_RULE_NOTES:
        more[_MAX_RULE_NOTES - 1 :] = [f"rules have {len(more) - _MAX_RULE_NOTES + 1} more notes on it"]
    state = replace(update.state, notes=(*more, *update.state.notes)[:MAX_NOTES])
    return replace(update, state=state, notes=(*update.notes, *more))


# -- as of which rules -------------------------------------------------------------------------------------------------


def fingerprints_of(config: Config) -> dict[str, str]:
    """Return the fingerprints of the rules and outputs of a configuration, by which entries are judged."""
    outputs = {f"{DEFINITIONS}{slug}": output.definition for slug, output in config.outputs.items()}
    return {RULES: config.rule_book.digest, **outputs}


def judged_by_others(recorded: Mapping[str, str], config: Config) -> bool:
    """Whether stored entries, if there are any, were judged by other rules than those of a configuration.

    Args:
        recorded: the fingerprints of the store.
    """
    from aggregator.rules.book import NO_RULES

    return recorded.get(RULES, NO_RULES) != config.rule_book.digest


def rules_note(store: Store, config: Config) -> str | None:
    """Return one line for people where stored entries were judged by other rules than those in force."""
    if not judged_by_others(store.fingerprints(), config) or not store.entries_after(0, 1):
        return None
    return (
        "rules have changed; stored items are as before: `aggregator replay` shows what would differ, "
        "`aggregator replay --apply` changes it"
    )


def note_rules(store: Store, config: Config) -> None:
    """Record by which rules and outputs entries are judged from now on, before any is stored.

    An empty store has none that were judged otherwise. In any other, what is judged by others is told apart no more.
    """
    recorded, wanted = store.fingerprints(), fingerprints_of(config)
    others = {name: value for name, value in wanted.items() if recorded.get(name) != value}
    if not judged_by_others(recorded, config):
        others.pop(RULES, None)
    if not others:
        return
    if not store.entries_after(0, 1):
        store.record_fingerprints(others)
    elif mixed := {name: _MIXED for name in others if recorded.get(name) or name == RULES}:
        store.record_fingerprints(mixed)
