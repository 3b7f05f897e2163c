"""Eleventy: its newest version, with its own engines of templates, Liquid and Nunjucks, switched on for pages."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from generators.compare import exact
from generators.registry import Site
from generators.tools import NODE, fill, npm, package_versions, read_pages, run

_NEEDED = """\
posts/posts.json: the layout of the posts, of a name that your theme has
{"layout": "post.njk"}
"""
#: Nunjucks escapes; what a theme shows of a page beside its text is in the lists.
_SITE = {
    "posts/posts.json": '{"layout": "post.njk"}\n',
    "_includes/post.njk": """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta name="source" content="{{ page.inputPath }}"><link rel="canonical" href="{{ canonicalURL }}">
</head><body><h1>{{ title }}</h1><time datetime="{{ page.date.toISOString() }}"></time>
<ul id="categories">{% for one in categories %}<li>{{ one }}</li>{% endfor %}</ul>
<ul id="authors">{% for one in authors %}<li>{{ one }}</li>{% endfor %}</ul>
{% if link %}<a id="link" href="{{ link }}">source</a>{% endif %}
{% for one in images %}<img src="{{ one }}">{% endfor %}
<article><div>{{ content | safe }}</div></article></body></html>""",
    "index.njk": """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Site</title></head><body>
{% for post in collections.all %}<h2><a href="{{ post.url }}" title='{{ post.data.title }}'>{{
post.data.title }}</a></h2>
{% for one in post.data.categories %}<p title="{{ one }}">{{ one }}</p>{% endfor %}{% endfor %}</body></html>""",
}


def sites() -> list[Site]:
    """All sites with Eleventy."""
    return [
        Site(
            "Eleventy",
            "eleventy",
            _install,
            _build,
            partial(read_pages, prefix="./posts/"),
            exact,
            place="posts/",
            configuration=_NEEDED,
            commands=NODE,
        )
    ]


def _install(folder: Path) -> dict[str, str]:
    npm(folder, ["@11ty/eleventy@3"])
    return package_versions(folder, ["@11ty/eleventy"])


def _build(folder: Path, posts: Path) -> Path:
    for old in ("_site", "posts"):
        shutil.rmtree(folder / old, ignore_errors=True)
    shutil.copytree(posts, folder / "posts")
    fill(folder, _SITE)
    run(folder, [str(folder / "node_modules" / ".bin" / "eleventy"), "--quiet"], TZ="Asia/Shanghai")
    return folder / "_site"
