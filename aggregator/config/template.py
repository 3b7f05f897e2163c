"""The feeds.yaml that `aggregator init` writes: short, commented, and usable as it is."""

from __future__ import annotations

TEMPLATE = """\
# yaml-language-server: $schema=./feeds.schema.json
#
# What `aggregator update` collects and publishes. `aggregator check` tells what is wrong in this file.
# Keys that begin with `#` show their defaults; docs/configuration.md explains all of them.

site:
  title: My feeds
  url: http://localhost/               # where data/public/ will be reachable
  language: en

# posts:
#   image_proxy: https://proxy.example/?   # put before the address of each http:// image; no default

# feeds:
#   formats: [rss, atom, json]
#   limit: 100                         # entries in each feed

# fetch:
#   interval: 1h                       # how often a source is looked at: 90s, 20m, 1h30m, 2d ...
#   timeout: 20s
#   max_body: 15MB

categories:                            # slug: title
  news: News
  programming: Programming

sources:
  - name: LWN
    category: programming
    feed: https://lwn.net/headlines/rss

  - name: Ars Technica
    category: news
    feed: https://feeds.arstechnica.com/arstechnica/index

  # A site without a feed. The values are CSS selectors; those that begin with # need quotes.
  # - name: Example
  #   category: news
  #   scrape:
  #     url: https://example.org/news/
  #     items: h3 > a
  #     article: {body: "#article", date: time, timezone: Europe/Berlin}
"""
