"""Answers of several pages: how the next one is found, which are read, and that it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import FetchError
from aggregator.models import Access, FeedState, Fetched, RawEntry
from aggregator.sources import ShareUsedUp, Tools
from aggregator.sources.paging import Pages
from tests import scraping
from tests.jsonapis import answer, items, pull, serve, serve_posts, source, state_after, titles
from tests.origin import Origin, Response, Seen
from tests.scraping import NOW


def paged(origin: Origin, make: Callable[[dict[str, str]], object], path: str = "/api") -> str:
    """Answer at a path with what `make` makes of the query."""

    def route(seen: Seen) -> Response:
        return answer(make({name: values[0] for name, values in parse_qs(urlsplit(seen.path).query).items()}))

    return origin.handle(path, route)


def queries(origin: Origin) -> list[str]:
    return [urlsplit(seen.path).query for seen in origin.requests]


async def test_the_address_of_the_next_answer(origin: Origin) -> None:
    url = serve(origin, "/api", {"items": items(1), "links": {"next": "/api/2?x=a b"}})
    serve(origin, "/api/2", {"items": items(2), "links": {"next": origin.url + "/api/3"}})
    serve(origin, "/api/3", {"items": items(3), "links": {"next": None}})
    assert await titles(source(url, next="links.next")) == ["Item 1", "Item 2", "Item 3"]
    assert len(origin.requests) == 3


@pytest.mark.parametrize(
    ("next_page", "asked"),
    [
        ("{origin}/api?page={n}", ["", "page=2", "page=3"]),
        ("?page={n}", ["", "page=2", "page=3"]),
        ({"url": "?offset={n}", "start": 0, "step": 20}, ["", "offset=20", "offset=40"]),
        ({"url": "?p={n}", "start": 0}, ["", "p=1", "p=2"]),
    ],
)
async def test_answers_are_counted(origin: Origin, next_page: Any, asked: list[str]) -> None:
    url = paged(origin, lambda query: {"items": items(int([*query.values(), "0"][0]))})
    if isinstance(next_page, str):
        next_page = next_page.replace("{origin}", origin.url)
    assert len(await titles(source(url, next=next_page))) == 3
    assert queries(origin) == asked


async def test_a_cursor_is_put_into_the_address(origin: Origin) -> None:
    after = {"": "a/b=&1", "a/b=&1": 17, "17": ""}
    url = paged(origin, lambda query: {"items": items(len(query.get("c", ""))), "c": after[query.get("c", "")]})
    one = source(url, next={"path": "c", "url": "?c={next}"}, pages=9)
    assert await titles(one) == ["Item 0", "Item 6", "Item 2"]
    assert queries(origin) == ["", "c=a%2Fb%3D%261", "c=17"]


async def test_the_number_is_put_into_the_body(origin: Origin) -> None:
    url, bodies = serve_posts(origin, "/api", lambda body: {"items": items(body["page"])})
    one = source(url, body={"page": "{n}", "text": "{n} of many"}, next="{n}", pages=2)
    assert await titles(one) == ["Item 1", "Item 2"]
    assert bodies == [{"page": 1, "text": "{n} of many"}, {"page": 2, "text": "{n} of many"}]


async def test_the_cursor_is_put_into_the_body_as_it_is(origin: Origin) -> None:
    """As GraphQL wants it: null at first, then what the answer before said."""
    after: dict[Any, Any] = {None: "c1", "c1": 5, 5: None}
    url, bodies = serve_posts(
        origin, "/graphql", lambda body: {"items": items(len(bodies)), "page": {"end": after[body["v"]["after"]]}}
    )
    one = source(url, body={"query": "{ a { b } }", "v": {"after": "{next}"}}, next="page.end", pages=9)
    assert await titles(one) == ["Item 1", "Item 2", "Item 3"]
    assert [body["v"]["after"] for body in bodies] == [None, "c1", 5]
    assert {body["query"] for body in bodies} == {"{ a { b } }"}


async def test_forms_count_as_well(origin: Origin) -> None:
    bodies: list[bytes] = []

    def post(seen: Seen, body: bytes) -> Response:
        bodies.append(body)
        return answer({"items": items(len(bodies)), "c": "a&b"})

    origin.posts["/api"] = post
    await titles(source(origin.url + "/api", body="page={n}&size=20", next="{n}", pages=2))
    await titles(source(origin.url + "/api", body="cursor={next}", next="c", pages=2))
    assert bodies == [b"page=1&size=20", b"page=2&size=20", b"cursor=", b"cursor=a%26b"]


async def test_a_body_goes_along_to_the_next_address(origin: Origin) -> None:
    _, first = serve_posts(origin, "/api", lambda body: {"items": items(1), "next": "/more"})
    _, second = serve_posts(origin, "/more", lambda body: {"items": items(2), "next": ""})
    assert await titles(source(origin.url + "/api", body={"q": 1}, next="next")) == ["Item 1", "Item 2"]
    assert first == second == [{"q": 1}]


async def test_later_only_as_long_as_there_are_new_items(origin: Origin) -> None:
    url = paged(origin, lambda query: {"items": items(*range(int(query.get("p", "1")) * 2, 9))})
    one = source(url, next="?p={n}", pages=4, id="id")
    known = [str(number) for number in range(4, 9)]
    state = FeedState("site", last_success_at=NOW)
    assert len(await titles(one, state, known)) == 7
    assert queries(origin) == ["", "p=2"]
    origin.requests.clear()
    await titles(one, state, [*known, "2", "3"])
    assert queries(origin) == [""]
    origin.requests.clear()
    await titles(one, FeedState("site"), [*known, "2", "3"])
    assert queries(origin) == ["", "p=2"], "an answer without a new item is the last one"


async def test_items_of_several_answers_count_once_and_up_to_the_limit(origin: Origin) -> None:
    url = paged(origin, lambda query: {"items": items(*range(int(query.get("p", "1")), 6))})
    assert await titles(source(url, next="?p={n}")) == [f"Item {number}" for number in range(1, 6)]
    url = paged(origin, lambda query: {"items": items(*range(int(query.get("p", "1")) * 10, 99))})
    assert len(await titles(source(url, next="?p={n}", limit=95))) == 89
    assert len(await titles(source(url, next="?p={n}", limit=30))) == 30


@pytest.mark.parametrize(
    "settings",
    [
        {"next": "next"},
        {"next": {"path": "c", "url": "?c={next}"}},
        {"next": "c", "body": {"after": "{next}"}},
    ],
)
async def test_answers_that_lead_to_themselves_end(origin: Origin, settings: dict[str, Any]) -> None:
    """The items are new each time, so that only the requests say that it goes round."""
    made = iter(range(1000))

    def make(*_: object) -> object:
        return {"items": items(next(made)), "next": origin.url + "/api?c=1", "c": "1"}

    url = paged(origin, make)
    serve_posts(origin, "/api", make)
    await titles(source(url, pages=50, **settings))
    assert len(origin.requests) == 2


async def test_answers_without_end_end(origin: Origin) -> None:
    url = paged(origin, lambda query: {"items": items(int(query.get("c", "0"))), "c": int(query.get("c", "0")) + 1})
    assert len(await titles(source(url, next={"path": "c", "url": "?c={next}"}))) == 3
    origin.requests.clear()
    assert len(await titles(source(url, next={"path": "c", "url": "?c={next}"}, pages=50))) == 50


@pytest.mark.parametrize("last", [{"items": []}, {"items": items(1)}, {"code": 404}, {"items": [{"x": 1}]}])
async def test_an_answer_with_nothing_new_is_the_last(origin: Origin, last: object) -> None:
    url = paged(origin, lambda query: last if query else {"items": items(1)})
    pulled = await pull(source(url, next="?p={n}", pages=9))
    assert (len(pulled.feed.entries), pulled.fetched.missing) == (1, ())
    assert queries(origin) == ["", "p=2"]


@pytest.mark.parametrize("status", [404, 410])
async def test_a_number_beyond_the_last_is_no_mistake(origin: Origin, status: int) -> None:
    origin.handle("/api", lambda seen: answer({"items": items(1)}, status if "?" in seen.path else 200))
    pulled = await pull(source(origin.url + "/api", next="?p={n}"))
    assert pulled.fetched.missing == ()


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (answer({}, 500), "page 2 of the list could not be read: the server answered 500"),
        (Response(b"<html>login</html>", 200, {"Content-Type": "text/html"}), "the answer is HTML, not JSON"),
        (Response(b'{"items": [', 200), "the document is cut off"),
    ],
)
async def test_a_further_answer_that_fails_is_told_and_asked_again(origin: Origin, broken: Response, told: str) -> None:
    working = [False]

    def route(seen: Seen) -> Response:
        if "?" not in seen.path:
            return answer({"items": items(1)})
        return answer({"items": items(2)}) if working[0] else broken

    one = source(origin.handle("/api", route), next="?p={n}", pages=2, id="id")
    first = await pull(one)
    assert [entry.guid for entry in first.feed.entries] == ["1"]
    (message,) = first.fetched.missing
    assert told in message
    working[0] = True
    again = await pull(one, state_after(one, first.fetched, body_hash=None), known=["1"])
    assert [entry.guid for entry in again.feed.entries] == ["1", "2"]
    assert json.loads(again.fetched.memory or "")["left"] is False


async def test_what_should_be_an_address_and_is_none_is_told(origin: Origin) -> None:
    url = serve(origin, "/api", {"items": items(1), "next": "eyJhIjoxfQ"})
    pulled = await pull(source(url, next="next"))
    (message,) = pulled.fetched.missing
    assert "`next` (json.next) gives `eyJhIjoxfQ`, which is no address; put it into one with `url`" in message


async def test_the_next_answer_gets_no_secrets_on_another_host(origin: Origin, other: Origin) -> None:
    url = serve(origin, "/api", {"items": items(1), "next": other.url + "/api"})
    serve(other, "/api", {"items": items(2)})
    one = replace(
        source(url, next="next"), access=Access(headers=(("X-Key", "secret"),), authorization="Bearer secret")
    )
    assert await titles(one) == ["Item 1", "Item 2"]
    assert "secret" in str(origin.requests[0].headers)
    assert "secret" not in str(other.requests[0].headers)


@dataclass(frozen=True)
class Part:
    entries: tuple[RawEntry, ...]

    @property
    def filled(self) -> tuple[dict[str, bool], ...]:
        return ({},) * len(self.entries)


_PART = st.builds(lambda ids: Part(tuple(RawEntry(guid=one) for one in ids)), st.lists(st.text("abcd", min_size=1)))
_OUTCOME = _PART | st.none() | st.just(ShareUsedUp("x")) | st.just(FetchError("x", kind="timeout"))


@given(
    st.lists(_OUTCOME, max_size=60),
    _PART,
    st.integers(1, 50),
    st.integers(1, 9),
    st.booleans(),
    st.sets(st.text("abcd")),
)
def test_pages_end_whatever_comes(
    outcomes: list[Any], first: Part, most: int, limit: int, everything: bool, known: set[str]
) -> None:
    asked: list[int] = []

    async def ask(number: int) -> Part | None:
        asked.append(number)
        found = outcomes[number - 2] if number - 2 < len(outcomes) else first
        if isinstance(found, Exception):
            raise found
        return found

    async def stored(keys: Sequence[str]) -> set[str]:
        return known & set(keys)

    async def run() -> Pages:
        tools = Tools(None, stored, None, None, None, None)  # type: ignore[arg-type]
        pages = Pages(tools, limit, first)
        await pages.follow(most, ask, everything=everything, counted=False)
        return pages

    pages = asyncio.run(run())
    assert asked == list(range(2, len(asked) + 2))
    assert len(asked) <= most - 1
    assert len(pages.entries) == len(pages.filled) <= limit
    assert pages.left == bool(pages.missing)


async def test_private_addresses_are_not_reached_by_the_next_answer(origin: Origin) -> None:
    url = serve(origin, "/api", {"items": items(1), "next": "http://10.0.0.1/api"})
    fetched = await scraping.fetch(source(url, next="next"))
    assert isinstance(fetched, Fetched)
    assert "is not a public address" in fetched.missing[0]
