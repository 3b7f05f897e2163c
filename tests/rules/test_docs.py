"""docs/rules.md: every example is read and applied, and what comes of the items below it is as the page says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
import yaml

from aggregator.config.intervals import parse_duration
from aggregator.models import Entry, Ruling, Sight
from aggregator.rules import RULES
from aggregator.rules.book import OutputRules, RuleBook, make_book
from aggregator.rules.expressions import VARIABLES, parse_expression
from tests import ROOT
from tests.rule_samples import SEEN, make_entry, rules_of

PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
_TABLE = r"((?:\|[^\n]*\n)+)"
EXAMPLES = re.findall(rf"```yaml\n(.*?)```\n(?:\n{_TABLE})?", PAGE, re.DOTALL)
FILES = {"muted.txt": ["# muted", "casino"], "authors.txt": ["bot"]}


def book_of(text: str) -> RuleBook:
    """The book of the rules of a feeds.yaml."""
    document = yaml.safe_load(text)
    categories = {slug: one for slug, one in document.get("categories", {}).items() if isinstance(one, Mapping)}
    outputs = []
    for slug, one in document.get("outputs", {}).items():
        where = parse_expression(one["where"], age=False) if "where" in one else None
        outputs.append(OutputRules(slug, where, tuple(rules_of(one.get("rules", []), f"output {slug}", FILES))))
    return make_book(
        site=rules_of(document.get("rules", []), files=FILES),
        categories={slug: rules_of(one.get("rules", [])) for slug, one in categories.items()},
        sources={one["id"]: rules_of(one.get("rules", [])) for one in document.get("sources", [])},
        outputs=outputs,
    )


def item(row: Mapping[str, str]) -> tuple[Entry, Sight]:
    """The item of a row, and its sight."""
    age = row.get("age", "1h")
    ahead = parse_duration(age[1:]) if age.startswith("-") else None
    published = SEEN - (timedelta(0) if ahead else parse_duration(age))
    source = row.get("source", "hn")
    html = row.get("html", "").strip("`") or f"<p>{' '.join(['word'] * int(row.get('words', 30)))}</p>"
    entry = make_entry(
        source_id=source,
        title=row["title"],
        language=row.get("language", "en"),
        url=row.get("url", "https://example.org/1"),
        html=html,
        authors=(row["author"],) if row.get("author") else (),
        tags=tuple(row["tags"].split(", ")) if row.get("tags") else (),
        published_at=published,
        updated_at=published,
        dated=ahead is None,
        future_at=SEEN + ahead if ahead else None,
    )
    return entry, Sight(source, "uncategorized" if source == "my-blog" else "news", SEEN)


def told(ruling: Ruling, entry: Entry) -> str:
    """What came of an item, in the words of the page."""
    if ruling.verdict != "published":
        return ruling.verdict
    said = "published as a draft" if ruling.draft else "published"
    if ruling.entry.title != entry.title:
        said += f' as "{ruling.entry.title}"'
    if ruling.category:
        said += f" in {ruling.category}"
    parts = [said]
    if ruling.entry.tags != entry.tags:
        parts.append(f"tagged {', '.join(ruling.entry.tags)}")
    if ruling.entry.url != entry.url:
        parts.append(f"at {ruling.entry.url}")
    if ruling.entry.html != entry.html:
        parts.append(f"with the text `{ruling.entry.html}`")
    if ruling.placements:
        parts.append(f"also in {', '.join(place.output for place in ruling.placements)}")
    return ", ".join(parts)


def rows(table: str) -> list[dict[str, str]]:
    head, _, *lines = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table.splitlines()]
    return [dict(zip(head, line, strict=True)) for line in lines]


@pytest.mark.parametrize(("text", "table"), EXAMPLES)
def test_an_example_does_what_the_page_says(text: str, table: str) -> None:
    book = book_of(text)
    for row in rows(table) if table else []:
        entry, sight = item(row)
        assert told(book.judge(entry, sight), entry) == row["result"], row


def test_most_examples_have_items() -> None:
    assert len(EXAMPLES) >= 12
    assert len([table for _, table in EXAMPLES if table]) >= len(EXAMPLES) - 3


def test_the_page_lists_the_rules() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (yes|no) \| (.*) \|$", PAGE, re.MULTILINE)
    assert listed == [(name, "yes" if one.IN_OUTPUTS else "no", one.DESCRIPTION) for name, one in RULES.items()]


def test_the_page_lists_the_variables() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (?!yes|no)([a-z ]+) \| (.*) \|$", PAGE, re.MULTILINE)
    assert listed == [(name, variable.type, variable.description) for name, variable in VARIABLES.items()]


def test_expressions_of_the_page_are_expressions() -> None:
    table: Any = re.search(rf"\| write \| it holds if \|\n{_TABLE}", PAGE)
    for line in table[1].splitlines()[1:]:
        for text in re.findall(r"`([^`]+)`", re.split(r"(?<!\\)\|", line)[1]):
            if "…" not in text:
                whole = text.replace("\\|", "|")
                parse_expression(f"title{whole}" if whole.startswith(".") else whole, age=True)
