"""Raw `Extras` in, clean ones out: texts are plain and short, addresses are absolute, numbers have bounds.

Pure. What belongs to something that the entry does not have (a file, a category, an author) is left out.
"""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from aggregator.models import Enclosure, Entry
from aggregator.models.extras import Extras, MediaDetail, Person, RslElement, Term, rebuilt
from aggregator.normalize.text import clean_authors, clean_tags, tidy_line
from aggregator.values.languages import tidy_tag
from aggregator.values.markup import xml_text
from aggregator.values.media_types import is_bare, without_parameters
from aggregator.values.urls import clean_url

_MAX_LINE = 500
_MAX_LONG = 200_000
_MAX_COUNT = 2**53
_MAX_DECIMAL = 10_000_000
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,59}")
#: A name of an element or attribute; those that begin with `xml` are reserved.
_RSL_NAME = re.compile(r"(?![xX][mM][lL])[A-Za-z]{1,30}")
_EPISODE_TYPES = ("full", "trailer", "bonus")
#: Markdown in which a program that renders it might find markup or a script.
_RISKY = re.compile(r"<(?!https?://|mailto:)[A-Za-z!/?]|[(\[<:\s](?:javascript|vbscript|data)\s*:(?=\S)", re.IGNORECASE)
#: An attribute or a text that would be followed, but not on the web.
_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*:(?!\s)")
_ADDRESSES = frozenset({"url", "server", "href", "contactUrl"})
_EMPTY = Extras()


def clean_extras(raw: Extras | None, general: Extras | None, entry: Entry) -> Extras | None:
    """Return what is kept of the extras of an entry; None: nothing.

    Args:
        general: what holds for all entries of the document that say nothing else, raw as well.
        entry: the entry, clean but for its extras.
    """
    found = rebuilt(raw, check) if raw is not None else _EMPTY
    if found is None:
        return None
    if general is not None and (inherited := rebuilt(general, check)) is not None:
        found = _inherited(found, inherited)
    made = replace(
        found,
        rsl=_rsl(found.rsl),
        authors=_authors(found.authors, entry.authors),
        contributors=_people(found.contributors),
        categories=_categories(found.categories, entry.tags),
        thumbnails=tuple([one for one in found.thumbnails if one.width or one.height or one.url != entry.image]),
        media=_media(found.media, entry.enclosures),
        alternates=tuple([one for one in found.alternates if one.sources]),
        episode_type=found.episode_type if found.episode_type in _EPISODE_TYPES else None,
        itunes_title=None if found.itunes_title == entry.title else found.itunes_title,
    )
    return None if made == _EMPTY else made


def _inherited(own: Extras, general: Extras) -> Extras:
    """Give an entry the rights of its document where it has none of its own (RFC 4287, section 4.2.10)."""
    licensed = own.licenses or own.podcast_license or own.rsl
    return replace(
        own,
        rights=own.rights or general.rights,
        licenses=own.licenses if licensed else general.licenses,
        podcast_license=own.podcast_license if licensed else general.podcast_license,
        rsl=own.rsl if licensed else general.rsl,
        noindex=own.noindex or general.noindex,
    )


def _authors(found: Iterable[Person], names: tuple[str, ...]) -> tuple[Person, ...]:
    kept = (one for one in _people(found) if one.name in names and (one.url or one.image))
    return tuple({one.name: one for one in kept}.values())


def _people(found: Iterable[Person]) -> tuple[Person, ...]:
    """Return people whose names are written as those of authors are."""
    named = ((one, clean_authors((one.name,))) for one in found)
    return tuple([replace(one, name=names[0]) for one, names in named if names])


def _categories(found: Iterable[Term], tags: tuple[str, ...]) -> tuple[Term, ...]:
    kept: dict[str, Term] = {}
    for one in found:
        shown = clean_tags((one.label or one.term,))
        if shown and shown[0] in tags and (one.scheme or (one.label and one.label != one.term)):
            named = replace(one, label=shown[0]) if one.label else replace(one, term=shown[0])
            kept.setdefault(shown[0], named if named.label != named.term else replace(named, label=None))
    return tuple(kept.values())


def _media(found: Iterable[MediaDetail], enclosures: tuple[Enclosure, ...]) -> tuple[MediaDetail, ...]:
    """Return the details of the files that the entry has, with its groups numbered from 1."""
    details = {one.url: one for one in found}
    here = [details[file.url] for file in enclosures if file.url in details]
    sizes = Counter(one.group for one in here)
    numbers: dict[int | None, int | None] = {}
    for one in here:
        if one.group is not None and sizes[one.group] > 1:
            numbers.setdefault(one.group, len(numbers) + 1)
    kept = [replace(one, group=numbers.get(one.group)) for one in here]
    return tuple([one for one in kept if one != MediaDetail(one.url)])


def _rsl(found: tuple[RslElement, ...]) -> tuple[RslElement, ...]:
    return tuple([_rsl_element(one) for one in found if _RSL_NAME.fullmatch(one.name)])


def _rsl_element(found: RslElement) -> RslElement:
    """Return an element without addresses that are not on the web."""
    attributes = []
    for one in found.attributes:
        url = clean_url(one.value) if one.name in _ADDRESSES else one.value
        if url is not None and _RSL_NAME.fullmatch(one.name):
            attributes.append(replace(one, value=url))
    text = found.text
    if text is not None and _SCHEME.match(text):
        text = clean_url(text)
    return replace(found, attributes=tuple(attributes), text=text, children=_rsl(found.children))


# -- single values -----------------------------------------------------------------------------------------------------


def check(kind: str, value: Any) -> Any:
    """Return a value as it may be kept, or None; see `aggregator.models.extras`."""
    return _CHECKS[kind](value)


def _text(clean: Callable[[str], str | None]) -> Callable[[Any], str | None]:
    return lambda value: (clean(value) or None) if isinstance(value, str) and value else None


def _media_type(value: str) -> str | None:
    bare = without_parameters(value)
    return bare if is_bare(bare) else None


def _word(value: str) -> str | None:
    return value if _WORD.fullmatch(value) else None


def _long(value: str) -> str | None:
    """Return Markdown; None where it is too long, or holds HTML or the address of a script, which is not cleaned."""
    text = xml_text(value).replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > _MAX_LONG or _RISKY.search(text) or ("&" in text and _RISKY.search(html.unescape(text))):
        return None
    return text


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_COUNT else None


def _decimal(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _MAX_DECIMAL:
        return None
    return round(float(value), 3) if math.isfinite(value) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "line": _text(lambda value: tidy_line(value, _MAX_LINE)),
    "url": _text(clean_url),
    "word": _text(_word),
    "media type": _text(_media_type),
    "language": _text(tidy_tag),
    "long": _text(_long),
    "count": _count,
    "decimal": _decimal,
    "flag": _flag,
}
