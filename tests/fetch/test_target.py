from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import FetchError
from aggregator.fetch.addresses import MAX_LENGTH, _general, _plain, parse
from tests.thoroughness import examples


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://example.org/feed", "http://example.org/feed"),
        ("HTTPS://Example.ORG:443/Feed", "https://example.org/Feed"),
        ("http://example.org:8080/", "http://example.org:8080/"),
        ("http://example.org/a%2Fb%7ec?x=a%20b+c%2B&y=%e4#part", "http://example.org/a%2Fb%7ec?x=a%20b+c%2B&y=%e4"),
        ("http://example.org/新闻?q=科技", "http://example.org/%E6%96%B0%E9%97%BB?q=%E7%A7%91%E6%8A%80"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://例え.jp/", "http://xn--r8jz45g.jp/"),
        ("http://my_feeds.example.org./", "http://my_feeds.example.org./"),
        ("http://[2001:db8::1]:81/x", "http://[2001:db8::1]:81/x"),
        ("http://user:pass@example.org/", "http://example.org/"),
        ("http://example.org/#", "http://example.org/"),
    ],
)
def test_an_address_is_asked_for_as_it_is_written(text: str, url: str) -> None:
    assert parse(text).url == url


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "scheme is missing"),
        ("example.org/feed", "scheme is missing"),
        ("//example.org/feed", "scheme is missing"),
        ("ftp://example.org/feed", "scheme is ftp"),
        ("file:///etc/passwd", "scheme is file"),
        ("javascript:alert(1)", "scheme is javascript"),
        ("http:///feed", "no host name"),
        ("http:feed", "no host name"),
        ("http://", "no host name"),
        ("http://example.org/a b", "a space at position 21"),
        (" http://example.org/", "a space at position 1"),
        ("http://example.org/\n", "a control character"),
        ("http://example.org/\r\nHost: other", "a control character"),
        ("http://exa\0mple.org/", "a control character"),
        ("http://example.org\\@127.0.0.1/", "a backslash"),
        ("http://exa%6dple.org/", "not a host name"),
        ("http://exa$mple.org/", "not a host name"),
        ("http://a..b/", "not a host name"),
        ("http://-a/", "not a host name"),
        (f"http://{'a' * 64}.org/", "not a host name"),
        (f"http://{'a.' * 130}org/", "not a host name"),
        ("http://１２７.0.0.1/", "IDNA"),
        ("http://[::1/", "cannot be fetched"),
        ("http://[fe80::1%25eth0]/", "not a host name"),
        ("http://[v1.x]/", "cannot be fetched"),
        ("http://example.org:0/", "0 is not a port"),
        ("http://example.org:65536/", "65536 is not a port"),
        ("http://example.org:x/", "port"),
        ("http://example.org/" + "a" * MAX_LENGTH, "longer than 8,192 characters"),
        ("http://example.org/\ud800", "cannot be fetched"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(text: str, why: str) -> None:
    with pytest.raises(FetchError, match=why) as caught:
        parse(text)
    assert caught.value.kind == "refused"


def test_credentials_become_a_header_and_appear_nowhere_else() -> None:
    target = parse("https://me%40home:s%3Acret@example.org/feed")
    assert target.url == "https://example.org/feed"
    assert target.authorization == "Basic bWVAaG9tZTpzOmNyZXQ="
    assert target.origin == ("https", "example.org", 443)
    for text in ("http://me:secret@exa mple.org/", "http://me:secret@exa$mple.org/", "ftp://me:secret@example.org/"):
        with pytest.raises(FetchError) as caught:
            parse(text)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://other.example/x", "https://other.example/x"),
        ("//other.example/x", "http://other.example/x"),
        ("/x?y", "http://example.org/x?y"),
        ("../x", "http://example.org/x"),
        ("x/", "http://example.org/a/x/"),
        ("?page=2", "http://example.org/a/b?page=2"),
        ("", "http://example.org/a/b?q"),
        ("/f#part", "http://example.org/f"),
    ],
)
def test_a_redirect_is_relative_to_where_it_was_found(location: str, url: str) -> None:
    assert parse("http://me:secret@example.org/a/b?q").join(location).url == url


@examples(40)
@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://example.org/", "http://[", "http://a@"]))
def test_any_text_gives_a_target_or_an_error_of_ours(text: str, start: str) -> None:
    for make in (parse, parse("http://example.org/").join):
        try:
            target = make(start + text)
        except FetchError as error:
            assert error.kind == "refused"
            assert str(error).isprintable()
        else:
            assert parse(target.url).url == target.url
            assert target.url.isascii()


_PIECES = [
    *["http://", "https://", "HTTP://", "//", "user:x@", "/", "/.", "/..", ".", "..", "?", "#", "feed.xml", "?a[]=b"],
    *["example.org", "Example.ORG", "a_b", "xn--r8jz45g", "a..b", "-a", "127.0.0.1", "127.0.0.01", "256.1.1.1"],
    *["0x7f.1", "[::1]", ":80", ":443", ":8080", ":0", ":080", ":65535", ":65536", ":99999", ":", "a" * 64, "a." * 130],
    *["127.1", "%", "%2F", "%7e", "%zz", "~", "'", '"', "\\", "{", "|", "^", "`", "新闻", " ", "\n"],
]


@given(
    st.one_of(
        st.lists(st.sampled_from(_PIECES), max_size=8).map("".join),
        st.text(max_size=20).map("http://example.org".__add__),
    )
)
def test_a_plain_address_is_read_as_any_other(text: str) -> None:
    plain = _plain(text)
    assert plain is None or plain == _general(text)


@pytest.mark.parametrize(
    "text",
    ["http://example.org/", "https://example.org/a%2Fb%7e?x=a%20b+c&y=:@/", "https://192.0.2.1:8080/~a/(b),c;d=1!$*"],
)
def test_most_addresses_are_plain(text: str) -> None:
    assert _plain(text) == _general(text)


@pytest.mark.parametrize(
    "text", ["http://example.org", "https://example.org:443/", "http://EXAMPLE.org:81/x", "https://[2001:db8::1]:444/"]
)
def test_the_host_header_has_the_port_where_it_is_not_the_usual_one(text: str) -> None:
    assert parse(text).authority.encode() == httpx.URL(text).netloc
