"""The differences between static site generators for which posts are written, as data.

Out: `PRESETS`, by name. This module renders nothing: `aggregator.publish.posts.render` does, from the data of a preset.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from aggregator.publish.posts.edits import TAG, with_one_quote, with_short_blanks, without_apostrophes

Value = Literal[
    "also_at",
    "author",
    "authors",
    "canonical",
    "categories",
    "category",
    "date",
    "draft",
    "id",
    "image",
    "images",
    "labels",
    "license",
    "link",
    "rights",
    "robots",
    "section",
    "slug",
    "source",
    "source_url",
    "tags",
    "terms",
    "title",
    "updated",
]
"""What a field of the front matter can say."""

VALUE_MEANINGS: dict[Value, str] = {
    "also_at": "list of the addresses of the same item from other sources",
    "author": "the name of the source, in a form fit for a category",
    "authors": "list of the authors of the entry",
    "canonical": "address of the original, for what search engines are told",
    "categories": "list: title of the category, name of the source, section",
    "category": "title of the category",
    "date": "when the entry was published",
    "draft": "`true` for a draft",
    "id": "the id of the entry, the same as in the feeds",
    "image": "address of its picture",
    "images": "the same as a list",
    "labels": "list of its tags as Obsidian accepts them",
    "license": "address of the licence of the entry",
    "link": "address of the original",
    "rights": "who has which rights in the entry",
    "robots": "`noindex` where search engines are asked to leave it out",
    "section": "the section of the source",
    "slug": "a name for the address of the page, where that of the file does not do",
    "source": "the name of the source",
    "source_url": "address of the site of the source",
    "tags": "list of the tags of the entry",
    "terms": "list: title of the category, section",
    "title": "the title of the entry",
    "updated": "when the entry was changed last",
}
"""The same, with the meanings for people; docs/configuration.md is made from them."""

Form = Literal["hexo", "yaml", "toml", "html", "none"]
"""How the front matter is written: the lines of the contract, YAML, TOML, the head of an HTML document, or not."""

Body = Literal["block", "html", "markdown"]
"""How the body is written: HTML without blank lines, which is one block to Markdown; HTML as it is; Markdown."""

Dates = Literal["rfc822", "rfc3339", "zulu", "spaced", "local"]
"""How dates are written, always in UTC."""


PATH_KEYS = ("category", "year", "month", "day", "name", "id")
"""What the pattern of a path can have in braces."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the front matter."""

    #: With ``.`` between the keys of a mapping and its members.
    key: str
    #: None: `constant` is the value.
    value: Value | None
    constant: str | bool | int = ""
    #: In the form of the contract: always in single quotes; otherwise a plain scalar, quoted only if necessary.
    quoted: bool = False
    #: Whether only drafts have it.
    of_drafts: bool = False


_BESIDE, _HIDDEN_BESIDE = "{stem}.upstream{suffix}~", ".{stem}.upstream{suffix}"
UPSTREAM_FORMS = (_BESIDE, _HIDDEN_BESIDE)
"""The names that the new version of an edited post can have beside the post: each is one that its generator skips."""


#: An index, at any level: generators make a folder of each name, and no folder can be where a list has its file.
_INDEX = re.compile(r"(?:\A|/)\W*index\W*\.\W*[a-z]+\W*(?:\Z|/)", re.IGNORECASE)


