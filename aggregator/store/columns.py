"""The types of columns: times, texts and numbers, also such as may be damaged without harm to other rows.

SQLite stores any value in any column, and the driver refuses a whole result where one text in it is not UTF-8. A
`Lenient` column is read so that a damaged value is only that.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import BigInteger, Boolean, ColumnElement, Date, Dialect, type_coerce
from sqlalchemy.types import TypeDecorator, TypeEngine

from aggregator.store.dialects import as_stored, decoded, whole_number

#: Texts are compared by their bytes, as in SQLite, whatever the language of a PostgreSQL database is.
Text = sqlalchemy.Text().with_variant(sqlalchemy.Text(collation="C"), "postgresql")
#: Whole numbers have 64 bits, as in SQLite.
Integer = sqlalchemy.Integer().with_variant(BigInteger(), "postgresql")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Timestamp(TypeDecorator[datetime]):
    """An aware datetime as whole Unix seconds: it sorts as a number and has no time zone."""

    impl = BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        """Return what converts aware datetimes to seconds; see `to_seconds`."""
        return to_seconds

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], datetime | None]:
        """Turn seconds into datetimes in UTC."""
        return to_datetime


class StateTime(Timestamp):
    """A `Timestamp` in the state of a source: a damaged value is read as None, and other sources are not affected.

    The next request overwrites all of these values.
    """

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], datetime | None]:
        """Return what converts seconds to datetimes in UTC, and anything else to None."""
        return _to_datetime_or_none


class StateDay(TypeDecorator[date]):
    """A day in the state of a source; a damaged value is read as None."""

    impl = Date
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | date | None], date | None]:
        """Return what reads a day in ISO 8601, and anything else as None; PostgreSQL gives a day as one."""
        return _to_day_or_none


class Lines(TypeDecorator[tuple[str, ...]]):
    """Texts of one line each; NULL if there are none."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[tuple[str, ...] | None], str | None]:
        """Return what joins the lines; a line break inside of a text becomes a space."""
        return lambda lines: "\n".join([" ".join(line.splitlines()) for line in lines]) if lines else None

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Read bytes."""
        return _bytes(column, self)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[bytes | str | None], tuple[str, ...]]:
        """Return what splits the lines; of a damaged text, what is left of it."""
        return lambda text: tuple(decoded(text).split("\n")) if text else ()


def to_seconds(moment: datetime | None) -> int | None:
    """Convert an aware datetime to whole Unix seconds; fractions are cut off.

    Raises:
        ValueError: the datetime is naive.
    """
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    # Without a fraction the float is exact in every year; dividing an interval would be slower.
    return int((moment.replace(microsecond=0) if moment.microsecond else moment).timestamp())


def to_datetime(seconds: int | None) -> datetime | None:
    """Convert seconds to a datetime in UTC, years 1 to 9999 (`datetime.fromtimestamp` supports fewer on Windows).

    Raises:
        ValueError: the column holds no number, which SQLite allows.
        OverflowError: there is no such year.
    """
    try:
        return None if seconds is None else _EPOCH + timedelta(0, seconds)
    except TypeError:
        raise ValueError(f"{seconds!r:.40} is no time") from None


def _to_datetime_or_none(seconds: int | None) -> datetime | None:
    try:
        return to_datetime(seconds)
    except (ValueError, OverflowError):
        return None


def _to_day_or_none(stored: str | date | None) -> date | None:
    try:
        return stored if stored is None or isinstance(stored, date) else date.fromisoformat(stored)
    except (ValueError, TypeError):
        return None


def _bytes(column: ColumnElement[Any], kind: TypeEngine[Any]) -> ColumnElement[Any]:
    return type_coerce(as_stored(column), kind)


def _number(column: ColumnElement[Any], kind: TypeEngine[Any]) -> ColumnElement[Any]:
    return type_coerce(whole_number(column), kind)


class LenientText(TypeDecorator[str]):
    """A text; a damaged one is read as what is left of it."""

    impl = Text
    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Read bytes."""
        return _bytes(column, self)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[bytes | str | None], str | None] | None:
        """Return what decodes a text."""
        if dialect.name == "postgresql":
            return None
        return lambda value: None if value is None else decoded(value)


class LenientNumber(TypeDecorator[int]):
    """A whole number; anything else is read as None."""

    impl = Integer
    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Read numbers only."""
        return _number(column, self)


class LenientFlag(TypeDecorator[bool]):
    """A truth value; anything but a whole number is read as false."""

    impl = Boolean
    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Read numbers only."""
        return _number(column, self)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], bool]:
        """Return what makes a truth value of a number."""
        return bool


class LenientTime(StateTime):
    """A `Timestamp`; anything but such a time is read as None."""

    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Read numbers only."""
        return _number(column, self)
