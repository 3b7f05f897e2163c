"""What other programs export becomes the feeds.yaml that a person would write: `tests/data/opml/`.

The samples have the shapes of real exports; each stands beside the sources and categories that it gives.
`AGGREGATOR_GOLDEN=write` writes them anew; look at the difference before it is committed.
"""

from __future__ import annotations

import os

import pytest

from aggregator.config.scaffold import EMPTY
from aggregator.subscriptions.reading import read
from tests.subscriptions.documents import SAMPLES, merged, sample

NAMES = sorted(path.stem for path in SAMPLES.glob("*.opml"))


@pytest.mark.parametrize("name", NAMES)
def test_an_export_of_another_program_becomes_sources(name: str) -> None:
    made, config = merged(sample(name))
    assert made.text is not None
    head, sources = EMPTY.removesuffix("sources: []\n"), SAMPLES / f"{name}.yaml"
    assert made.text.startswith(head)
    if os.environ.get("AGGREGATOR_GOLDEN") == "write":
        sources.write_text(made.text.removeprefix(head), encoding="utf-8")
    assert made.text.removeprefix(head) == sources.read_text(encoding="utf-8")
    assert {one.id: one.address for one in made.added} == {one.id: one.url for one in config.sources}


def test_what_is_in_several_folders_has_several_categories() -> None:
    made, config = merged(sample("inoreader"))
    assert {one.name: (one.category, one.also_in) for one in config.sources} == {
        "标志共和国": ("design", ()),
        "Type & Grids": ("design", ()),
        "@handle": ("uncategorized", ()),
    }
    assert [(one.line, one.first) for one in made.repeated] == [(12, 9)]
    made, config = merged(sample("feedly"))
    assert next((one.category, one.also_in) for one in config.sources if one.name == "High Latency") == (
        "every-day",
        ("ml-bd-da",),
    )
    assert made.whole


def test_what_a_program_says_and_has_no_counterpart_is_named() -> None:
    made, _ = merged(sample("miniflux"))
    assert {(one.of, one.why.partition(" (")[0].partition(":")[0]) for one in made.left_out} == {
        ("Quiet", "full text from the pages"),
        ("Quiet", "rules that filter or rewrite"),
        ("By proxy", "`proxy`"),
    }
    assert not made.whole
    made, config = merged(sample("miniflux"), trust=True)
    assert next(one.access.proxy for one in config.sources if one.name == "By proxy") == "http://proxy.example.org:3128"


def test_scripts_of_newsboat_are_no_addresses() -> None:
    made, _ = merged(sample("newsboat"))
    assert [(one.line, one.what) for one in made.refused] == [(9, "A script"), (10, "Filtered")]
    assert all("must begin with `https://`" in one.why for one in made.refused)


def test_episodes_and_playlists_are_no_sources_and_no_pages() -> None:
    found = read(sample("overcast"))
    assert [one.settings["name"] for one in found.sources] == ["Girl in Orbit", "Primordial"]
    assert not found.pages
    assert not found.refused
