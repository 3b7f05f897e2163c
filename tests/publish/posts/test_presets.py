"""Each preset writes posts in the form of its generator, whose front matter reads back as what went in."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import frontmatter
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from aggregator.models import Copy, Enclosure, Item, Origin
from aggregator.publish.names import Wanted, assign_paths
from aggregator.publish.posts.presets import PRESETS, PostOptions
from aggregator.publish.posts.render import render_post
from aggregator.values.markup import xml_text
from tests import DATA
from tests.publish_items import make_item
from tests.thoroughness import examples

GOLDEN = DATA / "publish" / "presets"
DATE = datetime(2024, 2, 3, 23, 30, tzinfo=UTC)
OTHERS = sorted(PRESETS.keys() - {"hexo"})
YAML_FORMS = [name for name in OTHERS if PRESETS[name].form == "yaml"]
#: Texts that mean something to YAML, TOML, HTML or a template engine.
NASTY = [
    "---",
    "+++",
    "...",
    "{{ 7*7 }} {% raw %}",
    "{{< shortcode >}} {{% md %}}",
    ": leading",
    "- dash",
    "# hash",
    "yes",
    "null",
    "2024-02-03",
    "12:30:45",
    "0x1F",
    "1e3",
    "~",
    "'",
    '"',
    "\\",
    "a\u2028b\u2029c\x85d",
    "a\x00\x07\x1b\x7fb",
    "\ufeffx\ufffe",
    "😀🇨🇳",
    "lone \ud800 surrogate",
    "</title><script>alert(1)</script>",
    "&lt;b&gt; &amp; R&D;",
    "a; b, c",
    "!!python/object:os.system",
    "*alias &anchor",
    "tab\there",
]
TEXTS = st.sampled_from(NASTY) | st.text(max_size=40)
NAMES = TEXTS.filter(lambda text: bool(xml_text(text).strip()))


def rendered(item: Item, name: str, *, group: str | None = "News", **options: Any) -> str:
    preset = PRESETS[name]
    wanted = Wanted("news", item.entry.title, item.id, item.entry.published_at)
    ((path, _),) = assign_paths([wanted], preset, lambda keys: set())
    data = render_post(replace(item, path=path), category_title=group, preset=preset, options=PostOptions(**options))
    return data.decode()


def encoded(text: str) -> str:
    """A text as UTF-8 can carry it."""
    return text.encode(errors="replace").decode()


@pytest.mark.parametrize("name", OTHERS)
def test_golden_post(name: str) -> None:
    item = make_item(
        title="{{< shortcode >}} {{% md %}} “风筝节”: 6/8 <C:\\天空>?",
        html="<p>START-OK</p>\n\n<p>{% 7*7 %} {%raw%} {%endraw%} {{'{{'}} }} %} #} {{{x}}} \\{\\{</p>\n"
        '<pre><code class="language-js">if (a &lt; b) { return `${x}`; }\n\n```\n</code></pre>'
        '<p><img src="http://img.kites.example/1.png?a=1&amp;b=2" alt="a &lt;b&gt;"> '
        '<a href="https://kites.example/?a=1&amp;b=2" title="“x”">link</a></p><p>END-OK</p>',
        authors=("Au: thor 31", "B; C"),
        tags=("c1", "C++", "!?", "two words"),
        enclosures=(Enclosure("https://kites.example/e.mp3", "audio/mpeg", 5, None, None),),
        published_at=DATE,
        origin=Origin("kites", "Nasty: source", "https://kites.example/feed", "https://kites.example/", "life", "yes"),
    )
    text = rendered(item, name, group="nasty", image_proxy="https://proxy.example/?")
    path = GOLDEN / f"{name}{PRESETS[name].suffix}"
    if os.environ.get("AGGREGATOR_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8", newline="")
    assert text.encode() == path.read_bytes()


@examples(25)
@given(
    title=NAMES,
    section=NAMES,
    authors=st.lists(NAMES, max_size=3, unique=True),
    tags=st.lists(st.text("ab1: ,#'\"{}😀", min_size=1, max_size=9), max_size=3, unique=True),
)
@pytest.mark.parametrize("name", OTHERS)
def test_front_matter_reads_back(name: str, title: str, section: str, authors: list[str], tags: list[str]) -> None:
    origin = Origin("s", "Name", "https://example.org/feed", "https://example.org/", "news", section)
    item = make_item(title=title, authors=tuple(authors), tags=tuple(tags), published_at=DATE, origin=origin)
    text = rendered(item, name)
    kept = [tag for tag in tags if any(map(str.isalnum, tag))]
    people = [author for author in authors if any(map(str.isalnum, author))]
    if name == "pelican":
        _check_head(_Head.read(text), title, people)
        return
    read = _front(text, name)
    assert read["title"] == encoded(title)
    taxonomies = read.get("taxonomies", read)
    assert _unmarked(taxonomies.get("authors", []), name) == _unmarked(map(encoded, people), name)
    if name not in ("obsidian", "eleventy"):
        assert _unmarked(taxonomies.get("tags", []), name) == _unmarked(kept, name)
    facts = {**read, **read.get("params", {}), **read.get("extra", {})}
    assert facts["id"] == item.id
    assert facts["source" if name == "obsidian" else "link"] == "https://example.org/1"
    assert facts.get("canonical_url", facts.get("canonicalURL")) == "https://example.org/1"
    if name == "jekyll":
        assert read["date"] == "2024-02-03 23:30:00 +0000"
    else:
        assert read["date"] == (DATE.replace(tzinfo=None) if name == "obsidian" else DATE)
    if "categories" in read and name not in ("hugo",):
        assert read["categories"] == ["News", "Name", encoded(section)]


def _unmarked(names: Iterable[str], preset: str) -> list[str]:
    """Names without what is masked in posts for Jekyll, which prints them as they are."""
    return list(dict.fromkeys([re.sub('[<>"&]', "_", name) if preset == "jekyll" else name for name in names]))


def _check_head(read: dict[str, str], title: str, authors: list[str]) -> None:
    shown = re.sub("<(?=[A-Za-z/!?])", "‹", xml_text(title)).replace('"', "”")
    assert read.get("title", "") == encoded(shown)
    assert read["date"] == "2024-02-03T23:30:00+00:00"
    assert read["link"] == read["canonical_url"] == "https://example.org/1"
    assert len([one for one in read.get("authors", "").split(";") if one.strip()]) >= bool(authors)


def _front(text: str, name: str) -> dict[str, Any]:
    """The front matter, as every parser reads it."""
    if PRESETS[name].form == "toml":
        return tomllib.loads(text.removeprefix("+++\n").split("\n+++\n")[0])
    plain = text.removeprefix("---\n").split("\n---\n")[0] + "\n"
    old, new = yaml.safe_load(plain), YAML(typ="safe", pure=True).load(StringIO(plain))
    read = frontmatter.loads(text).metadata
    assert read == old == new
    return dict(read)


class _Head(HTMLParser):
    """The title and the elements of a head, as Pelican reads them: references in the title stay."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, str] = {}
        self.place = ""

    @classmethod
    def read(cls, text: str) -> dict[str, str]:
        reader = cls()
        reader.feed(text.partition("</head>")[0])
        reader.close()
        return reader.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.place = tag
        values = dict(attrs)
        assert tag in ("html", "head", "title", "meta")
        if tag == "meta":
            self.found[values["name"] or ""] = values["content"] or ""

    def handle_endtag(self, tag: str) -> None:
        self.place = ""

    def handle_data(self, data: str) -> None:
        if self.place == "title":
            self.found["title"] = self.found.get("title", "") + data


