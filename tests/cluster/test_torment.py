"""A few kills of workers and one of their database; `torment` has the long form."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.cluster.torment import torment
from tests.thoroughness import THOROUGH


@pytest.mark.skipif(not THOROUGH, reason="takes long; AGGREGATOR_TESTS=thorough runs it")
def test_nothing_is_lost_or_comes_twice(tmp_path: Path) -> None:
    random.seed(3)
    torment(tmp_path, kills=2, outages=1, stills=0, feeds=14, domains=14, workers=2, pause=(0.1, 0.6))
