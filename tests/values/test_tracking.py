"""Addresses without tracking parameters: what goes, and that everything else stays as it is."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.values.tracking import without_tracking
from aggregator.values.urls import clean_url
from tests.publish_items import URLS


@pytest.mark.parametrize(
    ("url", "rest"),
    [
        ("https://a.org/x?utm_source=rss&utm_medium=feed", "https://a.org/x"),
        ("https://a.org/x?utm_source=rss&id=3&fbclid=1", "https://a.org/x?id=3"),
        ("https://a.org/x?b=2&a=1&gclid=x&c", "https://a.org/x?b=2&a=1&c"),
        ("https://a.org/x?UTM_Source=rss", "https://a.org/x"),
        ("https://a.org/x?utm%5Fsource=rss", "https://a.org/x"),
        ("https://a.org/x?a=1&amp;utm_source=rss", "https://a.org/x?a=1"),
        ("https://a.org/x?utm_source=rss#part", "https://a.org/x#part"),
        ("https://a.org/x#utm_source=rss", "https://a.org/x"),
        ("https://a.org/x.html#xtor=RSS-1", "https://a.org/x.html"),
        ("https://blog.example/p?source=rss----1a2b---4", "https://blog.example/p"),
        ("https://medium.com/p?source=anything", "https://medium.com/p"),
        ("https://detail.tmall.com/item.htm?id=5&spm=a21bo.1", "https://detail.tmall.com/item.htm?id=5"),
        ("https://www.bilibili.com/video/x?spm_id_from=333&vd_source=1&t=9", "https://www.bilibili.com/video/x?t=9"),
        (
            "https://mp.weixin.qq.com/s?__biz=a&mid=1&idx=1&sn=b&scene=27",
            "https://mp.weixin.qq.com/s?__biz=a&mid=1&idx=1&sn=b",
        ),
        ("https://36kr.com/p/1?f=rss", "https://36kr.com/p/1"),
    ],
)
def test_tracking_parameters_go(url: str, rest: str) -> None:
    assert without_tracking(url) == rest
    assert without_tracking(rest) == rest


@pytest.mark.parametrize(
    "url",
    [
        "https://a.org/?",
        "https://a.org/x?id=1&&b=",
        "https://a.org/x?from=rss&ref=home&source=x&spm=1&f=rss&s=20",
        "https://a.org/utm_source=x/y",
        "https://a.org/#/page?utm_source=x",
        "https://a.org/#!utm_source=x",
        "https://a.org/x?utm_source=rss&Signature=abc",
        "https://a.org/x?X-Amz-Signature=abc&utm_source=rss",
        "https://nottmall.com/?spm=1",
        "https://36kr.com/p/1?f=other",
        "https://a.org/x?medium.com&source=a",
    ],
)
def test_everything_else_stays(url: str) -> None:
    assert without_tracking(url) == url


@given(
    url=URLS, names=st.lists(st.sampled_from(["utm_source=a", "fbclid=", "id=1", "b", "spm=1", "%zz=1"]), max_size=5)
)
def test_the_rest_of_an_address_stays_an_address(url: str, names: list[str]) -> None:
    cleaned = clean_url(f"{url}?{'&'.join(names)}")
    assert cleaned is not None
    rest = without_tracking(cleaned)
    assert clean_url(rest) == rest
    assert without_tracking(rest) == rest
    assert "utm_source" not in rest.partition("?")[2]


def test_the_list_is_well_formed() -> None:
    lines = (files("aggregator.values") / "tracking.txt").read_text("utf-8").splitlines()
    words = [word for line in lines if not line.startswith(("#", "[")) for word in line.split()]
    assert all(word == word.lower() and "*" not in word[:-1] and not word.startswith("=") for word in words)
    hosts = [host for line in lines if line.startswith("[") for host in line.strip("[]").split()]
    assert all("." in host and host == host.lower() for host in hosts)
    assert len(hosts) == len(set(hosts))