@given(NAMES)
@example("a ; b")
def test_a_list_for_pelican_has_its_members(text: str) -> None:
    read = _Head.read(rendered(make_item(authors=(f"First {text}", "Second"), tags=("a, b",)), "pelican"))
    # As Pelican splits it: at semicolons, where there is one.
    assert len(read["authors"].split(";")) == 2
    assert [one.strip() for one in read["tags"].split(";") if one.strip()] == ["a, b"]
    assert not re.search('[<>"]', read["authors"])


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ("it's", "it's"),
        ("&quot;", '"'),
        ("&quot;' onclick='x", "”’ onclick=’x"),
        ("&quot;&#39; onclick=&#39;x", "”’ onclick=’x"),
        ("href='{index}'", "href=’{index}’"),
        ("src=&quot;|static|x&quot;", "src=”|static|x”"),
        ("a < b > c&quot;'", "a < b > c”’"),
    ],
)
def test_pelican_breaks_no_attribute(value: str, safe: str) -> None:
    """It puts a value with a double quote between single ones, and escapes neither."""
    text = rendered(make_item(html=f'<p title="{value}">{{x}} ="\'{{y}}\' x="</p>', title="t"), "pelican")
    tag, _, rest = text.partition("<body>\n<p ")[2].partition("</p>")[0].partition('">')
    assert unescape(tag.removeprefix('title="')) == safe
    assert rest == "{x} =\"'{y}' x=\""


