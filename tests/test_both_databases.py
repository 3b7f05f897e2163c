"""Whole cycles on SQLite and on PostgreSQL: the same commands give the same files, the same words and the same rows."""

from __future__ import annotations

import json
import pkgutil
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from aggregator import cli
from aggregator.cluster.inforce import CONFIG
from aggregator.demo import demo_config, serve
from aggregator.place import DATABASE, VARIABLE
from aggregator.publish.publication import publish
from aggregator.store.fitting import Fitter
from aggregator.store.schema import metadata
from aggregator.store.serversides import ServerSource
from aggregator.store.sides import FileSource, copied_columns
from tests.origin import Origin
from tests.postgres import empty_database
from tests.ruled_worlds import random_settings, shown, world
from tests.store_samples import NOW
from tests.support import Done, Site, item, rss

HOUR = timedelta(hours=1)
#: How long something took, which is another time each time.
_SECONDS = re.compile(r"\d+\.\d s|(?<=\s)\d+\.\d(?=  )|\d+ s ago")


class Both:
    """One site on each database; what is done is done on both, one after the other.

    Args:
        folder: an empty folder.
        uri: of an empty PostgreSQL database.
    """

    def __init__(self, folder: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        self.uri = uri
        self.sites = {"": Site(folder / "file"), uri: Site(folder / "server")}
        self._monkeypatch = monkeypatch
        for site in self.sites.values():
            site.folder.mkdir()
        for one in pkgutil.iter_modules(cli.__path__, "aggregator.cli."):
            module = import_module(one.name)
            if hasattr(module, "utc_now"):
                monkeypatch.setattr(module, "utc_now", lambda: self.now)

    def configure(self, *sources: Mapping[str, Any], **sections: Any) -> None:
        """Write feeds.yaml; one source is fetched after the other, so that their entries have the same numbers."""
        allowed = {"allow_private_addresses": ["127.0.0.0/8"], "concurrency": 1}
        for site in self.sites.values():
            site.configure(*sources, **{"fetch": allowed, **sections})

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run a command; return what it said."""
        said = []
        for database, site in self.sites.items():
            self._monkeypatch.setenv(VARIABLE, database)
            done = site.run(*arguments)
            assert done.status == status, done
            said.append(self._words(done, site))
        self._monkeypatch.delenv(VARIABLE)
        assert said[0] == said[1]
        return said[0]

    def json(self, *arguments: str) -> Any:
        """Run a command that prints JSON."""
        return json.loads(self.run(*arguments, "--json"))

    def check(self) -> dict[str, bytes]:
        """Compare all files and all rows; return the published files."""
        file, server = self.sites.values()
        assert file.posts() == server.posts()
        assert file.public() == server.public()
        assert not (server.data / DATABASE).exists()
        compare(file.data / DATABASE, self.uri)
        return {**file.posts(), **file.public()}

    def _words(self, done: Done, site: Site) -> str:
        text = done.stdout + "".join(sorted(done.stderr.splitlines(keepends=True)))
        return _SECONDS.sub("SOME s", text.replace(str(site.folder), "SITE"))


def compare(file: Path, uri: str) -> None:
    """Compare two databases, table by table."""
    with FileSource.open(file) as one, ServerSource.open(uri) as other:
        for table in metadata.sorted_tables:
            fitter = Fitter(table, copied_columns(table))
            fitting = [fitter.fit(row) for row in one.rows(table)]
            assert all(row is not None and not flaws for row, flaws in fitting)
            # Which configuration is in force is recorded only where workers may come to the same database.
            there = [row for row in other.rows(table) if row[0] != CONFIG]
            assert sorted([row for row, _ in fitting], key=repr) == sorted(there, key=repr), table.name


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    """Two empty sites."""
    with empty_database() as uri:
        yield Both(tmp_path, uri, monkeypatch)


def _feed(origin: Origin, name: str, *numbers: int, **changes: str) -> dict[str, Any]:
    """Serve a feed with these items, each of which has words to judge by."""
    words = ("Rust", "Sponsored", "芯片", "A \U0001f680 é")
    items = [
        item(
            number,
            title=f"{words[number % 4]} {number}",
            link=f"https://{'shared' if number % 5 == 0 else name}.example/{number}?utm_source={name}",
            guid=f"urn:x-test:{name}:{number}",
            category=words[number % 4],
            **changes,
        )
        for number in numbers
    ]
    return {"id": name, "feed": origin.route(f"/{name}", rss(items, title=f"Feed {name}"))}


_SECTIONS: dict[str, Any] = {
    "categories": {"news": "News", "more": {"title": "More", "retention": {"count": 12}}},
    "posts": [{"folder": "posts"}, {"folder": "others", "preset": "hugo"}],
    "feeds": {"archive": True, "limit": 5},
    "duplicates": "url",
    "rules": [
        {"drop": {"title": ["sponsored"]}, "when": 'source == "b"'},
        {"hold": True, "when": 'title.contains("芯片")'},
        {"also_in": ["more"], "when": '"Rust" in tags'},
    ],
    "outputs": {"rust": {"title": "Rust", "where": 'title.contains("Rust")', "rules": [{"prefix": "From {source}"}]}},
}


def test_rules_outputs_duplicates_review_and_retention(both: Both, origin: Origin) -> None:
    sources = [_feed(origin, name, *range(1, 25)) for name in "abc"]
    both.configure(*sources, **_SECTIONS)
    both.run("update")
    both.check()
    held = [one["number"] for one in both.json("review")]
    assert held
    both.run("review", str(held[0]), "--publish")
    both.run("review", str(held[1]), "--drop")
    copies = both.json("list", "--state", "copy")
    leader = both.json("explain", str(copies[0]["number"]))["copy_of"]
    both.run("not-duplicate", str(copies[0]["number"]), str(leader))
    # The next turn: other items, and other texts of known ones.
    both.now += 3 * HOUR
    for name in "abc":
        _feed(origin, name, *range(10, 40), description="&lt;p&gt;Another text.&lt;/p&gt;")
    both.run("update")
    both.check()
    both.configure(*sources[:2], **{**_SECTIONS, "rules": _SECTIONS["rules"][1:], "retention": {"count": 20}})
    both.run("replay")
    both.run("replay", "--apply")
    both.now += HOUR
    both.run("update", "--all")
    both.run("publish")
    both.run("remove", "b", "--purge", "--yes")
    files = both.check()
    assert any(path.startswith("rust/") for path in files)
    for command in ("status", "etiquette", "outputs", "list", "health"):
        both.run(command, "--json")
    for words in (["status"], ["rules", "test"], ["opml", "export"], ["show", str(leader)], ["check"]):
        both.run(*words)
    assert "nothing was stored" in both.run("update", "--all", "--dry-run")


def test_pages_articles_and_sitemaps(both: Both, origin: Origin) -> None:
    text = "<p>" + "A sentence of the article. " * 20 + "</p>"
    for path in ("/a", "/b", "/c"):
        head = '<meta property="article:published_time" content="2026-01-02T10:00:00Z">'
        page = f"<html><head>{head}</head><body><article><h1>Title of {path[1:]}</h1>{text}</article></body></html>"
        origin.route(path, page, content_type="text/html", conditional=True)
    listed = "".join(f'<div class="card"><a href="/{name}">Title of {name}</a></div>' for name in "ab")
    scrape = {"url": origin.route("/list", listed, content_type="text/html", conditional=True), "items": ".card"}
    urls = f"<urlset><url><loc>{origin.url}/c</loc><lastmod>2026-01-02</lastmod></url></urlset>"
    sitemap = origin.route("/sitemap.xml", urls, conditional=True)
    both.configure({"id": "list", "scrape": {**scrape, "article": True}}, {"id": "map", "sitemap": sitemap})
    for _ in range(2):
        both.run("update", "--all")
        assert len(both.check()) > 3
        both.now += HOUR


def test_the_demo(both: Both) -> None:
    with serve() as url:
        for site in both.sites.values():
            text = demo_config(url).replace("fetch:\n", "fetch:\n  concurrency: 1\n", 1)
            site.config.write_text(text, encoding="utf-8")
        both.run("update", status=1)
        both.check()


@pytest.mark.parametrize("seed", range(2))
def test_worlds_with_random_rules(seed: int, tmp_path: Path) -> None:
    settings = random_settings(seed)
    with empty_database() as uri:
        seen = []
        for place in (tmp_path / "file" / DATABASE, uri):
            folder = tmp_path / ("file" if isinstance(place, Path) else "server")
            with world(folder, settings, place=place) as one:
                one.read(10)
                publish(one.store, one.config, folder, now=one.now)
                one.read()
                assert not publish(one.store, one.config, folder, now=one.now).failures
                seen.append((shown(one.store, one.config), _files(folder)))
        assert seen[0] == seen[1]
        compare(tmp_path / "file" / DATABASE, uri)


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for name in ("posts", "public") for path in (folder / name).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
