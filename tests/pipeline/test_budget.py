"""The share of one source in one cycle: what is left of it, and what becomes of a source that wants more."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from aggregator.models import Fetched, NotModified
from aggregator.pipeline.due import Budget, Share
from aggregator.sources import ShareUsedUp

MUCH = timedelta(hours=1)


async def test_bytes_are_counted_and_the_last_document_may_go_beyond() -> None:
    budget, begun = Budget(Share(bytes=10), MUCH), list[int]()

    async def fetch() -> Fetched | NotModified:
        begun.append(1)
        return Fetched("http://a.example/", "http://a.example/", 200, "text/html", bytes(6))

    for _ in range(2):
        await budget.fetch(fetch)
    with pytest.raises(ShareUsedUp, match="too large"):
        await budget.fetch(fetch)
    assert len(begun) == 2


async def test_what_was_not_modified_has_no_bytes() -> None:
    async def fetch() -> Fetched | NotModified:
        return NotModified("http://a.example/")

    budget = Budget(Share(bytes=1), MUCH)
    for _ in range(3):
        assert await budget.fetch(fetch) == NotModified("http://a.example/")


async def test_waiting_counts_and_is_ended() -> None:
    ended: list[bool] = []

    async def wait() -> Fetched | NotModified:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        raise AssertionError

    budget = Budget(Share(time=timedelta(0)), timedelta(seconds=0.05))
    with pytest.raises(ShareUsedUp, match="at once, waits for its host included"):
        await budget.fetch(wait)
    with pytest.raises(ShareUsedUp):
        await budget.compute(wait)
    assert ended == [True]


async def test_a_time_limit_of_the_work_itself_is_not_that_of_the_share() -> None:
    async def fail() -> Fetched | NotModified:
        raise LookupError

    with pytest.raises(LookupError):
        await Budget(Share(), MUCH).fetch(fail)


async def test_computing_is_paid() -> None:
    budget = Budget(Share(seconds=2), MUCH)
    budget.check()
    budget.pay(1.5)
    budget.check()
    budget.pay(1.5)
    with pytest.raises(ShareUsedUp, match="too long to read"):
        budget.check()
