"""Feeds that have moved permanently: the new address is asked, and nobody can keep a feed by a redirect."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.config import Config, load
from aggregator.models import FeedState
from aggregator.pipeline.run import SourceResult, update_due
from aggregator.store import open_store
from tests.origin import Origin, Response
from tests.support import Site, item, rss

#: A Monday: the old address is asked again a week later, not before.
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FEED = rss([item(1), item(2)])


def redirect(origin: Origin, path: str, location: str, status: int = 301) -> str:
    return origin.handle(path, Response(b"", status, {"Location": location}))


def look(site: Site, now: datetime) -> SourceResult:
    """Ask the only source of a site, due or not."""
    config: Config = load(site.config, {})
    with closing(open_store(site.data / "aggregator.db")) as store:
        store.sync_sources(config.sources)
        chosen = [(config.sources[0], store.states()[config.sources[0].id])]
        return asyncio.run(update_due(config, store, chosen, clock=lambda: now))[0]


def state(site: Site) -> FeedState:
    with closing(open_store(site.data / "aggregator.db")) as store:
        return next(iter(store.states().values()))


@pytest.mark.parametrize("status", [301, 308])
def test_the_next_look_goes_to_the_new_address_and_is_conditional(site: Site, origin: Origin, status: int) -> None:
    new = origin.route("/new", FEED, conditional=True)
    site.configure({"feed": redirect(origin, "/old", "/new", status)})
    first = look(site, NOW)
    assert (first.new, first.state.moved_to, first.state.moved_since) == (2, new, NOW)
    assert "it has moved permanently to" in first.notes[0]
    second = look(site, NOW + HOUR)
    assert [(seen.path, seen.status) for seen in origin.requests] == [("/old", status), ("/new", 200), ("/new", 304)]
    assert (second.state.moved_to, second.state.moved_since, second.notes) == (new, NOW, ())


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_redirect_for_now_is_followed_each_time(site: Site, origin: Origin, status: int) -> None:
    origin.route("/new", FEED)
    site.configure({"feed": redirect(origin, "/old", "/new", status)})
    for hours in range(3):
        assert look(site, NOW + hours * HOUR).state.moved_to is None
    assert len(origin.asked("/old")) == 3


def test_a_move_that_ends_in_a_304_is_remembered_too(site: Site, origin: Origin) -> None:
    origin.route("/feed", FEED, headers={"ETag": '"v1"'})
    site.configure({"feed": origin.url + "/feed"})
    look(site, NOW)
    redirect(origin, "/feed", "/new")
    origin.handle("/new", Response(b"", 304))
    assert look(site, NOW + HOUR).state.moved_to == origin.url + "/new"
    assert look(site, NOW + 2 * HOUR).state.moved_to == origin.url + "/new"
    assert [seen.path for seen in origin.requests] == ["/feed", "/feed", "/new", "/new"]
    assert origin.requests[-1].headers["if-none-match"] == '"v1"'


def test_a_second_move_starts_its_week_anew(site: Site, origin: Origin) -> None:
    origin.route("/new", FEED)
    site.configure({"feed": redirect(origin, "/old", "/new")})
    look(site, NOW)
    redirect(origin, "/new", "/newer")
    origin.route("/newer", FEED)
    result = look(site, NOW + HOUR)
    assert (result.state.moved_to, result.state.moved_since) == (origin.url + "/newer", NOW + HOUR)
    assert not result.new


@pytest.mark.parametrize("answer", [Response(b"", 404), Response(b"", 410), Response(b"<html>hello</html>")])
def test_a_new_address_without_a_feed_is_never_remembered(site: Site, origin: Origin, answer: Response) -> None:
    origin.handle("/portal", answer)
    site.configure({"feed": redirect(origin, "/old", "/portal")})
    assert look(site, NOW).failed
    assert state(site).moved_to is None
    look(site, NOW + HOUR)
    assert len(origin.asked("/old")) == 2


@pytest.mark.parametrize("answer", [Response(b"", 404), Response(b"", 410), Response(b"<html>hello</html>")])
def test_a_new_address_that_fails_sends_us_back(site: Site, origin: Origin, answer: Response) -> None:
    origin.route("/new", FEED, headers={"Last-Modified": "Mon, 04 May 2026 11:00:00 GMT"})
    site.configure({"feed": redirect(origin, "/old", "/new")})
    look(site, NOW)
    origin.handle("/new", answer)
    assert look(site, NOW + HOUR).failed
    origin.route("/old", rss([item(1), item(2), item(3)]))
    back = look(site, NOW + 2 * HOUR)
    assert (back.new, back.state.moved_to, back.state.moved_since) == (1, None, None)
    assert "if-modified-since" not in origin.asked("/old")[-1].headers
    look(site, NOW + 3 * HOUR)
    assert len(origin.asked("/new")) == 2


def test_a_new_address_that_cannot_be_reached_sends_us_back(site: Site, origin: Origin) -> None:
    elsewhere = Origin()
    elsewhere.route("/new", FEED)
    site.configure({"feed": redirect(origin, "/old", elsewhere.url + "/new")})
    look(site, NOW)
    elsewhere.close()
    assert look(site, NOW + HOUR).state.failure_kind == "connect"
    origin.route("/old", FEED)
    assert look(site, NOW + 2 * HOUR).state.moved_to is None


def test_a_move_that_holds_after_a_failure_keeps_its_date(site: Site, origin: Origin) -> None:
    origin.route("/new", FEED, conditional=True)
    site.configure({"feed": redirect(origin, "/old", "/new")})
    look(site, NOW)
    good = origin.routes["/new"]
    origin.handle("/new", Response(b"", 500))
    look(site, NOW + HOUR)
    origin.handle("/new", good)
    assert look(site, NOW + 2 * HOUR).state.moved_since == NOW
    assert [seen.status for seen in origin.asked("/new")] == [200, 500, 304]
    assert len(origin.asked("/old")) == 2


def test_the_old_address_is_asked_again_in_the_next_week(site: Site, origin: Origin, other: Origin) -> None:
    """Whoever answered for a site for an hour keeps its readers for a week at most."""
    other.route("/captured", FEED)
    site.configure({"feed": redirect(origin, "/feed", other.url + "/captured")})
    look(site, NOW)
    origin.route("/feed", FEED)
    for days in range(7):
        assert look(site, NOW + days * DAY).state.moved_to == other.url + "/captured"
    assert len(origin.asked("/feed")) == 1
    assert look(site, NOW + 7 * DAY).state.moved_to is None


def test_credentials_stay_at_their_origin(site: Site, origin: Origin, other: Origin) -> None:
    new = other.route("/feed", FEED, conditional=True)
    old = redirect(origin, "/feed", new)
    secret = {"auth": {"bearer": "token-1"}, "headers": {"X-Key": "key-12345"}}
    site.configure({"id": "one", "feed": old, **secret})
    first = look(site, NOW)
    assert "its credentials belong there" in first.notes[0]
    assert look(site, NOW + HOUR).state.moved_to == new
    assert [seen.headers.get("authorization") for seen in origin.requests] == ["Bearer token-1"] * 2
    assert all({"authorization", "x-key"}.isdisjoint(seen.headers) for seen in other.requests)
    assert [seen.status for seen in other.requests] == [200, 304]


def test_credentials_go_along_within_their_origin(site: Site, origin: Origin) -> None:
    origin.route("/new", FEED)
    redirect(origin, "/old", "/new")
    site.configure({"id": "one", "feed": origin.url.replace("//", "//me:secret@") + "/old"})
    look(site, NOW)
    look(site, NOW + HOUR)
    assert [seen.path for seen in origin.requests] == ["/old", "/new", "/new"]
    assert [seen.headers.get("authorization") for seen in origin.requests] == ["Basic bWU6c2VjcmV0"] * 3
    assert "secret" not in (state(site).moved_to or "")


def test_the_new_address_is_guarded_like_any_other(site: Site, origin: Origin) -> None:
    """A name that was public when the feed moved may lead into the network here later."""
    origin.route("/new", FEED)
    site.configure({"feed": redirect(origin, "/old", "/new")})
    look(site, NOW)
    with closing(open_store(site.data / "aggregator.db")) as store:
        store.save_states([replace(state(site), moved_to=f"http://127.0.0.2:{origin.port}/new")])
    site.configure({"feed": origin.url + "/old"}, fetch={"allow_private_addresses": ["127.0.0.1/32"]})
    assert look(site, NOW + HOUR).state.failure_kind == "refused"
    assert not look(site, NOW + 2 * HOUR).failed
    assert state(site).moved_to == origin.url + "/new"


def test_another_address_in_the_file_ends_the_move(site: Site, origin: Origin) -> None:
    origin.route("/new", FEED)
    site.configure({"id": "one", "feed": redirect(origin, "/old", "/new")})
    look(site, NOW)
    for path in ("/third", "/new"):
        site.configure({"id": "one", "feed": origin.route(path, FEED)})
        result = look(site, NOW + HOUR)
        assert (result.state.moved_to, result.state.moved_since, result.new) == (None, None, 0)


def test_keys_ids_and_posts_stay_what_they_are(site: Site, origin: Origin, tmp_path: Path) -> None:
    """Entries without an id of their own get one from the address that stands in the file."""
    bare = [{"title": f"Title {n}", "description": "text"} for n in range(3)]
    origin.route("/old", rss(bare))
    site.configure({"feed": origin.url + "/old"})
    look(site, NOW)
    site.run("publish")
    before = site.stamps()
    origin.route("/new", rss(bare) + "<!-- moved -->")
    redirect(origin, "/old", "/new")
    for hours in (1, 2):
        assert look(site, NOW + hours * HOUR).quiet is (hours == 2)
    site.run("publish")
    assert site.stamps() == before


def test_gone_is_believed_on_the_third_day_only(site: Site, origin: Origin) -> None:
    site.configure({"feed": origin.handle("/feed", Response(b"", 410))})
    for day in range(2):
        # A second one on the same day says nothing new.
        for hours in (0, 3):
            assert look(site, NOW + day * DAY + hours * HOUR).state.gone_days == day + 1
    assert state(site).next_due_at is not None
    due = look(site, NOW + 2 * DAY).state.next_due_at
    assert due is not None
    assert due > NOW + 365 * DAY


def test_a_success_between_makes_gone_a_mistake(site: Site, origin: Origin) -> None:
    site.configure({"feed": origin.handle("/feed", Response(b"", 410))})
    look(site, NOW)
    look(site, NOW + DAY)
    origin.route("/feed", FEED)
    assert look(site, NOW + 2 * DAY).state.gone_days == 0


def test_gone_at_the_new_address_is_asked_for_at_the_old_one(site: Site, origin: Origin) -> None:
    origin.route("/new", FEED)
    site.configure({"feed": redirect(origin, "/old", "/new")})
    look(site, NOW)
    origin.handle("/new", Response(b"", 410))
    for day in range(1, 4):
        look(site, NOW + day * DAY)
    assert len(origin.asked("/old")) == 3
    assert state(site).gone_days == 3
    origin.route("/old", FEED)
    assert look(site, NOW + 4 * DAY).state.gone_days == 0
