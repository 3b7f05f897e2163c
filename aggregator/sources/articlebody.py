"""The article on a page where no selector says which element holds it: found by well-known marks.

In: a page. Out: the element, without what surely is no part of the article. Marks are tried in the order of their
reliability: microdata of schema.org, the classes of well-known programs and newsrooms, the elements of the HTML
standard. A mark that is on something short, such as a box of related articles, does not count where another element
has far more text. Without a mark it is the element with most text in paragraphs.
"""

from __future__ import annotations

import html
import re

from bs4 import Tag
from bs4.element import NavigableString

from aggregator.parse.document import looks_like_html
from aggregator.sources.page import MEDIA, Page, attribute
from aggregator.sources.pagefacts import article_body, short_text

#: Classes and ids of the elements that hold articles.
_NAMES = frozenset(
    """
    entry-content post-content article-content article-body article__body article__content post-body post__content
    post__body articlebody article_body article-text article__text story-body story-content story__body
    content__article-body single-content news-content news-body news-text news_content newscontent newstext
    td-post-content gh-content kg-canvas available-content blog-post-content blog-content e-content c-article-body
    body-content rich_media_content js_content articlecontent article_content articletext artibody articlec
    artical-content detail-content content-detail detailcontent newsdetail trs_editor zoom article-detail
    article_text post_body postbody post_content markdown-body theme-default-content md-content notion-page-content
    ck-content prose
    """.split()
)
#: Elements in a found body that are no part of the article: by name, and by a class, an id or a role.
_UNWANTED_TAGS = frozenset({"script", "style", "nav", "footer", "form", "button", "template"})
_UNWANTED = re.compile(
    r"(?:\A|\s)(?:comments?(?:-area|-list|-section)?|respond|sharedaddy|jp-relatedposts|related(?:-?posts?|-?articles?)?"
    r"|(?:social-?)?share(?:-?(?:buttons?|bar|links?|tools))?|addtoany_share_save_container|social-(?:links|icons)"
    r"|post-(?:navigation|nav|meta|tags|footer)|entry-(?:meta|footer|header)|author-(?:box|bio)|breadcrumbs?|newsletter"
    r"|newsletter-signup|subscribe(?:-form)?|pagination|page-links|advertisement|ads?|ad-(?:slot|container)|promo"
    r"|article-(?:meta|footer|tags|share)|toc|table-of-contents|screen-reader-text|visually-hidden)(?:\s|\Z)",
    re.IGNORECASE,
)
_ROLES = frozenset({"navigation", "complementary", "banner", "contentinfo", "search", "form"})
#: Characters of text that make an article; a picture makes one, too. Below a mark fewer do, where the page has no more.
_ENOUGH = 140
_FEW = 15
#: How much more text another element must have than a marked one, so that the mark does not count.
_FAR_MORE = 3
#: The same for an element around the one with most text.
_MORE = 1.4
#: Levels above an element on which such a one is looked for.
_LEVELS = 3
_HOLDERS = frozenset({"div", "td", "section", "article", "main", "center"})
_PARAGRAPHS = frozenset({"p", "pre", "blockquote"})
#: Links of an element that are counted.
_LINKS = 100


def find_body(page: Page, title: str) -> Tag | None:
    """Return the element that holds the article, without unwanted parts; None where there is none.

    Args:
        title: the title of the article, whose heading is no part of it.
    """
    sizes = _Sizes(page)
    marked = _marked(page)
    best = next((tag for group in marked if (tag := sizes.largest(group)) is not None), None)
    if best is None:
        best = sizes.fullest(page)
    if best is None:
        # A short article; `main` may hold anything.
        best = next((tag for group in marked[:-1] if (tag := sizes.largest(group, _FEW)) is not None), None)
    if best is not None:
        _clean(best, title, sizes)
    return best


def linked_data_body(page: Page) -> str:
    """Return the article as JSON-LD in the page has it, as HTML; "" where there is none."""
    text = article_body(page)
    if len(text) < _ENOUGH or looks_like_html(text):
        return text if len(text) >= _ENOUGH else ""
    parts = (part.strip() for part in text.split("\n"))
    return "".join(f"<p>{html.escape(part, quote=False)}</p>" for part in parts if part)


