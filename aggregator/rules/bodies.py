"""The HTML of entries under rules: text without its markup, and elements found by selectors.

In: clean HTML, in which `<` and `>` occur only in tags and every element has its end tag. Out: HTML whose unchanged
parts keep their bytes. What a rule made is cleaned again by `with_texts`; nothing gets into an entry around it.
"""

from __future__ import annotations

import html as markup
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aggregator.models import Entry, Text
from aggregator.values.markup import INLINE, VOID, unescape

if TYPE_CHECKING:
    from bs4 import Tag

    from aggregator.rules.kind import Subject

#: Elements of a text in which selectors look.
MAX_ELEMENTS = 20_000

#: Formulas, which stay as they are, and single tags.
_MARKUP = re.compile(r"(<math[ >].*?</math>|<[^<>]*>)", re.DOTALL)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9-]*)[^<>]*>")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]*")


_Marks = tuple[tuple[str, ...], ...]
"""Of each part of a selector, what occurs in each text in which it matches."""


class NotEdited(ValueError):
    """A text cannot be edited; the message completes "it …" for people."""


def with_texts(entry: Entry, html: str, summary: str, *, keep_picture: bool = False) -> Entry:
    """Return an entry with another body and summary, both cleaned.

    Args:
        keep_picture: whether a picture that was taken from the body stays the picture of the entry.
    """
    if html == entry.html and summary == entry.summary:
        return entry
    from aggregator.normalize.sanitizer import all_images, clean_html

    body, short = (
        before if now == before else clean_html(Text(_as_markup(now, before), "html"))
        for now, before in ((html, entry.html), (summary, entry.summary))
    )
    if not body:
        body, short = short, ""
    changed = replace(entry, html=body, summary="" if short == body else short)
    if body == entry.html:
        return changed
    if not keep_picture:
        named = None if entry.image in set(all_images(entry.html)) else entry.image
        changed = replace(changed, image=_picture(body, named))
    if changed.extras is not None and changed.extras.markdown is not None:
        # It is the body of the source once more.
        changed = replace(changed, extras=replace(changed.extras, markdown=None))
    return changed


def _as_markup(html: str, before: str) -> str:
    """Return what a rule left of markup on one line, if that is text alone: its lines would be taken for paragraphs."""
    return " ".join(html.split()) if "<" not in html and "<" in before else html


def _picture(body: str, named: str | None) -> str | None:
    """Return the picture of an entry, as `aggregator.normalize.entry` chooses it."""
    from aggregator.normalize.sanitizer import first_image
    from aggregator.values.urls import clean_url

    return clean_url(first_image(body)) or named


def edit_text(html: str, edit: Callable[[str], str]) -> str:
    """Return HTML with every piece of text edited; markup and formulas stay, and no text becomes markup."""
    parts = _MARKUP.split(html)
    for at in range(0, len(parts), 2):
        if parts[at]:
            text = unescape(parts[at])
            edited = edit(text)
            if edited != text:
                parts[at] = escaped(edited)
    return "".join(parts)


def escaped(text: str) -> str:
    """Escape a text for HTML, as the sanitizer writes it."""
    return markup.escape(text, quote=False).replace("\u00a0", "&nbsp;")


def edit_elements(
    subject: Subject, rule: str, selectors: Sequence[str], edit: Callable[[str, Sequence[str]], tuple[str, int]]
) -> int | None:
    """Edit the elements of body and summary that match; return how many they were, None if that changes nothing.

    Args:
        rule: its name, for a note where the text cannot be edited.
        edit: returns an edited text, and how many elements match.
    """
    entry = subject.entry
    try:
        html, count = edit(entry.html, selectors)
        summary, more = edit(entry.summary, selectors)
    except NotEdited as error:
        subject.notes.append(f"`{rule}` left the text as it is: it {error}")
        return None
    subject.entry = with_texts(entry, html, summary)
    return None if subject.entry == entry else count + more


