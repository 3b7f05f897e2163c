"""The contract of the post format: a post, made again from what its site serves."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from tests import DATA
from tests.origin import Origin
from tests.support import Site, rss

pytestmark = pytest.mark.usefixtures("workers_inside")

#: A list and an article in GBK, made up, and the post that they give.
OWN = DATA / "seed"
PROXY = "https://cors.zfour.workers.dev/?"
LIST_PAGE = """<!DOCTYPE html><html><head><meta charset="gbk"><title>list</title></head><body>
<div class="list-left"><div class="con-details"><h3><a href="/news/2022-6/ART-1.html" target="_blank">{title}</a></h3>
<p>summary</p></div></div></body></html>"""
ARTICLE_PAGE = """<!DOCTYPE html><html><head><meta charset="gbk"><title>{title}</title></head><body>
<div class="artical"><h1>{title}</h1><div class="time fl">2022-06-29 14:36</div><div class="source-name">someone</div>
<div class="artical-content" id="articleC">{body}</div></div></body></html>"""


def _seed(shared: Path) -> bytes:
    return (shared / "seeds" / "000_7a375ae5d94181a0.txt").read_bytes()


def _original_body(seed: bytes) -> str:
    """The article as its site has it: without the proxy and without what the post adds to images."""
    body = seed.decode().split("<div>   \n", 1)[1].rsplit("  \n</div>", 1)[0]
    return body.replace(PROXY, "").replace(' referrerpolicy="no-referrer"', "")


def _title(seed: bytes) -> str:
    """The seed's title has `_` for each curly quote; put them back."""
    masked = re.search(r"title: '(.*)'", seed.decode())
    assert masked is not None
    parts = masked[1].split("_")
    return "".join(part + quote for part, quote in zip(parts, ["“", "”", "“", "”", ""], strict=True))


def _configure(site: Site, source: dict[str, object]) -> None:
    named = {"id": "ofweek", "name": "高科技行业门户", "category": "new-media", "section": "新闻", **source}
    site.configure(named, categories={"new-media": "新媒体"}, posts={"preset": "hexo", "image_proxy": PROXY})


def _scraped(origin: Origin) -> dict[str, object]:
    article = {
        "body": "#articleC",
        "author": "div.source-name",
        "date": "div.time.fl",
        "timezone": "Asia/Shanghai",
    }
    items = "div.list-left div.con-details h3 > a"
    return {
        "scrape": {
            "url": origin.url + "/list.html",
            "encoding": "gbk",
            "items": items,
            "limit": 20,
            "article": article,
        }
    }


def _only_post(site: Site) -> bytes:
    (data,) = site.posts().values()
    return data


def test_an_article_of_its_shape_gives_its_post_byte_for_byte(site: Site, origin: Origin) -> None:
    """The same contract, held by an article of our own."""
    for path, name in (("/list.html", "list.html"), ("/news/2022-6/ART-1.html", "article.html")):
        origin.route(path, (OWN / name).read_bytes(), content_type="text/html")
    _configure(site, _scraped(origin))
    done = site.run("update")
    assert done.status == 0, done.stderr
    assert _only_post(site) == (OWN / "post.md").read_bytes()


@pytest.mark.parametrize("encoding", ["gbk"])
def test_scraped_article_gives_the_seed_byte_for_byte(site: Site, origin: Origin, shared: Path, encoding: str) -> None:
    seed = _seed(shared)
    title, body = _title(seed), _original_body(seed)
    kind = "text/html"
    origin.route("/list.html", LIST_PAGE.format(title=title).encode(encoding), content_type=kind)
    page = ARTICLE_PAGE.format(title=title, body=body).encode(encoding)
    origin.route("/news/2022-6/ART-1.html", page, content_type=kind)
    _configure(site, _scraped(origin))
    done = site.run("update")
    assert done.status == 0, done.stderr
    assert _only_post(site) == seed


def test_rss_item_gives_the_seed_but_for_white_space_at_the_end_of_the_body(
    site: Site, origin: Origin, shared: Path
) -> None:
    seed = _seed(shared)
    described = {
        "title": _title(seed),
        "link": "https://www.ofweek.com/news/2022-6/ART-1.html",
        "pubDate": "Wed, 29 Jun 2022 14:36:00 +0800",
        "description": html.escape(_original_body(seed)),
    }
    _configure(site, {"feed": origin.route("/rss", rss([described]))})
    done = site.run("update")
    assert done.status == 0, done.stderr

    def squeeze(post: bytes) -> bytes:
        return re.sub(rb"\s*</div>\s*$", b"</div>", post)

    assert squeeze(_only_post(site)) == squeeze(seed)
