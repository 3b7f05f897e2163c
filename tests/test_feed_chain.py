"""A second instance that subscribes to our feeds has the same items, and its feeds say the same again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests import DATA
from tests.origin import Origin
from tests.support import Site

NAMES = ["rss.xml", "atom.xml", "feed.json"]
#: Feeds of the corpus with podcasts, pictures and licences.
PODCASTS = [
    "NetNewsWire__atp.rss",
    "feed-rs__rss_2.0_anchorfm.xml",
    "feed-rs__rss_2.0_nightvale.xml",
    "feedjira-old__KevinsBlog.xml",
    "feedjira__itunes_feedburner.xml",
    "rss-parser__item-itunes-episodeType.rss",
    "rss-parser__itunes-keywords-astext.rss",
]
#: What RSS has no place for: the home page of a source, and the authors of an item that names none.
ITEMS = {"rss.xml": re.compile(rb"<item.*</item>", re.DOTALL), "atom.xml": re.compile(rb"<entry.*</entry>", re.DOTALL)}


def _chain(folder: Path, origin: Origin, name: str, sources: list[dict[str, Any]]) -> list[Site]:
    """Three instances, each subscribed to a feed of the one before."""
    sites = []
    for number in range(3):
        site = Site(folder / str(number))
        site.folder.mkdir()
        site.configure(*sources, feeds={"limit": 1000})
        done = site.run("update")
        assert done.status == 0, done.stdout + done.stderr
        merged = origin.route(f"/merged{number}", site.public()[f"all/{name}"], content_type="application/xml")
        sources = [{"id": "planet", "feed": merged}]
        sites.append(site)
    return sites


def _items(site: Site, name: str) -> dict[str, dict[str, Any]]:
    found = {one["id"]: one for one in json.loads(site.public()["all/feed.json"])["items"]}
    if name == "rss.xml":
        for one in found.values():
            one["_origin"].pop("url", None)
    return found


def _check(sites: list[Site], name: str) -> None:
    first, second, third = sites
    assert _items(second, name) == _items(first, name)
    whole = ITEMS.get(name, re.compile(rb'"items":.*', re.DOTALL))
    bodies = [whole.search(site.public()[f"all/{name}"]) for site in (first, second, third)]
    assert bodies[0] is not None
    assert [body and body[0] for body in bodies[1:]] == [bodies[0][0]] * 2


@pytest.mark.parametrize("name", NAMES)
def test_all_that_we_know_comes_through(tmp_path: Path, origin: Origin, name: str) -> None:
    data = (DATA / "parse" / "everything.xml").read_bytes()
    feed = origin.route("/everything", data, content_type="application/rss+xml")
    _check(_chain(tmp_path, origin, name, [{"id": "everything", "feed": feed}]), name)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_podcasts_of_the_corpus_come_through(tmp_path: Path, origin: Origin, shared: Path, name: str) -> None:
    sources = []
    for number, file in enumerate(PODCASTS):
        data = (shared / "corpus" / "real" / file).read_bytes()
        sources.append({"id": f"p{number}", "feed": origin.route(f"/{number}", data, content_type="application/xml")})
    sites = _chain(tmp_path, origin, name, sources)
    assert len(_items(sites[0], name)) > 100
    _check(sites, name)
