"""Twelve differently built sites are each configured in at most eight lines, and give the expected items."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.origin import Origin
from tests.sites import boards, portals, programs
from tests.sites.replica import Item, Replica
from tests.support import Site

pytestmark = pytest.mark.usefixtures("workers_inside")

SITES = (
    portals.PORTAL,
    portals.WORDPRESS,
    boards.NOTICES,
    programs.NEXT,
    boards.FORUM,
    programs.API,
    programs.SITEMAP,
    portals.BIG5,
    portals.SHIFT_JIS,
    boards.INFINITE,
    boards.WALLED,
    portals.LAZY,
)
assert len(SITES) == 12


def _items(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((site.data / "public" / "all" / "feed.json").read_text())["items"]
    return found


def _as_expected(item: dict[str, Any], expected: Item, origin: Origin) -> None:
    body = item.get("content_html", "")
    assert item["title"] == expected.title
    assert item["url"] == origin.url + expected.path
    assert expected.date is None or item["date_published"] == expected.date
    assert [text for text in expected.has if text not in body] == []
    assert [text for text in expected.lacks if text in body] == []
    if expected.authors is not None:
        assert tuple(author["name"] for author in item.get("authors", ())) == expected.authors
    assert tuple(item.get("tags", ())) == expected.tags
    assert expected.image is None or item["image"] == origin.url + expected.image


@pytest.mark.parametrize("replica", SITES, ids=lambda one: one.name)
def test_a_site_gives_its_items(replica: Replica, site: Site, origin: Origin) -> None:
    assert len(replica.source(origin).splitlines()) <= 8
    replica.serve(origin)
    replica.configure(site, origin)
    checked = site.run("check")
    assert checked.status == 0, checked.stderr
    done = site.run("update")
    assert done.status == 0, done.stderr + done.stdout
    items = _items(site)
    assert [item["title"] for item in items] == [item.title for item in replica.items]
    for item, expected in zip(items, replica.items, strict=True):
        _as_expected(item, expected, origin)


@pytest.mark.parametrize("replica", SITES, ids=lambda one: one.name)
def test_the_second_cycle_changes_nothing(replica: Replica, site: Site, origin: Origin) -> None:
    replica.serve(origin)
    replica.configure(site, origin)
    assert site.run("update").status == 0
    before, asked = site.stamps(), len(origin.pages())
    done = site.run("update", "--all")
    assert done.status == 0, done.stderr
    assert site.stamps() == before
    again = {seen.path for seen in origin.pages()[asked:]}
    assert not {path for path in again if any(path == item.path for item in replica.items)}


def test_a_wall_is_named_with_what_can_be_done(site: Site, origin: Origin) -> None:
    boards.WALLED.serve(origin)
    boards.WALLED.configure(site, origin)
    text = site.config.read_text(encoding="utf-8").replace("let-me-in", "wrong")
    site.config.write_text(text, encoding="utf-8")
    assert site.run("update").status == 1
    (source,) = site.status().values()
    assert source["failure_kind"] == "blocked"
    assert "Cloudflare" in source["error"]
    shown = site.run("status")
    assert "Cloudflare" in shown.stdout
