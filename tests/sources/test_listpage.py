"""The fields of the items of a list page: by CSS and by XPath, and as they are found without a selector."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.models import Fetched, RawEntry, Text
from aggregator.sources.articles import ArticleRules
from aggregator.sources.fields import FieldRules as Field
from aggregator.sources.listpage import ListPage, read_list
from aggregator.sources.scrape import ScrapeRules
from tests.thoroughness import examples

URL = "http://site.example/news/"
CARD = """
<div class="card" data-id="7">
  <a class="thumb" href="/a/7.html"><img src="blank.gif" data-original="/i/7.jpg" alt="A picture"></a>
  <h2><a href="/a/7.html">The  title</a></h2>
  <p class="lead">A <b>bold</b> lead.</p>
  <div class="text"><p>All &amp; more</p><img src="x.png"></div>
  <p class="meta">By <span class="by">Anna Writer</span> | 3 March 2024, 14:05 | <a class="tag" href="/t/x">X</a>
    <a class="tag" href="/t/y">Y</a> <a class="tag" href="/t/x">X</a></p>
  <a class="more" href="/a/7.html?from=list" data-url="/b/7">Read more</a>
</div>
"""


def read(html: str, items: str = "div.card", **fields: Any) -> ListPage:
    fetched = Fetched(URL, URL, 200, "text/html; charset=utf-8", html.encode("utf-8", "surrogatepass"))
    return read_list((ScrapeRules(items, **fields), fetched))


def one(html: str, items: str = "div.card", **fields: Any) -> RawEntry:
    (entry,) = read(html, items, **fields).entries
    return entry


CSS = {
    "link": Field("a.more"),
    "title": Field("h2"),
    "date": Field(".meta", regex=r"\| ([^|]*) \|", timezone="Asia/Shanghai"),
    "summary": Field(".lead"),
    "content": Field(".text"),
    "author": Field(".by"),
    "image": Field(".thumb"),
    "categories": Field("a.tag"),
    "id": Field(attribute="data-id"),
}
XPATH = {
    "link": Field("./a[@class='more']/@href"),
    "title": Field("normalize-space(h2)"),
    "date": Field("substring-before(substring-after(p[@class='meta'], '|'), '|')", timezone="Asia/Shanghai"),
    "summary": Field("./p[@class='lead']"),
    "content": Field("(.//div)[1]"),
    "author": Field(".//*[@class='by']/text()"),
    "image": Field("./a/img/@data-original"),
    "categories": Field(".//a[@class='tag']"),
    "id": Field("@data-id"),
}


@pytest.mark.parametrize("fields", [CSS, XPATH], ids=["css", "xpath"])
@pytest.mark.parametrize("items", ["div.card", "//div[@class='card']", "xpath:descendant::div[@data-id]"])
def test_every_field_by_a_selector(items: str, fields: dict[str, Field]) -> None:
    assert one(CARD, items, **fields) == RawEntry(
        guid="7",
        url="http://site.example/a/7.html?from=list",
        title=Text("The title", "text"),
        content=Text('<p>All &amp; more</p><img src="x.png">', "html", URL),
        summary=Text("A bold lead.", "text"),
        published="2024-03-03T06:05:00+00:00",
        authors=("Anna Writer",),
        tags=("X", "Y"),
        image="http://site.example/i/7.jpg",
        timezone="Asia/Shanghai",
    )


def test_fields_that_are_found_without_a_selector() -> None:
    assert one(CARD) == RawEntry(
        guid="http://site.example/a/7.html",
        url="http://site.example/a/7.html",
        title=Text("A picture", "text"),
        published="2024-03-03T14:05:00+00:00",
        image="http://site.example/i/7.jpg",
    )


def test_an_article_has_its_own_picture() -> None:
    assert one(CARD, article=ArticleRules(body="main")).image is None
    assert one(CARD, article=ArticleRules(body="main"), image=Field("img")).image == "http://site.example/i/7.jpg"


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (Field("a.more", attribute="data-url"), "http://site.example/b/7"),
        (Field("h2"), "http://site.example/a/7.html"),
        (Field(attribute="data-id", regex="(.*)"), "http://site.example/news/7"),
        (Field("a.tag", regex="^/t/y$"), "http://site.example/t/y"),
        (Field("a.more", attribute="data-url", regex="/b/(.*)"), "http://site.example/news/7"),
        (Field(value="/changes#7"), "http://site.example/changes#7"),
        (Field(".by"), None),
        (Field("a.none"), None),
        (Field("a.more", attribute="onclick"), None),
    ],
)
def test_links(field: Field, expected: str | None) -> None:
    entries = read(CARD, link=field).entries
    assert [entry.url for entry in entries] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (Field("h2, .lead"), "The title"),
        (Field(".none, .lead"), "A bold lead."),
        (Field("a", regex="^[XY]$"), "X"),
        (Field(".by", regex=r"(\w+)$"), "Writer"),
        (Field(value="Always this"), "Always this"),
        (Field("img", attribute="alt"), "A picture"),
        (Field("count(.//a)"), "6"),
        (Field(".none"), None),
        (Field(".by", regex="Z"), None),
    ],
)
def test_texts_are_those_of_the_first_element_that_gives_one(field: Field, expected: str | None) -> None:
    title = one(CARD, title=field).title
    assert (title and title.value) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (Field(".text"), Text('<p>All &amp; more</p><img src="x.png">', "html", URL)),
        (Field(".text", regex="<p>.*</p>"), Text("<p>All &amp; more</p>", "html", URL)),
        (Field("img", attribute="alt"), Text("A picture", "html", URL)),
        (Field("string(.//div[@class='text'])"), Text("All & more", "text", URL)),
        (Field(value="<p>x</p>"), Text("<p>x</p>", "html", URL)),
        (Field(".none"), None),
    ],
)
def test_texts_with_markup(field: Field, expected: Text | None) -> None:
    assert one(CARD, content=field).content == expected


@pytest.mark.parametrize(
    ("html", "field", "expected"),
    [
        ("<img src=a.png>", Field("img"), "http://site.example/news/a.png"),
        ("<img src=a.png>", Field("img", attribute="src"), "http://site.example/news/a.png"),
        (
            "<img src=a.png srcset='b.png 1x, c.png 2x'>",
            Field("img", attribute="srcset"),
            "http://site.example/news/c.png",
        ),
        ("<img srcset='b.png 640w, c.png 320w'>", None, "http://site.example/news/b.png"),
        ("<picture><source srcset=d.webp><img alt=x></picture>", None, "http://site.example/news/d.webp"),
        ("<img src=/spacer.gif><noscript><img src=e.png></noscript>", None, "http://site.example/news/e.png"),
        ("<img src=f.png width=1 height=1><img src=g.png>", None, "http://site.example/news/g.png"),
        ("<img class=avatar src=h.png>", None, None),
        ("<i style=\"background: url('j.png')\"></i>", Field("i"), "http://site.example/news/j.png"),
        (
            "<i data-bg='background-image:url(k.png)'></i>",
            Field("i", attribute="data-bg"),
            "http://site.example/news/k.png",
        ),
        ("<i data-src='//cdn.example/l.png'></i>", Field("i", attribute="data-src"), "http://cdn.example/l.png"),
        ("<i>m.png|x</i>", Field("i", regex=r"(.*)\|"), "http://site.example/news/m.png"),
        ("", Field(value="/logo.png"), "http://site.example/logo.png"),
        ("<img src='javascript:x'>", Field("img"), None),
        ("", None, None),
    ],
)
def test_pictures(html: str, field: Field | None, expected: str | None) -> None:
    assert one(f"<li>{html}<a href=/1>x</a></li>", "li", image=field).image == expected


@pytest.mark.parametrize(
    ("html", "field", "expected"),
    [
        ("<time datetime=2024-03-02T10:00+01:00>soon</time>", None, "2024-03-02T09:00:00+00:00"),
        ("<p>x <time datetime='2024-03-02'>Saturday</time></p>", Field("p"), "2024-03-02T00:00:00+00:00"),
        ("<i title='2024-03-02 10:00'>3 hours ago</i>", Field("i"), "2024-03-02T10:00:00+00:00"),
        ("<i>3 hours ago</i>", Field("i"), "3 hours ago"),
        ("<i>soon</i><i>2. März 2024</i>", Field("i"), "2024-03-02T00:00:00+00:00"),
        ("<i>soon</i>", Field("i"), "soon"),
        ("<i>02.03.24</i>", Field("i", format="%d.%m.%y"), "2024-03-02T00:00:00+00:00"),
        ("<i>02.03. 10:00</i>", Field("i", format="%d.%m. %H:%M"), "03-02 10:00"),
        ("<i data-t=1709373600>x</i>", Field("i", attribute="data-t", format="unix"), "2024-03-02T10:00:00+00:00"),
        ("<i>x</i>", Field("i", format="%d.%m.%Y"), "x"),
        ("<i>25/02/2024</i>", Field("i"), "2024-02-25T00:00:00+00:00"),
        ("<i>2024-03-02 10:00</i>", Field(timezone="Asia/Tokyo"), "2024-03-02T01:00:00+00:00"),
        ("", Field(value="2024-03-02"), "2024-03-02T00:00:00+00:00"),
        ("<i></i>", Field("i"), None),
        # Without a selector.
        ("<i>[03-02]</i>", None, "[03-02]"),
        ("<i>2/5</i>", None, None),
        (f"<p>{'Long prose ' * 20} of 2 March 2024</p>", None, None),
        (f"<p>{'Long prose ' * 20}</p><p>2 March 2024 | x</p>", None, "2024-03-02T00:00:00+00:00"),
    ],
)
def test_dates(html: str, field: Field | None, expected: str | None) -> None:
    assert one(f"<li><a href=/1>Report of 1 May 2001</a>{html}</li>", "li", date=field).published == expected


@pytest.mark.parametrize(
    "html",
    [
        "<li><a href=/1>Report of 1 May 2001</a></li>",
        "<li><a href=/1><h3>Report of 1 May 2001</h3></a></li>",
        "<li><h3><a href=/1>Report of 1 May 2001</a></h3></li>",
        "<li><a href=/1><img></a><h3>Report of 1 May 2001</h3></li>",
        "<li><div><span><a href=/1>Report of 1 May 2001</a></span></div></li>",
    ],
)
def test_a_date_in_a_title_is_no_date_of_publication(html: str) -> None:
    assert one(html, "li").published is None
    assert one(html.replace("</li>", "<i>2 May 2001</i></li>"), "li").published == "2001-05-02T00:00:00+00:00"


def test_a_link_around_a_card_has_its_date() -> None:
    card = "<a href=/1><h3>Report of 1 May 2001</h3><p>2 May 2001</p></a>"
    assert one(card, "a").published == "2001-05-02T00:00:00+00:00"
    assert one(card, "h3").published is None
    assert one("<a href=/1>Report of 1 May 2001</a>", "a").published is None


def test_day_and_month_are_read_as_in_the_other_items() -> None:
    rows = "".join(f"<li><a href=/{day}>x</a><i>{day}/02/2024</i></li>" for day in ("05", "25"))
    assert [entry.published for entry in read(rows, "li", date=Field("i")).entries] == [
        "2024-02-05T00:00:00+00:00",
        "2024-02-25T00:00:00+00:00",
    ]


@pytest.mark.parametrize(
    ("html", "items", "title"),
    [
        ("<li><a href=/1><img></a><h4>The  title</h4></li>", "li", "The title"),
        ("<a href=/1><h3>The title</h3></a>", "h3", "The title"),
        ("<li><a class=more href=/1>Read more</a><h4>The title</h4></li>", "li", "Read more"),
        ("<a href=/1><div>One</div><p>two<br>th<b>re</b>e</p>four</a>", "a", "One two three four"),
        ("<li><a href=/1></a></li>", "li", None),
    ],
)
def test_titles_without_a_selector(html: str, items: str, title: str | None) -> None:
    found = one(html, items).title
    assert (found and found.value) == title


def test_the_heading_is_the_title_where_a_selector_chooses_the_link() -> None:
    html = "<li><a class=more href=/1>Read more</a><h4>The title</h4></li>"
    assert one(html, "li", link=Field("a.more")).title == Text("The title", "text")


def test_items_with_one_address_are_one() -> None:
    html = "<li><a href=/1><img src=1.png></a></li><li><a href=/1>Title</a> <i>2 May 2001</i></li>"
    found = read(f"{html}<li><a href=/2>2</a></li>", "li", summary=Field("i"))
    assert (found.matched, len(found.entries)) == (3, 2)
    assert found.entries[0] == RawEntry(
        guid="http://site.example/1",
        url="http://site.example/1",
        title=Text("Title", "text"),
        summary=Text("2 May 2001", "text"),
        published="2001-05-02T00:00:00+00:00",
        image="http://site.example/news/1.png",
    )


def test_an_id_is_the_identity_whatever_the_address() -> None:
    html = "<li id=a1><a href=/1?session=5>x</a></li><li id=a1><a href=/1?session=6>y</a></li><li><a href=/3>z</a></li>"
    found = read(html, "li", id=Field(attribute="id"))
    assert [entry.guid for entry in found.entries] == ["a1", "http://site.example/3"]
    assert [dict(one)["scrape.id"] for one in found.filled] == [True, False]


def test_items_without_an_address_of_their_own_are_told_apart_by_what_they_say() -> None:
    html = "<li><b>1.1</b> Fixes</li><li><b>1.0</b> First</li><li><b>1.0</b> First</li>"
    first, second = read(html, "li", link=Field(value=URL), title=Field("b")).entries
    assert first.url == second.url == URL
    assert first.guid is not None
    assert first.guid.startswith(f"{URL}#")
    assert first.guid != second.guid


def test_the_limit_counts_items_and_the_number_counts_elements() -> None:
    rows = "".join(f"<li><a href=/{number}><img></a></li><li><a href=/{number}>x</a></li>" for number in range(25))
    found = read(rows, "li", limit=3)
    assert (len(found.entries), found.matched) == (3, 50)
    assert [entry.title for entry in found.entries] == [Text("x", "text")] * 3


def test_fields_that_were_looked_for_are_told() -> None:
    html = "<li><a href=/1>x</a> <i>2 May 2001</i></li><li><a href=/2></a> <i>soon</i></li>"
    assert [dict(one) for one in read(html, "li", date=Field("i"), author=Field("b")).filled] == [
        {"scrape.title": True, "scrape.date": True, "scrape.author": False},
        {"scrape.title": False, "scrape.date": False, "scrape.author": False},
    ]


@pytest.mark.parametrize("following", ["a.next", "li.next", "//a[@class='next']/@href", "//a[text()='2']"])
def test_the_next_page(following: str) -> None:
    html = "<p><a href=/1>x</a></p><ul><li class=next><a class=next href='?page=2'>2</a></ul>"
    assert read(html, "p", next=following).next == "http://site.example/news/?page=2"
    assert read("<p><a href=/1>x</a></p>", "p", next=following).next is None
    assert read(html, "p", next="?page={n}").next is None


def test_a_page_that_a_script_fills_in_is_told() -> None:
    assert read("<body><div id=root></div><script src=app.js></script>").bare
    assert not read(f"<body><p>{'word ' * 60}</p><script src=app.js></script>").bare
    assert not read("<body><p>no script</p>").bare


_PIECES = [
    "<div class=card>",
    "<div>",
    "</div>",
    "<li>",
    "<a href=/1>",
    "<a href='?x#y'>",
    "<a href='http://['>",
    "</a>",
    "<h2>",
    "</h2>",
    "<time datetime=2024-03-02>",
    "<img src=a.png>",
    "<img srcset=', ,'>",
    "<base href=//x>",
    "<!-- x -->",
    "<script>",
    "</script>",
    "<b:c d:e=f>",
    "<\x01>",
    "&#1;&#xD800;",
    "<p class='a\x0cb'>",
    "text",
    "3 hours ago",
    "12.13.2024",
    "\ud800",
    "<table><tr><td>",
    "<svg><path/>",
]
_SELECTORS = [
    "a", "div", "li", "*", "div.card", ":has(a)", "p > b", "a:not([href])", "[class]", "html", "time", "img",
    "//a", "//*", ".", "..", "./@*", "@href", "//text()", "//comment()", "count(//*)", "string(.)", "1 div 0",
    "(//a)[1]", "xpath:ancestor::*", "xpath:namespace::*", "//a[", "a[",
    "//a[foo()]", "a::b", "$x", "true()", "//x:y", "id('a')",
]  # fmt: skip
_PATTERNS = [None, None, "(.*)", "x(y)?", r"\d+", "("]
_FIELDS = st.builds(
    Field,
    st.sampled_from([None, *_SELECTORS]),
    st.sampled_from([None, None, "href", "class", "src", "nothing"]),
    st.sampled_from(_PATTERNS[:-1]),
    st.sampled_from([None, None, None, "x", "http://[", "/a"]),
    st.sampled_from([None, None, "%d.%m.%Y", "unix", "%H:%M"]),
    st.sampled_from([None, "Asia/Shanghai"]),
)
_MAYBE = st.one_of(st.none(), _FIELDS)
_NAMES = ("link", "title", "date", "summary", "content", "author", "image", "categories", "id")
_RULES = st.builds(
    lambda items, limit, following, fields: ScrapeRules(
        items, limit, next=following, **dict(zip(_NAMES, fields, strict=True))
    ),
    st.sampled_from(_SELECTORS),
    st.integers(1, 5),
    st.sampled_from([None, *_SELECTORS]),
    st.tuples(*[_MAYBE] * len(_NAMES)),
)


@examples(30)
@given(st.one_of(st.lists(st.sampled_from(_PIECES), max_size=25).map("".join), st.text(max_size=50)), _RULES)
def test_no_page_and_no_rules_raise_anything_but_a_parse_error(html: str, rules: ScrapeRules) -> None:
    fetched = Fetched(URL, URL, 200, "text/html; charset=utf-8", html.encode("utf-8", "surrogatepass"))
    try:
        found = read_list((rules, fetched))
    except ParseError as error:
        assert error.url == URL
        return
    assert len(found.entries) == len(found.filled) <= min(found.matched, rules.limit)
    guids = [entry.guid for entry in found.entries]
    assert len(set(guids)) == len(guids)
    for entry in found.entries:
        assert entry.url is not None
        assert entry.url.startswith(("http://", "https://"))
        assert entry.guid


@given(st.binary(max_size=200), _RULES)
def test_no_bytes_raise_anything_but_a_parse_error(body: bytes, rules: ScrapeRules) -> None:
    try:
        read_list((rules, Fetched(URL, URL, 200, "", body)))
    except ParseError as error:
        assert error.url == URL


def test_a_time_far_from_now_is_no_reason_to_read_a_date_otherwise() -> None:
    old = datetime(1999, 1, 2, tzinfo=UTC)
    assert one("<li><a href=/1>x</a> 2 January 1999</li>", "li").published == old.isoformat()
