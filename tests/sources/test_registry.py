"""The registry of kinds: one entry is all that a new kind needs, from feeds.yaml to what is published."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest
from pydantic import Field

from aggregator.config import load, schema_text
from aggregator.config.fields import Section, Text, Url
from aggregator.models import Access, FeedState, Fetched, NotModified, ParsedFeed, RawEntry, Source
from aggregator.models import Text as RawText
from aggregator.sources import KINDS, Tools
from aggregator.sources.kind import Parse, conditional_request, fingerprint
from tests import reference
from tests.origin import Origin
from tests.scraping import source
from tests.support import Site, command


class LinesSettings(Section):
    """A text file with an entry on each line."""

    file: Url = Field(description="Address of the file.")
    before: Text = Field(default="Line", description="What titles begin with.")


class Lines:
    """A kind whose documents have an address and a title on each line."""

    SETTINGS = LinesSettings
    DESCRIPTION = "A text file with an address and a title on each line."
    GUIDE = "Titles get a word in front."
    ADDRESS_KEY: str | None = "file"
    PARSE_ONLY = False
    DATE_ADVICE = ""

    def address(self, settings: LinesSettings) -> str:
        """Return the address of the file."""
        return settings.file

    def make_rules(self, settings: LinesSettings, file: object) -> object:
        """Return the word that titles begin with."""
        return settings.before

    def request_hash(self, source: Source) -> str:
        """Validators depend on the address and on the word."""
        return fingerprint(source, source.rules)

    async def fetch(self, source: Source, state: FeedState, tools: Tools) -> Fetched | NotModified:
        """Request the file, conditionally."""
        request = conditional_request(source, state, accept="text/plain", request_hash=self.request_hash(source))
        return await tools.fetch(request)

    def read(self, source: Source, fetched: Fetched, now: datetime, parse: Parse) -> ParsedFeed:
        """Make an entry of each line."""
        lines = [line.split(" ", 1) for line in fetched.body.decode().splitlines()]
        entries = (
            RawEntry(guid=url, url=url, title=RawText(f"{source.rules} {title}", "text")) for url, title in lines
        )
        return ParsedFeed("lines", "lines", tuple(entries), title="A file")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the kind for the time of a test."""
    monkeypatch.setitem(KINDS, "lines", Lines())


@pytest.mark.usefixtures("lines")
def test_a_registered_kind_runs_a_whole_cycle(site: Site, origin: Origin) -> None:
    text = "https://example.org/1 one\nhttps://example.org/2 two\n"
    url = origin.route("/list.txt", text, content_type="text/plain", conditional=True)
    site.configure({"id": "one", "lines": {"file": url, "before": "Number"}})
    done = site.run("update")
    assert done.status == 0, done.stderr
    assert sorted(site.posts()) == ["news/Number-one.md", "news/Number-two.md"]
    entries = json.loads(site.public()["news/feed.json"])["items"]
    assert {entry["title"] for entry in entries} == {"Number one", "Number two"}
    before = site.stamps()
    assert site.run("update", "--all").status == 0
    assert site.stamps() == before
    assert "if-none-match" in {name.lower() for name in origin.asked("/list.txt")[-1].headers}


@pytest.mark.usefixtures("lines")
def test_the_configuration_knows_a_registered_kind(site: Site) -> None:
    site.configure({"lines": {"file": "https://a.example/list", "befor": "x"}}, {"name": "none"})
    done = command("check", "--config", str(site.config))
    assert done.status == 2
    assert "sources[0].lines.befor: unknown key `befor`; did you mean `before`?" in done.stderr
    names = ", ".join(f"`{name}`" for name in KINDS if name != "lines")
    assert f"has no address; add {names} or `lines`\n" in done.stderr
    site.configure({"lines": {"file": "https://a.example/list"}})
    (one,) = load(site.config, {}).sources
    assert (one.id, one.kind, one.url, one.rules) == ("a-example-list", "lines", "https://a.example/list", "Line")


@pytest.mark.usefixtures("lines")
def test_schema_and_reference_have_a_registered_kind() -> None:
    schema = json.loads(schema_text())
    assert {"required": ["lines"]} in schema["$defs"]["SourceSettings"]["oneOf"]
    assert schema["$defs"]["LinesSettings"]["properties"]["before"]["default"] == "Line"
    page = reference.sources()
    assert "| `sources[].lines` | a text file with an address and a title on each line |" in page
    assert "### lines\n\nTitles get a word in front.\n" in page
    assert "| `sources[].lines.before` | `Line` | what titles begin with |" in page


def test_request_hashes_stay_what_databases_hold() -> None:
    feed, scrape = source("http://a.example/", None), source("http://a.example/")
    assert [
        KINDS[one.kind].request_hash(one) for one in (feed, scrape, replace(feed, access=Access(user_agent="x")))
    ] == [
        "af741249d62013922f4533adf59158feca8859a484e381114509c543830c4412",
        "ab463e1a5aae93192b8897c03d63ffb006a1ff9c2cd680b326d20b64af3d7a82",
        "1000379adeac86e5b75bc583760c566b52e1070b85ba2d4b5d57448d3835462a",
    ]
