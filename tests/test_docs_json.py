"""The guide to the kind `json`: every example in it gives what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from aggregator.config import load
from aggregator.models import RawEntry
from tests import ROOT
from tests.jsonapis import pull, source
from tests.origin import Origin, Response, Seen
from tests.support import Site

pytestmark = pytest.mark.usefixtures("workers_inside")

PAGE = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)( source)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SITE = "https://example.org"


@dataclass
class Example:
    """A source, what its site answers, and what comes of it."""

    settings: dict[str, Any]
    answers: list[str]
    result: str = ""


def examples() -> Iterator[Example]:
    example: Example | None = None
    for language, part, text in BLOCK.findall(PAGE):
        if part:
            continue
        if language == "yaml":
            example = Example(yaml.safe_load(text)["json"], [])
        elif example is not None and language == "text":
            example.result = text
            yield example
        elif example is not None:
            example.answers.append(text)


EXAMPLES = list(examples())


def shown(entries: tuple[RawEntry, ...], asked: list[str], origin: str) -> str:
    """What a source asked for and gave, as the guide shows it."""
    rows = [
        (
            entry.published[:16].replace("T", " ") if entry.published else "-",
            entry.title.value if entry.title else "",
            (entry.url or "").replace(origin, SITE),
        )
        for entry in entries
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*asked, "", *lines, ""])


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 10
    assert all(example.answers for example in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.settings["url"] for example in EXAMPLES])
async def test_an_example_gives_what_the_guide_says(example: Example, origin: Origin) -> None:
    answers, asked = iter(example.answers), list[str]()

    def get(seen: Seen, body: bytes | None = None) -> Response:
        said = "" if body is None else f" {_told(body)}"
        asked.append(f"{seen.method} {SITE}{seen.path}{said}")
        text = next(answers)
        kind = "text/html" if text.startswith("<") else "application/json"
        return Response(text.encode(), 200, {"Content-Type": kind})

    path = re.sub(r"https://[^/]+|\?.*", "", example.settings["url"])
    for route in (path, "/api/posts"):
        origin.handle(route, get)
        origin.posts[route] = get
    settings = json.loads(json.dumps(example.settings).replace(SITE, origin.url))
    pulled = await pull(source(settings.pop("url"), **{"title": None, "link": None, **settings}))
    assert shown(pulled.feed.entries, asked, origin.url) == example.result


def _told(body: bytes) -> str:
    """What differs between the bodies of a source."""
    if not body.startswith(b"{"):
        return body.decode()
    return json.dumps(json.loads(body)["variables"], separators=(",", ":"))


def test_what_stands_beside_json_loads(site: Site) -> None:
    (text,) = [text for language, part, text in BLOCK.findall(PAGE) if part]
    site.config.write_text("sources:\n  - " + text.replace("\n", "\n    ").rstrip() + "\n", encoding="utf-8")
    (one,) = load(site.config, {"FEED_TOKEN": "abc"}).sources
    assert one.access.authorization == "Bearer abc"
