"""The settings of posts: what cannot be a folder or a path is refused, with its place and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.load import load
from aggregator.errors import ConfigError


def said(folder: Path, posts: str) -> str:
    path = folder / "feeds.yaml"
    path.write_text(f"sources: []\nposts: {posts}\n", encoding="utf-8")
    try:
        load(path, {})
    except ConfigError as error:
        return "\n".join(str(problem).replace(f"{path}:", "") for problem in error.problems)
    return "fine"


@pytest.mark.parametrize(
    ("posts", "expected"),
    [
        ("{folder: /srv/site}", "2:17: posts.folder: `/srv/site` cannot be the folder of posts: write a path below"),
        ("{folder: ../site}", "2:17: posts.folder: `../site` cannot be the folder of posts: write a path below"),
        ("{folder: site/CON}", "2:17: posts.folder: `site/CON` cannot be the folder of posts: Windows keeps `CON`"),
        ("{path: 'nul/{name}'}", "2:15: posts.path: `nul/{name}` cannot be a path: Windows keeps `nul`"),
        ("{path: 'a b/{name}'}", "2:15: posts.path: `a b/{name}` cannot be a path: remove white space"),
        ('{path: "\\u202ea/{name}"}', "remove what is invisible in it"),
        ("{path: '{{name}}'}", "cannot be a path: remove `{`"),
        ("{path: '{name}.md'}", "2:15: posts.path: `.md` follows the path in any case; remove it"),
        (f"{{path: '{'é' * 31}{{name}}'}}", "is too long for a part of a path"),
        ("{preset: eleventy, path: '{year}-{month}-{day}-{name}'}", "write `{year}/{month}/{name}`"),
        (
            "{preset: jekyll, path: '{category}/{name}'}",
            "must end with a part that begins with `{year}-{month}-{day}-`",
        ),
    ],
)
def test_mistakes(posts: str, expected: str, tmp_path: Path) -> None:
    assert expected in said(tmp_path, posts)


@pytest.mark.parametrize(
    "posts",
    [
        "{folder: site/content/}",
        "{path: 'blog/é/{name}'}",
        "{preset: pelican, path: '{category}/{year}-{month}-{day}-{name}'}",
        "{preset: hugo, path: '{name}.en'}",
    ],
)
def test_what_is_fine(posts: str, tmp_path: Path) -> None:
    assert said(tmp_path, posts) == "fine"
