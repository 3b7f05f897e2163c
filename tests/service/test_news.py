"""News: what got worse or better is told once, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import Config, load
from aggregator.models import FailureKind, FeedState
from aggregator.pipeline.run import SourceResult
from aggregator.service import news
from aggregator.store import Activity, open_store
from tests.daemons import running
from tests.origin import Origin
from tests.store_samples import HOUR, NOW
from tests.support import Site, item, rss

DAY = timedelta(days=1)


@pytest.fixture
def config(site: Site) -> Config:
    site.configure(*({"id": id, "feed": f"https://{id}.example/"} for id in ("a", "b", "c")))
    return load(site.config, {})


class Reader:
    """Somebody who reads the news of cycle after cycle."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.now = NOW
        self.told: dict[str, str] = {}

    def result(
        self, id: str, kind: FailureKind | None = None, failures: int = 1, *, new: int = 0, **changes: int
    ) -> SourceResult:
        source = next(one for one in self.config.sources if one.id == id)
        state = FeedState(id, **changes)  # type: ignore[arg-type]
        if kind:
            state = replace(state, failures=failures, failure_kind=kind, error="no")
        return SourceResult(source, state, new, 0, 0, (), 0.0)

    def hear(
        self, *results: SourceResult, troubles: Sequence[str] = (), rhythms: Mapping[str, Activity] | None = None
    ) -> list[str]:
        bulletin = news.gather(self.config, self.told, news.Facts(self.now, results, troubles, rhythms or {}))
        self.told.update(bulletin.record)
        return [f"{'-' if one.worse else '+'} {one.text}" for one in bulletin.news]


def test_trouble_is_told_when_it_begins_gets_worse_and_ends(config: Config) -> None:
    reader = Reader(config)
    hear, result = reader.hear, reader.result
    assert hear(result("a"), result("b", new=3)) == []
    assert hear(result("a", "timeout")) == ["- a fails: timeout: no"]
    assert hear(result("a", "dns", 2), result("b")) == []
    reader.now += 5 * HOUR
    assert hear(result("a", "http_status", 3)) == ["- a fails in another way: http_status: no"]
    assert hear(result("a", "timeout", 4)) == []
    assert hear(result("a", "http_status", 5)) == []
    assert hear(result("a", "not_a_feed", 6)) == ["- a fails in another way: not_a_feed: no"]
    gone = result("a", "http_status", 7, gone_days=3)
    assert hear(gone) == ["- a is gone and no longer fetched: no; `aggregator fix --gone` removes it"]
    assert hear(gone) == []
    reader.now += HOUR
    assert hear(result("a")) == ["+ a works again, after 6h"]
    assert hear(result("a")) == []


def test_shaky_source_is_told_of_once_a_day(config: Config) -> None:
    reader = Reader(config)
    told = []
    for _ in range(72):
        reader.now += HOUR
        told += reader.hear(reader.result("a", "timeout")) + reader.hear(reader.result("a"))
    assert len(told) == 2 * 3
    assert reader.hear(reader.result("a", "timeout", config.hooks.after - 1)) == []
    assert reader.hear(reader.result("a", "timeout", config.hooks.after)) == ["- a fails: timeout: no"]


def test_network_that_is_down_is_nobodys_failure_and_told_once(config: Config) -> None:
    reader = Reader(config)
    down = [reader.result(id, outages=1) for id in ("a", "b")]
    assert reader.hear(*down) == ["- the network here seems to be down: 2 sources not reached"]
    assert reader.hear(*down) == reader.hear() == []
    assert reader.hear(reader.result("a")) == ["+ the network here works again"]


def test_each_file_that_cannot_be_written_is_told_once(config: Config) -> None:
    reader = Reader(config)
    assert reader.hear(troubles=["x: full"]) == ["- x: full"]
    assert reader.hear(troubles=["y: full", "x: full"]) == ["- y: full"]
    assert reader.hear(troubles=["y: full"]) == []
    assert reader.hear() == ["+ all files can be written again"]
    assert reader.hear() == []
    many = [f"{number}: full" for number in range(news.MAX_TROUBLES + 1)]
    assert len(reader.hear(troubles=many)) == len(many)
    assert reader.hear(troubles=many[1:]) == reader.hear(troubles=many[5:]) == []
    assert reader.hear() == ["+ all files can be written again"]


