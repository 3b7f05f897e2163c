"""XPath 1.0 on a page that BeautifulSoup has read: the same tree in lxml, with the way back to each element.

What is no name or no text of XML is replaced in the copy; only what XPath compares can notice. There are no functions
beyond those of XPath 1.0, no variables and no documents but the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bs4 import BeautifulSoup, Tag
from bs4.element import Comment, NavigableString, PreformattedString
from lxml import etree

from aggregator.values.markup import FORBIDDEN

_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_NO_NAME = re.compile(r"[^\w.-]")


class XPathError(ValueError):
    """An expression cannot be evaluated; the message says why."""


class XPathTree:
    """A page, to be searched by XPath.

    Args:
        soup: the page; it must not change in the meantime, but elements may be taken out.
    """

    def __init__(self, soup: BeautifulSoup) -> None:
        self._tags: dict[Any, Tag] = {}
        self._nodes: dict[int, Any] = {}
        self._compiled: dict[str, Any] = {}
        self._top: Any = None
        for one in soup.descendants:
            parent = self._nodes.get(id(one.parent), self._top)
            if isinstance(one, Tag):
                self._add(one, parent)
            elif parent is None or not isinstance(one, NavigableString):
                continue
            elif isinstance(one, Comment):
                # It keeps the texts around it apart, as browsers do.
                parent.append(etree.Comment())
            elif not isinstance(one, PreformattedString):
                _append_text(parent, _clean(one))
        if self._top is None:
            self._top = etree.Element("html")

    def find(self, expression: str, within: Tag | None) -> Iterator[Tag | str]:
        """Return what an expression gives: elements, and texts on one line, in the order of the page.

        Args:
            expression: XPath 1.0.
            within: element that it starts from; None: the whole page.

        Raises:
            XPathError: it is not XPath 1.0.
        """
        start = self._top.getroottree() if within is None else self._nodes.get(id(within), self._top)
        try:
            if expression not in self._compiled:
                self._compiled[expression] = etree.XPath(expression, regexp=False, smart_strings=False)
            found = self._compiled[expression](start)
        except (etree.XPathError, ValueError) as error:
            raise XPathError(str(error)) from None
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, str):
                yield " ".join(one.split())
            elif isinstance(one, float):
                yield f"{one:.15g}"
            elif (tag := self._tags.get(one)) is not None:
                yield tag

    def _add(self, tag: Tag, parent: Any) -> None:
        """Copy an element without its children."""
        name = tag.name if _NAME.fullmatch(tag.name) else "_" + _NO_NAME.sub("_", tag.name)
        node = etree.Element(name) if parent is None else etree.SubElement(parent, name)
        if self._top is None:
            self._top = node
        self._tags[node], self._nodes[id(tag)] = tag, node
        for key, value in tag.attrs.items():
            if _NAME.fullmatch(key):
                node.set(key, _clean(value if isinstance(value, str) else " ".join(value or ())))


def _append_text(parent: Any, text: str) -> None:
    last = parent[-1] if len(parent) else None
    if last is None:
        parent.text = (parent.text or "") + text
    else:
        last.tail = (last.tail or "") + text


def _clean(text: str) -> str:
    return FORBIDDEN.sub("", text)
