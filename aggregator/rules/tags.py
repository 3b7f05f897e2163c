"""The rules `tag` and `untag`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from aggregator.config.problems import show
from aggregator.rules.kind import Subject
from aggregator.rules.matching import WordList
from aggregator.rules.settings import one_or_more_schema


def tag_list(value: object) -> tuple[str, ...]:
    """Check one tag, or a list of tags."""
    from aggregator.normalize.text import MAX_TAG, clean_tags

    tags: list[Any] = value if isinstance(value, list) else [value]
    if not tags or not all(isinstance(one, str) for one in tags):
        wrong = next((one for one in tags if not isinstance(one, str)), value)
        raise ValueError(f"{show(wrong)} must be a tag, or a list of tags; put numbers and the like in quotes")
    cleaned = [clean_tags((one,)) for one in tags]
    for one, clean in zip(tags, cleaned, strict=True):
        if not clean or len(one.strip()) > MAX_TAG:
            raise ValueError(f"{show(one)} cannot be a tag: it is empty, or longer than {MAX_TAG} characters")
    return clean_tags(tags)


Tags = Annotated[
    tuple[str, ...],
    PlainValidator(tag_list),
    WithJsonSchema(one_or_more_schema({"type": "string"})),
]


class Tag:
    """Adds tags."""

    NAME = "tag"
    SETTINGS: Any = Tags
    DESCRIPTION = "Adds tags."
    EXAMPLE = "tag: [long, weekend]"
    IN_OUTPUTS = True

    def apply(self, settings: Any, subject: Subject) -> str | None:
        """Add those that it does not have."""
        from aggregator.normalize.text import MAX_TAGS

        before = subject.entry.tags
        known = {tag.casefold() for tag in before}
        added = [tag for tag in settings if tag.casefold() not in known][: max(0, MAX_TAGS - len(before))]
        if not added:
            return None
        subject.entry = replace(subject.entry, tags=(*before, *added))
        return f"tagged {', '.join(map(show, added))}"


class Untag:
    """Removes tags."""

    NAME = "untag"
    SETTINGS: Any = WordList
    DESCRIPTION = "Removes tags: those that are one of the words as a whole, or in which a regular expression is found."
    EXAMPLE = "untag: [uncategorized, '/^[0-9]+$/']"
    IN_OUTPUTS = True

    def apply(self, settings: Any, subject: Subject) -> str | None:
        """Remove those that match."""
        removed = [tag for tag in subject.entry.tags if settings.equals(tag)]
        if not removed:
            return None
        subject.entry = replace(subject.entry, tags=tuple(tag for tag in subject.entry.tags if tag not in removed))
        return f"removed the tags {', '.join(map(show, removed))}"
