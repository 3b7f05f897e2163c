"""An OPML document -> the sources in it, as entries for feeds.yaml.

Bytes in; out: `Subscriptions`: sources with their folders, pages that are no sources, and what could not be read. The
document may come from anywhere: sizes are bounded, text in it is never a reference, and nothing is fetched. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from aggregator.config.fields import MAX_TEXT, http_url
from aggregator.config.problems import show
from aggregator.config.secrets import literal
from aggregator.config.settings import source_kinds
from aggregator.config.templates import FOR
from aggregator.config.unresolved import address_of
from aggregator.errors import AggregatorError
from aggregator.parse.encoding import decode
from aggregator.parse.sniff import FEED_ROOTS, find_root
from aggregator.subscriptions import namespace
from aggregator.subscriptions.dialects import NoCounterpart, listed_elsewhere, translate
from aggregator.subscriptions.outlines import MAX_OUTLINES, Outline, Outlines, scan
from aggregator.values.markup import unescape
from aggregator.values.terminal import printable

MAX_BYTES = 20 * 10**6
"""Bytes in a document at most."""
#: Folders inside of each other whose names are joined; those further inside are part of the last one.
MAX_LEVELS = 5
#: What stands between the names of folders that are joined.
BETWEEN = " / "
_PAGES = frozenset({"link", "html", "url"})
_ELSEWHERE = "include"
_PACKED = (b"\x1f\x8b", b"PK\x03\x04")


#: Folders of podcast apps that are around all feeds.
_WRAPPERS = {("feeds",), ("subscriptions",)}


class NotSubscriptions(AggregatorError):
    """A document is no OPML list; the message says what it is instead, as a clause."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, with those around it."""

    #: Their names, joined.
    title: str
    #: The slug and the settings of its category, where our own export has written them.
    slug: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One source."""

    #: Line in the document, from 1.
    line: int
    #: Its address, as the document has it.
    address: str
    #: Its keys and values as feeds.yaml has them, without the category of its folder.
    settings: Mapping[str, Any]
    #: Those in which it stands; another program may have it in several.
    folders: tuple[Folder, ...] = ()
    #: Whether our own export has written it.
    own: bool = False
    #: What of it was left out, as clauses.
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page that the document links to, which is no source."""

    line: int
    address: str
    title: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """An outline that cannot be a source."""

    line: int
    #: Its name or its address.
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """What an OPML document holds."""

    title: str | None
    sources: tuple[Subscription, ...]
    #: All folders that our own export has written, those without sources among them.
    folders: tuple[Folder, ...] = ()
    #: Sections of feeds.yaml that our own export has written; None: another program has written the document.
    sections: Mapping[str, Any] | None = None
    pages: tuple[Page, ...] = ()
    refused: tuple[Refused, ...] = ()
    #: Remarks on the document as a whole.
    remarks: tuple[str, ...] = ()


def read(data: bytes, content_type: str = "") -> Subscriptions:
    """Read an OPML document.

    Args:
        data: at most `MAX_BYTES`.
        content_type: the header with which it came; its charset counts.

    Raises:
        NotSubscriptions: it is something else, or too large.
    """
    if len(data) > MAX_BYTES:
        raise NotSubscriptions(f"it is larger than {MAX_BYTES // 10**6} MB; is it a list of subscriptions?")
    if data.startswith(_PACKED):
        raise NotSubscriptions("it is packed (gzip or ZIP); unpack it first")
    text = decode(data, content_type).text
    start = _start(text)
    return _Reader(scan(text[start:], first_line=text.count("\n", 0, start) + 1)).read()


def _start(text: str) -> int:
    """Return the position at which the document begins: its DOCTYPE, which may declare entities, is left out."""
    root = find_root(text)
    local = "" if root is None else root.local
    if root is not None and local in ("opml", "outline"):
        return root.start
    if local in FEED_ROOTS:
        raise NotSubscriptions("it is a feed, not a list of feeds; `aggregator add` adds a feed")
    # Behind other text, such as a warning of a server.
    found = text.find("<opml")
    if found >= 0 and local != "html":
        return found
    raise NotSubscriptions(_other(text, local))


