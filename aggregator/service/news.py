"""News: what got worse or better since the last report; quiet runs print nothing else.

In: the results of a cycle and the records of what was reported. Out: the news, and the new records. A problem is
reported once when it begins, and again when it gets worse or is over; a source that fails and recovers again and again
is reported at most once a day, unless it stays broken. The records are fingerprints of the store whose names begin with
``told/``. Pure, except for `news_logger`, which logs.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aggregator.config import Config, redact
from aggregator.log import log_event
from aggregator.models import FailureKind, FeedState
from aggregator.schedule import Gone
from aggregator.schedule.plan import span
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aggregator.pipeline.run import SourceResult
    from aggregator.store import Activity, Store

#: A source that fails again within this time after it recovered is reported only after several failures.
RELAPSE = timedelta(days=1)
#: Time between two searches for sources that have fallen silent.
SILENCE_INTERVAL = timedelta(days=1)
#: Maximum number of news that are logged one by one.
MAX_NEWS = 50
#: Maximum number of files and other troubles that are recorded one by one; of more, only that there are many.
MAX_TROUBLES = 500

NETWORK, OUTPUT, SILENCE, CONFIG = "told/network", "told/output", "told/silence", "told/config"

#: How bad a failure is: kinds that are not named here need a person to repair them.
_PASSING: frozenset[FailureKind | None] = frozenset({"timeout", "connect", "dns"})
_FINE, _LIGHT, _STATUS, _LASTING, _GONE = range(5)
_RANKS = frozenset("01234")


@dataclass(frozen=True, slots=True)
class News:
    """One thing that got worse, or better."""

    text: str
    worse: bool
    source_id: str | None = None
    kind: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The results of a cycle that can be news."""

    now: datetime
    results: Sequence[SourceResult] = ()
    #: What was not published, and what else failed, in words.
    troubles: Sequence[str] = ()
    #: How often each source published recently, by id; empty if this cycle does not search for silent sources.
    rhythms: Mapping[str, Activity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bulletin:
    """The news, worse ones first, and the records to store once they are reported."""

    news: list[News] = field(default_factory=list)
    record: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reported:
    """The state of a source that was reported last."""

    rank: int = _FINE
    #: Since when.
    since: datetime | None = None
    silent: bool = False

    @classmethod
    def load(cls, text: str | None) -> Reported:
        """Read what `dump` wrote; anything else counts as no record."""
        words = (text or "").split(" ")
        if len(words) < 2 or words[0] not in _RANKS:
            return cls()
        return cls(int(words[0]), _moment(words[1]), words[2:] == ["silent"])

    def dump(self) -> str:
        return f"{self.rank} {self.since.isoformat() if self.since else ''}{' silent' if self.silent else ''}"


def record_name(source_id: str) -> str:
    """Return the name of the fingerprint that records what was reported of a source."""
    return f"told/source/{source_id}"


def is_silent(rhythm: Activity | None, entries: int, now: datetime) -> bool:
    """Return whether a source has published nothing for much longer than usual."""
    if rhythm is None:
        return entries > 0
    since = silent_since(rhythm)
    return since is not None and now > since


def silent_since(rhythm: Activity) -> datetime | None:
    """Return when a source without further entries counts as silent; None if too little is known.

    That is when the time since its last entry is far longer than the mean time between its entries.
    """
    if rhythm.entries < 4:
        return None
    gap = (rhythm.last_at - rhythm.first_at) / (rhythm.entries - 1)
    return rhythm.last_at + max(4 * gap, timedelta(days=3))


def wants_rhythms(records: Mapping[str, str], now: datetime) -> bool:
    """Return whether it is time to search for sources that have fallen silent."""
    last = _moment(records.get(SILENCE))
    return last is None or not last <= now < last + SILENCE_INTERVAL


def gather(config: Config, records: Mapping[str, str], facts: Facts) -> Bulletin:
    """Return what is news after the reports that `records`, the store's fingerprints, tell of."""
    bulletin = Bulletin()
    before = {source.id: Reported.load(records.get(record_name(source.id))) for source in config.sources}
    after = dict(before)
    for result in facts.results:
        name = result.source.id
        if name in after:
            news, after[name] = _source_news(config, after[name], result, facts.now)
            if news is not None:
                bulletin.news.append(news)
    if facts.rhythms:
        _silence_news(bulletin, after, records, facts.rhythms, facts.now)
    bulletin.record.update({record_name(id): now.dump() for id, now in after.items() if now != before[id]})
    _network_news(bulletin, records, facts.results)
    _output_news(bulletin, records, facts.troubles)
    if records.get(CONFIG):
        bulletin.news.append(News(f"{config.path} is right again", worse=False))
        bulletin.record[CONFIG] = ""
    # News that concern everything come first, then the sources in the order of the configuration.
    places = {source.id: place for place, source in enumerate(config.sources)}
    bulletin.news.sort(key=lambda one: (not one.worse, places.get(one.source_id or "", -1)))
    return bulletin


def config_record(records: Mapping[str, str], error: str) -> dict[str, str]:
    """Return the record of a configuration that is wrong; nothing if the same error was reported already."""
    mark = _mark(error)
    return {} if records.get(CONFIG) == mark else {CONFIG: mark}


def summary(news: Sequence[News], failing: int, sources: int) -> str:
    """Return the last line of the news: how many there are, and how many sources fail."""
    worse = sum(one.worse for one in news)
    better = len(news) - worse
    parts = [*([f"{worse} worse"] if worse else []), *([f"{better} better"] if better else [])]
    how = f"{failing} of {counted(sources, 'source')} {'fails' if failing == 1 else 'fail'} now"
    return f"{', '.join(parts)}; {how if failing else 'no source fails now'}"


def _source_news(
    config: Config, reported: Reported, result: SourceResult, now: datetime
) -> tuple[News | None, Reported]:
    """Return what is news about a source that was updated, and what is reported of it then."""
    state = result.state
    if result.unreached:
        return None, reported
    if not state.failures:
        return _recovery_news(result, reported, now)
    rank = _rank(state)
    relapsed = reported.rank == _FINE and reported.since is not None and now < reported.since + RELAPSE
    if rank <= reported.rank or (relapsed and rank < _GONE and state.failures < config.hooks.after):
        return None, reported
    error = redact(state.error or "", config.secrets)
    again = "" if reported.rank == _FINE else " in another way"
    text = f"{state.source_id} fails{again}: {state.failure_kind}: {error}{_next_try(state, now)}"
    if rank == _GONE:
        text = f"{state.source_id} is gone and no longer fetched: {error}; `aggregator fix --gone` removes it"
    since = reported.since if reported.rank and reported.since else now
    news = News(text, True, state.source_id, state.failure_kind, error)
    return news, Reported(rank, since, reported.silent)


def _recovery_news(result: SourceResult, reported: Reported, now: datetime) -> tuple[News | None, Reported]:
    name = result.source.id
    if reported.rank == _FINE:
        if not (reported.silent and (result.new or result.dropped or result.held)):
            return None, reported
        return News(f"{name} publishes again", False, name), Reported(_FINE, reported.since)
    lasted = span(max(0, int((now - reported.since).total_seconds()))) if reported.since else "some time"
    return News(f"{name} works again, after {lasted}", False, name), Reported(_FINE, now, reported.silent)


def _rank(state: FeedState) -> int:
    if Gone.of(state).confirmed:
        return _GONE
    if state.failure_kind in _PASSING:
        return _LIGHT
    return _STATUS if state.failure_kind == "http_status" else _LASTING


def _next_try(state: FeedState, now: datetime) -> str:
    if state.next_due_at is None or state.next_due_at <= now:
        return ""
    return f"; next try in {span(int((state.next_due_at - now).total_seconds()))}"


def _silence_news(
    bulletin: Bulletin,
    reported: dict[str, Reported],
    records: Mapping[str, str],
    rhythms: Mapping[str, Activity],
    now: datetime,
) -> None:
    """Find the sources that have fallen silent since the last search; the first search only records its time."""
    bulletin.record[SILENCE] = now.isoformat()
    last = _moment(records.get(SILENCE))
    for name, rhythm in rhythms.items():
        since = silent_since(rhythm)
        known = reported.get(name)
        if last is None or since is None or known is None or known.silent or not last <= since < now:
            continue
        quiet = span(int((now - rhythm.last_at).total_seconds()))
        bulletin.news.append(News(f"{name} has fallen silent: nothing new for {quiet}", True, name))
        reported[name] = Reported(known.rank, known.since, silent=True)


def _network_news(bulletin: Bulletin, records: Mapping[str, str], results: Sequence[SourceResult]) -> None:
    unreached = sum(result.unreached for result in results)
    known = records.get(NETWORK) == "down"
    if unreached and not known:
        text = f"the network here seems to be down: {counted(unreached, 'source')} not reached"
        bulletin.news.append(News(text, worse=True))
        bulletin.record[NETWORK] = "down"
    elif known and results and not unreached:
        bulletin.news.append(News("the network here works again", worse=False))
        bulletin.record[NETWORK] = ""


def _output_news(bulletin: Bulletin, records: Mapping[str, str], troubles: Sequence[str]) -> None:
    """Report what else failed: files that cannot be written, a database that is full."""
    before = records.get(OUTPUT) or ""
    marks = {_mark(text): text for text in troubles}
    now = "many" if len(marks) > MAX_TROUBLES else " ".join(sorted(marks))
    if now == before:
        return
    known = set(before.split())
    if known != {"many"}:
        bulletin.news.extend(News(text, worse=True) for mark, text in marks.items() if mark not in known)
    if not marks:
        bulletin.news.append(News("all files can be written again", worse=False))
    bulletin.record[OUTPUT] = now


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def failing(states: Iterable[FeedState]) -> int:
    """Return how many sources fail now."""
    return sum(state.failures > 0 and not state.outages for state in states)


def news_logger(config: Config, store: Store) -> Callable[[Sequence[News]], None]:
    """Return a function that logs the news of a cycle and a summary; call it where the store may be used."""

    def log_news(news: Sequence[News]) -> None:
        last = summary(news, failing(store.states().values()), len(config.sources))
        for one in news[:MAX_NEWS]:
            log_event(
                one.text,
                action="news",
                level=logging.WARNING if one.worse else logging.INFO,
                source=one.source_id,
                status="worse" if one.worse else "better",
                kind=one.kind,
                error=one.error,
            )
        if len(news) > MAX_NEWS:
            last = f"and {len(news) - MAX_NEWS} more; {last}"
        log_event(last, action="news")

    return log_news
