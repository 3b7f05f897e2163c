"""Bring all published files up to date with the store.

In: the store and the configuration. Out, in the data folder: the folders of posts, and in `public/` the feeds of each
category, the lists of the sources and of the feeds, and the stylesheet of the feeds. Archives are written before the
feeds that link to them.

Only outputs that can have changed are rendered: posts of pending entries, feeds of categories with pending entries, and
outputs that were made from other settings. After a crash at any point, the next call completes the work: entries stay
pending until their post is written, and the fingerprint of a feed is cleared before its entries stop being pending.
A file or entry that cannot be published is in the report, and the others are not affected.

First all new entries get their ids and paths. Then posts are written, batch by batch, and then feeds, category by
category, so that memory does not grow with the number of outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from aggregator.config import Config
from aggregator.errors import RowError, StoreError
from aggregator.models import ALL, Rendered, Source
from aggregator.publish import files
from aggregator.publish.appearance import as_shown
from aggregator.publish.archives import ArchivedFeed, Archives
from aggregator.publish.assets import stylesheet
from aggregator.publish.assignments import assign_all
from aggregator.publish.copies import join_duplicates
from aggregator.publish.decisions import carry_out_decisions
from aggregator.publish.feeds import FILE_NAMES, STYLESHEET, WrittenItems, render_category
from aggregator.publish.memberships import place_again
from aggregator.publish.opml import FILE_NAME, OWN_FILE_NAME, render_opml, render_own
from aggregator.publish.outputs import (
    MergedFeed,
    channel_of,
    feed_fingerprints,
    fingerprint,
    folder_of,
    former_paths,
    looks,
    merged,
    private_paths,
    without_former,
    without_private_paths,
)
from aggregator.publish.postedits import FolderEdits, folder_edits
from aggregator.publish.postfiles import Destination, withdraw_posts, write_posts, write_retired
from aggregator.publish.postfolders import PostFolder, forget_moved, main_preset, post_folders, settle_presets
from aggregator.publish.postsurvey import has_posts
from aggregator.publish.renewal import made_with, renew
from aggregator.publish.report import OutputFailure, Report, refused_row, sift, unexpected, unreadable_row
from aggregator.publish.selection import Selector, Shown, ended_selections, is_timed, last_shown, selection_name
from aggregator.store import Store, UnreadableRow

__all__ = ["OutputFailure", "Report", "clear_fingerprints", "feeds_of", "next_time", "outputs", "publish"]

#: Name of the fingerprint of the list of the sources.
_OPML = "opml"

#: Name of the fingerprint of the posts of sources that are no longer configured.
_RETIRED = "posts/"


def publish(
    store: Store,
    config: Config,
    data: Path,
    *,
    now: datetime,
    everything: bool = False,
    change_presets: bool = False,
    restore: bool = False,
    overwrite_edits: bool = False,
    progress: Callable[[int], None] = lambda posts: None,
    renewing: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Write the posts and feeds that are out of date.

    Args:
        store: where the entries are; ids and paths of new ones are assigned here.
        config: the configuration in force.
        data: the data folder.
        now: the current time, on which it depends what some outputs show.
        everything: render all posts and feeds again, and restore files in `public/` that were edited or deleted.
        change_presets: give folders that hold posts the presets that the configuration names, if they have others.
        restore: write posts whose files are missing, too; together with `everything`.
        overwrite_edits: replace posts that were edited, too, and write those that are missing.
        progress: called with the number of posts processed so far.
        renewing: called with the number of stored entries brought to the current rules so far, and of all entries.

    Returns:
        What was written, and each file and entry that failed, which the next call tries again.

    Raises:
        StoreError: the store failed, and not because of a row.
    """
    report, folders = Report(), post_folders(config)
    report.failures += _bring_up_to_date(store, config, data, now, renewing)
    recorded = _with_private_paths(store, config)
    feeds = merged(config, recorded)
    edits = folder_edits(store, folders, data, report, restore=restore, overwrite=overwrite_edits)
    posts, moved = _settle_folders(store, config, data, report, edits, recorded, change_presets=change_presets)
    withdraw_posts(posts)
    _mark_outdated_posts(posts, recorded, everything)
    _write_retired(posts, recorded, moved, again=restore or overwrite_edits)
    pending = feeds_of(store.pending_categories())
    recorded |= clear_fingerprints(store, [*ended_selections(recorded, config.outputs), *pending])
    report.failures += assign_all(store, main_preset(folders))
    wanted = feed_fingerprints(config, feeds)
    known = {} if everything else recorded
    outdated = _outdated(feeds, data, known, wanted)
    recorded |= clear_fingerprints(store, [name for slug in outdated if recorded.get(name := f"feeds/{slug}")])
    write_posts(posts, progress)
    made = _write_feeds(posts, feeds, wanted, known, recorded, outdated, now)
    _remove_stale(store, data, feeds, recorded, report)
    made |= _write_opml(store, config, data, report, recorded, everything)
    recorded |= _recorded(store, {name: value for name, value in made.items() if recorded.get(name) != value})
    # What is overdue failed just now, as the failures say.
    report.next_at = next_time(config, recorded, after=now)
    report.failures = [_without_paths(failure, feeds) for failure in report.failures]
    return report


