"""Dates through a whole update: read alike in one document, and told where they cannot be read."""

from __future__ import annotations

from itertools import count

import pytest

from tests.origin import Origin
from tests.support import Site, item, rss

pytestmark = pytest.mark.usefixtures("workers_inside")


def _dates(site: Site) -> dict[str, str]:
    """The date of each post, by title."""
    found = {}
    for post in site.posts().values():
        lines = dict(line.split(": ", 1) for line in post.decode().splitlines() if ": " in line)
        found[lines["title"].strip("'")] = lines["date"]
    return found


def test_one_date_settles_how_the_others_of_the_document_are_read(site: Site, origin: Origin) -> None:
    items = [item(1, pubDate="25/02/2025 10:00"), item(2, pubDate="05/02/2025 10:00")]
    site.configure({"id": "one", "feed": origin.route("/one", rss(items))})
    assert site.run("update").status == 0
    assert _dates(site) == {"Item 1": "Tue, 25 Feb 2025 10:00:00 GMT", "Item 2": "Wed, 05 Feb 2025 10:00:00 GMT"}
    # What is known already still says how a new one is meant.
    origin.route("/one", rss([item(3, pubDate="04/03/2025"), *items]))
    site.run("update", "--all")
    assert _dates(site)["Item 3"] == "Tue, 04 Mar 2025 00:00:00 GMT"


def test_the_language_of_a_feed_says_how_its_dates_are_read(site: Site, origin: Origin) -> None:
    document = rss([item(1, pubDate="05/02/2025 10:00"), item(2, pubDate="5 listopada 2024")])
    for language, first, second in (
        ("hr", "05 Feb", "05 Oct"),
        ("pl", "05 Feb", "05 Nov"),
        ("en-US", "02 May", "05 Nov"),
    ):
        body = document.replace("<channel>", f"<channel><language>{language}</language>")
        site.configure({"id": language.lower(), "feed": origin.route(f"/{language}", body)})
        assert site.run("update").status == 0
        dates = " ".join(sorted(post.decode() for name, post in site.posts().items()))
        assert f"{first} 2025" in dates
        assert f"{second} 2024" in dates
        site.run("remove", language.lower(), "--purge", "--yes")


@pytest.mark.parametrize("kept", [True, False])
def test_dates_that_cannot_be_read_are_told_until_they_can(site: Site, origin: Origin, kept: bool) -> None:
    """Also where all entries are known already, and where all are new: the text shows what the feed has."""
    bad = [item(n, pubDate=f"xyz, 0{n} foo 2025\x1b[31m") for n in (1, 2)]
    number = count()

    def serve(*items: dict[str, str]) -> None:
        body = rss([*items] if kept else [{**one, "guid": f"g{next(number)}", "link": ""} for one in items])
        origin.route("/one", body + "\n" * next(number))

    serve(*bad, item(3))
    site.configure({"id": "one", "feed": origin.url + "/one"})
    note = "2 of 3 dates could not be read: `xyz, 01 foo 2025"
    for _ in range(2):
        done = site.run("update", "--all")
        assert note in done.stdout
        assert note in done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        assert any(note in one for one in site.status()["one"]["notes"])
        serve(*bad, item(3))
    serve(*(item(n) for n in (1, 2, 3)))
    assert "could not be read" not in site.run("update", "--all").stdout
    assert not any("could not be read" in one for one in site.status()["one"]["notes"])


def test_no_date_and_a_date_that_is_none_of_ours_are_nothing_to_tell(site: Site, origin: Origin) -> None:
    items = [item(1, pubDate=""), item(2, pubDate="Fri, 01 Jan 2999 10:00:00 GMT")]
    site.configure({"id": "one", "feed": origin.route("/one", rss(items))})
    assert "could not be read" not in site.run("update").stdout


def test_the_date_of_an_article_that_cannot_be_read_is_told(site: Site, origin: Origin) -> None:
    listed = '<div class="card"><a href="/a">One</a></div>'
    origin.route("/list", listed, content_type="text/html")
    page = '<h1>One</h1><p class="when">once upon a time</p><div id="body"><p>Text of it</p></div>'
    origin.route("/a", page, content_type="text/html")
    article = {"body": "#body", "date": ".when"}
    site.configure({"id": "one", "scrape": {"url": origin.url + "/list", "items": ".card a", "article": article}})
    assert "1 of 1 dates could not be read: `once upon a time`" in site.run("update").stdout
