"""`outputs`: the merged feeds, private ones with their addresses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from aggregator.cli.console import Cell, Column, complain, say, say_json, say_table
from aggregator.cli.items import JsonOption
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    load_config,
    located,
    opened_store,
    read_store,
)


@dataclass(frozen=True, slots=True)
class OutputRow:
    """One merged feed in `outputs --json`."""

    #: Slug.
    output: str
    title: str
    #: ``category``, ``all`` or ``output``.
    kind: str
    private: bool
    #: Addresses of its feeds, by format; empty for a private one that was never published.
    addresses: dict[str, str]


def outputs(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    new_path: Annotated[
        str | None,
        typer.Option(
            "--new-path",
            metavar="SLUG",
            help="Give a private output another address; the old one ends with the next publication.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the merged feeds with their addresses, private ones included."""
    from aggregator.publish.outputs import channel_of, merged
    from aggregator.publish.outputs import new_path as another

    loaded = load_config(config)
    if new_path is not None:
        private = [slug for slug, output in loaded.outputs.items() if output.private]
        if new_path not in private:
            listed = ", ".join(private) or "none is configured"
            complain(f"error: --new-path: there is no private output {new_path!r}; private outputs: {listed}")
            raise typer.Exit(2)
        with opened_store(located(loaded, data)) as store, store.alone():
            store.record_fingerprints(another(store.fingerprints(), new_path))
    recorded: dict[str, str] = {}
    with read_store(located(loaded, data)) as reading:
        if reading is not None:
            recorded = reading.fingerprints()
    rows = []
    for feed in merged(loaded, recorded):
        channel = channel_of(loaded, feed)
        addresses: dict[str, str] = {form: channel.url(form) for form in feed.output.formats}
        rows.append(OutputRow(feed.slug, feed.output.title, feed.kind, feed.output.private, addresses))
    known = {row.output for row in rows}
    for slug, output in loaded.outputs.items():
        if slug not in known:
            rows.append(OutputRow(slug, output.title, "output", output.private, {}))
    if as_json:
        say_json([asdict(row) for row in rows], indent=2)
        return
    say_table(_COLUMNS, [_cells(row) for row in rows], wrap=True)
    if new_path is not None:
        say("")
        say(f"{new_path} has another address; the next publication deletes the files at the old one.")


_COLUMNS = (Column("output"), Column("kind", spare=2), Column("title", spare=1), Column("address"))


def _cells(row: OutputRow) -> list[Cell]:
    first = next(iter(row.addresses.values()), "none before the next publication")
    return [Cell(row.output), Cell("private" if row.private else row.kind), Cell(row.title), Cell(first)]
