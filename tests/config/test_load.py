"""feeds.yaml as a whole: a configuration or a ConfigError, whatever it contains."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from aggregator.config import Config, load
from aggregator.config.load import MAX_FILE
from aggregator.errors import ConfigError, Problem
from aggregator.models import Category, Every
from aggregator.sources.articles import ArticleRules
from aggregator.sources.fields import FieldRules
from aggregator.sources.scrape import ScrapeRules
from tests import DATA
from tests.support import command
from tests.thoroughness import examples

FULL = """\
site:
  title: 科技聚合
  url: https://feeds.example.org
  language: zh-CN
posts:
  preset: hexo
  image_proxy: "https://proxy.example/?"
  placeholder: false
feeds:
  formats: [rss, json]
  limit: 50
fetch:
  interval: 2h
  timeout: 10s
  max_body: 1MiB
  allow_private_addresses: [192.168.0.0/16]
  concurrency: 4
  user_agent: test/1
categories:
  new-media: 新媒体
  programming: {description: Code, limit: 7}
sources:
  - id: ofweek
    name: 高科技行业门户
    category: new-media
    section: 新闻
    scrape:
      url: https://www.ofweek.com/CATList-8100-CHANGYIEXINWE.html
      encoding: gbk
      items: div.list-left div.con-details h3 > a
      limit: 5
      article: {body: "#articleC", author: div.source-name, date: div.time.fl, timezone: Asia/Shanghai, remove: [.ad]}
  - name: LWN
    category: programming
    interval: 90s
    timeout: 1m
    max_body: 1kB
    allow_private_addresses: false
    feed: https://lwn.net/headlines/rss
