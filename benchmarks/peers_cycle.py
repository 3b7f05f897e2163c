"""What whole cycles are held against: `reader`, `sfeed_update`, and any other command.

`reader` keeps its database between two tasks with the same folder; `sfeed_update` keeps its folder of feeds.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.tasks import Clock, Task

#: The fetch function of sfeed's README for feeds with an ETag, with the folder made absolute.
_FETCH_WITH_ETAGS = """
fetch() {
    etag="%s/$(basename "$3")"
    curl -L --max-redirs 0 -H "User-Agent:" -f -s -m 15 --compressed \\
        --etag-save "${etag}" --etag-compare "${etag}" -z "${etag}" "$2" 2>/dev/null
}
"""


def reader(clock: Clock, *, folder: str, urls: list[str], workers: int) -> int:
    """`update_feeds` of a reader on a database file, its defaults otherwise; the feeds are added before the clock."""
    from reader import make_reader

    with make_reader(str(Path(folder) / "reader.sqlite")) as made:
        for url in urls:
            made.add_feed(url, exist_ok=True)
        with clock:
            # Otherwise it skips feeds that were updated within the hour.
            made.update_feeds(scheduled=False, workers=workers)
        return made.get_entry_counts().total or 0


def sfeed(clock: Clock, *, folder: str, urls: list[str], jobs: int, etags: bool) -> int:
    """`sfeed_update` with its defaults but for the number of jobs and, where wanted, its README's ETags."""
    home = Path(folder)
    (home / "etags").mkdir(exist_ok=True)
    feeds = "\n".join(f"    feed 'Source {number}' '{url}'" for number, url in enumerate(urls))
    (home / "sfeedrc").write_text(
        f"sfeedpath='{home}/feeds'\nmaxjobs={jobs}\n"
        + (_FETCH_WITH_ETAGS % f"{home}/etags" if etags else "")
        + f"feeds() {{\n{feeds}\n}}\n",
        encoding="utf-8",
    )
    with clock:
        subprocess.run(
            ["sfeed_update", f"{home}/sfeedrc"],  # noqa: S607 - whichever is installed
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "HOME": folder},
        )
    return sum(file.read_bytes().count(b"\n") for file in (home / "feeds").iterdir())


def command(clock: Clock, *, arguments: list[str], warm: int = 1) -> int:
    """Any command, run `warm` times before it is measured; 1 if it ended well."""
    for _ in range(warm):
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    if clock.profiler:
        clock.profiler.run(arguments)
        return 1
    with clock:
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    return 1


TASKS: dict[str, Task] = {"reader": reader, "sfeed": sfeed, "command": command}
