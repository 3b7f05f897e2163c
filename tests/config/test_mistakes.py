"""Mistakes in feeds.yaml, and the complete messages about them: what is wrong, where, and what to do.

The mistakes are in `data/config/mistakes.txt`: a title, the file, and after `---->` the messages of `load`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import load
from aggregator.config.syntax import diagnose
from aggregator.errors import ConfigError
from tests import DATA, ROOT
from tests.support import command

TEXT = (DATA / "config" / "mistakes.txt").read_text(encoding="utf-8")
MISTAKES = re.findall(r"^#### (.+)\n((?s:.*?))^---->\n((?s:.*?))(?=^####|\Z)", TEXT, re.MULTILINE)
GOOD = (ROOT / "feeds.yaml").read_text(encoding="utf-8")


def _said(folder: Path, text: str) -> list[str]:
    path = folder / "feeds.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        found = load(path, {"TOKEN": "s3cr3t-value"}).notes
    except ConfigError as error:
        found = error.problems
        return [str(problem).replace(f"{path}:", "") for problem in found]
    return ["fine", *(f"note: {note}".replace(f"{path}:", "") for note in found)]


@pytest.mark.parametrize(("text", "expected"), [pytest.param(*one[1:], id=one[0]) for one in MISTAKES])
def test_a_mistake_is_answered_with_its_cause_its_place_and_what_to_do(
    text: str, expected: str, tmp_path: Path
) -> None:
    assert _said(tmp_path, text) == expected.splitlines()


def test_the_mistakes_are_many_and_each_is_there_once() -> None:
    titles = [title for title, _, _ in MISTAKES]
    assert len(titles) == len(set(titles)) == TEXT.count("\n---->\n")
    assert len(titles) > 150


def test_a_quote_that_is_not_closed_is_found_far_above(tmp_path: Path) -> None:
    lines = "".join(f"  - name: N{n}\n    feed: https://a.example/{n}\n" for n in range(500))
    text = f'sources:\n  - name: "First\n    feed: https://a.example/\n{lines}  - name: "Last"\n    feed: https://b.example/\n'
    assert _said(tmp_path, text) == [
        "2:11: not YAML: the quote that opens at 2:11 is not closed before line 1004; close it at the end of its text"
    ]


def test_long_texts_in_quotes_that_are_indented_are_valid(tmp_path: Path) -> None:
    text = 'site:\n  description: "A site\n    about: many things,\n    - and more"\nsources: []\n'
    assert _said(tmp_path, text) == ["fine"]


def test_the_value_of_a_credential_is_not_shown_in_any_shape(tmp_path: Path) -> None:
    for wrong in ("auth: me:pa55word", "cookies: pa55word", "headers: pa55word", "auth: {basic: pa55word}"):
        said = _said(tmp_path, f"sources:\n  - feed: https://a.example/\n    {wrong}\n")
        assert "pa55word" not in "".join(said)
        assert "write `" in said[0]
    said = _said(tmp_path, "sources:\n  - feed: https://a.example/\n    auth: {bearer: a$PASSWORD}\n")
    assert "PASSWORD" not in "".join(said)


def test_keys_at_the_top_that_begin_with_x_hold_anchors(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(
        "x-often: &often {auto: true, min: 5m}\nx-none:\nsources:\n"
        "  - {feed: 'https://a.example/', interval: *often}\n  - {feed: 'https://b.example/', interval: *often}\n",
        encoding="utf-8",
    )
    assert [str(source.interval) for source in load(path, {}).sources] == [str(load(path, {}).sources[0].interval)] * 2


def test_check_shows_a_note_on_a_hook_whose_program_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text("hooks: {on_problem: no-such-program-here --mail}\nsources: []\n", encoding="utf-8")
    done = command("check", "--config", str(path))
    assert done.status == 0
    assert "note: " in done.stdout
    assert "the program `no-such-program-here` is not found in PATH" in done.stdout


@given(st.data())
def test_any_damage_to_a_file_is_answered(
    data: st.DataObject,
) -> None:
    at = data.draw(st.integers(0, len(GOOD)))
    taken = data.draw(st.integers(0, 5))
    put = data.draw(st.text("\"'{}[]#&*!|>@%`:,- \n\t“”：\u00a0ax", max_size=4))
    try:
        load(Path("feeds.yaml"), {}, text=GOOD[:at] + put + GOOD[at + taken :])
    except ConfigError as error:
        assert all(problem.message for problem in error.problems)


def test_an_error_without_a_place_is_reported_all_the_same() -> None:
    import yaml

    assert diagnose(yaml.YAMLError("odd\nthing"), [], []) == ("odd thing", None)
    assert diagnose(yaml.MarkedYAMLError(problem="odd"), [], []) == ("odd", None)
