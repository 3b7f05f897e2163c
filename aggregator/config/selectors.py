"""Selectors of feeds.yaml, checked: CSS by soupsieve, XPath 1.0 by lxml, each imported where a file has one.

Each check raises ValueError with a sentence that completes "`key` …" for people. XPath is compiled, and read for what
would fail only on a page: functions of later versions, variables, prefixes, and a condition where elements are wanted.
"""

from __future__ import annotations

import difflib
import functools
import re
import warnings
from typing import Literal

from aggregator.config.advice import invisible_advice, misread_selector, quotation_advice, selector_advice
from aggregator.config.problems import show

Gives = Literal["nodes", "text", "number", "condition"]
"""What an XPath expression gives: elements, attributes or texts of the page; or one value."""

_LITERAL = re.compile(r"\"[^\"]*\"|'[^']*'")
_CALL = re.compile(r"([A-Za-z_][\w.-]*)\s*\(")
_PREFIX = re.compile(r"(?<![\w:.-])([A-Za-z_][\w.-]*:(?!:)(?:[A-Za-z_][\w.-]*|\*))")
#: An attribute, texts or comments at the end of a path.
_NO_ELEMENT = re.compile(r"(?:^|/)\s*(?:@[^/\[\]|]+|attribute::[^/\[\]|]+|(?:text|comment)\(\))\s*(?:\[[^\]]*\]\s*)*$")
_NODES = frozenset({"comment", "text", "processing-instruction", "node"})
#: XPath 1.0, section 4.
_FUNCTIONS = frozenset(
    "last position count id local-name namespace-uri name string concat starts-with contains substring-before "
    "substring-after substring string-length normalize-space translate boolean not true false lang number sum floor "
    "ceiling round".split()
)
#: Functions of later versions, and what does the same here.
_LATER = {
    "ends-with": "CSS has `[href$='.html']`",
    "lower-case": "`translate(., 'ABC', 'abc')` does the same",
    "matches": "use `regex`",
    "replace": "use `regex`",
    "tokenize": "use `regex`",
    "upper-case": "`translate(., 'abc', 'ABC')` does the same",
}


@functools.lru_cache(maxsize=4096)
def check_css(css: str, *, xpath: bool = False) -> None:
    """Check a CSS selector: soupsieve must be able to compile it.

    Args:
        css: the selector.
        xpath: whether it might be XPath as well.
    """
    if advice := misread_selector(css):
        raise ValueError(f"{show(css)} is not a CSS selector: {advice}")
    # Imported here, because it imports bs4, which most files do not need.
    import soupsieve

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            soupsieve.compile(css)
    except (soupsieve.SelectorSyntaxError, NotImplementedError, FutureWarning, RecursionError, ValueError) as error:
        reason = selector_advice(css, xpath=xpath) or str(error).partition("\n")[0] or "it is nested too deeply"
        raise ValueError(f"{show(css)} is not a CSS selector: {reason}") from None


@functools.lru_cache(maxsize=4096)
def check_xpath(expression: str) -> Gives:
    """Check an XPath 1.0 expression, and return what it gives."""
    reason = quotation_advice(expression) or _unreadable(expression)
    if reason:
        raise ValueError(f"{show(expression)} is not XPath 1.0: {reason}")
    # Imported here, because most files need it for nothing else.
    from lxml import etree

    try:
        found = etree.XPath(expression, regexp=False)(etree.Element("html"))
    except (etree.XPathError, ValueError) as error:
        raise ValueError(f"{show(expression)} is not XPath 1.0: {_reason(expression, str(error))}") from None
    kinds: dict[type, Gives] = {list: "nodes", bool: "condition", float: "number"}
    return kinds.get(type(found), "text")


def selects_elements(expression: str) -> bool:
    """Whether an XPath expression that was checked may give elements."""
    return check_xpath(expression) == "nodes" and _NO_ELEMENT.search(_LITERAL.sub('""', expression)) is None


def _unreadable(expression: str) -> str | None:
    """Return what a compiler does not find before there is a page, or None."""
    bare = _LITERAL.sub('""', expression)
    if not bare:
        return "it is empty"
    if '"' in bare.replace('""', "") or "'" in bare:
        return "a quotation mark is not closed"
    if advice := invisible_advice(bare):
        return advice
    for opening, closing in ("[]", "()"):
        more = bare.count(opening) - bare.count(closing)
        if more:
            return f"a `{opening}` is not closed" if more > 0 else f"a `{opening}` is missing before `{closing}`"
    if "$" in bare:
        return "there are no variables"
    for name in _CALL.findall(bare):
        if name not in _FUNCTIONS | _NODES:
            return f"there is no function `{name}()`{_instead(name)}"
    if match := _PREFIX.search(bare):
        return f"elements of a page have no prefix; write `*[name()='{match[1]}']` for `{match[1]}`"
    return None


def _instead(name: str) -> str:
    if name in _LATER:
        return f"; {_LATER[name]}"
    near = difflib.get_close_matches(name, sorted(_FUNCTIONS), n=1, cutoff=0.7)
    return f"; did you mean `{near[0]}()`?" if near else ""


def _reason(expression: str, said: str) -> str:
    if expression.rstrip().endswith("/"):
        return "a name is missing after the last `/`"
    return said[:1].lower() + said[1:]
