"""Read any XML feed with feedparser: the reader for what the strict readers do not know for certain.

In: a `TextDocument`. Out: a `ParsedFeed`, which `mapping` makes of feedparser's entries. feedparser gets the document
as it is; if it is not well-formed, after `repair`; and if that does not help, in its own tolerant parser. feedparser
fetches nothing here, resolves no links inside texts and sanitizes nothing: later stages do.

The two parser classes of feedparser are used, not `feedparser.parse`, because some of its methods take time that grows
with the square of the input, or guess where the source is clear. Each override says which.
"""

from __future__ import annotations

import contextlib
import io
import re
import xml.sax
from dataclasses import replace
from functools import partialmethod
from typing import Any
from xml.sax.handler import feature_external_ges, feature_namespaces
from xml.sax.xmlreader import InputSource

import feedparser.api

from aggregator.errors import ParseError
from aggregator.models import ParsedFeed
from aggregator.parse.document import MAX_AUTHORS, MAX_ENTRIES, MAX_TAGS, MAX_URL, TextDocument, relation
from aggregator.parse.mapping import map_feed
from aggregator.parse.sniff import ENTRY, FEED_ROOTS
from aggregator.parse.wellformed import Repaired, repair, without_forbidden
from aggregator.parse.xmltree import SyndicationHints, is_entry
from aggregator.values.markup import VOID

_MAX_ATTRIBUTES = 250
#: 10,000 entries have some 100,000 elements, and feedparser is slow.
_MAX_ELEMENTS = 150_000
_MAX_NAMESPACES = 500
#: Elements of entries whose inner elements feedparser reads correctly.
_CONTAINERS = frozenset(
    (
        *("author", "contributor", "categories", "source", "media:group", "media:content"),
        *("itunes:category", "itunes:owner", "itunes:author", "dc:creator", "dc:author"),
    )
)
_SCHEME = re.compile(r"\s*([a-z][a-z0-9+.-]*):", re.IGNORECASE)


class _Enough(Exception):
    """The first `MAX_ENTRIES` entries were read."""


class _Absurd(Exception):
    """The document has more of something than any feed needs."""


