"""Items -> posts for a static site generator.

In: an `Item` (plain text, safe HTML, absolute addresses) and a preset. Out: the bytes of one post. Pure: the same item
and settings give the same bytes, without clock, randomness or files. The HTML of an item is already safe.
"""

from __future__ import annotations

import hashlib

from aggregator.models import Item
from aggregator.publish.posts.body import one_block, with_media
from aggregator.publish.posts.frontmatter import front_matter
from aggregator.publish.posts.presets import PRESETS, Preset

__all__ = ["PRESETS", "Preset", "render_post"]


def render_post(
    item: Item, *, category_title: str | None, preset: Preset, image_proxy: str | None, placeholder: str | None
) -> bytes:
    """Render one post.

    Args:
        item: the entry with its id and its source.
        category_title: the first level of the categories of the post; None: there is no such level.
        preset: the form of the post.
        image_proxy: prefix of image addresses that start with ``http://``, or None.
        placeholder: address of an image for items without one; ``{n}`` in it becomes a number from 0 to 9999 that
            depends only on the id of the item. None: the lines of the image are left out.

    Returns:
        The file in UTF-8. A lone surrogate, which UTF-8 cannot carry, becomes ``?``.
    """
    body, image = with_media(item.entry, image_proxy)
    if image is None and placeholder is not None:
        image = placeholder.replace("{n}", str(_stable_number(item.id)))
    # Most texts hold nothing to replace, and a search is faster than a replacement.
    for text, escape in preset.escapes:
        if text in body:
            body = body.replace(text, escape)
    for sign, pattern, written in preset.patterns:
        if sign in body and pattern.search(body):
            body = pattern.sub(written, body)
    front = front_matter(item, category_title, image, preset)
    whole = preset.opening + front + preset.middle + one_block(body) + preset.ending
    return whole.encode("utf-8", errors="replace")


def _stable_number(identity: str) -> int:
    """Return a number from 0 to 9999 that depends only on an id."""
    digest = hashlib.sha256(identity.encode("utf-8", errors="replace")).digest()
    return int.from_bytes(digest[:8], "big") % 10_000
