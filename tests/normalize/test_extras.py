"""What few entries have is plain, absolute and bounded, whatever a source says."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config.secrets import public_entry
from aggregator.models import Enclosure, RawEntry
from aggregator.models.extras import (
    Attribute,
    Extras,
    MediaDetail,
    Person,
    Picture,
    RslElement,
    as_stored,
    from_plain,
    texts_of,
    to_plain,
)
from aggregator.normalize.extras import clean_extras
from aggregator.normalize.identity import fingerprint
from tests.extras import FULL, PAGE
from tests.publish_items import ENTRY
from tests.store_samples import entry as sample

#: Values of the wrong kind, too long, too many, or dangerous.
HOSTILE: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["javascript:alert(1)", "x" * 9999, "//e.example", "https://u:p@e.example/a b", "\u202e\x00<b>"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "url", "children", "attributes", "value", "term"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


def _clean(extras: Extras | None, general: Extras | None = None, **entry: Any) -> Extras | None:
    file = Enclosure(PAGE, "audio/mpeg")
    given = {"title": "T", "authors": ("Ann",), "tags": ("One",), "enclosures": (file,), "image": None, **entry}
    return clean_extras(extras, general, sample("s", "k", **given))


def test_what_is_clean_stays() -> None:
    assert all(getattr(FULL, field.name) != field.default for field in fields(Extras))
    assert _clean(FULL) == FULL
    assert from_plain(Extras, json.loads(json.dumps(to_plain(FULL))), as_stored) == FULL
    assert _clean(Extras()) is None
    assert _clean(None) is None


def test_what_belongs_to_something_that_the_entry_has_not_is_left_out() -> None:
    found = _clean(FULL, authors=(), tags=(), enclosures=(), title="Title")
    assert found == replace(FULL, authors=(), categories=(), media=(), itunes_title=None)
    assert _clean(Extras(thumbnails=(Picture(PAGE),)), image=PAGE) is None
    assert _clean(Extras(thumbnails=(Picture(PAGE),))) == Extras(thumbnails=(Picture(PAGE),))


def test_groups_are_numbered_in_the_order_of_the_files() -> None:
    files = tuple(Enclosure(f"{PAGE}{name}") for name in "abcde")
    groups = zip("edcba", (7, 3, 7, 9, 3), strict=True)
    details = tuple(MediaDetail(f"{PAGE}{name}", group, "video") for name, group in groups)
    found = _clean(Extras(media=details), enclosures=files)
    assert found is not None
    assert [(one.url[-1], one.group) for one in found.media] == [("a", 1), ("b", None), ("c", 2), ("d", 1), ("e", 2)]


@given(st.dictionaries(st.sampled_from([field.name for field in fields(Extras)]), HOSTILE, max_size=6))
def test_nothing_hostile_is_kept(given: dict[str, Any]) -> None:
    raw = from_plain(Extras, given, as_stored)
    found = _clean(raw)
    assert _clean(found) == found
    if found is not None:
        assert len(json.dumps(to_plain(found))) < 100_000
        for text in texts_of(found):
            assert "\x00" not in text
            assert "\u202e" not in text or found.markdown == text


@pytest.mark.parametrize("field", ["comments_feed", "external_url", "banner_image"])
def test_addresses_are_absolute_and_of_the_web(field: str) -> None:
    for wrong in ("javascript:alert(1)", "/path", "file:///etc/passwd", "https://", "x" * 9999):
        assert _clean(from_plain(Extras, {field: wrong}, as_stored)) is None
    found = _clean(from_plain(Extras, {field: "https://u:p@e.example/a b"}, as_stored))
    assert found is not None
    assert getattr(found, field) == "https://e.example/a%20b"


def test_lists_and_numbers_have_bounds() -> None:
    found = _clean(Extras(people=tuple(Person(f"P{number}") for number in range(999)), episode=10.0**9, season=-1))
    assert found is not None
    assert len(found.people) == 50
    assert (found.episode, found.season) == (None, None)
    assert _clean(Extras(episode=float("nan"))) is None
    assert _clean(Extras(episode_type="movie")) is None


def test_markdown_that_may_hold_markup_is_left_out() -> None:
    for risky in ("<script>x</script>", "a <img src=x onerror=y>", "[a](javascript:x)", "[a](&#106;avascript:x)"):
        assert _clean(Extras(markdown=risky)) is None
    for harmless in ("a < b", "<https://e.example/>", "The data: 1, 2", "[a](https://e.example/)"):
        assert _clean(Extras(markdown=harmless)) == Extras(markdown=harmless)


def test_rsl_keeps_only_names_and_addresses_of_the_web() -> None:
    bad = (
        Attribute("url", "javascript:x"),
        Attribute("xmlns", "urn:x"),
        Attribute("on-load", "x"),
        Attribute("type", "a"),
    )
    found = _clean(Extras(rsl=(RslElement("content", bad, "javascript:x"), RslElement("a:b"), RslElement("x1"))))
    assert found == Extras(rsl=(RslElement("content", (Attribute("type", "a"),)),))
    deep = RslElement("license")
    for _ in range(30):
        deep = RslElement("license", (), None, (deep,))
    assert len(json.dumps(to_plain(_clean(Extras(rsl=(deep,))) or Extras()))) < 1000


def test_a_count_of_comments_alone_changes_no_entry() -> None:
    hashes = {fingerprint(RawEntry(guid="1", extras=extras)) for extras in (None, Extras(comments_count=1))}
    assert len(hashes) == 1
    assert fingerprint(RawEntry(guid="1", extras=Extras(rights="x"))) not in hashes


def test_secrets_are_taken_out() -> None:
    secret = Extras(
        rights="hush1234",
        licenses=("https://e.example/?k=hush1234", PAGE),
        people=(Person("hush1234"), Person("Cy", "https://e.example/?k=hush1234")),
        season=1,
    )
    found = public_entry(replace(ENTRY, extras=secret), frozenset({"hush1234"})).extras
    assert found == Extras(licenses=(PAGE,), people=(Person("Cy"),), season=1)
