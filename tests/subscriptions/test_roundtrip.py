"""What is exported and imported into an empty file gives the same configuration, but for secrets that are written out.

Configurations are generated from values of all settings, and those in the documentation are taken as they are.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lxml import etree

from aggregator.config import TEMPLATE, Config, load
from aggregator.config.settings import CommonSettings
from aggregator.errors import ConfigError
from aggregator.models import Access
from aggregator.place import passwords
from aggregator.sources import KINDS
from aggregator.store import FeedMetadata
from aggregator.subscriptions.merging import merge
from aggregator.subscriptions.reading import read
from aggregator.subscriptions.writing import Written, write
from tests import DATA, ROOT
from tests.subscriptions.documents import FILE
from tests.thoroughness import examples
from tests.validators import check_opml

ENVIRON = {"TOKEN": "t0ken-of-mine", "NAME": "Name & more", "HOST": "host.example"}

# -- configurations --------------------------------------------------------------------------------------------------

_TEXT = st.text(
    st.sampled_from("ab C1.-_:#&<>\"'{}[]%@`!|,?*~=\\/$ é中😀\u200d")
    | st.characters(codec="utf-8", categories=["L", "N", "P", "S"]),
    min_size=1,
    max_size=25,
)
TEXTS = st.one_of(
    _TEXT.filter(lambda text: bool(text.strip())).map(lambda text: text.replace("${", "$${")),
    st.sampled_from(
        [
            "${env:NAME}",
            "a ${env:NAME} $${env:NAME}",
            "yes",
            "12",
            "1e3",
            "~",
            "A  B",
            " padded ",
            "null",
            "a: b",
            "- a",
            "2026-01-01",
        ]
    ),
)
PATHS = st.text(st.sampled_from("abc123/-_~%é中?=&#{}$"), max_size=15).map(lambda text: text.replace("${", "$"))
ADDRESSES = st.builds(
    lambda scheme, host, path: f"{scheme}{host}/{path}",
    st.sampled_from(["https://", "http://", "feed://", " https://"]),
    st.sampled_from(
        [
            "example.org",
            "www.example.org",
            "Example.net:8080",
            "中.example",
            "${env:HOST}",
            "me:${env:TOKEN}@example.org",
            "[2001:db8::1]",
        ]
    ),
    PATHS.filter(lambda path: not re.search(r"[{%]%|\{\{", path)),
)
SLUGS = ("news", "c", "新闻", "a-b", "empty")
RULES = st.sampled_from(
    [
        [{"drop": {"title": ["sponsored", "/^ad(s)?$/i", "控制\u0007"]}}],
        [{"keep": {"any": ["a", "b"], "in": "title"}}, {"tag": ["x", "y"], "when": "words > 10"}],
        [{"replace": {"field": "title", "pattern": "/^\\[(.*?)\\] /", "with": "\\1: "}}],
        [{"prefix": {"html": '<p class="a">&amp; {title}</p>'}}],
        [{"command": ["./x", "--to", "en"]}],
        [{"http": {"url": "https://t.example/", "auth": {"bearer": "${env:TOKEN}"}}}],
    ]
)
INTERVALS = st.sampled_from(
    ["30m", "auto", "0 7 * * mon-fri", {"every": "20m", "max": "6h"}, {"auto": True, "min": "5m"}]
)
RETENTION = st.sampled_from([{"age": "90d"}, {"count": 5, "posts": "delete"}])
PAGES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"items": "h3 > a", "link": {"select": "a.more", "attribute": "href"}, "next": "a.next", "pages": 3},
        {
            "items": "//li",
            "title": "xpath://h2[contains(@class, 't')]/@title",
            "author": {"value": "A & B"},
            "date": {"select": ".meta", "regex": "(\\d{4}-\\d{2})", "format": "%Y-%m", "timezone": "Asia/Shanghai"},
        },
        {"items": "h3 > a"},
        {"items": "a[href*='/x/']", "limit": 5, "encoding": "gbk"},
        {
            "items": "#list .item",
            "article": {"body": "#article", "date": "time", "timezone": "Asia/Shanghai", "remove": [".ad", "#x"]},
        },
    ]
)
#: Values of the keys of the kinds.
KIND_SETTINGS: Mapping[str, Any] = {
    "feed": ADDRESSES,
    "scrape": st.builds(lambda url, page: {"url": url, **page}, ADDRESSES, PAGES),
    "json": st.builds(
        lambda url, more: {"url": url, "items": "$.data.list[*]", **more},
        ADDRESSES,
        st.sampled_from(
            [
                {"title": "t", "link": "https://example.org/p/{id}", "body": {"page": 1, "q": ["a", None, 1.5]}},
                {
                    "id": "$.a['b c'][0]",
                    "date": {"select": "at", "format": "unix"},
                    "script": "script#__NEXT_DATA__",
                },
            ]
        ),
    ),
    "rsshub": st.sampled_from(
        [
            "/ofweek/news",
            "rsshub://a/b?limit=5",
            {"route": "/c/d", "instances": ["https://i.example"], "key": "${env:TOKEN}"},
        ]
    ),
    "sitemap": st.one_of(
        ADDRESSES,
        st.builds(lambda url: {"url": url, "include": ["/news/*"], "exclude": ["/re2/"], "limit": 5}, ADDRESSES),
    ),
}
PLACES: list[dict[str, Any]] = [
    {},
    {"category": "news"},
    {"category": "新闻"},
    {"categories": ["c", "news"]},
    {"categories": ["c"]},
]
#: Values of the keys that every source can have; those that are not here are made from nothing (`id`, `name`, …).
COMMON: Mapping[str, Any] = {
    "section": TEXTS,
    "interval": INTERVALS,
    "poll_without_validators": st.booleans(),
    "timeout": st.sampled_from(["20s", "1m30s"]),
    "max_body": st.sampled_from(["1MB", "500kB"]),
    "allow_private_addresses": st.sampled_from([True, False, ["192.168.0.0/16"]]),
    "retention": RETENTION,
    "paused": st.booleans(),
    "review": st.booleans(),
    "republish": st.sampled_from(["full", "excerpt", "link"]),
    "rules": RULES,
    "copyright": TEXTS,
    "noindex": st.booleans(),
    "headers": st.sampled_from([{"Accept-Language": "de"}, {"X-Key": "${env:TOKEN}", "Referer": "https://a.example/"}]),
    "auth": st.sampled_from([{"bearer": "${env:TOKEN}"}, {"basic": {"user": "me", "password": "${env:TOKEN}"}}]),
    "cookies": st.just({"session": "${env:TOKEN}"}),
    "proxy": st.sampled_from(["http://proxy.example:3128", "http://${env:TOKEN}@proxy.example"]),
    "user_agent": st.just("Reader/1.0 (+https://a.example)"),
    "tls": st.just({"verify": False, "until": "2099-01-31"}),
}
_CATEGORY = st.one_of(
    TEXTS,
    st.fixed_dictionaries(
        {},
        optional={
            "title": TEXTS,
            "description": TEXTS,
            "limit": st.integers(1, 50),
            "interval": INTERVALS,
            "retention": RETENTION,
            "rules": RULES,
            "duplicates": st.sampled_from(["url", "off"]),
        },
    ),
)
SECTIONS: Any = st.fixed_dictionaries(
    {},
    optional={
        "site": st.fixed_dictionaries(
            {},
            optional={"title": TEXTS, "url": st.just("https://feeds.example/"), "timezone": st.just("Europe/Berlin")},
        ),
        "feeds": st.just({"limit": 7, "formats": ["atom"]}),
        "fetch": st.fixed_dictionaries(
            {},
            optional={
                "interval": INTERVALS,
                "timeout": st.just("9s"),
                "proxy": st.just("environment"),
                "allow_private_addresses": st.just(["10.0.0.0/8"]),
            },
        ),
        "retention": RETENTION,
        "duplicates": st.just("url"),
        "rules": RULES,
        "outputs": st.sampled_from(
            [{"rust": {"title": "Rust", "where": 'title.contains("Rust")', "rules": [{"tag": "r"}]}}]
        ),
        "x-anchors": st.just(["unused"]),
    },
).map(
    lambda sections: {
        "rsshub": {"instances": ["https://one.example", {"url": "https://two.example/", "key": "${env:TOKEN}"}]},
        **sections,
    },
)


@st.composite
def sources(draw: st.DrawFn) -> dict[str, Any]:
    """One source, with some settings; or a template of several."""
    source: dict[str, Any] = draw(st.fixed_dictionaries({}, optional=COMMON))
    source |= draw(st.fixed_dictionaries({}, optional={"name": TEXTS}))
    source |= draw(st.sampled_from(PLACES))
    kind = draw(st.sampled_from(list(KIND_SETTINGS)))
    source[kind] = copy.deepcopy(draw(KIND_SETTINGS[kind]))
    if kind == "rsshub":
        source = {key: value for key, value in source.items() if key not in ("headers", "auth", "cookies", "tls")}
    if draw(st.integers(0, 5)) == 0:
        source["for"] = {"lang": ["en", "zh-CN"]}
        short = isinstance(source[kind], str)
        where, key = (source, kind) if short else (source[kind], "route" if kind == "rsshub" else "url")
        where[key] += "/${lang}"
    keys = draw(st.permutations(list(source)))
    return {key: source[key] for key in keys}


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """The text of a feeds.yaml that `load` accepts; JSON is YAML."""
    listed = draw(st.lists(sources(), max_size=6))
    for number, source in enumerate(listed):
        # Two sources of one address need ids.
        if "for" not in source and draw(st.booleans()):
            source["id"] = f"id-{number}"
    categories = {slug: draw(_CATEGORY) or "Title" for slug in SLUGS}
    whole: dict[str, Any] = {**draw(SECTIONS), "categories": categories, "sources": listed}
    return json.dumps({key: whole[key] for key in draw(st.permutations(list(whole)))}, ensure_ascii=False)


def test_all_settings_of_a_source_are_generated() -> None:
    assert KIND_SETTINGS.keys() == KINDS.keys()
    assert COMMON.keys() | {"id", "name", "category", "categories"} == CommonSettings.model_fields.keys()


# -- the round trip --------------------------------------------------------------------------------------------------


def loaded(text: str) -> Config | None:
    try:
        return load(FILE, ENVIRON, text=text)
    except ConfigError:
        return None


def exported(text: str, metadata: Mapping[str, FeedMetadata] | None = None) -> Written:
    made = write(text, load(FILE, ENVIRON, text=text), metadata or {})
    etree.fromstring(made.data)
    return made


def imported(data: bytes) -> Config:
    """What an import into a new file gives; nothing of the document is left out."""
    made = merge(read(data), FILE, None, None, ENVIRON, trust=True)
    assert made.text is not None
    assert (made.left_out, made.refused, made.remarks) == ([], [], [])
    return load(FILE, ENVIRON, text=made.text)


def comparable(config: Config) -> dict[str, Any]:
    """What a configuration says, but for posts, hooks and database, lines, and the order in which sources stand."""
    # Which of two sources with one request is the first depends on the order.
    found = {one.id: replace(one, line=0, phase="") for one in config.sources}
    assert len(found) == len(config.sources)
    names = ("site", "feeds", "fetch", "categories", "outputs", "duplicates", "rules", "confidential")
    order = {slug: [one.id for one in config.sources if one.category == slug] for slug in config.categories}
    rules = {one.id: config.rules.sources.get(one.id, ()) for one in config.sources}
    shown = {id: [(rule.name, rule.settings, rule.when) for rule in some] for id, some in rules.items()}
    others = {name: getattr(config, name) for name in names}
    secrets = config.secrets - passwords(config.database)
    return {"sources": found, "order": order, "own rules": shown, "secrets": secrets, **others}


@examples(20, thorough=60)
@given(configurations())
def test_a_configuration_survives(text: str) -> None:
    before = loaded(text)
    # Two sources may be the same.
    assume(before is not None)
    assert before is not None
    made = exported(text)
    assert made.omitted == []
    assert comparable(imported(made.data)) == comparable(before)
    assert ENVIRON["TOKEN"] not in made.data.decode()
    # Others can read it, too.
    assert check_opml(made.data) == []
    # The same file gives the same document, and everything in it is there already.
    assert exported(text) == made
    again = merge(read(made.data), FILE, text, before, ENVIRON, trust=True)
    assert again.text is None
    assert len(again.there) == len(before.sources)
    assert again.whole


# -- files -----------------------------------------------------------------------------------------------------------

MISTAKES = (DATA / "config" / "mistakes.txt").read_text(encoding="utf-8").split("#### ")
PAGES_OF_DOCS = sorted((ROOT / "docs").glob("*.md"))


def survives(text: str) -> bool:
    """Whether a text is a configuration, perhaps without its sources; if so, check that it survives."""
    text += "" if re.search(r"^sources:", text, re.MULTILINE) else "\nsources: []\n"
    before = loaded(text)
    if before is None:
        return False
    made = exported(text)
    after = imported(made.data)
    if not made.omitted:
        assert comparable(after) == comparable(before), text
    return True


@pytest.mark.parametrize(
    "text", [TEMPLATE, (ROOT / "feeds.yaml").read_text(encoding="utf-8")], ids=["template", "shipped"]
)
def test_the_configurations_that_are_shipped_survive(text: str) -> None:
    assert survives(text)


def test_the_configurations_in_the_documentation_survive() -> None:
    texts = [
        text
        for page in PAGES_OF_DOCS
        for text in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]
    assert sum(map(survives, texts)) > 20


def test_the_configurations_among_the_mistakes_survive() -> None:
    assert sum(survives(case.partition("\n")[2].partition("---->")[0]) for case in MISTAKES) > 5


# -- secrets ---------------------------------------------------------------------------------------------------------

SECRETS = """
fetch: {proxy: "http://u:pr0xy-pass@proxy.example:1"}
categories:
  news: {title: News, rules: [{http: {url: "https://s.example/", auth: {bearer: c4tegory-token}}}]}
