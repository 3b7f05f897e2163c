"""What a document is, and the messages for what is no feed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.models import Fetched
from aggregator.parse import parse
from aggregator.parse.sniff import sniff

URL = "https://site.example/blog/"


def fetched(body: str | bytes, content_type: str = "") -> Fetched:
    data = body.encode() if isinstance(body, str) else body
    return Fetched(requested_url=URL, url=URL, status=200, content_type=content_type, body=data)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "the document is empty"),
        (" \n\t\n", "nothing but white space"),
        ("\ufeff", "nothing but white space"),
        ("Not Found", 'plain text, not a feed: "Not Found"'),
        ("a < b and so on", "plain text, not a feed"),
        (
            "<!DOCTYPE html><html><title>Just a\nmoment...</title>",
            r'an HTML page \("Just a moment\.\.\."\), not a feed',
        ),
        ("<div>an item</div>", "an HTML page, not a feed"),
        (
            '<?xml version="1.0"?><opml version="2.0"><body/></opml>',
            "an OPML list of feeds, not a feed; `aggregator opml import` adds its feeds",
        ),
        ('<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url/></urlset>', "a sitemap, not a feed"),
        ('<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG image"),
        ("<unheard><of/></unheard>", "its root element is <unheard>"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"PK\x03\x04", "a ZIP archive"),
        ('{"error": "no such feed"}', "JSON, but no JSON Feed: an object with `error`"),
        ("[1, 2]", "JSON, but no JSON Feed: a list"),
    ],
)
def test_what_is_no_feed_is_named(body: str | bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message) as error:
        parse(fetched(body))
    assert (error.value.kind, error.value.url) == ("not_a_feed", URL)


@pytest.mark.parametrize(
    ("link", "feed"),
    [
        ('<link rel="alternate" type="application/rss+xml" href="/feed.xml">', "https://site.example/feed.xml"),
        (
            "<LINK HREF=atom.xml TYPE='application/atom+xml' REL='home alternate'/>",
            "https://site.example/blog/atom.xml",
        ),
        ('<link rel=alternate type="application/feed+json" href="//x.example/?a=1&amp;b">', "https://x.example/?a=1&b"),
    ],
)
def test_the_feed_that_a_page_names_is_told(link: str, feed: str) -> None:
    with pytest.raises(ParseError) as error:
        parse(fetched(f"<!doctype html><html><head>{link}</head></html>"))
    assert f"it names a feed at {feed}: use that address" in str(error.value)


@pytest.mark.parametrize(
    "link",
    [
        '<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">',
        '<link rel="stylesheet" type="application/rss+xml" href="/x">',
        '<link rel="alternate" type="text/html" href="/x">',
    ],
)
def test_other_links_of_a_page_are_not_told(link: str) -> None:
    with pytest.raises(ParseError) as error:
        parse(fetched(f"<html><head>{link}"))
    assert "names a feed" not in str(error.value)


@pytest.mark.parametrize("content_type", ["text/html", "application/octet-stream", "image/png", "nonsense"])
def test_the_media_type_does_not_matter(content_type: str) -> None:
    assert sniff(fetched("<rss><channel/></rss>", content_type)).root == "rss"
    assert sniff(fetched('{"version": 1}', content_type)).format == "json"


@pytest.mark.parametrize(
    ("start", "root"),
    [
        ('<?xml version="1.0"?>\n<!-- <feed> --><rss>', "rss"),
        ("<atom:feed xmlns:atom='http://www.w3.org/2005/Atom'>", "atom:feed"),
        ("<RDF:rdf>", "rdf:rdf"),
        ("<?php-like thing ?><feed>", "feed"),
        ("<!DOCTYPE rss [<!ENTITY a \"<feed>]>\"><!-- ' --><!ENTITY b ']>'>]><rss>", "rss"),
        ("<!DOCTYPE rss [ never closed <rss><item>", "rss"),
        ("<!DOCTYPE rss PUBLIC '-//N//DTD RSS 0.91//EN' 'http://n.example/rss.dtd'><rss>", "rss"),
        ("<br /><b>Notice</b>\n<?xml version='1.0'?><rss><item/>", "rss"),
        ("<!DOCTYPE html><html><body><feed><entry>", "feed"),
        ("<response><item/></response>", "response"),
    ],
)
def test_the_text_for_the_readers_starts_at_the_root_element(start: str, root: str) -> None:
    document = sniff(fetched(start))
    assert (document.format, document.root) == ("xml", root)
    assert document.text.lower().startswith(f"<{root}")


def test_a_document_that_ends_in_its_declaration_is_cut_off() -> None:
    with pytest.raises(ParseError, match="cut off") as error:
        parse(fetched('<?xml version="1.0" enc'))
    assert error.value.kind == "unparsable"


@given(st.lists(st.sampled_from(["<rss>", "<!DOCTYPE ", "[", "]", ">", "<!--", "-->", "<?", "?>", '"', "<item>", "x"])))
def test_any_start_gives_a_document_or_a_parse_error(pieces: list[str]) -> None:
    try:
        document = sniff(fetched("".join(pieces)))
    except ParseError:
        return
    assert document.format == "json" or document.text.startswith(f"<{document.root}")
