"""Expressions: what they can say, what is refused and why, and that no entry makes them fail or take long."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from aggregator.models import Enclosure, Entry, Sight
from aggregator.rules.expressions import VARIABLES, Key, When, Where, parse_expression
from aggregator.rules.facts import MAX_TEXT, Facts, count_words
from tests.rule_samples import ENTRY, SEEN, SIGHT, make_entry


def holds(text: str, entry: Entry = ENTRY, sight: Sight = SIGHT) -> bool:
    return parse_expression(text, age=True).evaluate(Facts(entry, sight))


@pytest.mark.parametrize(
    "text",
    [
        'title.contains("Rust")',
        'title.startsWith("Rust") && title.endsWith("out")',
        'title.matches("(?i)rUST [0-9.]+")',
        'matches(title, r"\\d")',
        'lower(title).contains("rust")',
        "words == 5",
        'text == "The new version compiles faster."',
        'html.contains("<b>")',
        'summary == ""',
        'host == "blog.example.org" && url.startsWith("https://")',
        'author == "Ada" && "Grace" in authors',
        'tags.exists(t, t == "release") && !tags.exists(t, t == "other")',
        "tags.filter(t, t.size() > 4).size() == 1",
        'language == "en"',
        'source in ["hn", "lobsters"] && category == "news"',
        'published > timestamp("2026-01-01T00:00:00Z") && published.getFullYear() == 2026',
        'age == duration("2h") && dated',
        "updated == published",
        'duration == duration("0s")',
        "images.size() == 0 && size(enclosures) == 0",
        'comments == "" && guid.startsWith("tag:")',
        'words > 100 ? title == "x" : true',
        'title == "x" ||\n title.contains("out")',
        'title == "it\'s" || true // a remark',
    ],
)
def test_expressions_hold(text: str) -> None:
    assert holds(text)


def test_files_and_images() -> None:
    entry = make_entry(
        image="https://example.org/a.png",
        html='<img src="https://example.org/b.png">',
        enclosures=(Enclosure("https://example.org/1.mp3", "audio/mpeg", 5, None, 1800), Enclosure("https://e.org/2")),
    )
    assert holds('enclosures.exists(e, e.type == "audio/mpeg" && e.length == 5 && e.title == "")', entry)
    assert holds('duration == duration("30m") && enclosures[1].type == ""', entry)
    assert holds('images == ["https://example.org/a.png", "https://example.org/b.png"]', entry)


def test_a_date_in_the_future_is_the_one_that_the_source_gives() -> None:
    entry = make_entry(published_at=SEEN, updated_at=SEEN, dated=False, future_at=SEEN + timedelta(days=2))
    assert holds('published == timestamp("2026-03-03T12:00:00Z") && updated == published && dated', entry)
    assert holds('age == duration("0s")', entry)


def test_an_entry_of_an_older_version_has_no_age() -> None:
    assert holds('age == duration("0s")', sight=Sight("hn", "news", None))


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_has_a_value_of_one_type(name: str) -> None:
    bare = make_entry(html="", guid=None, url=None, authors=(), tags=(), language=None)
    value, sample = Facts(bare, Sight("a", "b", None))[name], VARIABLES[name].sample
    assert type(value) is type(sample)
    assert VARIABLES[name].description.endswith(".")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must be an expression in quotes"),
        (5, "must be an expression in quotes"),
        ("// a remark", "must be an expression in quotes"),
        ("words > 2000 &&", "character 17: something is missing at its end"),
        ('titel == "x"', "character 1: `titel` is not a variable; did you mean `title`?"),
        ('title == "x" ||\n  wrods > 3', "line 2, character 3: `wrods` is not a variable; did you mean `words`?"),
        ("quux > 3", "`quux` is not a variable; there are `title`, `text`"),
        ('title.lowerAscii() == "a"', "`lowerAscii` is not a function; did you mean `lower`?"),
        ('false && foo(title) == "a"', "character 10: `foo` is not a function"),
        ('title = "x"', "character 7: `=` is not known; to compare, write `==`"),
        ('title =~ "x"', "character 7: `=~` is not known; use `.matches(…)`"),
        ('title == "a" and words > 3', "character 14: write `&&` for `and`"),
        ("not dated", "character 1: write `!` for `not`"),
        ('title contains "x"', "write `title.contains(…)`"),
        ("“x” == title", "character 1: `“` is not a quotation mark here"),
        ("title", "gives a text, not true or false"),
        ("words", "gives a number, not true or false"),
        ("age", "gives a duration, not true or false"),
        ('words > "many"', "an operator or a function does not fit the types"),
        ('false && words > "many"', 'character 10: `words > "many"`: an operator or a function'),
        ("title.startsWith(1)", "`startsWith` does not fit the types of its values"),
        ('words.matches("a")', "not true or false"),
        ('tags.contains("rust")', 'what is in a list is found by `"rust" in tags`'),
        ('title.matches("(?=a)")', "looking ahead and behind"),
        ('false && title.matches("(")', 'character 24: "(" is not a regular expression'),
        ('age > duration("1d")', "use the units `h`, `m` and `s`"),
        ('published > timestamp("2024-01-01")', "is not a time"),
        ("enclosures[0].kind == 'a'", "there is no field 'kind'"),
        ("1 / 0 == 1", None),
        ("tags.exists(t, authors.exists(a, a == t))", "`exists` stands inside another one"),
        ("tags.map(t, text).map(t, t + t).size() > 1", "`map` stands here for the second time"),
        ("(" * 40 + "true" + ")" * 40, "is nested too deeply"),
        ("[" * 900 + "]" * 900, "is nested too deeply"),
        ("true || " * 400 + "true", "is longer than 2,000 characters"),
        ("title.__class__ == 1", "does not fit the types"),
        ("__import__('os')", "`__import__` is not a function"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: object, reason: str | None) -> None:
    if reason is None:
        # Only the values are to blame.
        parse_expression(text, age=True)
        return
    with pytest.raises(ValueError) as error:
        parse_expression(text, age=True)
    assert reason in str(error.value)


def test_what_belongs_to_an_output_does_not_depend_on_age() -> None:
    with pytest.raises(ValidationError, match="use `max_age`"):
        TypeAdapter(Where).validate_python('age < duration("2h")')
    assert TypeAdapter(When).validate_python('age < duration("2h")').names == {"age"}
    # The name of an element is no variable.
    assert TypeAdapter(Where).validate_python('tags.exists(age, age == "old")').text.startswith("tags")


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False)])
def test_true_and_false_are_expressions(value: bool, expected: bool) -> None:
    assert parse_expression(value, age=False).evaluate({}) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("url", ENTRY.url), ("words", "5"), ('title + "/" + source', "Rust 1.90 is out/hn"), ("tags[9]", "")],
)
def test_keys(text: str, expected: str) -> None:
    expression = TypeAdapter(Key).validate_python(text)
    assert expression.key(Facts(ENTRY, SIGHT)) == expected


def test_a_key_is_a_text_or_a_number() -> None:
    with pytest.raises(ValidationError, match="must give a text or a number"):
        TypeAdapter(Key).validate_python("tags")


def test_an_error_counts_as_false_with_a_note(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    notes: list[str] = []
    expression = parse_expression('tags[7] == "x" || int(title) == 3', age=True)
    assert not expression.evaluate(Facts(ENTRY, SIGHT), notes)
    assert len(notes) == 1
    assert notes[0].startswith("`tags[7] ==")
    assert "counts as false: " in notes[0]
    # A pattern that comes from an entry may be none.
    assert not parse_expression("title.matches(title)", age=True).evaluate(Facts(make_entry(title="("), SIGHT), notes)
    assert len(notes) == 2
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_expressions_evaluate_over_any_mapping() -> None:
    assert parse_expression('title == "a" && words > 1', age=True).evaluate({"title": "a", "words": 2})


def test_texts_and_lists_are_cut() -> None:
    facts = Facts(make_entry(html="<p>" + "word " * 50_000 + "</p>", tags=tuple(map(str, range(50)))), SIGHT)
    assert len(facts["text"]) == len(facts["html"]) == MAX_TEXT
    assert facts["words"] == 50_000
    assert parse_expression('text.matches("(w+)+x") || tags.map(t, t + t).size() == 50', age=True).evaluate(facts)


def test_variables_follow_what_rules_change() -> None:
    facts = Facts(ENTRY, SIGHT)
    expression = parse_expression('"new" in tags && title == "Other" && category == "x" && words == 5', age=True)
    assert not expression.evaluate(facts)
    facts.follow(make_entry(tags=("new",), title="Other"), "x")
    assert expression.evaluate(facts)
    assert facts.folded("tags") == ("new",)
    facts.follow(make_entry(tags=("New", "b"), title="Other"), "x")
    assert facts.folded("tags") == ("new", "b")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("one two  three", 3),
        ("don't stop", 2),
        ("今天天气很好", 3),
        ("Rust 很好", 2),
        ("über größe", 2),
        ("สวัสดี", 3),
    ],
)
def test_words_are_counted(text: str, count: int) -> None:
    assert count_words(text) == count


_ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
_EXPRESSIONS = [
    parse_expression(text, age=True)
    for text in (
        "title.matches(title) || lower(text).contains(title)",
        'tags.exists(t, t.startsWith(title)) && enclosures.all(e, e.url != "")',
        "int(title) > words && images.filter(i, i.contains(host)).size() > 0",
        'age > duration("1h") && published.getFullYear() > 2000 && duration < duration("1h")',
    )
]


@given(
    st.builds(
        make_entry,
        title=_ANY_TEXT,
        html=_ANY_TEXT,
        summary=_ANY_TEXT,
        url=st.none() | _ANY_TEXT,
        tags=st.lists(_ANY_TEXT).map(tuple),
        authors=st.lists(_ANY_TEXT).map(tuple),
        published_at=st.datetimes(datetime(1900, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)),
    ),
    st.sampled_from(_EXPRESSIONS),
)
def test_no_entry_makes_an_expression_fail(entry: Entry, expression: Any) -> None:
    assert expression.evaluate(Facts(entry, SIGHT)) in (True, False)
    assert isinstance(expression.key(Facts(entry, SIGHT)), str)
