"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from aggregator.place import VARIABLE
from tests import ROOT
from tests.inside import work_inside
from tests.origin import Origin
from tests.sharing import share
from tests.support import Site

share()

# A busy machine must not fail a property test.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# What a developer has set is no matter of the tests.
os.environ.pop(VARIABLE, None)

SHARED = ROOT.parent / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what takes long first, so that all processes of the tests end at the same time."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A fresh HTTP origin on loopback."""
    server = Origin()
    yield server
    server.close()


@pytest.fixture
def other() -> Iterator[Origin]:
    """A second origin: the same host at another port."""
    server = Origin()
    yield server
    server.close()


@pytest.fixture
def shared() -> Path:
    """The folder of design material and corpora beside the checkout; the test is left out where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside this checkout")
    return SHARED


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An empty folder to configure and run commands in."""
    return Site(tmp_path)


@pytest.fixture
def workers_inside(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and broken feeds are read in this process, but for tests marked `processes`."""
    if request.node.get_closest_marker("processes") is None:
        work_inside(monkeypatch)
