"""Text in XML and HTML: the characters that it may have, and how they are escaped and unescaped. Nothing raises."""

from __future__ import annotations

import html
import re

#: Everything outside of Char (XML 1.0, section 2.2): no XML document can hold it, not even by reference.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: What `FORBIDDEN` finds, and the controls that the same section discourages.
_DISCOURAGED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
#: The opposite of `_DISCOURAGED`: to match a whole text takes half as long as to search it.
_FIT = re.compile("[\t\n\r -~\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*+")
#: Halves of surrogate pairs, which JSON can name: UTF-8 cannot encode them.
SURROGATES = re.compile("[\ud800-\udfff]")
#: References to numbers that have too many digits to be a character, and perhaps too many for `int`.
_HUGE_REFERENCE = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")


def xml_text(text: str) -> str:
    """Remove the characters that an XML document cannot hold or should not: C0 and C1 controls have no meaning."""
    return text if _FIT.fullmatch(text) else _DISCOURAGED.sub("", text)


def unescape(text: str) -> str:
    """Resolve the character references of a text, whatever numbers they have."""
    if "&" not in text:
        return text
    return html.unescape(_HUGE_REFERENCE.sub("\ufffd", text))


def attribute_value(text: str) -> str:
    """Escape a text for an HTML attribute in double quotes, as the sanitizer writes it."""
    for character, reference in (("&", "&amp;"), ("\u00a0", "&nbsp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;")):
        if character in text:
            text = text.replace(character, reference)
    return text
