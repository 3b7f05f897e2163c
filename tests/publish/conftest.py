from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.publish.output_world import World, world_of
from tests.support import Site


@pytest.fixture
def world(site: Site) -> Iterator[World]:
    with world_of(site) as made:
        yield made
