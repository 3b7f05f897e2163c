"""CSS and XPath on the same page select the same elements, and XPath finds its way back to them."""

from __future__ import annotations

import pytest
from bs4 import Tag
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.models import Fetched
from aggregator.sources.page import Page, text_of

URL = "http://site.example/list.html"


def page(html: str) -> Page:
    return Page(Fetched(URL, URL, 200, "text/html; charset=utf-8", html.encode()), None)


_NAMES = ["div", "p", "ul", "li", "a", "span", "h2", "section"]
_CLASSES = ["card", "news", "a-b", "x"]
_LEAF = st.sampled_from(["text", "<br>", "<img src=a.png>", "<!-- c -->", " ", "&amp;"])
_TREE = st.recursive(
    _LEAF,
    lambda inside: st.builds(
        lambda name, classes, extra, parts: f"<{name}{classes}{extra}>{''.join(parts)}</{name}>",
        st.sampled_from(_NAMES),
        st.one_of(
            st.just(""),
            st.lists(st.sampled_from(_CLASSES), min_size=1, max_size=2).map(" ".join).map(' class="{}"'.format),
        ),
        st.sampled_from(["", ' id="one"', ' href="/x"', ' data-n="7"']),
        st.lists(inside, max_size=4),
    ),
    max_leaves=25,
)


def _has_class(name: str) -> str:
    return f"contains(concat(' ', normalize-space(@class), ' '), ' {name} ')"


#: Simple selectors, each as CSS and as XPath from the whole page.
_STEPS = st.one_of(
    st.sampled_from(_NAMES).map(lambda name: (name, name)),
    st.sampled_from(_CLASSES).map(lambda name: (f".{name}", f"*[{_has_class(name)}]")),
    st.tuples(st.sampled_from(_NAMES), st.sampled_from(_CLASSES)).map(
        lambda both: (f"{both[0]}.{both[1]}", f"{both[0]}[{_has_class(both[1])}]")
    ),
    st.sampled_from([("[href]", "*[@href]"), ('[data-n="7"]', '*[@data-n="7"]'), ("#one", '*[@id="one"]'), ("*", "*")]),
    st.sampled_from(_NAMES).map(lambda name: (f"{name}:first-child", f"*[1][self::{name}]")),
    st.sampled_from(_NAMES).map(lambda name: (f"{name}:has(a)", f"{name}[.//a]")),
)
_PATHS = st.lists(st.tuples(st.sampled_from([(" ", "//"), (" > ", "/")]), _STEPS), min_size=1, max_size=3).map(
    lambda parts: (
        parts[0][1][0] + "".join(joint[0] + step[0] for joint, step in parts[1:]),
        "//" + parts[0][1][1] + "".join(joint[1] + step[1] for joint, step in parts[1:]),
    )
)


@given(st.lists(_TREE, max_size=5).map("".join), _PATHS)
def test_css_and_xpath_agree(body: str, path: tuple[str, str]) -> None:
    opened = page(f"<html><head><title>t</title></head><body>{body}</body></html>")
    css, xpath = path
    by_css, by_xpath = list(opened.select(css)), list(opened.select(xpath))
    assert list(map(id, by_css)) == list(map(id, by_xpath))


@given(st.lists(_TREE, max_size=5).map("".join), _STEPS)
def test_they_agree_below_an_item(body: str, step: tuple[str, str]) -> None:
    opened = page(f"<html><body>{body}<div class=card>{body}</div></body></html>")
    for item in opened.select("div.card"):
        by_css, by_xpath = list(opened.select(step[0], item)), list(opened.select(f".//{step[1]}", item))
        if ":first-child" not in step[0]:
            assert list(map(id, by_css)) == list(map(id, by_xpath))
        assert all(any(parent is item for parent in one.parents) for one in by_css)


@given(st.lists(_TREE, max_size=4).map("".join))
def test_every_element_has_the_same_text_for_both(body: str) -> None:
    opened = page(f"<html><body>{body}</body></html>")
    for tag in opened.select("//*"):
        (said,) = opened.find("string(.)", tag)
        assert isinstance(said, str)
        assert said.replace(" ", "") == text_of(tag).replace(" ", "")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("//li/@class", ["odd  a", "even"]),
        ("//li[1]/text()", ["One", "more"]),
        ("count(//li)", ["2"]),
        ("sum(//b)", ["2.5"]),
        ("normalize-space(//li[2])", ["Two 2.5"]),
        ("concat(//li/@class, '!')", ["odd a!"]),
        ("//li[2]/b", ["<b>"]),
        ("(//li)[last()]/@class", ["even"]),
        ("//comment()", []),
        ("/html/body/ul/li[2]/@class", ["even"]),
        ("//ul/following-sibling::*", []),
        ("//none", []),
        ("string(//none)", [""]),
    ],
)
def test_what_xpath_gives(expression: str, found: list[str]) -> None:
    opened = page("<ul><li class='odd  a'>One<!-- x --> more</li><li class=even>Two <b>2.5</b></li></ul>")
    expected = [" ".join(one.split()) for one in found]
    assert [f"<{one.name}>" if isinstance(one, Tag) else one for one in opened.find(expression)] == expected


def test_css_may_name_the_item_and_what_is_around_it() -> None:
    opened = page("<div id=a><p><b>1</b><i><b>2</b></i></p></div>")
    item = opened.first("p")
    assert item is not None
    assert [text_of(one) for one in opened.select(":scope > b", item)] == ["1"]
    assert [text_of(one) for one in opened.select("#a b", item)] == ["1", "2"]
    assert list(opened.select("p", item)) == []


def test_xpath_from_the_top_of_the_page_leaves_the_item() -> None:
    opened = page("<b>0</b><p><b>1</b></p>")
    item = opened.first("p")
    assert [text_of(one) for one in opened.select("//b", item)] == ["0", "1"]
    assert [text_of(one) for one in opened.select(".//b", item)] == ["1"]


@pytest.mark.parametrize(
    "selector", ["//a[", "//a[foo()]", "$x", "//x:y", "document('/etc/passwd')", "a[", "a::b", "xpath:"]
)
def test_what_is_no_selector_is_an_error_of_the_page(selector: str) -> None:
    with pytest.raises(ParseError, match="is not a selector") as caught:
        list(page("<a>x</a>").select(selector))
    assert caught.value.url == URL


@pytest.mark.parametrize(
    "html",
    ["", "x", "<!-- x -->", "<b:c d:e=f>x</b:c>", "<p \x01='\x02'>\x03&#4;</p>", "<p class>x", "<svg:g/><svg/>", "<1>"],
)
def test_pages_that_are_no_xml_can_be_searched(html: str) -> None:
    opened = page(html)
    assert len(list(opened.select("//*"))) == len(list(opened.select("*")))
