"""What feeds say, in the shapes in which they say it: both readers of XML read the same, nothing is lost silently."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Enclosure, Fetched, ParsedFeed, RawEntry
from aggregator.parse import parse, parse_plain, tolerant
from aggregator.parse.sniff import sniff
from tests.thoroughness import examples

URL = "https://feeds.example/pots/rss"
NAMESPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:fb="http://rssnamespace.org/feedburner/ext/1.0" xmlns:ph="http://www.pheedo.com/namespace/pheedo"'
)
ATOM = "http://www.w3.org/2005/Atom"


def fetched(text: str) -> Fetched:
    return Fetched(requested_url=URL, url=URL, status=200, content_type="", body=text.encode())


def read(text: str) -> ParsedFeed:
    """What the strict reader makes of a document; the tolerant one must make the same of it."""
    strict = parse_plain(fetched(text))
    assert strict is not None
    assert replace(tolerant.read(sniff(fetched(text))), reader=strict.reader) == strict
    return strict


def item(inside: str, *, channel: str = "<link>https://pots.example/</link>", attributes: str = "") -> RawEntry:
    text = f'<rss version="2.0" {NAMESPACES}><channel>{channel}<item{attributes}>{inside}</item></channel></rss>'
    (only,) = read(text).entries
    return only


def entry(inside: str, *, head: str = "", namespaces: str = NAMESPACES) -> RawEntry:
    (only,) = read(f'<feed xmlns="{ATOM}" {namespaces}>{head}<entry>{inside}</entry></feed>').entries
    return only


BODY = '<description>&lt;img src="bowl.jpg"></description><enclosure url="a.mp3"/><comments>#talk</comments>'
PICTURE = '<media:thumbnail url="cover.jpg"/>'


@pytest.mark.parametrize(
    ("link", "channel", "base"),
    [
        (
            "<link>https://pots.example/2025/bowl/</link>",
            "<link>https://pots.example/</link>",
            "https://pots.example/2025/bowl/",
        ),
        ("<guid>https://pots.example/g/</guid>", "", "https://pots.example/g/"),
        ("<guid>7</guid>", "<link>https://pots.example/home/</link>", "https://pots.example/home/"),
        ("<guid>7</guid>", "", "https://feeds.example/pots/"),
    ],
)
def test_relative_addresses_of_an_item_start_from_the_page_it_links_to(link: str, channel: str, base: str) -> None:
    found = item(link + BODY + PICTURE, channel=channel)
    assert found.summary is not None
    assert found.summary.base in (base, URL if base == "https://feeds.example/pots/" else base)
    assert [file.url for file in found.enclosures] == [base + "a.mp3"]
    assert found.image == base + "cover.jpg"
    assert found.comments_url == (base if found.summary.base == base else URL) + "#talk"


def test_an_xml_base_comes_before_the_page() -> None:
    found = item(f"<link>https://pots.example/1</link>{BODY}", attributes=' xml:base="https://base.example/b/"')
    assert found.summary is not None
    assert (found.summary.base, found.enclosures[0].url) == ("https://base.example/b/", "https://base.example/b/a.mp3")


def test_relative_addresses_of_atom_start_from_the_document() -> None:
    found = entry('<id>1</id><link href="https://pots.example/1/"/><summary type="html">&lt;a href="x"></summary>')
    assert found.summary is not None
    assert found.summary.base == URL


@pytest.mark.parametrize(
    ("guid", "url"),
    [
        ('<guid isPermaLink="true">/blog/bowl</guid>', "https://feeds.example/blog/bowl"),
        ("<guid>/blog/bowl</guid>", "https://feeds.example/blog/bowl"),
        ("<guid>?p=12</guid>", "https://feeds.example/pots/rss?p=12"),
        ('<guid isPermaLink="false">/blog/bowl</guid>', None),
        ('<guid isPermaLink="true">bowl</guid>', None),
        ('<guid isPermaLink="true">tag:pots.example,2025:1</guid>', None),
    ],
)
def test_a_guid_that_is_a_path_is_an_address(guid: str, url: str | None) -> None:
    assert item(f"<title>t</title>{guid}").url == url


LONG = "Mara explains how the kiln was rebuilt, and what it cost."


@pytest.mark.parametrize(
    ("inside", "content", "summary"),
    [
        (f"<description>Talk</description><itunes:summary>{LONG}</itunes:summary>", LONG, "Talk"),
        (f"<itunes:summary>{LONG}</itunes:summary><description>Talk</description>", LONG, "Talk"),
        (f"<description>{LONG}</description><itunes:summary>Talk</itunes:summary>", None, LONG),
        (f"<description>{LONG}</description><itunes:summary>{LONG}</itunes:summary>", None, LONG),
        (
            f'<description>&lt;a href="/x">{LONG}&lt;/a></description><itunes:summary>{LONG} (x)</itunes:summary>',
            None,
            f'<a href="/x">{LONG}</a>',
        ),
        (
            f"<content:encoded>c</content:encoded><description>d</description><itunes:summary>{LONG}</itunes:summary>",
            "c",
            "d",
        ),
        ("<itunes:subtitle>Sub</itunes:subtitle>", None, "Sub"),
        ("<itunes:subtitle>Sub</itunes:subtitle><itunes:summary>s</itunes:summary>", None, "s"),
    ],
)
def test_the_longer_text_of_an_episode_is_its_body(inside: str, content: str | None, summary: str) -> None:
    found = item(f"<title>t</title>{inside}")
    assert (found.content and found.content.value, found.summary and found.summary.value) == (content, summary)


@pytest.mark.parametrize("name", ["itunes:summary", "itunes:subtitle", "media:description"])
@pytest.mark.parametrize("type_", ["", ' type="plain"', ' type="html"'])
def test_markup_in_the_texts_of_media_is_markup(name: str, type_: str) -> None:
    found = item(f"<title>t</title><{name}{type_}><![CDATA[<p>Hello <b>world</b></p>]]></{name}>")
    assert found.summary is not None
    assert (found.summary.type, found.summary.value) == ("html", "<p>Hello <b>world</b></p>")


@pytest.mark.parametrize(
    ("inside", "title"),
    [
        ("<itunes:title>Episode</itunes:title>", "Episode"),
        ("<itunes:title>Episode</itunes:title><title>Own</title>", "Own"),
        ("<title>Own</title><itunes:title>Episode</itunes:title>", "Own"),
        ("<media:title>Clip</media:title><itunes:title>Episode</itunes:title>", "Episode"),
        ("<media:title>Clip</media:title><title>Own</title>", "Own"),
        ("<media:content url='x'><media:title>Clip</media:title></media:content><title>Own</title>", "Own"),
        ("<category>c<image><title>Far inside</title></image></category><title>Own</title>", "Own"),
    ],
)
def test_which_title_an_item_has(inside: str, title: str) -> None:
    found = item(f"<guid>1</guid>{inside}")
    assert found.title is not None
    assert found.title.value == title


def test_the_title_of_a_file_is_not_that_of_the_item() -> None:
    """Media RSS 1.5.1: media:title inside of media:content. WordPress has the author's login name there."""
    found = item(
        "<guid>1</guid><media:content url='https://f.example/x'><media:title>Clip</media:title></media:content>"
    )
    assert found.title is None
    assert [file.title for file in found.enclosures] == ["Clip"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("3723", 3723),
        ("1:02:03", 3723),
        ("62:03", 3723),
        ("1:2:3", 3723),
        ("01:02:03.500", 3723),
        ("3723.9", 3723),
        ("PT1H2M3S", 3723),
        ("pt62m3.5s", 3723),
        ("PT", None),
        ("soon", None),
        ("", None),
    ],
)
def test_playing_times(said: str, meant: int | None) -> None:
    (file,) = item(f"<enclosure url='https://a.example/e.mp3'/><itunes:duration>{said}</itunes:duration>").enclosures
    assert file.duration == meant


