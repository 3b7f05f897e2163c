"""Home pages after the shapes of real platforms: the right feed comes first."""

from __future__ import annotations

import pytest

from aggregator.discover.candidates import Candidate
from tests.discover.pages import Sample, samples

HOMES = samples("homes")


def shown(candidate: Candidate) -> str:
    entry = candidate.entry
    return str(entry["feed"]) if "feed" in entry else f"rsshub:{entry.get('rsshub', next(iter(entry)))}"


@pytest.mark.parametrize("home", HOMES, ids=str)
def test_the_right_feed_of_a_platform_comes_first(home: Sample) -> None:
    found = [shown(one) for one in home.candidates()]
    feeds = [one for one in found if not one.startswith("rsshub:")]

    assert found[0] == home.expected["best"]
    assert not [one for one in found if "{" in one]
    assert set(home.expected.get("also", ())) <= set(found)
    assert set(home.expected.get("never", ())).isdisjoint(found)
    assert "last" not in home.expected or feeds[-1] == home.expected["last"]


def test_routes_are_offered_only_where_there_are_instances() -> None:
    with_routes = [home for home in HOMES if home.expected["best"].startswith("rsshub:")]

    assert len(with_routes) >= 3
    for home in with_routes:
        assert not [one for one in home.candidates(instances=False) if "rsshub" in one.entry]
