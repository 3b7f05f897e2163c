"""The rule `python`: a function of one's own, in another process."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from aggregator.config.fields import checked
from aggregator.config.problems import show
from aggregator.rules.kind import Subject
from aggregator.rules.steps import StepSettings, apply_step

_FUNCTION = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*")


def _function(value: object) -> str:
    if not isinstance(value, str) or len(value) > 200 or not _FUNCTION.fullmatch(value):
        raise ValueError(f"{show(value)} is no function; write `module:function`, such as `my_steps:translate`")
    return value


_Function = Annotated[str, *checked(_function, pattern=r"^[\w.]+:\w+$")]


class PythonSettings(StepSettings):
    """A function of one's own."""

    function: _Function = Field(
        description="`module:function`; the module is one that is installed, or a file beside feeds.yaml."
    )

    def identity(self) -> Any:
        """Return what results depend on, besides the input."""
        return self.function, self.version


def _short(value: object) -> object:
    return {"function": value} if isinstance(value, str) else value


NAME = "python"
SETTINGS: Any = Annotated[PythonSettings, BeforeValidator(_short, json_schema_input_type=_Function | PythonSettings)]
DESCRIPTION = (
    "Gives the item to a function of one's own as a dictionary, and changes it as the dictionary that it returns says. "
    "It runs in another process, with limits of time and memory."
)
EXAMPLE = "python: my_steps:translate"
IN_OUTPUTS = False


def apply(settings: PythonSettings, subject: Subject) -> str | None:
    """Change the entry as the function says."""
    return apply_step(NAME, settings, subject)
