"""Rules that change an entry: what they do, and that nothing unsafe or unpublishable comes of it."""

from __future__ import annotations

from io import StringIO
from typing import Any

import html5lib
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pydantic import ValidationError
from ruamel.yaml import YAML

from aggregator.models import Entry, Text
from aggregator.models.extras import Extras
from aggregator.normalize.entry import clean_again
from aggregator.normalize.sanitizer import clean_html
from aggregator.publish.posts.presets import PRESETS, PostOptions
from aggregator.publish.posts.render import render_post
from aggregator.rules import RULES
from aggregator.rules.bodies import MAX_ELEMENTS, edit_text
from tests.markup import faults
from tests.publish_items import make_item
from tests.rules.applying import entries, giving, make_entry, ruled, settings_of
from tests.thoroughness import examples

TRANSFORMS = [
    "replace: {field: title, pattern: e, with: '<b>\"e\"</b>'}",
    "replace: {field: title, pattern: '/.*/', with: ''}",
    r"replace: {field: text, pattern: '/(\w+)/', with: '<script>\1</script>&nbsp;&'}",
    r"replace: {field: text, pattern: '/\s|/', with: '\0<!--'}",
    "replace: {field: url, pattern: https, with: 'javascript:'}",
    "replace: {field: author, pattern: '/^/', with: '<i>'}",
    "replace: {field: tags, pattern: '/o/i', with: ''}",
    "remove: [p, .ad, 'div:has(a)', ':-soup-contains(x)']",
    "remove: 'b, i, table, tr, td, math *'",
    "unwrap: [p, a, b, li, table, td, tr, math, mi]",
    "unwrap: '*'",
    "strip_tracking: true",
    "excerpt: 20",
    "prefix: '{title} <b> {author}'",
    """suffix: {html: '<p><a href="{url}" onclick="x()">{title}</a><div><script>{title}'}""",
    "prefix: {html: '</div></div><b><table><td>{author}'}",
    "convert: t2s",
]
#: Those that change nothing of what they have made.
IDEMPOTENT = [
    "remove: [p, .ad, b]",
    "unwrap: [a, b, span]",
    "strip_tracking: true",
    "excerpt: 20",
    "excerpt: 60",
    "replace: {field: title, pattern: e, with: é}",
    "convert: t2s",
]


def title_after(rule: str, title: str) -> str:
    return ruled(rule, make_entry(title=title)).entry.title


def html_after(rule: str, html: str) -> str:
    return ruled(rule, make_entry(html=html)).entry.html


def refused(rule: str) -> str:
    """Why a rule is refused."""
    with pytest.raises(ValidationError) as caught:
        settings_of(rule)
    return str(caught.value.errors()[0]["msg"])


