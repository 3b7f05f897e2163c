"""What is prepared takes and gives the same as SQLAlchemy does on its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    create_engine,
    delete,
    insert,
    select,
    update,
)

from aggregator.store.columns import Timestamp, to_datetime, to_seconds
from aggregator.store.prepared import LENGTHS, Prepared, PreparedByLength

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("pk", Integer, primary_key=True),
    Column("key", Text),
    Column("good", Boolean),
    Column("day", Date),
    Column("moment", Timestamp),
)
VALUES = {"key": "k", "good": True, "day": date(2024, 2, 29), "moment": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)}
ROWS = [(1, *VALUES.values()), (2, "a\0b", False, date(1, 1, 1), datetime(1, 1, 1, tzinfo=UTC)), (3, *[None] * 4)]
ADD = Prepared(insert(things), "moment", "pk", "day", "good", "key")


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        metadata.create_all(opened)
        yield opened
    engine.dispose()


def fill(connection: Connection) -> None:
    """Add `ROWS`, by values in another order than that of the columns."""
    ADD.run_many(connection, ((moment, pk, day, good, key) for pk, key, good, day, moment in ROWS))


def found(connection: Connection) -> list[Any]:
    return [tuple(row) for row in connection.execute(select(things).order_by(things.c.pk))]


def test_values_are_turned_as_their_columns_say(connection: Connection) -> None:
    fill(connection)
    assert found(connection) == ROWS
    rows = Prepared(select(things).order_by(things.c.pk)).rows(connection)
    assert [tuple(row) for row in rows] == ROWS
    assert [[type(value) for value in row] for row in rows] == [[type(value) for value in row] for row in ROWS]


def test_parameters_are_turned_as_what_they_are_compared_with(connection: Connection) -> None:
    fill(connection)
    chosen = Prepared(
        select(things.c.pk).where(things.c.moment == bindparam("at"), things.c.day == bindparam("on")), "on", "at"
    )
    assert [row[0] for row in chosen.rows(connection, VALUES["day"], VALUES["moment"])] == [1]


def test_one_name_may_stand_in_several_places(connection: Connection) -> None:
    fill(connection)
    same = bindparam("same", type_=Integer)
    between = Prepared(select(things.c.pk).where(things.c.pk >= same, things.c.pk <= same), "same")
    assert [row[0] for row in between.rows(connection, 2)] == [2]


def test_changes_and_removals(connection: Connection) -> None:
    fill(connection)
    change = Prepared(update(things).where(things.c.pk == bindparam("of")), "of", "key", "moment")
    change.run(connection, 3, "new", EPOCH)
    Prepared(delete(things).where(things.c.key == bindparam("gone")), "gone").run(connection, "k")
    assert found(connection) == [ROWS[1], (3, "new", None, None, EPOCH)]


def test_naming_another_parameter_than_there_is_fails(connection: Connection) -> None:
    with pytest.raises(KeyError):
        Prepared(select(things).where(things.c.pk == bindparam("one")), "other").rows(connection, 1)


@pytest.mark.parametrize("count", sorted({0, 2, 1001, *LENGTHS, *(length + 1 for length in LENGTHS)}))
def test_lists_of_any_length(connection: Connection, count: int) -> None:
    keys = [f"k{number}" for number in range(count)]
    ADD.run_many(connection, [(None, pk, None, pk % 2 == 0, key) for pk, key in enumerate([*keys, "another"])])
    listed = PreparedByLength(
        lambda keys: select(things.c.key).where(things.c.good == bindparam("good"), things.c.key.in_(keys)), "good"
    )
    assert sorted(row[0] for row in listed.rows(connection, (True,), [*keys, *keys, "none"])) == sorted(keys[::2])


OFFSETS = st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds)))


@given(st.datetimes(timezones=OFFSETS) | st.datetimes(timezones=st.just(UTC)))
def test_a_moment_becomes_the_seconds_that_it_is_from_the_epoch(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    assert to_seconds(moment) == to_seconds(whole) == (moment - EPOCH) // timedelta(seconds=1)
    if moment.tzinfo is UTC:
        assert to_datetime(to_seconds(moment)) == whole


@pytest.mark.parametrize("moment", [datetime.min, datetime.max, datetime(1969, 12, 31, 23, 59, 59, 999_999)])
@pytest.mark.parametrize("hours", [-23, 0, 23])
def test_moments_at_the_ends(moment: datetime, hours: int) -> None:
    placed = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert to_seconds(placed) == (placed - EPOCH) // timedelta(seconds=1)
