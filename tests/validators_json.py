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
_ATTACHMENT = {"url": str, "mime_type": str, "title": str, "size_in_bytes": int, "duration_in_seconds": int}
_URLS = ("url", "external_url", "image", "banner_image", "home_page_url", "feed_url", "next_url", "icon", "favicon")

# RFC 5646, section 2.1, without grandfathered tags.
_LANGUAGE = re.compile(
    r"([a-z]{2,3}(-[a-z]{3}){0,3}|[a-z]{4,8})(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(-[a-wyz0-9](-[a-z0-9]{2,8})+)*(-x(-[a-z0-9]{1,8})+)?|x(-[a-z0-9]{1,8})+",
    re.IGNORECASE | re.ASCII,
)
_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")


def is_url(text: str | None) -> bool:
    """Whether this is an absolute http(s) IRI without characters that no IRI has (RFC 3987)."""
    if not text or re.search(r'[\x00-\x20<>"{}|\\^`\x7f-\x9f]', text):
        return False
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


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
    for number, item in enumerate(feed["items"]):
        complaints += [f"item {number}: {complaint}" for complaint in _item(item)]
    ids = Counter(item["id"] for item in feed["items"] if isinstance(item, dict) and isinstance(item.get("id"), str))
    return complaints + [f"id {identity!r} occurs {number} times" for identity, number in ids.items() if number > 1]


def _item(item: Any) -> Iterator[str]:
    if not isinstance(item, dict):
        yield "no object"
        return
    yield from _members(item, _ITEM, ("id",))
    if not item.get("id"):
        yield "empty id"
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
        elif name not in known:
            yield f"unknown {name}"
        elif not isinstance(member, known[name]) or isinstance(member, bool) != (known[name] is bool):
            yield f"{name} is {type(member).__name__}"
        else:
            yield from _value(name, member)


def _value(name: str, value: Any) -> Iterator[str]:
    """Rules on a member whose type is right."""
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
