"""Dates without a year in a list: the year is that of the time at which the list is read."""

from __future__ import annotations

from datetime import UTC, datetime

from aggregator.dates.relative import find_date
from aggregator.models import Fetched
from aggregator.sources import scrape
from aggregator.sources.listpage import read_list

PAGE = (
    "<ul><li><a href='/1'>新闻一</a><i>11-27</i></li><li><a href='/2'>新闻二</a><i>11-27 09:12</i></li>"
    "<li><a href='/3'>新闻三</a><i>2024-11-27</i></li></ul>"
)


def test_a_date_without_a_year_is_left_to_the_time_of_reading() -> None:
    settings = scrape.ScrapeSettings.model_validate({"url": "https://example.org/", "items": "li", "date": "i"})
    page = Fetched("", "https://example.org/", 200, "text/html; charset=utf-8", PAGE.encode())
    entries = read_list((scrape.make_rules(settings, None), page)).entries
    now = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)

    years = [found.year for one in entries if (found := find_date(one.published or "", now, None))]
    assert years == [2026, 2026, 2024]
