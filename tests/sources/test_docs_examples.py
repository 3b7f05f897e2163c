"""The examples on the pages about sources that are no feeds load as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aggregator.config import load
from tests import ROOT

PAGES = ("articles.md", "sitemaps.md")
EXAMPLES = [
    (name, example)
    for name in PAGES
    for example in re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / name).read_text(encoding="utf-8"), re.DOTALL)
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_examples_load(name: str, example: str, tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(example, encoding="utf-8")
    assert load(path, {}).sources
