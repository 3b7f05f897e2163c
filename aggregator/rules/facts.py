"""The variables of expressions: what they are called, and how each is read from an entry, when it is first asked for.

Every variable always has a value, "" or 0 or [] where an entry has none, so that an expression needs no test for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aggregator.models import Entry, Sight

if TYPE_CHECKING:
    from aggregator.models import Enclosure

MAX_TEXT = 100_000
"""Characters of a text that an expression sees at most."""
_MAX_LIST = 50

#: Letters of scripts without spaces between words.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_CHARACTERS_OF_WORD = 2


def fold(text: str) -> str:
    """Fold letter case and width, so that two spellings that people take for one are equal (NFKC, casefold)."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def count_words(text: str) -> int:
    """Count the words of a plain text; two characters of Chinese, Japanese, Thai and the like count as one."""
    if text.isascii():
        return len(text.split())
    spaced = _UNSPACED.split(text)
    characters = len(text) - sum(map(len, spaced))
    return len(" ".join(spaced).split()) + -(-characters // _CHARACTERS_OF_WORD)


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of expressions."""

    #: As the reference page says it: ``text``, ``number``, ``list of texts``, ``time``, ``duration`` …
    type: str
    description: str
    #: A value that it can have; expressions are tried on it.
    sample: Any
    #: The fields of `Entry` that it depends on; `_SIGHT` and `_CATEGORY` stand for the rest.
    fields: tuple[str, ...]
    read: Callable[[Facts], Any]


class Facts(Mapping[str, Any]):
    """The variables of one entry; each is made when it is first asked for, and again when the entry has changed."""

    __slots__ = ("_folded", "_known", "_texts", "category", "entry", "loaded", "shared", "sight")

    def __init__(self, entry: Entry, sight: Sight, category: str | None = None) -> None:
        self.entry, self.sight, self.category = entry, sight, category or sight.category
        self._known: dict[str, Any] = {}
        self._folded: dict[str, tuple[str, ...]] = {}
        self._texts: dict[str, tuple[str, ...]] = {}
        #: What `context` returns, and the variables that it has.
        self.shared: Any = None
        self.loaded: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = _ALL[name].read(self)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(VARIABLES)

    def __len__(self) -> int:
        return len(VARIABLES)

    def follow(self, entry: Entry, category: str | None) -> None:
        """Take over what a rule changed."""
        category = category or self.sight.category
        before, after = _values(self.entry), _values(entry)
        stale = {_FIELDS[place] for place, value in enumerate(after) if value is not before[place]}
        if category != self.category:
            stale.add(_CATEGORY)
        self.entry, self.category = entry, category
        for name in [name for name in self._known if not stale.isdisjoint(_ALL[name].fields)]:
            del self._known[name]
            self._texts.pop(name, None)
            self._folded.pop(name, None)
            self.loaded.discard(name)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a variable as texts: one, or those of a list."""
        found = self._texts.get(name)
        if found is None:
            value = self[name]
            found = self._texts[name] = (value,) if isinstance(value, str) else tuple(value)
        return found

    def folded(self, name: str) -> tuple[str, ...]:
        """Return the texts of a variable, folded."""
        found = self._folded.get(name)
        if found is None:
            found = self._folded[name] = tuple([fold(text) for text in self.texts(name)])
        return found

    def context(self, names: frozenset[str], make: Callable[[], Any]) -> Any:
        """Return the context in which an expression that uses these variables is evaluated.

        Converting a value for the library takes longer than most evaluations, so that each is converted once.
        """
        if not names <= self.loaded:
            if self.shared is None:
                self.shared = make()
            for name in names - self.loaded:
                self.shared.add_variable(name, self[name])
                self.loaded.add(name)
        return self.shared


def _text(facts: Facts) -> str:
    from aggregator.values.plaintext import plain_text

    return plain_text(facts.entry.html or facts.entry.summary)


def _summary(facts: Facts) -> str:
    from aggregator.values.plaintext import plain_text

    return plain_text(facts.entry.summary)


def _host(facts: Facts) -> str:
    try:
        return urlsplit(facts.entry.url or "").hostname or ""
    except ValueError:
        return ""


def _published(facts: Facts) -> datetime:
    # The date that the source gave, whether or not it was taken: it does not depend on what rules made of it before.
    return facts.entry.future_at or facts.entry.published_at


def _updated(facts: Facts) -> datetime:
    return max(facts.entry.updated_at, _published(facts))


def _age(facts: Facts) -> timedelta:
    seen_at = facts.sight.seen_at
    return timedelta(0) if seen_at is None else max(timedelta(0), seen_at - _published(facts))


def _duration(facts: Facts) -> timedelta:
    return timedelta(seconds=max((file.duration or 0 for file in facts.entry.enclosures), default=0))


def _images(facts: Facts) -> list[str]:
    from aggregator.normalize.sanitizer import all_images

    entry = facts.entry
    found = list(dict.fromkeys([*([entry.image] if entry.image else []), *all_images(entry.html)]))
    return found[:_MAX_LIST]


def _enclosure(file: Enclosure) -> dict[str, Any]:
    return {
        "url": file.url,
        "type": file.type,
        "length": file.length or 0,
        "title": file.title or "",
        "duration": timedelta(seconds=file.duration or 0),
    }


_SIGHT, _CATEGORY, _PLAIN = "sight", "category", "plain text"
_SAMPLE_TIME = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)

