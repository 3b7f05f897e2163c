"""The time zone of a page, where its language implies one. Pure.

Dates of the news are mostly without a zone. Read as UTC, what a site in China says was published an hour ago lies in
the future. Chinese, Japanese and Korean are mostly written in one zone each; other languages imply none.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from aggregator.discover.elements import Elements
from aggregator.sources.page import attribute
from aggregator.sources.pagefacts import short_text

#: Links whose texts are read, and characters of each.
_LINKS, _TEXT = 300, 100
#: Share of the letters that must be of a script.
_SHARE = 0.3
_KANA = re.compile(r"[\u3041-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")
#: Common characters as they are written on the mainland only, and elsewhere only.
_SIMPLIFIED = re.compile("[国发关学会实为这时们对进说过还业东见长门问间开动经书车与]")
_TRADITIONAL = re.compile("[國發關學會實為這時們對進說過還業東見長門問間開動經書車與]")
_TAIWAN = ".tw"


def timezone_of(elements: Elements) -> str | None:
    """Return the IANA name of the zone of a page; None where its language implies none."""
    texts = [elements.page.title or ""]
    for number, tag in enumerate(elements.named("a")):
        if number == _LINKS:
            break
        texts.append((short_text(tag, 4 * _TEXT) or "")[:_TEXT])
    text = " ".join(texts)
    letters = len(_LETTER.findall(text))
    kana, hangul, han = (len(script.findall(text)) for script in (_KANA, _HANGUL, _HAN))
    if kana + han + hangul < _SHARE * letters or not letters:
        return None
    if hangul > kana + han:
        return "Asia/Seoul"
    if kana > 0.1 * (kana + han):
        return "Asia/Tokyo"
    return _chinese(elements, text)


def _chinese(elements: Elements, text: str) -> str | None:
    if len(_SIMPLIFIED.findall(text)) >= len(_TRADITIONAL.findall(text)):
        return "Asia/Shanghai"
    html = next(elements.named("html"), None)
    language = attribute(html, "lang").lower().replace("_", "-") if html is not None else ""
    host = urlsplit(elements.page.url).hostname or ""
    return "Asia/Taipei" if host.endswith(_TAIWAN) or language in ("zh-tw", "zh-hant", "zh-hant-tw") else None
