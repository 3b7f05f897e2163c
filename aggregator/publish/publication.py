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

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import aggregator
from aggregator.config import Config
from aggregator.errors import RowError, StoreError
from aggregator.models import ALL, Category, Item, Rendered, Source
from aggregator.publish import files
from aggregator.publish.archives import Archives
from aggregator.publish.assets import stylesheet
from aggregator.publish.assignments import assign_all
from aggregator.publish.feeds import FILE_NAMES, STYLESHEET, Channel, WrittenItems, render_category
from aggregator.publish.opml import FILE_NAME, OWN_FILE_NAME, render_opml, render_own
from aggregator.publish.postedits import FolderEdits, folder_edits
from aggregator.publish.postfiles import Destination, write_posts, write_retired
from aggregator.publish.postfolders import PostFolder, forget_moved, main_preset, post_folders, settle_presets
from aggregator.publish.postsurvey import has_posts
from aggregator.publish.renewal import made_with, renew
from aggregator.publish.report import OutputFailure, Report, refused_row, sift, unexpected, unreadable_row
from aggregator.store import Store, UnreadableRow

__all__ = ["OutputFailure", "Report", "clear_fingerprints", "feeds_of", "publish"]

#: Raise this with every change of how posts, feeds or the list of the sources are rendered. Then all of them are
#: rendered again, and those whose bytes differ are written.
RENDERING = 4

#: Name of the fingerprint of the list of the sources.
_OPML = "opml"

#: Name of the fingerprint of the posts of sources that are no longer configured.
_RETIRED = "posts/"


