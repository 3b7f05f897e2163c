"""The rules of the namespaces that extend RSS and Atom: which elements there are, and what they must say.

By their specifications: Media RSS 1.5.1 (rssboard.org/media-rss), Apple's podcast elements, the podcast namespace
(podcastindex.org/namespace/1.0), RSS 1.0's modules (syndication, content, slash, Dublin Core), Creative Commons, RFC
4685 (threads), RFC 5005 (history), the Comment API, source (source.scripting.com) and RSL (rslstandard.org). An
element of one of these namespaces that is not listed does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lxml import etree

from tests.validators_json import check_html, is_language, is_rfc3339, is_url

ATOM = "{http://www.w3.org/2005/Atom}"
CC = "{http://backend.userland.com/creativeCommonsRssModule}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
DC = "{http://purl.org/dc/elements/1.1/}"
HISTORY = "{http://purl.org/syndication/history/1.0}"
ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
MEDIA = "{http://search.yahoo.com/mrss/}"
PODCAST = "{https://podcastindex.org/namespace/1.0}"
RSL = "{https://rslstandard.org/rsl}"
SLASH = "{http://purl.org/rss/1.0/modules/slash/}"
SOURCE = "{http://source.scripting.com/}"
SYNDICATION = "{http://purl.org/rss/1.0/modules/syndication/}"
THREAD = "{http://purl.org/syndication/thread/1.0}"
WFW = "{http://wellformedweb.org/CommentAPI/}"

Test = Callable[[str], bool]


def _any(text: str) -> bool:
    return True


def _filled(text: str) -> bool:
    return bool(text.strip())


def _empty(text: str) -> bool:
    return not text.strip()


def _matches(pattern: str) -> Test:
    return lambda text: re.fullmatch(pattern, text) is not None


def _html(text: str) -> bool:
    return _filled(text) and not list(check_html(text))


def _is_address(text: str) -> bool:
    """An address of any scheme that files have in podcasts, as `ipfs:` and `magnet:`."""
    return is_url(text) or re.fullmatch(r"(?!https?:)[a-z][a-z0-9+.-]*:[!-~]+", text) is not None


_media_type = _matches(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;.*)?")
_number = _matches("[0-9]+")
_positive = _matches("[1-9][0-9]*")
_decimal = _matches(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class Rule:
    """What one element must be like."""

    #: Of its text; an element with children has none.
    text: Test = _empty
    required: dict[str, Test] = field(default_factory=dict)
    optional: dict[str, Test] = field(default_factory=dict)
    #: How often it may occur in one parent; None: as often as one likes.
    most: int | None = None


_MEDIA_FILE = {
    "url": is_url, "fileSize": _number, "type": _media_type, "isDefault": _matches("true|false"),
    "medium": _matches("image|audio|video|document|executable"), "expression": _matches("sample|full|nonstop"),
    "bitrate": _decimal, "framerate": _decimal, "samplingrate": _decimal, "channels": _number, "duration": _decimal,
    "height": _positive, "width": _positive, "lang": is_language,
}  # fmt: skip
_PLAIN_OR_HTML = {"type": _matches("plain|html")}
_PICTURE = {"width": _positive, "height": _positive}

_MEDIA = {
    "group": Rule(),
    "content": Rule(optional=_MEDIA_FILE),
    "thumbnail": Rule(required={"url": is_url}, optional={**_PICTURE, "time": _filled}),
    "title": Rule(_filled, optional=_PLAIN_OR_HTML, most=1),
    "description": Rule(_filled, optional=_PLAIN_OR_HTML, most=1),
    "keywords": Rule(_filled, most=1),
    "category": Rule(_filled, optional={"scheme": _filled, "label": _filled}),
    "credit": Rule(_filled, optional={"role": _filled, "scheme": _filled}),
    "copyright": Rule(_filled, optional={"url": is_url}, most=1),
    "rating": Rule(_filled, optional={"scheme": _filled}),
    "license": Rule(_filled, optional={"type": _media_type, "href": is_url}, most=1),
    "player": Rule(required={"url": is_url}, optional=_PICTURE, most=1),
    "hash": Rule(_filled, optional={"algo": _matches("md5|sha-1")}),
    "text": Rule(_filled, optional={**_PLAIN_OR_HTML, "lang": is_language, "start": _filled, "end": _filled}),
    "community": Rule(most=1),
    "starRating": Rule(optional={"average": _decimal, "count": _number, "min": _number, "max": _number}, most=1),
    "statistics": Rule(optional={"views": _number, "favorites": _number}, most=1),
    "subTitle": Rule(required={"href": is_url}, optional={"type": _media_type, "lang": is_language}),
}
_ITUNES = {
    "author": Rule(_filled, most=1),
    "block": Rule(_matches("Yes"), most=1),
    "category": Rule(required={"text": _filled}),
    "complete": Rule(_matches("Yes"), most=1),
    "duration": Rule(_matches(r"[0-9]+|([0-9]+:)?[0-5]?[0-9]:[0-5][0-9]"), most=1),
    "episode": Rule(_positive, most=1),
    "episodeType": Rule(_matches("full|trailer|bonus"), most=1),
    "explicit": Rule(_matches("true|false"), most=1),
    "image": Rule(required={"href": is_url}, most=1),
    "keywords": Rule(_filled, most=1),
    "new-feed-url": Rule(is_url, most=1),
    "owner": Rule(most=1),
    "name": Rule(_filled, most=1),
    "email": Rule(_matches(r"\S+@\S+"), most=1),
    "season": Rule(_positive, most=1),
    "subtitle": Rule(_filled, most=1),
    "summary": Rule(_filled, most=1),
    "title": Rule(_filled, most=1),
    "type": Rule(_matches("episodic|serial"), most=1),
}
#: Of the channel, and never of a feed that merges several: `guid`, `locked`, and what asks for money or says who hosts.
_PODCAST = {
    "alternateEnclosure": Rule(
        required={"type": _media_type},
        optional={
            "length": _number, "bitrate": _decimal, "height": _positive, "lang": is_language, "title": _filled,
            "rel": _filled, "codecs": _filled, "default": _matches("true|false"),
        },
    ),
    "source": Rule(required={"uri": _is_address}, optional={"contentType": _media_type}),
    "integrity": Rule(required={"type": _matches("sri|pgp-signature"), "value": _filled}, most=1),
    "chapters": Rule(required={"url": is_url, "type": _media_type}, most=1),
    "episode": Rule(_decimal, optional={"display": _filled}, most=1),
    "season": Rule(_number, optional={"name": _filled}, most=1),
    "images": Rule(required={"srcset": _filled}, most=1),
    "image": Rule(required={"href": is_url}),
    "license": Rule(_filled, optional={"url": is_url}, most=1),
    "location": Rule(_filled, optional={"geo": _filled, "osm": _filled, "rel": _filled, "country": _filled}),
    "person": Rule(_filled, optional={"role": _filled, "group": _filled, "img": is_url, "href": is_url}),
    "socialInteract": Rule(
        required={"protocol": _filled},
        optional={"uri": _is_address, "accountId": _filled, "accountUrl": is_url, "priority": _number},
    ),
    "soundbite": Rule(_any, required={"startTime": _decimal, "duration": _decimal}),
    "transcript": Rule(
        required={"url": is_url, "type": _media_type}, optional={"language": is_language, "rel": _matches("captions")}
    ),
    "txt": Rule(_filled, optional={"purpose": _filled}),
}  # fmt: skip
_RULES: dict[str, dict[str, Rule]] = {
    MEDIA: _MEDIA,
    ITUNES: _ITUNES,
    PODCAST: _PODCAST,
    CC: {"license": Rule(is_url)},
    CONTENT: {"encoded": Rule(_html, most=1)},
    DC: {
        "creator": Rule(_filled), "contributor": Rule(_filled), "publisher": Rule(_filled), "rights": Rule(_filled),
        "subject": Rule(_filled), "date": Rule(_filled, most=1), "language": Rule(is_language, most=1),
        "source": Rule(_filled), "identifier": Rule(_filled), "type": Rule(_filled), "format": Rule(_filled),
        "title": Rule(_filled, most=1), "description": Rule(_filled, most=1), "coverage": Rule(_filled),
        "relation": Rule(_filled),
    },
    HISTORY: {"archive": Rule(most=1), "complete": Rule(most=1)},
    RSL: {"content": Rule(required={"url": _filled}, optional={"server": is_url})},
    SLASH: {
        "comments": Rule(_number, most=1), "section": Rule(_filled, most=1), "department": Rule(_filled, most=1),
        "hit_parade": Rule(_matches("[0-9]+(,[0-9]+)*"), most=1),
    },
    SOURCE: {"markdown": Rule(_filled, most=1)},
    SYNDICATION: {
        "updatePeriod": Rule(_matches("hourly|daily|weekly|monthly|yearly"), most=1),
        "updateFrequency": Rule(_positive, most=1),
        "updateBase": Rule(is_rfc3339, most=1),
    },
    THREAD: {
        "in-reply-to": Rule(required={"ref": _filled}, optional={"href": is_url, "type": _media_type}),
        "total": Rule(_number, most=1),
    },
    WFW: {"comment": Rule(is_url, most=1), "commentRss": Rule(is_url, most=1)},
}  # fmt: skip


def check_extensions(root: etree._Element) -> Iterator[str]:
    """Complaints about the elements of other namespaces in an RSS or Atom document."""
    for parent in root.iter(etree.Element):
        counts: dict[str, int] = {}
        for child in parent.iterchildren(etree.Element):
            tag = str(child.tag)
            counts[tag] = counts.get(tag, 0) + 1
            yield from _element(child)
        for tag, number in counts.items():
            rule = _rule(tag)
            if rule is not None and rule.most is not None and number > rule.most:
                yield f"{number} times {tag}"
    # RSL's own vocabulary goes on below its root, and is copied as it is.
    for group in root.iter(f"{MEDIA}group"):
        if group.find(f"{MEDIA}content") is None:
            yield "media:group without media:content"
    for file in root.iter(f"{MEDIA}content"):
        if file.get("url") is None and file.find(f"{MEDIA}player") is None:
            yield "media:content without url or player"
    for file in root.iter(f"{PODCAST}alternateEnclosure"):
        if file.find(f"{PODCAST}source") is None:
            yield "podcast:alternateEnclosure without podcast:source"


def _rule(tag: str) -> Rule | None:
    namespace, _, name = tag.rpartition("}")
    return _RULES.get(f"{namespace}}}", {}).get(name)


def _element(element: etree._Element) -> Iterator[str]:
    tag = str(element.tag)
    if f"{tag.rpartition('}')[0]}}}" not in _RULES:
        return
    rule = _rule(tag)
    if rule is None:
        if not any(str(above.tag).startswith(RSL) for above in element.iterancestors()):
            yield f"unknown element {tag}"
        return
    if not rule.text(element.text or ""):
        yield f"{tag} {element.text!r}"
    for name, test in rule.required.items():
        if (given := element.get(name)) is None or not test(given):
            yield f"{tag} with {name} {given!r}"
    for name, value in ((str(name), str(value)) for name, value in element.attrib.items()):
        if name.startswith("{") or name in rule.required:
            continue
        if name not in rule.optional or not rule.optional[name](value):
            yield f"{tag} with {name} {value!r}"
