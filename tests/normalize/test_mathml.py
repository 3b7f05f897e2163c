"""Formulas stay, and nothing else comes in with them."""

from __future__ import annotations

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Text
from aggregator.normalize.sanitizer import clean_html, text_of
from aggregator.normalize.sanitizer.limits import SMALL_LENGTH
from aggregator.normalize.sanitizer.mathml import MAX_DEPTH, MAX_FORMULAS, MAX_LENGTH, take_out
from tests.markup import MATHML, clean, faults
from tests.thoroughness import examples

FORMULA = (
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block" alttext="x^2"><semantics><mrow><msup><mi>x</mi>'
    '<mn>2</mn></msup><mo stretchy="false" lspace="0.2em">&lt;</mo><mfrac linethickness="2px">'
    '<mi mathvariant="normal">y</mi><mtext>a&nbsp;b</mtext></mfrac><mspace width="1em"></mspace></mrow>'
    '<mtable columnalign="right left" '
    'rowspacing="3pt 1em"><mtr><mtd columnspan="2"><mi>z</mi></mtd></mtr></mtable>'
    '<annotation encoding="application/x-tex">x^2</annotation></semantics></math>'
)


@pytest.mark.parametrize(
    "around", ["{}", "<p>a {} b</p>", "<table><tbody><tr><td>{}</td></tr></tbody></table>", "<b>{}</b>{}"]
)
def test_a_formula_keeps_its_bytes(around: str) -> None:
    assert clean(around.replace("{}", FORMULA)) == around.replace("{}", FORMULA)


def test_formulas_of_a_long_text_stay() -> None:
    html = f"<p>{'x' * 80} {FORMULA}</p>" * (SMALL_LENGTH // 400)
    assert clean(html) == html


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<math><mspace width=1em /><mo>+</mo></math>", '<math><mspace width="1em"></mspace><mo>+</mo></math>'),
        ("<mml:math><mml:mi>x</mml:mi></mml:math>", "<math><mi>x</mi></math>"),
        ("<m:math xmlns:m='http://www.w3.org/1998/Math/MathML'><m:mi>x</m:mi></m:math>y", "<math><mi>x</mi></math>y"),
        ("<MATH><MI>x</MI></MATH>", "<math><mi>x</mi></math>"),
        ("<math><mi>a<mi>b</math>c", "<math><mi>ab</mi></math>c"),
        ("<math><mrow><mi>a</mi>", "<math><mrow><mi>a</mi></mrow></math>"),
        ("<math><mi>a</mi><p>b</p></math>c", "<math><mi>a</mi></math><p>b</p>c"),
        ("<math><mtext><b>a</b><p>b</p></mtext></math>", "<math><mtext>ab</mtext></math>"),
        ("<math><mi>a<!-- b --></mi><![CDATA[c<d]]></math>", "<math><mi>a</mi>c&lt;d</math>"),
        ("<math><mi>a</mi><script>b</script><style>c</style><svg>d</svg></math>", "<math><mi>a</mi></math>"),
        (
            "<math><semantics><mi>a</mi><annotation-xml encoding=html><p>b</p></annotation-xml></semantics></math>",
            "<math><semantics><mi>a</mi></semantics></math>",
        ),
        (
            "<math href=x xlink:href=y id=z style='color:red' onclick=a><mi href=x onclick=b>c</mi></math>",
            "<math><mi>c</mi></math>",
        ),
        ("<math><maction actiontype='statusline#http://x'><mi>a</mi></maction></math>", "<math><mi>a</mi></math>"),
        (
            "<math><mpadded height=0 voffset=-999px lspace=-9em><mi>a</mi></mpadded></math>",
            "<math><mpadded><mi>a</mi></mpadded></math>",
        ),
        (
            "<math><mspace width=-99em height=99999px><mo lspace=-1px minsize=1e9em>a</mo></math>",
            "<math><mspace></mspace><mo>a</mo></math>",
        ),
        ("<math mathsize=900% scriptlevel=-9 mathcolor=url(x)><mi>a</mi></math>", "<math><mi>a</mi></math>"),
        ("<script>var a = '<math>'</script><p>b</p><math><mi>c</mi></math>", "<p>b</p><math><mi>c</mi></math>"),
        (
            "<a title='<math><mi>x</mi></math>'>b</a>",
            '<a title="&lt;math&gt;&lt;mi&gt;x&lt;/mi&gt;&lt;/math&gt;">b</a>',
        ),
        ("<!-- <math> --><p>a</p>", "<p>a</p>"),
        ("a\ufdd00\ufdd1<math><mi>b</mi></math>\ufdd00\ufdd1c", "a<math><mi>b</mi></math>c"),
    ],
)
def test_what_is_kept_of_a_formula(html: str, expected: str) -> None:
    assert clean(html) == expected


