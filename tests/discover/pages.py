"""The pages of the tests of discovery: files below `tests/data/discover`, and what is expected of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aggregator.discover.candidates import Candidate, of_address, of_page
from aggregator.models import Fetched
from tests import ROOT

FOLDER = ROOT / "tests" / "data" / "discover"
#: When the pages are read.
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


_OFFERED: dict[tuple[str, bool], list[Candidate]] = {}


@dataclass(frozen=True)
class Sample:
    """One page, and what is expected of it."""

    name: str
    path: Path
    expected: dict[str, Any]

    @property
    def url(self) -> str:
        """Address that a person gives."""
        return str(self.expected["url"])

    @property
    def page(self) -> Fetched:
        """The page as it comes."""
        return fetched(self.path.read_bytes(), self.url, links=self.expected.get("links", ""))

    def candidates(self, *, instances: bool = True) -> list[Candidate]:
        """What the address and the page offer, the best first."""
        key = (str(self.path), instances)
        if key not in _OFFERED:
            both = [*of_address(self.url, instances=instances), *of_page(self.page, instances=instances)]
            _OFFERED[key] = sorted(both, key=lambda one: one.rank)
        return _OFFERED[key]

    def __str__(self) -> str:
        return self.name


def samples(folder: str) -> list[Sample]:
    """All pages of a folder."""
    expected = tomllib.loads((FOLDER / f"{folder}.toml").read_text(encoding="utf-8"))
    found = [Sample(name, FOLDER / folder / f"{name}.html", one) for name, one in expected.items()]
    assert {one.path for one in found} == set((FOLDER / folder).iterdir())
    return found


def fetched(body: str | bytes, url: str = "https://example.org/", **fields: Any) -> Fetched:
    """A page as it comes."""
    data = body.encode() if isinstance(body, str) else body
    return Fetched(url, url, 200, fields.pop("content_type", "text/html"), data, **fields)
