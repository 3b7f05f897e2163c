"""The parts of the records of a list: title, date, summary, each at the same place in nearly all of them. Pure."""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bs4 import Tag

from aggregator.discover.stable import classes_of, is_plain, names_of
from aggregator.sources.page import attribute
from aggregator.sources.pagefacts import short_text
from aggregator.sources.selecting import is_date

#: Elements of a record that are looked at.
_PARTS = 80
#: Characters of a title, of an element that shows a date, and of a summary.
_TITLE, _DATE, _SUMMARY = 300, 60, 2000
#: Weights of texts: of titles, and of summaries.
_TITLES, _SUMMARIES = (6, 260), 24
#: Share of the records that must have a part, so that it is one.
_MOST = 0.5
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
BLOCKS = ("p", "div", "ul", "ol", "table", "section", "article", "figure", *HEADINGS)
TITLE_NAME = re.compile(r"title|headline|subject|caption|heading|biaoti|\btit\b|_tit\b|\btit_", re.IGNORECASE)
_TITLE_LOOK = re.compile(r"font-(?:bold|semibold|medium)|text-(?:lg|xl|\dxl)|\bbold\b|strong")
#: What a link says that offers a file, whichever it is: "Download (1.2 MB)", "PDF".
_OFFER = re.compile(
    r"\b(?:download|pdf|docx?|xlsx?|view|[kmg]i?b|télécharger|descargar|baixar|herunterladen|scarica|pobierz|ดาวน์โหลด)\b"
    r"|скачать|下载|下載|查看|ダウンロード|다운로드|تحميل",
    re.IGNORECASE,
)
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"[\d\s.,:+%-]{1,8}\Z")
_NUMBERED_DATE = re.compile(r"\d[-./:]\d")
_RELATIVE_WORD = re.compile(r"刚刚|刚才|今天|昨天|前天|today|yesterday|just now|오늘|어제|ago", re.IGNORECASE)


@dataclass(slots=True)
class Record:
    """One item of a list."""

    element: Tag
    link: Tag
    url: str


def weight(text: str) -> int:
    """Return how much a text says: characters, of which one of East Asia counts twice."""
    return sum(2 if char > "\u2e7f" else 1 for char in text)


def titles_of(records: Sequence[Record]) -> list[Tag]:
    """Return the element that shows the title, for each record: its link, or a part of the link or of the record."""
    own = [_own_title(record) for record in records]
    if _are_offers(own):
        return _apart(records, lambda record: record.element) or own
    if _differ(own, 0.6):
        return _named_parts(own) or own
    apart = _apart(records, lambda record: record.link) or _apart(records, lambda record: record.element)
    return apart or own


def title_text(tag: Tag) -> str:
    """Return the text of a title; what a link is called where its text is missing or cut off."""
    text = short_text(tag, _TITLE) or ""
    whole = " ".join(attribute(tag, "title").split())[:_TITLE]
    if whole and (not text or text.endswith(("…", "..."))):
        return whole
    if text:
        return text
    picture = tag.find("img", alt=True)
    return " ".join(attribute(picture, "alt").split())[:_TITLE] if isinstance(picture, Tag) else ""


def _own_title(record: Record) -> Tag:
    """Return the heading in a link, else the link."""
    heading = record.link.find(HEADINGS)
    return heading if isinstance(heading, Tag) and short_text(heading, _TITLE) else record.link


def _named_parts(titles: Sequence[Tag]) -> list[Tag] | None:
    """Return the parts of titles that are called titles, where others beside them are not: sections, kinds, times."""
    found: list[Tag] = []
    for title in titles:
        named = [one for one in title.find_all(True, limit=10) if any(map(TITLE_NAME.search, classes_of(one)))]
        if len(named) != 1 or weight(short_text(named[0], _TITLE) or "") < _TITLES[0]:
            return None
        found += named
    return found


def _differ(tags: Sequence[Tag], share: float) -> bool:
    """Whether elements are titles: short, and not what every record has."""
    texts = [short_text(tag, _TITLE) or "" for tag in tags]
    plain = sum(not _is_card(tag) for tag in tags)
    return len(set(texts) - {""}) >= share * len(tags) and plain >= share * len(tags)


def _are_offers(tags: Sequence[Tag]) -> bool:
    """Whether most links say that there is a file, and differ in numbers only, such as its size."""
    texts = [short_text(tag, _TITLE) or "" for tag in tags]
    words = Counter(_NOT_LETTERS.sub(" ", text).strip().casefold() for text in texts if _OFFER.search(text))
    return bool(words) and words.most_common(1)[0][1] >= 0.6 * len(tags)


def _is_card(tag: Tag) -> bool:
    """Whether a link holds a whole record, and not just its title."""
    return tag.name == "a" and (tag.find(BLOCKS) is not None or short_text(tag, _TITLE) is None)


