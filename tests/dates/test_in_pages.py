"""Dates among the words that pages put around them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_dates_without_a_zone_are_in_the_given_one() -> None:
    assert find_date("发布 2022-06-29 14:36", NOW, None) == datetime(2022, 6, 29, 14, 36, tzinfo=UTC)
    assert find_date("发布 2022-06-29", NOW, CHINA) == datetime(2022, 6, 28, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "林一舟", "2026", "电话 010-12345678", "版本 1.2.3", "2022-13-41 25:61", "1个半小时前", "x" * 10_000]
)
def test_texts_without_a_date(text: str) -> None:
    assert find_date(text, NOW, CHINA) is None


@given(st.text(st.sampled_from("0123456789年月日时分前-/.:： TZ+半个小天aJunego上午下午"), max_size=400))
def test_no_text_raises(text: str) -> None:
    found = find_date(text, NOW, CHINA)
    assert found is None or found.tzinfo is UTC


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)).map(lambda value: value.replace(second=0, microsecond=0)),
    st.text(st.sampled_from("来源作者：| 林阅读发布于"), max_size=20),
    st.text(st.sampled_from("来源作者：| 林阅读发布于"), max_size=20),
)
def test_a_date_is_found_between_any_words(when: datetime, before: str, after: str) -> None:
    text = f"{before}{when:%Y-%m-%d %H:%M} {after}"
    assert find_date(text, NOW, None) == when.replace(tzinfo=UTC)
