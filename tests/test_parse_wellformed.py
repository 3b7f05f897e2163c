"""What the fast readers take, and what they leave to the tolerant one."""

from __future__ import annotations

import pytest

from aggregator.models import Fetched, ParsedFeed
from aggregator.parse import REPAIR_LIMIT, parse, parse_plain

URL = "https://site.example/feed"
ITEM = "<rss version='2.0'><channel><item><title>&e;</title><guid x='&e;'>1</guid></item></channel></rss>"


def fetched(text: str) -> Fetched:
    return Fetched(requested_url=URL, url=URL, status=200, content_type="", body=text.encode())


def title(feed: ParsedFeed) -> str | None:
    (found,) = feed.entries
    return found.title.value if found.title else None


@pytest.mark.parametrize(
    "before",
    [
        "",
        "<?xml version='1.0'?>",
        "<!-- <rss> -->",
        "<!-- <a> --><?x <rss> ?>",
        "<?xml version='1.0'?>\n<!-- a --> <?b c?>\n",
        "\ufeff",
        "\ufeff<?xml version='1.0' encoding='utf-8'?><!-- ?> -->",
    ],
)
def test_no_entity_is_expanded_wherever_its_doctype_stands(before: str) -> None:
    feed = parse(fetched(f"{before}<!DOCTYPE rss [<!ENTITY e 'expanded'>]>{ITEM}"))
    assert title(feed) == "&e;"


def test_a_doctype_that_is_only_written_about_is_no_trouble() -> None:
    text = ITEM.replace("&e;", "").replace("<title>", "<title><![CDATA[What <!DOCTYPE html> means]]>")
    feed = parse_plain(fetched(text))
    assert feed is not None
    assert (title(feed), feed.reader, feed.repairs) == ("What <!DOCTYPE html> means", "lxml", ())


def test_only_documents_of_moderate_size_are_repaired_outside_of_a_process_of_their_own() -> None:
    text = ITEM.replace("&e;", "Ham & eggs")
    small = parse_plain(fetched(text))
    assert small is not None
    assert (small.reader, title(small), small.repairs) == (
        "lxml",
        "Ham & eggs",
        ("not well-formed XML, repaired: an & that is no reference",),
    )
    large = fetched(text.replace("<item>", "<item>" + " " * REPAIR_LIMIT))
    assert parse_plain(large) is None
    assert title(parse(large)) == "Ham & eggs"


@pytest.mark.parametrize("void", ["<br>", "<BR>", "<img src='x'>", "<xhtml:br>", "<hr>"])
def test_no_text_after_an_element_without_an_end_is_lost(void: str) -> None:
    text = ITEM.replace("&e;", "t").replace("<guid", f"<description><p>one{void}two<p>three</description><guid")
    (found,) = parse(fetched(text)).entries
    assert found.summary is not None
    assert [word in found.summary.value for word in ("one", "two", "three")] == [True] * 3
