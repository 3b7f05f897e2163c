"""Bring everything that is published up to date with the store.

In: the store and the configuration. Out: `posts/`, `public/<slug>/` and `public/opml.xml` below the data folder.

Only what can have changed is looked at: posts of pending entries, feeds of the categories that have some, and whatever
was made from other settings than today's. A crash at any point is made good by the next call: entries stay pending
until their post is written, and a feed's fingerprint is taken back before its entries stop being pending.

First all new entries get their ids and paths. From then on the feeds are known, and can be rendered elsewhere while
posts are written; their own files come last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from aggregator.config import Config, redact
from aggregator.models import Category, Item, Rendered
from aggregator.publish import files
from aggregator.publish.assign import assign_all
from aggregator.publish.batches import (
    FeedBatch,
    PostBatch,
    Result,
    Run,
    here,
    render_feed_batch,
    render_post_batch,
)
from aggregator.publish.feeds import FILE_NAMES
from aggregator.publish.fingerprints import ALL, channel_of, feed_fingerprints, fingerprint, merged
from aggregator.publish.opml import FILE_NAME, render_opml
from aggregator.publish.posts import post_of
from aggregator.publish.prepare import shown
from aggregator.store import Store

#: Name of the fingerprint of the list of subscriptions.
_OPML = "opml"

#: Posts that are rendered and written together: enough to make one sync pay, few enough to keep memory flat.
BATCH = 500
#: Batches of posts under way at once: one is written while the next is rendered.
_BATCHES = 2
#: Items of feeds under way at once, counted in each format.
_ITEMS = 5000


@dataclass(slots=True)
class Report:
    """What a call of `publish` wrote; names are relative to the data folder."""

    posts: list[str] = field(default_factory=list)
    feeds: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    #: What could not be written or removed, each with why and what to do.
    failures: list[str] = field(default_factory=list)

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
    run: Run = here,
) -> Report:
    """Write the posts and feeds that are out of date.

    Args:
        store: where the entries are; ids and paths of new ones are assigned here.
        config: the configuration in force.
        data: the data folder.
        everything: render all posts and feeds anew, and restore files that were edited or deleted.
        progress: called with the number of posts looked at so far.
        run: starts the rendering of a batch; called from this thread, with a few batches under way at a time.

    Raises:
        PublishError: a file could not be written. What was written before stays.
        StoreError: the store failed.
    """
    report = Report()
    _touch_outdated_posts(store, config, everything)
    invalidate(store, store.pending_categories())
    assign_all(store)
    recorded = store.fingerprints()
    wanted = feed_fingerprints(config)
    outdated = _outdated(config, data, {} if everything else recorded, wanted)
    _take_back(store, recorded, (f"feeds/{category.slug}" for category in outdated))
    feeds = _Feeds(store, config, outdated, run)
    feeds.start()
    _write_posts(store, config, data, report, progress, run)
    report.feeds += _write(data, "public", feeds.outputs())
    _remove_stale(data, config, recorded, wanted, report)
    wanted[_OPML] = _write_opml(store, config, data, report, recorded, everything)
    store.record({name: value for name, value in wanted.items() if recorded.get(name) != value})
    return report


def _touch_outdated_posts(store: Store, config: Config, everything: bool) -> None:
    """Make the entries pending whose posts were made from other settings than today's."""
    recorded = store.fingerprints()
    settings = config.posts.model_dump(mode="json")
    for category in config.categories.values():
        name = f"posts/{category.slug}"
        wanted = fingerprint(settings, category.title, category.implicit)
        if everything or recorded.get(name) != wanted:
            store.touch([source.id for source in config.sources if source.category == category.slug])
            store.record({name: wanted})


def invalidate(store: Store, slugs: Iterable[str]) -> None:
    """Take back the fingerprints of feeds that have to be written, so that a crash does not forget them."""
    stale = {f"feeds/{slug}": "" for slug in slugs}
    if stale:
        store.record({**stale, f"feeds/{ALL}": ""})


def _take_back(store: Store, recorded: dict[str, str], names: Iterable[str]) -> None:
    """Forget, in the store and in `recorded`, from which settings outputs were made that are about to be written anew.

    Else a crash would leave outputs of the new settings under the fingerprint of the old ones.
    """
    stale = {name: "" for name in names if recorded.get(name)}
    store.record(stale)
    recorded |= stale


