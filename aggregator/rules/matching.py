"""Words and regular expressions that are looked for in texts.

A word is found in any letter case and width, and as a whole word where its script puts spaces between words: `art` is
not in `party`, but 广告 is in 广告位. ``/pattern/flags`` is a regular expression of re2, which takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from aggregator.config.problems import show
from aggregator.rules.facts import fold
from aggregator.values.patterns import compile_pattern

MAX_WORD = 500
"""Characters in a word or a pattern at most."""
MAX_WORDS = 20_000
"""Words in a list at most."""
#: Up to so many words, each is looked for before the pattern of all is. Of more than so many, those that a text may
#: have are looked up first: one pattern of them all can take seconds for a text, in Chinese above all.
_FEW, _MANY = 20, 200
#: Words in one of the patterns that are made of those, and characters by which they are looked up.
_AT_ONCE, _BEGINNING = 100, 4

_REGEX = re.compile(r"/(.+)/([a-zA-Z]*)", re.DOTALL)
_FLAGS, _MISTAKEN_FLAGS = "ims", "gxuyUAa"
#: Scripts whose words are not parted by spaces; Korean ones carry endings.
_UNSPACED = "".join(
    rf"\p{{{name}}}" for name in "Han Hiragana Katakana Bopomofo Yi Thai Lao Khmer Myanmar Tibetan Hangul".split()
)
_OF_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3100-\u31ff\u3400-\u9fff\ua000-\ua4cf\uac00-\ud7af"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
_EDGE = rf"[^\p{{L}}\p{{N}}\p{{M}}_]|[{_UNSPACED}]"
"""What may stand beside a whole word."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words and regular expressions, of which one has to be found."""

    #: As written, those of files among them.
    given: tuple[str, ...]
    #: The words, folded; and they as well where they are few: one of them is in each text in which one is found.
    _folded: frozenset[str] = field(repr=False, compare=False)
    _few: tuple[str, ...] = field(repr=False, compare=False)
    #: Returns which of the words is found in a folded text; None: there are none. The patterns, over texts as they are.
    _words: Callable[[str], str | None] | None = field(repr=False, compare=False)
    _patterns: tuple[Any, ...] = field(repr=False, compare=False)

    @property
    def has_plain(self) -> bool:
        """Whether there are words, which are looked for in folded texts."""
        return self._words is not None

    @property
    def has_patterns(self) -> bool:
        """Whether there are regular expressions, which are looked for in texts as they are."""
        return bool(self._patterns)

    def find(self, texts: Iterable[str], folded: Iterable[str]) -> str | None:
        """Return what was found first in any of the texts, or None."""
        if self._words is not None:
            few = self._few
            for text in folded:
                # The usual answer is that none is there, and this finds it faster than the pattern.
                if few:
                    for one in few:
                        if one in text:
                            break
                    else:
                        continue
                if (word := self._words(text)) is not None:
                    return word
        for pattern in self._patterns:
            for text in texts:
                if (match := pattern.search(text)) is not None:
                    return str(match[0])
        return None

    def equals(self, text: str) -> bool:
        """Whether a text as a whole is one of the words, or a regular expression is found in it."""
        return fold(text) in self._folded or any(pattern.search(text) is not None for pattern in self._patterns)


def is_regex(text: str) -> bool:
    """Whether a text is written as a regular expression: ``/pattern/flags``."""
    match = _REGEX.fullmatch(text)
    return match is not None and set(match[2]) <= {*_FLAGS, *_MISTAKEN_FLAGS}


def make_words(given: Sequence[str]) -> Words:
    """Compile words and regular expressions.

    Raises:
        ValueError: one of them is not usable.
    """
    plain = dict.fromkeys([" ".join(fold(text).split()) for text in given if not is_regex(text)])
    patterns = tuple([compile_regex(text) for text in given if is_regex(text)])
    words: Callable[[str], str | None] | None = None
    if plain:
        words = partial(_search, _alternatives(plain)) if len(plain) <= _MANY else _Lookup(plain).search
    return Words(tuple(given), frozenset(plain), tuple(plain) if len(plain) <= _FEW else (), words, patterns)


def compile_regex(text: str) -> Any:
    """Compile ``/pattern/flags``; raises ValueError with the reason why it is not usable."""
    pattern, _, flags = text[1:].rpartition("/")
    if wrong := sorted(set(flags) - set(_FLAGS)):
        raise ValueError(f"{show(text)} has the flag `{wrong[0]}`; there are `i`, `m` and `s`")
    try:
        return compile_pattern(pattern, flags=flags)
    except ValueError as error:
        raise ValueError(f"{show(text)} is not a regular expression: {error}") from None


