"""Items -> posts for a static site generator.

In: an `Item` (plain text, safe HTML, absolute addresses) and a preset. Out: the bytes of one post. Pure: same item and
settings, same bytes; no clock, no randomness, no files. Nothing here makes HTML safe: it came in safe.
"""

from __future__ import annotations

import hashlib
import html
import re
import string
from datetime import UTC
from email.utils import format_datetime
from functools import cache, lru_cache

from aggregator.models import Entry, Item, Origin
from aggregator.normalize.sanitizer import first_image
from aggregator.publish.posts import yamltext
from aggregator.publish.posts.media import BLANK, can_be_asked_for, files, one_block, picture, proxied, rewrite_images
from aggregator.publish.posts.names import MAX_BYTES, cut
from aggregator.publish.posts.presets import PRESETS, Preset
from aggregator.values.urls import clean_url

__all__ = ["PRESETS", "Preset", "render_post"]

#: What may be a character reference; names are at most 32 characters long.
_REFERENCE = re.compile(r"&(?=[#A-Za-z])#?[0-9A-Za-z]{1,32};?")
#: What is left out of the name of a folder.
_NOT_IN_FOLDERS = string.punctuation + string.whitespace
_QUOTES = (("'", "%27"), ("(", "%28"), (")", "%29"))
#: What readers of HTML take for a character reference in an address that is written as it is; a number needs no `;`.
_NUMBER_IN_URL = re.compile(r"&(?=#)")
_NAME_IN_URL = re.compile(r"(&[0-9A-Za-z]+);")


def render_post(
    item: Item, *, category_title: str | None, preset: Preset, image_proxy: str | None, placeholder: str | None
) -> bytes:
    """Render one post.

    Args:
        item: the entry with its id and its source.
        category_title: the most general category of the post; None: it has no such category.
        preset: the form of the post.
        image_proxy: what is put before image addresses that start with ``http://``, or None.
        placeholder: address that stands in where the item has no image; ``{n}`` in it becomes a number from 0 to 9999
            that depends on the item's id only. None: the lines of the image are left out.

    Returns:
        The file in UTF-8. A lone surrogate, which UTF-8 cannot carry, becomes ``?``.
    """
    body, image = _with_media(item.entry, image_proxy)
    if image is None and placeholder is not None:
        image = placeholder.replace("{n}", str(_stable_number(item.id)))
    # To look for what is not there takes less than to replace it.
    for text, escape in preset.escapes:
        if text in body:
            body = body.replace(text, escape)
    for sign, pattern, written in preset.patterns:
        if sign in body and pattern.search(body):
            body = pattern.sub(written, body)
    front = _front_matter(item, category_title, image, preset)
    whole = preset.opening + front + preset.middle + one_block(body) + preset.ending
    return whole.encode("utf-8", errors="replace")


def _with_media(entry: Entry, proxy: str | None) -> tuple[str, str | None]:
    """The body with the picture and the files that it does not show, and the address of the picture for the front."""
    text = entry.html or entry.summary
    body, addresses = rewrite_images(text, proxy)
    image = entry.image or (first_image(text) if addresses else None)
    if image is None and not entry.enclosures:
        return body, None
    shown = {image, *addresses, *map(clean_url, addresses)} if entry.enclosures else {image}
    more = files(entry.enclosures, text, shown)
    if image is not None and image not in addresses and image not in map(clean_url, addresses):
        if can_be_asked_for(image):
            body = f"{picture(proxied(image, proxy))}\n{body.lstrip(BLANK)}"
        else:
            image = None
    front = None if image is None else proxied(_for_styles(image), proxy)
    return body.rstrip(BLANK) + more if more else body, front


def _for_styles(url: str) -> str:
    """An address that means the same to themes that write it as it is into attributes and styles."""
    for quote, written in _QUOTES:
        url = url.replace(quote, written)
    return _NAME_IN_URL.sub(r"\1%3B", _NUMBER_IN_URL.sub("%26", url)) if "&" in url else url


def _front_matter(item: Item, category_title: str | None, image: str | None, preset: Preset) -> str:
    """The front matter; a field for which the post has nothing is left out."""
    categories, author = _categories_and_author(category_title, item.origin, preset)
    values = {
        "title": _masked(item.entry.title, preset.masked),
        "image": image,
        "author": author,
        "date": format_datetime(item.entry.published_at.astimezone(UTC), usegmt=True),
    }
    lines = []
    for field in preset.fields:
        if field.value == "categories":
            lines.append(f"{field.key}: \n{categories}")
        elif field.value == "constant":
            lines.append(f"{field.key}: {field.constant}\n")
        elif (value := values[field.value]) is not None:
            lines.append(f"{field.key}: {yamltext.single(value) if field.quoted else yamltext.plain(value)}\n")
    return "".join(lines)


# Cached: a source has many posts.
@lru_cache(maxsize=4096)
def _categories_and_author(category_title: str | None, origin: Origin, preset: Preset) -> tuple[str, str]:
    """The items of the list of categories, and the author."""
    author = origin.name if origin.named else _folder(origin.name, origin.id, preset)
    levels = (category_title, author, origin.section)
    return "".join([f" - {yamltext.plain(level)}\n" for level in levels if level]), author


def _folder(name: str, source_id: str, preset: Preset) -> str:
    """A name from outside, fit for a category: generators make a folder of it."""
    name = cut(_masked(name, preset.masked), MAX_BYTES)
    if not name.strip(_NOT_IN_FOLDERS):
        return source_id
    return f"{name}_" if name in preset.reserved else name


def _masked(text: str, masked: str) -> str:
    """A text from outside, without what has a meaning in HTML: themes write it as it is."""
    text = _masks(masked).sub("_", text)
    return _REFERENCE.sub(_without_reference, text) if "&" in text else text


def _without_reference(match: re.Match[str]) -> str:
    return match[0] if html.unescape(match[0]) == match[0] else "_" + match[0][1:]


@cache
def _masks(masked: str) -> re.Pattern[str]:
    # To translate a text looks up each of its characters.
    return re.compile(f"[{re.escape(masked)}]" if masked else "(?!)")


def _stable_number(identity: str) -> int:
    """A number from 0 to 9999 that is the same in every run."""
    digest = hashlib.sha256(identity.encode("utf-8", errors="replace")).digest()
    return int.from_bytes(digest[:8], "big") % 10_000