#: Known attacks by mutation: elements that let another namespace begin, closed where HTML does not expect it.
ATTACKS = [
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<math><mtext><mglyph><mtext><style><img src=x onerror=alert(1)></style>",
    "<math><mtext><option><FAKE><option></option><mglyph><svg><mtext><style><a title='</style><img src onerror=a>'>",
    "<math><annotation-xml encoding='text/html'><style><img src=x onerror=alert(1)></style></annotation-xml></math>",
    "<math><annotation-xml encoding='application/xhtml+xml'><svg><script>alert(1)</script></annotation-xml>",
    "<svg></p><math><mi><style><!--</style><img src=x onerror=alert(1)>--></math>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<math><mtext><h1><a><h6></a></h6><mglyph><svg><mtext><style><a title='</style><img src onerror=a>'></style></h1>",
    "<math><maction actiontype=toggle selection=2><mi>a</mi><mtext><img src=x onerror=a></mtext></maction></math>",
    "<noscript><math><mi title='</noscript><img src=x onerror=alert(1)>'>x</mi></math></noscript>",
    "<math><mtext><textarea></mtext></math><img src=x onerror=alert(1)></textarea>",
    "<select><math><mi><select><img src=x onerror=alert(1)>",
    "<plaintext><math><mi>x</mi></math>",
    "<xmp><math><mi>x</xmp><img src=x onerror=alert(1)></mi></math>",
    '<a title="<math>"><math alttext=\'"><img src=x onerror=alert(1)>\'><mi>x</math>',
    "<math><mi>\ufdd00\ufdd1<math><mi>x</mi></math>",
    "<p title='\ufdd00\ufdd1'><math alttext='\"><img src=x onerror=a>'><mi>x</mi></math>",
    "<table><math><mi>a</mi><tr><td><math><mi>b</mi></math></table>",
    "<math><mi></mi><malignmark><mglyph><mi><table><tr><td></math><img src=x onerror=alert(1)>",
]


@pytest.mark.parametrize("html", ATTACKS)
def test_no_attack_by_mutation_works(html: str) -> None:
    safe = clean(html)
    assert list(faults(safe)) == []
    assert clean(safe) == safe


_PARTS = """
    <math> </math> <mi> </mi> <mtext> </mtext> <mrow> </mrow> <mglyph> <malignmark> <style> </style> <svg>
    </svg> <p> </p> <table> <td> </table> <b> </b> <annotation-xml </annotation-xml> <semantics>
    encoding="text/html"> <script> </script> <a href="/x"> </a> <img src="/a"> <!-- --> <![CDATA[ ]]> x &lt;
    title="<math>" alttext="\"><img>" <mtext title='</math>'> <noscript> </noscript> <select> <option> <form>
    </form> <textarea> </textarea> <title> </title> <mspace/> <mml:math> > \ufdd00\ufdd1
"""


@examples(150, thorough=500)
@given(st.lists(st.sampled_from(_PARTS.split()), max_size=25).map("".join))
def test_any_mixture_is_safe_stable_and_read_as_it_was_written(html: str) -> None:
    safe = clean(f"<math>{html}")
    assert list(faults(safe)) == []
    assert clean(safe) == safe
    tree = html5lib.parseFragment(safe, container="div", namespaceHTMLElements=False)
    assert sum(element.tag == f"{MATHML}math" for element in tree.iter()) == safe.count("<math")


_COPY = "<span><math></math></span><span class='katex-html'>"


def test_a_flood_of_formulas_ends() -> None:
    _, many = take_out("<math/>" * (2 * MAX_FORMULAS))
    assert len(many) == MAX_FORMULAS
    rest, long = take_out(f"<math><mi>{'x' * 1000}</mi></math>" * 1000)
    assert sum(map(len, long)) <= MAX_LENGTH
    assert "x" * 1000 in rest
    deep = clean("<math>" + "<mrow>" * 10 * MAX_DEPTH + "<mi>x")
    assert deep.count("<mrow>") == MAX_DEPTH - 1


@pytest.mark.parametrize(
    "part", ["<math>", "<math><svg>", "<math></script>", "<math><![CDATA[", "<math a='", "<math><mi>&", _COPY]
)
def test_what_never_ends_is_read_once(part: str) -> None:
    # Quadratic reading of these would take hours, and the run would be ended.
    take_out(part * (1_000_000 // len(part)))


def test_the_words_of_a_formula_are_those_that_show() -> None:
    assert text_of(clean_html(Text(f"<p>a {FORMULA}</p>", "html"))) == "a x 2 < y a b z"


def test_a_formula_is_not_written_twice() -> None:
    boxes = '<span aria-hidden="true" class="katex-html"><span class="base"><span>x</span>y</span></span>'
    html = f'<span class="katex"><span class="katex-mathml"><math><mi>x</mi></math></span>{boxes}</span>'
    once = '<span class="katex"><span class="katex-mathml"><math><mi>x</mi></math></span></span>'
    assert clean(f"<p>a {html} b {html} c</p>") == f"<p>a {once} b {once} c</p>"
    alone = '<span class="katex-html"><span>x</span></span>'
    assert clean(alone + "<math><mi>x</mi></math>") == alone + "<math><mi>x</mi></math>"