def _marked(page: Page) -> list[list[Tag]]:
    """Return the elements with marks, those of one kind together, the most reliable kind first."""
    items: list[Tag] = []
    named: list[Tag] = []
    articles: list[Tag] = []
    mains: list[Tag] = []
    for tag in page.tags():
        if attribute(tag, "itemprop").lower() == "articlebody":
            items.append(tag)
        elif tag.name in ("div", "section", "article", "td", "main") and not _NAMES.isdisjoint(_names(tag)):
            named.append(tag)
        elif tag.name == "article":
            articles.append(tag)
        elif tag.name == "main" or attribute(tag, "role").lower() == "main":
            mains.append(tag)
    return [items, named, articles, mains]


def _names(tag: Tag) -> list[str]:
    """Return the classes and the id of an element, in lower case."""
    said = tag.get("class")
    classes = " ".join(said) if isinstance(said, list) else said or ""
    return f"{classes} {attribute(tag, 'id')}".lower().split()


class _Sizes:
    """How much text the elements of a page have, in characters."""

    def __init__(self, page: Page) -> None:
        #: All text, by `id` of the element; that in paragraphs; and that in paragraphs right below it.
        self.all: dict[int, int] = {}
        self._told: dict[int, int] = {}
        self._own: dict[int, int] = {}
        for tag in reversed(list(page.tags())):
            if tag.name in _UNWANTED_TAGS:
                continue
            direct = sum(len(text.strip()) for text in tag.children if type(text) is NavigableString)
            length = self.all[id(tag)] = self.all.get(id(tag), 0) + direct
            if tag.name in _HOLDERS:
                # Some sites write paragraphs as lines of text.
                self._add(tag, direct, direct)
            if (parent := tag.parent) is None:
                continue
            self.all[id(parent)] = self.all.get(id(parent), 0) + length
            if tag.name in _PARAGRAPHS:
                self._add(parent, length, length)
            else:
                self._add(parent, 0, self._told.get(id(tag), 0))
        self._most = max(self._own.values(), default=0)

    def _add(self, tag: Tag, own: int, told: int) -> None:
        self._own[id(tag)] = self._own.get(id(tag), 0) + own
        self._told[id(tag)] = self._told.get(id(tag), 0) + told

    def largest(self, group: list[Tag], least: int = _ENOUGH) -> Tag | None:
        """Return the element of a group with most text; None where that is not enough for an article of this page."""
        tag = max(group, key=lambda one: self.all.get(id(one), 0), default=None)
        if tag is None:
            return None
        length = self.all.get(id(tag), 0)
        enough = length >= least or tag.find(MEDIA) is not None
        return tag if enough and length * _FAR_MORE >= self._most else None

    def fullest(self, page: Page) -> Tag | None:
        """Return the element with most text in paragraphs right below it, or the one around it that has far more."""
        if self._most < _ENOUGH:
            return None
        best = next(one for one in page.tags() if self._own.get(id(one)) == self._most)
        above = 0
        for parent in list(best.parents):
            if parent.name in ("body", "html", "[document]") or above == _LEVELS:
                break
            above += 1
            if self._told.get(id(parent), 0) >= _MORE * self._told[id(best)]:
                best, above = parent, 0
        return best


def _clean(body: Tag, title: str, sizes: _Sizes) -> None:
    """Take out of a body what is no part of the article."""
    folded, whole = _fold(title), sizes.all.get(id(body), 0)
    for tag in body.find_all(True):
        unwanted = tag.name in _UNWANTED_TAGS or attribute(tag, "role").lower() in _ROLES or "hidden" in tag.attrs
        if not unwanted and _UNWANTED.search(" ".join(_names(tag))):
            # What has most of the text must be the article, whatever its name.
            unwanted = 2 * sizes.all.get(id(tag), 0) <= whole
        if not unwanted and tag.name in ("h1", "h2") and folded:
            unwanted = _fold(short_text(tag, 1000) or "") == folded
        if unwanted or (tag.name == "aside" and _is_links(tag, sizes)):
            tag.extract()


def _is_links(tag: Tag, sizes: _Sizes) -> bool:
    """Whether most of the text of an element is links."""
    linked = sum(sizes.all.get(id(one), 0) for one in tag.find_all("a", limit=_LINKS))
    return 2 * linked > sizes.all.get(id(tag), 0)


def _fold(text: str) -> str:
    return "".join(text.split()).casefold()
