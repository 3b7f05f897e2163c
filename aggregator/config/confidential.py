"""Removal of confidential values from what will be published: the seam before the store.

In: entries, titles and addresses as received, and `Config.confidential`. Out: the same without any of these values. A
feed may repeat the token of its own address in every link, and a page the address at which it was found. In texts,
`***` replaces a secret; an address that contains one is dropped, because it would lead nowhere. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from aggregator.config.secrets import blot, holds, redact
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
    if not (title and holds(title, secrets)) and not (home and holds(home, secrets)):
        return state
    return replace(state, title=title and blot(title, secrets), home_url=public(home, secrets))


def public_entry(entry: Entry, secrets: frozenset[str]) -> Entry:
    """Return the entry as it may be published; its key and its hash stay, so that it is recognized again."""
    if not secrets or not holds("\n".join(_published_texts(entry)), secrets):
        return entry
    return replace(
        entry,
        # The guid would become the public id; without it, one is made.
        guid=public(entry.guid, secrets),
        url=public(entry.url, secrets),
        title=blot(entry.title, secrets),
        html=public_html(entry.html, secrets),
        summary=public_html(entry.summary, secrets),
        authors=_blotted(entry.authors, secrets),
        tags=_blotted(entry.tags, secrets),
        enclosures=tuple([_public_file(file, secrets) for file in entry.enclosures if not holds(file.url, secrets)]),
        image=public(entry.image, secrets),
        comments_url=public(entry.comments_url, secrets),
        original_feed=entry.original_feed and _public_feed(entry.original_feed, secrets),
    )


def public(address: str | None, secrets: frozenset[str]) -> str | None:
    """Return the address or id; None where it contains a secret."""
    return None if address is None or holds(address, secrets) else address


def public_html(html: str, secrets: frozenset[str]) -> str:
    """Remove secrets from sanitized HTML, which stays safe: only whole attributes, images and parts of texts go."""
    if not holds(html, secrets):
        return html
    made, at = [], 0
    for match in _TAG.finditer(html):
        made.append(blot(html[at : match.start()], secrets))
        made.append(_public_tag(match[0], secrets) if holds(match[0], secrets) else match[0])
        at = match.end()
    return "".join([*made, blot(html[at:], secrets)])


def _public_tag(tag: str, secrets: frozenset[str]) -> str:
    def attribute(match: re.Match[str]) -> str:
        name, value = match.groups()
        if not holds(value, secrets):
            return match[0]
        return f' {name}="{blot(value, secrets)}"' if name in _TEXTS else ""

    kept = _ATTRIBUTE.sub(attribute, tag)
    return "" if _NOTHING_LEFT.match(kept) else kept


def _public_file(file: Enclosure, secrets: frozenset[str]) -> Enclosure:
    return replace(file, title=file.title and blot(file.title, secrets))


def _public_feed(feed: OriginalFeed, secrets: frozenset[str]) -> OriginalFeed:
    id, url, home = (public(text, secrets) for text in (feed.id, feed.url, feed.home_url))
    return OriginalFeed(blot(feed.title, secrets), id, url, home)


def _blotted(texts: Sequence[str], secrets: frozenset[str]) -> tuple[str, ...]:
    return tuple([blot(text, secrets) for text in texts])


def _published_texts(entry: Entry) -> list[str]:
    """Return all texts of an entry that are published."""
    addresses = (entry.guid, entry.url, entry.image, entry.comments_url)
    files = [part for file in entry.enclosures for part in (file.url, file.title)]
    feed = entry.original_feed
    origin = () if feed is None else (feed.title, feed.id, feed.url, feed.home_url)
    texts = (entry.title, *entry.authors, *entry.tags, entry.summary, entry.html)
    return [text for text in (*addresses, *files, *origin, *texts) if text]
