"""The outlines of a document: as an XML parser finds them where it is well-formed, and as they are meant where not."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from aggregator.subscriptions.outlines import MAX_OUTLINES, Outlines, scan

TEXTS = st.text(
    st.sampled_from("ab =/'\"<>&;#xml:\n\t\u00e9中😀") | st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]),
    max_size=20,
)
NAMES = st.sampled_from(["text", "title", "xmlUrl", "type", "a:b", "isComment", "é"])
TREES: Any = st.recursive(
    st.tuples(st.dictionaries(NAMES, TEXTS, max_size=4), st.just([])),
    lambda inner: st.tuples(st.dictionaries(NAMES, TEXTS, max_size=4), st.lists(inner, max_size=4)),
    max_leaves=12,
)


def built(parent: etree._Element, tree: Any) -> None:
    attributes, inner = tree
    names = {
        name.replace("a:", "{urn:a}"): value.replace("\ufffe", "").replace("\uffff", "")
        for name, value in attributes.items()
    }
    child = etree.SubElement(parent, "outline", names)
    for one in inner:
        built(child, one)


def seen(root: etree._Element) -> list[tuple[dict[str, str], int | None]]:
    """All outlines as lxml has them: their attributes, and the index of the one around them."""
    found = list(root.iter("outline"))
    indexes: dict[Any, int] = {one: index for index, one in enumerate(found)}
    return [
        ({_lower(str(name)): str(value) for name, value in one.items()}, indexes.get(one.getparent())) for one in found
    ]


def _lower(name: str) -> str:
    namespace, brace, local = name.rpartition("}")
    return f"{namespace}{brace}{local.lower()}"


def shape(found: Outlines) -> list[tuple[dict[str, str], int | None]]:
    return [
        ({k: v for k, v in one.attributes.items() if not k.startswith("xmlns")}, one.parent) for one in found.outlines
    ]


@given(st.lists(TREES, max_size=5), st.booleans())
def test_a_well_formed_document_is_read_as_lxml_reads_it(trees: list[Any], pretty: bool) -> None:
    root = etree.Element("opml", nsmap={"p": "urn:a"})
    etree.SubElement(etree.SubElement(root, "head"), "title").text = "A & B"
    body = etree.SubElement(root, "body")
    for tree in trees:
        built(body, tree)
    text = etree.tostring(root, encoding="unicode", pretty_print=pretty)
    found = scan(text)
    assert shape(found) == seen(etree.fromstring(text))
    assert found.title == "A & B"
    assert found.complete


@given(
    st.dictionaries(NAMES.filter(lambda name: ":" not in name), TEXTS, min_size=1, max_size=5),
    st.sampled_from(["", " ", "\n"]),
)
def test_attributes_in_either_quotes(attributes: dict[str, str], space: str) -> None:
    written = "".join(f"{space or ' '}{name}{space}={space}{quoteattr(value)}" for name, value in attributes.items())
    text = f"<opml><body><outline{written}{space}/></body></opml>"
    assert shape(scan(text)) == seen(etree.fromstring(text))


@given(st.text(max_size=300))
def test_any_text_can_be_scanned(text: str) -> None:
    scan(text)
    scan(f"<opml><outline {text}")


@given(
    st.lists(
        st.sampled_from(
            [
                "<outline",
                ' text="',
                '"',
                "'",
                ">",
                "/>",
                "</outline>",
                " xmlUrl=",
                "a",
                "&",
                "<",
                "=",
                "<!--",
                "-->",
                "\n",
            ]
        ),
        max_size=40,
    )
)
def test_any_mixture_of_markup_can_be_scanned(parts: list[str]) -> None:
    found = scan("<opml>" + "".join(parts))
    for index, one in enumerate(found.outlines):
        assert one.parent is None or one.parent < index


BROKEN = {
    "a raw ampersand in an address": (
        '<outline xmlUrl="http://a.example/?x=1&y=2&copy=3"/>',
        [{"xmlurl": "http://a.example/?x=1&y=2&copy=3"}],
    ),
    "entities of HTML": ('<outline text="Caf&eacute; &nbsp;&mdash; &nosuch;"/>', [{"text": "Café \xa0— &nosuch;"}]),
    "quotes in a title": ('<outline text="The "best" of" xmlUrl="u"/>', [{"text": 'The "best" of', "xmlurl": "u"}]),
    "markup in a title": (
        '<outline text="a <b>bold</b> title" xmlUrl="u"/>',
        [{"text": "a <b>bold</b> title", "xmlurl": "u"}],
    ),
    "no closing quote": (
        '<outline text="abc xmlUrl="u"/><outline text="d"/>',
        [{"text": "abc", "xmlurl": "u"}, {"text": "d"}],
    ),
    "no quotes at all": (
        "<outline text=two words xmlUrl=http://a.example/x/ />",
        [{"text": "two words", "xmlurl": "http://a.example/x/"}],
    ),
    "no space between": ('<outline text="a"xmlUrl="u"/>', [{"text": "a", "xmlurl": "u"}]),
    "odd cases": ('<OUTLINE Text="a" XMLURL="u"/>', [{"text": "a", "xmlurl": "u"}]),
    "an attribute twice": ('<outline title="" title="b" title="c"/>', [{"title": "b"}]),
    "references to no characters": ('<outline text="a&#0;&#xD800;&#x110000;&#9999999;b&#x4e2d;"/>', [{"text": "ab中"}]),
    "comments": ('<!-- <outline text="no"/> --><outline text="a"/>', [{"text": "a"}]),
    "a comment without an end": ('<!-- <outline text="a"/>', [{"text": "a"}]),
    "CDATA and instructions": (
        '<![CDATA[<outline text="no"/>]]><?x <outline text="no"/> ?><outline text="a"/>',
        [{"text": "a"}],
    ),
    "other elements": ('<x><outline text="a"/></x>', [{"text": "a"}]),
    "a prefix": ('<o:outline text="a"/>', [{"text": "a"}]),
    "cut off in an attribute": (
        '<outline text="a"/><outline text="b" xmlUrl="http://b.ex',
        [{"text": "a"}, {"text": "b", "xmlurl": "http://b.ex"}],
    ),
    "cut off in a tag": ('<outline text="a"/><outl', [{"text": "a"}]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_well_formed_is_read_as_it_is_meant(name: str) -> None:
    written, attributes = BROKEN[name]
    found = scan(f"<opml><body>{written}</body></opml>" if "cut off" not in name else f"<opml><body>{written}")
    assert [one.attributes for one in found.outlines] == attributes
    assert found.complete is ("cut off" not in name)


def parents(text: str) -> list[int | None]:
    return [one.parent for one in scan(f"<opml><body>{text}</body></opml>").outlines]


def test_feeds_without_an_end_are_beside_each_other() -> None:
    unclosed = (
        '<outline text="F"><outline xmlUrl="1"><outline xmlUrl="2"></outline><outline text="G"><outline xmlUrl="3">'
    )
    assert parents(unclosed) == [None, 0, 0, None, 3]
    assert parents('<outline xmlUrl="1"><outline xmlUrl="2">') == [None, None]


def test_feeds_with_an_end_may_have_outlines_inside() -> None:
    closed = (
        '<outline text="F"><outline xmlUrl="1"></outline><outline xmlUrl="2"><outline url="e"/></outline></outline>'
    )
    assert parents(closed) == [None, 0, 0, 2]
    assert parents('</outline></outline><outline xmlUrl="1"/>') == [None]


def test_prefixes_mean_their_namespaces() -> None:
    text = '<opml xmlns:f="https://freshrss.org/opml"><outline f:TTL="1"/><outline xmlns:g="urn:g" g:a="2" h:b="3"/>'
    first, second = scan(text).outlines
    assert first.attributes == {"{https://freshrss.org/opml}ttl": "1"}
    assert {"{urn:g}a": "2", "{h}b": "3"}.items() <= second.attributes.items()


def test_lines_are_counted_in_the_document() -> None:
    text = '<opml>\n<!-- \n -->\n<outline\n text="a"/><outline/>\r\n<outline/>'
    assert [one.line for one in scan(text, first_line=3).outlines] == [6, 7, 8]


@pytest.mark.parametrize(
    "title", ["<title>A &lt; B</title>", "<title><![CDATA[A < B]]></title>", "<title>A < B</title>"]
)
def test_the_title_is_that_of_the_head(title: str) -> None:
    found = scan(f"<opml><head>{title}<x/></head><body><title>no</title></body></opml>")
    assert found.title.startswith("A")
    assert scan("<opml><body><title>no</title></body></opml>").title == ""


def test_depth_is_no_trouble() -> None:
    deep = 10_000
    found = scan("<opml>" + '<outline text="a">' * deep + "</outline>" * deep + "</opml>")
    assert [one.parent for one in found.outlines] == [None, *range(deep - 1)]


def test_outlines_have_a_limit() -> None:
    found = scan("<opml>" + "<outline/>" * (MAX_OUTLINES + 10) + "</opml>")
    assert len(found.outlines) == MAX_OUTLINES
    assert found.too_many
    assert not found.complete


@pytest.mark.parametrize(
    "part",
    [
        '<outline a="<y ',
        "<outline a=' \" ",
        '<outline a="x" "',
        "<x a=' ",
        '<outline """',
        "<!-- ",
        "<![CDATA[",
        "<outline a= b ",
        "<?",
        "<outline &amp;",
        "a='",
        '<outline a="&lt;',
    ],
)
def test_hostile_text_takes_linear_time(part: str) -> None:
    # Anything quadratic would take hours.
    assert scan("<opml>" + part * (200_000 // len(part))) is not None


def test_one_tag_with_everything_takes_linear_time() -> None:
    for inside in (
        ' "' * 50_000,
        " a=" * 50_000,
        ' a="=' * 50_000,
        ' a=" "b' * 50_000,
        " " * 200_000,
        "1" * 200_000,
    ):
        assert len(scan(f"<opml><outline{inside}/></opml>").outlines) <= 1
        assert len(scan(f'<opml><outline a="{inside}').outlines) <= 1
