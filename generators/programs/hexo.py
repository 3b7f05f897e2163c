"""Hexo: its newest and its previous major version, both renderers of Markdown, a plain theme and the stock one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from functools import partial
from html import unescape
from pathlib import Path

from aggregator.models import Item
from generators.registry import Page, Site
from generators.tools import NODE, fill, npm, package_versions, read_pages, run

_EJS = ("hexo-renderer-ejs@2", "hexo-generator-index@4", "hexo-generator-category@2")
_STOCK = ("hexo-theme-landscape@1", "hexo-renderer-stylus@3", "hexo-generator-archive@2", "hexo-generator-tag@2")
#: Name, packages, theme.
_SITES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("Hexo 8, marked", ("hexo@8", "hexo-renderer-marked@7"), "plain"),
    ("Hexo 8, markdown-it", ("hexo@8", "hexo-renderer-markdown-it@7"), "plain"),
    ("Hexo 7, marked", ("hexo@7", "hexo-renderer-marked@6"), "plain"),
    ("Hexo 7, markdown-it", ("hexo@7", "hexo-renderer-markdown-it@7"), "plain"),
    ("Hexo 8, marked, stock theme", ("hexo@8", "hexo-renderer-marked@7", *_STOCK), "landscape"),
)
_CONFIG = """\
title: Site
url: http://site.example
timezone: ''
theme: {theme}
permalink: :year/:month/:day/:title/
index_generator: {{per_page: {per_page}}}
per_page: {per_page}
"""
#: As themes do it that trust the texts of posts: nothing is escaped, and quotes of either kind are in use.
_THEME = {
    "layout.ejs": """<!doctype html><html><head><meta charset="utf-8"><title><%- page.title || config.title %></title>
<%- open_graph() %></head><body><%- body %></body></html>""",
    "post.ejs": """<meta name="source" content="<%= page.source %>">
<div id="head" style="background-image: url(<%- page.thumbnail %>)"></div>
<div style='background-image: url("<%- page.thumbnail %>")'></div><img src='<%- page.headimg %>'>
<h1><%- page.title %></h1><time datetime="<%- page.date.toISOString() %>"></time>
<ul id="categories"><% page.categories.forEach(category => { %><li><%- category.name %></li><% }) %></ul>
<ul id="authors"><li><%- page.author %></li></ul>
<article><%- page.content %></article>""",
    "index.ejs": """<% page.posts.forEach(post => { %><h2 data-title="<%- post.title %>"><%- post.title %></h2>
<address><%- post.author %></address><% }) %><%- list_categories() %>""",
    "category.ejs": "<h1><%- page.category %></h1>",
}
_MASKED = re.compile(r'[\\/:*?"<>|\[\]“”]')


def sites() -> list[Site]:
    """All sites with Hexo."""
    return [
        Site(
            name,
            "hexo",
            partial(_install, packages),
            partial(_build, theme),
            partial(read_pages, prefix="_posts/"),
            _head,
            scripted=theme != "plain",
            place="source/_posts/",
            commands=NODE,
        )
        for name, packages, theme in _SITES
    ]


def _install(packages: tuple[str, ...], folder: Path) -> dict[str, str]:
    npm(folder, [*packages, *_EJS])
    return package_versions(folder, [*(spec.rpartition("@")[0] for spec in packages), "marked", "markdown-it"])


def _build(theme: str, folder: Path, posts: Path) -> Path:
    for old in ("public", "source", "db.json"):
        shutil.rmtree(folder / old, ignore_errors=True)
        (folder / old).unlink(missing_ok=True)
    shutil.copytree(posts, folder / "source" / "_posts")
    fill(folder, {"_config.yml": _CONFIG.format(theme=theme, per_page=0 if theme == "plain" else 10)})
    fill(folder / "themes" / "plain" / "layout", _THEME)
    run(folder, [str(folder / "node_modules" / ".bin" / "hexo"), "generate", "--bail"], TZ="UTC")
    return folder / "public"


def _head(page: Page, item: Item, category: str) -> Iterator[str]:
    """What is not as it should be; names that come from the configuration are not masked."""
    if page.title != _without_references(_MASKED.sub("_", item.entry.title)):
        yield f"title {page.title!r}"
    if page.date != item.entry.published_at:
        yield f"date {page.date}"
    name = [item.origin.name] if item.origin.named else page.authors or ()
    if sorted(page.categories or ()) != sorted([category, *name]):
        yield f"categories {page.categories!r}"


def _without_references(title: str) -> str:
    return re.sub(
        "&(?=#?[0-9A-Za-z]+)",
        lambda match: (
            "&"
            if unescape(title[match.start() : match.start() + 34]) == title[match.start() : match.start() + 34]
            else "_"
        ),
        title,
    )
