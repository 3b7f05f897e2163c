"""What becomes of the entries of an outcome by the rules in force, before they are stored.

In: an outcome without secrets, the configuration in force, and what is stored of its entries. Out: the same outcome
with its rulings. Rules see what will be stored, so that judging the stored entry again gives the same (`judging`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from aggregator.config.secrets import redact
from aggregator.judging import KeptSteps, StepCall, has_default, judge_entry, note_rules
from aggregator.models import Decision, Entry, FeedUpdate, Ruling, Sight, Source
from aggregator.pipeline.decide import MAX_NOTE, MAX_NOTES

if TYPE_CHECKING:
    from aggregator.config import Config
    from aggregator.store import Store

NOTHING_TRIED: Mapping[str, str] = MappingProxyType({})
"""No step has run for an outcome."""
#: Notes of rules about one document.
_MAX_RULE_NOTES = 3


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
            tried: hashes of the calls of steps that have run, each with why it gave no result, or "". None: entries are
                judged with the results that are kept.

        Raises:
            NeedsSteps: steps have to run first.
        """
        config = self._in_force()
        steps, notes = KeptSteps(self._store), list[str]()
        rulings: dict[str, Ruling] = {}
        for entry, sight, decision in self._seen(config, source, update):
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

    def _seen(
        self, config: Config, source: Source, update: FeedUpdate
    ) -> Iterator[tuple[Entry, Sight, Decision | None]]:
        """Yield the entries of an outcome that need a ruling, with what rules may know besides and a person decided."""
        now, category = update.state.last_success_at, self._categories.get(source.id, source.category)
        first = Sight(source.id, category, now)
        for entry in update.new:
            if not has_default(config, entry):
                yield entry, first, None
        known = [entry for entry in (*update.changed, *update.reread) if not has_default(config, entry)]
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
