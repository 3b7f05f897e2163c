"""Every rule can be read from feeds.yaml as its example says, and applied."""

from __future__ import annotations

import jsonschema
import pytest
import yaml
from pydantic import TypeAdapter

from aggregator.rules import RULES
from tests.rule_samples import ENTRY, SIGHT, judge, make_entry


@pytest.mark.parametrize("name", RULES)
def test_the_example_of_a_rule_is_one(name: str) -> None:
    rule = RULES[name]
    example = yaml.safe_load(rule.EXAMPLE)
    assert list(example) == [name]
    jsonschema.validate(example[name], TypeAdapter(rule.SETTINGS).json_schema())
    ruling = judge(f"[{{{rule.EXAMPLE}}}]" if "\n" not in rule.EXAMPLE else f"- {rule.EXAMPLE}")
    assert ruling.entry.title
    assert (ruling.entry.key, ruling.entry.guid, ruling.entry.published_at) == (
        ENTRY.key,
        ENTRY.guid,
        ENTRY.published_at,
    )


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_it_does_in_a_sentence(name: str) -> None:
    assert RULES[name].DESCRIPTION.endswith(".")
    assert isinstance(RULES[name].IN_OUTPUTS, bool)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_copes_with_an_entry_that_has_nothing(name: str) -> None:
    rule = RULES[name]
    bare = make_entry(title="x", html="", guid=None, url=None, authors=(), tags=(), language=None)
    text = rule.EXAMPLE if "\n" in rule.EXAMPLE else f"{rule.EXAMPLE}"
    assert judge(f"- {text}", bare, SIGHT).entry.title
