"""`aggregator etiquette`, after real updates."""

from __future__ import annotations

import json
from typing import Any

from tests.origin import Origin
from tests.support import Site, item, rss


def report(site: Site, *arguments: str) -> list[dict[str, Any]]:
    done = site.run("etiquette", "--json", *arguments)
    assert done.status == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_without_a_database_there_is_nothing_to_report(site: Site) -> None:
    site.configure()
    assert report(site) == []
    assert not site.data.exists()


def test_cycles_add_up(site: Site, origin: Origin) -> None:
    body = rss([item(1)])
    site.configure({"id": "one", "feed": origin.route("/feed", body, conditional=True)})
    for _ in range(4):
        site.run("update", "--all")
    size = len(body.encode())
    assert report(site) == [
        {
            "host": f"127.0.0.1:{origin.port}",
            "requests": 4,
            "not_modified_share": 0.75,
            "bytes": size,
            "bytes_saved": 3 * size,
            "held_back": 0,
            "left_alone_until": None,
        }
    ]
    done = site.run("etiquette")
    assert f"127.0.0.1:{origin.port}" in done.stdout
    assert "75%" in done.stdout


def test_a_dry_run_counts_nothing(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/feed", rss([item(1)]))})
    site.run("update", "--dry-run")
    assert report(site) == []


def test_a_host_stays_alone_in_the_next_cycles(site: Site, origin: Origin) -> None:
    busy = origin.route("/busy", b"", status=503, headers={"Retry-After": "3600"})
    site.configure({"id": "one", "feed": busy})
    site.run("update")
    site.run("update", "--all")
    assert len(origin.requests) == 1
    (row,) = report(site)
    assert (row["requests"], row["held_back"]) == (1, 1)
    assert row["left_alone_until"].endswith("Z")
