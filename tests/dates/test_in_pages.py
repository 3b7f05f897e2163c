"""Dates among the words that pages put around them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dates.formats import style_of
from aggregator.dates.relative import find_date

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
CHINA = "Asia/Shanghai"


@pytest.mark.parametrize(
    "text",
    [
        "2022-06-29 14:36",
        "时间：2022-06-29 14:36",
        "发布时间：2022-06-29 14:36 来源：本站",
        "2022-06-29 14:36 · 阅读 3000",
        "\n 2022/6/29 \n 14:36 \n",
        "2022.06.29 14:36:00 编辑",
        "更新：2022年6月29日 14:36:00 | 林",
        "发布于2022年6月29日14时36分",
        "2022 年 6 月 29 日 下午 2:36 发布",
        "Posted on June 29, 2022 at 2:36 pm by Rose",
        "Rose, 29 Jun 2022, 14:36 +0800",
        "Published 2022-06-29T06:36:00Z in News",
        "Wed, 29 Jun 2022 06:36:00 GMT",
        "29. 6月 2022 第 5 期 2022-06-29 14:36",
    ],
)
def test_absolute_dates(text: str) -> None:
    assert find_date(text, NOW, CHINA) == datetime(2022, 6, 29, 6, 36, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("3小时前 · 来源", timedelta(hours=3)),
        ("发布于 5 分钟前", timedelta(minutes=5)),
        ("posted 2 hours ago by Rose", timedelta(hours=2)),
        ("半小时前", timedelta(minutes=30)),
        ("来源：本站 昨天 14:36 阅读 12", timedelta(days=1, hours=5, minutes=24)),
        ("本站 04-19 14:36", timedelta(days=1, hours=5, minutes=24)),
    ],
)
def test_relative_dates_refer_to_now(text: str, ago: timedelta) -> None:
    assert find_date(text, NOW, CHINA) == NOW - ago


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Am 12.03.2024 um 14:05 Uhr", "2024-03-12 14:05"),
        ("3. März 2024", "2024-03-03"),
        ("Publié le 3 mars 2024 à 14:05", "2024-03-03 14:05"),
        ("12 марта 2024, 10:00", "2024-03-12 10:00"),
        ("el 1 de marzo del 2024", "2024-03-01"),
        ("2nd of March 2024", "2024-03-02"),
        ("작성일 2024년 3월 12일 오후 2:05", "2024-03-12 14:05"),
        ("등록 2024. 3. 12.", "2024-03-12"),
        ("發布日期：113-03-12", "2024-03-12"),
        ("中華民國113年3月12日", "2024-03-12"),
        ("令和6年3月12日(火) 14時05分", "2024-03-12 14:05"),
        ("令和元年5月1日", "2019-05-01"),
        ("平成31年4月30日", "2019-04-30"),
        ("2024/03/12(二) 14:05 點閱 5", "2024-03-12 14:05"),
    ],
)
def test_absolute_dates_of_many_languages(text: str, day: str) -> None:
    expected = datetime.fromisoformat(day).replace(tzinfo=UTC)
    assert find_date(text, NOW, None) == find_date(text, NOW, None, sure=True) == expected


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("Veröffentlicht vor 2 Tagen von Anna", timedelta(days=2)),
        ("vor einer Stunde", timedelta(hours=1)),
        ("il y a une heure", timedelta(hours=1)),
        ("il y a 2 ans", timedelta(days=730)),
        ("hace 3 días", timedelta(days=3)),
        ("2 horas atrás", timedelta(hours=2)),
        ("3 giorni fa", timedelta(days=3)),
        ("2 uur geleden", timedelta(hours=2)),
        ("обновлено 3 часа назад", timedelta(hours=3)),
        ("2 dni temu", timedelta(days=2)),
        ("3 gün önce", timedelta(days=3)),
        ("5 phút trước", timedelta(minutes=5)),
        ("för 2 timmar sedan", timedelta(hours=2)),
        ("約3時間前", timedelta(hours=3)),
        ("3시간 전", timedelta(hours=3)),
        ("2個小時前", timedelta(hours=2)),
        ("2 years, 3 months ago", timedelta(days=820)),
        ("1 day and 2 hours ago", timedelta(hours=26)),
        ("5 min read · 3 days ago", timedelta(days=3)),
        ("gestern, 11:00 Uhr", timedelta(days=1, hours=1)),
        ("hier à 11:00", timedelta(days=1, hours=1)),
        ("вчера в 11:00", timedelta(days=1, hours=1)),
        ("어제 11:00", timedelta(days=1, hours=1)),
    ],
)
def test_relative_dates_of_many_languages(text: str, ago: timedelta) -> None:
    assert find_date(text, NOW, None) == find_date(text, NOW, None, sure=True) == NOW - ago


@pytest.mark.parametrize(
    "text",
    ["2/5", "3-1", "03/12", "10-20 people", "1234567890", "20240302", "2024-03", "Posted today", "see May 3 there"],
)
def test_what_may_be_something_else_is_a_date_only_where_one_is_expected(text: str) -> None:
    assert find_date(text, NOW, None) is not None
    assert find_date(text, NOW, None, sure=True) is None


def test_a_day_alone_is_a_date() -> None:
    for text in ("[03-12]", "（03-12）", "3月12日", "Mar 12", "12. März", "| 12 March |"):
        assert find_date(text, NOW, None, sure=True) == datetime(2026, 3, 12, tzinfo=UTC)


def test_day_and_month_are_read_as_in_the_rest_of_the_document() -> None:
    style = style_of(["published 25/02/2024"], None)
    assert find_date("published 05/02/2024", NOW, None, style=style) == datetime(2024, 2, 5, tzinfo=UTC)
    assert find_date("published 05/02/2024", NOW, None) == datetime(2024, 5, 2, tzinfo=UTC)


def test_dates_without_a_zone_are_in_the_given_one() -> None:
    assert find_date("发布 2022-06-29 14:36", NOW, None) == datetime(2022, 6, 29, 14, 36, tzinfo=UTC)
    assert find_date("发布 2022-06-29", NOW, CHINA) == datetime(2022, 6, 28, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "林一舟",
        "2026",
        "电话 010-12345678",
        "版本 1.2.3",
        "2022-13-41 25:61",
        "1个半小时前",
        "Lesen Sie hier mehr",
        "5 min read",
        "2 days",
        "192.168.10.2024",
        "113.03.12.5",
        "x" * 10_000,
    ],
)
def test_texts_without_a_date(text: str) -> None:
    assert find_date(text, NOW, CHINA) is None


_PIECES = [
    "vor ",
    "il y a ",
    "hace ",
    " ago",
    "前",
    " fa",
    "hours",
    "Tagen",
    "ans",
    "か月",
    "hier",
    "今天",
    "令和",
    "民國",
    "元",
]


@given(
    st.text(st.sampled_from("0123456789年月日时分前-/.:： TZ+半个小天aJunego上午下午"), max_size=400)
    | st.lists(st.sampled_from([*_PIECES, *"0123456789年月日 ,.-/:(二)"]), max_size=40).map("".join)
    | st.text(max_size=60),
    st.booleans(),
)
def test_no_text_raises(text: str, sure: bool) -> None:
    found = find_date(text, NOW, CHINA, sure=sure)
    assert found is None or found.tzinfo is UTC
    if sure and found is not None:
        assert find_date(text, NOW, CHINA) is not None


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)).map(lambda value: value.replace(second=0, microsecond=0)),
    st.text(st.sampled_from("来源作者：| 林阅读发布于"), max_size=20),
    st.text(st.sampled_from("来源作者：| 林阅读发布于"), max_size=20),
)
def test_a_date_is_found_between_any_words(when: datetime, before: str, after: str) -> None:
    text = f"{before}{when:%Y-%m-%d %H:%M} {after}"
    assert find_date(text, NOW, None) == when.replace(tzinfo=UTC)