def _bring_up_to_date(
    store: Store, config: Config, data: Path, now: datetime, renewing: Callable[[int, int], None]
) -> list[OutputFailure]:
    """Bring what is stored of entries up to date with the configuration and with what persons decided."""
    failures = renew(store, config.confidential, data, progress=renewing)
    place_again(store, config)
    return [*failures, *carry_out_decisions(store, config, now), *join_duplicates(store, config)]


def _write_feeds(
    to: Destination,
    feeds: Sequence[MergedFeed],
    wanted: Mapping[str, str],
    known: Mapping[str, str],
    recorded: Mapping[str, str],
    outdated: Collection[str],
    now: datetime,
) -> dict[str, str]:
    """Write the feeds, with their archives and lists, and return the fingerprints of those that are up to date.

    Args:
        wanted: the fingerprints of the feeds.
        known: what the archives are compared with.
        recorded: all fingerprints of the store.
        outdated: slugs of the feeds that are rendered in any case.
    """
    store, config, data, report = to.store, to.config, to.data, to.report
    # This and the list of the feeds are small: they are compared each time.
    report.feeds += _write(data, [stylesheet()], report, set())
    # Outputs may show an item differently, but most show it as its category does.
    written = WrittenItems(various=bool(config.outputs))
    _write_archives(store, known, config, data, report, feeds, outdated, written)
    renderer = _FeedRenderer(store, config, now, recorded, written, report)
    report.feeds += _write(data, renderer.outputs(feeds, outdated), report, renderer.failed, feeds)
    report.feeds += _write(data, [_own_list(config, feeds)], report, set())
    failed = {name for slug in renderer.failed for name in (f"feeds/{slug}", selection_name(slug))}
    return {name: value for name, value in {**wanted, **renderer.shown}.items() if name not in failed}


def _with_private_paths(store: Store, config: Config) -> dict[str, str]:
    """Return the fingerprints of the store, after all private outputs have got paths."""
    recorded = store.fingerprints()
    return recorded | _recorded(store, private_paths(config, recorded))


def _recorded(store: Store, news: dict[str, str]) -> dict[str, str]:
    store.record_fingerprints(news)
    return news


def next_time(config: Config, recorded: Mapping[str, str], *, after: datetime | None = None) -> datetime | None:
    """Return when an output changes by itself, as it was recorded; None: never before something new is stored.

    Args:
        after: leave out what was due then.
    """
    shown = [last_shown(recorded, slug) for slug, one in config.outputs.items() if is_timed(one)]
    dues = [one.due_at for one in shown if one is not None and one.due_at is not None]
    return min((due for due in dues if after is None or due > after), default=None)


