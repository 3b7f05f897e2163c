"""The whole pipeline through `aggregator update`, on a real origin."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
import yaml

from tests.origin import Origin, Response, Seen
from tests.support import Site, item, read_tree, rss
from tests.validators import check_atom, check_jsonfeed, check_rss


def test_posts_and_feeds_come_out(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed.xml", rss([item(1), item(2)]))
    site.configure({"id": "one", "name": "One", "section": "Short", "feed": feed})
    done = site.run("update")
    assert done.status == 0, done.stderr
    assert sorted(site.posts()) == ["news/Item-1.md", "news/Item-2.md"]
    front = yaml.safe_load(site.posts()["news/Item-1.md"].split(b"---\n")[1])
    assert front["title"] == "Item 1"
    assert front["categories"] == ["News", "One", "Short"]
    assert front["date"] == "Fri, 02 Jan 2026 10:00:00 GMT"
    public = site.public()
    assert set(public) == {f"{s}/{n}" for s in ("all", "news") for n in ("atom.xml", "feed.json", "rss.xml")} | {
        "opml.xml",
        "feeds.opml",
        "_assets/feed.css",
    }
    for slug in ("all", "news"):
        assert check_rss(public[f"{slug}/rss.xml"]) == []
        assert check_atom(public[f"{slug}/atom.xml"]) == []
        assert check_jsonfeed(public[f"{slug}/feed.json"]) == []
    assert [one["id"] for one in json.loads(public["news/feed.json"])["items"]] == [
        "https://example.org/2",
        "https://example.org/1",
    ]


def test_minimal_configuration_works(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed.xml", rss([item(1)]))
    site.config.write_text(f"fetch:\n  allow_private_addresses: true\nsources:\n  - feed: {feed}\n", encoding="utf-8")
    done = site.run("update")
    assert done.status == 0, done.stderr
    assert list(site.posts()) == ["uncategorized/Item-1.md"]
    front = yaml.safe_load(site.posts()["uncategorized/Item-1.md"].split(b"---\n")[1])
    assert front["categories"] == ["A feed"]
    assert front["author"] == "A feed"


def test_second_update_asks_conditionally_and_writes_nothing(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed.xml", rss([item(1)]), conditional=True)
    site.configure({"id": "one", "feed": feed})
    site.run("update")
    before = site.stamps()
    done = site.run("update", "--all")
    assert done.status == 0
    assert "not modified" in done.stdout
    assert "Nothing to write" in done.stdout
    assert site.stamps() == before
    assert [seen.status for seen in origin.asked("/feed.xml")] == [200, 304]


def test_nothing_is_asked_before_it_is_due(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed.xml", rss([item(1)]))
    site.configure({"id": "one", "feed": feed, "interval": "1h"})
    site.run("update")
    done = site.run("update")
    assert done.status == 0
    assert "No source is due" in done.stdout
    assert len(origin.asked("/feed.xml")) == 1


def test_changed_item_rewrites_its_post_in_place_and_touches_no_other(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed.xml", rss([item(1), item(2)]))
    site.configure({"id": "one", "feed": feed})
    site.run("update")
    before = site.stamps()
    origin.route("/feed.xml", rss([item(1, title="A new title"), item(2)]))
    done = site.run("update", "--all")
    assert "1 changed" in done.stdout
    assert sorted(site.posts()) == ["news/Item-1.md", "news/Item-2.md"]
    assert b"title: 'A new title'" in site.posts()["news/Item-1.md"]
    after = site.stamps()
    assert after["posts/news/Item-2.md"] == before["posts/news/Item-2.md"]
    assert after["posts/news/Item-1.md"] != before["posts/news/Item-1.md"]


def test_broken_sources_stop_no_other(site: Site, origin: Origin) -> None:
    def crash(seen: Seen) -> Response:
        return Response(raw=lambda handler: handler.connection.close())

    site.configure(
        {"id": "missing", "feed": origin.url + "/nowhere"},
        {"id": "page", "feed": origin.route("/page", "<html><body>hi</body></html>", content_type="text/html")},
        {"id": "gone", "feed": "http://127.0.0.1:9/"},
        {"id": "private", "feed": "http://10.1.2.3/"},
        {"id": "reset", "feed": origin.handle("/reset", crash)},
        {"id": "good", "feed": origin.route("/good", rss([item(1)]))},
    )
    done = site.run("update")
    assert done.status == 1
    status = site.status()
    assert {name: row["failure_kind"] for name, row in status.items()} == {
        "missing": "http_status",
        "page": "not_a_feed",
        "gone": "connect",
        "private": "refused",
        "reset": "connect",
        "good": None,
    }
    assert status["good"]["state"] == "ok"
    assert status["good"]["entries"] == 1
    assert status["missing"]["state"] == "failing"
    assert "404" in status["missing"]["error"]
    assert list(site.posts()) == ["news/Item-1.md"]


def test_failure_keeps_what_is_known(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed.xml", rss([item(1)]), conditional=True)
    site.configure({"id": "one", "feed": feed})
    site.run("update")
    outputs = site.stamps()
    good = origin.routes["/feed.xml"]
    origin.route("/feed.xml", b"oops", status=500)
    assert site.run("update", "--all").status == 1
    assert site.status()["one"]["failures"] == 1
    assert site.stamps() == outputs
    origin.handle("/feed.xml", good)
    assert site.run("update", "--all").status == 0
    assert site.status()["one"]["failures"] == 0
    assert origin.asked("/feed.xml")[-1].status == 304


def test_source_option_narrows_and_dry_run_stores_nothing(site: Site, origin: Origin) -> None:
    site.configure(
        {"id": "one", "feed": origin.route("/one", rss([item(1)]))},
        {"id": "two", "feed": origin.route("/two", rss([item(2)]))},
    )
    done = site.run("update", "--dry-run")
    assert done.status == 0
    assert "2 new entries" in done.stdout
    assert "nothing was stored" in done.stdout
    assert site.posts() == {} == site.public()
    assert site.status()["one"]["state"] == "new"
    site.run("update", "--source", "two")
    assert list(site.posts()) == ["news/Item-2.md"]
    assert len(origin.asked("/one")) == 1


def test_two_sources_with_one_guid_keep_both_items(site: Site, origin: Origin) -> None:
    site.configure(
        {"id": "a", "name": "A", "feed": origin.route("/a", rss([item(1, guid="tag:example.org,2026:1")]))},
        {"id": "b", "name": "B", "feed": origin.route("/b", rss([item(1, guid="tag:example.org,2026:1", title="X")]))},
    )
    site.run("update")
    ids = [one["id"] for one in json.loads(site.public()["all/feed.json"])["items"]]
    assert len(set(ids)) == 2
    assert "tag:example.org,2026:1" in ids


def test_equal_titles_get_names_of_their_own(site: Site, origin: Origin) -> None:
    items = [item(n, title=title) for n, title in enumerate(["Same", "SAME", "same"])]
    site.configure({"id": "one", "feed": origin.route("/one", rss(items))})
    site.run("update")
    assert len(site.posts()) == 3
    assert len({path.casefold() for path in site.posts()}) == 3


def test_undated_item_keeps_its_first_date(site: Site, origin: Origin) -> None:
    undated = {key: value for key, value in item(1).items() if key != "pubDate"}
    site.configure({"id": "one", "feed": origin.route("/one", rss([undated]))})
    site.run("update")
    first = json.loads(site.public()["all/feed.json"])["items"][0]["date_published"]
    origin.route("/one", rss([{**undated, "title": "Other"}]))
    site.run("update", "--all")
    again = json.loads(site.public()["all/feed.json"])["items"][0]
    assert (again["title"], again["date_published"]) == ("Other", first)


def test_document_that_is_cut_off_is_asked_for_again_in_full(site: Site, origin: Origin) -> None:
    whole = rss([item(1), item(2)])
    cut = origin.route("/feed.xml", whole[: whole.rindex("<link>")], conditional=True)
    site.configure({"id": "one", "feed": cut})
    done = site.run("update")
    assert "cut off" in done.stdout
    assert len(site.posts()) == 1
    site.run("update", "--all")
    assert [seen.status for seen in origin.asked("/feed.xml")] == [200, 200]


def test_dry_run_touches_nothing_not_even_the_database(site: Site, origin: Origin) -> None:
    feed = origin.route("/one", rss([item(1)]))
    site.configure({"id": "one", "feed": feed})
    assert site.run("update", "--dry-run").status == 0
    assert not site.data.exists()
    site.run("update")
    before = read_tree(site.data)
    site.configure({"id": "one", "feed": feed}, {"id": "other", "feed": origin.route("/two", rss([item(7)]))})
    assert "1 new" in site.run("update", "--dry-run", "--all").stdout
    assert read_tree(site.data) == before


def test_secrets_reach_neither_output_nor_database(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t-token")
    origin.route("/private/s3cr3t-token", rss([item(1)]))
    site.configure(
        {"id": "bad", "feed": origin.url + "/nope?token=${env:TOKEN}"},
        {"id": "good", "feed": origin.url + "/private/${env:TOKEN}"},
    )
    done = site.run("update")
    shown = [done.stdout, done.stderr, site.run("status").stdout, site.run("status", "--json").stdout]
    assert not [text for text in shown if "s3cr3t" in text]
    assert not [name for name, data in site.public().items() if b"s3cr3t" in data]
    with closing(sqlite3.connect(site.data / "aggregator.db")) as database:
        assert "s3cr3t" not in str(database.execute("SELECT error FROM sources").fetchall())


def test_entry_that_changes_all_the_time_settles_unless_the_source_dates_it(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.url + "/one"})
    for number in range(28):
        origin.route("/one", rss([item(1, description=f"version {number}")]))
        done = site.run("update", "--all")
    assert "left as it is" in done.stdout
    assert b"version 24" in site.posts()["news/Item-1.md"]
    dated = item(1, description="a true change").copy()
    dated["atom:updated xmlns:atom='http://www.w3.org/2005/Atom'"] = "2026-02-01T00:00:00Z"
    text = rss([dated]).replace("</atom:updated xmlns:atom='http://www.w3.org/2005/Atom'>", "</atom:updated>")
    origin.route("/one", text)
    site.run("update", "--all")
    assert b"a true change" in site.posts()["news/Item-1.md"]


def test_full_disk_ends_with_a_message_and_the_next_run_goes_on(site: Site, origin: Origin) -> None:
    items = [item(n, description="x" * 20_000) for n in range(1, 28)]
    site.configure(*({"id": f"s{n}", "feed": origin.route(f"/{n}", rss(items))} for n in range(3)))
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "from aggregator.cli import app; app(sys.argv[1:])"
    )
    arguments = ["update", "--config", str(site.config), "--data", str(site.data)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr
    assert site.run("update").status == 0
    assert len(site.posts()) == 81
