"""Our readers against feedparser, the reference: every difference is of a listed kind."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from pathlib import Path

import pytest

from tests.differential import KINDS, differences

SAMPLES = sorted((Path(__file__).parent / "data" / "parse").glob("*.xml"))
#: Files of the corpora in which a kind occurs at most; a new occurrence has to be looked at.
REAL = {"enclosures": 32, "author": 23, "id resolved": 8, "link": 2, "count": 1, "body": 1}
CASES = {"encoding": 8, "link": 10, "body": 5, "title": 4, "count": 15, "id resolved": 5, "author": 3, "refused": 1}


def _kinds(paths: list[Path]) -> Counter[str]:
    found: Counter[str] = Counter()
    with warnings.catch_warnings():
        # feedparser warns of its own aliases when it is asked for `updated`.
        warnings.simplefilter("ignore", DeprecationWarning)
        for path in paths:
            body = path.read_bytes()
            header = re.search(rb"^Header:\s+Content-type:\s*(.+)$", body, re.MULTILINE | re.IGNORECASE)
            headers = {"content-type": header[1].decode("latin-1").strip()} if header else None
            found.update({kind for kind, _, _ in differences(body, headers)})
    return found


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_differ_in_listed_kinds_only(path: Path) -> None:
    assert set(_kinds([path])) <= set(KINDS)


@pytest.mark.slow
def test_real_feeds_differ_in_listed_kinds_only(shared: Path) -> None:
    folder = shared / "corpus" / "real"
    found = _kinds([path for path in sorted(folder.iterdir()) if path.suffix not in (".tsv", ".json")])
    assert set(found) <= set(KINDS)
    assert not found - Counter(REAL)


@pytest.mark.slow
def test_cases_of_feedparser_differ_in_listed_kinds_only(shared: Path) -> None:
    folder = shared / "corpus" / "feedparser"
    found = _kinds([path for path in sorted(folder.rglob("*.xml")) if "http" not in path.parent.name])
    assert set(found) <= set(KINDS)
    assert not found - Counter(CASES)