class TestReplace:
    def test_of_a_text_every_place_is_replaced_as_it_is_written(self) -> None:
        assert title_after("replace: {field: title, pattern: '[AD] ', with: ''}", "[AD] One [AD] two") == "One two"
        assert title_after("replace: {field: title, pattern: '.', with: '\\1'}", "a.b") == r"a\1b"

    def test_a_regular_expression_has_groups_and_flags(self) -> None:
        rule = r"replace: {field: title, pattern: '/^(?P<what>\w+): (.*)/i', with: '\2 (\g<what>) \\'}"
        assert title_after(rule, "Review: Go") == r"Go (Review) \ "[:-1]
        assert (
            title_after("replace: {field: title, pattern: '/COLOU?R/i', with: hue}", "Color and colour")
            == "hue and hue"
        )

    def test_text_is_replaced_and_markup_is_not(self) -> None:
        html = '<p class="p">p &amp; <a href="https://example.org/p" title="p">p</a></p>'
        expected = '<p class="p">q &amp; <a href="https://example.org/p" title="p">q</a></p>'
        assert html_after("replace: {field: text, pattern: p, with: q}", html) == expected

    def test_what_takes_the_place_of_text_is_text(self) -> None:
        assert html_after("replace: {field: text, pattern: x, with: '<b>&'}", "<p>x</p>") == "<p>&lt;b&gt;&amp;</p>"
        assert (
            html_after("replace: {field: text, pattern: '&', with: '<'}", "<p>a &amp;b&gt;</p>") == "<p>a &lt;b&gt;</p>"
        )

    def test_formulas_stay(self) -> None:
        html = "<p>x <math><mi>x</mi></math> x</p>"
        assert html_after("replace: {field: text, pattern: x, with: y}", html) == "<p>y <math><mi>x</mi></math> y</p>"

    def test_the_summary_is_text_as_well(self) -> None:
        entry = ruled("replace: {field: text, pattern: a, with: b}", make_entry(html="<p>a</p>", summary="aa")).entry
        assert (entry.html, entry.summary) == ("<p>b</p>", "bb")

    @pytest.mark.parametrize("field", ["title", "url"])
    def test_a_field_that_would_be_unusable_stays(self, field: str) -> None:
        subject = ruled(f"replace: {{field: {field}, pattern: '/.+/', with: ''}}", make_entry())
        assert subject.entry == make_entry()
        assert subject.notes == [f"`replace` left `{field}` as it is: nothing usable would be left"]

    def test_an_address_stays_one(self) -> None:
        rule = "replace: {field: url, pattern: 'https://example.org/', with: 'https://proxy.example/x y/'}"
        assert ruled(rule, make_entry()).entry.url == "https://proxy.example/x%20y/1"

    def test_authors_and_tags_are_tidy_and_each_once(self) -> None:
        entry = make_entry(authors=("Ann  (Example)", "Ann"), tags=("Rust", "Go"))
        assert ruled("replace: {field: author, pattern: ' (Example)', with: ''}", entry).entry.authors == ("Ann",)
        assert ruled("replace: {field: tags, pattern: '/^Go$/', with: rust}", entry).entry.tags == ("Rust",)

    @pytest.mark.parametrize("html", ["<p>" + "x" * 1_900_000 + "</p>", "<p>" + "x <b>y</b>" * 9000 + "</p>"])
    def test_output_and_work_are_bounded(self, html: str) -> None:
        entry = make_entry(html=html)
        for pattern in ("'/x.*z|x/'", "x", "'//|/'"):
            subject = ruled(f"replace: {{field: text, pattern: {pattern}, with: '{'y' * 2000}'}}", entry)
            assert subject.entry == entry
            assert "left `text` as it is" in subject.notes[0]

    @pytest.mark.parametrize(
        ("rule", "reason"),
        [
            ("replace: {field: title, pattern: '/(?=a)/', with: x}", "looking ahead"),
            ("replace: {field: title, pattern: '/[/', with: x}", "missing ]"),
            ("replace: {field: title, pattern: '', with: x}", "is empty"),
            (r"replace: {field: title, pattern: '/a/', with: '\1'}", r"names the group `\1`"),
            (r"replace: {field: title, pattern: '/a/', with: '\g<b>'}", r"names the group `\g<b>`"),
            (r"replace: {field: title, pattern: '/a/', with: '\d'}", r"has `\d`"),
            ("replace: {field: title, pattern: '/a/g', with: x}", "has the flag `g`"),
            ("replace: {field: html, pattern: a, with: x}", "'title', 'text', 'url', 'author' or 'tags'"),
            ("replace: {field: title, pattern: 5, with: x}", "must be text"),
        ],
    )
    def test_a_mistake_is_refused_with_its_reason(self, rule: str, reason: str) -> None:
        assert reason in refused(rule)


