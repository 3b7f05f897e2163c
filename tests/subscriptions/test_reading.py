"""OPML documents from anywhere: what is read of them, and what is said of what cannot be."""

from __future__ import annotations

import codecs
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.subscriptions.reading import MAX_BYTES, NotSubscriptions, Subscriptions, read
from tests.subscriptions.documents import feed, opml
from tests.support import item, rss


def names(found: Subscriptions) -> list[object]:
    return [one.settings.get("name") for one in found.sources]


def addresses(data: bytes) -> list[str]:
    return [one.address for one in read(data).sources]


def folders(data: bytes) -> list[list[str]]:
    return [[folder.title for folder in one.folders] for one in read(data).sources]


# -- what is no list -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"<!DOCTYPE html><html><body><outline xmlUrl='x'></body></html>", "an HTML page"),
        (b"<html><head></head></html>", "an HTML page"),
        (rss([item(1)]).encode(), "it is a feed"),
        (b'<feed xmlns="http://www.w3.org/2005/Atom"/>', "it is a feed"),
        (b'{"feeds": []}', "it is JSON"),
        (b"https://example.org/feed\nhttps://example.net/feed\n", "a list of addresses"),
        (b"<urlset/>", "its root element is `urlset`"),
        (b"hello", "there is no element `opml`"),
        (gzip.compress(b"<opml/>", mtime=0), "it is packed"),
        (b"<opml/>" + b" " * MAX_BYTES, "larger than 20 MB"),
    ],
)
def test_what_is_no_list_is_said_to_be_something_else(data: bytes, why: str) -> None:
    with pytest.raises(NotSubscriptions, match=why):
        read(data)


@given(st.binary(max_size=500))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for one in (data, b"<opml>" + data):
        try:
            read(one)
        except NotSubscriptions as error:
            assert str(error)


# -- encodings and markup --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        '<?xml version="1.0" encoding="utf-8"?><opml><outline text="新闻 é" xmlUrl="http://a.example/"/></opml>'.encode(),
        '<?xml version="1.0" encoding="ISO-8859-1"?><opml><outline text="新闻 é" xmlUrl="http://a.example/"/></opml>'.encode(),
        codecs.BOM_UTF8 + '<opml><outline text="新闻 é" xmlUrl="http://a.example/"/></opml>'.encode(),
        codecs.BOM_UTF16_LE + '<opml><outline text="新闻 é" xmlUrl="http://a.example/"/></opml>'.encode("utf-16-le"),
        '<?xml version="1.0" encoding="gb2312"?><opml><outline text="新闻 é" xmlUrl="http://a.example/"/></opml>'.encode(
            "gb18030"
        ),
    ],
)
def test_encodings_are_found_out(data: bytes) -> None:
    assert names(read(data)) == ["新闻 é"]


def test_entities_are_not_expanded() -> None:
    bomb = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 20))
    dtd = f'<!DOCTYPE opml [<!ENTITY l0 "lol">{bomb}<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    outlines = '<outline text="&l19;&f;" xmlUrl="http://a.example/&f;"/><outline text="b" xmlUrl="http://b.example/"/>'
    found = read(f"<?xml version='1.0'?>{dtd}<opml><body>{outlines}</body></opml>".encode())
    assert names(found) == ["&l19;&f;", "b"]
    assert addresses(f"{dtd}<opml>{outlines}</opml>".encode()) == ["http://a.example/&f;", "http://b.example/"]


def test_a_doctype_is_no_place_for_outlines() -> None:
    dtd = """<!DOCTYPE opml [<!ENTITY x "<outline xmlUrl='http://x.example/'/>"><!-- <opml> -->]>"""
    assert addresses(dtd.encode() + opml(feed(1))) != []
    assert addresses(f"{dtd}<opml>{feed(1)}</opml>".encode()) == ["https://example.org/1"]


def test_a_list_behind_other_text_is_found() -> None:
    assert addresses(b"<br />\n<b>Warning</b>: nothing\n" + opml(feed(1))) == ["https://example.org/1"]
    assert addresses(feed(1).encode() + feed(2).encode()) == ["https://example.org/1", "https://example.org/2"]


