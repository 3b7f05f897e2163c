"""Styles: what is harmless keeps its bytes, the rest goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.normalize.css import MAX_STYLE, safe_style


@pytest.mark.parametrize(
    "style",
    [
        "text-indent: 2em; text-align: left;",
        "text-align:center",
        "COLOR : #FFF ;; ",
        "font-family: 'A; B', \"C\"; color: rgb(1, 2, 3)",
        "width: calc(100% - 2px); font: 12px/1.5 sans-serif; margin: 0 auto !important",
        "",
        ";",
    ],
)
def test_harmless_styles_keep_their_bytes(style: str) -> None:
    if "; B'" in style:
        # A semicolon in a string is read as the end: both halves are refused rather than guessed at.
        assert safe_style(style) == " color: rgb(1, 2, 3)"
    else:
        assert safe_style(style) == style


@pytest.mark.parametrize(
    "declaration",
    [
        "position:fixed",
        "z-index:999",
        "background:url(https://e.example/x)",
        "background: u\\72l(x)",
        "background:URL(x)",
        "width:expression(alert(1))",
        "width:exp/**/ression(alert(1))",
        "behavior:url(x)",
        "-moz-binding:url(x)",
        "@import 'x'",
        "margin-top:-500px",
        "margin: 0 -9em",
        "transform:scale(9)",
        "content:'x'",
        "color:red</style>",
        'color:"</style>"',
        "color:'x",
        "color:image-set('x')",
        "color",
        ":red",
        "color:var(--x)",
        "color:\x00red",
    ],
)
def test_a_harmful_declaration_goes_alone(declaration: str) -> None:
    assert safe_style(declaration) is None
    assert safe_style(f"color:red;{declaration};text-align:left") == "color:red;text-align:left"


def test_an_overlong_style_goes_whole() -> None:
    assert safe_style("color:red;" * MAX_STYLE) is None


@given(
    st.lists(st.sampled_from(["color", "position", ":", ";", "red", "url(", ")", "'", '"', "\\", "/*", "*/", "(", " "]))
)
def test_cleaning_a_style_again_changes_nothing(parts: list[str]) -> None:
    once = safe_style("".join(parts))
    assert once is None or safe_style(once) == once
    assert once is None or not any(bad in once for bad in ("url(", "\\", "/*", "position:"))
