"""APIs that answer in JSON, and what it takes to pull them: shared by the tests of the kind `json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from aggregator.models import FeedState, Fetched, Source
from aggregator.parse import parse
from aggregator.sources import KINDS
from aggregator.sources.jsonapi import JsonRules, make_rules
from aggregator.sources.jsonsettings import JsonSettings
from tests import scraping
from tests.origin import Origin, Response, Seen
from tests.scraping import NOW, Pulled

JSON = "application/json; charset=utf-8"
URL = "https://a.example/api"


def rules(**settings: Any) -> JsonRules:
    """The rules that settings make; without any, those of items with `title` and `url` in the list `items`."""
    usual = {"url": URL, "items": "$.items[*]", "title": "title", "link": "url"}
    given = {name: value for name, value in {**usual, **settings}.items() if value is not None}
    return make_rules(JsonSettings.model_validate(given), None)


def source(url: str, **settings: Any) -> Source:
    """A source of the kind `json`."""
    return replace(scraping.source(url, None), kind="json", rules=rules(**settings))


def items(*numbers: int) -> list[dict[str, Any]]:
    """Items with a number in title, address and id."""
    return [{"id": number, "title": f"Item {number}", "url": f"/d/{number}"} for number in numbers]


def serve(origin: Origin, path: str, value: object, **options: Any) -> str:
    """Serve a value as JSON, and return its address."""
    return origin.route(path, json.dumps(value), content_type=JSON, **options)


def answer(value: object, status: int = 200, **headers: str) -> Response:
    """A value as an answer."""
    return Response(json.dumps(value).encode(), status, {"Content-Type": JSON, **headers})


def serve_posts(origin: Origin, path: str, make: Callable[[Any], object]) -> tuple[str, list[Any]]:
    """Answer POST requests with what `make` makes of their JSON; return the address, and the bodies that come."""
    bodies: list[Any] = []

    def post(seen: Seen, body: bytes) -> Response:
        bodies.append(json.loads(body))
        return answer(make(bodies[-1]))

    origin.posts[path] = post
    return origin.url + path, bodies


async def pull(one: Source, state: FeedState | None = None, known: Collection[str] = ()) -> Pulled:
    """Fetch and read a source that is new or has changed."""
    asked: list[str] = []
    fetched = await scraping.fetch(one, state, known, asked)
    assert isinstance(fetched, Fetched)
    return Pulled(fetched, KINDS["json"].read(one, fetched, NOW, parse), tuple(asked))


async def titles(one: Source, state: FeedState | None = None, known: Collection[str] = ()) -> list[str]:
    """The titles of what a source gives."""
    return [entry.title.value for entry in (await pull(one, state, known)).feed.entries if entry.title]


def state_after(one: Source, fetched: Fetched, **more: Any) -> FeedState:
    """The state of a source after a document."""
    seen: Mapping[str, Any] = {"etag": fetched.etag, "body_hash": fetched.body_hash, "memory": fetched.memory}
    made = FeedState("site", request_hash=KINDS["json"].request_hash(one), last_success_at=NOW, **seen)
    return replace(made, **more)
