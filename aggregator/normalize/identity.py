"""The identity of entries: the keys under which they are stored, and the ids under which they are published.

Everything here depends on the entries only: the same document gives the same keys in every run, in any order.
`aggregator.pipeline.recognition` compares them with what is stored, and finds keys that belong to several entries.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from aggregator.models import Identified, Names, RawEntry, Text

#: Longest key in characters; a longer one is cut and gets a hash.
MAX_KEY = 500
#: Longest id of a source that is published, in characters.
MAX_ID = 2000

#: Stands before the digits of a fingerprint; fingerprints of different versions cannot be compared. It changes when the
#: program reads other fields of an entry, so that known entries are read again once. The first version had none.
_VERSION = "4."
_VERSION_OF_TITLES = "4t."

#: Separates the parts of a key; no part contains it, because it is a control character.
_SEPARATOR = "\n"
_CONTROLS = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_IRI = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]+):"
    r"(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]++|%[0-9A-Fa-f]{2}"
    "|[\u00a1-\u167f\u1681-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\u2fff\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufeb0\uff00-\uffef"
    "\U00010000-\U0001fffd\U00020000-\U0002fffd\U00030000-\U0003fffd])+"
)
_SHAPES = {
    "http": re.compile(r"https?://[^/?#@:\[\]]+(?::[0-9]{0,5})?(?:[/?#].*)?", re.IGNORECASE),
    # RFC 8141; a UUID is one (RFC 9562, section 4).
    "urn": re.compile(
        r"urn:(?:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?!uuid:)[a-z0-9][a-z0-9-]{0,31}:[!-~]+)",
        re.IGNORECASE,
    ),
    "tag": re.compile(
        r"tag:(?:[a-z0-9._-]+@)?[a-z0-9-]+(?:\.[a-z0-9-]+)*,[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?:[!-~]*", re.IGNORECASE
    ),
}
_SHAPES["https"] = _SHAPES["http"]
#: Schemes of addresses that do something when followed, or that name a place on one machine.
_REFUSED = frozenset("about blob cid data feed file filesystem jar javascript mid vbscript view-source".split())

Level = Literal["guid", "link", "title"]
"""What distinguishes the entries of a source; each level is for sources whose ids of the level before change."""


def identify(entries: Sequence[RawEntry], level: Level = "guid") -> tuple[Identified, ...]:
    """Give each entry of one document its key and its fingerprint, in the order of the document.

    The key is the guid, else the address, else a hash of title and text; at the level `link` the guid is left out, at
    the level `title` the address as well, and the date counts. Entries that share a key are distinguished, see
    `disambiguate`. Entries that have nothing to show are ignored.
    """
    found = [
        Identified(key_of(raw, level), fingerprint(raw, level), raw)
        for raw in entries
        if raw.url or raw.title or raw.content or raw.summary or raw.enclosures or raw.image
    ]
    if len({one.key for one in found}) == len(found):
        return tuple(found)
    groups: dict[str, list[Identified]] = {}
    for one in found:
        groups.setdefault(one.key, []).append(one)
    apart = {id(one.raw): one for key, group in groups.items() for one in _apart(key, group)}
    return tuple(apart.pop(id(one.raw)) for one in found if id(one.raw) in apart)


def disambiguate(one: Identified) -> Identified:
    """Give an entry whose key belongs to several entries a key of its own."""
    return _named(one.key, one, copied=False)


def aliases_of(document: Sequence[Identified]) -> tuple[tuple[str, str | None], ...]:
    """Return other names of the entries that share a key, each with the key of its entry; None: of several entries."""
    named = [(one, one.names) for one in document if one.names is not None]
    made: dict[str, str | None] = {}
    for one, names in named:
        made[names.base] = None
        # Where guid and address are the same, and other entries have that guid, the address says little.
        place = None if names.place == names.base + _SEPARATOR + names.base else names.place
        for name in (names.text, names.date, place):
            if name is not None and name != one.key:
                made[name] = None if name in made else one.key
    # A name that is the key of one entry is not a name of another.
    for one, _ in named:
        made.pop(one.key, None)
    return tuple(made.items())


def key_of(raw: RawEntry, level: Level = "guid") -> str:
    """Return the key of an entry that shares it with no other."""
    if level == "title":
        date = raw.published or raw.updated
        said = [date] if date else [_value(raw.content), _value(raw.summary)]
        return "title:" + _hash([_value(raw.title), *said])
    key = (level == "guid" and _tidy(raw.guid)) or _tidy(_link(raw))
    return _short(key) if key else "hash:" + _hash([_value(raw.title), _value(raw.content), _value(raw.summary)])


def _apart(key: str, group: Sequence[Identified]) -> list[Identified]:
    """Give entries that share a key a key each; copies are one entry."""
    if len(group) == 1:
        return [group[0]]
    # Of two copies the same one is taken in any order.
    ordered = sorted(group, key=lambda one: (one.hash, one.raw.published or "", one.raw.updated or ""), reverse=True)
    distinct = {_parts(one.raw): one for one in ordered}
    if len(distinct) == 1:
        return list(distinct.values())
    copies = Counter(_parts(one.raw) for one in group)
    named = [_named(key, one, copied=copies[parts] > 1) for parts, one in distinct.items()]
    count = Counter(one.key for one in named)
    # Two texts with the same title and date: only the text distinguishes them.
    return [one if count[one.key] == 1 or one.names is None else replace(one, key=one.names.text) for one in named]


def _named(base: str, one: Identified, *, copied: bool) -> Identified:
    raw = one.raw
    url, title, text, dates = _parts(raw)
    place = _SEPARATOR.join((base, url))
    titled = _SEPARATOR.join((place, title))
    worded = _SEPARATOR.join((titled, text))
    date = raw.published or raw.updated
    names = Names(
        base=base,
        place=_short(place) if url and (url != base or raw.guid) else None,
        title=_short(titled),
        text=_short(_SEPARATOR.join((worded, dates)) if dates else worded),
        date=_short(_SEPARATOR.join((titled, "at:" + _hash([date])))) if date and not dates else None,
        copied=copied,
    )
    return replace(one, key=names.date or names.text, names=names)


def _link(raw: RawEntry) -> str | None:
    """Return the address that identifies an entry: its link, even where a better address is shown."""
    return raw.former_url or raw.url


def _parts(raw: RawEntry) -> tuple[str, str, str, str]:
    """Return what distinguishes entries of one key; dates only where they have neither guid nor address."""
    dates = "" if raw.guid or raw.url else _hash([raw.published, raw.updated])
    text = _hash([_value(raw.content), _value(raw.summary)])
    return _tidy(_link(raw)), _hash([_value(raw.title)]), text, dates


def fingerprint(raw: RawEntry, level: Level = "guid") -> str:
    """Return a version and 32 hexadecimal digits that change with what the source says of the entry.

    The base address of its texts does not count: a feed that moves does not change its entries. Guid and dates do not
    count: many sources change them at every request, and neither is shown as it is now. The number of its comments does
    not count, as it changes often. At the level `title`, the address does not count.
    """
    title, content, summary, authors, tags = raw.title, raw.content, raw.summary, raw.authors, raw.tags
    fields: list[str | None] = [
        None if level == "title" else raw.url,
        *((None, None) if title is None else (title.type, title.value)),
        *((None, None) if content is None else (content.type, content.value)),
        *((None, None) if summary is None else (summary.type, summary.value)),
        raw.image,
        raw.comments_url,
        raw.language,
        str(len(authors)),
        *authors,
        str(len(tags)),
        *tags,
    ]
    if (feed := raw.original_feed) is not None:
        fields += (feed.title, feed.id, feed.url, feed.home_url)
    if raw.extras is not None:
        # Few entries have any, and this takes long to import.
        from aggregator.models.extras import to_plain

        if said := to_plain(replace(raw.extras, comments_count=None)):
            fields.append(json.dumps(said))
    for file in raw.enclosures:
        fields += (file.url, file.type, str(file.length), file.title, str(file.duration))
    return (_VERSION_OF_TITLES if level == "title" else _VERSION) + _hash(fields)


def public_id(guid: str | None, source_url: str, key: str) -> str:
    """Return the id of an entry in RSS guid, Atom id and JSON Feed id.

    It is that of the source where that is an absolute URI or IRI (RFC 3986, RFC 3987; `tag:` as RFC 4151 and `urn:` as
    RFC 8141 have it) of at most `MAX_ID` characters, else `minted_id`.
    """
    return usable_id(guid) or minted_id(source_url, key)


def usable_id(id: str | None) -> str | None:
    """Return the id of another program if an output can have it, see `public_id`; else None."""
    return id if id is not None and _is_usable(id) else None


def clean_guid(guid: str | None) -> str | None:
    """Return the id of the source as any store can hold it; None where there is none or it is too long."""
    tidy = _tidy(guid)
    return tidy if 0 < len(tidy) <= MAX_ID else None


def minted_id(source_url: str, key: str) -> str:
    """Make an id from the address of the source and the key of the entry: a UUID of version 5 as URN (RFC 9562)."""
    name = f"{len(source_url)}:{source_url}{key}"
    return uuid.uuid5(uuid.NAMESPACE_URL, name.encode("utf-8", "replace").decode()).urn


def _is_usable(guid: str) -> bool:
    match = _IRI.fullmatch(guid) if len(guid) <= MAX_ID else None
    if match is None or guid.count("#") > 1:
        return False
    scheme = match[1].lower()
    shape = _SHAPES.get(scheme)
    return scheme not in _REFUSED and (shape is None or shape.fullmatch(guid) is not None)


def _tidy(text: str | None) -> str:
    """Return a key as any store can hold it: no white space around it, no controls, no lone surrogates."""
    tidy = "" if text is None else text.strip()
    return tidy if tidy.isprintable() else _CONTROLS.sub("\ufffd", tidy)


def _short(key: str) -> str:
    return key if len(key) <= MAX_KEY else f"{key[: MAX_KEY - 33]}#{_hash([key])}"


def _value(text: Text | None) -> str | None:
    return None if text is None else text.value


def _hash(fields: Iterable[str | None]) -> str:
    """Hash fields with SHA-256, each with its length before it, so that different lists differ."""
    whole = "".join(["-" if field is None else f"{len(field)}:{field}" for field in fields])
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]
