"""File names of posts are readable, portable and unique, in whatever order the items come."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import unicodedata
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from aggregator.publish.names import MAX_BYTES, Wanted, post_name, slug_of
from aggregator.publish.names import assign_paths as assign_paths_asking
from aggregator.publish.posts.presets import HEXO, PELICAN, PRESETS, ZOLA, Preset

TITLES = st.text(st.characters() | st.sampled_from("aA.-_ ~/:\u200d\u0301é中😀🇨🇳\u3000"), max_size=120)
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Item 1", "Item-1"),
        ("“数字化”：县域 发展\u3000纪事", "“数字化”：县域-发展-纪事"),
        ("a - b -- c", "a-b-c"),
        ("C:\\autoexec.bat", "C__autoexec.bat"),
        ("../../etc/passwd", "etc_passwd"),
        ("Windows 10/11?", "Windows-10_11"),
        ("C# 100% done", "C_-100_-done"),
        ("AT&T + [x] (y) @z, it's", "AT&T-+-[x]-(y)-@z,-it's"),
        (".htaccess", "htaccess"),
        ("--help", "help"),
        ("~root", "root"),
        ("_draft_", "draft"),
        ("name. ", "name"),
        ("CON", "CON_"),
        ("con.txt", "con_.txt"),
        ("Lpt¹", "Lpt¹_"),
        ("COM10", "COM10"),
        ("index", "index_"),
        ("a\u200bb\u202ec\x00d\ufe0fe\u3164f", "abcdef"),
        ("e\u0301", "é"),
        ("👩\u200d👩\u200d👧 x", "👩👩👧-x"),
        ("①", "①"),
        ("*?", "fallback"),
        ("+++", "fallback"),
        ("'", "fallback"),
        ("=", "fallback"),
        ("¿!", "fallback"),
        ("😀 👍", "fallback"),
        ("!" * 300 + "a", "fallback"),
        ("\u200b", "fallback"),
        ("", "fallback"),
    ],
)
def test_names_stay_readable(title: str, name: str) -> None:
    assert post_name(title, "fallback") == name


@given(TITLES)
@example("😀" * 100)
@example("a" + "\u0301" * 500)
@example("中" * 65 + "\u1100\u1161\u11a8")
def test_names_are_portable(title: str) -> None:
    name = post_name(title, "x")
    assert 1 <= len(name.encode()) <= MAX_BYTES - 3
    assert unicodedata.is_normalized("NFC", name)
    assert not re.search(r'[\\/:*?"<>|#%\s\x00-\x1f\x7f-\x9f]', name)
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") for character in name)
    assert name[0] not in ".-_~"
    assert name[-1] not in ". -~"
    assert not RESERVED.match(name)
    assert post_name(name, "x") == name


@pytest.mark.parametrize(
    ("unit", "size"), [("🇨🇳", 8), ("👍🏽", 8), ("각", 3), ("é", 2), ("x\u0304", 3), ("क्ष", 9), ("ก็", 6)], ids=ascii
)
def test_cut_at_grapheme_boundaries(unit: str, size: int) -> None:
    for padding in range(1, 9):
        name = post_name("a" * padding + unit * 200, "x")
        assert name == "a" * padding + unit * ((MAX_BYTES - 3 - padding) // size)


Named = tuple[str, str, str]
DATE = datetime(2024, 2, 29, tzinfo=UTC)


def dated(named: Sequence[Named]) -> list[Wanted]:
    return [Wanted(*one, DATE) for one in named]


def assign_paths(named: Sequence[Named], taken: Collection[str], preset: Preset = HEXO) -> list[tuple[str, str]]:
    """Assign paths where these are in use."""
    return assign_paths_asking(dated(named), preset, set(taken).intersection)


def candidate_keys(wanted: Sequence[Named]) -> set[str]:
    """Every folded path that one of these items may get: what is asked for where none of them is free."""
    asked: set[str] = set()

    def taken(keys: Collection[str]) -> set[str]:
        asked.update(keys)
        return set(keys)

    with suppress(ValueError):
        assign_paths_asking(dated(wanted), HEXO, taken)
    return asked


def test_longer_paths_are_asked_for_only_where_the_plain_one_is_not_free() -> None:
    asked: list[set[str]] = []

    def taken(keys: Collection[str]) -> set[str]:
        asked.append(set(keys))
        return {"news/b.md"}

    assign_paths_asking(dated([("news", "a", "1"), ("news", "b", "2"), ("news", "c", "3")]), HEXO, taken)
    assert asked == [{"news/a.md", "news/b.md", "news/c.md"}, {f"news/b-{_digest('2', 8)}.md"}]


def _digest(identity: str, length: int) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:length]


def test_colliders_all_get_a_suffix() -> None:
    wanted = [
        ("news", "Name", "1"),
        ("news", "NAME", "2"),
        ("news", "ｎame", "3"),
        ("other", "Name", "4"),
        ("news", "b", "5"),
    ]
    assert assign_paths(wanted, ()) == [
        (f"news/Name-{_digest('1', 8)}.md", f"news/name-{_digest('1', 8)}.md"),
        (f"news/NAME-{_digest('2', 8)}.md", f"news/name-{_digest('2', 8)}.md"),
        (f"news/ｎame-{_digest('3', 8)}.md", f"news/name-{_digest('3', 8)}.md"),
        ("other/Name.md", "other/name.md"),
        ("news/b.md", "news/b.md"),
    ]


@pytest.mark.parametrize("preset", [PELICAN, ZOLA])
def test_slugs_differ_where_only_the_dates_of_names_do(preset: Preset) -> None:
    preset = replace(preset, path="{category}/{year}-{month}-{day}-{name}")
    wanted = [Wanted("news", "Weekly links", str(day), datetime(2026, 1, day, tzinfo=UTC)) for day in (1, 2)]
    paths = assign_paths_asking(wanted, preset, lambda keys: set())
    slugs = {slug_of(path, one.id, preset) for (path, _), one in zip(paths, wanted, strict=True)}
    assert len(slugs) == 2


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize(
    "path", ["{name}-{name}", "{category}-{name}{name}/{id}", "é" * 60 + "/{category}-{name}", "x" * 90 + "{name}"]
)
def test_no_pattern_makes_a_name_too_long_for_a_file(path: str, preset: Preset) -> None:
    preset = replace(preset, path=path)
    wanted = [Wanted("news" * 10, title * 99, title, datetime(2026, 1, 1, tzinfo=UTC)) for title in ("abc", "中文")]
    for taken in (lambda keys: set(), lambda keys: {one for one in keys if len(one) < 200}):
        with suppress(ValueError):
            for found, _ in assign_paths_asking(wanted, preset, taken):
                assert all(len(part.encode()) <= MAX_BYTES for part in found.split("/"))


def test_taken_paths_are_avoided_with_longer_digests() -> None:
    wanted = [("news", "Name", "1")]
    taken = {"news/name.md"}
    for length in (8, 16, 64):
        ((path, key),) = assign_paths(wanted, taken)
        assert path == f"news/Name-{_digest('1', length)}.md"
        assert key in candidate_keys(wanted)
        taken.add(key)
    with pytest.raises(ValueError, match="no path is left"):
        assign_paths(wanted, taken)


def test_nobody_can_occupy_the_last_resort_of_another() -> None:
    wanted = [("news", "Name", "1")]
    squatters = [("news", f"Name-{_digest('1', length)}", f"s{length}") for length in (8, 16, 64)]
    taken = {key for _, key in assign_paths([("news", "Name", "s"), *squatters], ())}
    assert assign_paths(wanted, taken)[0][0] == f"news/Name-{_digest('1', 64)}.md"


def test_titles_without_a_name_are_told_apart() -> None:
    wanted = [("news", "???", "1"), ("news", "", "2")]
    assert [path for path, _ in assign_paths(wanted, ())] == [f"news/post-{_digest(i, 8)}.md" for i in "12"]


_SMALL = st.sampled_from(["a", "A", "ａ", "b", "", "?", "a" * 300, f"a-{_digest('1', 8)}", f"A-{_digest('2', 16)}"])
WANTED = st.lists(
    st.tuples(st.sampled_from(["x", "y"]), _SMALL, st.integers(0, 9).map(str)), unique_by=lambda one: one[2]
)


@given(WANTED, st.randoms(use_true_random=False), st.data())
def test_paths_are_unique_and_do_not_depend_on_the_order(
    wanted: list[Named], random: object, data: st.DataObject
) -> None:
    taken = data.draw(st.sets(st.sampled_from(sorted(candidate_keys(wanted)) or ["-"]), max_size=2))
    result = assign_paths(wanted, taken)
    keys = [key for _, key in result]
    assert len(set(keys)) == len(keys)
    assert taken.isdisjoint(keys)
    assert set(keys) <= candidate_keys(wanted)
    assert all(len(path.partition("/")[2].encode()) <= MAX_BYTES for path, _ in result)
    order = data.draw(st.permutations(range(len(wanted))))
    again = assign_paths([wanted[index] for index in order], taken)
    assert [again[order.index(index)] for index in range(len(wanted))] == result


def test_hostile_titles_give_portable_files(shared: Path, tmp_path: Path) -> None:
    hostile = shared / "corpus" / "hostile"
    titles = [item.findtext("title") or "" for item in etree.parse(hostile / "paths-titles.xml").iter("item")]
    assert len(titles) >= 50
    for path, _ in assign_paths([("news", title, str(number)) for number, title in enumerate(titles)], ()):
        target = tmp_path / path
        target.parent.mkdir(exist_ok=True)
        target.touch(exist_ok=False)
    assert len(list((tmp_path / "news").iterdir())) == len(titles)
    scan = [sys.executable, str(hostile / "scan_output.py"), "--paths", str(tmp_path)]
    done = subprocess.run(scan, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"{len(titles) + 1} names, 0 with findings")
