"""Answers that are no JSON, have no items, or are made to be too much: each is a failure with its reason."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aggregator.errors import FetchError, ParseError
from aggregator.models import Fetched
from aggregator.sources.drift import Memory
from aggregator.sources.jsonitems import read_items
from tests.jsonapis import URL, answer, items, pull, rules, serve, source, state_after
from tests.origin import Origin
from tests.scraping import html
from tests.support import Site
from tests.thoroughness import examples

pytestmark = pytest.mark.usefixtures("workers_inside")


def document(value: object, **options: Any) -> Fetched:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Fetched(URL, URL, 200, options.get("content_type", "application/json"), body)


async def failure(one: Any, state: Any = None) -> ParseError:
    with pytest.raises(ParseError) as caught:
        await pull(one, state)
    return caught.value


async def test_no_items_are_a_failure_with_the_answer_at_hand(origin: Origin) -> None:
    url = serve(origin, "/api", {"data": {"rows": items(1)}})
    error = await failure(source(url, items="$.data.list[*]"))
    assert error.kind == "nothing_matched"
    assert str(error).startswith("0 items matched `$.data.list[*]` (json.items); look at the page and correct")
    assert error.page is not None
    assert error.page.body == json.dumps({"data": {"rows": items(1)}}).encode()


async def test_the_message_says_how_many_items_there_were(origin: Origin) -> None:
    url = serve(origin, "/api", {"items": items(*range(25))})
    one = source(url)
    first = (await pull(one)).fetched
    serve(origin, "/api", {"list": items(1)})
    error = await failure(one, state_after(one, first))
    assert str(error).startswith("0 of 25 items matched `$.items[*]` (json.items)")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"code": 401, "message": "token\u0007 expired"}, "the answer says: token expired"),
        ({"error": {"code": 5, "message": "no such channel"}}, "the answer says: no such channel"),
        ({"errors": [{"message": "Cannot query field"}], "data": None}, "the answer says: Cannot query field"),
        ({"msg": "ok", "detail": "x" * 500}, "the answer says: " + "x" * 200 + " ("),
        (
            {"items": [], "message": "success"},
            "the list is there and is empty: if that can be, set `allow_empty: true`",
        ),
        ({"items": None}, "the list is there and is empty"),
        ([], "look at the page and correct the selector ("),
    ],
)
async def test_the_message_says_what_the_answer_says(origin: Origin, value: object, says: str) -> None:
    assert says in str(await failure(source(serve(origin, "/api", value))))


@pytest.mark.parametrize(
    ("value", "path", "fine"),
    [
        ({"items": []}, "$.items[*]", True),
        ({"items": []}, "$.items", True),
        ({"items": None}, "$.items", True),
        ({"items": {}}, "$.items.*", True),
        ([], "$", True),
        ([], "$[*]", True),
        ({"items": [{"kind": "ad"}]}, "$.items[?@.url]", True),
        ({}, "$.items[*]", False),
        ({}, "$.items", False),
        ({"item": []}, "$.items[*]", False),
        ({"message": "gone"}, "$.a.b.c", False),
    ],
)
async def test_an_empty_list_may_be_allowed(origin: Origin, value: object, path: str, fine: bool) -> None:
    one = source(serve(origin, "/api", value), items=path, allow_empty=True)
    if fine:
        assert (await pull(one)).feed.entries == ()
    else:
        assert (await failure(one)).kind == "nothing_matched"


async def test_items_without_links_are_a_failure(origin: Origin) -> None:
    url = serve(origin, "/api", {"items": items(1, 2)})
    error = await failure(source(url, link="href"))
    said = (
        "none of the 2 items that match `$.items[*]` (json.items) has `link`; look at the answer and correct json.link"
    )
    assert (error.kind, str(error).partition(" (http")[0]) == ("nothing_matched", said)
    error = await failure(source(url, link="href", id="nid", items="$.items[0]"))
    assert "the item `$.items[0]` (json.items) has no `link` or `id`" in str(error)


async def test_one_item_without_a_link_is_left_out(origin: Origin) -> None:
    url = serve(origin, "/api", {"items": [*items(1), {"title": "no link"}, 5, None, "x", []]})
    assert len((await pull(source(url))).feed.entries) == 1


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"<!DOCTYPE html><html><head><title>Login</title>", "not_a_feed", "HTML, not JSON: is it a login page, or"),
        (b"<?xml version='1.0'?><rss/>", "not_a_feed", "the answer is XML, not JSON"),
        (b'{"items": [{"title": "x"', "unparsable", "the document is cut off: broken JSON"),
        (b'{"items": [}', "unparsable", "broken JSON: Expecting value in line 1, column 12"),
        (b"not json", "unparsable", "there is no JSON in the answer"),
        (b"[" * 100_000, "unparsable", "the JSON is nested too deeply"),
        (b'{"a":' * 250 + b"1" + b"}" * 250, "unparsable", "the JSON is nested too deeply"),
        (b"[" + b"1," * 1_000_001 + b"1]", "too_large", "the JSON has more than 1,000,000 values"),
        (b"[" + b"9" * 5000 + b"]", "unparsable", "broken JSON"),
        (b'"' + b"x" * 10, "unparsable", "the document is cut off"),
    ],
)
def test_what_is_no_json_is_a_failure_with_its_reason(body: bytes, kind: str, says: str) -> None:
    with pytest.raises(ParseError) as caught:
        read_items((rules(), Memory("x"), document(body)))
    assert (caught.value.kind, caught.value.url) == (kind, URL)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("markup", "script", "kind", "says"),
    [
        (
            "<p>no script</p>",
            "script#data",
            "nothing_matched",
            "nothing on the page matches `script#data` (json.script)",
        ),
        ("<script id=data>var x = 1;</script>", "#data", "unparsable", "there is no JSON in the script"),
        ('<script id=data>x={"a":[}</script>', "#data", "unparsable", "broken JSON"),
        ("<p></p>", "application/ld+json", "nothing_matched", "matches `application/ld+json` (json.script)"),
    ],
)
async def test_pages_without_json(origin: Origin, markup: str, script: str, kind: str, says: str) -> None:
    error = await failure(source(html(origin, "/news", f"<html><body>{markup}</body></html>"), script=script))
    assert error.kind == kind
    assert says in str(error)
    assert error.page is not None


def test_a_source_that_fails_is_shown_with_its_answer(site: Site, origin: Origin) -> None:
    url = serve(origin, "/api", {"items": items(1, 2)})
    site.configure({"id": "api", "json": {"url": url, "items": "$.items[*]", "title": "title", "link": "url"}})
    done = site.run("update")
    assert done.status == 0, done.stderr
    assert len(site.posts()) == 2
    serve(origin, "/api", {"list": items(3)})
    assert site.run("update", "--all").status == 1
    failed = site.status()["api"]
    assert failed["failure_kind"] == "nothing_matched"
    assert failed["error"].startswith("0 of 2 items matched `$.items[*]` (json.items)")
    (kept,) = (site.data / "pages").iterdir()
    assert json.dumps({"list": items(3)}) in kept.read_text()
    assert len(site.posts()) == 2


@pytest.mark.processes
def test_a_path_that_takes_too_long_is_ended(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.sources.jsonapi.SECONDS", 0.3)
    deep: object = 1
    for _ in range(60):
        deep = [deep, deep] if _ < 12 else [deep]
    url = serve(origin, "/api", deep)
    site.configure({"id": "api", "json": {"url": url, "items": "$..[?@..[?@..*]]", "link": "url"}})
    assert site.run("update").status == 1
    failed = site.status()["api"]
    assert failed["failure_kind"] == "unparsable"
    assert "took longer than 0.3 s of computing" in failed["error"]


# -- properties --------------------------------------------------------------------------------------------------------

_NAMES = st.sampled_from(["items", "title", "url", "id", "next", "a", "", "@id", "$t", "a.b"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("http://b.example/"),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=25,
)
_SELECTORS = st.sampled_from(
    "title url $ @ a.b $.a $..a $..* $[*] $.* $[0] $[-1:] $[?@.a] $[?@.a=='x'] $[?length(@)>1] $[?search(@,'a+')] "
    "$[?@..a] {id} /p/{a.b}/{$.id} x{$..a} @id $t ['a.b']".split()
)
_FIELD = _SELECTORS | st.fixed_dictionaries(
    {"select": _SELECTORS, "regex": st.sampled_from([".", "(.*)", "a(b)?", "^$"])}
)
_PATHS = _SELECTORS.filter(lambda selector: "{" not in selector)


@examples(30)
@given(
    _VALUES,
    _PATHS,
    st.dictionaries(st.sampled_from(["title", "date", "content", "author", "image", "categories"]), _FIELD),
    _FIELD,
    _PATHS,
)
def test_any_json_with_any_rules_is_read_or_refused(
    value: Any, path: str, fields: Any, link: Any, following: str
) -> None:
    made = rules(items=path, link=link, id="id", next=following, **fields)
    for memory in (Memory("x"), None):
        try:
            read = read_items((made, memory, document(value)))
        except ParseError as error:
            assert error.url == URL
            continue
        assert len(read.entries) == len(read.filled) <= made.limit
        for entry in read.entries:
            assert entry.guid
            assert entry.url is None or re.match(r"https?://", entry.url)
            json.dumps(repr(entry)).encode()
            (entry.title.value if entry.title else "").encode()


@given(st.text(max_size=60) | st.from_regex(r"[$@]?[.\[\]?a-z0-9*'\"(),:@=&|! {}-]{0,25}", fullmatch=True))
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    try:
        made = rules(title=text)
    except ValidationError as error:
        assert all(detail["type"] == "value_error" for detail in error.errors())
        return
    value = {"items": [{"url": "/1", "a": [{"b": 1}], "title": "x"}, {"url": "/2", "a": {"c": "d"}}]}
    with suppress(ParseError):
        read_items((made, None, document(value)))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for script in (None, "script", "application/ld+json"):
        made = rules(**({"script": script} if script else {}))
        for data in (body, b"<script>" + body + b"</script>", b'<script type="application/ld+json">' + body):
            try:
                read_items((made, None, document(data)))
            except ParseError as error:
                assert error.url == URL


async def test_an_answer_that_is_an_error_of_http_stays_one(origin: Origin) -> None:
    origin.handle("/api", answer({"message": "no"}, 401))
    with pytest.raises(FetchError, match="set `auth` of the source"):
        await pull(source(origin.url + "/api"))
