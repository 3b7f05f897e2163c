"""Where the database is, read from feeds.yaml alone: for commands that need nothing else of it.

In: a path and the environment. Out: a connection string, or None for SQLite. Whatever else is wrong with the file is no
matter here: a database can be copied before a mistake is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aggregator.config.load import MAX_FILE
from aggregator.config.problems import Problems
from aggregator.config.secrets import References
from aggregator.config.tree import find_place, parse_yaml, read_text
from aggregator.place import connection_string, from_environment

_KEY = "database"


def database_of(path: Path, environ: Mapping[str, str]) -> str | None:
    """Return the PostgreSQL database that the environment or feeds.yaml names; None: neither does.

    Args:
        path: feeds.yaml, which need not exist.
        environ: the environment.

    Raises:
        ConfigError: what names it is wrong, or the file cannot be read, so that it is not known.
    """
    if given := from_environment(environ):
        return given
    problems = Problems(str(path))
    try:
        text, _ = read_text(path, problems, MAX_FILE)
    except (FileNotFoundError, IsADirectoryError):
        return None
    # Most files do not have the word, and a large one takes seconds to parse.
    if _KEY not in text:
        return None
    # References are replaced in this value alone, also where an anchor holds it.
    tree = parse_yaml(text.removeprefix("\ufeff"), problems, lambda value, key_path: value)
    value = tree.get(_KEY)
    if value is None:
        return None
    try:
        if isinstance(value, str):
            value, _ = References(path.parent, environ).replace(value)
        return connection_string(value)
    except ValueError as error:
        alone = Problems(str(path))
        raise alone.fatal(str(error), find_place(tree, (_KEY,)), (_KEY,)) from None
