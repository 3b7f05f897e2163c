"""Bytes in, clean text out: find the encoding of a document, decode it, and remove what XML cannot hold.

What a document says of its encoding is often wrong, so the bytes decide. In this order: a byte order mark; the zero
bytes of UTF-16 and UTF-32 (XML 1.0, appendix F); valid UTF-8; a declared encoding (XML declaration, HTTP charset, HTML)
that decodes without error, multi-byte ones first, unless that gives rare characters and another encoding usual ones;
UTF-8 with a few bad bytes; what the characters look like in the usual East Asian encodings, then in single-byte ones;
windows-1252. UTF-7 is never used: it hides markup. UTF-8 that was taken for windows-1252 and encoded again is decoded
twice.

A single-byte encoding is found by its letters. In the right one, nearly all characters beyond ASCII are letters of the
alphabet of one language; a language with its own script has whole words of them, mostly its common letters, and no
capitals inside words. Only the beginning of a text is examined.

Names mean what they mean to browsers (WHATWG Encoding Standard): gb2312 and gbk are read as gb18030, iso-8859-1 as
windows-1252, euc-kr as cp949, shift_jis as cp932, big5 as Big5-HKSCS. Pure; everything runs in linear time.
"""

from __future__ import annotations

import codecs
import itertools
import re
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from aggregator.values.markup import FORBIDDEN

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = (
    (re.compile(rb"\0\0\0[<{\[\s]"), "utf-32-be"),
    (re.compile(rb"[<{\[\s]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0[<{\[\s]"), "utf-16-be"),
    (re.compile(rb"[<{\[\s]\0"), "utf-16-le"),
)
_XML_ENCODING = re.compile(rb"""<\?xml[^>]{0,200}?\sencoding\s*=\s*["']\s*([\w.:-]{1,40})\s*["']""")
_HTTP_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)

_LANGUAGE = re.compile(
    rb"""(?:<(?:dc:)?language>\s*|\b(?:xml:)?lang\s*=\s*["']\s*|"language"\s*:\s*")([A-Za-z]{2,3})\b""", re.IGNORECASE
)
#: Names that people write for code pages of Windows: ``cp-1251``, ``win1251``, ``windows_1251``.
_CODE_PAGE = re.compile(r"(?:cp|win|windows|ansi)[-_ ]?(\d{3,4})")

_BROWSER_NAMES = {
    "ascii": "windows-1252",
    "big5": "big5hkscs",
    "cp936": "gb18030",
    "cp950": "big5hkscs",
    "cp1252": "windows-1252",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "windows-1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "shift_jis": "cp932",
    "shift_jisx0213": "cp932",
    "tis-620": "cp874",
}
_MULTI_BYTE = frozenset({"gb18030", "big5hkscs", "cp932", "cp949", "euc_jp", "iso2022_jp"})
#: Python has codecs that are not character encodings, and some that expand or hide text; only these are used.
_ALLOWED = re.compile(r"utf-8|windows-1252|iso8859-\d+|cp\d+|koi8-[rut]|mac-\w+|" + "|".join(sorted(_MULTI_BYTE)))

#: windows-1252 as browsers read it: the five bytes without a character stay C1 controls.
_CP1252 = {
    byte: decoded for byte in range(0x80, 0xA0) if (decoded := bytes([byte]).decode("cp1252", "replace")) != "\ufffd"
}