class _Limits:
    """What both parsers of feedparser do differently here."""

    elements = 0
    root_language = None
    outer_title_depth = -1
    #: The namespaces of feedparser in lower case, and one that it does not know.
    _matchnamespaces = {  # noqa: RUF012 - feedparser's own name and type
        **{name.lower(): prefix for name, prefix in feedparser.api.StrictFeedParser.namespaces.items()},
        "http://www.pheedo.com/namespace/pheedo": "pheedo",
    }
    in_media_content = False
    # feedparser resolves a guid against the document's address: "42" would become one of the site's pages.
    can_be_relative_uri = feedparser.api.StrictFeedParser.can_be_relative_uri - {"id"}

    def unknown_starttag(self: Any, tag: str, attributes: list[tuple[str, str]]) -> None:
        if len(attributes) > _MAX_ATTRIBUTES:
            raise _Absurd(f"an element with {len(attributes):,} attributes")
        self.elements += 1
        if self.elements == 1:
            self.root_language = dict(attributes).get("xml:lang")
        if self.elements > _MAX_ELEMENTS:
            raise _Absurd(f"more than {_MAX_ELEMENTS:,} elements")
        # A base that grows with every element nested in another would take the square of their number.
        full = len(self.baseuri) > MAX_URL
        kept = [(name, value) for name, value in attributes if not _is_bad_base(name, value, full)]
        super().unknown_starttag(tag, kept)  # type: ignore[misc]

    def track_namespace(self: Any, prefix: str | None, uri: str) -> None:
        if len(self.namespaces_in_use) > _MAX_NAMESPACES:
            raise _Absurd(f"more than {_MAX_NAMESPACES} namespaces")
        super().track_namespace(prefix, uri)  # type: ignore[misc]

    def _start_item(self: Any, attributes: dict[str, str]) -> None:
        if len(self.entries) >= MAX_ENTRIES:
            raise _Enough
        super()._start_item(attributes)  # type: ignore[misc]
        self.entries[-1]["own_language"] = attributes.get("xml:lang") or attributes.get("lang")

    _start_entry = _start_item

    def _start_source(self: Any, attributes: dict[str, str]) -> None:
        # After it, feedparser would take any further title for the entry's.
        self.outer_title_depth = self.title_depth
        super()._start_source(attributes)  # type: ignore[misc]

    def _end_source(self: Any) -> None:
        super()._end_source()  # type: ignore[misc]
        self.title_depth = self.outer_title_depth

    def _start_textinput(self: Any, attributes: dict[str, str]) -> None:
        # Inside of an item, feedparser would miss the one of the feed.
        self.feeddata.setdefault("textinput", {})
        super()._start_textinput(attributes)  # type: ignore[misc]

    def _add_tag(self: Any, term: str | None, scheme: str | None, label: str | None) -> None:
        # feedparser compares each tag with all before it.
        if len(self._get_context().get("tags", ())) < MAX_TAGS:
            super()._add_tag(term, scheme, label)  # type: ignore[misc]

    def _sync_author_detail(self: Any, key: str = "author") -> None:
        # feedparser looks for a mail address with a pattern that hostile text can slow down; normalize finds it later.
        context = self._get_context()
        people = context.get(f"{key}s")
        if people and not people[-1] and context.get(key):
            people[-1]["name"] = context[key]

    def _end_author(self: Any) -> None:
        super()._end_author()  # type: ignore[misc]
        del self._get_context().get("authors", [])[MAX_AUTHORS:]

    def _is_base64(self, attributes: dict[str, str], _: dict[str, str]) -> int:
        # Only Atom 0.3 says so; feedparser takes every type it does not know for base64 and decodes plain text.
        return int(attributes.get("mode") == "base64")

    def _start_guid(self: Any, attributes: dict[str, str]) -> None:
        # In Atom, a guid is one only where there is no id.
        if self.version.startswith("atom") and self.inentry and "id" in self.entries[-1]:
            self.push("other_guid", 1)
        else:
            super()._start_guid(attributes)  # type: ignore[misc]

    def _end_guid(self: Any) -> None:
        if self.elementstack and self.elementstack[-1][0] == "other_guid":
            self.pop("other_guid")
            return
        super()._end_guid()  # type: ignore[misc]
        # feedparser's own `guidislink` is false wherever there is a link as well, even a useless one.
        self._save("guid_is_url", bool(self.guidislink), overwrite=True)
        self._save("guid_base", self.baseuri, overwrite=True)

    _end_id = _end_guid

    def resolve_uri(self: Any, uri: str) -> str:
        # Without an xml:base, what an address is relative to depends on the whole entry.
        return uri if self.baseuri == self.url else super().resolve_uri(uri)  # type: ignore[misc]

    def push_content(self: Any, tag: str, attributes: dict[str, str], kind: str, expecting_text: int) -> None:
        super().push_content(tag, attributes, kind, expecting_text)  # type: ignore[misc]
        if self.baseuri == self.url:
            self.contentparams["base"] = ""

    def _start_link(self: Any, attributes: dict[str, str]) -> None:
        # feedparser takes a file without a type for a page.
        if relation(attributes.get("rel")) == "enclosure":
            attributes.setdefault("type", "")
        super()._start_link(attributes)  # type: ignore[misc]

    def _start_enclosure(self: Any, attributes: dict[str, str]) -> None:
        super()._start_enclosure(self._resolved(attributes))  # type: ignore[misc]

    def _start_media_content(self: Any, attributes: dict[str, str]) -> None:
        super()._start_media_content(self._resolved(attributes))  # type: ignore[misc]
        self.in_media_content = True

    def _end_media_content(self: Any) -> None:
        self.in_media_content = False

    # feedparser takes the title of a file for that of the entry.
    def _start_media_title(self: Any, attributes: dict[str, str]) -> None:
        if self.in_media_content:
            self.push("media_content_title", 1)
        else:
            self._start_text("media_title", "text/plain", attributes)

    def _end_media_title(self: Any) -> None:
        if self.in_media_content:
            context = self._get_context()
            title = self.pop("media_content_title")
            context.pop("media_content_title", None)
            context["media_content"][-1].setdefault("title", title)
        else:
            self._end_text("media_title")

    def _start_media_thumbnail(self: Any, attributes: dict[str, str]) -> None:
        super()._start_media_thumbnail(self._resolved(attributes))  # type: ignore[misc]

    def _start_itunes_image(self: Any, attributes: dict[str, str]) -> None:
        super()._start_itunes_image(self._resolved(attributes))  # type: ignore[misc]

    def _resolved(self: Any, attributes: dict[str, str]) -> dict[str, str]:
        # feedparser resolves links only; enclosures and pictures are relative to xml:base as well.
        return {k: self.resolve_uri(v.strip()) if k in ("url", "href") and v else v for k, v in attributes.items()}

    def _start_description(self: Any, attributes: dict[str, str]) -> None:
        # feedparser takes a second one for the content, as text.
        super()._start_description({"type": "text/html", **attributes})  # type: ignore[misc]

    # feedparser takes a second description for the content and prefers it, even a plain text over HTML.
    def _start_text(self: Any, name: str, kind: str, attributes: dict[str, str]) -> None:
        # The first that says something counts, as in the strict reader.
        if dict.get(self._get_context(), name):
            name = f"other_{name}"
        # Their type is ignored: feedparser would take markup that is declared as plain for text.
        self.push_content(name, {key: value for key, value in attributes.items() if key != "type"}, kind, 1)

    def _end_text(self: Any, name: str) -> None:
        other = f"other_{name}"
        self.pop_content(other if self.elementstack and self.elementstack[-1][0] == other else name)

    _start_itunes_summary = partialmethod(_start_text, "itunes_summary", "text/html")
    _end_itunes_summary = partialmethod(_end_text, "itunes_summary")
    _start_itunes_title = partialmethod(_start_text, "itunes_title", "text/plain")
    _end_itunes_title = partialmethod(_end_text, "itunes_title")
    _start_itunes_subtitle = partialmethod(_start_text, "subtitle", "text/html")
    _end_itunes_subtitle = partialmethod(_end_text, "subtitle")
    _start_media_description = partialmethod(_start_text, "media_description", "text/html")
    _end_media_description = partialmethod(_end_text, "media_description")

    def pop(self: Any, element: str, strip_whitespace: int = 1) -> Any:
        # The div that holds all of some XHTML is taken off in Atom 1.0 only.
        version = self.version
        if self.contentparams.get("type") == "application/xhtml+xml":
            self.version = "atom10"
        try:
            return super().pop(element, strip_whitespace)  # type: ignore[misc]
        finally:
            self.version = version

    def handle_data(self: Any, text: str, escape: int = 1) -> None:
        # An empty element of XHTML comes as a start and an end; HTML would read the end of `br` as another `br`.
        if escape or not (text.startswith("</") and text[2:-1].lower() in VOID):
            super().handle_data(text, escape)  # type: ignore[misc]

    # Dates are read in normalize, from their text.
    def _end_published(self: Any) -> None:
        self.pop("published")

    _end_issued = _end_pubdate = _end_published

    def _end_updated(self: Any) -> None:
        self.pop("updated")

    _end_modified = _end_lastbuilddate = _end_updated

    def _end_created(self: Any) -> None:
        self.pop("created")

    # feedparser keeps the last hour and day only.
    def _end_hint(self: Any, element: str, name: str) -> None:
        text = self.pop(element)
        if text and not self.inentry:
            self.hints.add(name, text)

    _end_ttl = partialmethod(_end_hint, "ttl", "ttl")
    _end_hour = partialmethod(_end_hint, "hour", "hour")
    _end_day = partialmethod(_end_hint, "day", "day")
    _end_sy_updateperiod = partialmethod(_end_hint, "sy_updateperiod", "updatePeriod")
    _end_sy_updatefrequency = partialmethod(_end_hint, "sy_updatefrequency", "updateFrequency")
    _end_sy_updatebase = partialmethod(_end_hint, "sy_updatebase", "updateBase")