class _Lookup:
    """Many folded words, by how they begin."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words: dict[str, list[str]] = {}
        for word in words:
            self._words.setdefault(word[:_BEGINNING], []).append(word)
        self._beginnings = frozenset(self._words)
        self._lengths = sorted({len(beginning) for beginning in self._words})

    def search(self, text: str) -> str | None:
        """Return one of the words that is found in a text."""
        there = [word for beginning in self._in(text) for word in self._words[beginning] if word in text]
        for start in range(0, len(there), _AT_ONCE):
            if (word := _search(_alternatives(there[start : start + _AT_ONCE]), text)) is not None:
                return word
        return None

    def _in(self, text: str) -> list[str]:
        """Return the beginnings of words that a text has, in an order that is always the same."""
        found: list[str] = []
        for length in self._lengths:
            pieces = {text[at : at + length] for at in range(len(text) - length + 1)}
            found += sorted(self._beginnings & pieces)
        return found


def _search(pattern: Any, text: str) -> str | None:
    """Return the word that a pattern of `_alternatives` finds in a text."""
    match = pattern.search(text)
    return None if match is None else next(str(word) for word in match.groups() if word is not None)


def _alternatives(words: Iterable[str]) -> Any:
    """Return one pattern for folded words; those with the same edges share them."""
    import re2

    groups: dict[tuple[str, str], list[str]] = {}
    for word in words:
        edges = (f"(?:^|{_EDGE})" if _needs_edge(word[0]) else "", f"(?:$|{_EDGE})" if _needs_edge(word[-1]) else "")
        groups.setdefault(edges, []).append(re2.escape(word))
    alternatives = "|".join(f"{before}({'|'.join(words)}){after}" for (before, after), words in groups.items())
    return compile_pattern(alternatives)


def _needs_edge(character: str) -> bool:
    return (character.isalnum() or character == "_") and not _OF_UNSPACED.match(character)


def make_each(words: Words) -> tuple[Words, ...]:
    """Return each word of a list alone, to look for all of them."""
    return tuple([make_words([word]) for word in words.given])


def word_list(value: object, info: ValidationInfo) -> Words:
    """Check one word, a list of words, or ``file:`` with the path of a list; a list may have them mixed.

    The file is read by `read_list` of the validation's context: it gets a path as written, and returns the lines.
    """
    members = value if isinstance(value, list) else [value]
    found: list[str] = []
    for member in members:
        if isinstance(member, dict):
            found += _of_file(member, info)
        else:
            found.append(_word(member))
    if not found:
        raise ValueError("is empty; write at least one word")
    if len(found) > MAX_WORDS:
        raise ValueError(f"has more than {MAX_WORDS:,} words")
    return make_words(found)


def _of_file(member: dict[Any, Any], info: ValidationInfo) -> list[str]:
    path = member.get("file")
    if set(member) != {"file"} or not isinstance(path, str) or not path.strip():
        raise ValueError("must be words, or `file:` with the path of a list of words")
    read = (info.context or {}).get("read_list")
    if read is None:
        raise ValueError(f"{show(path)} cannot be read here")
    words = []
    for number, line in enumerate(read(path), 1):
        word = line.strip()
        if word and not word.startswith("#"):
            try:
                words.append(_word(word))
            except ValueError as error:
                raise ValueError(f"{show(path)}, line {number}: {error}") from None
    if not words:
        raise ValueError(f"{show(path)} has no words")
    return words


def _word(value: object) -> str:
    if isinstance(value, bool | int | float) or value is None:
        raise ValueError(f"{show(value)} must be text; put it in quotes")
    if not isinstance(value, str):
        raise ValueError(f"{show(value)} must be a word, a phrase, or a regular expression such as `/rust|go/i`")
    word = value.strip()
    if not word or not fold(word).strip():
        raise ValueError("is empty; write a word")
    if len(word) > MAX_WORD:
        raise ValueError(f"{show(word)} is longer than {MAX_WORD} characters")
    if is_regex(word):
        compile_regex(word)
    return word


_FILE = {
    "type": "object",
    "properties": {"file": {"type": "string", "description": "Path of a file with one word on each line."}},
    "required": ["file"],
    "additionalProperties": False,
}
_ONE = {"anyOf": [{"type": "string", "pattern": r"\S", "maxLength": MAX_WORD}, _FILE]}
WORDS_SCHEMA: dict[str, Any] = {"anyOf": [*_ONE["anyOf"], {"type": "array", "items": _ONE, "minItems": 1}]}
"""The JSON Schema of a list of words."""

WordList = Annotated[Words, PlainValidator(word_list), WithJsonSchema(WORDS_SCHEMA)]
"""Words and regular expressions, of which one has to be found."""
