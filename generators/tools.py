"""What the generators have in common: running a program, installing Node's packages, reading built pages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import lxml.html

from generators.registry import Page

#: The page of the documentation that has the reports.
PAGE = Path(__file__).resolve().parent.parent / "docs" / "generators.md"

#: What a site with packages of Node needs.
NODE = (("npm", "npm"), ("node", "nodejs"))


class BuildError(Exception):
    """A site could not be installed or built."""


def run(folder: Path, command: list[str], **environment: str) -> str:
    """Run a command of a site; what it prints is kept in its `log`.

    Raises:
        BuildError: it failed.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout + done.stderr
    (folder / "log").write_text(told, encoding="utf-8")
    if done.returncode != 0 or "FATAL" in told:
        raise BuildError(f"{' '.join(command[:2])} failed in {folder}:\n{(done.stderr or done.stdout)[-3000:]}")
    return told


def npm(folder: Path, packages: Iterable[str]) -> None:
    """Install packages of Node (`name@version`) into the folder of a site, where they are not there yet."""
    wanted = list(packages)
    listed = folder / "installed"
    if listed.is_file() and listed.read_text(encoding="utf-8") == " ".join(wanted):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "site", "private": true, "hexo": {"version": ""}}', encoding="utf-8")
    # No script of any package runs, and no lock file names addresses.
    run(folder, ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", *wanted])
    listed.write_text(" ".join(wanted), encoding="utf-8")


def package_versions(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the versions of packages of Node, of those that a site has."""
    found = {name: folder / "node_modules" / name / "package.json" for name in names}
    return {
        name: str(json.loads(path.read_text(encoding="utf-8"))["version"])
        for name, path in found.items()
        if path.is_file()
    }


def fill(folder: Path, files: dict[str, str]) -> None:
    """Write the files of a site: its configuration and its theme."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def read_pages(output: Path, prefix: str) -> Iterator[Page]:
    """Read the pages of posts: those whose `meta` of the name `source` names a post.

    A theme prints a page as `h1`, `time`, the lists `categories`, `tags` and `authors` (by id; those that it has), a
    link of the id `link`, and `article` with one `div`.

    Args:
        output: the folder of the site.
        prefix: what stands before the path of the post in the name of its file.
    """
    for path in sorted(path for path in output.rglob("*.html") if path.is_file()):
        text = path.read_text(encoding="utf-8")
        page = lxml.html.document_fromstring(text, parser=lxml.html.HTMLParser(encoding="utf-8", huge_tree=True))
        source = page.xpath("string(//meta[@name='source']/@content)")
        if not source:
            # A list, or a theme that names no source: such pages are for the browser only.
            continue
        link = page.xpath("//a[@id='link']/@href")
        yield Page(
            post=source.removeprefix(prefix),
            path=path.relative_to(output).as_posix(),
            title=page.xpath("string(//h1)"),
            date=datetime.fromisoformat(page.xpath("string(//time/@datetime)")),
            html=text,
            categories=_listed(page, "categories"),
            tags=_listed(page, "tags"),
            authors=_listed(page, "authors"),
            link=link[0] if link else None,
        )


def _listed(page: lxml.html.HtmlElement, name: str) -> tuple[str, ...] | None:
    found = page.xpath(f"//ul[@id='{name}'][1]")
    return tuple(item.text_content() for item in found[0].iterchildren("li")) if found else None


def between(page: Path, begin: str, end: str, lines: str) -> None:
    """Replace what stands in a page of the documentation between two marks."""
    text = page.read_text(encoding="utf-8")
    before, after = text.split(begin)[0], text.split(end)[1]
    page.write_text(f"{before}{begin}\n\n{lines}\n\n{end}{after}", encoding="utf-8")
