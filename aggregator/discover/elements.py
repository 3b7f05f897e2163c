"""The elements of a page by their names, collected in one pass: a page is asked for many things. Pure."""

from __future__ import annotations

import functools
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from math import inf

import soupsieve
from bs4 import Tag

from aggregator.sources.page import Page

#: Elements of one name that are matched.
_LOOKED_AT = 3000
_NAME = re.compile(r"[a-z][a-z0-9]*")


class Elements:
    """A page, and its elements by name."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._deadline = inf
        self._by_name: dict[str, list[Tag]] = defaultdict(list)
        for tag in page.tags():
            self._by_name[tag.name].append(tag)

    def named(self, *names: str) -> Iterator[Tag]:
        """Return the elements with one of these names, by name and in the order of the page."""
        return (tag for name in names for tag in self._by_name.get(name, ()))

    def allow(self, seconds: float) -> None:
        """Set how much CPU time there is from now on, in seconds, for what asks `is_late`."""
        self._deadline = time.thread_time() + seconds

    @property
    def is_late(self) -> bool:
        """Whether the time is used up."""
        return time.thread_time() > self._deadline

    def matching(self, selector: str) -> Iterator[Tag]:
        """Return the elements that match a selector of CSS which begins with the name of an element.

        Only the first ones with this name are looked at: what a page says of itself stands at its beginning.
        """
        name, matcher = _compiled(selector)
        return (tag for tag in islice(self.named(name), _LOOKED_AT) if matcher.match(tag))


@functools.cache
def _compiled(selector: str) -> tuple[str, soupsieve.SoupSieve]:
    name = _NAME.match(selector)
    if name is None:
        raise ValueError(f"{selector} does not begin with the name of an element")
    return name[0], soupsieve.compile(selector)