#: The commonest characters of the East Asian languages, to distinguish their encodings. In the right encoding they make
#: up a third or more of what is not ASCII, in a wrong one a few in a hundred.
_SIMPLIFIED_CHINESE = frozenset(
    "，。、：；！？“”《》的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下"
    "而过天去能对小多然于心学么之都好看起发当没成只如事把还用第样道想作种开美总从无情面最女但现前些所同日手又行意动"
    "方期它头经长儿回位分爱老因很给名法间知世什两次使身者被高已亲其进此话常与活正感见明问力理尔点文几定本公特做外孩"
    "相西果走将月十实向声车全信重三机工物气每并别真打太新比才便夫再书部水像眼等体却加电主界门利海受听表德少克代员许"
    "先口由死安写性马光白或住难望教命花结乐色智科技网频闻条目"
)
_TRADITIONAL_CHINESE = frozenset(
    "，。、：；！？「」《》的一是了我不人在他有這個上們來到時大地為子中你說生國年著就那和要她出也得裡後自以會家可下"
    "而過天去能對小多然於心學麼之都好看起發當沒成只如事把還用第樣道想作種開美總從無情面最女但現前些所同日手又行意動"
    "方期它頭經長兒回位分愛老因很給名法間知世什兩次使身者被高已親其進此話常與活正感見明問力理點文幾定本公特做外孩相"
    "西果走將月十實向聲車全信重三機工物氣每並別真打太新比才便再書部水像眼等體卻加電主界門利海受聽表德少克代員許先口"
    "由死安寫性馬光白或住難望教命花結樂色智慧科技網頻聞條目"
)
_JAPANESE = frozenset(
    "、。「」ーぁあいうえおかがきぎくぐけげこごさざしじすずせぜそぞただちっつてでとどなにぬねのはばひびふぶへべほま"
    "みむめもやゆよらりるれろわをんアイウエオカキクコサシスセタチツテトナニネノハフマミムメモヤュョラリルレロワンッ"
    "ャドジズグプバブボパ日本人年大一国中出上生会時事月分間行見前東自同後合新者的理学場社"
)
_KOREAN = frozenset(
    "이다는에의을를가고하지로한은도서기사시자리어대아해정나인스그부수일전보라제있장과만원조유했들으여공관경상우주안"
    "위연구세미국신성동소문오생비방간당개계학업화무결내면치적년등것진게때모선회번호용말민트중재력산러금입식능뉴"
)
_COMMON = {
    "gb18030": _SIMPLIFIED_CHINESE,
    "big5hkscs": _TRADITIONAL_CHINESE,
    "cp932": _JAPANESE,
    "euc_jp": _JAPANESE,
    "cp949": _KOREAN,
}
_SAMPLE = 200_000
#: Least share of common characters in the right encoding; in wrong ones it is below 5 %.
_BELIEVED = 0.12

#: A text is odd in its declared encoding if less of its first characters are common ones; and how many there must be.
_ODD = 0.15
_ODD_SAMPLE = 20_000
_ODD_FEWEST = 30

#: Share of the bytes beyond ASCII that may stand alone in an East Asian text, which has them in pairs.
_ALONE = 1 / 3
_RUN = re.compile(rb"[\x80-\xff]+")

_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")
#: UTF-8 taken for windows-1252: the letter of a first byte of a character, before that of a further byte.
_TWICE = re.compile(rb"\xc3[\x80-\xb4](?:\xc2|\xe2\x82\xac)")
#: Different characters that a text encoded twice must have: a text may quote one.
_FEWEST_TWICE = 3
_TO_CP1252 = codecs.charmap_build("".join(_CP1252.get(byte, chr(byte)) for byte in range(256)))

_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?")
_ASCII = re.compile("[\x00-\x7f]+")
_UNFINISHED = re.compile(r"&#?[xX]?[0-9a-fA-F]*\Z")

#: Words with a byte beyond ASCII that are examined.
_SAMPLE_WORDS = 2000
#: Letters that a guess needs: all those of a language with its own script, those beyond ASCII of others.
_FEWEST = 8
_FEWEST_SPECIAL = 4
#: Least share of the letters that belong to the alphabet, and how much larger than with windows-1252 it must be.
_BELIEVED_LETTERS = 0.95
_LEAST_AHEAD = 0.02
#: The latter where there are fewer letters than `_MANY`.
_FEW_AHEAD = 0.05
_MANY = 60
#: What is added to the share for the language that the document names.
_NAMED = 0.1
_NAMED_SCRIPT = 0.3

_HIGH_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_ASCII_LETTER = re.compile(rb"[A-Za-z]")
#: Words in a script of their own; Latin words hardly have three letters beyond ASCII in a row.
_SCRIPT_RUN = re.compile(rb"[\x80-\xff]{3,}")
#: Quotation marks, dashes and the like: they do not tell the language.
_MARKS = frozenset("\u00a0«»„“”‚‘’‹›–—…•·©®™°§№¡¿€\u00ad\u200e\u200f")


class _Script(NamedTuple):
    """One or more languages with a script of their own."""

    languages: str
    #: In order of preference where two decode alike.
    encodings: tuple[str, ...]
    letters: str
    #: The most frequent letters.
    common: str
    #: Share of the most frequent letters in a usual text.
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


#: How many characters that cannot be read are worth a note, and of how many beyond ASCII one may be such.
_FEWEST_BAD = 5
_FEW_BAD = 50


@dataclass(frozen=True, slots=True)
class Decoded:
    """A document as text, with short messages about what was repaired."""

    text: str
    #: The encoding that it was decoded from.
    encoding: str
    repairs: tuple[str, ...] = ()


