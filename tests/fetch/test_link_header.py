"""Link headers come with a document, and are kept with it in files."""

from __future__ import annotations

from aggregator.fetch.recorded import dump, load
from tests.fetch.test_hostile import OK, raw, says
from tests.fetch_support import document
from tests.origin import Origin

SAID = '<news.atom>; rel="alternate"; type="application/atom+xml"'


async def test_several_link_headers_are_one(origin: Origin) -> None:
    head = f"Link: {SAID}\r\nlink: <x.css>; rel=preload\r\nContent-Length: 6\r\n\r\n<rss/>"
    page = await document(raw(origin, says(OK + head.encode())))

    assert page.links == f"{SAID},<x.css>; rel=preload"
    assert load(dump(page), "https://example.org/").links == page.links


async def test_a_document_without_them_has_none(origin: Origin) -> None:
    page = await document(origin.route("/feed.xml", "<rss/>"))

    assert page.links == ""
    assert b"Link:" not in dump(page)