@pytest.mark.parametrize("inside", ['<itunes:image href="p.jpg"/>', '<itunes:link rel="image" href="p.jpg"/>'])
def test_the_picture_of_an_episode(inside: str) -> None:
    assert item(f"<link>https://pots.example/1/</link>{inside}").image == "https://pots.example/1/p.jpg"


@pytest.mark.parametrize(
    ("own", "source", "authors"),
    [
        ("", "<author><name>Other</name></author>", ("Other",)),
        ("", "<title>No author here</title>", ("Owner",)),
        ("<author><name>Own</name></author>", "<author><name>Other</name></author>", ("Own",)),
    ],
)
def test_authors_of_the_feed_that_an_entry_comes_from(own: str, source: str, authors: tuple[str, ...]) -> None:
    head = "<author><name>Owner</name></author>"
    assert entry(f"<id>1</id><title>t</title>{own}<source>{source}</source>", head=head).authors == authors


def test_authors_of_a_source_in_rss() -> None:
    inside = "<title>t</title><a:source><a:author><a:name>Other</a:name></a:author></a:source>"
    text = f'<rss version="2.0" xmlns:a="{ATOM}"><channel><item>{inside}</item></channel></rss>'
    assert read(text).entries[0].authors == ("Other",)


IANA = "http://www.iana.org/assignments/relation/"


