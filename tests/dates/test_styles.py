"""Dates in other languages and forms, and how those of one document settle what 05/02 is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal

import pytest
from babel.dates import get_day_names, get_month_names
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dates.formats import DateStyle, parse_date, style_of

#: Languages in which a month has a name of one word.
LANGUAGES = [
    "en",
    "es",
    "pt",
    "fr",
    "de",
    "ru",
    "id",
    "tr",
    "it",
    "pl",
    "uk",
    "nl",
    "ro",
    "az",
    "kk",
    "hu",
    "el",
    "cs",
    "sv",
    "bg",
    "sr",
    "da",
    "nb",
    "fi",
    "sk",
    "hr",
    "be",
    "bs",
    "lt",
    "sl",
    "lv",
    "et",
    "mk",
    "sq",
    "is",
    "ca",
    "gl",
    "eu",
    "ms",
    "he",
    "ar",
    "fa",
    "af",
    "cy",
]


Width = Literal["wide", "abbreviated"]
Context = Literal["format", "stand-alone"]
WIDTHS: tuple[Width, ...] = ("wide", "abbreviated")
CONTEXTS: tuple[Context, ...] = ("format", "stand-alone")


def read(text: str, **style: object) -> str | None:
    found = parse_date(text, style=DateStyle(**style))  # type: ignore[arg-type]
    return None if found is None else found.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("context", CONTEXTS)
def test_names_of_months_and_days_are_read_in_many_languages(language: str, width: Width, context: Context) -> None:
    """The names are those of the CLDR; what has blanks or digits in it is no name to look up."""
    months = get_month_names(width, context, language)
    days = get_day_names(width, context, language)
    for number in range(1, 13):
        name, day = months[number], days[date(2024, number, 12).weekday()]
        if not name.rstrip(".").isalpha() or len(name.rstrip(".")) < 3:
            continue
        expected = f"2024-{number:02}-12T12:30:00Z"
        assert read(f"12 {name} 2024 14:30:00 +0200", language=language) == expected
        assert read(f"12. {name.title()} 2024 14:30 +02:00", language=language) == expected
        if day.rstrip(".").isalpha() and len(day.rstrip(".")) > 1:
            assert read(f"{day}, 12 {name} 2024 14:30:00 +0200", language=language) == expected


@pytest.mark.parametrize(
    ("language", "month"), [(None, 11), ("pl", 11), ("cs", 11), ("hr", 10), ("hr-HR", 10), ("de", 11)]
)
def test_the_language_decides_where_one_name_means_two_months(language: str | None, month: int) -> None:
    assert read("5 listopada 2024", language=language) == f"2024-{month}-05T00:00:00Z"


def test_english_short_names_count_in_every_language() -> None:
    """RFC 822 has English names; Finnish has a month of its own that begins with them (marraskuu, November)."""
    assert read("Tue, 05 Mar 2024 10:00:00 GMT", language="fi") == "2024-03-05T10:00:00Z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wt, 07 sty 2025 10:00:00 +0100", "2025-01-07T09:00:00Z"),
        ("Ma, 28 Lok 2024 11:34:37 +0000", "2024-10-28T11:34:37Z"),
        ("Cum, 13 Eyl 2024 14:30:00 +0300", "2024-09-13T11:30:00Z"),
        ("pá, 13 zář 2024 14:30:00 +0200", "2024-09-13T12:30:00Z"),
        ("Пт, 13 вер 2024 14:30:00 +0300", "2024-09-13T11:30:00Z"),
        ("tor., 12 des. 2024 10:00", "2024-12-12T10:00:00Z"),
        ("lun, 15 iul 2024 14:30:00 +0300", "2024-07-15T11:30:00Z"),
        ("Παρ, 13 Σεπ 2024 14:30:00 +0300", "2024-09-13T11:30:00Z"),
        ("2024-09-13T14:30:00+00:00Z", "2024-09-13T14:30:00Z"),
        ("Fri, 13 Sep 2024 14:30:00 +0200Z", "2024-09-13T12:30:00Z"),
        ("September 13th, 2024 at 2:30 pm", "2024-09-13T14:30:00Z"),
        ("September 13, 2024", "2024-09-13T00:00:00Z"),
        ("Friday September 13 2024", "2024-09-13T00:00:00Z"),
        ("December 1, 2024 9:05 AM", "2024-12-01T09:05:00Z"),
        ("2024. 9. 13. 오후 2:30:00", "2024-09-13T14:30:00Z"),
        ("2024. 9. 13. 오전 12:05:00", "2024-09-13T00:05:00Z"),
        ("Fri, 13 Sep 2024 14:30:00 America/New_York", "2024-09-13T18:30:00Z"),
        ("2024-01-13 14:30 America/New_York", "2024-01-13T19:30:00Z"),
        ("Fri, 13 Sep 2024 14:30:00 America/Argentina/Buenos_Aires", "2024-09-13T17:30:00Z"),
        ("Fri, 13 Sep 2024 14:30:00 Middle/Earth", "2024-09-13T14:30:00Z"),
        ("13.09.24 14:30", "2024-09-13T14:30:00Z"),
        ("13.09.99", "1999-09-13T00:00:00Z"),
        ("Fri, 13 Sep 2024 14.30.00 +0200", "2024-09-13T12:30:00Z"),
        ("13.09.2024 14.30", "2024-09-13T14:30:00Z"),
        ("Fri, 13 Sep 2024 14:30:00 SAST", "2024-09-13T12:30:00Z"),
        ("Fri, 13 Sep 2024 14:30:00 IDT", "2024-09-13T11:30:00Z"),
        ("Fri, 13 Sep 2024 14:30:00 EAT", "2024-09-13T11:30:00Z"),
        ("Fri, 13 Sep 2024 14:30:00 TRT", "2024-09-13T11:30:00Z"),
        ("Fri, 13 Sep 2024 14:30:00 NPT", "2024-09-13T08:45:00Z"),
        ("Fri, 13 Sep 2024 14:30:00 COT", "2024-09-13T19:30:00Z"),
        ("Fri, 13 Sep 2024 14:30:00 WITA", "2024-09-13T06:30:00Z"),
        ("13.30.2024", None),
        ("31 listopada 2024", None),
        ("12 foobar 2024", None),
        ("12.5.3", None),
    ],
)
def test_forms_of_dates(text: str, expected: str | None) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("texts", "language", "day_first"),
    [
        (["25/02/2025", "05/02/2025"], None, True),
        (["05/02/2025", "02/25/2025"], None, False),
        (["05/02/2025", "02/25/2025"], "de", False),
        (["25/02/2025"], "en-US", True),
        (["25-02-25 10:00", None, "05-02-25"], None, True),
        (["Tue 25/02/2025 10:00"], None, True),
        (["05/02/2025"], "de", True),
        (["05/02/2025"], "en-GB", True),
        (["05/02/2025"], "en_us", False),
        (["05/02/2025"], "en", None),
        (["05/02/2025"], "zh-CN", None),
        (["05/02/2025"], None, None),
        (["25/02/2025", "02/25/2025"], None, None),
        (["25/02/2025", "02/25/2025"], "fr", True),
        (["2025/02/25", "2025-02-25T10:00:00Z"], None, None),
        ([], None, None),
    ],
)
def test_the_dates_of_a_document_say_how_they_are_written(
    texts: list[str | None], language: str | None, day_first: bool | None
) -> None:
    assert style_of(texts, language).day_first is day_first


@pytest.mark.parametrize(
    ("day_first", "expected"),
    [(True, "2025-02-05T00:00:00Z"), (False, "2025-05-02T00:00:00Z"), (None, "2025-05-02T00:00:00Z")],
)
def test_day_and_month_are_read_as_the_document_writes_them(day_first: bool | None, expected: str) -> None:
    assert read("05/02/2025", day_first=day_first) == expected
    # A number that can be no month is none, whatever the others are.
    assert read("25/02/2025", day_first=day_first) == "2025-02-25T00:00:00Z"
    assert read("02/25/2025", day_first=day_first) == "2025-02-25T00:00:00Z"


@given(st.dates(date(1970, 1, 2), date(2099, 12, 31)), st.booleans(), st.sampled_from("/-"))
def test_a_document_with_a_day_after_the_twelfth_is_read_as_it_was_written(day: date, first: bool, mark: str) -> None:
    form = f"%d{mark}%m{mark}%Y" if first else f"%m{mark}%d{mark}%Y"
    texts = [day.strftime(form), date(2024, 5, 25).strftime(form)]
    assert parse_date(texts[0], style=style_of(texts, None)) == datetime(day.year, day.month, day.day, tzinfo=UTC)


@given(st.text(max_size=60), st.sampled_from(["", "12 ", "Fri, 13 Sep 2024 14:30:00 ", "1/2/", "2024. 9. "]))
def test_any_text_is_a_date_or_none(text: str, start: str) -> None:
    parse_date(start + text, style=style_of([start + text], text))
