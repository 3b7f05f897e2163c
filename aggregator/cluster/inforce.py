"""The configuration in force, which the database knows, and the folder that is published to.

Each worker reads a feeds.yaml of its own. The digest of the one in force is a fingerprint of the store; the first
worker of a new database records that of its file, `aggregator cluster adopt` another one. A worker with another file
waits.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator.errors import AggregatorError, ConfigError, Problem

if TYPE_CHECKING:
    from aggregator.cluster.database import ClusterDatabase
    from aggregator.config import Config
    from aggregator.store import Store

#: Name of the fingerprint of the configuration in force.
CONFIG = "cluster/config"
#: Name of the fact that tells the folder that is published to: its number, and where it was when that was recorded.
FOLDER = "folder"
#: The file in a data folder that has its number.
FOLDER_FILE = ".cluster-folder"
#: Characters of a digest that people see.
_SHOWN = 12


def digest_of(config: Config) -> str:
    """Return the digest of a configuration: of its file, and of the files that it reads.

    Values from the environment are no part of it, nor is the file that tells where the database is: they may differ
    from machine to machine, and a new password is no other configuration.
    """
    read = config.provenance
    files = [one for one in read.references if one[0] == "file" and one[1] not in read.of_database]
    if not files:
        return config.provenance.digest
    return hashlib.sha256(json.dumps([config.provenance.digest, files]).encode()).hexdigest()


def shown(digest: str) -> str:
    """Return a digest as people see it."""
    return digest[:_SHOWN]


def record(store: Store, config: Config) -> None:
    """Record that a configuration is in force, for what works on the database alone."""
    digest = digest_of(config)
    if store.fingerprints().get(CONFIG) != digest:
        store.record_fingerprints({CONFIG: digest})


async def in_force(database: ClusterDatabase, config: Config) -> str:
    """Return the digest of the configuration in force; that of `config` where none was yet."""
    found = await database.rows("SELECT value FROM fingerprints WHERE name = %s", CONFIG)
    if not found:
        statement = "INSERT INTO fingerprints (name, value) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING"
        await database.run(statement, CONFIG, digest_of(config))
        found = await database.rows("SELECT value FROM fingerprints WHERE name = %s", CONFIG)
    return str(found[0][0])


def sync(store: Store, config: Config) -> bool:
    """Make the stored sources agree with a configuration, if it is still in force; return whether it is."""
    with store.alone():
        if store.fingerprints().get(CONFIG) != digest_of(config):
            return False
        store.sync_sources(config.sources)
    return True


async def claim_folder(database: ClusterDatabase, data: Path, *, adopt: bool = False) -> str:
    """Make sure that a data folder is the one that is published to, and return its number; the first one is.

    Args:
        adopt: publish to this folder from now on.

    Raises:
        ConfigError: another one is.
        AggregatorError: the folder cannot be written to.
    """
    number, here = _described(data)
    if adopt:
        await database.record(FOLDER, here)
        return number
    known = known_folder(await database.record_first(FOLDER, here))
    if known.get("number") != number:
        message = (
            f"{data} is not the folder that is published to, which was {known.get('path')} on {known.get('host')}; "
            "name that folder, or copy all its files here, or, if they are lost, run "
            "`aggregator cluster adopt --folder` and then `aggregator publish --restore`"
        )
        raise ConfigError([Problem(message, "--data")])
    return number


def known_folder(fact: str | None) -> dict[str, str]:
    """Return the number, the host and the path of the folder that is published to; empty: they are not known."""
    with suppress(ValueError):
        known = json.loads(fact or "")
        if isinstance(known, dict):
            return known
    return {}


def _described(data: Path) -> tuple[str, str]:
    """Return the number of a data folder, and it with where it is, as JSON."""
    number = _number(data)
    return number, json.dumps({"number": number, "host": socket.gethostname(), "path": str(data.resolve())})


def _number(data: Path) -> str:
    """Return the number of a data folder, which is given one if it has none."""
    path = data / FOLDER_FILE
    try:
        data.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError), path.open("x", encoding="ascii") as file:
            file.write(secrets.token_hex(16))
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise AggregatorError(f"{path} cannot be used: {error}; check the data folder and its permissions") from error
