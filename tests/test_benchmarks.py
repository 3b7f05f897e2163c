"""The benchmarks stay alive: every experiment runs on a tiny workload. No timing decides anything here."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregator.models import Fetched
from aggregator.parse import parse
from benchmarks import tables
from benchmarks.__main__ import EXPERIMENTS, main
from benchmarks.measure import Experiment, Failed, Further, Results, Run, Sample, Target, call, execute, measure
from benchmarks.origin import Server
from benchmarks.sizes import TINY
from benchmarks.workload import Workload
from tests import ROOT
from tests.thoroughness import chosen


def _sample(wall: float, cpu: float = 1.0, peak: int = 10) -> Sample:
    return Sample(wall=wall, cpu=cpu, children=0.0, peak=peak, done=1)


def _results(ours: list[float], peer: list[float], *targets: Target) -> Results:
    runs = (Run("ours", "parse", {}, units=2, ours=True), Run("peer", "lxml", {}, units=2))
    experiment = Experiment("name", "Title", "How.", "feed", runs, targets)
    samples = {"ours": [_sample(wall) for wall in ours], "peer": [_sample(wall) for wall in peer]}
    return Results(experiment, {label: made for label, made in samples.items() if made}, {})


@pytest.mark.slow
@pytest.mark.parametrize("name", chosen(("parse", "normalize", "cold", "scrape", "publish"), tuple(EXPERIMENTS)))
def test_every_experiment_runs(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    status, said = main(["--tiny", "--only", name, "--json", str(out)]), capsys.readouterr()
    assert status == 0, said.err
    measured: list[dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))["experiments"]
    if not measured:
        assert name == "corpus"
        return
    [experiment] = measured
    ours = [label for label in experiment["samples"] if label.startswith("aggregator")]
    assert ours
    for label, samples in experiment["samples"].items():
        assert len(samples) == 1
        assert samples[0]["wall"] > 0, label
        assert label in said.out
    for target in experiment["targets"]:
        assert target["target"] in said.out
    assert all("not installed" in why for why in experiment["missing"].values()), experiment["missing"]


@pytest.mark.slow
def test_profile_names_our_functions() -> None:
    command = [sys.executable, "-m", "benchmarks", "--tiny", "--profile", "normalize"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cumulative" in done.stdout
    assert "aggregator/normalize/" in done.stdout
    assert str(ROOT) not in done.stdout


def test_same_seed_makes_the_same_feeds() -> None:
    assert Workload(3, 2, 300).feed(1) == Workload(3, 2, 300).feed(1)
    assert Workload(3, 2, 300).feed(1) != Workload(3, 2, 300, seed=2).feed(1)
    assert Workload(3, 2, 300).feed(1) != Workload(3, 2, 300).feed(0)


@pytest.mark.parametrize("source", range(6))
def test_feeds_of_the_workload_have_what_they_say(source: int) -> None:
    load = Workload(6, 20, 500, fresh=0.05)
    before, after = (
        parse(Fetched("http://h/", "http://h/", 200, "application/xml", load.feed(source, cycle))) for cycle in (0, 1)
    )
    assert before.version == ("atom10" if source % 3 == 2 else "rss20")
    assert len(before.entries) == len(after.entries) == 20
    old, new = ({entry.url for entry in feed.entries} for feed in (before, after))
    assert len(new - old) == 1
    texts = [entry.content.value for entry in before.entries if entry.content]
    assert len(set(texts)) == 20
    assert all(500 <= len(text.encode()) < 1500 for text in texts)


def test_origin_answers_conditionally_and_counts() -> None:
    load = Workload(2, 4, 100, fresh=0.25)
    with Server(load) as server, httpx.Client(trust_env=False, timeout=60) as client:
        answer = client.get(server.feeds[1])
        assert answer.content == load.feed(1, 0)
        conditional = {"If-None-Match": answer.headers["ETag"]}
        assert conditional["If-None-Match"] == server.etags()[1]
        assert client.get(server.feeds[1], headers=conditional).status_code == 304
        assert server.seen()[0] == {"200": 1, "304": 1}
        server.go_to(1)
        assert client.get(server.feeds[1], headers=conditional).content == load.feed(1, 1)
        answers, headers = server.seen()
        assert answers == {"200": 1}
        assert headers.items() >= conditional.items()


def test_ratios_are_made_round_by_round() -> None:
    results = _results([1.0, 2.0, 4.0], [10.0, 10.0, 10.0])
    assert results.values("ours", "wall") == [0.5, 1.0, 2.0]
    assert results.ratios("peer", "ours", "wall") == [10.0, 5.0, 2.5]


@pytest.mark.parametrize(
    ("sense", "limit", "met"), [("at least", 5.0, True), ("at least", 5.1, False), ("at most", 4.9, False)]
)
def test_target_is_judged_by_the_median(sense: Any, limit: float, met: bool) -> None:
    target = Target("what", ("peer",), ("ours",), "wall", limit, sense)
    results = _results([1.0, 2.0, 4.0], [10.0, 10.0, 10.0], target)
    assert tables.judge(results, target) == ([10.0, 5.0, 2.5], met)
    text = tables.render(results, 3)
    assert "5 (2.5 to 10)" in text
    assert ("| yes" in text) == met


def test_a_further_unit_is_the_difference_of_two_sizes() -> None:
    runs = (Run("many", "parse", {}, units=10), Run("few", "parse", {}, units=2))
    further = Further("one more", "many", "few")
    target = Target("what", ("one more",), ("few",), "wall", 0.6, "at most")
    samples = {"many": [_sample(5.0), _sample(9.0)], "few": [_sample(1.0), _sample(2.0)]}
    results = Results(Experiment("name", "Title", "How.", "feed", runs, (target,), (further,)), samples, {})
    assert results.values("one more", "wall") == [0.5, 0.875]
    assert tables.judge(results, target) == ([1.0, 0.875], False)
    [row] = [line for line in tables.render(results, 2).splitlines() if line.startswith("| one more")]
    assert "688 ms" in row
    assert "MB" not in row
    results.samples.pop("few")
    assert tables.judge(results, target) is None
    assert "one more" not in tables.render(results, 2)


def test_target_without_its_peer_is_not_judged() -> None:
    target = Target("what", ("peer",), ("ours",), "wall", 1, "at least")
    results = _results([1.0], [], target)
    assert tables.judge(results, target) is None
    assert "not measured" in tables.render(results, 1)


def test_target_against_several_peers_takes_the_hardest() -> None:
    runs = tuple(Run(label, "parse", {}) for label in ("ours", "slow", "fast"))
    target = Target("what", ("slow", "fast"), ("ours",), "wall", 5, "at least")
    experiment = Experiment("name", "Title", "How.", "feed", runs, (target,))
    samples = {"ours": [_sample(1.0)], "slow": [_sample(9.0)], "fast": [_sample(3.0)]}
    assert tables.judge(Results(experiment, samples, {}), target) == ([3.0], False)


def test_missing_peer_is_noted_and_failing_run_of_ours_is_an_error() -> None:
    good = Run("good", "lxml", {"load": {"sources": 1, "entries": 1}})
    absent = Run("absent", "lxml", {}, needs="no-such-module-or-command")
    broken = Run("broken", "feedparser", {"plain": True, "files": ["/nowhere/at/all"]})
    said: list[str] = []
    results = measure(Experiment("n", "t", "h", "u", (good, absent, broken)), 2, said.append)
    assert len(results.samples["good"]) == 2
    assert set(results.samples) == {"good"}
    assert results.missing["absent"] == "no-such-module-or-command is not installed"
    assert "FileNotFoundError" in results.missing["broken"]
    assert len(said) == 3
    ours = Run("broken", "feedparser", {"plain": True, "files": ["/nowhere/at/all"]}, ours=True)
    with pytest.raises(Failed, match="FileNotFoundError"):
        measure(Experiment("n", "t", "h", "u", (ours,)), 1, said.append)


def test_side_that_finds_less_is_not_counted() -> None:
    with pytest.raises(Failed, match="did 2 instead of 3"):
        execute(Run("few", "parse", {"load": {"sources": 1, "entries": 2, "body": 100}}, expects=3), 0)


def test_straight_line_program_stores_and_writes_every_entry(tmp_path: Path) -> None:
    load = Workload(4, 3, 300)
    with Server(load) as server:
        given = {"urls": server.feeds, "headers": {}, "concurrency": 2, "categories": 2, "folder": str(tmp_path)}
        assert call("floor", given)["done"] == 12
    with closing(sqlite3.connect(tmp_path / "floor.db")) as database:
        rows = database.execute("SELECT source, url, title FROM entries").fetchall()
    made = [(source, load.entry(source, number)) for source in range(4) for number in range(3)]
    assert sorted(rows) == sorted((source, entry.url, entry.title) for source, entry in made)
    assert len(list(tmp_path.glob("posts/c*/*.md"))) == 12
    for category in range(2):
        feeds = [
            parse(
                Fetched(
                    "http://h/", "http://h/", 200, media_type, (tmp_path / f"public/c{category}/{name}").read_bytes()
                )
            )
            for name, media_type in (
                ("rss.xml", "application/xml"),
                ("atom.xml", "application/xml"),
                ("feed.json", "application/json"),
            )
        ]
        assert [feed.version for feed in feeds] == ["rss20", "atom10", "json11"]
        for feed in feeds:
            assert {entry.url for entry in feed.entries} == {
                entry.url for source, entry in made if source % 2 == category
            }
            assert all(entry.content and "<p>Entry" in entry.content.value for entry in feed.entries)


def test_bare_libraries_render_the_same_bytes_as_ours() -> None:
    load = {"sources": 2, "entries": 3, "body": 300}
    ours, bare = (call(task, {"load": load})["done"] for task in ("render", "floor_render"))
    assert ours == bare > 6 * 3 * 300


def test_tables_go_between_the_marks(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n", encoding="utf-8")
    tables.write_into(document, "new")
    assert document.read_text(encoding="utf-8") == f"before\n{tables.BEGIN}\n\nnew\n{tables.END}\nafter\n"
    document.write_text("no marks", encoding="utf-8")
    with pytest.raises(Failed, match="no lines"):
        tables.write_into(document, "new")


def test_tiny_sizes_are_tiny() -> None:
    loads = [value for name in TINY.__slots__ if isinstance(value := getattr(TINY, name), Workload)]
    assert sum(load.sources * load.entries * load.body for load in loads) < 50_000
