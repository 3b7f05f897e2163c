"""Jekyll: Debian's, with a plain theme and with the theme and the plug-ins that a new site of Jekyll has."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from generators.compare import exact
from generators.registry import Site
from generators.tools import BuildError, fill, read_pages, run

_NEEDED = """\
# _config.yml: without this, the folder of the day of a post is that of the zone of the machine
timezone: Etc/UTC
"""
_CONFIG = """\
title: Site
url: http://site.example
"""
_STOCK = """\
theme: minima
show_excerpts: true
plugins: [jekyll-feed, jekyll-seo-tag]
"""
_PLAIN = {
    "_layouts/post.html": """<!doctype html><html><head><meta charset="utf-8"><title>{{ page.title | escape }}</title>
<meta name="source" content="{{ page.path | escape }}">
<meta name="description" content="{{ page.excerpt | strip_html | normalize_whitespace | escape }}">
</head><body><h1>{{ page.title | escape }}</h1>
<time datetime="{{ page.date | date_to_xmlschema }}"></time>
<ul id="categories">{% for one in page.categories %}<li>{{ one | escape }}</li>{% endfor %}</ul>
<ul id="tags">{% for one in page.tags %}<li>{{ one | escape }}</li>{% endfor %}</ul>
<ul id="authors">{% for one in page.authors %}<li>{{ one | escape }}</li>{% endfor %}</ul>
{% if page.link %}<a id="link" href="{{ page.link | escape }}">source</a>{% endif %}
<article><div>{{ content }}</div></article></body></html>""",
    "index.html": """---
---
<!doctype html><html><head><meta charset="utf-8"><title>Site</title></head><body>
{% for post in site.posts %}<h2><a href="{{ post.url | relative_url | escape }}" title='{{ post.title | escape }}'>{{
post.title | escape }}</a></h2>{% endfor %}
<ul>{% for post in site.posts %}<li>{{ post.excerpt }}</li>{% endfor %}</ul>
{% for one in site.categories %}<p>{{ one[0] | escape }}</p>{% endfor %}
{% for one in site.tags %}<p>{{ one[0] | escape }}</p>{% endfor %}</body></html>""",
}
_HOME = {"index.markdown": "---\nlayout: home\n---\n"}


def sites() -> list[Site]:
    """All sites with Jekyll."""
    return [
        Site(
            name,
            "jekyll",
            _install,
            partial(_build, config, files),
            partial(read_pages, prefix="_posts/"),
            exact,
            scripted=config == _STOCK,
            place="_posts/",
            configuration=_NEEDED,
            commands=(("jekyll", "jekyll"),),
        )
        for name, config, files in (
            ("Jekyll of Debian", "", _PLAIN),
            ("Jekyll of Debian, stock theme", _STOCK, _HOME),
        )
    ]


def _install(folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    return {"jekyll": run(folder, ["jekyll", "--version"]).split()[-1]}


def _build(config: str, files: dict[str, str], folder: Path, posts: Path) -> Path:
    shutil.rmtree(folder)
    shutil.copytree(posts, folder / "_posts")
    fill(folder, {"_config.yml": _CONFIG + _NEEDED + config, **files})
    told = run(folder, ["jekyll", "build", "--strict_front_matter", "--trace"], TZ="Asia/Shanghai")
    bad = [
        line for line in told.splitlines() if any(sign in line for sign in ("Error", "Warning", "Conflict", "rror:"))
    ]
    if bad:
        raise BuildError("Jekyll says:\n" + "\n".join(bad[:20]))
    return folder / "_site"
