from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.duplicates.addresses import canonical_address
from tests.publish_items import URLS

SAME = {
    "scheme, www, port and slash": (
        "http://www.example.org:80/a/",
        "https://example.org:443/a",
        "https://EXAMPLE.org/a",
    ),
    "fragment": ("https://example.org/a#top", "https://example.org/a"),
    "index": ("https://example.org/index.html", "https://example.org", "http://example.org/"),
    "user name": ("https://ann:secret@example.org/a", "https://example.org/a"),
    "escapes": ("https://example.org/%7eann/%c3%a9?q=a+b", "https://example.org/~ann/é?q=a%20b"),
    "order of parameters": ("https://example.org/?b=2&a=1", "https://example.org/?a=1&b=2"),
    "tracking": ("https://example.org/a?utm_source=rss&id=1&fbclid=x", "https://example.org/a?id=1"),
    "mobile": ("https://m.example.org/a", "https://mobile.example.org/a", "https://www.m.example.org/a"),
    "mobile within": ("https://en.m.wikipedia.org/wiki/A", "https://en.wikipedia.org/wiki/A"),
    "AMP": (
        "https://example.org/a/amp/",
        "https://example.org/a?amp=1",
        "https://example.org/a?amp",
        "https://example.org/a.amp",
        "https://example.org/amp/a",
        "https://amp.example.org/a",
        "https://www.google.com/amp/s/www.example.org/a/amp",
        "https://www.google.co.uk/amp/example.org/a",
        "https://example-org.cdn.ampproject.org/c/s/example.org/a?amp_js_v=0.1",
        "https://example.org/a",
    ),
    "AMP in a name": ("https://example.org/a.amp.html", "https://example.org/a.html"),
    "redirects": (
        "https://www.google.com/url?sa=t&url=https%3A%2F%2Fwww.example.org%2Fa%3Fid%3D1&usg=x",
        "https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.org%2Fa%3Fid%3D1%26fbclid%3Dx&h=y",
        "https://link.zhihu.com/?target=https%3A//example.org/a%3Fid%3D1",
        "https://example.org/a?id=1",
    ),
    "videos": ("https://youtu.be/x1?t=3", "https://m.youtube.com/watch?v=x1&t=3", "https://youtube.com/shorts/x1?t=3"),
}
DIFFERENT = (
    ("https://example.org/a", "https://example.org/A"),
    ("https://example.org/a", "https://example.com/a"),
    ("https://example.org/a", "https://example.org:8080/a"),
    ("https://example.org/a", "https://blog.example.org/a"),
    ("https://example.org/?id=1", "https://example.org/?id=2"),
    ("https://example.org/#!/a", "https://example.org/#!/b"),
    ("https://example.org/#/a", "https://example.org/"),
    ("https://example.org/a%2Fb", "https://example.org/a/b"),
    ("https://m.co.uk/", "https://co.uk/"),
    ("https://amp.dev/", "https://dev/"),
    ("https://example.org/amplifier", "https://example.org/lifier"),
    ("https://example.org/damp", "https://example.org/d"),
    ("https://example.org/tamp?lamp=1", "https://example.org/tamp"),
    ("https://google.com/amp/story", "https://story"),
)


@pytest.mark.parametrize("name", SAME)
def test_forms_of_one_address(name: str) -> None:
    assert len({canonical_address(url) for url in SAME[name]}) == 1


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_addresses(one: str, other: str) -> None:
    assert canonical_address(one) != canonical_address(other)


@pytest.mark.parametrize("url", ["", "mailto:a@example.org", "ftp://example.org/", "https://[x", "https://", "nothing"])
def test_what_is_no_address(url: str) -> None:
    assert canonical_address(url) is None


PARTS = st.sampled_from(
    "www. m. amp. co. example. google. youtu. be org uk com / /amp .amp .html index.html a %41 %2f %25 ? & = "
    "utm_source amp=1 # ! : 80 443 8080 url= https%3A%2F%2F youtube. watch v= cdn.ampproject. c/s".split()
)
MADE = st.lists(PARTS, max_size=12).map(lambda parts: "https://example." + "".join(parts))


@given(URLS | MADE)
def test_a_canonical_address_is_its_own(url: str) -> None:
    address = canonical_address(url)
    if address is not None:
        assert canonical_address(f"https://{address}") == address


@given(st.text() | st.text().map("https://{}".format))
def test_any_text(text: str) -> None:
    canonical_address(text)
