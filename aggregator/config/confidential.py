"""Removal of confidential values from what will be published: the seam before the store.

In: entries, titles and addresses as received, and `Config.confidential`. Out: the same without any of these values. A
feed may repeat the token of its own address in every link, and a page the address at which it was found. In texts,
`***` replaces a secret; an address that contains one is dropped, because it would lead nowhere. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from aggregator.config.secrets import contains_secret, mask, redact
from aggregator.models import Enclosure, Entry, FeedState, FeedUpdate, OriginalFeed

#: A tag as the sanitizer writes it.
_TAG = re.compile(r'<[a-zA-Z][a-zA-Z0-9-]*+(?: [^ "=<>]+="[^"]*")++>')
_ATTRIBUTE = re.compile(r' ([^ "=<>]+)="([^"]*)"')
#: Attributes that are texts; a part of any other one is useless.
_TEXTS = frozenset({"alt", "title", "summary", "label", "aria-label"})
#: Elements that are empty without an address.
_NOTHING_LEFT = re.compile(r"<(?:img(?! (?:.* )?src=)|source(?! (?:.* )?src(?:set)?=))[ >]")


def public_update(update: FeedUpdate, secrets: frozenset[str], confidential: frozenset[str]) -> FeedUpdate:
    """Return the update as it may enter the store: its messages are shown in many places, its entries published.

    Args:
        secrets: values that must not be in messages.
        confidential: values that must not be published either.
    """
    if update.state.error is None and not update.notes and not confidential:
        return update
    state = public_state(update.state, confidential)
    error = state.error and redact(state.error, secrets)
    kept, notes = (tuple([redact(note, secrets) for note in some]) for some in (state.notes, update.notes))
    new, changed, reread = (
        tuple([public_entry(entry, confidential) for entry in entries]) if confidential else entries
        for entries in (update.new, update.changed, update.reread)
    )
    state = replace(state, error=error, notes=kept)
    return replace(update, state=state, new=new, changed=changed, reread=reread, notes=notes)


def public_state(state: FeedState, secrets: frozenset[str]) -> FeedState:
    """Return the state of a source, with the title and the address of its feed as they may be published."""
    title, home = state.title, state.home_url
    if not (title and contains_secret(title, secrets)) and not (home and contains_secret(home, secrets)):
        return state
    return replace(state, title=title and mask(title, secrets), home_url=public_identifier(home, secrets))


def public_entry(entry: Entry, secrets: frozenset[str]) -> Entry:
    """Return the entry as it may be published; its key and its hash stay, so that it is recognized again."""
    if not secrets or not contains_secret("\n".join(_published_texts(entry)), secrets):
        return entry
    return replace(
        entry,
        # The guid would become the public id; without it, one is made.
        guid=public_identifier(entry.guid, secrets),
        url=public_identifier(entry.url, secrets),
        title=mask(entry.title, secrets),
        html=public_html(entry.html, secrets),
        summary=public_html(entry.summary, secrets),
        authors=_masked(entry.authors, secrets),
        tags=_masked(entry.tags, secrets),
        enclosures=tuple(
            [_public_file(file, secrets) for file in entry.enclosures if not contains_secret(file.url, secrets)]
        ),
        image=public_identifier(entry.image, secrets),
        comments_url=public_identifier(entry.comments_url, secrets),
        original_feed=entry.original_feed and _public_feed(entry.original_feed, secrets),
    )


def public_identifier(address: str | None, secrets: frozenset[str]) -> str | None:
    """Return the address or id; None where it contains a secret."""
    return None if address is None or contains_secret(address, secrets) else address


def public_html(html: str, secrets: frozenset[str]) -> str:
    """Remove secrets from sanitized HTML, which stays safe: only whole attributes, images and parts of texts go."""
    if not contains_secret(html, secrets):
        return html
    made, at = [], 0
    for match in _TAG.finditer(html):
        made.append(mask(html[at : match.start()], secrets))
        made.append(_public_tag(match[0], secrets) if contains_secret(match[0], secrets) else match[0])
        at = match.end()
    return "".join([*made, mask(html[at:], secrets)])


def _public_tag(tag: str, secrets: frozenset[str]) -> str:
    def attribute(match: re.Match[str]) -> str:
        name, value = match.groups()
        if not contains_secret(value, secrets):
            return match[0]
        return f' {name}="{mask(value, secrets)}"' if name in _TEXTS else ""

    kept = _ATTRIBUTE.sub(attribute, tag)
    return "" if _NOTHING_LEFT.match(kept) else kept


def _public_file(file: Enclosure, secrets: frozenset[str]) -> Enclosure:
    return replace(file, title=file.title and mask(file.title, secrets))


def _public_feed(feed: OriginalFeed, secrets: frozenset[str]) -> OriginalFeed:
    id, url, home = (public_identifier(text, secrets) for text in (feed.id, feed.url, feed.home_url))
    return OriginalFeed(mask(feed.title, secrets), id, url, home)


def _masked(texts: Sequence[str], secrets: frozenset[str]) -> tuple[str, ...]:
    return tuple([mask(text, secrets) for text in texts])


def _published_texts(entry: Entry) -> list[str]:
    """Return all texts of an entry that are published."""
    addresses = (entry.guid, entry.url, entry.image, entry.comments_url)
    files = [part for file in entry.enclosures for part in (file.url, file.title)]
    feed = entry.original_feed
    origin = () if feed is None else (feed.title, feed.id, feed.url, feed.home_url)
    texts = (entry.title, *entry.authors, *entry.tags, entry.summary, entry.html)
    return [text for text in (*addresses, *files, *origin, *texts) if text]
