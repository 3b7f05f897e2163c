"""The rule `convert`: Chinese in other characters, by OpenCC."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from aggregator.models import Entry
from aggregator.rules.bodies import edit_text, with_texts
from aggregator.rules.kind import Subject

Conversion = Literal["s2t", "t2s", "s2tw", "tw2s", "s2hk", "hk2s", "s2twp", "tw2sp", "t2tw", "tw2t", "t2hk", "hk2t"]


def _available(value: str) -> str:
    if importlib.util.find_spec("opencc") is None:
        raise ValueError("needs OpenCC; install this program with the extra `chinese`")
    return value


NAME = "convert"
SETTINGS: Any = Annotated[Conversion, AfterValidator(_available)]
DESCRIPTION = (
    "Writes Chinese in other characters (OpenCC): `t2s` to simplified ones, `s2t` to traditional ones, `s2tw`, `s2twp` "
    "(with words of Taiwan) and so on. Items in another language stay as they are. It needs the extra `chinese`."
)
EXAMPLE = "convert: t2s"
IN_OUTPUTS = True

#: The language of what comes out.
_LANGUAGES = {"s": "zh-Hans", "sp": "zh-Hans", "t": "zh-Hant", "tw": "zh-TW", "twp": "zh-TW", "hk": "zh-HK"}
_CHINESE = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
#: Hiragana, Katakana and Hangul.
_OTHERS = re.compile("[\u3041-\u30ff\uac00-\ud7a3]")


def apply(settings: str, subject: Subject) -> str | None:
    """Convert title, body, summary, authors and tags."""
    entry = subject.entry
    if not _is_chinese(entry):
        return None
    from aggregator.normalize.text import MAX_AUTHOR, MAX_TAG, MAX_TITLE, tidy_line

    def line(text: str, limit: int) -> str:
        return tidy_line(convert(text), limit) or text

    convert = _converter(settings).convert
    changed = with_texts(entry, edit_text(entry.html, convert), edit_text(entry.summary, convert), keep_picture=True)
    changed = replace(
        changed,
        title=line(entry.title, MAX_TITLE),
        authors=tuple(dict.fromkeys(line(name, MAX_AUTHOR) for name in entry.authors)),
        tags=tuple(dict.fromkeys(line(tag, MAX_TAG) for tag in entry.tags)),
        language=_LANGUAGES[settings.partition("2")[2]],
    )
    if replace(changed, language=entry.language) == entry:
        return None
    subject.entry = changed
    return f"converted its characters ({settings})"


def _is_chinese(entry: Entry) -> bool:
    if entry.language is not None:
        return entry.language.lower().partition("-")[0] in ("zh", "cmn", "yue", "wuu", "nan", "hak")
    texts = (entry.title, entry.html, entry.summary)
    return any(map(_CHINESE.search, texts)) and not any(map(_OTHERS.search, texts))


@cache
def _converter(name: str) -> Any:
    import opencc

    return opencc.OpenCC(name)
