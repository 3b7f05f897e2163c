"""Which entries of a document are stored already, and under which key: the two steps that ask the store.

`recognize` comes before entries are cleaned: it finds them by their keys, which is all there is to do for most
documents, and tells those apart that share one. `settle` comes after: what is still unknown is compared with what is
stored, because sites and generators change (`resemblance`), and what that says of the source's ids is remembered
(`resemblance.Trust`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aggregator.dates.formats import DateStyle, parse_date, style_of
from aggregator.models import Entry, FeedState, Identified, Known, Names, ParsedFeed, RawEntry
from aggregator.normalize.identity import aliases_of, disambiguate, identify, key_of
from aggregator.normalize.text import plain_title
from aggregator.pipeline import decide, resemblance
from aggregator.pipeline.resemblance import NOTES, Seen, Trust
from aggregator.store import Recognized, Store
from aggregator.values.urls import clean_url

#: Stored entries that are compared where a source has changed all its ids.
NEWEST = 500


@dataclass(frozen=True, slots=True)
class Comparison:
    """A document beside what is stored of it."""

    selection: decide.Selection
    #: Entries of the document, and what is known of them by their keys in it.
    identified: tuple[Identified, ...]
    known: Mapping[str, Known]
    #: Names to be remembered.
    aliases: tuple[tuple[str, str | None], ...]
    trust: Trust
    now: datetime
    #: Whether anything can be stored.
    first: bool
    #: How the dates of the document are written.
    style: DateStyle

    def doubtful(self, entries: Sequence[Entry]) -> Iterator[RawEntry]:
        """Entries whose dates may be unreadable: those that are stored without one, and those that are not stored.

        Args:
            entries: those of the selection, cleaned; where one has a date, it was read.
        """
        dated = {entry.key for entry in entries if entry.dated}
        for one in self.identified:
            old = self.known.get(one.key)
            if one.key not in dated if old is None else not old.dated:
                yield one.raw


def style_of_dates(parsed: ParsedFeed) -> DateStyle:
    """How the dates of a document are written."""
    return style_of((text for raw in parsed.entries for text in (raw.published, raw.updated)), parsed.language)


def recognize(
    store: Store, source_id: str, state: FeedState, parsed: ParsedFeed, requests: Sequence[datetime]
) -> Comparison:
    """Compare the entries of a document with the stored ones.

    Args:
        requests: the time of the request, by our clock and then by others.
    """

    def changed_at(raw: RawEntry) -> datetime | None:
        date = _date(raw.updated, raw, style)
        return None if date is None or decide.is_fresh(date, requests) else date

    style = style_of_dates(parsed)
    trust = Trust.load(state.identity)
    identified = identify(parsed.entries, trust.level)
    found = store.recognize(source_id, [one.key for one in identified])
    selection = decide.select(identified, found.known, changed_at)
    shared = found.shared | _reused(store, source_id, parsed, selection, trust, style)
    known, removed = found.known, found.removed
    aliases: tuple[tuple[str, str | None], ...] = ()
    if shared or any(one.names for one in selection.new) or removed or found.aliased:
        apart = _SharedKeyResolver(store, source_id, shared, requests, style)
        identified, known, removed = apart.of(identified, found)
        aliases = tuple(apart.aliases.items())
        selection = decide.select(_once(identified, known, removed), known, changed_at)
    first = state.last_success_at is None
    return Comparison(selection, identified, known, aliases, trust, requests[0], first, style)


def settle(store: Store, source_id: str, compared: Comparison, entries: Sequence[Entry]) -> decide.Settled:
    """Find the stored ones among the entries that are not known by their keys.

    Args:
        entries: those of the selection, cleaned, in its order.
    """
    selection = compared.selection
    if not entries and not compared.aliases and compared.trust == Trust():
        return decide.Settled(unchanged=selection.unchanged, notes=selection.notes)
    count, to = len(selection.new), len(selection.new) + len(selection.changed)
    new, changed = entries[:count], list(entries[count:to])
    reread = [
        replace(entry, updated_at=old.updated_at)
        for entry, (_, old) in zip(entries[to:], selection.reread, strict=True)
    ]
    unchanged = selection.unchanged + len(reread)
    pairs: list[resemblance.Pair] = []
    gone: set[str] = set()
    if new and not compared.first:
        pairs, gone = _pairs(store, source_id, compared, new)
    found = {new[pair.place].key: pair.stored.known.key for pair in pairs}
    aliases = {name: key and found.get(key, key) for name, key in compared.aliases} | found
    for pair in pairs:
        entry, old = new[pair.place], pair.stored.known
        if entry.hash[:-32] != old.version:
            reread.append(_as_stored(entry, old, old.updated_at))
        elif entry.hash != old.hash:
            changed.append(_as_stored(entry, old, entry.updated_at if entry.dated else old.updated_at))
        unchanged += entry.hash == old.hash or entry.hash[:-32] != old.version
    trust, more, notes = _judge(compared, pairs)
    joined = {pair.place for pair in pairs}
    left = tuple(one for place, one in enumerate(new) if place not in joined and one.key not in gone)
    return decide.Settled(
        left,
        tuple(changed),
        tuple(reread),
        unchanged,
        tuple((aliases | more).items()),
        trust.dump(),
        (*selection.notes, *notes),
    )


class _SharedKeyResolver:
    """Finds the stored ones among entries whose keys belong to several."""

    def __init__(
        self,
        store: Store,
        source_id: str,
        shared: frozenset[str] | set[str],
        requests: Sequence[datetime],
        style: DateStyle,
    ) -> None:
        self._store = store
        self._source_id = source_id
        self._shared = shared
        self._requests = requests
        self._style = style
        #: Names that are to be remembered.
        self.aliases: dict[str, str | None] = {}

    def of(
        self, identified: Sequence[Identified], found: Recognized
    ) -> tuple[tuple[Identified, ...], dict[str, Known], set[str]]:
        """Return the entries with keys of their own, what is known of them by these, and those that were removed."""
        entries = tuple(disambiguate(one) if one.key in self._shared else one for one in identified)
        doubtful = [(one, one.names) for one in entries if one.names is not None]
        known = {key: old for key, old in found.known.items() if key not in self._shared}
        if not doubtful:
            return entries, known, found.removed
        named = self._store.recognize(self._source_id, [name for _, names in doubtful for name in _all(names)])
        chosen = self._choose(doubtful, named)
        known |= chosen
        names = [*aliases_of(entries), *((key, key) for key in chosen)]
        for name, key in names:
            if name not in named.shared and (key is None or name not in named.known):
                self.aliases[name] = chosen[key].key if key in chosen else key
        removed = {one.key for one, names in doubtful if not named.removed.isdisjoint((names.text, names.date))}
        return entries, known, found.removed | removed

    def _choose(self, doubtful: Sequence[tuple[Identified, Names]], named: Recognized) -> dict[str, Known]:
        """Give each entry, by its key, the stored one that it is: the likest there is, and each only once."""
        chosen: dict[str, Known] = {}
        claimed: set[str] = set()
        moved = self._all_fresh([one.raw for one, _ in doubtful])

        def take(name_of: Callable[[Names], str | None], may: Callable[[Identified, Names, Known], bool]) -> None:
            count = Counter(name_of(names) for _, names in doubtful)
            for one, names in doubtful:
                name = name_of(names)
                old = None if name is None or one.key in chosen else named.known.get(name)
                if old is None or old.key in claimed or (name in named.shared and name != names.base):
                    continue
                if (count[name] == 1 or name == names.base) and may(one, names, old):
                    chosen[one.key] = old
                    claimed.add(old.key)

        take(lambda names: names.date, lambda one, names, old: True)
        take(
            lambda names: names.text,
            lambda one, names, old: (
                moved or names.copied or one.version != old.version or _may_be_dated(one, old, self._style)
            ),
        )
        take(
            lambda names: names.place,
            lambda one, names, old: one.raw.url != names.base or _may_be_dated(one, old, self._style),
        )
        take(lambda names: names.title, lambda one, names, old: _may_be_dated(one, old, self._style))
        take(
            lambda names: names.base,
            lambda one, names, old: one.hash == old.hash and _may_be_dated(one, old, self._style),
        )
        return chosen

    def _all_fresh(self, raws: Sequence[RawEntry]) -> bool:
        """Whether the dates of several entries are nothing but the time of the request."""
        dates = [_published(raw, self._style) for raw in raws]
        return len(raws) > 1 and all(date is not None and decide.is_fresh(date, self._requests) for date in dates)


def _all(names: Names) -> list[str]:
    found = (names.date, names.text, names.place, names.title, names.base)
    return [name for name in found if name is not None]


def _may_be_dated(one: Identified, old: Known, style: DateStyle) -> bool:
    """Whether the date of an entry does not contradict that of a stored one."""
    date = _published(one.raw, style)
    return date is None or not old.dated or date == old.published_at


def _once(identified: Iterable[Identified], known: Mapping[str, Known], removed: set[str]) -> list[Identified]:
    """Return the entries without removed ones; of two that are one stored entry, the one that has its key."""
    left: dict[str, Identified] = {}
    for one in identified:
        old = known.get(one.key)
        key = one.key if old is None else old.key
        if one.key not in removed and (key not in left or one.key == key):
            left[key] = one
    return list(left.values())


def _reused(
    store: Store, source_id: str, parsed: ParsedFeed, selection: decide.Selection, trust: Trust, style: DateStyle
) -> set[str]:
    """Keys under which another entry stands than the stored one: the source gives its guids more than once."""
    if not selection.changed:
        return set()
    home = resemblance.address_of(parsed.home_url)
    suspects: dict[str, tuple[Identified, str | None]] = {}
    for one, old in selection.changed:
        raw = one.raw
        if one.names is None and raw.url and (raw.published or raw.updated):
            address = resemblance.address_of(raw.url)
            if address is not None and (address == home or not address.path):
                # All entries of some feeds lead to the site.
                suspects[old.key] = one, None
            elif trust.level == "guid" and raw.guid and raw.guid != raw.url:
                suspects[old.key] = one, raw.url
    if not suspects:
        return set()
    stored = {found.known.key: found for found in store.similar_entries(source_id, suspects, (), 0)}
    return {
        key_of(one.raw, trust.level)
        for key, (one, url) in suspects.items()
        if key in stored
        and resemblance.is_another(
            clean_url(url),
            "" if one.raw.title is None else plain_title(one.raw.title),
            _published(one.raw, style),
            stored[key],
        )
    }


def _pairs(
    store: Store, source_id: str, compared: Comparison, new: Sequence[Entry]
) -> tuple[list[resemblance.Pair], set[str]]:
    """Return the new entries that are stored ones, and the keys of those removed under another form of their key."""
    keys = {entry.key: [*resemblance.variants(entry.key), *resemblance.variants(entry.url)] for entry in new}
    moments = {entry.published_at for entry in new if entry.dated}
    addresses = [entry.url for entry in new if entry.url is not None and entry.url != entry.key]
    asked = dict.fromkeys((*addresses, *(key for some in keys.values() for key in some)))
    whole = not compared.known
    stored = store.similar_entries(source_id, asked, moments, NEWEST if whole else 0)
    claimed = {old.key for old in compared.known.values()}
    pairs = resemblance.match(new, [one for one in stored if one.known.key not in claimed], whole=whole)
    removed = store.recognize(source_id, asked).removed
    return pairs, {key for key, some in keys.items() if not removed.isdisjoint(some)} if removed else set()


def _judge(
    compared: Comparison, pairs: Sequence[resemblance.Pair]
) -> tuple[Trust, dict[str, str | None], tuple[str, ...]]:
    """Return the trust in the ids of the source after this document, further aliases, and notes."""
    trust = compared.trust
    if not pairs and trust == Trust():
        return trust, {}, ()
    keys = {key: old.key for key, old in compared.known.items()}
    for pair in pairs:
        keys[compared.selection.new[pair.place].key] = pair.stored.known.key
    entries = [(keys.get(one.key, one.key), one.raw) for one in compared.identified]
    differences = Counter(pair.differs for pair in pairs)
    after = trust.after(
        Seen(entries, len(compared.known), differences["guid"] + differences["both"], differences["both"])
    )
    if after.level == trust.level:
        return after, {}, ()
    names = [(key_of(raw, after.level), key) for key, raw in entries]
    count = Counter(name for name, _ in names)
    return after, {name: key for name, key in names if count[name] == 1 and name != key}, (NOTES[after.level],)


def _as_stored(entry: Entry, old: Known, updated_at: datetime) -> Entry:
    return replace(
        entry,
        key=old.key,
        published_at=old.published_at,
        updated_at=max(updated_at, old.updated_at),
        dated=old.dated,
        future_at=old.future_at,
    )


def _published(raw: RawEntry, style: DateStyle) -> datetime | None:
    return _date(raw.published or raw.updated, raw, style)


def _date(text: str | None, raw: RawEntry, style: DateStyle) -> datetime | None:
    return parse_date(text, timezone=raw.timezone, style=style) if text else None