class TestElements:
    HTML = (
        '<p class="ad">x <b>y</b></p><div><p>keep &amp; <img src="https://a.org/i.png" alt="a"></p>'
        '<p class="ad">z</p></div>'
    )

    def test_what_matches_is_removed_and_the_rest_keeps_its_bytes(self) -> None:
        kept = '<div><p>keep &amp; <img src="https://a.org/i.png" alt="a"></p></div>'
        assert html_after("remove: [.ad, b]", self.HTML) == kept
        assert html_after("remove: '.ad:-soup-contains(z)'", self.HTML) == self.HTML.replace('<p class="ad">z</p>', "")
        assert html_after("remove: .nothing", self.HTML) == self.HTML

    def test_the_picture_of_an_entry_goes_with_its_element(self) -> None:
        entry = make_entry(html=self.HTML, image="https://a.org/i.png")
        assert ruled("remove: img", entry).entry.image is None
        assert ruled("remove: .ad", entry).entry.image == "https://a.org/i.png"

    def test_tags_go_and_content_stays(self) -> None:
        html = '<p>a <a href="https://a.org/">link</a><img src="https://a.org/i.png"></p><ul><li>b</li><li>c</li></ul>'
        assert (
            html_after("unwrap: [a, img]", html)
            == '<p>a link<img src="https://a.org/i.png"></p><ul><li>b</li><li>c</li></ul>'
        )
        assert html_after("unwrap: [ul, li]", "<ul><li>b</li><li>c</li></ul>").split() == ["b", "c"]

    def test_what_was_done_is_counted(self) -> None:
        name, settings = settings_of("remove: [.ad, b]")
        subject = ruled("remove: .nothing", make_entry(html=self.HTML))
        assert RULES[name].apply(settings, subject) == "removed 2 elements"

    def test_the_body_that_a_source_gave_as_markdown_goes_with_the_old_text(self) -> None:
        entry = make_entry(html=self.HTML, extras=Extras(markdown="x **y**", rights="R"))
        assert ruled("remove: .ad", entry).entry.extras == Extras(rights="R")
        assert ruled("remove: .other", entry).entry.extras == entry.extras

    def test_a_text_with_too_many_elements_stays(self) -> None:
        entry = make_entry(html="<p>" + "<b>x</b>" * MAX_ELEMENTS + "</p>")
        subject = ruled("remove: b", entry)
        assert subject.entry == entry
        assert subject.notes == ["`remove` left the text as it is: it has more than 20,000 elements"]

    @pytest.mark.parametrize("html", ["<div>" * 250 + "x" + "</div>" * 250, "<p>x</p>" * 9000])
    @pytest.mark.parametrize(
        "selector", ["* * * * * .z", "p ~ p ~ p ~ .z", "div:not(:has(.z)) *", ":nth-last-child(3n of p)"]
    )
    def test_no_selector_takes_long_on_any_text(self, html: str, selector: str) -> None:
        ruled(f"remove: '{selector}'", make_entry(html=html))

    @pytest.mark.parametrize("rule", ["remove: 'p >'", "unwrap: '[a='", "remove: []", "remove: [p, 5]", "unwrap: ''"])
    def test_what_is_no_selector_is_refused(self, rule: str) -> None:
        assert refused(rule)


class TestExcerpt:
    def test_the_beginning_stays_without_markup(self) -> None:
        html = "<p>" + "word " * 50 + "<b>&lt;end</b></p>"
        assert html_after("excerpt: 20", html) == "<p>word word word word…</p>"
        assert html_after("excerpt: 1000", html) == "<p>" + "word " * 50 + "&lt;end</p>"

    def test_a_summary_takes_the_place_of_the_body(self) -> None:
        entry = make_entry(html="<p>Long text</p>", summary="<i>Short</i>", image="https://a.org/i.png")
        changed = ruled("excerpt: 100", entry).entry
        assert (changed.html, changed.summary, changed.image) == ("<p>Short</p>", "", "https://a.org/i.png")

    @pytest.mark.parametrize("value", ["5", "true", "100000", "300.5", "'300'"])
    def test_a_length_is_a_sensible_number(self, value: str) -> None:
        assert refused(f"excerpt: {value}")


class TestInserting:
    def test_text_becomes_paragraphs_with_everything_escaped(self) -> None:
        entry = make_entry(title="{url} & <b>", authors=("Ann", "Bob"))
        assert ruled("prefix: '<i> {title} by {author} {{x}}'", entry).entry.html == (
            "<p>&lt;i&gt; {url} &amp; &lt;b&gt; by Ann {x}</p><p>Text</p>"
        )
        assert ruled(r'suffix: "one\n\ntwo"', entry).entry.html == "<p>Text</p><p>one</p><p>two</p>"

    def test_html_is_cleaned_and_its_fields_are_text(self) -> None:
        rule = 'suffix: {html: \'<p onclick="x()"><a href="{url}" title="{title}">{source}</a><script>1</script>\'}'
        assert ruled(rule, make_entry(title='"><script>')).entry.html == (
            '<p>Text</p><p><a href="https://example.org/1" title="&quot;&gt;&lt;script&gt;">example</a></p>'
        )

    def test_what_is_there_is_not_put_there_twice(self) -> None:
        subject = ruled("prefix: Note", make_entry())
        assert ruled("prefix: Note", subject.entry).entry == subject.entry

    @pytest.mark.parametrize("value", ["''", "'{x}'", "'{title'", "{}", "{text: a, html: b}", "[a]", "{title: a}"])
    def test_mistakes_are_refused(self, value: str) -> None:
        assert refused(f"prefix: {value}")


