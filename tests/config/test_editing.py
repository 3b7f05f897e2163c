"""Edits of feeds.yaml change what they should, and no other byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import load
from aggregator.config.editing import check_edit, remove_source, set_paused, set_urls
from aggregator.config.layout import NotEditable
from aggregator.errors import AggregatorError, ConfigError

NEW = "https://new.example/feed?a=1&b=2"
TEXT = """\
# my feeds
categories: {news: News}   # one
sources:
  # about a
  # and more
  - feed: https://a.example/  # the address
    name: 'A'
    # inside of a

  # group

  # about b
  - name: "B"

    feed: "https://b.example/"
    category: news
  - feed: 'https://c.example/'
  - {feed: https://d.example/, name: D}
  -
    # first
    scrape:
      url: https://e.example/list
      items: a
  # the end
fetch: # last
  interval: 2h
"""


def removed(text: str, index: int) -> str:
    after = remove_source(text, index)
    check_edit(load(Path("feeds.yaml"), {}, text=text), after, {}, removed=[index])
    return after


@pytest.mark.parametrize(
    ("index", "old", "new"),
    [
        (0, "https://a.example/", NEW),
        (1, "https://b.example/", NEW),
        (2, "https://c.example/", NEW),
        (3, "https://d.example/", NEW),
        (4, "https://e.example/list", NEW),
        (0, "https://a.example/", "https://new.example/it's?a='b'"),
        (2, "'https://c.example/'", "https://new.example/it's"),
        (3, "https://d.example/", "https://new.example/a,b"),
        (0, "https://a.example/", "https://new.example/a:"),
        (0, "https://a.example/", "https://new.example/$%7Bx${y}"),
    ],
)
def test_nothing_but_the_address_changes(index: int, old: str, new: str) -> None:
    for text in (TEXT, TEXT.replace("\n", "\r\n"), "\ufeff" + TEXT, TEXT.rstrip()):
        before = load(Path("feeds.yaml"), {}, text=text)
        after, refused = set_urls(text, {index: new})
        assert not refused
        head, tail = text.split(old)
        assert after.startswith(head)
        assert after.endswith(tail)
        assert (head + new + tail == after) is (new == NEW)
        check_edit(before, after, {}, urls={index: new})


def test_several_addresses_at_once() -> None:
    urls = {index: f"https://new.example/{index}" for index in range(5)}
    after, refused = set_urls(TEXT, urls)
    assert not refused
    assert [one.url for one in load(Path("feeds.yaml"), {}, text=after).sources] == list(urls.values())
    assert len(after.splitlines()) == len(TEXT.splitlines())


@pytest.mark.parametrize(
    ("sources", "line", "why"),
    [
        ("- feed: https://a.example/?k=${env:KEY}", 2, "references"),
        ("- feed: &a https://a.example/\n- feed: https://b.example/\n  name: *a", 2, "anchor"),
        ("- feed: !!str https://a.example/", 2, "tag"),
        ("- feed: >-\n    https://a.example/", 2, "several lines"),
        ("- feed: 'https://a.\\\n    example/'".replace("'", '"'), 2, "several lines"),
        ("- name: &a https://a.example/\n  feed: *a", 2, ""),
        ("- &s {feed: https://a.example/, id: a}", 2, ""),
    ],
)
def test_what_others_may_use_is_left_alone(sources: str, line: int, why: str) -> None:
    text = f"sources:\n{sources}\n"
    after, refused = set_urls(text, {0: NEW})
    if 0 not in refused:
        check_edit(load(Path("feeds.yaml"), {"KEY": "secret"}, text=text), after, {"KEY": "secret"}, urls={0: NEW})
        return
    assert after == text
    assert refused[0].line == line
    assert why in str(refused[0])


def test_an_alias_is_not_edited() -> None:
    text = "site: {url: &u https://a.example/}\nsources:\n  - feed: *u\n  - &s {feed: https://b.example/}\n"
    _, refused = set_urls(text, {0: NEW})
    assert "alias" in str(refused[0])
    with pytest.raises(NotEditable, match="line 1"):
        remove_source("sources: &s [{feed: https://b.example/}]\n", 0)


@pytest.mark.parametrize(
    ("index", "gone"),
    [
        (
            0,
            "  # about a\n  # and more\n  - feed: https://a.example/  # the address\n    name: 'A'\n"
            "    # inside of a\n",
        ),
        (1, '  # about b\n  - name: "B"\n\n    feed: "https://b.example/"\n    category: news\n'),
        (2, "  - feed: 'https://c.example/'\n"),
        (3, "  - {feed: https://d.example/, name: D}\n"),
        (4, "  -\n    # first\n    scrape:\n      url: https://e.example/list\n      items: a\n"),
    ],
)
def test_a_source_goes_with_its_own_comments_only(index: int, gone: str) -> None:
    assert removed(TEXT, index) == TEXT.replace(gone, "")
    crlf = TEXT.replace("\n", "\r\n")
    assert removed(crlf, index) == crlf.replace(gone.replace("\n", "\r\n"), "")


@pytest.mark.parametrize(
    ("text", "index", "after"),
    [
        (
            "sources: [{feed: https://a.example/}, {feed: https://b.example/}]",
            0,
            "sources: [{feed: https://b.example/}]",
        ),
        (
            "sources: [{feed: https://a.example/}, {feed: https://b.example/}]",
            1,
            "sources: [{feed: https://a.example/}]",
        ),
        ("sources: [{feed: https://a.example/}]\n", 0, "sources: []\n"),
        (
            "sources: [\n  {feed: https://a.example/}, # a\n  # b\n  {feed: https://b.example/},\n]\n",
            0,
            "sources: [\n  # b\n  {feed: https://b.example/},\n]\n",
        ),
        (
            "sources: [\n  {feed: https://a.example/}, # a\n  # b\n  {feed: https://b.example/}\n]\n",
            1,
            "sources: [\n  {feed: https://a.example/}, # a\n  # b\n  \n]\n",
        ),
        ("sources: # all: of them\n- feed: https://a.example/", 0, "sources: [] # all: of them\n"),
        (
            "sources:\n\n- feed: https://a.example/\n\n\n- feed: https://b.example/\n",
            0,
            "sources:\n\n- feed: https://b.example/\n",
        ),
        (
            "retention: &r {count: 3}\nsources:\n- feed: https://b.example/\n- feed: https://a.example/\n  retention:\n"
            "    *r\n# end",
            1,
            "retention: &r {count: 3}\nsources:\n- feed: https://b.example/\n# end",
        ),
        (
            "sources:\n- feed: https://b.example/\n- feed: https://a.example/\n  name: |-\n    # B\n\n# end\n",
            1,
            "sources:\n- feed: https://b.example/\n# end\n",
        ),
    ],
)
def test_lists_of_all_kinds_lose_one_entry(text: str, index: int, after: str) -> None:
    assert removed(text, index) == after


def test_an_entry_that_others_refer_to_cannot_go_unnoticed() -> None:
    shared = "- feed: https://a.example/\n  retention: &r {count: 3}\n- feed: https://b.example/\n  retention: *r\n"
    text = f"sources:\n{shared}"
    config = load(Path("feeds.yaml"), {}, text=text)
    with pytest.raises(ConfigError, match="refers to no anchor above"):
        check_edit(config, remove_source(text, 0), {}, removed=[0])
    with pytest.raises(AggregatorError, match="more of feeds"):
        check_edit(config, text, {}, removed=[0])


COMMENTS = st.sampled_from(["", "  # é: 'x' - y", "\t# [ {", " #"])
GAPS = st.lists(
    st.sampled_from(["\n", "  # a: - b\n", "# c\n", "    # deep\n", "  #- feed: https://old.example/\n"]), max_size=3
)
QUOTES = st.sampled_from(["{}", "'{}'", '"{}"'])


@st.composite
def files(draw: Any) -> tuple[str, list[tuple[int, int]]]:
    """A feeds.yaml with comments everywhere, and where each address stands in it."""
    text = "".join(draw(GAPS)) + "sources:" + draw(COMMENTS) + "\n"
    places = []
    for number in range(draw(st.integers(1, 4))):
        text += "".join(draw(GAPS))
        quoted = draw(QUOTES).format(f"https://{number}.example/{draw(st.sampled_from(['', 'é', '?a=b&c', '#x']))}")
        flow = draw(st.booleans())
        text += "  - " + ("{ feed:   " if flow else "feed: ")
        places.append((len(text), len(text) + len(quoted)))
        text += quoted + (" , id: s" if flow else draw(COMMENTS) + "\n" + "".join(draw(GAPS)) + "    id:  s")
        text += f"{number}" + (" }" if flow else "") + draw(COMMENTS) + "\n"
    text += "".join(draw(GAPS)) + draw(st.sampled_from(["", "fetch: {interval: 3h}\n", "# end"]))
    return text, places


#: Those that feeds.yaml takes: it refuses templates, and has no backslashes in addresses.
URLS = st.from_regex(r"https?://[a-z]{1,9}\.example/[!-~]{0,20}", fullmatch=True).filter(
    lambda url: not any(odd in url for odd in ("\\", "{{", "{%"))
)


@given(files(), URLS, st.integers(0, 3), st.booleans())
def test_any_file_keeps_its_bytes(made: tuple[str, list[tuple[int, int]]], url: str, pick: int, crlf: bool) -> None:
    text, places = made
    index = pick % len(places)
    start, end = places[index]
    head, tail = text[:start], text[end:]
    if crlf:
        text, head, tail = (part.replace("\n", "\r\n") for part in (text, head, tail))
    before = load(Path("feeds.yaml"), {}, text=text)
    after, refused = set_urls(text, {index: url})
    assert not refused
    assert after[: len(head)] == head
    assert after[len(after) - len(tail) :] == tail
    check_edit(before, after, {}, urls={index: url})


@given(files(), st.integers(0, 3))
def test_any_file_loses_the_entry_and_its_lines_only(made: tuple[str, list[tuple[int, int]]], pick: int) -> None:
    text, places = made
    after = removed(text, pick % len(places))
    rest = iter(text.splitlines(keepends=True))
    expected = after.replace("sources: []", "sources:", 1).splitlines(keepends=True)
    assert all(line in rest for line in expected)


def paused(text: str, index: int, wanted: bool = True) -> str:
    after = set_paused(text, index, wanted)
    check_edit(load(Path("feeds.yaml"), {}, text=text), after, {}, paused={index: wanted})
    return after


@pytest.mark.parametrize("index", range(5))
def test_a_pause_adds_one_key_and_its_end_removes_it(index: int) -> None:
    flow = "sources: [{feed: https://a/}, {feed: https://b/, id: b}, {feed: https://c/}, {feed: https://d/}, {feed: https://e/}]"
    for text in (TEXT, TEXT.replace("\n", "\r\n"), "\ufeff" + TEXT, TEXT.rstrip(), flow):
        after = paused(text, index)
        assert len(after) > len(text)
        start = after.index("paused: true")
        end = start + len(after) - len(text)
        assert after[:start] + after[end:] == text
        assert paused(after, index, False) == text


@pytest.mark.parametrize(
    ("written", "without"),
    [
        ("- paused: true # until May\n  # about it\n  feed: https://a/\n", "- # about it\n  feed: https://a/\n"),
        ("- feed: https://a/\n  paused: true # until May\n  # about the id\n  id: a\n", None),
        ("- feed: https://a/\n  'paused': true", "- feed: https://a/\n"),
        ("- {feed: https://a/, paused: true}\n", "- {feed: https://a/}\n"),
        ("- {paused: true, feed: https://a/}\n", "- {feed: https://a/}\n"),
        ("- {feed: https://a/, paused: true, id: a}\n", "- {feed: https://a/, id: a}\n"),
    ],
)
def test_a_pause_that_people_wrote_ends_with_its_own_comment(written: str, without: str | None) -> None:
    without = without or "- feed: https://a/\n  # about the id\n  id: a\n"
    assert paused("sources:\n" + written, 0, False) == "sources:\n" + without


def test_a_pause_that_says_false_says_true() -> None:
    text = "sources:\n- feed: https://a/\n  paused: false # not yet\n"
    assert paused(text, 0) == text.replace("false", "true")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sources:\n- feed: https://a/\n  paused: &yes true\n- feed: https://b/\n  paused: *yes\n", False),
        ("sources:\n- feed: https://b/\n  paused: &yes true\n- feed: https://a/\n  paused: *yes\n", False),
        ("sources:\n- &a {feed: https://a/, id: a}\n- *a\n", True),
    ],
)
def test_a_pause_that_others_share_is_left_to_people(text: str, wanted: bool) -> None:
    for index in (0, 1):
        with pytest.raises((NotEditable, AggregatorError, ConfigError)):
            paused(text, index, wanted)
