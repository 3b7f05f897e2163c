"""Build sites, compare their pages with the entries, load the hostile ones in a browser: ``python -m generators``."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from generators import browser, nasty, report
from generators.collect import CATEGORIES, collect, is_hostile
from generators.compare import differences
from generators.forms import Posts, written
from generators.registry import Site, sites
from generators.report import Result
from generators.tools import BuildError

_WORK = Path(__file__).resolve().parent.parent / "build" / "generators"
#: How many times more real posts Hexo gets.
_MORE = 6
#: Faults that are printed of each site.
_SHOWN = 20


def main() -> int:
    options = _options()
    chosen = [site for site in sites() if any(text in site.name for text in options.only or [""])]
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
    every = collect(run)
    posts: dict[str, Posts] = {}
    for preset in dict.fromkeys(site.preset for site in chosen):
        # The posts for Hexo are a contract: all of the hostile feeds there are, and more of the real ones.
        more = preset == "hexo" and not options.few
        found = every.some(options.real * (_MORE if more else 1), corpus=more)
        posts[preset] = written(found, preset, run / preset)
        _say(f"{preset}: {len(found.items)} posts, {sum(map(is_hostile, found.items))} of them hostile")
    results = [_check(site, posts[site.preset], run) for site in chosen]
    if options.write:
        report.write(results, sites())
    return 1 if any(result.faults for result in results) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m generators", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        metavar="TEXT",
        help="only sites whose names have this text; more than once: one of them",
    )
    parser.add_argument("--real", type=int, default=300, metavar="N", help="posts of real feeds; default 300")
    parser.add_argument("--few", action="store_true", help="for Hexo, too, no more posts than for the others")
    parser.add_argument("--write", action="store_true", help="write the report into docs/generators.md")
    return parser.parse_args()


def _check(site: Site, posts: Posts, run: Path) -> Result:
    result, started = Result(site), time.monotonic()
    folder = _WORK / "".join(character if character.isalnum() else "-" for character in site.name)
    if site.scripted:
        posts = posts.only(posts.hostile, run / f"hostile-{site.preset}")
    try:
        result.versions = site.install(folder)
        output = site.build(folder, posts.folder)
    except BuildError as error:
        result.faults.append(str(error))
    else:
        hostile = _compare(result, posts, output)
        result.loaded = len(hostile)
        found = browser.findings(output, hostile, scripted=site.scripted)
        result.faults += [f"{path}: {one}" for path, one in found]
    result.seconds = time.monotonic() - started
    _say(
        f"{site.name}: {result.compared} pages compared, {result.loaded} loaded, {len(result.faults)} faults, "
        f"{result.seconds:.0f} s ({', '.join(f'{name} {version}' for name, version in result.versions.items())})"
    )
    for fault in result.faults[:_SHOWN]:
        _say(f"  {fault}")
    return result


def _compare(result: Result, posts: Posts, output: Path) -> list[str]:
    """Compare the pages of a site with their entries; returns those to load in the browser."""
    site, wanted = result.site, set(posts.items)
    hostile = list(site.others)
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
    if not result.compared and site.scripted:
        # Its theme names no posts.
        return [path.relative_to(output).as_posix() for path in sorted(output.rglob("*.html")) if path.is_file()]
    result.faults += [f"{path}: not built" for path in sorted(wanted)]
    return hostile


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
