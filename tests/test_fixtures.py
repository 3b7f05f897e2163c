"""Fixtures: what a source answered is kept without secrets, and read again offline after an edit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import Config, load
from aggregator.demo import demo_config, serve
from aggregator.errors import AggregatorError
from aggregator.fixtures import (
    Captured,
    Checked,
    capture,
    capture_again,
    check,
    find,
    page_reader,
    read,
    without_secrets,
)
from aggregator.models import Fetched
from aggregator.snapshots import difference
from tests.origin import Origin, Response
from tests.scraping import article_page, html, list_page
from tests.support import Site, item, read_tree, rss

pytestmark = pytest.mark.usefixtures("workers_inside")

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
ARTICLE = {"body": "#articleC", "author": "div.source-name", "date": "div.time", "timezone": "Asia/Shanghai"}


def _capture(config: Config, name: str = "one", data: Path | None = None) -> Captured:
    source = next(one for one in config.sources if one.id == name)
    return asyncio.run(capture(config, source, clock=lambda: NOW, data=data))


def _check(config: Config) -> dict[str, Checked]:
    return {folder.name: asyncio.run(check(config, folder)) for folder in find(config)}


def _loaded(site: Site, *sources: Mapping[str, Any], environ: Mapping[str, str] | None = None, **more: Any) -> Config:
    site.configure(*sources, **more)
    return load(site.config, environ or {})


def _scraped(origin: Origin) -> dict[str, Any]:
    """A site without a feed, as a source."""
    html(origin, "/a", article_page("<p>Text of a</p>"))
    html(origin, "/b", article_page("<p>Text of b</p>"))
    url = html(origin, "/list", list_page(("/a", "甲"), ("/b", "乙"), ("/gone", "丙")))
    return {"id": "one", "scrape": {"url": url, "items": "h3 > a", "encoding": "gbk", "article": ARTICLE}}


# -- capture and check -------------------------------------------------------------------------------------------------


def test_all_sources_of_the_demo_are_as_captured_once_their_server_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    with serve() as origin:
        path.write_text(demo_config(origin), encoding="utf-8")
        config = load(path, {})
        done = [_capture(config, one.id) for one in config.sources]
    assert [one.seen.source.id for one in done if one.fixture is None] == ["lost"]
    found = _check(config)
    assert sorted(found) == ["factory", "library", "notes", "tea", "trails", "weekly"]
    assert all(one.fine and one.items for one in found.values())


def test_what_is_kept(site: Site, origin: Origin) -> None:
    done = _capture(_loaded(site, _scraped(origin)))
    assert done.fixture is not None
    files = read_tree(site.folder / "fixtures" / "one")
    assert sorted(files) == ["01.http", "02.http", "03.http", "expected.json"]
    head, _, body = files["01.http"].partition(b"\r\n\r\n")
    assert b"Content-Location: " + origin.url.encode() + b"/list" in head
    assert body == list_page(("/a", "甲"), ("/b", "乙"), ("/gone", "丙"))
    expected = json.loads(files["expected.json"])
    assert [expected["source"], expected["captured_at"]] == ["one", "2026-04-20T12:00:00Z"]
    assert [one.get("file") for one in expected["requests"]] == ["01.http", "02.http", "03.http", None]
    assert expected["requests"][3]["error"]["status"] == 404
    assert [one["entry"]["title"] for one in expected["items"]] == ["甲", "乙"]
    assert expected["items"][0]["entry"]["published_at"] == "2026-04-16T01:20:00Z"


def test_a_second_capture_replaces_the_first(site: Site, origin: Origin) -> None:
    config = _loaded(site, _scraped(origin))
    _capture(config)
    folder = site.folder / "fixtures" / "one"
    (folder / "notes.txt").write_text("mine")
    html(origin, "/list", list_page(("/b", "乙")))
    assert _capture(config).fixture
    second = read_tree(folder)
    assert sorted(second) == ["01.http", "02.http", "expected.json", "notes.txt"]
    assert _check(config)["one"].fine
    assert _capture(config).fixture
    assert read_tree(folder) == second


def test_a_source_that_fails_leaves_the_earlier_fixture_as_it_was(site: Site, origin: Origin) -> None:
    config = _loaded(site, {"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    _capture(config)
    before = read_tree(site.folder / "fixtures")
    origin.route("/one", "gone", status=410)
    done = _capture(config)
    assert done.fixture is None
    assert "410 Gone" in str(done.problem)
    assert read_tree(site.folder / "fixtures") == before
    empty = replace(config, path=site.folder / "other" / "feeds.yaml")
    assert _capture(empty).fixture is None
    assert not (site.folder / "other").exists()


def test_nothing_is_fetched_by_a_check_and_the_time_is_that_of_the_capture(site: Site, origin: Origin) -> None:
    config = _loaded(site, {"id": "one", "feed": origin.route("/one", rss([{"title": "No date", "guid": "1"}]))})
    _capture(config)
    asked = len(origin.requests)
    assert _check(config)["one"].fine
    assert len(origin.requests) == asked


def test_steps_count_neither_for_a_capture_nor_for_a_check(
    site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [{"command": ["sh", "-c", 'echo \'{"title": "made"}\'']}]
    config = _loaded(site, {"id": "one", "feed": origin.route("/one", rss([item(1)]))}, rules=rules)
    monkeypatch.setenv("AGGREGATOR_ALLOW_STEPS", "command")
    assert site.run("update").status == 0
    done = _capture(config, data=site.data)
    assert done.fixture is not None
    assert [one["entry"]["title"] for one in done.fixture.items] == ["Item 1"]
    assert _check(config)["one"].fine


# -- edits -------------------------------------------------------------------------------------------------------------


def _edited(site: Site, source: Mapping[str, Any], **scrape: Any) -> Config:
    return _loaded(site, {**source, "scrape": {**source["scrape"], **scrape}})


def test_edits_of_selectors_show(site: Site, origin: Origin) -> None:
    source = _scraped(origin)
    _capture(_edited(site, source, limit=2))
    folder = site.folder / "fixtures" / "one"
    edits: list[dict[str, Any]] = [
        {"limit": 2, "article": {**ARTICLE, "author": "div.nobody", "timezone": "UTC"}},
        {"limit": 2, "items": "div.new"},
        {"limit": 1},
        {"limit": 3},
    ]

    async def check_all() -> list[Checked]:
        async with page_reader() as pages:
            return [await check(_edited(site, source, **edit), folder, pages) for edit in edits]

    fields, nothing, fewer, more = asyncio.run(check_all())
    assert [fields.problem, fields.unanswered, fields.items] == [None, (), 2]
    assert [sorted(one.fields) for one in fields.difference.changed] == [["authors", "published_at", "updated_at"]] * 2
    assert fields.difference.changed[0].fields["authors"] == (["林一舟"], [])
    assert [name for name, _ in fields.difference.by_field()] == ["published_at", "updated_at", "authors"]
    assert "nothing_matched" in str(nothing.problem)
    assert [[one["entry"]["title"] for one in some] for some in (fewer.difference.missing, fewer.difference.new)] == [
        ["乙"],
        [],
    ]
    assert fewer.difference.changed == ()
    # A request without a recorded answer is an error, although the items are as expected.
    assert [more.unanswered, bool(more.difference)] == [(f"{origin.url}/gone",), False]
    assert [one.fine for one in (fields, nothing, fewer, more)] == [False] * 4


def test_another_address_is_told(site: Site, origin: Origin) -> None:
    url = origin.route("/one", rss([item(1)]))
    _capture(_loaded(site, {"id": "one", "feed": url}))
    found = _check(_loaded(site, {"id": "one", "feed": url + "?x=1"}))["one"]
    assert found.unanswered == (f"{url}?x=1",)
    assert "has no answer to this request" in str(found.problem)


def test_an_edit_of_the_rules_shows(site: Site, origin: Origin) -> None:
    source = {"id": "one", "feed": origin.route("/one", rss([item(1), item(2)]))}
    _capture(_loaded(site, source))
    rules = [{"drop": ["Item 1"]}, {"title": "{title}!"}]
    outputs = {"two": {"where": 'title == "Item 2!"'}}
    found = _check(_loaded(site, source, rules=rules, outputs=outputs))["one"].difference
    second, first = found.changed
    assert first.fields == {"state": ("published", "dropped")}
    assert second.fields == {"outputs": ([], ["two"]), "title": ("Item 2", "Item 2!")}


def test_what_only_rules_hide_shows_too(site: Site, origin: Origin) -> None:
    url = origin.route("/one", rss([item(1)]))
    config = _loaded(site, {"id": "one", "feed": url}, rules=[{"title": "Same"}])
    _capture(config)
    path = site.folder / "fixtures" / "one" / "01.http"
    path.write_bytes(path.read_bytes().replace(b"Item 1", b"Item One"))
    (changed,) = _check(config)["one"].difference.changed
    assert changed.fields == {"title before rules": ("Item 1", "Item One")}


def test_an_edit_that_is_right_is_accepted_offline(site: Site, origin: Origin) -> None:
    source = {"id": "one", "feed": origin.route("/one", rss([item(1)]))}
    _capture(_loaded(site, source))
    config = _loaded(site, source, rules=[{"title": "{title}!"}])
    asked = len(origin.requests)
    assert not _check(config)["one"].fine
    done = asyncio.run(capture_again(config, config.sources[0]))
    assert done.fixture is not None
    assert _check(config)["one"].fine
    assert len(origin.requests) == asked
    before = read_tree(site.folder / "fixtures")
    moved = _loaded(site, {**source, "feed": origin.url + "/two"})
    assert "was not captured" in str(asyncio.run(capture_again(moved, moved.sources[0])).problem)
    assert read_tree(site.folder / "fixtures") == before


def test_a_fixture_of_a_removed_source_is_told(site: Site, origin: Origin) -> None:
    url = origin.route("/one", rss([item(1)]))
    _capture(_loaded(site, {"id": "one", "feed": url}))
    found = _check(_loaded(site, {"id": "other", "feed": url}))["one"]
    assert "there is no source one" in str(found.problem)


# -- secrets -----------------------------------------------------------------------------------------------------------

TOKEN = "s3cr3t-t0ken"  # noqa: S105


def _secret_site(site: Site, origin: Origin, token: str) -> Config:
    source = {
        "id": "one",
        "feed": "http://me:hunter22@" + origin.url.removeprefix("http://") + "/one?key=${env:TOKEN}",
        "headers": {"X-Api-Key": "${env:TOKEN}"},
        "cookies": {"session": "c00kie-value"},
    }
    return _loaded(site, source, environ={"TOKEN": token})


def _with_secret(token: str) -> str:
    link = f"https://example.org/1?key={token}"
    return rss([item(1, link=link, guid=link, description=f"by {token}"), item(2)], title=f"Feed of {token}")


def test_no_secret_is_kept_and_none_is_needed_for_a_check(site: Site, origin: Origin) -> None:
    origin.handle("/one", lambda seen: Response(_with_secret(TOKEN).encode(), 200, {"Content-Type": "text/xml"}))
    config = _secret_site(site, origin, TOKEN)
    assert _capture(config).fixture is not None
    kept = b"".join(read_tree(site.folder / "fixtures").values())
    for secret in (TOKEN.encode(), b"s3cr3t", b"hunter22", b"c00kie", b"X-Api-Key"):
        assert secret not in kept
    assert b"key=***" in kept
    assert _check(config)["one"].fine
    assert _check(_secret_site(site, origin, "another-one"))["one"].fine


def test_an_answer_that_failed_is_kept_without_secrets(site: Site, origin: Origin) -> None:
    source = _scraped(origin)
    source["scrape"]["url"] = origin.url + "/list?key=${env:TOKEN}"
    html(origin, "/list", list_page(("/a", "甲"), (f"/gone?key={TOKEN}", "丙")))
    config = _loaded(site, source, environ={"TOKEN": TOKEN})
    assert _capture(config).fixture is not None
    assert b"s3cr3t" not in b"".join(read_tree(site.folder / "fixtures").values())
    assert _check(config)["one"].fine


@given(st.text(min_size=4, max_size=20), st.text(max_size=20), st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_no_body_keeps_a_secret(secret: str, around: str, encoding: str) -> None:
    try:
        body = f"<p>{around}{secret}{around}</p>".encode(encoding)
    except UnicodeEncodeError:
        return
    page = Fetched("https://x.example/", "https://x.example/", 200, "text/html", body)
    cleaned = without_secrets(page, frozenset([secret])).body
    assert secret not in cleaned.decode(encoding).replace("***", "")


def test_a_secret_is_found_in_the_encoding_of_the_page() -> None:
    body = "<meta charset=gbk><p>这是一个很长的秘密，不要告诉别人</p>".encode("gbk")
    page = Fetched("https://x.example/", "https://x.example/", 200, "text/html; charset=gbk", body)
    assert "<p>这是***，不要告诉别人</p>" in without_secrets(page, frozenset(["一个很长的秘密"])).body.decode("gbk")


# -- files that are broken ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda whole: [], "`format`"),
        (lambda whole: {**whole, "format": "other"}, "`format`"),
        (lambda whole: {**whole, "captured_at": "yesterday"}, "yesterday"),
        (lambda whole: {**whole, "requests": [{"url": "x", "file": "../../feeds.yaml"}]}, "not the name"),
        (lambda whole: {**whole, "requests": [{"url": "x", "file": "99.http"}]}, "99.http cannot be read"),
        (lambda whole: {**whole, "requests": [{"url": "x", "error": {"kind": "odd"}}]}, "odd"),
        (lambda whole: {**whole, "requests": ["x"]}, "not what"),
        (lambda whole: {**whole, "items": [1]}, "`items`"),
        (lambda whole: {key: value for key, value in whole.items() if key != "items"}, "items"),
    ],
)
def test_a_broken_fixture_is_told(site: Site, origin: Origin, change: Any, said: str) -> None:
    config = _loaded(site, {"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    _capture(config)
    path = site.folder / "fixtures" / "one" / "expected.json"
    path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")
    assert said in str(_check(config)["one"].problem)
    with pytest.raises(AggregatorError):
        read(path.parent)


def test_a_fixture_without_its_expectation_is_told(site: Site, origin: Origin) -> None:
    config = _loaded(site, {"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    _capture(config)
    (site.folder / "fixtures" / "one" / "expected.json").unlink()
    (site.folder / "fixtures" / "notes").mkdir()
    assert "cannot be read" in str(_check(config)["one"].problem)


# -- differences -------------------------------------------------------------------------------------------------------


def _item(key: str, title: str = "T", url: str | None = None, **entry: Any) -> dict[str, Any]:
    return {"key": key, "state": "published", "entry": {"title": title, "url": url, **entry}}


def test_items_are_found_again_by_key_then_address_then_title() -> None:
    before = [_item("1", "A", "u1"), _item("2", "B", "u2"), _item("3", "C", "u3"), _item("4", "D", "u4")]
    after = [_item("1", "A!", "u9"), _item("x", "B!", "u2"), _item("y", "C", "u8"), _item("z", "E", "u7")]
    found = difference(before, after)
    assert [one["key"] for one in (*found.missing, *found.new)] == ["4", "z"]
    assert [sorted(one.fields) for one in found.changed] == [["title", "url"], ["title"], ["url"]]


def test_items_with_the_same_name_are_not_mixed_up() -> None:
    before = [_item("1", "Same"), _item("2", "Same")]
    after = [_item("3", "Same"), _item("4", "Same")]
    found = difference(before, after)
    assert [len(found.missing), len(found.new), len(found.changed)] == [2, 2, 0]
    assert not difference(before, list(reversed(before)))


@given(st.lists(st.dictionaries(st.sampled_from(["key", "entry", "state", "before_rules"]), st.none() | st.text())))
def test_whatever_a_file_holds_is_compared(items: list[dict[str, Any]]) -> None:
    assert not difference(items, items).changed
    difference(items, [_item("1")])