def _write_posts(
    store: Store, config: Config, data: Path, report: Report, progress: Callable[[int], None], run: Run
) -> None:
    """Write the posts of all pending entries, batch by batch, oldest first."""
    under_way: deque[tuple[list[int], Result]] = deque()
    done = 0
    items = store.pending(BATCH)
    while items or under_way:
        if items:
            under_way.append(([item.pk for item in items], run(render_post_batch, _post_batch(config, items))))
            # The statement is worth its while only where there can be more.
            items = store.pending(BATCH, items[-1]) if len(items) == BATCH else []
        if items and len(under_way) < _BATCHES:
            continue
        pks, result = under_way.popleft()
        report.posts += _write(data, "posts", result())
        store.published(pks)
        done += len(pks)
        progress(done)


def _post_batch(config: Config, items: Sequence[Item]) -> PostBatch:
    # The first level of a post's categories; None for sources without a category.
    titles = {slug: None if category.implicit else category.title for slug, category in config.categories.items()}
    return PostBatch(
        tuple([(item.path or "", post_of(item, titles.get(item.origin.category))) for item in items]),
        config.posts.preset,
        config.posts.image_proxy,
        config.posts.placeholder or None,
    )


def _outdated(config: Config, data: Path, recorded: Mapping[str, str], wanted: Mapping[str, str]) -> list[Category]:
    """The categories whose feeds have something new or other settings, or are not there."""
    outputs = [FILE_NAMES[form] for form in config.feeds.formats]
    return [
        category
        for category in merged(config)
        if recorded.get(name := f"feeds/{category.slug}") != wanted[name]
        or not all((data / "public" / category.slug / output).is_file() for output in outputs)
    ]


class _Feeds:
    """Feeds on their way: a bounded number of them is being rendered."""

    def __init__(self, store: Store, config: Config, categories: Iterable[Category], run: Run) -> None:
        self._store = store
        self._config = config
        self._left = deque(categories)
        self._run = run
        #: With the length of each batch.
        self._under_way: deque[tuple[int, Result]] = deque()

    def start(self) -> None:
        """Start the rendering of as many as there is room for; of one in any case."""
        size = sum(length for length, _ in self._under_way)
        while self._left and (size < _ITEMS or not self._under_way):
            batch = self._batch(self._left.popleft())
            self._under_way.append((len(batch), self._run(render_feed_batch, batch)))
            size += len(batch)

    def outputs(self) -> Iterator[Rendered]:
        """What all of them give, in order."""
        while self._under_way:
            _, result = self._under_way.popleft()
            outputs = result()
            self.start()
            yield from outputs

    def _batch(self, category: Category) -> FeedBatch:
        config = self._config
        newest = self._store.newest(None if category.slug == ALL else category.slug, category.limit)
        # The address of a source may carry tokens and passwords.
        items = shown(newest, lambda url: redact(url, config.secrets))
        return FeedBatch(channel_of(config, category), items, config.feeds.formats)


def _remove_stale(data: Path, config: Config, recorded: dict[str, str], wanted: dict[str, str], report: Report) -> None:
    """Delete feeds that were published once and are configured no longer: subscribers must see that they ended."""
    gone = {name.removeprefix("feeds/") for name in recorded if name.startswith("feeds/")}
    for slug in sorted(gone):
        kept = {FILE_NAMES[form] for form in config.feeds.formats} if f"feeds/{slug}" in wanted else set()
        for output in FILE_NAMES.values():
            if output not in kept and (path := data / "public" / slug / output).is_file():
                path.unlink()
                report.removed.append(f"public/{slug}/{output}")


def _write_opml(
    store: Store, config: Config, data: Path, report: Report, recorded: dict[str, str], everything: bool
) -> str:
    """Write the list of subscriptions where it is out of date, and return what it is made from."""
    sources = [(source, redact(source.url, config.secrets)) for source in config.sources]
    told = store.told()
    current = fingerprint(
        config.site.title,
        [(source.id, source.kind, source.name, url, source.category) for source, url in sources],
        [(category.slug, category.title, category.implicit) for category in config.categories.values()],
        told,
    )
    if everything or recorded.get(_OPML) != current or not (data / "public" / FILE_NAME).is_file():
        public = [source if source.url == url else replace(source, url=url) for source, url in sources]
        opml = render_opml(config.site.title, public, config.categories, told)
        _take_back(store, recorded, [_OPML])
        report.feeds += _write(data, "public", [opml])
    return current


def _write(data: Path, folder: str, outputs: Iterable[Rendered]) -> list[str]:
    return [f"{folder}/{name}" for name in files.write(data / folder, outputs)]
