"""Make a document well-formed that an XML parser has refused, and say what was done to it.

In: a `Document` and what the parser said. Out: text that may be well-formed, and messages; raises `ParseError` where
too little is left to be read. How markup is repaired is in `repair`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from aggregator.errors import ParseError
from aggregator.parse.document import Document
from aggregator.parse.encoding import drop_forbidden_references
from aggregator.parse.namespaces import USUAL
from aggregator.parse.repair import repair

_ROOT = re.compile(r"<[A-Za-z_][\w.:-]*+")
_USED = re.compile(r"<([A-Za-z_][\w.-]{0,40}):[A-Za-z_]")
_BOUND = re.compile(r"\sxmlns:([A-Za-z_][\w.-]{0,40})\s*=")
#: Prefixes without a namespace that are given one; markup by mistake may look like any number of them.
_MAX_UNBOUND = 50


class Mended(NamedTuple):
    """A document after its repair."""

    text: str
    #: What was repaired, as short messages.
    repairs: tuple[str, ...]
    #: False where the document was cut off.
    complete: bool


def without_forbidden(document: Document) -> Mended:
    """The document without references to forbidden characters; with none, it is as it was."""
    text, dropped = drop_forbidden_references(document.text)
    more = (f"references to forbidden characters were removed: {dropped}",) if dropped else ()
    return Mended(text, document.repairs + more, True)


def mend(mended: Mended, document: Document, problem: str) -> Mended:
    """Repair the markup of a document.

    Args:
        mended: the document without forbidden references.
        document: what it was.
        problem: what an XML parser said of it.

    Raises:
        ParseError: ``unparsable``: it is cut off before the end of its first entry.
    """
    repaired = repair(mended.text, document.root)
    if repaired.cut_off and not repaired.entries:
        message = "the document is cut off before the end of its first entry"
        raise ParseError(message, kind="unparsable", url=document.url)
    if repaired.cut_off:
        more = [f"the document is cut off: only its {repaired.entries:,} complete entries were read"]
    else:
        more = [f"not well-formed XML, repaired: {problem}"]
    if repaired.trailing:
        more.append("text after the end of the feed was left out")
    return Mended(_bind(repaired.text), (*mended.repairs, *more), not repaired.cut_off)


def _bind(text: str) -> str:
    """Declare prefixes that are declared nowhere: the usual ones as what they stand for, others as nothing known."""
    unbound = set(_USED.findall(text)) - set(_BOUND.findall(text)) - {"xml", "xmlns"}
    root = _ROOT.match(text)
    if root is None or not 0 < len(unbound) <= _MAX_UNBOUND:
        return text
    added = "".join(f' xmlns:{prefix}="{USUAL.get(prefix) or f"urn:unbound:{prefix}"}"' for prefix in sorted(unbound))
    return text[: root.end()] + added + text[root.end() :]