"""

HOUR = timedelta(hours=1)


def _load(folder: Path, text: str | bytes) -> Config:
    path = folder / "feeds.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(path, {})


def _problems(folder: Path, text: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        _load(folder, text)
    return caught.value.problems


def test_a_list_of_feeds_is_enough(tmp_path: Path) -> None:
    config = _load(tmp_path, "sources:\n- feed: https://lwn.net/headlines/rss\n")
    assert (config.site.title, config.site.url, config.site.language) == ("Aggregated feeds", "http://localhost/", "en")
    assert (config.site.description, config.site.author) == (None, None)
    assert (config.posts[0].preset, config.posts[0].image_proxy) == ("hexo", None)
    assert config.posts[0].placeholder == "https://picsum.photos/400/300?random={n}"
    assert (config.feeds.formats, config.feeds.limit) == (("rss", "atom", "json"), 100)
    assert (config.fetch.concurrency, config.fetch.user_agent) == (32, None)
    assert config.categories == {
        "uncategorized": Category("uncategorized", "Uncategorized", None, 100, implicit=True, interval=HOUR),
    }
    (source,) = config.sources
    assert (source.id, source.name, source.kind, source.category) == (
        "lwn-net-headlines-rss",
        None,
        "feed",
        "uncategorized",
    )
    assert (source.interval, source.timeout) == (Every(timedelta(hours=1)), timedelta(seconds=20))
    assert (source.max_body, source.allow_private, source.explicit_id) == (15_000_000, False, False)
    assert (source.line, source.rules, source.section) == (2, None, None)
    assert config.path == tmp_path / "feeds.yaml"


def test_everything_that_can_be_set(tmp_path: Path) -> None:
    config = _load(tmp_path, FULL)
    assert config.site.url == "https://feeds.example.org/"
    assert (config.posts[0].image_proxy, config.posts[0].placeholder) == ("https://proxy.example/?", None)
    assert (config.feeds.formats, config.fetch.user_agent, config.fetch.concurrency) == (("rss", "json"), "test/1", 4)
    assert list(config.categories.values()) == [
        Category("new-media", "新媒体", None, 50, interval=2 * HOUR),
        Category("programming", "programming", "Code", 7, interval=timedelta(seconds=90)),
    ]
    ofweek, lwn = config.sources
    assert (ofweek.id, ofweek.explicit_id, ofweek.kind, ofweek.section) == ("ofweek", True, "scrape", "新闻")
    assert ofweek.url == "https://www.ofweek.com/CATList-8100-CHANGYIEXINWE.html"
    assert ofweek.rules == ScrapeRules(
        items="div.list-left div.con-details h3 > a",
        limit=5,
        encoding="gbk",
        article=ArticleRules(
            body="#articleC",
            author=FieldRules("div.source-name"),
            date=FieldRules("div.time.fl"),
            timezone="Asia/Shanghai",
            remove=(".ad",),
        ),
    )
    assert (ofweek.interval, ofweek.timeout) == (Every(timedelta(hours=2)), timedelta(seconds=10))
    assert (ofweek.max_body, ofweek.allow_private) == (1_048_576, ("192.168.0.0/16",))
    assert (lwn.interval, lwn.timeout) == (Every(timedelta(seconds=90)), timedelta(minutes=1))
    assert (lwn.max_body, lwn.allow_private, lwn.line) == (1000, False, 33)


def test_a_section_may_be_empty_and_the_file_may_have_a_byte_order_mark(tmp_path: Path) -> None:
    config = _load(tmp_path, b"\xef\xbb\xbfsite:\nposts:\nfeeds:\nfetch:\ncategories:\nsources: []\r\n")
    assert (config.sources, config.categories) == ((), {})


def test_the_implicit_category_is_last_and_gives_way_to_a_real_one(tmp_path: Path) -> None:
    sources = "sources: [{feed: https://a.example/}, {feed: https://b.example/, category: z}]"
    assert list(_load(tmp_path, "categories: {z: Z}\n" + sources).categories) == ["z", "uncategorized"]
    config = _load(tmp_path, "categories: {uncategorized: Misc, z: Z}\n" + sources)
    assert config.categories["uncategorized"] == Category("uncategorized", "Misc", None, 100, interval=HOUR)


def test_a_category_knows_its_shortest_interval(tmp_path: Path) -> None:
    sources = "[{feed: https://a.example/, interval: 3h}, {feed: https://b.example/, interval: auto}]"
    config = _load(tmp_path, f"categories: {{empty: Empty}}\nsources: {sources}")
    found = {slug: category.interval for slug, category in config.categories.items()}
    assert found == {"empty": None, "uncategorized": timedelta(minutes=15)}
    config = _load(tmp_path, "sources: [{feed: https://a.example/, interval: {cron: '0 6 * * *'}}]")
    assert config.categories["uncategorized"].interval == HOUR


def test_settings_are_frozen(tmp_path: Path) -> None:
    config = _load(tmp_path, "sources: []")
    with pytest.raises(ValueError, match="frozen"):
        config.site.title = "x"


def test_all_problems_are_reported_at_once_and_in_order(tmp_path: Path) -> None:
    text = (DATA / "config" / "wrong.yaml").read_text(encoding="utf-8")
    expected = (DATA / "config" / "wrong.txt").read_text(encoding="utf-8")
    found = [str(problem).replace(str(tmp_path) + "/", "") for problem in _problems(tmp_path, text)]
    assert found == expected.splitlines()


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file; `aggregator init` writes one"):
        load(tmp_path / "nope.yaml", {})


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder; name a file"):
        load(tmp_path, {})


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(ConfigError, match="cannot be read: "):
        load(Path("a\0b"), {})


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        ("a: b\nc: 中é".encode()[:-1], 2, 5, "is not UTF-8 here"),
        ("a: 中文".encode("utf-16"), 1, 1, "is not UTF-8 here"),
        ("a: 中文".encode("gbk"), 1, 4, "is not UTF-8 here"),
        (b"a: b\nc: d\0", 2, 5, "there is a control character (U+0000) here"),
    ],
)
def test_files_that_are_not_text(tmp_path: Path, data: bytes, line: int, column: int, message: str) -> None:
    (problem,) = _problems(tmp_path, data)
    assert (problem.line, problem.column) == (line, column)
    assert problem.message.startswith(message)


@pytest.mark.slow
def test_ten_thousand_wrong_sources_are_all_reported(tmp_path: Path) -> None:
    lines = "".join(f"- {{feed: 'https://a.example/{n}', category: b{n}, nmae: x}}\n" for n in range(10_000))
    assert len(_problems(tmp_path, "categories: {b: B}\nsources:\n" + lines)) == 20_000


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    (problem,) = _problems(tmp_path, b"#" * (MAX_FILE + 1))
    assert problem.message == "larger than 32 MB; is it the right file?"


def test_the_same_source_in_two_kinds_is_the_same_source(tmp_path: Path) -> None:
    text = "sources:\n- feed: https://a.example/\n- scrape: {url: https://a.example/, items: a}\n"
    (problem,) = _problems(tmp_path, text)
    assert (problem.line, problem.message.partition(";")[0]) == (3, "the same source twice, first on line 2")


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, aggregator.config;"
        "print(sorted({'bs4', 'soupsieve', 'httpx', 'aiohttp', 'sqlalchemy', 'lxml', 'asyncio'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_an_address_that_is_there_twice_gives_a_note(tmp_path: Path) -> None:
    config = tmp_path / "feeds.yaml"
    config.write_text(
        "sources:\n"
        "  - feed: https://a.example/?key=${env:KEY}\n"
        "  - feed: https://b.example/\n"
        "  - {id: again, feed: 'https://a.example/?key=secret-1', headers: {X-Edition: '2'}}\n"
        "  - {id: page, scrape: {url: https://b.example/, items: a}}\n"
        "  - {id: third, feed: 'https://a.example/?key=secret-1'}\n",
        encoding="utf-8",
    )
    loaded = load(config, {"KEY": "secret-1"})
    assert [(note.line, note.path) for note in loaded.notes] == [(4, "sources[2]"), (6, "sources[4]")]
    assert str(loaded.notes[0]).endswith(
        "sources[2]: the address of source `again` is also on line 2; is it a duplicate?"
    )
    assert "secret-1" not in "".join(map(str, loaded.notes))


def test_check_prints_notes_and_succeeds(tmp_path: Path) -> None:
    config = tmp_path / "feeds.yaml"
    config.write_text("sources: [{id: a, feed: 'https://a.example/'}, {id: b, feed: 'https://a.example/'}]\n")
    done = command("check", "--config", str(config))
    assert done.status == 0
    assert f"note: {config}:1:48: sources[1]: the address of source `b` is also on line 1" in done.stdout
    assert "fine, 2 sources" in done.stdout


_PIECES = """
sources: | - | feed: | scrape: | https://a.example/ | categories: | { | } | [ | ] | , | : | &a | *a | ${env:A} | ${
 | ' | " | # | !!str | interval: | 1h | <<: | id: | null | items: | article: | site: | ? | 12
