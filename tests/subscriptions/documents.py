"""OPML documents for the tests, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aggregator.config import Config, load
from aggregator.config.additions import add_sources
from aggregator.subscriptions.merging import Merged, is_blank, merge
from aggregator.subscriptions.reading import read
from tests import DATA

SAMPLES = DATA / "opml"
FILE = Path("feeds.yaml")


def sample(name: str) -> bytes:
    """An export as another program writes it."""
    return (SAMPLES / f"{name}.opml").read_bytes()


def opml(outlines: str, *, head: str = "<title>T</title>", attributes: str = "") -> bytes:
    """A document with these outlines."""
    root = f'<opml version="2.0"{attributes}>'
    return f'<?xml version="1.0"?>\n{root}<head>{head}</head><body>{outlines}</body></opml>'.encode()


def feed(number: int, **attributes: str) -> str:
    """An outline."""
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<outline type="rss" text="Feed {number}" xmlUrl="https://example.org/{number}"{more}/>'


def merged(
    data: bytes, before: str | None = None, environ: Mapping[str, str] | None = None, **options: Any
) -> tuple[Merged, Config]:
    """Merge a document into a text of feeds.yaml, and load the result."""
    some = environ or {}
    config = None
    if before is not None and not is_blank(before):
        with_sources = before if "sources:" in before and "sources:\n" not in before else add_sources(before, [])
        config = load(FILE, some, text=with_sources)
    made = merge(read(data), FILE, before, config, some, **options)
    text = made.text if made.text is not None else before
    return made, load(FILE, some, text="sources: []" if text is None else text)
