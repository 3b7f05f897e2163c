"""Ids of sources."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config.ids import MAX_ID, Named, _words, assign, fold, repeated, slug, source_id


def _url(url: str) -> Named:
    return Named(None, None, url)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Named("own.id_1", "Name", "https://example.org/"), "own.id_1"),
        (Named(None, "Ars Technica", "https://example.org/?a=b"), "ars-technica"),
        (Named(None, "少数派", "https://example.org/"), "少数派"),
        (Named(None, "ＡＢＣ Straße", "https://example.org/"), "abc-strasse"),
        (Named(None, "हिन्दी", "https://example.org/"), "हिन्दी"),
        (_url("https://lwn.net/headlines/rss"), "lwn-net-headlines-rss"),
        (_url("https://user:password@LWN.net:8080/"), "lwn-net"),
        (Named(None, "🙂!", "https://example.org/feed"), "example-org-feed"),
        (_url("https://[bad"), "https-bad"),
        (_url("https://example.org/feed?tag=a"), "example-org-feed-067171bd"),
    ],
)
def test_one_source(source: Named, expected: str) -> None:
    assert assign([source]) == [expected]


def test_colliding_sources_all_get_a_suffix_and_the_hand_written_id_stays() -> None:
    ids = assign(
        [
            Named(None, "News", "https://a.example/"),
            Named("news", None, "https://b.example/"),
            Named(None, "NEWS!", "https://c.example/"),
        ]
    )
    assert ids[1] == "news"
    assert ids[0].startswith("news-")
    assert ids[2].startswith("news-")
    assert len(set(ids)) == 3


def test_a_long_id_is_cut_with_and_without_suffix() -> None:
    alone = assign([Named(None, "x" * 100, "https://a.example/")])
    assert alone == ["x" * MAX_ID]
    both = assign([Named(None, "x" * 100, f"https://{host}.example/") for host in "ab"])
    assert [len(identity) for identity in both] == [MAX_ID, MAX_ID]
    assert both[0] != both[1]


def test_the_same_source_twice_is_found() -> None:
    ids = assign([_url("https://a.example/"), _url("https://b.example/"), _url("https://a.example/")])
    assert list(repeated(ids)) == [(0, 2)]


_SOURCES = st.lists(
    st.builds(
        Named,
        st.none(),
        st.none() | st.sampled_from(["News", "news", "新闻", "!"]) | st.text(max_size=5),
        st.sampled_from(["a", "b", "c/d", "c?d"]).map(lambda rest: f"https://{rest}"),
    ),
    max_size=12,
)


@given(_SOURCES, st.randoms(use_true_random=False))
def test_the_order_of_the_sources_does_not_matter(sources: list[Named], shuffler: random.Random) -> None:
    shuffled = list(sources)
    shuffler.shuffle(shuffled)
    assert dict(zip(sources, assign(sources), strict=True)) == dict(zip(shuffled, assign(shuffled), strict=True))


@given(st.text(), st.text())
def test_derived_ids_are_valid_ids(name: str, rest: str) -> None:
    for source in (Named(None, name, f"https://example.org/{rest}"), Named(None, None, rest)):
        (identity,) = assign([source])
        assert source_id(identity) == identity


@given(st.text())
def test_slugs_do_not_change_when_slugged_again(text: str) -> None:
    assert slug(slug(text)) == slug(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_a_plain_text_is_slugged_as_any_other(text: str) -> None:
    assert slug(text) == "-".join(_words(fold(text)))[:MAX_ID].rstrip("-")
