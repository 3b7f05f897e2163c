"""Pages that could not be read are kept for a look, until nobody needs them any more."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.fetch import recorded
from aggregator.models import Fetched
from aggregator.pipeline.savedpages import FOLDER, MAX_PAGE, SavedPages, name_of
from tests.hubs import ERROR_PAGE, Hub
from tests.origin import Origin
from tests.support import Site

ROUTE = "/ofweek/news"


def page(body: bytes = b"<html>no</html>") -> Fetched:
    return Fetched("https://a.example/x", "https://a.example/y", 200, "text/html", body)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with closing(Origin()) as origin:
        yield Hub(origin)


def configure(site: Site, hub: Hub, *ids: str) -> None:
    site.configure(*({"id": name, "rsshub": ROUTE} for name in ids), rsshub={"instances": [hub.url]})


def kept(site: Site) -> list[str]:
    return sorted(path.name for path in (site.data / FOLDER).glob("*"))


def test_a_page_that_is_no_feed_is_kept_and_named(site: Site, hub: Hub) -> None:
    hub.fail(ROUTE, 200)
    configure(site, hub, "one")
    assert site.run("update").status == 1
    assert kept(site) == ["one.http"]
    data = (site.data / FOLDER / "one.http").read_bytes()
    found = recorded.load(data, "")
    assert (found.body.decode(), found.url) == (ERROR_PAGE, f"{hub.url}{ROUTE}")
    assert site.status()["one"]["error"].endswith("; the page is kept in pages/one.http")
    shown = site.run("status", "one").stdout
    assert f"page kept      {site.data / 'pages' / 'one.http'}, " in shown
    more = json.loads(site.run("status", "one", "--json").stdout)
    assert more["page"] == "pages/one.http"
    assert datetime.fromisoformat(more["page_kept_at"]) <= datetime.now(UTC)


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such permissions")
def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    SavedPages(tmp_path).save("one", page())
    assert stat.S_IMODE((tmp_path / FOLDER).stat().st_mode) == 0o700


def test_it_goes_when_the_source_works_again(site: Site, hub: Hub) -> None:
    hub.fail(ROUTE, 200)
    configure(site, hub, "one", "two")
    site.run("update")
    assert kept(site) == ["one.http", "two.http"]
    hub.serve(ROUTE, "One")
    site.run("update", "--source", "one")
    assert kept(site) == ["two.http"]
    more = json.loads(site.run("status", "one", "--json").stdout)
    assert (more["page"], more["page_kept_at"], more["served_by"]) == (None, None, f"{hub.url}/")
    assert "page kept" not in site.run("status", "one").stdout


def test_it_stays_while_the_source_fails_in_another_way(site: Site, hub: Hub) -> None:
    hub.fail(ROUTE, 200)
    configure(site, hub, "one")
    site.run("update")
    hub.fail(ROUTE, 503)
    site.run("update", "--all")
    assert kept(site) == ["one.http"]
    assert "page kept" in site.run("status", "one").stdout


def test_it_goes_with_a_source_that_is_no_longer_configured(site: Site, hub: Hub) -> None:
    hub.fail(ROUTE, 200)
    configure(site, hub, "one", "two")
    site.run("update")
    (site.data / FOLDER / "mine.txt").write_text("a note", encoding="utf-8")
    configure(site, hub, "two")
    # Nothing is due.
    assert site.run("update").status == 0
    assert kept(site) == ["mine.txt", "two.http"]


def test_it_goes_with_what_is_stored_of_a_source(site: Site, hub: Hub) -> None:
    hub.fail(ROUTE, 200)
    configure(site, hub, "one", "two")
    site.run("update")
    done = site.run("remove", "two", "--purge", "--yes")
    assert done.status == 0, done.stderr
    assert kept(site) == ["one.http"]


def test_a_look_keeps_nothing(site: Site, hub: Hub) -> None:
    hub.fail(ROUTE, 200)
    configure(site, hub, "one")
    site.run("update", "--dry-run")
    assert not (site.data / FOLDER).exists()


def test_without_a_folder_there_is_nothing_to_do(tmp_path: Path) -> None:
    for pages in (SavedPages(None), SavedPages(tmp_path / "none")):
        pages.forget("one")
        pages.forget_others([])
        assert pages.find("one") is None
    assert SavedPages(None).save("one", page()) is None


def test_names_are_those_of_the_ids_or_digests_of_long_ones(tmp_path: Path) -> None:
    assert name_of("über.x_1") == "über.x_1" + recorded.SUFFIX
    long = "界" * 64 + "x" * 64
    assert len(name_of(long).encode()) == 64 + len(recorded.SUFFIX)
    pages = SavedPages(tmp_path)
    assert pages.save(long, page()) == f"{FOLDER}/{name_of(long)}"
    pages.forget_others([long])
    assert pages.find(long) is not None
    pages.forget(long)
    assert pages.find(long) is None


def test_a_page_is_cut_off_at_its_limit(tmp_path: Path) -> None:
    SavedPages(tmp_path).save("one", page(b"x" * (2 * MAX_PAGE)))
    assert (tmp_path / FOLDER / "one.http").stat().st_size == MAX_PAGE


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_nothing_is_written_or_deleted_through_a_link_that_leads_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "one.http").write_text("mine", encoding="utf-8")
    (tmp_path / "data" / FOLDER).mkdir(parents=True)
    (tmp_path / "data" / FOLDER / "one.http").symlink_to(outside / "one.http")
    pages = SavedPages(tmp_path / "data")
    pages.forget("one")
    pages.save("one", page())
    assert (outside / "one.http").read_text(encoding="utf-8") == "mine"
