"""References to the environment and to files, and the removal of secrets from texts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import Config, load, redact
from aggregator.config.secrets import MAX_REFERENCED_FILE
from aggregator.errors import ConfigError


def _load(folder: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    path = folder / "feeds.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, environ or {})


def _feed(folder: Path, value: str, environ: dict[str, str] | None = None) -> Config:
    return _load(folder, f"sources: [{{feed: '{value}'}}]", environ)


def test_variables_and_files_are_inserted(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xef\xbb\xbfs3cret\r\n")
    config = _feed(tmp_path, "https://${env:HOST}/feed?token=${file:token}&x=$${env:HOST}", {"HOST": "example.org"})
    assert config.sources[0].url == "https://example.org/feed?token=s3cret&x=${env:HOST}"
    assert config.secrets == {"example.org", "s3cret"}


def test_inserted_values_are_not_searched_for_references(tmp_path: Path) -> None:
    config = _feed(tmp_path, "https://example.org/?${env:A}", {"A": "${env:B}", "B": "no"})
    assert config.sources[0].url == "https://example.org/?${env:B}"


def test_an_aliased_value_is_replaced_once(tmp_path: Path) -> None:
    text = "sources: [{name: &n 'a $${env:A}', feed: https://a.example/}, {name: *n, feed: https://b.example/}]"
    names = [source.name for source in _load(tmp_path, text, {"A": "no"}).sources]
    assert names == ["a ${env:A}", "a ${env:A}"]


def test_the_id_does_not_depend_on_the_secret(tmp_path: Path) -> None:
    first = _feed(tmp_path, "https://example.org/${env:KEY}/rss", {"KEY": "one-key"})
    second = _feed(tmp_path, "https://example.org/${env:KEY}/rss", {"KEY": "another"})
    assert first.sources[0].id == second.sources[0].id == "example-org-env-key-rss"


def test_what_is_published_anyway_is_not_secret(tmp_path: Path) -> None:
    config = _load(tmp_path, "site: {title: '${env:T}'}\nsources: []", {"T": "My title"})
    assert config.site.title == "My title"
    assert config.secrets == frozenset()


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("${env:NOPE}", "the environment has no variable `NOPE`; set it, or change the reference"),
        ("${file:nope}", "there is no file `nope`"),
        ("${file:.}", "there is no file `.`"),
        ("${file:large}", "the file `large` is larger than 64 kB"),
        ("${file:latin}", "the file `latin` is not UTF-8"),
        ("${env:BYTES}", "the environment variable `BYTES` is not UTF-8"),
        ("${vault:x}", "`${vault:x}` is not understood; write `${env:NAME}` or `${file:PATH}`"),
        ("${env:X", "`${env:X` is not understood"),
        ("${}", "`${}` is not understood"),
    ],
)
def test_bad_references_have_a_place(tmp_path: Path, reference: str, message: str) -> None:
    (tmp_path / "large").write_bytes(b"x" * (MAX_REFERENCED_FILE + 1))
    (tmp_path / "latin").write_bytes(b"\xe9")
    with pytest.raises(ConfigError) as caught:
        _feed(tmp_path, f"https://example.org/{reference}", {"BYTES": os.fsdecode(b"\xff")})
    (problem,) = caught.value.problems
    assert problem.message.startswith(message)
    assert (problem.line, problem.column, problem.path) == (1, 18, "sources[0].feed")


def test_a_name_with_a_null_byte_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sources\[0\]\.feed: .*file"):
        _load(tmp_path, 'sources: [{feed: "https://example.org/${file:a\\0b}"}]')


def test_problems_do_not_show_secrets(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        _feed(tmp_path, "${env:TOKEN}", {"TOKEN": "hunter22"})
    assert "hunter22" not in str(caught.value)
    assert "***" in str(caught.value)


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
        ("xpath://a[contains(@href, 'x')]/@title", "xpath://a[contains(@href, 'x')]/@title"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    assert redact(text, frozenset({"s3cret/a", "s3cret/a-long", "key"})) == expected


@given(st.text(), st.text(), st.frozensets(st.text(min_size=4), max_size=4))
def test_no_secret_is_left(before: str, after: str, secrets: frozenset[str]) -> None:
    for secret in secrets:
        redacted = redact(f"{before}{secret}{after}", frozenset({secret}))
        assert secret not in redacted.replace("***", "\0")


def test_a_long_text_takes_no_time() -> None:
    assert redact("http://" * 50_000 + "a:" * 50_000, frozenset({"secret"})).startswith("http://")