class TestConvert:
    def test_all_texts_are_converted_and_the_language_says_so(self) -> None:
        entry = make_entry(
            title="漢語", html='<p title="漢">語 <b>漢</b></p>', authors=("張",), tags=("語言",), language="zh-TW"
        )
        changed = ruled("convert: t2s", entry).entry
        assert (changed.title, changed.html) == ("汉语", '<p title="漢">语 <b>汉</b></p>')
        assert (changed.authors, changed.tags, changed.language) == (("张",), ("语言",), "zh-Hans")

    @pytest.mark.parametrize(
        "changes", [{"title": "漢字かな"}, {"title": "漢語", "language": "ja"}, {"title": "latin"}, {"title": "汉语"}]
    )
    def test_other_languages_stay(self, changes: dict[str, Any]) -> None:
        assert ruled("convert: t2s", make_entry(**changes)).entry == make_entry(**changes)

    def test_an_unknown_conversion_is_refused(self) -> None:
        assert "'t2s'" in refused("convert: zh")


class TestStripTracking:
    def test_only_the_address_of_the_item_changes(self) -> None:
        html = '<p><a href="https://a.org/?utm_source=x">x</a></p>'
        changed = ruled("strip_tracking: true", make_entry(url="https://a.org/?id=1&utm_source=rss", html=html)).entry
        assert (changed.url, changed.html) == ("https://a.org/?id=1", html)

    def test_it_can_be_switched_off(self) -> None:
        entry = make_entry(url="https://a.org/?utm_source=rss")
        assert ruled("strip_tracking: false", entry).entry == entry
        assert refused("strip_tracking: 'on'")


def _front(post: str) -> dict[str, object]:
    """The front matter, which YAML 1.1 and YAML 1.2 read alike."""
    text = post.removeprefix("\n---\n").split("\n---\n")[0] + "\n"
    old, new = yaml.safe_load(text), YAML(typ="safe", pure=True).load(StringIO(text))
    assert old == new
    assert isinstance(old, dict)
    return old


def check(entry: Entry) -> None:
    """An entry that rules left is one as `normalize` makes it, and its post has the post format."""
    assert not [*faults(entry.html), *faults(entry.summary)]
    assert entry.title == " ".join(entry.title.split())
    assert entry.title
    for html in (entry.html, entry.summary):
        assert clean_html(Text(html, "html")) == html
    again = clean_again(entry)
    assert (again.url, again.title, again.authors, again.tags) == (entry.url, entry.title, entry.authors, entry.tags)
    options = PostOptions("https://proxy.example/?", None)
    item = make_item(**{name: getattr(entry, name) for name in ("title", "html", "url", "authors", "tags", "image")})
    post = render_post(item, category_title="G", preset=PRESETS["hexo"], options=options).decode()
    assert isinstance(_front(post)["title"], str)
    block = post.removeprefix("\n---\n").partition("\n---\n\n")[2]
    rendered = MarkdownIt("commonmark").render(block)
    assert rendered.startswith("<div>")
    shown, meant = (html5lib.parseFragment(html, namespaceHTMLElements=False) for html in (rendered, block))
    assert [element.tag for element in shown.iter()] == [element.tag for element in meant.iter()]


@pytest.mark.parametrize("rule", TRANSFORMS)
@examples(12, thorough=50)
@given(entry=entries())
def test_whatever_comes_of_an_entry_is_safe_and_can_be_published(rule: str, entry: Entry) -> None:
    check(ruled(rule, entry).entry)


@pytest.mark.parametrize("rule", IDEMPOTENT)
@examples(15, thorough=50)
@given(entry=entries())
def test_to_apply_a_rule_again_changes_nothing(rule: str, entry: Entry) -> None:
    once = ruled(rule, entry).entry
    assert ruled(rule, once).entry == once


_TEXTS = st.none() | st.text(max_size=40) | st.sampled_from(["<script>x</script>", "a\n\nb", "\ud800", "<b", "\x00"])


@examples(30)
@given(
    entry=entries(),
    made=st.fixed_dictionaries(
        {"title": _TEXTS, "html": _TEXTS, "summary": _TEXTS, "author": _TEXTS, "language": _TEXTS},
        optional={"tags": st.lists(st.text(max_size=5), max_size=3), "drop": st.booleans(), "hold": st.none()},
    ),
)
def test_whatever_a_step_gives_is_safe_and_can_be_published(entry: Entry, made: dict[str, Any]) -> None:
    subject = ruled("command: [x]", entry, giving(made))
    check(subject.entry)
    assert (subject.made_by == ["command"]) == (subject.entry != entry)


@given(entry=entries())
def test_text_in_clean_html_is_written_in_one_way(entry: Entry) -> None:
    # So a text that is not in the HTML in this form is not in its text.
    marked = edit_text(entry.html, lambda text: f"{text}\ue000")
    assert marked.replace("\ue000", "") == entry.html.replace("\ue000", "")
