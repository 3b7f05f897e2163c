"""docs/rsshub.md: each of its configurations is fetched from real instances, and what it quotes is what is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests import ROOT
from tests.hubs import Hub, hubs
from tests.support import Site

pytestmark = pytest.mark.usefixtures("workers_inside")

TEXT = (ROOT / "docs" / "rsshub.md").read_text(encoding="utf-8")
CONFIGURATIONS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
QUOTED = [text.strip() for text in re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)]
ADDRESSES = ("https://rsshub.example.org", "https://rsshub.example.com", "https://rsshub.example.net")
ROUTES = (
    "/ofweek/news",
    "/bilibili/user/video/2267573",
    "/bilibili/user/video/208259",
    "/twitter/user/DIYgod",
)


@pytest.fixture
def three() -> Iterator[list[Hub]]:
    with hubs(3) as made:
        for hub in made:
            for route in ROUTES:
                hub.serve(route, f"Item of {route.rpartition('/')[2]}")
        yield made


def configure(site: Site, three: list[Hub], text: str) -> None:
    """Write a configuration with the instances of the test in place of those of the document."""
    for address, hub in zip(ADDRESSES, three, strict=True):
        text = text.replace(address, hub.url)
    whole: dict[str, Any] = yaml.safe_load(text.replace("http://127.0.0.1:1200", three[2].url))
    whole["fetch"] = {"allow_private_addresses": ["127.0.0.0/8"]}
    site.config.write_text(yaml.safe_dump(whole), encoding="utf-8")


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_each_configuration_works(site: Site, three: list[Hub], text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RSSHUB_KEY", "sesame")
    three[2].key = "sesame" if "key:" in text else None
    if three[2].key:
        # Only the instance with the key is there.
        three[1].origin.routes.clear()
    configure(site, three, text)
    done = site.run("check")
    assert (done.status, done.stdout.count("note:")) == (0, 0)
    assert site.run("update").status == 0
    assert {row["state"] for row in site.status().values()} == {"ok"}


def test_what_it_quotes_is_what_is_said(site: Site, three: list[Hub]) -> None:
    first, second = three[:2]
    configure(site, three, CONFIGURATIONS[0])
    first.fail("/ofweek/news", 503)
    site.run("update", "--source", "ofweek")
    notes = site.status()["ofweek"]["notes"]
    first.origin.routes.clear()
    second.fail("/ofweek/news", 503)
    site.run("update", "--source", "ofweek")
    said = [*notes, site.status()["ofweek"]["error"]]
    for hub, address in zip(three, ADDRESSES, strict=True):
        said = [text.replace(hub.url, address) for text in said]
    assert said == QUOTED
