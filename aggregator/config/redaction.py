"""Secrets in texts of any kind, found in whatever form they came there.

In: texts, and values that must not be seen. Out: the texts without them. An address that echoes a token has it
percent-encoded, a page has it with character references, a header has it in base64; all of these are the secret.
"""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from functools import cache, lru_cache
from html.entities import codepoint2name
from urllib.parse import unquote, unquote_plus

HIDDEN = "***"
"""What stands in place of a secret."""

SHORTEST = 4
"""Characters of the shortest value that is looked for: a shorter one stands in every text by chance."""

#: What stands for itself in every form.
_PLAIN = re.compile(r"[0-9A-Za-z]+")
#: What JSON writes behind a backslash (RFC 8259, section 7).
_JSON = {'"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}

# RFC 3986, section 3.2.1. The last @ before the path ends the userinfo, as browsers read it.
_USERINFO = re.compile(r"(?<=://)([^\s/?#@:]*)(:?)[^\s/?#]*@")


def redact(text: str, secrets: frozenset[str]) -> str:
    """Hide secrets in a text that people will see.

    Args:
        text: any message.
        secrets: `Config.secrets`; values of fewer than 4 characters are left alone.

    Returns:
        The text with every secret, in any of its forms, and every password (or lone token) in the userinfo of a URL
        replaced by ``***``.
    """
    text = blot(text, secrets)
    return _USERINFO.sub(_hide_userinfo, text) if "://" in text else text


def blot(text: str, secrets: frozenset[str]) -> str:
    """The text with ``***`` in place of every secret; everything else stays as it is."""
    for core, form in _all_forms(secrets) if secrets else ():
        if core in text:
            text = _pattern(form).sub(HIDDEN, text)
    return text


def holds(text: str, secrets: frozenset[str]) -> bool:
    """Whether a secret stands in the text, in any of its forms."""
    # Most configurations have none.
    return bool(secrets) and any(core in text and _pattern(form).search(text) for core, form in _all_forms(secrets))


def public_address(url: str, secrets: frozenset[str]) -> str | None:
    """An address as everybody may see it, without user name and password; None where it holds a secret elsewhere."""
    bare = _USERINFO.sub("", url, count=1) if "@" in url else url
    return None if holds(bare, secrets) else bare


def userinfo(url: str) -> str | None:
    """User name and password of an address as a browser sends them (RFC 7617), or None where it has none."""
    match = _USERINFO.search(url) if "@" in url else None
    return None if match is None else b64encode(unquote(match[0][:-1]).encode()).decode()


def _hide_userinfo(match: re.Match[str]) -> str:
    return f"{match[1]}:{HIDDEN}@" if match[2] else f"{HIDDEN}@"


@lru_cache(maxsize=16)
def _all_forms(secrets: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Each form of each secret, and before it a part of it that nobody escapes.

    To look for that part takes a hundredth of the time; in nearly all texts there is nothing else to do. The longest
    form comes first, so that no end of one is left over.
    """
    forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    return tuple((max(_PLAIN.findall(form), key=len, default=""), form) for form in ordered)


@lru_cache(maxsize=1024)
def _pattern(form: str) -> re.Pattern[str]:
    """A pattern for a text, each of its characters in any of its escaped forms."""
    return re.compile("".join([one if _PLAIN.fullmatch(one) else _escaped(one) for one in form]))


def _forms(secret: str) -> set[str]:
    """The secret, what it is once it was decoded, in lower case as a host has it, and in base64."""
    if len(secret) < SHORTEST:
        return set()
    data = secret.encode("utf-8", "surrogatepass")
    encoded = {encode(data).decode().rstrip("=") for encode in (b64encode, urlsafe_b64encode)}
    return {secret, secret.lower(), unquote(secret), unquote_plus(secret), *encoded}


@cache
def _escaped(character: str) -> str:
    code = ord(character)
    percent = "".join([f"%(?:25){{0,2}}{_hex(f'{byte:02X}')}" for byte in character.encode("utf-8", "surrogatepass")])
    names = ["apos"] if character == "'" else [codepoint2name[code]] if code in codepoint2name else []
    reference = "|".join(
        [rf"#0{{0,5}}{code};?", rf"#[xX]0{{0,5}}{_hex(f'{code:X}')};?", *(f"{name};" for name in names)]
    )
    # Markup in markup has its `&` escaped again.
    forms = [percent, rf"&(?:amp;){{0,2}}(?:{reference})"]
    # JSON has UTF-16.
    units = character.encode("utf-16-be", "surrogatepass").hex().upper()
    forms.append("".join([rf"\\u{_hex(units[at : at + 4])}" for at in range(0, len(units), 4)]))
    if character in _JSON:
        forms.append(re.escape("\\" + _JSON[character]))
    if character == " ":
        forms.append(r"\+")
    return f"(?:{'|'.join(forms)}|{re.escape(character)})"


def _hex(digits: str) -> str:
    return "".join([f"[{digit}{digit.lower()}]" if digit.isalpha() else digit for digit in digits])
