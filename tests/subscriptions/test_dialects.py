"""What FreshRSS and Miniflux say of a source in attributes of their own means the same here, or is named."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.subscriptions.dialects import FRESHRSS, MINIFLUX, NoCounterpart, translate
from aggregator.subscriptions.reading import Subscriptions, read
from tests.subscriptions.documents import sample

URL = "https://example.org/x"


@pytest.fixture(scope="module")
def freshrss() -> Subscriptions:
    return read(sample("freshrss"))


def settings(found: Subscriptions, name: str) -> Any:
    return next(one.settings for one in found.sources if one.settings["name"] == name)


def test_html_by_xpath_is_a_scraped_page(freshrss: Subscriptions) -> None:
    assert settings(freshrss, "Notices") == {
        "name": "Notices",
        "scrape": {
            "url": "https://notices.example.org/list.html",
            "items": "xpath://a[contains(@href, '/notice/')]/ancestor::article",
            "title": "xpath:descendant::h2",
            "link": "xpath:descendant::a[string-length(@href)>0]/@href",
            "date": {"select": "xpath:descendant::time", "format": "%d.%m.%Y %H:%M"},
            "content": "xpath:.",
            "author": {"value": "The office"},
            "image": "xpath:descendant::img/@src",
            "article": {"body": "article.body", "remove": [".ad, .share"]},
        },
        "user_agent": "Mozilla/5.0",
        "cookies": {"consent": "yes", "lang": "en"},
        "interval": "2h",
        "paused": True,
    }


def test_json_by_dots_is_an_answer_of_an_api(freshrss: Subscriptions) -> None:
    assert settings(freshrss, "Prices")["json"] == {
        "url": "https://api.example.org/prices",
        "items": "$.data.items[*]",
        "title": "$.meta.title",
        "link": "$.links[0].href",
        "date": {"select": "at", "format": "unix"},
        "id": "id",
    }
    assert settings(freshrss, "Shop")["json"] == {
        "url": "https://shop.example.org/",
        "script": 'script[id="__NEXT_DATA__"]',
        "items": "$.props.pageProps.items[*]",
        "title": "name",
        "link": "url",
    }


def test_the_rest_is_a_feed_or_named(freshrss: Subscriptions) -> None:
    assert settings(freshrss, "JSON Feed") == {"name": "JSON Feed", "feed": "https://json.example.org/feed.json"}
    (long,) = [one for one in freshrss.sources if one.settings["name"] == "Long"]
    assert long.settings == {"name": "Long", "feed": "https://long.example.org/feed", "interval": "1d"}
    assert [why.partition(" (")[0] for why in long.left_out] == [
        "full text from the pages",
        "filters that mark articles as read",
    ]
    assert [(one.what, one.why) for one in freshrss.refused] == [
        ("Old XML", "XML read by XPath has no counterpart here")
    ]
    assert "https://lists.example.org/long.opml" in freshrss.remarks[0]


def test_folders_and_the_folder_of_those_without() -> None:
    found = read(sample("freshrss"))
    titles = {one.settings["name"]: [folder.title for folder in one.folders] for one in found.sources}
    assert titles["Releases"] == ["Uncategorized"]
    assert titles["Notices"] == ["Pages & APIs"]


def fresh(kind: str, **attributes: str) -> dict[str, Any]:
    return translate(kind, URL, {f"{{{FRESHRSS}}}{name.lower()}": value for name, value in attributes.items()}).keys


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("title", "title"),
        ("a.b", "$.a.b"),
        ("a[0]", "$.a[0]"),
        ("a-b", "$['a-b']"),
        ("$.a.b[2].c", "$.a.b[2].c"),
    ],
)
def test_paths_with_dots(path: str, ours: str) -> None:
    assert fresh("JSON+DotNotation", jsonItem="", jsonItemTitle=path)["json"]["title"] == ours


@pytest.mark.parametrize("path", ["a..b", "a b", "a[x]", ".", "a[]", "a" * 10 + "&"])
def test_what_is_no_path_has_no_counterpart(path: str) -> None:
    with pytest.raises(NoCounterpart, match="not a path"):
        fresh("JSON+DotNotation", jsonItem="items", jsonItemTitle=path)


@pytest.mark.parametrize(
    ("php", "ours"),
    [
        ("Y-m-d\\TH:i:sP", "%Y-%m-%dT%H:%M:%S%z"),
        ("!d/m/y", "%d/%m/%y"),
        ("j. F Y", "%d. %B %Y"),
        ("Y年m月d日", "%Y年%m月%d日"),
        ("!U", "unix"),
        ("d%m", "%d%%%m"),
    ],
)
def test_formats_of_dates(php: str, ours: str) -> None:
    found = fresh("HTML+XPath", xPathItem="//li", xPathItemTimestamp="time", xPathItemTimeFormat=php)
    assert found["scrape"]["date"]["format"] == ours


@pytest.mark.parametrize(
    ("kind", "attributes", "why"),
    [
        ("HTML+XPath", {}, "xPathItem"),
        ("HTML+XPath", {"xPathItem": "//li", "xPathItemTimestamp": "t", "xPathItemTimeFormat": "z"}, "`z`"),
        ("HTML+XPath+JSON+DotNotation", {"xPathToJson": "//script[1]"}, "xPathToJson"),
        ("XML+XPath", {"xPathItem": "//row"}, "XML"),
    ],
)
def test_what_has_no_counterpart_is_refused(kind: str, attributes: dict[str, str], why: str) -> None:
    with pytest.raises(NoCounterpart, match=why):
        fresh(kind, **attributes)


def test_requests() -> None:
    made = translate(
        "rss",
        URL,
        {
            f"{{{FRESHRSS}}}curlopt_httpheader": "X-Key: abc\nUser-Agent: R/1\nCookie: a=b\nnonsense\n\nAccept: x",
            f"{{{FRESHRSS}}}curlopt_proxy": "http://p.example:1",
            f"{{{FRESHRSS}}}curlopt_maxredirs": "3",
        },
    )
    assert made.keys == {
        "feed": URL,
        "user_agent": "R/1",
        "headers": {"X-Key": "abc", "Accept": "x"},
        "proxy": "http://p.example:1",
    }
    assert [why.partition(" (")[0] for why in made.left_out] == ["the header `Cookie`", "the header `nonsense`"]


@pytest.mark.parametrize(
    ("ttl", "keys"),
    [
        ("3600", {"interval": "1h"}),
        ("-5400", {"interval": "1h30m", "paused": True}),
        ("-1", {"paused": True}),
        ("0", {}),
        ("99999999999", {}),
        ("x", {}),
        ("999999999", {}),
    ],
)
def test_rhythms(ttl: str, keys: dict[str, Any]) -> None:
    assert fresh("rss", ttl=ttl) == {"feed": URL, **keys}


def test_prefixes_that_are_not_bound_mean_the_usual() -> None:
    assert translate("rss", URL, {"{frss}ttl": "60", "{miniflux}disabled": "true"}).keys == {
        "feed": URL,
        "interval": "1m",
        "paused": True,
    }
    assert translate("rss", URL, {f"{{{MINIFLUX}}}disabled": "false"}).keys == {"feed": URL}