def _apart(records: Sequence[Record], place: Callable[[Record], Tag]) -> list[Tag] | None:
    """Return the titles where they are parts of records, or of the links."""

    def accept(tag: Tag) -> float:
        text = "" if tag.find(BLOCKS) is not None else short_text(tag, _TITLE) or ""
        length = weight(text)
        if not _TITLES[0] <= length <= _TITLES[1] or looks_like_date(text):
            return 0.0
        names = " ".join(classes_of(tag))
        telling = 3.0 * (tag.name in HEADINGS or TITLE_NAME.search(names) is not None)
        return telling + 1.5 * (tag.name in ("strong", "b") or bool(_TITLE_LOOK.search(names))) + min(length, 40) / 40

    found = common_part([place(record) for record in records], accept)
    if found is None:
        return None
    whole = [tag if tag is not None else record.link for tag, record in zip(found, records, strict=True)]
    return whole if _differ([tag for tag in found if tag is not None], 0.6) else None


def common_part(elements: Sequence[Tag], accept: Callable[[Tag], float]) -> list[Tag | None] | None:
    """Return what stands at the same place in most records and is accepted most; None where nothing does.

    Args:
        elements: the records.
        accept: how well an element fits; 0: not at all.
    """
    places: dict[object, dict[int, Tag]] = defaultdict(dict)
    scores: dict[object, float] = defaultdict(float)
    for number, element in enumerate(elements):
        for tag in parts(element):
            score = accept(tag)
            if score > 0:
                place = _place(tag, element)
                if number not in places[place]:
                    places[place][number] = tag
                    scores[place] += score
    enough = {place: score for place, score in scores.items() if len(places[place]) >= _MOST * len(elements)}
    if not enough:
        return None
    best = places[max(enough, key=lambda place: enough[place])]
    return [best.get(number) for number in range(len(elements))]


def parts(element: Tag) -> Iterator[Tag]:
    """Return the elements of a record, as many as are looked at."""
    for number, tag in enumerate(element.find_all(True)):
        if number == _PARTS:
            return
        yield tag


def _place(tag: Tag, element: Tag) -> tuple[object, ...]:
    """Return where an element stands in its record: names, and numbers where there are none."""
    path: list[object] = []
    for one in (tag, *tag.parents):
        if one is element:
            break
        names = tuple(sorted(names_of(one)))
        path.append((one.name, names or len(one.find_previous_siblings(one.name, limit=20))))
    return tuple(path)


def dates_of(elements: Sequence[Tag]) -> list[Tag | None] | None:
    """Return the element that shows the date, for each record; None where most have none at the same place."""

    def accept(tag: Tag) -> float:
        if tag.name == "time" and attribute(tag, "datetime"):
            return 2.0
        if tag.name == "a" or tag.name in HEADINGS or tag.find("a") is not None:
            return 0.0
        text = short_text(tag, _DATE)
        if not text or not looks_like_date(text):
            return 0.0
        # The innermost, and of several the one with nothing else in it.
        inner = any(looks_like_date(short_text(one, _DATE) or "") for one in tag.find_all(True, limit=10))
        return 0.0 if inner else 1.0 - len(text) / 1000

    return common_part(elements, accept)


def summaries_of(elements: Sequence[Tag], titles: Sequence[Tag]) -> list[Tag | None] | None:
    """Return the element that shows a summary, for each record; None where most have none at the same place."""
    around = {id(one) for title in titles for one in (title, *title.parents)}

    def accept(tag: Tag) -> float:
        if id(tag) in around or tag.name in HEADINGS or tag.find(BLOCKS) is not None or tag.name in ("a", "time"):
            return 0.0
        text = short_text(tag, _SUMMARY) or ""
        return min(weight(text), 400) * (1.2 if tag.name == "p" else 1.0) if weight(text) >= _SUMMARIES // 3 else 0.0

    found = common_part(elements, accept)
    if found is None:
        return None
    said = [weight(short_text(tag, _SUMMARY) or "") for tag in found if tag is not None]
    return found if sum(said) >= _SUMMARIES * len(said) else None


@functools.lru_cache(maxsize=10_000)
def looks_like_date(text: str) -> bool:
    """Whether a short text is a date; a bare number is none."""
    if not 2 <= len(text) <= 2 * _DATE or (_NUMBER.match(text) and not _NUMBERED_DATE.search(text)):
        return False
    return (_DIGIT.search(text) is not None or _RELATIVE_WORD.search(text) is not None) and is_date(text)


def date_beside(records: Sequence[Record]) -> str | None:
    """Return where the dates are that stand between the records, as in lists of definitions: XPath from a record."""
    found: dict[str, int] = defaultdict(int)
    own = {id(record.element) for record in records}
    for record in records:
        for place in _beside(record.element, own):
            found[place] += 1
    best = max(found, key=lambda place: found[place], default=None)
    return best if best is not None and found[best] >= 0.7 * len(records) else None


#: Siblings of a record that may have its date.
_NEAR = 3


def _beside(element: Tag, own: set[int]) -> Iterator[str]:
    """Return where dates are before and behind a record; what is behind one is before the next."""
    for axis, siblings in (
        ("preceding", element.find_previous_siblings(True, limit=_NEAR)),
        ("following", element.find_next_siblings(True, limit=_NEAR)),
    ):
        passed: dict[str, int] = defaultdict(int)
        for one in siblings:
            if id(one) in own:
                break
            passed[one.name] += 1
            if looks_like_date(short_text(one, _DATE) or "") and is_plain(one):
                yield f"./{axis}-sibling::{one.name}[{passed[one.name]}]"
                break


def is_in(tag: Tag, outer: Tag) -> bool:
    """Whether an element is another one, or in it."""
    return any(one is outer for one in (tag, *tag.parents))
