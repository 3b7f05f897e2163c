"""Documents as files: what a server answered, as an HTTP message (RFC 9112, section 2.1) that a person can read.

The body is decoded, so the head says nothing of codings. A browser that opens such a file shows text, and runs nothing.
"""

from __future__ import annotations

import hashlib

from aggregator.models import Fetched

SUFFIX = ".http"
"""The end of the names of such files."""

_BEGIN = b"HTTP/1.1 "
#: Headers of the file, each with the field of `Fetched` that it holds.
_HEADERS = {
    "Content-Type": "content_type",
    "Content-Location": "url",
    "X-Requested-Location": "requested_url",
    "ETag": "etag",
    "Last-Modified": "last_modified",
    "Link": "links",
}


def dump(fetched: Fetched) -> bytes:
    """Return a document as the bytes of a file."""
    head = [f"HTTP/1.1 {fetched.status}"]
    for name, field in _HEADERS.items():
        value = getattr(fetched, field)
        if value and value.isprintable():
            head.append(f"{name}: {value}")
    return "\r\n".join([*head, "", ""]).encode("utf-8") + fetched.body


def load(data: bytes, url: str, *, content_type: str = "") -> Fetched:
    """Read a file: one that `dump` wrote, or a plain document.

    Args:
        url: address of the document, where the file does not say it.
        content_type: the same for its media type.
    """
    values: dict[str, str] = {"url": url, "requested_url": url, "content_type": content_type}
    head, end, body = data.partition(b"\r\n\r\n")
    status = 200
    if data.startswith(_BEGIN) and end:
        first, *lines = head.decode("utf-8", "replace").split("\r\n")
        number = first.removeprefix(_BEGIN.decode())[:3]
        status = int(number) if number.isdecimal() and number.isascii() else 200
        fields = {name.lower(): field for name, field in _HEADERS.items()}
        for line in lines:
            name, _, value = line.partition(":")
            if field := fields.get(name.strip().lower()):
                values[field] = value.strip()
    else:
        body = data
    return Fetched(status=status, body=body, body_hash=hashlib.sha256(body).hexdigest(), **values)  # type: ignore[arg-type]
