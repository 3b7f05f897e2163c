"""`for`: one entry of feeds.yaml for several sources."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import Config, load
from aggregator.config.editing import check_edit, entry_of, remove_source, set_paused
from aggregator.config.layout import NotEditable
from aggregator.errors import ConfigError
from aggregator.models import FeedState
from aggregator.proposals import apply_proposals, propose
from tests.store_samples import NOW
from tests.support import Site, command

TEXT = """\
categories: {news-en: English, news-de: Deutsch}
sources:
  - {id: first, feed: https://first.example/}
  - for: {lang: [en, de], n: [1, 2]}
    id: w-${lang}-${n}
    name: W ${lang} $${n}
    category: news-${lang}
    section: "${lang}${lang}"
    headers: {Accept-Language: "${lang}", X-Token: "${env:TOKEN}-${n}"}
    rules:
      - drop: {title: ["${lang}"]}
    feed: https://${lang}.example/${n}?key=${env:TOKEN}
  - {id: last, feed: https://last.example/}
"""

_ENVIRON = {"TOKEN": "s3cr3t"}


def _load(text: str, value: str = "s3cr3t") -> Config:
    return load(Path("feeds.yaml"), {"TOKEN": value}, text=text)


def test_every_combination_is_a_source() -> None:
    config = _load(TEXT)
    assert [source.id for source in config.sources] == ["first", "w-en-1", "w-en-2", "w-de-1", "w-de-2", "last"]
    third = config.sources[3]
    assert (third.name, third.category, third.section) == ("W de ${n}", "news-de", "dede")
    assert third.url == "https://de.example/1?key=s3cr3t"
    assert dict(third.access.headers) == {"Accept-Language": "de", "X-Token": "s3cr3t-1"}
    assert [config.rules.sources[f"w-{lang}-1"][0].settings.title.given for lang in ("en", "de")] == [("en",), ("de",)]
    assert config.entries == (0, 1, 1, 1, 1, 2)
    assert config.templates == {1}
    assert {source.line for source in config.sources[1:5]} == {4}


def test_ids_that_are_made_depend_on_the_values_and_not_on_secrets() -> None:
    text = "sources: [{for: {x: [a, b]}, feed: 'https://e.example/?k=${env:TOKEN}&x=${x}'}]"
    ids = [source.id for source in _load(text, "1234").sources]
    assert ids == [source.id for source in _load(text, "5678").sources]
    assert len(set(ids)) == 2
    named = "sources: [{for: {x: [a, 2]}, name: 'The ${x}', feed: 'https://e.example/${x}'}]"
    assert [source.id for source in _load(named).sources] == ["the-a", "the-2"]


def test_the_value_of_a_reference_is_not_searched_for_variables() -> None:
    text = "sources: [{for: {x: [a]}, feed: 'https://${x}.example/?k=${env:TOKEN}'}]"
    assert _load(text, "${x}").sources[0].url == "https://a.example/?k=${x}"


def test_anchors_may_have_variables() -> None:
    text = (
        "x-name: &name Name ${lang}\nx-access: &access {Accept-Language: '${lang}'}\nsources:\n"
        "  - {for: {lang: [en, de]}, name: *name, headers: *access, feed: 'https://${lang}.example/'}\n"
    )
    sources = _load(text).sources
    assert [source.name for source in sources] == ["Name en", "Name de"]
    assert [source.access.headers for source in sources] == [(("Accept-Language", "en"),), (("Accept-Language", "de"),)]


def test_an_anchor_with_variables_is_wrong_where_there_are_none() -> None:
    text = "x-name: &name Name ${lang}\nsources:\n  - {name: *name, feed: 'https://a.example/'}\n"
    with pytest.raises(ConfigError, match=r"feeds.yaml:3:12: sources\[0\].name: `\$\{lang\}` is not understood"):
        _load(text)


def test_mistakes_are_told_once_and_at_the_entry() -> None:
    text = (
        "sources:\n  - feed: https://first.example/\n  - {for: {x: [a, b]}, feed: 'https://${x}.example/', nmae: 1}\n"
    )
    with pytest.raises(ConfigError) as caught:
        _load(text + "  - {feed: https://c.example/, nmae: x}\n")
    assert [problem.path for problem in caught.value.problems] == ["sources[1].nmae", "sources[2].nmae"]


def test_what_all_entries_make_is_bounded() -> None:
    numbers = f"[{', '.join(map(str, range(1000)))}]"
    entries = [f"  - {{for: {{n: {numbers}}}, feed: 'https://h{host}.example/${{n}}'}}\n" for host in range(11)]
    with pytest.raises(ConfigError, match=r"feeds.yaml:12:6: .* at most 10,000 sources with those of others"):
        _load("sources:\n" + "".join(entries))


def test_an_entry_is_not_edited_for_one_of_its_sources(site: Site) -> None:
    text = TEXT.replace("?key=${env:TOKEN}", "").replace(', X-Token: "${env:TOKEN}-${n}"', "")
    site.config.write_text(text, encoding="utf-8")
    for arguments in (("pause", "w-en-1"), ("remove", "w-de-2")):
        done = command(*arguments, "--config", str(site.config))
        assert done.status == 2
        assert "line 4: the entry with `for` makes other sources as well as w-" in done.stderr
        assert "edit it by hand" in done.stderr
    assert site.config.read_text(encoding="utf-8") == text


def test_a_move_of_one_of_its_sources_is_told_and_left_to_a_person() -> None:
    config = _load("sources: [{for: {x: [a, b]}, feed: 'https://${x}.example/'}, {feed: 'https://c.example/'}]")
    moved = {
        source.id: FeedState(
            source.id,
            moved_to=f"https://new.example/{source.id}",
            moved_since=NOW - timedelta(days=30),
            last_success_at=NOW,
        )
        for source in config.sources
    }
    proposals = propose(config, moved)
    assert [(one.entry, one.obstacle) for one in proposals] == [
        (0, "its entry makes other sources as well (`for`); change it by hand"),
        (0, "its entry makes other sources as well (`for`); change it by hand"),
        (1, None),
    ]
    text = "sources: [{for: {x: [a, b]}, feed: 'https://${x}.example/'}, {feed: 'https://c.example/'}]"
    after, _ = apply_proposals(text, proposals, gone=True)
    assert after == text.replace("https://c.example/", "https://new.example/c-example")


def test_others_are_edited_beside_it() -> None:
    config = _load(TEXT)
    assert [entry_of(config, index) for index in (0, 5)] == [0, 2]
    with pytest.raises(NotEditable, match="other sources as well as w-en-2"):
        entry_of(config, 2)
    after = set_paused(TEXT, entry_of(config, 5), True)
    assert check_edit(config, after, _ENVIRON, paused={5: True}).sources[5].paused
    after = remove_source(TEXT, entry_of(config, 5))
    assert len(check_edit(config, after, _ENVIRON, removed=[5]).sources) == 5


@given(st.lists(st.text("ab${}n: -'\"", max_size=12), min_size=1, max_size=3))
def test_any_text_is_filled_in_or_refused(texts: list[str]) -> None:
    quoted = [text.replace("'", "''") for text in texts]
    fields = "".join(f", X-{number}: '{text}'" for number, text in enumerate(quoted))
    try:
        config = _load(
            f"sources: [{{for: {{n: [a, b]}}, headers: {{X: '${{n}}'{fields}}}, feed: 'https://${{n}}.example/'}}]"
        )
    except ConfigError as error:
        assert all(problem.line for problem in error.problems)
    else:
        for source, value in zip(config.sources, "ab", strict=True):
            for text, (_, made) in zip(texts, source.access.headers[1:], strict=True):
                assert made == text.replace("$${", "\0").replace("${n}", value).replace("\0", "${")
