"""The reader of all XML feeds: what is kept, what is cut, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.models import Fetched, ParsedFeed, RawEntry
from aggregator.parse import parse, parse_plain, tolerant
from aggregator.parse.sniff import sniff
from tests.thoroughness import chosen, examples

URL = "https://site.example/feed"
NAMESPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


def read(text: str) -> ParsedFeed:
    """What the tolerant reader makes of a document; the reader for well-formed ones must agree wherever it is sure."""
    fetched = Fetched(requested_url=URL, url=URL, status=200, content_type="", body=text.encode())
    parsed = tolerant.read(sniff(fetched))
    plain = parse_plain(fetched)
    assert plain is None or replace(plain, reader=parsed.reader, repairs=parsed.repairs) == parsed
    return parsed


def rss(*items: str) -> str:
    inside = "".join(f"<item>{item}</item>" for item in items)
    return f'<rss version="2.0" {NAMESPACES}><channel><title>T</title>{inside}</channel></rss>'


def entry(inside: str) -> RawEntry:
    (only,) = read(rss(inside)).entries
    return only


def values(found: RawEntry) -> tuple[str | None, str | None]:
    content, summary = found.content, found.summary
    return content.value if content else None, summary.value if summary else None


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<description>d</description>", (None, "d")),
        ("<description>d</description><content:encoded>c</content:encoded>", ("c", "d")),
        ("<content:encoded>c</content:encoded><description>d</description>", ("c", "d")),
        ("<content:encoded>c</content:encoded>", ("c", None)),
        ("<content:encoded>c</content:encoded><content:encoded>longer</content:encoded>", ("longer", None)),
        ("<itunes:summary>much longer</itunes:summary><description>d</description>", ("much longer", "d")),
        ("<description>d</description><media:description>much longer</media:description>", (None, "d")),
        ("<media:description>m</media:description>", (None, "m")),
        ("<title>t</title><description> </description>", (None, None)),
    ],
)
def test_which_text_is_the_content_and_which_the_summary(inside: str, expected: tuple[str, str]) -> None:
    assert values(entry(inside)) == expected


@pytest.mark.parametrize(
    ("inside", "url"),
    [
        ("<link>https://a.example/1</link><guid>https://a.example/2</guid>", "https://a.example/1"),
        ("<guid>https://a.example/2</guid>", "https://a.example/2"),
        ('<guid isPermaLink="false">https://a.example/2</guid>', None),
        ("<link>javascript:x</link><guid>https://a.example/2</guid>", "https://a.example/2"),
        ("<link> /rel\n</link>", "https://site.example/rel"),
        ("<guid>17</guid>", None),
        (f"<guid>x</guid><link>https://a.example/{'a' * 5000}</link>", None),
        ("<guid>x</guid><link>http://[bad</link>", None),
    ],
)
def test_the_address_of_an_entry(inside: str, url: str | None) -> None:
    assert entry(inside).url == url


def test_prefixes_without_a_namespace_mean_what_they_usually_do() -> None:
    text = "<rss version='2.0'><channel><item><dc:creator>A & B</dc:creator><x:y/><guid>1</guid></item></channel></rss>"
    parsed = read(text)
    assert [found.authors for found in parsed.entries] == [("A & B",)]
    assert parse(Fetched(URL, URL, 200, "", text.encode())).reader == "lxml"


def test_namespaces_without_their_last_slash() -> None:
    text = rss("<dc:creator>A</dc:creator><content:encoded>c</content:encoded>")
    text = text.replace("/elements/1.1/", "/elements/1.1").replace("/content/", "/content")
    (found,) = read(text).entries
    assert (found.authors, values(found)) == (("A",), ("c", None))
    assert parse(Fetched(URL, URL, 200, "", text.encode())).reader == "lxml"


def test_content_of_atom_in_rss() -> None:
    text = rss('<a:content type="html" xml:lang="de">&lt;p>x&lt;/p></a:content><description>d</description>')
    (found,) = read(text.replace("<rss", '<rss xmlns:a="http://www.w3.org/2005/Atom"')).entries
    assert (values(found), found.language) == (("<p>x</p>", "d"), "de")


def test_a_published_date_is_not_taken_for_an_update() -> None:
    found = entry("<title>t</title><pubDate>Wed, 29 Jun 2022 14:42:00 +0800</pubDate>")
    assert (found.published, found.updated) == ("Wed, 29 Jun 2022 14:42:00 +0800", None)


def test_a_title_further_inside_does_not_replace_the_title() -> None:
    found = entry("<title>Own &lt;b&gt;title&lt;/b&gt;</title><author><name>N</name><title>Boss</title></author>")
    assert found.title is not None
    assert (found.title.value, found.title.type) == ("Own <b>title</b>", "html")


def test_long_guids_and_many_of_anything_are_capped() -> None:
    inside = (
        f"<title>t</title><guid>{'g' * 3000}</guid>"
        + "".join(f"<category>c{n}</category><dc:creator>a{n}</dc:creator>" for n in range(300))
        + "".join(f'<enclosure url="https://e.example/{n}" type="a/b" length="1"/>' for n in range(300))
    )
    found = entry(inside)
    assert found.guid is None
    assert found.tags == tuple(f"c{n}" for n in range(100))
    assert found.authors == tuple(f"a{n}" for n in range(20))
    assert [enclosure.url for enclosure in found.enclosures] == [f"https://e.example/{n}" for n in range(50)]


def test_only_the_first_10_000_entries_are_read() -> None:
    parsed = read(rss(*(f"<guid>{n}</guid>" for n in range(10_050))))
    assert [found.guid for found in parsed.entries] == [str(n) for n in range(10_000)]
    assert parsed.repairs == ("only the first 10,000 entries were read",)


ATTRIBUTES = " ".join(f'a{n}=""' for n in range(5000))
PREFIXES = " ".join(f'xmlns:a{n}="u{n}"' for n in range(5000))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rss(f"<x {ATTRIBUTES}/>"), "an element with 5,000 attributes"),
        (rss(f"<x {ATTRIBUTES}><b></x>"), "an element with 5,000 attributes"),
        (rss(f"<x {PREFIXES}/>"), "more than 500 namespaces"),
        (rss("<x/>")[:-30], "cut off before the end of its first entry"),
    ],
)
def test_what_no_feed_needs_is_refused(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=message) as error:
        read(text)
    assert (error.value.kind, error.value.url) == ("unparsable", URL)


@pytest.mark.slow
def test_more_elements_than_a_feed_needs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # So many as there may be take ten seconds.
    limit = chosen((1_000,), (150_000,))[0]
    monkeypatch.setattr(tolerant, "_MAX_ELEMENTS", min(limit, tolerant._MAX_ELEMENTS))
    with pytest.raises(ParseError, match=f"more than {limit:,} elements") as error:
        read(rss("<x/>" * (limit + 1)))
    assert (error.value.kind, error.value.url) == ("unparsable", URL)


@pytest.mark.parametrize(
    "inside",
    [
        "<itunes:keywords>" + ",".join(map(str, range(100_000))) + "</itunes:keywords>",
        "<author>" + "a@" * 50_000 + "</author>",
        '<x xml:base="deeper/">' * 5000,
        "<" * 50_000,
        "<a b='" * 20_000,
        "<!--" * 20_000,
        "<textInput><name>n</name></textInput>",
    ],
    ids=["keywords", "author", "base", "angle", "quote", "comment", "textinput"],
)
def test_slow_or_fatal_input_for_feedparser_is_read(inside: str) -> None:
    parsed = read(rss(f"<title>first</title>{inside}", "<title>second</title>"))
    assert [found.title.value for found in parsed.entries if found.title] == ["first", "second"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_not_expanded_in_any_encoding(encoding: str) -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    text = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY l0 "lol">{levels}]>' + rss("<title>&l8; &l0;</title>")
    body = text.encode(encoding)
    (found,) = parse(Fetched(requested_url=URL, url=URL, status=200, content_type="", body=body)).entries
    assert found.title is not None
    assert found.title.value == "&l8; &l0;"


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://b.example/x/", "https://b.example/x/y"),
        ("sub/", "https://site.example/sub/y"),
        ("javascript:alert(1)//", "https://site.example/y"),
        ("file:///etc/", "https://site.example/y"),
    ],
)
def test_xml_base_is_used_for_links_and_texts_unless_it_is_dangerous(base: str, expected: str) -> None:
    item = '<link>y</link><description>d</description><enclosure url="y"/>'
    (found,) = read(rss(item).replace("<item>", f'<item xml:base="{base}">')).entries
    assert found.url == expected
    assert [enclosure.url for enclosure in found.enclosures] == [expected]
    assert found.summary is not None
    assert found.summary.base is not None
    assert found.summary.base.rpartition("/")[0] == expected.rpartition("/")[0]


MARKUP = [
    *(
        "<item>",
        "</item>",
        "<title>",
        "</title>",
        "<link>",
        "</link>",
        "<description>",
        "</description>",
        "<p>",
        "<br/>",
    ),
    *(
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "&amp;",
        "&nbsp;",
        "&#8;",
        "&#xD800;",
        "&",
        "<",
        ">",
        '"',
        "x",
        "http://a.example/",
    ),
    *("<entry>", "</entry>", "<category>", "</category>", "<enclosure url='u'/>", "<svg>", "<textInput>", "<source>"),
    *("<image>", "<url>", "<author>", "<name>", "</channel>", "</rss>", "<media:thumbnail url='x'/>", "<guid>", "\x00"),
]


@examples(100, thorough=300)
@given(st.lists(st.sampled_from(MARKUP), max_size=40).map("".join))
def test_any_markup_gives_a_feed_or_a_parse_error(inside: str) -> None:
    try:
        parsed = read(f"<rss><channel>{inside}</channel></rss>")
    except ParseError as error:
        assert error.kind in ("unparsable", "not_a_feed")
        return
    for found in parsed.entries:
        assert found.url is None or found.url.startswith(("http://", "https://"))
        assert "\x08" not in repr(found)
