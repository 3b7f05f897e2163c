"""One's own presets: a mapping of fields, and a template of Jinja2 for what follows the front matter.

In: what the configuration has read. Out: `Preset`s, and text. The template is the operator's and runs in a sandbox; the
texts of a source are values in it, which are escaped, and never templates. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, cast

from aggregator.config.posts import OwnPreset
from aggregator.errors import TemplateError
from aggregator.publish.posts.presets import BRACES, Field, Preset, Value

if TYPE_CHECKING:
    from jinja2 import Template

#: What stands before and after the front matter of each form.
_MARKS = {"yaml": "---\n", "toml": "+++\n", "none": ""}


def as_preset(own: OwnPreset) -> Preset:
    """Return the preset that one's own file describes."""
    settings = own.settings
    fields = [Field(key, cast(Value, value)) for key, value in settings.fields]
    constants = [Field(key, None, constant) for key, constant in settings.constants]
    mark = _MARKS[settings.front_matter] if fields or constants else ""
    return Preset(
        form=settings.front_matter if mark else "none",
        fields=(*fields, *constants),
        body=settings.body,
        opening=mark,
        middle=mark,
        ending="\n" if own.template is None else "",
        dates=settings.dates,
        suffix=settings.suffix,
        path=settings.path,
        escapes=BRACES if settings.escape_braces else (),
        template=own.template,
    )


def fill(preset: Preset, values: Mapping[str, Any], body: str) -> str:
    """Return the text that the template of a preset makes.

    Args:
        preset: it has a template.
        values: what the fields of a front matter can say; strings are escaped.
        body: safe HTML or Markdown, which is not.

    Raises:
        TemplateError: the template failed; with its line.
    """
    from markupsafe import Markup

    missing = {key: "" if value is None else value for key, value in values.items()}
    try:
        return _template(preset).render({**missing, "body": Markup(body)})
    except Exception as error:
        # Jinja2 puts the lines of the template into the traceback.
        lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == "<template>"]
        place = f"line {lines[-1]} of the template" if lines else "the template"
        raise TemplateError(f"{place} failed: {error}") from error


@cache
def _template(preset: Preset) -> Template:
    """Compile the template of a preset."""
    # Few installations have presets of their own.
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from markupsafe import Markup, escape

    def without_braces(value: Any) -> Any:
        text = str(escape(value))
        for brace, reference in preset.escapes:
            text = text.replace(brace, reference)
        return Markup(text)

    environment = ImmutableSandboxedEnvironment(
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        finalize=without_braces if preset.escapes else None,
    )
    return environment.from_string(preset.template or "")
