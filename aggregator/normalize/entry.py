"""Raw entries in, clean entries out: plain text is plain, HTML is safe, addresses are absolute, dates are known.

Pure: the time is an argument. Nothing that a source can say raises.
"""

from __future__ import annotations

import html as markup
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aggregator.dates.formats import ANY_STYLE, DateStyle, parse_date
from aggregator.models import Enclosure, Entry, Identified, Known, OriginalFeed, RawEntry, Text
from aggregator.normalize.identity import clean_guid, usable_id
from aggregator.normalize.images import is_picture
from aggregator.normalize.sanitizer import all_images, clean_html, first_image, text_of
from aggregator.normalize.sanitizer.limits import cut
from aggregator.normalize.text import (
    MAX_AUTHOR,
    MAX_TAG,
    MAX_TITLE,
    clean_authors,
    clean_tags,
    fallback_title,
    plain_title,
    tidy_line,
)
from aggregator.values.languages import tidy_tag
from aggregator.values.media_types import is_bare, without_parameters
from aggregator.values.urls import clean_url

if TYPE_CHECKING:
    from aggregator.models.extras import Extras

#: Clocks may be wrong, but a date further ahead than this is ignored.
TOLERANCE = timedelta(hours=1)
#: A date further ahead than this is a mistake, and no rule can take it.
FURTHEST = timedelta(days=3660)
#: Earlier dates, and the epoch, mean that there is none.
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MAX_ENCLOSURES = 50
_MAX_FILE_TITLE = 200
_MAX_LENGTH = 2**53
_MAX_SECONDS = 10_000_000

_BEGIN = 4000
#: Characters of HTML that nearly always show whether two texts differ, and fewer that often do.
_GLANCE = 500
_SHORT_GLANCE = 100
#: Where a word certainly begins: `>` ends a tag and nothing else.
_SAYS = re.compile(r"(?:\A|>)\s*+[^\s<&]")
#: The first character that a clean text shows, where it is not written as a reference.
_FIRST = re.compile(r"(?:<(?!annotation)[^<>]*>|\s)*+([^\s<&])")
#: Elements that show something without text.
_SHOWS = re.compile(r"<(?:img|audio|video|hr)[ >]")


def normalize(
    identified: Identified,
    *,
    source_id: str,
    language: str | None,
    now: datetime,
    known: Known | None,
    style: DateStyle = ANY_STYLE,
    general: Extras | None = None,
) -> Entry:
    """Make a clean entry of a raw one.

    Args:
        language: language of the feed, for entries that name none.
        now: the current time, aware, in UTC, whole seconds.
        known: the entry as stored, or None: it is new. The date of publication does not change.
        style: how the dates of the document are written.
        general: what the document says of all its entries (`ParsedFeed.extras`).
    """
    raw = identified.raw
    url = clean_url(raw.url)
    html, summary = _texts(raw, url)
    enclosures = _enclosures(raw.enclosures)
    published_at, updated_at, dated, future_at = _dates(raw, now, style, known)
    title = "" if raw.title is None else plain_title(raw.title)
    title = title or fallback_title(text_of(cut(html or summary, _BEGIN)), url)
    if summary and _is_synopsis(summary, html, title):
        summary = ""
    entry = Entry(
        source_id=source_id,
        key=identified.key,
        guid=clean_guid(raw.guid),
        url=url,
        title=title,
        html=html,
        summary=summary,
        authors=clean_authors(raw.authors),
        tags=clean_tags(raw.tags),
        enclosures=enclosures,
        image=_image(html, raw, enclosures),
        comments_url=clean_url(raw.comments_url),
        language=tidy_tag(raw.language) or tidy_tag(language),
        published_at=published_at,
        updated_at=updated_at,
        dated=dated,
        hash=identified.hash,
        original_feed=_original_feed(raw.original_feed),
        future_at=future_at,
    )
    return _with_extras(entry, raw.extras, general)


def clean_again(entry: Entry) -> Entry:
    """Clean a stored entry by the current rules, as far as that is possible without its document.

    Its identity, dates and fingerprint stay. A clean entry does not change; addresses are absolute already.
    """
    html, summary = (clean_html(Text(text, "html")) for text in (entry.html, entry.summary))
    if not html:
        html, summary = summary, ""
    enclosures = _enclosures(entry.enclosures)
    url = clean_url(entry.url)
    # An image that is in the body was taken from there, and is chosen there again.
    named = None if entry.image in map(clean_url, all_images(entry.html)) else entry.image
    title = tidy_line(entry.title, MAX_TITLE) or fallback_title(text_of(cut(html or summary, _BEGIN)), url)
    cleaned = replace(
        entry,
        url=url,
        title=title,
        html=html,
        summary=summary,
        authors=_folded(entry.authors, MAX_AUTHOR),
        tags=_folded(entry.tags, MAX_TAG),
        enclosures=enclosures,
        image=_image(html, RawEntry(image=named), enclosures),
        comments_url=clean_url(entry.comments_url),
        original_feed=_original_feed(entry.original_feed),
    )
    return _with_extras(cleaned, entry.extras, None)


def without_markup(entry: Entry) -> Entry:
    """Remove all markup from a stored entry that cannot be cleaned."""
    words = markup.escape(text_of(entry.html or entry.summary), quote=False)
    return replace(entry, html=f"<p>{words}</p>" if words else "", summary="", image=None)