class _Strict(_Limits, feedparser.api.StrictFeedParser):  # type: ignore[misc]
    """feedparser on expat, for well-formed XML."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        #: The open elements, and how many of them were open when the entry started.
        self.open: list[str] = []
        self.entry_at = 0
        #: Namespace of the format's own elements, if feedparser does not know it.
        self.own_namespace: str | None = None

    def startElementNS(self, name: Any, qname: Any, attributes: Any) -> None:
        # Checked here, too: what feedparser does before `unknown_starttag` grows with the square of their number.
        if len(attributes) > _MAX_ATTRIBUTES:
            raise _Absurd(f"an element with {len(attributes):,} attributes")
        if not self.open and name[1].lower() in FEED_ROOTS and (name[0] or "").lower() not in self._matchnamespaces:
            self.own_namespace = name[0]
        super().startElementNS(self._known(name), qname, attributes)

    def endElementNS(self, name: Any, qname: Any) -> None:
        super().endElementNS(self._known(name), qname)

    def _known(self, name: tuple[str | None, str]) -> tuple[str | None, str]:
        return ("", name[1]) if name[0] is not None and name[0] == self.own_namespace else name

    def unknown_starttag(self, tag: str, attributes: list[tuple[str, str]]) -> None:
        if is_entry(tag.rpartition(":")[2]):
            self.entry_at = len(self.open) + 1
        elif self.inentry and not self.incontent and len(self.open) > self.entry_at:
            # feedparser takes an element deep inside an entry for one of the entry itself.
            tag = tag if self.open[-1] in _CONTAINERS else f"inner:{tag}"
        self.open.append(tag)
        super().unknown_starttag(tag, attributes)

    def unknown_endtag(self, _: str) -> None:
        super().unknown_endtag(self.open.pop())


class _Loose(_Limits, feedparser.api.LooseFeedParser):  # type: ignore[misc]
    """feedparser on its SGML parser, for everything else."""


def read(document: TextDocument) -> ParsedFeed:
    """Read a feed.

    Raises:
        ParseError: ``unparsable``.
    """
    try:
        parser, repaired = _parse(document)
    except _Absurd as error:
        raise ParseError(f"no feed needs {error}; it is not read", kind="unparsable", url=document.url) from None
    except ParseError:
        raise
    except Exception as error:
        message = f"feedparser could not read it: {type(error).__name__}: {str(error)[:200]}"
        raise ParseError(message, kind="unparsable", url=document.url) from error
    feed = map_feed(parser, document.url, repaired.repairs + _counted(parser, document))
    return replace(feed, complete=repaired.complete)


def _parse(document: TextDocument) -> tuple[Any, Repaired]:
    repaired = without_forbidden(document)
    parser, problem = _run_strict(repaired.text, document)
    if problem is None:
        return parser, repaired
    repaired = repair(repaired, document, problem)
    parser, problem = _run_strict(repaired.text, document)
    if problem is not None:
        parser = _Loose(document.url, None, "utf-8", {})
        _prepare(parser, document.url)
        with contextlib.suppress(_Enough):
            parser.feed(repaired.text)
    return parser, repaired


def _run_strict(text: str, document: TextDocument) -> tuple[Any, str | None]:
    parser = _Strict(document.url, None, "utf-8")
    _prepare(parser, document.url)
    reader = xml.sax.make_parser()  # noqa: S317 - no DOCTYPE gets here, so that there are no entities to expand
    reader.setFeature(feature_namespaces, True)
    reader.setFeature(feature_external_ges, False)
    reader.setContentHandler(parser)
    reader.setErrorHandler(parser)
    source = InputSource()
    source.setEncoding("utf-8")
    source.setByteStream(io.BytesIO(text.encode("utf-8", "replace")))
    try:
        reader.parse(source)
    except _Enough:
        pass
    except xml.sax.SAXException as error:
        return parser, error.getMessage()
    except feedparser.UndeclaredNamespace as error:
        return parser, str(error)
    return parser, None


def _prepare(parser: Any, url: str) -> None:
    parser.url = url
    parser.resolve_relative_uris = False
    parser.sanitize_html = False
    parser.hints = SyndicationHints()


def _counted(parser: Any, document: TextDocument) -> tuple[str, ...]:
    if len(parser.entries) >= MAX_ENTRIES:
        return (f"only the first {MAX_ENTRIES:,} entries were read",)
    if not parser.entries and (found := ENTRY.search(document.text)):
        return (f"it has entries ({found.group()}>) in a form that is not understood: none was read",)
    return ()


def _is_bad_base(name: str, value: str, full: bool) -> bool:
    if name.lower() not in ("base", "xml:base"):
        return False
    match = _SCHEME.match(value)
    return full or len(value) > MAX_URL or (match is not None and match.group(1).lower() not in ("http", "https"))
