"""The demo: bundled samples, a server on this machine, and a configuration that reads them."""

from __future__ import annotations

from aggregator.demo.origin import serve

__all__ = ["demo_config", "serve"]

_CONFIG = """\
site:
  title: 示例聚合
  url: https://feeds.example.org/
  language: zh-CN
fetch:
  # The samples are served on this machine; without this line such addresses are refused.
  allow_private_addresses: [127.0.0.0/8]
categories:
  new-media: 新媒体
  programming: 编程
  leisure: 闲暇
sources:
  # A site without a feed: a list page in GBK, and the articles that it links to.
  - id: factory
    name: 制造前线
    category: new-media
    section: 新闻
    scrape:
      url: {base_url}/factory/list.html
      encoding: gbk
      items: div.list-left div.con-details h3 > a
      article:
        body: "#articleC"
        author: div.source-name
        date: div.time.fl
        timezone: Asia/Shanghai
  - id: library
    name: 河畔图书馆
    category: new-media
    section: 活动
    feed: {base_url}/library/index.rdf
  - id: weekly
    name: 开源手记
    category: programming
    feed: {base_url}/weekly/rss.xml
  - id: notes
    name: Notes on Small Programs
    category: programming
    feed: {base_url}/notes/atom.xml
  - id: trails
    name: Quiet Trails
    category: leisure
    feed: {base_url}/trails/feed.json
  # This address has moved; the redirect is followed.
  - id: tea
    name: One Pot of Tea
    category: leisure
    section: Podcast
    feed: {base_url}/tea/feed
  # Broken on purpose: the server sends a web page. The other sources are not affected.
  - id: lost
    name: Lost and Found
    category: leisure
    feed: {base_url}/lost/feed.html
"""


def demo_config(base_url: str) -> str:
    """Return the text of a feeds.yaml that reads every sample.

    Args:
        base_url: address that `serve` yields, without a slash at the end.
    """
    return _CONFIG.format(base_url=base_url)
