"""Absolute dates in the formats of the wild."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dates.formats import parse_date

INSTANT = datetime(2022, 6, 29, 6, 42, tzinfo=UTC)
MIDNIGHT = datetime(2022, 6, 28, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Wed, 29 Jun 2022 14:42:00 +0800",
        "Thu, 29 Jun 2022 14:42:00 +0800",
        "Wed,29 Jun 2022 14:42:00 +0800",
        "29 Jun 22 14:42 +0800",
        "  Wed,  29 June 2022\n14:42:00 +08:00 ",
        "Wed, 29 Jun 2022 06:42:00 UT",
        "Wed, 29 Jun 2022 06:42:00 Z",
        "Wed, 29 Jun 2022 02:42:00 EDT",
        "Tue, 28 Jun 2022 23:42:00 PDT",
        "Wed, 29 Jun 2022 14:42:00 GMT+8",
        "Wed, 29 Jun 2022 14:42:00 CST",
        "Wed, 29 Jun 2022 06:41:60 GMT",
        "Wednesday, 29-Jun-22 06:42:00 GMT",
        "Wed Jun 29 14:42:00 2022",
        "Wed Jun 29 2022 14:42:00 GMT+0800 (China Standard Time)",
        "Mi, 29 Jun 2022 08:42:00 +0200",
        "Mittwoch, 29. Juni 2022 08:42 MESZ",
        "mercredi 29 juin 2022 à 14:42",
        "29 de junio de 2022 14:42",
        "29 июня 2022 14:42",
        "June 29, 2022 at 2:42 PM",
        "2022-06-29T14:42:00+08:00",
        "2022-06-29T14:42:00.987654321+08:00",
        "2022-06-29T14:42:00+0800",
        "2022-06-29T14:42+08",
        "2022-06-28T22:42:00−08:00",
        "2022-06-29T06:42:00Z[UTC]",
        "2022-06-29 06:42:00 +0000 UTC",
        "20220629T064200Z",
        "2022-06-29 14:42",
        "2022/6/29 14:42",
        "2022.06.29 14:42:00",
        "２０２２-０６-２９ １４：４２",
        "2022年6月29日 14:42",
        "2022年06月29日 星期三 下午2:42",
        "2022年6月29日（星期三）14时42分",
        "2022年6月29日（水）午後2:42",
        "2022년 6월 29일 오후 2:42",
        "29.06.2022, 14:42 Uhr",
        "06/29/2022 2:42 PM",
        "29/06/2022 14:42",
        "1656484920",
        "1656484920999",
    ],
)
def test_the_same_instant_in_many_formats(text: str) -> None:
    assert parse_date(text, timezone="Asia/Shanghai") == INSTANT


@pytest.mark.parametrize(
    "text", ["2022-06-29", "20220629", "29 Jun 2022", "Wed, 29 Jun 2022", "2022年6月29日", "2022-W26-3", "29.6.2022"]
)
def test_a_day_alone_starts_at_its_midnight(text: str) -> None:
    assert parse_date(text, timezone="Asia/Shanghai") == MIDNIGHT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wed, 29 Jun 2022 24:00:00 +0000", datetime(2022, 6, 30, tzinfo=UTC)),
        ("2022年6月29日 中午12:05", datetime(2022, 6, 29, 12, 5, tzinfo=UTC)),
        ("2022年6月29日 凌晨12:05", datetime(2022, 6, 29, 0, 5, tzinfo=UTC)),
        ("2022-06-29 下午14:42", datetime(2022, 6, 29, 14, 42, tzinfo=UTC)),
        ("06/05/2022 12:00 am", datetime(2022, 6, 5, tzinfo=UTC)),
        ("Sun, 06 Nov 94 08:49:37 GMT", datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)),
        ("Wed, 29 Jun 2022 14:42:00 CST", datetime(2022, 6, 29, 20, 42, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:59:59 +0000", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_edges(text: str, expected: datetime) -> None:
    assert parse_date(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "null",
        "Invalid Date",
        "{{ date }}",
        "昨天 14:42",
        "Wed, 30 Feb 2022 10:00:00 +0000",
        "2022-02-30T10:00:00Z",
        "2022-13-01T00:00:00Z",
        "0000-00-00 00:00:00",
        "Mon, 30 Nov -0001 00:00:00 +0000",
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "29 Jun 1931 10:00:00 GMT",
        "Wed, 29 Jun 2022 25:61:61 +0000",
        "Wed, 29 Jun 2022 24:01:00 +0000",
        "Wed, 29 Jun 2022 14:42:00 +9900",
        "Wed, 29 Jun 2022 14:42:00 +0860",
        "2022-06-29T14:42:00+14:01",
        "9999-12-31T23:59:59-12:00",
        "Wed, 29 Foo 2022 14:42:00 +0000",
        "９９９９年",
        "9" * 60,
        "(" * 10_000,
        "1 " * 10_000,
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_the_zone_follows_the_season() -> None:
    summer, winter = (parse_date(f"2022-{month}-15 12:00", timezone="Europe/Berlin") for month in ("07", "01"))
    assert summer == datetime(2022, 7, 15, 10, tzinfo=UTC)
    assert winter == datetime(2022, 1, 15, 11, tzinfo=UTC)


@given(st.datetimes(datetime(1970, 1, 2), datetime(9990, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_every_writing_of_an_instant_comes_back(naive: datetime, offset: int) -> None:
    instant = naive.replace(microsecond=0, tzinfo=UTC)
    sign = "-" if offset < 0 else "+"
    local = (instant + timedelta(minutes=offset)).replace(tzinfo=None)
    hours, minutes = divmod(abs(offset), 60)
    assert parse_date(format_datetime(instant)) == instant
    assert parse_date(f"{local.isoformat()}{sign}{hours:02}:{minutes:02}") == instant
    assert parse_date(f"{local:%d} Jun {local.year} 10:00 {sign}{hours:02}{minutes:02}") is not None or local.day == 31
    shanghai = instant.astimezone(ZoneInfo("Asia/Shanghai"))
    chinese = f"{shanghai.year}年{shanghai.month}月{shanghai.day}日 {shanghai:%H:%M:%S}"
    assert parse_date(chinese, timezone="Asia/Shanghai") == instant


@given(st.text(alphabet="0123456789-:/.,+ TZWwGMTjunJ年月日时下午一星期()é−", max_size=60) | st.text(max_size=120))
def test_no_text_raises(text: str) -> None:
    found = parse_date(text, timezone="America/St_Johns")
    assert found is None or (found.utcoffset() == timedelta(0) and not found.microsecond and found.year >= 1970)


def test_the_dates_of_the_hostile_corpus(shared: Path) -> None:
    lines = (shared / "corpus" / "hostile" / "dates-expected.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [[*line.split("\t", 2), "", ""][1:3] for line in lines]
    for raw, expected in rows:
        found = parse_date(raw)
        if len(expected) == 20 and expected.endswith("Z"):
            assert found == datetime.fromisoformat(expected), raw
        elif not expected:
            assert found is None, raw
