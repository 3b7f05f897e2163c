"""An article page, read. It works in another process, but for what joins page and list.

In: a fetched page and the rules of its source. Out: what the page says, by the rules and by itself. It is apart from
`aggregator.sources.articles`, which imports it only where there is a page to read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from bs4 import Tag

from aggregator.errors import ParseError
from aggregator.models import Fetched, RawEntry, Text, host_of
from aggregator.normalize.identity import fingerprint
from aggregator.normalize.images import LAZY, LAZY_SETS
from aggregator.parse.xmltree import one_line
from aggregator.sources import selecting
from aggregator.sources.articlebody import find_body, linked_data_body
from aggregator.sources.fields import FieldRules
from aggregator.sources.page import MAX_ARTICLE_TAGS, MEDIA, Page
from aggregator.sources.pagefacts import PageFacts, facts_of
from aggregator.values.urls import resolve

if TYPE_CHECKING:
    from aggregator.sources.articles import ArticleRules

#: A time of day, in a date as text.
_CLOCK = re.compile(r"\d\s*[:：时時点點]\s*\d\d|\d\s?(?:小?时|小時|分钟|分鐘|hours?|hrs?|min)", re.IGNORECASE)
#: Attributes with addresses that are relative to the page.
_ADDRESSES = ("href", "src", "poster", "data", "cite", *LAZY)
_SETS = ("srcset", *LAZY_SETS)
_IN_SET = re.compile(r"(?:(?<=,)|\A)(\s*)([^\s,]\S*)")


@dataclass(frozen=True, slots=True)
class ArticleWork:
    """A page that is to be read."""

    rules: ArticleRules
    encoding: str | None
    fetched: Fetched
    #: Base of the addresses in the result; None: that of the page.
    base: str | None = None


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """An article page, read."""

    #: The article, and the base of its addresses.
    html: str
    base: str
    #: What the rules found, and what the page says of itself; "" or empty: nothing.
    said: RawEntry
    facts: RawEntry
    #: Name of the site.
    site: str = ""
    #: Address of the next page of the article.
    next: str | None = None
    #: Selectors that matched nothing.
    notes: tuple[str, ...] = ()
    #: Which fields of the rules were found, by key.
    filled: dict[str, bool] = field(default_factory=dict)


def read_article(work: ArticleWork) -> ArticlePage:
    """Read an article page.

    Raises:
        ParseError: there is no article on it.
    """
    rules, fetched = work.rules, work.fetched
    page = Page(fetched, work.encoding, MAX_ARTICLE_TAGS)
    facts = facts_of(page)
    filled: dict[str, bool] = {}
    # The fields first: what is removed from the body may hold them.
    said = _fields(page, rules, filled)
    linked = selecting.link(page, FieldRules(rules.next)) if rules.next is not None else None
    html, base = _body(page, rules, facts), page.base
    if work.base is not None and _folder(base) != _folder(work.base):
        html, base = _absolute(html, base), work.base
    notes = [
        f"`{_selector(rules, name)}` (article.{name}) matches nothing on some articles"
        for name, found in filled.items()
        if not found
    ]
    if page.misread:
        notes.append(f"{page.misread} ({page.url})")
    return ArticlePage(
        html,
        base,
        said,
        RawEntry(
            title=Text(facts.title, "text") if facts.title else None,
            published=facts.published or None,
            authors=facts.authors,
            image=facts.image,
        ),
        facts.site,
        linked.partition("#")[0] if linked and host_of(linked) == host_of(page.url) else None,
        tuple(notes),
        filled,
    )


def joined(link: RawEntry, article: ArticlePage, rules: ArticleRules) -> RawEntry:
    """Return the entry of an article, of what the list and its page say.

    What rules name counts first, then the list, then what the page says of itself; of two dates the more exact one.
    """
    said, facts = article.said, article.facts
    listed = link.published
    if said.published is None and facts.published and not (listed and _CLOCK.search(listed)):
        said = replace(said, published=facts.published)
    zone = rules.date.timezone if rules.date is not None else None
    own, theirs = zone or rules.timezone, link.timezone
    return replace(
        link,
        title=said.title or link.title or facts.title,
        content=Text(article.html, "html", article.base),
        published=said.published or listed,
        authors=said.authors or link.authors or facts.authors,
        tags=said.tags or link.tags,
        image=said.image or link.image or (None if "<img" in article.html.lower() else facts.image),
        language=said.language or link.language,
        timezone=own or theirs if said.published else theirs or own,
    )


def digest_of(article: ArticlePage) -> str:
    """Return a digest of what a page has; what the list says is no part of it, nor are dates."""
    said, facts = article.said, article.facts
    shown = replace(said, title=said.title or facts.title, authors=said.authors or facts.authors)
    return fingerprint(replace(shown, content=Text(article.html, "html")))


def _fields(page: Page, rules: ArticleRules, filled: dict[str, bool]) -> RawEntry:
    """Return what the rules find on a page, and record of each field whether it was found."""
    whole = page.first("body")

    def within(field: FieldRules) -> Tag | None:
        return whole if field.select is None else None

    title = author = date = ""
    image: str | None = None
    tags: tuple[str, ...] = ()
    if rules.title is not None:
        title = selecting.text(page, rules.title, within(rules.title))
        filled["title"] = bool(title)
    if rules.author is not None:
        author = selecting.text(page, rules.author, within(rules.author))
        filled["author"] = bool(author)
    if rules.date is not None and not _is_default(rules.date):
        date = selecting.date(page, rules.date, within(rules.date))
        filled["date"] = bool(date)
    if rules.image is not None:
        image = selecting.image(page, rules.image, within(rules.image))
        filled["image"] = bool(image)
    if rules.categories is not None:
        tags = selecting.texts(page, rules.categories, within(rules.categories))
        filled["categories"] = bool(tags)
    return RawEntry(
        title=Text(title, "text") if title else None,
        published=date or None,
        authors=(author,) if author else (),
        tags=tags,
        image=image,
        language=page.language,
    )


def _is_default(rules: FieldRules) -> bool:
    """Whether rules say no more than how a date is read that is found without them."""
    return rules.select is None and rules.value is None and rules.regex is None and rules.attribute is None


def _selector(rules: ArticleRules, name: str) -> str:
    field: FieldRules = getattr(rules, name)
    return field.select or field.regex or field.attribute or ""


def _body(page: Page, rules: ArticleRules, facts: PageFacts) -> str:
    """HTML of the article."""
    if rules.body is not None:
        body = page.first(rules.body)
        if body is None:
            message = f"nothing on the article page matches `{rules.body}` (article.body); correct the selector"
            raise ParseError(message, kind="nothing_matched", url=page.url)
    else:
        body = find_body(page, facts.title)
        if body is None:
            if told := linked_data_body(page):
                return told
            script = "; it has hardly any text, so perhaps a script fills it in" if page.is_bare else ""
            message = f"no article was found on the page; name the element that holds it (article.body){script}"
            raise ParseError(message, kind="nothing_matched", url=page.url)
    for unwanted in [tag for selector in rules.remove for tag in page.select(selector)]:
        if any(parent is body for parent in unwanted.parents):
            unwanted.extract()
    if not body.get_text(strip=True) and body.find(MEDIA) is None:
        what = f"`{rules.body}` (article.body)" if rules.body is not None else "the article"
        message = f"{what} is empty on the article page; is it filled in by a script?"
        raise ParseError(message, kind="nothing_matched", url=page.url)
    found = page.inner_html(body)
    return found if "<" in found else one_line(found)


def _absolute(html: str, base: str) -> str:
    """Make the addresses in a piece of a page absolute."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(f"<div>{html}</div>", "lxml", multi_valued_attributes=None)
    for tag in soup.find_all(True):
        for name in _ADDRESSES:
            if isinstance(value := tag.get(name), str) and (url := resolve(value, base)):
                tag[name] = url
        for name in _SETS:
            if isinstance(value := tag.get(name), str):
                tag[name] = _IN_SET.sub(lambda found: found[1] + (resolve(found[2], base) or found[2]), value)
    holder = soup.find("div")
    return holder.decode_contents(formatter="minimal") if isinstance(holder, Tag) else html


def _folder(base: str) -> str:
    return urljoin(base, ".")
