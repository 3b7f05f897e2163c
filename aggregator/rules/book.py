"""All rules of a configuration, and what comes of an entry by them.

A judgement is a pure function of the entry before rules, its `Sight`, what a person decided, the results of steps, and
the book. So stored entries can be judged again after a change of the rules, with the same result as if they were new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

from pydantic import BaseModel

from aggregator.models import Decision, Entry, Placement, Ruling, Sight
from aggregator.rules import RULES
from aggregator.rules.expressions import Expression
from aggregator.rules.kind import Rule, RunStep, Subject, no_steps

STRIP_TRACKING = "strip_tracking"
"""The rule that is applied to every entry that no rule of this name was applied to."""
NOT_APPLIED = "`when` does not hold"
"""The note of a step whose rule was not applied, where nothing went wrong."""


@dataclass(frozen=True, slots=True)
class RuleSetting:
    """One rule of the configuration."""

    name: str
    #: Of the type that the rule has as `SETTINGS`.
    settings: Any
    when: Expression | None = None
    #: Where its list stands: ``site``, ``category news``, ``source hn``, ``output rust``.
    place: str = "site"
    #: Its place in the list, from 1.
    number: int = 1
    line: int = 0
    #: The rule as it is shown to people, on one line.
    text: str = ""


@dataclass(frozen=True, slots=True)
class OutputRules:
    """What decides whether an entry belongs to an output, and how it looks there."""

    slug: str
    #: None: all entries belong to it.
    where: Expression | None = None
    rules: tuple[RuleSetting, ...] = ()

    @property
    def definition(self) -> str:
        """A digest of it."""
        return _digest([self.where, self.rules])


class AddressOf(Protocol):
    """Returns by what the same item from other sources is found; it is asked after the rules."""

    def __call__(self, entry: Entry, sight: Sight, variables: Mapping[str, Any]) -> str | None:
        """Return it for an entry as the rules left it, or None: it is no item of several sources."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule did."""

    place: str
    number: int
    name: str
    #: The rule as it is shown to people.
    text: str
    #: What it did, or None.
    what: str | None
    #: Whether it did anything.
    matched: bool
    note: str | None = None
    #: Whether its `when` held, so that it was applied.
    applied: bool = True


