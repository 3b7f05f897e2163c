# ruff: noqa: E501 (a text is one line here, however long)
"""Entries that try to mean something: to Markdown, to template engines, to Hexo's filters, to YAML, to a browser."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from html import escape

_RUN = "alert(document.domain)"

BODIES = [
    # Markdown takes over at a blank line.
    f"<p>a</p>\n\n[click](javascript:{_RUN})\n\n![x](javascript:{_RUN})\n\n[r]\n\n[r]: javascript:{_RUN}\n",
    f"<p>a</p>\n\n[d](data:text/html,<script>{_RUN}</script>)\n\n<javascript:{_RUN}>\n\nhttps://auto.example/\n",
    f'<img src="https://a.example/x.png" alt="\n\n[a](x/onerror={_RUN}//)\n\n">',
    f'<a href="https://a.example/" title="\n\n</a>\n\n<img src=x onerror={_RUN}>\n\n">x</a>',
    f'<p class="a\n \t\n# b" style="color: red;\n\ncolor: blue" lang="\n\n[x](javascript:{_RUN})">text</p>',
    "<p>one</p>\n\ntext *stars* _unders_ **b** `c` ~~d~~ ==e== ^f^ :smile: H~2~O\n\n1. a\n\n- b\n\n> c\n\n# d\n\ne\n===\n\n***",
    "\n\n        <table><tbody><tr><td>indented</td></tr></tbody></table>\n\n        code\n",
    "<pre>a\u2028\tb\u2029 \tc</pre>",
    "<p>a</p>\n \n\t\n\u00a0\n\u2028\n\u3000\n    four\n\n\tfive",
    "a\n: b\n\n[^1]: foot\n\n*[HTML]: x\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nTerm\n: Definition\n",
    "<p>a</p>\r\n\r\n&#13;\n&#10;&#10;[x](javascript:alert(1))&#10;&#10;b\x0b\n\x0c\ny\x85\nz",
    "<div>\n\n<div>\n\n<b>\n\n</b></div>\n\n</div>\n\n</div>\n\n[x](javascript:alert(1))",
    # Code.
    "<pre><code>def f():\n\n    return 1\n\n\n\t# no heading\n\n* no list\n</code></pre>",
    "<pre>\n\n  two first\n\n\ttab\n \tspace and tab\n\n\n</pre>after",
    '<pre>how to:\n```js\nlet x = "<i>"\n```\nand\n~~~ruby\nputs\n~~~\nend</pre>',
    "<pre>a\n   ```\nb\n   ```\n> ```js\n> c\n> ```\n- ```\nd\n- ```\n1. ~~~\ne\n1. ~~~\n`````\nf\n`````\n</pre>",
    "```js title https://a.example/ link\nx\n```\n\n~~~ =1\ny\n~~~\n```a\n```\n",
    '<p title="\n```js <img src=x onerror=alert(1)> https://a.example/ x\nx\n```\n">fence in an attribute</p>',
    "<code>{{ 7*7 }}</code> <code>`</code> <code>``` {% x %} ```</code>",
    # Template engines.
    "{{ 7*7 }} {% raw %} {% endraw %} {# x #} {{ config | dump }} {%- include 'x' -%} {{{ x }}}",
    "{% post_link x %} {% asset_img x %} {% codeblock %}x{% endcodeblock %} {% youtube x %} {% link a https://a.example/ %}",
    '<p title="{{ 7*7 }}" class="{% raw %}">{{"a"}} &#123;&#123; 7*7 &#125;&#125; &lbrace;&lbrace;7*7}}</p>',
    "<pre><code>{% if x %}\n\n{{ y }}\n\n{% endif %}</code></pre> {{< shortcode >}} {{% md %}} <%= 7*7 %> <?php echo 1 ?> ${7*7}",
    # Hexo's own marks.
    "see &lt;!--code\ufffc0--&gt; and &lt;!--swig\ufffc0--&gt; and &lt;!--comment\ufffc0--&gt; and &#xfffc;",
    '<p title="<!--swig\ufffc1-->">&lt;!--swig&#65532;1--&gt;</p>',
    "a<!-- more -->b &lt;!-- more --&gt; c &lt;!--more--&gt; <p title='<!-- more -->'>d</p>",
    "&lt;hexoPostRenderCodeBlock&gt;x&lt;/hexoPostRenderCodeBlock&gt; <hexoPostRenderCodeBlock>y</hexoPostRenderCodeBlock>",
    "&lt;/head&gt;&lt;/body&gt; $& $1 $` $' $$ \\1",
    # What Hexo edits in links and pictures.
    f'<a title="href={_RUN}" href="https://b.example/">x</a> <a title="href=" href="https://b.example/">y</a>',
    f'<a title="rel=\' onclick={_RUN} \'" href="https://b.example/">x</a>',
    f'<a href="https://b.example/?rel=\'/onmouseover={_RUN}//\'">x</a> <a href="https://b.example/?href=javascript:x">y</a>',
    f'<a class="REL=\'/autofocus/onfocus={_RUN}/tabindex=1/\'" href="https://b.example/" rel="nofollow">x</a>',
    '<img src="https://a.example/i.png" alt="x src=\'http://[\' y"><img src="https://a.example/j.png" title="src=http://[">',
    f'<a title="xhref={_RUN}" href="https://b.example/">x</a> <a lang="xrel=\'/onclick={_RUN}//\'" href="https://b.example/">y</a>',
    f'<a title="{" " * 7000}" href="mailto:a@a.example">x</a>' * 100,
    # Pictures whose addresses end at a quote, or a style.
    '<img src="https://\'a\'.example/i.png"><img src="https://it\'s.example/that\'s.png" alt="it\'s">',
    '<img src="https://a.example/i.png?x=&amp;#41;;position:fixed;inset:0;x:url&amp;#40;">',
    f'<img src="https://a.example/{"i" * 2100}.png?x=&amp;rpar;;position:fixed;inset:0;x:url&amp;lpar;">',
    # Pictures that no browser asks for.
    '<img src="http://1.2.3.4.5/i.png"><img src="http://999.999.999.999/i.png"><img src="https://a..b/i.png">',
    # A browser.
    f"<script>{_RUN}</script><img src=x onerror={_RUN}><svg onload={_RUN}><iframe srcdoc='<script>{_RUN}</script>'></iframe>",
    f'<a href=" java&#10;script:{_RUN}">x</a><a href="&#1;javascript:{_RUN}">y</a><form action="javascript:{_RUN}"><button>z</button></form>',
    f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={_RUN}&gt;">',
    f'<noscript><p title="</noscript><img src=x onerror={_RUN}>"></noscript><textarea><p title="</textarea><img src=x onerror={_RUN}>">',
    f"<details open ontoggle={_RUN}><summary>x</summary></details><video><source onerror={_RUN} src=x></video><body onload={_RUN}>",
    f'<meta http-equiv="refresh" content="0;url=javascript:{_RUN}"><base href="https://evil.example/"><link rel=stylesheet href=//evil.example>',
    "---\ntitle: other\n---\n\n;;;\n{}\n;;;\n",
    "",
    "   ",
    "\u3000\u3000段落\n\n\u3000\u3000段落",
]

TEXTS = [
    f"<img src=x onerror={_RUN}>",
    f"&lt;img src=x onerror={_RUN}&gt;",
    f"&amp;lt;script&amp;gt;{_RUN}&amp;lt;/script&amp;gt;",
    f"</title><script>{_RUN}</script>",
    f'"><svg onload={_RUN}>',
    f"' onmouseover='{_RUN}",
    f"[x](javascript:{_RUN})",
    "{{ 7*7 }} {% raw %}",
    "null", "true", "2024-01-01", "0x1F", "1e3", "~", "[a, b]", "{a: b}", "- a", "? a", "a: b", "a #b", "#a", "&a *a",
    "!!js/function x", "%YAML", "@a", "`a`", "'", '"', "a'b\"c", "---", "...", "=", "+++", "😀😀", "C/C++ & R&D",
    "..", ".", "../../x", "constructor", "__proto__", "toString", "hasOwnProperty", "index", "a\u2028b", "a\\", "a\\n",
    "\ufeffa", "&#65532;", "<!-- more -->", "a%b", "a%2fb", "?", "ａ／ｂ", "《书》【x】", "“q”", "a|b", "x" * 300, "词" * 300,
]  # fmt: skip

_ADDRESS = "https://nasty.example"


def feeds() -> Iterator[tuple[str, str]]:
    """Names and documents: one feed of all bodies, one of all titles, and one for each text with that title."""
    yield "bodies.xml", _rss("Nasty bodies", [(f"Body {n}", body, "") for n, body in enumerate(BODIES)])
    yield "titles.xml", _rss("Nasty titles", [(text, "<p>a</p>\n\n*b*", "") for text in TEXTS])
    yield "files.xml", _rss("Nasty files", [(f"File {n}", "<p>a</p>", extra) for n, extra in enumerate(_files())])
    for number, text in enumerate(TEXTS):
        yield f"named-{number}.xml", _rss(text, [(f"By {number}", "<p>a</p>", "")])


def _files() -> Iterator[str]:
    for path in (
        "a.mp3",
        "a'b(c);d.mp4",
        "{{x}}.pdf",
        "a&quot;onerror=x.ogg",
        "%22onerror=alert(1)%20.mp3",
        "%0A%0A[x](y).pdf",
    ):
        yield f'<enclosure url="{_ADDRESS}/{escape(path)}" type="application/octet-stream" length="1"/>'
    for path in (
        "a.png",
        "it's.png",
        "a);position:fixed;inset:0;(.png",
        "&quot;onerror=alert(1).png",
        "a`b.png",
        "{{x}}.png",
        "a.png?x=&amp;#41;;position:fixed;inset:0;x:url&amp;#40;",
    ):
        yield f'<enclosure url="{_ADDRESS}/{escape(path)}" type="image/png" length="1"/>'
    for host in ("xn--a", "256.1.1.1", "1.2.3.4.5", "a.0x", "it's.example"):
        yield f'<enclosure url="https://{host}/a.png" type="image/png" length="1"/>'
    for text in TEXTS:
        yield (
            f'<enclosure url="{_ADDRESS}/f.mp3" type="audio/mpeg" length="1"/><media:content url="{_ADDRESS}/g.mp4" '
            f'type="video/mp4"><media:title>{escape(escape(text))}</media:title></media:content>'
        )


def _rss(title: str, entries: list[tuple[str, str, str]]) -> str:
    items = "".join(
        f"<item><title>{escape(escape(name))}</title><guid isPermaLink='false'>{escape(title)}{n}</guid>"
        f"<link>{_ADDRESS}/{zlib.crc32(title.encode())}/{n}</link>"
        f"<pubDate>Thu, {n % 28 + 1:02d} Jan 2024 10:00:00 GMT</pubDate><description>{escape(_carried(body))}</description>"
        f"{extra}</item>"
        for n, (name, body, extra) in enumerate(entries)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel>'
        f"<title>{escape(escape(title))}</title><link>{_ADDRESS}/</link><description>d</description>{items}</channel></rss>"
    )


def _carried(body: str) -> str:
    """What XML can carry of a text."""
    return "".join(character for character in body if character >= " " or character in "\t\n\r")
