"""Samples of every format: each input in `data/parse` has the result beside it, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from aggregator.models import Fetched, ParsedFeed
from aggregator.parse import parse
from tests import DATA

FOLDER = DATA / "parse"
INPUTS = sorted(path for path in FOLDER.iterdir() if path.suffix != ".json")
URL = "https://site.example/feeds/main"


def as_json(parsed: ParsedFeed) -> Any:
    """A feed as JSON, without what is empty, and complete unless it says otherwise."""
    filled = _filled(asdict(parsed))
    complete = {} if filled.pop("complete", False) else {"complete": False}
    return json.loads(json.dumps({**filled, **complete}, ensure_ascii=False))


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner) for key, inner in value.items() if inner not in (None, "", (), False)}
    return [_filled(inner) for inner in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.stem + path.suffix)
def test_sample(path: Path) -> None:
    parsed = parse(Fetched(requested_url=URL, url=URL, status=200, content_type="", body=path.read_bytes()))
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert as_json(parsed) == expected
