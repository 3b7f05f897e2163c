"""Single values of feeds.yaml."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import values

GOOD: list[tuple[Callable[..., object], object, object]] = [
    (values.text, "  科技 聚合 ", "科技 聚合"),
    (values.http_url, " https://example.org/a?b#c ", "https://example.org/a?b#c"),
    (values.http_url, "HTTP://例え.jp:8080", "HTTP://例え.jp:8080"),
    (values.http_url, "http://[::1]/", "http://[::1]/"),
    (values.site_url, "https://example.org/feeds", "https://example.org/feeds/"),
    (values.site_url, "https://example.org/", "https://example.org/"),
    (values.placeholder, "https://example.org/?{n}", "https://example.org/?{n}"),
    (values.placeholder, False, None),
    (values.language, "zh-Hant-TW", "zh-Hant-TW"),
    (values.user_agent, "bot/1.0 (+https://example.org)", "bot/1.0 (+https://example.org)"),
    (values.selector, "div.a > h3:has(a[href])", "div.a > h3:has(a[href])"),
    (values.timezone, "Asia/Shanghai", "Asia/Shanghai"),
    (values.encoding, "GBK", "GBK"),
    (values.private_addresses, True, True),
    (values.private_addresses, [], ()),
    (values.private_addresses, ["10.0.0.0/8", "::1", "192.168.1.5"], ("10.0.0.0/8", "::1/128", "192.168.1.5/32")),
    (values.source_id, "少数派.net_1-a", "少数派.net_1-a"),
    (values.category_slug, "新-media_2", "新-media_2"),
]

BAD: list[tuple[Callable[..., object], object, str]] = [
    (values.text, "  ", "is empty"),
    (values.text, None, "is empty"),
    (values.text, 404, 'must be text; put it in quotes: "404"'),
    (values.text, True, 'must be text; put it in quotes: "true"'),
    (values.text, ["a"], "must be text"),
    (values.text, "a\nb", "must be one line"),
    (values.text, "a\0b", "must be one line"),
    (values.text, "x" * 501, "is longer than 500 characters"),
    (values.http_url, "lwn.net/rss", "must begin with `https://`"),
    (values.http_url, "ftp://example.org/", "must begin with `https://`"),
    (values.http_url, "file:///etc/passwd", "must begin with `https://`"),
    (values.http_url, "https:///path", "has no host"),
    (values.http_url, "https://:80/", "has no host"),
    (values.http_url, "https://a:b/", "is no address"),
    (values.http_url, "https://[::1/", "is no address"),
    (values.http_url, "https://a b/", "without spaces"),
    (values.http_url, "https://a/\x01", "without spaces"),
    (values.http_url, "https://a/" + "x" * 5000, "is longer than"),
    (values.site_url, "https://example.org/?a", "must be the address of a folder"),
    (values.placeholder, True, "or `false`"),
    (values.placeholder, "{n}", "must begin with"),
    (values.language, "zh_CN", "`zh_CN` is no language tag; did you mean `zh-CN`?"),
    (values.language, False, "`false` is no language tag; write one such as `en`, `de` or `zh-CN`"),
    (values.user_agent, "a\r\nb: c", "printable ASCII"),
    (values.user_agent, "机器人", "printable ASCII"),
    (values.selector, "a[", "`a[` is no CSS selector"),
    (values.selector, "a:contains(b)", "is no CSS selector"),
    (values.selector, ":is(" * 120, "is no CSS selector"),
    (values.timezone, "Asia/Bejing", "is no time zone"),
    (values.timezone, "../../etc/passwd", "is no time zone"),
    (values.timezone, "Asia", "is no time zone"),
    (values.timezone, 8, "is no time zone"),
    (values.timezone, ["UTC"], "is no time zone"),
    (values.encoding, "gkb", "is no known encoding"),
    (values.encoding, "base64", "is no known encoding"),
    (values.encoding, "undefined", "is no known encoding"),
    (values.encoding, {}, "is no known encoding"),
    (values.private_addresses, "10.0.0.0/8", "or a list of networks"),
    (values.private_addresses, ["10.0.0.1/8"], "bits are set behind its first 8; write `10.0.0.0/8`"),
    (values.private_addresses, [10.0], "is no network"),
    (values.source_id, "Foo", "cannot be an id"),
    (values.source_id, "-foo", "cannot be an id"),
    (values.source_id, "a" * 65, "cannot be an id"),
    (values.source_id, 7, 'put it in quotes: "7"'),
    (values.category_slug, "all", "`all` is taken"),
    (values.category_slug, "con", "on Windows"),
    (values.category_slug, "com1", "on Windows"),
    (values.category_slug, "a.b", "cannot be a slug"),
    (values.category_slug, "a/b", "cannot be a slug"),
    (values.category_slug, "..", "cannot be a slug"),
    (values.category_slug, "News", "cannot be a slug"),
    (values.category_slug, "ｎews", "cannot be a slug"),
    (values.category_slug, "", "cannot be a slug"),
    (values.category_slug, "𠀀" * 60, "cannot be a slug"),
]


@pytest.mark.parametrize(("check", "value", "expected"), GOOD)
def test_good_values(check: Callable[..., object], value: object, expected: object) -> None:
    assert check(value) == expected


@pytest.mark.parametrize(("check", "value", "message"), BAD)
def test_bad_values_say_what_to_do(check: Callable[..., object], value: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        check(value)
    assert message in str(caught.value)


CHECKS = sorted({row[0] for row in GOOD} - {values.category_slug}, key=lambda check: check.__name__)


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
        slug = values.category_slug(text)
    except ValueError:
        return
    assert len(slug.encode()) <= 255
    assert not set(slug) & set('/\\:*?"<>|. \t\n\0')
