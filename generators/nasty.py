# ruff: noqa: E501 (a text is one line here, however long)
"""Entries that try to mean something: to Markdown, to template engines, to filters of generators, to YAML, to a browser."""

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
    # One of each engine, with what it would print; see `RAN`.
    "{{ 59059 * 99099 }} {{ 59059|times:99099 }} {{ mul 59059 99099 }} {{= 59059*99099 }} {{{ 59059*99099 }}} {{ '5852' ~ '687841' }} {{- 59059*99099 -}} {{ 5852687840 | plus: 1 }}",
    "{% assign x = 59059 | times: 99099 %}{{ x }} {% if true %}yes{% endif %} {% comment %}no{% endcomment %} {% include x %} {% raw %}{{ x }}{% endraw %}",
    "{% set x = 59059 * 99099 %}{{ x }} {% for i in range(3) %}{{ i }}{% endfor %} {% block b %}{% endblock %} {% extends 'x' %} {{ ''.__class__.__mro__ }} {{ site.posts | size }}",
    "&lt;% 59059*99099 %&gt; &lt;%= 59059*99099 %&gt; &lt;%- 59059*99099 %&gt; &lt;%# x %&gt; &lt;%_ x _%&gt; &lt;? x ?&gt; &lt;?php echo 59059*99099; ?&gt; &lt;?= 59059*99099 ?&gt; &lt;?xml version='1.0'?&gt;",
    "${ 59059*99099 } ${59059*99099} #{59059*99099} `${59059*99099}` @{59059*99099} *{59059*99099} ~{59059*99099} $(59059*99099) $[59059*99099] %{59059*99099} {59059*99099} { 59059*99099 } {59059 * 99099}",
    '{{&lt; figure src=x >}} {{&lt; ref "x" &gt;}} {{&lt; /x &gt;}} {{&lt;/* x */&gt;}} {{% x %}} {{%/* x */%}} {{< param title >}} {{&lt; highlight go &gt;}}x{{&lt; /highlight &gt;}}',
    '<pre><code>{{&lt; figure src="x" &gt;}}\n\n{{% include "x" %}}\n\n{{ range .Site.Pages }}{{ .Title }}{{ end }}</code></pre>',
    "&lt;Component client:load /&gt; &lt;Fragment set:html={59059*99099} /&gt; import x from 'y'; export const x = 59059*99099; {/* x */} {...props} &lt;style&gt;{`x`}&lt;/style&gt;",
    "<p>import x from 'y'</p>\nimport React from 'react'\n\nexport const x = () => <b>{59059*99099}</b>\n\n<p>{x}</p>",
    "&lt;!-- x --&gt; &lt;!--more--&gt; &lt;!--# include --&gt; &lt;!--#exec cmd='x' --&gt; &lt;!--[if IE]&gt;x&lt;![endif]--&gt; &lt;![CDATA[x]]&gt; ]]> &lt;!DOCTYPE x&gt;",
    "[shortcode] [gallery ids=1] [[wiki]] ![[embed]] [[a|b]] [toc] [TOC] [^1] [%x%] {{toc}} {:toc} {:.class #id onclick=x} {::options /} {#id} {.class} :::note x ::: +++ x +++ !!! x ??? y",
    '<p>a</p>{: onclick="x"}\n{: .class}\n\n* x\n{:toc}\n\n{::nomarkdown}x{:/}\n\n## x {#id onclick=x}\n\n$$ 59059 \\\\ 99 $$ \\(x\\) \\[x\\] $x$',
    '<p title="{{ 59059*99099 }} {% x %} ${59059*99099} &lt;%= 59059*99099 %&gt; {{&lt; x &gt;}} {59059*99099}" class="{59059*99099}">x</p><a href="https://a.example/{{59059*99099}}?{%25x%25}#{{< x >}}">x</a>',
    # Links inside of a site, as generators write them.
    "<a href='{filename}/x.md'>a</a> <a href='|filename|x'>b</a> <img src='{static}x'> {{< ref x >}} <a href='https://a.example/|static|{attach}'>c</a>",
    "<p title=\"href='{static}x' src='|static|y' action=&quot;{index}&quot;\">a</p><p title=\"src='{filename}z'\" lang=\"href='|index|'\">b</p>",
    "<a href='https://a.example/?x={tag}y&author={author}z'>a</a> {category}x {author}y {tag}z {index} |filename| |static|",
    # Attributes that a parser writes again.
    f"<p title=\"&quot;' onmouseover='{_RUN}\">a</p><p title='&quot;&#39; onclick=&#39;{_RUN}'>b</p><a title='\"' href='https://a.example/'>c</a>",
    f"<p title=\"'&quot; onmouseover=&quot;{_RUN}\" lang=\"it's\">a</p><img alt='`onerror={_RUN}' src='https://a.example/`.png'>",
    f"<p title='&amp;quot; onclick=&amp;quot;{_RUN}'>a &amp;quot; &amp;amp;quot; &amp;lt;b&amp;gt; &amp;#60;i&amp;#62; &ampquot; &amp;amp</p>",
    # The head of a text is its summary, wherever that ends.
    f'<p title="a\n\n b">first</p><p title=" onerror={_RUN} src=x ">second</p>\n\n<p>third</p>',
    "<b>"
    + "bold words without an end " * 40
    + "</b><a href='https://a.example/' title='"
    + "title " * 100
    + "'>link</a>",
    "<ul><li>"
    + "</li><li>".join(f"item {n}" for n in range(150))
    + "</li></ul><blockquote><p>x</p><pre>y\n\nz</pre></blockquote>",
    "<h1>One</h1><h2>Two</h2><h2>Two</h2><h3 id='x'>{{ x }}</h3><p>Setext\n===\n\nSetext\n---\n</p><hr><p>---\n</p>",
    # Characters.
    "a\u202eb\u202c \u2066c\u2069 \u200f\u200e \u200b\u200c\u200d \u00ad \ufeff \u2060 \u180e \ue000 \U000e0041",
    "line\r\nline\rline\u2028line\u2029line\u0085line\x7f\u0080\u009f end\r\n\r\n<pre>a\r\nb\r\n\r\nc\rd</pre>",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e8\U0001f1f3 e\u0301 \ufb01 \u212b \u1e9e \u0130 \u0131 \uff1c\uff1e Ⅷ ㍿ \U00020000 \u0e01\u0e33",
    "<p dir='rtl'>\u0645\u0631\u062d\u0628\u0627 (x) {{ \u0645 }}</p> &#8238;evil&#8236; &nbsp;&ensp;&#8203;&shy;&zwj; a&nbsp;b",
    "\"quotes\" 'quotes' -- --- ... (c) (tm) 1/2 -> <- \"a\" — 'b' ``c'' a\"b'c",
    "www.auto.example https://auto.example/a_b_c?x=*y* me@auto.example @user #tag :+1: ==x== ||x|| ~x~ ^x^ ++x++ \\* \\_ \\{ \\\\ a  \nb\\\nc",
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
    "{{ 59059 * 99099 }}", "{% assign x = 1 %}", "<%= 59059*99099 %>", "${59059*99099}", "{{< figure >}}", "{{% x %}}", "{59059*99099}", "#{59059*99099}",
    "index.html", "_index", "README", "page", "tag", "feed.xml", "404", "CON", "aux.txt", ".hidden", "_draft", "-rf", "a.md",
    "2024-01-02-name", "2024-01-02", "a b", "a-b", "a_b", "a+b", "A B", "a  b", "a/b", "á b", "a. b", "a, b; c", "a;b", ";", ",", "a,",
    "|filename|x", "{filename}x", "it's", "it’s", "\\u0041 \\x41 \\", '""' + '"', "''" + "'", 'a\\"b', "a: |", ">-", "|", "!!binary aa",
    "<<", "*a", "0o17", "1_000", "12:30:45", "yes", "No", "on", ".inf", "NaN", "-", "--", "—", "★☆★", "♥", "…", "¿?", "!!!", "***", "$$$",
    "(((", "+1", "@@@", "%%%", "&&&", "###", "a\u202egpj.exe", "\u200b", "a\u200bb", "\u2066x", "a\rb", "a\nb", "a\tb", "\x7f\x80x", "a\u0085b",
    "\ue000", "\U000e0041x", "e\u0301", "é", "</h1></article><p>x", "</body></html>", f"</script><script>{_RUN}</script>", "--><b>x", "]]>", "<!--", "<!DOCTYPE html>", "&", "&amp;",
    "&amp;amp;", "&quot;", "&copy", "&lt;", "<", ">", "x " * 500, "{{" * 100, "'" * 100, "a" * 255 + "/" + "b" * 255,
]  # fmt: skip

