"""`interval` and `insist`: what can be written, what comes of it, and what is said where it is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.config import load
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


def test_cron_expressions_are_in_the_zone_of_the_site(tmp_path: Path) -> None:
    text = "site: {timezone: Europe/Berlin}\nsources: [{feed: 'https://a.example/', interval: '0 7 * * *'}]"
    assert one(tmp_path, text).interval == Cron("0 7 * * *", "Europe/Berlin")


def test_insist_is_off_unless_it_is_said(tmp_path: Path) -> None:
    assert not one(tmp_path, "sources: [feed: 'https://a.example/']").insist
    assert one(tmp_path, "sources: [{feed: 'https://a.example/', insist: true}]").insist


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("often", ".interval: must be a duration such as `30m`, `auto`, or a cron expression such as `0 7 * * *`"),
        ("hourly", ".interval: `hourly` is no duration; write `1h`"),
        ("[1h]", ".interval: must be a duration such as `30m`, `auto`, or a cron expression"),
        ("20", ".interval: `20` has no unit; write `20s`, `20m` or `20h`"),
        ("", ".interval: is empty; give it a value"),
        ("'0 25 * * *'", ".interval: `0 25 * * *` is no cron expression: the second field, the hour, is 0 to 23"),
        ("{cron: '* * *'}", ".interval.cron: `* * *` has 3 fields, five are wanted: minute, hour, day of month"),
        ("{cron: 7}", ".interval.cron: `7` is no cron expression; write five fields in quotes"),
        ("{cron: '0 7 * * *', timezone: X/Y}", ".interval.timezone: `X/Y` is no time zone; use an IANA name"),
        ("{every: 1h, auto: true}", ".interval: has `every` and `auto`; keep one of them"),
        ("{max: 1h}", ".interval: needs one of `every`, `cron` and `auto: true`"),
        ("{auto: false}", ".interval.auto: `false` is not known here; use `true`"),
        (
            "{auto: true, max: 5m}",
            ".interval: `min` (15m unless set) must be more than nothing and not more than `max`",
        ),
        ("{every: 1h, patience: 5m}", ".interval: `patience` goes with `auto` only; take it away"),
        ("{every: 1h, timezone: UTC}", ".interval: `timezone` goes with `cron` only; take it away"),
        ("{evry: 1h}", ".interval.evry: unknown key `evry`; did you mean `every`?"),
        ("1h, insist: 'yes'", ".insist: must be `true` or `false`, not `yes`"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(written: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        one(tmp_path, f"sources:\n  - {{feed: 'https://a.example/', interval: {written}}}")
    (problem,) = caught.value.problems
    assert problem.line == 2
    assert f"sources[0]{message}" in str(problem)
