"""Every real feed at hand: what feedparser finds comes out, and no hostile one does harm."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from aggregator.errors import ParseError
from aggregator.models import Fetched, ParsedFeed
from aggregator.parse import parse

URL = "https://site.example/feed"
#: Fewer entries than feedparser finds, with the reason.
FEWER = {
    "fastfeedparser__osm-pl.xml": "cut off in its last entry, of which feedparser shows a half",
    "miniflux__no_encoding_ISO-8859-1.xml": "has an item with nothing in it",
}


def read(body: bytes, content_type: str = "") -> ParsedFeed:
    return parse(Fetched(requested_url=URL, url=URL, status=200, content_type=content_type, body=body))


@pytest.mark.slow
def test_every_entry_that_feedparser_finds_comes_out(shared: Path) -> None:
    different = {}
    with (shared / "corpus" / "real" / "manifest.tsv").open(encoding="utf-8", newline="") as manifest:
        for row in csv.DictReader(manifest, delimiter="\t"):
            parsed = read((shared / "corpus" / "real" / row["name"]).read_bytes())
            expected = int(row["json_items"] or row["entries_feedparser"])
            if len(parsed.entries) != expected:
                different[row["name"]] = (len(parsed.entries), expected)
    assert {name: expected - found for name, (found, expected) in different.items()} == dict.fromkeys(FEWER, 1)


@pytest.mark.slow
def test_hostile_input_is_read_or_refused_as_expected(shared: Path) -> None:
    folder = shared / "corpus" / "hostile"
    for case in json.loads((folder / "manifest.json").read_text(encoding="utf-8")):
        path = folder / case["file"]
        if not path.exists():
            continue
        try:
            parsed = read(path.read_bytes(), case["headers"].get("content-type", ""))
        except ParseError as error:
            assert case["verdict"] != "parse", (case["file"], str(error))
            continue
        assert case["verdict"] != "reject", case["file"]
        assert case["entries_min"] <= len(parsed.entries) <= case["entries_max"], case["file"]
        assert parsed.repairs or not case["must_flag"], case["file"]
        shown = repr(parsed)
        assert not [text for text in case["must_not_contain"] if text in shown], case["file"]