@pytest.mark.parametrize(
    "data",
    [
        f"<opml><head><title>x</title></head>{feed(1)}{feed(2)}</opml>",
        f"<opml><head><title>x</title>{feed(1)}{feed(2)}</opml>",
        f"<opml><head/>{feed(1)}</body>{feed(2)}</opml>",
        f'<opml xmlns="http://opml.org/spec2"><body>{feed(1)}{feed(2)}</body></opml>',
        f"<OPML><BODY>{feed(1)}{feed(2)}</BODY></OPML>",
    ],
)
def test_a_body_is_not_needed(data: str) -> None:
    assert addresses(data.encode()) == ["https://example.org/1", "https://example.org/2"]


def test_an_empty_list_is_a_list() -> None:
    found = read(b"<opml><head><title> A  list </title></head><body/></opml>")
    assert found == Subscriptions("A list", ())


def test_a_list_that_is_cut_off_is_read_and_says_so() -> None:
    data = opml(feed(1) + feed(2))
    found = read(data[: data.index(b"/2") + 2])
    assert [one.address for one in found.sources] == ["https://example.org/1", "https://example.org/2"]
    assert "cut off" in found.remarks[0]


def test_ten_thousand_feeds_and_as_many_levels() -> None:
    assert len(read(opml("".join(map(feed, range(10_000))))).sources) == 10_000
    deep = '<outline text="f">' * 10_000 + feed(1) + "</outline>" * 10_000
    assert folders(opml(deep)) == [["f / f / f / f / f"]]


# -- outlines --------------------------------------------------------------------------------------------------------


def test_names() -> None:
    data = opml(
        '<outline text="text" title="title" xmlUrl="http://a.example/"/>'
        '<outline text="only text" title=" " xmlUrl="http://b.example/"/>'
        '<outline xmlUrl="http://c.example/"/>'
        '<outline text="http://d.example/" xmlUrl="http://d.example/"/>'
        '<outline text="Tom &amp;amp; Jerry&amp;#8217;s" xmlUrl="http://e.example/"/>'
        '<outline text=" two&#10;lines&#9;and &#27;[31m&#x9b;red&#0;" xmlUrl="http://f.example/"/>'
        f'<outline text="{"x" * 600}" xmlUrl="http://g.example/"/>'
        '<outline text="${env:HOME} $${x}" xmlUrl="http://h.example/${env:HOME}"/>'
    )
    found = read(data)
    assert names(found) == [
        "title",
        "only text",
        None,
        None,
        "Tom & Jerry’s",
        "two lines and [31m red",
        "x" * 500,
        "$${env:HOME} $$${x}",
    ]
    assert found.sources[-1].settings["feed"] == "http://h.example/$${env:HOME}"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("feed://a.example/x", "http://a.example/x"),
        ("feed:https://a.example/x", "https://a.example/x"),
        (" https://a.example/x ", "https://a.example/x"),
        ("https://a.example/a b", "https://a.example/a%20b"),
        ("https://a.example/x?a=1&amp;b=2", "https://a.example/x?a=1&b=2"),
        ("https://中.example/新", "https://中.example/新"),
    ],
)
def test_addresses(written: str, address: str) -> None:
    assert [one.settings["feed"] for one in read(opml(f'<outline xmlUrl="{written}"/>')).sources] == [address]


@pytest.mark.parametrize(
    "address",
    [
        "ftp://a.example/",
        "a.example/feed",
        "/feed",
        "javascript:alert(1)",
        "https://",
        "file:///etc/passwd",
        "https://a.example:x/",
    ],
)
def test_what_is_no_address_is_named(address: str) -> None:
    found = read(opml(f'<outline text="Bad" type="rss"\nxmlUrl="{address}"/>' + feed(1)))
    assert [one.address for one in found.sources] == ["https://example.org/1"]
    assert [(one.line, one.what) for one in found.refused] == [(2, "Bad")]
    assert found.refused[0].why.startswith("its address ")


def test_kinds_of_outlines() -> None:
    data = opml(
        '<outline type="link" text="A page" url="https://page.example/"/>'
        '<outline text="A blog" htmlUrl="https://blog.example/"/>'
        '<outline type="rss" text="By url" url="https://feed.example/rss"/>'
        '<outline type="rss" text="Nothing"/>'
        '<outline type="include" text="More" url="https://lists.example/more.opml"/>'
        '<outline text="A note"/>'
        f'<outline text="Not now" isComment="true">{feed(1)}<outline text="x">{feed(2)}</outline></outline>'
        f'<outline type="rss" text="A folder">{feed(3)}</outline>'
        f'<outline text="Site" htmlUrl="https://site.example/">{feed(4)}</outline>'
    )
    found = read(data)
    assert [one.address for one in found.sources] == [
        "https://feed.example/rss",
        "https://example.org/3",
        "https://example.org/4",
    ]
    assert [[folder.title for folder in one.folders] for one in found.sources] == [[], ["A folder"], ["Site"]]
    assert [(one.address, one.title) for one in found.pages] == [
        ("https://page.example/", "A page"),
        ("https://blog.example/", "A blog"),
    ]
    assert [(one.what, one.why) for one in found.refused] == [("Nothing", "it has no address (`xmlUrl`)")]
    assert len(found.remarks) == 1
    assert "https://lists.example/more.opml" in found.remarks[0]


