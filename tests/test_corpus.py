"""Real and hostile feeds from the corpus beside the checkout, served over loopback, through one `update` each.

As a rule a part of them: the readers alone get all hostile ones every time (`tests.parse.test_corpus`).
"""

from __future__ import annotations

import csv
import importlib.util
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from io import StringIO
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

import pytest
import yaml
from lxml import etree
from ruamel.yaml import YAML

from tests.origin import Origin
from tests.support import Done, Site
from tests.thoroughness import sample
from tests.validators import read_back
from tests.validators_public import check_public, follow

pytestmark = pytest.mark.slow
BODIES = ("{http://purl.org/rss/1.0/modules/content/}encoded", "{http://www.w3.org/2005/Atom}content")
TYPES = {".rss": "application/rss+xml", ".atom": "application/atom+xml", ".json": "application/feed+json"}
#: Entries of real feeds and of the manifest, where we read others.
DIFFERENT = {
    # Cut off in the middle of an item: feedparser gives the half item, we never do.
    "fastfeedparser__osm-pl.xml": (7, 8),
    # An item with a date and nothing else.
    "miniflux__no_encoding_ISO-8859-1.xml": (9, 10),
    # The very same item more than once.
    "fastfeedparser__feeds.transistor.fm-72d108.rss": (62, 64),
    "feedjira-old__sneer.xml": (21, 22),
}


class Corpus:
    """Files of one folder of the corpus as a site, each a source; `limit` items are in a feed."""

    def __init__(self, folder: Path, files: Sequence[Path], where: Path, limit: int) -> None:
        self.origin = Origin()
        self.site = Site(where)
        self.names: dict[str, str] = {}
        headers = self._headers(folder)
        sources = []
        for path in files:
            name = f"f{len(self.names)}"
            self.names[name] = path.name
            sent = {key.title(): value for key, value in headers.get(path.name, {}).items()}
            content_type = sent.pop("Content-Type", TYPES.get(path.suffix, "application/xml"))
            url = self.origin.route(
                "/" + quote(path.name), path.read_bytes(), content_type=content_type, headers=sent, conditional=True
            )
            sources.append({"id": name, "name": path.name[:60], "feed": url, "category": f"c{len(self.names) % 5}"})
        self.site.configure(*sources, categories={f"c{n}": f"Category {n}" for n in range(5)}, feeds={"limit": limit})

    @staticmethod
    def _headers(folder: Path) -> dict[str, dict[str, str]]:
        manifest = folder / "manifest.json"
        if not manifest.is_file():
            return {}
        return {row["file"]: row["headers"] for row in json.loads(manifest.read_text(encoding="utf-8"))}

    def check_outputs(self) -> None:
        """Every post loads in YAML 1.1 and 1.2 alike, every feed is valid, and all three formats say the same."""
        modern = YAML(typ="safe", pure=True)
        for name, data in self.site.posts().items():
            front = data.decode().split("---\n")[1]
            found = yaml.load(front, yaml.CSafeLoader)
            assert found == modern.load(StringIO(front)), name
            assert isinstance(found["title"], str), name
        assert check_public(self.site.data / "public") == []
        public = self.site.public()
        folders = [name.removesuffix("/feed.json") for name in public if name.endswith("/feed.json")]
        assert {"all", *(f"c{n}" for n in range(5))} <= set(folders)
        for folder in folders:
            rss, atom, feed = (public[f"{folder}/{name}"] for name in ("rss.xml", "atom.xml", "feed.json"))
            items = json.loads(feed)["items"]
            assert len({item["id"] for item in items}) == len(items)
            expected = [
                (item["id"], item.get("title"), item.get("url"), _moment(item["date_published"])) for item in items
            ]
            for data in (rss, atom):
                read = read_back(_without_bodies(data))
                assert [(one[0], one[1], one[2], _moment(one[3])) for one in read] == expected, folder


