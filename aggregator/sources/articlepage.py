"""An article page, read. It works in another process.

In: a fetched page and the rules of its source. Out: an entry. It is apart from `aggregator.sources.articles`, which
imports it only where there is a page to read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aggregator.errors import ParseError
from aggregator.models import Fetched, NotModified, RawEntry, Text
from aggregator.parse.xmltree import one_line
from aggregator.sources.page import MAX_ARTICLE_TAGS, MEDIA, Page, attribute, text_of

if TYPE_CHECKING:
    from aggregator.sources.articles import ArticleRules


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """An article page, read."""

    entry: RawEntry
    #: Selectors that matched nothing.
    notes: tuple[str, ...]


def read_article(work: tuple[ArticleRules, str | None, RawEntry, Fetched | NotModified]) -> ArticlePage:
    """Read an article page.

    Raises:
        ParseError: there is no article on it.
    """
    rules, encoding, link, fetched = work
    if isinstance(fetched, NotModified):
        raise ParseError("the server says unchanged of a page never fetched", kind="unparsable", url=fetched.url)
    page = Page(fetched, encoding, MAX_ARTICLE_TAGS)
    notes: list[str] = []

    def text(key: str, selector: str | None) -> str:
        if selector is None:
            return ""
        found = page.first(selector)
        if found is None:
            notes.append(f"`{selector}` (article.{key}) matches nothing on some articles")
            return ""
        # `time datetime="…"` is made for programs (HTML standard, section 4.5.14).
        return (key == "date" and attribute(found, "datetime")) or text_of(found)

    # The texts first: what is removed from the body may hold them.
    title, author, date = text("title", rules.title), text("author", rules.author), text("date", rules.date)
    entry = replace(
        link,
        title=Text(title, "text") if title else link.title,
        content=Text(_body(page, rules), "html", page.base),
        published=date or None,
        authors=(author,) if author else (),
        language=page.language,
        timezone=rules.timezone,
    )
    return ArticlePage(entry, tuple(notes))


def _body(page: Page, rules: ArticleRules) -> str:
    """HTML of the article."""
    body = page.first(rules.body)
    if body is None:
        message = f"nothing on the article page matches `{rules.body}` (article.body); correct the selector"
        raise ParseError(message, kind="nothing_matched", url=page.url)
    for unwanted in [tag for selector in rules.remove for tag in page.select(selector)]:
        if any(parent is body for parent in unwanted.parents):
            unwanted.extract()
    if not body.get_text(strip=True) and body.find(MEDIA) is None:
        message = f"`{rules.body}` (article.body) is empty on the article page; is it filled in by a script?"
        raise ParseError(message, kind="nothing_matched", url=page.url)
    found = page.inner_html(body)
    return found if "<" in found else one_line(found)
