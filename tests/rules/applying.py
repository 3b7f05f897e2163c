"""What the tests of single rules share: entries, and rules as they stand in feeds.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import yaml
from hypothesis import strategies as st
from pydantic import TypeAdapter

from aggregator.models import Entry, Sight, Text
from aggregator.normalize.sanitizer import clean_html
from aggregator.normalize.text import clean_authors, clean_tags, tidy_line
from aggregator.rules import RULES
from aggregator.rules.kind import RunStep, Subject, no_steps
from aggregator.values.urls import clean_url
from tests.markup import soup
from tests.publish_items import ENTRY, LINES, URLS

SIGHT = Sight("example", "news", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC))


def make_entry(**changes: Any) -> Entry:
    """An entry as `normalize` makes it; HTML is cleaned."""
    for name in ("html", "summary"):
        if name in changes:
            changes[name] = clean_html(Text(changes[name], "html"))
    return replace(ENTRY, **changes)


def settings_of(rule: str) -> tuple[str, Any]:
    """The name and the settings of one rule in YAML."""
    ((name, value),) = yaml.safe_load(rule).items()
    return name, TypeAdapter(RULES[name].SETTINGS).validate_python(value)


def apply(rule: str, subject: Subject) -> str | None:
    """Apply one rule in YAML to a subject."""
    name, settings = settings_of(rule)
    return RULES[name].apply(settings, subject)


def ruled(rule: str, entry: Entry, run_step: RunStep = no_steps) -> Subject:
    """An entry after one rule in YAML."""
    subject = Subject(entry, SIGHT, run_step=run_step)
    apply(rule, subject)
    return subject


def giving(result: Mapping[str, Any] | None) -> RunStep:
    """Steps that all give this."""
    return lambda kind, settings, given: result


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Entries of any source, with markup of any kind."""
    html, summary = (clean_html(Text(text, "html")) for text in (draw(soup), draw(soup | st.just(""))))
    if not html:
        html, summary = summary, ""
    return replace(
        ENTRY,
        title=tidy_line(draw(LINES), 500) or "x",
        html=html,
        summary="" if summary == html else summary,
        url=clean_url(draw(URLS | st.none())),
        authors=clean_authors(draw(st.lists(LINES, max_size=2))),
        tags=clean_tags(draw(st.lists(LINES, max_size=3))),
        language=draw(st.sampled_from([None, "en", "zh", "zh-TW"])),
    )
