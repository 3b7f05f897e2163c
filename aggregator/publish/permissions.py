"""What may be published of an entry: all, an excerpt, or its title and link; and what is said of its rights.

In: an item, with the settings of its source (`republish`, `copyright`, `noindex`). Out: the item as feeds and posts
show it. Pure.
"""

from __future__ import annotations

import html
from dataclasses import replace
from typing import TYPE_CHECKING

from aggregator.models import Entry, Item
from aggregator.values.markup import attribute_value
from aggregator.values.plaintext import synopsis

if TYPE_CHECKING:
    from aggregator.models.extras import Extras

#: Characters of the text of an excerpt at most.
EXCERPT = 300


def permitted(item: Item, *, linked: bool = False) -> Item:
    """Return an item with what may be published of it.

    Args:
        linked: whether a link to the original follows what is left of its text; posts have none elsewhere.
    """
    origin = item.origin
    if origin.republish == "full" and origin.copyright is None and not origin.noindex:
        return item
    # Few sources have these settings, and this takes long to import.
    from aggregator.models.extras import Extras

    entry, nothing = item.entry, Extras()
    extras = entry.extras or nothing
    extras = replace(extras, rights=origin.copyright or extras.rights, noindex=origin.noindex or extras.noindex)
    if origin.republish != "full":
        entry, extras = _cut(entry, whole=origin.republish == "link"), _without_texts(extras)
        if origin.republish == "link":
            extras = _of_links(extras)
        if linked and entry.url is not None:
            host = entry.url.partition("://")[2].partition("/")[0]
            link = f'<p><a href="{attribute_value(entry.url)}">{html.escape(host, quote=False)}</a></p>'
            entry = replace(entry, html=entry.html + link)
    return replace(item, entry=replace(entry, extras=None if extras == nothing else extras))


def _cut(entry: Entry, *, whole: bool) -> Entry:
    """Return an entry with the beginning of its text, or without text, picture and files."""
    if whole:
        return replace(entry, html="", summary="", image=None, enclosures=())
    words = synopsis(entry.summary or entry.html, EXCERPT)
    return replace(entry, html=f"<p>{html.escape(words, quote=False)}</p>" if words else "", summary="")


def _without_texts(extras: Extras) -> Extras:
    return replace(extras, markdown=None, transcripts=())


def _of_links(extras: Extras) -> Extras:
    """Return what says something of the entry, but is no part of it."""
    from aggregator.models.extras import Extras

    return Extras(
        rights=extras.rights,
        licenses=extras.licenses,
        podcast_license=extras.podcast_license,
        rsl=extras.rsl,
        noindex=extras.noindex,
        authors=extras.authors,
        contributors=extras.contributors,
        categories=extras.categories,
        comments_count=extras.comments_count,
        comments_feed=extras.comments_feed,
        external_url=extras.external_url,
    )
