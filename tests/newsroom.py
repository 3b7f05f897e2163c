"""A site with a list of articles and their pages, read on a clock of its own: what the tests of articles share."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aggregator.models import Entry
from aggregator.pipeline.run import SourceResult
from aggregator.store import Store
from tests.origin import Origin
from tests.support import Site
from tests.worlds import World

#: Longer than the interval of a source.
LATER = timedelta(hours=2)
DAY = timedelta(days=1)


@dataclass
class Newsroom:
    """A list at `/news` and articles behind it, each an ordinary page; `extra` stands beside the link of an item."""

    origin: Origin
    world: World
    #: Titles and what stands beside them, by the path of the article.
    items: dict[str, tuple[str, str]] = field(default_factory=dict)

    def lists(self, items: Mapping[str, str], extra: str = "") -> None:
        """Put these articles on the list, by path and title."""
        self.items = {path: (title, extra) for path, title in items.items()}
        rows = "".join(
            f'<div class="card"><h2><a href="{path}">{title}</a></h2>{beside}</div>'
            for path, (title, beside) in self.items.items()
        )
        body = f"<html><head><title>The news</title></head><body>{rows}</body></html>"
        self.origin.route("/news", body, content_type="text/html", conditional=True)

    def article(self, path: str, text: str = "", *, conditional: bool = True, **meta: str) -> None:
        """Serve an article; `meta` are properties such as `published`."""
        body = text or f"<p>Text of {path}</p>"
        head = "".join(f'<meta property="article:{name}" content="{value}">' for name, value in meta.items())
        page = f'<html><head>{head}</head><body><nav>Menu</nav><div id="text">{body}</div></body></html>'
        self.origin.route(path, page, content_type="text/html", conditional=conditional)

    async def cycle(self, after: timedelta = LATER) -> SourceResult:
        """One cycle of the source, some time after the one before."""
        self.world.now += after
        (result,) = await self.world.cycle()
        return result

    def asked(self, path: str) -> list[int]:
        """The statuses of the answers for a path so far."""
        return [seen.status for seen in self.origin.asked(path)]

    def entries(self) -> dict[str, Entry]:
        """What is stored, by the path of the article."""
        found = [one.entry for one in self.world.store.entries_after(0, 1000)]
        return {(entry.url or "").removeprefix(self.origin.url): entry for entry in found}


class ThreadWorker:
    """Stands for `Worker`: it runs what it is given in a thread, without limits, and as picklable as there."""

    def __init__(self, **limits: object) -> None:
        self.calls = 0

    async def run(self, function: Callable[..., Any], *arguments: Any, seconds: float | None = None) -> Any:
        function, arguments = _through_a_pipe((function, arguments))
        return _through_a_pipe(await asyncio.to_thread(function, *arguments)), 0.0

    async def close(self) -> None:
        """There is nothing to close."""


def _through_a_pipe(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - it was made on the same line


def open_newsroom(site: Site, store: Store, origin: Origin, article: Any = None, **scrape: Any) -> Newsroom:
    """Return a newsroom whose list is configured as a source."""
    settings = {"url": f"{origin.url}/news", "items": ".card", "article": article or {"body": "#text"}, **scrape}
    return Newsroom(origin, World(site, store, {"one": {"scrape": settings}}))
