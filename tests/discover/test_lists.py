"""Pages without a feed: the guessed settings give the articles, as the kinds themselves read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from aggregator.dates.relative import find_date
from aggregator.discover.candidates import Candidate
from aggregator.discover.elements import Elements
from aggregator.discover.embedded import data_lists
from aggregator.discover.guess import guesses
from aggregator.models import Fetched, RawEntry
from aggregator.sources import jsonapi, scrape
from aggregator.sources.jsonitems import read_items
from aggregator.sources.jsonsettings import JsonSettings
from aggregator.sources.listpage import read_list
from aggregator.sources.page import Page
from tests.discover.pages import NOW, Sample, samples


def read(candidate: Candidate, page: Fetched) -> tuple[RawEntry, ...]:
    """The entries that the settings of a candidate give."""
    entry: Mapping[str, Any] = candidate.entry
    if "scrape" in entry:
        list_rules = scrape.make_rules(scrape.ScrapeSettings.model_validate(entry["scrape"]), None)
        return read_list((list_rules, page)).entries
    rules = jsonapi.make_rules(JsonSettings.model_validate(entry["json"]), None)
    return read_items((rules, None, page)).entries


def guessed(sample: Sample) -> list[Candidate]:
    return [one for one in sample.candidates() if "scrape" in one.entry or "json" in one.entry]


@pytest.mark.parametrize("sample", [*samples("lists"), *samples("embedded")], ids=str)
def test_the_best_guess_gives_the_articles_in_their_order(sample: Sample) -> None:
    best, *_ = guessed(sample)
    entries = read(best, sample.page)

    assert [[one.url, one.title and one.title.value] for one in entries] == sample.expected["articles"]


@pytest.mark.parametrize(
    "sample", [one for one in [*samples("lists"), *samples("embedded")] if "first" in one.expected], ids=str
)
def test_dates_are_read_where_the_page_has_them(sample: Sample) -> None:
    entries = read(guessed(sample)[0], sample.page)
    dates = [find_date(one.published or "", NOW, one.timezone) for one in entries]

    assert None not in dates
    assert dates[0] is not None
    # In the zone of the page, which may be ahead of UTC.
    assert sample.expected["first"] in {day.date().isoformat() for day in (dates[0], _ahead(entries[0]))}


def _ahead(entry: RawEntry) -> Any:
    from zoneinfo import ZoneInfo

    found = find_date(entry.published or "", NOW, entry.timezone)
    assert found is not None
    return found.astimezone(ZoneInfo(entry.timezone or "UTC"))


@pytest.mark.parametrize("sample", samples("others"), ids=str)
def test_what_is_no_list_is_not_taken_for_one(sample: Sample) -> None:
    assert guessed(sample) == []


def test_articles_are_read_where_pages_of_the_site_are_behind_the_links() -> None:
    by_name = {one.name: one for one in samples("lists")}
    elsewhere = by_name["university-notices"].page
    body = elsewhere.body.replace(b'href="/2026/', b'href="https://other.example/2026/')

    assert "article" in guesses(Elements(Page(elsewhere, None)))[0].settings
    assert (
        "article" not in guesses(Elements(Page(Fetched("", elsewhere.url, 200, "text/html", body), None)))[0].settings
    )


def test_selectors_last_and_dates_have_the_zone_of_the_language() -> None:
    made = ("__x7Yz1", "__Zx4Cv", "hQvXwZ", "eBnmtC", "sc-", "data-v-", "js-view-dom-id")
    zones: dict[str, object] = {}
    for sample in samples("lists"):
        settings: Any = guessed(sample)[0].entry["scrape"]
        assert not [one for one in made if one in repr(settings)], sample.name
        date = settings.get("date")
        zones[sample.name] = date.get("timezone") if isinstance(date, Mapping) else None

    assert zones["portal-gbk"] == zones["university-notices"] == "Asia/Shanghai"
    assert zones["definition-list-sjis"] == "Asia/Tokyo"
    assert zones["notice-board-korean"] == "Asia/Seoul"
    assert zones["city-office-big5"] == "Asia/Taipei"
    assert zones["notice-table"] is None


def test_data_outlast_what_is_shown_where_they_have_dates() -> None:
    next_data = next(one for one in samples("embedded") if one.name == "next-data")
    articles = "".join(
        f'<article class="card"><h2><a href="{url}">{title}</a></h2><p>{"Text of the story. " * 5}</p></article>'
        for url, title in next_data.expected["articles"]
    )
    body = next_data.page.body.replace(b'<div class="skeleton"></div>', articles.encode())
    page = Fetched("", next_data.url, 200, "text/html", body)
    shown, data = guesses(Elements(Page(page, None))), data_lists(Elements(Page(page, None)))

    assert len(shown) == len(data) == 1
    assert data[0].dated and not shown[0].dated