def _without_bodies(feed: bytes) -> bytes:
    """A feed without its long texts: feedparser spends half of its time on them, and they are not compared."""
    root = etree.fromstring(feed, etree.XMLParser(resolve_entities=False, huge_tree=True))
    for body in list(root.iter(*BODIES)):
        parent = body.getparent()
        assert parent is not None
        parent.remove(body)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def _moment(text: object) -> datetime:
    if isinstance(text, datetime):
        return text
    value = str(text)
    return parsedate_to_datetime(value) if "," in value else datetime.fromisoformat(value)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    folder = _shared() / "corpus" / "real"
    corpus = Corpus(folder, sample(_files(folder), DIFFERENT), tmp_path_factory.mktemp("real"), 500)
    yield corpus
    corpus.origin.close()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    folder = _shared() / "corpus" / "hostile"
    corpus = Corpus(folder, sample(_files(folder), every=3), tmp_path_factory.mktemp("hostile"), 5000)
    yield corpus
    corpus.origin.close()


def _files(folder: Path) -> list[Path]:
    found = (path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix not in (".tsv", ".py"))
    return [path for path in found if path.name != "manifest.json"]


def _shared() -> Path:
    from tests.conftest import SHARED

    if not SHARED.is_dir():
        pytest.skip("no ../shared beside this checkout")
    return SHARED


def _scanner() -> ModuleType:
    path = _shared() / "corpus" / "hostile" / "scan_output.py"
    spec = importlib.util.spec_from_file_location("scan_output", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _missing(corpus: Corpus) -> dict[str, tuple[int, int]]:
    """Stored entries and those that the manifest promises, for each feed in which they differ."""
    with (_shared() / "corpus/real/manifest.tsv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    expected = {row["name"]: int(row["json_items"] or row["entries_feedparser"]) for row in rows}
    stored = {corpus.names[name]: row["entries"] for name, row in corpus.site.status().items()}
    return {name: (count, expected[name]) for name, count in stored.items() if count != expected[name]}


def test_real_feeds_all_go_through_one_update(real: Corpus) -> None:
    done = real.site.run("update")
    assert done.status in (0, 1), done.stderr
    assert {row["failure_kind"] for row in real.site.status().values()} <= {None, "not_a_feed"}
    assert _missing(real) == DIFFERENT
    real.check_outputs()
    # The archives lead to every item.
    count = sum(row["entries"] for row in real.site.status().values())
    assert len(follow(real.site.data / "public", "all/atom.xml")) == count
    before = real.site.stamps()
    again: Done = real.site.run("update", "--all")
    assert "Nothing to write" in again.stdout
    assert real.site.stamps() == before


def test_hostile_feeds_do_no_harm(hostile: Corpus) -> None:
    done = hostile.site.run("update")
    assert done.status == 1
    assert "Traceback" not in done.stderr
    status = {hostile.names[name]: row for name, row in hostile.site.status().items()}
    assert not [name for name, row in status.items() if row["failure_kind"] == "internal"]
    manifest = json.loads((_shared() / "corpus/hostile/manifest.json").read_text(encoding="utf-8"))
    wrong = {
        row["file"]: status[row["file"]]["entries"]
        for row in manifest
        if row["file"] in status
        and row["verdict"] == "parse"
        and not row["entries_min"] <= status[row["file"]]["entries"] <= row["entries_max"]
    }
    assert wrong == {}
    refused = {row["file"] for row in manifest if row["verdict"] == "reject" and row["file"] in status}
    assert not [name for name in refused if status[name]["state"] != "failing"]
    hostile.check_outputs()
    scanner = _scanner()
    assert scanner.paths(str(hostile.site.data / "posts")) == 0
    for name, data in hostile.site.posts().items():
        body = data.decode().split("\n---\n\n", 1)[1]
        assert scanner.unsafe(body) == [], name
        assert not re.search("[{}]", body), name
    for slug in ("all",):
        for one in json.loads(hostile.site.public()[f"{slug}/feed.json"])["items"]:
            assert scanner.unsafe(one.get("content_html", "")) == [], one["id"]
    texts = "\n".join(data.decode() for data in {**hostile.site.posts(), **hostile.site.public()}.values())
    assert "root:x:0:0" not in texts