def test_folders_are_joined() -> None:
    data = opml(
        f'<outline text="A"><outline title="B">{feed(1)}</outline><outline>{feed(2)}</outline></outline>{feed(3)}'
        f'<outline text="&#27;[1m C &amp;amp; D">{feed(4)}</outline>'
    )
    assert folders(data) == [["A / B"], ["A"], [], ["[1m C & D"]]


def test_a_folder_for_one_feed_of_the_same_name_is_none() -> None:
    # As Thunderbird writes them.
    data = opml(f'<outline title="A"><outline title="Feed 1">{feed(1)}</outline></outline>')
    assert folders(data) == [["A"]]
    assert folders(opml(f'<outline title="Feed 1">{feed(1)}</outline>')) == [[]]
    assert folders(opml(f'<outline title="Feed 1">{feed(1)}{feed(2)}</outline>')) == [["Feed 1"], ["Feed 1"]]


def test_a_folder_around_all_feeds_is_none() -> None:
    # As podcast apps write it.
    assert folders(opml(f'<outline text="feeds">{feed(1)}{feed(2)}</outline>')) == [[], []]
    assert folders(opml(f'<outline text="feeds">{feed(1)}</outline>{feed(2)}')) == [["feeds"], []]
    assert folders(opml(f'<outline text="Podcasts">{feed(1)}</outline>')) == [["Podcasts"]]


def test_the_attribute_category_stands_for_a_folder() -> None:
    data = opml(
        feed(1, category="/Boston/Weather,/x")
        + f'<outline text="F">{feed(2, category="/x")}</outline>'
        + feed(3, category="")
    )
    assert folders(data) == [["Boston / Weather"], ["F"], []]


def test_lines_are_those_of_the_file() -> None:
    data = b'<?xml version="1.0"?>\n<!DOCTYPE opml [\n]>\n<opml>\n<outline xmlUrl="http://a.example/"/>\n</opml>'
    assert [one.line for one in read(data).sources] == [5]


# -- our own attributes ----------------------------------------------------------------------------------------------

OURS = ' xmlns:agg="urn:feed-republisher:opml"'


def own(source: str, **attributes: str) -> Subscriptions:
    quoted = source.replace("&", "&amp;").replace('"', "&quot;")
    return read(opml(feed(1, **{"agg:source": quoted, **attributes}), attributes=OURS))


def test_settings_of_our_own_export() -> None:
    (one,) = own('{"interval": "2h", "name": null}').sources
    assert one.own
    assert one.settings == {"interval": "2h", "feed": "https://example.org/1"}
    (one,) = own("{}").sources
    assert one.settings == {"name": "Feed 1", "feed": "https://example.org/1"}
    (one,) = own('{"scrape": {"url": "https://s.example/", "items": "a"}, "category": "x"}').sources
    assert one.settings == {"name": "Feed 1", "scrape": {"url": "https://s.example/", "items": "a"}}
    assert one.address == "https://example.org/1"


@pytest.mark.parametrize(
    "source",
    [
        "",
        "[]",
        "{",
        "1",
        '{"a": NaN}',
        '{"a": 1234567890123456789012}',
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a": ' + "[" * 50 + "]" * 50 + "}",
    ],
)
def test_settings_that_cannot_be_read_are_named(source: str) -> None:
    (one,) = own(source).sources
    assert one.settings == {"name": "Feed 1", "feed": "https://example.org/1"}
    assert not one.own
    assert "cannot be read" in one.left_out[0]


def test_one_outline_makes_one_source() -> None:
    (one,) = own('{"for": {"a": ["b", "c"]}, "feed": "https://x.example/${a}"}').sources
    assert "for" not in one.settings
    assert "`for`" in one.left_out[0]
