"""`aggregator fix` and `aggregator remove`: edits of a file that somebody wrote by hand."""

from __future__ import annotations

import stat
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from aggregator.config import load
from aggregator.config.editing import replace_file
from aggregator.errors import AggregatorError
from aggregator.models import FeedState
from aggregator.store import open_store
from tests.fetch.test_etiquette_moves import DAY, NOW, look, redirect
from tests.origin import Origin
from tests.support import Site, item, rss

HEAD = """\
# mine
site: {title: Test, url: "https://feeds.example.org/"}
fetch: {allow_private_addresses: true}
sources:
"""
KEPT = "\n  # about two\n  - feed: https://two.example/feed   # kept\n    id: two\n"


def write(site: Site, *sources: str) -> str:
    """Write feeds.yaml with these lines below `sources`; returns the text."""
    text = HEAD + "".join(sources)
    site.config.write_bytes(text.encode())
    return text


def remember(site: Site, *states: FeedState) -> None:
    """Store the states of the sources of feeds.yaml."""
    with closing(open_store(site.data / "aggregator.db")) as store:
        store.sync_sources(load(site.config, {"KEY": "secret-key"}).sources)
        store.save_states(states)


def moved(name: str, to: str, *, seen: timedelta = 8 * DAY, failures: int = 0) -> FeedState:
    return FeedState(name, moved_to=to, moved_since=NOW, last_success_at=NOW + seen, failures=failures)


def test_a_move_of_a_week_is_shown_made_and_costs_no_post(site: Site, origin: Origin) -> None:
    """The id is made from the address; the entries stay with their source all the same."""
    old, new = redirect(origin, "/old", "/new"), origin.route("/new", rss([item(1), {"title": "bare"}]))
    before = write(site, "  # about one\n", f'  - feed: "{old}" # here\n')
    look(site, NOW)
    assert site.run("fix").stdout == "Nothing to fix.\n"
    for days in (1, 7, 8):
        look(site, NOW + days * DAY)
    site.run("publish")
    posts = {name: stamp for name, stamp in site.stamps().items() if name.startswith("posts/")}
    assert len(posts) == 2

    shown = site.run("fix")
    assert shown.status == 1
    assert f'-  - feed: "{old}" # here\n+  - feed: "{new}" # here\n' in shown.stdout
    assert f"{site.config}:6: 127-0-0-1-old has moved permanently to {new}, seen since 2026-05-04" in shown.stdout
    assert site.config.read_text(encoding="utf-8") == before

    made = site.run("fix", "--apply")
    assert made.status == 0, made.stderr
    assert "the id 127-0-0-1-old, made from the address, becomes 127-0-0-1-new" in made.stdout
    assert site.config.read_text(encoding="utf-8") == before.replace(old, new)
    done = site.run("update", "--all")
    assert done.status == 0
    assert "0 new entries, 0 changed" in done.stdout
    assert {name: stamp for name, stamp in site.stamps().items() if name.startswith("posts/")} == posts
    assert list(site.status()) == ["127-0-0-1-new"]
    assert site.status()["127-0-0-1-new"]["entries"] == 2
    assert site.run("fix").status == 0


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (moved("one", "https://new.example/"), 1),
        (moved("one", "https://new.example/", seen=6 * DAY), 0),
        (moved("one", "https://new.example/", failures=1), 0),
        (FeedState("one", gone_days=3, gone_last=date(2026, 5, 4)), 1),
        (FeedState("one", gone_days=2, gone_last=date(2026, 5, 4)), 0),
    ],
)
def test_what_is_proposed_is_sure(site: Site, state: FeedState, status: int) -> None:
    write(site, "- {feed: https://one.example/, id: one}\n")
    remember(site, state)
    assert site.run("fix").status == status


def test_a_source_that_is_gone_goes_only_when_asked(site: Site) -> None:
    text = write(site, "  # about one\n  - feed: https://one.example/\n    id: one\n", KEPT)
    remember(site, FeedState("one", gone_days=3, gone_last=date(2026, 5, 4)), moved("two", "https://2.example/x"))
    done = site.run("fix", "--apply")
    assert done.status == 1
    assert "one is gone: it answered 410 on 3 days; --gone removes it" in done.stdout
    text = text.replace("https://two.example/feed", "https://2.example/x")
    assert site.config.read_text(encoding="utf-8") == text
    assert site.run("fix", "--apply", "--gone").status == 0
    assert site.config.read_text(encoding="utf-8") == HEAD + KEPT.replace(
        "https://two.example/feed", "https://2.example/x"
    )