VARIABLES: Mapping[str, Variable] = {
    "title": Variable("text", "Its title.", "Rust 1.90 is out", ("title",), lambda f: f.entry.title),
    "text": Variable(
        "text",
        f"Its body without markup, else its summary, at most {MAX_TEXT:,} characters.",
        "The new version compiles faster. It is out today.",
        ("html", "summary"),
        lambda f: f[_PLAIN][:MAX_TEXT],
    ),
    "html": Variable(
        "text",
        f"Its body as safe HTML, at most {MAX_TEXT:,} characters.",
        '<p>The <b>new</b> version compiles faster.</p><img src="https://example.org/a.png" alt="">',
        ("html",),
        lambda f: f.entry.html[:MAX_TEXT],
    ),
    "summary": Variable(
        "text",
        "Its summary without markup, where that says something else than the body.",
        "What is new in Rust 1.90",
        ("summary",),
        _summary,
    ),
    "url": Variable(
        "text", "Its address.", "https://blog.example.org/rust-1-90", ("url",), lambda f: f.entry.url or ""
    ),
    "host": Variable("text", "The host of its address.", "blog.example.org", ("url",), _host),
    "author": Variable(
        "text", "Its first author.", "Ada", ("authors",), lambda f: f.entry.authors[0] if f.entry.authors else ""
    ),
    "authors": Variable("list of texts", "Its authors.", ["Ada", "Grace"], ("authors",), lambda f: [*f.entry.authors]),
    "tags": Variable("list of texts", "Its tags.", ["rust", "release"], ("tags",), lambda f: [*f.entry.tags]),
    "language": Variable(
        "text", "Its language tag, such as `en` or `zh-CN`.", "en", ("language",), lambda f: f.entry.language or ""
    ),
    "source": Variable("text", "The id of its source.", "hn", (_SIGHT,), lambda f: f.sight.source),
    "category": Variable(
        "text", "The slug of its first category, as rules before left it.", "news", (_CATEGORY,), lambda f: f.category
    ),
    "published": Variable(
        "time",
        "When it was published, as the source says; else when it was first seen.",
        _SAMPLE_TIME,
        ("published_at", "future_at"),
        _published,
    ),
    "updated": Variable(
        "time",
        "When it was changed last, as the source says; else as `published`.",
        _SAMPLE_TIME,
        ("published_at", "updated_at", "future_at"),
        _updated,
    ),
    "dated": Variable(
        "true or false",
        "Whether the source gives a date.",
        True,
        ("dated", "future_at"),
        lambda f: f.entry.dated or f.entry.future_at is not None,
    ),
    "age": Variable(
        "duration",
        "How old it was when it was first seen.",
        timedelta(hours=2),
        (_SIGHT, "published_at", "future_at"),
        _age,
    ),
    "words": Variable(
        "number",
        "Words in its text; two characters of Chinese, Japanese or Thai count as one.",
        250,
        ("html", "summary"),
        lambda f: count_words(f[_PLAIN]),
    ),
    "duration": Variable(
        "duration", "The playing time of its longest file.", timedelta(minutes=30), ("enclosures",), _duration
    ),
    "images": Variable(
        "list of texts",
        f"The addresses of its images, at most {_MAX_LIST}.",
        ["https://example.org/a.png"],
        ("html", "image"),
        _images,
    ),
    "enclosures": Variable(
        "list of mappings",
        "Its files; each has `url`, `type`, `length` in bytes, `title` and `duration`.",
        [
            {
                "url": "https://example.org/1.mp3",
                "type": "audio/mpeg",
                "length": 12_345_678,
                "title": "Episode 1",
                "duration": timedelta(minutes=30),
            }
        ],
        ("enclosures",),
        lambda f: [_enclosure(file) for file in f.entry.enclosures[:_MAX_LIST]],
    ),
    "comments": Variable(
        "text",
        "The address of its comments.",
        "https://example.org/comments/1",
        ("comments_url",),
        lambda f: f.entry.comments_url or "",
    ),
    "guid": Variable(
        "text", "Its id as the source gives it.", "tag:example.org,2026:1", ("guid",), lambda f: f.entry.guid or ""
    ),
}
"""The variables by name, in the order of the reference page."""

#: With the whole text, which expressions do not see.
_ALL: Mapping[str, Variable] = {**VARIABLES, _PLAIN: Variable("text", "", "", ("html", "summary"), _text)}
_FIELDS = sorted({name for variable in _ALL.values() for name in variable.fields} - {_SIGHT, _CATEGORY})
_values: Callable[[Entry], tuple[Any, ...]] = attrgetter(*_FIELDS)
