"""What has got worse or better since people were told last: for runs that say nothing else.

In: what a cycle gave and what was told before. Out: the news, and what is told now. Each trouble is told once, when it
begins, and once more when it gets worse or has passed; a source that breaks and heals by turns is told of at most once
a day, unless it stays broken. What was told is recorded in the store under names that begin with ``told/``, beside that
of the hooks. Pure, but for `teller`, which logs.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aggregator.config import Config, redact
from aggregator.log import tell
from aggregator.models import FailureKind, FeedState
from aggregator.schedule import Gone
from aggregator.schedule.plan import span
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aggregator.pipeline.run import SourceResult
    from aggregator.store import Activity, Store

#: A source that works again, and fails once more within this time, is told of when it has failed several times.
RELAPSE = timedelta(days=1)
#: How often it is looked whether a source has fallen silent.
SILENCE_LOOK = timedelta(days=1)
#: News that are told one by one.
MOST_NEWS = 50
#: Files and other troubles that are told apart; of more, the number alone is known.
MOST_OUTPUT = 500

NETWORK, OUTPUT, SILENCE, CONFIG = "told/network", "told/output", "told/silence", "told/config"

#: How bad a failure is. What is not named is for somebody to repair.
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
    """What a cycle gave, as far as it can be news."""

    now: datetime
    results: Sequence[SourceResult] = ()
    #: What was not published, and what else went wrong, in words.
    troubles: Sequence[str] = ()
    #: How often each source published of late, by id; empty where it is not looked at now.
    rhythms: Mapping[str, Activity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bulletin:
    """The news, worse ones first, and what is to be recorded once they are told."""

    news: list[News] = field(default_factory=list)
    record: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Told:
    """What people know of a source."""

    rank: int = _FINE
    #: Since when.
    since: datetime | None = None
    silent: bool = False

    @classmethod
    def load(cls, text: str | None) -> _Told:
        """Read what `dump` wrote; anything else is like nothing."""
        words = (text or "").split(" ")
        if len(words) < 2 or words[0] not in _RANKS:
            return cls()
        return cls(int(words[0]), _moment(words[1]), words[2:] == ["silent"])

    def dump(self) -> str:
        return f"{self.rank} {self.since.isoformat() if self.since else ''}{' silent' if self.silent else ''}"


def name_of(source_id: str) -> str:
    """The name under which it is recorded what people know of a source."""
    return f"told/source/{source_id}"


def is_silent(rhythm: Activity | None, entries: int, now: datetime) -> bool:
    """Whether a source has published nothing for much longer than it used to."""
    if rhythm is None:
        return entries > 0
    since = silent_since(rhythm)
    return since is not None and now > since


def silent_since(rhythm: Activity) -> datetime | None:
    """When the time since the last entry is far beyond the mean time between entries; None where nothing is known."""
    if rhythm.entries < 4:
        return None
    gap = (rhythm.last_at - rhythm.first_at) / (rhythm.entries - 1)
    return rhythm.last_at + max(4 * gap, timedelta(days=3))


def wants_rhythms(told: Mapping[str, str], now: datetime) -> bool:
    """Whether it is time to look for sources that have fallen silent."""
    last = _moment(told.get(SILENCE))
    return last is None or not last <= now < last + SILENCE_LOOK


def gather(config: Config, told: Mapping[str, str], facts: Facts) -> Bulletin:
    """Return what is news to people who were told `told`, the store's fingerprints."""
    bulletin = Bulletin()
    known = {source.id: _Told.load(told.get(name_of(source.id))) for source in config.sources}
    states = dict(known)
    for result in facts.results:
        if result.source.id in states:
            one = _of_source(config, states[result.source.id], result, facts.now)
            states[result.source.id] = _heard(bulletin, one)
    if facts.rhythms:
        _look_for_silence(bulletin, states, told, facts.rhythms, facts.now)
    bulletin.record.update({name_of(id): now.dump() for id, now in states.items() if now != known[id]})
    _of_network(bulletin, told, facts.results)
    _of_output(bulletin, told, facts.troubles)
    if told.get(CONFIG):
        bulletin.news.append(News(f"{config.path} is right again", worse=False))
        bulletin.record[CONFIG] = ""
    # What concerns all comes first, then the sources as they are configured.
    places = {source.id: place for place, source in enumerate(config.sources)}
    bulletin.news.sort(key=lambda one: (not one.worse, places.get(one.source_id or "", -1)))
    return bulletin


def gather_config(told: Mapping[str, str], error: str) -> dict[str, str]:
    """What is to be recorded of a configuration that is wrong; nothing where this was told already."""
    mark = _mark(error)
    return {} if told.get(CONFIG) == mark else {CONFIG: mark}


