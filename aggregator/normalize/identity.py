"""Raw entries in, the same with their identity out; and the ids under which they are published.

Everything here depends on the entries only: the same document gives the same keys in every run, in any order.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from aggregator.models import Identified, RawEntry, Text
from aggregator.normalize.words import words

#: Longest key in characters; a longer one is cut and told apart by a hash.
MAX_KEY = 500
#: Longest id that is taken over from a source.
MAX_ID = 2000

#: Changes when a later version reads more of an entry, so that known entries are written anew once.
_VERSION = "1"

#: Stands between the parts of a key; no part has one, because it is a control character.
_SEPARATOR = "\n"
_CONTROLS = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_IRI = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]+):"
    r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2}"
    "|[\u00a1-\u167f\u1681-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\u2fff\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufeb0\uff00-\uffef"
    "\U00010000-\U0001fffd\U00020000-\U0002fffd\U00030000-\U0003fffd])+"
)
_SHAPES = {
    "http": re.compile(r"https?://[^/?#@:\[\]]+(?::[0-9]{0,5})?(?:[/?#].*)?", re.IGNORECASE),
    "urn": re.compile(r"urn:[a-z0-9][a-z0-9-]{0,31}:.+", re.IGNORECASE),
    "tag": re.compile(r"tag:[^,:/?#]+,[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?:.*", re.IGNORECASE),
}
_SHAPES["https"] = _SHAPES["http"]
#: Schemes of addresses that do something when followed, or that name a place on one machine only.
_REFUSED = words("about blob cid data feed file filesystem jar javascript mid vbscript view-source")

#: By what entries of one key are told apart, one after the other.
_STEPS: tuple[Callable[[RawEntry], str], ...] = (
    lambda raw: _tidy(raw.url),
    lambda raw: _hash([_value(raw.title)]),
    lambda raw: _hash([_value(raw.content), _value(raw.summary)]),
    # Without a guid and an address, the date is all that is left to tell two reports of one thing apart.
    lambda raw: "" if raw.guid or raw.url else _hash([raw.published, raw.updated]),
)


def identify(entries: Sequence[RawEntry]) -> tuple[Identified, ...]:
    """Give each entry of one document its key and its fingerprint, in the order of the document.

    The key is the guid, else the address, else a hash of title and text. Entries that share it are all told apart by
    their addresses too, then by their titles, then by their texts, and at last by their dates where they have neither
    guid nor address; what is still the same is one entry. Entries that have nothing to show are left out.
    """
    found = [
        Identified(_first_key(raw), fingerprint(raw), raw)
        for raw in entries
        if raw.url or raw.title or raw.content or raw.summary or raw.enclosures or raw.image
    ]
    if len({one.key for one in found}) == len(found):
        return tuple(one if len(one.key) <= MAX_KEY else replace(one, key=_short(one.key)) for one in found)
    groups: dict[str, list[Identified]] = {}
    for one in found:
        groups.setdefault(one.key, []).append(one)
    keys: dict[str, str] = {}
    for key, group in groups.items():
        keys |= {group[0].hash: key} if len(group) == 1 else _tell_apart(key, group)
    return tuple(replace(one, key=_short(keys.pop(one.hash))) for one in found if one.hash in keys)


def _tell_apart(key: str, group: Sequence[Identified]) -> dict[str, str]:
    """Keys of entries that share one, by fingerprint."""
    versions: dict[tuple[str, ...], str] = {}
    for one in group:
        parts = tuple(step(one.raw) for step in _STEPS)
        # Of two versions the same one is taken in whatever order they come.
        versions[parts] = min(one.hash, versions.get(parts, one.hash))
    if len(versions) == 1:
        return dict.fromkeys(versions.values(), key)
    count = Counter(parts[:length] for parts in versions for length in range(1, len(parts) + 1))
    needed = {parts: next(n for n in range(1, len(parts) + 1) if count[parts[:n]] == 1) for parts in versions}
    return {digest: _SEPARATOR.join((key, *parts[: needed[parts]])) for parts, digest in versions.items()}


def fingerprint(raw: RawEntry) -> str:
    """32 hexadecimal digits that change with anything the source says of the entry.

    The base address of its texts is no part of it: a feed that moves does not change its entries.
    """
    title, content, summary, authors, tags = raw.title, raw.content, raw.summary, raw.authors, raw.tags
    fields: list[str | None] = [
        _VERSION,
        raw.guid,
        raw.url,
        *((None, None) if title is None else (title.type, title.value)),
        *((None, None) if content is None else (content.type, content.value)),
        *((None, None) if summary is None else (summary.type, summary.value)),
        raw.published,
        raw.updated,
        raw.image,
        raw.comments_url,
        raw.language,
        raw.timezone,
        str(len(authors)),
        *authors,
        str(len(tags)),
        *tags,
    ]
    for file in raw.enclosures:
        fields += (file.url, file.type, str(file.length), file.title, str(file.duration))
    return _hash(fields)


def public_id(guid: str | None, source_url: str, key: str) -> str:
    """The id of an entry in RSS guid, Atom id and JSON Feed id.

    It is the source's own where that is an absolute URI or IRI (RFC 3986, RFC 3987; `tag:` as RFC 4151 and `urn:` as
    RFC 8141 have it) of at most `MAX_ID` characters, else `minted_id`.
    """
    return guid if guid is not None and _is_usable(guid) else minted_id(source_url, key)


def clean_guid(guid: str | None) -> str | None:
    """The source's own id as every store can hold it, or None where it has none or one of no use for its length."""
    tidy = _tidy(guid)
    return tidy if 0 < len(tidy) <= MAX_ID else None


def minted_id(source_url: str, key: str) -> str:
    """An id made from the source's address and the entry's key: ``urn:uuid:`` and a UUID of version 5 (RFC 9562)."""
    name = f"{len(source_url)}:{source_url}{key}"
    return uuid.uuid5(uuid.NAMESPACE_URL, name.encode("utf-8", "replace").decode()).urn


def _is_usable(guid: str) -> bool:
    match = _IRI.fullmatch(guid) if len(guid) <= MAX_ID else None
    if match is None or guid.count("#") > 1:
        return False
    scheme = match[1].lower()
    shape = _SHAPES.get(scheme)
    return scheme not in _REFUSED and (shape is None or shape.fullmatch(guid) is not None)


def _first_key(raw: RawEntry) -> str:
    key = _tidy(raw.guid) or _tidy(raw.url)
    return key or "hash:" + _hash([_value(raw.title), _value(raw.content), _value(raw.summary)])


def _tidy(text: str | None) -> str:
    """A key as every store can hold it: no white space around it, no controls, no lone surrogates."""
    tidy = "" if text is None else text.strip()
    return tidy if tidy.isprintable() else _CONTROLS.sub("\ufffd", tidy)


def _short(key: str) -> str:
    return key if len(key) <= MAX_KEY else f"{key[: MAX_KEY - 33]}#{_hash([key])}"


def _value(text: Text | None) -> str | None:
    return None if text is None else text.value


def _hash(fields: Iterable[str | None]) -> str:
    """SHA-256 of fields, each with its length before it, so that no two lists of fields look alike."""
    whole = "".join(["-" if field is None else f"{len(field)}:{field}" for field in fields])
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]
