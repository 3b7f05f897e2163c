"""`interval`, durations and `poll_without_validators`: what is accepted, and the messages for everything else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import load
from aggregator.config.intervals import parse_duration
from aggregator.errors import ConfigError
from aggregator.models import Auto, Cron, Every, Interval, Source

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def one(tmp_path: Path, text: str) -> Source:
    path = tmp_path / "feeds.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, {}).sources[0]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("90s", Every(timedelta(seconds=90))),
        ("auto", Auto()),
        ('"0 7 * * mon-fri"', Cron("0 7 * * mon-fri")),
        ('" */5  * * * * "', Cron("*/5  * * * *")),
        ("{every: 1h, max: 6h}", Every(HOUR, 6 * HOUR)),
        ('{cron: "0 7 * * *", timezone: Asia/Tokyo, max: 2d}', Cron("0 7 * * *", "Asia/Tokyo", 48 * HOUR)),
        ("{auto: true}", Auto()),
        ("{auto: true, min: 5m, max: 6h, patience: 1h}", Auto(5 * MINUTE, 6 * HOUR, HOUR)),
    ],
)
def test_an_interval_is_a_word_or_a_mapping(written: str, expected: Interval, tmp_path: Path) -> None:
    assert one(tmp_path, f"sources: [{{feed: 'https://a.example/', interval: {written}}}]").interval == expected
    assert one(tmp_path, f"fetch: {{interval: {written}}}\nsources: [feed: 'https://a.example/']").interval == expected


def test_the_source_comes_before_its_category_and_that_before_the_defaults(tmp_path: Path) -> None:
    text = "fetch: {{interval: 3h}}\ncategories: {{a: {}}}\nsources: [{{feed: 'https://a.example/', category: a{}}}]"
    assert one(tmp_path, text.format("A", "")).interval == Every(3 * HOUR)
    assert one(tmp_path, text.format("{interval: 2h}", "")).interval == Every(2 * HOUR)
    assert one(tmp_path, text.format("{interval: 2h}", ", interval: 1h")).interval == Every(HOUR)


def test_cron_expressions_use_the_time_zone_of_the_site(tmp_path: Path) -> None:
    text = "site: {timezone: Europe/Berlin}\nsources: [{feed: 'https://a.example/', interval: '0 7 * * *'}]"
    assert one(tmp_path, text).interval == Cron("0 7 * * *", "Europe/Berlin")


def test_polling_without_validators_is_off_by_default(tmp_path: Path) -> None:
    assert not one(tmp_path, "sources: [feed: 'https://a.example/']").poll_without_validators
    written = "sources: [{feed: 'https://a.example/', poll_without_validators: true}]"
    assert one(tmp_path, written).poll_without_validators


def test_the_old_name_of_a_key_still_works_and_gives_a_note(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(
        "sources:\n  - {feed: 'https://a.example/', insist: true}\n"
        "  - {feed: 'https://b.example/', poll_without_validators: true}\n"
        "  - {feed: 'https://c.example/', insist: false}\n",
        encoding="utf-8",
    )
    config = load(path, {})
    assert [source.poll_without_validators for source in config.sources] == [True, True, False]
    says = "sources[{}].poll_without_validators: `insist` is now `poll_without_validators`; the old name still works"
    assert [str(note) for note in config.notes] == [f"{path}:2:42: {says.format(0)}", f"{path}:4:42: {says.format(2)}"]


def test_a_key_by_its_old_and_its_new_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        one(tmp_path, "sources:\n  - feed: https://a.example/\n    poll_without_validators: true\n    insist: true\n")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.path) == (4, 5, "sources[0].insist")
    assert problem.message == "has both `poll_without_validators` and `insist`, its old name; remove `insist`"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("often", ".interval: must be a duration such as `30m`, `auto`, or a cron expression such as `0 7 * * *`"),
        ("hourly", ".interval: `hourly` is not a duration; write `1h`"),
        ("[1h]", ".interval: must be a duration such as `30m`, `auto`, or a cron expression"),
        ("20", ".interval: `20` has no unit; write `20s`, `20m` or `20h`"),
        ("", ".interval: is empty; give it a value"),
        ("'0 25 * * *'", ".interval: `0 25 * * *` is not a cron expression: the second field, the hour, is 0 to 23"),
        ("{cron: '* * *'}", ".interval.cron: `* * *` has 3 fields, not five: minute, hour, day of month"),
        ("{cron: 7}", ".interval.cron: `7` is not a cron expression; write five fields in quotes"),
        ("{cron: '0 7 * * *', timezone: X/Y}", ".interval.timezone: `X/Y` is not a time zone; use an IANA name"),
        ("{every: 1h, auto: true}", ".interval: has `every` and `auto`; keep one of them"),
        ("{max: 1h}", ".interval: needs one of `every`, `cron` and `auto: true`"),
        ("{auto: false}", ".interval.auto: `false` is not a valid value; use `true`"),
        (
            "{auto: true, max: 5m}",
            ".interval: `min` (15m unless set) must be more than nothing and not more than `max`",
        ),
        ("{every: 1h, patience: 5m}", ".interval: `patience` goes with `auto` only; remove it"),
        ("{every: 1h, timezone: UTC}", ".interval: `timezone` goes with `cron` only; remove it"),
        ("{evry: 1h}", ".interval.evry: unknown key `evry`; did you mean `every`?"),
        ("1h, poll_without_validators: 'yes'", ".poll_without_validators: must be `true` or `false`, not `yes`"),
        ("1h, insist: 'yes'", ".poll_without_validators: must be `true` or `false`, not `yes`"),
    ],
)
def test_errors_are_reported_with_their_line(written: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        one(tmp_path, f"sources:\n  - {{feed: 'https://a.example/', interval: {written}}}")
    (problem,) = caught.value.problems
    assert problem.line == 2
    assert f"sources[0]{message}" in str(problem)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("20m", 1200),
        ("1h", 3600),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("1w", 604_800),
        ("1w1d1h1m1s", 694_861),
        ("1.5h", 5400),
        ("366d", 31_622_400),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", [20, 20.5, "20"])
def test_a_duration_without_a_unit_asks_for_one(value: object) -> None:
    with pytest.raises(ValueError, match=f"`{value}` has no unit; write `{value}s`"):
        parse_duration(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "h",
        "1x",
        "1h 30m",
        "-1h",
        "1h1h",
        "30m1h",
        "0s",
        "0.1s",
        "367d",
        "９s",
        "1e3s",
        "1" * 50 + "s",
        None,
        True,
        [],
        {},
    ],
)
def test_invalid_durations(value: object) -> None:
    with pytest.raises(ValueError, match=r"must be|must name|no unit|is not a duration; write `1h30m`"):
        parse_duration(value)


@given(st.integers(1, 31_622_400))
def test_every_number_of_seconds_can_be_written(seconds: int) -> None:
    assert parse_duration(f"{seconds}s").total_seconds() == seconds


@given(st.text() | st.integers() | st.floats() | st.none() | st.booleans())
def test_any_value_is_a_duration_or_refused(value: object) -> None:
    try:
        assert parse_duration(value)
    except ValueError as error:
        assert str(error)
