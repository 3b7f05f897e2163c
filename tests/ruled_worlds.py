"""Worlds with rules: sources with their documents in order, random rules and outputs, and all that is to be seen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from aggregator.config import Config, load
from aggregator.models import Decision, Entry, FeedUpdate, Fetched
from aggregator.parse import parse
from aggregator.pipeline.decide import Received
from aggregator.pipeline.ingest import Ingester
from aggregator.pipeline.judge import Judge
from aggregator.publish.decisions import carry_out_decisions
from aggregator.store import Store, open_store
from tests import DATA
from tests.store_samples import NOW, publish
from tests.support import item, rss

#: First categories of the sources; those that hold a document of the tests have one each.
DOCUMENTS = ("atom10.xml", "rss20.xml", "media.xml", "everything.xml", "feed.jsonfeed", "gb2312.xml")
SOURCES = {"hn": "news", "blog": "tech", "pod": "news", **{f"d{n}": "docs" for n in range(len(DOCUMENTS))}}
CATEGORIES = ("news", "tech", "docs", "more")
_WORDS = (
    ("Rust 1.90 is out", "rust"),
    ("Sponsored: buy this", "ads"),
    ("Kubernetes at home", "ops"),
    ("芯片 发布 新闻", "硬件"),
    ("Ｗｉｄｅ Ｒｕｓｔ", "rust"),
    ("广告 特价", "ads"),
    ("A quiet week", "life"),
    ("k8s and Rust", "ops"),
)


@dataclass(frozen=True)
class Document:
    """What a source answers at a moment."""

    source: str
    body: str
    now: datetime


def _items(source: str, numbers: Sequence[int], turn: int) -> str:
    """A document of items; every third of them is another one in each turn."""
    return rss([_item(source, number, turn if number % 3 == 0 else 0) for number in numbers], title=f"Feed of {source}")


def _item(source: str, number: int, version: int) -> dict[str, str]:
    title, tag = _WORDS[(number + 3 * version) % len(_WORDS)]
    host = "shared.example" if number % 4 == 0 else f"{source}.example"
    image = '&lt;img src="https://img.example/1.png"&gt;' if number % 5 == 0 else ""
    ad = '&lt;p class="ad"&gt;Sponsored by &lt;a href="https://ad.example/"&gt;them&lt;/a&gt;&lt;/p&gt;'
    words = "word " * (number * 7 % 60)
    plus = {"pubDate": f"Thu, {number % 28 + 1:02d} Jan 2099 10:00:00 GMT"} if number % 11 == 0 else {}
    return item(
        number,
        title=f"{title} {number}",
        link=f"https://{host}/{number}?id={number}&amp;utm_source={source}",
        guid=f"urn:x-test:{source}:{number}",
        category=tag,
        description=f"&lt;p&gt;Version {version}. {words}&lt;/p&gt;{image}{ad if number % 2 else ''}",
        **plus,
    )


@cache
def documents() -> tuple[Document, ...]:
    """The documents of all sources in the order in which they come."""
    made = []
    for turn in range(3):
        for place, source in enumerate(("hn", "blog", "pod")):
            numbers = range(1 + 4 * turn, 13 + 4 * turn)
            made.append(Document(source, _items(source, numbers, turn), NOW + timedelta(hours=turn, minutes=place)))
    for number, name in enumerate(DOCUMENTS):
        text = (DATA / "parse" / name).read_bytes().decode("gb18030" if name.startswith("gb") else "utf-8")
        made.insert(2 * number, Document(f"d{number}", text, NOW + timedelta(minutes=10 + number)))
    return tuple(made)


_SITE = {"site": {"title": "Test site", "url": "https://feeds.example.org/", "language": "en"}}

# -- rules -------------------------------------------------------------------------------------------------------------

CONDITIONS = (
    'title.contains("Rust")',
    'source == "hn"',
    'category == "tech"',
    "words > 20",
    '"rust" in tags',
    'host == "shared.example"',
    "size(images) > 0",
    'published < timestamp("2026-01-10T00:00:00Z")',
    'tags[0] == "ads"',
    'language.startsWith("en") || text.contains("word")',
)
AGES = ('age > duration("24h")', 'age < duration("100h") && title.contains("k8s")')
#: Those that an output may have.
CHANGES: tuple[dict[str, Any], ...] = (
    {"replace": {"field": "title", "pattern": "/Rust/i", "with": "Crab"}},
    {"replace": {"field": "title", "pattern": "Crab", "with": "Rust"}},
    {"remove": [".ad"]},
    {"unwrap": "a"},
    {"excerpt": 40},
    {"prefix": "From {source}"},
    {"suffix": {"html": '<p><a href="{url}">More</a></p>'}},
    {"tag": ["long", "rust"]},
    {"untag": ["ads"]},
    {"title": "{title} ({source})"},
)
VERDICTS: tuple[dict[str, Any], ...] = (
    {"drop": {"title": ["sponsored", "广告"]}},
    {"drop": {"has": "image"}},
    {"drop": {"max_words": 5}},
    {"keep": {"min_words": 20}},
    {"keep": {"any": ["rust", "/k8s|kubernetes/i"], "in": "title"}},
)
ROUTES: tuple[dict[str, Any], ...] = (
    {"hold": True},
    {"category": "more"},
    {"category": "tech"},
    {"also_in": ["more"]},
    {"also_in": ["news", "tech"]},
    {"draft": True},
    {"strip_tracking": False},
    {"strip_tracking": True},
    {"future_dates": "hold"},
)


def _rule(random: Random, *, output: bool) -> dict[str, Any]:
    pool = (*CHANGES, *VERDICTS) if output else (*CHANGES, *VERDICTS, *ROUTES, *ROUTES)
    rule = dict(random.choice(pool))
    if "keep" in rule or random.random() < 0.7:
        rule["when"] = random.choice(CONDITIONS if output or random.random() < 0.8 else AGES)
    return rule


def _rules(random: Random, most: int, *, output: bool = False) -> dict[str, Any]:
    rules = [_rule(random, output=output) for _ in range(random.randrange(most + 1))]
    return {"rules": rules} if rules else {}


def random_settings(seed: int) -> dict[str, Any]:
    """Sections of feeds.yaml with random rules, outputs, categories and review."""
    random = Random(seed)  # noqa: S311
    outputs = {
        slug: {
            **({"where": random.choice(CONDITIONS)} if random.random() < 0.8 else {}),
            **_rules(random, 2, output=True),
        }
        for slug in ("one", "two", "three")
        if random.random() < 0.6
    }
    sources = []
    for name, usual in SOURCES.items():
        first = random.choice(CATEGORIES) if random.random() < 0.1 else usual
        more = [slug for slug in CATEGORIES if slug != first and random.random() < 0.1]
        sources.append(
            {
                "id": name,
                "feed": f"https://{name}.example/feed",
                "categories": [first, *more],
                **({"review": True} if random.random() < 0.1 else {}),
                **_rules(random, 2),
            }
        )
    return {
        **_SITE,
        "categories": {slug: {"title": slug.title(), **_rules(random, 1)} for slug in CATEGORIES},
        "sources": sources,
        **_rules(random, 4),
        **({"outputs": outputs} if outputs else {}),
        **({"duplicates": "url"} if random.random() < 0.2 else {}),
    }


def configured(folder: Path, settings: dict[str, Any]) -> Config:
    """Read settings as feeds.yaml; JSON is YAML."""
    path = folder / "feeds.yaml"
    path.write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")
    return load(path, {})


# -- worlds ------------------------------------------------------------------------------------------------------------

#: What a person decides, by the number of documents that have come before: source, key, and the decision.
DECISIONS: dict[int, tuple[tuple[str, int, Decision], ...]] = {
    9: (("hn", 3, Decision("published")), ("hn", 4, Decision("dropped")), ("blog", 2, Decision("published", "more"))),
    13: (("hn", 4, Decision("published")), ("pod", 6, Decision("published"))),
}


class RuledWorld:
    """A store under a configuration that may change.

    Args:
        parsed: whether documents are read in full; else the outcomes of a world without rules are judged and stored.
    """

    def __init__(self, store: Store, config: Config, *, parsed: bool = True) -> None:
        self.store = store
        self.config = config
        self.now = NOW
        self._parsed = parsed
        self._come = 0
        self._judge = Judge(store, lambda: self.config)
        store.sync_sources(config.sources)

    def configure(self, settings: dict[str, Any]) -> None:
        """Put another configuration in force."""
        self.config = configured(self.config.path.parent, settings)
        self.store.sync_sources(self.config.sources)

    def read(self, until: int | None = None) -> None:
        """Let the next documents come, and a person decide in between."""
        while self._come < (len(documents()) if until is None else until):
            self.read_next()

    def read_next(self) -> FeedUpdate:
        """Let the next document come; return what it brought."""
        document = documents()[self._come]
        self.now = document.now
        self._decide(self._come)
        update = self._ingest(document)
        self._come += 1
        return update

    def _ingest(self, document: Document) -> FeedUpdate:
        source = next(one for one in self.config.sources if one.id == document.source)
        one = Ingester(self.store, lambda: self.now, False, frozenset(), judge=self._judge)
        if not self._parsed:
            return one.finish(source, outcomes()[self._come])
        url = source.url
        fetched = Fetched(url, url, 200, "application/xml", document.body.encode())
        return one.ingest(Received(source, self.store.states()[source.id], fetched, self.now), parse(fetched))

    def _decide(self, number: int) -> None:
        for source, guid, decision in DECISIONS.get(number, ()):
            for one in self.store.rulings_after(0, 10_000, source):
                if one.stored.entry.guid == f"urn:x-test:{source}:{guid}":
                    self.store.decide(one.stored.pk, decision, self.now)
        assert not carry_out_decisions(self.store, self.config, self.now)


@cache
def outcomes() -> tuple[FeedUpdate, ...]:
    """What each document brings before it is judged: rules do not change which entries are recognized."""
    found = []
    sources = [{"id": name, "categories": ["x"], "feed": f"https://{name}.example/feed"} for name in SOURCES]
    with (
        TemporaryDirectory() as folder,
        world(Path(folder), {**_SITE, "categories": {"x": {"title": "X"}}, "sources": sources}) as plain,
    ):
        for _ in documents():
            found.append(replace(plain.read_next(), rulings=None))
    return tuple(found)


@contextmanager
def world(
    folder: Path, settings: dict[str, Any], *, parsed: bool = True, place: Path | str | None = None
) -> Iterator[RuledWorld]:
    """A world in a folder of its own, or with its database elsewhere."""
    folder.mkdir(exist_ok=True)
    with closing(open_store(place or folder / "aggregator.db")) as store:
        yield RuledWorld(store, configured(folder, settings), parsed=parsed)


# -- what is to be seen ------------------------------------------------------------------------------------------------


def judged(store: Store) -> dict[tuple[str, str], Any]:
    """All that is stored of each entry besides its row number, id, path and times, by source and key."""
    found = {}
    for one in store.rulings_after(0, 100_000):
        ruling, entry = one.ruling, one.stored.entry
        found[entry.source_id, entry.key] = (
            entry,
            one.sight,
            one.decision,
            replace(ruling, placements=()),
            sorted((place.placement.output, place.listed, place.placement.entry) for place in one.memberships),
        )
    return found


def shown(store: Store, config: Config) -> dict[str, list[Entry]]:
    """The items of each category and output in their order, each as it is shown there."""
    publish(store)
    lists = {slug: store.newest(slug, 1000) for slug in config.categories}
    for slug in (*config.categories, *config.outputs):
        members = [one.pk for one in store.members.newest(slug, 1000, None, None)]
        lists[f"members of {slug}"] = store.members.items(slug, members)
    lists["all"] = store.newest(None, 1000)
    return {name: [item.entry for item in items] for name, items in lists.items()}
