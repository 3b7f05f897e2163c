"""Whether the work is being done: the assessment, the command, and what `status` says of rhythms."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from aggregator.errors import PublishError
from aggregator.models import FeedState
from aggregator.service.health import assess, read_heartbeat, write_heartbeat
from aggregator.store import open_store
from tests.origin import Origin
from tests.store_samples import HOUR, NOW, entry, publish, source, update
from tests.support import Site, item, rss

AGE = timedelta(minutes=15)


def _problems(last: timedelta | None, *states: FeedState) -> tuple[str, ...]:
    moment = None if last is None else NOW - last
    return assess(moment, states, NOW, max_age=AGE, max_failing=0.5).problems


def test_fresh_is_healthy_and_stale_is_not() -> None:
    assert _problems(AGE) == ()
    assert _problems(timedelta(hours=2, minutes=5)) == ("the last cycle ended 2 h 5 min ago",)
    assert _problems(None) == ("no cycle has ended yet",)


def test_share_of_failing_sources_counts() -> None:
    good, bad = FeedState("a"), FeedState("b", failures=1)
    assert _problems(AGE, good, bad) == ()
    assert _problems(AGE, good, bad, bad) == ("2 of 3 sources fail",)


def test_sources_that_wait_too_long_count() -> None:
    assert _problems(AGE, FeedState("a", next_due_at=NOW - AGE)) == ()
    assert _problems(AGE, FeedState("a"), FeedState("b", next_due_at=NOW - HOUR)) == (
        "a source has been due for 1 h 0 min",
    )


def test_heartbeat_is_read_back_and_rubbish_is_none(tmp_path: Path) -> None:
    assert read_heartbeat(tmp_path) is None
    write_heartbeat(tmp_path, NOW)
    assert read_heartbeat(tmp_path) == NOW
    (tmp_path / ".heartbeat").write_text("soon")
    assert read_heartbeat(tmp_path) is None
    try:
        write_heartbeat(tmp_path / "missing", NOW)
    except PublishError as error:
        assert "missing" in str(error)


def test_command_tells_monitors(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))}, {"id": "two", "feed": origin.url})
    before = site.run("health")
    assert (before.status, before.stdout) == (1, "no cycle has ended yet\n")
    assert not site.data.exists()
    site.run("update")
    assert site.run("health").stdout == "fine: 2 sources, 1 failing\n"
    strict = site.run("health", "--json", "--max-failing", "10")
    assert strict.status == 1
    assert json.loads(strict.stdout)["problems"] == ["1 of 2 sources fails"]


def test_status_can_leave_out_what_works(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))}, {"id": "two", "feed": origin.url})
    site.run("update")
    assert [row["id"] for row in json.loads(site.run("status", "--failing", "--json").stdout)] == ["two"]


def test_rhythm_counts_what_was_published_of_late(tmp_path: Path) -> None:
    days = [0, 7, 14, 40, 300, 500]
    with closing(open_store(tmp_path / "x.db")) as store:
        store.sync_sources([source("a"), source("b"), source("c")])
        store.apply(update("a", *(entry("a", str(n), published_at=NOW - timedelta(days=n)) for n in days)))
        store.apply(update("b", entry("b", "old", published_at=NOW - timedelta(days=500))))
        store.apply(update("c", entry("c", "ahead", published_at=NOW + HOUR)))
        publish(store)
        rhythms = store.activity(NOW)
    assert list(rhythms) == ["a"]
    assert (rhythms["a"].entries, rhythms["a"].last_four_weeks) == (5, 3)
    assert (rhythms["a"].first_at, rhythms["a"].last_at) == (NOW - timedelta(days=300), NOW)


def test_status_tells_of_a_source_that_fell_silent(site: Site, origin: Origin) -> None:
    recent = [item(n, pubDate=f"Thu, {n:02d} Jan 2004 10:00:00 GMT") for n in range(1, 7)]
    site.configure({"id": "quiet", "feed": origin.route("/one", rss(recent))}, {"id": "new", "feed": origin.url})
    site.run("update")
    assert {name: row["silent"] for name, row in site.status().items()} == {"quiet": True, "new": False}
    assert "silent" in site.run("status").stdout