def decode(body: bytes, content_type: str = "", also: str | None = None) -> Decoded:
    """Decode a document; bytes that are no characters become U+FFFD.

    Args:
        body: the document as it came.
        content_type: the Content-Type header; its charset counts.
        also: a further encoding that the document names in its own way, as HTML does.
    """
    declared = _declared(body, content_type, also)
    encoding, text = _decode_marked(body) or _decode_bytes(body, declared)
    repairs = []
    if encoding == "utf-8" and (once := _encoded_once(text)) is not None:
        text = once
        repairs.append("encoded as UTF-8 twice, read once more")
    if declared and encoding not in declared and not body.isascii():
        repairs.append(f"declared as {declared[0]}, read as {encoding}")
    if (bad := text.count("\ufffd")) and bad > body.count(b"\xef\xbf\xbd"):
        repairs.append(f"bytes that are no {encoding} were replaced: {bad}")
    text = text.lstrip("\ufeff")
    text, removed = FORBIDDEN.subn("", text)
    if removed:
        repairs.append(f"control characters were removed: {removed}")
    return Decoded(text, encoding, tuple(repairs))


def decode_as(body: bytes, name: str) -> Decoded:
    """Decode a document in an encoding that is known; bytes that are no characters become U+FFFD.

    Names mean what they mean to browsers: what is labelled as GB 2312 uses characters of GB 18030.
    """
    encoding = browser_name(name) or name
    return Decoded(body.decode(encoding, "replace"), encoding)


def misread(text: str, encoding: str) -> str | None:
    """Return a note on an encoding in which much of a text could not be read, or None."""
    bad = text.count("\ufffd")
    if bad < _FEWEST_BAD or bad * _FEW_BAD < len(text) - len(text.encode("ascii", "ignore")):
        return None
    return f"{bad} characters of the page cannot be read as {encoding}; set `encoding`"


def may_be_encoded_twice(body: bytes) -> bool:
    """Whether a document may be UTF-8 that was encoded again, so that `decode` has to read it."""
    # Bytes are found faster than a pattern, and most documents lack them.
    return b"\xc3" in body and (b"\xc2" in body or b"\xe2" in body) and _TWICE.search(body) is not None


def drop_forbidden_references(text: str) -> tuple[str, int]:
    """Remove the references to what is not a character in XML (1.0, section 2.2); return the text and their number."""
    if "&#" not in text:
        return text, 0
    dropped = 0

    def check(match: re.Match[str]) -> str:
        nonlocal dropped
        hexadecimal, decimal = match.groups()
        digits = (hexadecimal or decimal).lstrip("0")
        code = int(digits or "0", 16 if hexadecimal else 10) if len(digits) <= 8 else 0x110000
        if code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000:
            return match.group()
        dropped += 1
        # A blank, where the removal would join its surroundings to another reference, as in "&#&#0;8;".
        return " " if _UNFINISHED.search(text[max(0, match.start() - 40) : match.start()]) else ""

    return _REFERENCE.sub(check, text), dropped


def _declared(body: bytes, content_type: str, also: str | None) -> tuple[str, ...]:
    """Return the encodings that the document and the server name, if they are known and allowed."""
    found = []
    if match := _XML_ENCODING.search(body, 0, 1000):
        found.append(match.group(1).decode("ascii", "replace"))
    if http := _HTTP_CHARSET.search(content_type[:500]):
        found.append(http.group(1))
    if also:
        found.append(also)
    names = (browser_name(name) for name in found)
    return tuple(dict.fromkeys(name for name in names if name))


def browser_name(name: str) -> str | None:
    """Return the encoding that browsers read for a name, for `bytes.decode`; None where it is none, or not used."""
    try:
        known = codecs.lookup(_CODE_PAGE.sub(r"cp\1", name.lower().removeprefix("x-"))).name
    except (LookupError, UnicodeError):
        return None
    known = _BROWSER_NAMES.get(known, known)
    return known if _ALLOWED.fullmatch(known) else None