def _with_extras(entry: Entry, raw: Extras | None, general: Extras | None) -> Entry:
    """Return a clean entry with what is kept of its extras."""
    if raw is None and general is None:
        return entry
    # Few entries have any, and this takes long to import.
    from aggregator.normalize.extras import clean_extras

    return replace(entry, extras=clean_extras(raw, general, entry))


def _folded(texts: Sequence[str], limit: int) -> tuple[str, ...]:
    return tuple([folded for text in texts if (folded := tidy_line(text, limit))])


def _texts(raw: RawEntry, url: str | None) -> tuple[str, str]:
    """Return the body, and a summary that says something else."""
    body = _safe(raw.content, url)
    if not (_SAYS.search(body) or _SHOWS.search(body) or text_of(body)):
        return _safe(raw.summary, url), ""
    if raw.summary is None or (raw.content is not None and raw.summary.value == raw.content.value):
        return body, ""
    summary = _safe(raw.summary, url)
    return body, "" if summary == body or _says_the_same(summary, body) else summary


def _says_the_same(summary: str, body: str) -> bool:
    """Whether two texts have the same words; of a longer body, only the beginning is read."""
    words = text_of(summary)
    if (first := _FIRST.match(body)) is not None and not words.startswith(first[1]):
        return False
    return (
        words.startswith(_first_words(body, _SHORT_GLANCE))
        and words.startswith(_first_words(body, 2 * len(summary) + _GLANCE))
        and words == text_of(body)
    )


def _is_synopsis(summary: str, body: str, title: str) -> bool:
    """Whether a summary is what our RSS feeds have in its place: the beginning of the body, else the title."""
    is_cut = summary.endswith("…")
    if not is_cut and _SAYS.search(body):
        return False
    from aggregator.values.plaintext import plain_text, synopsis

    return plain_text(summary) == (synopsis(body) if is_cut else title)


def _first_words(body: str, length: int) -> str:
    """Return the words in the first `length` characters of a text, without the last: it may go on behind the cut."""
    return text_of(cut(body, length)).rpartition(" ")[0]


def _safe(text: Text | None, url: str | None) -> str:
    return "" if text is None else clean_html(text, page=url)


def _dates(
    raw: RawEntry, now: datetime, style: DateStyle, known: Known | None
) -> tuple[datetime, datetime, bool, datetime | None]:
    """Return the dates of publication and of the last change, whether the source has given the first, and its date
    where that was ignored because it is in the future."""
    ahead: list[datetime] = []

    def read(text: str | None) -> datetime | None:
        date = parse_date(text, timezone=raw.timezone, style=style) if text else None
        if date is None or date < _EARLIEST or date == _EPOCH:
            return None
        if date > now + TOLERANCE:
            ahead.append(date)
            return None
        return date

    updated = read(raw.updated)
    published = updated if raw.published == raw.updated else read(raw.published) or updated
    if known is not None:
        # The addresses of published posts contain the date of publication.
        last = max(known.updated_at, updated or published or known.updated_at)
        return known.published_at, last, known.dated, known.future_at
    if published is not None:
        return published, max(published, updated or published), True, None
    # That of publication was read last.
    return now, now, False, ahead[-1] if ahead and ahead[-1] <= now + FURTHEST else None


def _image(html: str, raw: RawEntry, enclosures: Sequence[Enclosure]) -> str | None:
    """Return the first picture of the body, else the one that the source names, else the first that is attached."""
    in_body = clean_url(first_image(html))
    if in_body is not None:
        return in_body
    named = clean_url(raw.image)
    attached = (file.url for file in enclosures if file.type.startswith("image/"))
    return next((url for url in (named, *attached) if url is not None and is_picture(url)), None)


def _enclosures(raw: Sequence[Enclosure]) -> tuple[Enclosure, ...]:
    found: dict[str, Enclosure] = {}
    for file in raw:
        url = clean_url(file.url)
        if url is None or url in found or len(found) == MAX_ENCLOSURES:
            continue
        media_type = without_parameters(file.type)
        if (not media_type or media_type.startswith("image/")) and not is_picture(url):
            # A portrait of the author, which some programs attach to every entry, or a counting pixel.
            continue
        found[url] = Enclosure(
            url=url,
            type=media_type if is_bare(media_type) else "",
            length=_within(file.length, _MAX_LENGTH),
            title=tidy_line(file.title, _MAX_FILE_TITLE) or None if file.title else None,
            duration=_within(file.duration, _MAX_SECONDS),
        )
    return tuple(found.values())


def _original_feed(raw: OriginalFeed | None) -> OriginalFeed | None:
    """Clean the feed that an entry comes from; None where no address of it is known."""
    if raw is None:
        return None
    url, home_url = clean_url(raw.url), clean_url(raw.home_url)
    where = url or home_url
    if where is None:
        return None
    title = tidy_line(raw.title, MAX_TITLE) or where.partition("://")[2].partition("/")[0]
    return OriginalFeed(title, usable_id(clean_guid(raw.id)), url, home_url)


def _within(number: int | None, limit: int) -> int | None:
    """Return a size or a playing time; zero means unknown (RSS Best Practices Profile, enclosure)."""
    return number if number is not None and 0 < number <= limit else None
