"""The daemon as a process: cycles, reloading, signals, what it tells systemd."""

from __future__ import annotations

import os
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.daemons import PATIENCE, running, wait_until
from tests.origin import Origin, Response
from tests.support import Site, item, rss

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no signals here")


def test_new_items_are_published_without_being_asked(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed", rss([item(1)]))
    site.configure({"id": "one", "feed": feed, "interval": "1s", "poll_without_validators": True})
    with running(site) as daemon:
        wait_until(lambda: "news/Item-1.md" in site.posts(), "the first post")
        origin.route("/feed", rss([item(1), item(2)]))
        wait_until(lambda: "news/Item-2.md" in site.posts(), "the second post")
        daemon.wait_for("1 source, 0 failed; 1 post")
        assert daemon.end() == 0
    (start, *_), stop = daemon.lines(), daemon.lines()[-1]
    assert (start["action"], stop["message"]) == ("start", "stopped")
    fetched = next(line for line in daemon.lines() if line["action"] == "fetch")
    assert fetched["source"] == "one"
    assert fetched["host"] == "127.0.0.1"
    assert (fetched["status"], fetched["entries"], fetched["known"]) == ("ok", 1, 0)
    assert site.status()["one"]["entries"] == 2


def test_an_output_comes_out_although_no_look_is_due_for_long(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed", rss([item(1)]))
    site.configure({"id": "one", "feed": feed, "interval": "5h"}, outputs={"late": {"delay": "3s"}})
    with running(site, "--every", "5h"):
        wait_until(lambda: b"Item 1" in site.public().get("all/feed.json", b""), "the feed of all")
        wait_until(lambda: b"Item 1" in site.public().get("late/feed.json", b""), "the feed that waits")


def test_good_configuration_takes_effect_and_bad_one_does_not(site: Site, origin: Origin) -> None:
    one = {"id": "one", "feed": origin.route("/one", rss([item(1)]))}
    two = {"id": "two", "feed": origin.route("/two", rss([item(2)]))}
    site.configure(one)
    with running(site) as daemon:
        daemon.wait_for("1 source, 0 failed")
        site.configure(two)
        daemon.wait_for("added two; removed one")
        wait_until(lambda: "news/Item-2.md" in site.posts(), "the post of the new source")
        site.config.write_text("sources: 3\n", encoding="utf-8")
        # A file that is read while a test writes it is wrong in another way, before it is wrong in this one.
        daemon.wait_for("feeds.yaml:1:10: sources: must be a list")
        daemon.wait_for("the old one stays in force")
        site.configure({**two, "interval": "5h"})
        daemon.wait_for("changed two")
        assert daemon.end() == 0


def test_rules_that_change_are_noted_once(site: Site, origin: Origin) -> None:
    one = {"id": "one", "feed": origin.route("/one", rss([item(1), item(2)]))}
    site.configure(one)
    with running(site) as daemon:
        daemon.wait_for("1 source, 0 failed")
        site.configure(one, rules=[{"drop": {"title": ["item 1"]}}])
        daemon.wait_for("rules or categories have changed")
        assert daemon.end() == 0
    assert [line["action"] for line in daemon.lines() if "rules or categories" in line["message"]] == ["reload"]
    with running(site) as again:
        again.wait_for("rules or categories have changed")
        assert again.end() == 0
    assert [line["action"] for line in again.lines() if "rules or categories" in line["message"]] == ["start"]


def test_hangup_reloads_what_a_reference_names(site: Site, origin: Origin) -> None:
    origin.route("/a", rss([item(1)]))
    origin.route("/b", rss([item(2)]))
    (site.folder / "place").write_text("a")
    site.configure({"id": "one", "feed": origin.url + "/${file:place}"})
    with running(site) as daemon:
        daemon.wait_for("1 source, 0 failed")
        (site.folder / "place").write_text("b")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("changed one")
        wait_until(lambda: origin.asked("/b"), "the request for the new address")


def _held(origin: Origin, path: str) -> tuple[str, threading.Event, threading.Event]:
    """A route that answers when it is told to: its address, "it was asked", "answer"."""
    asked, answer = threading.Event(), threading.Event()

    def hold(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        answer.wait(PATIENCE)
        body = rss([item(7)]).encode()
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    return origin.handle(path, Response(raw=hold)), asked, answer


def test_running_fetch_may_end_and_nothing_new_begins(site: Site, origin: Origin) -> None:
    feed, asked, answer = _held(origin, "/slow")
    site.configure(
        {"id": "slow", "feed": feed},
        {"id": "later", "feed": origin.route("/later", rss([item(1)]))},
        fetch={"concurrency": 1, "allow_private_addresses": True},
    )
    with running(site) as daemon:
        assert asked.wait(PATIENCE)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_for("waiting for running fetches")
        answer.set()
        assert daemon.process.wait(PATIENCE) == 0
    assert site.status()["slow"]["entries"] == 1
    assert list(site.posts()) == ["news/Item-7.md"]
    assert origin.asked("/later") == []


def test_slow_source_holds_up_no_later_look_and_no_configuration(site: Site, origin: Origin) -> None:
    feed, asked, answer = _held(origin, "/slow")
    slow = {"id": "slow", "feed": feed, "timeout": "1h"}
    one = {"id": "one", "feed": origin.route("/one", rss([item(1)])), "interval": "1s", "poll_without_validators": True}
    site.configure(slow, one)
    with running(site) as daemon:
        assert asked.wait(PATIENCE)
        wait_until(lambda: "news/Item-1.md" in site.posts(), "the first post")
        origin.route("/one", rss([item(1), item(2)]))
        wait_until(lambda: "news/Item-2.md" in site.posts(), "the second post")
        site.configure(slow, one, {"id": "two", "feed": origin.route("/two", rss([item(3)]))})
        wait_until(lambda: "news/Item-3.md" in site.posts(), "the post of the new source")
        answer.set()
        wait_until(lambda: "news/Item-7.md" in site.posts(), "the post of the slow source")
        assert len(origin.asked("/slow")) == 1
        assert daemon.end() == 0
    assert site.status()["slow"]["entries"] == 1


def test_grace_period_has_an_end_and_leaves_the_source_due(site: Site, origin: Origin) -> None:
    feed, asked, answer = _held(origin, "/slow")
    site.configure({"id": "slow", "feed": feed, "timeout": "1h"})
    with running(site, "--grace", "1s") as daemon:
        assert asked.wait(PATIENCE)
        assert daemon.end() == 0
        assert daemon.said("the grace period is over")
    answer.set()
    assert site.status()["slow"]["state"] == "new"


def test_second_signal_ends_at_once(site: Site, origin: Origin) -> None:
    feed, asked, answer = _held(origin, "/slow")
    site.configure({"id": "slow", "feed": feed, "timeout": "1h"})
    with running(site, "--grace", "1h") as daemon:
        assert asked.wait(PATIENCE)
        daemon.process.send_signal(signal.SIGINT)
        daemon.wait_for("waiting for running fetches")
        assert daemon.end(signal.SIGINT) == 128 + signal.SIGINT
    answer.set()


def test_daemon_is_the_one_writer(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    with running(site) as daemon:
        daemon.wait_for("1 source, 0 failed")
        done = site.run("update")
        assert done.status == 3
        assert f"process {daemon.process.pid}" in done.stderr


def test_systemd_is_told_how_things_are(site: Site, origin: Origin, tmp_path: Path) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(PATIENCE)
        told: list[str] = []

        def hear(text: str) -> None:
            while not any(text in message for message in told):
                told.append(manager.recv(4096).decode())

        environ = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "400000"}
        with running(site, environ=environ) as daemon:
            hear("READY=1")
            hear("WATCHDOG=1")
            hear("STATUS=1 source; last cycle at")
            told.clear()
            daemon.process.send_signal(signal.SIGHUP)
            hear("RELOADING=1\nMONOTONIC_USEC=")
            hear("READY=1")
            daemon.process.send_signal(signal.SIGTERM)
            hear("STOPPING=1")
            assert daemon.process.wait(PATIENCE) == 0


def test_watchdog_of_another_process_is_none_of_ours() -> None:
    from aggregator.service.systemd import Systemd

    assert Systemd({"WATCHDOG_USEC": "1000000"}).watchdog == 1.0
    assert Systemd({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid() + 1)}).watchdog is None
    Systemd({"NOTIFY_SOCKET": "/nowhere/at/all"}).ready()


def test_jobs_do_not_make_up_for_a_clock_that_jumped() -> None:
    from datetime import UTC, datetime, timedelta

    from aggregator.service.daemon import FixedDelay

    trigger = FixedDelay(timedelta(seconds=20))
    begin, after = datetime(1970, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
    assert trigger.get_next_fire_time(None, begin) == begin
    assert trigger.get_next_fire_time(begin, after) == after + timedelta(seconds=20)
    assert trigger.get_next_fire_time(after, begin) == begin + timedelta(seconds=20)
