"""What `make simulate` claims, on a world that is small enough for every test run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from aggregator.models import Auto
from benchmarks.scheduling import report
from benchmarks.scheduling.delay import Run, at_looks, follow, run
from benchmarks.scheduling.fleet import MINUTE, SPACING, Account, live, members
from benchmarks.scheduling.policies import POLICIES, Fixed, Ours
from benchmarks.scheduling.replay import replays
from benchmarks.scheduling.world import DAY, HOUR, START, Timeline, synthetic

NUMBERS: dict[str, tuple[float, ...]] = {
    "auto": (150, 600, 2400, 9600),
    "fixed interval": (4 * HOUR, 8 * HOUR),
    "entry frequency": (0.5, 2, 8),
    "moving average": (2, 0.5, 0.1),
    "moving average, synchronized": (4, 1, 0.2),
}


@pytest.fixture(scope="module")
def runs() -> dict[str, list[Run]]:
    world = [synthetic(index, 14) for index in range(250)]
    return {name: [run(world, POLICIES[name], number) for number in some] for name, some in NUMBERS.items()}


@pytest.fixture(scope="module")
def account() -> Account:
    return live(members(300, 6), 6, Auto())


def test_auto_finds_posts_sooner_than_everything_else_at_equal_requests(runs: dict[str, list[Run]]) -> None:
    for fixed, others in report.ratios(runs):
        shares = {name: pair[0] for name, pair in others.items() if pair}
        assert shares.keys() == others.keys(), "a policy that cannot be compared"
        assert shares.pop("auto") < min(0.6, *shares.values()), fixed.number


def test_auto_finds_the_posts_of_real_feeds_sooner_than_a_fixed_interval() -> None:
    feeds = replays()[::8]
    fixed = run(feeds, Fixed, 8 * HOUR)
    ours = at_looks([run(feeds, Ours, patience) for patience in (30, 120, 500)], fixed.looks)
    assert ours is not None
    assert ours[0] < 0.6 * fixed.delay
    assert ours[1] < fixed.by_source


def test_a_fixed_interval_finds_posts_after_half_of_it() -> None:
    timeline = Timeline("a", [], list(range(START, START + 30 * DAY, 1711)), START, START + 30 * DAY)
    looks, waited = follow(timeline, Fixed("a", HOUR))
    assert looks == 30 * 24
    assert waited / len(timeline.posts) == pytest.approx(HOUR / 2, rel=0.02)


def test_no_source_starves_and_no_host_is_asked_too_often(account: Account) -> None:
    assert account.forgotten == 0
    assert account.too_soon == 0
    assert account.longest <= 25 * HOUR
    assert account.busiest_host <= MINUTE / SPACING
    assert account.found > 0.9 * account.posts


def test_the_same_seed_is_the_same_world(account: Account) -> None:
    again = live(members(300, 6), 6, Auto())
    assert again == account


def test_a_crowded_host_makes_its_sources_wait_alike() -> None:
    world = members(60, 3)
    for member in world:
        member.host, member.nature = "platform-1", "plain"
    spacing = timedelta(minutes=20)
    crowded = live(world, 3, Auto(), spacing)
    # Sixty sources, three requests an hour: each has its turn every twenty hours or so, and none waits for two turns.
    assert crowded.forgotten == 0
    assert crowded.busiest_host == 1
    assert crowded.crowd_looks == pytest.approx(3 * 24 * 3, abs=5)
    assert crowded.longest < 44 * HOUR


def test_the_page_gets_tables_and_plots(runs: dict[str, list[Run]], account: Account, tmp_path: Path) -> None:
    page = tmp_path / "scheduling.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    results = report.Results(runs, 250 * 14, 250, runs, 250 * 14, 250, account, 300, 6, SPACING, 60.0)
    report.write(results, tmp_path)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| 8 h | 3.00 |" in text
    for name in ("synthetic", "real", "fleet"):
        assert ET.parse(tmp_path / f"scheduling-{name}.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own
    assert report.broken_claims(results) == []
    account_of_a_bully = Account(posts=1, busiest_host=31, too_soon=1, forgotten=1)
    bad = report.Results(runs, 1, 1, runs, 1, 1, account_of_a_bully, 1, 1, SPACING, 0.0)
    assert len(report.broken_claims(bad)) == 3