@pytest.mark.parametrize(
    ("source", "to", "why"),
    [
        ("{feed: 'https://one.example/?k=${env:KEY}', id: one}", "https://new.example/", "contains references"),
        ("{feed: https://one.example/, id: one}", "https://new.example/?k=secret-key", "contains a secret"),
        ("{feed: https://me:pass@one.example/, id: one}", "https://one.example/new", "contains a secret"),
        ("{feed: https://one.example/, id: one, auth: {bearer: abcdef}}", "https://new.example/", "to new.example"),
        ("{feed: https://one.example/, id: one}", "https://two.example/feed", "the source on line 8 has that address"),
    ],
)  # fmt: skip
def test_what_only_people_can_decide_is_left_to_them(
    site: Site, monkeypatch: pytest.MonkeyPatch, source: str, to: str, why: str
) -> None:
    monkeypatch.setenv("KEY", "secret-key")
    text = write(site, f"  - {source}\n", KEPT, "    headers: {X-Key: '${env:KEY}'}\n")
    remember(site, moved("one", to))
    for arguments in ((), ("--apply",)):
        done = site.run("fix", *arguments)
        assert done.status == 1
        assert why in done.stdout
        assert "secret-key" not in done.stdout + done.stderr
    assert site.config.read_text(encoding="utf-8") == text


def test_what_was_seen_at_another_address_is_no_reason_for_an_edit(site: Site, origin: Origin) -> None:
    origin.route("/new", rss([item(1)]))
    write(site, f"- {{feed: {redirect(origin, '/old', '/new')}, id: one}}\n")
    look(site, NOW)
    look(site, NOW + 8 * DAY)
    assert site.run("fix").status == 1
    write(site, f"- {{feed: {origin.url}/third, id: one}}\n")
    assert site.run("fix").status == 0


def test_two_sources_do_not_get_one_address(site: Site) -> None:
    write(site, "  - {feed: https://one.example/, id: one}\n", KEPT)
    remember(site, moved("one", "https://new.example/"), moved("two", "https://new.example/"))
    done = site.run("fix", "--apply")
    assert done.status == 1
    assert "not changed: the source on line 5 has that address, too" in done.stdout
    assert site.config.read_text(encoding="utf-8") == HEAD + "  - {feed: https://new.example/, id: one}\n" + KEPT


