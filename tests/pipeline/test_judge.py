"""What becomes of entries before they are stored: they are judged by the rules in force, whatever rules do."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregator import replay
from aggregator.config import Config, load
from aggregator.config.ruling import RuleLists
from aggregator.judging import KeptSteps, judge_stored, judged_by_others, rules_note
from aggregator.models import Decision, FeedState, FeedUpdate, Fetched, Ruling, Sight
from aggregator.parse import parse
from aggregator.pipeline.decide import Received
from aggregator.pipeline.ingest import Ingester
from aggregator.pipeline.judge import Judge, NeedsSteps, verdicts
from aggregator.publish.decisions import carry_out_decisions
from aggregator.publish.renewal import renew
from aggregator.rules.book import RuleSetting, make_book
from aggregator.store import Store, open_store
from aggregator.store.rulingprotocol import RULES, StoredRuling
from tests.store_samples import NOW, entry, newest_keys, publish
from tests.support import Site, item, rss

ALLOWED = {"AGGREGATOR_ALLOW_STEPS": "command"}


class Place:
    """A store and a configuration that may change, with one source."""

    def __init__(self, site: Site, store: Store) -> None:
        self.site = site
        self.store = store
        self.dry_run = False
        self.configure()
        self._judge = Judge(store, lambda: self.config)

    def configure(self, environ: Mapping[str, str] = ALLOWED, **sections: Any) -> None:
        """Put another configuration in force; its source is `a`."""
        own = sections.pop("source", {})
        self.site.configure({"id": "a", "feed": "https://a.example/feed", **own}, **sections)
        self.config: Config = load(self.site.config, environ)
        self.store.sync_sources(self.config.sources)

    def ingester(self) -> Ingester:
        config = self.config
        judge = Judge(self.store, lambda: config, record=False) if self.dry_run else self._judge
        return Ingester(self.store, lambda: NOW, self.dry_run, config.secrets, config.confidential, judge)

    def read(self, *items: dict[str, str]) -> FeedUpdate:
        """Let a document of the source come."""
        source = self.config.sources[0]
        fetched = Fetched(source.url, source.url, 200, "application/rss+xml", rss(items).encode())
        state = self.store.states().get("a") or FeedState("a")
        return self.ingester().ingest(Received(source, state, fetched, NOW), parse(fetched))

    def stored(self, number: int = 1) -> StoredRuling:
        """An entry as it is stored."""
        (found,) = (one for one in self.store.rulings_after(0, 100) if one.stored.entry.url == item(number)["link"])
        return found


@pytest.fixture
def place(site: Site) -> Iterator[Place]:
    with closing(open_store(site.data / "aggregator.db")) as store:
        yield Place(site, store)


def test_what_rules_leave_out_is_stored_and_counted_but_not_published(place: Place) -> None:
    rules = [{"drop": {"title": ["item 1"]}}, {"hold": {"title": ["item 2"]}}]
    place.configure(rules=rules)
    update = place.read(item(1), item(2), item(3))
    assert verdicts(update) == (1, 0, 1, 1)
    publish(place.store)
    assert newest_keys(place.store) == [place.stored(3).stored.entry.key]
    assert [one.ruling.verdict for one in place.store.rulings_after(0, 10)] == ["published", "held", "dropped"]
    changed = place.read(item(1, title="Item 1, more"), item(2), item(3, title="Item 3, more"))
    assert verdicts(changed) == (0, 1, 1, 0)


@pytest.mark.parametrize(
    "url",
    [None, "https://a.example/1", "https://a.example/1?id=2", "https://a.example/1?utm_source=x&id=2#utm_medium=y"],
)
@pytest.mark.parametrize("seen", [True, False])
def test_without_rules_the_short_way_gives_what_the_book_gives(place: Place, url: str | None, seen: bool) -> None:
    one = entry("a", "k", url=url)
    sight = Sight("a", "news", NOW if seen else None)
    stored = replace(_stored_ruling(place), sight=sight)
    stored = replace(stored, stored=replace(stored.stored, entry=one))
    assert place.config.rules.is_trivial
    assert judge_stored(place.config, stored, KeptSteps(place.store)) == make_book().judge(one, sight)


def _stored_ruling(place: Place) -> StoredRuling:
    place.read(item(1))
    return place.stored()


def test_an_entry_of_before_keeps_its_address_and_a_new_one_loses_its_tracking(place: Place, site: Site) -> None:
    tracked = {"link": "https://a.example/1?utm_source=x", "guid": "one"}
    update = place.read(item(1, **tracked))
    (ruling,) = (update.rulings or {}).values()
    assert (update.new[0].url, ruling.entry.url) == (tracked["link"], "https://a.example/1")
    with closing(sqlite3.connect(site.data / "aggregator.db")) as database, database:
        database.execute("UPDATE entries SET seen_at = NULL")
    assert place.read(item(1, **tracked, title="Other")).rulings is None
    (one,) = place.store.rulings_after(0, 10)
    assert one.ruling == Ruling(one.stored.entry)


def test_a_decision_of_a_person_holds_for_what_changes_later(place: Place) -> None:
    place.configure(source={"review": True})
    place.read(item(1), item(2))
    first = place.stored()
    place.store.decide(first.stored.pk, Decision("published"), NOW)
    assert carry_out_decisions(place.store, place.config, NOW) == []
    update = place.read(item(1, title="Other"), item(2, title="Another"))
    assert verdicts(update) == (0, 1, 0, 1)
    assert [one.ruling.verdict for one in (place.stored(1), place.stored(2))] == ["published", "held"]


def test_a_rule_that_fails_costs_nothing_but_itself(place: Place) -> None:
    tag = place_rule(place, {"tag": ["good"]})
    # Settings that no configuration has.
    lists = RuleLists(site=(RuleSetting("drop", object(), number=1), replace(tag, number=2)))
    place.config = replace(place.config, rules=lists)
    update = place.read(item(1), item(2))
    assert [one.entry.tags for one in (update.rulings or {}).values()] == [("good",), ("good",)]
    (note,) = update.notes
    assert note.startswith("rule 1 of site: unexpected error: AttributeError")
    assert update.state.notes == update.notes


def place_rule(place: Place, rule: dict[str, Any]) -> RuleSetting:
    """One rule as the configuration reads it."""
    place.configure(rules=[rule])
    return place.config.rules.site[0]


def test_what_an_expression_cannot_do_is_noted_once(place: Place) -> None:
    place.configure(rules=[{"tag": ["x"], "when": 'tags[0] == "y"'}], outputs={"o": {"where": 'tags[0] == "y"'}})
    update = place.read(*(item(number) for number in range(1, 6)))
    assert update.rulings is None
    assert len(update.notes) == 2
    assert update.notes[0].startswith("rule 1 of site: ")
    assert update.notes[1].startswith("`where` of output o: ")


def test_what_rules_make_holds_no_secret(place: Place) -> None:
    place.configure(
        {"TOKEN": "abcdef123456"},
        rules=[{"prefix": "By ${env:TOKEN}"}, {"tag": ["${env:TOKEN}"]}],
        outputs={"o": {"rules": [{"title": "{title} ${env:TOKEN}"}]}},
    )
    assert "abcdef123456" in place.config.confidential
    update = place.read(item(1))
    (ruling,) = (update.rulings or {}).values()
    assert ruling.entry.tags == ("***",)
    assert ruling.placements[0].entry is not None
    assert "abcdef123456" not in repr(ruling)
    assert "***" in ruling.entry.html
    assert replay.compare(place.store, place.config).changed == 0


def test_what_is_a_secret_only_later_is_taken_out_of_what_rules_made(place: Place, site: Site) -> None:
    outputs = {"o": {"rules": [{"title": "{title} ghijkl7890"}]}}
    place.configure(rules=[{"prefix": "By ghijkl7890"}], outputs=outputs)
    place.read(item(1), item(2))
    assert renew(place.store, frozenset(), site.data) == []
    assert "ghijkl7890" in repr(place.stored().ruling)
    assert renew(place.store, frozenset({"ghijkl7890"}), site.data) == []
    for one in place.store.rulings_after(0, 10):
        assert "ghijkl7890" not in repr(one)
        assert "By ***" in one.ruling.entry.html
        assert one.ruling.placements[0].entry is not None
        assert one.ruling.placements[0].entry.title.endswith(" ***")


# -- steps of one's own ------------------------------------------------------------------------------------------------

STEPS = [{"command": ["one"]}, {"command": ["two"], "when": 'title == "First"'}]


def test_entries_wait_for_steps_which_run_elsewhere(place: Place) -> None:
    place.configure(rules=STEPS)
    with pytest.raises(NeedsSteps) as needed:
        place.read(item(1), item(2))
    assert place.store.entry_count() == 0
    (first, call), (second, _) = needed.value.calls.items()
    assert (call.kind, call.given["title"]) == ("command", "Item 1")
    place.store.steps.save(first, {"title": "First"}, NOW)
    source = place.config.sources[0]
    tried = {first: "", second: "`command` gave no result: it broke"}
    with pytest.raises(NeedsSteps) as more:
        place.ingester().finish(source, needed.value.update, tried)
    # The second step sees what the first one made.
    ((third, chained),) = more.value.calls.items()
    assert chained.given["title"] == "First"
    place.store.steps.save(third, {"title": "Second"}, NOW)
    update = place.ingester().finish(source, more.value.update, {**tried, third: ""})
    assert [one.ruling.entry.title for one in (place.stored(1), place.stored(2))] == ["Second", "Item 2"]
    assert place.stored().ruling.made_by == ("command",)
    assert "`command` gave no result: it broke" in update.notes


def test_a_preview_runs_no_steps(place: Place) -> None:
    place.configure(rules=STEPS)
    place.dry_run = True
    assert place.read(item(1)).rulings is None
    assert place.store.entry_count() == 0
    assert place.store.fingerprints() == {}


def test_steps_run_in_a_cycle(site: Site, origin: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "step.py"
    script.write_text(
        "import json, sys\ntitle = json.load(sys.stdin)['title']\nprint(json.dumps({'title': title + '!'}))\n"
    )
    monkeypatch.setenv("AGGREGATOR_ALLOW_STEPS", "command")
    rules = [{"command": ["python3", str(script)]}, {"command": ["python3", str(script)], "when": 'title == "Item 1!"'}]
    site.configure({"id": "a", "feed": origin.route("/feed", rss([item(1), item(2)]))}, rules=rules)
    done = site.run("update")
    assert done.status == 0, done.stderr
    items = json.loads(site.public()["all/feed.json"])["items"]
    assert sorted(one["title"] for one in items) == ["Item 1!!", "Item 2!"]


# -- as of which rules -------------------------------------------------------------------------------------------------

DROP = [{"drop": {"title": ["item 1"]}}]


def test_a_new_store_is_judged_by_the_first_rules(place: Place) -> None:
    place.configure(rules=DROP, outputs={"o": {"where": "words > 0"}})
    assert rules_note(place.store, place.config) is None
    place.read(item(1))
    assert rules_note(place.store, place.config) is None
    assert place.store.fingerprints()["output/o"] == place.config.outputs["o"].definition


def test_without_rules_nothing_is_recorded(place: Place) -> None:
    place.read(item(1), item(2))
    assert place.store.fingerprints() == {}
    assert rules_note(place.store, place.config) is None


def test_outputs_alone_are_no_rules(place: Place) -> None:
    place.read(item(1))
    place.configure(outputs={"o": {"where": "words > 0"}})
    place.read(item(2))
    assert rules_note(place.store, place.config) is None
    assert RULES not in place.store.fingerprints()


def test_other_rules_are_noted_until_what_is_stored_is_judged_by_them(place: Place) -> None:
    place.read(item(1))
    place.configure(rules=DROP)
    note = rules_note(place.store, place.config)
    assert note is not None
    assert "aggregator replay" in note
    place.configure()
    assert rules_note(place.store, place.config) is None
    place.configure(rules=DROP)
    place.read(item(2))
    # Now the first one is judged by no rules, and the second one by these.
    place.configure()
    assert judged_by_others(place.store.fingerprints(), place.config)
    place.configure(rules=DROP)
    assert replay.apply(place.store, place.config).counts == {"dropped": 1}
    assert rules_note(place.store, place.config) is None


def test_a_source_in_another_category_is_noted_where_there_are_rules(place: Place) -> None:
    categories = {"news": "News", "tech": {"title": "Tech", "rules": DROP}}
    place.configure(categories=categories)
    place.read(item(1))
    place.configure(categories=categories, source={"category": "tech"})
    assert rules_note(place.store, place.config) is not None
    assert replay.apply(place.store, place.config).counts == {"dropped": 1}
    assert rules_note(place.store, place.config) is None


def test_a_configuration_that_changes_meanwhile_judges_what_comes_later(place: Place) -> None:
    one = place.ingester()
    place.configure(rules=DROP)
    source = place.config.sources[0]
    fetched = Fetched(source.url, source.url, 200, "application/rss+xml", rss([item(1)]).encode())
    one.ingest(Received(source, FeedState("a"), fetched, NOW))
    assert place.stored().ruling.verdict == "dropped"
