"""Servers that say "not modified" for ever, and documents that their validators do not tell apart."""

from __future__ import annotations

import sqlite3

import pytest

from tests.fetch.test_etiquette_moves import DAY, FEED, HOUR, NOW, look, state
from tests.origin import Origin, Response, Seen
from tests.support import Site, item, rss


def test_a_server_that_only_says_not_modified_is_asked_for_all_once_a_week(site: Site, origin: Origin) -> None:
    documents = [FEED]

    def answer(seen: Seen) -> Response:
        if "if-none-match" in seen.headers:
            return Response(b"", 304, {"ETag": '"always"'})
        return Response(documents[-1].encode(), 200, {"ETag": '"always"', "Content-Type": "application/xml"})

    site.configure({"feed": origin.handle("/feed", answer)})
    assert look(site, NOW).new == 2
    documents.append(rss([item(1), item(2), item(3)]))
    for hours in (1, 24, 167):
        assert look(site, NOW + hours * HOUR).new == 0
    assert look(site, NOW + 7 * DAY).new == 1
    assert [seen.status for seen in origin.requests] == [200, 304, 304, 304, 200]
    # The week begins with each document that came.
    assert look(site, NOW + 8 * DAY).new == 0
    assert look(site, NOW + 13 * DAY).new == 0
    assert look(site, NOW + 14 * DAY).unchanged == 0
    assert [seen.status for seen in origin.requests[5:]] == [304, 304, 200]
    assert state(site).whole_at == NOW + 14 * DAY


def test_documents_that_come_are_no_reason_to_doubt(site: Site, origin: Origin) -> None:
    """The same bytes without validators, and new documents, both came whole."""
    site.configure({"feed": origin.route("/feed", FEED, headers={"ETag": '"1"'})})
    for day in (0, 6, 12):
        look(site, NOW + day * DAY)
    assert [seen.headers.get("if-none-match") for seen in origin.requests] == [None, '"1"', '"1"']


def test_a_database_that_does_not_know_yet_begins_its_week_at_the_first_look(site: Site, origin: Origin) -> None:
    site.configure({"feed": origin.route("/feed", FEED, conditional=True)})
    look(site, NOW)
    with sqlite3.connect(site.data / "aggregator.db") as database:
        database.execute("UPDATE sources SET whole_at = NULL")
    database.close()
    look(site, NOW + 30 * DAY)
    assert state(site).whole_at == NOW + 30 * DAY
    look(site, NOW + 36 * DAY)
    look(site, NOW + 37 * DAY)
    assert [seen.status for seen in origin.requests] == [200, 304, 304, 200]


@pytest.mark.parametrize("etag", ['"feed"', '""', 'W/"0"'])
def test_one_etag_for_all_documents_hides_no_entry(site: Site, origin: Origin, etag: str) -> None:
    site.configure({"id": "one", "feed": origin.url + "/feed"})
    for count in (1, 2):
        origin.route("/feed", rss([item(n) for n in range(count)]), headers={"ETag": etag})
        done = site.run("update", "--all")
        assert done.status == 0
    assert site.status()["one"]["entries"] == 2


@pytest.mark.parametrize("scheme", ["feed:", "feed", "FEED:"])
def test_addresses_with_the_scheme_feed_are_fetched(site: Site, origin: Origin, scheme: str) -> None:
    origin.route("/feed", FEED)
    url = f"{scheme}{origin.url}/feed" if scheme.endswith(":") else f"feed://127.0.0.1:{origin.port}/feed"
    site.configure({"feed": url})
    assert site.run("update").status == 0
    assert len(site.posts()) == 2
    assert origin.asked("/feed")
