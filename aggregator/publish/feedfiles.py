"""Merged feeds and their archives: which of them are out of date, and their files.

In: the store, the configuration, and the fingerprints that are recorded. Out: the files of feeds in `public/`, those of
their archives first, and the fingerprints of the feeds that are up to date.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from aggregator.config import Config
from aggregator.models import ALL, Rendered
from aggregator.publish import files
from aggregator.publish.appearance import as_shown
from aggregator.publish.archives import ArchivedFeed, Archives
from aggregator.publish.feeds import WrittenItems, render_category
from aggregator.publish.outputs import MergedFeed, channel_of, fingerprint, looks
from aggregator.publish.report import OutputFailure, Report, unreadable_row
from aggregator.publish.selection import Selector, Shown, is_timed, last_shown, selection_name
from aggregator.store import Store, UnreadableRow


def feeds_of(slugs: Iterable[str]) -> list[str]:
    """Return the names of the fingerprints of all feeds that show entries of these categories."""
    names = [f"feeds/{slug}" for slug in slugs]
    return [*names, f"feeds/{ALL}"] if names else []


def clear_fingerprints(store: Store, names: Iterable[str]) -> dict[str, str]:
    """Clear the fingerprints of outputs that are about to be written, and return what is recorded instead.

    Otherwise, after a crash, old outputs or outputs of other settings would have a fingerprint that says they are
    current.
    """
    cleared = dict.fromkeys(names, "")
    store.record_fingerprints(cleared)
    return cleared


def outdated_feeds(
    feeds: Iterable[MergedFeed], data: Path, recorded: Mapping[str, str], wanted: Mapping[str, str]
) -> set[str]:
    """Return the slugs of the feeds that have new items or other settings, or are missing."""
    return {
        feed.slug
        for feed in feeds
        if recorded.get(name := f"feeds/{feed.slug}") != wanted[name]
        or not all((data / "public" / file).is_file() for file in feed.files)
    }


def due_feeds(
    store: Store, feeds: Iterable[MergedFeed], recorded: Mapping[str, str], outdated: Collection[str], now: datetime
) -> list[str]:
    """Return the slugs of the feeds that have to be written, in order.

    Args:
        outdated: those that are out of date; the others are those that change by themselves, or have pages that do.
    """
    stale = {page.output for page in store.archives.stale_pages()}.union(outdated)
    return [feed.slug for feed in feeds if feed.slug in stale or _is_due(feed, recorded, now)]


def _is_due(feed: MergedFeed, recorded: Mapping[str, str], now: datetime) -> bool:
    """Whether a feed has to be selected again because time has passed."""
    before = last_shown(recorded, feed.slug)
    return is_timed(feed.output) and (before is None or before.is_due(now))


def write_feeds(
    store: Store,
    config: Config,
    data: Path,
    report: Report,
    feeds: Sequence[MergedFeed],
    wanted: Mapping[str, str],
    recorded: Mapping[str, str],
    outdated: Collection[str],
    now: datetime,
) -> dict[str, str]:
    """Write feeds with their archives, and return the fingerprints of those that are up to date.

    Args:
        report: written files and failures are added to it.
        wanted: the fingerprints of the feeds.
        recorded: all fingerprints of the store.
        outdated: slugs of the feeds that are rendered in any case.
    """
    # Outputs may show an item differently, but most show it as its category does.
    written = WrittenItems(various=bool(config.outputs))
    _write_archives(store, recorded, config, data, report, feeds, outdated, written)
    renderer = _FeedRenderer(store, config, now, recorded, written, report)
    report.feeds += write_public(data, renderer.outputs(feeds, outdated), report, renderer.failed, feeds)
    failed = {name for slug in renderer.failed for name in (f"feeds/{slug}", selection_name(slug))}
    return {name: value for name, value in {**wanted, **renderer.shown}.items() if name not in failed}


def _write_archives(
    store: Store,
    recorded: Mapping[str, str],
    config: Config,
    data: Path,
    report: Report,
    feeds: Iterable[MergedFeed],
    outdated: Collection[str],
    written: WrittenItems,
) -> None:
    """Bring the archives up to date, before the feeds that link to them."""
    categories = _titles(config)
    archived = {
        # A page says nothing of when to come back: it stays.
        feed.slug: ArchivedFeed(
            channel_of(config, replace(feed, interval=None)),
            feed.output.formats,
            feed.output.limit,
            partial(as_shown, output=feed.output, categories=categories),
            written,
        )
        for feed in feeds
        if has_archive(config, feed)
    }
    archives = Archives(store.archives, data / "public", archived, report)
    wanted = {
        f"archives/{feed.slug}": fingerprint(
            archived[feed.slug].channel.fingerprint(), feed.output.formats, *looks(config, feed)
        )
        for feed in feeds
        if feed.slug in archived
    }
    changed = {name: value for name, value in wanted.items() if recorded.get(name) != value}
    archives.render_again([name.removeprefix("archives/") for name in changed])
    store.record_fingerprints(changed)
    archives.close_pages(feed.slug for feed in feeds if feed.slug in outdated)
    archives.write()


def has_archive(config: Config, feed: MergedFeed) -> bool:
    return config.feeds.archive and feed.output.is_plain


def _titles(config: Config) -> dict[str, str]:
    return {slug: category.title for slug, category in config.categories.items()}


class _FeedRenderer:
    """Renders merged feeds, with the items of one feed in memory at a time.

    Args:
        recorded: the fingerprints of the store, with what the feeds showed last.
        written: items that were written for other feeds.
    """

    def __init__(
        self,
        store: Store,
        config: Config,
        now: datetime,
        recorded: Mapping[str, str],
        written: WrittenItems,
        report: Report,
    ) -> None:
        self._store = store
        self._config = config
        self._now = now
        self._recorded = recorded
        self._written = written
        self._report = report
        self._selector = Selector(store, now, _titles(config), config.site.author or config.site.title)
        #: Slugs of the feeds that are incomplete or could not be written.
        self.failed: set[str] = set()
        #: What the feeds that depend on the time show now, by the name of its record.
        self.shown: dict[str, str] = {}

    def outputs(self, feeds: Iterable[MergedFeed], outdated: Collection[str]) -> Iterator[Rendered]:
        """Yield the feeds that are outdated, or show other items at this time; failures go to the report."""
        for feed in feeds:
            before = last_shown(self._recorded, feed.slug) if is_timed(feed.output) else None
            if _is_due(feed, self._recorded, self._now) or feed.slug in outdated:
                for outcome in self._outcomes(feed, before, always=feed.slug in outdated):
                    if isinstance(outcome, Rendered):
                        yield outcome
                    else:
                        self._fail(feed.slug, outcome)

    def _outcomes(self, feed: MergedFeed, before: Shown | None, *, always: bool) -> Sequence[Rendered | OutputFailure]:
        """Render a feed, unless it shows what it did before and need not be rendered always."""
        unreadable: list[UnreadableRow] = []
        selection = self._selector.select(feed, before, unreadable)
        failures = [unreadable_row(row) for row in unreadable]
        if is_timed(feed.output):
            shown = selection.shown
            self.shown[selection_name(feed.slug)] = shown.dump()
            if not always and before is not None and shown.digest == before.digest:
                return failures
        channel = channel_of(self._config, feed)
        if has_archive(self._config, feed):
            channel = replace(channel, previous=self._store.archives.page_count(feed.slug) or None)
        return [*failures, *render_category(channel, selection.items, feed.output.formats, self._written)]

    def _fail(self, slug: str, failure: OutputFailure) -> None:
        self.failed.add(slug)
        # A row that cannot be read is missing both in the feeds of its category and in the feeds of all categories.
        if failure not in self._report.failures:
            self._report.failures.append(failure)


def write_public(
    data: Path, outputs: Iterable[Rendered], report: Report, failed: set[str], feeds: Iterable[MergedFeed] = ()
) -> list[str]:
    """Write files to `public/`; the slugs of feeds that fail are added to `failed`."""
    slugs = {feed.folder: feed.slug for feed in feeds}
    written = files.write(data / "public", outputs)
    for name, failure in written.failed.items():
        folder = name.rpartition("/")[0]
        failed.add(slugs.get(folder, folder))
        report.failures.append(failure._replace(what=f"public/{name}"))
    return [f"public/{name}" for name in written.changed]
