"""The values of a preview: what `preview --json` prints, and what people are shown of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aggregator.values.terminal import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.config import Config
    from aggregator.models import Fetched, Source
    from aggregator.preview import Document, Preview, PreviewItem

FORMAT = "aggregator-preview-1"
"""The value of `format` in what `--json` prints."""
#: Notes of one rule.
_MOST_NOTES = 3
#: What people call the fields of `RawEntry`.
_FIELDS = {
    "title": "title",
    "link": "url",
    "date": "published",
    "updated": "updated",
    "summary": "summary",
    "content": "content",
    "author": "authors",
    "image": "image",
    "categories": "tags",
    "id": "guid",
    "enclosures": "enclosures",
}


def as_values(seen: Preview, config: Config, items: Sequence[PreviewItem]) -> dict[str, Any]:
    """Return a preview with some of its items for programs."""
    state, source, parsed = seen.result.state, seen.source, seen.parsed
    read = None
    if parsed is not None:
        read = {
            "format": parsed.version,
            "reader": parsed.reader,
            "title": parsed.title,
            "home": parsed.home_url,
            "language": parsed.language,
            "items": len(parsed.entries),
            "fields": fields_filled(seen),
        }
    return {
        "format": FORMAT,
        "source": source.id,
        "kind": source.kind,
        "url": source.url,
        "at": None if state.last_attempt_at is None else iso(state.last_attempt_at),
        "failure": seen.failure and {"kind": state.failure_kind, "message": state.error or seen.failure},
        "notes": list(seen.result.notes),
        "documents": [_document_json(one, source) for one in seen.documents],
        "read": read,
        "rules": rule_rows(seen, config),
        "removed_by_retention": seen.removed,
        "judged_without_a_step": seen.unmade,
        "not_published": list(seen.failures),
        "items": [_item_json(one) for one in items],
    }


def _document_json(document: Document, source: Source) -> dict[str, Any]:
    page, request = fetched_of(document), document.request
    whole: dict[str, Any] = {"url": request.url, "method": "GET" if request.content is None else "POST"}
    if page is None:
        return {**whole, "status": getattr(document.outcome, "status", None), "error": str(document.outcome)}
    encoding = encoding_of(page, source) or None
    return {
        **whole,
        "status": page.status,
        "answered_by": page.url,
        "content_type": page.content_type,
        "encoding": encoding,
        "bytes": len(page.body),
        "sha256": page.body_hash,
    }


def _item_json(item: PreviewItem) -> dict[str, Any]:
    from aggregator.snapshots import item_values

    post = item.post and {"path": item.post.name, "text": item.post.data.decode("utf-8", "replace")}
    return {
        **item_values(item),
        "here": item.here,
        "rules": [asdict(step) for step in item.trace.steps],
        **({"post": post} if post else {}),
    }


def fields_filled(seen: Preview) -> dict[str, int]:
    """Return in how many of the items that were read each field is filled."""
    entries = () if seen.parsed is None else seen.parsed.entries
    return {name: sum(_is_filled(getattr(one, key)) for one in entries) for name, key in _FIELDS.items()}


def _is_filled(value: Any) -> bool:
    text = getattr(value, "value", value)
    return bool(text.strip() if isinstance(text, str) else text)


def rule_rows(seen: Preview, config: Config) -> list[dict[str, Any]]:
    """Return what each rule did that any item reached, in the order of the rules."""
    from aggregator.rules.book import NOT_APPLIED

    rows: dict[tuple[str, int], dict[str, Any]] = {}
    lines = {(rule.place, rule.number): rule.line for rule in config.rule_book.rules} if seen.items else {}
    order = {place: number for number, place in enumerate(lines)}
    for one in seen.items:
        for step in one.trace.steps:
            key = step.place, step.number
            fresh = {
                "place": step.place,
                "number": step.number,
                "line": lines.get(key, 0),
                "rule": step.name,
                "text": step.text,
                "applied": 0,
                "hits": 0,
                "example": None,
                "notes": [],
            }
            row = rows.setdefault(key, fresh)
            row["applied"] += 1
            row["hits"] += step.what is not None
            if step.what is not None and row["example"] is None:
                row["example"] = f"{one.stored.stored.entry.title}: {step.what}"
            if step.note and step.note not in (NOT_APPLIED, *row["notes"]) and len(row["notes"]) < _MOST_NOTES:
                row["notes"].append(step.note)
    return [rows[key] for key in sorted(rows, key=lambda key: order.get(key, len(order)))]


def fetched_of(document: Document) -> Fetched | None:
    """Return what came, or None where no document did."""
    from aggregator.models import Fetched

    return document.outcome if isinstance(document.outcome, Fetched) else None


def encoding_of(page: Fetched, source: Source) -> str:
    """Return the encoding of a document: as it is set, or as it is found."""
    from aggregator.parse.encoding import decode

    if forced := getattr(source.rules, "encoding", None):
        return f"{forced}, set"
    return "" if page.body.startswith(b"\x1f\x8b") else decode(page.body, page.content_type).encoding
