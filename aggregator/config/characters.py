"""Characters that look like others, or like nothing: what word processors, chats and input methods leave in a file.

Pure. In: text. Out: the first such character and what to write in its place.
"""

from __future__ import annotations

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
#: Usual spaces, and the joiners that the writing of some languages needs.
_MEANT = " \u200c\u200d"
_QUOTES = "\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019"


def named(character: str) -> str:
    """How a message calls a character: ``U+00A0 (NO-BREAK SPACE)``, its name in small letters."""
    name = unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X} ({name})" if name else f"U+{ord(character):04X}"


def unseen(text: str) -> str | None:
    """The first character that is a space other than the usual one, or takes no room at all."""
    if text.isascii():
        return None
    return next((one for one in text if unicodedata.category(one) in ("Zs", "Cf") and one not in _MEANT), None)


def invisible(text: str) -> str | None:
    """Advice where a text holds an unseen character."""
    one = unseen(text)
    return f"it holds {named(one)}; take it away, or write a usual space" if one else None


def typographic(text: str) -> str | None:
    """Advice where a text begins or ends with a typographic quotation mark."""
    ends = text.strip()
    one = next((end for end in (ends[:1], ends[-1:]) if end and end in _QUOTES), None)
    return f"the quotation marks are typographic (`{one}`); write `\"` or `'`" if one else None


def strange(text: str) -> str | None:
    """What is wrong with a text that must be plain: an unseen character, or one that only looks like the right one."""
    if text.isascii():
        return None
    alike = next((one for one in text if one in _LOOKALIKES), None)
    return (
        typographic(text)
        or invisible(text)
        or (f"it holds {named(alike)}; write `{_LOOKALIKES[alike]}`" if alike else None)
    )
