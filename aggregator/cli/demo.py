"""`demo`: one update of bundled samples, without the internet."""

from __future__ import annotations

import shutil
from pathlib import Path

import typer

from aggregator.cli.console import complain, say
from aggregator.cli.options import DEFAULT_DATA, DataOption, load_config, locked
from aggregator.values.terminal import counted

#: First line of the configuration that the demo writes; only a folder that has it is cleared.
MARK = "# Written by `aggregator demo`; the folder is cleared at the next run."


def demo(data: DataOption = DEFAULT_DATA) -> None:
    """Update from bundled samples: start a small server on this machine, run one update, and list the results."""
    from aggregator.cli.update import CycleOptions, run_cycle
    from aggregator.demo import demo_config, serve

    folder = data / "demo"
    _clear(folder)
    with serve() as base_url, locked(folder):
        config = folder / "feeds.yaml"
        config.write_text(f"{MARK}\n{demo_config(base_url)}", encoding="utf-8")
        say(f"Samples are served at {base_url}; one of the sources is broken on purpose.\n")
        run_cycle(load_config(config), folder, CycleOptions(everything=True))
    posts = sorted((folder / "posts").rglob("*.md"))
    say("\nLook at:")
    for path, what in (
        (folder / "feeds.yaml", "the configuration of this run"),
        (posts[0] if posts else folder / "posts", f"one of {counted(len(posts), 'post')}"),
        (folder / "public" / "all" / "atom.xml", "all sources in one Atom feed"),
        (folder / "public" / "opml.xml", "the list of sources"),
    ):
        say(f"  {path}  ({what})")


def _clear(folder: Path) -> None:
    """Remove what an earlier demo wrote, and nothing else."""
    if not folder.exists():
        return
    config = folder / "feeds.yaml"
    if not config.is_file() or not config.read_text(encoding="utf-8").startswith(MARK):
        complain(f"error: {folder} was not made by a demo; move it away, or choose another folder with --data")
        raise typer.Exit(2)
    shutil.rmtree(folder)
