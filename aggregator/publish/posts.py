"""Items -> posts for a static site generator.

In: an `Item` (plain text, safe HTML, absolute addresses) and a preset. Out: the bytes of one post. Pure: same item and
settings, same bytes; no clock, no randomness, no files. Nothing here makes HTML safe: it came in safe.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from aggregator.models import Item
from aggregator.publish import yamltext
from aggregator.publish.images import rewrite_images
from aggregator.publish.presets import PRESETS, Field, Preset
from aggregator.publish.values import rfc822

__all__ = ["PRESETS", "Post", "Preset", "post_of", "render_post"]


class Post(NamedTuple):
    """All that a post shows. A tuple: on the way to another process an `Item` costs as much as the rendering."""

    id: str
    title: str
    #: Safe HTML.
    body: str
    author: str
    #: Categories, the most general one first.
    levels: tuple[str, ...]
    published_at: datetime


def post_of(item: Item, category_title: str | None) -> Post:
    """Take what a post shows from an item; `category_title` is its most general category, None for no such one."""
    entry, origin = item.entry, item.origin
    levels = tuple(level for level in (category_title, origin.name, origin.section) if level)
    return Post(item.id, entry.title, entry.html or entry.summary, origin.name, levels, entry.published_at)


def render_post(post: Post, *, preset: Preset, image_proxy: str | None, placeholder: str | None) -> bytes:
    """Render one post.

    Args:
        post: what it shows.
        preset: the form of the post.
        image_proxy: what is put before image addresses that start with ``http://``, or None.
        placeholder: address that stands in where the item has no image; ``{n}`` in it becomes a number from 0 to 9999
            that depends on the item's id only. None: the lines of the image are left out.

    Returns:
        The file in UTF-8. A lone surrogate, which UTF-8 cannot carry, becomes ``?``.
    """
    body, image = rewrite_images(post.body, image_proxy)
    if image is None and placeholder is not None:
        image = placeholder.replace("{n}", str(_stable_number(post.id)))
    for character, escape in preset.escapes:
        body = body.replace(character, escape)
    front = "".join([_field(field, post, image, preset) for field in preset.fields])
    text = preset.opening + front + preset.middle + body + preset.ending
    return text.encode("utf-8", errors="replace")


def _field(field: Field, post: Post, image: str | None, preset: Preset) -> str:
    """One field of the front matter with its line breaks, or "" where the post has nothing to show for it."""
    match field.value:
        case "categories":
            return f"{field.key}: \n" + "".join([f" - {yamltext.plain(level)}\n" for level in post.levels])
        case "constant":
            return f"{field.key}: {field.constant}\n"
        case "image":
            value = image
        case "title":
            value = post.title.translate(_masks(preset.masked))
        case "author":
            value = post.author
        case "date":
            value = rfc822(post.published_at.astimezone(UTC), "GMT")
    if value is None:
        return ""
    return f"{field.key}: {yamltext.single(value) if field.quoted else yamltext.plain(value)}\n"


@cache
def _masks(masked: str) -> dict[int, str]:
    return dict.fromkeys(map(ord, masked), "_")


def _stable_number(identity: str) -> int:
    """A number from 0 to 9999 that is the same in every run."""
    digest = hashlib.sha256(identity.encode("utf-8", errors="replace")).digest()
    return int.from_bytes(digest[:8], "big") % 10_000
