"""Whether a folder `public/` is one that any reader can subscribe to: every document in it, and how they hang together.

- Every feed and every page of an archive is valid (`tests.validators`), says its own address, and has the same items in
  all formats.
- Archives follow RFC 5005: marked, linked, complete; and JSON Feed's `next_url` the same way.
- Lists of subscriptions are valid, and those of our own feeds name documents that are there.
- A stylesheet that a document names is there, and is one of CSS.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import dirname, join, normpath

from lxml import etree

from tests.validators import ATOM, check_atom, check_jsonfeed, check_opml, check_rss
from tests.validators_extensions import HISTORY

_CHECKS = {"rss.xml": check_rss, "atom.xml": check_atom, "feed.json": check_jsonfeed}
_LISTS = ("opml.xml", "feeds.opml")
#: Relations of RFC 5005, of which a document may have one link each.
_RELATIONS = ("self", "current", "prev-archive", "next-archive", "first", "last", "next", "previous")
_STYLESHEET = re.compile(rb'<\?xml-stylesheet type="text/css" href="([^"]+)"\?>')


@dataclass
class Document:
    """What one document of a feed says about the others."""

    #: What identifies the feed, the same in all its documents; of JSON Feed the address to subscribe to.
    feed: str | None
    ids: list[str]
    links: dict[str, list[str]] = field(default_factory=dict)
    is_archive: bool = False
    is_complete: bool = False
    is_json: bool = False

    def link(self, relation: str) -> str | None:
        """The address that a relation leads to."""
        return next(iter(self.links.get(relation, ())), None)


def check_public(folder: Path) -> list[str]:
    """Complaints about all that is published in a folder."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    feeds = {name: data for name, data in files.items() if not name.startswith("_") and "/" in name}
    complaints = []
    for name, data in files.items():
        if name in feeds:
            if not re.fullmatch(r"[^/]+/(archive/[1-9][0-9]*/)?(rss\.xml|atom\.xml|feed\.json)", name):
                complaints.append(f"{name}: not a document of a feed")
                continue
            complaints += [f"{name}: {one}" for one in _CHECKS[name.rpartition("/")[2]](data)]
            complaints += [f"{name}: {one}" for one in _stylesheet(name, data, files)]
        elif "/" not in name:
            complaints += [f"{name}: {one}" for one in (check_opml(data) if name in _LISTS else ["unknown"])]
    if complaints:
        return complaints
    return [*_together(feeds), *_subscriptions(files.get("feeds.opml"), feeds)]


def _stylesheet(name: str, data: bytes, files: Mapping[str, bytes]) -> Iterator[str]:
    head = data[: data.find(b"<rss" if name.endswith("rss.xml") else b"<feed")]
    if b"<?xml-stylesheet" not in head:
        return
    found = _STYLESHEET.search(head)
    if found is None:
        yield "a stylesheet that is not of CSS"
    elif normpath(join(dirname(name), found[1].decode())) not in files:
        yield f"no stylesheet {found[1].decode()}"


def _together(feeds: Mapping[str, bytes]) -> Iterator[str]:
    """How documents that are each valid hang together."""
    documents = {name: read_document(data) for name, data in feeds.items()}
    own = {
        name: document.feed if document.is_json else document.link("self")
        for name, document in documents.items()
        if not document.is_json or name.count("/") == 1
    }
    base = {(address or "").removesuffix(name) for name, address in own.items()}
    if len(base) != 1 or not next(iter(base)).endswith("/"):
        yield f"self links are not the addresses of the documents: {sorted(base)}"
        return
    root = next(iter(base))
    for name in documents:
        slug, _, file = name.partition("/")
        if file in _CHECKS:
            ours = {one: feeds[one] for one in feeds if one.split("/")[0] == slug and one.endswith(f"/{file}")}
            yield from check_history(root + name, {root + one: data for one, data in ours.items()})
    for folder in {name.rpartition("/")[0] for name in documents}:
        if len({tuple(one.ids) for name, one in documents.items() if name.rpartition("/")[0] == folder}) > 1:
            yield f"{folder}: other items in other formats"
        if folder.split("/")[0] not in {name.split("/")[0] for name in documents if name.count("/") == 1}:
            yield f"{folder}: an archive of no feed"


