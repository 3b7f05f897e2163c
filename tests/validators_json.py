"""The rules of JSON Feed 1.1, and the forms of values that all formats share."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

_FEED = {
    "version": str, "title": str, "home_page_url": str, "feed_url": str, "description": str, "user_comment": str,
    "next_url": str, "icon": str, "favicon": str, "authors": list, "language": str, "expired": bool, "hubs": list,
    "items": list,
}  # fmt: skip
_ITEM = {
    "id": str, "url": str, "external_url": str, "title": str, "content_html": str, "content_text": str, "summary": str,
    "image": str, "banner_image": str, "date_published": str, "date_modified": str, "authors": list, "tags": list,
    "language": str, "attachments": list,
}  # fmt: skip
_AUTHOR = {"name": str, "url": str, "avatar": str}
_HUB = {"type": str, "url": str}
_ATTACHMENT = {"url": str, "mime_type": str, "title": str, "size_in_bytes": int, "duration_in_seconds": int}
_URLS = (
    "url",
    "external_url",
    "image",
    "banner_image",
    "home_page_url",
    "feed_url",
    "next_url",
    "icon",
    "favicon",
    "avatar",
)

# RFC 5646, section 2.1, without grandfathered tags.
_LANGUAGE = re.compile(
    r"([a-z]{2,3}(-[a-z]{3}){0,3}|[a-z]{4,8})(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(-[a-wyz0-9](-[a-z0-9]{2,8})+)*(-x(-[a-z0-9]{1,8})+)?|x(-[a-z0-9]{1,8})+",
    re.IGNORECASE | re.ASCII,
)
_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")


# RFC 3986, appendix A; brackets are for hosts only.
_URI = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\])?(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
#: Elements of HTML (and MathML, whose names begin with an m) that do no harm in a text.
_ELEMENTS = frozenset(
    """
    a abbr acronym address article aside audio b bdi big blockquote br caption center cite code col colgroup dd del
    details dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li
    main mark menu nav ol p picture pre q rb rp rt rtc ruby s samp search section small source span strike strong sub
    summary sup table tbody td tfoot th thead time tr track tt u ul var video wbr
    annotation math semantics
    """.split()
)
_TAG = re.compile(r'<(/?)([A-Za-z][A-Za-z0-9-]*)((?:\s+[^\s"=<>/]+(?:="[^"]*")?)*)\s*/?>')
_ADDRESS = re.compile(r'\s(?:href|src|poster|cite)="([^"]*)"')


def is_url(text: str | None) -> bool:
    """Whether this is an absolute http(s) URI (RFC 3986) with a host and without a user's name."""
    if not text or not _URI.fullmatch(text):
        return False
    parts = urlsplit(text)
    return bool(parts.hostname) and "@" not in parts.netloc


def is_id(text: str | None) -> bool:
    """Whether this has a scheme, is a UUID where it says so (RFC 9562), and has no character that no IRI has."""
    if not text or re.search(r'[\x00-\x20<>"{}|\\^`\x7f-\x9f]', text) or not urlsplit(text).scheme:
        return False
    return _UUID.fullmatch(text) is not None or not text.lower().startswith("urn:uuid:")


def has_controls(text: str | None) -> bool:
    """Whether there are control characters in a text, besides tabs and line breaks."""
    return text is not None and _CONTROLS.search(text) is not None


def check_html(fragment: str | None) -> Iterator[str]:
    """Complaints about the markup of a text: unknown and harmful elements, addresses that need a base."""
    for _, name, attributes in _TAG.findall(fragment or ""):
        if name not in _ELEMENTS and not re.fullmatch("m[a-z]+", name):
            yield f"element {name}"
        for address in _ADDRESS.findall(attributes):
            if not re.match("[a-z]+:", address):
                yield f"relative address {address!r}"


def is_language(text: str) -> bool:
    """Whether this is a well-formed language tag (RFC 5646)."""
    return _LANGUAGE.fullmatch(text) is not None


