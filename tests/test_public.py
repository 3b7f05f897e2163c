"""All that is published of the demo and of nasty items is valid; `test_corpus` says it of real and hostile feeds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from generators.readers import Publication, demo, nasty_set
from tests.validators_public import check_public

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("made", [demo, nasty_set], ids=["demo", "nasty"])
def test_all_that_is_published_is_valid(
    made: Callable[[Path], AbstractContextManager[Publication]], tmp_path: Path
) -> None:
    with made(tmp_path) as publication:
        assert check_public(publication.public) == []
        publication.update()
        assert check_public(publication.public) == []
