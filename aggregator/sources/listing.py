"""A list page with links, and the pages of its articles: pages go in, entries come out; pure.

Apart from `aggregator.sources.scrape`, which needs it for scraped sources only: BeautifulSoup takes long to import.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urldefrag

from bs4 import Tag

from aggregator.errors import ParseError
from aggregator.models import ArticleRules, Fetched, NotModified, ParsedFeed, RawEntry, ScrapeRules, Text
from aggregator.parse.xmltree import one_line
from aggregator.sources.page import Page, attribute, text_of

#: Start and end tags of an article page; a list page may have more. There are many articles, and each is read twice.
MAX_ARTICLE_TAGS = 40_000

#: Elements that make an article without any text one all the same.
_MEDIA = ["img", "picture", "video", "audio", "iframe", "embed", "object", "svg"]


@dataclass(frozen=True, slots=True)
class ListPage:
    """A list page, read."""

    feed: ParsedFeed
    #: The articles it links to, with the titles that stand there.
    links: tuple[RawEntry, ...]


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """An article page, read."""

    entry: RawEntry
    #: Selectors that matched nothing.
    notes: tuple[str, ...]


def read_list(work: tuple[ScrapeRules, Fetched]) -> ListPage:
    """Find the links on a list page.

    Raises:
        ParseError: there are none.
    """
    rules, fetched = work
    page = Page(fetched, rules.encoding)
    titles: dict[str, str] = {}
    matched = 0
    for element in page.select(rules.items):
        matched += 1
        link = element if element.name == "a" else element.find("a", href=True)
        url = page.absolute(attribute(link, "href")) if isinstance(link, Tag) and attribute(link, "href") else None
        if url is None or not isinstance(link, Tag):
            continue
        # A fragment is a place on a page; it tells entries apart only where their pages are not fetched.
        url = urldefrag(url).url if rules.article else url
        if url == urldefrag(fetched.url).url:
            continue
        if url not in titles and len(titles) == rules.limit:
            break
        # A picture often links to the article before its title does.
        titles[url] = titles.get(url) or _link_title(link)
    if not titles:
        what = "nothing on the page matches" if not matched else "no link to another page is in what matches"
        message = f"{what} `{rules.items}` (scrape.items); look at the page and correct the selector"
        raise ParseError(message, kind="nothing_matched", url=fetched.url)
    links = tuple(
        RawEntry(guid=url, url=url, title=Text(title, "text") if title else None) for url, title in titles.items()
    )
    return ListPage(ParsedFeed("scrape", "scrape", (), page.title, fetched.url, page.language), links)


def _link_title(link: Tag) -> str:
    """Text of a link; what its `title` says where the text is missing or cut off, else its picture's `alt`."""
    text, whole = text_of(link), " ".join(attribute(link, "title").split())
    if whole and (not text or text.endswith(("…", "..."))):
        return whole
    picture = link.find("img", alt=True)
    return text or (" ".join(attribute(picture, "alt").split()) if isinstance(picture, Tag) else "")


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
    if not body.get_text(strip=True) and body.find(_MEDIA) is None:
        message = f"`{rules.body}` (article.body) is empty on the article page; is it filled in by a script?"
        raise ParseError(message, kind="nothing_matched", url=page.url)
    found = page.inner_html(body)
    return found if "<" in found else one_line(found)
