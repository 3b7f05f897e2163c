"""Keeping secrets out of what people read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no secret here", "no secret here"),
        ("token=s3cret/a&x", "token=***&x"),
        ("token=s3cret%2Fa&x", "token=***&x"),
        ("s3cret/a-long wins", "*** wins"),
        ("key", "key"),
        ("https://user:password@example.org/x", "https://user:***@example.org/x"),
        ("https://user:p@ss@example.org/x", "https://user:***@example.org/x"),
        ("https://token@example.org/x", "https://***@example.org/x"),
        ("https://example.org/a@b", "https://example.org/a@b"),
        ("two: http://a:b@c http://d:e@f", "two: http://a:***@c http://d:***@f"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    assert redact(text, frozenset({"s3cret/a", "s3cret/a-long", "key"})) == expected


@given(st.text(), st.text(), st.frozensets(st.text(min_size=4), max_size=4))
def test_no_secret_is_left(before: str, after: str, secrets: frozenset[str]) -> None:
    for secret in secrets:
        redacted = redact(f"{before}{secret}{after}", frozenset({secret}))
        assert secret not in redacted.replace("***", "\0")


def test_a_long_text_is_no_trouble() -> None:
    assert redact("http://" * 50_000 + "a:" * 50_000, frozenset({"secret"})).startswith("http://")
