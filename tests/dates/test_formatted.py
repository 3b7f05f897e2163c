"""Dates in a format that feeds.yaml gives."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dates.formatted import check_format, read_as
from aggregator.dates.relative import find_date

NOW = datetime(2022, 6, 29, 12, 0, tzinfo=UTC)
SHANGHAI = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("text", "written", "expected"),
    [
        ("02.03.2024 14:05", "%d.%m.%Y %H:%M", "2024-03-02T06:05:00+00:00"),
        (" 2.3.2024 ", "%d.%m.%Y", "2024-03-01T16:00:00+00:00"),
        ("2024年3月2日 14：05", "%Y年%m月%d日 %H：%M", "2024-03-02T06:05:00+00:00"),
        ("03/02/24, 2:05 PM", "%m/%d/%y, %I:%M %p", "2024-03-02T06:05:00+00:00"),
        ("2 March 2024", "%d %B %Y", "2024-03-01T16:00:00+00:00"),
        ("20240302140500+0000", "%Y%m%d%H%M%S%z", "2024-03-02T14:05:00+00:00"),
        ("March 2024", "%B %Y", "2024-02-29T16:00:00+00:00"),
        ("1709359500", "unix", "2024-03-02T06:05:00+00:00"),
        ("1709359500123", "unix_ms", "2024-03-02T06:05:00+00:00"),
        ("1709359500.5", "unix", "2024-03-02T06:05:00+00:00"),
        ("02.03.2024 Uhr", "%d.%m.%Y", None),
        ("31.02.2024", "%d.%m.%Y", None),
        ("02.03.1969", "%d.%m.%Y", None),
        ("999999999999999", "unix", None),
        ("-5", "unix", None),
        ("soon", "unix_ms", None),
        ("0001-01-01 00:00", "%Y-%m-%d %H:%M", None),
        ("", "%Y", None),
    ],
)
def test_dates_are_read_as_written(text: str, written: str, expected: str | None) -> None:
    check_format(written)
    assert read_as(text, written, SHANGHAI) == expected


@pytest.mark.parametrize(
    ("text", "written", "expected"),
    [
        ("29/06 14:42", "%d/%m %H:%M", "2022-06-29T06:42:00+00:00"),
        ("2 Jul", "%d %b", "2021-07-01T16:00:00+00:00"),
        ("29.02.", "%d.%m.", "2020-02-28T16:00:00+00:00"),
        ("07:30", "%H:%M", "2022-06-28T23:30:00+00:00"),
        ("28/06 14:42 +0000", "%d/%m %H:%M %z", "2022-06-28T14:42:00+00:00"),
    ],
)
def test_what_names_no_year_is_read_when_the_time_is_known(text: str, written: str, expected: str) -> None:
    check_format(written)
    read = read_as(text, written, SHANGHAI)
    assert read is not None
    found = find_date(read, NOW, SHANGHAI)
    assert found is not None
    assert found.isoformat() == expected


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("YYYY-MM-DD HH:mm", "has no codes of `strptime`; write `%Y-%m-%d %H:%M`"),
        ("dd.MM.yyyy", "has no codes of `strptime`; write `%d.%m.%Y`"),
        ("iso", "write one such as `%d.%m.%Y %H:%M`, or `unix`"),
        ("%s", "write `unix` alone"),
        ("%-d.%-m.%Y", "leave the `-` out"),
        ("%Y-%m-%d %Z", "set `timezone`"),
        ("%p", "neither a day nor a time"),
        ("%d.%d", "names a part of the date twice"),
        ("%Y-%Q", "is not a format of `strptime`: 'Q' is a bad directive"),
        ("%Y %", "is not a format of `strptime`: stray %"),
    ],
)
def test_formats_of_other_programs_are_refused_with_advice(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        check_format(written)


@given(
    st.text(max_size=40) | st.text(alphabet="0123456789 :-./", max_size=30),
    st.lists(st.sampled_from([f"%{code}" for code in "YymdBbHIMSpjzaAwUWGVuf"] + [" ", "-", ".", "年"]), max_size=6),
)
def test_no_text_and_no_format_raises(text: str, parts: list[str]) -> None:
    written = "".join(parts)
    try:
        check_format(written)
    except ValueError:
        return
    read = read_as(text, written, SHANGHAI)
    assert read is None or find_date(read, NOW, SHANGHAI) is not None
