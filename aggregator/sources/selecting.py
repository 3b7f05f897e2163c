"""The values of fields on a page, as rules say where they are. It works in another process, with `sources.page`.

A selector may match several elements; the first that gives a value counts. Values are text on one line, HTML, absolute
addresses, or dates as they stand; nothing is cleaned here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from bs4 import Tag

from aggregator.dates.formatted import read_as
from aggregator.dates.relative import find_date
from aggregator.models import Text
from aggregator.normalize.images import candidates, image_address, is_hidden, is_picture
from aggregator.sources.fields import FieldRules, part_of
from aggregator.sources.page import Page, attribute, text_of

#: Values of one field of one item at most.
MAX_VALUES = 50
#: Images of an item that are looked at.
_MAX_IMAGES = 20
#: Characters of a date; what is longer is no date.
_MAX_DATE = 300
#: A time at which every date can be read that can be read at any time.
_ANY_TIME = datetime(2020, 7, 15, 12, 0, tzinfo=UTC)
_ADDRESS = re.compile(r"(?:https?:)?/[^\s]*$")
_BACKGROUND = re.compile(r"""background(?:-image)?\s*:[^;]*?url\(\s*["']?([^"')]{1,2000})""", re.IGNORECASE)


def text(page: Page, rules: FieldRules, within: Tag | None = None) -> str:
    """Return the text of a field on one line; "" where there is none.

    Args:
        page: the page.
        rules: where the field is.
        within: the item; None: the whole page is one item.

    Raises:
        ParseError: it takes too long.
    """
    return next((one for one in _texts(page, rules, within) if one), "")


def texts(page: Page, rules: FieldRules, within: Tag | None = None) -> tuple[str, ...]:
    """Return all texts of a field, each once."""
    found: dict[str, None] = {}
    for one in _texts(page, rules, within):
        if one:
            found[one] = None
        if len(found) == MAX_VALUES:
            break
    return tuple(found)


def html(page: Page, rules: FieldRules, within: Tag | None = None) -> Text | None:
    """Return what an element has inside as HTML; what stands in an attribute is HTML, a text of XPath is not."""
    if rules.value is not None:
        return Text(rules.value, "html", page.base)
    for one in found(page, rules, within):
        if isinstance(one, str):
            value, markup = one, False
        elif rules.attribute is not None:
            value, markup = attribute(one, rules.attribute), True
        else:
            value, markup = page.inner_html(one), True
        if value := part_of(value, rules).strip():
            return Text(value, "html" if markup else "text", page.base)
    return None


def link(page: Page, rules: FieldRules, within: Tag | None = None) -> str | None:
    """Return the address of a field, absolute: of what is selected, or of the first link in it."""
    if rules.value is not None:
        return page.absolute(rules.value)
    for one in found(page, rules, within):
        if isinstance(one, str):
            said = one
        elif rules.attribute is not None:
            said = attribute(one, rules.attribute)
        else:
            linked = linked_in(one)
            said = attribute(linked, "href") if linked else _written_address(one, rules)
        if url := page.absolute(part_of(said, rules)):
            return url
    return None


def _written_address(tag: Tag, rules: FieldRules) -> str:
    """Return the text of an element if it may be an address: any text but for a regular expression is not."""
    said = text_of(tag)
    return said if rules.regex is not None or _ADDRESS.match(said) else ""


def linked_in(tag: Tag) -> Tag | None:
    """Return an element if it is a link, else the first link in it."""
    linked = tag if attribute(tag, "href") else tag.find("a", href=True)
    return linked if isinstance(linked, Tag) else None


def date(page: Page, rules: FieldRules, within: Tag | None = None) -> str:
    """Return a date: as ISO 8601 where its format is given, else as text that has a date in it.

    Where nothing that is selected has one, the first text is returned as it stands, so that the reader is told.
    """
    first = ""
    for said in _dates(page, rules, within):
        shown = said[:_MAX_DATE]
        if rules.format is not None:
            if read := read_as(shown, rules.format, rules.timezone):
                return read
        elif is_date(shown):
            return shown
        first = first or shown
    return first


def is_date(said: str, *, sure: bool = False) -> bool:
    """Whether a text has a date in it; `sure` as in `find_date`."""
    return find_date(said, _ANY_TIME, None, sure=sure) is not None


def image(page: Page, rules: FieldRules, within: Tag | None = None) -> str | None:
    """Return the address of an image, absolute: of what is selected, or of the first one in it."""
    if rules.value is not None:
        return page.absolute(rules.value)
    for one in found(page, rules, within):
        if isinstance(one, str):
            url = page.absolute(part_of(one, rules))
        elif rules.attribute is not None:
            url = _of_attribute(page, part_of(attribute(one, rules.attribute), rules))
        elif rules.regex is not None:
            url = page.absolute(part_of(text_of(one), rules))
        else:
            url = image_of(page, one)
        if url:
            return url
    return None


def image_of(page: Page, tag: Tag) -> str | None:
    """Return the address of an image element, or of the first in an element that shows something; None: there is none.

    Lazy loading, sets of images, and images behind an element are understood.
    """
    if tag.name == "meta":
        return page.absolute(attribute(tag, "content"))
    images = [tag] if tag.name == "img" else tag.find_all("img", limit=_MAX_IMAGES)
    for one in images:
        attributes = {name: value for name, value in one.attrs.items() if isinstance(value, str)}
        if one is not tag and is_hidden(attributes):
            continue
        # The parser takes `source` for an element with content, so that the image may stand in one.
        picture = one.find_parent("picture")
        offered = [
            choice
            for source in (picture.find_all("source", limit=_MAX_IMAGES) if picture else ())
            for choice in candidates(attribute(source, "srcset") or attribute(source, "data-srcset"), page.base)
        ]
        url = image_address(attributes, page.base, offered)
        if url and is_picture(url, attributes):
            return page.absolute(url)
    behind = _BACKGROUND.search(attribute(tag, "style")[: _MAX_DATE * 10])
    return page.absolute(behind[1]) if behind else None


def found(page: Page, rules: FieldRules, within: Tag | None) -> Iterator[Tag | str]:
    """Return what the selector of a field matches; the item itself where it has none."""
    if rules.select is not None:
        yield from page.find(rules.select, within)
    elif within is not None:
        yield within


def _texts(page: Page, rules: FieldRules, within: Tag | None) -> Iterator[str]:
    if rules.value is not None:
        yield rules.value
        return
    for one in found(page, rules, within):
        if isinstance(one, str):
            said = one
        else:
            said = text_of(one) if rules.attribute is None else " ".join(attribute(one, rules.attribute).split())
        yield " ".join(part_of(said, rules).split())


def _dates(page: Page, rules: FieldRules, within: Tag | None) -> Iterator[str]:
    """Return the texts that may be the date; what is made for programs comes first (HTML standard, section 4.5.14)."""
    if rules.attribute is None and rules.regex is None and rules.format is None and rules.value is None:
        for one in found(page, rules, within):
            if isinstance(one, str):
                yield one
                continue
            inner = one if attribute(one, "datetime") else one.find("time", datetime=True)
            yield from filter(
                None,
                (attribute(inner, "datetime") if isinstance(inner, Tag) else "", attribute(one, "title"), text_of(one)),
            )
        return
    yield from filter(None, _texts(page, rules, within))


def _of_attribute(page: Page, value: str) -> str | None:
    """Return the address in an attribute, which may be a set of images or a style."""
    if behind := _BACKGROUND.search(value):
        return page.absolute(behind[1])
    if ", " in value or re.search(r"\s[0-9.]+[wx]$", value):
        return image_address({"srcset": value}, page.base, ())
    return page.absolute(value)
