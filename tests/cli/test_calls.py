"""Calls that are wrong, or meant for another program: the whole of the answer, and that it fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fetch.test_etiquette_moves import NOW, look
from tests.origin import Origin
from tests.support import Site, command, item, rss


def _said(text: str) -> str:
    """A usage error without its frame, its lines joined."""
    inside = [line.strip("│ ") for line in text.splitlines() if line.startswith("│")]
    return " ".join(inside)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (
            ("subscribe", "https://a.example/"),
            "No such command 'subscribe'. `aggregator add URL` adds a source.",
        ),
        (("LS",), "No such command 'LS'. `aggregator status` lists the sources, `aggregator list` the items."),
        (("version",), "No such command 'version'. `aggregator --version` shows the version."),
        (
            ("serve",),
            "No such command 'serve'. `aggregator run` is the daemon; any web server can serve `data/public/`.",
        ),
        (("updat",), "No such command 'updat'. Did you mean 'update'?"),
        (("sing",), "No such command 'sing'."),
        (("-V",), "No such option: -V. `aggregator --version` shows the version."),
        (("--config", "x.yaml", "check"), "--config belongs after the command: aggregator check --config …"),
        (("-d", "there", "status"), "-d belongs after the command: aggregator status -d …"),
        (("--config=x.yaml",), "--config belongs after the command: aggregator init --config …"),
        (("--nonsense",), "No such option: --nonsense"),
        (
            ("check", "other.yaml"),
            "The configuration is named with --config: aggregator check --config other.yaml",
        ),
        (("check", "-c", "x.yaml", "y"), "Got unexpected extra argument(s) (y)"),
    ],
)
def test_a_wrong_call_is_answered_with_the_right_one(call: tuple[str, ...], answer: str) -> None:
    done = command(*call)
    assert done.status == 2
    assert _said(done.stderr) == answer
    assert all(len(line) <= 80 for line in done.stderr.splitlines())


def test_what_is_no_configuration_file_is_told(tmp_path: Path) -> None:
    done = command("check", "--config", str(tmp_path))
    assert done.status == 2
    assert done.stderr.splitlines()[0] == f"{tmp_path}: is a folder; name a file, such as `{tmp_path / 'feeds.yaml'}`"


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_data_folder_that_is_a_file_is_told(site: Site, below: str) -> None:
    site.configure({"feed": "http://127.0.0.1:1/"})
    taken = site.folder / "taken"
    taken.write_bytes(b"")
    done = command("update", "--config", str(site.config), "--data", str(taken / below))
    assert done.status == 4
    assert done.stderr == f"error: the data folder {taken / below} is a file, or is below one; name a folder\n"
    assert taken.read_bytes() == b""


def test_a_backup_needs_a_file_in_a_folder_that_is_there(site: Site, origin: Origin) -> None:
    site.configure({"feed": origin.route("/feed", rss([item(1)]))})
    assert site.run("update").status == 0
    database, missing = site.data / "aggregator.db", site.folder / "missing" / "copy.db"
    done = site.run_data("backup", str(missing))
    assert done.status == 4
    assert done.stderr == (
        f"error: {database} cannot be copied to {missing}: {missing.parent} is no folder; make it first\n"
    )
    done = site.run_data("backup", str(site.folder))
    assert done.status == 4
    assert done.stderr == (
        f"error: {database} cannot be copied to {site.folder}: {site.folder} is a folder; name a file in it\n"
    )
    assert site.run_data("backup", str(site.folder / "copy.db")).status == 0


def test_one_entry_is_told_in_the_singular(site: Site, origin: Origin) -> None:
    site.configure({"feed": origin.route("/feed", rss([item(1)])), "id": "one"}, feeds={"formats": ["json"]})
    site.run("update")
    done = site.run("remove", "one", "--purge", "--yes")
    assert done.stdout.startswith("Deleted one with 1 entry; wrote or removed "), done


def test_fix_says_which_pages_it_could_not_ask(site: Site, origin: Origin) -> None:
    html = '<html><head><title>T</title><link rel="alternate" type="application/rss+xml" href="/feed"></head></html>'
    origin.route("/feed", rss([item(1)]))
    site.configure(
        {"id": "page", "feed": origin.route("/page", html, content_type="text/html")},
        {"id": "busy", "feed": origin.route("/busy", "", status=429, headers={"Retry-After": "86400"})},
    )
    look(site, NOW)
    site.run("update", "--source", "page", "--source", "busy")
    done = site.run("fix")
    assert done.stdout == (
        f"{site.config}:1: page is no feed; its host does not want requests now: try again later\n"
        "Nothing else to fix.\n"
    )
    assert done.status == 1
