"""What few items have, in each format: rights, people, podcast elements, details of files and categories.

In: items that `feeditems` prepared. Out: lines of XML, and members of JSON. Pure. RSS and Atom have the same elements
of other vocabularies; `aggregator.parse.extras` reads all that is written here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from aggregator.models import Enclosure
from aggregator.publish.feeds.escapes import element
from aggregator.publish.feeds.feeditems import FeedItem

if TYPE_CHECKING:
    # Few items need them, and they take long to import.
    from aggregator.models.extras import (
        Alternate,
        Extras,
        MediaDetail,
        Person,
        RslElement,
        Soundbite,
        Transcript,
    )

#: The vocabularies by their prefixes; a feed declares those that it uses.
EXTENSIONS = {
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "podcast": "https://podcastindex.org/namespace/1.0",
    "creativeCommons": "http://backend.userland.com/creativeCommonsRssModule",
    "rsl": "https://rslstandard.org/rsl",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "thr": "http://purl.org/syndication/thread/1.0",
    "wfw": "http://wellformedweb.org/CommentAPI/",
    "source": "http://source.scripting.com/",
    "xhtml": "http://www.w3.org/1999/xhtml",
}

XmlFormat = Literal["rss", "atom"]
INDENT: dict[XmlFormat, str] = {"rss": "      ", "atom": "    "}
#: What the scheme of a category must be in Atom: an IRI (RFC 4287, section 4.2.2.2).
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")


def _lines(form: XmlFormat, written: list[str]) -> list[str]:
    indent = INDENT[form]
    return [f"{indent}{one}\n" for one in written]


# -- what items have, with more than usual -----------------------------------------------------------------------------


def category(item: FeedItem, tag: str, form: XmlFormat) -> str:
    """Write a category."""
    terms = () if item.extras is None else item.extras.categories
    term = next((one for one in terms if (one.label or one.term) == tag), None)
    if form == "rss":
        return _lines(form, [element("category", tag, domain=None if term is None else term.scheme)])[0]
    if term is None:
        return _lines(form, [element("category", term=tag)])[0]
    scheme = term.scheme if term.scheme and _IRI.fullmatch(term.scheme) else None
    return _lines(form, [element("category", term=term.term, scheme=scheme, label=term.label)])[0]


def uri_of(item: FeedItem, author: str) -> str | None:
    """Return the address of the page about an author."""
    known = () if item.extras is None else item.extras.authors
    return next((one.url for one in known if one.name == author), None)


def authors_of_rss(item: FeedItem) -> list[str]:
    """Write the authors that have an address; `dc:creator` has no place for it."""
    authors = [(author, uri) for author in item.authors if (uri := uri_of(item, author)) is not None]
    return _lines("rss", [_person("atom:author", author, uri, "atom:") for author, uri in authors])


def _person(name: str, person: str, uri: str | None, prefix: str) -> str:
    inside = element(f"{prefix}name", person) + ("" if uri is None else element(f"{prefix}uri", uri))
    return element(name, None, inside)


def thumbnails(item: FeedItem, form: XmlFormat) -> list[str]:
    """Write the picture of an item, and its other thumbnails."""
    if item.image is None and item.extras is None:
        return []
    others = () if item.extras is None else item.extras.thumbnails
    written = [element("media:thumbnail", url=one.url, width=one.width, height=one.height) for one in others]
    if item.image is not None and item.image not in [one.url for one in others]:
        written.insert(0, element("media:thumbnail", url=item.image))
    return _lines(form, written)


def files(item: FeedItem, form: XmlFormat) -> list[str]:
    """Write the files for which the format has no place, and what it cannot say of the others (Media RSS 1.5.1).

    An item of RSS may have only one enclosure (RSS Best Practices Profile).
    """
    if not item.enclosures:
        return []
    details = {} if item.extras is None else {one.url: one for one in item.extras.media}
    written: dict[object, list[str]] = {}
    for place, file in enumerate(item.enclosures):
        detail = details.get(file.url)
        said = (place > 0 or file.title is not None) if form == "rss" else (place > 0 and file.duration is not None)
        if said or detail is not None:
            group = None if detail is None else detail.group
            written.setdefault(group or file.url, []).append(_media_content(file, detail, form, first=place == 0))
    whole = [
        element("media:group", None, "".join(some)) if isinstance(key, int) else some[0]
        for key, some in written.items()
    ]
    return _lines(form, whole)


def _media_content(file: Enclosure, detail: MediaDetail | None, form: XmlFormat, *, first: bool) -> str:
    return element(
        "media:content",
        None,
        # An Atom link has a title.
        element("media:title", file.title) if file.title is not None and form == "rss" else "",
        url=file.url,
        type=file.type,
        fileSize=file.length,
        # The duration of the first file is that of the episode.
        duration=None if first else file.duration,
        **({} if detail is None else _attributes(detail)),
    )


def _attributes(detail: MediaDetail) -> dict[str, str | int | None]:
    return {
        "medium": detail.medium,
        "width": detail.width,
        "height": detail.height,
        "bitrate": _number(detail.bitrate),
        "lang": detail.language,
        "isDefault": "true" if detail.default else None,
    }


# -- elements of other vocabularies ------------------------------------------------------------------------------------


def elements(item: FeedItem, form: XmlFormat) -> list[str]:
    """Write the elements that only few items have."""
    duration = item.enclosures[0].duration if item.enclosures else None
    extras = item.extras
    if extras is None:
        return [] if duration is None else _lines(form, [element("itunes:duration", str(duration))])
    own = "atom:" if form == "rss" else ""
    return _lines(
        form,
        [
            *_rights(extras, form),
            *(_person(f"{own}contributor", one.name, one.url, own) for one in extras.contributors),
            *_itunes(item, extras, duration),
            *_podcast(extras),
            *_comments(extras, form),
            *_related(extras, own),
            *([] if extras.markdown is None else [element("source:markdown", extras.markdown)]),
        ],
    )


def _rights(extras: Extras, form: XmlFormat) -> list[str]:
    written = []
    if extras.rights is not None:
        written.append(element("dc:rights" if form == "rss" else "rights", extras.rights))
    if form == "rss":
        written += [element("creativeCommons:license", url) for url in extras.licenses]
    else:
        written += [element("link", href=url, rel="license") for url in extras.licenses]
    if extras.podcast_license is not None:
        written.append(element("podcast:license", extras.podcast_license.name, url=extras.podcast_license.url))
    written += [_rsl(one) for one in extras.rsl]
    if extras.noindex:
        written.append(element("xhtml:meta", name="robots", content="noindex"))
    return written


def _rsl(found: RslElement) -> str:
    attributes = {one.name: one.value for one in found.attributes}
    inside = "".join([_rsl(one) for one in found.children])
    return element(f"rsl:{found.name}", found.text, inside, **attributes)


def _itunes(item: FeedItem, extras: Extras, duration: int | None) -> list[str]:
    """Write Apple's elements; picture and author only for what is an episode."""
    explicit = None if extras.explicit is None else str(extras.explicit).lower()
    # Apple allows whole numbers only; `podcast:episode` has the decimals.
    episode = None if extras.episode is None or extras.episode % 1 else _number(extras.episode)
    said = {
        "title": extras.itunes_title,
        "duration": None if duration is None else str(duration),
        "season": None if extras.season is None else str(extras.season),
        "episode": episode,
        "episodeType": extras.episode_type,
        "explicit": explicit,
    }
    written = [element(f"itunes:{name}", text) for name, text in said.items() if text is not None]
    if written:
        written += [element("itunes:author", author) for author in item.authors if len(item.authors) == 1]
        written += [] if item.image is None else [element("itunes:image", href=item.image)]
    return written


