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

`publish` does all of this. It is made of three parts, which several processes on one store and one folder can call as
jobs, while others store entries:

| part | reads and writes in the store | writes and deletes files |
|---|---|---|
| `publish_posts` | what is stored of entries, ids, paths and digests of posts; pending entries; marks pages stale; fingerprints: clears `feeds/`, `archives/`, `opml`, ended `selections/`; gives `private/`; all others of publication | the folders of posts |
| `publish_outputs` of a slug | pages of its archive, releases of its members; fingerprints: `feeds/`, `archives/` and `selections/` of the slug | the feeds in the folder of the slug, and its archive |
| `publish_lists` | archives of feeds that have none; fingerprints: `opml`, `private/` without former paths | the stylesheet, `feeds.opml`, `opml.xml`; feeds and archives that nothing stands for |

Any of them may be called twice, end anywhere and be called again, and run beside the others. Only one process at a time
calls `publish_posts` (or `retain`), one `publish_outputs` for each slug, and one `publish_lists`. Why nothing is lost:

- `Store.turn` is the horizon of a part. What is changed later stays pending, stale or cleared, for the next call.
- The fingerprints of feeds are cleared after their new entries got ids. So an output that is rendered meanwhile without
  these entries does not become current.
- An output is selected after its turn, so it shows all that was cleared before; what is cleared later stays cleared.
- The feeds that `Report.outdated` names are found again by the next `publish_posts` if nobody has written them.
"""  # noqa: E501 - a table

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aggregator.config import Config
from aggregator.errors import RowError
from aggregator.publish.assignments import assign_all
from aggregator.publish.copies import join_duplicates
from aggregator.publish.decisions import carry_out_decisions
from aggregator.publish.feedfiles import clear_fingerprints, due_feeds, feeds_of, outdated_feeds, write_feeds
from aggregator.publish.feeds import STYLESHEET
from aggregator.publish.lists import OPML, begin_lists, write_lists
from aggregator.publish.memberships import place_again
from aggregator.publish.opml import FILE_NAME, OWN_FILE_NAME
from aggregator.publish.outputs import (
    MergedFeed,
    feed_fingerprints,
    fingerprint,
    merged,
    private_paths,
    without_private_paths,
)
from aggregator.publish.postedits import FolderEdits, folder_edits
from aggregator.publish.postfiles import Destination, withdraw_posts, write_posts, write_retired
from aggregator.publish.postfolders import PostFolder, forget_moved, main_preset, post_folders, settle_presets
from aggregator.publish.postsurvey import has_posts
from aggregator.publish.renewal import made_with, renew
from aggregator.publish.report import OutputFailure, Report, refused_row
from aggregator.publish.selection import ended_selections, is_timed, last_shown
from aggregator.store import Store

__all__ = [
    "OutputFailure",
    "Report",
    "next_time",
    "outputs",
    "publish",
    "publish_lists",
    "publish_outputs",
    "publish_posts",
]

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
    how = _How(everything, change_presets, restore, overwrite_edits)
    report, part = _posts(store, config, data, now, how, progress, renewing)
    # What was cleared up to here is rendered below.
    store.turn()
    begin_lists(store, config, data, report, part.feeds)
    made = write_feeds(store, config, data, report, part.feeds, part.wanted, part.recorded, part.outdated, now)
    made |= write_lists(store, config, data, report, part.feeds, part.recorded, made)
    _end(store, config, report, part, made, now)
    return report


def publish_posts(
    store: Store,
    config: Config,
    data: Path,
    *,
    now: datetime,
    renewing: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Do the first part of `publish`: give ids and paths, and write posts.

    Returns:
        What was written. Its `outdated` names the feeds for `publish_outputs`; `publish_lists` is called in any case.

    Raises:
        StoreError: the store failed, and not because of a row.
    """
    report, part = _posts(store, config, data, now, _How(), lambda posts: None, renewing)
    report.outdated = due_feeds(store, part.feeds, part.recorded, part.outdated, now)
    _end(store, config, report, part, {}, now)
    return report


def publish_outputs(store: Store, config: Config, data: Path, slugs: Collection[str], *, now: datetime) -> Report:
    """Do the second part of `publish` for some merged feeds: write them and their archives, as far as out of date.

    Args:
        slugs: of categories and outputs, or `models.ALL`; one that is not configured any more is left out.

    Raises:
        StoreError: the store failed, and not because of a row.
    """
    report, recorded = Report(), store.fingerprints()
    feeds = [feed for feed in merged(config, recorded) if feed.slug in slugs]
    wanted = feed_fingerprints(config, feeds)
    part = _Part(feeds, wanted, recorded, outdated_feeds(feeds, data, recorded, wanted))
    part.clear(store, [f"feeds/{slug}" for slug in part.outdated])
    store.turn()
    made = write_feeds(store, config, data, report, part.feeds, part.wanted, part.recorded, part.outdated, now)
    _end(store, config, report, part, made, now)
    return report


