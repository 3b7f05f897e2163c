"""Pelican: the newest of PyPI, with the templates of its stock theme beside a plain page of a post."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

from aggregator.models import Item
from generators.compare import exact
from generators.registry import Page, Site
from generators.tools import fill, read_pages, run

_CONFIG = """\
SITENAME = "Site"
SITEURL = "http://site.example"
PATH = "content"
THEME = "theme"
DEFAULT_PAGINATION = False
"""
#: A title is HTML for Pelican, and its themes print it as it is; so do they with names.
_ARTICLE = """<!doctype html><html><head><meta charset="utf-8"><title>{{ article.title|striptags }}</title>
<meta name="source" content="{{ article.relative_source_path|e }}">
</head><body><h1>{{ article.title }}</h1>
<a href="x" title="Permalink to {{ article.title|striptags }}">link</a><p>{{ article.title|striptags }}</p>
<time datetime="{{ article.date.isoformat() }}"></time>
<ul id="categories"><li>{{ article.category }}</li></ul>
<ul id="tags">{% for one in article.tags %}<li>{{ one }}</li>{% endfor %}</ul>
<ul id="authors">{% for one in article.authors %}<li>{{ one }}</li>{% endfor %}</ul>
{% if article.link %}<a id="link" href="{{ article.link|e }}">source</a>{% endif %}
<article><div>{{ article.content }}</div></article></body></html>"""


def sites() -> list[Site]:
    """All sites with Pelican."""
    return [
        Site(
            "Pelican",
            "pelican",
            _install,
            _build,
            partial(read_pages, prefix=""),
            _head,
            others=("index.html", "archives.html", "categories.html", "tags.html", "authors.html"),
            place="content/",
        )
    ]


def _install(folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    return {"pelican": version("pelican")}


def _build(folder: Path, posts: Path) -> Path:
    shutil.rmtree(folder)
    shutil.copytree(posts, folder / "content")
    fill(folder, {"pelicanconf.py": _CONFIG, "theme/templates/article.html": _ARTICLE})
    (folder / "theme" / "static").mkdir()
    run(folder, [sys.executable, "-m", "pelican", "--fatal", "errors"], TZ="Asia/Shanghai")
    return folder / "output"


def _head(page: Page, item: Item, category: str) -> Iterator[str]:
    """What is not as it should be; what has a meaning in HTML, or in a list of names, is masked."""
    title = re.sub("<(?=[A-Za-z/!?])", "‹", item.entry.title).replace('"', "”")
    entry = replace(item.entry, title=title, tags=_masked(item.entry.tags), authors=_masked(item.entry.authors))
    shown = replace(page, tags=_masked(page.tags or ()), authors=_masked(page.authors or ()))
    return exact(shown, replace(item, entry=entry), category)


def _masked(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(re.sub('[<>"&;,]', "_", name) for name in names)
