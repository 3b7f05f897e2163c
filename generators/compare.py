"""Whether a built page shows what its entry says: title, text, elements, code to the character, date, categories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import lxml.html

from aggregator.models import Item
from generators.registry import Page

#: What the generator may set in links and pictures, and what the post sets in pictures.
_SET = frozenset({"target", "rel", "referrerpolicy"})
_BLANK = " \t\n"
_MASKED = re.compile(r'[\\/:*?"<>|\[\]“”]')


def differences(page: Page, item: Item, categories: tuple[str, ...]) -> Iterator[str]:
    """What is not as it should be.

    Args:
        page: as it was built.
        item: what it was built of.
        categories: the categories of the item that come from the configuration, and so are not masked.
    """
    entry, name = item.entry, item.origin.name
    if page.title != _without_references(_MASKED.sub("_", entry.title)):
        yield f"title {page.title!r}"
    if page.date != entry.published_at:
        yield f"date {page.date}"
    if not item.origin.named:
        name = page.author
    if sorted(page.categories) != sorted((*categories, name)):
        yield f"categories {page.categories!r}"
    body = entry.html or entry.summary
    wanted, got = _article(f"<article><div>\n{body}\n</div></article>"), _article(page.html)
    if (first := _difference(_codes(wanted), _codes(got))) is not None:
        yield f"code {first}"
    if entry.image is not None and len(got) and _is_picture(got[0], entry.image) and not _shows(wanted, entry.image):
        got[0].drop_tree()
    text, shown = _text(wanted), _text(got)
    if not shown.startswith(text) or len(shown[len(text) :].strip().splitlines()) > len(entry.enclosures):
        yield f"text {_difference(list(text), list(shown))}"
    tags, built = _elements(wanted), _elements(got)
    if built[: len(tags)] != tags or (len(built) > len(tags) and not entry.enclosures):
        yield f"elements {_difference(tags, built)}"


def _without_references(title: str) -> str:
    return re.sub(
        "&(?=#?[0-9A-Za-z]+)",
        lambda match: (
            "&"
            if unescape(title[match.start() : match.start() + 34]) == title[match.start() : match.start() + 34]
            else "_"
        ),
        title,
    )


def _article(html: str) -> lxml.html.HtmlElement:
    page = lxml.html.document_fromstring(html, parser=lxml.html.HTMLParser(encoding="utf-8", huge_tree=True))
    return page.xpath("//article[1]/div[1]")[0]


def _codes(article: lxml.html.HtmlElement) -> list[str]:
    return [code.text_content() for code in article.iter("pre")]


def _text(article: lxml.html.HtmlElement) -> str:
    return str(article.text_content()).strip(_BLANK)


def _elements(article: lxml.html.HtmlElement) -> list[tuple[str, dict[str, str]]]:
    found = [
        (str(element.tag), {k: v for k, v in element.attrib.items() if k not in _SET}) for element in article.iter()
    ]
    return found[1:]


def _is_picture(element: lxml.html.HtmlElement, url: str) -> bool:
    return element.tag == "p" and len(element) == 1 and element[0].tag == "img" and element[0].get("src") == url


def _shows(article: lxml.html.HtmlElement, url: str) -> bool:
    return len(article) > 0 and _is_picture(article[0], url)


def _difference(wanted: list[object], got: list[object]) -> str | None:  # type: ignore[type-arg]
    """The first place where two lists differ, for a person to read."""
    for place, (one, other) in enumerate(zip([*wanted, None], [*got, None], strict=False)):
        if one != other:
            return f"{place}: {str(wanted[place : place + 30])[:300]} became {str(got[place : place + 30])[:300]}"
    return None
