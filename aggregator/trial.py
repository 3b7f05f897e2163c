"""What the rules of a configuration do with stored entries, without changing anything.

In: the store and the configuration. Out: the hits of each rule with examples, and what comes of the entries.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from aggregator.judging import KeptSteps, Progress, judge_stored, stored_rulings
from aggregator.models import Verdict
from aggregator.rules.book import NOT_APPLIED, RuleSetting, Trace

if TYPE_CHECKING:
    from aggregator.config import Config
    from aggregator.store import Store

#: Examples of each rule.
EXAMPLES = 3


class Example(NamedTuple):
    """An entry on which a rule did something."""

    pk: int
    title: str
    #: As a clause for people.
    what: str


@dataclass(slots=True)
class RuleTrial:
    """What one rule did."""

    rule: RuleSetting
    #: Entries that reached it, whether or not its `when` held, and those of them on which it did something.
    applied: int = 0
    hits: int = 0
    examples: list[Example] = field(default_factory=list)
    #: Why it could not be evaluated, each once.
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Trial:
    """What all rules did."""

    judged: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    #: In the order in which rules are applied: site, categories, sources, outputs.
    rules: list[RuleTrial] = field(default_factory=list)


def try_rules(
    store: Store,
    config: Config,
    *,
    source: str | None = None,
    since: datetime | None = None,
    examples: int = EXAMPLES,
    progress: Progress = lambda done, total: None,
) -> Trial:
    """Judge stored entries by the rules of the configuration, and return what each rule did.

    Args:
        source: only the entries of this source.
        since: only entries that were first seen since.
        examples: how many of each rule to return.
        progress: called with the number of entries judged so far, and of all stored ones.
    """
    trial = Trial(rules=[RuleTrial(rule) for rule in config.rule_book.rules])
    by_place = {(one.rule.place, one.rule.number): one for one in trial.rules}
    for one in stored_rulings(store, source, since, progress):
        trace = Trace()
        after = judge_stored(config, one, KeptSteps(store), trace=trace)
        trial.judged += 1
        trial.verdicts[after.verdict] += 1
        for step in trace.steps:
            rule = by_place[step.place, step.number]
            rule.applied += 1
            if step.note and step.note not in (NOT_APPLIED, *rule.notes) and len(rule.notes) < examples:
                rule.notes.append(step.note)
            if step.what is not None:
                rule.hits += 1
                if len(rule.examples) < examples:
                    rule.examples.append(Example(one.stored.pk, one.stored.entry.title, step.what))
    return trial
