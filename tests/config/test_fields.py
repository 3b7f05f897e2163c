"""Single values of feeds.yaml."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import fields, ids
from aggregator.config.fields import parse_size

GOOD: list[tuple[Callable[..., object], object, object]] = [
    (fields.text, "  科技 聚合 ", "科技 聚合"),
    (fields.http_url, " https://example.org/a?b#c ", "https://example.org/a?b#c"),
    (fields.http_url, "HTTP://例え.jp:8080", "HTTP://例え.jp:8080"),
    (fields.http_url, "http://[::1]/", "http://[::1]/"),
    (fields.site_url, "https://example.org/feeds", "https://example.org/feeds/"),
    (fields.site_url, "https://example.org/", "https://example.org/"),
    (fields.placeholder, "https://example.org/?{n}", "https://example.org/?{n}"),
    (fields.placeholder, False, None),
    (fields.language, "zh-Hant-TW", "zh-Hant-TW"),
    (fields.user_agent, "bot/1.0 (+https://example.org)", "bot/1.0 (+https://example.org)"),
    (fields.selector, "div.a > h3:has(a[href])", "div.a > h3:has(a[href])"),
    (fields.any_selector, " h2 > a ", "h2 > a"),
    (fields.any_selector, "//h2[@class='a']/text()", "//h2[@class='a']/text()"),
    (fields.any_selector, "normalize-space(.)", "normalize-space(.)"),
    (fields.any_selector, "xpath: descendant::a", "xpath: descendant::a"),
    (fields.any_selector, "@href", "@href"),
    (fields.any_selector, ".", "."),
    (fields.any_selector, "./b", "./b"),
    (fields.element_selector, "(//a)[1]", "(//a)[1]"),
    (fields.element_selector, "//a[@href='/text()']", "//a[@href='/text()']"),
    (fields.element_selector, "id('a')/b", "id('a')/b"),
    (fields.timezone, "Asia/Shanghai", "Asia/Shanghai"),
    (fields.encoding, "GBK", "GBK"),
    (fields.private_addresses, True, True),
    (fields.private_addresses, [], ()),
    (fields.private_addresses, ["10.0.0.0/8", "::1", "192.168.1.5"], ("10.0.0.0/8", "::1/128", "192.168.1.5/32")),
    (ids.source_id, "少数派.net_1-a", "少数派.net_1-a"),
    (ids.category_slug, "新-media_2", "新-media_2"),
]

BAD: list[tuple[Callable[..., object], object, str]] = [
    (fields.text, "  ", "is empty"),
    (fields.text, None, "is empty"),
    (fields.text, 404, 'must be text; put it in quotes: "404"'),
    (fields.text, True, 'must be text; put it in quotes: "true"'),
    (fields.text, ["a"], "must be text"),
    (fields.text, "a\nb", "must be one line"),
    (fields.text, "a\0b", "must be one line"),
    (fields.text, "x" * 501, "is longer than 500 characters"),
    (fields.http_url, "lwn.net/rss", "must begin with `https://`"),
    (fields.http_url, "ftp://example.org/", "must begin with `https://`"),
    (fields.http_url, "file:///etc/passwd", "must begin with `https://`"),
    (fields.http_url, "https:///path", "has no host"),
    (fields.http_url, "https://:80/", "has no host"),
    (fields.http_url, "https://a:b/", "is not an address"),
    (fields.http_url, "https://[::1/", "is not an address"),
    (fields.http_url, "https://a b/", "without spaces"),
    (fields.http_url, "https://a/\x01", "without spaces"),
    (fields.http_url, "https://a/" + "x" * 5000, "is longer than"),
    (fields.site_url, "https://example.org/?a", "must be the address of a folder"),
    (fields.placeholder, True, "or `false`"),
    (fields.placeholder, "{n}", "must begin with"),
    (fields.language, "zh_CN", "`zh_CN` is not a language tag; did you mean `zh-CN`?"),
    (fields.language, False, "`false` is not a language tag; write one such as `en`, `de` or `zh-CN`"),
    (fields.user_agent, "a\r\nb: c", "printable ASCII"),
    (fields.user_agent, "机器人", "printable ASCII"),
    (fields.selector, "a[", "`a[` is not a CSS selector"),
    (fields.selector, "a:contains(b)", "is not a CSS selector"),
    (fields.selector, ":is(" * 120, "is not a CSS selector"),
    (fields.any_selector, "//a[", "is not XPath 1.0: a `[` is not closed"),
    (fields.any_selector, "//a)", "is not XPath 1.0: a `(` is missing before `)`"),
    (fields.any_selector, "//a b", "is not XPath 1.0: invalid expression"),
    (fields.any_selector, "xpath:", "is not XPath 1.0: it is empty"),
    (fields.any_selector, "document('/etc/passwd')", "there is no function `document()`"),
    (fields.any_selector, "lower-case(.)", "`translate(., 'ABC', 'abc')` does the same"),
    (fields.any_selector, "//a[x:y()]", "there is no function `y()`"),
    (fields.any_selector, "not(//a)", "is a condition"),
    (fields.any_selector, "//a\u00a0b", "U+00A0"),
    (fields.any_selector, {"a": 1}, "must be text"),
    (fields.element_selector, "//a/@href", "gives no elements"),
    (fields.element_selector, "//a/text()[1]", "gives no elements"),
    (fields.element_selector, "string(//a)", "gives no elements"),
    (fields.timezone, "Asia/Bejing", "is not a time zone"),
    (fields.timezone, "../../etc/passwd", "is not a time zone"),
    (fields.timezone, "Asia", "is not a time zone"),
    (fields.timezone, 8, "is not a time zone"),
    (fields.timezone, ["UTC"], "is not a time zone"),
    (fields.encoding, "gkb", "is not a known encoding"),
    (fields.encoding, "base64", "is not a known encoding"),
    (fields.encoding, "undefined", "is not a known encoding"),
    (fields.encoding, {}, "is not a known encoding"),
    (fields.private_addresses, "10.0.0.0/8", "or a list of networks"),
    (fields.private_addresses, ["10.0.0.1/8"], "bits are set after its first 8; write `10.0.0.0/8`"),
    (fields.private_addresses, [10.0], "is not a network"),
    (ids.source_id, "Foo", "cannot be an id"),
    (ids.source_id, "-foo", "cannot be an id"),
    (ids.source_id, "a" * 65, "cannot be an id"),
    (ids.source_id, 7, 'put it in quotes: "7"'),
    (ids.category_slug, "all", "`all` is reserved"),
    (ids.category_slug, "con", "on Windows"),
    (ids.category_slug, "com1", "on Windows"),
    (ids.category_slug, "a.b", "cannot be a slug"),
    (ids.category_slug, "a/b", "cannot be a slug"),
    (ids.category_slug, "..", "cannot be a slug"),
    (ids.category_slug, "News", "cannot be a slug"),
    (ids.category_slug, "_assets", "beginning with a letter or a digit; the title can be anything; write `assets`"),
    (ids.category_slug, "ｎews", "cannot be a slug"),
    (ids.category_slug, "", "cannot be a slug"),
    (ids.category_slug, "𠀀" * 60, "cannot be a slug"),
]


@pytest.mark.parametrize(("check", "value", "expected"), GOOD)
def test_good_values(check: Callable[..., object], value: object, expected: object) -> None:
    assert check(value) == expected


@pytest.mark.parametrize(("check", "value", "message"), BAD)
def test_bad_values_say_what_to_do(check: Callable[..., object], value: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        check(value)
    assert message in str(caught.value)


CHECKS = sorted({*(row[0] for row in GOOD), fields.parse_size} - {ids.category_slug}, key=lambda check: check.__name__)


@given(st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2))
def test_any_value_is_taken_or_refused(value: object) -> None:
    for check in CHECKS:
        try:
            check(value)
        except ValueError as error:
            assert str(error)


@given(st.text())
def test_a_slug_is_a_safe_folder_name(text: str) -> None:
    try:
        slug = ids.category_slug(text)
    except ValueError:
        return
    assert len(slug.encode()) <= 255
    assert not set(slug) & set('/\\:*?"<>|. \t\n\0')


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1B", 1),
        ("500kB", 500_000),
        ("500KB", 500_000),
        ("15MB", 15_000_000),
        ("15 MB", 15_000_000),
        ("1MiB", 1_048_576),
        ("1.5MB", 1_500_000),
        ("1GB", 1_000_000_000),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("value", [15, "15"])
def test_a_size_without_a_unit_asks_for_one(value: object) -> None:
    with pytest.raises(ValueError, match="`15` has no unit; write `15B`, `15kB` or `15MB`"):
        parse_size(value)


@pytest.mark.parametrize("value", ["", "MB", "0B", "2GB", "-1MB", "1mb", "1 k B", None, False, [], "1" * 50 + "B"])
def test_invalid_sizes(value: object) -> None:
    with pytest.raises(ValueError, match=r"must be|is not a size; write `1MB`"):
        parse_size(value)