def publish_lists(store: Store, config: Config, data: Path, *, now: datetime) -> Report:
    """Do the last part of `publish`: write the lists, and delete what is no longer configured.

    Raises:
        StoreError: the store failed, and not because of a row.
    """
    report, recorded = Report(), store.fingerprints()
    part = _Part(merged(config, recorded), {}, recorded, set())
    begin_lists(store, config, data, report, part.feeds)
    made = write_lists(store, config, data, report, part.feeds, recorded, {})
    _end(store, config, report, part, made, now)
    return report


@dataclass(frozen=True, slots=True)
class _How:
    """What a person asked for; see `publish`."""

    everything: bool = False
    change_presets: bool = False
    restore: bool = False
    overwrite_edits: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """What a part of a publication knows of the merged feeds that it deals with."""

    feeds: list[MergedFeed]
    #: The fingerprints that the feeds get.
    wanted: dict[str, str]
    #: All fingerprints of the store, as far as this process knows.
    recorded: dict[str, str]
    #: Slugs of the feeds that are out of date.
    outdated: set[str]

    def clear(self, store: Store, names: Iterable[str]) -> None:
        """Clear fingerprints, unless they are cleared."""
        if left := [name for name in names if self.recorded.get(name) != ""]:
            self.recorded.update(clear_fingerprints(store, left))


def _posts(
    store: Store,
    config: Config,
    data: Path,
    now: datetime,
    how: _How,
    progress: Callable[[int], None],
    renewing: Callable[[int, int], None],
) -> tuple[Report, _Part]:
    """Do what comes before the feeds, and return what is out of date of them; their fingerprints are cleared."""
    report, folders = Report(), post_folders(config)
    with store.alone():
        report.failures += _bring_up_to_date(store, config, data, now, renewing)
    recorded = _with_private_paths(store, config)
    feeds = merged(config, recorded)
    edits = folder_edits(store, folders, data, report, restore=how.restore, overwrite=how.overwrite_edits)
    posts, moved = _settle_folders(store, config, data, report, edits, recorded, change_presets=how.change_presets)
    withdraw_posts(posts)
    _mark_outdated_posts(posts, recorded, how.everything)
    _write_retired(posts, recorded, moved, again=how.restore or how.overwrite_edits)
    store.turn()
    pending = feeds_of(store.pending_categories())
    report.failures += assign_all(store, main_preset(folders))
    # Not before the new entries have their ids: a feed that is rendered meanwhile does not show them.
    recorded |= clear_fingerprints(store, [*ended_selections(recorded, config.outputs), *pending])
    wanted = feed_fingerprints(config, feeds)
    if how.everything:
        names = [*wanted, *(f"archives/{feed.slug}" for feed in feeds), OPML]
        recorded |= clear_fingerprints(store, [name for name in names if recorded.get(name)])
    part = _Part(feeds, wanted, recorded, outdated_feeds(feeds, data, recorded, wanted))
    part.clear(store, [f"feeds/{slug}" for slug in part.outdated])
    write_posts(posts, progress)
    return report, part


def _end(store: Store, config: Config, report: Report, part: _Part, made: Mapping[str, str], now: datetime) -> None:
    """Record the fingerprints of what a part has made, and complete its report."""
    part.recorded.update(
        _recorded(store, {name: value for name, value in made.items() if part.recorded.get(name) != value})
    )
    # What is overdue failed just now, as the failures say.
    report.next_at = next_time(config, part.recorded, after=now)
    report.failures = [_without_paths(failure, part.feeds) for failure in report.failures]


def _bring_up_to_date(
    store: Store, config: Config, data: Path, now: datetime, renewing: Callable[[int, int], None]
) -> list[OutputFailure]:
    """Bring what is stored of entries up to date with the configuration and with what persons decided."""
    failures = renew(store, config.confidential, data, progress=renewing)
    place_again(store, config)
    return [*failures, *carry_out_decisions(store, config, now), *join_duplicates(store, config)]


def _with_private_paths(store: Store, config: Config) -> dict[str, str]:
    """Return the fingerprints of the store, after all private outputs have got paths."""
    recorded = store.fingerprints()
    if not private_paths(config, recorded):
        return recorded
    # A person may ask for another path at the same time.
    with store.alone():
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
        store.turn()
        failures = len(report.failures)
        write_retired(posts, moved)
        if len(report.failures) == failures and not posts.incomplete:
            store.record_fingerprints({_RETIRED: wanted})
            forget_moved(store, moved)
