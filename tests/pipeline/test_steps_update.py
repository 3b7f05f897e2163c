"""Steps of one's own in whole cycles: what is published, what is kept, and what happens after failures."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.origin import Origin
from tests.support import Site, item, rss

#: Gives every title in capitals, and notes each call in the file that is its argument; fails while there is `broken`.
STEP = """
import json, pathlib, sys
log = pathlib.Path(sys.argv[1])
given = json.load(sys.stdin)
with log.open("a") as file:
    file.write(given["title"] + "\\n")
if (log.parent / "broken").exists():
    sys.exit("out of order")
print(json.dumps({"title": given["title"].upper(), "html": given["html"] + "<script>x</script><p>made</p>"}))
"""


@pytest.fixture
def log(site: Site) -> Path:
    return site.folder / "calls"


@pytest.fixture(autouse=True)
def _allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGGREGATOR_ALLOW_STEPS", "command")


def configure(site: Site, origin: Origin, log: Path, *rules: Any) -> None:
    step = {"command": [sys.executable, "-c", STEP, str(log)]}
    site.configure({"id": "a", "feed": origin.url + "/feed"}, rules=[*rules, step])


def titles(site: Site) -> list[str]:
    feed = json.loads(site.public()["all/feed.json"])
    return sorted(one["title"] for one in feed["items"])


def test_what_a_step_makes_is_published_clean_and_made_once(site: Site, origin: Origin, log: Path) -> None:
    origin.route("/feed", rss([item(1), item(2)]))
    configure(site, origin, log)
    assert site.run("update").status == 0
    before = titles(site)
    assert [title.isupper() for title in before] == [True, True]
    for post in site.posts().values():
        assert b"<p>made</p>" in post
        assert b"script" not in post
    calls = log.read_text().splitlines()
    assert len(calls) == 2
    # A third item runs the step once more, and for nothing else.
    origin.route("/feed", rss([item(1), item(2), item(3)]))
    assert site.run("update", "--all").status == 0
    assert len(titles(site)) == 3
    assert len(log.read_text().splitlines()) == 3


def test_a_step_that_fails_leaves_the_item_and_is_tried_again_when_it_changes(
    site: Site, origin: Origin, log: Path
) -> None:
    broken = site.folder / "broken"
    broken.touch()
    origin.route("/feed", rss([item(1)]))
    configure(site, origin, log)
    done = site.run("update")
    assert "out of order" in done.stdout + done.stderr
    (title,) = titles(site)
    assert not title.isupper()
    broken.unlink()
    site.run("update", "--all")
    assert titles(site) == [title]
    assert len(log.read_text().splitlines()) == 1
    origin.route("/feed", rss([item(1, title="Changed")]))
    site.run("update", "--all")
    assert titles(site) == ["CHANGED"]


def test_steps_see_what_rules_before_them_made(site: Site, origin: Origin, log: Path) -> None:
    origin.route("/feed", rss([item(1, title="Dropped"), item(2, title="Kept")]))
    rules = [{"drop": {"title": "dropped"}}, {"replace": {"field": "title", "pattern": "Kept", "with": "seen"}}]
    configure(site, origin, log, *rules)
    assert site.run("update").status == 0
    assert titles(site) == ["SEEN"]
    assert log.read_text().splitlines() == ["seen"]


def test_what_is_not_allowed_does_not_run_and_is_said(
    site: Site, origin: Origin, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AGGREGATOR_ALLOW_STEPS")
    origin.route("/feed", rss([item(1)]))
    configure(site, origin, log)
    done = site.run("update")
    assert "AGGREGATOR_ALLOW_STEPS=command" in done.stdout + done.stderr
    assert not log.exists()
    assert len(titles(site)) == 1


def test_a_replay_runs_the_steps_that_gave_nothing_yet_if_it_is_asked_to(site: Site, origin: Origin, log: Path) -> None:
    origin.route("/feed", rss([item(1), item(2)]))
    site.configure({"id": "a", "feed": origin.url + "/feed"})
    site.run("update")
    configure(site, origin, log)
    assert "2 items judged without the result of a step" in site.run("replay", "--apply").stdout
    assert not log.exists()
    assert site.run("replay", "--steps").status == 2
    (site.folder / "broken").touch()
    done = site.run("replay", "--apply", "--steps")
    assert "2 items: `command` gave no result: it exited with status 1: out of order" in done.stderr
    (site.folder / "broken").unlink()
    done = site.run("replay", "--apply", "--steps")
    assert "2 items judged, 2 changed" in done.stdout
    site.run("update")
    assert [title.isupper() for title in titles(site)] == [True, True]
