"""Build sites, compare their pages with the entries, load the hostile ones in a browser: ``python -m generators``."""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from generators import browser, nasty
from generators.collect import CATEGORIES, collect, is_hostile
from generators.compare import differences
from generators.forms import Posts, written
from generators.registry import Site, sites

_ROOT = Path(__file__).resolve().parent.parent
_WORK = _ROOT / "build" / "generators"
_PAGE = _ROOT / "docs" / "generators.md"
_BEGIN = "<!-- report: made by `python -m generators --write`, do not edit -->"
_END = "<!-- end of the report -->"
#: Faults that are printed of each site.
_SHOWN = 20


@dataclass
class Result:
    """What became of one site."""

    site: Site
    versions: dict[str, str] = field(default_factory=dict)
    pages: int = 0
    compared: int = 0
    loaded: int = 0
    faults: list[str] = field(default_factory=list)
    seconds: float = 0


def main() -> int:
    options = _options()
    chosen = [site for site in sites() if options.only in site.name]
    needed = [command for site in chosen for command in site.commands]
    missing = {package for name, package in needed if shutil.which(name) is None}
    if browser.command() is None:
        missing.add("chromium")
    if missing:
        sys.stderr.write(
            f"generators: something is not installed; on Debian: apt-get install {' '.join(sorted(missing))}\n"
        )
        return 2
    run = _WORK / "run"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    found = collect(run, options.each or None, corpus=not options.nasty)
    hostile = sum(is_hostile(item) for item in found.items)
    _say(f"{len(found.items)} posts, {hostile} of them hostile")
    posts = {preset: written(found, preset, run / preset) for preset in dict.fromkeys(site.preset for site in chosen)}
    results = [_check(site, posts[site.preset], run) for site in chosen]
    if options.write:
        _write(results, len(found.items), hostile)
    return 1 if any(result.faults for result in results) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m generators", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="only sites whose names have this text")
    parser.add_argument(
        "--each", type=int, default=20, metavar="N", help="posts of each real feed, 0 for all; default 20"
    )
    parser.add_argument("--nasty", action="store_true", help="no hostile feeds but those made for this")
    parser.add_argument("--write", action="store_true", help="write the report into docs/generators.md")
    return parser.parse_args()


def _check(site: Site, posts: Posts, run: Path) -> Result:
    result, started = Result(site), time.monotonic()
    folder = _WORK / "".join(character if character.isalnum() else "-" for character in site.name)
    result.versions = site.install(folder)
    if site.scripted:
        posts = posts.only(posts.hostile, run / "hostile")
    output = site.build(folder, posts.folder)
    wanted = set(posts.items)
    hostile = list(site.others)
    result.pages = sum(1 for path in output.rglob("*.html") if path.is_file())
    for page in site.pages(output):
        item = posts.items.get(page.post)
        if item is None or page.post not in wanted:
            result.faults.append(f"{page.post}: " + ("no post" if item is None else "built twice"))
            continue
        wanted.discard(page.post)
        if page.post in posts.hostile:
            hostile.append(page.path)
        result.compared += 1
        if nasty.RAN in page.html and nasty.RAN not in (item.entry.html or item.entry.summary):
            result.faults.append(f"{page.post}: the code of a template ran")
        found = [*site.head(page, item, CATEGORIES[item.origin.category]), *differences(page, item)]
        result.faults += [f"{page.post}: {one}" for one in found]
    if result.compared or not site.scripted:
        result.faults += [f"{path}: not built" for path in sorted(wanted)]
    else:
        hostile = [path.relative_to(output).as_posix() for path in sorted(output.rglob("*.html")) if path.is_file()]
    result.loaded = len(hostile)
    result.faults += [f"{path}: {one}" for path, one in browser.findings(output, hostile, scripted=site.scripted)]
    result.seconds = time.monotonic() - started
    _say(
        f"{site.name}: {result.compared} pages compared, {result.loaded} loaded, {len(result.faults)} faults, "
        f"{result.seconds:.0f} s ({', '.join(f'{name} {version}' for name, version in result.versions.items())})"
    )
    for fault in result.faults[:_SHOWN]:
        _say(f"  {fault}")
    return result


def _write(results: list[Result], posts: int, hostile: int) -> None:
    lines = [
        f"{posts} posts, {hostile} of them from hostile feeds. {browser.version()}, "
        f"Node.js {_node()}, Python {platform.python_version()}.",
        "",
        "| site | versions | pages compared | pages in the browser | faults |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
        compared = str(result.compared) if result.compared else "none"
        lines.append(f"| {result.site.name} | {versions} | {compared} | {result.loaded} | {len(result.faults)} |")
    text = _PAGE.read_text(encoding="utf-8")
    before, after = text.split(_BEGIN)[0], text.split(_END)[1]
    _PAGE.write_text(f"{before}{_BEGIN}\n\n" + "\n".join(lines) + f"\n\n{_END}{after}", encoding="utf-8")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _node() -> str:
    return (
        subprocess.run([shutil.which("node") or "", "--version"], capture_output=True, text=True, check=True)
        .stdout.strip()
        .lstrip("v")
    )


if __name__ == "__main__":
    sys.exit(main())