@dataclass(slots=True)
class Trace:
    """What happened to an entry on the way to its ruling."""

    #: One for each rule up to the one that dropped it, and then those of the outputs.
    steps: list[Step] = field(default_factory=list)
    #: What review makes of it besides the rules, or None.
    review: str | None = None
    #: Of each output and further category: slug, whether the entry belongs to it, and why.
    outputs: list[tuple[str, bool, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Step:
    """A rule with its settings."""

    rule: Rule
    setting: RuleSetting
    #: Whether its `when` holds, where that is the same for all entries of a source.
    holds: bool | None = None


@dataclass(frozen=True, slots=True)
class _Output:
    slug: str
    where: Expression | None
    steps: tuple[_Step, ...]
    #: Of entries that it shows as all others do.
    placement: Placement


class RuleBook:
    """All rules of a configuration; `make_book` makes it."""

    def __init__(
        self,
        site: Sequence[RuleSetting],
        categories: Mapping[str, Sequence[RuleSetting]],
        sources: Mapping[str, Sequence[RuleSetting]],
        outputs: Sequence[OutputRules],
        also_in: Mapping[str, tuple[str, ...]],
        review: frozenset[str],
        addresses: AddressOf | None,
    ) -> None:
        self._site = _steps(site)
        self._categories = {slug: _steps(rules) for slug, rules in categories.items() if rules}
        self._sources = {source: _steps(rules) for source, rules in sources.items() if rules}
        self._outputs = {
            output.slug: _Output(output.slug, output.where, _steps(output.rules), Placement(output.slug))
            for output in outputs
        }
        self._also_in = {source: slugs for source, slugs in also_in.items() if slugs}
        self._review, self._addresses = review, addresses
        self._chains: dict[tuple[str, str], tuple[_Step, ...]] = {}
        everywhere = [self._site, *self._categories.values(), *self._sources.values()]
        self._routed = {slug for slugs in self._also_in.values() for slug in slugs} | {
            slug
            for steps in everywhere
            for step in steps
            if step.setting.name == "also_in"
            for slug in step.setting.settings
        }
        lists = [site, *categories.values(), *sources.values(), *(output.rules for output in outputs)]
        self.rules = tuple([rule for rules in lists for rule in rules])
        """All of them: of the site, of categories, of sources, and of outputs."""
        # What is not there leaves no trace, so that the digest of "no rules" stays the same.
        parts = {
            "site": list(site),
            "categories": {slug: list(rules) for slug, rules in categories.items() if rules},
            "sources": {source: list(rules) for source, rules in sources.items() if rules},
            "also_in": self._also_in,
            "review": sorted(review),
            # Members of an output that becomes a category are forgotten with the output.
            "outputs": sorted(self._routed & self._outputs.keys()),
        }
        self.digest = _digest({name: part for name, part in parts.items() if part})
        """Of what a judgement depends on, except outputs and addresses: these have definitions of their own."""
        self.is_trivial = self.digest == NO_RULES and not self._outputs and addresses is None
        """Whether there are no rules but the default one."""

    def judge(
        self,
        entry: Entry,
        sight: Sight,
        *,
        decision: Decision | None = None,
        run_step: RunStep = no_steps,
        trace: Trace | None = None,
        notes: list[str] | None = None,
    ) -> Ruling:
        """Return what comes of an entry as its source gave it.

        Args:
            decision: what a person decided.
            run_step: gives the results of steps of one's own.
            trace: gets what happened on the way.
            notes: gets what went wrong on the way, with the places of the rules.
        """
        subject = _subject(entry, sight, decision, run_step)
        told = [] if notes is None else notes
        if self.is_trivial or not self._apply(self._chain(sight), subject, trace, told):
            _strip(subject)
        if decision is not None and decision.verdict == "dropped":
            subject.verdict = "dropped"
            if trace is not None:
                trace.review = "dropped by a person"
        elif subject.verdict == "published" and decision is None and sight.source in self._review:
            subject.verdict = "held"
            if trace is not None:
                trace.review = "held, because the source has `review: true`"
        category = subject.category if subject.category != sight.category else None
        address = None
        if self._addresses is not None and subject.verdict == "published":
            try:
                address = self._addresses(subject.entry, sight, subject.facts)
            except Exception as error:
                told.append(f"duplicates: {_unexpected(error)}")
        return Ruling(
            entry=subject.entry,
            verdict=subject.verdict,
            category=category,
            placements=() if self.is_trivial else self._placements(subject, trace, told),
            draft=subject.draft,
            address=address,
            made_by=tuple(dict.fromkeys(subject.made_by)),
        )

    def place(
        self,
        entry: Entry,
        sight: Sight,
        output: str,
        *,
        category: str | None = None,
        original: Entry | None = None,
        decision: Decision | None = None,
        run_step: RunStep = no_steps,
    ) -> Placement | None:
        """Return the place of a published entry in one output, or None: it does not belong to it.

        Args:
            entry: as the rules left it.
            category: its first category, if rules or a person chose another one than the source's.
            original: the entry before rules; needed only where `also_in` may send entries to the output.
        """
        routed = False
        if output in self._routed and original is not None:
            subject = _subject(original, sight, decision, run_step)
            self._apply(self._chain(sight), subject, None, [])
            routed = output in (*self._also_in.get(sight.source, ()), *subject.also_in)
        subject = Subject(entry, sight, category=category, decision=decision, run_step=run_step)
        return self._place(self._outputs[output], subject, routed, None, [])

    def _chain(self, sight: Sight) -> tuple[_Step, ...]:
        """Return the rules of a source: those of the site, then of its category, then its own."""
        which = (sight.source, sight.category)
        if which not in self._chains:
            of_category, of_source = self._categories.get(sight.category, ()), self._sources.get(sight.source, ())
            steps = [*self._site, *of_category, *of_source]
            self._chains[which] = tuple([_settled(step, sight) for step in steps])
        return self._chains[which]

    def _apply(self, steps: Sequence[_Step], subject: Subject, trace: Trace | None, notes: list[str]) -> bool:
        """Apply rules until one drops the entry; return whether `STRIP_TRACKING` was among those that were applied.

        A rule that fails unexpectedly is left out, so that it costs neither its source nor other entries anything.
        """
        stripped = False
        for step in steps:
            setting, what = step.setting, None
            holds = step.holds
            if holds is None:
                holds = setting.when is None or setting.when.evaluate(subject.facts, subject.notes)
            if holds:
                entry, verdict, category, draft = subject.entry, subject.verdict, subject.category, subject.draft
                places, makers = len(subject.also_in), len(subject.made_by)
                try:
                    what = step.rule.apply(setting.settings, subject)
                    stripped = stripped or setting.name == STRIP_TRACKING
                except Exception as error:
                    holds = False
                    subject.entry, subject.verdict, subject.category, subject.draft = entry, verdict, category, draft
                    del subject.also_in[places:], subject.made_by[makers:]
                    subject.notes.append(_unexpected(error))
            if subject.notes:
                notes += [f"rule {setting.number} of {setting.place}: {note}" for note in subject.notes]
            if trace is not None:
                trace.steps.append(_step(setting, subject, what, holds))
            if subject.notes or subject.remarks:
                subject.notes.clear()
                subject.remarks.clear()
            if subject.verdict == "dropped":
                break
        return stripped

    def _placements(self, subject: Subject, trace: Trace | None, told: list[str]) -> tuple[Placement, ...]:
        also_in = list(dict.fromkeys([*self._also_in.get(subject.sight.source, ()), *subject.also_in]))
        if subject.verdict != "published":
            if trace is not None:
                trace.outputs += [(slug, False, f"it is {subject.verdict}") for slug in self._outputs]
            return ()
        first = subject.category or subject.sight.category
        found = []
        for slug in also_in:
            if slug not in self._outputs and slug != first:
                found.append(Placement(slug))
                if trace is not None:
                    trace.outputs.append((slug, True, "`also_in`, or a category of its source"))
        for output in self._outputs.values():
            placement = self._place(output, subject, output.slug in also_in, trace, told)
            if placement is not None:
                found.append(placement)
        return tuple(found)

    def _place(
        self, output: _Output, subject: Subject, routed: bool, trace: Trace | None, told: list[str]
    ) -> Placement | None:
        if not routed and output.where is not None:
            notes: list[str] = []
            if not output.where.evaluate(subject.facts, notes):
                if notes:
                    told += [f"`where` of output {output.slug}: {note}" for note in notes]
                if trace is not None:
                    trace.outputs.append((output.slug, False, "; ".join(["`where` does not hold", *notes])))
                return None
        placement = output.placement
        if output.steps:
            within = replace(subject, notes=[], remarks=[], made_by=[], also_in=[])
            self._apply(output.steps, within, trace, told)
            if within.verdict == "dropped":
                if trace is not None:
                    trace.outputs.append((output.slug, False, "a rule of the output dropped it"))
                return None
            if within.entry is not subject.entry:
                placement = Placement(output.slug, within.entry)
        if trace is not None:
            why = "everything belongs to it" if output.where is None else "`where` holds"
            trace.outputs.append((output.slug, True, "`also_in`" if routed else why))
        return placement


def make_book(
    *,
    site: Sequence[RuleSetting] = (),
    categories: Mapping[str, Sequence[RuleSetting]] | None = None,
    sources: Mapping[str, Sequence[RuleSetting]] | None = None,
    outputs: Sequence[OutputRules] = (),
    also_in: Mapping[str, tuple[str, ...]] | None = None,
    review: frozenset[str] = frozenset(),
    addresses: AddressOf | None = None,
) -> RuleBook:
    """Make a book of the rules of a configuration.

    Args:
        categories: rules by the slug of the source's first category.
        sources: rules by the id of the source.
        also_in: the further categories of a source, by its id.
        review: ids of the sources whose entries wait for a person.
        addresses: None: duplicates are off everywhere.
    """
    return RuleBook(site, categories or {}, sources or {}, outputs, also_in or {}, review, addresses)


def _steps(rules: Sequence[RuleSetting]) -> tuple[_Step, ...]:
    return tuple([_Step(RULES[setting.name], setting) for setting in rules])


def _subject(entry: Entry, sight: Sight, decision: Decision | None, run_step: RunStep) -> Subject:
    category = None if decision is None else decision.category
    return Subject(entry, sight, category=category, decision=decision, run_step=run_step)


def _step(setting: RuleSetting, subject: Subject, what: str | None, holds: bool) -> Step:
    note = "; ".join([*subject.notes, *subject.remarks]) or (None if holds else NOT_APPLIED)
    shown = setting.text or setting.name
    return Step(setting.place, setting.number, setting.name, shown, what, what is not None, note, holds)


def _settled(step: _Step, sight: Sight) -> _Step:
    when = step.setting.when
    if when is None or not when.names <= {"source"}:
        return step
    return replace(step, holds=when.evaluate({"source": sight.source}))


def _strip(subject: Subject) -> None:
    """Apply the default rule; entries of versions without it stay as they are."""
    if subject.sight.seen_at is not None and (rule := RULES.get(STRIP_TRACKING)) is not None:
        rule.apply(True, subject)


def _unexpected(error: Exception) -> str:
    return f"unexpected error: {type(error).__name__}: {error}"[:300]


def _digest(value: Any) -> str:
    return hashlib.sha256(repr(_plain(value)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _plain(value: Any) -> Any:
    """Return what a setting says, without defaults, so that a new key changes no digest."""
    if isinstance(value, RuleSetting):
        return [value.name, _plain(value.settings), _plain(value.when)]
    if isinstance(value, BaseModel):
        defaults = {
            name: info.get_default(call_default_factory=True) for name, info in type(value).model_fields.items()
        }
        found = {name: getattr(value, name) for name in sorted(defaults)}
        return {name: _plain(one) for name, one in found.items() if one != defaults[name]}
    if is_dataclass(value) and not isinstance(value, type):
        return [_plain(getattr(value, one.name)) for one in fields(value) if one.compare]
    if isinstance(value, Mapping):
        return {name: _plain(value[name]) for name in sorted(value)}
    if isinstance(value, frozenset | set):
        return sorted(map(repr, map(_plain, value)))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(one) for one in value]
    return value.total_seconds() if isinstance(value, timedelta) else value


NO_RULES = _digest({})
"""The digest of a book without rules."""
