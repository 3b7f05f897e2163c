"""The kind `scrape` when a site misbehaves: what is tried again, what is a note, and what is a failure."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from aggregator.errors import FetchError, ParseError, SourceError
from aggregator.models import Fetched, Text
from aggregator.parse import parse
from aggregator.sources import KINDS
from aggregator.sources.fields import FieldRules
from aggregator.sources.scrape import ScrapeRules
from tests.daemons import PATIENCE
from tests.origin import Origin, Response, Seen
from tests.scraping import ARTICLE, NOW, RULES, article_page, fetch, html, list_page, pull, source

ZERO = f"0 items matched `{RULES.items}` (scrape.items); look at the page and correct the selector"
GOOD = article_page("<p>正文</p>")


def listing(origin: Origin, *names: str, rules: ScrapeRules = RULES) -> str:
    return html(origin, "/list.html", list_page(*((f"/{name}.html", name) for name in names)))


async def test_article_that_fails_is_missing_and_the_others_come(origin: Origin) -> None:
    html(origin, "/1.html", GOOD)
    origin.route("/2.html", "oops", status=500)
    pulled = await pull(source(listing(origin, "1", "2")))
    assert [entry.title for entry in pulled.feed.entries] == [Text("1", "text")]
    (missing,) = pulled.fetched.missing
    assert "500" in missing
    assert f"{origin.url}/2.html" in missing


@pytest.mark.parametrize("status", [404, 410])
async def test_article_that_is_gone_is_a_note(origin: Origin, status: int) -> None:
    html(origin, "/1.html", GOOD)
    origin.route("/2.html", "gone", status=status)
    pulled = await pull(source(listing(origin, "1", "2")))
    assert (len(pulled.feed.entries), pulled.fetched.missing) == (1, ())
    (note,) = pulled.feed.repairs
    assert note.startswith("article is gone")
    assert f"{origin.url}/2.html" in note


async def test_a_list_of_nothing_but_gone_articles_is_no_failure(origin: Origin) -> None:
    pulled = await pull(source(listing(origin, "1", "2")))
    assert (pulled.feed.entries, len(pulled.feed.repairs), pulled.fetched.missing) == ((), 2, ())


async def test_article_without_its_body_is_missing(origin: Origin) -> None:
    html(origin, "/1.html", GOOD)
    html(origin, "/2.html", "<html><body><div id=other>moved</div></body></html>")
    html(origin, "/3.html", '<html><body><div id="articleC"> <script>load()</script> </div></body></html>')
    rules = replace(RULES, article=replace(ARTICLE, remove=("script",)))
    pulled = await pull(source(listing(origin, "1", "2", "3"), rules))
    assert [entry.title for entry in pulled.feed.entries] == [Text("1", "text")]
    nothing, empty = pulled.fetched.missing
    assert "`#articleC` (article.body)" in nothing
    assert f"{origin.url}/2.html" in nothing
    assert "is empty" in empty
    assert f"{origin.url}/3.html" in empty


async def test_article_of_pictures_only_is_an_article(origin: Origin) -> None:
    html(origin, "/1.html", article_page('<img src="a.png">'))
    (entry,) = (await pull(source(listing(origin, "1")))).feed.entries
    assert entry.content is not None
    assert entry.content.value == '<img src="a.png">'


async def test_every_article_failing_is_a_failure(origin: Origin) -> None:
    for name in "123":
        html(origin, f"/{name}.html", "<html><body>redesigned</body></html>")
    with pytest.raises(SourceError, match=r"none of the 3 new articles could be read; the first: .*articleC") as caught:
        await fetch(source(listing(origin, "1", "2", "3")))
    assert caught.value.kind == "nothing_matched"


async def test_one_article_failing_is_told_in_the_singular(origin: Origin) -> None:
    html(origin, "/1.html", "<html><body>redesigned</body></html>")
    with pytest.raises(SourceError, match=r"^the one new article could not be read: nothing on .*articleC"):
        await fetch(source(listing(origin, "1")))


async def test_one_bad_article_among_known_ones_is_no_failure(origin: Origin) -> None:
    origin.route("/1.html", "oops", status=503)
    known = [f"{origin.url}/{n}.html" for n in (2, 3)]
    pulled = await pull(source(listing(origin, "1", "2", "3")), known=known)
    assert (pulled.feed.entries, len(pulled.fetched.missing)) == ((), 1)


async def test_huge_article_is_missing(origin: Origin) -> None:
    html(origin, "/1.html", GOOD)
    html(origin, "/2.html", article_page("<p>x</p>" * 100_000))
    pulled = await pull(source(listing(origin, "1", "2")))
    assert len(pulled.feed.entries) == 1
    assert f"{origin.url}/2.html" in pulled.fetched.missing[0]


async def test_huge_list_is_a_failure(origin: Origin) -> None:
    listed = source(html(origin, "/list.html", list_page(*[("/1.html", "题")] * 5_000)))
    with pytest.raises(FetchError) as large:
        await fetch(listed)
    assert large.value.kind == "too_large"
    with pytest.raises(ParseError) as tags:
        await fetch(replace(source(html(origin, "/tags.html", b"<b>" * 100_001)), max_body=1_000_000))
    assert tags.value.kind == "too_large"


async def test_selectors_that_match_nothing_are_named(origin: Origin) -> None:
    html(origin, "/1.html", GOOD)
    html(origin, "/2.html", GOOD)
    article = replace(ARTICLE, author=FieldRules(".writer"), title=FieldRules("h7"))
    feed = (await pull(source(listing(origin, "1", "2"), replace(RULES, article=article)))).feed
    assert [(entry.authors, entry.title) for entry in feed.entries] == [
        ((), Text("1", "text")),
        ((), Text("2", "text")),
    ]
    assert feed.repairs == (
        "`h7` (article.title) matches nothing on some articles",
        "`.writer` (article.author) matches nothing on some articles",
    )


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (list_page(), ZERO),
        (b"<html><body><h1>Down for maintenance</h1></body></html>", ZERO),
        (b"plain text", ZERO),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", ZERO),
        (list_page(("javascript:open(1)", "一"), ("#", "二")), "no link to another page is in what matches"),
    ],
)
async def test_list_without_articles_says_what_to_do(origin: Origin, page: bytes, why: str) -> None:
    url = html(origin, "/list.html", page)
    with pytest.raises(ParseError) as caught:
        await fetch(source(url))
    assert caught.value.kind == "nothing_matched"
    assert (caught.value.url, str(caught.value).startswith(why)) == (url, True)
    assert f"`{RULES.items}` (scrape.items)" in str(caught.value)


async def test_list_that_cannot_be_had(origin: Origin) -> None:
    with pytest.raises(FetchError) as caught:
        await fetch(source(f"{origin.url}/nowhere"))
    assert caught.value.status == 404


async def test_damaged_bytes_cost_characters_not_the_article(origin: Origin) -> None:
    html(origin, "/1.html", article_page("<p>前面@后面</p>", encoding="gbk").replace(b"@", b"\xff\xff"))
    (entry,) = (await pull(source(listing(origin, "1")))).feed.entries
    assert entry.content is not None
    assert entry.content.value.startswith("<p>前面")
    assert entry.content.value.endswith("后面</p>")


async def test_only_a_few_articles_are_fetched_at_once(origin: Origin) -> None:
    running, most, lock, together = 0, 0, threading.Lock(), threading.Barrier(4)

    def answer(seen: Seen) -> Response:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        # Passes only when four requests are here at the same time.
        together.wait(PATIENCE)
        with lock:
            running -= 1
        return Response(GOOD, headers={"Content-Type": "text/html"})

    names = [str(number) for number in range(8)]
    for name in names:
        origin.handle(f"/{name}.html", answer)
    pulled = await pull(source(listing(origin, *names)))
    assert (len(pulled.feed.entries), most) == (8, 4)


async def test_private_addresses_in_a_list_are_refused(origin: Origin) -> None:
    html(origin, "/1.html", GOOD)
    other = "http://[::1]:9/secret.html"
    pulled = await pull(source(html(origin, "/list.html", list_page(("/1.html", "一"), (other, "二")))))
    assert [entry.url for entry in pulled.feed.entries] == [f"{origin.url}/1.html"]
    assert other in pulled.fetched.missing[0]


def test_a_list_that_was_never_scraped_cannot_be_read() -> None:
    page = Fetched("http://a.example/", "http://a.example/", 200, "text/html", b"<p>")
    with pytest.raises(ParseError, match="not fetched"):
        KINDS["scrape"].read(source("http://a.example/"), page, NOW, parse)
