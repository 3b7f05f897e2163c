"""Bodies as Markdown: what they say is there, and nothing of their text means anything."""

from __future__ import annotations

from html import escape

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from aggregator.models import Text
from aggregator.normalize.sanitizer import clean_html
from aggregator.publish.posts.markdown import to_markdown
from tests.thoroughness import examples

#: Raw HTML would be seen as such.
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
SPECIAL = st.text("ab1 *_`~[]()<>!#+-=.|\\$%^&;:{}/'\"\n\t@", max_size=30)
WORDS = SPECIAL | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](https://evil.example/t.png)",
        "<javascript:alert(1)>",
        "&lt;b&gt; &amp;amp; &#60;",
        "[[note]] ![[note]] #tag ==mark== %%hidden%% $x$ ^[foot] ^block",
        "```dataviewjs",
        "| a | b |\n|---|---|",
        "---\ntitle: other\n---",
        "1. one",
        "1) one",
        "- [ ] task",
        "    four",
        "Title\n=====",
        "[r]: javascript:alert(1)",
        "<!-- x -->",
        "a  \nb\\",
    ]
)


def tokens(markdown: str) -> list[Token]:
    found: list[Token] = []
    for token in MARKDOWN.parse(markdown):
        found += [token, *(token.children or ())]
    return found


AROUND = [
    "<p>%s</p>",
    "%s",
    "<ul><li>%s</li></ul>",
    "<h2>%s</h2>",
    "<p>x <b>%s</b> y</p>",
    "<table><tbody><tr><td>%s</td><td>z</td></tr></tbody></table>",
    "<blockquote><p>%s</p></blockquote>",
    "<p>x<br>%s</p>",
    '<p><a href="https://a.example/">%s</a></p>',
]


def clean(html: str) -> str:
    return clean_html(Text(html, "html", "https://a.example/"))


def text_of(html: str) -> str:
    return " ".join("".join(BeautifulSoup(html, "html.parser").strings).split())


@examples(100, thorough=300)
@given(WORDS, st.sampled_from(AROUND))
def test_text_means_nothing(text: str, around: str) -> None:
    body = clean(around % escape(text))
    markdown = to_markdown(body)
    for token in tokens(markdown):
        assert token.type not in ("html_inline", "html_block", "fence", "code_block", "code_inline", "image"), markdown
        if token.type == "link_open":
            assert token.attrs["href"] == "https://a.example/", markdown
    assert "".join(text_of(MARKDOWN.render(markdown)).split()) == "".join(text_of(body).split()), markdown


@given(SPECIAL, SPECIAL)
def test_code_is_kept_to_the_character(inline: str, block: str) -> None:
    lines = block.replace("\t", " ")
    body = clean(f"<p>x <code>{escape(inline)}</code></p><pre><code>{escape(lines)}</code></pre>")
    codes = [token for token in tokens(to_markdown(body)) if token.type in ("fence", "code_inline")]
    assert all(not token.info for token in codes)
    shown = [code.text for code in BeautifulSoup(body, "html.parser").find_all("code")]
    wanted = ["".join(code.split()) for code in shown if code.strip()]
    assert ["".join(token.content.replace("\u2060", "").split()) for token in codes if token.content.strip()] == wanted


@given(WORDS, WORDS)
def test_pictures_and_links_keep_their_addresses(alt: str, title: str) -> None:
    image = f'<img src="https://a.example/(x)_*y*.png?a=1&amp;b=2" alt="{escape(alt)}" title="{escape(title)}">'
    body = clean(f'<p>{image} <a href="https://b.example/(z)" title="{escape(title)}">link</a></p>')
    found = tokens(to_markdown(body))
    assert not [token for token in found if token.type.startswith("html")]
    assert [token.attrs["src"] for token in found if token.type == "image"] == ["https://a.example/(x)_*y*.png?a=1&b=2"]
    assert [token.attrs["href"] for token in found if token.type == "link_open"] == ["https://b.example/(z)"]


@pytest.mark.parametrize(
    ("body", "markdown"),
    [
        ("<h2>A</h2><p>b <em>c</em> <strong>d</strong></p>", "## A\n\nb *c* **d**"),
        ("<ul><li>a<ul><li>b</li></ul></li></ul><ol><li>c</li></ol>", "- a\n  * b\n\n1. c"),
        ('<pre><code class="language-dataviewjs">x = 1;\n</code></pre>', "```\nx = 1;\n```"),
        ("<p><code>= this.x</code></p>", "`\u2060= this.x`"),
        ("<p>$5 and 100%% &amp;lt; [[w]]</p>", "&#36;5 and 100&#37;&#37; &amp;lt; \\[\\[w\\]\\]"),
        ("<table><thead><tr><th>a|b</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>", None),
        ('<video src="https://v.example/v.mp4" controls=""></video>', "[video](https://v.example/v.mp4)"),
        ("", ""),
    ],
)
def test_examples(body: str, markdown: str | None) -> None:
    if markdown is None:
        assert [token.type for token in tokens(to_markdown(body))].count("td_open") == 1
    else:
        assert to_markdown(body) == markdown
