"""Whatever stands in feeds.yaml: a configuration or a ConfigError, nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aggregator.config import load
from aggregator.errors import ConfigError

_PIECES = """
sources: | - | feed: | scrape: | https://a.example/ | categories: | { | } | [ | ] | , | : | &a | *a | ${env:A} | ${
 | ' | " | # | !!str | interval: | 1h | <<: | id: | null | items: | article: | site: | ? | 12
""".replace("\n", "").split(" | ")
_TEXTS = st.lists(st.sampled_from([*_PIECES, " ", "  ", "\n", "\n- ", "\n---\n", "\t", "|", "\x85"]), max_size=40)

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
_KEYS = {
    "site": ["title", "url", "language", "author"],
    "posts": ["preset", "image_proxy", "placeholder"],
    "feeds": ["formats", "limit"],
    "fetch": ["interval", "max_body", "allow_private_addresses", "user_agent", "concurrency"],
    "categories": ["a"],
    "sources": ["id", "name", "category", "section", "feed", "scrape", "timeout", "allow_private_addresses"],
}
_SCRAPE_KEYS = ["url", "items", "limit", "encoding", "article", "unknown"]


def _check(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        config = load(path, {"A": "b"})
    except ConfigError as error:
        assert error.problems
        assert str(error)
    else:
        assert len({source.id for source in config.sources}) == len(config.sources)
        assert {source.category for source in config.sources} <= set(config.categories)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(_TEXTS.map(lambda pieces: "".join(pieces).encode()) | st.text().map(str.encode) | st.binary())
@example(b"sources: [{feed: https://a.example/}]")
def test_any_text(tmp_path: Path, data: bytes) -> None:
    _check(tmp_path / "feeds.yaml", data)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.sampled_from([(section, key) for section, keys in _KEYS.items() for key in keys]), _VALUES)
def test_any_value_in_any_place(tmp_path: Path, place: tuple[str, str], value: object) -> None:
    section, key = place
    inner: object = {key: value}
    if section == "sources":
        inner = [{"feed": "https://a.example/", key: value}, value]
    _check(tmp_path / "feeds.yaml", json.dumps({"sources": [], section: inner}).encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(_SCRAPE_KEYS), _VALUES)
def test_any_value_in_a_scraped_source(tmp_path: Path, key: str, value: object) -> None:
    scrape = {"url": "https://a.example/", "items": "a", "article": {"body": "p", "date": value}, key: value}
    _check(tmp_path / "feeds.yaml", json.dumps({"sources": [{"scrape": scrape}]}).encode())
