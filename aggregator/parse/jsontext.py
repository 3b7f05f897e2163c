"""JSON out of texts that hold it: documents, answers to scripts (JSONP), and scripts of pages. Pure.

In: a text from outside. Out: a value of dicts, lists, texts, numbers, booleans and None, of bounded size and depth, or
a `ParseError`. What JavaScript writes beside JSON is understood where it is common: a callback or an assignment around
it, a guard before it, `undefined` in it, and JSON in a text (`JSON.parse("…")`).
"""

from __future__ import annotations

import json
import re
from typing import Any

from aggregator.errors import ParseError

MAX_VALUES = 1_000_000
"""Values in a text at most, commas and brackets counted: each takes some 100 bytes."""
MAX_DEPTH = 200
"""Objects and lists in each other at most."""

_PAGE = re.compile(r"<(?:!doctype\s+html|html|head|title|meta|body|script|div|p)\b", re.IGNORECASE)
_STRING = r'"(?:[^"\\]|\\.)*+"'
#: Where JSON begins in a script: an object with a name, or a list of objects or lists; blocks and indexes are neither.
_START = re.compile(rf"\{{\s*+{_STRING}\s*+:|\[\s*+[\[{{]")
#: JSON in a text of JavaScript.
_PARSE = re.compile(r"""\bJSON\.parse\(\s*+(?:"((?:[^"\\]|\\.)*+)"|'((?:[^'\\]|\\.)*+)')""", re.DOTALL)
_ESCAPE = re.compile(
    r"""\\x([0-9A-Fa-f]{2})|\\u\{([0-9A-Fa-f]{1,6})\}|\\([^"\\/bfnrtu])|(")|\\[\\"/bfnrtu]""", re.DOTALL
)
#: Words of JavaScript that JSON lacks, outside of texts.
_UNDEFINED = re.compile(
    rf"({_STRING})|\b(?:undefined|NaN|-?Infinity)\b|void 0\b|new Date\(({_STRING}|\d++)\)", re.DOTALL
)


def load(text: str, url: str) -> tuple[Any, int]:
    """Read the value at the beginning of a text.

    Returns:
        It, and where it ends.

    Raises:
        ParseError: ``unparsable`` for broken JSON, ``too_large`` for too much of it.
    """
    if text.count(",") + text.count("[") + text.count("{") > MAX_VALUES:
        raise ParseError(f"the JSON has more than {MAX_VALUES:,} values", kind="too_large", url=url)
    try:
        # Control characters in texts are common, and harmless.
        value, end = json.JSONDecoder(strict=False, parse_constant=lambda name: None).raw_decode(text)
    except RecursionError:
        raise ParseError("the JSON is nested too deeply", kind="unparsable", url=url) from None
    except json.JSONDecodeError as error:
        message = f"broken JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        if error.pos >= len(text) or error.msg.startswith("Unterminated"):
            message = f"the document is cut off: {message}"
        raise ParseError(message, kind="unparsable", url=url) from None
    except ValueError as error:
        raise ParseError(f"broken JSON: {error}", kind="unparsable", url=url) from None
    if _depth(value) > MAX_DEPTH:
        raise ParseError("the JSON is nested too deeply", kind="unparsable", url=url)
    return value, end


def read_document(text: str, url: str) -> Any:
    """Read a document that is JSON, or JSON in a call or an assignment of a script.

    Raises:
        ParseError: ``not_a_feed`` for a page, ``unparsable`` or ``too_large`` as from `load`.
    """
    text = text.strip().removeprefix("\ufeff")
    if text[:1] in ("{", "["):
        return load(text, url)[0]
    if text[:1] == "<":
        page = _PAGE.match(text) is not None
        hint = ": is it a login page, or a page with JSON in a script (`script`)?" if page else ""
        raise ParseError(f"the answer is {'HTML' if page else 'XML'}, not JSON{hint}", kind="not_a_feed", url=url)
    if text[:1] == '"':
        # JSON that was written as a text of JSON.
        inner = load(text, url)[0].strip()
        if inner[:1] in ("{", "["):
            return load(inner, url)[0]
    return read_script(text, url, what="the answer")


def read_script(text: str, url: str, *, what: str = "the script") -> Any:
    """Read the JSON in a script: all of it, or what is assigned, or given to a function.

    Args:
        what: what the text is, for messages.

    Raises:
        ParseError: ``unparsable`` where there is none, or it is broken; ``too_large`` as from `load`.
    """
    text = text.strip()
    if text[:1] in ("{", "["):
        return _load_script(text, url)
    start, quoted = _START.search(text), _PARSE.search(text)
    if quoted and (start is None or quoted.start() < start.start()):
        body = quoted[1] if quoted[1] is not None else quoted[2].replace("\\'", "'")
        inner = load(f'"{_ESCAPE.sub(_as_json, body)}"', url)[0]
        return load(inner.strip(), url)[0]
    if start is None:
        raise ParseError(f"there is no JSON in {what}", kind="unparsable", url=url)
    return _load_script(text[start.start() :], url)


def _load_script(text: str, url: str) -> Any:
    try:
        return load(text, url)[0]
    except ParseError:
        plain = _UNDEFINED.sub(lambda match: match[1] or match[2] or "null", text)
        if plain == text:
            raise
        return load(plain, url)[0]


def _as_json(match: re.Match[str]) -> str:
    """Write an escape of JavaScript as one of JSON."""
    two, braced, other, quote = match.groups()
    if two:
        return f"\\u00{two}"
    if braced:
        return json.dumps(chr(min(int(braced, 16), 0x10FFFF)))[1:-1]
    if other is not None:
        # A newline that is escaped continues the line.
        return "" if other in "\r\n" else other
    return '\\"' if quote else match[0]


def _depth(value: Any) -> int:
    """Return how deep objects and lists are in each other, or one more than is allowed."""
    level = [value]
    for depth in range(MAX_DEPTH + 1):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return depth + 1
    return MAX_DEPTH + 1
