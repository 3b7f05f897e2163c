"""Strings as YAML scalars that every parser reads as exactly these strings.

In: any string. Out: a scalar that parsers of YAML 1.1 and of YAML 1.2 load as the same string,
in a block context, on one line, at column 1 or later. Lone surrogates cannot be written in UTF-8 and are no concern of
this module.
"""

from __future__ import annotations

import re

# Not c-printable (YAML 1.2.2, section 5.1), or a line break in YAML 1.1 (NEL, LS, PS), or eaten as a byte order mark.
# A tab is separation white space beside indicators; escaped, it is text everywhere.
_NEEDS_ESCAPE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_ESCAPED = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff"\\\\]')

# YAML 1.2.2, section 7.3.3: what a plain scalar cannot begin with or hold.
_NOT_PLAIN = re.compile(r"""[,\[\]{}#&*!|>'"%@`]|[-?:](?:\ |\Z)|\ |.*(?::\ |\ \#|[:\ ]\Z)""", re.VERBOSE)

# What plain text is taken for something other than a string: the types of YAML 1.1 (yaml.org/type) and the core schema
# of YAML 1.2.2 (section 10.3), PyYAML's and js-yaml's readings of them included.
_NOT_STRING = re.compile(
    r"""
    ~ | null | Null | NULL | << | = |
    y | Y | yes | Yes | YES | n | N | no | No | NO | on | On | ON | off | Off | OFF |
    true | True | TRUE | false | False | FALSE |
    [-+]? 0b [01_]+ | [-+]? 0o? [0-7_]+ | [-+]? 0x [0-9a-fA-F_]+ |
    [-+]? [0-9] [0-9_]*+ (?: : [0-5]? [0-9] )++ (?: \. [0-9_]* )? |
    [-+]? (?= [0-9.] ) [0-9_]*+ \.? [0-9._]*+ (?: [eE] [-+]? [0-9]+ )? |
    [-+]? \. (?: inf | Inf | INF ) | \. (?: nan | NaN | NAN ) |
    [0-9]{4} - [0-9]{1,2} - [0-9]{1,2}
        (?: (?: [Tt] | [ \t]+ ) [0-9]{1,2} : [0-9]{2} : [0-9]{2} (?: \. [0-9]* )?
            (?: [ \t]* (?: Z | [-+] [0-9]{1,2} (?: :? [0-9]{2} )? ) )? )?
    """,
    re.VERBOSE,
)


def plain(text: str) -> str:
    """Write `text` as a plain scalar, quoted only where a parser would read anything but this very string."""
    if not text or _NOT_PLAIN.match(text) or _NOT_STRING.fullmatch(text):
        return single(text)
    return double(text) if _has_to_be_escaped(text) else text


def single(text: str) -> str:
    """Write `text` single quoted, or double quoted where it holds characters that only an escape can carry."""
    if _has_to_be_escaped(text):
        return double(text)
    return "'" + text.replace("'", "''") + "'"


def double(text: str) -> str:
    """Write `text` double quoted (YAML 1.2.2, section 7.3.1)."""
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _has_to_be_escaped(text: str) -> bool:
    # None of these is printable, and to ask for that is ten times faster.
    return not text.isprintable() and _NEEDS_ESCAPE.search(text) is not None


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