@pytest.mark.parametrize(
    ("title", "written"),
    [
        ("a < b > c & d's <3", "a &lt; b &gt; c &amp; d's &lt;3"),
        ('"><svg onload=x>', "”&gt;‹svg onload=x&gt;"),
        ("</title><!-- <?x &lt;b&gt;", "‹/title&gt;‹!-- ‹?x &amp;lt;b&amp;gt;"),
    ],
)
def test_a_title_for_pelican_is_safe_when_it_is_unescaped_once(title: str, written: str) -> None:
    assert f"<title>{written}</title>" in rendered(make_item(title=title), "pelican")


@pytest.mark.parametrize("name", ["hugo", "jekyll", "eleventy", "astro", "zola"])
def test_no_name_is_the_file_of_a_list(name: str) -> None:
    """Generators make folders of names, and the build ends where a file has such a name."""
    names = ("index.html", "a/index.xml", "Index<.HTML", "index", "my index.html", "index.html5 guide")
    text = rendered(make_item(authors=names, tags=names), name)
    read = _front(text, name)
    lists = read.get("taxonomies", read)
    third = "Index_.HTML" if name == "jekyll" else "Index<_HTML"
    expected = ["index_html", "a/index_xml", third, "index", "my index.html", "index.html5 guide"]
    assert lists["authors"] == expected
    assert lists.get("tags", expected) == expected


def test_jekyll_gets_no_name_that_is_markup() -> None:
    """Its own plug-in for search engines prints the first author without escaping it."""
    names = ('"><svg onload=x>', "</script>", "Tom & Jerry", "&lt;b&gt;")
    read = _front(rendered(make_item(authors=names, tags=names), "jekyll"), "jekyll")
    assert read["authors"] == read["tags"] == ["___svg onload=x_", "_/script_", "Tom & Jerry", "_lt;b_gt;"]


def test_hugo_gets_no_picture_that_it_cannot_parse() -> None:
    assert "images:" in rendered(make_item(image="https://a.example/a%20b.png"), "hugo")
    assert "images:" not in rendered(make_item(image="https://%27a%27.example/i.png"), "hugo")


@pytest.mark.parametrize("name", OTHERS)
def test_values_that_are_missing_are_left_out(name: str) -> None:
    bare = Origin("s", "Name", None, None, "news", None)
    item = make_item(url=None, authors=(), tags=(), origin=bare)
    text = rendered(item, name, group=None)
    assert not re.search(r"(?m)^\s*(?:link|canonical\w*|authors|tags|images?)\b|None|null|name=\"(?:link|tags)", text)
    assert item.id in text


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_drafts_say_so_as_the_generator_reads_it(name: str) -> None:
    item = make_item(published_at=DATE)
    post, draft = rendered(item, name), rendered(replace(item, draft=True), name)
    assert "draft" not in post
    assert "published:" not in post
    if name == "pelican":
        assert _Head.read(draft)["status"] == "draft"
        assert _Head.read(draft).items() - _Head.read(post).items() == {("status", "draft")}
        return
    mark = ("published", False) if name in ("hexo", "jekyll") else ("draft", True)
    if name == "hexo":
        # All the rest stays, byte for byte.
        assert draft.replace("published: false\n", "", 1) == post
        assert draft.index("published: false\n") < draft.index("\n---\n\n<div>")
        return
    assert _front(draft, name) == {**_front(post, name), mark[0]: mark[1]}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_posts_name_where_the_same_item_is_too(name: str) -> None:
    copies = (Copy("One", "https://one.example/?a;b"), Copy("Two", None), Copy("Three", "https://three.example/"))
    item = make_item(published_at=DATE)
    text = rendered(replace(item, also_at=copies), name)
    if name == "hexo":
        assert text == rendered(item, name)
    elif name == "pelican":
        assert _Head.read(text)["also_at"] == "https://one.example/?a%3Bb; https://three.example/"
    else:
        read = _front(text, name)
        facts = {**read, **read.get("params", {}), **read.get("extra", {})}
        assert facts["also_at"] == ["https://one.example/?a;b", "https://three.example/"]


