"""What may be published of a source: all, an excerpt, or links; in feeds and in posts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from aggregator.models import Enclosure, Item
from aggregator.models.extras import Extras, Transcript
from aggregator.publish.permissions import permitted
from tests.origin import Origin
from tests.publish_items import ORIGIN, make_item
from tests.support import Site, item, rss

SAID = Extras(
    rights="Theirs",
    licenses=("https://e.example/l",),
    markdown="text",
    transcripts=(Transcript("https://e.example/t"),),
)
FILE = Enclosure("https://e.example/a.mp3", "audio/mpeg")


def _item(republish: Any = "full", **origin: Any) -> Item:
    return make_item(
        origin=replace(ORIGIN, republish=republish, **origin),
        html="<p>" + "Word &amp; word. " * 100 + "</p>",
        image="https://e.example/p.jpg",
        enclosures=(FILE,),
        extras=SAID,
    )


def test_all_is_published_as_it_is() -> None:
    whole = _item()
    assert permitted(whole) is whole
    assert permitted(whole, linked=True) is whole


def test_an_excerpt_is_the_beginning_of_the_text() -> None:
    entry = permitted(_item("excerpt")).entry
    assert entry.html.startswith("<p>Word &amp; word. ")
    assert len(entry.html) < 400
    assert (entry.image, entry.enclosures) == ("https://e.example/p.jpg", (FILE,))
    assert entry.extras == replace(SAID, markdown=None, transcripts=())
    summary = permitted(make_item(origin=replace(ORIGIN, republish="excerpt"), summary="<p>Short</p>")).entry
    assert (summary.html, summary.summary) == ("<p>Short</p>", "")


def test_a_link_has_no_text_and_no_files() -> None:
    entry = permitted(_item("link")).entry
    assert (entry.html, entry.summary, entry.image, entry.enclosures) == ("", "", None, ())
    assert entry.extras == Extras(rights="Theirs", licenses=("https://e.example/l",))
    assert entry.title == "A title"


def test_posts_link_to_the_original() -> None:
    link = '<p><a href="https://example.org/1">example.org</a></p>'
    assert permitted(_item("link"), linked=True).entry.html == link
    assert permitted(_item("excerpt"), linked=True).entry.html.endswith(f"</p>{link}")


def test_the_configuration_has_the_last_word_on_rights() -> None:
    entry = permitted(_item(copyright="Ours", noindex=True)).entry
    assert entry.extras == replace(SAID, rights="Ours", noindex=True)
    assert entry.html == _item().entry.html


def test_a_change_of_the_setting_reaches_feeds_posts_and_retired_sources(site: Site, origin: Origin) -> None:
    text = "Text " * 200
    feed = origin.route("/feed", rss([item(1, description=text)]), content_type="application/rss+xml")

    def outputs() -> tuple[dict[str, Any], str]:
        (post,) = site.posts().values()
        return json.loads(site.public()["all/feed.json"])["items"][0], post.decode()

    site.configure({"id": "a", "feed": feed})
    assert site.run("update").status == 0
    shown, post = outputs()
    assert len(shown["content_html"]) > 900
    assert len(post) > 900
    site.configure({"id": "a", "feed": feed, "republish": "link", "copyright": "Theirs", "noindex": True})
    assert site.run("publish").status == 0
    shown, post = outputs()
    assert shown["content_html"] == ""
    assert shown["_extras"] == {"rights": "Theirs", "noindex": True}
    assert "Text Text" not in post
    assert '<a href="https://example.org/1">' in post
    # What is no longer configured keeps its setting.
    site.configure({"id": "b", "feed": origin.route("/b", rss([item(2)]), content_type="application/rss+xml")})
    assert site.run("update").status == 0
    assert site.run("publish", "--all").status in (0, 2)
    assert not any(b"Text Text" in data for data in site.posts().values())