def test_a_file_is_replaced_as_a_whole_and_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "feeds.yaml"
    real.write_text("a", encoding="utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    replace_file(link, "a", "é\r\n")
    assert link.is_symlink()
    assert real.read_bytes() == "é\r\n".encode()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    with pytest.raises(AggregatorError, match="changed in the meantime"):
        replace_file(link, "a", "b")
    assert real.read_bytes() == "é\r\n".encode()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feeds.yaml", "real.yaml"]


def test_a_file_that_cannot_be_replaced_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(AggregatorError, match="cannot be replaced: No such file"):
        replace_file(tmp_path / "none" / "feeds.yaml", "a", "b")
    assert list(tmp_path.iterdir()) == []


def test_remove_takes_the_entry_and_its_comments(site: Site, origin: Origin) -> None:
    one = origin.route("/one", rss([item(1)]))
    write(site, f"  # about one\n  - feed: {one}\n    id: one\n    # inside\n", KEPT)
    site.run("update", "--source", "one")
    assert list(site.posts()) == ["uncategorized/Item-1.md"]
    done = site.run("remove", "one")
    assert done.status == 0, done.stderr
    assert site.config.read_text(encoding="utf-8") == HEAD + KEPT
    assert b"Item 1" in site.public()["all/rss.xml"]
    site.run("publish")
    assert b"Item 1" not in site.public()["all/rss.xml"]
    assert list(site.posts()) == ["uncategorized/Item-1.md"]


def test_purge_leaves_nothing_of_the_source(site: Site, origin: Origin) -> None:
    one, two = origin.route("/one", rss([item(n) for n in range(1, 4)])), origin.route("/two", rss([item(9)]))
    write(site, f"  - {{feed: {one}, id: one, retention: {{count: 2}}}}\n  - {{feed: {two}, id: two}}\n")
    site.run("update")
    foreign = site.data / "posts" / "uncategorized" / "mine.md"
    foreign.write_text("my own", encoding="utf-8")
    assert site.run("remove", "one", "--purge").status == 2
    assert "one" in site.status()
    done = site.run("remove", "one", "--purge", "--yes")
    assert done.status == 0, done.stderr
    assert "Deleted one with 2 entries" in done.stdout
    assert sorted(site.posts()) == ["uncategorized/Item-9.md", "uncategorized/mine.md"]
    assert b"Item 2" not in site.public()["all/rss.xml"]
    with closing(open_store(site.data / "aggregator.db")) as store:
        assert store.source_ids() == ["two"]
    write(site, f"  - {{feed: {one}, id: one}}\n  - {{feed: {two}, id: two}}\n")
    assert "3 new entries" in site.run("update").stdout


def test_purge_of_a_source_that_was_taken_out_before(site: Site, origin: Origin) -> None:
    one = origin.route("/one", rss([item(1)]))
    write(site, f"  - {{feed: {one}, id: one}}\n", KEPT)
    site.run("update", "--source", "one")
    assert site.run("remove", "one").status == 0
    again = site.run("remove", "one")
    assert again.status == 2
    assert "--purge deletes what is stored of a source that was removed before" in again.stderr
    assert site.run("remove", "one", "--purge", "--yes").status == 0
    assert site.posts() == {}
    assert site.config.read_text(encoding="utf-8") == HEAD + KEPT


def test_unknown_sources_are_told_with_their_neighbours(site: Site) -> None:
    write(site, "  - {feed: https://one.example/, id: heise}\n", KEPT)
    for arguments in ((), ("--purge", "--yes")):
        done = site.run("remove", "heisse", *arguments)
        assert done.status == 2
        assert "did you mean 'heise'?" in done.stderr


def test_purge_waits_for_nobody_unless_told(site: Site) -> None:
    text = write(site, "  - {feed: https://one.example/, id: one}\n")
    site.data.mkdir()
    with FileLock(site.data / ".lock"):
        assert site.run("remove", "one", "--purge", "--yes").status == 3
    assert site.config.read_text(encoding="utf-8") == text
    assert site.run("remove", "one", "--purge", "--yes", "--wait").status == 0
    assert site.config.read_text(encoding="utf-8") == HEAD.replace("sources:", "sources: []")


def test_a_source_that_others_refer_to_is_not_taken_out(site: Site) -> None:
    text = write(
        site,
        "  - {feed: https://one.example/, id: one, retention: &r {count: 3}}\n",
        "  - {feed: https://two.example/, id: two, retention: *r}\n",
    )
    done = site.run("remove", "one")
    assert done.status == 2
    assert "refers to no anchor above" in done.stderr
    assert site.config.read_text(encoding="utf-8") == text


def test_the_line_breaks_of_the_file_stay(site: Site) -> None:
    text = write(site, "  - {feed: https://one.example/, id: one}\n", KEPT).replace("\n", "\r\n")
    site.config.write_bytes(text.encode())
    assert site.run("remove", "one").status == 0
    assert site.config.read_bytes() == (HEAD + KEPT).replace("\n", "\r\n").encode()


PAGE = """<!DOCTYPE html><html><head><title>A page</title>
<link rel="stylesheet" href="style.css"><link rel="alternate" type="application/rss+xml" href="{feed}"></head>
<body>words</body></html>"""


def page(origin: Origin, path: str, feed: str) -> str:
    return origin.route(path, PAGE.format(feed=feed), content_type="text/html")


def test_a_page_in_place_of_a_feed_gets_the_feed_that_it_names(site: Site, origin: Origin) -> None:
    origin.route("/blog/feed.xml", rss([item(1)]))
    before = write(site, f"  - feed: '{page(origin, '/blog/', 'feed.xml')}' # my blog\n    id: blog\n")
    look(site, NOW)
    shown = site.run("fix")
    assert shown.status == 1, shown.stderr
    assert f"{site.config}:5: blog is a page, which names the feed {origin.url}/blog/feed.xml\n" in shown.stdout
    assert f"+  - feed: '{origin.url}/blog/feed.xml' # my blog\n" in shown.stdout
    assert site.config.read_text(encoding="utf-8") == before
    assert site.run("fix", "--apply").status == 0
    assert site.config.read_text(encoding="utf-8") == before.replace("/blog/'", "/blog/feed.xml'")
    assert site.run("update").status == 0
    assert site.status()["blog"]["entries"] == 1
    origin.requests.clear()
    assert site.run("fix").stdout == "Nothing to fix.\n"
    assert origin.requests == []


@pytest.mark.parametrize(
    "feed", ["missing.xml", "/page", "ftp://127.0.0.1/feed", "http://10.0.0.1/feed", "https://[", ""]
)
def test_what_a_page_names_is_proposed_only_if_it_is_a_feed(site: Site, origin: Origin, feed: str) -> None:
    site.configure({"id": "page", "feed": page(origin, "/page", feed)})
    look(site, NOW)
    done = site.run("fix")
    assert (done.status, done.stdout) == (0, "Nothing to fix.\n"), done.stderr


def test_a_feed_that_became_a_page_is_left_to_people(site: Site, origin: Origin) -> None:
    """Whoever took over a domain may name what he likes."""
    other = origin.route("/other", rss([item(2)]))
    url = origin.route("/feed", rss([item(1)]))
    site.configure({"id": "one", "feed": url})
    look(site, NOW)
    page(origin, "/feed", other)
    look(site, NOW + DAY)
    assert site.status()["one"]["failure_kind"] == "not_a_feed"
    assert site.run("fix").stdout == "Nothing to fix.\n"


def test_the_feed_of_a_page_may_be_a_source_already(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed", rss([item(1)]))
    write(site, f"  - {{feed: {page(origin, '/', feed)}, id: home}}\n  - {{feed: {feed}, id: feed}}\n")
    look(site, NOW)
    done = site.run("fix", "--apply")
    assert done.status == 1
    assert "not changed: the source on line 6 has that address, too" in done.stdout