def _subscriptions(listed: bytes | None, feeds: Mapping[str, bytes]) -> Iterator[str]:
    for outline in etree.fromstring(listed).iter("outline") if listed else ():
        url = outline.get("xmlUrl")
        if url is not None and not any(url.endswith(f"/{name}") for name in feeds if name.count("/") == 1):
            yield f"feeds.opml: {url} is no feed of ours"


def check_history(subscription: str, documents: Mapping[str, bytes]) -> list[str]:
    """Complaints about a feed and its archive (RFC 5005, section 4; the same for the pages of a JSON Feed).

    Args:
        subscription: address of the document to subscribe to.
        documents: that document and all of its archive, by their addresses.
    """
    read = {address: read_document(data) for address, data in documents.items()}
    complaints = [f"{address}: {one}" for address, document in read.items() for one in _alone(address, document)]
    newest = read[subscription]
    if newest.is_json and newest.feed != subscription:
        complaints.append(f"{subscription}: says that it is {newest.feed}")
    previous = newest.link("prev-archive")
    if newest.is_archive or newest.link("next-archive"):
        complaints.append(f"{subscription}: the document to subscribe to is in the archive")
    if newest.is_complete and previous is not None:
        complaints.append(f"{subscription}: fh:complete, and there is an archive")
    seen, later = [subscription], subscription
    while previous is not None:
        if previous in seen or previous not in read:
            complaints.append(f"{later}: leads {'back' if previous in seen else 'nowhere'} ({previous})")
            break
        seen.append(previous)
        complaints += [f"{previous}: {one}" for one in _page(read[previous], newest, subscription, later)]
        later, previous = previous, read[previous].link("prev-archive")
    complaints += [f"{address}: no link leads there" for address in sorted(set(read) - set(seen))]
    ids = Counter(identity for address in seen[1:] for identity in set(read[address].ids))
    return complaints + [
        f"{identity} is in {number} archive documents" for identity, number in ids.items() if number > 1
    ]


def follow(folder: Path, name: str) -> list[str]:
    """Follow the links of a feed from the document to subscribe to; returns the ids there and in its archive, once."""
    data = (folder / name).read_bytes()
    document = read_document(data)
    root = ((document.feed if document.is_json else document.link("self")) or "").removesuffix(name)
    found = list(document.ids)
    while (older := document.link("prev-archive")) is not None:
        document = read_document((folder / older.removeprefix(root)).read_bytes())
        found += [one for one in document.ids if one not in found]
    return found


def _alone(address: str, document: Document) -> Iterator[str]:
    if not document.is_json and document.link("self") != address:
        yield f"says that it is {document.link('self')}"
    for relation in _RELATIONS:
        if len(document.links.get(relation, ())) > 1:
            yield f"several links {relation}"
    if document.is_archive and document.is_complete:
        yield "fh:archive and fh:complete"


def _page(page: Document, newest: Document, subscription: str, later: str) -> Iterator[str]:
    """Rules on a document of the archive to which `later` led."""
    if page.feed != newest.feed:
        yield f"its feed has another id: {page.feed}"
    if page.is_json:
        return
    if not page.is_archive:
        yield "no fh:archive"
    if page.link("current") != subscription:
        yield f"current is {page.link('current')}"
    following = page.link("next-archive")
    if following is not None and (following != later or later == subscription):
        yield f"next-archive is {following}"


def read_document(data: bytes) -> Document:
    """What a document says; a JSON Feed's `next_url` is its link to what is older."""
    if data.lstrip().startswith(b"{"):
        feed = json.loads(data)
        older = {"prev-archive": [feed["next_url"]]} if "next_url" in feed else {}
        return Document(feed.get("feed_url"), [item["id"] for item in feed["items"]], older, is_json=True)
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    head = root[0] if root.tag == "rss" else root
    links: dict[str, list[str]] = {}
    for link in head.findall(f"{ATOM}link"):
        links.setdefault(link.get("rel", "alternate"), []).append(link.get("href", ""))
    ids = head.findall("item/guid") if root.tag == "rss" else head.findall(f"{ATOM}entry/{ATOM}id")
    archive, complete = (head.find(f"{HISTORY}{name}") is not None for name in ("archive", "complete"))
    own = head.findtext("link") if root.tag == "rss" else head.findtext(f"{ATOM}id")
    return Document(own, [one.text or "" for one in ids], links, archive, complete)
