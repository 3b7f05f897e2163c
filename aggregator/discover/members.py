"""The members of the items in a list of JSON: which has the title, the address, the date. Pure.

Names differ from site to site (`title`, `newsTitle`, `headline`), and so do the levels in which an item is wrapped
(`node`, `attributes`, `fields`); what counts is that nearly all items have the member, and that the values are of the
right kind.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aggregator.discover.parts import weight
from aggregator.sources.selecting import is_date

Role = Literal["title", "link", "key", "date", "summary", "content", "image"]

#: Levels of objects in an item that are looked at, and members of an item.
_LEVELS, _MEMBERS = 3, 200
#: Share of the items that must have a member, and share of different values.
_MOST, _DIFFERENT = 0.8, 0.7
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

#: Names of members by what they are, the surest first; in lower case, without `_` and `-`.
_NAMES: Mapping[Role, Sequence[str]] = {
    "title": (r"headline|title", r"\w*title", r"\w*headline|subject|question", r"name|caption|heading", r"\w*name"),
    "link": (
        r"permalink|url|link|href",
        r"canonicalurl|canonical|weburl|fullurl|articleurl|newsurl|posturl|detailurl|pageurl|jumpurl",
        r"path|uri|fullpath|urlpath",
        r"(?!(?:image|img|cover|thumb|avatar|logo|icon|pic|photo|video|share|author|user|categor|feed|api|comment|tag))"
        r"\w*(?:url|link|href)",
    ),
    "key": (r"slug", r"\w*slug", r"id|uuid|key|code", r"\w*id", r"path|uri"),
    "date": (
        r"(?:date|time)?(?:publish|pub|post|issue|release)\w*(?:date|time|at|on|ed)?",
        r"date|datetime|time|timestamp|ts|displaydate|displaytime|ctime",
        r"(?:date|time)?creat\w*|(?:first|original)\w*(?:date|time|at)|start\w*(?:date|time|at)",
        r"(?!(?:expir|end|read|dur|open|close)).*(?:date|time|at)|(?:last)?(?:updated?|modified)\w*",
    ),
    "summary": (
        r"excerpt|summary|abstract|digest|standfirst|teaser|dek|deck|intro|introduction|brief|lead",
        r"description|desc|subtitle|subheading|subhead|shortdescription|metadescription",
        r"\w*(?:summary|excerpt|desc|description|intro)",
    ),
    "content": (r"contenthtml|bodyhtml|html|articlebody", r"content|body|text|fulltext"),
    "image": (
        r"image|coverimage|featuredimage|thumbnail|cover|heroimage|mainimage|poster",
        r"thumb|picture|pic|photo|img|imageurl|coverurl|thumbnailurl|\w*(?:image|cover|thumb|picurl|imgurl)",
    ),
}
#: Weights of texts by what they are: least and most, in the mean.
_WEIGHTS: Mapping[Role, tuple[int, int]] = {"title": (4, 300), "summary": (12, 3000), "content": (300, 10**9)}
_ADDRESS = re.compile(
    r"(?:https?:)?//[^\s]+\Z|\.{0,2}/[^\s]*\Z|[\w%-]+(?:/[\w.%-]+)+(?:\?[^\s]*)?\Z|[\w%-]+\.s?html?\Z"
)
_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif|svg|mp[34]|m3u8)(?:[?#].*)?\Z", re.IGNORECASE)
#: Objects in an item that are something else than the item.
_OTHER = re.compile(
    r"image|img|cover|thumb|picture|photo|media|video|audio|author|user|creator|writer|editor|publisher|site|channel|"
    r"categor|tag|section|topic|column|parent|series|comment|stat|seo|logo|icon|avatar|organization",
    re.IGNORECASE,
)
_KEY = re.compile(r"[\w.~%-]{1,200}\Z")
_UNIX = re.compile(r"\d{10}(?:\.\d+)?\Z|\d{13}\Z")
_ZONED = re.compile(r"(?:Z|UTC|GMT|[+-]\d\d:?\d\d)\s*\Z", re.IGNORECASE)
_EARLIEST, _LATEST = 315_532_800, 7_258_118_400


@dataclass(frozen=True, slots=True)
class ItemMember:
    """A member that nearly all items have."""

    #: Its name, or its path below the item, as the kind `json` selects it.
    select: str
    names: tuple[str, ...]
    values: tuple[Any, ...]

    @property
    def weight(self) -> float:
        """How much its texts say, in the mean."""
        return sum(weight(str(value)) for value in self.values) / len(self.values)


@dataclass(frozen=True, slots=True)
class ItemMembers:
    """The members of the items of a list."""

    items: int
    members: Sequence[ItemMember]

    def best(self, role: Role, resolve: Callable[[str], object] | None = None) -> ItemMember | None:
        """Return the member that is likeliest what is asked for, or None.

        Args:
            role: what is asked for.
            resolve: returns None for a value that is none.
        """
        return next(self.all(role, resolve), None)

    def all(self, role: Role, resolve: Callable[[str], object] | None = None) -> Iterator[ItemMember]:
        """Return the members that may be what is asked for, the likeliest first."""
        found = []
        for number, member in enumerate(self.members):
            order = _order(role, member)
            if order is not None and _fits(role, member, resolve):
                found.append((order, len(member.names), number, member))
        return (member for *_, member in sorted(found, key=lambda one: one[:3]))

    def has(self, word: str) -> bool:
        """Whether there is a member with a word in its name."""
        return any(word in member.names[-1].lower() for member in self.members)


def members_of(items: Sequence[Mapping[str, Any]]) -> ItemMembers:
    """Return the members that most of the items have."""
    found: dict[tuple[str, ...], list[Any]] = defaultdict(list)
    for item in items:
        for names, value in _walk(item, ()):
            if names in found or len(found) < _MEMBERS:
                found[names].append(value)
    kept = [
        ItemMember(_select(names), names, tuple(values))
        for names, values in found.items()
        if len(values) >= _MOST * len(items) and all(name.isprintable() for name in names)
    ]
    return ItemMembers(len(items), kept)


def _walk(value: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for number, (name, one) in enumerate(value.items()):
        if number == _MEMBERS or len(name) > 100:
            break
        if one is not None and one != "":
            yield (*names, name), one
        if isinstance(one, dict) and len(names) + 1 < _LEVELS:
            yield from _walk(one, (*names, name))


def _select(names: Sequence[str]) -> str:
    """Return a name, or a path of names; names with signs of paths are quoted (RFC 9535, section 2.3.1)."""
    if all(_PLAIN.match(name) for name in names):
        return ".".join(names)
    if len(names) == 1 and re.fullmatch(r"[@\w-]+", names[0]):
        return names[0]
    return "$" + "".join("['{}']".format(name.replace("\\", "\\\\").replace("'", "\\'")) for name in names)


def _order(role: Role, member: ItemMember) -> int | None:
    """Return how sure the name of a member is, 0 the surest; None: it is another one."""
    if role != "image" and any(_OTHER.search(name) for name in member.names[:-1]):
        return None
    name = re.sub(r"[_\-@]", "", member.names[-1]).lower()
    return next((number for number, pattern in enumerate(_patterns(role)) if pattern.fullmatch(name)), None)


@functools.cache
def _patterns(role: Role) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in _NAMES[role])


def _fits(role: Role, member: ItemMember, resolve: Callable[[str], object] | None) -> bool:
    """Whether the values of a member are what is asked for."""
    values = member.values
    if role == "image":
        return all(isinstance(one, str | dict | list) for one in values) and any(map(_is_picture, values))
    if role == "date":
        return sum(map(_is_time, values)) >= 0.9 * len(values)
    if role == "key":
        plain = all(isinstance(one, str | int) and _KEY.match(str(one)) for one in values)
        return plain and len(set(map(str, values))) >= 0.9 * len(values)
    texts = [one for one in values if isinstance(one, str)]
    if len(texts) < len(values):
        return False
    if role == "link":
        good = [one for one in texts if _ADDRESS.match(one.strip()) and not _FILE.search(one.strip())]
        if resolve is not None:
            good = [one for one in good if resolve(one)]
        return len(good) >= 0.9 * len(texts) and len(set(good)) >= 0.9 * len(texts)
    least, most = _WEIGHTS[role]
    different = role != "title" or len(set(texts)) >= _DIFFERENT * len(texts)
    return different and least <= member.weight <= most and not any(_ADDRESS.match(one) for one in texts[:3])


def _is_picture(value: Any) -> bool:
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = next((value[name] for name in ("url", "src", "contentUrl", "href") if name in value), None)
    return isinstance(value, str) and _ADDRESS.match(value.strip()) is not None


def lacks_zone(member: ItemMember) -> bool:
    """Whether a date says no time zone."""
    return any(isinstance(value, str) and not _ZONED.search(value) for value in member.values if not _is_unix(value))


def _is_unix(value: Any) -> bool:
    return _UNIX.match(str(value).strip()) is not None


def _is_time(value: Any) -> bool:
    """Whether a value is a date: text, or Unix time in seconds or milliseconds."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    said = str(value).strip()
    if _is_unix(value):
        seconds = float(said) / (1000 if len(said) == 13 else 1)
        return _EARLIEST < seconds < _LATEST
    return isinstance(value, str) and 6 <= len(said) <= 60 and is_date(said)
