"""The image rules of posts: proxy, referrer policy, addresses; everything else byte for byte."""

from __future__ import annotations

import re

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.publish.posts.body import proxied, rewrite_images

PROXY = "https://proxy.example/?"
POLICY = 'referrerpolicy="no-referrer"'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<img src="http://a.example/x.png">', f'<img src="{PROXY}http://a.example/x.png" {POLICY}>'),
        ('<img src="https://a.example/x.png" alt="">', f'<img src="https://a.example/x.png" alt="" {POLICY}>'),
        ('<img referrerpolicy="origin" src="https://a.example/">', f'<img src="https://a.example/" {POLICY}>'),
        ('<img src="https://a.example/" referrerpolicy>', f'<img src="https://a.example/" {POLICY}>'),
        ("<img>", f"<img {POLICY}>"),
        (
            '<img alt="a > b &quot; src=http://x" src="http://a.example/?a&amp;b">',
            f'<img alt="a > b &quot; src=http://x" src="{PROXY}http://a.example/?a&amp;b" {POLICY}>',
        ),
        (
            '<img srcset="http://a.example/1,2.png 1x,http://a.example/2.png 2x, https://a.example/3.png 3x">',
            f'<img srcset="{PROXY}http://a.example/1,2.png 1x,{PROXY}http://a.example/2.png 2x, '
            f'https://a.example/3.png 3x" {POLICY}>',
        ),
        (
            '<img srcset="http://a.example/1.png, http://a.example/2.png 2x">',
            f'<img srcset="{PROXY}http://a.example/1.png, {PROXY}http://a.example/2.png 2x" {POLICY}>',
        ),
        (
            '<picture><source srcset="http://a.example/1.webp"></picture>',
            f'<picture><source srcset="{PROXY}http://a.example/1.webp"></picture>',
        ),
        (
            '<video><source src="http://a.example/1.mp4"></video>',
            '<video><source src="http://a.example/1.mp4"></video>',
        ),
        (
            '<a title="<img src=http://a>" href="http://a/">x</a>',
            '<a title="<img src=http://a>" href="http://a/">x</a>',
        ),
        ('<image src="http://a/">', '<image src="http://a/">'),
    ],
)
def test_tags_are_edited_and_nothing_else(body: str, expected: str) -> None:
    assert rewrite_images(f"<p>1 &lt; 2</p> {body}\n", PROXY)[0] == f"<p>1 &lt; 2</p> {expected}\n"


def test_without_a_proxy_only_the_policy_is_added() -> None:
    assert (
        rewrite_images('<img src="http://a.example/x.png">', None)[0] == f'<img src="http://a.example/x.png" {POLICY}>'
    )


def test_addresses_are_those_of_the_text() -> None:
    body = '<img src="http://a.example/?a=1&amp;b={c}"><img alt="x"><img srcset="x" src="https://b.example/">'
    assert rewrite_images(body, PROXY)[1] == ("http://a.example/?a=1&b={c}", "https://b.example/")
    assert rewrite_images("<p>no image</p>", PROXY)[1] == ()


def test_proxy_cannot_break_out_of_the_attribute() -> None:
    edited, _ = rewrite_images('<img src="http://a.example/">', 'https://p.example/?a=1&b="')
    assert edited == f'<img src="https://p.example/?a=1&amp;b=&quot;http://a.example/" {POLICY}>'


def test_single_address() -> None:
    assert proxied("http://a.example/", PROXY) == PROXY + "http://a.example/"
    assert proxied("https://a.example/", PROXY) == "https://a.example/"
    assert proxied("http://a.example/", None) == "http://a.example/"


@given(
    st.text(st.sampled_from("<>\"'= /aimgsrc&;\n") | st.characters(codec="utf-8"), max_size=60)
    | st.just('<img alt="<img>">')
)
def test_sanitized_html_stays_what_it_was_but_for_the_policy(text: str) -> None:
    clean = nh3.clean(text + '<img src="https://a.example/">' + text, link_rel=None)
    edited = rewrite_images(clean, PROXY)[0]
    assert edited.replace(f" {POLICY}", "") == clean
    assert edited.count(POLICY) == clean.count("<img")


_PIECES = st.sampled_from(
    [
        "<img ",
        "<IMG>",
        "<img",
        "<source ",
        ' src="http://a"',
        '"',
        "<",
        ">",
        " ",
        "/>",
        "<a ",
        'title="<img x>"',
        "x",
        "</img>",
    ]
)
_ANY_TAG = re.compile(r'<(?:((?i:img|source))(?=[\s>])|[a-zA-Z])[^"<>]*+(?:"[^"]*"[^"<>]*+)*+>')


@given(st.lists(_PIECES, max_size=20).map("".join))
def test_images_are_those_that_a_walk_from_tag_to_tag_comes_by(text: str) -> None:
    edited = rewrite_images(text, None)[0]
    assert edited.replace(f" {POLICY}", "") == text
    assert edited.count(POLICY) == sum((tag[1] or "").lower() == "img" for tag in _ANY_TAG.finditer(text))


@pytest.mark.parametrize(
    "piece", ["<img ", '<img "', '<img a="', "<img a='>", '<img srcset="http://a ,', " ,,, http://"]
)
def test_broken_html_takes_linear_time(piece: str) -> None:
    body = piece * 50_000
    assert len(rewrite_images(body, PROXY)[0]) >= len(body)
    assert len(rewrite_images(f"<img{' ' * 200_000}>", PROXY)[0]) > 200_000
    assert rewrite_images(f'<img srcset="{body.replace(chr(34), "")}">', PROXY)[1] == ()