@pytest.mark.parametrize(
    ("inside", "url"),
    [
        (f'<id>1</id><link rel="{IANA}alternate" href="https://pots.example/i"/>', "https://pots.example/i"),
        ('<id>1</id><link rel="ALTERNATE" href="https://pots.example/i"/>', "https://pots.example/i"),
        (
            '<id>https://pots.example/1</id><link rel="enclosure" href="https://a.example/x.mp3"/>',
            "https://pots.example/1",
        ),
        ('<id>https://pots.example/1</id><link rel="self" href="https://a.example/x"/>', "https://pots.example/1"),
        ('<id>https://pots.example/1</id><link rel="replies" href="https://a.example/x"/>', "https://pots.example/1"),
        ("<id>1</id><link>https://pots.example/text</link>", "https://pots.example/text"),
        ('<id>1</id><content type="text/html" src="/there"/>', "https://feeds.example/there"),
        ('<id>https://pots.example/1</id><content type="text/html" src="/there"/>', "https://pots.example/1"),
        ('<id>urn:x:1</id><link rel="self" href="https://a.example/x"/>', None),
    ],
)
def test_the_address_of_an_atom_entry(inside: str, url: str | None) -> None:
    assert entry(f"<title>t</title>{inside}").url == url


@pytest.mark.parametrize("rel", ["enclosure", IANA + "enclosure", "Enclosure"])
def test_other_relations_have_a_long_name_as_well(rel: str) -> None:
    found = entry(f'<id>1</id><title>t</title><link rel="{rel}" href="https://a.example/x.mp3"/>')
    assert found.enclosures == (Enclosure("https://a.example/x.mp3"),)


def test_elements_of_rss_in_atom() -> None:
    found = entry(
        "<guid>4711</guid><title>Mixed</title><pubDate>Sat, 01 Mar 2025 10:00:00 GMT</pubDate>"
        '<description>&lt;p>Body&lt;/p></description><enclosure url="a.mp3" type="audio/mpeg" length="5"/>'
        "<comments>https://pots.example/talk</comments>"
    )
    assert (found.guid, found.published) == ("4711", "Sat, 01 Mar 2025 10:00:00 GMT")
    assert found.summary is not None
    assert (found.summary.type, found.summary.value) == ("html", "<p>Body</p>")
    assert found.enclosures == (Enclosure("https://feeds.example/pots/a.mp3", "audio/mpeg", 5),)
    assert found.comments_url == "https://pots.example/talk"


def test_the_id_of_atom_comes_before_a_guid() -> None:
    assert entry("<id>urn:x:1</id><guid>4711</guid><title>t</title>").guid == "urn:x:1"


@pytest.mark.parametrize("prefix", ["fb", "ph"])
def test_the_original_address_comes_before_that_of_a_service_that_counts(prefix: str) -> None:
    found = item(
        f"<link>https://counter.example/~r/1</link><{prefix}:origLink>https://pots.example/1/</{prefix}:origLink>"
        f'<enclosure url="https://counter.example/~5/a.mp3"/><description>&lt;img src="i.png"></description>'
        f"<{prefix}:origEnclosureLink>https://files.example/a.mp3</{prefix}:origEnclosureLink>"
    )
    assert (found.url, found.former_url) == ("https://pots.example/1/", "https://counter.example/~r/1")
    assert [file.url for file in found.enclosures] == ["https://files.example/a.mp3"]
    assert found.summary is not None
    assert found.summary.base == "https://pots.example/1/"


