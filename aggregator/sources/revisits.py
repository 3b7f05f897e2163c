"""Which pages behind a list are asked for, and what is remembered of them; pure.

The page of an item is asked for once, and again when the list says something else of the item, or when it is read by
other rules. Some lists say something else each time (a counter of views, the time of the last build); once a page was
asked for in vain a few times in a row, it is asked for at most once a day. So is a page that is gone or cannot be read.

`plan` compares a list with what is stored and remembered. The functions of `Visit` make what is to be remembered of
what came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aggregator.models import Fetched, NotModified, PageState
from aggregator.normalize.identity import key_of
from aggregator.sources.kind import BELIEVED

if TYPE_CHECKING:
    from aggregator.sources.articles import Listed

#: After so many visits in vain in a row, a page is asked for once in this time.
FRUITLESS = 3
RARELY = timedelta(days=1)

_LISTED, _READING, _CONTENT = 32, 16, 32


@dataclass(frozen=True, slots=True)
class Mark:
    """What `PageState.mark` says, as text ``listed.reading.content``."""

    #: What the list said of the item (`Listed.mark`, cut) when its page was last read; "": it has to be read still.
    listed: str = ""
    #: Digest of the rules by which it was read.
    reading: str = ""
    #: Digest of what was read; "": not known.
    content: str = ""

    @classmethod
    def load(cls, text: str) -> Mark:
        """Read what `dump` wrote; what cannot be read says that the page has to be read."""
        parts = text.split(".")
        return cls(*parts) if len(parts) == 3 else cls()

    def dump(self) -> str:
        """Return the text to be stored."""
        return f"{self.listed[:_LISTED]}.{self.reading[:_READING]}.{self.content[-_CONTENT:]}"


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that is to be asked for."""

    listed: Listed
    #: Key of its entry.
    key: str
    #: How it is read now.
    reading: str
    #: The current time.
    now: datetime
    #: What is remembered of it; None: it was never asked for.
    state: PageState | None
    #: Whether its entry is stored.
    stored: bool

    @property
    def url(self) -> str:
        """Its address, as the list has it."""
        return self.listed.entry.url or ""

    @property
    def validators(self) -> tuple[str | None, str | None, str | None]:
        """ETag, date and digest to ask with; None where the page has to come whole."""
        state = self.state
        if state is None or not self.stored or not self._read_alike or not Mark.load(state.mark).content:
            return None, None, None
        if state.asked_at is None or not timedelta(0) <= self.now - state.asked_at < BELIEVED:
            # As for other documents: some servers say for ever that nothing has changed.
            return None, None, None
        return state.etag, state.last_modified, state.body_hash

    def read(self, page: Fetched, content: str, *, whole: bool) -> PageState:
        """Return what is remembered of a page that was read.

        Args:
            content: digest of what was read.
            whole: whether there are no more pages of the item, so that validators are those of all of it.
        """
        state = self._after(content, fruitless=self._again and content[-_CONTENT:] == self._content)
        if not whole:
            return state
        return replace(state, etag=page.etag, last_modified=page.last_modified, body_hash=page.body_hash or None)

    def unchanged(self, answer: NotModified) -> PageState:
        """Return what is remembered of a page of which the server says that it has not changed."""
        etag, last_modified, body_hash = self.validators
        state = self._after(self._content, fruitless=True)
        etag, last_modified = answer.etag or etag, answer.last_modified or last_modified
        return replace(state, etag=etag, last_modified=last_modified, body_hash=body_hash)

    def incomplete(self) -> PageState:
        """Return what is remembered of a page of which a part is missing: it is to be asked for again."""
        return PageState(self.key, Mark("", self.reading).dump(), asked_at=self.now, fruitless=self._failures + 1)

    def failed(self) -> PageState:
        """Return what is remembered of a page that could not be had or read."""
        if self.state is not None and self.stored:
            return replace(self.state, asked_at=self.now, fruitless=self.state.fruitless + 1)
        return PageState(self.key, Mark("", self.reading).dump(), asked_at=self.now, fruitless=self._failures + 1)

    def gone(self) -> PageState:
        """Return what is remembered of a page that is not there any more."""
        if self.stored:
            return self._after(self._content, fruitless=True)
        return PageState(self.key, Mark("", self.reading).dump(), asked_at=self.now, fruitless=FRUITLESS)

    def _after(self, content: str, *, fruitless: bool) -> PageState:
        mark = Mark(self.listed.mark, self.reading, content).dump()
        number = self.state.fruitless + 1 if fruitless and self.state is not None else 0
        return PageState(self.key, mark, asked_at=self.now, fruitless=number)

    @property
    def _failures(self) -> int:
        return self.state.fruitless if self.state is not None and self._read_alike else 0

    @property
    def _again(self) -> bool:
        return self.state is not None and self._read_alike

    @property
    def _read_alike(self) -> bool:
        return self.state is not None and Mark.load(self.state.mark).reading == self.reading[:_READING]

    @property
    def _content(self) -> str:
        return Mark.load(self.state.mark).content if self.state is not None else ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with the items of a list."""

    #: Pages to ask for: those of new items, then the others; each in the order of the list.
    visits: tuple[Visit, ...] = ()
    #: What is remembered from now on of items that were stored before pages were remembered.
    remembered: tuple[PageState, ...] = ()
    #: Pages that could not be read several times, and are not asked for now.
    resting: tuple[Visit, ...] = ()


def by_key(listed: Sequence[Listed]) -> dict[str, Listed]:
    """Return items by the keys of their entries, in their order; of several with one key the first."""
    found: dict[str, Listed] = {}
    for one in listed:
        found.setdefault(key_of(one.entry), one)
    return found


def plan(
    listed: Mapping[str, Listed],
    stored: Set[str],
    pages: Mapping[str, PageState],
    reading: str,
    now: datetime,
) -> Plan:
    """Compare a list with what is stored of it.

    Args:
        listed: its items by key, see `by_key`.
        stored: those of the keys whose entries are stored.
        pages: what is remembered of their pages, by key.
        reading: digest of how pages are read.
        now: the current time, aware and in UTC.
    """
    new, again, remembered, resting = [], [], [], []
    for key, one in listed.items():
        state = pages.get(key)
        said = Mark.load(state.mark) if state is not None else Mark()
        visit = Visit(one, key, reading, now, state, key in stored or bool(said.listed))
        if state is None and visit.stored:
            remembered.append(PageState(key, Mark(one.mark, reading).dump()))
        elif state is None:
            new.append(visit)
        elif said.listed == one.mark[:_LISTED] and said.reading == reading[:_READING]:
            continue
        elif _is_resting(state, now) and said.reading == reading[:_READING]:
            if not visit.stored:
                resting.append(visit)
        elif visit.stored:
            again.append(visit)
        else:
            new.append(visit)
    return Plan((*new, *again), tuple(remembered), tuple(resting))


def _is_resting(state: PageState, now: datetime) -> bool:
    return state.fruitless >= FRUITLESS and state.asked_at is not None and timedelta(0) <= now - state.asked_at < RARELY