@pytest.mark.parametrize("name", ["hugo", "jekyll", "zola"])
def test_braces_are_references_where_templates_run(name: str) -> None:
    body = rendered(make_item(html="<p>{{ 7*7 }}</p>", title="t"), name).partition("<p>")[2]
    assert not set("{}") & set(body)


@pytest.mark.parametrize("name", [name for name in OTHERS if PRESETS[name].body == "block"])
def test_the_body_is_one_block(name: str) -> None:
    text = rendered(make_item(html="<p>a</p>\n\n<pre>b\n\n\n```\nc</pre>", title="t"), name)
    body = text.partition("<div>\n")[2]
    assert "\n\n" not in body
    assert "```" not in body


def test_the_line_with_the_original_is_added_where_it_is_wanted() -> None:
    line = '<p><a href="https://example.org/?a&amp;b">https://example.org/?a&amp;b</a></p>'
    item = make_item(url="https://example.org/?a&b")
    assert line in rendered(item, "hexo", footer=True)
    assert line not in rendered(item, "hexo")


class TestNames:
    """Two posts never have one address."""

    @staticmethod
    def path(name: str, title: str, identity: str = "1") -> str:
        wanted = Wanted("news", title, identity, DATE)
        return assign_paths([wanted], PRESETS[name], lambda keys: set())[0][0]

    def test_paths_have_the_form_of_the_preset(self) -> None:
        assert self.path("hugo", "Node.js 20") == "news/Node_js-20.md"
        assert self.path("jekyll", "A title") == "news/2024-02-03-A-title.html"
        assert self.path("eleventy", "On 2024-01-02 it rained") == "news/On-2024-01-02_it-rained.html"
        assert self.path("obsidian", "a [b]^c #d") == "news/a-_b__c-_d.md"
        assert self.path("pelican", "C++") == "news/C++.html"

    @pytest.mark.parametrize(
        ("name", "title", "slug"),
        [
            ("hugo", "plain-name_1", None),
            ("hugo", "C++", "C-6b86b273ff34fce1"),
            ("hugo", "中文标题", None),
            ("astro", "C++", "news/C-6b86b273ff34fce1"),
            ("astro", "Node.js", "news/Node-js-6b86b273ff34fce1"),
            ("jekyll", "Node.js", None),
            ("pelican", "Node.js", "news/Node.js"),
            ("zola", "Title", "title"),
            ("zola", "中文", "post-6b86b273ff34fce1"),
            # It looks like the slug of another post.
            ("hugo", "C-0123456789abcdef", "C-0123456789abcdef-6b86b273ff34fce1"),
        ],
    )
    def test_slugs(self, name: str, title: str, slug: str | None) -> None:
        item = replace(make_item(title=title), id="1", path=self.path(name, title))
        data = render_post(item, category_title="News", preset=PRESETS[name], options=PostOptions()).decode()
        read = _Head.read(data) if name == "pelican" else _front(data, name)
        assert read.get("slug") == slug

    @given(st.lists(st.text(max_size=30), min_size=1, max_size=8))
    @pytest.mark.parametrize(
        "pattern", ["{name}", "{category}/{year}/{name}-{day}", "x/{id}", "{year}/{month}/{id}-{name}"]
    )
    def test_patterns_give_safe_paths(self, pattern: str, titles: list[str]) -> None:
        preset = replace(PRESETS["hugo"], path=pattern)
        wanted = [Wanted("news", title, str(number), DATE) for number, title in enumerate(titles)]
        given = assign_paths(wanted, preset, lambda keys: set())
        assert len({key for _, key in given}) == len(titles)
        for path, _ in given:
            parts = path.split("/")
            assert len(parts) == pattern.count("/") + 1
            assert all(part and part.strip(".") and len(part.encode()) <= 200 for part in parts)


def _files(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir()}


def test_every_preset_has_a_golden_post() -> None:
    assert _files(GOLDEN) == set(OTHERS)
