"""The sections of feeds.yaml about what goes on over time: how long entries are kept, and who is told of trouble."""

from __future__ import annotations

import shlex
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from aggregator.config.section import Section
from aggregator.config.values import Duration, Maybe

MAX_RETENTION = 1_000_000


def hook(value: object) -> tuple[str, ...]:
    """A command with its arguments (a list, or a text that is split as a shell would), or one Apprise URL."""
    if isinstance(value, str) and "://" in value.partition(" ")[0]:
        return (value.strip(),)
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as error:
            raise ValueError(f"is no command: {error}") from None
    if not isinstance(value, list) or not value or not all(isinstance(part, str) and part for part in value):
        raise ValueError("must be a command such as `notify.sh --mail` or `[notify.sh, --mail]`, or an Apprise URL")
    if any("\0" in part for part in value):
        raise ValueError("must not hold the character U+0000")
    return tuple(value)


Hook = Annotated[
    tuple[str, ...],
    PlainValidator(hook),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"\S"},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
            ]
        }
    ),
]


class RetentionSettings(Section):
    """How long entries are kept; what is left out is taken from the category, then from the top of the file."""

    age: Maybe[Duration] = Field(default=None, description="Entries published longer ago are removed.")
    count: Maybe[int] = Field(
        default=None,
        strict=True,
        ge=1,
        le=MAX_RETENTION,
        description="Entries of each source that are kept, the newest.",
    )
    posts: Maybe[Literal["keep", "delete"]] = Field(
        default=None, description="What becomes of the post files of removed entries; `keep` if nothing says otherwise."
    )


class HookSettings(Section):
    """Who is told when a source breaks, or works again: a command, or an Apprise URL (extra `notify`)."""

    on_problem: Maybe[Hook] = Field(default=None, description="Called once when a source begins to fail.")
    on_recovery: Maybe[Hook] = Field(default=None, description="Called once when such a source works again.")
    after: int = Field(default=3, strict=True, ge=1, le=1000, description="Failures in a row that make a problem.")
