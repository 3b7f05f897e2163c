"""docs/scraping.md: its pages are served, each of its configurations is run, and gives what the document says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from aggregator.sources import KINDS
from tests import ROOT
from tests.origin import Origin
from tests.support import Site, command

pytestmark = pytest.mark.usefixtures("workers_inside")

TEXT = (ROOT / "docs" / "scraping.md").read_text(encoding="utf-8")
SITE = "https://news.example"
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
PAGES = [text for kind, text in BLOCKS if kind == "html"]
#: Each configuration with what it gives: the text after it.
EXAMPLES = [
    (text, next(after for kind, after in BLOCKS[number:] if kind == "text"))
    for number, (kind, text) in enumerate(BLOCKS)
    if kind == "yaml"
]
#: Python's sources, in which the messages are.
_PLACES = ("sources/*.py", "parse/encoding.py")
SOURCES = "".join(
    path.read_text(encoding="utf-8") for place in _PLACES for path in sorted((ROOT / "aggregator").glob(place))
)


def _shown(item: dict[str, Any], *, fields: bool) -> str:
    """An item as the document writes it."""
    line = f"{item['date_published'][:16]} {item['title']} {item['url']}"
    if not fields:
        return line
    more = [f"by {item['authors'][0]['name']}", ", ".join(item["tags"])]
    more += [f"picture {item['image']}"] if "image" in item else []
    return f"{line}\n  {'; '.join(more)}"


@pytest.mark.parametrize(("configuration", "expected"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_each_example_gives_what_it_says(site: Site, origin: Origin, configuration: str, expected: str) -> None:
    for page in PAGES:
        address, _, body = page.removeprefix("<!-- ").partition(" -->\n")
        origin.route(address.removeprefix(SITE), body, content_type="text/html")
    (source,) = yaml.safe_load(configuration.replace(SITE, origin.url))["sources"]
    site.configure({"id": "news", **source})
    done = site.run("update")
    assert done.status == 0, done.stderr
    items = json.loads(site.public()["news/feed.json"])["items"]
    shown = "".join(f"{_shown(item, fields='  by' in expected)}\n" for item in items)
    assert shown.replace(origin.url, SITE) == expected


def test_the_selectors_of_the_table_are_selectors(site: Site) -> None:
    rows = re.findall(
        r"^\| [^|`]+ \| (.*) \| (.*) \|$", TEXT.partition("| to select |")[2].partition("\n\n")[0], re.MULTILINE
    )
    written = [one for row in rows for cell in row for one in re.findall(r"`([^`]+)`", cell)]
    assert len(written) > 10
    for one in written:
        field = yaml.safe_load(one) if one.startswith("{") else one
        site.configure({"scrape": {"url": "https://a.example/", "items": "li", "title": field}})
        done = command("check", "--config", str(site.config))
        assert done.status == 0, (one, done.stderr)


def test_the_messages_of_the_table_are_those_of_the_program() -> None:
    table = TEXT.partition("| message |")[2].partition("\n\n")[0]
    messages = re.findall(r"^\| [^|]*?`([^|]*)` \|", table, re.MULTILINE)
    assert len(messages) == 10
    for message in messages:
        for part in re.split(r"…|\b\d+\b(?: items)?", message):
            words = part.strip(" `").removeprefix("of ").strip()
            assert words in SOURCES, (message, words)


def test_the_settings_are_all_there() -> None:
    for name in KINDS["scrape"].SETTINGS.model_fields:
        assert f"`{name}`" in TEXT or f" {name}: " in TEXT
