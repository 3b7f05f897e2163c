"""Selectors for a list and for what is in its records: short, of names that last, and checked on the page. Pure.

In: the records of a list, and in each the element that is meant. Out: the simplest selector of CSS that finds just
these. A selector is made of classes and ids that a person gave, then of the names of elements, then of places.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import soupsieve
from bs4 import Tag

from aggregator.discover.elements import Elements
from aggregator.discover.parts import Record
from aggregator.discover.stable import is_lasting, is_plain, names_of, selector_of
from aggregator.sources.page import attribute

#: Elements that say what they hold by their name, and those that are everywhere.
_TELLING = ("article", "time", "h1", "h2", "h3", "h4", "main", "section", "table", "tbody", "dl", "ol", "figure")
_ATTRIBUTES = ("itemprop", "itemtype", "data-testid", "data-type", "role")
_VALUE = re.compile(r"[\w:/.-]{1,60}")
_STEP = re.compile(r"[a-z][a-z0-9-]*(?:\[\d+\])?")
#: Levels above a record that are looked at for a name; elements with its name that are looked at.
_LEVELS = 8
_MOST = 20_000
#: Share of the records in which a selector must find what is meant.
_ENOUGH = 0.9
#: Elements of a record that one selector may match.
_SEVERAL = 4


@dataclass(frozen=True, slots=True)
class Form:
    """A selector, the less costly the better, and what it matches of the elements with its name."""

    selector: str
    cost: float
    matches: Callable[[Tag], bool]


def inner_selector(records: Sequence[Record], targets: Sequence[Tag | None]) -> str | None:
    """Return a selector that finds, in each record, the element that is meant first; None where none does.

    Args:
        records: the records.
        targets: for each of them the element that is meant; None: there is none, and none should be found.
    """
    found = [(record, target) for record, target in zip(records, targets, strict=True) if target is not None]
    if not found:
        return None
    best: tuple[float, str] | None = None
    for cost, selector in _inner_forms([target for _, target in found], [record.element for record, _ in found]):
        matcher = _compiled(selector)
        matched = [(matcher.select(record.element, limit=_SEVERAL), target) for record, target in found]
        hits = sum(bool(all_) and all_[0] is target for all_, target in matched)
        if hits < _ENOUGH * len(found):
            continue
        # Where the first is missing one day, the next would take its place.
        more = sum(len(all_) - 1 for all_, _ in matched if all_) / len(found)
        cost += 3 * (1 - hits / len(found)) + 0.15 * more
        if best is None or cost < best[0]:
            best = cost, selector
    return best[1] if best else None


def _inner_forms(targets: Sequence[Tag], outer: Sequence[Tag]) -> Iterator[tuple[float, str]]:
    """Return selectors for elements in records, with what each costs."""
    first = targets[0]
    if not is_plain(first):
        return
    yield from ((form.cost, form.selector) for form in _own_forms(targets))
    parents = [target.parent for target in targets]
    if all(isinstance(parent, Tag) and parent is not one for parent, one in zip(parents, outer, strict=True)):
        above = [parent for parent in parents if isinstance(parent, Tag)]
        for form in _own_forms(above):
            yield form.cost + 0.3, f"{form.selector} {first.name}"
            yield form.cost + 0.4, f"{form.selector} > {first.name}"
        # Large items have larger headings.
        for name in _common_names(above):
            yield 0.28, f"{selector_of(name)} {first.name}"
        number = _number(above[0])
        if number and is_plain(above[0]) and all((_number(one), one.name) == (number, above[0].name) for one in above):
            yield 0.9, f"{above[0].name}:nth-of-type({number}) {first.name}"
    number = _number(first)
    if number and all(_number(one) == number and one.name == first.name for one in targets):
        yield 0.8, f"{first.name}:nth-of-type({number})"
        yield 1.0, f":scope > {first.name}:nth-of-type({number})"


def _number(tag: Tag) -> int:
    """Return the number of an element among those of its name below its parent, 0 where it is too large."""
    number = 1 + len(tag.find_previous_siblings(tag.name, limit=20))
    return number if number <= 20 else 0


def _own_forms(tags: Sequence[Tag]) -> Iterator[Form]:
    """Return selectors for what elements have in common by themselves."""
    name = tags[0].name
    if not is_plain(tags[0]) or any(tag.name != name for tag in tags):
        return
    for number, one in enumerate(_common_names(tags)):
        cost = 0.05 * number + (0.1 if one.startswith("*") else 0.0)
        yield Form(f"{name}{selector_of(one)}", cost, functools.partial(_has_name, one))
    for attribute_name in _ATTRIBUTES:
        values = {attribute(tag, attribute_name) for tag in tags}
        if len(values) == 1 and _VALUE.fullmatch(value := values.pop()):
            selector = f'{name}[{attribute_name}="{value}"]'
            yield Form(selector, 0.2, functools.partial(_has_value, attribute_name, value))
    yield Form(name, 0.15 if name in _TELLING else 0.4, lambda tag: True)


def _common_names(tags: Sequence[Tag]) -> list[str]:
    """Return the names that elements have in common, in the order of the first."""
    common = set(names_of(tags[0])).intersection(*(names_of(tag) for tag in tags[1:]))
    return sorted(common, key=names_of(tags[0]).index)


def _has_name(name: str, tag: Tag) -> bool:
    return name in names_of(tag)


def _has_value(name: str, value: str, tag: Tag) -> bool:
    return attribute(tag, name) == value


#: What an element costs that matches and is no record: one that would not be read, one that is like the records, so
#: that the list is likely larger than it seemed, and any other.
_OTHERS = {False: 0.02, True: -0.05, None: 0.5}
#: What all that are like the records are worth at most.
_MORE = -0.25


@dataclass(frozen=True, slots=True)
class ItemSelector:
    """A selector of the items of a list, and how far it is from what is wanted: simple, and nothing else."""

    selector: str
    cost: float


def item_selector(
    elements: Elements,
    records: Sequence[Record],
    is_item: Callable[[Tag], bool | None],
    link: str | None,
    title: str | None,
) -> ItemSelector | None:
    """Return a selector for the records of a list; None where none finds just them.

    Args:
        elements: the page.
        records: the records.
        is_item: of an element that is no record: whether it is like them; None: it is not; False: it is not read.
        link: the selector of the link in a record, or None where that is its first one.
        title: the selector of the title in a record, or None where that is its link.
    """
    if not is_plain(records[0].element):
        return None
    wanted = {id(record.element) for record in records}
    tags = [record.element for record in records]
    candidates = list(elements.named(tags[0].name))[:_MOST]
    judged: dict[int, bool | None] = {}
    best: ItemSelector | None = None
    for form in _item_forms(elements, tags, [record.link for record in records], link, title):
        if elements.is_late:
            break
        if best is not None and form.cost + _MORE >= best.cost:
            continue
        matched = [tag for tag in candidates if form.matches(tag)]
        missing = len(wanted) - sum(id(tag) in wanted for tag in matched)
        others = [tag for tag in matched if id(tag) not in wanted]
        if missing > 0.05 * len(wanted):
            continue
        for tag in others:
            if id(tag) not in judged:
                judged[id(tag)] = is_item(tag)
        counts = Counter(judged[id(tag)] for tag in others)
        cost = form.cost + 3 * missing / len(wanted) + max(_MORE, _OTHERS[True] * counts[True])
        cost += _OTHERS[False] * counts[False] + _OTHERS[None] * counts[None]
        if counts[None] <= 0.2 * len(wanted) and (best is None or cost < best.cost):
            best = ItemSelector(form.selector, cost)
    return best


def _by_shape(tags: Sequence[Tag], links: Sequence[Tag]) -> Iterator[Form]:
    """Return selectors for records by what they are made of: rows by their cells, and XPath by the way to the link."""
    name = tags[0].name
    if name == "tr":
        cells = min(len(tag.find_all("td", recursive=False)) for tag in tags)
        if cells > 1:
            selector = f"tr:has(> td:nth-of-type({cells}))"
            yield Form(selector, 0.6, functools.partial(_matches, selector))
    if way := common_way(list(zip(tags, links, strict=True))):
        yield Form(f"//{name}[{'/'.join(way)}]", 0.8, functools.partial(_has_way, way))


def common_way(pairs: Sequence[tuple[Tag, Tag]]) -> tuple[str, ...] | None:
    """Return the way from elements down to those in them, as steps of XPath; None where it is not the same in all."""
    ways = {_way(tag, inner) for tag, inner in pairs}
    way = ways.pop() if len(ways) == 1 else None
    return way if way is not None and all(_STEP.fullmatch(step) for step in way) else None


def _way(tag: Tag, inner: Tag) -> tuple[str, ...]:
    """Return the names of elements between two, and for cells their numbers."""
    steps = []
    for one in (inner, *inner.parents):
        if one is tag:
            break
        number = _number(one) if one.name in ("td", "th") else 0
        steps.append(f"{one.name}[{number}]" if number else one.name)
    return tuple(reversed(steps))


def _has_way(way: Sequence[str], tag: Tag) -> bool:
    level = [tag]
    for step in way:
        name, _, number = step.rstrip("]").partition("[")
        children = [one.find_all(name, recursive=False) for one in level]
        level = [one for some in children for one in (some[int(number) - 1 : int(number)] if number else some)]
    return bool(level)


def _item_forms(
    elements: Elements, tags: Sequence[Tag], links: Sequence[Tag], link: str | None, title: str | None
) -> Iterator[Form]:
    """Return selectors for the records, the simple ones first."""
    own = list(_own_forms(tags))
    own += _with_title(own, title)
    own += _with_link(tags[0].name, [attribute(one, "href") for one in links], link)
    own += _by_shape(tags, links)
    # A name alone may be that of anything that is added later.
    yield from (replace(form, cost=form.cost + 0.4) if form.selector == tags[0].name else form for form in own)
    for container, cost, inside in _containers(elements, tags):
        for form in (one for one in own if not one.selector.startswith("/")):
            yield Form(
                f"{container} {form.selector}",
                form.cost + cost,
                functools.partial(lambda inner, within, tag: inner(tag) and within(tag), form.matches, inside),
            )


def _with_link(name: str, hrefs: Sequence[str], link: str | None) -> list[Form]:
    """Return selectors for records by their links: by the place of these, or by how their addresses begin."""
    forms = []
    # The library reads no selector with several parts in `:has()`.
    if link is not None and name != "a" and not re.search(r"[\s>:]", link):
        selector = f"{name}:has({link})"
        forms.append(Form(selector, 0.7, functools.partial(_matches, selector)))
    begin = _common(hrefs)
    if begin:
        selector = f'a[href^="{begin}"]' if name == "a" else f'{name}:has(a[href^="{begin}"])'
        forms.append(Form(selector, 0.45 if name == "a" else 0.75, functools.partial(_matches, selector)))
    return forms


def _with_title(forms: Sequence[Form], title: str | None) -> list[Form]:
    """Return selectors for records that have a title, where what has none stands between them."""
    if title is None or not _SIMPLE.fullmatch(title):
        return []
    selectors = [(f"{form.selector}:has({title})", form.cost + 0.3) for form in forms]
    return [Form(one, cost, functools.partial(_matches, one)) for one, cost in selectors]


#: A selector of one element, by its name and a class.
_SIMPLE = re.compile(r"[a-z][a-z0-9]*(?:\.[\w-]+)?")
_BEGIN = re.compile(r"[\w:/.?=&%~-]{3,120}[/=]\Z")


def _common(hrefs: Sequence[str]) -> str | None:
    """Return how all addresses begin, up to a slash or an equals sign; None where that says nothing."""
    shortest = min(hrefs, key=len)
    length = next((n for n, char in enumerate(shortest) if any(href[n] != char for href in hrefs)), len(shortest))
    begin = shortest[:length]
    begin = begin[: max(begin.rfind("/"), begin.rfind("=")) + 1]
    # A year or a month in it would be another one soon.
    begin = re.sub(r"\d.*", "", begin)
    begin = begin[: max(begin.rfind("/"), begin.rfind("=")) + 1]
    path = begin.partition("://")[2].partition("/")[2] if "://" in begin else begin.lstrip("/")
    return begin if path and _BEGIN.match(begin) else None


def _containers(elements: Elements, tags: Sequence[Tag]) -> Iterator[tuple[str, float, Callable[[Tag], bool]]]:
    """Return selectors of elements around all records, with what each costs and whether an element is inside."""
    inside = [{id(parent) for parent in tag.parents} for tag in (tags[0], tags[-1], tags[len(tags) // 2])]
    for level, parent in enumerate(tags[0].parents):
        if level == _LEVELS or parent.name in ("body", "html", "[document]"):
            return
        cost = 0.2 + 0.03 * level
        identity = attribute(parent, "id")
        if identity and is_lasting(identity) and all(id(parent) in one for one in inside):
            yield f"#{identity}", cost, functools.partial(_is_below, frozenset({id(parent)}))
        for form in _own_forms([parent]):
            if form.selector == parent.name and parent.name not in _TELLING:
                continue
            around = frozenset(id(one) for one in elements.named(parent.name) if form.matches(one))
            yield form.selector, cost + form.cost, functools.partial(_is_below, around)


def _is_below(around: frozenset[int], tag: Tag) -> bool:
    return any(id(parent) in around for parent in tag.parents)


def _matches(selector: str, tag: Tag) -> bool:
    return _compiled(selector).match(tag)


@functools.lru_cache(maxsize=1000)
def _compiled(selector: str) -> soupsieve.SoupSieve:
    return soupsieve.compile(selector)


def first_of(selector: str, element: Tag) -> Tag | None:
    """Return the first element below an element that matches."""
    return _compiled(selector).select_one(element)
