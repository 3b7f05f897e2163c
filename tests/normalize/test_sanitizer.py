"""Cleaning of HTML: what is kept as it is, what goes, what is set right."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Text
from aggregator.normalize.sanitizer import clean_html, first_image, text_of
from aggregator.normalize.text import has_markup, resolve_references
from tests.markup import clean, faults, soup


@pytest.mark.parametrize(
    "html",
    [
        '<p style="text-indent: 2em; text-align: left;">段落 <strong>粗</strong></p> \n',
        '<span class="hrefStyle"><a rel="noopener" href="https://e.example/" target="_blank" title="智慧">x</a></span>',
        '<a title="t" class="c" href="https://e.example/?a=1&amp;b=2">x</a>',
        '<figure><img src="http://e.example/a.png" alt="x" width="3"><figcaption>c</figcaption></figure>',
        '<table border="1"><tbody><tr><td colspan="2">x</td></tr></tbody></table>',
        '<details open=""><summary>s</summary>t</details>',
        "<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>",
        '<video controls="" poster="https://e.example/p.jpg"><source src="https://e.example/v.mp4"></video>',
        '<font color="red">a</font><center>b</center><h1>c</h1><hr>',
        "{{ x }} {% y %} $z `q` 'Yes' \"No\"",
        "<pre><code>a\n  b &lt;c&gt;\n</code></pre>",
        '<a href="mailto:a@e.example">m</a><a href="tel:+1">t</a>',
        '<blockquote cite="https://e.example/">q</blockquote>',
        "a&nbsp;b",
    ],
)
def test_safe_markup_keeps_its_bytes(html: str) -> None:
    assert clean(html) == html


def test_the_body_of_the_reference_post_keeps_its_bytes(shared: Path) -> None:
    post = next((shared / "seeds").glob("000_*.txt")).read_bytes().decode()
    body = post.split("<div>   \n")[1].rsplit("  \n</div>")[0]
    body = body.replace("https://cors.zfour.workers.dev/?", "").replace(' referrerpolicy="no-referrer"', "")
    safe = clean(body, base="https://www.ofweek.com/")
    assert safe == body.replace("<a href", '<a rel="noopener" href')


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("a<script>alert(1)</script>b", "ab"),
        ("<style>p{}</style><p onclick=x id=y name=z>t</p>", "<p>t</p>"),
        ("<a href='javascript:x'>a</a><a href='data:text/html,x'>b</a>", "<a>a</a><a>b</a>"),
        ("<form action=x><input><select><option>o</select><button>b</button>text</form>", "text"),
        ("<svg><script>x</script></svg>z", "z"),
        ("<p>1 <bdo dir=rtl>2 3</bdo> 4</p>", "<p>1 2 3 4</p>"),
        ("<!-- c --><p>a<![CDATA[b]]></p><?php c ?>", "<p>a</p>"),
        ("<meta http-equiv=refresh content=0><link rel=stylesheet href=x><base href=y>z", "z"),
        ('<a target="other" href="/x">a</a>', '<a href="https://example.org/x">a</a>'),
        ('<p style="color:red;position:fixed">a<p style="position:fixed">b', '<p style="color:red">a</p><p>b</p>'),
        ("x\x00\x01&#1;&#xFFFE;\ufeff\ud800y", "xy"),
        ("<pre>\n\nx</pre>", "<pre>x</pre>"),
        ("<unknown-tag>kept</unknown-tag>", "kept"),
        ("<no\u017fcript a><b>kept</b></no\u017fcript>", "<b>kept</b>"),
        ("<no\u017fcript a>text</no\u017fcript>", "&lt;no\u017fcript a&gt;text&lt;/no\u017fcript&gt;"),
        ("<\u0131frame>", "&lt;\u0131frame&gt;"),
        (" \n ", ""),
        ("<script>only</script> ", ""),
    ],
)
def test_what_is_unsafe_or_unknown_goes(html: str, expected: str) -> None:
    assert clean(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<a href=a.html>x</a>", '<a href="https://example.org/blog/a.html">x</a>'),
        ("<a href='//cdn.example/a'>x</a>", '<a href="https://cdn.example/a">x</a>'),
        ("<a href='?a=1&amp;b=&quot;'>x</a>", '<a href="https://example.org/blog/feed.xml?a=1&amp;b=%22">x</a>'),
        ("<audio src=/a.mp3></audio>", '<audio src="https://example.org/a.mp3"></audio>'),
        ("<q cite=/c>x</q>", '<q cite="https://example.org/c">x</q>'),
        ("<a href=''>x</a>", "<a>x</a>"),
    ],
)
def test_links_become_absolute(html: str, expected: str) -> None:
    assert clean(html) == expected


def test_without_a_base_relative_links_go_and_their_text_stays() -> None:
    assert clean("<a href=a>x</a><img src=b.png>", base=None) == "<a>x</a>"


def test_a_link_within_the_text_leads_to_the_page_of_the_entry() -> None:
    html = '<a href="#note">1</a>'
    assert clean(html, page="https://example.org/post") == '<a href="https://example.org/post#note">1</a>'
    assert clean(html) == '<a href="https://example.org/blog/feed.xml#note">1</a>'


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('href="https://e.example/" target="_blank"', 'rel="noopener" href="https://e.example/" target="_blank"'),
        ('target="_blank" rel="nofollow"', 'target="_blank" rel="nofollow noopener"'),
        ('target="_blank" rel="nofollow ugc external tag"', 'target="_blank" rel="nofollow ugc external noopener"'),
        ('target="_blank" rel="opener"', 'rel="noopener" target="_blank"'),
        ('rel="noopener nofollow" target="_blank"', None),
        ('target="_blank" rel="noreferrer"', None),
        ('target="_self" rel="nofollow"', None),
        ('target="_top"', None),
        ('target="_new"', ""),
        ('target="_BLANK"', 'rel="noopener" target="_BLANK"'),
        ('target="_Blank" rel="NoFollow"', 'target="_Blank" rel="NoFollow noopener"'),
        ('target="_blank" rel="NOOPENER"', None),
        ("title='target=&quot;_blank&quot;'", 'title="target=&quot;_blank&quot;"'),
    ],
)
def test_a_window_that_opens_gets_no_hold_on_the_page(attributes: str, expected: str | None) -> None:
    kept = attributes if expected is None else expected
    assert clean(f"<a {attributes}>x</a>") == f"<a {kept}>x</a>".replace("<a >", "<a>")


def test_plain_text_becomes_paragraphs_and_lines() -> None:
    text = Text('a <b> & "q"\nnext\r\n\r\n \n\nlast\u00a0one\r', "text")
    assert clean_html(text) == '<p>a &lt;b&gt; &amp; "q"<br>next</p><p>last&nbsp;one</p>'
    assert clean_html(Text(" \n", "text")) == ""


@given(soup, st.sampled_from([None, "https://example.org/a/", "ftp://x/", "https://[bad/"]))
def test_whatever_comes_in_what_comes_out_is_safe_and_stable(html: str, base: str | None) -> None:
    safe = clean(html, base, page="https://example.org/post")
    assert list(faults(safe)) == []
    assert clean(safe, base, page="https://example.org/post") == safe


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ("one line", "one line"),
        ("First.\n\n00:00 Hello\n05:10 Clay &amp; glaze", "<p>First.</p><p>00:00 Hello<br>05:10 Clay &amp; glaze</p>"),
        ("First.\r\nSecond.", "<p>First.<br>Second.</p>"),
        ("\n  one line\n", "\n  one line\n"),
        ("if $n<m$ and $k>2$. For $a<b$ not.", "if $n&lt;m$ and $k&gt;2$. For $a&lt;b$ not."),
        ("a <b and c>\nd", "<p>a &lt;b and c&gt;<br>d</p>"),
        ("https://a.example/?a=1&copy=2&section=3", "https://a.example/?a=1&amp;copy=2&amp;section=3"),
        ("it&#8217;s &lt;b&gt; &bogus; &amp;amp;", "it\u2019s &lt;b&gt; &amp;bogus; &amp;amp;"),
        ("<p>if $n<m$ and $k>2$.</p>", "<p>if $n&lt;m$ and $k&gt;2$.</p>"),
        ("<p>map<int,vector<x>> and f(a<b+c)</p>", "<p>map&lt;int,vector&gt; and f(a&lt;b+c)</p>"),
        ("<p>one\ntwo</p>", "<p>one\ntwo</p>"),
        ("<script>alert(1)</script>\nx", "\nx"),
        ("<unknown-tag>one\ntwo</unknown-tag>", "one two"),
    ],
)
def test_what_is_said_to_be_html_and_is_plain_text_stays_as_it_is(found: str, shown: str) -> None:
    assert clean(found) == shown
    assert clean(shown) == shown


@given(
    st.lists(st.sampled_from(["a", " ", "<", ">", "$", "n<m", "\n", "&", "&amp;", "&lt;", "<b", "</", "=", "中"])).map(
        "".join
    )
)
def test_no_word_of_a_plain_text_is_lost(text: str) -> None:
    if has_markup(text):
        return
    expected = "".join(resolve_references(text).split())
    assert "".join(text_of(clean(text)).split()) == expected
    assert clean(clean(text)) == clean(text)


@given(st.text())
def test_plain_text_loses_no_word(text: str) -> None:
    safe = clean_html(Text(text, "text"))
    kept = "".join(letter for letter in text if letter.isalnum())
    assert "".join(letter for letter in text_of(safe) if letter.isalnum()) == kept
    assert clean(safe) == safe


@pytest.mark.parametrize(
    ("html", "url"),
    [
        (
            '<p>a</p><img alt="src=" src="https://e.example/?a=1&amp;b=2"><img src="https://e.example/2">',
            "https://e.example/?a=1&b=2",
        ),
        ("<p>no image</p>", None),
        ('&lt;img src="https://e.example/"&gt;', None),
        ("", None),
    ],
)
def test_the_first_image(html: str, url: str | None) -> None:
    assert first_image(html) == url


def test_the_words_of_a_text() -> None:
    assert (
        text_of('<p>a<b>b</b></p><p title="x>y">c &lt;d&gt;&nbsp;&amp;</p><ul><li>1</li><li>2</li></ul>')
        == "ab c <d> & 1 2"
    )


@pytest.mark.parametrize("flood", ["", "<b>x</b>" * 300])
def test_only_ascii_letters_name_the_end_of_a_script(flood: str) -> None:
    assert "LEAK" not in clean(f"<script>a</\u017fcript>LEAK</script>y{flood}")
