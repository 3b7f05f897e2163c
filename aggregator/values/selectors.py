"""CSS or XPath: what a selector of feeds.yaml is, as its beginning says; and the number of a page in an address."""

from __future__ import annotations

import re

NUMBER = "{n}"
"""What stands for the number of the page in an address."""
#: What marks an expression that begins like neither.
MARK = "xpath:"
#: Beginnings that no CSS selector has: a path, a group, an attribute, a call such as ``normalize-space(``.
_XPATH = re.compile(r"\.{0,2}/|\.{1,2}$|[(@]|[a-z][a-z-]*\s*\(")


def xpath_of(selector: str) -> str | None:
    """Return the expression where a selector is XPath; None: it is CSS."""
    if selector.startswith(MARK):
        return selector.removeprefix(MARK).strip()
    return selector if _XPATH.match(selector) else None
