"""Posts for Hexo are Markdown files: nothing of their text means anything to Markdown, nor to Hexo's own filters."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

import html5lib
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from aggregator.models import Text
from aggregator.normalize.sanitizer import clean_html
from aggregator.publish.posts.body import one_block, rewrite_images
from aggregator.publish.posts.presets import PRESETS, PostOptions
from aggregator.publish.posts.render import render_post
from tests.markup import soup
from tests.publish_items import make_item

#: CommonMark, and the settings that Hexo's renderer has for markdown-it.
COMMON_MARK = MarkdownIt("commonmark")
OF_HEXO = MarkdownIt("js-default", {"html": True, "breaks": True, "typographer": True, "quotes": "“”‘’"})

_MARKDOWN = st.sampled_from(
    [
        "\n",
        "\n\n",
        "\n \n",
        "\n\t\n",
        "\n\u00a0\n",
        "\n\x0b\n",
        "\n\x0c\n",
        "\n\u2028\n",
        "\r\r",
        "\r\n\r\n",
        "&#10;&#10;",
        "&#13;\n",
        "\x85\n",
        "    ",
        "\t",
        " ",
        "# a",
        "* a",
        "1. a",
        "> a",
        "---",
        "===",
        "***",
        "*a*",
        "__a__",
        "`a`",
        "```js\n",
        "~~~\n",
        "```",
        "   ```",
        "> ```\n",
        "- ```x",
        "1. ~~~",
        "[a](javascript:alert(1))",
        "[a]: javascript:x",
        "![a](data:x)",
        "[a][a]",
        "<https://a.example/>",
        "<pre>",
        "</pre>",
        "<pre>\n\n",
        "<code>",
        "</code>",
        "<div>",
        "</div>",
        "<p>",
        "</p>",
        "<table>",
        "<b>",
        "<!--",
        "-->",
        "<!-- more -->",
        "&lt;!-- more --&gt;",
        "<?php",
        "<![CDATA[",
        "<script>",
        '<img src="https://a.example/i.png" alt="',
        '<a href="https://a.example/" title="',
        '<a title="',
        '" href="https://b.example">',
        '">',
        "{{ a }}",
        "{% raw %}",
        "{# a #}",
        "{",
        "}",
        "\ufffc",
        "&lt;!--code\ufffc0--&gt;",
        "&#65532;",
        "\\",
        "&",
        "&amp;",
        "\ud800",
        "a",
        "词",
        "href=",
        "href='//c.example'",
        "rel='x' ",
        "src=",
        "'",
        '"',
        "=",
    ]
)
TEXTS = st.lists(_MARKDOWN, max_size=20).map("".join) | st.text(max_size=40) | soup
BODIES = st.builds(clean_html, st.builds(Text, TEXTS, st.sampled_from(["html", "text"]), st.just("https://a.example/")))


def _post(body: str) -> str:
    """The post of an item with this body, below its front matter."""
    data = render_post(make_item(html=body), category_title="Group", preset=PRESETS["hexo"], options=PostOptions())
    return data.decode().split("\n---\n", 2)[2]


def _div(html: str) -> Element:
    """The one element of a text, without the white space at both ends of its content."""
    tree = html5lib.parseFragment(html, namespaceHTMLElements=False)
    (div,) = list[Element](tree)
    assert not (tree.text or "").strip(" \t\n")
    assert not (div.tail or "").strip(" \t\n")
    div.tail = None
    div.text = (div.text or "").lstrip(" \t\n")
    if len(div):
        div[-1].tail = (div[-1].tail or "").rstrip(" \t\n")
    else:
        div.text = div.text.rstrip(" \t\n")
    return div


def _tree(html: str) -> object:
    return _plain(_div(html))


def _plain(element: Element) -> object:
    children = [_plain(child) for child in element]
    return str(element.tag), dict(element.attrib), element.text or "", children, element.tail or ""


@given(BODIES)
@example("<p>a</p>\n\n[x](javascript:alert(1))\n\n<p>z</p>")
@example('<img src="https://a.example/" alt="\n\n[a](x/onerror=alert(1)//)\n\n">')
@example("<pre>\tif:\n\n \t\treturn\n  \n\t</pre>\n\n    x")
@example("\n\n    <table><tbody><tr><td>a</td></tr></tbody></table>\n\n\n")
@example("<p>a\n\u00a0\nb\n&nbsp;\n\nc</p>")
def test_markdown_gives_the_very_elements_of_the_body(body: str) -> None:
    post = _post(body)
    wanted = _tree(f"<div>{rewrite_images(body, None)[0]}</div>")
    for markdown in (COMMON_MARK, OF_HEXO):
        assert _tree(markdown.render(post)) == wanted


@given(BODIES)
def test_the_body_is_one_block_of_html(body: str) -> None:
    # What follows the last line with text is the end of the `div`, which may be a block of its own.
    tokens = COMMON_MARK.parse(_post(body))
    assert {token.type for token in tokens} == {"html_block"}
    assert [token.content.strip() for token in tokens[1:]] in ([], ["</div>"])


def test_line_breaks_before_blank_lines_are_written_as_references() -> None:
    assert one_block("<p>a</p>\n\nb\n \t\n\nc\n\u00a0\nd") == "<p>a</p>&#10;\nb&#10; \t&#10;\nc\n\u00a0\nd"
    assert one_block("a\r\n\r\nb\r\rc") == "a&#10;\nb&#10;\nc"


def test_white_space_is_kept_at_the_end_only() -> None:
    assert one_block("\n \n    <p>a</p> \n\n") == "<p>a</p> \n\n"
    assert one_block(" \n") == ""


def test_tabs_that_begin_a_line_are_kept_by_every_version_of_marked() -> None:
    assert one_block("<pre>a:\n\tb\n \t\tc\td</pre>") == "<pre>a:\n&#9;b\n &#9;\tc\td</pre>"
    assert one_block("<ul>\n\t<li>a\tb</li>\n</ul>") == "<ul>\n&#9;<li>a\tb</li>\n</ul>"
    # Lines of JavaScript.
    assert one_block("<p>a\u2028\tb\u2029  \t\tc\x85\td</p>") == "<p>a\u2028&#9;b\u2029  &#9;\tc\x85\td</p>"


def test_many_line_breaks_take_linear_time() -> None:
    for piece in ("\n", "\n ", " \n\t", "\r", "\n" + " " * 1000, "<pre>\n\t"):
        assert len(one_block("x" + piece * (500_000 // len(piece)) + "x")) >= 250_000


@pytest.mark.parametrize("count", range(3, 9))
@pytest.mark.parametrize(("mark", "written"), [("`", "&#96;"), ("~", "&#126;")])
def test_no_fence_is_left(mark: str, written: str, count: int) -> None:
    post = _post(f"<pre>a\n{mark * count}js\nlet x\n{mark * count}\n</pre>")
    assert mark * 3 not in post
    assert f"\n{written * (count - 2)}{mark * 2}js\n" in post


@given(BODIES)
def test_nothing_is_left_that_hexo_looks_for(body: str) -> None:
    post = _post(body)
    for found in ("```", "~~~", "{", "}", "\ufffc", "<!--"):
        assert found not in post


@given(BODIES)
@example('<a title="href=" href="https://b.example/">x</a>')
@example("<a title=\"rel=' onclick=alert(1) '\" href=\"https://b.example/?rel='/onclick=alert(1)//'\">x</a>")
@example('<a title="xhref=" lang="a_REL=" href="https://b.example/?xrel=\'a\'">x</a>')
@example('<img alt="src=\'http://[\'" src="https://a.example/i.png">')
def test_attributes_that_hexo_edits_are_attributes(body: str) -> None:
    # Hexo puts something before the first `href=` of a tag, changes what follows on `rel=`, and takes what follows on
    # the last `src=` for an address.
    post = _post(body)
    tree = html5lib.parseFragment(post, namespaceHTMLElements=False)
    tags = " ".join(re.findall("<[^<>]*>", post))
    for name in ("href", "rel", "src"):
        written = re.findall(rf"(?i){name}=", tags)
        assert len(written) == sum(name in element.attrib for element in tree.iter())


def test_the_end_of_an_excerpt_is_text() -> None:
    # Hexo looks for it in what the renderer gave.
    for body in ("a<!-- more -->b", '<p title="<!--more-->">a &lt;!-- more --&gt; b</p>'):
        rendered = OF_HEXO.render(_post(clean_html(Text(body, "html", None))))
        assert re.search("<!-- ?more ?-->", rendered, re.IGNORECASE) is None
