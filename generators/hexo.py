"""Hexo: its newest and its previous major version, both renderers of Markdown, a plain theme and the stock one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import lxml.html

from generators.registry import Page, Site

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
<address><%- page.author %></address>
<article><%- page.content %></article>""",
    "index.ejs": """<% page.posts.forEach(post => { %><h2 data-title="<%- post.title %>"><%- post.title %></h2>
<address><%- post.author %></address><% }) %><%- list_categories() %>""",
    "category.ejs": "<h1><%- page.category %></h1>",
}


def sites() -> list[Site]:
    """All sites with Hexo."""
    return [
        Site(name, partial(_install, packages), partial(_build, theme), _pages, scripted=theme != "plain")
        for name, packages, theme in _SITES
    ]


def _install(packages: tuple[str, ...], folder: Path) -> dict[str, str]:
    wanted = [*packages, *_EJS]
    listed = folder / "installed"
    if not listed.is_file() or listed.read_text(encoding="utf-8") != " ".join(wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(
            '{"name": "site", "private": true, "hexo": {"version": ""}}', encoding="utf-8"
        )
        # No script of any package runs, and no lock file names addresses.
        _run(folder, ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", *wanted])
        listed.write_text(" ".join(wanted), encoding="utf-8")
    modules = folder / "node_modules"
    shown = [spec.rpartition("@")[0] for spec in packages] + ["marked", "markdown-it"]
    return {name: _version(modules / name) for name in shown if (modules / name).is_dir()}


def _version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text(encoding="utf-8"))["version"])


def _build(theme: str, folder: Path, posts: Path) -> Path:
    for old in ("public", "source", "db.json"):
        shutil.rmtree(folder / old, ignore_errors=True)
        (folder / old).unlink(missing_ok=True)
    shutil.copytree(posts, folder / "source" / "_posts")
    (folder / "_config.yml").write_text(
        _CONFIG.format(theme=theme, per_page=0 if theme == "plain" else 10), encoding="utf-8"
    )
    layout = folder / "themes" / "plain" / "layout"
    layout.mkdir(parents=True, exist_ok=True)
    for name, text in _THEME.items():
        (layout / name).write_text(text, encoding="utf-8")
    _run(folder, [str(folder / "node_modules" / ".bin" / "hexo"), "generate", "--bail"], TZ="UTC")
    return folder / "public"


def _run(folder: Path, command: list[str], **environment: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    (folder / "log").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode != 0 or "FATAL" in done.stdout + done.stderr:
        raise SystemExit(
            f"generators: {command[0]} {command[1]} failed in {folder}:\n{(done.stderr or done.stdout)[-3000:]}"
        )


def _pages(output: Path) -> Iterator[Page]:
    for path in sorted(path for path in output.glob("[0-9]*/**/*.html") if path.is_file()):
        text = path.read_text(encoding="utf-8")
        page = lxml.html.document_fromstring(text, parser=lxml.html.HTMLParser(encoding="utf-8", huge_tree=True))
        source = page.xpath("string(//meta[@name='source']/@content)")
        if not source:
            # The stock theme names no source: its pages are for the browser only.
            continue
        yield Page(
            source.removeprefix("_posts/"),
            path.relative_to(output).as_posix(),
            page.xpath("string(//h1)"),
            datetime.fromisoformat(page.xpath("string(//time/@datetime)")),
            tuple(item.text_content() for item in page.xpath("//ul[@id='categories'][1]/li")),
            page.xpath("string(//address)"),
            text,
        )
