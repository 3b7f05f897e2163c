"""All that is published of the demo and of nasty items is valid; `test_corpus` says it of real and hostile feeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from generators.readers import Publication, demo, nasty_set
from tests.validators_public import check_public, follow

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("made", "limit"), [(demo, 10), (nasty_set, 100)], ids=["demo", "nasty"])
def test_all_that_is_published_is_valid_and_complete(
    made: Callable[[Path, int], AbstractContextManager[Publication]], limit: int, tmp_path: Path
) -> None:
    with made(tmp_path, limit) as publication:
        _check(publication)
        publication.update()
        _check(publication)


def _check(publication: Publication) -> None:
    assert check_public(publication.public) == []
    for slug in publication.slugs():
        published = Counter(item.id for item in publication.items(slug))
        for name in ("rss.xml", "atom.xml", "feed.json"):
            assert Counter(follow(publication.public, f"{slug}/{name}")) == published, f"{slug}/{name}"
