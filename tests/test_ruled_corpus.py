"""Feeds of the demo and of the corpus under rules that drop, hold, route and rewrite: every item has an explanation."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import aggregator.demo
from aggregator.config import Config, load
from aggregator.inspection import condition, explain
from aggregator.judging import stored_rulings
from aggregator.store import Store, StoredRuling, open_store
from aggregator.trial import try_rules
from tests.origin import Origin
from tests.store_samples import NOW
from tests.support import Site

RULES: list[dict[str, Any]] = [
    {"drop": {"title": ["sponsored", "podcast"], "max_words": 3}},
    {"drop": "/^the /i", "when": 'source.endsWith("1")'},
    {"hold": {"has": "enclosure"}},
    {"category": "long", "when": "words > 400"},
    {"also_in": ["all-images"], "when": "size(images) > 1"},
    {"replace": {"field": "title", "pattern": "/ +- .*$/", "with": ""}},
    {"remove": "img"},
    {"draft": True, "when": 'title.contains("?")'},
    {"tag": ["short"], "when": "words < 40"},
]
OUTPUTS: dict[str, dict[str, Any]] = {
    "short": {"title": "Short", "where": '"short" in tags', "per_source": 3, "limit": 30},
    "fair": {"title": "Fair", "where": "words > 20", "mix": "fair", "limit": 25},
    "quiet": {"title": "Quiet", "where": 'host != ""', "limit": 40, "rules": [{"drop": "/[0-9]{4}/"}]},
}
#: Every one of so many files of the corpus.
STEP = 12


def _files(which: str) -> list[Path]:
    if which == "demo":
        folder = Path(aggregator.demo.__file__).parent / "samples"
        return [path for path in sorted(folder.rglob("*")) if path.suffix in (".xml", ".atom", ".rss", ".json")]
    from tests.conftest import SHARED

    folder = SHARED / "corpus" / "real"
    if not folder.is_dir():
        pytest.skip("no ../shared beside this checkout")
    found = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix in (".xml", ".rss", ".atom")]
    return found[::STEP]


def _differences(store: Store, config: Config, site: Site, now: datetime) -> list[str]:
    """The items whose explanation is not what stands on the disk."""
    feeds = {
        slug: {item["id"] for item in json.loads(data)["items"]}
        for slug in ("all", *config.categories, *config.outputs)
        if (data := site.public().get(f"{slug}/feed.json")) is not None
    }
    posts = set(site.posts())
    wrong = []
    for one in stored_rulings(store):
        found = explain(store, config, site.data, one, now)
        shown = {output.output for output in found.outputs if output.shown}
        stands = {slug for slug, ids in feeds.items() if one.stored.id is not None and one.stored.id in ids}
        has_post = found.condition in ("published", "draft")
        files = {path.removeprefix("posts/") for path in found.files}
        if shown != stands or found.outdated or bool(files & posts) != has_post or not _told(one, found.steps):
            wrong.append(f"{one.stored.pk} {one.ruling.entry.title}: {shown ^ stands} {found.condition} {files}")
    return wrong


def _told(one: StoredRuling, steps: Any) -> bool:
    """Whether a rule is named for an item that is not published as it is."""
    if condition(one) in ("dropped", "held", "draft") or one.ruling.category is not None:
        return any(step.what for step in steps)
    return True


@pytest.mark.slow
@pytest.mark.parametrize("which", ["demo", "corpus"])
def test_every_item_is_explained_and_rules_do_what_their_trial_said(site: Site, origin: Origin, which: str) -> None:
    sources = []
    for number, path in enumerate(_files(which)):
        url = origin.route(f"/{number}", path.read_bytes())
        sources.append({"id": f"f{number}", "feed": url, "category": f"c{number % 2}"})
    plain = {"categories": {name: name for name in ("c0", "c1", "long", "all-images")}, "feeds": {"limit": 20}}
    site.configure(*sources, **plain)
    site.run("update")
    site.configure(*sources, **plain, rules=RULES, outputs=OUTPUTS)
    config = load(site.config, {})
    with closing(open_store(site.data / "aggregator.db")) as store:
        trial = try_rules(store, config)
        counted = Counter({"published": 0} | trial.verdicts)
    assert trial.judged > 10
    assert site.run("replay", "--apply").status == 0
    assert site.run("update").status in (0, 1)
    with closing(open_store(site.data / "aggregator.db")) as store:
        assert Counter(one.ruling.verdict for one in stored_rulings(store)) == counted
        assert _differences(store, config, site, NOW) == []