def _podcast(extras: Extras) -> list[str]:
    """Write the elements of the podcast namespace (github.com/Podcastindex-org/podcast-namespace)."""
    written = []
    if extras.season is not None and extras.season_name is not None:
        written.append(element("podcast:season", str(extras.season), name=extras.season_name))
    if extras.episode is not None and (extras.episode % 1 or extras.episode_name is not None):
        written.append(element("podcast:episode", _number(extras.episode), display=extras.episode_name))
    written += [_podcast_person(one) for one in extras.people]
    written += [_transcript(one) for one in extras.transcripts]
    if extras.chapters is not None:
        written.append(element("podcast:chapters", url=extras.chapters.url, type=extras.chapters.type))
    written += [_alternate(one) for one in extras.alternates]
    written += [_soundbite(one) for one in extras.soundbites]
    return written


def _podcast_person(one: Person) -> str:
    return element("podcast:person", one.name, role=one.role, group=one.group, img=one.image, href=one.url)


def _transcript(one: Transcript) -> str:
    return element("podcast:transcript", url=one.url, type=one.type, language=one.language, rel=one.rel)


def _alternate(one: Alternate) -> str:
    sources = [element("podcast:source", uri=place.uri, contentType=place.type) for place in one.sources]
    return element(
        "podcast:alternateEnclosure",
        None,
        "".join(sources),
        type=one.type,
        length=one.length,
        bitrate=_number(one.bitrate),
        height=one.height,
        lang=one.language,
        title=one.title,
        rel=one.rel,
        codecs=one.codecs,
        default="true" if one.default else None,
    )


def _soundbite(one: Soundbite) -> str:
    return element("podcast:soundbite", one.title, startTime=_number(one.start), duration=_number(one.duration))


def _comments(extras: Extras, form: XmlFormat) -> list[str]:
    written = []
    if extras.comments_count is not None:
        written.append(element("slash:comments" if form == "rss" else "thr:total", str(extras.comments_count)))
    if extras.comments_feed is not None:
        written.append(element("wfw:commentRss", extras.comments_feed))
    return written


def _related(extras: Extras, own: str) -> list[str]:
    """Write the page that the item is about, which feeds of links give so."""
    url = extras.external_url
    return [] if url is None else [element(f"{own}link", href=url, rel="related")]


def copies(item: FeedItem, form: XmlFormat) -> list[str]:
    """Write where else the item was found (relation `via` of RFC 4287, section 4.2.7.2)."""
    name = "atom:link" if form == "rss" else "link"
    return _lines(form, [element(name, href=one.url, rel="via", title=one.name) for one in item.also_at if one.url])


def _number(value: float | None) -> str | None:
    """Write a number without needless decimals."""
    return None if value is None else f"{value:.3f}".rstrip("0").rstrip(".")


# -- JSON Feed ---------------------------------------------------------------------------------------------------------


def json_members(item: FeedItem) -> dict[str, Any]:
    """Return the members of an item of JSON Feed that few have; what the format has no member for is in `_extras`."""
    rest: dict[str, Any] = {} if item.comments_url is None else {"comments_url": item.comments_url}
    extras = item.extras
    if extras is None:
        return {"_extras": rest}
    from aggregator.models.extras import to_plain

    known = {one.name: {"name": one.name, "url": one.url, "avatar": one.image} for one in extras.authors}
    authors = [known.get(name, {"name": name}) for name in item.authors]
    rest |= to_plain(extras)
    for name in ("authors", "external_url", "banner_image"):
        rest.pop(name, None)
    return {
        "external_url": extras.external_url,
        "banner_image": extras.banner_image,
        "authors": [{key: text for key, text in one.items() if text is not None} for one in authors],
        "_extras": rest,
    }