def summary(news: Sequence[News], failing: int, sources: int) -> str:
    """The last line of what is told: how much it was, and how things are."""
    worse = sum(one.worse for one in news)
    better = len(news) - worse
    parts = [*([f"{worse} worse"] if worse else []), *([f"{better} better"] if better else [])]
    how = f"{failing} of {counted(sources, 'source')} {'fails' if failing == 1 else 'fail'} now"
    return f"{', '.join(parts)}; {how if failing else 'no source fails now'}"


def _heard(bulletin: Bulletin, one: tuple[News | None, _Told]) -> _Told:
    news, after = one
    if news is not None:
        bulletin.news.append(news)
    return after


def _of_source(config: Config, told: _Told, result: SourceResult, now: datetime) -> tuple[News | None, _Told]:
    """What is news of a source that was looked at, and what people know of it then."""
    state = result.state
    if result.unreached:
        return None, told
    if not state.failures:
        return _of_good(result, told, now)
    rank = _rank(state)
    relapsed = told.rank == _FINE and told.since is not None and now < told.since + RELAPSE
    if rank <= told.rank or (relapsed and rank < _GONE and state.failures < config.hooks.after):
        return None, told
    error = redact(state.error or "", config.secrets)
    again = "" if told.rank == _FINE else " in another way"
    text = f"{state.source_id} fails{again}: {state.failure_kind}: {error}{_next_try(state, now)}"
    if rank == _GONE:
        text = f"{state.source_id} is gone, and not asked any more: {error}; `aggregator fix --gone` takes it out"
    since = told.since if told.rank and told.since else now
    news = News(text, True, state.source_id, state.failure_kind, error)
    return news, _Told(rank, since, told.silent)


def _of_good(result: SourceResult, told: _Told, now: datetime) -> tuple[News | None, _Told]:
    name = result.source.id
    if told.rank == _FINE:
        if not (told.silent and result.new):
            return None, told
        return News(f"{name} publishes again", False, name), _Told(_FINE, told.since)
    lasted = span(max(0, int((now - told.since).total_seconds()))) if told.since else "some time"
    return News(f"{name} works again, after {lasted}", False, name), _Told(_FINE, now, told.silent)


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


def _look_for_silence(
    bulletin: Bulletin,
    states: dict[str, _Told],
    told: Mapping[str, str],
    rhythms: Mapping[str, Activity],
    now: datetime,
) -> None:
    """Find the sources that have fallen silent since the last look; the first one only says since when to look."""
    bulletin.record[SILENCE] = now.isoformat()
    last = _moment(told.get(SILENCE))
    for name, rhythm in rhythms.items():
        since = silent_since(rhythm)
        known = states.get(name)
        if last is None or since is None or known is None or known.silent or not last <= since < now:
            continue
        quiet = span(int((now - rhythm.last_at).total_seconds()))
        bulletin.news.append(News(f"{name} has fallen silent: nothing new for {quiet}", True, name))
        states[name] = _Told(known.rank, known.since, silent=True)


def _of_network(bulletin: Bulletin, told: Mapping[str, str], results: Sequence[SourceResult]) -> None:
    unreached = sum(result.unreached for result in results)
    known = told.get(NETWORK) == "down"
    if unreached and not known:
        text = f"the network here seems to be down: {counted(unreached, 'source')} not reached"
        bulletin.news.append(News(text, worse=True))
        bulletin.record[NETWORK] = "down"
    elif known and results and not unreached:
        bulletin.news.append(News("the network here works again", worse=False))
        bulletin.record[NETWORK] = ""


def _of_output(bulletin: Bulletin, told: Mapping[str, str], troubles: Sequence[str]) -> None:
    """What a run did not do, besides sources that fail: files that cannot be written, a full database."""
    before = told.get(OUTPUT) or ""
    marks = {_mark(text): text for text in troubles}
    now = "many" if len(marks) > MOST_OUTPUT else " ".join(sorted(marks))
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
    """How many sources fail now."""
    return sum(state.failures > 0 and not state.outages for state in states)


def _tell(news: Sequence[News], last: str) -> None:
    """Log what got worse or better; of very much only the first part, and then a last line."""
    for one in news[:MOST_NEWS]:
        tell(
            one.text,
            action="news",
            level=logging.WARNING if one.worse else logging.INFO,
            source=one.source_id,
            status="worse" if one.worse else "better",
            kind=one.kind,
            error=one.error,
        )
    if len(news) > MOST_NEWS:
        last = f"and {len(news) - MOST_NEWS} more; {last}"
    tell(last, action="news")


def teller(config: Config, store: Store) -> Callable[[Sequence[News]], None]:
    """What logs the news of a cycle, and how things are then; it is called where the store may be used."""

    def told(news: Sequence[News]) -> None:
        _tell(news, summary(news, failing(store.states().values()), len(config.sources)))

    return told
