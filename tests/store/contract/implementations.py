"""The implementations of the `Store` protocol, all of which the tests in this folder run on.

Another implementation is another function here and one line in `IMPLEMENTATIONS`. These tests know only the protocol;
what is special about one implementation, such as its files, locks and migrations, is tested outside of this folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from hypothesis import settings

from aggregator.store import Store, open_store
from tests.postgres import empty_database
from tests.thoroughness import THOROUGH

#: Opens the store: a new one the first time, and later the same one again, once it was closed.
Opener = Callable[[], Store]


@contextmanager
def _sqlite(folder: Path) -> Iterator[Opener]:
    yield lambda: open_store(folder / "aggregator.db")


@contextmanager
def _postgresql(_folder: Path) -> Iterator[Opener]:
    with empty_database() as uri:
        yield lambda: open_store(uri)


#: For each implementation, by its name, what makes room for a new store and removes it at the end. It may use a folder.
IMPLEMENTATIONS: dict[str, Callable[[Path], AbstractContextManager[Opener]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
}


def some(implementation: str, examples: int) -> settings:
    """Return the settings of a property that is tried with some examples, and with fewer where each takes long."""
    usual = examples if THOROUGH else max(10, examples // 5)
    return settings(max_examples=usual if implementation == "sqlite" else max(5, examples // 10))