rules: [{http: {url: "https://u:r5le-pass@s.example/"}}]
sources:
  - id: plain
    feed: https://plain.example/
  - id: login
    feed: https://me:p4ssword@login.example/feed
    interval: 2h
  - id: auth
    feed: https://auth.example/
    auth: {basic: {user: me, password: abc}}
    headers: {X-Key: h3ader-key, Accept: text/xml, X-Other: "${env:TOKEN}"}
    cookies: {session: c00kie, other: "${env:TOKEN}"}
    proxy: http://me:abcd@proxy.example/
  - id: again
    name: It is h3ader-key
    feed: https://again.example/
  - id: lost
    feed: https://lost.example/?key=h3ader-key
"""
WRITTEN_OUT = ("pr0xy-pass", "c4tegory-token", "r5le-pass", "p4ssword", "abc", "h3ader-key", "c00kie", "abcd")


def test_secrets_that_are_written_out_are_left_out_and_named() -> None:
    made = exported(SECRETS)
    text = made.data.decode()
    assert [
        secret for secret in WRITTEN_OUT if f'"{secret}' in text or f"{secret}@" in text or f"={secret}" in text
    ] == []
    assert not any(one in text for one in WRITTEN_OUT if len(one) > 3)
    named = [(one.of, re.findall("`(.*?)`", one.what)[0]) for one in made.omitted]
    assert named == [
        ("", "fetch.proxy"),
        ("", "rules.http.url"),
        ("category news", "rules.http.auth"),
        ("login", "feed"),
        ("auth", "auth"),
        ("auth", "headers.X-Key"),
        ("auth", "cookies.session"),
        ("auth", "proxy"),
        ("again", "name"),
        ("lost", "feed"),
    ]
    assert made.left_out_sources == ["lost"]
    after = merge(read(made.data), FILE, None, None, ENVIRON, trust=True)
    assert after.text is not None
    config = load(FILE, ENVIRON, text=after.text)
    found = {one.id: one for one in config.sources}
    assert list(found) == ["login", "auth", "plain", "again"] or set(found) == {"plain", "login", "auth", "again"}
    assert found["login"].url == "https://login.example/feed"
    assert found["auth"].access == Access(
        headers=(("Accept", "text/xml"), ("X-Other", ENVIRON["TOKEN"])), cookies=(("other", ENVIRON["TOKEN"]),)
    )
    assert found["again"].name is None


# -- for other programs ----------------------------------------------------------------------------------------------


def test_other_programs_find_names_addresses_folders_and_pages() -> None:
    text = """
