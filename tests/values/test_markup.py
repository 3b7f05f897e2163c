"""Text that XML and HTML can carry."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from aggregator.values.markup import unescape, xml_text


@given(st.text(st.characters() | st.sampled_from("\x00\x0b\x1f\x7f\x85\ud800\udfff\ufffe\uffff\U0001ffff")))
def test_xml_text_is_all_that_xml_should_hold(text: str) -> None:
    clean = xml_text(text)
    element = etree.Element("a", b=clean)
    element.text = clean
    again = etree.fromstring(etree.tostring(element, encoding="UTF-8"))
    assert (again.text or "") == clean == again.get("b")
    assert len(clean) == sum(1 for c in text if _is_char(ord(c)))


def _is_char(code: int) -> bool:
    """Char of XML 1.0, section 2.2, without the controls that the note there discourages."""
    return (
        code in (9, 10, 13)
        or 0x20 <= code <= 0x7E
        or 0xA0 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or code > 0xFFFF
    )


@given(
    st.text()
    | st.lists(st.sampled_from(["&", "&#", "&#x", "9" * 5000, "0", ";", "&amp;", "x"]), max_size=20).map("".join)
)
def test_unescape_never_raises_and_leaves_no_surrogate(text: str) -> None:
    assert "&" in text or unescape(text) == text
    assert not any("\ud800" <= letter <= "\udfff" for letter in unescape(text.replace("\ud800", "")))
