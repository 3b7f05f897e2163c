"""What few entries have: rights and licences, people, podcast elements, details of files and categories.

Every type is a record whose fields say what they hold (`Line`, `Url`, `Word` …), so that one function each reads,
writes, cleans and searches all of them. A record is dropped where a field without a default has no usable value. The
same names stand in the database and in the extension `_extras` of our JSON Feeds.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Annotated, Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

#: Kinds of values. All come from outside: `aggregator.normalize.extras` checks them.
Line: TypeAlias = Annotated[str, "line"]
"""Plain text on one line."""
Url: TypeAlias = Annotated[str, "url"]
"""An absolute http(s) address."""
Word: TypeAlias = Annotated[str, "word"]
"""A name of a few characters, such as the role of a person or the name of a codec."""
MediaType: TypeAlias = Annotated[str, "media type"]
Language: TypeAlias = Annotated[str, "language"]
Long: TypeAlias = Annotated[str, "long"]
"""Text of several lines, as it is."""
Count: TypeAlias = Annotated[int, "count"]
Decimal: TypeAlias = Annotated[float, "decimal"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has to do with an entry: an author, a contributor, or a `podcast:person`."""

    name: Line
    #: A page about the person, and a picture.
    url: Url | None = None
    image: Url | None = None
    #: What the person does, in the words of the podcast taxonomy.
    role: Line | None = None
    group: Line | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """A category with what its name alone does not say (RFC 4287, section 4.2.2; `domain` in RSS)."""

    term: Line
    scheme: Line | None = None
    label: Line | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its size in pixels (`media:thumbnail`)."""

    url: Url
    width: Count | None = None
    height: Count | None = None


@dataclass(frozen=True, slots=True)
class MediaDetail:
    """What Media RSS says of a file of the entry besides its type and its size."""

    #: That of the enclosure.
    url: Url
    #: Files with the same number are forms of one content (`media:group`).
    group: Count | None = None
    medium: Word | None = None
    width: Count | None = None
    height: Count | None = None
    #: Kilobits per second.
    bitrate: Decimal | None = None
    language: Language | None = None
    #: Whether it is the form to be shown.
    default: bool = False


@dataclass(frozen=True, slots=True)
class Transcript:
    """The text of a file (`podcast:transcript`)."""

    url: Url
    type: MediaType | None = None
    language: Language | None = None
    rel: Word | None = None


@dataclass(frozen=True, slots=True)
class Chapters:
    """Where the chapters of a file are listed (`podcast:chapters`)."""

    url: Url
    type: MediaType | None = None


@dataclass(frozen=True, slots=True)
class MediaSource:
    """One place of an alternate file (`podcast:source`)."""

    uri: Url
    type: MediaType | None = None


@dataclass(frozen=True, slots=True)
class Alternate:
    """Another form of the main file (`podcast:alternateEnclosure`)."""

    type: MediaType
    sources: tuple[MediaSource, ...] = ()
    length: Count | None = None
    bitrate: Decimal | None = None
    height: Count | None = None
    language: Language | None = None
    title: Line | None = None
    rel: Word | None = None
    codecs: Line | None = None
    default: bool = False


@dataclass(frozen=True, slots=True)
class Soundbite:
    """A part of the main file that stands for it (`podcast:soundbite`); times in seconds."""

    start: Decimal
    duration: Decimal
    title: Line | None = None


@dataclass(frozen=True, slots=True)
class PodcastLicense:
    """A licence by its name (`podcast:license`)."""

    name: Line
    url: Url | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an `RslElement`."""

    name: Word
    value: Line


@dataclass(frozen=True, slots=True)
class RslElement:
    """An element of Really Simple Licensing 1.0 (rslstandard.org), which is passed on as it is."""

    name: Word
    attributes: tuple[Attribute, ...] = ()
    text: Line | None = None
    children: tuple[RslElement, ...] = ()


@dataclass(frozen=True, slots=True)
class Extras:
    """All of it; an entry that has none of it has no `Extras`."""

    rights: Line | None = None
    #: Addresses of licences.
    licenses: tuple[Url, ...] = ()
    podcast_license: PodcastLicense | None = None
    rsl: tuple[RslElement, ...] = ()
    #: Whether search engines are asked to leave it out.
    noindex: bool = False
    #: Those of the authors that have an address or a picture.
    authors: tuple[Person, ...] = ()
    contributors: tuple[Person, ...] = ()
    people: tuple[Person, ...] = ()
    #: Those of the categories that have a scheme, or a label that is not their term.
    categories: tuple[Term, ...] = ()
    thumbnails: tuple[Picture, ...] = ()
    media: tuple[MediaDetail, ...] = ()
    transcripts: tuple[Transcript, ...] = ()
    chapters: Chapters | None = None
    alternates: tuple[Alternate, ...] = ()
    soundbites: tuple[Soundbite, ...] = ()
    season: Count | None = None
    season_name: Line | None = None
    episode: Decimal | None = None
    episode_name: Line | None = None
    #: ``full``, ``trailer`` or ``bonus``.
    episode_type: Word | None = None
    explicit: bool | None = None
    #: The title without the number of the episode.
    itunes_title: Line | None = None
    #: The count when the entry was last read; a change of it alone is no change of the entry.
    comments_count: Count | None = None
    #: A feed of the comments.
    comments_feed: Url | None = None
    #: The text as it was written (`source:markdown`).
    markdown: Long | None = None
    #: The page elsewhere that the entry is about, and a picture across its own page (JSON Feed).
    external_url: Url | None = None
    banner_image: Url | None = None


