"""Feed readers that people use subscribe to the published demo: `make generators` does it with more than that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from generators.readers import PROGRAMS, Item, Look, Program, Publication, check, demo
from tests.validators import read_back

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def publication(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publication]:
    with demo(tmp_path_factory.mktemp("demo")) as made:
        yield made


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_a_reader_shows_all_items_and_what_is_new(program: Program, publication: Publication, tmp_path: Path) -> None:
    if program.version() is None:
        pytest.skip(f"{program.name} is not installed: {program.package}")
    result = check(program, publication, tmp_path)
    assert result.faults == ()
    # Of one category and of all, in each format.
    feeds = 2 * len(program.formats)
    assert (result.new, result.changed) == (feeds, None if program.name == "sfeed" else feeds)
    assert (
        result.items == len(program.formats) * sum(len(publication.items(slug)) for slug in publication.slugs()) - feeds
    )


def _forgetful(folder: Path, feeds: Mapping[str, str]) -> dict[str, Look]:
    """Asks without conditions, takes everything for new, and leaves one item out."""
    looks = {}
    for name, url in feeds.items():
        read = read_back(httpx.get(url, timeout=60, trust_env=False).content)
        items = tuple(Item(identity, title or "", link, date) for identity, title, link, date, *_ in read)
        looks[name] = Look(items[1:], tuple(item.id for item in items), ())
    return looks


def test_faults_are_found(publication: Publication, tmp_path: Path) -> None:
    program = Program("forgetful", lambda: "1", "nowhere", ("atom",), _forgetful)
    faults = "\n".join(check(program, publication, tmp_path).faults)
    for fault in (
        "items became",
        "not all are new",
        "and the program shows",
        "when nothing has changed",
        "new are",
        "changed are",
    ):
        assert fault in faults
