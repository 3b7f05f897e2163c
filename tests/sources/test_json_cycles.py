"""The kind `json` in whole cycles: what is stored and published, a second cycle, sources of one address, articles."""

from __future__ import annotations

from typing import Any

import pytest

from tests.jsonapis import answer, items, serve, serve_posts
from tests.origin import Origin, Response, Seen
from tests.scraping import article_page, html
from tests.support import Site

pytestmark = pytest.mark.usefixtures("workers_inside")


def api(url: str, **settings: Any) -> dict[str, Any]:
    return {"url": url, "items": "$.items[*]", "title": "title", "link": "url", **settings}


def test_a_second_cycle_changes_nothing_and_a_third_brings_what_is_new(site: Site, origin: Origin) -> None:
    url = serve(origin, "/api", {"items": items(1, 2)}, conditional=True)
    site.configure({"id": "api", "json": api(url, id="id")})
    assert "2 new entries" in site.run("update").stdout
    before = site.stamps()
    assert site.run("update", "--all").status == 0
    assert site.stamps() == before
    assert "if-none-match" in origin.requests[-1].headers
    serve(origin, "/api", {"items": [*items(3), *items(1, 2)]}, conditional=True)
    assert "1 new entry" in site.run("update", "--all").stdout
    assert len(site.posts()) == 3


@pytest.mark.processes
def test_an_item_that_changes_is_a_changed_entry(site: Site, origin: Origin) -> None:
    url = serve(origin, "/api", {"items": items(1)})
    site.configure({"id": "api", "json": api(url, id="id")})
    site.run("update")
    serve(origin, "/api", {"items": [{"id": 1, "title": "Another title", "url": "/moved/1"}]})
    done = site.run("update", "--all")
    assert (done.status, len(site.posts())) == (0, 1)
    assert any(b"Another title" in post for post in site.posts().values())


def test_sources_of_one_address_with_other_bodies_get_their_own_answers(site: Site, origin: Origin) -> None:
    url, bodies = serve_posts(origin, "/api", lambda body: {"items": items(body["n"])})
    site.configure(
        {"id": "one", "json": api(url, body={"n": 1})},
        {"id": "two", "json": api(url, body={"n": 2})},
        {"id": "three", "json": api(url, body={"n": 1}, limit=5)},
    )
    for _ in range(2):
        done = site.run("update", "--all")
        assert done.status == 0, done.stderr
    assert {row["entries"] for row in site.status().values()} == {1}
    assert sorted(body["n"] for body in bodies[:2]) == [1, 2], "the same request is made once"
    assert len(bodies) == 4


def test_a_walled_api_is_told_as_one(site: Site, origin: Origin) -> None:
    def walled(seen: Seen) -> Response:
        return answer({"url": "https://geo.captcha-delivery.com/captcha/?initialCid=AHrl"}, 403)

    site.configure({"id": "api", "json": api(origin.handle("/api", walled))})
    assert site.run("update").status == 1
    failed = site.status()["api"]
    assert failed["failure_kind"] == "blocked"
    assert failed["error"].startswith("DataDome stands before the site")


def test_article_pages_of_an_api_come_once(site: Site, origin: Origin) -> None:
    for number in (1, 2):
        html(origin, f"/d/{number}", article_page(f"<p>Body {number}</p>", encoding="utf-8"))
    url = serve(origin, "/api", {"items": items(1, 2)})
    site.configure({"id": "api", "json": api(url, id="id", article={"body": "#articleC"})})
    for _ in range(2):
        assert site.run("update", "--all").status == 0
    assert [len(origin.asked(f"/d/{number}")) for number in (1, 2)] == [1, 1]
    assert sum(b"Body" in post for post in site.posts().values()) == 2
    serve(origin, "/api", {"items": [{**items(1)[0], "title": "Corrected"}, *items(2)]})
    assert site.run("update", "--all").status == 0
    assert [len(origin.asked(f"/d/{number}")) for number in (1, 2)] == [2, 1]


def test_tokens_are_sent_and_never_shown(site: Site, origin: Origin) -> None:
    def api_with_token(seen: Seen) -> Response:
        if seen.headers.get("authorization") != "Bearer s3cret-token":
            return answer({"message": "unauthorized"}, 401)
        return answer({"message": f"no such channel for {seen.headers['authorization']}"})

    url = origin.handle("/api", api_with_token)
    site.configure({"id": "api", "json": api(url), "auth": {"bearer": "s3cret-token"}})
    done = site.run("update", "--verbose")
    assert done.status == 1
    assert "no such channel for Bearer ***" in site.status()["api"]["error"]
    assert "s3cret-token" not in done.stdout + done.stderr
