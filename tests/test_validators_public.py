"""The validators of extensions, of archives and of a whole folder find faults, and none where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.validators import check_atom, check_jsonfeed, check_rss
from tests.validators_public import check_history, check_public

BASE = "https://a.example/"
NAMESPACES = " ".join(
    f'xmlns:{prefix}="{address}"'
    for prefix, address in {
        "atom": "http://www.w3.org/2005/Atom",
        "content": "http://purl.org/rss/1.0/modules/content/",
        "creativeCommons": "http://backend.userland.com/creativeCommonsRssModule",
        "dc": "http://purl.org/dc/elements/1.1/",
        "fh": "http://purl.org/syndication/history/1.0",
        "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
        "media": "http://search.yahoo.com/mrss/",
        "podcast": "https://podcastindex.org/namespace/1.0",
        "rsl": "https://rslstandard.org/rsl",
        "source": "http://source.scripting.com/",
        "slash": "http://purl.org/rss/1.0/modules/slash/",
        "wfw": "http://wellformedweb.org/CommentAPI/",
        "sy": "http://purl.org/rss/1.0/modules/syndication/",
    }.items()
)


def _rss(path: str, *ids: str, head: str = "", items: str = "") -> str:
    guids = "".join(
        f'<item><title>{one}</title><guid isPermaLink="false">urn:x:{one}</guid>{items}</item>' for one in ids
    )
    return (
        f'<rss version="2.0" {NAMESPACES}><channel><title>A feed</title><link>{BASE}</link><description>d</description>'
        f'<atom:link rel="self" type="application/rss+xml" href="{BASE}{path}"/>{head}{guids}</channel></rss>'
    )


def _atom(path: str, *ids: str, head: str = "") -> str:
    entries = "".join(
        f"<entry><id>urn:x:{one}</id><title>t</title><updated>2026-01-01T00:00:00Z</updated>"
        '<content type="html">x</content></entry>'
        for one in ids
    )
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:fh="http://purl.org/syndication/history/1.0"><id>{BASE}id</id>'
        "<title>A feed</title><updated>2026-01-01T00:00:00Z</updated><author><name>n</name></author>"
        f'<link rel="self" type="application/atom+xml" href="{BASE}{path}"/>{head}{entries}</feed>'
    )


def _json(path: str, *ids: str, older: str | None = None) -> str:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "A feed",
        "feed_url": f"{BASE}{path.split('/')[0]}/feed.json",
        "items": [{"id": f"urn:x:{one}", "content_html": "x"} for one in ids],
    }
    return json.dumps(feed | ({} if older is None else {"next_url": BASE + older}))


def _link(relation: str, path: str) -> str:
    return f'<atom:link rel="{relation}" href="{BASE}{path}"/>'


HEADS = {
    "<managingEditor>a@b.example (Ann)</managingEditor>": "<managingEditor>Ann</managingEditor>",
    "<webMaster>a@b.example</webMaster>": "<webMaster>Ann (a@b.example)</webMaster>",
    "<ttl>60</ttl>": "<ttl>0</ttl>",
    "<docs>https://a.example/docs</docs>": "<docs>docs</docs>",
    "<copyright>Ann</copyright>": "<copyright> </copyright>",
    "<skipHours><hour>0</hour><hour>23</hour></skipHours>": "<skipHours><hour>24</hour></skipHours>",
    "<skipDays><day>Monday</day></skipDays>": "<skipDays><day>Mon</day></skipDays>",
    f"<image><url>{BASE}i.png</url><title>A feed</title><link>{BASE}</link><width>144</width></image>": (
        f"<image><url>{BASE}i.png</url><title>A feed</title><link>{BASE}</link><width>145</width></image>"
    ),
    "<sy:updatePeriod>hourly</sy:updatePeriod>": "<sy:updatePeriod>often</sy:updatePeriod>",
    "<sy:updateFrequency>2</sy:updateFrequency>": "<sy:updateFrequency>0</sy:updateFrequency>",
    "<atom:link rel='hub' href='https://a.example/hub'/>": "<atom:link rel='hub' href='/hub'/>",
    "<fh:archive/>": "<fh:archive/><fh:archive/>",
    "<fh:complete/>": "<fh:complete>true</fh:complete>",
    "<itunes:explicit>false</itunes:explicit>": "<itunes:explicit>clean</itunes:explicit>",
    "<creativeCommons:license>https://cc.example/by</creativeCommons:license>": (
        "<creativeCommons:license>CC BY</creativeCommons:license>"
    ),
    "": "<podcast:guid>917393e3-1b1e-5cef-ace4-edaa54e1f810</podcast:guid>",
    " ": "<podcast:locked>yes</podcast:locked>",
}


@pytest.mark.parametrize(("right", "wrong"), HEADS.items())
def test_faults_of_a_channel_are_found(right: str, wrong: str) -> None:
    assert check_rss(_rss("x", "1", head=right).encode()) == []
    assert check_rss(_rss("x", "1", head=wrong).encode()) != []


FILE = f'<media:content url="{BASE}a.mp4" type="video/mp4" medium="video" duration="12" width="640" height="360"/>'
OTHER = f'<podcast:alternateEnclosure type="audio/opus" length="1"><podcast:source uri="{BASE}a.opus"/>'
ITEMS = {
    "<author>a@b.example (Ann)</author>": "<author>Ann</author>",
    f'<category domain="{BASE}tags">c</category>': '<category domain="">c</category>',
    "<itunes:duration>1:02:03</itunes:duration>": "<itunes:duration>1h</itunes:duration>",
    "<itunes:duration>3723</itunes:duration>": "<itunes:duration>12.5</itunes:duration>",
    "<itunes:episodeType>bonus</itunes:episodeType>": "<itunes:episodeType>Bonus</itunes:episodeType>",
    "<itunes:season>1</itunes:season>": "<itunes:season>one</itunes:season>",
    f'<itunes:image href="{BASE}i.png"/>': '<itunes:image href="i.png"/>',
    "<itunes:title>t</itunes:title>": "<itunes:titel>t</itunes:titel>",
    f'<podcast:person role="host" img="{BASE}i.png">Ann</podcast:person>': '<podcast:person img="i">A</podcast:person>',
    f'<podcast:transcript url="{BASE}t.vtt" type="text/vtt"/>': f'<podcast:transcript url="{BASE}t.vtt"/>',
    f'<podcast:chapters url="{BASE}c.json" type="application/json+chapters"/>': (
        '<podcast:chapters url="c.json" type="application/json+chapters"/>'
    ),
    f"{OTHER}</podcast:alternateEnclosure>": '<podcast:alternateEnclosure type="audio/opus"/>',
    f"<media:group>{FILE}</media:group>": "<media:group><media:title>t</media:title></media:group>",
    FILE: FILE.replace('"video"', '"film"'),
    f'<media:thumbnail url="{BASE}i.png" width="10"/>': f'<media:thumbnail url="{BASE}i.png" width="10px"/>',
    "<dc:creator>Ann</dc:creator>": "<dc:creator> </dc:creator>",
    "<slash:comments>7</slash:comments>": "<slash:comments>many</slash:comments>",
    f"<wfw:commentRss>{BASE}c</wfw:commentRss>": "<wfw:commentRss>c</wfw:commentRss>",
    "<source:markdown>*a*</source:markdown>": "<source:markdown/>",
    '<rsl:content url="/"><rsl:license><rsl:permits type="usage">all</rsl:permits></rsl:license></rsl:content>': (
        "<rsl:content/>"
    ),
}


@pytest.mark.parametrize(("right", "wrong"), ITEMS.items())
def test_faults_of_an_item_are_found(right: str, wrong: str) -> None:
    assert check_rss(_rss("x", "1", items=right).encode()) == []
    assert check_rss(_rss("x", "1", items=wrong).encode()) != []


def test_faults_of_an_atom_feed_are_found() -> None:
    assert check_atom(_atom("x", "1", head="<fh:archive/>").encode()) == []
    assert check_atom(_atom("x", "1", head="<fh:archiv/>").encode()) != []


def test_faults_of_hubs_and_pages_of_json_are_found() -> None:
    assert check_jsonfeed(_json("x", "1", older="y").encode()) == []
    assert check_jsonfeed(_json("x", "1", older="x/feed.json").encode()) != []
    feed = json.loads(_json("x", "1"))
    assert check_jsonfeed(json.dumps({**feed, "hubs": [{"type": "WebSub", "url": BASE}]}).encode()) == []
    assert check_jsonfeed(json.dumps({**feed, "hubs": [{"type": "WebSub"}]}).encode()) != []


def _history() -> dict[str, str]:
    """A feed with two archive documents, right in every respect."""
    marked = "<fh:archive/>" + _link("current", "a/rss.xml")
    return {
        "a/rss.xml": _rss("a/rss.xml", "5", "4", head=_link("prev-archive", "a/archive/2/rss.xml")),
        "a/archive/2/rss.xml": _rss(
            "a/archive/2/rss.xml", "4", "3", head=marked + _link("prev-archive", "a/archive/1/rss.xml")
        ),
        "a/archive/1/rss.xml": _rss(
            "a/archive/1/rss.xml", "2", "1", head=marked + _link("next-archive", "a/archive/2/rss.xml")
        ),
    }


def _complaints(documents: dict[str, str]) -> list[str]:
    return check_history(f"{BASE}a/rss.xml", {BASE + path: text.encode() for path, text in documents.items()})


def test_a_complete_history_has_no_faults() -> None:
    assert _complaints(_history()) == []
    assert _complaints({"a/rss.xml": _rss("a/rss.xml", "1", head="<fh:complete/>")}) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("a/rss.xml", _link("prev-archive", "a/archive/2/rss.xml"), "", "no link leads there"),
        ("a/rss.xml", "archive/2/", "archive/1/", "no link leads there"),
        ("a/rss.xml", "archive/2/", "archive/3/", "leads nowhere"),
        ("a/rss.xml", "<item>", "<fh:archive/><item>", "in the archive"),
        ("a/rss.xml", "<item>", "<fh:complete/><item>", "fh:complete, and there is an archive"),
        ("a/rss.xml", "<item>", f"{_link('next-archive', 'a/archive/2/rss.xml')}<item>", "in the archive"),
        ("a/archive/2/rss.xml", "<fh:archive/>", "", "no fh:archive"),
        ("a/archive/2/rss.xml", "<fh:archive/>", "<fh:archive/><fh:complete/>", "fh:archive and fh:complete"),
        ("a/archive/2/rss.xml", _link("current", "a/rss.xml"), "", "current is None"),
        ("a/archive/2/rss.xml", "archive/1/", "archive/2/", "leads back"),
        ("a/archive/2/rss.xml", "urn:x:3<", "urn:x:2<", "is in 2 archive documents"),
        ("a/archive/2/rss.xml", "<item>", f"{_link('next-archive', 'a/rss.xml')}<item>", "next-archive is"),
        ("a/archive/2/rss.xml", "<item>", f"{_link('current', 'b')}<item>", "several links current"),
        (
            "a/archive/1/rss.xml",
            _link("next-archive", "a/archive/2/rss.xml"),
            _link("next-archive", "a/rss.xml"),
            "next-archive is",
        ),
        ("a/archive/1/rss.xml", '"https://a.example/a/archive/1/rss.xml"', '"https://a.example/x"', "says that it is"),
        ("a/archive/1/rss.xml", f"<link>{BASE}</link>", f"<link>{BASE}other</link>", "another id"),
    ],
)
def test_faults_of_archives_are_found(path: str, old: str, new: str, said: str) -> None:
    documents = _history()
    assert old in documents[path]
    documents[path] = documents[path].replace(old, new, 1)
    assert said in "\n".join(_complaints(documents))


def test_archives_of_atom_have_the_id_of_their_feed() -> None:
    marked = "<fh:archive/>" + _link("current", "a/atom.xml").replace("atom:", "")
    older = _link("prev-archive", "a/archive/1/atom.xml").replace("atom:", "")
    page = _atom("a/archive/1/atom.xml", "1", head=marked)
    documents = {f"{BASE}a/atom.xml": _atom("a/atom.xml", "2", head=older).encode()}
    assert check_history(f"{BASE}a/atom.xml", {**documents, f"{BASE}a/archive/1/atom.xml": page.encode()}) == []
    other = page.replace(f"<id>{BASE}id</id>", f"<id>{BASE}other</id>").encode()
    assert check_history(f"{BASE}a/atom.xml", {**documents, f"{BASE}a/archive/1/atom.xml": other}) != []


def test_pages_of_json_lead_to_all_items() -> None:
    pages = {
        f"{BASE}a/feed.json": _json("a/feed.json", "3", older="a/archive/1/feed.json").encode(),
        f"{BASE}a/archive/1/feed.json": _json("a/archive/1/feed.json", "2", "1").encode(),
    }
    assert check_history(f"{BASE}a/feed.json", pages) == []
    lost = {**pages, f"{BASE}a/archive/2/feed.json": _json("a/archive/2/feed.json", "0").encode()}
    assert "no link leads there" in check_history(f"{BASE}a/feed.json", lost)[0]
    other = {**pages, f"{BASE}a/archive/1/feed.json": _json("b/feed.json", "2", "1").encode()}
    assert "another id" in check_history(f"{BASE}a/feed.json", other)[0]


def _write(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def _published() -> dict[str, str]:
    style = '<?xml-stylesheet type="text/css" href="../_assets/feed.css"?>'
    outline = f'<outline text="a" type="rss" xmlUrl="{BASE}a/atom.xml"/>'
    return {
        **_history(),
        "a/rss.xml": style + _history()["a/rss.xml"],
        "a/atom.xml": style
        + _atom(
            "a/atom.xml", "5", "4", head='<link rel="prev-archive" href="https://a.example/a/archive/9/atom.xml"/>'
        ),
        "a/archive/9/atom.xml": _atom(
            "a/archive/9/atom.xml", "1", head='<fh:archive/><link rel="current" href="https://a.example/a/atom.xml"/>'
        ),
        "a/feed.json": _json("a/feed.json", "5", "4"),
        "_assets/feed.css": "rss { display: block }",
        "feeds.opml": f'<opml version="2.0"><head/><body>{outline}</body></opml>',
    }


def test_a_whole_folder_has_no_faults(tmp_path: Path) -> None:
    assert check_public(_write(tmp_path, _published())) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a/rss.xml", _rss("a/rss.xml", "5", "4")),
        ("a/feed.json", _json("a/feed.json", "5")),
        ("a/feed.json", _json("b/feed.json", "5", "4")),
        ("a/feed.json", "{}"),
        ("a/atom.xml", '<?xml-stylesheet type="text/xsl" href="../_assets/feed.css"?>' + _atom("a/atom.xml", "5", "4")),
        ("a/atom.xml", '<?xml-stylesheet type="text/css" href="_assets/feed.css"?>' + _atom("a/atom.xml", "5", "4")),
        ("b/archive/1/feed.json", _json("b/archive/1/feed.json", "9")),
        ("a/other.xml", "<rss/>"),
        ("index.html", "<p>"),
        (
            "feeds.opml",
            f'<opml version="2.0"><head/><body><outline text="a" type="rss" xmlUrl="{BASE}b/atom.xml"/></body></opml>',
        ),
        ("feeds.opml", '<opml version="2.0"><head/><body><outline type="rss"/></body></opml>'),
    ],
)
def test_faults_of_a_folder_are_found(tmp_path: Path, path: str, text: str) -> None:
    assert check_public(_write(tmp_path, {**_published(), path: text})) != []