def test_silence_is_told_when_it_begins_and_ends(config: Config) -> None:
    reader = Reader(config)
    quiet = Activity(11, 11, NOW - 10 * DAY, NOW)
    old = Activity(11, 11, NOW - 400 * DAY, NOW - 300 * DAY)
    rhythms = {"a": quiet, "b": old}
    told = []
    for _ in range(6):
        assert news.wants_rhythms(reader.told, reader.now)
        told.append(reader.hear(reader.result("a"), rhythms=rhythms))
        assert not news.wants_rhythms(reader.told, reader.now + HOUR)
        reader.now += DAY
    assert told == [[], [], [], [], [], ["- a has fallen silent: nothing new for 5d"]]
    assert reader.hear(reader.result("a", new=1)) == ["+ a publishes again"]
    assert reader.hear(reader.result("a", new=1)) == []
    reader.now = NOW
    assert news.wants_rhythms(reader.told, reader.now), "the clock was set back"


def test_worse_news_come_first_and_in_the_order_of_the_configuration(config: Config) -> None:
    reader = Reader(config)
    reader.hear(reader.result("a", "dns"))
    mixed = [reader.result("c", "dns"), reader.result("a"), reader.result("b", "dns")]
    assert [line[:3] for line in reader.hear(*mixed, troubles=["x"])] == ["- x", "- b", "- c", "+ a"]


@given(st.text(max_size=40))
def test_whatever_is_recorded_can_be_read(text: str) -> None:
    told = news.Reported.load(text)
    assert news.Reported.load(told.dump()) == told


@pytest.mark.parametrize(
    ("worse", "better", "failing", "last"),
    [
        (1, 0, 1, "1 worse; 1 of 3 sources fails now"),
        (2, 1, 2, "2 worse, 1 better; 2 of 3 sources fail now"),
        (0, 1, 0, "1 better; no source fails now"),
    ],
)
def test_last_line(worse: int, better: int, failing: int, last: str) -> None:
    told = [news.News("x", worse=True)] * worse + [news.News("x", worse=False)] * better
    assert news.summary(told, failing, 3) == last


def test_quiet_run_that_went_well_says_nothing(site: Site, origin: Origin) -> None:
    site.configure({"id": "a", "feed": origin.route("/a", rss([item(1)]))})
    for arguments in (["--all"], ["--all"], []):
        done = site.run("update", "--quiet", *arguments)
        assert (done.status, done.stdout, done.stderr) == (0, "", "")
    assert list(site.posts()) == ["news/Item-1.md"]


def test_quiet_run_tells_each_change_once(site: Site, origin: Origin) -> None:
    site.configure({"id": "a", "feed": origin.url + "/a"}, {"id": "b", "feed": origin.route("/b", rss([item(1)]))})
    first = site.run("update", "-q", "--all")
    assert (first.status, first.stdout) == (1, "")
    line, last = first.stderr.splitlines()
    advice = "check whether its address has changed"
    assert line.startswith(f"a fails: http_status: the server answered 404 Not Found; {advice} ({origin.url}/a); next ")
    assert last == "1 worse; 1 of 2 sources fails now"
    again = site.run("update", "-q", "--all")
    assert (again.status, again.stdout, again.stderr) == (1, "", "")
    site.run("update", "--all")
    origin.route("/a", rss([item(2)]))
    healed = site.run("update", "-q", "--all")
    assert healed.status == 0
    assert healed.stderr.splitlines()[0].startswith("a works again, after ")
    assert healed.stderr.splitlines()[1:] == ["1 better; no source fails now"]


def test_news_for_programs(site: Site, origin: Origin) -> None:
    site.configure({"id": "a", "feed": origin.url + "/a"})
    lines = [json.loads(line) for line in site.run("update", "-q", "--log-format", "json").stderr.splitlines()]
    assert [line["action"] for line in lines] == ["news", "news"]
    assert (lines[0]["level"], lines[0]["source"], lines[0]["status"]) == ("warning", "a", "worse")
    assert lines[0]["kind"] == "http_status"