#: Members of one list at most; of a longer one, the first are kept.
MAX_MEMBERS = 50
#: Records in a record.
_MAX_DEPTH = 8

T = TypeVar("T")
#: Returns a value of a kind as it may be kept, or None.
Check: TypeAlias = Callable[[str, Any], Any]


def _shape(record: Any) -> tuple[tuple[str, bool, Any, bool, Any], ...]:
    # To mypy, a type is not hashable.
    return _shape_of(record)


@cache
def _shape_of(record: Any) -> tuple[tuple[str, bool, Any, bool, Any], ...]:
    """Return of each field: name, whether it is a list, kind or record, whether it is required, and default."""
    hints = get_type_hints(record, include_extras=True)
    made = []
    for field in fields(record):
        hint, many = hints[field.name], False
        if get_origin(hint) in (Union, types.UnionType):
            hint = next(one for one in get_args(hint) if one is not type(None))
        if get_origin(hint) is tuple:
            hint, many = get_args(hint)[0], True
        kind = hint.__metadata__[0] if get_origin(hint) is Annotated else "flag" if hint is bool else hint
        made.append((field.name, many, kind, field.default is MISSING, field.default))
    return tuple(made)


def rebuilt(value: T, check: Check) -> T | None:
    """Return a record whose values have all passed a check; None where a required one has not.

    Args:
        check: gets the kind of each value and the value; what it returns is kept, unless it is None.
    """
    return _made(type(value), lambda name: getattr(value, name), check, 0)


def from_plain(record: type[T], found: object, check: Check) -> T | None:
    """Make a record of a dictionary as `to_plain` writes it; anything may be in it."""
    return _made(record, found.get, check, 0) if isinstance(found, dict) else None


def _made(record: type[T], get: Callable[[str], Any], check: Check, depth: int) -> T | None:
    values: dict[str, Any] = {}
    for name, many, kind, required, default in _shape(record):
        found = get(name)
        if found is None or found == ():
            made = default
        elif many:
            members = found[: 4 * MAX_MEMBERS] if isinstance(found, list | tuple) else ()
            kept = [_value(kind, one, check, depth) for one in members]
            made = tuple(dict.fromkeys([one for one in kept if one is not None]))[:MAX_MEMBERS]
        elif (made := _value(kind, found, check, depth)) is None:
            made = default
        if made is MISSING or (required and made is None):
            return None
        values[name] = made
    return record(**values)


def _value(kind: Any, found: Any, check: Check, depth: int) -> Any:
    if isinstance(kind, str):
        return check(kind, found)
    if depth == _MAX_DEPTH:
        return None
    if isinstance(found, dict):
        return _made(kind, found.get, check, depth + 1)
    return _made(kind, lambda name: getattr(found, name), check, depth + 1) if isinstance(found, kind) else None


def to_plain(value: Any) -> dict[str, Any]:
    """Return a record as a dictionary that JSON can hold, without the members that have their default."""
    made: dict[str, Any] = {}
    for name, many, kind, required, default in _shape(type(value)):
        found = getattr(value, name)
        if not required and found == default:
            continue
        if isinstance(kind, str):
            made[name] = list(found) if many else found
        else:
            made[name] = [to_plain(one) for one in found] if many else to_plain(found)
    return made


def texts_of(value: Any) -> Iterator[str]:
    """Yield all texts of a record and of the records in it."""
    for name, many, kind, _, _ in _shape(type(value)):
        found = getattr(value, name)
        for one in found if many else () if found is None else (found,):
            if isinstance(one, str):
                yield one
            elif not isinstance(kind, str):
                yield from texts_of(one)


def as_stored(kind: str, value: Any) -> Any:
    """Check the type of a value that is clean already, or that is not cleaned yet.

    A value of a wrong type in the database was damaged or edited, and is left out.
    """
    if kind == "flag":
        return value if isinstance(value, bool) else None
    if kind in ("count", "decimal"):
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    return value if isinstance(value, str) else None
