"""Lists of several pages: which are asked for, what they give, and where it ends."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest

from aggregator.models import FeedState, Fetched, Source
from aggregator.normalize.identity import Level, key_of
from aggregator.sources.drift import Memory
from aggregator.sources.scrape import ScrapeRules
from tests.origin import Origin, Response, Seen
from tests.scraping import ARTICLE, NOW, article_page, fetch, html, pull, source

LEVELS: tuple[Level, ...] = ("guid", "link", "title")
READ = FeedState("site", last_success_at=NOW - timedelta(hours=1))


def rules(**more: Any) -> ScrapeRules:
    return ScrapeRules("li", **{"limit": 1000, "next": "a.next", "pages": 3, **more})


def page(names: Collection[str], following: str | None = None) -> str:
    items = "".join(f'<li><a href="/{name}.html">{name}</a></li>' for name in names)
    return f"<ul>{items}</ul>" + (f'<a class="next" href="{following}">more</a>' if following else "")


def pages(origin: Origin, *lists: str) -> str:
    """Serve pages of a list, each with the names of its items, that link to each other."""
    for number, names in enumerate(lists, 1):
        following = f"/list{number + 1}.html" if number < len(lists) else None
        html(origin, f"/list{number}.html", page(names, following))
    return f"{origin.url}/list1.html"


async def names(source: Source, state: FeedState | None = None, known: str = "") -> str:
    """The names of the items that a pull gives."""
    keys = [f"{source.url.rpartition('/')[0]}/{name}.html" for name in known]
    feed = (await pull(source, state, keys)).feed
    return "".join(entry.title.value for entry in feed.entries if entry.title)


def asked(origin: Origin) -> list[str]:
    return [seen.path for seen in origin.pages()]


async def test_the_first_time_all_pages_are_read_up_to_the_number_of_pages(origin: Origin) -> None:
    url = pages(origin, "ab", "cd", "ef", "gh")
    assert await names(source(url, rules()), known="abcdefgh") == "abcdef"
    assert asked(origin) == ["/list1.html", "/list2.html", "/list3.html"]


async def test_later_pages_are_read_as_long_as_they_have_something_new(origin: Origin) -> None:
    one = source(pages(origin, "ab", "cd", "ef"), rules())
    assert await names(one, READ, known="abcdef") == "ab"
    assert await names(one, READ, known="bcdef") == "abcd"
    assert await names(one, READ, known="bef") == "abcdef"
    assert [asked(origin).count(f"/list{number}.html") for number in (1, 2, 3)] == [3, 2, 1]


async def test_an_item_is_known_by_whatever_identifies_the_items_of_its_source(origin: Origin) -> None:
    one = source(pages(origin, "ab", "cd"), rules())
    for level in LEVELS:
        keys = [key_of(entry, level) for entry in (await pull(one)).feed.entries]
        before = len(origin.asked("/list2.html"))
        await pull(one, READ, keys)
        assert len(origin.asked("/list2.html")) == before, level


async def test_pages_by_their_number(origin: Origin) -> None:
    for number, items in enumerate(["ab", "cd", "ef"], 1):
        html(origin, f"/list?p={number}", page(items))
    html(origin, "/list", page("ab"))
    one = source(f"{origin.url}/list", rules(next="?p={n}", pages=9))
    pulled = await pull(one)
    assert [entry.title and entry.title.value for entry in pulled.feed.entries] == list("abcdef")
    # There is no fourth page, which is how a list ends.
    assert asked(origin) == ["/list", "/list?p=2", "/list?p=3", "/list?p=4"]
    assert pulled.fetched.missing == ()


@pytest.mark.parametrize("following", ["/list?p={n}", "list?p={n}", "{origin}/list?p={n}"])
async def test_the_address_of_a_page_may_be_relative(origin: Origin, following: str) -> None:
    html(origin, "/list", page("ab"))
    html(origin, "/list?p=2", page("cd"))
    one = source(f"{origin.url}/list", rules(next=following.replace("{origin}", origin.url), pages=2))
    assert await names(one) == "abcd"


async def test_a_list_that_goes_on_for_ever_ends(origin: Origin) -> None:
    def endless(seen: Seen) -> Response:
        number = int(seen.path.rpartition("=")[2] or 1) if "=" in seen.path else 1
        body = page([f"n{number}"], f"/list?p={number + 1}")
        return Response(body.encode(), 200, {"Content-Type": "text/html"})

    for number in range(1, 60):
        origin.handle("/list" if number == 1 else f"/list?p={number}", endless)
    assert len((await pull(source(f"{origin.url}/list", rules(pages=50)))).feed.entries) == 50
    assert len(origin.pages()) == 50


async def test_pages_that_link_to_each_other_are_read_once(origin: Origin) -> None:
    html(origin, "/list1.html", page("ab", "/list2.html"))
    html(origin, "/list2.html", page("cd", "/list1.html"))
    assert await names(source(f"{origin.url}/list1.html", rules(pages=9))) == "abcd"
    assert asked(origin) == ["/list1.html", "/list2.html"]


async def test_a_page_that_shows_the_same_items_again_is_the_last(origin: Origin) -> None:
    for number in range(2, 9):
        html(origin, f"/list?p={number}", page("ab"))
    html(origin, "/list", page("ab"))
    assert await names(source(f"{origin.url}/list", rules(next="?p={n}", pages=9))) == "ab"
    assert asked(origin) == ["/list", "/list?p=2"]


async def test_items_on_two_pages_are_one(origin: Origin) -> None:
    assert await names(source(pages(origin, "abc", "bcd", "de"), rules())) == "abcde"


async def test_the_limit_counts_the_items_of_all_pages(origin: Origin) -> None:
    assert await names(source(pages(origin, "abc", "def", "ghi"), rules(limit=5))) == "abcde"
    assert asked(origin) == ["/list1.html", "/list2.html"]


async def test_a_page_that_fails_is_missing_and_asked_for_again(origin: Origin) -> None:
    one = source(pages(origin, "ab", "cd", "ef"), rules())
    origin.route("/list2.html", "oops", status=500)
    first = (await pull(one)).fetched
    (missing,) = first.missing
    assert missing.startswith("page 2 of the list could not be read: ")
    assert f"{origin.url}/list2.html" in missing
    # All that was read is stored, and yet the rest is not forgotten.
    html(origin, "/list2.html", page("cd", "/list3.html"))
    state = FeedState("site", last_success_at=NOW, memory=first.memory)
    assert await names(one, state, known="ab") == "abcdef"
    whole = await fetch(one, state, [f"{origin.url}/{name}.html" for name in "ab"])
    assert isinstance(whole, Fetched)
    assert await names(one, FeedState("site", last_success_at=NOW, memory=whole.memory), known="abcdef") == "ab"


@pytest.mark.parametrize("status", [404, 410])
async def test_a_link_to_a_page_that_is_gone_is_missing(origin: Origin, status: int) -> None:
    one = source(pages(origin, "ab", "cd"), rules())
    origin.route("/list2.html", "gone", status=status)
    assert len((await pull(one)).fetched.missing) == 1


async def test_a_page_without_items_is_missing_where_a_link_led_to_it(origin: Origin) -> None:
    pulled = await pull(source(pages(origin, "ab", ""), rules()))
    (missing,) = pulled.fetched.missing
    assert missing == f"no item on page 2 of the list matches `li` ({origin.url}/list2.html)"
    assert len(pulled.feed.entries) == 2


async def test_a_first_page_without_items_is_a_failure_with_the_number_of_last_time(origin: Origin) -> None:
    one = source(pages(origin, "abcde", "fg"), rules())
    memory = (await pull(one)).fetched.memory
    assert Memory.load(memory, "").items == 5
    html(origin, "/list1.html", "<ol><li></ol>".replace("li", "dd"))
    with pytest.raises(Exception, match=r"^0 of 5 items matched `li` \(scrape\.items\)") as caught:
        await fetch(one, FeedState("site", last_success_at=NOW, memory=memory))
    assert caught.value.page.body == b"<ol><dd></ol>"  # type: ignore[attr-defined]


async def test_articles_of_all_pages_are_read(origin: Origin) -> None:
    one = source(pages(origin, "ab", "cd"), rules(article=ARTICLE))
    for name in "abcd":
        html(origin, f"/{name}.html", article_page(f"<p>{name}</p>"))
    entries = (await pull(one, None, [f"{origin.url}/b.html"])).feed.entries
    assert [entry.url and entry.url.rpartition("/")[2] for entry in entries] == ["a.html", "c.html", "d.html"]


async def test_further_pages_follow_the_rules_of_robots(origin: Origin) -> None:
    origin.route("/robots.txt", "User-agent: *\nDisallow: /list2", content_type="text/plain")
    pulled = await pull(source(pages(origin, "ab", "cd"), rules()))
    assert len(pulled.feed.entries) == 2
    assert "robots.txt" in pulled.fetched.missing[0]


async def test_further_pages_are_no_way_to_private_addresses(origin: Origin) -> None:
    pulled = await pull(source(html(origin, "/list1.html", page("ab", "http://[::1]:9/list2.html")), rules()))
    assert len(pulled.feed.entries) == 2
    assert "http://[::1]:9/list2.html" in pulled.fetched.missing[0]
