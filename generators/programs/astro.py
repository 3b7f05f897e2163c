"""Astro: its newest version that runs on the Node.js of this machine."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from generators.compare import exact
from generators.registry import Page, Site
from generators.tools import NODE, BuildError, fill, npm, package_versions, read_pages, run

_NEEDED = """\
// src/content.config.ts
import { defineCollection } from "astro:content";
import { glob } from "astro/loaders";
const posts = defineCollection({ loader: glob({ pattern: "**/*.md", base: "./src/content/posts" }) });
export const collections = { posts };
"""
#: Astro escapes what stands between braces.
_SITE = {
    "astro.config.mjs": 'export default { site: "http://site.example" };\n',
    "src/content.config.ts": _NEEDED,
    "src/pages/posts/[...slug].astro": """---
import { getCollection, render } from "astro:content";
export async function getStaticPaths() {
  return (await getCollection("posts")).map((post) => ({ params: { slug: post.id }, props: { post } }));
}
const { post } = Astro.props;
const { Content, headings } = await render(post);
const { title, date, categories, tags, authors, link, images, canonicalURL } = post.data;
---
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="source" content={post.filePath}><link rel="canonical" href={canonicalURL}></head>
<body><h1>{title}</h1><time datetime={date.toISOString()}></time>
<ul id="categories">{(categories ?? []).map((one) => <li>{one}</li>)}</ul>
<ul id="tags">{(tags ?? []).map((one) => <li>{one}</li>)}</ul>
<ul id="authors">{(authors ?? []).map((one) => <li>{one}</li>)}</ul>
{link && <a id="link" href={link}>source</a>}
{(images ?? []).map((one) => <img src={one}>)}
<article><Content /></article>
{headings.map((one) => <a href={`#${one.slug}`}>{one.text}</a>)}</body></html>
""",
    "src/pages/index.astro": """---
import { getCollection } from "astro:content";
const posts = await getCollection("posts");
---
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Site</title></head><body>
{posts.map((post) => <h2><a href={`/posts/${post.id}/`} title={post.data.title}>{post.data.title}</a></h2>)}
</body></html>
""",
}
#: Astro gives each heading an address within the page.
_ANCHOR = re.compile(r'(<h[1-6]) id="[^"]*"')


def sites() -> list[Site]:
    """All sites with Astro."""
    return [
        Site(
            "Astro",
            "astro",
            _install,
            _build,
            _pages,
            exact,
            place="src/content/posts/",
            configuration=_NEEDED,
            commands=NODE,
        )
    ]


def _install(folder: Path) -> dict[str, str]:
    # Astro 6 and newer need Node.js 22.
    npm(folder, ["astro@5"])
    return package_versions(folder, ["astro"])


def _build(folder: Path, posts: Path) -> Path:
    for old in ("dist", "src", ".astro", "node_modules/.astro"):
        shutil.rmtree(folder / old, ignore_errors=True)
    shutil.copytree(posts, folder / "src" / "content" / "posts")
    fill(folder, _SITE)
    program = str(folder / "node_modules" / ".bin" / "astro")
    told = run(folder, [program, "build"], TZ="Asia/Shanghai", ASTRO_TELEMETRY_DISABLED="1", NO_COLOR="1")
    bad = [line for line in told.splitlines() if re.search(r"\[(WARN|ERROR)\]|Duplicate id", line)]
    if bad:
        raise BuildError("Astro says:\n" + "\n".join(bad[:20]))
    return folder / "dist"


def _pages(output: Path) -> Iterator[Page]:
    for page in read_pages(output, prefix="src/content/posts/"):
        yield replace(page, html=_ANCHOR.sub(r"\1", page.html))
