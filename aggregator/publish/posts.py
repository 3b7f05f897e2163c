"""Items -> posts for a static site generator.

In: an `Item` (plain text, safe HTML, absolute addresses) and a preset. Out: the bytes of one post. Pure: same item and
settings, same bytes; no clock, no randomness, no files. Nothing here makes HTML safe: it came in safe.
"""

from __future__ import annotations

import hashlib
import html
import re
import string
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache, lru_cache
from typing import NamedTuple

from aggregator.models import Enclosure, Item
from aggregator.normalize.sanitizer import first_image
from aggregator.publish import yamltext
from aggregator.publish.images import proxied, rewrite_images
from aggregator.publish.markdown import BLANK, one_block
from aggregator.publish.media import can_be_asked_for, files, picture
from aggregator.publish.names import MAX_BYTES, cut
from aggregator.publish.presets import PRESETS, Preset
from aggregator.values.urls import clean_url

__all__ = ["PRESETS", "Post", "Preset", "post_of", "render_post"]

#: What may be a character reference; names are at most 32 characters long.
_REFERENCE = re.compile(r"&(?=[#A-Za-z])#?[0-9A-Za-z]{1,32};?")
#: What is left out of the name of a folder.
_NOT_IN_FOLDERS = string.punctuation + string.whitespace
_QUOTES = (("'", "%27"), ("(", "%28"), (")", "%29"))
#: What readers of HTML take for a character reference in an address that is written as it is; a number needs no `;`.
_NUMBER_IN_URL = re.compile(r"&(?=#)")
_NAME_IN_URL = re.compile(r"(&[0-9A-Za-z]+);")


class Post(NamedTuple):
    """All that a post shows. A tuple: on the way to another process an `Item` costs as much as the rendering."""

    id: str
    title: str
    #: Safe HTML.
    body: str
    #: The picture that stands for the entry: the first one of the body, else its own.
    image: str | None
    enclosures: tuple[Enclosure, ...]
    #: The most general category.
    group: str | None
    source_id: str
    #: Name of the source, and whether it is the one of the configuration.
    source: str
    named: bool
    #: The last category.
    section: str | None
    published_at: datetime


def post_of(item: Item, category_title: str | None) -> Post:
    """Take what a post shows from an item; `category_title` is its most general category, None for no such one."""
    entry, origin = item.entry, item.origin
    return Post(
        item.id,
        entry.title,
        entry.html or entry.summary,
        entry.image,
        entry.enclosures,
        category_title,
        origin.id,
        origin.name,
        origin.named,
        origin.section,
        entry.published_at,
    )


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
    body, image = _with_media(post, image_proxy)
    if image is None and placeholder is not None:
        image = placeholder.replace("{n}", str(_stable_number(post.id)))
    # To look for what is not there takes less than to replace it.
    for text, escape in preset.escapes:
        if text in body:
            body = body.replace(text, escape)
    for sign, pattern, written in preset.patterns:
        if sign in body and pattern.search(body):
            body = pattern.sub(written, body)
    whole = preset.opening + _front(post, image, preset) + preset.middle + one_block(body) + preset.ending
    return whole.encode("utf-8", errors="replace")


def _with_media(post: Post, proxy: str | None) -> tuple[str, str | None]:
    """The body with the picture and the files that it does not show, and the address of the picture for the front."""
    body, addresses = rewrite_images(post.body, proxy)
    image = post.image or (first_image(post.body) if addresses else None)
    if image is None and not post.enclosures:
        return body, None
    shown = {image, *addresses, *map(clean_url, addresses)} if post.enclosures else {image}
    more = files(post.enclosures, post.body, shown)
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


def _front(post: Post, image: str | None, preset: Preset) -> str:
    """The front matter; a field for which the post has nothing is left out."""
    categories, author = _names(post.group, post.source_id, post.source, post.named, post.section, preset)
    values = {
        "title": _masked(post.title, preset.masked),
        "image": image,
        "author": author,
        "date": format_datetime(post.published_at.astimezone(UTC), usegmt=True),
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
def _names(
    group: str | None, source_id: str, source: str, named: bool, section: str | None, preset: Preset
) -> tuple[str, str]:
    """The items of the list of categories, and the author."""
    author = source if named else _folder(source, source_id, preset)
    return "".join([f" - {yamltext.plain(level)}\n" for level in (group, author, section) if level]), author


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
