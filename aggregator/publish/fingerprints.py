"""From which settings outputs are made, as fingerprints: they tell what a change of the configuration concerns.

In: the configuration. Out: the categories that have feeds, the heads of these, and fingerprints. Pure.
"""

from __future__ import annotations

import hashlib
import json

import aggregator
from aggregator.config import Config
from aggregator.models import Category
from aggregator.publish.feeds import Channel

#: Slug of the feeds that hold every category; the configuration reserves it.
ALL = "all"


#: Raised with every change of how posts, feeds or the list of subscriptions are rendered, so that all of them are
#: rendered once more, and those written whose bytes differ.
RENDERING = 3


def feed_fingerprints(config: Config) -> dict[str, str]:
    """What the feeds of each category are made from besides their items, by the names of the fingerprints."""
    # The sources whose entries a feed shows, as far as its bytes depend on them.
    members: dict[str, list[list[str | None]]] = {ALL: []}
    for source in sorted(config.sources, key=lambda source: source.id):
        for slug in (source.category, ALL):
            members.setdefault(slug, []).append([source.id, source.name, source.public_url])
    return {
        f"feeds/{category.slug}": fingerprint(
            channel_of(config, category).fingerprint(),
            category.limit,
            config.feeds.formats,
            members.get(category.slug, []),
        )
        for category in merged(config)
    }


def merged(config: Config) -> list[Category]:
    """The categories that have feeds, and the one that holds them all."""
    return [*config.categories.values(), Category(ALL, config.site.title, config.site.description, config.feeds.limit)]


def channel_of(config: Config, category: Category) -> Channel:
    base = config.site.url if config.site.url.endswith("/") else config.site.url + "/"
    return Channel(
        slug=category.slug,
        title=category.title,
        description=category.description or config.site.description or category.title,
        home_url=base,
        base_url=f"{base}{category.slug}/",
        language=config.site.language,
        author=config.site.author or config.site.title,
    )


def fingerprint(*parts: object) -> str:
    """Digest of settings; the versions of the program and of its rendering are part of it."""
    text = json.dumps([aggregator.__version__, RENDERING, *parts], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
