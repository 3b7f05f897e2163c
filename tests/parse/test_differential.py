"""Our readers against feedparser, the reference, and against each other: every difference is of a listed kind."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import DATA
from tests.differential import KINDS, READERS, between_readers, differences
from tests.thoroughness import sample

SAMPLES = sorted((DATA / "parse").glob("*.xml"))
OTHERS = (".tsv", ".json", ".py")
#: Fields of entries of each corpus in which a kind occurs at most; a new occurrence has to be looked at.
REAL = {
    "enclosures": 810,
    "comments": 499,
    "image": 491,
    "markup": 396,
    "link": 314,
    "language": 305,
    "author": 295,
    "id resolved": 104,
    "summary": 97,
    "body": 88,
    "origin": 25,
    "title": 18,
    "count": 1,
}
REAL_2 = {
    "enclosures": 1335,
    "author": 606,
    "link": 468,
    "markup": 442,
    "summary": 430,
    "image": 160,
    "comments": 140,
    "body": 115,
    "language": 89,
    "origin": 67,
    "title": 17,
    "id resolved": 10,
    "encoding": 5,
    "count": 1,
    "tags": 1,
}
CASES = {
    "markup": 39,
    "language": 27,
    "title": 14,
    "count": 10,
    "link": 8,
    "body": 7,
    "id resolved": 7,
    "summary": 4,
    "author": 3,
    "origin": 1,
}
#: Feeds in which the rarer kinds occur.
ODD = {
    "NetNewsWire__cloudblog.rss",
    "fastfeedparser__discourse.ardour.org-f5957e.rss",
    "fastfeedparser__osm-pl.xml",
    "12c581_FeedReader__Rss20BreakingNews.xml",
    "2e8410_miniflux-legacy__rss_20.xml",
    "36917e_FeedReader__Rss20FazNet.xml",
    "4bf3a1_FeedReader__AtomYoutubeInvestmentPunk.xml",
    "4e52b9_fastfeedparser__ab1814a7b8c94975",
    "5d1ede_node-feedparser__mediacontent-dupes.xml",
    "985d08_simplepie__feed_rss-2.0_for_file_mock.xml",
    "b65207_cl-feedparser__html5sec.rss",
    "links-bad.xml",
    "many-attributes-50k.xml",
    "many-namespaces-10k.xml",
}
#: The same for our two readers.
BETWEEN: dict[str, dict[str, int]] = {
    "real": {},
    "real-2": {"UTF-8 twice": 3, "references": 13},
    "feedparser": {"inline": 7},
    "hostile": {"references": 1, "refused": 2},
}


def _of_feedparser(body: bytes) -> Iterator[tuple[str, Any, Any]]:
    header = re.search(rb"^Header:\s+Content-type:\s*(.+)$", body, re.MULTILINE | re.IGNORECASE)
    return differences(body, {"content-type": header[1].decode("latin-1").strip()} if header else None)


def _kinds(compare: Callable[[bytes], Iterator[tuple[str, Any, Any]]], paths: list[Path]) -> Counter[str]:
    found: Counter[str] = Counter()
    with warnings.catch_warnings():
        # feedparser warns of its own aliases when it is asked for `updated`.
        warnings.simplefilter("ignore", DeprecationWarning)
        for path in paths:
            found.update(kind for kind, _, _ in compare(path.read_bytes()))
    return found


def _files(folder: Path) -> list[Path]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in OTHERS)
    return [path for path in found if "http" not in path.parent.name]


def _some(folder: Path) -> list[Path]:
    """As a rule a part of the large ones; those of feedparser are many and small."""
    return _files(folder) if folder.name == "feedparser" else sample(_files(folder), ODD)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_differ_in_listed_kinds_only(path: Path) -> None:
    assert set(_kinds(_of_feedparser, [path])) <= set(KINDS)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_both_of_our_readers_read_the_samples_alike(path: Path) -> None:
    assert _kinds(between_readers, [path]) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "limits"), [("real", REAL), ("real-2", REAL_2), ("feedparser", CASES)])
def test_corpora_differ_from_feedparser_in_listed_kinds_only(shared: Path, folder: str, limits: dict[str, int]) -> None:
    found = _kinds(_of_feedparser, _some(shared / "corpus" / folder))
    assert set(found) <= set(KINDS)
    assert not found - Counter(limits)


@pytest.mark.slow
@pytest.mark.parametrize("folder", BETWEEN)
def test_both_of_our_readers_read_the_corpora_alike(shared: Path, folder: str) -> None:
    found = _kinds(between_readers, _some(shared / "corpus" / folder))
    assert set(found) <= set(READERS)
    assert not found - Counter(BETWEEN[folder])