#: Those that the title of a feed and the name of a file are tried with.
NAMES = TEXTS[:70]

#: What is on a page where the code of a template ran.
RAN = "5852687841"

#: Dates of entries, as RFC 3339 has them: the edges of what programs can count.
DATES = [
    "1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:01+14:00", "1970-06-01T00:00:00Z", "1901-12-13T20:45:51Z", "1900-01-01T00:00:00Z",
    "1582-10-10T12:00:00Z", "0999-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2000-02-29T23:59:60Z", "2001-09-09T01:46:40Z",
    "2038-01-19T03:14:07Z", "2038-01-19T03:14:08Z", "2106-02-07T06:28:16Z", "9999-12-31T23:59:59Z", "2024-03-10T02:30:00-05:00",
    "2024-01-01T00:00:00.999999Z", "2023-12-31T23:30:00-02:00", "2024-02-29T00:00:00+13:45",
]  # fmt: skip

_ADDRESS = "https://nasty.example"
_NAMESPACES = 'xmlns:media="http://search.yahoo.com/mrss/" xmlns:dc="http://purl.org/dc/elements/1.1/"'


def feeds() -> Iterator[tuple[str, str]]:
    """Categories and documents: feeds of all bodies, titles, files, names of people and dates, one for each text with that title.

    The feeds of the category `twins` have the titles of another one, and so its names of files.
    """
    titles = _rss("Nasty titles", [(text, "<p>a</p>\n\n*b*", "") for text in TEXTS])
    yield "hostile", _rss("Nasty bodies", [(f"Body {n}", body, "") for n, body in enumerate(BODIES)])
    yield "hostile", titles
    yield "twins", titles.replace("<guid isPermaLink='false'>", "<guid isPermaLink='false'>twin ")
    yield "hostile", _rss("Nasty files", [(f"File {n}", "<p>a</p>", extra) for n, extra in enumerate(_files())])
    yield "hostile", _rss("Nasty people", [(f"People {n}", "<p>a</p>", extra) for n, extra in enumerate(_people())])
    yield "hostile", _rss("Equal titles", [("Equal", f"<p>{n}</p>", "") for n in range(3)])
    # Neighbours in a list: what is cut inside of an attribute goes on in the next one.
    cut = [
        '<img src="https://a.example/x.png" alt="a\n\nb">',
        f'<p title=" src=x onerror={_RUN} ">c</p>',
        '<p>d</p>\n\n"',
    ]
    yield "hostile", _rss("Cut", [(f"Cut {n}", cut[n % len(cut)], "") for n in range(12)], month="Feb")
    yield "hostile", _dated()
    for number, text in enumerate(NAMES):
        yield "hostile", _rss(text, [(f"By {number}", "<p>a</p>", "")])