# Compared by identity, so that a preset is a fast cache key.
@dataclass(frozen=True, slots=True, eq=False)
class Preset:
    """The form of a post for one generator."""

    form: Form
    fields: tuple[Field, ...]
    body: Body
    #: The text before the first field.
    opening: str
    #: The text between the last field and the body.
    middle: str
    #: The text after the body.
    ending: str
    dates: Dates
    suffix: str = ".md"
    #: The path of a new post below its folder, without its suffix.
    path: str = "{category}/{name}"
    #: Further characters that become ``_`` in the name of a file.
    masked_in_names: str = ""
    #: A pattern in the name of a file, and what takes its place, because the generator reads it.
    renamed: tuple[re.Pattern[str], str] | None = None
    #: Whether the generator takes a date from the beginning of each name, as a part of the address of its own.
    dated_names: bool = False
    #: Characters that the generator keeps in an address, besides letters, marks and digits.
    kept_in_slugs: str = "-_"
    #: Whether it keeps only characters of ASCII, in lower case.
    ascii_slugs: bool = False
    #: Whether each post states its slug; otherwise only those whose names the generator changes.
    always_slug: bool = False
    #: Whether a slug begins with the folder of the post.
    slug_with_folder: bool = False
    #: Characters that become ``_`` in titles.
    masked_in_titles: str = ""
    #: Characters that become ``_`` in names of sources that come from a feed, where they are categories.
    masked_in_sources: str = ""
    #: Characters that become ``_`` in tags and in names of people, which themes print as they are.
    masked_in_people: str = ""
    #: Names of categories that break the generator; such a name from a feed gets a ``_``.
    reserved: frozenset[str] = frozenset()
    #: What in a tag, a person or a source would be taken for a file of the generator; its dots become ``_``.
    reserved_files: re.Pattern[str] | None = _INDEX
    #: Replacements in the body, so that the template engine of the generator does not change it.
    escapes: tuple[tuple[str, str], ...] = ()
    #: Replacements that need a pattern, done after `escapes`: a text that the body must contain, the pattern, and the
    #: replacement. The text is searched first, because that is faster.
    patterns: tuple[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = ()
    #: The name of a new version beside a post that was edited, one of `UPSTREAM_FORMS`. Generators choose by the end of
    #: a name; Hexo, Hugo and Jekyll also know names that end with ``~`` as copies of editors.
    upstream: str = _BESIDE
    #: The file, in the form of the front matter, that each folder of posts needs.
    section: str | None = None
    #: A Jinja2 template that makes the text below the front matter; None: the body alone.
    template: str | None = None


class PostOptions(NamedTuple):
    """What the configuration says about the posts of one folder, besides their preset."""

    #: Prefix of image addresses that start with ``http://``, or None.
    image_proxy: str | None = None
    #: Address of an image for items without one; ``{n}`` in it becomes a number from 0 to 9999 that depends only on the
    #: id of the item. None: there is no such image.
    placeholder: str | None = None
    #: Whether a line with a link to the original follows the text.
    footer: bool = False


#: Template engines run what stands between braces: Nunjucks, Liquid, Go templates, Tera.
BRACES = (("{", "&#123;"), ("}", "&#125;"))
# Some generators look for code fences before Markdown does: no three of these may follow each other.
_FENCES = (
    ("`", re.compile("`(?=``)"), "&#96;"),
    ("~", re.compile("~(?=~~)"), "&#126;"),
)

#: What has a meaning in HTML, or in links of Markdown.
_MASKED = '\\/:*?"<>|[]\u201c\u201d'

HEXO = Preset(
    form="hexo",
    opening="\n---\n",
    fields=(
        Field("title", "title", quoted=True),
        Field("categories", "categories"),
        Field("headimg", "image", quoted=True),
        Field("author", "author"),
        Field("comments", None, constant="false"),
        Field("date", "date"),
        Field("thumbnail", "image", quoted=True),
        Field("published", None, constant="false", of_drafts=True),
    ),
    body="block",
    middle="---\n\n<div>   \n",
    ending="  \n</div>\n            ",
    dates="rfc822",
    masked_in_titles=_MASKED,
    masked_in_sources=_MASKED,
    # Hexo looks categories up in a JavaScript object, which inherits these properties.
    reserved=frozenset(
        {
            "constructor",
            "hasOwnProperty",
            "isPrototypeOf",
            "propertyIsEnumerable",
            "toLocaleString",
            "toString",
            "valueOf",
            "__proto__",
            "__defineGetter__",
            "__defineSetter__",
            "__lookupGetter__",
            "__lookupSetter__",
        }
    ),
    reserved_files=None,
    # U+FFFC marks the places where Hexo puts back what it took out before; another U+FFFC ends the whole build. A link
    # that opens a window is written without `rel`, as on its site: for browsers `_blank` implies `noopener` (HTML
    # standard, section 4.6.5).
    escapes=(*BRACES, ("\ufffc", "&#65532;"), ('<a rel="noopener" ', "<a ")),
    patterns=(
        *_FENCES,
        # Hexo searches tags for these attributes, including their values: to mark external links, and to find pictures.
        # Inside of a value, no quote that opens another value follows.
        # The pattern starts with a rare character, which makes it fast.
        (
            "=",
            re.compile(r'=(?!"(?:"|[^\s">]))(?:(?<=[hH][rR][eE][fF]=)|(?<=[rR][eE][lL]=)|(?<=[sS][rR][cC]=))'),
            "&#61;",
        ),
        # For Hexo the address of a picture ends at a quote of either kind. What remains is another picture, or none; a
        # quote in the name of the host ends the whole build.
        ("'", re.compile(r' src="[^"\']*\'[^"]*"'), without_apostrophes),
        # The time of Hexo 7 for a link grows with the square of the longest white space in its tag.
        ("<a ", re.compile(r"<a (?:\s{0,63}+[^<>\s]++)*+\s{64}[^<>]*>"), with_short_blanks),
    ),
)


def _origin(prefix: str = "", *, canonical: str = "canonical_url") -> tuple[Field, ...]:
    """Return the fields that say where an entry comes from, and what may be done with it."""
    return (
        Field(f"{prefix}id", "id"),
        Field(f"{prefix}source", "source"),
        Field(f"{prefix}source_url", "source_url"),
        Field(f"{prefix}link", "link"),
        Field(f"{prefix}{canonical}", "canonical"),
        Field(f"{prefix}also_at", "also_at"),
        *_rights(prefix),
    )


def _rights(prefix: str = "") -> tuple[Field, ...]:
    # Most entries have none of them.
    return Field(f"{prefix}rights", "rights"), Field(f"{prefix}license", "license"), Field(f"{prefix}robots", "robots")


_DRAFT = Field("draft", "draft")

HUGO = Preset(
    form="yaml",
    opening="---\n",
    fields=(
        Field("title", "title"),
        Field("date", "date"),
        Field("slug", "slug"),
        Field("categories", "terms"),
        Field("tags", "tags"),
        Field("authors", "authors"),
        Field("images", "images"),
        *_origin("params.", canonical="canonicalURL"),
        _DRAFT,
    ),
    body="block",
    middle="---\n<div>\n",
    ending="\n</div>\n",
    dates="rfc3339",
    # What follows a dot can be a language to Hugo, so that two posts would be one page.
    masked_in_names=".",
    escapes=BRACES,
    patterns=_FENCES,
)

JEKYLL = Preset(
    form="yaml",
    opening="---\n",
    fields=(
        Field("layout", None, constant="post"),
        Field("title", "title"),
        Field("date", "date"),
        Field("slug", "slug"),
        Field("categories", "categories"),
        Field("tags", "tags"),
        Field("authors", "authors"),
        Field("image", "image"),
        *_origin(),
        Field("render_with_liquid", None, constant=False),
        Field("published", None, constant=False, of_drafts=True),
    ),
    # What stands before the first blank line is the excerpt, which themes print in lists. It would end there inside of
    # an attribute, too, and the next post would go on in it.
    body="block",
    middle="---\n",
    ending="\n",
    dates="spaced",
    suffix=".html",
    path="{category}/{year}-{month}-{day}-{name}",
    dated_names=True,
    kept_in_slugs="-_.",
    # Jekyll makes folders of them. Its own plug-in for search engines prints people as they are, also into a script.
    masked_in_sources='/\\<>"',
    masked_in_people='<>"',
    escapes=BRACES,
)

ELEVENTY = Preset(
    form="yaml",
    opening="---\n",
    fields=(
        Field("title", "title"),
        Field("date", "date"),
        Field("categories", "categories"),
        Field("authors", "authors"),
        Field("images", "images"),
        *_origin(canonical="canonicalURL"),
        Field("templateEngineOverride", None, constant="html"),
        _DRAFT,
    ),
    body="html",
    middle="---\n",
    ending="\n",
    dates="zulu",
    suffix=".html",
    # Eleventy drops everything up to a date from the address, so that two posts could have one.
    renamed=(re.compile(r"(\d{4})-(\d{2})-(\d{2})-"), r"\1-\2-\3_"),
)

ASTRO = Preset(
    form="yaml",
    opening="---\n",
    fields=(
        Field("title", "title"),
        Field("date", "date"),
        Field("slug", "slug"),
        Field("categories", "categories"),
        Field("tags", "tags"),
        Field("authors", "authors"),
        Field("images", "images"),
        *_origin(canonical="canonicalURL"),
        _DRAFT,
    ),
    body="block",
    middle="---\n<div>\n",
    ending="\n</div>\n",
    dates="zulu",
    slug_with_folder=True,
    patterns=_FENCES,
)

PELICAN = Preset(
    form="html",
    opening="<html>\n<head>\n",
    fields=(
        Field("title", "title"),
        Field("date", "date"),
        Field("category", "category"),
        Field("slug", "slug"),
        Field("authors", "authors"),
        Field("tags", "tags"),
        Field("image", "image"),
        *_origin(),
        Field("status", None, constant="draft", of_drafts=True),
    ),
    body="html",
    middle="</head>\n<body>\n",
    ending="\n</body>\n</html>\n",
    dates="rfc3339",
    suffix=".html",
    kept_in_slugs="-_.",
    always_slug=True,
    slug_with_folder=True,
    patterns=(('="', TAG, with_one_quote),),
)

ZOLA = Preset(
    form="toml",
    opening="+++\n",
    fields=(
        Field("title", "title"),
        Field("date", "date"),
        Field("slug", "slug"),
        Field("taxonomies.categories", "terms"),
        Field("taxonomies.tags", "tags"),
        Field("taxonomies.authors", "authors"),
        Field("extra.images", "images"),
        *_origin("extra."),
        _DRAFT,
    ),
    body="block",
    middle="+++\n<div>\n",
    ending="\n</div>\n",
    dates="rfc3339",
    # What follows a dot can be a language.
    masked_in_names=".",
    kept_in_slugs="-",
    ascii_slugs=True,
    always_slug=True,
    escapes=BRACES,
    patterns=_FENCES,
    section="_index.md",
    # Zola publishes every file beside its posts that does not end with `.md`, and builds no hidden one.
    upstream=_HIDDEN_BESIDE,
)

MARKDOWN = Preset(
    form="yaml",
    opening="---\n",
    fields=(
        Field("title", "title"),
        Field("date", "date"),
        Field("categories", "categories"),
        Field("tags", "tags"),
        Field("authors", "authors"),
        Field("image", "image"),
        *_origin(),
        _DRAFT,
    ),
    body="markdown",
    middle="---\n\n",
    ending="\n",
    dates="rfc3339",
)

OBSIDIAN = replace(
    MARKDOWN,
    fields=(
        Field("title", "title"),
        Field("date", "date"),
        Field("tags", "labels"),
        Field("authors", "authors"),
        Field("id", "id"),
        Field("publisher", "source"),
        Field("publisher_url", "source_url"),
        Field("source", "link"),
        Field("canonical_url", "canonical"),
        Field("also_at", "also_at"),
        *_rights(),
        _DRAFT,
    ),
    dates="local",
    # They have a meaning in links between notes.
    masked_in_names="[]^#",
)

PRESETS: dict[str, Preset] = {
    "hexo": HEXO,
    "hugo": HUGO,
    "jekyll": JEKYLL,
    "eleventy": ELEVENTY,
    "astro": ASTRO,
    "pelican": PELICAN,
    "zola": ZOLA,
    "obsidian": OBSIDIAN,
    "markdown": MARKDOWN,
}
"""Every preset by the name that `posts.preset` gives."""
