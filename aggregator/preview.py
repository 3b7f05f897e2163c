"""What one source gives, from its documents to its posts, without storing or writing anything.

In: the configuration, a source, which need not be in it, and perhaps the data folder, which is only read. Out: a
`Preview`: the documents that came, what was read in them, and each item with what rules made of it and its post.

The source is updated and published in a temporary data folder as a cycle does it, so that what is shown is what an
update stores where nothing of the source is stored yet. Of the data folder, these take part: which hosts want to be
left alone, how instances answered, and the results of steps of one's own. No step and no hook runs, and duplicates are
looked for within the source only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from aggregator.config.configuration import UNCATEGORIZED
from aggregator.config.ids import Named, assign
from aggregator.config.secrets import public_address
from aggregator.errors import AggregatorError, FetchError, NotThere
from aggregator.inspection import Condition, condition
from aggregator.judging import KeptSteps, judge_stored, stored_rulings
from aggregator.models import Category, FeedState, Fetched, NotModified, ParsedFeed, Rendered, Request, Source, host_of
from aggregator.pipeline.ingest import normalized
from aggregator.pipeline.recognition import recognize, settle
from aggregator.pipeline.run import SourceResult, update_due
from aggregator.pipeline.together import Send
from aggregator.place import DATABASE, place_of
from aggregator.publish.publication import publish
from aggregator.replay import apply
from aggregator.retention import retain
from aggregator.rules.book import Trace
from aggregator.store import POSTS, Store, StoredRuling, open_for_reading, open_store
from aggregator.workers import StoreThread, Worker

if TYPE_CHECKING:
    from aggregator.config import Config

"""The name of the database in a data folder."""

Here = Literal["new", "stored", "changed", "removed"]
"""Whether an item is in the data folder: it is not, it is as it is here, it is otherwise, or it was and does not come
back."""


@dataclass(frozen=True, slots=True)
class Document:
    """One request, and what came."""

    request: Request
    outcome: Fetched | NotModified | FetchError


@dataclass(frozen=True, slots=True)
class PreviewItem:
    """One item of a preview."""

    #: The entry as it would be stored, and its ruling.
    stored: StoredRuling
    #: What would come of it, with nothing else in the data folder.
    condition: Condition
    #: Path below the data folder, and bytes of its post, in the first folder that has it; None: it has none, or posts
    #: are not asked for.
    post: Rendered | None
    #: What each rule did with it.
    trace: Trace
    #: Beside the data folder; None: no data folder was given.
    here: Here | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What one source gives."""

    source: Source
    #: With the failure and the notes of the source.
    result: SourceResult
    #: In the order in which they were asked for; redirects and robots.txt are not among them.
    documents: tuple[Document, ...]
    #: What the kind of the source has read; None: it could not read anything.
    parsed: ParsedFeed | None
    #: Newest first.
    items: tuple[PreviewItem, ...]
    #: How many more items would be removed at once by `retention`.
    removed: int = 0
    #: How many items are judged without the result of a step of one's own.
    unmade: int = 0
    #: What could not be published, as messages.
    failures: tuple[str, ...] = ()

    @property
    def failure(self) -> str | None:
        """Why nothing could be read, with its class; None: something was."""
        state = self.result.state
        if self.result.missed:
            return f"{state.failure_kind}: {state.error}"
        return "; ".join(self.result.notes) or "nothing came" if self.parsed is None else None


def feed_source(config: Config, url: str) -> Source:
    """Return a source for the feed at an address, with the defaults of the configuration and in no category."""
    name, taken = assign([Named(None, None, url)])[0], {source.id for source in config.sources}
    while name in taken:
        name += "-x"
    return Source(
        id=name,
        name=None,
        kind="feed",
        url=url,
        category=UNCATEGORIZED,
        section=None,
        interval=config.fetch.interval.interval(config.site.timezone),
        timeout=config.fetch.timeout,
        max_body=config.fetch.max_body,
        allow_private=config.fetch.allow_private_addresses,
        explicit_id=False,
        line=0,
        public_url=public_address(url, config.confidential),
        fallback_name=host_of(url) or name,
    )


