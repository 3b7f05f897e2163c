"""Traffic of hosts, and until when they must not be asked."""

from __future__ import annotations

from datetime import timedelta

from aggregator.models import HostTraffic
from aggregator.store import Store
from tests.store_samples import NOW

ONE = HostTraffic("example.org", requests=3, documents=1, not_modified=2, received=100, decoded=400, held=1)
TWO = HostTraffic("example.com", requests=1)


def test_counts_of_a_day_add_up_and_days_do_too(store: Store) -> None:
    yesterday = NOW - timedelta(days=1)
    store.record_traffic(yesterday, [ONE], {})
    store.record_traffic(NOW, [ONE, TWO], {})
    store.record_traffic(NOW, [ONE], {})
    assert store.host_traffic(NOW.date()) == [TWO, ONE + ONE]
    assert store.host_traffic(yesterday.date()) == [TWO, ONE + ONE + ONE]


def test_old_days_are_dropped(store: Store) -> None:
    store.record_traffic(NOW - timedelta(days=91), [ONE], {})
    store.record_traffic(NOW - timedelta(days=90), [TWO], {})
    store.record_traffic(NOW, [], {})
    assert store.host_traffic((NOW - timedelta(days=365)).date()) == [TWO]


def test_waits_are_kept_until_they_are_over(store: Store) -> None:
    soon, late = NOW + timedelta(seconds=1), NOW + timedelta(days=2)
    store.record_traffic(NOW, [], {"a.example": soon, "b.example": soon})
    store.record_traffic(NOW, [], {"b.example": late})
    assert store.host_waits(NOW) == {"a.example": soon, "b.example": late}
    assert store.host_waits(soon) == {"b.example": late}
    assert store.host_waits(late) == {}