def publish(
    store: Store,
    config: Config,
    data: Path,
    *,
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
    report.failures += renew(store, config.confidential, data, progress=renewing)
    recorded = store.fingerprints()
    edits = folder_edits(store, folders, data, report, restore=restore, overwrite=overwrite_edits)
    posts, moved = _settle_folders(store, config, data, report, edits, recorded, change_presets=change_presets)
    _mark_outdated_posts(store, recorded, config, everything, report)
    _write_retired(posts, recorded, moved, again=restore or overwrite_edits)
    recorded |= clear_fingerprints(store, feeds_of(store.pending_categories()))
    report.failures += assign_all(store, main_preset(folders))
    wanted = feed_fingerprints(config)
    outdated = _outdated(config, data, {} if everything else recorded, wanted)
    stale = [f"feeds/{category.slug}" for category in outdated]
    recorded |= clear_fingerprints(store, [name for name in stale if recorded.get(name)])
    write_posts(posts, progress)
    # This and the list of the feeds are small: they are compared each time.
    report.feeds += _write(data, [stylesheet()], report, set())
    written = WrittenItems()
    _write_archives(store, {} if everything else recorded, config, data, report, outdated, written)
    feeds = _FeedRenderer(store, config, written, report)
    report.feeds += _write(data, feeds.outputs(outdated), report, feeds.failed)
    report.feeds += _write(data, [_own_list(config)], report, set())
    _remove_stale(data, config, recorded, wanted, report)
    current = _write_opml(store, config, data, report, recorded, everything)
    made = {**wanted, **current}
    unmade = {f"feeds/{slug}" for slug in feeds.failed}
    news = {name: value for name, value in made.items() if recorded.get(name) != value and name not in unmade}
    store.record_fingerprints(news)
    return report


def outputs(config: Config) -> list[str]:
    """Return the files that `publish` restores if they are missing, relative to the data folder."""
    names = [FILE_NAMES[form] for form in config.feeds.formats]
    feeds = [f"public/{category.slug}/{name}" for category in merged(config) for name in names]
    return [*feeds, *(f"public/{name}" for name in (FILE_NAME, OWN_FILE_NAME, STYLESHEET))]


def _own_list(config: Config) -> Rendered:
    channels = [channel_of(config, category) for category in merged(config)]
    return render_own(config.site.title, channels, config.feeds.formats)


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


def _mark_outdated_posts(
    store: Store, recorded: Mapping[str, str], config: Config, everything: bool, report: Report
) -> None:
    """Make entries pending whose posts were made from other settings."""
    settings = _post_settings(config)
    for category in config.categories.values():
        name = f"posts/{category.slug}"
        wanted = fingerprint(settings, category.title, category.implicit)
        if everything or recorded.get(name) != wanted:
            try:
                store.mark_pending([source.id for source in config.sources if source.category == category.slug])
            except RowError as error:
                report.failures.append(refused_row(f"posts of category {category.slug!r}", error))
            else:
                store.record_fingerprints({name: wanted})


def _post_settings(config: Config) -> list[object]:
    """Return everything in the configuration that posts are made from, besides their categories."""
    own = {name: preset.digest for name, preset in config.presets.items()}
    return [[one.model_dump(mode="json"), one.picture, own.get(one.preset)] for one in config.posts]


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


def _outdated(config: Config, data: Path, recorded: Mapping[str, str], wanted: Mapping[str, str]) -> list[Category]:
    """Return the categories whose feeds have new items or other settings, or are missing."""
    outputs = [FILE_NAMES[form] for form in config.feeds.formats]
    return [
        category
        for category in merged(config)
        if recorded.get(name := f"feeds/{category.slug}") != wanted[name]
        or not all((data / "public" / category.slug / output).is_file() for output in outputs)
    ]


def _write_archives(
    store: Store,
    recorded: Mapping[str, str],
    config: Config,
    data: Path,
    report: Report,
    outdated: Iterable[Category],
    written: WrittenItems,
) -> None:
    """Bring the archives up to date, before the feeds that link to them."""
    # A page says nothing of when to come back: it stays.
    channels = {one.slug: channel_of(config, replace(one, interval=None)) for one in merged(config)}
    channels = channels if config.feeds.archive else {}
    archives = Archives(store.archives, data / "public", channels, config.feeds.formats, written, report)
    archives.remove_others()
    wanted = {
        f"archives/{slug}": fingerprint(channel.fingerprint(), config.feeds.formats)
        for slug, channel in channels.items()
    }
    changed = {name: value for name, value in wanted.items() if recorded.get(name) != value}
    archives.render_again([name.removeprefix("archives/") for name in changed])
    store.record_fingerprints(changed)
    archives.close_pages(outdated)
    archives.write()


class _FeedRenderer:
    """Renders the feeds of categories, with the items of one category in memory at a time."""

    def __init__(self, store: Store, config: Config, written: WrittenItems, report: Report) -> None:
        self._store = store
        self._config = config
        self._written = written
        self._report = report
        #: Slugs of the categories whose feeds are incomplete or could not be written.
        self.failed: set[str] = set()

    def outputs(self, categories: Iterable[Category]) -> Iterator[Rendered]:
        """Yield the feeds of categories, in order; failures go to the report and affect no other feed."""
        for category in categories:
            channel, formats = channel_of(self._config, category), self._config.feeds.formats
            if self._config.feeds.archive:
                channel = replace(channel, previous=self._store.archives.page_count(category.slug) or None)
            # The items have no name here, which would keep them in memory while the next category is read.
            for outcome in render_category(channel, self._items(category), formats, self._written):
                if isinstance(outcome, Rendered):
                    yield outcome
                else:
                    self._fail(category.slug, outcome)

    def _items(self, category: Category) -> list[Item]:
        unreadable: list[UnreadableRow] = []
        newest = self._store.newest(None if category.slug == ALL else category.slug, category.limit, unreadable)
        for row in unreadable:
            self._fail(category.slug, unreadable_row(row))
        return newest

    def _fail(self, slug: str, failure: OutputFailure) -> None:
        self.failed.add(slug)
        # A row that cannot be read is missing both in the feeds of its category and in the feeds of all categories.
        if failure not in self._report.failures:
            self._report.failures.append(failure)


def _remove_stale(
    data: Path, config: Config, recorded: Mapping[str, str], wanted: Mapping[str, str], report: Report
) -> None:
    """Delete feeds that are no longer configured, so that subscribers see that they ended."""
    gone = {name.removeprefix("feeds/") for name in recorded if name.startswith("feeds/")}
    # The slug of a damaged row may be unsafe; it has no files.
    for slug in sorted(filter(files.is_safe, gone)):
        kept = {FILE_NAMES[form] for form in config.feeds.formats} if f"feeds/{slug}" in wanted else set()
        for output in FILE_NAMES.values():
            if output not in kept:
                files.withdraw(data / "public", f"{slug}/{output}", "public", report.removed, report.failures)


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


def _write(data: Path, outputs: Iterable[Rendered], report: Report, failed: set[str]) -> list[str]:
    """Write files to `public/`; the folders of files that fail are added to `failed`."""
    written = files.write(data / "public", outputs)
    for name, failure in written.failed.items():
        failed.add(name.partition("/")[0])
        report.failures.append(failure._replace(what=f"public/{name}"))
    return [f"public/{name}" for name in written.changed]


# -- fingerprints of settings ------------------------------------------------------------------------------------------


def feed_fingerprints(config: Config) -> dict[str, str]:
    """Return the fingerprint of everything but the items that the feeds of each category are made from, by name."""
    # The values of the sources in a feed on which its bytes depend.
    members: dict[str, list[list[str | bool | None]]] = {ALL: []}
    for source in sorted(config.sources, key=lambda source: source.id):
        shown = (source.republish, source.copyright, source.noindex)
        for slug in (source.category, ALL):
            members.setdefault(slug, []).append([source.id, source.name, source.public_url, *shown])
    return {
        f"feeds/{category.slug}": fingerprint(
            channel_of(config, category).fingerprint(),
            category.limit,
            config.feeds.formats,
            config.feeds.archive,
            members.get(category.slug, []),
        )
        for category in merged(config)
    }


def merged(config: Config) -> list[Category]:
    """Return the categories that have feeds, and the category of all entries."""
    site, limit = config.site, config.feeds.limit
    interval = min((one.interval for one in config.categories.values() if one.interval is not None), default=None)
    return [*config.categories.values(), Category(ALL, site.title, site.description, limit, interval=interval)]


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
        icon=config.site.icon,
        minutes=None if category.interval is None else max(1, int(category.interval.total_seconds()) // 60),
    )


def fingerprint(*parts: object) -> str:
    """Return a digest of settings; it includes the versions of the program and of its rendering."""
    text = json.dumps([aggregator.__version__, RENDERING, *parts], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