def _without_paths(failure: OutputFailure, feeds: Iterable[MergedFeed]) -> OutputFailure:
    """Return a failure that does not tell where a private feed is."""
    for feed in feeds:
        if feed.output.private:
            failure = OutputFailure(*(text.replace(feed.folder, feed.label) for text in failure))
    # A former path may serve its files as long as they cannot be deleted.
    return OutputFailure(*map(without_private_paths, failure))


def outputs(config: Config, recorded: Mapping[str, str]) -> list[str]:
    """Return the files that `publish` restores if they are missing, relative to the data folder."""
    feeds = [f"public/{name}" for feed in merged(config, recorded) for name in feed.files]
    return [*feeds, *(f"public/{name}" for name in (FILE_NAME, OWN_FILE_NAME, STYLESHEET))]


def _own_list(config: Config, feeds: Iterable[MergedFeed]) -> Rendered:
    listed = [(channel_of(config, feed), feed.output.formats) for feed in feeds if not feed.output.private]
    return render_own(config.site.title, listed)


def _settle_folders(
    store: Store,
    config: Config,
    data: Path,
    report: Report,
    edits: Mapping[str, FolderEdits],
    recorded: Mapping[str, str],
    *,
    change_presets: bool,
) -> tuple[Destination, set[tuple[str, int]]]:
    """Return where posts are written; and those of ended sources that have other paths now, see `settle_presets`."""
    folders = post_folders(config)
    _note_files(recorded, folders, data, report)
    ready, moved = settle_presets(store, recorded, folders, config, data, report, edits, change=change_presets)
    for folder in ready:
        edits[folder.name].check(recorded)
    return Destination(store, config, data, ready, edits, report, incomplete=len(ready) < len(folders)), moved


def _note_files(recorded: Mapping[str, str], folders: Iterable[PostFolder], data: Path, report: Report) -> None:
    """Note files in folders of posts although nothing was published yet."""
    if not any(name.startswith("posts/") for name in recorded):
        full = [folder.name for folder in folders if has_posts(data / folder.name)]
        said = "holds files already, but the database has published nothing yet"
        report.notes += [f"the folder {name}/ {said}" for name in full]


def _mark_outdated_posts(posts: Destination, recorded: Mapping[str, str], everything: bool) -> None:
    """Make entries pending whose posts were made from other settings."""
    store, config = posts.store, posts.config
    settings = _post_settings(config)
    for category in config.categories.values():
        name = f"posts/{category.slug}"
        wanted = fingerprint(settings, category.title, category.implicit)
        if everything or recorded.get(name) != wanted:
            try:
                store.mark_pending([source.id for source in config.sources if source.category == category.slug])
            except RowError as error:
                posts.report.failures.append(refused_row(f"posts of category {category.slug!r}", error))
            else:
                store.record_fingerprints({name: wanted})


def _post_settings(config: Config) -> list[object]:
    """Return everything in the configuration that posts are made from, besides their categories."""
    own = {name: preset.digest for name, preset in config.presets.items()}
    # A setting of later versions does not count while it has its default: an upgrade renders nothing again.
    settings = [
        one.model_dump(mode="json", exclude={"on_edit"} if one.on_edit == "beside" else None) for one in config.posts
    ]
    return [[made, one.picture, own.get(one.preset)] for made, one in zip(settings, config.posts, strict=True)]


def _write_retired(
    posts: Destination, recorded: Mapping[str, str], moved: Collection[tuple[str, int]], *, again: bool
) -> None:
    """Write the posts of sources that are no longer configured, once for each change of rendering or of the rules.

    Args:
        moved: folders and row numbers of such posts that have other paths now.
        again: write them in any case.
    """
    store, report = posts.store, posts.report
    wanted = fingerprint(made_with(recorded), _post_settings(posts.config))
    if again or moved or recorded.get(_RETIRED) != wanted:
        failures = len(report.failures)
        write_retired(posts, moved)
        if len(report.failures) == failures and not posts.incomplete:
            store.record_fingerprints({_RETIRED: wanted})
            forget_moved(store, moved)


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