def _other(text: str, root: str) -> str:
    begin = text[:1000].lstrip()[:20].lower()
    if not text.strip():
        return "it is empty"
    if root == "html" or begin.startswith("<!doctype html"):
        return "it is an HTML page, not an OPML list; export the list of subscriptions as OPML"
    if begin.startswith(("{", "[")):
        return "it is JSON, not an OPML list; export the list of subscriptions as OPML"
    if begin.startswith(("http://", "https://")):
        return "it is a list of addresses, not OPML; write each of them as `- feed: …` below `sources:`"
    if root:
        return f"its root element is {show(root)}, not `opml`"
    return "it is not OPML: there is no element `opml` in it"


class _Around(NamedTuple):
    """Where an outline stands."""

    folder: Folder | None = None
    #: Folders around it.
    level: int = 0
    #: Where the innermost folder stands, if the outline may be all that is in it, and what that folder is called.
    outside: Folder | None = None
    only_for: str | None = None
    in_source: bool = False
    in_comment: bool = False


class _Reader:
    """Makes sources of outlines.

    Args:
        found: the outlines of a document.
    """

    def __init__(self, found: Outlines) -> None:
        self._found = found
        #: For each outline what is around those inside of it.
        self._inside: list[_Around] = []
        #: How many outlines are directly inside of each.
        self._inner = Counter(one.parent for one in found.outlines)
        self.sources: list[Subscription] = []
        self.folders: list[Folder] = []
        self.pages: list[Page] = []
        self.refused: list[Refused] = []
        self.remarks: list[str] = []

    def read(self) -> Subscriptions:
        """Read all of them."""
        found = self._found
        for index, outline in enumerate(found.outlines):
            around = _Around() if outline.parent is None else self._inside[outline.parent]
            self._inside.append(self._take(outline, around, self._inner[index]))
        if found.too_many:
            self.remarks.append(f"it has more than {MAX_OUTLINES:,} outlines; those behind them were left out")
        elif not found.complete:
            self.remarks.append("it is cut off, or not whole: it has no end; what is there was read")
        sections = None
        if namespace.attribute(namespace.SETTINGS) in found.attributes:
            sections = self._settings(found.attributes, "the settings of the whole file")
        return Subscriptions(
            title=_clean(found.title) or None,
            sources=tuple(_unwrapped(self.sources)),
            folders=tuple(self.folders),
            sections=sections,
            pages=tuple(self.pages),
            refused=tuple(self.refused),
            remarks=tuple(dict.fromkeys(self.remarks)),
        )

    def _take(self, outline: Outline, around: _Around, inner: int) -> _Around:
        """Take an outline for what it is, and return what is around those inside of it, which are so many."""
        get = outline.attributes.get
        kind = get("type", "").strip().lower()
        if around.in_comment or get("iscomment", "").strip().lower() == "true":
            return around._replace(in_comment=True)
        address = get("xmlurl", "").strip() or (get("url", "").strip() if kind == "rss" else "")
        if (own := get(namespace.attribute(namespace.SOURCE))) is not None or address:
            self._source(outline, around, kind, address, own)
            return around._replace(in_source=True)
        if around.in_source:
            # Episodes of a podcast.
            return around
        page = get("url", "").strip() if kind in _PAGES else get("htmlurl", "").strip()
        if kind == _ELSEWHERE or (elsewhere := listed_elsewhere(outline.attributes)):
            self._listed_elsewhere(outline, get("url", "") if kind == _ELSEWHERE else elsewhere)
        elif page and not inner:
            self.pages.append(Page(outline.line, page, _name(outline)))
            return around
        elif kind == "rss" and not inner:
            self.refused.append(Refused(outline.line, _name(outline) or "an outline", "it has no address (`xmlUrl`)"))
            return around
        return self._folder(outline, around, alone=inner == 1)

    def _folder(self, outline: Outline, around: _Around, *, alone: bool) -> _Around:
        name = _name(outline)
        slug = outline.attributes.get(namespace.attribute(namespace.CATEGORY))
        if not name or (around.level >= MAX_LEVELS and slug is None):
            return around
        if slug is None:
            title = name if around.folder is None else f"{around.folder.title}{BETWEEN}{name}"
            folder = Folder(title[:MAX_TEXT].strip())
            return around._replace(
                folder=folder, level=around.level + 1, outside=around.folder, only_for=name if alone else None
            )
        folder = Folder(name, slug, self._settings(outline.attributes, f"the settings of the folder {show(name)}"))
        self.folders.append(folder)
        return around._replace(folder=folder, level=around.level + 1, only_for=None)

    def _settings(self, attributes: Mapping[str, str], what: str) -> dict[str, Any]:
        text = attributes.get(namespace.attribute(namespace.SETTINGS))
        try:
            return {} if text is None else namespace.loads(text)
        except ValueError as error:
            self.remarks.append(f"{what} cannot be read: {error}")
            return {}

    def _listed_elsewhere(self, outline: Outline, address: str | None) -> None:
        what = _name(outline) or "an outline"
        where = show(address or "")
        self.remarks.append(f"{show(what)} is a list at another address, {where}; import that, too, if you want it")

    def _source(self, outline: Outline, around: _Around, kind: str, address: str, own: str | None) -> None:
        """Add the source that an outline is, or say why it is none."""
        folder, left_out = around.folder, list[str]()
        if around.only_for is not None and around.only_for == _name(outline):
            folder = around.outside
        if folder is None and (path := outline.attributes.get("category", "").split(",")[0].strip("/ ")):
            folder = Folder(BETWEEN.join(_clean(part) for part in path.split("/")[:MAX_LEVELS])[:MAX_TEXT])
        settings = None if own is None else _own_settings(own, outline, address, left_out)
        is_own = settings is not None
        try:
            if settings is None:
                address = http_url("".join(address.split()) if "\n" in address else address.replace(" ", "%20"))
                made = translate(kind, address, outline.attributes)
                name = _name(outline)
                settings = literal(({"name": name} if name and name != address else {}) | made.keys)
                left_out += made.left_out
            address = address or address_of(settings)[1]
            folders = () if folder is None else (folder,)
            found = Subscription(outline.line, address, settings, folders, is_own, tuple(left_out))
        except NoCounterpart as error:
            self.refused.append(Refused(outline.line, _name(outline) or address, str(error)))
        except ValueError as error:
            self.refused.append(Refused(outline.line, _name(outline) or address, f"its address {error}"))
        else:
            self.sources.append(found)


