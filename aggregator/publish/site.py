"""Bring everything that is published up to date with the store.

In: the store and the configuration. Out: `posts/`, `public/<slug>/` and `public/opml.xml` below the data folder.

Only what can have changed is looked at: posts of pending entries, feeds of the categories that have some, and whatever
was made from other settings than today's. A crash at any point is made good by the next call: entries stay pending
until their post is written, and a feed's fingerprint is taken back before its entries stop being pending.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import aggregator
from aggregator.config import Config, redact
from aggregator.models import Category, Item, Rendered
from aggregator.normalize.identity import minted_id, public_id
from aggregator.publish import files, names
from aggregator.publish.feeds import FILE_NAMES, Channel, render_feeds
from aggregator.publish.opml import render_opml
from aggregator.publish.posts import PRESETS, render_post
from aggregator.store import Assignment, Store

#: Slug of the feeds that hold every category; the configuration reserves it.
ALL = "all"

#: Posts that are rendered and written together: enough to make one sync pay, few enough to keep memory flat.
BATCH = 500


@dataclass(slots=True)
class Report:
    """What a call of `publish` wrote; names are relative to the data folder."""

    posts: list[str] = field(default_factory=list)
    feeds: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    @property
    def files(self) -> int:
        """Number of files written or removed."""
        return len(self.posts) + len(self.feeds) + len(self.removed)


def publish(
    store: Store,
    config: Config,
    data: Path,
    *,
    everything: bool = False,
    progress: Callable[[int], None] = lambda posts: None,
) -> Report:
    """Write the posts and feeds that are out of date.

    Args:
        store: where the entries are; ids and paths of new ones are assigned here.
        config: the configuration in force.
        data: the data folder.
        everything: render all posts and feeds anew, and restore files that were edited or deleted.
        progress: called with the number of posts looked at so far.

    Raises:
        PublishError: a file could not be written. What was written before stays.
        StoreError: the store failed.
    """
    report = Report()
    _touch_outdated_posts(store, config, everything)
    invalidate(store, store.pending_categories())
    _write_posts(store, config, data, report, progress)
    _write_feeds(store, config, data, report, everything)
    sources = [replace(source, url=redact(source.url, config.secrets)) for source in config.sources]
    opml = render_opml(config.site.title, sources, config.categories, store.states())
    report.feeds += _write(data, "public", [opml])
    return report


def _touch_outdated_posts(store: Store, config: Config, everything: bool) -> None:
    """Make the entries pending whose posts were made from other settings than today's."""
    recorded = store.fingerprints()
    for category in config.categories.values():
        name = f"posts/{category.slug}"
        wanted = _fingerprint(config.posts.model_dump(mode="json"), category.title, category.implicit)
        if everything or recorded.get(name) != wanted:
            store.touch([source.id for source in config.sources if source.category == category.slug])
            store.record({name: wanted})


def invalidate(store: Store, slugs: Iterable[str]) -> None:
    """Take back the fingerprints of feeds that have to be written, so that a crash does not forget them."""
    stale = {f"feeds/{slug}": "" for slug in slugs}
    if stale:
        store.record({**stale, f"feeds/{ALL}": ""})


def _write_posts(store: Store, config: Config, data: Path, report: Report, progress: Callable[[int], None]) -> None:
    """Write the posts of all pending entries, batch by batch, oldest first."""
    preset = PRESETS[config.posts.preset]
    done = 0
    while batch := store.pending(BATCH):
        items = _assign(store, batch)
        outputs = [
            Rendered(
                item.path or "",
                "text/markdown",
                render_post(
                    item,
                    category_title=_group(config.categories.get(item.origin.category)),
                    preset=preset,
                    image_proxy=config.posts.image_proxy,
                    placeholder=config.posts.placeholder or None,
                ),
            )
            for item in items
        ]
        report.posts += _write(data, "posts", outputs)
        store.published([item.pk for item in items])
        done += len(items)
        progress(done)


def _group(category: Category | None) -> str | None:
    """The first level of a post's categories; None for sources without a category."""
    return None if category is None or category.implicit else category.title


