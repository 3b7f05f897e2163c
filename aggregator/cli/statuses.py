"""The exit statuses of the commands, for `--help` and for the reference pages (docs/cron.md, docs/commands.md)."""

from __future__ import annotations

from typing import NamedTuple


class Status(NamedTuple):
    """What an exit status means."""

    #: In a few words, for `--help`; "" where it is not listed there.
    short: str
    meaning: str
    advice: str


#: By the number; a command that has another meaning of 1 is in `MEANING_OF_1`.
STATUSES = {
    "0": Status("fine", "all went well, or nothing was due", "nothing"),
    "1": Status(
        "some source failed",
        "some source failed; the others were updated and published",
        "`aggregator status --failing`",
    ),
    "2": Status(
        "configuration or usage error",
        "`feeds.yaml`, the environment or the call is wrong; nothing was done",
        "`aggregator check`",
    ),
    "3": Status("the data folder is in use", "another process works on the data folder", "wait, or stop it"),
    "4": Status(
        "database, disk or internal error, or a file that could not be written",
        "database, disk or internal error, or a file that could not be written",
        "read the message on standard error",
    ),
    "130, 143": Status("", "interrupted by Ctrl-C or SIGTERM; what was stored stays", "run it again"),
}

#: The commands that can exit with 1, and what it means there.
MEANING_OF_1 = {
    "update": STATUSES["1"].short,
    "health": "the work is not being done",
    "fix": "something is left to do",
    "remove": "the question was not answered with yes; nothing was changed",
}

#: The commands that write to the data folder, so that they can exit with 3, and the exceptions.
CAN_BE_LOCKED_OUT = {
    "update": "; not with `--dry-run`",
    "publish": "",
    "run": "",
    "remove": "; only with `--purge`",
    "reset": "",
    "vacuum": "",
}


def summary() -> str:
    """All of them in one sentence."""
    return ", ".join(f"{number} {status.short}" for number, status in STATUSES.items() if status.short)