def _people() -> Iterator[str]:
    for text in TEXTS:
        value = escape(escape(_carried(text)))
        yield f"<dc:creator>{value}</dc:creator><category>{value}</category><category>second, {value}</category>"
    yield "<dc:creator>Doe, Jane</dc:creator><category>one, two</category>"
    yield "<dc:creator>Doe, Jane</dc:creator><dc:creator>Roe; Richard</dc:creator><category>one; two</category><category>a, b</category>"


def _dated() -> str:
    entries = "".join(
        f"<entry><id>tag:nasty.example,2024:{date}</id><title>{date}</title><published>{date}</published><updated>{date}</updated>"
        f'<link href="{_ADDRESS}/dates/{number}"/><content type="html">&lt;p&gt;a&lt;/p&gt;</content></entry>'
        for number, date in enumerate(DATES)
    )
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>Nasty dates</title><id>tag:nasty.example,2024:dates</id>'
        f"<updated>2024-01-01T00:00:00Z</updated>{entries}</feed>"
    )


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
        "100%.png",
        "a%zz.png?%zz#%zz",
        "a[b]{c}|d\\e^f.png",
    ):
        yield f'<enclosure url="{_ADDRESS}/{escape(path)}" type="image/png" length="1"/>'
    for host in (
        "xn--a",
        "256.1.1.1",
        "1.2.3.4.5",
        "a.0x",
        "it's.example",
        "a.example:99999",
        "a.example:",
        "[::1]",
        "a%41.example",
    ):
        yield f'<enclosure url="https://{host}/a.png" type="image/png" length="1"/>'
    for text in NAMES:
        yield (
            f'<enclosure url="{_ADDRESS}/f.mp3" type="audio/mpeg" length="1"/><media:content url="{_ADDRESS}/g.mp4" '
            f'type="video/mp4"><media:title>{escape(escape(text))}</media:title></media:content>'
        )


def _rss(title: str, entries: list[tuple[str, str, str]], month: str = "Jan") -> str:
    items = "".join(
        f"<item><title>{escape(escape(_carried(name)))}</title><guid isPermaLink='false'>{escape(_carried(title))}{n}</guid>"
        f"<link>{_ADDRESS}/{zlib.crc32(title.encode())}/{n}</link>"
        f"<pubDate>{n % 28 + 1:02d} {month} 2024 10:00:00 GMT</pubDate><description>{escape(_carried(body))}</description>"
        f"{extra}</item>"
        for n, (name, body, extra) in enumerate(entries)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
        f"{_NAMESPACES}><channel><title>{escape(escape(_carried(title)))}</title><link>{_ADDRESS}/</link><description>d</description>{items}</channel></rss>"
    )


def _carried(body: str) -> str:
    """What XML can carry of a text."""
    return "".join(character for character in body if character >= " " or character in "\t\n\r")
