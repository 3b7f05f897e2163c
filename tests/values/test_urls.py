"""Addresses: resolving links, and valid addresses for entries."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.values.urls import MAX_LINK, MAX_URL, clean_url, resolve, same_feed

BASE = "https://example.org/blog/feed.xml"

pieces = st.sampled_from(
    [
        "http",
        "https:",
        "//",
        "/",
        "\\",
        "?",
        "#",
        "@",
        ":",
        "[",
        "]",
        "..",
        ".",
        "%",
        "%2f",
        " ",
        "\t",
        "a.example",
        "é",
        "中",
        "javascript:",
        "&",
        "amp;",
        ";",
    ]
)
links = st.lists(pieces | st.text(max_size=3), max_size=10).map("".join)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://example.org/a?b=c&d=[1]#é", "https://example.org/a?b=c&d=[1]#é"),
        ("/a.png", "https://example.org/a.png"),
        ("a.png", "https://example.org/blog/a.png"),
        ("../a", "https://example.org/a"),
        ("?q", "https://example.org/blog/feed.xml?q"),
        ("//cdn.example/a", "https://cdn.example/a"),
        ("\\\\cdn.example\\a", "https://cdn.example/a"),
        ("  https://example.org/a\n", "https://example.org/a"),
        ("https://example.org/a b", "https://example.org/a%20b"),
        ("https://exa\nmple.org/", "https://example.org/"),
        ("https://例子.测试/中", "https://例子.测试/中"),
        ("/./a/../b", "https://example.org/b"),
    ],
)
def test_links_become_absolute_and_change_no_more_than_needed(link: str, expected: str) -> None:
    assert resolve(link, BASE) == expected


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:image/png;base64,AA",
        "vbscript:x",
        "file:///etc/hosts",
        "https:example.org",
        "https://",
        "https:///a",
        "https://[bad/",
        "https://example.org:99999/",
        "https://a" + "a" * MAX_LINK,
    ],
)
def test_what_is_no_web_address_is_none(link: str) -> None:
    assert resolve(link, BASE) is None


@pytest.mark.parametrize("base", [None, "", "javascript:alert(1)", "ftp://example.org/", "https://[bad/"])
def test_without_a_usable_base_relative_links_have_no_address(base: str | None) -> None:
    assert resolve("a.png", base) is None
    assert resolve("/a.png", base) is None
    assert resolve("//cdn.example/a", base) == "https://cdn.example/a"


def test_a_link_without_a_scheme_takes_the_one_of_the_base() -> None:
    assert resolve("//cdn.example/a", "http://example.org/") == "http://cdn.example/a"


@given(links, st.none() | links)
def test_resolving_never_raises_and_is_stable(link: str, base: str | None) -> None:
    found = resolve(link, base)
    if found is not None:
        assert found.lower().startswith(("http://", "https://"))
        assert resolve(found, base) == found
        assert not any(letter.isspace() or letter in '"<>`\\' for letter in found)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTPS://Example.ORG/A", "https://example.org/A"),
        ("https://例子.测试/文?问=答#节", "https://xn--fsqu00a.xn--0zwm56d/%E6%96%87?%E9%97%AE=%E7%AD%94#%E8%8A%82"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("https://user:secret@example.org/", "https://example.org/"),
        ("https://example.org@evil.example/", "https://evil.example/"),
        ("https://example.org:8080/", "https://example.org:8080/"),
        ("https://example.org/%zz%20", "https://example.org/%25zz%20"),
        ("https://example.org/a?b=[c]#d#e", "https://example.org/a?b=%5Bc%5D#d%23e"),
        ("https://[::1]/", "https://[::1]/"),
        ("https://example.org/?a=1&amp;b=2&amp;amp;c=3", "https://example.org/?a=1&b=2&c=3"),
        ("https://example.org/?a=1&copy;=2&d=;", "https://example.org/?a=1&copy%3B=2&d=;"),
        ("https://example.org/\u202egpj.exe", "https://example.org/%E2%80%AEgpj.exe"),
    ],
)
def test_addresses_become_valid_uris(url: str, expected: str) -> None:
    assert clean_url(url) == expected


@pytest.mark.parametrize(
    "url", [None, "", "/a", "mailto:a@example.org", "https://.", "https://a..b/", "https://" + "a." * 300]
)
def test_what_cannot_be_an_address_is_none(url: str | None) -> None:
    assert clean_url(url) is None


def test_an_overlong_address_is_none() -> None:
    assert clean_url("https://example.org/" + "中" * (MAX_URL // 9 + 1)) is None


@given(links)
def test_clean_addresses_are_ascii_valid_and_stable(link: str) -> None:
    url = clean_url(link)
    if url is not None:
        assert url.isascii() and url.isprintable() and " " not in url
        assert urlsplit(url).hostname and urlsplit(url).username is None
        assert clean_url(url) == url
        assert len(url) <= MAX_URL


@pytest.mark.parametrize(
    "other",
    [
        "http://example.org/feed",
        "https://www.example.org/feed/",
        "HTTPS://Example.ORG:443/feed",
        "http://example.org:80/feed//",
        "feed://example.org/feed",
        "feed:https://example.org/feed",
        " https://user:password@example.org/feed ",
        "https://example.org/feed?utm_source=reader&utm_medium=rss",
        "https://example.org/feed?",
        "https://example.org/feed#top",
        "https://example.org/%66eed",
    ],
)
def test_addresses_of_one_feed_are_the_same(other: str) -> None:
    assert same_feed(other) == same_feed("https://example.org/feed") == "example.org/feed"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/feed", "https://example.org/Feed"),
        ("https://example.org/feed", "https://example.org/feed?page=2"),
        ("https://example.org/feed?a=1&b=2", "https://example.org/feed?b=2&a=1"),
        ("https://example.org/feed", "https://blog.example.org/feed"),
        ("https://example.org/feed", "https://example.org:8080/feed"),
        ("https://example.org/a%2Fb", "https://example.org/a/b"),
        ("rsshub://ofweek/news", "https://ofweek/news"),
        ("rsshub://ofweek/news", "rsshub://ofweek/other"),
    ],
)
def test_addresses_of_different_feeds_differ(one: str, other: str) -> None:
    assert same_feed(one) != same_feed(other)


def test_international_names_of_hosts_are_compared_in_ascii() -> None:
    assert same_feed("https://例子.测试/中") == same_feed("http://xn--fsqu00a.xn--0zwm56d/%e4%b8%ad/")


@given(links)
def test_any_text_can_be_compared(link: str) -> None:
    assert same_feed(link) == same_feed(link)
    assert same_feed(f"https://example.org/{link}") == same_feed(f"http://www.example.org/{link}")
