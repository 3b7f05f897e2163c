"""The functions of the database against a model, on a clock of the test: several workers, one domain, any order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, LiteralString

import psycopg
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from hypothesis.strategies import floats, integers, sampled_from

from aggregator.cluster.leases import _DELAY_KNOWN, _LEAVE_ALONE, _SLOW_DOWN

#: `clock_timestamp()` means this one where its schema comes first.
_CLOCK: LiteralString = """
CREATE SCHEMA fake;
CREATE TABLE fake.clock (seconds double precision NOT NULL);
INSERT INTO fake.clock VALUES (0);
CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT to_timestamp(1800000000 + seconds) FROM fake.clock';
"""
_START = 1_800_000_000
_LATENESS = 0.25
#: All steps are multiples of it, which floating point can add exactly.
_STEP = 0.125

_tokens = count(1)
_domains = count(1)


@dataclass
class Domain:
    """What the database should know of a domain."""

    held: dict[int, float] = field(default_factory=dict)
    line: list[int] = field(default_factory=list)
    line_until: dict[int, float] = field(default_factory=dict)
    began: float = -1e9
    opens: float = -1e9
    delay: float = 0.0
    delay_until: float = -1e9
    waits: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="module")
def connections(shared_database: str) -> Iterator[list[psycopg.Connection[Any]]]:
    """Three workers."""
    options = "-c search_path=fake,public,pg_catalog"
    with psycopg.connect(shared_database, autocommit=True) as connection:
        connection.execute(_CLOCK)
    opened = [psycopg.connect(shared_database, autocommit=True, options=options) for _ in range(3)]
    yield opened
    for connection in opened:
        connection.execute("DROP SCHEMA IF EXISTS fake CASCADE")
        connection.close()


class Workers(RuleBasedStateMachine):
    """What workers do with one domain; each answer must be that of the model, and keep the promises."""

    connections: list[psycopg.Connection[Any]]

    @initialize(slots=integers(1, 3), spacing=sampled_from([0.0, 0.0, 1.0, 5.0]))
    def begin(self, slots: int, spacing: float) -> None:
        self.model, self.name = Domain(), f"model{next(_domains)}.example"
        self.slots, self.spacing, self.now = slots, spacing, 0.0
        self.waiting: dict[int, tuple[str, int]] = {}
        self._set_clock()

    @rule(by=integers(0, 2), host=sampled_from("ab"), seconds=sampled_from([5.0, 40.0]))
    def come(self, by: int, host: str, seconds: float) -> None:
        self._ask(by, next(_tokens), host, seconds, 0)

    @precondition(lambda self: self.waiting)
    @rule(by=integers(0, 2), which=integers(0, 20), seconds=sampled_from([5.0, 40.0]))
    def come_back(self, by: int, which: int, seconds: float) -> None:
        token = list(self.waiting)[which % len(self.waiting)]
        host, tries = self.waiting[token]
        self._ask(by, token, host, seconds, tries + 1)

    @precondition(lambda self: self.model.held)
    @rule(by=integers(0, 2), which=integers(0, 20))
    def repeat_a_question(self, by: int, which: int) -> None:
        """Its answer was lost."""
        token = list(self.model.held)[which % len(self.model.held)]
        before = self._row()
        assert self._take(by, token, "a", 5.0, 0)[0] == "t"
        assert self._row() == before

    @precondition(lambda self: self.model.held)
    @rule(by=integers(0, 2), which=integers(0, 20))
    def give_back(self, by: int, which: int) -> None:
        token = list(self.model.held)[which % len(self.model.held)]
        self._call(by, "SELECT cluster_give_back(%s, %s::bigint)", self.name, token)
        del self.model.held[token]

    @precondition(lambda self: self.waiting)
    @rule(by=integers(0, 2), which=integers(0, 20))
    def leave_the_line(self, by: int, which: int) -> None:
        token = list(self.waiting)[which % len(self.waiting)]
        self._call(by, "SELECT cluster_give_back(%s, %s::bigint)", self.name, token)
        self._gone(token)

    @rule(steps=integers(0, 100))
    def time_goes_on(self, steps: int) -> None:
        self.now += steps * _STEP
        self._set_clock()

    @rule(by=integers(0, 2), host=sampled_from("ab"), seconds=integers(1, 20))
    def a_host_wants_to_be_left_alone(self, by: int, host: str, seconds: int) -> None:
        self._call(by, _LEAVE_ALONE, f"{host}.{self.name}", float(seconds))
        until = int(-(-self.now // 1)) + seconds if self.now % 1 else int(self.now) + seconds
        self.model.waits[host] = max(until, self.model.waits.get(host, 0))

    @rule(by=integers(0, 2), delay=floats(0.5, 4.0).map(lambda value: value // _STEP * _STEP))
    def a_crawl_delay_is_read(self, by: int, delay: float) -> None:
        self._call(by, _SLOW_DOWN, self.name, delay, _DELAY_KNOWN)
        if delay >= self.model.delay or self.model.delay_until <= self.now:
            self.model.delay, self.model.delay_until = delay, self.now + _DELAY_KNOWN.total_seconds()

    def _ask(self, by: int, token: int, host: str, seconds: float, tries: int) -> None:
        model, now = self.model, self.now
        outcome, told, ahead = self._take(by, token, host, seconds, tries)
        model.held = {one: until for one, until in model.held.items() if until > now}
        model.line = [one for one in model.line if one == token or model.line_until[one] > now]
        spacing = max(self.spacing, model.delay if model.delay_until > now else 0.0)
        opens = max(model.opens, model.began + spacing)
        before = model.line.index(token) if token in model.line else len(model.line)
        free = self.slots - len(model.held)
        if model.waits.get(host, 0) > now:
            assert (outcome, told) == ("l", _START + model.waits[host])
            self._gone(token)
        elif opens <= now and before < free and (before == 0 or spacing == 0):
            assert (outcome, told, ahead) == ("t", _LATENESS if spacing else seconds, before)
            # The promises, without the line.
            assert len(model.held) < self.slots
            assert now - model.began >= spacing
            self._gone(token)
            model.held[token] = now + seconds
            model.began, model.opens = now, now + (spacing + _LATENESS if spacing else 0)
        else:
            assert (outcome, ahead) == ("w", before)
            if before < free:
                assert told == pytest.approx(max(0.01, opens - now + before * spacing))
            else:
                assert 0.03 <= told <= 3.0
            if token not in model.line:
                model.line.append(token)
            model.line_until[token] = now + told * 1.25 + 2
            self.waiting[token] = host, tries

    def _gone(self, token: int) -> None:
        self.waiting.pop(token, None)
        if token in self.model.line:
            self.model.line.remove(token)

    def _take(self, by: int, token: int, host: str, seconds: float, tries: int) -> Any:
        asked = self.name, f"{host}.{self.name}", self.slots, self.spacing, seconds, _LATENESS, token, tries
        return self._call(by, "SELECT * FROM cluster_take(%s, %s, %s, %s, %s, %s, %s, %s)", *asked)

    def _row(self) -> Any:
        return self._call(0, "SELECT d::text FROM cluster_domains d WHERE domain = %s", self.name)

    def _set_clock(self) -> None:
        self._call(0, "UPDATE fake.clock SET seconds = %s", self.now)

    def _call(self, by: int, statement: LiteralString, *values: object) -> Any:
        cursor = self.connections[by].execute(statement, values)
        return cursor.fetchone() if cursor.description else None


def test_the_database_does_what_the_model_does(connections: list[psycopg.Connection[Any]]) -> None:
    Workers.connections = connections
    run_state_machine_as_test(Workers, settings=settings(max_examples=30, stateful_step_count=40, deadline=None))


def test_the_clock_of_the_model_is_that_of_the_functions(connections: list[psycopg.Connection[Any]]) -> None:
    row = connections[0].execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    assert row[0].astimezone(UTC) < datetime(2028, 1, 1, tzinfo=UTC)
