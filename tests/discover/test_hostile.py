"""Pages made to break discovery: what comes is a list of plain candidates, or a `ParseError`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.discover.candidates import of_address, of_page, well_known
from aggregator.errors import ParseError
from aggregator.sources import jsonapi, scrape
from aggregator.sources.jsonsettings import JsonSettings
from aggregator.values.urls import is_web
from tests.discover.pages import fetched
from tests.markup import soup

_ITEMS = """
    <li class="item"><a href="/2026/{n}-x-y">Title number {n} here</a><i>2026-11-2{n}</i></li>
    <div class="{n} c:d"><h2><a href="?id={n}{n}{n}{n}">Überschrift {n}</a></h2></div>
    <a class="card" href="//evil.example/{n}"><h3>Card {n}</h3><p>text</p></a>
    <tr><td>{n} hours ago</td><td><a href="javascript:{n}">row {n}</a></td></tr>
    <dt>1999-0{n}-01</dt><dd><a href="/a b/{n}&#10;">white space {n} in it</a></dd>
    <article id="{n}" class='q" ] {{}} \\'><a href="/{n}.html" title="t{n}"></a></article>
    <link rel="alternate" type="application/rss+xml" title="T {n}" href="/{n}.xml">
    <script type="application/ld+json">[{{"@type":"Article","headline":"H {n}","url":"/{n}"}}]</script>
"""
_item = st.sampled_from([line.strip() for line in _ITEMS.strip().splitlines()])
_list = st.builds(
    lambda item, number, inside: "<ul>" + inside.join(item.format(n=n) for n in range(number)) + "</ul>",
    _item,
    st.integers(2, 9),
    soup,
)
_page = st.lists(_list | soup, max_size=4).map("".join)


def check(candidates: list[Any]) -> None:
    """Candidates are plain values that the kinds take, with whole addresses."""
    for one in candidates:
        (kind, value), *more = one.entry.items()
        assert not more
        json.dumps(value)
        assert "\x00" not in repr(one) and "\ud800" not in repr(one.title)
        if kind == "scrape":
            scrape.make_rules(scrape.ScrapeSettings.model_validate(value), None)
        elif kind == "json":
            jsonapi.make_rules(JsonSettings.model_validate(value), None)
        elif kind == "rsshub":
            assert value.startswith("/")
        else:
            assert is_web(value)


@settings(max_examples=60)
@given(_page, st.text(max_size=200))
@example('<ul><li><a href="/1">a</a><li><a href="/2">b</a><li><a href="/3">c</a></ul>', "<a>; rel=")
@example("<base href='http://[::1'><a href='/feed'>RSS</a>", "")
def test_any_page_gives_plain_candidates(page: str, links: str) -> None:
    body = page.encode("utf-8", "replace")
    try:
        found = of_page(fetched(body, "https://example.org/a/b?c", links=links), instances=True)
    except ParseError:
        return
    check(found)
    assert [one.rank for one in found] == sorted(one.rank for one in found)


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["/a/b", "2026-11-20", "x" * 300]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["title", "url", "date", "node", "a.b", "x'y\\", "@type", "ü", ""]), inner, max_size=5
        )
    ),
    max_leaves=40,
)


@settings(max_examples=60)
@given(
    st.lists(_values, min_size=3, max_size=6) | _values, st.sampled_from(["application/ld+json", "application/json"])
)
@example(
    [{"x'y\\": {"title": f"A title {n}", "url": f"/{n}", "date": "2026-11-20"}} for n in range(4)], "application/json"
)
@example(
    {"a.b": [{"title": f"A title {n}", "url": f"/a-b-{n}", "date": "2026-11-20"} for n in range(4)]}, "application/json"
)
def test_any_data_in_a_page_give_settings_that_the_kind_takes(value: Any, media: str) -> None:
    text = json.dumps(value).replace("</", "<\\/")
    check(of_page(fetched(f'<script id="data" type="{media}">{text}</script>'), instances=False))


@given(st.text(max_size=100) | st.from_regex(r"https?://[^/]{1,20}/.{0,50}", fullmatch=True))
@example("https://[")
@example("https://www.youtube.com/playlist?" + "&".join(f"a{n}=1" for n in range(500)))
def test_any_address_is_read(url: str) -> None:
    check(of_address(url, instances=True))
    assert all(isinstance(one, str) for one in well_known(url))


_LINK = '<a href="/2026/{n}-of-many">Some title, number {n}</a>'
HUGE = {
    "links": "".join(f'<div class="c{n % 7} item">{_LINK.format(n=n)}<i>2026-11-20</i></div>' for n in range(1500)),
    "rows": "<table>" + "".join(f"<tr><td>{n}<td>{_LINK.format(n=n)}<td>1 hour ago" for n in range(800)) + "</table>",
    "parts": "".join(f"<section>{_LINK.format(n=n)}{'<p><b>word</b></p>' * 1500}</section>" for n in range(3)),
    "nested": "<div class=a>" * 200 + "".join(f"<li>{_LINK.format(n=n)}</li>" for n in range(300)),
    "classes": "".join(f'<li class="{"ab cd ef " * 300}">{_LINK.format(n=n)}</li>' for n in range(50)),
    "lists": ("<ul>" + "".join(f"<li><h3>{_LINK.format(n=n)}</h3>2026-11-20</li>" for n in range(9)) + "</ul>") * 45,
    "metas": '<meta name=generator content="WordPres">' * 3500,
    "texts": "".join(f'<li><a href="/2026/{n}">{"2026-11-20 " * 500}</a></li>' for n in range(30)),
    "addresses": "".join(f'<a href="/{"feed/" * 500}{n}">x</a>' for n in range(100)),
    "scripts": "<script>window.state={}</script>" * 2000,
    "data": '<script type="application/json" id="d">' + "[" * 900 + "]" * 900 + "</script>",
    "many data": '<script type="application/json" id="d">['
    + ",".join(['{"title":"t","url":"/u"}'] * 9000)
    + "]</script>",
}


@pytest.mark.parametrize("body", HUGE.values(), ids=HUGE)
def test_large_pages_are_read_within_limits(body: str) -> None:
    check(of_page(fetched(body), instances=True))


def test_what_is_too_large_or_too_deep_is_said() -> None:
    for body in ("<p>" * 200_000, "<div>" * 1000):
        with pytest.raises(ParseError):
            of_page(fetched(body), instances=True)


@pytest.mark.parametrize("name", ["o:p", "x.y", "ns:title", "a-1", "h2:x"])
def test_elements_with_odd_names_are_in_no_selector(name: str) -> None:
    item = (
        '<{0} class="entry"><a href="/2026/{1}-x-y"><{0}>Title number {1} here</{0}></a><{0}>2026-11-2{1}</{0}></{0}>'
    )
    found = of_page(fetched("".join(item.format(name, n) for n in range(6))), instances=False)

    check(found)
    assert not [one for one in found if ":p" in repr(one.entry) or "x.y" in repr(one.entry)]
