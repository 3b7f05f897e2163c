"""The archives of the feeds: the whole history of each feed in documents that, once written, get no further items.

In: the store and the configuration. Out: `public/<slug>/archive/<number>/`, one folder for each page, with the formats
of the feeds. A feed links to its newest page, and each page to the one before (RFC 5005, section 4; `next_url` in JSON
Feed), so that a client which follows the links gets every item. A new item rewrites the feed and adds at most one page.
A page is rendered again only if an item in it was changed or removed, or if the head of the feed was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator.models import Item, Rendered
from aggregator.publish import files
from aggregator.publish.feeds import FILE_NAMES, Channel, Format, WrittenItems, render_category
from aggregator.publish.feeds.feeditems import page_name
from aggregator.publish.report import Report, unreadable_row

if TYPE_CHECKING:
    from aggregator.store import ArchivePage, ArchiveStore, UnreadableRow

#: Items of one page at most. RFC 5005 names no number; readers load a page at once.
PAGE_SIZE = 100
#: Pages whose files are written together.
_BATCH = 16


@dataclass(frozen=True, slots=True)
class ArchivedFeed:
    """A feed with an archive."""

    channel: Channel
    formats: tuple[Format, ...]
    #: Items in the feed itself at most.
    limit: int
    #: Makes of an item what this feed shows of it.
    look: Callable[[Item], Item]
    #: Items that were written for other feeds.
    written: WrittenItems


class Archives:
    """Brings the archives of all feeds up to date.

    Args:
        store: where the pages are kept (`Store.archives`).
        public: the folder `public/`.
        feeds: the feeds that have an archive, by slug.
        report: written files and failures are added to it.
    """

    def __init__(
        self,
        store: ArchiveStore,
        public: Path,
        feeds: Mapping[str, ArchivedFeed],
        report: Report,
    ) -> None:
        self._store = store
        self._public = public
        self._feeds = feeds
        self._report = report

    def render_again(self, slugs: Collection[str]) -> None:
        """Make all pages of some feeds stale, and delete their files of formats that are no longer written."""
        for slug in slugs:
            formats = self._feeds[slug].formats
            others = [name for form, name in FILE_NAMES.items() if form not in formats]
            _delete(self._store, self._public, slug, others, self._report)
        self._store.mark(slugs)

    def close_pages(self, slugs: Iterable[str]) -> None:
        """Add pages with the items that these feeds do not show any more."""
        for slug in slugs:
            if slug in self._feeds:
                self._store.close_pages(slug, self._feeds[slug].limit, PAGE_SIZE)

    def write(self) -> None:
        """Write all pages that are stale; what fails stays stale."""
        pages = [page for page in self._store.stale_pages() if page.output in self._feeds]
        # Pages of different feeds with the same items follow each other.
        pages.sort(key=lambda page: page.last)
        for start in range(0, len(pages), _BATCH):
            batch = pages[start : start + _BATCH]
            failed: set[ArchivePage] = set()
            written = files.write(self._public, self._rendered(batch, failed.add))
            self._report.feeds += [f"public/{name}" for name in written.changed]
            for name, failure in written.failed.items():
                self._report.failures.append(failure._replace(what=f"public/{name}"))
            # The names of files, or of a folder with "/" at its end.
            folders = {name.rpartition("/")[0] for name in written.failed}
            failed |= {page for page in batch if self._channel(page).name("").rstrip("/") in folders}
            self._store.mark_written([page for page in batch if page not in failed])

    def _rendered(self, pages: Iterable[ArchivePage], fail: Callable[[ArchivePage], None]) -> Iterator[Rendered]:
        for page in pages:
            unreadable: list[UnreadableRow] = []
            feed = self._feeds[page.output]
            items = [feed.look(item) for item in self._store.items(page, unreadable)]
            failures = [unreadable_row(row) for row in unreadable]
            for outcome in render_category(self._channel(page), items, feed.formats, feed.written):
                if isinstance(outcome, Rendered):
                    yield outcome
                else:
                    failures.append(outcome)
            if failures:
                fail(page)
                self._report.failures += [failure for failure in failures if failure not in self._report.failures]

    def _channel(self, page: ArchivePage) -> Channel:
        return replace(self._feeds[page.output].channel, page=page.number, previous=page.number - 1 or None)


def remove_archives(store: ArchiveStore, public: Path, kept: Collection[str], report: Report) -> None:
    """Delete the archives of feeds that have none any more.

    Args:
        kept: slugs of the feeds that have one.
    """
    for slug in store.outputs():
        if slug not in kept and _delete(store, public, slug, FILE_NAMES.values(), report):
            store.drop(slug)


def _delete(store: ArchiveStore, public: Path, slug: str, names: Collection[str], report: Report) -> bool:
    """Delete files of all pages of a feed; return whether all of them are gone."""
    # The slug of a damaged row may be unsafe; it has no files.
    if not names or not files.is_safe(slug):
        return True
    pages = range(1, store.page_count(slug) + 1)
    paths = [f"{slug}/{page_name(number, name)}" for name in names for number in pages]
    left = [path for path in paths if not files.withdraw(public, path, "public", report.removed, report.failures)]
    return not left