def test_file_that_cannot_be_written_is_told_once_by_quiet_runs(site: Site, origin: Origin) -> None:
    site.configure({"id": "a", "feed": origin.route("/a", rss([item(1)]))})
    place = site.data / "public" / "news" / "rss.xml"
    place.mkdir(parents=True)
    (place / "file").touch()
    done = site.run("update", "--quiet")
    assert (done.status, done.stdout) == (4, "")
    assert "public/news/rss.xml" in done.stderr
    again = site.run("update", "--quiet")
    assert (again.status, again.stdout, again.stderr) == (4, "", "")
    (place / "file").unlink()
    place.rmdir()
    healed = site.run("update", "--quiet")
    assert (healed.status, healed.stderr.splitlines()[0]) == (0, "all files can be written again")
    assert site.run("update", "--quiet").stderr == ""


def test_mistake_in_the_configuration_is_told_once_by_quiet_runs(site: Site, origin: Origin) -> None:
    site.configure({"id": "a", "feed": origin.route("/a", rss([item(1)]))})
    site.run("update", "--quiet")
    good = site.config.read_text(encoding="utf-8")
    site.config.write_text("sources: 3\n", encoding="utf-8")
    first, again = site.run("update", "--quiet"), site.run("update", "--quiet")
    assert (first.status, again.status, again.stderr) == (2, 2, "")
    assert "1 problem in the configuration" in first.stderr
    assert "1 problem in the configuration" in site.run("update").stderr
    site.config.write_text(good, encoding="utf-8")
    assert site.run("update", "--quiet").stderr.splitlines()[0] == f"{site.config} is right again"
    assert site.run("update", "--quiet").stderr == ""


def test_data_folder_in_use_is_nothing_to_tell(site: Site, origin: Origin) -> None:
    site.configure({"id": "a", "feed": origin.url})
    site.data.mkdir()
    with FileLock(site.data / ".lock"):
        done = site.run("update", "--quiet")
    assert (done.status, done.stdout, done.stderr) == (3, "", "")


@pytest.mark.parametrize("other", ["--verbose", "--dry-run"])
def test_quiet_excludes_what_prints(site: Site, origin: Origin, other: str) -> None:
    site.configure({"id": "a", "feed": origin.url})
    done = site.run("update", "--quiet", other)
    assert (done.status, done.stdout) == (2, "")
    assert f"--quiet and {other} exclude each other" in done.stderr


def test_removed_source_is_forgotten(site: Site, origin: Origin) -> None:
    site.configure({"id": "a", "feed": origin.url + "/a"})
    site.run("update", "--quiet")
    assert site.run("remove", "a", "--purge", "--yes").status == 0
    with closing(open_store(site.data / "aggregator.db")) as store:
        assert not store.fingerprints()[news.record_name("a")]


def test_verbose_run_tells_each_request_and_when_a_source_is_due(site: Site, origin: Origin) -> None:
    feed = origin.route("/a", rss([item(1)]), conditional=True)
    moved = origin.route("/old", status=302, headers={"Location": "/a"})
    site.configure({"id": "a", "feed": feed.replace("://", "://me:hidden-word@")}, {"id": "b", "feed": moved})
    told = site.run("update", "--all", "-v").stderr + site.run("update", "--all", "-v").stderr
    assert "hidden-word" not in told
    assert f"GET {origin.url}/a: 200, " in told
    assert f"GET {origin.url}/a: 304 Not Modified (" in told
    assert f"GET {origin.url}/old: redirected to {origin.url}/a (" in told
    assert "a: due 20" in told
    assert "GET" not in site.run("update", "--all").stderr


def test_verbose_run_tells_a_request_that_failed(site: Site, origin: Origin) -> None:
    site.configure({"id": "a", "feed": origin.url + "/nowhere"})
    told = site.run("update", "--verbose", "--log-format", "json").stderr
    line = next(one for one in map(json.loads, told.splitlines()) if one["action"] == "request")
    assert (line["level"], line["host"]) == ("debug", "127.0.0.1")
    assert "404 Not Found" in line["message"]


def test_quiet_daemon_logs_news_only(site: Site, origin: Origin) -> None:
    site.configure({"id": "a", "feed": origin.url + "/a"}, {"id": "b", "feed": origin.route("/b", rss([item(1)]))})
    with running(site, "--quiet") as daemon:
        daemon.wait_for("a fails: ")
        daemon.wait_for("1 worse; 1 of 2 sources fails now")
        assert daemon.end() == 0
    assert {line["action"] for line in daemon.lines()} == {"news"}
