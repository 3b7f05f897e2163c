"""Steps of one's own: what the rules `python`, `command` and `http` have in common.

In: an entry, as a mapping that JSON can hold. Out: a mapping with what is to be changed. Nothing runs here: a result
comes from `Subject.run_step`, checked again, and everything in it is cleaned like what a source gives.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, StrictBool, StrictStr, ValidationError

from aggregator.config.fields import Maybe, Section, Text
from aggregator.config.intervals import Duration
from aggregator.rules.kind import Subject
from aggregator.rules.verdicts import hold

if TYPE_CHECKING:
    from aggregator.models import Entry, Sight

ALLOW = "AGGREGATOR_ALLOW_STEPS"
"""The environment variable that names the steps that may run, with commas between them."""
STEPS = ("python", "command", "http")
"""The names of the rules that are steps."""
MAX_OUTPUT = 2_000_000
"""Bytes of JSON that a step may give."""
LONGEST = timedelta(minutes=10)
"""The longest deadline of a step."""
#: Another value forgets all results: it stands for what steps are given, and for how their answers are read.
_VERSION = 1


def allowed_steps(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the steps that may run."""
    named = {word.strip().lower() for word in environ.get(ALLOW, "").split(",")}
    return frozenset(named.intersection(STEPS))


def why_refused(name: str, environ: Mapping[str, str]) -> str | None:
    """Return why a step may not run, as a sentence for people; None: it may."""
    if name in allowed_steps(environ):
        return None
    also = ",".join(step for step in STEPS if step == name or step in allowed_steps(environ))
    return f"`{name}` is a step of one's own, which has to be allowed: set the environment variable {ALLOW}={also}"


def _deadline(value: timedelta) -> timedelta:
    if value > LONGEST:
        raise ValueError("must be at most `10m`")
    return value


class StepSettings(Section):
    """What all steps have."""

    deadline: Annotated[Duration, AfterValidator(_deadline)] = Field(
        default=timedelta(seconds=30),
        description="Time for one item, at most `10m`; what takes longer is ended.",
        json_schema_extra={"default": "30s"},
    )
    per_day: int = Field(
        default=500, strict=True, ge=1, le=1_000_000, description="Items at most in 24 hours; others stay as they are."
    )
    version: Maybe[Text] = Field(
        default=None, description="Any text; another one runs the step again on items that it has made already."
    )

    def identity(self) -> Any:
        """Return what results depend on, besides the input; JSON can hold it."""
        raise NotImplementedError


def step_hash(kind: str, settings: StepSettings, given: Mapping[str, Any]) -> str:
    """Return the name under which the result of a step for an input is kept; it begins with that of the step."""
    return step_name(kind, settings) + _digest(given)


def step_name(kind: str, settings: StepSettings) -> str:
    """Return what the names of the results of a step begin with."""
    return _digest([_VERSION, kind, settings.identity()])[:16] + "/"


def _digest(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class StepOutput(Section):
    """What a step gives: each key is optional, and null is the same as none."""

    title: StrictStr | None = None
    #: The body: HTML, or plain text.
    html: StrictStr | None = None
    text: StrictStr | None = None
    #: HTML.
    summary: StrictStr | None = None
    #: One author, or all of them.
    author: StrictStr | None = None
    authors: list[StrictStr] | None = None
    tags: list[StrictStr] | None = None
    language: StrictStr | None = None
    drop: StrictBool | None = None
    hold: StrictBool | None = None


def read_output(made: object) -> StepOutput:
    """Check what a step gave.

    Raises:
        ValueError: it is not what a step gives; the message completes "it …".
    """
    if not isinstance(made, Mapping):
        raise ValueError("gave no JSON object")
    try:
        output = StepOutput.model_validate(dict(made))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = str(first["loc"][0])[:60] if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            raise ValueError(f"gave `{where}`; the keys are {', '.join(StepOutput.model_fields)}") from None
        raise ValueError(f"gave a value for `{where}` of another type: {first['msg']}") from None
    for one, other in (("html", "text"), ("author", "authors")):
        if None not in (getattr(output, one), getattr(output, other)):
            raise ValueError(f"gave both `{one}` and `{other}`")
    return output


def given_to_step(entry: Entry, sight: Sight) -> dict[str, Any]:
    """Return what a step is given of an entry."""
    from aggregator.values.plaintext import plain_text

    return {
        "source": sight.source,
        "category": sight.category,
        "url": entry.url,
        "title": entry.title,
        "html": entry.html,
        "text": plain_text(entry.html),
        "summary": entry.summary,
        "authors": list(entry.authors),
        "tags": list(entry.tags),
        "language": entry.language,
        "published": entry.published_at.isoformat(),
    }


def apply_step(name: str, settings: StepSettings, subject: Subject) -> str | None:
    """Change an entry as a step says; without a result it stays as it is."""
    made = subject.run_step(name, settings, given_to_step(subject.entry, subject.sight))
    if made is None:
        subject.notes.append(f"`{name}` has given no result for this item")
        return None
    try:
        output = read_output(made)
    except ValueError as error:
        subject.notes.append(f"the result of `{name}` cannot be used: it {error}")
        return None
    changed = changed_by(output, subject.entry)
    did = ["changed the item"] if changed != subject.entry else []
    if did and name not in subject.made_by:
        subject.made_by.append(name)
    subject.entry = changed
    if output.drop:
        subject.verdict = "dropped"
        did.append("dropped it")
    elif output.hold and (held := hold(subject, f"`{name}` says so")) is not None:
        did.append(held)
    return " and ".join(did) or None


def changed_by(output: StepOutput, entry: Entry) -> Entry:
    """Return an entry with what a step gave, cleaned like what a source gives."""
    from aggregator.models import Text as Found
    from aggregator.normalize.sanitizer import clean_html
    from aggregator.normalize.text import MAX_TITLE, clean_authors, clean_tags, tidy_line
    from aggregator.rules.bodies import with_texts
    from aggregator.values.languages import tidy_tag

    html = entry.html if output.html is None else clean_html(Found(output.html, "html", entry.url), page=entry.url)
    if output.text is not None:
        html = clean_html(Found(output.text, "text"))
    summary = output.summary
    summary = entry.summary if summary is None else clean_html(Found(summary, "html", entry.url), page=entry.url)
    changed = with_texts(entry, html, summary)
    names = output.authors if output.author is None else [output.author]
    return replace(
        changed,
        title=tidy_line(output.title or "", MAX_TITLE) or entry.title,
        authors=entry.authors if names is None else clean_authors(names),
        tags=entry.tags if output.tags is None else clean_tags(output.tags),
        language=entry.language if output.language is None else tidy_tag(output.language) or entry.language,
    )
