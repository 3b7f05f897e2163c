"""How much the tests try: enough for every change as a rule, all that there is with `AGGREGATOR_TESTS=thorough`.

Random tests whose examples take long try fewer of them, and tests over all of the feeds beside the checkout take a
sample of them. Over the weeks the usual runs try as much, because random examples are others each time.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from hypothesis import settings

THOROUGH = os.environ.get("AGGREGATOR_TESTS") == "thorough"

T = TypeVar("T")


def examples(usual: int, *, thorough: int = 100, **others: Any) -> settings:
    """Settings of a random test whose examples take long; a cheap one keeps the numbers of Hypothesis.

    Args:
        usual: how many examples it tries as a rule.
        thorough: how many in thorough tests.
        others: further settings.
    """
    # A worker that reads a function of a test imports its module, and with it this one.
    from hypothesis import settings

    return settings(max_examples=thorough if THOROUGH else usual, **others)


def sample(files: Sequence[Path], odd: Collection[str] = (), *, every: int = 8) -> list[Path]:
    """Return one file of so many, and those with an odd name; all of them in thorough tests."""
    return [one for number, one in enumerate(files) if THOROUGH or number % every == 0 or one.name in odd]


def chosen(usual: Sequence[T], thorough: Sequence[T]) -> Sequence[T]:
    """The one or the other."""
    return thorough if THOROUGH else usual