def is_rfc3339(text: str | None) -> bool:
    """Whether this is a date and time with a zone (RFC 3339) that exists."""
    if not text or not _RFC3339.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def check_jsonfeed(data: bytes) -> list[str]:
    """Complaints about a JSON Feed 1.1."""
    try:
        feed = json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except ValueError as error:
        return [f"not JSON in UTF-8: {error}"]
    if not isinstance(feed, dict):
        return ["no object"]
    complaints = list(_members(feed, _FEED, ("version", "title", "items")))
    if complaints:
        return complaints
    if feed["version"] != "https://jsonfeed.org/version/1.1":
        complaints.append("version")
    if feed.get("next_url") is not None and feed["next_url"] == feed.get("feed_url"):
        complaints.append("next_url leads back")
    for hub in feed.get("hubs", []):
        complaints += [f"hub: {complaint}" for complaint in _members(hub, _HUB, ("type", "url"))]
    for number, item in enumerate(feed["items"]):
        complaints += [f"item {number}: {complaint}" for complaint in _item(item)]
    ids = Counter(item["id"] for item in feed["items"] if isinstance(item, dict) and isinstance(item.get("id"), str))
    return complaints + [f"id {identity!r} occurs {number} times" for identity, number in ids.items() if number > 1]


def _item(item: Any) -> Iterator[str]:
    if not isinstance(item, dict):
        yield "no object"
        return
    yield from _members(item, _ITEM, ("id",))
    if not isinstance(item.get("id"), str) or not is_id(item["id"]):
        yield f"id {item.get('id')!r}"
    yield from check_html(item.get("content_html"))
    if "content_html" not in item and "content_text" not in item:
        yield "no content"
    for name in ("date_published", "date_modified"):
        if name in item and not is_rfc3339(item[name]):
            yield f"{name} {item[name]!r}"
    if not all(isinstance(tag, str) and tag for tag in item.get("tags", [])):
        yield "tags"
    for attachment in item.get("attachments", []):
        yield from _members(attachment, _ATTACHMENT, ("url", "mime_type"))


def _members(value: Any, known: Mapping[str, type], required: tuple[str, ...]) -> Iterator[str]:
    """Rules that hold for every object of a feed."""
    if not isinstance(value, dict):
        yield "no object"
        return
    for name in required:
        if name not in value:
            yield f"no {name}"
    for name, member in value.items():
        if name.startswith("_"):
            if not re.fullmatch("_[a-zA-Z][^.]*", name) or not isinstance(member, dict):
                yield f"extension {name}"
            elif name == "_origin" and not (member.get("title") and all(map(is_url, _addresses(member)))):
                yield f"origin {member!r}"
        elif name not in known:
            yield f"unknown {name}"
        elif not isinstance(member, known[name]) or isinstance(member, bool) != (known[name] is bool):
            yield f"{name} is {type(member).__name__}"
        else:
            yield from _value(name, member)


def _addresses(origin: Mapping[str, str]) -> list[str]:
    return [origin[name] for name in ("url", "feed_url") if name in origin]


def _value(name: str, value: Any) -> Iterator[str]:
    """Rules on a member whose type is right."""
    if isinstance(value, str) and has_controls(value):
        yield f"control characters in {name}"
    if name in ("size_in_bytes", "duration_in_seconds") and value == 0:
        yield f"{name} says nothing"
    if name in _URLS and not is_url(value):
        yield f"{name} {value!r} is no URL"
    if name == "language" and not is_language(value):
        yield f"language {value!r}"
    if isinstance(value, int) and value < 0:
        yield f"{name} is negative"
    if name == "mime_type" and not re.fullmatch(r"[^\s/]+/[^\s/].*", value):
        yield f"mime_type {value!r}"
    if name == "authors":
        for author in value:
            yield from _members(author, _AUTHOR, ())
            if not author:
                yield "empty author"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return members


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