@pytest.mark.parametrize("said", ["", "javascript:x", "nonsense:", "https://pots.example/1"])
def test_an_original_address_that_is_none_or_the_same_changes_nothing(said: str) -> None:
    found = item(f"<link>https://pots.example/1</link><fb:origLink>{said}</fb:origLink>")
    assert (found.url, found.former_url) == ("https://pots.example/1", None)


@pytest.mark.parametrize(
    ("inside", "attributes", "language"),
    [
        ("<title>t</title>", ' xml:lang="de"', "de"),
        ('<title xml:lang="fr">t</title>', "", "fr"),
        ('<title xml:lang="fr">t</title><content xml:lang="en">c</content>', "", "en"),
        ('<content xml:lang="en">c</content><title xml:lang="fr">t</title>', "", "en"),
        ('<title xml:lang="fr">t</title>', ' xml:lang="de"', "de"),
        ("<title>t</title><dc:language>it</dc:language>", ' xml:lang="de"', "it"),
    ],
)
def test_the_language_of_an_entry(inside: str, attributes: str, language: str) -> None:
    text = f'<feed xmlns="{ATOM}" {NAMESPACES}><entry{attributes}><id>1</id>{inside}</entry></feed>'
    assert read(text).entries[0].language == language


@pytest.mark.parametrize(
    "inside",
    [
        '<content type="html"><div xmlns="http://www.w3.org/1999/xhtml">a &lt;b>c&lt;/b></div></content>',
        '<content type="html">a &lt;b>c&lt;/b></content>',
        '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">a <b>c</b></div></content>',
        "<description>a &lt;b>c&lt;/b></description>",
    ],
)
def test_markup_is_read_as_such_in_whatever_way_it_is_wrapped(inside: str) -> None:
    found = entry(f"<id>1</id><title>t</title>{inside}")
    text = found.content or found.summary
    assert text is not None
    assert (text.type, text.value) == ("html", "a <b>c</b>")


def test_line_breaks_of_xhtml_are_no_line_breaks_of_a_text() -> None:
    found = entry('<id>1</id><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">a\n  b</div></content>')
    assert found.content is not None
    assert found.content.value == "a b"


ENTRY = '<{p}entry><{p}id>urn:x:1</{p}id><{p}title>One</{p}title><{p}link href="https://pots.example/1"/></{p}entry>'


@pytest.mark.parametrize(
    "text",
    [
        f'<feed xmlns:atom="{ATOM}">{ENTRY.format(p="atom:")}</feed>',
        f'<feed xmlns:x="{ATOM}">{ENTRY.format(p="x:")}</feed>',
        f'<x:feed xmlns:x="{ATOM}/">{ENTRY.format(p="x:")}</x:feed>',
        f'<x:feed xmlns:x="https://www.w3.org/2005/Atom">{ENTRY.format(p="x:")}</x:feed>',
        f'<x:feed xmlns:x="urn:of-my-own">{ENTRY.format(p="x:")}</x:feed>',
        f'<feed xmlns="urn:of-my-own">{ENTRY.format(p="")}</feed>',
        f'<feed xmlns="{ATOM}"><list>{ENTRY.format(p="")}</list></feed>',
    ],
)
def test_atom_in_an_odd_namespace_is_read(text: str) -> None:
    (only,) = parse(fetched(text)).entries
    assert (only.guid, only.url) == ("urn:x:1", "https://pots.example/1")
    assert only.title is not None
    assert only.title.value == "One"


