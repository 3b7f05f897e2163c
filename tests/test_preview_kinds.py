"""Previews and fixtures of sources of every kind: the same as an update stores, and the same again offline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from aggregator.sources import KINDS
from tests.origin import Origin, Response
from tests.scraping import html, list_page
from tests.support import Site, item, read_tree, rss

pytestmark = pytest.mark.usefixtures("workers_inside")

KEY = "s3cr3t-access-key"
ARTICLE = (
    "<title>Article {n}</title><meta property='article:published_time' content='2026-01-0{n}T10:00:00Z'>"
    f"<article><h1>Article {{n}}</h1><p>{'Words of the article. ' * 20}</p></article>"
)


def _sources(origin: Origin) -> dict[str, Mapping[str, Any]]:
    """A source of each kind, by kind, with all that it asks for."""
    for place in ("list", "map", "api"):
        for n in (1, 2, 3):
            html(origin, f"/{place}/{n}", ARTICLE.replace("{n}", str(n)))
    pages = "".join(f"<url><loc>{origin.url}/map/{n}</loc><lastmod>2026-01-0{n}</lastmod></url>" for n in (1, 2, 3))
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    answer = json.dumps({"list": [{"t": f"Record {n}", "u": f"/api/{n}", "at": 1767225600 + n} for n in (1, 2)]})
    origin.posts["/api"] = lambda seen, body: Response(answer.encode(), 200, {"Content-Type": "application/json"})
    route = origin.route("/hub/some/route", rss([item(1), item(2)])).removesuffix("hub/some/route")
    fields = {"title": "t", "link": "u", "date": "at", "body": {"key": "${env:KEY}"}}
    return {
        "feed": {"feed": origin.route("/feed", rss([item(3), item(4)]))},
        "scrape": {
            "scrape": {
                "url": html(origin, "/list", list_page(("/list/1", "甲"), ("/list/2", "乙"))),
                "items": "h3 > a",
                "article": True,
            }
        },
        "sitemap": {"sitemap": origin.route("/sitemap.xml", f"<urlset xmlns='{space}'>{pages}</urlset>")},
        "json": {"json": {"url": f"{origin.url}/api", "items": "$.list[*]", **fields}},
        "rsshub": {"rsshub": {"route": "/some/route", "instances": [f"{route}dead/", f"{route}hub/"], "key": KEY}},
    }


@pytest.fixture
def place(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("KEY", KEY)
    sources = _sources(origin)
    assert set(sources) == set(KINDS)
    site.configure(*({"id": kind, **source} for kind, source in sources.items()))
    return site


def _items(site: Site, kind: str) -> list[dict[str, Any]]:
    done = site.run("preview", kind, "--json", "--post")
    assert done.status == 0, done.stderr
    items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return items


def test_sources_of_every_kind_are_previewed_as_an_update_stores_them(place: Site) -> None:
    seen = {kind: _items(place, kind) for kind in KINDS}
    assert not place.data.exists()
    assert {kind: {one["here"] for one in items} for kind, items in seen.items()} == {kind: {"new"} for kind in KINDS}
    assert place.run("update").status == 0
    listed = json.loads(place.run("list", "--json").stdout)
    for kind, items in seen.items():
        stored = [(row["title"], row["url"], row["published_at"]) for row in listed if row["source"] == kind]
        found = [(one["entry"]["title"], one["entry"]["url"], one["entry"]["published_at"]) for one in items]
        assert found == stored
        assert {one["here"] for one in _items(place, kind)} == {"stored"}
    shown = {one["post"]["text"] for items in seen.values() for one in items}
    assert shown == {data.decode() for data in place.posts().values()}


def test_sources_of_every_kind_are_captured_without_secrets_and_checked_offline(
    place: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in KINDS:
        assert place.run("capture", kind).status == 0
    kept = b"".join(read_tree(place.folder / "fixtures").values())
    assert b"s3cr3t" not in kept
    assert b"code=***" in kept
    asked = len(origin.requests)
    for key in (KEY, "another-key"):
        monkeypatch.setenv("KEY", key)
        done = place.run("check", "--fixtures")
        assert [done.status, done.stdout.splitlines()[-1]] == [0, "5 fixtures with 11 items: all as expected"]
    assert len(origin.requests) == asked