async def preview(
    config: Config,
    source: Source,
    *,
    clock: Callable[[], datetime],
    data: Path | None = None,
    through: Callable[[Send], Send] = lambda send: send,
    posts: bool = False,
    repeatable: bool = False,
    pages: Worker | None = None,
) -> Preview:
    """Update and publish one source in a temporary data folder, and return what came of it.

    Args:
        config: the configuration in force; its rules apply.
        source: one of its sources, or any other.
        clock: the current time, aware and in UTC.
        data: the data folder to compare with, which need not exist; nothing in it is changed.
        through: what requests go through, see `update_due`.
        posts: whether items come with their posts.
        repeatable: of what the data folder knows, use only which hosts want to be left alone, and compare nothing: the
            same documents then always give the same.
        pages: what reads pages, for several previews (`page_worker`); None: one for this preview alone.

    Raises:
        AggregatorError: the database of the data folder cannot be read, or there is no room for a temporary one.
    """
    alone = _alone(config, source)
    seen = _Seen(through)
    with (
        _temporary_folder() as folder,
        closing(open_store(folder / DATABASE)) as store,
        _existing(config, data) as known,
        StoreThread() as thread,
    ):
        store.sync_sources([source])
        chosen = [(source, store.states()[source.id])]
        _take_over_waits(known, store, clock())
        finish = _Finish(alone, store, folder, None if repeatable else known, clock())
        finish.take_over_instances()
        results = await update_due(
            alone,
            store,
            chosen,
            clock=clock,
            thread=thread,
            through=seen.through,
            on_read=seen.read,
            steps=False,
            pages=pages,
        )
        removed, failures = await thread.run(finish.publish, source)
        here = await thread.run(finish.compare, source, seen.parsed) if data and not repeatable else {}
        items = await thread.run(lambda: tuple(finish.items(source, here, posts=posts)))
    return Preview(source, results[0], tuple(seen.documents), seen.parsed, items, removed, finish.unmade, failures)


class _Seen:
    """What passes by during an update.

    Args:
        through: as for `update_due`.
    """

    def __init__(self, through: Callable[[Send], Send]) -> None:
        self._through = through
        self._asked: list[list[Document]] = []
        self.parsed: ParsedFeed | None = None

    @property
    def documents(self) -> list[Document]:
        return [one for answered in self._asked for one in answered]

    def through(self, send: Send) -> Send:
        """Return what sends requests, and keeps them with what came."""
        inner = self._through(send)

        async def fetch(request: Request) -> Fetched | NotModified:
            answered: list[Document] = []
            self._asked.append(answered)
            try:
                outcome = await inner(request)
            except FetchError as error:
                answered.append(Document(request, error))
                raise
            answered.append(Document(request, outcome))
            return outcome

        return fetch

    def read(self, source_id: str, parsed: ParsedFeed) -> None:
        """Keep what was read of the source."""
        self.parsed = parsed


