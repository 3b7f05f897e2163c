"""Whether a built page shows what its entry says: text, elements, code to the character, and an exact head."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import lxml.html

from aggregator.models import Item
from generators.registry import Page

#: What the generator may set in links and pictures, and what the post sets in pictures.
_SET = frozenset({"target", "rel", "referrerpolicy"})
_BLANK = " \t\n"
#: Quotes in attributes may be typographic: Pelican breaks others.
_STRAIGHT = str.maketrans("\u2019\u201d", "'\"")


def exact(page: Page, item: Item, category: str) -> Iterator[str]:
    """What a head shows that is not as in the entry, where a preset changes nothing."""
    entry = item.entry
    wanted = {
        "title": entry.title,
        "date": entry.published_at.replace(microsecond=0),
        "categories": _categories(page, item, category),
        "tags": entry.tags,
        "authors": entry.authors,
        "link": entry.url,
    }
    for name, value in wanted.items():
        shown = getattr(page, name)
        if shown is not None and not _same(shown, value):
            yield f"{name} {shown!r} and not {value!r}"


def _categories(page: Page, item: Item, category: str) -> tuple[str, ...]:
    """Some presets have the source as a category, too; one whose name is only signs has another name there."""
    shown = page.categories or ()
    if len(shown) < 2:
        return (category,)
    return (category, item.origin.name if any(map(str.isalnum, item.origin.name)) else shown[1])


def _same(shown: object, wanted: object) -> bool:
    """Whether a page shows a value; names may be made fit for folders, or left out where they cannot be."""
    if isinstance(shown, tuple) and isinstance(wanted, tuple):
        named = [name for name in dict.fromkeys(wanted) if any(map(str.isalnum, name))]
        there = [name for name in shown if any(map(str.isalnum, name))]
        return len(there) == len(named) and all(map(_same_name, there, named))
    if isinstance(shown, str) and isinstance(wanted, str) and wanted.startswith("http"):
        # An engine of templates may escape more in an address than it has to.
        return unquote(shown) == unquote(wanted)
    return shown == wanted


def _same_name(shown: str, wanted: str) -> bool:
    if len(wanted.encode()) > 200:
        wanted = wanted[: len(shown)]
    return len(shown) - len(wanted) in (0, 1) and all(
        one in (other, "_") for one, other in zip(shown, f"{wanted}_", strict=False)
    )


def differences(page: Page, item: Item) -> Iterator[str]:
    """What of the text is not as it should be."""
    entry = item.entry
    body = entry.html or entry.summary
    if not _articles(page.html):
        yield "no text"
        return
    wanted, got = _articles(f"<article><div>\n{body}\n</div></article>")[0], _articles(page.html)[0]
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


def _articles(html: str) -> list[lxml.html.HtmlElement]:
    page = lxml.html.document_fromstring(html, parser=lxml.html.HTMLParser(encoding="utf-8", huge_tree=True))
    return list(page.xpath("//article[1]/div[1]"))


def _codes(article: lxml.html.HtmlElement) -> list[str]:
    return [code.text_content() for code in article.iter("pre")]


def _text(article: lxml.html.HtmlElement) -> str:
    return str(article.text_content()).strip(_BLANK)


def _elements(article: lxml.html.HtmlElement) -> list[tuple[str, dict[str, str]]]:
    found = [
        (str(element.tag), {k: _value(k, v) for k, v in element.attrib.items() if k not in _SET})
        for element in article.iter()
    ]
    return found[1:]


def _value(name: str, value: str) -> str:
    """The value of an attribute; classes are names with blanks between them (HTML standard, section 3.2.6)."""
    return " ".join(value.split()) if name == "class" else value.translate(_STRAIGHT)


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
