"""Fixtures that several test modules share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer.testing
from hypothesis import HealthCheck, settings
from typer.main import get_command

from tests import ROOT
from tests.origin import Origin
from tests.support import Site

# A busy machine must not fail a property test.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# A process of the program makes its commands once; in a test that takes longer than most of them.
typer.testing._get_command = cache(get_command)  # type: ignore[attr-defined]

SHARED = ROOT.parent / "shared"


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
