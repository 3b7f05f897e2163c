"""Every element that we know comes in by RSS, is cleaned, and goes out by each format and comes in again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from lxml import etree

from aggregator.models import Copy, Entry, Fetched, Item, Origin
from aggregator.models.extras import Extras, Person
from aggregator.normalize.entry import clean_again, normalize
from aggregator.normalize.identity import identify
from aggregator.parse import parse
from aggregator.publish.feeds import FILE_NAMES, Channel, Format, render_feeds
from tests import DATA, ROOT
from tests.validators import ATOM, MEDIA, check_atom, check_jsonfeed, check_rss

URL = "https://e.example/feed"
NOW = datetime(2025, 6, 1, tzinfo=UTC)
HEAD = Channel("news", "News", "All news", "https://h.example/", "https://h.example/news/", "en", "A. Uthor")
ORIGIN = Origin("e", "Everything", URL, "https://e.example/", "news", None)
CHECKS: dict[Format, Callable[[bytes], list[str]]] = {"rss": check_rss, "atom": check_atom, "json": check_jsonfeed}
FORMATS = tuple(FILE_NAMES)
#: What only JSON Feed has a place for.
JSON_ONLY = {"banner_image"}


def _entries(data: bytes) -> list[Entry]:
    parsed = parse(Fetched(requested_url=URL, url=URL, status=200, content_type="", body=data))
    return [
        normalize(one, source_id="e", language=parsed.language, now=NOW, known=None, general=parsed.extras)
        for one in identify(parsed.entries)
    ]


def _rendered(entries: list[Entry], form: Format, origin: Origin = ORIGIN, channel: Channel = HEAD) -> bytes:
    items = [Item(entry, entry.guid or "", None, origin, pk) for pk, entry in enumerate(entries)]
    (output,) = render_feeds(channel, items, [form])
    assert CHECKS[form](output.data) == []
    return output.data


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    """The entries of a feed that has everything."""
    return _entries((DATA / "parse" / "everything.xml").read_bytes())


@pytest.mark.parametrize("form", FORMATS)
def test_golden_feeds_of_everything(entries: list[Entry], form: Format) -> None:
    head = replace(HEAD, icon="https://h.example/icon.png", minutes=30)
    data = _rendered(entries, form, channel=head)
    assert data == (DATA / "publish" / f"everything-{FILE_NAMES[form]}").read_bytes()
    # They belong to the feed of the podcast, not to one that takes its episodes over.
    assert b"podcast:guid" not in data
    assert b"podcast:locked" not in data


@pytest.mark.parametrize("form", FORMATS)
def test_what_was_written_is_read_again_and_written_alike(entries: list[Entry], form: Format) -> None:
    avatar = Person("Ann", "https://e.example/ann", "https://e.example/ann.jpg")
    assert entries[0].extras is not None
    more = replace(entries[0].extras, banner_image="https://e.example/banner.jpg", authors=(avatar,))
    before = [replace(entries[0], extras=more) if form == "json" else entries[0], *entries[1:]]
    data = _rendered(before, form)
    after = _entries(data)
    assert [one.extras for one in after] == [one.extras for one in before]
    for name in ("title", "html", "authors", "tags", "enclosures", "image", "comments_url", "published_at"):
        assert [getattr(one, name) for one in after] == [getattr(one, name) for one in before]
    assert _rendered(after, form, replace(ORIGIN, id="other", name="Other", url="https://h.example/f")) == data
    assert [clean_again(one) for one in after] == after


def test_a_document_gives_its_rights_to_entries_that_have_none(entries: list[Entry]) -> None:
    first, second = (one.extras for one in entries)
    assert (first and first.rights, second and second.rights) == ("Some rights < all", "© 2025 E. Example")
    assert second == Extras(rights="© 2025 E. Example", licenses=("https://creativecommons.org/licenses/by/4.0/",))
    # The entry has a licence of its own.
    assert first is not None
    assert first.licenses == ()


@pytest.mark.parametrize(
    ("minutes", "period", "frequency"),
    [(1, "hourly", "60"), (15, "hourly", "4"), (60, "hourly", "1"), (90, "daily", "16"), (20000, "weekly", "1")],
)
def test_heads_say_how_often_there_may_be_something_new(minutes: int, period: str, frequency: str) -> None:
    head = replace(HEAD, minutes=minutes)
    rss, atom = (_rendered([], form, channel=head).decode() for form in FORMATS[:2])
    for text in (rss, atom):
        assert f"<sy:updatePeriod>{period}</sy:updatePeriod>" in text
        assert f"<sy:updateFrequency>{frequency}</sy:updateFrequency>" in text
    assert f"<ttl>{minutes}</ttl>" in rss


def test_heads_name_the_picture_of_the_site() -> None:
    head = replace(HEAD, icon="https://h.example/icon.png")
    rss, atom, feed = (_rendered([], form, channel=head).decode() for form in FORMATS)
    assert "<url>https://h.example/icon.png</url>" in rss
    assert "<icon>https://h.example/icon.png</icon>" in atom
    assert json.loads(feed)["icon"] == "https://h.example/icon.png"


@pytest.mark.parametrize("form", FORMATS)
def test_feeds_name_where_the_same_item_is_too(entries: list[Entry], form: Format) -> None:
    copies = (Copy("One & only", "https://one.example/?a&b"), Copy("Two", None), Copy("\x0b", "https://three.example/"))
    for entry in entries:
        plain = Item(entry, entry.guid or "", None, ORIGIN, 1)
        (output,) = render_feeds(HEAD, [replace(plain, also_at=copies)], [form])
        assert CHECKS[form](output.data) == []
        # Who reads the feed takes them for nothing else.
        assert _entries(output.data) == _entries(_rendered([entry], form))
        if form == "json":
            (item,) = json.loads(output.data)["items"]
            assert item["_origin"]["also_at"] == [
                {"title": "One & only", "url": "https://one.example/?a&b"},
                {"title": "Two"},
                {"title": "https://three.example/", "url": "https://three.example/"},
            ]
        else:
            links = [one for one in etree.fromstring(output.data).iter(f"{ATOM}link") if one.get("rel") == "via"]
            assert [(one.get("href"), one.get("title")) for one in links] == [
                ("https://one.example/?a&b", "One & only"),
                ("https://three.example/", "https://three.example/"),
            ]


def _documented() -> dict[Format, set[str]]:
    """The elements that docs/feeds.md names for items of each format."""
    names: dict[Format, set[str]] = {"rss": set(), "atom": set(), "json": set()}
    for line in (ROOT / "docs" / "feeds.md").read_text(encoding="utf-8").splitlines():
        cells = [re.findall(r"`([\w:.]+)`", cell) for cell in line.split("|")]
        if len(cells) == 7:
            for form, cell in zip(FORMATS, cells[3:6], strict=True):
                names[form].update(cells[3] if "the same" in line and form == "atom" else cell)
    return names


def test_the_table_in_the_documents_has_every_element_of_items(entries: list[Entry]) -> None:
    documented = _documented()
    inner = {"media:title", "podcast:source", "atom:name", "atom:uri", "name", "uri"}
    for form in FORMATS[:2]:
        data = (DATA / "publish" / f"everything-{FILE_NAMES[form]}").read_bytes()
        prefixes = {name: prefix for prefix, name in etree.fromstring(data).nsmap.items()}
        items = [one for one in etree.fromstring(data).iter() if etree.QName(one).localname in ("item", "entry")]
        outer = [one for item in items for one in (*item, *item.iterfind(f"{MEDIA}group/*"))]
        names = [etree.QName(one) for one in outer]
        written = {
            f"{prefix}:{one.localname}" if (prefix := prefixes.get(one.namespace)) else one.localname for one in names
        }
        assert documented[form] - written - inner <= {"xml:lang", "itunes:episode"}
        assert written <= documented[form]
    data = json.loads((DATA / "publish" / "everything-feed.json").read_bytes())
    members = set(data["items"][0]) - {"_extras"} | {f"_extras.{name}" for name in data["items"][0]["_extras"]}
    assert {one for one in members if not one.endswith(("season_name", "episode_name"))} <= documented["json"]
