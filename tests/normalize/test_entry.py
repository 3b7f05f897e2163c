"""A raw entry becomes a clean one: texts, dates, images, files."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dates.formats import DateStyle
from aggregator.models import Enclosure, Entry, Identified, Known, RawEntry, Text
from aggregator.normalize.entry import normalize
from aggregator.normalize.identity import identify
from tests.markup import faults, soup
from tests.thoroughness import examples

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAST = NOW - timedelta(days=3)


def at(hours: int) -> str:
    """A date as a source writes it, in hours from now."""
    return (NOW + hours * HOUR).isoformat()


def make(raw: RawEntry, known: Known | None = None, **changes: Any) -> Entry:
    arguments: dict[str, Any] = {"source_id": "s", "language": None, "now": NOW} | changes
    return normalize(Identified("k", "h", raw), known=known, **arguments)


def stored(published: datetime = PAST, updated: datetime | None = None, dated: bool = True) -> Known:
    return Known("k", "old", published, updated or published, dated, 0)


def html(value: str, base: str | None = "https://example.org/feed") -> Text:
    return Text(value, "html", base)


def test_an_entry_with_everything() -> None:
    raw = RawEntry(
        guid="tag:1",
        url="https://Example.org/文",
        title=html("A &amp; <b>B</b>"),
        content=html('<p><a href="#n">x</a><img data-src="/a.png"></p>'),
        summary=html("Short"),
        published=at(-5),
        updated=at(-2),
        authors=("a@e.example (Jane)",),
        tags=("x", "X"),
        comments_url="/c",
        language="zh_CN",
    )
    url = "https://example.org/%E6%96%87"
    assert make(raw) == Entry(
        source_id="s",
        key="k",
        guid="tag:1",
        url=url,
        title="A & B",
        html=f'<p><a href="{url}#n">x</a><img src="https://example.org/a.png"></p>',
        summary="Short",
        authors=("Jane",),
        tags=("x",),
        enclosures=(),
        image="https://example.org/a.png",
        comments_url=None,
        language="zh-CN",
        published_at=NOW - 5 * HOUR,
        updated_at=NOW - 2 * HOUR,
        dated=True,
        hash="h",
    )


@pytest.mark.parametrize(
    ("content", "summary", "expected"),
    [
        ("<p>a</p>", "<p>b</p>", ("<p>a</p>", "<p>b</p>")),
        ("<p>a</p>", "<p>a</p>", ("<p>a</p>", "")),
        ("<p>a</p>", "<div>a </div>", ("<p>a</p>", "")),
        ("<script>x</script>", "<p>b</p>", ("<p>b</p>", "")),
        (None, "<p>b</p>", ("<p>b</p>", "")),
        ('<img src="/a.png">', "b", ('<img src="https://example.org/a.png">', "b")),
        (None, None, ("", "")),
    ],
)
def test_body_and_summary(content: str | None, summary: str | None, expected: tuple[str, str]) -> None:
    entry = make(RawEntry(content=content and html(content), summary=summary and html(summary)))  # type: ignore[arg-type]
    assert (entry.html, entry.summary) == expected


def test_a_title_is_made_where_there_is_none() -> None:
    assert make(RawEntry(title=html(" <b></b>"), summary=html("<p>Some <i>text</i></p>"))).title == "Some text"
    assert make(RawEntry(url="https://example.org/a/b-c")).title == "b-c"


@pytest.mark.parametrize(
    ("published", "updated", "expected"),
    [
        (at(-5), at(-2), (-5, -2, True)),
        (at(-5), None, (-5, -5, True)),
        (None, at(-2), (-2, -2, True)),
        (at(-2), at(-5), (-2, -2, True)),
        ("rubbish", None, (0, 0, False)),
        ("1970-01-01T00:00:00Z", None, (0, 0, False)),
        (at(1), None, (1, 1, True)),
        (at(2), None, (0, 0, False)),
        (at(2), at(-5), (-5, -5, True)),
        (at(-5), at(2), (-5, -5, True)),
        (None, None, (0, 0, False)),
    ],
)
def test_dates_of_a_new_entry(published: str | None, updated: str | None, expected: tuple[int, int, bool]) -> None:
    entry = make(RawEntry(published=published, updated=updated))
    first, last, dated = expected
    assert (entry.published_at, entry.updated_at, entry.dated) == (NOW + first * HOUR, NOW + last * HOUR, dated)


@pytest.mark.parametrize(
    ("published", "updated", "ahead"),
    [
        (at(2), None, 2),
        (at(5), at(3), 5),
        (None, at(3), 3),
        (at(24 * 3000), None, 24 * 3000),
        (at(24 * 4000), None, None),
        (at(1), None, None),
        (at(-1), at(3), None),
        (at(3), at(-1), None),
        ("rubbish", None, None),
    ],
)
def test_a_date_that_is_ignored_because_it_is_ahead_is_remembered(
    published: str | None, updated: str | None, ahead: int | None
) -> None:
    expected = None if ahead is None else NOW + ahead * HOUR
    assert make(RawEntry(published=published, updated=updated)).future_at == expected
    # It is the one of the first sight, as the date of publication is.
    known = replace(stored(dated=False), future_at=PAST + HOUR)
    assert make(RawEntry(published=published, updated=updated), known).future_at == PAST + HOUR


def test_an_entry_without_a_date_keeps_its_first_one() -> None:
    entry = make(RawEntry(), stored(dated=False))
    assert (entry.published_at, entry.updated_at, entry.dated) == (PAST, PAST, False)


def test_a_date_that_was_in_the_future_at_first_sight_does_not_move_the_entry_later() -> None:
    entry = make(RawEntry(published=at(-1)), stored(dated=False))
    assert (entry.published_at, entry.dated) == (PAST, False)


@pytest.mark.parametrize("said", [at(-100), at(-1)])
def test_a_date_of_publication_that_comes_late_or_moves_leaves_the_first_one(said: str) -> None:
    undated, dated = (make(RawEntry(published=said), stored(dated=dated)) for dated in (False, True))
    assert (undated.published_at, undated.dated) == (PAST, False)
    assert (dated.published_at, dated.dated) == (PAST, True)


def test_an_impossible_new_date_leaves_the_stored_one() -> None:
    entry = make(RawEntry(published=at(500)), stored(updated=PAST + HOUR))
    assert (entry.published_at, entry.updated_at, entry.dated) == (PAST, PAST + HOUR, True)


@given(
    st.none() | st.integers(-200, 200),
    st.none() | st.integers(-200, 200),
    st.none() | st.integers(-200, 1),
    st.booleans(),
)
def test_dates_are_in_order_and_stay(
    published: int | None, updated: int | None, first: int | None, dated: bool
) -> None:
    raw = RawEntry(
        published=None if published is None else at(published), updated=None if updated is None else at(updated)
    )
    known = None if first is None else stored(NOW + first * HOUR, dated=dated)
    entry = make(raw, known)
    assert entry.published_at <= entry.updated_at <= NOW + HOUR
    again = make(raw, stored(entry.published_at, entry.updated_at, entry.dated), now=NOW + 1000 * HOUR)
    if not entry.dated:
        assert again.published_at <= entry.published_at


def test_a_date_without_a_zone_is_read_in_that_of_the_entry() -> None:
    entry = make(RawEntry(published="2026-03-01 12:00", timezone="Asia/Shanghai"))
    assert (entry.published_at, entry.dated) == (NOW - 8 * HOUR, True)


@pytest.mark.parametrize(("day_first", "month"), [(True, 2), (False, 1)])
def test_a_date_is_read_in_the_style_of_its_document(day_first: bool, month: int) -> None:
    entry = make(RawEntry(published="01/02/2026"), style=DateStyle(day_first=day_first))
    assert entry.published_at == datetime(2026, month, 3 - month, tzinfo=UTC)


@pytest.mark.parametrize(
    ("guid", "kept"), [(" a ", "a"), ("a\x00\ud800", "a\ufffd\ufffd"), ("", None), ("x" * 9999, None)]
)
def test_a_guid_is_kept_as_a_store_can_hold_it(guid: str, kept: str | None) -> None:
    assert make(RawEntry(guid=guid)).guid == kept


def test_files_are_checked() -> None:
    raw = RawEntry(
        enclosures=(
            Enclosure("javascript:x"),
            Enclosure("https://e.example/a.mp3", "Audio/MPEG; q=1", -5, " A\n title ", 60),
            Enclosure("https://e.example/a.mp3", "audio/ogg"),
            Enclosure("https://e.example/b", '"><script>', 10**20, "", -1),
            Enclosure("https://e.example/c.png", "image/png", 10),
        )
    )
    entry = make(raw)
    assert entry.enclosures == (
        Enclosure("https://e.example/a.mp3", "audio/mpeg", None, "A title", 60),
        Enclosure("https://e.example/b", "", None, None, None),
        Enclosure("https://e.example/c.png", "image/png", 10, None, None),
    )
    assert entry.image == "https://e.example/c.png"


def test_the_image_of_the_body_comes_first_then_the_named_one() -> None:
    raw = RawEntry(content=html('<img src="/body.png">'), image="https://e.example/named.png")
    assert make(raw).image == "https://example.org/body.png"
    assert make(replace(raw, content=None)).image == "https://e.example/named.png"
    assert make(replace(raw, content=None, image="javascript:x")).image is None


def test_a_portrait_is_neither_the_picture_nor_a_file_of_the_entry() -> None:
    portrait, photo = "https://0.gravatar.com/avatar/abc?s=96", "https://example.org/photo.jpg"
    files = (Enclosure(portrait), Enclosure(portrait + "#2", "image/png"), Enclosure(photo, "image/jpeg"))
    entry = make(RawEntry(content=html("a"), image=portrait, enclosures=files))
    assert [file.url for file in entry.enclosures] == [photo]
    assert entry.image == photo
    assert make(RawEntry(content=html("a"), image="https://e.example/spacer.gif")).image is None


@pytest.mark.parametrize(
    ("own", "feed", "expected"), [("en", "de", "en"), (None, "pt_BR", "pt-BR"), ("<b>", "de", "de"), ("", None, None)]
)
def test_languages(own: str | None, feed: str | None, expected: str | None) -> None:
    assert make(RawEntry(language=own), language=feed).language == expected


texts = st.none() | st.builds(
    Text, soup, st.sampled_from(["text", "html"]), st.sampled_from([None, "https://e.example/"])
)
strings = st.none() | soup
raws = st.builds(
    RawEntry,
    guid=strings,
    url=strings,
    title=texts,
    content=texts,
    summary=texts,
    published=strings,
    updated=strings,
    authors=st.lists(soup, max_size=2).map(tuple),
    tags=st.lists(soup, max_size=2).map(tuple),
    enclosures=st.lists(st.builds(Enclosure, soup, soup, st.none() | st.integers(), strings), max_size=2).map(tuple),
    image=strings,
    language=strings,
)


@examples(25)
@given(st.lists(raws, max_size=3))
def test_nothing_that_a_source_can_say_raises_or_is_unsafe(document: list[RawEntry]) -> None:
    for one in identify(document):
        entry = normalize(one, source_id="s", language=None, now=NOW, known=None)
        assert entry.title and "\n" not in entry.title
        assert [*faults(entry.html), *faults(entry.summary)] == []
        urls = [entry.url, entry.image, entry.comments_url, *(file.url for file in entry.enclosures)]
        assert all(url is None or url.startswith(("http://", "https://")) for url in urls)
        shown = [
            entry.guid or "",
            entry.title,
            entry.html,
            entry.summary,
            *entry.authors,
            *entry.tags,
            *filter(None, urls),
        ]
        assert all(text.encode() is not None and "\x00" not in text for text in shown)


@pytest.mark.parametrize("end", ["", "<p>And more.</p>", " more", "&nbsp;", "<br>"])
@pytest.mark.parametrize("length", [1, 90, 100, 400])
def test_summary_with_the_words_of_a_long_body_is_none(length: int, end: str) -> None:
    words = "<p>Some &amp; words.</p>\n" * length
    made = make(RawEntry(content=Text(f"<div>{words}</div>{end}", "html"), summary=Text(words, "html")))
    assert bool(made.summary) is ("more" in end)


@pytest.mark.parametrize("length", [1, 83, 84, 85, 1000])
def test_body_of_blanks_only_gives_way_to_the_summary(length: int) -> None:
    made = make(RawEntry(content=Text("&nbsp;" * length, "html"), summary=Text("Words", "html")))
    assert "Words" in made.html
