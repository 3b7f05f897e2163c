"""The clock is set back and forth: nothing starves, nothing is asked without end."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta

import pytest

from aggregator.config import load
from aggregator.pipeline.due import choose
from aggregator.pipeline.run import update_due
from aggregator.store import open_store
from tests.origin import Origin
from tests.store_samples import NOW
from tests.support import Site, item, rss

YEAR = timedelta(days=365)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("jump", [YEAR, -YEAR, 50 * YEAR, -30 * YEAR, timedelta(hours=2), -timedelta(hours=2)])
async def test_source_is_asked_soon_after_the_clock_was_set(jump: timedelta, site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)])), "interval": "1h"})
    config = load(site.config, {})
    with closing(open_store(site.data / "x.db")) as store:
        store.sync_sources(config.sources)

        async def cycle(now: datetime) -> int:
            chosen = choose(config, store, now)
            results = await update_due(config, store, chosen, clock=lambda: now)
            assert not any(result.failed for result in results)
            return len(results)

        assert await cycle(NOW) == 1
        assert await cycle(NOW + MINUTE) == 0
        assert await cycle(NOW + jump) == 1
        assert await cycle(NOW + jump + MINUTE) == 0
        # And set right again.
        assert await cycle(NOW + timedelta(hours=4)) == 1
        assert await cycle(NOW + timedelta(hours=4, minutes=1)) == 0
        assert store.entry_counts() == {"one": 1}
