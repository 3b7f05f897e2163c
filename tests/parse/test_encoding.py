"""Encodings: what is believed, what is detected, what is replaced."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.parse.encoding import decode, drop_forbidden_references, may_be_encoded_twice

CHINESE = "人工智能与开源社区的未来发展趋势，我们来看这些新闻。"
TRADITIONAL = "人工智慧與開源社群的未來發展，我們來看這些新聞。"
JAPANESE = "人工知能とオープンソースの未来についてのニュースです。"
KOREAN = "인공지능과 오픈 소스의 미래에 대한 소식을 전합니다."
FRENCH = "Café à la crème, déjà prêt – “voilà”"


def document(text: str, encoding: str, declared: str | None = None) -> bytes:
    attribute = f' encoding="{declared}"' if declared else ""
    return f'<?xml version="1.0"{attribute}?><rss><title>{text}</title></rss>'.encode(encoding)


def title(body: bytes, content_type: str = "") -> tuple[str, str]:
    decoded = decode(body, content_type)
    return decoded.text.partition("<title>")[2].partition("</title>")[0], decoded.encoding


@pytest.mark.parametrize(
    ("text", "encoding", "read_as"),
    [
        (CHINESE, "gbk", "gb18030"),
        (TRADITIONAL, "big5", "big5hkscs"),
        (JAPANESE, "shift_jis", "cp932"),
        (JAPANESE, "euc_jp", "euc_jp"),
        (KOREAN, "euc_kr", "cp949"),
        (FRENCH, "cp1252", "windows-1252"),
        (CHINESE, "utf-8", "utf-8"),
    ],
)
@pytest.mark.parametrize("declared", [None, "utf-8", "nonsense", "iso-8859-1", "utf-16", "utf-7"])
def test_what_is_not_declared_or_declared_wrongly_is_detected(
    text: str, encoding: str, read_as: str, declared: str | None
) -> None:
    assert title(document(text, encoding, declared)) == (text, read_as)


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        ("朱镕基", "gbk", "gb2312"),
        ("𠀀㐀", "gb18030", "GB18030"),
        ("中文", "big5", "Big5"),
        ("カナ", "shift_jis", "x-sjis"),
        ("日本", "iso2022_jp", "ISO-2022-JP"),
        ("Привет, мир", "cp1251", "windows-1251"),
        ("Привет, мир", "koi8-r", "KOI8-R"),
        ("Zażółć", "iso8859-2", "iso-8859-2"),
        ("“quoted”", "cp1252", "iso-8859-1"),
    ],
)
def test_a_declaration_that_fits_is_believed(text: str, encoding: str, declared: str) -> None:
    body = document(text, encoding, declared)
    assert title(body)[0] == text
    assert decode(body).repairs == ()


def test_the_http_charset_counts_where_the_document_names_none() -> None:
    assert title(document("Привет", "cp1251"), 'text/xml; charset="windows-1251"')[0] == "Привет"


def test_bytes_that_are_utf8_win_over_the_http_charset() -> None:
    assert title(document(CHINESE, "utf-8", "utf-8"), "text/xml; charset=iso-8859-1") == (CHINESE, "utf-8")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_wide_encodings_with_and_without_mark(encoding: str) -> None:
    decoded = decode(document(CHINESE, encoding, "utf-8"))
    assert CHINESE in decoded.text
    assert decoded.text.startswith("<?xml")


def test_two_marks_are_both_removed() -> None:
    assert decode("\ufeff\ufeff<rss/>".encode()).text == "<rss/>"


def test_a_few_bad_bytes_do_not_change_the_encoding() -> None:
    body = document(CHINESE, "utf-8").replace("新闻".encode(), b"\xff\xe6\x96")
    decoded = decode(body)
    assert decoded.encoding == "utf-8"
    assert "我们来看这些\ufffd\ufffd。" in decoded.text
    assert decoded.repairs == ("bytes that are no utf-8 were replaced: 2",)


def test_a_cut_character_in_gbk_does_not_change_the_encoding() -> None:
    assert title(document(CHINESE * 3, "gbk", "gbk")[:-16] + b"</title>")[1] == "gb18030"


def test_utf7_is_never_decoded() -> None:
    assert "<script" not in decode(b'<?xml version="1.0" encoding="utf-7"?><a>+ADw-script+AD4-</a>').text


@pytest.mark.parametrize("name", ["zlib", "rot13", "hex", "unicode_escape", "idna", "punycode", "undefined", "hz"])
def test_codecs_that_are_no_encodings_are_not_used(name: str) -> None:
    assert title(document("plain", "ascii", name))[0] == "plain"


def test_control_characters_are_removed() -> None:
    decoded = decode("<a>one\x00two\x08\x1f\ufffe\tthree</a>".encode())
    assert decoded.text == "<a>onetwo\tthree</a>"
    assert decoded.repairs == ("control characters were removed: 4",)


@pytest.mark.parametrize(
    ("text", "expected", "dropped"),
    [
        ("a&#8;b&#x1F;c&#xD800;d&#xFFFE;e&#x110000;f&#0;", "abcdef", 6),
        ("&#65;&#x1F600;&#150;&#10;", "&#65;&#x1F600;&#150;&#10;", 0),
        (f"&#{'9' * 5000};", "", 1),
        ("&#&#8;8;", "&# 8;", 1),
        ("& &# &#; &#x;", "& &# &#; &#x;", 0),
    ],
)
def test_references_to_forbidden_characters_are_dropped(text: str, expected: str, dropped: int) -> None:
    assert drop_forbidden_references(text) == (expected, dropped)


@given(st.binary(max_size=300), st.sampled_from(["", "text/xml; charset=gbk", "charset=utf-16", "charset=\x00"]))
def test_any_bytes_become_text_that_xml_can_carry(body: bytes, content_type: str) -> None:
    text = decode(body, content_type).text
    assert text.encode("utf-8").decode("utf-8") == text
    assert "\x00" not in text


@given(
    st.lists(st.sampled_from([b"\xc3\x83\xc2\xa9", b"\xc3", b"\xa4", b"\xc2", b"\xe2\x82\xac", b"\xe2", b"a"])).map(
        b"".join
    )
)
def test_what_may_be_encoded_twice_is_found_by_its_bytes(body: bytes) -> None:
    assert may_be_encoded_twice(body) is bool(re.search(rb"\xc3[\x80-\xb4](?:\xc2|\xe2\x82\xac)", body))


@given(st.text(alphabet=st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cn"]), max_size=100))
def test_utf8_comes_back_as_it_was(text: str) -> None:
    assert decode(f"<a>{text}</a>".encode()).text == f"<a>{text}</a>"