@pytest.mark.parametrize(
    "text",
    [
        "<rss><channel><Item><Title>One</Title><Link>https://pots.example/1</Link></Item></channel></rss>",
        "<rss><channel><item><Title>One</Title><LINK>https://pots.example/1</LINK></item></channel></rss>",
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel/>'
        '<item><title xmlns="">One</title><link xmlns="">https://pots.example/1</link></item></rdf:RDF>',
    ],
)
def test_rss_in_other_letters_or_namespaces_is_read(text: str) -> None:
    (only,) = parse(fetched(text)).entries
    assert (only.title and only.title.value, only.url) == ("One", "https://pots.example/1")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            '<feed xmlns:x="urn:of-my-own"><x:entry><x:id>1</x:id></x:entry></feed>',
            "it has entries (<x:entry>) in a form that is not understood: none was read",
        ),
        (
            '<rss xmlns:x="urn:of-my-own"><channel><x:item><x:title>t</x:title></x:item></channel></rss>',
            "it has entries (<x:item>) in a form that is not understood: none was read",
        ),
        (
            "<rss><channel><item/><item><pubDate>now</pubDate></item></channel></rss>",
            "none of its 2 entries has an id, an address, a title or a text",
        ),
        (
            f'<feed xmlns="{ATOM}"><entry/></feed>',
            "none of its 1 entries has an id, an address, a title or a text",
        ),
        (
            '{"version": "https://jsonfeed.org/version/1.1", "items": [{}, 7]}',
            "none of its 2 entries has an id, an address, a title or a text",
        ),
    ],
)
def test_no_document_with_entries_gives_none_without_a_note(text: str, note: str) -> None:
    feed = parse(fetched(text))
    assert (feed.entries, feed.repairs) == ((), (note,))


def test_a_feed_without_entries_is_empty_without_a_note() -> None:
    assert read("<rss><channel><title>T</title></channel></rss>").repairs == ()


def document(number: int, root: str = "rss") -> str:
    if root == "feed":
        inside = f"<id>urn:x:{number}</id><title>{number}</title><link href='https://pots.example/{number}'/>"
        return f"<feed xmlns='{ATOM}'><entry>{inside}</entry></feed>"
    inside = f"<guid isPermaLink='false'>urn:x:{number}</guid><title>{number}</title>"
    inside += f"<link>https://pots.example/{number}</link><x:encoded xmlns:x='urn:y'/>"
    return f"<rss version='2.0'><channel><title>{number}</title><item>{inside}</item></channel></rss>"


@pytest.mark.parametrize("root", ["rss", "feed"])
@pytest.mark.parametrize("between", ["", "\n<?xml version='1.0'?>\n", "<!-- cached -->"])
@pytest.mark.parametrize("count", [2, 3])
def test_documents_that_were_written_behind_each_other_give_whole_entries(root: str, between: str, count: int) -> None:
    feed = parse(fetched(between.join(document(number, root) for number in range(count))))
    assert [(one.guid, one.url) for one in feed.entries] == [
        (f"urn:x:{number}", f"https://pots.example/{number}") for number in range(count)
    ]
    assert feed.complete
    assert feed.repairs


def test_a_second_document_that_is_cut_off_gives_its_whole_entries() -> None:
    feed = parse(fetched(document(1) + document(2).replace("</channel></rss>", "<item><guid>urn:x:3</guid><tit")))
    assert [one.guid for one in feed.entries] == ["urn:x:1", "urn:x:2"]
    assert not feed.complete


def test_an_entry_behind_the_end_is_whole() -> None:
    feed = parse(fetched(document(1) + "<item><guid>urn:x:2</guid><link>https://pots.example/2</link></item>"))
    assert [(one.guid, one.url) for one in feed.entries][1] == ("urn:x:2", "https://pots.example/2")


