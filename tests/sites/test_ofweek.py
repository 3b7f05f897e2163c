"""The mission's own example: a list and articles in GBK become posts, and a change of the site loses none of them."""

from __future__ import annotations

from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.origin import Origin
from tests.sites import ofweek
from tests.sites.ofweek import COUNT, LIST, REMOVED, TWO_PAGES
from tests.support import Site

pytestmark = pytest.mark.usefixtures("workers_inside")

HEAD = """\
site: {title: OFweek, url: "https://feeds.example.org/", language: zh-CN}
categories: {media: 新媒体}
fetch: {allow_private_addresses: [127.0.0.0/8], per_host: 50}
posts: {preset: hexo, image_proxy: "https://cors.zfour.workers.dev/?"}
sources:
"""


@pytest.fixture
def portal(site: Site, origin: Origin) -> Site:
    """A site that was pulled once."""
    ofweek.serve(origin)
    source = ofweek.SOURCE.replace("{origin}", origin.url)
    site.config.write_text(HEAD + "".join(f"  {line}\n" for line in source.splitlines()), encoding="utf-8")
    assert site.run("check").status == 0
    done = site.run("update")
    assert done.status == 0, done.stderr + done.stdout
    return site


def _posts(site: Site) -> dict[str, bytes]:
    folder = site.data / "posts"
    return {str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("*.md"))}


def _post(site: Site, number: int) -> str:
    (found,) = [text for text in map(bytes.decode, _posts(site).values()) if f"正文{number}：" in text]
    return found


def test_each_article_is_a_post_in_the_format(portal: Site, origin: Origin) -> None:
    assert len(_posts(portal)) == COUNT - 1
    picture = f"https://cors.zfour.workers.dev/?{origin.url}/Upload/News/2026-11/0.png"
    expected = f"""
---
title: '县域数字化的第0个话题：_Yes_or_No_？'
categories: 
 - 新媒体
 - 高科技行业门户
 - 新闻
headimg: '{picture}'
author: 高科技行业门户
comments: false
date: {format_datetime(ofweek.published(0)).replace("+0000", "GMT")}
thumbnail: '{picture}'
---

<div>   
<p style="text-indent: 2em; text-align: left;">正文0：<span class="hrefStyle"><a href="https://www.ofweek.com/smartcity/" target="_blank" title="智慧城市">智慧城市</a></span>发展研究，朱镕基与李喆。</p><p style="text-align:center"><img src="{picture}" referrerpolicy="no-referrer"></p>  
</div>
            """
    assert _post(portal, 0) == expected


def test_an_article_of_two_pages_is_one_post(portal: Site) -> None:
    text = _post(portal, TWO_PAGES)
    assert text.index(f"正文{TWO_PAGES}：") < text.index("第二页的正文。")
    assert "相关阅读" not in text


def test_a_removed_article_is_named_and_costs_nothing_else(portal: Site) -> None:
    (source,) = portal.status().values()
    assert source["failures"] == 0
    assert any(ofweek.path(REMOVED) in note and "404" in note for note in source["notes"])


def test_nothing_new_costs_one_request_and_writes_nothing(portal: Site, origin: Origin) -> None:
    before, asked = portal.stamps(), len(origin.pages())
    assert portal.run("update", "--all").status == 0
    assert [seen.path for seen in origin.pages()[asked:]] == [LIST]
    assert portal.stamps() == before


def test_after_a_change_of_class_names_the_source_fails_and_no_post_is_lost(portal: Site, origin: Origin) -> None:
    before = _posts(portal)
    ofweek.serve(origin, item="list-item__body")
    done = portal.run("update", "--all")
    assert done.status == 1
    (source,) = portal.status().values()
    assert source["failure_kind"] == "nothing_matched"
    assert "0 of 25 items matched `div.list-left div.con-details`" in source["error"]
    assert "pages/ofweek.http" in source["error"]
    page = (portal.data / "pages" / "ofweek.http").read_bytes()
    assert b"list-item__body" in page and page.startswith(b"HTTP/1.1 200")
    assert _posts(portal) == before

    # The new selector is tried on the page at hand, then it is used, and the next cycle mends it.
    text = portal.config.read_text(encoding="utf-8").replace("div.con-details", "div.list-item__body")
    portal.config.write_text(text, encoding="utf-8")
    tried = portal.run("preview", "ofweek", "--against", str(portal.data / "pages" / "ofweek.http"))
    assert "25" in tried.stdout
    ofweek.serve(origin, item="list-item__body", numbers=range(-1, COUNT - 1))
    assert portal.run("update", "--all").status == 0
    assert len(_posts(portal)) == COUNT
    assert {name: text for name, text in _posts(portal).items() if name in before} == before
    assert not Path(portal.data / "pages" / "ofweek.http").exists()
