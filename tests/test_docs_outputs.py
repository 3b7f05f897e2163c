"""docs/outputs.md: each of its configurations is published, and each of its commands is run."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests import ROOT
from tests.origin import Origin
from tests.support import Site, command, item, rss
from tests.validators import check_atom, check_jsonfeed, check_rss

pytestmark = pytest.mark.usefixtures("workers_inside")

TEXT = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
CONFIGURATIONS: list[dict[str, Any]] = [
    yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
]
COMMANDS = [text.split() for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for text in block.splitlines()]
CHECKS = {"rss.xml": check_rss, "atom.xml": check_atom, "feed.json": check_jsonfeed}


def _configure(site: Site, origin: Origin, written: dict[str, Any]) -> None:
    """Configure a site as the document does, with its first example where an example says nothing."""
    whole = {**CONFIGURATIONS[0], **written}
    feeds = {
        "hn": rss([item(1, title="Rust 2.0"), item(2, title="Something else")]),
        "blog": rss([{**item(3, title="Trust me"), "link": "https://blog.example.org/3", "guid": "three"}]),
    }
    sources = [{**one, "feed": origin.route(f"/{one['id']}", feeds[one["id"]])} for one in whole.pop("sources")]
    site.configure(*sources, **whole)


def _public(site: Site, slug: str) -> dict[str, bytes]:
    return {name.rpartition("/")[2]: data for name, data in site.public().items() if name.startswith(f"{slug}/")}


@pytest.mark.parametrize("written", CONFIGURATIONS, ids=lambda one: ",".join(one["outputs"]))
def test_each_configuration_is_published(site: Site, origin: Origin, written: dict[str, Any]) -> None:
    _configure(site, origin, written)
    assert command("check", "--config", str(site.config)).status == 0
    assert site.run("update").status == 0
    for slug, output in written["outputs"].items():
        if output.get("private"):
            continue
        files = _public(site, slug)
        assert set(files) == {"atom.xml"} if "formats" in output else set(CHECKS)
        for name, data in files.items():
            assert CHECKS[name](data) == []


def test_the_first_one_has_the_items_that_it_says(site: Site, origin: Origin) -> None:
    _configure(site, origin, {"outputs": {}})
    site.run("update")
    # Those that were stored before, too.
    _configure(site, origin, {})
    site.run("update")
    titles = [one["title"] for one in json.loads(_public(site, "rust")["feed.json"])["items"]]
    assert titles == ["Rust 2.0"]


def test_each_command_does_what_the_document_says(site: Site, origin: Origin) -> None:
    (private,) = [one for one in CONFIGURATIONS if "mine" in one["outputs"]]
    _configure(site, origin, private)
    site.run("update")
    before = {name for name in site.public() if name.startswith("_private/")}
    said = []
    for program, *arguments in COMMANDS:
        assert program == "aggregator"
        done = site.run(*arguments)
        assert done.status == 0, done.stderr
        said.append(done.stdout)
    after = {name for name in site.public() if name.startswith("_private/")}
    assert len(before) == len(after) == 3
    assert not before & after
    token = next(iter(before)).split("/")[1]
    # A table may break the lines of an address.
    assert token in re.sub(r"\s", "", said[0])
