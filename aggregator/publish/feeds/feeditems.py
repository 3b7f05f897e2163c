"""What all formats of the feeds share: the head of a feed, prepared items, and texts without markup.

In: settings, and items as stored. Out: `Channel`, and what feeds show of the items, in the same order, with values that
RSS, Atom and JSON Feed can carry: no character that XML forbids, no empty tags, at least one author, addresses that are
URIs, media types of enclosures, valid language tags. An odd item never spoils a feed: it is changed to something that
can be rendered. This module renders nothing. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache, lru_cache
from mimetypes import MimeTypes
from posixpath import splitext
from typing import TYPE_CHECKING, Literal, NamedTuple

from aggregator.models import Copy, Enclosure, Item, Origin, OriginalFeed
from aggregator.normalize.identity import minted_id
from aggregator.values import media_types
from aggregator.values.languages import valid_tag
from aggregator.values.markup import xml_text
from aggregator.values.urls import clean_url

if TYPE_CHECKING:
    from aggregator.models.extras import Extras

# -- the head of a feed ------------------------------------------------------------------------------------------------

Format = Literal["rss", "atom", "json"]

FILE_NAMES: dict[Format, str] = {"rss": "rss.xml", "atom": "atom.xml", "json": "feed.json"}
"""The file of each format in the folder of its category."""

STYLESHEET = "_assets/feed.css"
"""What feeds look like in a browser, relative to `public/`."""

MEDIA_TYPES: dict[Format, str] = {
    "rss": media_types.RSS,
    "atom": media_types.ATOM,
    "json": media_types.JSON_FEED,
}


@dataclass(frozen=True, slots=True)
class Channel:
    """The head of the feeds of one category."""

    slug: str
    #: Never empty.
    title: str
    description: str
    #: Home page of the site, absolute.
    home_url: str
    #: Address of the folder that holds the feeds, absolute, with ``/`` at its end.
    base_url: str
    #: BCP 47, or None.
    language: str | None
    author: str
    #: Number of the page of the archive that this is; None: it is the feed itself.
    page: int | None = None
    #: Number of the page that comes before, with older items; None: there is none.
    previous: int | None = None
    #: Address of a square picture.
    icon: str | None = None
    #: Minutes between two looks at what it is made from; None: unknown.
    minutes: int | None = None

    def url(self, form: Format) -> str:
        """Return the address of the feed in one format, as a URI: slug and host may have characters beyond ASCII."""
        return _uri(self.base_url) + FILE_NAMES[form]

    def page_url(self, form: Format, page: int) -> str:
        """Return the address of a page of the archive, as a URI."""
        return _uri(self.base_url) + page_name(page, FILE_NAMES[form])

    def name(self, file: str) -> str:
        """Return the name below `public/` of a file of this feed, or of this page of its archive."""
        return f"{self.slug}/{file if self.page is None else page_name(self.page, file)}"

    @property
    def stylesheet(self) -> str:
        """The address of the stylesheet, relative to the feed or the page."""
        return "../" * self.name(FILE_NAMES["atom"]).count("/") + STYLESHEET

    def home(self) -> str:
        """Return the address of the home page, as a URI."""
        return _uri(self.home_url)

    def fingerprint(self) -> str:
        """Return everything that the feeds depend on besides their items, as text."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)


def page_name(page: int, file: str) -> str:
    """Return the name of a file of a page of the archive, below the folder of the feed."""
    return f"archive/{page}/{file}"


def _uri(url: str) -> str:
    return clean_url(url) or url


# -- prepared items ----------------------------------------------------------------------------------------------------


class Publisher(NamedTuple):
    """The feed that an item comes from, as feeds show it."""

    #: Its Atom id; never empty.
    id: str
    #: Never empty.
    name: str
    #: None where there is none, or it holds a secret.
    url: str | None
    home_url: str | None


