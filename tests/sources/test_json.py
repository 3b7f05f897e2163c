"""The kind `json`: from the answer of an API, or the JSON in a page, to entries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aggregator.models import FeedState, Fetched, NotModified, RawEntry, Text
from aggregator.sources import KINDS
from tests import scraping
from tests.jsonapis import JSON, answer, items, pull, serve, source, state_after, titles
from tests.origin import Origin, Response, Seen
from tests.scraping import NOW, article_page, fetch, html

ITEM = {
    "id": 7,
    "t": "A title",
    "u": "/d/7?x=1",
    "at": 1_763_700_000,
    "lead": "A lead.",
    "body": "<p>Text with <a href='/x'>a link</a>.</p>",
    "by": {"name": "Ada"},
    "pic": {"url": "/i/7.jpg"},
    "tags": [{"name": "web"}, {"name": "data"}],
}
FIELDS: dict[str, Any] = {
    "items": "$.data.list[*]",
    "id": "id",
    "title": "t",
    "link": "u",
    "date": "at",
    "summary": "lead",
    "content": "body",
    "author": "by.name",
    "image": "pic.url",
    "categories": "tags[*].name",
}


async def one_entry(origin: Origin, item: object, **settings: Any) -> RawEntry:
    """The one entry that an item gives."""
    url = serve(origin, "/api", {"items": [item]})
    (entry,) = (await pull(source(url, **settings))).feed.entries
    return entry


async def test_an_answer_becomes_entries(origin: Origin) -> None:
    url = serve(origin, "/api", {"code": 0, "data": {"list": [ITEM]}})
    pulled = await pull(source(url, **FIELDS))
    feed, link = pulled.feed, f"{origin.url}/d/7?x=1"
    assert (feed.version, feed.reader, feed.title, feed.home_url, feed.repairs) == (
        "json",
        "json",
        None,
        f"{origin.url}/",
        (),
    )
    assert feed.entries == (
        RawEntry(
            guid="7",
            url=link,
            title=Text("A title", "text", link),
            content=Text(ITEM["body"], "html", link),  # type: ignore[arg-type]
            summary=Text("A lead.", "text", link),
            published="2025-11-21T04:40:00+00:00",
            authors=("Ada",),
            tags=("web", "data"),
            image=f"{origin.url}/i/7.jpg",
        ),
    )
    (seen,) = origin.requests
    assert (seen.method, seen.headers["accept"]) == ("GET", "application/json, text/json;q=0.9, */*;q=0.1")


@pytest.mark.parametrize(
    "path", ["$.data.list[*]", "$.data.list", "data.list", "data.list[*]", "$..list[*]", "@.data.list"]
)
async def test_a_path_leads_to_the_items_or_to_their_list(origin: Origin, path: str) -> None:
    url = serve(origin, "/api", {"data": {"list": items(1, 2)}})
    assert await titles(source(url, items=path)) == ["Item 1", "Item 2"]


async def test_items_may_be_all_of_the_document_or_members_of_an_object(origin: Origin) -> None:
    url = serve(origin, "/api", items(1, 2))
    assert await titles(source(url, items="$")) == ["Item 1", "Item 2"]
    url = serve(origin, "/api", {"b": {"12": items(12)[0], "13": items(13)[0]}})
    assert await titles(source(url, items="$.b.*")) == ["Item 12", "Item 13"]
    url = serve(origin, "/api", {"one": items(5)[0]})
    assert await titles(source(url, items="$.one")) == ["Item 5"]


async def test_the_home_page_is_the_site_that_all_items_are_on(origin: Origin) -> None:
    listed = [{"title": "x", "url": f"https://b.example/{number}"} for number in range(2)]
    url = serve(origin, "/api", {"items": listed})
    assert (await pull(source(url))).feed.home_url == "https://b.example/"
    url = serve(origin, "/api", {"items": [*listed, *items(1)]})
    assert (await pull(source(url))).feed.home_url is None


async def test_a_list_in_which_each_item_is_a_list(origin: Origin) -> None:
    url = serve(origin, "/api", {"rows": [["/d/1", "One"]]})
    assert await titles(source(url, items="$.rows[*]", title="$[1]", link="$[0]")) == ["One"]


async def test_items_are_chosen_by_a_condition(origin: Origin) -> None:
    listed = [*items(1, 2, 3), {"title": "Ad", "url": "/ad", "kind": "ad"}]
    url = serve(origin, "/api", {"items": listed})
    assert await titles(source(url, items="$.items[?!@.kind]")) == ["Item 1", "Item 2", "Item 3"]
    assert await titles(source(url, items="$.items[?match(@.url, '/d/[12]')]")) == ["Item 1", "Item 2"]


async def test_no_more_items_are_taken_than_the_limit(origin: Origin) -> None:
    url = serve(origin, "/api", {"items": items(*range(30))})
    assert len(await titles(source(url))) == 20
    assert await titles(source(url, limit=2)) == ["Item 0", "Item 1"]


@pytest.mark.parametrize(
    ("item", "settings", "link"),
    [
        ({"url": "https://b.example/x"}, {}, "https://b.example/x"),
        ({"url": "//b.example/x"}, {}, "http://b.example/x"),
        ({"url": "?id=5"}, {}, "{origin}/api?id=5"),
        ({"id": 5, "cat": "news"}, {"link": "/{cat}/{id}.html"}, "{origin}/news/5.html"),
        ({"a": {"b": "x"}, "n": [1, 2]}, {"link": "https://b.example/{$.a.b}/{n[1]}"}, "https://b.example/x/2"),
        ({"url": "javascript:alert(1)"}, {"id": "url"}, None),
        ({"id": "x"}, {"id": "id", "link": "/p/{slug}"}, None),
        ({"url": {"url": "/o"}}, {}, "{origin}/o"),
        ({"urls": ["", None, "/second"]}, {"link": "urls"}, "{origin}/second"),
        ({"html": "<a href='/x/9'>"}, {"link": {"select": "html", "regex": "href='([^']+)'"}}, "{origin}/x/9"),
        ({"@id": "/ld"}, {"link": "@id"}, "{origin}/ld"),
        ({"$u": "/d"}, {"link": "$u"}, "{origin}/d"),
        ({"a.b": "/dots"}, {"link": "$['a.b']"}, "{origin}/dots"),
        ({"a": {"b": "/path"}}, {"link": "a.b"}, "{origin}/path"),
    ],
)
async def test_links(origin: Origin, item: object, settings: dict[str, Any], link: str | None) -> None:
    entry = await one_entry(origin, item, **settings)
    assert entry.url == (link and link.replace("{origin}", origin.url))


@pytest.mark.parametrize(
    ("value", "settings", "date"),
    [
        (1_763_700_000, {}, "2025-11-21T04:40:00+00:00"),
        ("1763700000", {}, "2025-11-21T04:40:00+00:00"),
        (1_763_700_000_123, {}, "2025-11-21T04:40:00+00:00"),
        (1_763_700_000.5, {}, "2025-11-21T04:40:00+00:00"),
        (999_999_999, {"format": "unix"}, "2001-09-09T01:46:39+00:00"),
        (999_999_999_000, {"format": "unix_ms"}, "2001-09-09T01:46:39+00:00"),
        ("2026-04-16T09:20:00Z", {}, "2026-04-16T09:20:00+00:00"),
        ("2026-04-16 09:20:00", {"timezone": "Asia/Shanghai"}, "2026-04-16T01:20:00+00:00"),
        ("16/04/2026 09.20", {"format": "%d/%m/%Y %H.%M", "timezone": "Europe/Rome"}, "2026-04-16T07:20:00+00:00"),
        ("20260416", {"format": "%Y%m%d"}, "2026-04-16T00:00:00+00:00"),
        ("3小时前", {}, "2026-04-20T09:00:00+00:00"),
        ("at 2026-04-16", {"regex": r"\d{4}-\d\d-\d\d"}, "2026-04-16T00:00:00+00:00"),
        ("soon", {}, "soon"),
        ("soon", {"format": "unix"}, "soon"),
        (None, {}, None),
        (False, {}, None),
        ([None, "2026-04-16T09:20:00Z"], {}, "2026-04-16T09:20:00+00:00"),
    ],
)
async def test_dates(origin: Origin, value: object, settings: dict[str, Any], date: str | None) -> None:
    item = {"title": "x", "url": "/d/1", "at": value}
    assert (await one_entry(origin, item, date={"select": "at", **settings})).published == date


async def test_dates_in_either_order_are_read_as_the_others_of_the_answer_are(origin: Origin) -> None:
    listed = [{"url": f"/{number}", "at": at} for number, at in enumerate(("05/02/2026", "25/02/2026"))]
    feed = (await pull(source(serve(origin, "/api", {"items": listed}), date="at"))).feed
    assert [entry.published for entry in feed.entries] == ["2026-02-05T00:00:00+00:00", "2026-02-25T00:00:00+00:00"]


async def test_an_encoding_in_which_much_cannot_be_read_is_told(origin: Origin) -> None:
    text = json.dumps({"items": [{"title": "新闻新闻新闻", "url": "/1"}]}, ensure_ascii=False)
    url = origin.route("/api", text.encode("gbk"), content_type=JSON)
    (note,) = (await pull(source(url, encoding="utf-8"))).feed.repairs
    assert note.endswith("characters of the page cannot be read as utf-8; set `encoding`")


@pytest.mark.parametrize(
    ("value", "title"),
    [
        ("Plain", Text("Plain", "text")),
        ("  two\n lines ", Text("two lines", "text")),
        (1984, Text("1984", "text")),
        (1.5, Text("1.5", "text")),
        ("A <b>bold</b> one", Text("A <b>bold</b> one", "html")),
        ("AT&amp;T", Text("AT&amp;T", "html")),
        ("a < b & c", Text("a < b & c", "text")),
        ("bell\u0007 and half \ud800 of a pair", Text("bell and half of a pair", "text")),
        (["", "second"], Text("second", "text")),
        (True, None),
        (None, None),
        ("", None),
        ({"en": "x"}, None),
        (1e999, None),
    ],
)
async def test_titles(origin: Origin, value: object, title: Text | None) -> None:
    entry = await one_entry(origin, {"url": "/d/1", "title": value})
    assert (entry.title and Text(entry.title.value, entry.title.type)) == title


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("<p>x</p>", Text("<p>x</p>", "html")),
        ("<iframe src='https://v.example/'></iframe>", Text("<iframe src='https://v.example/'></iframe>", "html")),
        ("two\nlines < 3", Text("two\nlines < 3", "text")),
        ("R&amp;D", Text("R&amp;D", "html")),
        (12, Text("12", "text")),
    ],
)
async def test_contents(origin: Origin, value: object, content: Text) -> None:
    entry = await one_entry(origin, {"url": "/d/1", "body": value}, content="body")
    assert entry.content == Text(content.value, content.type, f"{origin.url}/d/1")


@pytest.mark.parametrize(
    ("item", "settings", "authors", "tags"),
    [
        ({"by": "Ada"}, {"author": "by"}, ("Ada",), ()),
        ({"by": [{"name": "Ada"}, {"name": "Lin"}, {"name": "Ada"}]}, {"author": "by"}, ("Ada", "Lin"), ()),
        ({"by": {"name": "Ada"}}, {"author": "by"}, ("Ada",), ()),
        ({}, {"author": {"value": "The staff"}}, ("The staff",), ()),
        ({"k": "web, data ,,web"}, {"categories": "k"}, (), ("web", "data")),
        ({"k": ["a, b", "c"]}, {"categories": "k"}, (), ("a, b", "c")),
        ({"k": [{"title": "a"}, {"label": "b"}, {"x": 1}]}, {"categories": "k"}, (), ("a", "b")),
        ({"k": "c-12"}, {"categories": {"select": "k", "regex": "c-(\\d+)"}}, (), ("12",)),
        ({}, {"categories": {"value": "News"}}, (), ("News",)),
    ],
)
async def test_names(
    origin: Origin, item: dict[str, Any], settings: dict[str, Any], authors: tuple[str, ...], tags: tuple[str, ...]
) -> None:
    entry = await one_entry(origin, {"url": "/d/1", **item}, **settings)
    assert (entry.authors, entry.tags) == (authors, tags)


@pytest.mark.parametrize(
    ("value", "image"),
    [("/i.png", "/i.png"), ([{"url": "/a.png"}, {"url": "/b.png"}], "/a.png"), ({"contentUrl": "/c.png"}, "/c.png")],
)
async def test_images(origin: Origin, value: object, image: str) -> None:
    assert (await one_entry(origin, {"url": "/d/1", "i": value}, image="i")).image == origin.url + image


async def test_the_id_counts_where_there_is_one(origin: Origin) -> None:
    assert (
        await one_entry(origin, {"id": 12345678901234567890, "url": "/d/1"}, id="id")
    ).guid == "12345678901234567890"
    assert (await one_entry(origin, {"url": "/d/1"}, id="id")).guid == f"{origin.url}/d/1"
    assert (await one_entry(origin, {"id": "x"}, id="id", link="{nothing}")).url is None


@pytest.mark.parametrize(
    ("body", "content_type", "encoding"),
    [
        ('{"items": [{"title": "新闻", "url": "/1"}]}'.encode(), JSON, None),
        ('\ufeff{"items": [{"title": "新闻", "url": "/1"}]}'.encode(), "text/plain", None),
        ('{"items": [{"title": "新闻", "url": "/1"}]}'.encode("gbk"), "application/json; charset=gbk", None),
        ('{"items": [{"title": "新闻", "url": "/1"}]}'.encode("gbk"), "application/json", "gbk"),
        ('{"items": [{"title": "新闻", "url": "/1"}]}'.encode("utf-16"), "application/json", None),
        (b'{"items": [{"title": "\\u65b0\\u95fb", "url": "/1"}]}', "text/html", None),
        ('cb({"items": [{"title": "新闻", "url": "/1"}]});'.encode(), "application/javascript", None),
        ('var data = {"items": [{"title": "新闻", "url": "/1", "x": undefined}]};'.encode(), "text/javascript", None),
        (b")]}'\n" + '{"items": [{"title": "新闻", "url": "/1"}]}'.encode(), JSON, None),
        (json.dumps('{"items": [{"title": "新闻", "url": "/1"}]}').encode(), JSON, None),
    ],
)
async def test_encodings_and_forms_of_answers(
    origin: Origin, body: bytes, content_type: str, encoding: str | None
) -> None:
    url = origin.route("/api", body, content_type=content_type)
    settings = {"encoding": encoding} if encoding else {}
    assert await titles(source(url, **settings)) == ["新闻"]


# -- JSON in pages -----------------------------------------------------------------------------------------------------


def page(script: str, head: str = "") -> str:
    return f'<!DOCTYPE html><html lang="de"><head><title>Die Seite</title>{head}</head><body>{script}</body></html>'


async def test_a_script_of_a_page(origin: Origin) -> None:
    data = json.dumps({"props": {"list": items(1, 2)}}).replace("<", "\\u003c")
    text = page(f'<script>var x=1</script><script id="__NEXT_DATA__" type="application/json">{data}</script>')
    url = html(origin, "/news", text, conditional=True)
    one = source(url, script="script#__NEXT_DATA__", items="props.list")
    pulled = await pull(one)
    assert (pulled.feed.title, pulled.feed.language, pulled.feed.home_url) == ("Die Seite", "de", url)
    assert [entry.url for entry in pulled.feed.entries] == [f"{origin.url}/d/1", f"{origin.url}/d/2"]
    assert "/robots.txt" in [seen.path for seen in origin.requests]
    assert isinstance(await fetch(one, state_after(one, pulled.fetched)), NotModified)


async def test_robots_txt_decides_about_pages_and_not_about_apis(origin: Origin) -> None:
    origin.route("/robots.txt", "User-agent: *\nDisallow: /\n", content_type="text/plain")
    assert await titles(source(serve(origin, "/api", {"items": items(1)}))) == ["Item 1"]
    assert not origin.asked("/robots.txt")
    url = html(origin, "/news", page("<script>x={}</script>"))
    with pytest.raises(Exception, match=r"robots\.txt asks programs to leave this page alone"):
        await pull(source(url, script="script"))


@pytest.mark.parametrize(
    ("markup", "script"),
    [
        ('<script>window.__STATE__={"items":[{"title":"T","url":"/1"}]};(function(){var s;}())</script>', "script"),
        ('<script>var a=[];f(a[0]);window["x"]={"items":[{"title":"T","url":"/1"}]}</script>', "script"),
        ('<script>a=JSON.parse("{\\"items\\":[{\\"title\\":\\"T\\",\\"url\\":\\"\\x2f1\\"}]}")</script>', "script"),
        ('<script>var i;</script><script>i={"items":[{"title":"T","url":"/1"}]}</script>', "script"),
        ('<script><!--\nx={"items":[{"title":"T","url":"/1"}]}\n//--></script>', "script"),
        (
            """<div id="app" data-page='{"items":[{"title":"T","url":"&#47;1"}]}'>""",
            {"select": "#app", "attribute": "data-page"},
        ),
        ('<template>no</template><pre class="d">{"items":[{"title":"T","url":"/1"}]}</pre>', "//pre[@class='d']"),
    ],
)
async def test_what_holds_json(origin: Origin, markup: str, script: object) -> None:
    url = html(origin, "/news", page(markup, head='<base href="/base/">'))
    (entry,) = (await pull(source(url, script=script))).feed.entries
    assert entry.url == f"{origin.url}/1"


async def test_json_ld_is_one_list(origin: Origin) -> None:
    scripts = [
        {"@type": "WebSite", "name": "x"},
        {"@graph": [{"@type": "NewsArticle", "headline": "One", "url": "/1", "author": {"name": "Ada"}}]},
        [{"@type": "NewsArticle", "headline": "Two", "url": "/2", "author": [{"name": "Lin"}, "Bo"]}],
    ]
    text = "".join(f'<script type="application/LD+json">{json.dumps(one)}</script>' for one in scripts)
    url = html(origin, "/news", page(text + '<script type="application/ld+json">{broken</script>'))
    settings = {"items": "$[?@['@type'] == 'NewsArticle']", "title": "headline", "author": "author"}
    feed = (await pull(source(url, script="application/ld+json", **settings))).feed
    assert [(entry.title and entry.title.value, entry.authors) for entry in feed.entries] == [
        ("One", ("Ada",)),
        ("Two", ("Lin", "Bo")),
    ]


# -- requests ----------------------------------------------------------------------------------------------------------


async def test_an_unchanged_answer_is_not_read(origin: Origin) -> None:
    url = serve(origin, "/api", {"items": items(1)}, conditional=True)
    one = source(url)
    first = (await pull(one)).fetched
    assert isinstance(await fetch(one, state_after(one, first)), NotModified)
    # Other rules read other items out of the same answer.
    assert isinstance(await fetch(source(url, limit=5), state_after(one, first)), Fetched)


async def test_a_body_is_posted_as_json_or_as_a_form(origin: Origin) -> None:
    bodies: list[tuple[bytes, str]] = []

    def post(seen: Seen, body: bytes) -> Response:
        bodies.append((body, seen.headers["content-type"]))
        return answer({"items": items(1)})

    origin.posts["/api"] = post
    await pull(source(origin.url + "/api", body={"q": "新", "deep": [1, None, {"a": True}]}))
    await pull(source(origin.url + "/api", body="q=%E6%96%B0&page=1"))
    assert bodies == [
        ('{"q":"新","deep":[1,null,{"a":true}]}'.encode(), "application/json"),
        (b"q=%E6%96%B0&page=1", "application/x-www-form-urlencoded"),
    ]


async def test_the_same_answer_to_a_post_is_unchanged(origin: Origin) -> None:
    origin.posts["/api"] = lambda seen, body: answer({"items": items(1)}, ETag='"v1"')
    one = source(origin.url + "/api", body={"q": 1})
    first = (await pull(one)).fetched
    assert isinstance(await fetch(one, state_after(one, first)), NotModified)
    assert "if-none-match" not in origin.requests[-1].headers
    assert KINDS["json"].request_hash(one) != KINDS["json"].request_hash(source(origin.url + "/api", body={"q": 2}))


async def test_article_pages_are_read_where_they_are_asked_for(origin: Origin) -> None:
    for number in (1, 2):
        html(origin, f"/d/{number}", article_page(f"<p>Body {number}</p>"))
    url = serve(origin, "/api", {"items": items(1, 2)})
    article = {"body": "#articleC", "date": "div.time", "timezone": "Asia/Shanghai"}
    pulled = await pull(source(url, article=article, encoding="gbk", id="id"), known=["1"])
    assert [entry.content and entry.content.value for entry in pulled.feed.entries] == ["<p>Body 2</p>"]
    assert pulled.feed.entries[0].guid == "2"
    assert pulled.feed.entries[0].published == "2026-04-16T01:20:00+00:00"
    assert not origin.asked("/d/1")


async def test_what_is_remembered_tells_how_many_items_there_were(origin: Origin) -> None:
    url = serve(origin, "/api", {"items": items(*range(12))})
    one = source(url, date="at")
    fetched = (await pull(one, FeedState("site", last_success_at=NOW))).fetched
    memory = json.loads(fetched.memory or "")
    assert memory["items"] == 12
    assert set(memory["fields"]) == {"json.title", "json.link", "json.date"}


async def test_a_field_that_was_always_filled_and_is_not_any_more_is_told(origin: Origin) -> None:
    listed = [{**one, "at": "2026-04-16"} for one in items(*range(12))]
    url = serve(origin, "/api", {"items": listed})
    one = source(url, date="at")
    first = (await pull(one)).fetched
    serve(origin, "/api", {"items": items(*range(12))})
    second = await scraping.fetch(one, state_after(one, first))
    assert isinstance(second, Fetched)
    assert second.notes == ("`date` was always filled and is empty in the last 12 items; look at `json.date`",)
