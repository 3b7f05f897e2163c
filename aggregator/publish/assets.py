"""Files of the package that are published as they are: the stylesheet of feeds that are opened in a browser.

Out: `Rendered`, named relative to `public/`. No category has a name that begins with `_`.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from aggregator.models import Rendered
from aggregator.publish.feeds import STYLESHEET


@lru_cache(maxsize=1)
def stylesheet() -> Rendered:
    """Return the stylesheet that RSS and Atom feeds name."""
    return Rendered(STYLESHEET, "text/css", (files("aggregator.publish") / "feed.css").read_bytes())
