"""The rule `command`: a program of one's own."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from aggregator.config.fields import checked
from aggregator.rules.kind import Subject
from aggregator.rules.settings import written
from aggregator.rules.steps import StepSettings, apply_step

_MAX_ARGUMENT = 4000


def _argument(value: object) -> str:
    return written(value, _MAX_ARGUMENT)


def _named(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value[0].strip():
        raise ValueError("begins with an empty name; write a program first")
    return value


_Command = Annotated[
    tuple[Annotated[str, *checked(_argument, maxLength=_MAX_ARGUMENT)], ...],
    Field(min_length=1, max_length=100),
    AfterValidator(_named),
]


class CommandSettings(StepSettings):
    """A program of one's own."""

    run: _Command = Field(description="The program and its arguments; no shell reads them.")

    def identity(self) -> Any:
        """Return what results depend on, besides the input."""
        return self.run, self.version


def _short(value: object) -> object:
    if isinstance(value, str):
        raise ValueError("must be a list of program and arguments, such as `[./translate, --to, en]`")
    return {"run": value} if isinstance(value, list) else value


NAME = "command"
SETTINGS: Any = Annotated[CommandSettings, BeforeValidator(_short, json_schema_input_type=_Command | CommandSettings)]
DESCRIPTION = (
    "Gives the item to a program as JSON on its standard input, and changes it as the JSON says that it writes. It "
    "runs without a shell, in the folder of feeds.yaml, and without the secrets of feeds.yaml in its environment."
)
EXAMPLE = 'command: [./summarize, --sentences, "3"]'
IN_OUTPUTS = False


def apply(settings: CommandSettings, subject: Subject) -> str | None:
    """Change the entry as the program says."""
    return apply_step(NAME, settings, subject)
