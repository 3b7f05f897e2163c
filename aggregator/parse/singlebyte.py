"""Which single-byte encoding a text is in, by the letters that it would have.

In: bytes, the language that the document names. Out: the name of an encoding, or None where windows-1252 is as good as
any. In the right encoding, nearly all that is beyond ASCII are letters of one language's alphabet; a language with a
script of its own has whole words of them, most of them its common letters, and no capitals inside of words. Looks at
the beginning of a text only, in linear time.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from functools import cache
from typing import NamedTuple

#: Words with a byte beyond ASCII that are looked at.
_WORDS = 2000
#: Letters that a guess needs, in the words of a language with a script of its own; in others, those beyond ASCII.
_FEWEST = 8
_FEWEST_SPECIAL = 4
#: Share of the letters that must belong to the alphabet, and by how much it must be larger than with windows-1252.
_BELIEVED = 0.95
_LEAST_AHEAD = 0.02
#: The same where the letters are fewer than many.
_FEW_AHEAD = 0.05
_MANY = 60
#: What the language that the document names is worth, as a share of its letters.
_NAMED = 0.1
_NAMED_SCRIPT = 0.3

_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_ASCII_LETTER = re.compile(rb"[A-Za-z]")
#: What words in a script of their own are made of; Latin ones have hardly three letters beyond ASCII in a row, but many
#: a language has a word of a single one.
_RUN = re.compile(rb"[\x80-\xff]{3,}")
_PLAIN = re.compile("[\x00-\x7f]+")
#: Quotation marks, dashes and the like: they say nothing of the language.
_MARKS = frozenset("\u00a0«»„“”‚‘’‹›–—…•·©®™°§№¡¿€\u00ad\u200e\u200f")


class _Script(NamedTuple):
    """A language, or several, with a script of its own."""

    languages: str
    #: In the order of preference where two give the same.
    encodings: tuple[str, ...]
    letters: str
    #: The commonest of them.
    common: str
    #: Share of the common ones among the letters of a usual text.
    usual: float


_SCRIPTS = (
    _Script(
        "ru uk be bg sr mk kk",
        ("cp1251", "koi8-r", "koi8-u", "iso8859-5"),
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўђћјљњџѓќѕ",
        "оеаинтсрвл",
        0.62,
    ),
    _Script("el", ("cp1253", "iso8859-7"), "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ", "αοιετσνηυρπκ", 0.74),
    _Script("he iw yi", ("cp1255",), "אבגדהוזחטיךכלםמןנסעףפץצקרשתְֱֲֳִֵֶַָֹֻּֿׁׂ׀־", "יוהלאתרמבש", 0.7),
    _Script("ar fa ur", ("cp1256",), "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگکیًٌٍَُِّْ،؛؟ـ", "الينمتورهب", 0.66),
    _Script(
        "th",
        ("cp874",),
        "".join(map(chr, (*range(0x0E01, 0x0E3B), *range(0x0E3F, 0x0E5C)))),
        "านรกอเงมยลวดท่ีั้สต",
        0.74,
    ),
)
#: The letters beyond ASCII of languages in Latin letters, by the encodings that are tried for them.
_ALPHABETS = {
    ("windows-1252",): {
        "fr": "éèêàâçùûîïôëüœæÿ",
        "es": "áéíóúñü",
        "pt gl": "áàâãéêíóôõúüç",
        "de": "äöüß",
        "sv fi": "åäöé",
        "da no nb nn": "æøåéóè",
        "is fo": "áéíóúýþæðö",
        "it": "àèéìíòóùú",
        "ca": "àéèíïóòúüç",
        "nl af": "éëïöüèáóíê",
        "ga": "áéíóú",
        "sq": "ëç",
    },
    ("cp1250", "iso8859-2"): {
        "pl": "ąćęłńóśźż",
        "cs": "áčďéěíňóřšťúůýž",
        "sk": "áäčďéíĺľňóôŕšťúýž",
        "hu": "áéíóöőúüű",
        "hr sl bs sr": "čćđšž",
        "ro": "ăâîşţ",
    },
    ("cp1254",): {"tr az": "çğıöşüâîû"},
    ("cp1257",): {"lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž", "et": "äöõüšž"},
}


def guess(body: bytes, western: bool, language: str | None) -> str | None:
    """The encoding of a text that is neither UTF-8 nor East Asian.

    Args:
        body: the document as it came.
        western: whether it says that it is windows-1252 or Latin-1; then only whole words in a script of their own
            say otherwise.
        language: tag of the language that it names, or None.

    Returns:
        A name for `bytes.decode`, or None: windows-1252, or too little to tell.
    """
    words = [match.group() for _, match in zip(range(_WORDS), _WORD.finditer(body), strict=False)]
    named = "" if language is None else language.lower().partition("-")[0]
    text = b" ".join(words)
    latin = len(_ASCII_LETTER.findall(text))
    high = len(text) - latin - text.count(b" ")
    in_runs = sum(map(len, _RUN.findall(text)))
    # Words in a script of their own have hardly a letter of ASCII.
    if high > 4 * latin and in_runs > high / 2:
        return _of_script(text, named)
    return None if western else _of_latin(text, named)


def _of_script(text: bytes, named: str) -> str | None:
    best, best_score = None, 0.75
    for script in _SCRIPTS:
        for encoding in script.encodings:
            decoded = text.decode(encoding, "replace")
            counts = Counter(_PLAIN.sub("", decoded).lower())
            counts -= Counter({mark: counts[mark] for mark in _MARKS})
            total = counts.total()
            share = sum(counts[one] for one in script.letters) / max(1, total)
            if total < _FEWEST or share < _BELIEVED:
                continue
            score = sum(counts[one] for one in script.common) / total / script.usual - _shouting(decoded)
            score += share - 1 + (_NAMED_SCRIPT if named in script.languages.split() else 0.0)
            if score > best_score + 0.001:
                best, best_score = encoding, score
    return best


def _shouting(text: str) -> float:
    """Share of letters in the case that does not belong there: a small one before a capital."""
    letters = sum(one.isalpha() for one in text)
    inside = sum(1 for one, after in itertools.pairwise(text) if one.islower() and after.isupper())
    return 4 * inside / max(1, letters)


def _of_latin(text: bytes, named: str) -> str | None:
    scores: dict[str, float] = {}
    for encodings, alphabets in _ALPHABETS.items():
        for encoding in encodings:
            counts = Counter(_PLAIN.sub("", _read(text, encoding)).lower())
            counts -= Counter({mark: counts[mark] for mark in _MARKS})
            total = counts.total()
            if total < _FEWEST_SPECIAL:
                return None
            shares = [
                sum(counts[one] for one in letters) / total + (_NAMED if named in languages.split() else 0.0)
                for languages, letters in alphabets.items()
            ]
            scores[encoding] = max(shares)
    best = max(scores, key=lambda encoding: scores[encoding])
    ahead = scores[best] - scores["windows-1252"]
    least = _LEAST_AHEAD if total >= _MANY else _FEW_AHEAD
    return best if scores[best] >= _BELIEVED and ahead > least else None


@cache
def _codec(encoding: str) -> str:
    return "cp1252" if encoding == "windows-1252" else encoding


def _read(text: bytes, encoding: str) -> str:
    return text.decode(_codec(encoding), "replace")
