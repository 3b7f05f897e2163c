"""Characters that look like others, or like nothing: what word processors, chats and input methods leave in a file.

Pure. In: text. Out: the first such character and what to write in its place.
"""

from __future__ import annotations

import re
import unicodedata

_LOOKALIKES = {
    "\u201c": '"',
    "\u201d": '"',
    "\u201e": '"',
    "\u00ab": '"',
    "\u00bb": '"',
    "\u2018": "'",
    "\u2019": "'",
    "\uff1a": ":",
    "\uff0c": ",",
    "\uff0f": "/",
    "\uff1f": "?",
    "\uff02": '"',
    "\u2010": "-",
    "\u2011": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2212": "-",
    "\uff0d": "-",
}
_QUOTES = "\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019"
_ODD = re.compile(f"[{''.join(_LOOKALIKES)}]|[^\\x00-\\x7f]")


def named(character: str) -> str:
    """How a message calls a character: ``U+00A0 (NO-BREAK SPACE)``, its name in small letters."""
    name = unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X} ({name})" if name else f"U+{ord(character):04X}"


def unseen(text: str) -> str | None:
    """The first character that is a space other than the usual one, or takes no room at all."""
    if text.isascii():
        return None
    return next((one for one in text if not one.isascii() and unicodedata.category(one) in ("Zs", "Cf")), None)


def strange(text: str) -> str | None:
    """What is wrong with a text that must be plain: an unseen character, or one that only looks like the right one."""
    if text.isascii():
        return None
    if quoted := typographic(text):
        return quoted
    for match in _ODD.finditer(text):
        one = match.group()
        if one in _LOOKALIKES:
            return f"it holds {named(one)}; write `{_LOOKALIKES[one]}`"
        if unseen(one):
            return f"it holds {named(one)}; take it away, or write a usual space"
    return None


def typographic(text: str) -> str | None:
    """Advice where a text begins or ends with a typographic quotation mark."""
    text = text.strip()
    if text and (text[0] in _QUOTES or text[-1] in _QUOTES):
        one = text[0] if text[0] in _QUOTES else text[-1]
        return f"the quotation marks are typographic ({one}); write `\"` or `'`"
    return None
