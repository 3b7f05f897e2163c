"""The namespaces that feeds use, in lxml's form of qualified names, and whether a document uses them as usual.

In: the root of a document. Out: nothing, or `Unsure`. What stands in a namespace is not known here.
"""

from __future__ import annotations

from lxml import etree

from aggregator.parse.xmltree import Unsure

DC = "{http://purl.org/dc/elements/1.1/}"
DCTERMS = "{http://purl.org/dc/terms/}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
#: The same with a common slip of the pen.
DCS = (DC, "{http://purl.org/dc/elements/1.1}")
CONTENTS = (CONTENT, "{http://purl.org/rss/1.0/modules/content}")
ITUNES = tuple(f"{{http://www.itunes.com/{name}-1.0.dtd}}" for name in ("dtds/podcast", "DTDs/PodCast", "DTDs/Podcast"))
ATOM = "{http://www.w3.org/2005/Atom}"
ATOM_03 = "{http://purl.org/atom/ns#}"
MEDIA = (
    "{http://search.yahoo.com/mrss/}",
    "{http://search.yahoo.com/mrss}",
    "{http://www.rssboard.org/media-rss}",
)
#: Elements of services that count clicks: the address in the item is theirs, and here is that of the publisher.
ORIGINALS = ("{http://rssnamespace.org/feedburner/ext/1.0}", "{http://www.pheedo.com/namespace/pheedo}")

#: Prefixes that stand for a namespace known here; with another address, only the tolerant reader knows what is meant.
_PREFIXES = ("dc", "dcterms", "content", "itunes", "media", "atom")
_KNOWN = frozenset(name[1:-1] for name in (*DCS, DCTERMS, *CONTENTS, ATOM, ATOM_03, *ITUNES, *MEDIA))
#: What a prefix stands for where the document forgot to say it.
USUAL = {
    "dc": DC[1:-1],
    "dcterms": DCTERMS[1:-1],
    "content": CONTENT[1:-1],
    "itunes": ITUNES[0][1:-1],
    "media": MEDIA[0][1:-1],
    "atom": ATOM[1:-1],
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "xhtml": "http://www.w3.org/1999/xhtml",
}


def check_namespaces(root: etree._Element) -> None:
    """Make sure that the usual prefixes mean what they usually mean.

    Raises:
        Unsure: one of them means something else, or differs in letter case.
    """
    for prefix in _PREFIXES:
        if (address := root.nsmap.get(prefix)) is not None and address not in _KNOWN:
            raise Unsure(f"namespace {address}")
