"""Entries for the tests of rules, and rules as they stand in feeds.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import yaml
from pydantic import TypeAdapter

from aggregator.models import Decision, Entry, Ruling, Sight
from aggregator.rules import RULES
from aggregator.rules.book import OutputRules, RuleBook, RuleSetting, make_book
from aggregator.rules.expressions import parse_expression

SEEN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SIGHT = Sight("hn", "news", SEEN)
ENTRY = Entry(
    source_id="hn",
    key="k",
    guid="tag:example.org,2026:1",
    url="https://blog.example.org/rust",
    title="Rust 1.90 is out",
    html="<p>The new <b>version</b> compiles faster.</p>",
    summary="",
    authors=("Ada", "Grace"),
    tags=("release", "Rust"),
    enclosures=(),
    image=None,
    comments_url=None,
    language="en",
    published_at=datetime(2026, 3, 1, 10, 0, tzinfo=UTC),
    updated_at=datetime(2026, 3, 1, 10, 0, tzinfo=UTC),
    dated=True,
    hash="1.h",
)


def make_entry(**changes: Any) -> Entry:
    """The entry with other fields."""
    return replace(ENTRY, **changes)


def settings_of(name: str, value: object, files: Mapping[str, Sequence[str]] | None = None) -> Any:
    """The settings of a rule as the configuration makes them; `files` are lists of words by path."""
    read = {path: list(lines) for path, lines in (files or {}).items()}
    return TypeAdapter(RULES[name].SETTINGS).validate_python(value, context={"read_list": read.__getitem__})


def rules_of(
    text: str | Sequence[Mapping[str, Any]],
    place: str = "site",
    files: Mapping[str, Sequence[str]] | None = None,
) -> list[RuleSetting]:
    """A list of rules, as YAML or as it is read from it."""
    members = yaml.safe_load(text) if isinstance(text, str) else text
    made = []
    for number, member in enumerate(members, 1):
        (name,) = set(member) - {"when"}
        when = parse_expression(member["when"], age=True) if "when" in member else None
        made.append(RuleSetting(name, settings_of(name, member[name], files), when, place, number))
    return made


def output(slug: str, where: str | None = None, rules: str = "[]") -> OutputRules:
    """An output of feeds.yaml."""
    expression = None if where is None else parse_expression(where, age=False)
    return OutputRules(slug, expression, tuple(rules_of(rules, f"output {slug}")))


def book(site: str = "[]", **others: Any) -> RuleBook:
    """A book with these rules for all sources."""
    return make_book(site=rules_of(site), **others)


def judge(rules: str, entry: Entry = ENTRY, sight: Sight = SIGHT, decision: Decision | None = None) -> Ruling:
    """What comes of an entry by rules for all sources."""
    return book(rules).judge(entry, sight, decision=decision)
