"""Rules that change: what is stored becomes what it would be if they had been in force from the start."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from aggregator import replay
from aggregator.publish.memberships import place_again
from aggregator.store import open_store
from tests.origin import Origin
from tests.ruled_worlds import documents, judged, random_settings, shown, world
from tests.support import Site, item, rss
from tests.thoroughness import THOROUGH

SETS = 200 if THOROUGH else 40
HALF = len(documents()) // 2
#: What an update says while stored items are judged by other rules.
NOTE = "rules or categories have changed"


@pytest.mark.slow
def test_replay_gives_what_a_run_from_scratch_gives(tmp_path: Path) -> None:
    """Each world is brought to the rules of the next one, and compared with it."""
    wanted, changed = None, 0
    for seed in range(SETS, -1, -1):
        settings, following = random_settings(seed), random_settings(seed + 1)
        with world(tmp_path / str(seed), settings, parsed=False) as one:
            one.read()
            scratch = judged(one.store), shown(one.store, one.config)
            if wanted is not None:
                one.configure(following)
                found = replay.compare(one.store, one.config) if seed % 10 == 0 else None
                difference = replay.apply(one.store, one.config)
                assert found in (None, difference)
                changed += difference.changed
                assert (judged(one.store), shown(one.store, one.config)) == wanted, (seed, settings, following)
                assert seed % 10 or replay.compare(one.store, one.config).changed == 0
            wanted = scratch
    assert changed > 10 * SETS


@pytest.mark.parametrize("seed", range(5))
def test_rules_that_change_while_documents_come(tmp_path: Path, seed: int) -> None:
    before, after = random_settings(1000 + seed), random_settings(2000 + seed)
    with world(tmp_path / "changing", before) as one:
        one.read(HALF)
        one.configure(after)
        one.read()
        replay.apply(one.store, one.config)
        found = judged(one.store), shown(one.store, one.config)
    with world(tmp_path / "scratch", after) as other:
        other.read()
        assert (judged(other.store), shown(other.store, other.config)) == found


@pytest.mark.parametrize("seed", range(5))
def test_outputs_that_change_get_the_members_of_a_run_from_scratch(tmp_path: Path, seed: int) -> None:
    before, other = random_settings(3000 + seed), random_settings(4000 + seed)
    after = {**before, "outputs": other.get("outputs", {})}
    with world(tmp_path / "changing", before) as one:
        one.read(HALF)
        one.configure(after)
        one.read()
        place_again(one.store, one.config)
        assert place_again(one.store, one.config) == []
        assert replay.compare(one.store, one.config).changed == 0
        found = judged(one.store), shown(one.store, one.config)
    with world(tmp_path / "scratch", after) as scratch:
        scratch.read()
        assert (judged(scratch.store), shown(scratch.store, scratch.config)) == found


def test_what_rules_leave_out_is_withdrawn_and_comes_back_as_it_was(site: Site, origin: Origin) -> None:
    source = {"id": "one", "feed": origin.route("/feed", rss([item(number) for number in range(1, 6)]))}
    outputs = {"few": {"where": 'title.endsWith("2") || title.endsWith("3")'}}
    site.configure(source, outputs=outputs)
    assert site.run("update").status == 0
    posts, public = site.posts(), site.public()
    drop = [{"drop": {"title": ["item 2"]}}, {"replace": {"field": "title", "pattern": "Item 3", "with": "Third 3"}}]
    site.configure(source, outputs=outputs, rules=drop)
    for _ in range(2):
        # The second run takes the shortest way.
        assert NOTE in site.run("update").stdout
    assert (site.posts(), site.public()) == (posts, public)
    assert "2 would change" in site.run("replay").stdout
    assert NOTE in site.run("update").stdout
    assert site.run("replay", "--apply").status == 0
    done = site.run("update")
    assert NOTE not in done.stdout
    assert done.status == 0
    assert site.posts().keys() == posts.keys() - {"news/Item-2.md"}
    assert b"title: Third 3" in site.posts()["news/Item-3.md"].replace(b'"', b"").replace(b"'", b"")
    assert [one["title"] for one in json.loads(site.public()["few/feed.json"])["items"]] == ["Third 3"]
    site.configure(source, outputs=outputs)
    assert NOTE in site.run("update").stdout
    assert site.run("replay", "--apply").status == 0
    assert site.run("update").status == 0
    assert (site.posts(), site.public()) == (posts, public)


def test_an_output_that_is_new_has_what_is_stored_and_one_that_ends_is_forgotten(site: Site, origin: Origin) -> None:
    source = {"id": "one", "feed": origin.route("/feed", rss([item(number) for number in range(1, 6)]))}
    site.configure(source)
    site.run("update")
    site.configure(source, outputs={"few": {"where": 'title.endsWith("2")'}})
    assert NOTE not in site.run("update").stdout
    assert [one["title"] for one in json.loads(site.public()["few/feed.json"])["items"]] == ["Item 2"]
    site.configure(source)
    site.run("update")
    assert not [name for name in site.public() if name.startswith("few/")]
    with closing(open_store(site.data / "aggregator.db")) as store:
        assert not [name for name in store.fingerprints() if name.startswith("output/")]
        assert not [one for one in store.rulings_after(0, 10) if one.memberships]


def test_progress_examples_and_counts_are_told(tmp_path: Path) -> None:
    plain = random_settings(7)
    told: list[tuple[int, int]] = []
    with world(tmp_path / "one", {**plain, "rules": []}) as one:
        one.read()
        one.configure({**plain, "rules": [{"drop": {"title": ["rust"]}}]})
        found = replay.compare(
            one.store, one.config, examples=2, progress=lambda done, total: told.append((done, total))
        )
        assert found.judged == one.store.entry_count() == told[-1][0] == told[-1][1]
        assert found.counts["dropped"] > 2
        assert [example.after.verdict for example in found.examples["dropped"]] == ["dropped"] * 2
