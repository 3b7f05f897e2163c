"""Items -> posts for a static site generator.

In: an `Item` (plain text, safe HTML, absolute addresses) and a preset. Out: the bytes of one post. Pure: the same item
and settings give the same bytes, without clock, randomness or files. The HTML of an item is already safe.
"""

from __future__ import annotations

import hashlib

from aggregator.models import Item
from aggregator.publish.posts.body import footer, one_block, with_media
from aggregator.publish.posts.frontmatter import front_matter, values_of
from aggregator.publish.posts.presets import PostOptions, Preset


def render_post(item: Item, *, category_title: str | None, preset: Preset, options: PostOptions) -> bytes:
    """Render one post.

    Args:
        item: the entry with its id and its source; its slug is made from its path.
        category_title: the first level of the categories of the post; None: there is no such level.
        preset: the form of the post.
        options: the settings of its folder.

    Returns:
        The file in UTF-8. A lone surrogate, which UTF-8 cannot carry, becomes ``?``.
    """
    body, image = with_media(item.entry, options.image_proxy)
    if image is None and options.placeholder is not None:
        image = options.placeholder.replace("{n}", str(_stable_number(item.id)))
    if options.footer and item.entry.url is not None:
        body += footer(item.entry.url)
    # Most texts hold nothing to replace, and a search is faster than a replacement.
    for text, escape in preset.escapes:
        if text in body:
            body = body.replace(text, escape)
    for sign, pattern, written in preset.patterns:
        if sign in body and pattern.search(body):
            body = pattern.sub(written, body)
    front = front_matter(item, category_title, image, preset)
    text = _body(body, preset)
    if preset.template is not None:
        # Imported when it is used: few installations have presets of their own.
        from aggregator.publish.posts.own import fill

        text = fill(preset, values_of(item, category_title, image, preset), text)
    whole = preset.opening + front + preset.middle + text + preset.ending
    return whole.encode("utf-8", errors="replace")


def _body(body: str, preset: Preset) -> str:
    if preset.body == "block":
        return one_block(body)
    if preset.body == "html":
        return body
    # Imported when it is used: it takes a library that few installations have.
    from aggregator.publish.posts.markdown import to_markdown

    return to_markdown(body)


def _stable_number(identity: str) -> int:
    """Return a number from 0 to 9999 that depends only on an id."""
    digest = hashlib.sha256(identity.encode("utf-8", errors="replace")).digest()
    return int.from_bytes(digest[:8], "big") % 10_000
