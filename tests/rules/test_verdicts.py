"""The rules that decide: keep, drop, hold, draft, future_dates; and what they look for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aggregator.models import Decision, Enclosure, Sight
from tests.rule_samples import SEEN, SIGHT, book, judge, make_entry, settings_of

AUDIO = Enclosure("https://example.org/1.mp3", "audio/mpeg", None, None, 1800)


@pytest.mark.parametrize(
    ("condition", "entry", "matches"),
    [
        ("rust", {}, True),
        ("version", {}, True),
        ("[golang, compiles]", {}, True),
        ("{any: [compiles], in: title}", {}, False),
        ("{any: [compiles], in: [title, text]}", {}, True),
        ("{all: [rust, compiles]}", {}, True),
        ("{all: [rust, golang]}", {}, False),
        ("{any: golang, all: rust}", {}, False),
        ("{title: rust, author: grace}", {}, True),
        ("{title: rust, author: linus}", {}, False),
        ("{tags: rust}", {}, True),
        ("{tags: '/^Rust$/'}", {}, True),
        ("{tags: lease}", {}, False),
        ("{url: blog}", {}, True),
        ("{host: example.org}", {}, True),
        ("{host: example.com}", {}, False),
        ("{html: '/<b>/'}", {}, True),
        ("{summary: x}", {"summary": "<p>X</p>"}, True),
        ("{language: en, source: hn, category: news, guid: 'tag:example.org'}", {}, True),
        ("{max_words: 5}", {}, True),
        ("{max_words: 4}", {}, False),
        ("{min_age: 2h}", {}, True),
        ("{min_age: 3h}", {}, False),
        ("{duration: '>10m'}", {"enclosures": (AUDIO,)}, True),
        ("{duration: '>=30m'}", {"enclosures": (AUDIO,)}, True),
        ("{duration: '> 30m'}", {"enclosures": (AUDIO,)}, False),
        ("{duration: '<=30m'}", {"enclosures": (AUDIO,)}, True),
        ("{duration: '<1h'}", {"enclosures": (AUDIO,)}, True),
        ("{duration: '<1h'}", {}, False),
        ("{has: audio}", {"enclosures": (AUDIO,)}, True),
        ("{has: [audio, enclosure, tags]}", {"enclosures": (AUDIO,)}, True),
        ("{has: [audio, image]}", {"enclosures": (AUDIO,)}, False),
        ("{has: video}", {"enclosures": (AUDIO,)}, False),
        ("{has: image}", {"html": '<img src="https://example.org/a.png">'}, True),
        ("{has: [text, url, author, date]}", {}, True),
        ("{has: summary}", {}, False),
        ("{has: comments}", {"comments_url": "https://example.org/c"}, True),
        ("{where: 'words == 5'}", {}, True),
        ("{where: 'words == 6'}", {}, False),
        ("{title: rust, where: 'words == 6'}", {}, False),
    ],
)
def test_conditions(condition: str, entry: dict[str, Any], matches: bool) -> None:
    assert judge(f"[drop: {condition}]", make_entry(**entry)).verdict == ("dropped" if matches else "published")
    assert judge(f"[hold: {condition}]", make_entry(**entry)).verdict == ("held" if matches else "published")
    if "max_words" not in condition:
        assert judge(f"[keep: {condition}]", make_entry(**entry)).verdict == ("published" if matches else "dropped")


@pytest.mark.parametrize(
    ("condition", "kept"),
    [("{max_age: 2h}", True), ("{max_age: 1h}", False), ("{min_words: 5}", True), ("{min_words: 6}", False)],
)
def test_limits_of_what_is_kept(condition: str, kept: bool) -> None:
    assert judge(f"[keep: {condition}]").verdict == ("published" if kept else "dropped")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("drop", {}, "is empty; say what it must be like"),
        ("drop", None, "must be words, or a mapping"),
        ("drop", 5, "`5` must be words, or a mapping such as `{title: [sponsored]}`"),
        ("keep", True, "says nothing; write what is kept"),
        ("drop", {"in": "title"}, "`in` goes with `any` or `all`"),
        ("drop", {"any": ["a"], "file": "list"}, "`any` and `file` are one; write `any: [word, {file: list}]`"),
        ("drop", {"titel": "a"}, "Extra inputs"),
        ("drop", {"any": ["a"], "in": "body"}, "Input should be 'title', 'text'"),
        ("drop", {"max_age": "3d"}, "for what is older, write `min_age`"),
        ("hold", {"min_words": 3}, "for what is shorter, write `max_words`"),
        ("keep", {"max_age": "3 days"}, "is not a duration"),
        ("keep", {"duration": "10m"}, "must be a comparison with a duration"),
        ("keep", {"duration": ">10"}, "has no unit"),
        ("keep", {"has": "picture"}, "Input should be 'image'"),
        ("keep", {"has": []}, "at least 1 item"),
        ("keep", {"where": "wrds > 3"}, "did you mean `words`?"),
        ("draft", False, "Input should be True"),
        ("future_dates", "drop", "Input should be 'keep', 'clamp' or 'hold'"),
    ],
)
def test_what_is_no_condition(name: str, value: object, reason: str) -> None:
    with pytest.raises(ValidationError) as error:
        settings_of(name, value)
    assert reason in str(error.value)


def test_words_of_a_file() -> None:
    condition = settings_of("drop", {"file": "ads.txt", "in": "title"}, {"ads.txt": ["# ads", "sponsored"]})
    assert condition.any.given == ("sponsored",)


def test_everything_that_when_selects() -> None:
    assert judge("[{drop: true, when: 'words == 5'}]").verdict == "dropped"
    assert judge("[{drop: true, when: 'words == 6'}]").verdict == "published"
    assert judge("[{hold: true, when: 'source == \"hn\"'}]").verdict == "held"
    assert judge("[{hold: true, when: 'source == \"other\"'}]").verdict == "published"


def test_several_keep() -> None:
    assert judge("[keep: {title: rust}, keep: {author: ada}]").verdict == "published"
    assert judge("[keep: {title: rust}, keep: {author: linus}]").verdict == "dropped"
    assert judge("[keep: {title: golang}, keep: {author: ada}]").verdict == "dropped"


def test_what_is_dropped_sees_no_further_rule() -> None:
    assert judge("[tag: a, drop: rust, tag: b]").entry.tags == ("release", "Rust", "a")


def test_what_is_held_sees_further_rules_and_may_be_dropped() -> None:
    ruling = judge("[hold: rust, tag: b]")
    assert (ruling.verdict, ruling.entry.tags) == ("held", ("release", "Rust", "b"))
    assert judge("[hold: rust, drop: version]").verdict == "dropped"


@pytest.mark.parametrize(
    ("decision", "rules", "verdict"),
    [
        (Decision("published"), "[hold: rust]", "published"),
        (Decision("published"), "[hold: rust, drop: rust]", "dropped"),
        (Decision("dropped"), "[hold: rust]", "dropped"),
        (Decision("dropped"), "[]", "dropped"),
        (Decision("dropped"), "[keep: rust]", "dropped"),
    ],
)
def test_a_person_decides_before_hold(decision: Decision, rules: str, verdict: str) -> None:
    assert judge(rules, decision=decision).verdict == verdict


def test_review_of_a_source() -> None:
    reviewed = book(review=frozenset({"hn"}))
    assert reviewed.judge(make_entry(), SIGHT).verdict == "held"
    assert reviewed.judge(make_entry(), Sight("other", "news", SEEN)).verdict == "published"
    assert reviewed.judge(make_entry(), SIGHT, decision=Decision("published")).verdict == "published"
    assert reviewed.judge(make_entry(), SIGHT, decision=Decision("dropped")).verdict == "dropped"


def test_drafts() -> None:
    assert judge("[draft: true]").draft
    assert judge("[draft: true]").verdict == "published"
    assert not judge("[{draft: true, when: 'words > 100'}]").draft


AHEAD = SEEN + timedelta(days=3)
FUTURE = {"published_at": SEEN, "updated_at": SEEN, "dated": False, "future_at": AHEAD}


def test_dates_in_the_future() -> None:
    entry = make_entry(**FUTURE)
    assert judge("[]", entry).entry == judge("[future_dates: clamp]", entry).entry == entry
    kept = judge("[future_dates: keep]", entry)
    assert (kept.verdict, kept.entry.published_at, kept.entry.updated_at) == ("published", AHEAD, AHEAD)
    held = judge("[future_dates: hold]", entry)
    assert (held.verdict, held.entry) == ("held", entry)
    assert judge("[future_dates: hold]", entry, decision=Decision("published")).verdict == "published"
    assert judge("[future_dates: hold]").verdict == "published"


@given(
    st.sampled_from(["keep", "clamp", "hold"]),
    st.sampled_from(["true", "'published > timestamp(\"2026-03-02T00:00:00Z\")'"]),
)
def test_what_became_of_a_date_in_the_future_does_not_change_other_rules(rule: str, when: str) -> None:
    rules = f"[future_dates: {rule}, {{tag: ahead, when: {when}}}, {{drop: true, when: 'age > duration(\"1h\")'}}]"
    new = judge(rules, make_entry(**FUTURE))
    again = judge(
        rules, make_entry(**FUTURE | {"published_at": new.entry.published_at, "updated_at": new.entry.updated_at})
    )
    assert again == new
