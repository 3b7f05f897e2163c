"""The commands preview, capture and check --fixtures: what they print, and how they end."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from aggregator.cli import app, fixtures, preview
from aggregator.cli.console import cell_width
from aggregator.fetch import recorded
from aggregator.models import Fetched
from tests.cli.test_screens import agreed, screen
from tests.origin import Origin
from tests.scraping import article_page, html, list_page
from tests.store_samples import NOW
from tests.support import Done, Site, command, item, read_tree, rss

pytestmark = pytest.mark.usefixtures("workers_inside")

RULES: list[dict[str, Any]] = [{"drop": {"title": ["Item 2"]}}, {"title": "{title}!", "when": 'title == "Item 3"'}]


def _as_json(done: Done, status: int = 0) -> Any:
    assert done.status == status, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def place(site: Site, origin: Origin) -> Site:
    """A site with a feed under rules, a list that matches nothing, and a page in place of a feed."""
    feed = origin.route("/feed", rss([item(1), item(2), item(3)], title="The feed"))
    page = html(origin, "/list", list_page(("/a", "甲")))
    html(origin, "/page", "<title>A page</title>")
    site.configure(
        {"id": "feed", "feed": feed},
        {"id": "list", "scrape": {"url": page, "items": "div.nothing", "encoding": "gbk"}},
        rules=RULES,
        outputs={"few": {"where": 'title == "Item 1"'}},
    )
    return site


def _scrape(site: Site, origin: Origin) -> None:
    html(origin, "/a", article_page("<p>Text of a</p>"))
    url = html(origin, "/list", list_page(("/a", "甲"), ("/b", "乙")))
    article = {"body": "#articleC", "date": "div.time"}
    site.configure({"id": "list", "scrape": {"url": url, "items": "h3 > a", "encoding": "gbk", "article": article}})


# -- preview -----------------------------------------------------------------------------------------------------------


def test_each_stage_has_its_block(place: Site, origin: Origin) -> None:
    done = place.run("preview", "feed")
    assert [done.status, done.stderr] == [0, ""]
    said = done.stdout.replace(origin.url, "ORIGIN")
    assert said.splitlines()[:8] == [
        "feed: feed, ORIGIN/feed",
        "",
        "Fetched 1 document, 799 bytes.",
        "200  799 bytes  utf-8  ORIGIN/feed",
        "",
        "Read 3 items of “The feed” (rss20).",
        "in all   title, link, date, summary, id",
        "in none  updated, content, author, image, categories, enclosures",
    ]
    assert "site, rule 1, drop: {title: [Item 2]}: 1 of 3 items\n    Item 2: " in said
    assert re.search(r"site, rule 2, title: .*: 1 of 2 items\n    Item 3: ", said)
    assert "output few: 1 of 3 items" in said
    assert re.search(r"2026-01-04 10:00  published  new +news +Item 3!\n +https://example.org/3\n", said)
    assert re.search(r"2026-01-03 10:00  dropped +new +news +Item 2\n", said)
    assert said.endswith("\n\nNothing was stored or written.\n")
    assert not place.data.exists()


def test_items_are_compared_with_those_stored(place: Site, origin: Origin) -> None:
    place.run("update")
    origin.route("/feed", rss([item(3, title="Changed"), item(4)]))
    rows = _as_json(place.run("preview", "feed", "--json"))["items"]
    assert [(row["entry"]["title"], row["here"]) for row in rows] == [("Item 4", "new"), ("Changed", "changed")]


def test_so_many_items_are_shown(place: Site) -> None:
    assert "and 1 older; --items shows more" in place.run("preview", "feed", "-n", "2").stdout
    assert len(_as_json(place.run("preview", "feed", "-n", "1", "--json"))["items"]) == 1


def test_json_has_everything(place: Site, origin: Origin) -> None:
    whole = _as_json(place.run("preview", "feed", "--json", "--post"))
    assert whole["format"] == "aggregator-preview-1"
    assert [whole["failure"], whole["notes"], whole["not_published"]] == [None, [], []]
    (document,) = whole["documents"]
    assert [document["status"], document["url"], document["encoding"]] == [200, f"{origin.url}/feed", "utf-8"]
    assert whole["read"]["fields"]["title"] == 3
    assert [(row["rule"], row["hits"], row["applied"]) for row in whole["rules"]] == [("drop", 1, 3), ("title", 1, 2)]
    third, second, first = whole["items"]
    assert [third["entry"]["title"], third["before_rules"]] == ["Item 3!", {"title": "Item 3"}]
    assert [third["post"]["path"], "post" in second] == ["posts/news/Item-3!.md", False]
    assert [second["state"], first["outputs"]] == ["dropped", ["few"]]


def test_posts_are_printed(place: Site) -> None:
    said = place.run("preview", "feed", "--post").stdout
    place.run("update")
    posts = place.posts()
    assert "==> no post: it is dropped: Item 2\n" in said
    assert all(f"==> posts/{name}\n{data.decode()}" in said for name, data in posts.items())


def test_documents_are_printed_as_they_came(place: Site, origin: Origin) -> None:
    body = list_page(("/a", "甲"))
    done = command("preview", "list", "--raw", "--config", str(place.config), "--data", str(place.data))
    assert done.status == 1
    assert "nothing_matched" in done.stderr
    raw = CliRunner().invoke(app, ["preview", "list", "--raw", "--config", str(place.config)]).stdout_bytes
    head, _, came = raw.partition(b"\r\n\r\n")
    assert came == body
    assert head.startswith(b"HTTP/1.1 200\r\n")


def _keep_page(place: Site, origin: Origin) -> Path:
    """Keep a page as an update does that could not read it."""
    kept = place.data / "pages" / "list.http"
    kept.parent.mkdir(parents=True)
    url = f"{origin.url}/list"
    kept.write_bytes(recorded.dump(Fetched(url, url, 200, "text/html", list_page(("/a", "甲")))))
    return kept


def test_a_failure_is_told_with_what_to_look_at(place: Site, origin: Origin) -> None:
    _keep_page(place, origin)
    done = place.run("preview", "list")
    assert done.status == 1
    assert "failed  nothing_matched: " in done.stdout
    assert "kept in" not in done.stdout
    assert "--raw" in done.stdout
    assert f"kept    {place.data}/pages/list.http" in done.stdout
    failure = _as_json(place.run("preview", "list", "--json"), 1)["failure"]
    assert failure["kind"] == "nothing_matched"


def test_an_address_need_not_be_configured(place: Site, origin: Origin) -> None:
    url = origin.route("/other", rss([item(9)]))
    assert "not configured: feed, " in place.run("preview", url).stdout
    for address in ("/feed", "/feed/?utm_source=x"):
        assert place.run("preview", origin.url + address).stdout.startswith("feed: feed, ")
    done = place.run("preview", f"{origin.url}/page")
    assert done.status == 1
    assert f"`aggregator add {origin.url}/page` looks for what it offers" in done.stdout


def test_an_address_needs_no_feeds_yaml(tmp_path: Path) -> None:
    places = ("--config", str(tmp_path / "none.yaml"), "--data", str(tmp_path / "data"))
    done = command("preview", "http://127.0.0.1:9/", *places)
    # Without feeds.yaml, no private address is allowed.
    assert [done.status, "refused" in done.stdout] == [1, True]
    assert command("preview", "one", *places).status == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fed",), "did you mean 'feed'?"),
        (("example.org/feed",), "an address begins with `https://`"),
        (("ftp://example.org/",), "ftp://example.org/"),
        (("https://exa mple.org/",), "spaces"),
        (("feed", "--raw", "--json"), "--raw"),
        (("feed", "--against", "/nowhere"), "/nowhere"),
    ],
)
def test_wrong_calls(place: Site, arguments: tuple[str, ...], said: str) -> None:
    done = place.run("preview", *arguments)
    assert [done.status, said in done.stderr] == [2, True], done.stderr


def test_neither_secrets_nor_control_characters_reach_the_terminal(
    site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t-token")
    bad = "A&#x9b;31m title\u202e with s3cr3t-token"
    url = origin.route("/feed", rss([item(1, title=bad, link="https://example.org/?k=s3cr3t-token")], title=bad))
    site.configure({"id": "one", "feed": url + "?key=${env:TOKEN}", "headers": {"X-Key": "${env:TOKEN}"}})
    for more in ((), ("--json",), ("--post",), ("--raw",)):
        said = site.run("preview", "one", *more).stdout
        assert said
        assert "s3cr3t" not in said
        if more != ("--raw",):
            assert [char for char in said if not char.isprintable() and char != "\n"] == []


def test_a_terminal_shows_how_many_documents_have_come(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    said = place.run("preview", "feed").stderr
    assert "fetching" in said
    assert "1/1" in said


def test_steps_and_duplicates_are_mentioned(site: Site, origin: Origin) -> None:
    url = origin.route("/feed", rss([item(1)]))
    site.configure({"id": "one", "feed": url}, rules=[{"command": ["true"]}], duplicates="url")
    said = site.run("preview", "one").stdout
    assert "note: 1 item judged without the result of a step" in said
    assert "Duplicates were looked for in this source only." in said


# -- preview --against -------------------------------------------------------------------------------------------------


def test_a_saved_page_is_read_in_place_of_the_source(site: Site, origin: Origin) -> None:
    _scrape(site, origin)
    kept = site.folder / "kept.html"
    kept.write_bytes(list_page(("/a", "甲"), ("/x", "丁")))
    done = site.run("preview", "list", "--against", str(kept))
    assert origin.requests == []
    assert f"Read {kept}, " in done.stdout
    assert "nothing was fetched, no articles either." in done.stdout
    assert done.status == 0
    assert f"丁\n{' ' * 38}{origin.url}/x" in done.stdout
    assert origin.requests == []


@pytest.mark.processes
def test_a_page_that_was_kept_is_read(place: Site, origin: Origin) -> None:
    kept = _keep_page(place, origin)
    asked = len(origin.requests)
    assert place.run("preview", "list", "--against", str(kept)).status == 1
    url = f"{origin.url}/list"
    place.configure({"id": "list", "scrape": {"url": url, "items": "h3 > a", "encoding": "gbk"}})
    assert "甲" in place.run("preview", "list", "--against", str(kept)).stdout
    assert len(origin.requests) == asked


def test_what_differs_from_an_earlier_preview_is_shown(place: Site, origin: Origin) -> None:
    before = place.folder / "before.json"
    before.write_text(place.run("preview", "feed", "--json").stdout, encoding="utf-8")
    same = place.run("preview", "feed", "--against", str(before))
    assert [same.status, same.stdout] == [0, f"3 items now, 3 in {before}: nothing differs\n"]
    origin.route("/feed", rss([item(1, title="Another"), item(3), item(4)]))
    done = place.run("preview", "feed", "--against", str(before))
    assert done.stdout.splitlines() == [
        f"3 items now, 3 in {before}: 1 missing, 1 new, 1 changed",
        "  outputs of Another:",
        "    - few",
        "    + (nothing)",
        "  title of Another:",
        "    - Item 1",
        "    + Another",
        "  missing: Item 2, https://example.org/2",
        "  new: Item 4, https://example.org/4",
    ]
    found = _as_json(place.run("preview", "feed", "--against", str(before), "--json"))
    assert found["changed"][0]["fields"]["title"] == {"before": "Item 1", "after": "Another"}
    origin.route("/feed", "", status=500)
    assert place.run("preview", "feed", "--against", str(before)).status == 1


# -- capture and check -------------------------------------------------------------------------------------------------


def test_capture_and_check(site: Site, origin: Origin) -> None:
    _scrape(site, origin)
    done = site.run("capture", "list")
    folder = site.folder / "fixtures" / "list"
    assert done.status == 0
    assert done.stdout.endswith(f"Kept 2 documents and 1 item in {folder}.\n")
    assert "note: " in done.stdout
    fine = site.run("check", "--fixtures")
    assert [fine.status, fine.stdout.splitlines()[-1]] == [0, "1 fixture with 1 item: all as expected"]
    settings = json.loads(site.config.read_text(encoding="utf-8"))
    site.config.write_text(json.dumps({**settings, "rules": [{"title": "{title}!"}]}), encoding="utf-8")
    wrong = site.run("check", "--fixtures")
    assert wrong.status == 1
    assert "list: 1 changed, of 1 item\n  title of 甲!:\n    - 甲\n    + 甲!\n" in wrong.stdout
    assert site.run("check").status == 0
    whole = _as_json(site.run("check", "--fixtures", "--json"), 1)
    assert [(one["fixture"], one["fine"], len(one["changed"])) for one in whole["fixtures"]] == [("list", False, 1)]
    assert site.run("capture", "list", "--offline").status == 0
    assert site.run("check", "--fixtures").status == 0


def test_without_fixtures_there_is_nothing_to_check(place: Site) -> None:
    done = place.run("check", "--fixtures")
    assert done.status == 0
    assert "has no fixtures; `aggregator capture SOURCE` makes one" in done.stdout
    assert "fixtures" not in _as_json(place.run("check", "--json"))


def test_a_capture_that_fails_keeps_nothing(place: Site) -> None:
    done = place.run("capture", "list")
    assert [done.status, done.stdout] == [1, ""]
    assert "error: list: it failed: nothing_matched: " in done.stderr
    assert "nothing was changed" in done.stderr
    assert not (place.folder / "fixtures").exists()
    assert _as_json(place.run("capture", "list", "--json"), 1)["problem"].startswith("it failed")
    assert place.run("capture", "nobody").status == 2
    assert place.run("capture", "list", "--offline").status == 2


def test_a_capture_that_cannot_be_written(place: Site) -> None:
    (place.folder / "fixtures").write_text("a file")
    done = place.run("capture", "feed")
    assert done.status == 4
    assert "cannot be written" in done.stderr


def test_neither_touches_the_data_folder(place: Site) -> None:
    place.run("update")
    before = read_tree(place.data)
    place.run("capture", "feed")
    place.run("check", "--fixtures")
    assert read_tree(place.data) == before


# -- on a terminal -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120])
def test_screens(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    for module in (preview, fixtures):
        monkeypatch.setattr(module, "utc_now", lambda: NOW)
    _scrape(site, origin)
    settings = json.loads(site.config.read_text(encoding="utf-8"))
    long = item(2, title="A title that is much longer than what is left of a line of a usual terminal")
    feed = origin.route("/feed", rss([item(1), long], title="The feed"))
    settings["sources"].append({"id": "feed", "feed": feed, "category": "news"})
    settings["rules"] = RULES
    site.config.write_text(json.dumps(settings), encoding="utf-8")
    shown = screen(site, width, "preview", "list") + "\n" + screen(site, width, "preview", "feed")
    screen(site, width, "capture", "feed")
    origin.close()
    settings["rules"] = [{"title": "{title}, and more"}, {"category": "x"}]
    settings["categories"] = {"news": "News", "x": "X"}
    site.config.write_text(json.dumps(settings), encoding="utf-8")
    shown += "\n" + screen(site, width, "check", "--fixtures")
    shown = re.sub(r"127\.0\.0\.1:\d{5}", "127.0.0.1:40000", shown)
    agreed(f"preview-{width}", shown)
    wide = [line for line in shown.splitlines() if cell_width(line) > width]
    assert wide == []