categories: {news: News & more, empty: Empty}
sources:
  - {name: A, category: news, feed: "https://a.example/?x=1&y=2"}
  - {feed: https://b.example/}
  - {feed: https://c.example/, category: news}
  - {name: Page, scrape: {url: https://d.example/list, items: a}}
"""
    metadata = {
        "b-example": FeedMetadata("Title of b", "https://b.example/home"),
        "c-example": FeedMetadata(None, None),
    }
    body = etree.fromstring(exported(text, metadata).data).find("body")
    assert body is not None
    plain = [
        (one.xpath("string(../@text)"), {str(key): value for key, value in one.items() if "}" not in str(key)})
        for one in body.iter("outline")
    ]
    for _, attributes in plain:
        assert attributes.pop("title") == attributes["text"]
    assert plain == [
        ("", {"text": "News & more"}),
        ("News & more", {"text": "A", "type": "rss", "xmlUrl": "https://a.example/?x=1&y=2"}),
        ("News & more", {"text": "c.example", "type": "rss", "xmlUrl": "https://c.example/"}),
        ("", {"text": "Empty"}),
        (
            "",
            {"text": "Title of b", "type": "rss", "xmlUrl": "https://b.example/", "htmlUrl": "https://b.example/home"},
        ),
        ("", {"text": "Page", "type": "link", "url": "https://d.example/list"}),
    ]
    # The title that a feed gives itself does not become a name.
    assert imported(exported(text, metadata).data).sources[2].name is None


def test_a_program_that_drops_our_attributes_loses_settings_only() -> None:
    text = "categories: {news: News}\nsources:\n  - {name: A, category: news, feed: https://a.example/, interval: 2h}\n"
    data = re.sub(rb' agg:\w+="[^"]*"', b"", exported(text).data)
    (source,) = imported(data).sources
    assert (source.name, source.category, source.url) == ("A", "news", "https://a.example/")