def _unwrapped(sources: list[Subscription]) -> list[Subscription]:
    """Take sources out of a folder that some programs put around all of them."""
    around = {tuple(folder.title.lower() for folder in one.folders) for one in sources}
    if len(around) == 1 and around <= _WRAPPERS and not sources[0].own:
        return [replace(one, folders=()) for one in sources]
    return sources


def _own_settings(text: str, outline: Outline, address: str, left_out: list[str]) -> dict[str, Any] | None:
    """Return the settings of a source as our own export has written them, with what the outline itself says.

    Args:
        left_out: what cannot be taken is added here.

    Returns:
        None: they cannot be read.
    """
    try:
        written = namespace.loads(text)
    except ValueError as error:
        left_out.append(f"its settings, which cannot be read: {error}")
        return None
    if written.pop(FOR, None) is not None:
        left_out.append(f"`{FOR}`: each source has an outline of its own")
    written.pop("category", None)
    name = written.pop("name", namespace.name_in(outline.attributes.get("text", "")))
    if source_kinds().keys().isdisjoint(written):
        if not address:
            left_out.append("its settings, which name no kind of source that this program knows")
            return None
        written["feed"] = literal(address)
    return ({"name": name} if name else {}) | written


def _name(outline: Outline) -> str | None:
    """Return what an outline is called, on one line; None where it has no name."""
    found = outline.attributes.get("title", "").strip() or outline.attributes.get("text", "")
    # Many programs escape titles once too often.
    return _clean(unescape(found))[:MAX_TEXT].strip() or None


def _clean(text: str) -> str:
    return " ".join(printable(text).split())
