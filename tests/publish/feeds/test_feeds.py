"""RSS, Atom and JSON Feed follow their specifications and all say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from aggregator.models import Enclosure, Item, Origin, OriginalFeed
from aggregator.publish.feeds import FILE_NAMES, Channel, Format, render_feeds
from aggregator.publish.feeds.writers import rfc822
from aggregator.values.urls import clean_url
from tests import DATA
from tests.publish_items import ENTRY, item_lists, make_item
from tests.thoroughness import examples
from tests.validators import ATOM, CONTENT, DC, MEDIA, XML, check_atom, check_jsonfeed, check_rss, read_back

CHANNEL = Channel(
    slug="news",
    title="新闻 & more",
    description="A <description>",
    home_url="https://feeds.example/",
    base_url="https://feeds.example/news/",
    language="zh-CN",
    author="科技聚合",
)
CHECKS: dict[Format, Callable[[bytes], list[str]]] = {"rss": check_rss, "atom": check_atom, "json": check_jsonfeed}
FORMATS = tuple(FILE_NAMES)
GOLDEN = DATA / "publish"


def _render(form: Format, items: Sequence[Item], channel: Channel = CHANNEL) -> bytes:
    (output,) = render_feeds(channel, items, [form])
    assert CHECKS[form](output.data) == []
    return output.data


def _entry(form: Format, item: Item) -> Any:
    """The one element (or object) of the item."""
    data = _render(form, [item])
    if form == "json":
        return json.loads(data)["items"][0]
    return etree.fromstring(data).find("channel/item" if form == "rss" else f"{ATOM}entry")


def _full_items() -> list[Item]:
    """Three items that between them use everything."""
    other = Origin("blog", "A & B", "https://user:secret@blog.example/atom", None, "news", None)
    return [
        make_item(
            1,
            title="风筝节 <b>6</b> & 8",
            html='<p>六百只<em>风筝</em>。</p><p>]]&gt; {{ x }} <a href="https://a.example/?a=1&amp;b=2">&lt;a&gt;</a></p>',
            summary="<p>风筝<b>飞</b>了</p>",
            authors=("王小明", "Ann O'Neil"),
            tags=("风筝", "a & b"),
            enclosures=(
                Enclosure("https://a.example/1.mp3", "audio/mpeg", 1234, "Part <1>", 61),
                Enclosure("https://a.example/2.MP4?x=1", "", None, None, 5),
            ),
            image="https://a.example/kite.png?a=1&b=2",
            comments_url="https://a.example/1#comments",
            language="zh_TW",
        ),
        make_item(2, origin=other, url=None, summary="", authors=(), tags=(), language="zh-cn"),
        make_item(3, url="https://example.org/id/3", html="", summary="<p>Only a summary</p>", language="??"),
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_golden_feeds(form: Format) -> None:
    assert _render(form, _full_items()) == (GOLDEN / FILE_NAMES[form]).read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_empty_feed_is_valid_and_has_no_time_of_the_run(form: Format) -> None:
    data = _render(form, [])
    assert str(datetime.now(tz=UTC).year).encode() not in data
    assert (b"1970" in data) == (form != "json")


@examples(30)
@given(item_lists())
def test_bytes_are_those_that_libraries_write(items: list[Item]) -> None:
    rss, atom, feed = (output.data for output in render_feeds(CHANNEL, items, FORMATS))
    for data in (rss, atom):
        tree = etree.fromstring(data).getroottree()
        assert etree.tostring(tree, pretty_print=True, encoding="UTF-8", xml_declaration=True) == data
    assert json.dumps(json.loads(feed), ensure_ascii=False, separators=(",", ":")).encode() + b"\n" == feed


@examples(25)
@given(item_lists())
def test_any_items_give_valid_feeds_that_say_the_same(items: list[Item]) -> None:
    outputs = render_feeds(CHANNEL, items, FORMATS)
    assert [output.name for output in outputs] == ["rss.xml", "atom.xml", "feed.json"]
    for output, form in zip(outputs, FORMATS, strict=True):
        assert CHECKS[form](output.data) == []
    rss, atom, feed = (read_back(output.data) for output in outputs)
    assert rss == feed
    assert atom == feed
    for item, (identity, title, link, published, updated, tags) in zip(items, feed, strict=True):
        entry = item.entry
        assert (identity, published, updated) == (item.id, entry.published_at, entry.updated_at)
        assert link == clean_url(entry.url)
        assert title == (_legal(entry.title) or item.id)
        assert tags == tuple(dict.fromkeys(filter(None, map(_legal, entry.tags))))


def _legal(text: str) -> str:
    """The text without what XML cannot hold, and without the controls that it discourages (XML 1.0, section 2.2)."""
    return re.sub("[^\t\n\r -~\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text).strip()


@pytest.mark.parametrize("form", FORMATS)
def test_body_comes_back_as_it_is(form: Format) -> None:
    body = "<p>a &amp; &lt;b&gt;</p>\n<pre>\tx  ]]&gt; ]]> <![CDATA[ </pre>\r\n<p>\x00\ufffe末</p>  "
    # Readers take the white space around a text off, so that it would not come out again.
    wanted = body.replace("\x00\ufffe", "").strip()
    found = {
        "rss": lambda entry: entry.findtext(f"{CONTENT}encoded"),
        "atom": lambda entry: entry.findtext(f"{ATOM}content"),
        "json": lambda entry: entry["content_html"],
    }[form](_entry(form, make_item(html=body, summary="<p>s</p>")))
    assert found == wanted


def test_rss_description_is_the_summary_or_a_synopsis() -> None:
    given_summary = _entry("rss", make_item(html="<p>Body</p>", summary="<p>Short</p>"))
    assert (given_summary.findtext("description"), given_summary.findtext(f"{CONTENT}encoded")) == (
        "<p>Short</p>",
        "<p>Body</p>",
    )
    made = _entry("rss", make_item(html="<p>1 &lt; 2</p>"))
    assert (made.findtext("description"), made.findtext(f"{CONTENT}encoded")) == ("1 &lt; 2", "<p>1 &lt; 2</p>")
    wordless = _entry("rss", make_item(html='<img src="https://a.example/">'))
    assert wordless.findtext("description") == "A title"
    assert wordless.findtext(f"{CONTENT}encoded") == '<img src="https://a.example/">'
    assert _entry("rss", make_item(html="")).find("description") is None


def test_rss_guid_is_a_permanent_link_where_it_is_the_address() -> None:
    assert _entry("rss", make_item(1)).find("guid").get("isPermaLink") == "false"
    same = _entry("rss", make_item(1, url="https://example.org/id/1"))
    assert same.find("guid").get("isPermaLink") == "true"


def test_enclosures_have_types_and_lengths() -> None:
    item = _full_items()[0]
    rss, atom, feed = (_entry(form, item) for form in FORMATS)
    (first,) = rss.findall("enclosure")
    assert dict(first.attrib) == {"url": "https://a.example/1.mp3", "length": "1234", "type": "audio/mpeg"}
    # An enclosure of RSS has no place for a title.
    named, second = rss.findall(f"{MEDIA}content")
    assert (named.get("url"), named.findtext(f"{MEDIA}title")) == ("https://a.example/1.mp3", "Part <1>")
    assert dict(second.attrib) == {"url": "https://a.example/2.MP4?x=1", "type": "video/mp4", "duration": "5"}
    links = [dict(link.attrib) for link in atom.findall(f"{ATOM}link") if link.get("rel") == "enclosure"]
    assert links == [
        {
            "href": "https://a.example/1.mp3",
            "rel": "enclosure",
            "type": "audio/mpeg",
            "length": "1234",
            "title": "Part <1>",
        },
        {"href": "https://a.example/2.MP4?x=1", "rel": "enclosure", "type": "video/mp4"},
    ]
    assert feed["attachments"][0] == {
        "url": "https://a.example/1.mp3",
        "mime_type": "audio/mpeg",
        "title": "Part <1>",
        "size_in_bytes": 1234,
        "duration_in_seconds": 61,
    }
    unknown = _entry("rss", make_item(enclosures=(Enclosure("https://example.com"),))).find("enclosure")
    assert (unknown.get("type"), unknown.get("length")) == ("application/octet-stream", "0")


def test_origin_is_named_without_its_password() -> None:
    item = _full_items()[1]
    rss, atom, feed = (_entry(form, item) for form in FORMATS)
    assert (rss.find("source").text, rss.find("source").get("url")) == ("A & B", "https://blog.example/atom")
    source = atom.find(f"{ATOM}source")
    assert [source.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated")] == [
        "https://blog.example/atom",
        "A & B",
        "2022-06-30T07:00:05+00:00",
    ]
    assert feed["_origin"] == {"title": "A & B", "feed_url": "https://blog.example/atom"}
    assert all(b"secret" not in _render(form, [item]) for form in FORMATS)


def test_the_feed_that_an_entry_was_taken_over_from_is_its_origin() -> None:
    feed = OriginalFeed("Inn", "tag:inn.example,2024:feed", "https://inn.example/feed", "https://inn.example/")
    item = make_item(authors=(), original_feed=feed)
    rss, atom, json_item = (_entry(form, item) for form in FORMATS)
    assert (rss.find("source").text, rss.find("source").get("url")) == ("Inn", "https://inn.example/feed")
    source = atom.find(f"{ATOM}source")
    assert [source.findtext(f"{ATOM}{name}") for name in ("id", "title")] == ["tag:inn.example,2024:feed", "Inn"]
    assert {link.get("rel"): link.get("href") for link in source.findall(f"{ATOM}link")} == {
        "self": "https://inn.example/feed",
        "alternate": "https://inn.example/",
    }
    assert json_item["_origin"] == {
        "title": "Inn",
        "url": "https://inn.example/",
        "feed_url": "https://inn.example/feed",
    }
    assert rss.findtext(f"{DC}creator") == "Inn" == json_item["authors"][0]["name"]


@pytest.mark.parametrize("url", ["http://example.org/feed/", "https://example.org"])
def test_a_feed_that_names_itself_as_the_origin_keeps_its_configured_name(url: str) -> None:
    item = make_item(original_feed=OriginalFeed("By itself", None, url, None))
    assert _entry("json", item)["_origin"]["title"] == item.origin.name


def test_a_change_of_one_entry_is_none_of_the_others_of_its_source() -> None:
    old = make_item(1)
    new = make_item(2, updated_at=datetime(2024, 5, 3, tzinfo=UTC))
    (alone,) = etree.fromstring(_render("atom", [old])).findall(f"{ATOM}entry")
    _, beside = etree.fromstring(_render("atom", [new, old])).findall(f"{ATOM}entry")
    assert etree.tostring(beside) == etree.tostring(alone)
    assert beside.findtext(f"{ATOM}source/{ATOM}updated") == "2022-06-30T07:00:05+00:00"


def test_atom_content_is_there_where_there_is_any_or_no_link() -> None:
    def content(**fields: Any) -> list[str | None]:
        return [found.text for found in _entry("atom", make_item(**fields)).findall(f"{ATOM}content")]

    assert content(html="<p>x</p>") == ["<p>x</p>"]
    assert content(html="", summary="s") == ["s"]
    assert content(html="") == []
    # RFC 4287, section 4.1.2.
    assert content(html="", url=None) == [None]


@pytest.mark.parametrize("form", FORMATS)
def test_no_output_has_control_characters(form: Format) -> None:
    text = "a" + "".join(map(chr, range(0x7F, 0xA0))) + "b"
    origin = Origin("s", text, "https://a.example/", None, "news", None)
    feed = OriginalFeed(text, None, "https://b.example/", None)
    channel = Channel("a", text, text, "https://a.example/", "https://a.example/a/", "en", text)
    fields = {"title": text, "html": text, "summary": text + "s", "tags": (text,), "authors": (text,)}
    items = [make_item(1, origin=origin, **fields), make_item(2, original_feed=feed, authors=())]
    written = _render(form, items, channel).decode()
    assert not re.search("[\x7f-\x9f]|&#(?:12[7-9]|1[345][0-9]);|\\\\u00[89]", written)
    assert "ab" in written


ODD_URLS = {
    "https://例.example/a": "https://xn--fsq.example/a",
    "https://a.example/our news": "https://a.example/our%20news",
    "https://a.example/100%": "https://a.example/100%25",
    "https://a.example/[1]?x[]=2": "https://a.example/%5B1%5D?x%5B%5D=2",
    'https://a.example/"q"<b>`{|}^': "https://a.example/%22q%22%3Cb%3E%60%7B%7C%7D%5E",
    "https://a.example/風": "https://a.example/%E9%A2%A8",
    "https://user:secret@a.example/": "https://a.example/",
    "javascript:alert(1)": None,
    "https://[broken/": None,
}


@pytest.mark.parametrize(("url", "wanted"), ODD_URLS.items())
def test_every_address_is_a_uri_or_left_out(url: str, wanted: str | None) -> None:
    item = make_item(
        origin=Origin("s", "Name", url, url, "news", None),
        url=url,
        enclosures=(Enclosure(url, "audio/mpeg"), Enclosure(url + "#2", "audio/mpeg")),
        image=url,
        comments_url=url,
    )
    files = [] if wanted is None else [wanted, f"{wanted}#2"]
    rss, atom, feed = (_entry(form, item) for form in FORMATS)
    assert [rss.findtext("link"), rss.findtext("comments")] == [wanted, wanted]
    assert [one.get("url") for one in (*rss.findall("enclosure"), *rss.findall(f"{MEDIA}content"))] == files
    assert [one.get("url") for one in rss.findall("source")] == files[:1]
    links = [(link.get("rel"), link.get("href")) for link in atom.findall(f"{ATOM}link")]
    assert links == [(rel, wanted) for rel in ("alternate", "replies") if wanted] + [
        ("enclosure", file) for file in files
    ]
    source = [link.get("href") for link in atom.findall(f"{ATOM}source/{ATOM}link")]
    assert source == [wanted, wanted][: 2 * len(files[:1])]
    assert [feed.get("url"), feed.get("image")] == [wanted, wanted]
    assert [file["url"] for file in feed.get("attachments", ())] == files
    assert [feed["_origin"].get(name) for name in ("url", "feed_url")] == [wanted, wanted]


@pytest.mark.parametrize("form", FORMATS)
def test_addresses_of_the_feed_itself_are_uris(form: Format) -> None:
    channel = Channel("a", "t", "", "https://例.example/", "https://例.example/新/", "en", "x")
    written = _render(form, [], channel).decode()
    assert "https://xn--fsq.example/%E6%96%B0/" in written
    assert "例" not in written


def test_sizes_and_times_that_are_zero_are_unknown() -> None:
    item = make_item(enclosures=(Enclosure("https://a.example/1", "audio/mpeg", 0, None, 0),))
    (file,) = _entry("json", item)["attachments"]
    assert file == {"url": "https://a.example/1", "mime_type": "audio/mpeg"}
    (link,) = [link for link in _entry("atom", item).findall(f"{ATOM}link") if link.get("rel") == "enclosure"]
    assert link.get("length") is None


def test_source_stands_in_for_a_missing_author() -> None:
    item = _full_items()[1]
    rss, atom, feed = (_entry(form, item) for form in FORMATS)
    assert rss.findtext(f"{DC}creator") == "A & B" == atom.findtext(f"{ATOM}author/{ATOM}name")
    assert feed["authors"] == [{"name": "A & B"}]


def test_language_is_given_where_it_differs_and_is_valid() -> None:
    for item, language in zip(_full_items(), ("zh-TW", None, None), strict=True):
        rss, atom, feed = (_entry(form, item) for form in FORMATS)
        assert rss.get(f"{XML}lang") == atom.get(f"{XML}lang") == feed.get("language") == language


@pytest.mark.parametrize("form", FORMATS)
def test_invalid_language_of_the_channel_is_left_out(form: Format) -> None:
    channel = Channel("a", "t", "", "https://a.example/", "https://a.example/a/", "not a language", "x")
    assert b"not a language" not in _render(form, [make_item(language="en")], channel)


def test_one_impossible_item_does_not_lose_the_others() -> None:
    bad = make_item(1, title="\x00\ufffe", html="\x00", authors=("\x00",), tags=("\x07", " "), language="\x00")
    for form in FORMATS:
        titles = [entry[1] for entry in read_back(_render(form, [bad, make_item(2)]))]
        assert titles == ["https://example.org/id/1", ENTRY.title]


@pytest.mark.parametrize("form", ["rss", "atom"])
def test_what_xml_cannot_hold_is_refused_where_nothing_has_dropped_it(form: Format) -> None:
    item = make_item(1, enclosures=(Enclosure("https://files.example/a", "audio/x; name=\uffff"),))
    with pytest.raises(ValueError, match="XML"):
        render_feeds(CHANNEL, [item], [form])


def test_years_of_few_digits_stay_valid() -> None:
    early = datetime(1, 1, 1, tzinfo=UTC)
    for form in FORMATS:
        assert b"0001" in _render(form, [make_item(published_at=early, updated_at=early)])


def test_feedparser_finds_no_fault() -> None:
    for form in ("rss", "atom"):
        feed = feedparser.parse(_render(form, _full_items()))
        assert not feed["bozo"]
        assert feed["feed"]["title"] == CHANNEL.title
        assert feed["feed"]["link"] == CHANNEL.home_url
        assert feed["entries"][0]["author"]


def test_fingerprint_covers_every_setting() -> None:
    other = Channel("b", "b", "b", "b", "b", "b", "b", 7, 6, "icon", 5)
    assert len({CHANNEL.fingerprint(), other.fingerprint()}) == 2
    assert all(str(getattr(other, name)) in other.fingerprint() for name in Channel.__dataclass_fields__)


@given(st.datetimes(datetime(1, 1, 1), timezones=st.just(UTC)))
def test_rfc822_is_what_the_standard_library_writes(moment: datetime) -> None:
    assert rfc822(moment) == format_datetime(moment)