def _outdated(
    feeds: Iterable[MergedFeed], data: Path, recorded: Mapping[str, str], wanted: Mapping[str, str]
) -> set[str]:
    """Return the slugs of the feeds that have new items or other settings, or are missing."""
    return {
        feed.slug
        for feed in feeds
        if recorded.get(name := f"feeds/{feed.slug}") != wanted[name]
        or not all((data / "public" / file).is_file() for file in feed.files)
    }


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
        if _has_archive(config, feed)
    }
    archives = Archives(store.archives, data / "public", archived, report)
    archives.remove_others()
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


def _has_archive(config: Config, feed: MergedFeed) -> bool:
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
            due = is_timed(feed.output) and (before is None or before.is_due(self._now))
            if due or feed.slug in outdated:
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
        if _has_archive(self._config, feed):
            channel = replace(channel, previous=self._store.archives.page_count(feed.slug) or None)
        return [*failures, *render_category(channel, selection.items, feed.output.formats, self._written)]

    def _fail(self, slug: str, failure: OutputFailure) -> None:
        self.failed.add(slug)
        # A row that cannot be read is missing both in the feeds of its category and in the feeds of all categories.
        if failure not in self._report.failures:
            self._report.failures.append(failure)


def _remove_stale(
    store: Store, data: Path, feeds: Iterable[MergedFeed], recorded: Mapping[str, str], report: Report
) -> None:
    """Delete feeds that are no longer configured, so that subscribers see that they ended."""
    kept = {file for feed in feeds for file in feed.files}
    folders = {name.removeprefix("feeds/") for name in recorded if name.startswith("feeds/")}
    folders |= {feed.folder for feed in feeds}
    # The slug of a damaged row may be unsafe; it has no files.
    for folder in sorted(filter(files.is_safe, folders)):
        _withdraw_feed(data, folder, kept, report)
    for slug, path in former_paths(recorded).items():
        gone = [_withdraw_feed(data, folder_of(one), kept, report) for one in path.former if files.is_safe(one)]
        if all(gone):
            store.record_fingerprints(without_former(store.fingerprints(), slug, path.former))


def _withdraw_feed(data: Path, folder: str, kept: Collection[str], report: Report) -> bool:
    """Delete the files of a feed that are not kept; return whether they are gone."""
    names = [name for file in FILE_NAMES.values() if (name := f"{folder}/{file}") not in kept]
    gone = [files.withdraw(data / "public", name, "public", report.removed, report.failures) for name in names]
    return all(gone)


def _write_opml(
    store: Store, config: Config, data: Path, report: Report, recorded: dict[str, str], everything: bool
) -> dict[str, str]:
    """Write the list of the sources if it is out of date, and return its fingerprint by name.

    The result is empty if a source is missing in the list, or the list could not be written.
    """
    failed: set[str] = set()

    def leave_out(source: Source, error: Exception) -> None:
        failed.add(source.id)
        report.failures.append(unexpected(f"source {source.id!r}, left out of {what}", error))

    what = f"public/{FILE_NAME}"
    try:
        metadata = store.feed_metadata()
        current = fingerprint(
            config.site.title,
            [(one.id, one.kind, one.name, one.public_url, one.fallback_name, one.category) for one in config.sources],
            [(category.slug, category.title, category.implicit) for category in config.categories.values()],
            metadata,
        )
        if not everything and recorded.get(_OPML) == current and (data / what).is_file():
            return {_OPML: current}
        if recorded.get(_OPML):
            recorded |= clear_fingerprints(store, [_OPML])
        opml, _ = sift(
            lambda some: render_opml(config.site.title, some, config.categories, metadata), config.sources, leave_out
        )
    except RowError as error:
        report.failures.append(refused_row(what, error))
    except StoreError:
        raise
    except Exception as error:
        report.failures.append(unexpected(what, error))
    else:
        report.feeds += _write(data, [opml], report, failed)
        return {} if failed else {_OPML: current}
    return {}


def _write(
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
