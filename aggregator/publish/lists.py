"""The files in `public/` besides the feeds, and the end of what is no longer configured.

In: the store and the configuration. Out: the stylesheet, the lists of the feeds and of the sources; the feeds and
archives that nothing stands for any more are deleted, so that subscribers see that they ended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from aggregator.config import Config
from aggregator.errors import RowError, StoreError
from aggregator.models import Rendered, Source
from aggregator.publish import files
from aggregator.publish.archives import remove_archives
from aggregator.publish.assets import stylesheet
from aggregator.publish.feedfiles import clear_fingerprints, has_archive, write_public
from aggregator.publish.feeds import FILE_NAMES
from aggregator.publish.opml import FILE_NAME, render_opml, render_own
from aggregator.publish.outputs import (
    MergedFeed,
    channel_of,
    feed_fingerprints,
    fingerprint,
    folder_of,
    former_paths,
    without_former,
)
from aggregator.publish.report import Report, refused_row, sift, unexpected
from aggregator.store import Store

#: Name of the fingerprint of the list of the sources.
OPML = "opml"


def begin_lists(store: Store, config: Config, data: Path, report: Report, feeds: Iterable[MergedFeed]) -> None:
    """Write the stylesheet, and delete the archives of feeds that have none any more."""
    # This and the list of the feeds are small: they are compared each time.
    report.feeds += write_public(data, [stylesheet()], report, set())
    kept = {feed.slug for feed in feeds if has_archive(config, feed)}
    remove_archives(store.archives, data / "public", kept, report)


def write_lists(
    store: Store,
    config: Config,
    data: Path,
    report: Report,
    feeds: Sequence[MergedFeed],
    recorded: dict[str, str],
    made: Mapping[str, str],
) -> dict[str, str]:
    """Write the lists and delete ended feeds; return the fingerprint of the list of the sources, if it is current.

    Args:
        recorded: all fingerprints of the store; what is cleared here is cleared there.
        made: those of the feeds that have just been written.
    """
    report.feeds += write_public(data, [_own_list(config, feeds)], report, set())
    _remove_stale(store, config, data, feeds, {**recorded, **made}, report)
    return _write_opml(store, config, data, report, recorded)


def _own_list(config: Config, feeds: Iterable[MergedFeed]) -> Rendered:
    listed = [(channel_of(config, feed), feed.output.formats) for feed in feeds if not feed.output.private]
    return render_own(config.site.title, listed)


def _remove_stale(
    store: Store,
    config: Config,
    data: Path,
    feeds: Sequence[MergedFeed],
    recorded: Mapping[str, str],
    report: Report,
) -> None:
    """Delete feeds that are no longer configured, so that subscribers see that they ended."""
    kept = {file for feed in feeds for file in feed.files}
    folders = {name.removeprefix("feeds/") for name in recorded if name.startswith("feeds/")}
    folders |= {feed.folder for feed in feeds}
    # The slug of a damaged row may be unsafe; it has no files.
    for folder in sorted(filter(files.is_safe, folders)):
        _withdraw_feed(data, folder, kept, report)
    former = former_paths(recorded)
    wanted = feed_fingerprints(config, feeds) if former else {}
    for slug, path in former.items():
        gone = [_withdraw_feed(data, folder_of(one), kept, report) for one in path.former if files.is_safe(one)]
        # As long as it is not written at its new path, another process may still write it at a former one.
        settled = wanted.get(name := f"feeds/{slug}") in (None, recorded.get(name))
        if all(gone) and settled:
            with store.alone():
                store.record_fingerprints(without_former(store.fingerprints(), slug, path.former))


def _withdraw_feed(data: Path, folder: str, kept: Collection[str], report: Report) -> bool:
    """Delete the files of a feed that are not kept; return whether they are gone."""
    names = [name for file in FILE_NAMES.values() if (name := f"{folder}/{file}") not in kept]
    gone = [files.withdraw(data / "public", name, "public", report.removed, report.failures) for name in names]
    return all(gone)


def _write_opml(store: Store, config: Config, data: Path, report: Report, recorded: dict[str, str]) -> dict[str, str]:
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
        if recorded.get(OPML) == current and (data / what).is_file():
            return {OPML: current}
        if recorded.get(OPML):
            recorded |= clear_fingerprints(store, [OPML])
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
        report.feeds += write_public(data, [opml], report, failed)
        return {} if failed else {OPML: current}
    return {}
