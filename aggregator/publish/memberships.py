"""Memberships of outputs, made again for all stored entries when the definition of an output changes.

In: the store and the configuration. Out: memberships as if the entries had been stored under the definitions in force.
The entries are read once for all outputs that changed. The memberships of one output are stored in one transaction with
its definition, so that a crash leaves old or new ones, and the next call goes on.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO

from aggregator.config import Config
from aggregator.judging import KeptSteps, Progress, place_stored, stored_rulings
from aggregator.models import Placement
from aggregator.store import Store
from aggregator.store.rulingprotocol import DEFINITIONS

#: Outputs whose memberships are made in one pass: each has an open file.
_MOST = 50


def place_again(store: Store, config: Config, *, progress: Progress = lambda done, total: None) -> list[str]:
    """Make the memberships of outputs again whose definitions have changed, and forget those of ended outputs.

    Args:
        progress: called with the number of entries read so far, and of all.

    Returns:
        The slugs of the outputs whose memberships were made again.

    Raises:
        StoreError: the store failed.
    """
    recorded = store.fingerprints()
    for slug in [name.removeprefix(DEFINITIONS) for name in recorded if name.startswith(DEFINITIONS)]:
        if slug not in config.outputs:
            store.drop_output(slug)
    changed = [
        slug for slug, output in config.outputs.items() if recorded.get(f"{DEFINITIONS}{slug}") != output.definition
    ]
    for start in range(0, len(changed), _MOST):
        _place(store, config, changed[start : start + _MOST], progress)
    return changed


def _place(store: Store, config: Config, slugs: Sequence[str], progress: Progress) -> None:
    """Make the memberships of some outputs again."""
    steps = KeptSteps(store)
    with ExitStack() as stack:
        # They may be more than fits into memory.
        files = {slug: stack.enter_context(TemporaryFile(prefix="aggregator-")) for slug in slugs}
        for one in stored_rulings(store, progress=progress):
            for slug, file in files.items():
                if (placement := place_stored(config, one, slug, steps)) is not None:
                    pickle.dump((one.stored.pk, placement), file, pickle.HIGHEST_PROTOCOL)
        for slug, file in files.items():
            store.replace_memberships(slug, _kept(file), config.outputs[slug].definition)


def _kept(file: IO[bytes]) -> Iterator[tuple[int, Placement]]:
    """Yield what was written to a file."""
    end = file.tell()
    file.seek(0)
    while file.tell() < end:
        # It was written by this process.
        yield pickle.load(file)  # noqa: S301
