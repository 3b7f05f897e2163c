from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aggregator.duplicates.items import join_items
from aggregator.models import Copy, Item, Output
from tests.publish_items import ORIGIN, make_item

OUTPUT = Output("rust", "Rust", None, 10, "", ("rss",), duplicates=True)
A, B, C = (replace(ORIGIN, id=name, name=name.upper(), category=name) for name in "abc")


def item(pk: int, origin: Any, **entry: Any) -> Item:
    made = make_item(pk, origin=origin, **entry)
    return replace(made, entry=replace(made.entry, source_id=origin.id), path=f"{pk}.md")


def test_each_item_comes_out_once_in_its_place() -> None:
    items = [
        item(3, C),
        item(5, A, url="https://example.org/2"),
        item(1, A),
        item(2, B, url="http://www.example.org/1/"),
    ]
    found = join_items(items, OUTPUT)
    assert [one.pk for one in found] == [5, 1]
    assert found[1] == replace(
        items[2], also_at=(Copy("B", "http://www.example.org/1/"), Copy("C", "https://example.org/1"))
    )


def test_an_output_that_joins_nothing() -> None:
    items = [item(1, A), item(2, B)]
    assert join_items(items, replace(OUTPUT, duplicates=False)) == items
    assert join_items(items, OUTPUT, {(1, 2)}) == items


def test_the_preferred_copy_is_shown_under_the_id_of_the_first_one() -> None:
    first = item(1, A, html="<p>Short</p>", guid="a")
    second = item(2, B, html="<p>Long</p>", guid="b", url="https://m.example.org/1", tags=("t",))
    (found,) = join_items([second, first], replace(OUTPUT, prefer=("c", "b")))
    entry = replace(first.entry, html="<p>Long</p>", url="https://m.example.org/1", tags=("t",))
    origin = replace(B, category="a")
    assert found == replace(first, entry=entry, origin=origin, also_at=(Copy("A", "https://example.org/1"),))
    assert (found.id, found.path, found.entry.source_id) == (first.id, "1.md", "a")


def test_sources_of_what_stands_for_others_already() -> None:
    known = Copy("D", None)
    found = join_items([replace(item(1, A), also_at=(known,)), replace(item(2, B), also_at=(known,))], OUTPUT)
    assert [one.also_at for one in found] == [(Copy("B", "https://example.org/1"), known)]


@pytest.mark.parametrize("prefer", [(), ("b",)])
def test_the_order_of_the_candidates_does_not_matter(prefer: tuple[str, ...]) -> None:
    items = [item(1, A), item(2, B), item(3, C)]
    output = replace(OUTPUT, prefer=prefer)
    assert join_items(items, output) == join_items(items[::-1], output)
