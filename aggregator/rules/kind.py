"""What a rule is, and what it may see and change of an entry.

A rule is registered in `aggregator.rules.RULES`. It has a part of feeds.yaml and is applied to a `Subject`. The
configuration imports every rule, so at its top a rule imports only what is light: pydantic, the value types of
`aggregator.config`, and the models. What only `apply` needs is imported there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from aggregator.models import Decision, Entry, Sight
from aggregator.models.rulings import Verdict
from aggregator.rules.facts import Facts

RunStep = Callable[[str, Any, Mapping[str, Any]], Mapping[str, Any] | None]
"""Returns the result of a step of one's own for an input, or None where there is none yet: (kind, settings, input)."""


def no_steps(kind: str, settings: Any, given: Mapping[str, Any]) -> None:
    """Run no step."""


@dataclass(slots=True)
class Subject:
    """An entry while rules are applied to it."""

    #: As the rules before left it.
    entry: Entry
    sight: Sight
    verdict: Verdict = "published"
    category: str | None = None
    also_in: list[str] = field(default_factory=list)
    draft: bool = False
    made_by: list[str] = field(default_factory=list)
    #: What a person decided; it comes before `hold`.
    decision: Decision | None = None
    run_step: RunStep = no_steps
    #: Why an expression could not be evaluated, and the like.
    notes: list[str] = field(default_factory=list)
    #: What else a person who asks about the entry should know.
    remarks: list[str] = field(default_factory=list)
    _facts: Facts | None = None

    @property
    def facts(self) -> Facts:
        """The variables of expressions, of the entry as it is now."""
        facts = self._facts
        if facts is None:
            facts = self._facts = Facts(self.entry, self.sight, self.category)
        elif facts.entry is not self.entry or facts.category != (self.category or self.sight.category):
            facts.follow(self.entry, self.category)
        return facts


class Rule(Protocol):
    """One rule: a module, or any object with these attributes."""

    #: Its key in feeds.yaml.
    NAME: str
    #: The type of what stands below the key: a `Section`, or an annotated type of a single value.
    SETTINGS: Any
    #: What it does: one sentence, in the JSON Schema and on the reference page.
    DESCRIPTION: str
    #: One rule in YAML, as it stands in a list, for the reference page; a test applies it.
    EXAMPLE: str
    #: Whether an output may have it: it changes only what an output shows.
    IN_OUTPUTS: bool

    def apply(self, settings: Any, subject: Subject) -> str | None:
        """Apply it; return what it did, as a clause for people, or None if it did nothing."""
