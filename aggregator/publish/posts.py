"""Items -> posts for a static site generator.

In: an `Item` (plain text, safe HTML, absolute addresses) and a preset. Out: the bytes of one post. Pure: same item and
settings, same bytes; no clock, no randomness, no files. Nothing here makes HTML safe: it came in safe.
"""

from __future__ import annotations

import hashlib
from datetime import UTC
from email.utils import format_datetime

from aggregator.models import Item
from aggregator.publish import yamltext
from aggregator.publish.images import rewrite_images
from aggregator.publish.presets import PRESETS, Field, Preset

__all__ = ["PRESETS", "Preset", "render_post"]


def render_post(
    item: Item,
    *,
    category_title: str | None,
    preset: Preset,
    image_proxy: str | None,
    placeholder: str | None,
) -> bytes:
    """Render the post of one item.

    Args:
        item: the item.
        category_title: first level of the categories; None leaves it out.
        preset: the form of the post.
        image_proxy: what is put before image addresses that start with ``http://``, or None.
        placeholder: address that stands in where the item has no image; ``{n}`` in it becomes a number from 0 to 9999
            that depends on the item's id only. None: the lines of the image are left out.

    Returns:
        The file in UTF-8. A lone surrogate, which UTF-8 cannot carry, becomes ``?``.
    """
    entry = item.entry
    body, image = rewrite_images(entry.html or entry.summary, image_proxy)
    if image is None and placeholder is not None:
        image = placeholder.replace("{n}", str(_stable_number(item.id)))
    for character, escape in preset.escapes:
        body = body.replace(character, escape)
    front = "".join(_field(field, item, category_title, image, preset) for field in preset.fields)
    text = preset.opening + front + preset.middle + body + preset.ending
    return text.encode("utf-8", errors="replace")


def _field(field: Field, item: Item, category_title: str | None, image: str | None, preset: Preset) -> str:
    """One field of the front matter with its line breaks, or "" where the post has nothing to show for it."""
    match field.value:
        case "categories":
            levels = [level for level in (category_title, item.origin.name, item.origin.section) if level]
            return f"{field.key}: \n" + "".join(f" - {yamltext.plain(level)}\n" for level in levels)
        case "constant":
            return f"{field.key}: {field.constant}\n"
        case "image":
            value = image
        case "title":
            value = item.entry.title.translate(dict.fromkeys(map(ord, preset.masked), "_"))
        case "author":
            value = item.origin.name
        case "date":
            value = format_datetime(item.entry.published_at.astimezone(UTC), usegmt=True)
    if value is None:
        return ""
    return f"{field.key}: {yamltext.single(value) if field.quoted else yamltext.plain(value)}\n"


def _stable_number(identity: str) -> int:
    """A number from 0 to 9999 that is the same in every run."""
    digest = hashlib.sha256(identity.encode("utf-8", errors="replace")).digest()
    return int.from_bytes(digest[:8], "big") % 10_000
