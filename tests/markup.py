"""What the tests of HTML cleaning share: hostile markup, and a look at the result with another parser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import html5lib
from hypothesis import strategies as st

from aggregator.models import Text
from aggregator.normalize.sanitizer import clean_html

BASE = "https://example.org/blog/feed.xml"

_NAMES = """
    a b i font span div p ul li dl dt dd table tr td th caption select option button form h1 h2 pre svg math title mi
    mglyph template textarea object ruby rt foo br img hr picture source video iframe noembed noscript script style
    input body html frameset plaintext image x-noscript details summary foreignobject annotation-xml center section
"""
_ATTRIBUTES = [
    'href="x.html"',
    'href=" java\nscript:x"',
    "src=a.png",
    'src="data:image/png;base64,x"',
    'data-src="/l.jpg"',
    'srcset="a 1x, b 2x"',
    'style="color:red"',
    'style="position:fixed;color:red"',
    "style=\"a:'</style>'\"",
    "onclick=x",
    'title="<img onerror=x>"',
    'title="</noscript><img src=x onerror=y>"',
    "id=z",
    'src="//youtube.com/embed/1"',
    "width=1",
    "height=1",
    'encoding="text/html"',
]
_TEXTS = ["x", " ", "\n\n", "<!--", "-->", "--!>", "<![CDATA[", "]]>", "&", "&amp;", "&nbsp;", "<", ">", '"', "'", "</"]
_ODD = ["\x00", "\r", "&#13;", "&#1;", "\ufeff", "中", "&#xd800;", "\ud800", "<script>alert(1)</script>", "</style>"]

_name = st.sampled_from(_NAMES.split())
_start = st.builds(
    lambda name, attributes, end: f"<{name}{''.join(' ' + one for one in attributes)}{end}",
    _name,
    st.lists(st.sampled_from(_ATTRIBUTES), max_size=3),
    st.sampled_from([">", ">", "/>", ""]),
)
soup = st.lists(_start | _name.map("</{}>".format) | st.sampled_from(_TEXTS + _ODD), max_size=25).map("".join)

_ALLOWED_URL = re.compile(r"https?://|mailto:|tel:")
MATHML = "{http://www.w3.org/1998/Math/MathML}"
_FORMULA = frozenset(
    """
    annotation math merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt
    mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none semantics
    """.split()
)
_OF_FORMULA = frozenset(
    """
    accent accentunder alttext class columnalign columnlines columnspacing columnspan depth dir display displaystyle
    encoding fence form frame height largeop linethickness lquote lspace mathbackground mathcolor mathvariant maxsize
    minsize movablelimits rowalign rowlines rowspacing rowspan rquote rspace scriptlevel separator stretchy symmetric
    width xmlns
    """.split()
)
_FORBIDDEN = re.compile(
    "script|style|iframe|object|embed|applet|base|meta|link|form|input|button|select|textarea|svg|math|template|noscript"
    "|frame.*|title|xmp|plaintext|noembed|x-.*"
)


def clean(html: str, base: str | None = BASE, page: str | None = None) -> str:
    """The HTML, cleaned."""
    return clean_html(Text(html, "html", base), page=page)


def _foreign_faults(name: str, children: list[str], attributes: Mapping[str, str]) -> Iterator[str]:
    """What is unsafe in an element of another namespace: all but the elements of formulas, with nothing else inside."""
    if not name.startswith(MATHML) or name.removeprefix(MATHML) not in _FORMULA:
        yield f"<{name}>"
    if not all(child.startswith(MATHML) for child in children):
        yield f"<{name}> with {children}"
    if not attributes.keys() <= _OF_FORMULA:
        yield f"<{name}> with {sorted(attributes)}"


def faults(html: str) -> Iterator[str]:
    """What is unsafe in the HTML, as another parser reads it: twice, so that what changes on the way shows."""
    for _ in range(2):
        tree = html5lib.parseFragment(html, container="div", namespaceHTMLElements=False)
        for element in tree.iter():
            name = str(element.tag)
            if name.startswith("{"):
                yield from _foreign_faults(name, [str(child.tag) for child in element], element.attrib)
            if name != "DOCUMENT_FRAGMENT" and _FORBIDDEN.fullmatch(name):
                yield f"<{name}>"
            for attribute, value in element.attrib.items():
                if attribute.startswith("on") or attribute in ("id", "name", "srcdoc", "formaction", "background"):
                    yield f"{name} {attribute}"
                if attribute in ("href", "src", "poster", "cite") and not _ALLOWED_URL.match(value):
                    yield f"{name} {attribute}={value}"
                if attribute == "style" and re.search(r"url\(|expression|position|@|\\", value):
                    yield f"{name} style={value}"
            if name == "img" and not element.attrib.get("src"):
                yield "img without src"
        html = html5lib.serialize(tree, quote_attr_values="always", omit_optional_tags=False)