def _assign(store: Store, items: Sequence[Item]) -> list[Item]:
    """Give ids and paths to the items that have none; they are kept for ever."""
    fresh = [item for item in items if item.path is None]
    if not fresh:
        return list(items)
    wanted = [public_id(item.entry.guid, item.origin.url, item.entry.key) for item in fresh]
    taken, _ = store.taken(wanted, ())
    ids: dict[int, str] = {}
    for item, identity in zip(fresh, wanted, strict=True):
        # Two sources may use one guid for different things; the first in the order of the batch keeps it.
        chosen = minted_id(item.origin.url, item.entry.key) if identity in taken else identity
        taken.add(chosen)
        ids[item.pk] = chosen
    requests = [(item.origin.category, item.entry.title, ids[item.pk]) for item in fresh]
    _, taken_paths = store.taken((), names.candidate_keys(requests))
    paths = names.assign_paths(requests, taken_paths)
    store.assign([Assignment(item.pk, ids[item.pk], path, key) for item, (path, key) in zip(fresh, paths, strict=True)])
    placed = {item.pk: path for item, (path, _) in zip(fresh, paths, strict=True)}
    return [replace(item, id=ids[item.pk], path=placed[item.pk]) if item.pk in placed else item for item in items]


def _write_feeds(store: Store, config: Config, data: Path, report: Report, everything: bool) -> None:
    """Write the feeds that have something new or other settings, and remove those of categories that are gone."""
    recorded = store.fingerprints()
    everywhere = Category(ALL, config.site.title, config.site.description, config.feeds.limit)
    wanted: dict[str, str] = {}
    for category in (*config.categories.values(), everywhere):
        name = f"feeds/{category.slug}"
        channel = _channel(config, category)
        current = _fingerprint(
            channel.fingerprint(), category.limit, config.feeds.formats, _members(config, category.slug)
        )
        outputs = [FILE_NAMES[form] for form in config.feeds.formats]
        there = all((data / "public" / category.slug / output).is_file() for output in outputs)
        if everything or recorded.get(name) != current or not there:
            newest = store.newest(None if category.slug == ALL else category.slug, category.limit)
            rendered = render_feeds(channel, [_without_secrets(item, config) for item in newest], config.feeds.formats)
            report.feeds += _write(
                data, "public", [replace(output, name=f"{category.slug}/{output.name}") for output in rendered]
            )
        wanted[name] = current
    _remove_stale(data, config, recorded, wanted, report)
    store.record({name: value for name, value in wanted.items() if recorded.get(name) != value})


def _remove_stale(data: Path, config: Config, recorded: dict[str, str], wanted: dict[str, str], report: Report) -> None:
    """Delete feeds that were published once and are configured no longer: subscribers must see that they ended."""
    gone = {name.removeprefix("feeds/") for name in recorded if name.startswith("feeds/")}
    for slug in sorted(gone):
        kept = {FILE_NAMES[form] for form in config.feeds.formats} if f"feeds/{slug}" in wanted else set()
        for output in FILE_NAMES.values():
            path = data / "public" / slug / output
            if output not in kept and path.is_file():
                path.unlink()
                report.removed.append(f"public/{slug}/{output}")


def _channel(config: Config, category: Category) -> Channel:
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


def _without_secrets(item: Item, config: Config) -> Item:
    """The item without the tokens and passwords that the address of its source may carry."""
    public = redact(item.origin.url, config.secrets)
    return item if public == item.origin.url else replace(item, origin=replace(item.origin, url=public))


def _members(config: Config, slug: str) -> list[list[str | None]]:
    """The sources whose entries a feed shows, as far as its bytes depend on them."""
    return sorted([s.id, s.name, s.url] for s in config.sources if slug in (ALL, s.category))


def _write(data: Path, folder: str, outputs: Sequence[Rendered]) -> list[str]:
    return [f"{folder}/{name}" for name in files.write(data / folder, outputs)]


def _fingerprint(*parts: object) -> str:
    """Digest of settings; the program's version is part of it, so that an upgrade looks at every output once."""
    text = json.dumps([aggregator.__version__, *parts], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
