"""Commands for feeds.yaml: `init`, `check`, `schema`."""

from __future__ import annotations

from typing import Annotated

import typer

from aggregator.cli.console import complain, say
from aggregator.cli.options import DEFAULT_CONFIG, ConfigOption, load_config
from aggregator.errors import AggregatorError


def init(
    config: ConfigOption = DEFAULT_CONFIG,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented feeds.yaml, and the JSON Schema with which editors check it."""
    from aggregator.config import TEMPLATE, schema_text

    if config.exists() and not force:
        complain(f"error: {config} exists already; edit it, or overwrite it with --force")
        raise typer.Exit(2)
    schema = config.with_name("feeds.schema.json")
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(TEMPLATE, encoding="utf-8")
        schema.write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        raise AggregatorError(
            f"{error.filename} cannot be written: {error.strerror}; check its path, its permissions and the free space"
        ) from None
    say(f"Wrote {config} and {schema}.")
    say("Edit the sources, then: aggregator check, and: aggregator update")


def check(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Check feeds.yaml and list all mistakes with line and column."""
    loaded = load_config(config)
    for note in loaded.notes:
        say(f"note: {note}")
    sources, categories = len(loaded.sources), len(loaded.categories)
    say(
        f"{config}: fine, {sources} source{'s' if sources != 1 else ''} "
        f"in {categories} categor{'ies' if categories != 1 else 'y'}"
    )


def schema() -> None:
    """Print the JSON Schema of feeds.yaml, for editors and other tools."""
    from aggregator.config import schema_text

    say(schema_text(), end="")
