"""sfeed, a collection of small programs: RSS and Atom become lines of text, which `sfeed_update` merges."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from generators.readers.base import Item, Look, Program, run

#: Its own request is not conditional; this one is from its documentation (README, "Caching"), but for the condition on
#: the date: curl drops an answer that is not newer by a second, and here two versions of a feed can have one second.
_FETCH = """\
fetch() {
	etag="$HOME/etags/$(basename "$3")"
	curl \\
		-L --max-redirs 0 -H "User-Agent:" -f -s -m 15 \\
		--compressed \\
		--etag-save "${etag}" --etag-compare "${etag}" \\
		"$2" 2>/dev/null
}
"""


def _version() -> str | None:
    if shutil.which("sfeed_update") is None or shutil.which("curl") is None:
        return None
    # The programs do not say it.
    asked = shutil.which("dpkg-query")
    said = run([asked, "-W", "-f", "${Version}", "sfeed"], Path.cwd()) if asked else "?"
    return said.rpartition("-")[0] or said


def _look(folder: Path, feeds: Mapping[str, str]) -> dict[str, Look]:
    path = folder / "feeds"
    (folder / "etags").mkdir(exist_ok=True)
    listed = "".join(f"\tfeed {shlex.quote(name)} {shlex.quote(url)}\n" for name, url in feeds.items())
    (folder / "sfeedrc").write_text(f"sfeedpath={shlex.quote(str(path))}\nmaxjobs=2\n{_FETCH}feeds() {{\n{listed}}}\n")
    before = {name: _read(path / name) for name in feeds}
    run(["sfeed_update", str(folder / "sfeedrc")], folder)
    looks = {}
    for name in feeds:
        known, items = set(before[name]), _read(path / name)
        looks[name] = Look(tuple(items), tuple(item.id for item in items if item not in known))
    return looks


def _read(path: Path) -> list[Item]:
    """The items of a file (sfeed(5)): time, title, link, text, its type, id, author, enclosure, categories."""
    if not path.exists():
        return []
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n") if line]
    return [Item(row[5], row[1], row[2] or None, datetime.fromtimestamp(int(row[0] or 0), UTC)) for row in rows]


SFEED = Program("sfeed", _version, "Debian's sfeed, and curl", ("rss", "atom"), _look)
