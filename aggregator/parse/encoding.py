"""Bytes in, clean text out: decides the encoding of a document and takes out what XML cannot carry.

What a document says of its encoding is often wrong, so that the bytes have the last word. In this order: a byte
order mark; the zero bytes of UTF-16 and UTF-32 (XML 1.0, appendix F); valid UTF-8; a declared encoding (XML
declaration, HTTP charset) that decodes without error, multi-byte ones first; UTF-8 with a few bad bytes; what the
characters look like in one of the usual East Asian encodings, then in a single-byte one (`singlebyte`); windows-1252.
UTF-7 is never used: it hides markup. UTF-8 that was taken for windows-1252 and encoded again is undone.

Names mean what browsers take them for (WHATWG Encoding Standard): gb2312 and gbk are read as gb18030, iso-8859-1
as windows-1252, euc-kr as cp949, shift_jis as cp932, big5 as Big5-HKSCS. Pure; everything runs in linear time.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass

from aggregator.parse import singlebyte
from aggregator.parse.characters import JAPANESE, KOREAN, SIMPLIFIED_CHINESE, TRADITIONAL_CHINESE

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
#: Python knows codecs that are no character encodings, and some that expand or hide; only these are used.
_ALLOWED = re.compile(r"utf-8|windows-1252|iso8859-\d+|cp\d+|koi8-[rut]|mac-\w+|" + "|".join(sorted(_MULTI_BYTE)))

#: windows-1252 as browsers read it: the five bytes without a character stay C1 controls.
_CP1252 = {
    byte: decoded for byte in range(0x80, 0xA0) if (decoded := bytes([byte]).decode("cp1252", "replace")) != "\ufffd"
}

_COMMON = {
    "gb18030": SIMPLIFIED_CHINESE,
    "big5hkscs": TRADITIONAL_CHINESE,
    "cp932": JAPANESE,
    "euc_jp": JAPANESE,
    "cp949": KOREAN,
}
_SAMPLE = 200_000
#: Share of common characters from which on an encoding is believed; wrong ones stay below 5 %.
_BELIEVED = 0.12

#: Share of the bytes beyond ASCII that may stand alone in an East Asian text, where they come in pairs.
_ALONE = 1 / 3
_RUN = re.compile(rb"[\x80-\xff]+")

#: What UTF-8 looks like where it was taken for windows-1252.
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")
#: A letter that stands for the first byte of a character, before one that stands for a further byte.
_TWICE = re.compile(rb"\xc3[\x80-\xb4](?:\xc2|\xe2\x82\xac)")
#: Characters that a text must have to be taken for encoded twice, not all the same: one may quote such a text.
_FEWEST_TWICE = 3
_TO_CP1252 = codecs.charmap_build("".join(_CP1252.get(byte, chr(byte)) for byte in range(256)))

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?")
_ASCII = re.compile("[\x00-\x7f]+")
_UNFINISHED = re.compile(r"&#?[xX]?[0-9a-fA-F]*\Z")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A document as text, with what had to be repaired, as short messages."""

    text: str
    #: Name of the encoding it was read in.
    encoding: str
    repairs: tuple[str, ...] = ()


def decode(body: bytes, content_type: str = "") -> Decoded:
    """Decode a document; never fails, bytes without a meaning become U+FFFD.

    Args:
        body: the document as it came.
        content_type: the Content-Type header, for its charset.
    """
    declared = _declared(body, content_type)
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
    text, removed = _FORBIDDEN.subn("", text)
    if removed:
        repairs.append(f"control characters were removed: {removed}")
    return Decoded(text, encoding, tuple(repairs))


def may_be_encoded_twice(body: bytes) -> bool:
    """Whether something in a document looks like UTF-8 that was encoded once more, so that `decode` has to see it."""
    # A byte is found many times as fast as a pattern; most documents have not even these.
    return b"\xc3" in body and (b"\xc2" in body or b"\xe2" in body) and _TWICE.search(body) is not None


def drop_forbidden_references(text: str) -> tuple[str, int]:
    """Take out references to what is no character in XML (XML 1.0, section 2.2); the text and how many they were."""
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
        # A blank where the removal would join its surroundings to a reference anew, as in "&#&#0;8;".
        return " " if _UNFINISHED.search(text[max(0, match.start() - 40) : match.start()]) else ""

    return _REFERENCE.sub(check, text), dropped


def _declared(body: bytes, content_type: str) -> tuple[str, ...]:
    """The encodings that the document and the server name, as far as they are known and allowed."""
    found = []
    if match := _XML_ENCODING.search(body, 0, 1000):
        found.append(match.group(1).decode("ascii", "replace"))
    if http := _HTTP_CHARSET.search(content_type[:500]):
        found.append(http.group(1))
    names = (_browser_name(name) for name in found)
    return tuple(dict.fromkeys(name for name in names if name))


def _browser_name(name: str) -> str | None:
    try:
        known = codecs.lookup(_CODE_PAGE.sub(r"cp\1", name.lower().removeprefix("x-"))).name
    except (LookupError, UnicodeError):
        return None
    known = _BROWSER_NAMES.get(known, known)
    return known if _ALLOWED.fullmatch(known) else None


def _decode_marked(body: bytes) -> tuple[str, str] | None:
    """Decode by byte order mark or by zero bytes; None where there are none, or where the mark lies."""
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
            return name, text
    text = body.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    if _beyond_ascii(text) - bad >= bad:
        return "utf-8", text
    guess = _guess(body, declared)
    if guess is not None:
        return guess, body.decode(guess, "replace")
    for name in declared:
        if name not in _MULTI_BYTE and name not in ("windows-1252", "utf-8"):
            return name, body.decode(name, "replace")
    language = _LANGUAGE.search(body, 0, 10_000)
    single = singlebyte.guess(body, "windows-1252" in declared, language[1].decode() if language else None)
    if single is not None:
        return single, body.decode(single, "replace")
    return "windows-1252", body.decode("latin-1").translate(_CP1252)


def _strict(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except UnicodeDecodeError:
        return None


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _guess(body: bytes, declared: tuple[str, ...]) -> str | None:
    """The East Asian encoding in which most characters are common ones; None if that fits none of them."""
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
    """The text behind one that was encoded as UTF-8 twice; None where not all that is beyond ASCII looks like it."""
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