def without_elements(html: str, selectors: Sequence[str]) -> tuple[str, int]:
    """Remove the elements that match any of the selectors; return the rest, and how many they were.

    Raises:
        NotEdited: the text has too many elements.
    """
    spans = [(begin, end) for _, (begin, _), (_, end) in _found(html, selectors)]
    # An element inside of another one goes with it.
    outer: list[tuple[int, int]] = []
    for begin, end in spans:
        if not outer or begin >= outer[-1][1]:
            outer.append((begin, end))
    return _without(html, [(*span, "") for span in outer]), len(outer)


def without_tags(html: str, selectors: Sequence[str]) -> tuple[str, int]:
    """Remove the tags of the elements that match, and keep what stands between them.

    Elements without content, such as images, stay.

    Raises:
        NotEdited: the text has too many elements.
    """
    cuts, count = [], 0
    for name, start, end in _found(html, selectors):
        if start != end:
            gap = "" if name in INLINE else " "
            cuts += [(*start, gap), (*end, gap)]
            count += 1
    return _without(html, sorted(cuts)), count


def _without(html: str, cuts: Sequence[tuple[int, int, str]]) -> str:
    """Replace pieces of a text, which are given in their order."""
    parts, at = [], 0
    for begin, end, gap in cuts:
        parts += [html[at:begin], gap]
        at = end
    return "".join((*parts, html[at:]))


_Span = tuple[int, int]


def _found(html: str, selectors: Sequence[str]) -> Iterator[tuple[str, _Span, _Span]]:
    """Yield the name of each element that matches, and where its start and end tag stand, in their order.

    An element without content has one tag, which is both.
    """
    if "<" not in html:
        return
    compiled = [selector for selector, marks in _compiled(tuple(selectors)) if _may_match(marks, html)]
    if not compiled:
        return
    tags = _elements(html)
    soup, found = _tree(html), set[int]()
    for selector in compiled:
        found.update(map(id, selector.select(soup)))
    everything = soup.find_all(True)
    if len(everything) != len(tags):
        raise NotEdited("is not read as it is written")
    for tag, place in zip(everything, tags, strict=True):
        if id(tag) in found:
            yield place


def _tree(html: str) -> Tag:
    """Parse clean HTML: one element for each start tag, in the same order."""
    import warnings

    from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        return BeautifulSoup(html, "html.parser")


def _elements(html: str) -> list[tuple[str, _Span, _Span]]:
    """Return name, start tag and end tag of each element of clean HTML.

    Raises:
        NotEdited: there are too many.
    """
    elements: list[tuple[str, _Span, _Span]] = []
    opened: list[int] = []
    for match in _TAG.finditer(html):
        closing, name = match.groups()
        if not closing:
            if len(elements) == MAX_ELEMENTS:
                raise NotEdited(f"has more than {MAX_ELEMENTS:,} elements")
            if name not in VOID:
                opened.append(len(elements))
            elements.append((name, match.span(), match.span()))
        elif opened:
            at = opened.pop()
            elements[at] = (*elements[at][:2], match.span())
    return elements


@lru_cache(maxsize=256)
def _compiled(selectors: tuple[str, ...]) -> tuple[tuple[Any, _Marks], ...]:
    """Compile selectors; for each part between its commas, what occurs in each text in which it matches."""
    import soupsieve

    compiled = [soupsieve.compile(selector) for selector in selectors]
    return tuple([(one, tuple([_marks(part) for part in one.selectors])) for one in compiled])


def _may_match(marks: _Marks, html: str) -> bool:
    """Whether a selector may match: what one of its parts names occurs in the text.

    Most texts have nothing that is to be removed, and this is much faster than to parse them.
    """
    return any(all(mark in html for mark in part) for part in marks)


def _marks(selector: Any) -> tuple[str, ...]:
    names = [] if selector.tag is None else [selector.tag.name]
    # `[a!=b]` is an attribute inside of `:not()`, and matches where there is none.
    attributes = [one.attribute for one in selector.attributes if not one.inverse]
    return (
        *[f"<{name.lower()}" for name in names if name and _NAME.fullmatch(name)],
        *[name for name in selector.classes if _NAME.fullmatch(name)],
        *[f" {name.lower()}=" for name in attributes if _NAME.fullmatch(name)],
    )
