"""Words and regular expressions: what they find, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from aggregator.rules.facts import fold
from aggregator.rules.matching import MAX_WORDS, WordList, Words, make_words


def find(words: Words, *texts: str) -> str | None:
    return words.find(texts, map(fold, texts))


def read(value: object, **files: list[str]) -> Words:
    context: Any = {"read_list": files.__getitem__}
    return TypeAdapter(WordList).validate_python(value, context=context)


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("art", "Modern ART today", True),
        ("art", "art", True),
        ("art", "(art)", True),
        ("art", "the art's end", True),
        ("art", "a party", False),
        ("art", "start", False),
        ("art", "arts", False),
        ("art", "artã", False),
        ("art", "art_1", False),
        ("art", "Art展览", True),
        ("rust", "ＲＵＳＴ语言", True),
        ("straße", "STRASSE 5", True),
        ("machine learning", "On Machine\xa0Learning", True),
        ("machine  learning", "machine learning", True),
        ("C++", "I like c++!", True),
        ("C++", "abc++", False),
        (".NET", "ASP.NET", True),
        ("#ad", "buy #AD now", True),
        ("#ad", "an #address", False),
        ("广告", "春季广告位", True),
        ("広告", "この広告は", True),
        ("ﾃｽﾄ", "テストです", True),
        ("ข่าว", "ดูข่าววันนี้", True),
        ("광고", "광고를 보다", True),
        ("новости", "Все НОВОСТИ дня", True),
        ("нов", "Все новости", False),
        ("/k8s|kubernetes/i", "K8s", True),
        ("/k8s/", "K8S", False),
        ("/^a.b$/s", "a\nb", True),
        ("/^b$/m", "a\nb", True),
        (r"/\d{3}/", "abc123", True),
        ("/r/rust", "see /r/rust today", True),
        ("/", "a / b", True),
    ],
)
def test_words(word: str, text: str, found: bool) -> None:
    assert (find(make_words([word]), text) is not None) is found
    # The same among many words, for which other ways are faster.
    for others in (50, 1000):
        assert (find(make_words([word, *(f"zq{n}zq" for n in range(others))]), text) is not None) is found


def test_what_was_found_is_returned() -> None:
    words = make_words(["rust", "广告", "/k8s|kubernetes/i"])
    assert find(words, "nothing", "On Rust.") == "rust"
    assert find(words, "看广告") == "广告"
    assert find(words, "Kubernetes 2") == "Kubernetes"
    assert find(words, "nothing", "") is None


def test_whole_texts() -> None:
    words = make_words(["Uncategorized", "/^[0-9]+$/"])
    assert words.equals("uncategorized")
    assert words.equals("2026")
    assert not words.equals("uncategorized posts")


@pytest.mark.parametrize(
    ("value", "given"),
    [
        ("a", ("a",)),
        (["a", " b "], ("a", "b")),
        ({"file": "list"}, ("c", "/d/", "e f")),
        (["a", {"file": "list"}], ("a", "c", "/d/", "e f")),
    ],
)
def test_lists(value: object, given: tuple[str, ...]) -> None:
    assert read(value, list=["# words\n", "c\n", "\n", "/d/", " e f "]).given == given


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "is empty"),
        ([""], "is empty"),
        (None, "must be text; put it in quotes"),
        ([2024], "`2024` must be text; put it in quotes"),
        (True, "must be text; put it in quotes"),
        ([["a"]], "must be a word"),
        ({"fil": "x"}, "must be words, or `file:`"),
        ({"file": "list", "more": 1}, "must be words, or `file:`"),
        ({"file": "empty"}, "`empty` has no words"),
        ({"file": "bad"}, "`bad`, line 2: `/(/` is not a regular expression"),
        ("x" * 501, "is longer than 500 characters"),
        ([f"w{n}" for n in range(MAX_WORDS + 1)], "has more than 20,000 words"),
        ("/a/g", "has the flag `g`; there are `i`, `m` and `s`"),
        ("/(?!a)b/", "looking ahead and behind"),
        ("/(?<=a)b/", "is not possible in linear time"),
        (r"/(a)\1/", "a reference to a group"),
        ("/(a/", "missing )"),
        ("/a{2000}/", "invalid repetition size"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(value: object, reason: str) -> None:
    with pytest.raises(ValidationError) as error:
        read(value, list=["a"], empty=["# nothing"], bad=["a", "/(/"])
    assert reason in str(error.value)


def test_a_file_needs_somebody_who_reads_it() -> None:
    with pytest.raises(ValidationError, match="cannot be read here"):
        TypeAdapter(WordList).validate_python({"file": "x"})


def test_nothing_is_printed_for_a_bad_pattern(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="not a regular expression"):
        make_words(["/(/"])
    assert capfd.readouterr() == ("", "")


def test_a_pattern_that_others_take_long_for() -> None:
    assert find(make_words(["/(a+)+$/"]), "a" * 100_000 + "b") is None


def test_a_long_list_of_words() -> None:
    words = make_words([f"word{n}" for n in range(MAX_WORDS)])
    assert find(words, "a text with word19999.") == "word19999"
    assert find(words, "a text with word20000.") is None


def test_a_long_list_of_long_words() -> None:
    words = make_words([f"{n} {'long ' * 90}end" for n in range(MAX_WORDS)])
    assert find(words, f"a text with 19999 {'long ' * 90}end.") == f"19999 {'long ' * 90}end"
    assert find(words, f"a text with 20000 {'long ' * 90}end.") is None


def test_a_long_list_of_words_in_chinese() -> None:
    signs = [chr(0x4E00 + n) for n in range(150)]
    words = make_words([first + second + "广" for first in signs for second in signs][:MAX_WORDS])
    assert find(words, *("".join(signs[n:] + signs[:n]) for n in range(150))) is None
    assert find(words, "".join(signs) + "广") is None
    assert find(words, "".join(signs) + "一丁广告") == "一丁广"


_TEXT = st.text(st.sampled_from("aA1_ .é广ｗ-'"), min_size=1, max_size=12)


@given(_TEXT.filter(lambda text: text.strip() != ""), st.lists(_TEXT, max_size=3))
def test_a_word_is_found_between_spaces(word: str, others: list[str]) -> None:
    text = f"x {' '.join(word.split())} y"
    given = [one for one in (word, *others) if one.strip()]
    assert find(make_words(given), text) is not None


@given(st.lists(_TEXT.filter(lambda text: text.strip() != ""), min_size=1, max_size=5), _TEXT)
def test_many_words_find_what_few_find(given: list[str], text: str) -> None:
    many = [*given, *(f"zq{n}zq" for n in range(1000))]
    assert (find(make_words(many), text) is None) is (find(make_words(given), text) is None)