def _decode_marked(body: bytes) -> tuple[str, str] | None:
    """Decode by byte order mark or by zero bytes; None where there are none, or the mark is that of UTF-8."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            if name != "utf-8":
                return name, body[len(mark) :].decode(name, "replace")
            return None
    for pattern, name in _WIDE:
        if pattern.match(body):
            return name, body.decode(name, "replace")
    return None


def _decode_bytes(body: bytes, declared: tuple[str, ...]) -> tuple[str, str]:
    if b"\x1b" in body and "iso2022_jp" in declared:
        return "iso2022_jp", body.decode("iso2022_jp", "replace")
    try:
        return "utf-8", body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    for name in declared:
        if name in _MULTI_BYTE and (text := _strict(body, name)) is not None:
            meant = _east_asian(body, (name,)) if _is_odd(text, name) else None
            return (name, text) if meant in (None, name) else (meant, body.decode(meant, "replace"))
    text = body.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    if _beyond_ascii(text) - bad >= bad:
        return "utf-8", text
    guess = _east_asian(body, declared)
    if guess is not None:
        return guess, body.decode(guess, "replace")
    for name in declared:
        if name not in _MULTI_BYTE and name not in ("windows-1252", "utf-8"):
            return name, body.decode(name, "replace")
    language = _LANGUAGE.search(body, 0, 10_000)
    single = _single_byte(body, "windows-1252" in declared, language[1].decode() if language else None)
    if single is not None:
        return single, body.decode(single, "replace")
    return "windows-1252", body.decode("latin-1").translate(_CP1252)


def _is_odd(text: str, name: str) -> bool:
    """Whether a text in an East Asian encoding has hardly any usual character: those of another one can be read so."""
    common = _COMMON.get(name)
    found = _ASCII.sub("", text[:_ODD_SAMPLE])
    return common is not None and len(found) >= _ODD_FEWEST and sum(map(common.__contains__, found)) < _ODD * len(found)


def _strict(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except UnicodeDecodeError:
        return None


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _east_asian(body: bytes, declared: tuple[str, ...]) -> str | None:
    """Return the East Asian encoding in which most characters are common ones; None if there is none."""
    runs = [len(match.group()) for _, match in zip(range(_SAMPLE), _RUN.finditer(body), strict=False)]
    if runs.count(1) > _ALONE * sum(runs):
        return None
    best, best_score = None, _BELIEVED
    for name, common in _COMMON.items():
        text = body[:_SAMPLE].decode(name, "replace")
        counts = Counter(_ASCII.sub("", text))
        errors = counts["\ufffd"]
        usual = sum(count for character, count in counts.items() if character in common)
        score = (usual - 3 * errors) / max(1, counts.total())
        if name in declared:
            score += _BELIEVED
        if score > best_score:
            best, best_score = name, score
    return best


def _encoded_once(text: str) -> str | None:
    """Decode a text that was encoded as UTF-8 twice; None where not everything beyond ASCII looks like it."""
    first = _BEYOND_ASCII.search(text)
    if first is None or _undone(first.group()) is None:
        return None
    once = _undone(text)
    found = "" if once is None else "".join(_BEYOND_ASCII.findall(once[:_SAMPLE]))
    return once if len(found) >= _FEWEST_TWICE and len(set(found)) > 1 else None


def _undone(text: str) -> str | None:
    try:
        return codecs.charmap_encode(text, "strict", _TO_CP1252)[0].decode("utf-8")
    except UnicodeError:
        return None


def _single_byte(body: bytes, western: bool, language: str | None) -> str | None:
    """Guess the encoding of a text that is neither UTF-8 nor East Asian.

    Args:
        body: the document as it came.
        western: whether it is declared as windows-1252 or Latin-1; then only whole words in another script count.
        language: tag of the language that it names, or None.

    Returns:
        A name for `bytes.decode`; None: windows-1252, or there are too few letters.
    """
    words = [match.group() for _, match in zip(range(_SAMPLE_WORDS), _HIGH_WORD.finditer(body), strict=False)]
    named = "" if language is None else language.lower().partition("-")[0]
    text = b" ".join(words)
    latin = len(_ASCII_LETTER.findall(text))
    high = len(text) - latin - text.count(b" ")
    in_runs = sum(map(len, _SCRIPT_RUN.findall(text)))
    # Words in another script hardly have letters of ASCII.
    if high > 4 * latin and in_runs > high / 2:
        return _of_script(text, named)
    return None if western else _of_latin(text, named)


def _of_script(text: bytes, named: str) -> str | None:
    best, best_score = None, 0.75
    for script in _SCRIPTS:
        for encoding in script.encodings:
            decoded = text.decode(encoding, "replace")
            counts = Counter(_ASCII.sub("", decoded).lower())
            counts -= Counter({mark: counts[mark] for mark in _MARKS})
            total = counts.total()
            share = sum(counts[one] for one in script.letters) / max(1, total)
            if total < _FEWEST or share < _BELIEVED_LETTERS:
                continue
            score = sum(counts[one] for one in script.common) / total / script.usual - _shouting(decoded)
            score += share - 1 + (_NAMED_SCRIPT if named in script.languages.split() else 0.0)
            if score > best_score + 0.001:
                best, best_score = encoding, score
    return best


def _shouting(text: str) -> float:
    """Return the weighted share of letters in the wrong case: a small letter before a capital."""
    letters = sum(one.isalpha() for one in text)
    inside = sum(1 for one, after in itertools.pairwise(text) if one.islower() and after.isupper())
    return 4 * inside / max(1, letters)


def _of_latin(text: bytes, named: str) -> str | None:
    scores: dict[str, float] = {}
    for encodings, alphabets in _ALPHABETS.items():
        for encoding in encodings:
            counts = Counter(_ASCII.sub("", _decoded_letters(text, encoding)).lower())
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
    return best if scores[best] >= _BELIEVED_LETTERS and ahead > least else None


def _decoded_letters(text: bytes, encoding: str) -> str:
    return text.decode("cp1252" if encoding == "windows-1252" else encoding, "replace")
