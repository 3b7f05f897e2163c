"""The rule `excerpt`: the beginning of the text in place of the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from aggregator.rules.bodies import escaped, with_texts
from aggregator.rules.kind import Subject

NAME = "excerpt"
SETTINGS: Any = Annotated[int, Field(strict=True, ge=20, le=10_000)]
DESCRIPTION = (
    "Shows only the beginning of the text, of at most so many characters and without markup; a summary that the source "
    "gives is used in its place."
)
EXAMPLE = "excerpt: 300"
IN_OUTPUTS = True


def apply(settings: int, subject: Subject) -> str | None:
    """Put the beginning of summary or body in the place of both; the picture of the entry stays."""
    from aggregator.values.plaintext import plain_text

    entry = subject.entry
    source = entry.summary or entry.html
    if not source:
        return None
    words = _beginning(plain_text(source), settings)
    changed = with_texts(entry, f"<p>{escaped(words)}</p>" if words else "", "", keep_picture=True)
    if changed == entry:
        return None
    if changed.extras is not None and changed.extras.transcripts:
        changed = replace(changed, extras=replace(changed.extras, transcripts=()))
    subject.entry = changed
    return f"cut the text to {settings} characters"


def _beginning(words: str, limit: int) -> str:
    """Return at most so many characters, cut between words and not inside of a grapheme where that is possible."""
    from aggregator.normalize.text import shorten

    if len(words) <= limit:
        return words
    head, space, _ = words[:limit].rpartition(" ")
    if space and len(head) > limit // 2:
        return f"{head.rstrip(' .,;:')}…"
    return shorten(words, limit)
