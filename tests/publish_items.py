"""Items for the tests of what is published: made by hand, and arbitrary ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from aggregator.models import Enclosure, Entry, Item, Origin
from aggregator.values.markup import xml_text

ORIGIN = Origin("example", "示例站", "https://example.org/feed", "https://example.org/", "news", "新闻")
ENTRY = Entry(
    source_id="example",
    key="k",
    guid=None,
    url="https://example.org/1",
    title="A title",
    html="<p>Text</p>",
    summary="",
    authors=("Ann",),
    tags=("one", "two"),
    enclosures=(),
    image=None,
    comments_url=None,
    language=None,
    published_at=datetime(2022, 6, 29, 6, 36, tzinfo=UTC),
    updated_at=datetime(2022, 6, 30, 7, 0, 5, tzinfo=UTC),
    dated=True,
    hash="0" * 64,
)


def make_item(number: int = 1, *, origin: Origin = ORIGIN, **entry: Any) -> Item:
    """An item whose id depends on `number`; keywords replace fields of its entry."""
    return Item(replace(ENTRY, **entry), f"https://example.org/id/{number}", None, origin, number)


# C1 controls are left out: feedparser reads them as Windows-1252, which is right for what it gets to see.
_CHARACTERS = st.characters(codec="utf-8", exclude_characters="".join(map(chr, range(0x80, 0xA0))))


def _not_mojibake(text: str) -> bool:
    """Whether feedparser leaves this alone: what could be UTF-8 taken for Latin-1, it takes for that."""
    try:
        # Without white space around it, as feeds have it: a no-break space could hide the rest from this check.
        whole = xml_text(text).strip()
        return whole.encode("latin-1").decode("utf-8") == whole
    except UnicodeError:
        return True


#: Any text that UTF-8 can carry, characters that XML forbids included.
UGLY = st.text(_CHARACTERS, max_size=30).filter(_not_mojibake) | st.sampled_from(
    ["a & b", "<b>x</b>", "&amp;lt;", "]]>", "<![CDATA[", "😀", "\x00", "a\ufffeb", "\r\n", "\u2028", "{{x}}", "' \""]
)
LINES = UGLY.map(lambda text: " ".join(text.split())).filter(bool)
# No semicolon: feedparser takes `&x;` in an address for a reference.
_PATHS = st.text("abcXYZ019-._~!$&'()*+,=:@%20/", max_size=20).map(lambda path: path.replace("%", "%25"))
URLS = st.builds(
    "{}://{}/{}".format, st.sampled_from(["http", "https"]), st.sampled_from(["a.example", "例.example"]), _PATHS
)
# Readers take two and three digits for years of our time, so RFC 822 can say no year before 1000.
MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)
ENCLOSURES = st.builds(
    Enclosure,
    url=URLS,
    type=st.sampled_from(["", "audio/mpeg", "nonsense", "video/mp4; codecs=x"]),
    length=st.none() | st.integers(-1, 10**12),
    title=st.none() | UGLY,
    duration=st.none() | st.integers(0, 10**6),
)
LANGUAGES = st.sampled_from([None, "en", "zh-CN", "zh_TW", "", "not a language", "x" * 40])


@st.composite
def items(draw: st.DrawFn) -> Item:
    """Any item that the stages before can hand over, with text as ugly as it gets."""
    published, updated = sorted((draw(MOMENTS), draw(MOMENTS)))
    entry = replace(
        ENTRY,
        url=draw(st.none() | URLS),
        title=draw(LINES),
        html=draw(UGLY),
        summary=draw(UGLY),
        authors=tuple(draw(st.lists(UGLY, max_size=3))),
        tags=tuple(draw(st.lists(UGLY, max_size=4))),
        enclosures=tuple(draw(st.lists(ENCLOSURES, max_size=3))),
        image=draw(st.none() | URLS),
        comments_url=draw(st.none() | URLS),
        language=draw(LANGUAGES),
        published_at=published,
        updated_at=updated,
    )
    origin = Origin("s", draw(LINES), draw(URLS), draw(st.none() | URLS), "news", draw(st.none() | LINES))
    return Item(entry, draw(URLS), None, origin, 1)


def item_lists(max_size: int = 4) -> st.SearchStrategy[list[Item]]:
    """Lists of items with ids of their own."""
    return st.lists(items(), max_size=max_size, unique_by=lambda item: item.id)