""".replace("\n", "").split(" | ")
_TEXTS = st.lists(st.sampled_from([*_PIECES, " ", "  ", "\n", "\n- ", "\n---\n", "\t", "|", "\x85"]), max_size=40)

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
_KEYS = {
    "site": ["title", "url", "language", "author"],
    "posts": ["preset", "folder", "path", "categories", "footer", "image_proxy", "placeholder"],
    "feeds": ["formats", "limit"],
    "fetch": ["interval", "max_body", "allow_private_addresses", "user_agent", "concurrency"],
    "categories": ["a"],
    "sources": ["id", "name", "category", "section", "feed", "scrape", "timeout", "allow_private_addresses"],
}
_SCRAPE_KEYS = ["url", "items", "limit", "encoding", "article", "unknown"]


def _check(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        config = load(path, {"A": "b"})
    except ConfigError as error:
        assert error.problems
        assert str(error)
    else:
        assert len({source.id for source in config.sources}) == len(config.sources)
        assert {source.category for source in config.sources} <= set(config.categories)


@examples(100, thorough=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_TEXTS.map(lambda pieces: "".join(pieces).encode()) | st.text().map(str.encode) | st.binary())
@example(b"sources: [{feed: https://a.example/}]")
def test_any_text(tmp_path: Path, data: bytes) -> None:
    _check(tmp_path / "feeds.yaml", data)


@examples(70, thorough=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([(section, key) for section, keys in _KEYS.items() for key in keys]), _VALUES)
def test_any_value_in_any_place(tmp_path: Path, place: tuple[str, str], value: object) -> None:
    section, key = place
    inner: object = {key: value}
    if section == "sources":
        inner = [{"feed": "https://a.example/", key: value}, value]
    _check(tmp_path / "feeds.yaml", json.dumps({"sources": [], section: inner}).encode())


@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(_SCRAPE_KEYS), _VALUES)
def test_any_value_in_a_scraped_source(tmp_path: Path, key: str, value: object) -> None:
    scrape = {"url": "https://a.example/", "items": "a", "article": {"body": "p", "date": value}, key: value}
    _check(tmp_path / "feeds.yaml", json.dumps({"sources": [{"scrape": scrape}]}).encode())
