"""The shipped feeds.yaml, the template and the reference page agree with the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from aggregator.config import TEMPLATE, load
from aggregator.config.intervals import IntervalSettings
from aggregator.config.ruling import RuleSettings
from aggregator.config.settings import FileSettings, file_model
from aggregator.errors import ConfigError
from aggregator.sources.articles import ArticleSettings
from aggregator.sources.fields import FieldSettings, PageDate
from tests import ROOT

REFERENCE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models(part)


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The paths of all keys, as the reference page writes them."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        below = {"categories": ".<slug>", "outputs": ".<slug>", "sources": "[]"}.get(path, "")
        if prefix:
            yield path
        for inner in _models(field.annotation):
            # An interval is the same wherever it stands, and so are others: their keys are told once.
            if not issubclass(inner, IntervalSettings | RuleSettings | FieldSettings | ArticleSettings):
                yield from _keys(inner, f"{path}{below}.")


def test_the_reference_names_every_key_and_no_other() -> None:
    named = re.findall(
        r"^\| `((?:site|posts|feeds|fetch|rsshub|retention|hooks|categories|outputs|sources)[^`]*)` \|",
        REFERENCE,
        re.MULTILINE,
    )
    assert sorted(named) == sorted(_keys(file_model()))


def test_the_reference_names_every_key_of_an_interval() -> None:
    named = re.findall(r"^\| `interval\.([^`]*)` \|", REFERENCE, re.MULTILINE)
    assert named == list(IntervalSettings.model_fields)


def test_the_reference_names_every_key_of_an_article() -> None:
    named = re.findall(r"^\| `article\.([^`]*)` \|", REFERENCE, re.MULTILINE)
    assert named == list(ArticleSettings.model_fields)


def test_the_reference_names_every_key_of_a_field() -> None:
    section = REFERENCE.partition("### scrape\n")[2].partition("\n### ")[0]
    named = re.findall(r"^\| `<field>\.([^`]*)` \|", section, re.MULTILINE)
    assert sorted(named) == sorted(PageDate.model_fields)


def test_the_reference_gives_the_true_defaults() -> None:
    for section in ("site", "posts", "feeds", "fetch", "hooks"):
        (model,) = _models(FileSettings.model_fields[section].annotation)
        for name, field in model.model_fields.items():
            extra = field.json_schema_extra
            written = extra.get("default") if isinstance(extra, dict) else None
            default = written or field.default
            if isinstance(default, str | int) and not isinstance(default, bool):
                assert f"| `{section}.{name}` | `{default}` |" in REFERENCE


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL))
def test_the_examples_of_the_reference_load(example: str, tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(example if "sources:" in example else example + "sources: []", encoding="utf-8")
    load(path, {"FEED_TOKEN": "x", "RSSHUB_KEY": "x", "FEEDS_DATABASE": "postgresql:///feeds"})


def test_the_errors_in_the_reference_are_the_true_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    match = re.search(r"```yaml wrong\n(.*?)```.*?```text\n(.*?)```", REFERENCE, re.DOTALL)
    assert match
    monkeypatch.chdir(tmp_path)
    Path("feeds.yaml").write_text(match[1], encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(Path("feeds.yaml"), {})
    assert f"{caught.value}\n" == match[2]


def test_the_ids_in_the_reference_are_the_true_ones(tmp_path: Path) -> None:
    rows = re.findall(r"^\| `(name|feed): ([^`]+)` \| `([^`]+)`", REFERENCE, re.MULTILINE)
    assert len(rows) == 4
    for key, value, expected in rows:
        path = tmp_path / "feeds.yaml"
        address = value if key == "feed" else "https://example.org/"
        path.write_text(
            f"sources: [{{feed: '{address}'{f', name: {value}' if key == 'name' else ''}}}]", encoding="utf-8"
        )
        (source,) = load(path, {}).sources
        assert source.id == expected or (expected.endswith("-") and source.id[:-8] == expected)


def test_the_template_is_short_and_loads(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(TEMPLATE, encoding="utf-8")
    assert load(path, {}).sources
    assert len(TEMPLATE.splitlines()) <= 60


def test_the_commented_keys_of_the_template_are_true(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    uncommented = re.sub(r"^( *)# (?=[ -]|posts:|feeds:|fetch:)", r"\1", TEMPLATE, flags=re.MULTILINE)
    path.write_text(uncommented, encoding="utf-8")
    config, plain = load(path, {}), FileSettings(sources=())
    assert (config.feeds, config.fetch) == (plain.feeds, plain.fetch)
    assert [source.kind for source in config.sources] == ["feed", "feed", "scrape"]


def test_the_shipped_configuration() -> None:
    config = load(ROOT / "feeds.yaml", {})
    assert [source.id for source in config.sources if source.kind == "scrape"] == ["ofweek"]
    assert len(config.sources) >= 10
    assert {source.category for source in config.sources} == set(config.categories)
    assert not any(category.implicit for category in config.categories.values())