@dataclass(slots=True)
class _Finish:
    """What is done before and after an update, in the thread of the store."""

    config: Config
    store: Store
    #: The temporary data folder.
    data: Path
    #: The store of the data folder to compare with, if there is one.
    known: Store | None
    now: datetime
    #: See `Preview`.
    unmade: int = 0

    def take_over_instances(self) -> None:
        """Take over how instances answered."""
        if self.known is not None:
            self.store.pages.record_instances(self.known.pages.instances().values())

    def publish(self, source: Source) -> tuple[int, tuple[str, ...]]:
        """Remove expired entries and publish; return how many were removed, and what failed."""
        if self.known is not None:
            self._take_over_decisions(self.known, source)
            if self._take_over_steps(self.known):
                apply(self.store, self.config)
        removed = retain(self.config, self.store, self.data, self.now)
        report = publish(self.store, self._needed(source), self.data, now=self.now)
        return removed.entries, tuple(map(str, [*removed.failures, *report.failures]))

    def _needed(self, source: Source) -> Config:
        """Return the configuration without categories and outputs that get nothing, whose feeds nobody sees."""
        used = {source.category}
        for one in stored_rulings(self.store, source.id):
            used |= {one.ruling.category or source.category, *(place.placement.output for place in one.memberships)}
        categories = {slug: one for slug, one in self.config.categories.items() if slug in used}
        outputs = {slug: one for slug, one in self.config.outputs.items() if slug in used}
        return replace(self.config, categories=categories, outputs=outputs)

    def compare(self, source: Source, parsed: ParsedFeed | None) -> dict[str, Here]:
        """Return whether each item is in the data folder, by key."""
        found = [one.stored.entry for one in stored_rulings(self.store, source.id)]
        if self.known is None or parsed is None:
            return {entry.key: "new" for entry in found}
        state = self.known.states().get(source.id) or FeedState(source.id)
        compared = recognize(self.known, source.id, state, parsed, (self.now,))
        entries = normalized(source.id, parsed, self.now, compared.selection.entries, compared.style)
        settled = settle(self.known, source.id, compared, entries)
        removed = self.known.recognize(source.id, [entry.key for entry in found]).removed
        # Keys may differ, because the data folder may know more of the source's ids; fingerprints do not.
        kinds: tuple[tuple[Here, set[str], set[str]], ...] = (
            ("removed", set(removed), set()),
            ("new", {one.key for one in settled.new}, {one.hash for one in settled.new}),
            ("changed", {one.key for one in settled.changed}, {one.hash for one in settled.changed}),
        )
        by_key: dict[str, Here] = {key: kind for kind, keys, _ in kinds for key in keys}
        by_hash: dict[str, Here] = {digest: kind for kind, _, digests in kinds for digest in digests}
        return {one.key: by_key.get(one.key) or by_hash.get(one.hash) or "stored" for one in found}

    def items(self, source: Source, here: Mapping[str, Here], *, posts: bool) -> Iterator[PreviewItem]:
        """Yield the items, newest first."""
        found = list(stored_rulings(self.store, source.id))
        for one in sorted(found, key=lambda one: (one.stored.entry.published_at, one.stored.pk), reverse=True):
            trace, steps = Trace(), KeptSteps(self.store)
            judge_stored(self.config, one, steps, trace=trace)
            self.unmade += bool(steps.missing)
            post = self._post(one) if posts else None
            yield PreviewItem(one, condition(one), post, trace, here.get(one.stored.entry.key))

    def _post(self, one: StoredRuling) -> Rendered | None:
        for settings in self.config.posts:
            folder, pk = settings.folder, one.stored.pk
            path = one.stored.path if folder == POSTS else self.store.post_paths(folder, [pk]).get(pk)
            if path is not None and (self.data / folder / path).is_file():
                return Rendered(f"{folder}/{path}", "text/markdown", (self.data / folder / path).read_bytes())
        return None

    def _take_over_decisions(self, known: Store, source: Source) -> None:
        pks = {one.stored.entry.key: one.stored.pk for one in stored_rulings(self.store, source.id)}
        for key, judged in known.judged(source.id, pks.keys()).items():
            if judged.decision is not None:
                self.store.decide(pks[key], judged.decision, self.now)

    def _take_over_steps(self, known: Store) -> bool:
        """Take over the results of steps that are kept; return whether there were any.

        A step may use what another made, so this is done until nothing is missing that is kept.
        """
        taken = False
        while True:
            steps = KeptSteps(self.store)
            for one in stored_rulings(self.store):
                judge_stored(self.config, one, steps)
            found = known.steps.results(steps.missing.keys()) if steps.missing else {}
            if not found:
                return taken
            for name, result in found.items():
                self.store.steps.save(name, result, self.now)
            taken = True


def _alone(config: Config, source: Source) -> Config:
    """Return a configuration with this source only, and with the least of feeds: nobody sees them."""
    categories, feeds = config.categories, config.feeds.model_copy(update={"formats": ("json",), "archive": False})
    if source.category not in categories:
        implicit = Category(source.category, "Uncategorized", None, config.feeds.limit, implicit=True)
        categories = {**categories, source.category: implicit}
    return replace(config, sources=(source,), categories=categories, feeds=feeds, entries=(0,), templates=frozenset())


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    try:
        temporary = TemporaryDirectory(prefix="aggregator-")
    except OSError as error:
        raise AggregatorError(f"no temporary folder can be made: {error}; set TMPDIR to one with room") from None
    with temporary as folder:
        yield Path(folder)


@contextmanager
def _existing(config: Config, data: Path | None) -> Iterator[Store | None]:
    """Open the database so that nothing in it or its folder changes; None where there is none."""
    place = None if data is None else place_of(data, config.database)
    with ExitStack() as stack:
        store = None
        if isinstance(place, str) or (place is not None and place.is_file()):
            with suppress(NotThere):
                store = stack.enter_context(open_for_reading(place, untouched=True))
        yield store


def _take_over_waits(known: Store | None, store: Store, now: datetime) -> None:
    """Take over which hosts want to be left alone."""
    if known is not None:
        store.record_traffic(now, (), known.host_waits(now))