COMMON = (
    *("<dc:creator>A</dc:creator>", "<dc:subject>s</dc:subject>", "<dc:language>it</dc:language>", "<other>x</other>"),
    *("<category>c</category>", '<category term="t" label="l"/>', "<itunes:keywords>a, b</itunes:keywords>"),
    *("<itunes:title>i &amp;amp; t</itunes:title>", "<itunes:subtitle>sub</itunes:subtitle>"),
    *("<itunes:summary>a much longer &lt;b>text&lt;/b></itunes:summary>", '<itunes:image href="p.jpg"/>'),
    *("<itunes:duration>1:01</itunes:duration>", "<itunes:author>I</itunes:author>"),
    *("<media:title>m</media:title>", "<media:description>md</media:description>", '<media:thumbnail url="t.jpg"/>'),
    *('<media:content url="v.mp4" type="video/mp4" fileSize="9"/>', '<media:content url="i.png" medium="image"/>'),
    *("<media:group><media:title>g</media:title><media:content url='g.mp4'/></media:group>",),
    *("<fb:origLink>https://pots.example/orig/</fb:origLink>",),
    *("<fb:origEnclosureLink>https://files.example/o.mp3</fb:origEnclosureLink>", "<odd><title>in</title></odd>"),
    *('<enclosure url="a.mp3" length="3"/>', '<enclosure url="https://a.example/b.mp3" type="audio/mpeg"/>'),
)
OF_RSS = (
    *(
        '<source url="https://birds.example/feed">B &amp;amp; b</source>',
        '<source url="/feed"/>',
        "<source> B </source>",
    ),
    *("<title>t</title>", "<title>a &lt;b>c&lt;/b></title>", '<title xml:lang="fr">t</title>', "<Title>T</Title>"),
    *(
        "<link>/one</link>",
        "<link>https://pots.example/1/</link>",
        "<guid>/g</guid>",
        "<guid>https://pots.example/g</guid>",
    ),
    *('<guid isPermaLink="false">x</guid>', "<pubDate>p</pubDate>", "<comments>#c</comments>", "<author>x</author>"),
    *(
        "<description>d</description>",
        "<description>&lt;p>d&lt;/p></description>",
        "<content:encoded>c</content:encoded>",
    ),
    *(
        '<content:encoded xml:lang="en">&lt;i>long content&lt;/i></content:encoded>',
        '<link href="https://pots.example/h"/>',
    ),
)
OF_ATOM = (
    "<source><id>u:1</id><title>B</title><author><name>S</name></author><link rel='self' href='/f'/></source>",
    "<source><title type='html'>B &lt;i>b&lt;/i></title><link href='https://birds.example/'/><updated>d</updated></source>",
    *("<title>t</title>", '<title type="html" xml:lang="fr">a &lt;b></title>', "<author><name>O</name></author>"),
    *('<link href="https://pots.example/1"/>', '<link rel="self" href="s"/>', '<link rel="enclosure" href="e.mp3"/>'),
    *('<link rel="replies" href="r"/>', "<link>https://pots.example/text</link>", "<published>p</published>"),
    *(
        '<content type="html" xml:lang="en">&lt;p>c&lt;/p></content>',
        "<content>plain</content>",
        "<updated>u</updated>",
    ),
    *('<content type="text/html" src="there"/>', "<source><author><name>S</name></author></source>"),
    *("<id>urn:x:1</id>", "<id>https://pots.example/id</id>"),
)


@pytest.mark.parametrize("digits", ["9" * 5000, "x" + "f" * 5000])
def test_a_reference_to_an_endless_number_is_a_character_that_is_missing(digits: str) -> None:
    feed = f'<feed xmlns="{ATOM}"><title type="html">a &amp;#{digits};</title><entry><id>urn:x:1</id></entry></feed>'
    assert parse(fetched(feed)).title == "a \ufffd"


@examples(100, thorough=300)
@given(
    st.lists(st.sampled_from((*COMMON, *OF_RSS)), max_size=8).map("".join),
    st.sampled_from(["", "<link>https://pots.example/home/</link>", "<link>/home</link><language>de</language>"]),
    st.sampled_from(["", ' xml:base="https://base.example/b/"', ' xml:base="sub/"', ' xml:lang="es"']),
)
def test_both_readers_read_any_item_alike(inside: str, channel: str, attributes: str) -> None:
    read(f'<rss version="2.0" {NAMESPACES}><channel>{channel}<item{attributes}>{inside}</item></channel></rss>')


@examples(100, thorough=300)
@given(
    st.lists(st.sampled_from((*COMMON, *OF_ATOM)), max_size=8).map("".join),
    st.sampled_from(["", "<author><name>Owner</name></author>", '<link href="/home"/>']),
    st.sampled_from(["", ' xml:base="https://base.example/b/"', ' xml:base="sub/"', ' xml:lang="es"']),
)
def test_both_readers_read_any_entry_alike(inside: str, head: str, attributes: str) -> None:
    read(f'<feed xmlns="{ATOM}" {NAMESPACES}>{head}<entry{attributes}>{inside}</entry></feed>')