class FeedItem(NamedTuple):
    """All that feeds show of an item, with values that every format can carry."""

    id: str
    url: str | None
    #: Never empty.
    title: str
    html: str
    summary: str
    #: At least one.
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    enclosures: tuple[Enclosure, ...]
    image: str | None
    comments_url: str | None
    language: str | None
    published_at: datetime
    updated_at: datetime
    source: Publisher
    extras: Extras | None
    #: Copies with names that are not empty.
    also_at: tuple[Copy, ...] = ()


def feed_item(item: Item) -> FeedItem:
    """Return what feeds show of an item."""
    return _feed_item(item, _publisher(item.origin, item.entry.original_feed))


# Cached, because a feed has many items of each source.
@lru_cache(maxsize=4096)
def _publisher(origin: Origin, original: OriginalFeed | None) -> Publisher:
    """Return the feed that an item comes from: the original feed, if the source took the item over from another one."""
    if original is None or _same_place(original.url, origin.url) or _same_place(original.url, origin.home_url):
        key, id, name, url, home_url = origin.id, "", origin.name, origin.url, origin.home_url
    else:
        key, id, name = original.title, original.id or "", original.title
        url, home_url = original.url, original.home_url
    url = clean_url(url)
    return Publisher(
        id=id or url or minted_id("", key),
        name=xml_text(name).strip() or key,
        url=url,
        home_url=clean_url(home_url),
    )


def _same_place(one: str | None, other: str | None) -> bool:
    """Whether two addresses differ at most in their scheme and in a slash at their end."""
    return None not in (one, other) and _place(one or "") == _place(other or "")


def _place(url: str) -> str:
    return url.partition("://")[2].rstrip("/")


def _feed_item(item: Item, source: Publisher) -> FeedItem:
    entry = item.entry
    identity = xml_text(item.id)
    files = tuple([_enclosure(file, url) for file in entry.enclosures if (url := clean_url(file.url)) is not None])
    return FeedItem(
        id=identity,
        url=clean_url(entry.url),
        title=xml_text(entry.title).strip() or identity,
        html=_markup(entry.html),
        summary=_markup(entry.summary),
        authors=_texts(entry.authors) or (source.name,),
        tags=_texts(entry.tags),
        enclosures=files,
        # A file whose type is known by its name only may be a picture, too.
        image=clean_url(entry.image) or next((file.url for file in files if file.type.startswith("image/")), None),
        comments_url=clean_url(entry.comments_url),
        language=valid_tag(entry.language),
        published_at=entry.published_at,
        updated_at=entry.updated_at,
        source=source,
        extras=entry.extras,
        also_at=tuple([_copy(one) for one in item.also_at]),
    )


def _copy(copy: Copy) -> Copy:
    url = clean_url(copy.url)
    return Copy(xml_text(copy.name).strip() or url or "?", url)


def _markup(text: str) -> str:
    """Return the text without white space around it, which readers do not keep."""
    return xml_text(text).strip()


@cache
def _types() -> dict[str, str]:
    # The table of Python: that of the system differs between machines, and the bytes of a feed must not.
    return MimeTypes().types_map[True]


def media_type(enclosure: Enclosure) -> str:
    """Return the media type of a file: the given one if it is valid, else the type that its name suggests."""
    given = enclosure.type.strip()
    return given if media_types.is_valid(given) else guessed_type(enclosure.url)


def _enclosure(enclosure: Enclosure, url: str) -> Enclosure:
    return Enclosure(
        url=url,
        type=media_type(enclosure),
        length=_positive(enclosure.length),
        title=(xml_text(enclosure.title).strip() or None) if enclosure.title else None,
        duration=_positive(enclosure.duration),
    )


def guessed_type(url: str) -> str:
    """Return the media type that the name of a file suggests."""
    path = re.split("[?#]", url, maxsplit=1)[0].partition("://")[2].partition("/")[2]
    extension = splitext(path)[1].lower()
    return _types().get(extension, "application/octet-stream")


def _positive(number: int | None) -> int | None:
    return number if number is not None and number > 0 else None


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    """Each value that is not empty, once."""
    return tuple(dict.fromkeys(text for value in values if (text := xml_text(value).strip())))
