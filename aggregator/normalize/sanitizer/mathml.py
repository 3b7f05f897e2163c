"""Formulas in MathML: removed from a text before it is sanitized, written again, and put back afterwards.

Most attacks by mutation use elements of MathML in HTML, because inside some of them HTML begins again. Of a formula,
only what is on a list is written, in order and closed, and its content is only text: no HTML, no link, no style,
nothing of another namespace. Such a formula is parsed alike wherever a word may stand, and the sanitizer sees a word in
its place.

The list is that of MathML Core (www.w3.org/TR/mathml-core), without what runs or leaves its line: `maction`, the
attributes of `mpadded`, `mathsize`, events.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from itertools import islice

from aggregator.normalize.sanitizer.limits import MAX_HTML, TOKEN, attributes
from aggregator.normalize.sanitizer.styles import is_length
from aggregator.values.markup import unescape

#: Formulas of a text that are kept; and the length of all in characters, beyond which only their words are kept.
MAX_FORMULAS = 10_000
MAX_LENGTH = MAX_HTML // 8
MAX_DEPTH = 100
_MAX_VALUE = 2000
_NAMESPACE = "http://www.w3.org/1998/Math/MathML"

#: The mark of a formula: characters that no text has (Unicode, section 23.7), and that the sanitizer keeps.
_BEGIN, _END = "\ufdd0", "\ufdd1"
_TORN = re.compile(f"{_BEGIN}[0-9]*{_END}?|{_END}")
#: Marks, and tags, in whose attributes no formula can stand.
_TAG_OR_MARK = re.compile(rf'<[^">]*+(?:"[^"]*"[^">]*+)*+>|{_BEGIN}([0-9]{{1,7}}){_END}')
_ANY = re.compile(r"<(?=[mM])(?ai:(?:(?:mml|m|mathml):)?math)(?=[\s/>])")
_ILLEGAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0\ufdd1\ufeff\ufffe\uffff]")

#: The second copy of a formula, which KaTeX writes (katex.org/docs/options, "output").
_COPY = re.compile(rf"""(?<={_END}</span>)<span\s[^<>]*class=["']katex-html["'][^<>]*>""")
_SPAN_TAG = re.compile(r"<(/?)span(?=[\s>])[^<>]*>")

#: Elements that contain only text.
_TOKENS = frozenset("annotation mi mn mo ms mtext".split())
#: Elements without content.
_VOID = frozenset("mprescripts mspace none".split())
_ELEMENTS = (
    _TOKENS
    | _VOID
    | frozenset(
        """
    merror mfrac mmultiscripts mover mpadded mphantom mroot mrow msqrt mstyle msub msubsup msup mtable mtd
    mtr munder munderover semantics
    """.split()
    )
)
_STARTS = frozenset("math m:math mathml:math mml:math".split())
#: Removed with their content.
_EMPTIED = frozenset(
    """
    annotation-xml desc foreignobject iframe math noembed noframes noscript script select style svg template textarea
    title xmp
    """.split()
)
#: Tags of HTML that end a formula (HTML standard, section 13.2.6.5), and elements whose content is not markup.
_BREAKS = frozenset(
    """
    b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta nobr
    ol p pre ruby s small span strong strike sub sup table tt u ul var
    """.split()
)
_RAW = frozenset("noembed noframes script style textarea title xmp".split())
_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])[^>]*>?", re.IGNORECASE | re.ASCII) for name in _EMPTIED | _RAW}

Judge = Callable[[str], object]


def _lengths(most: float) -> Judge:
    return lambda value: all(part == "0" or is_length(part, most) for part in value.lower().split())


_BOOLEAN = re.compile("true|false").fullmatch
_COLOR = re.compile("#[0-9a-fA-F]{3,8}|[a-zA-Z]{1,20}").fullmatch
_WORDS = re.compile("[a-z ]{1,200}").fullmatch
_SPAN = re.compile("[1-9][0-9]?").fullmatch
_ALIGNED: dict[str, Judge] = {"columnalign": _WORDS, "rowalign": _WORDS}
_EVERYWHERE: dict[str, Judge] = {
    "class": bool,
    "dir": re.compile("ltr|rtl").fullmatch,
    "displaystyle": _BOOLEAN,
    "mathbackground": _COLOR,
    "mathcolor": _COLOR,
    "mathvariant": re.compile("[a-z-]{1,30}").fullmatch,
    "scriptlevel": re.compile(r"\+?[0-9]").fullmatch,
}
_ATTRIBUTES: dict[str, dict[str, Judge]] = {
    "annotation": {"encoding": bool},
    "math": {"alttext": bool, "display": re.compile("block|inline").fullmatch, "xmlns": _NAMESPACE.__eq__},
    "mfrac": {"linethickness": _lengths(12)},
    "mo": {
        **dict.fromkeys("accent fence largeop movablelimits separator stretchy symmetric".split(), _BOOLEAN),
        "form": re.compile("prefix|infix|postfix").fullmatch,
        **dict.fromkeys("lspace rspace".split(), _lengths(64)),
        **dict.fromkeys("maxsize minsize".split(), _lengths(300)),
    },
    "mover": {"accent": _BOOLEAN},
    "ms": {"lquote": bool, "rquote": bool},
    "mspace": dict.fromkeys("depth height width".split(), _lengths(300)),
    "mtable": {
        **_ALIGNED,
        **dict.fromkeys("columnlines frame rowlines".split(), _WORDS),
        **dict.fromkeys("columnspacing rowspacing".split(), _lengths(100)),
    },
    "mtd": {**_ALIGNED, "columnspan": _SPAN, "rowspan": _SPAN},
    "mtr": _ALIGNED,
    "munder": {"accentunder": _BOOLEAN},
    "munderover": {"accent": _BOOLEAN, "accentunder": _BOOLEAN},
}


def take_out(source: str) -> tuple[str, list[str]]:
    """Replace each formula of a text by a mark; return the text and the formulas, made safe."""
    if _ANY.search(source) is None:
        return source, []
    source = _TORN.sub("", source)
    parts: list[str] = []
    formulas: list[str] = []
    at = length = 0
    for begin, end, formula in islice(_found(source), MAX_FORMULAS):
        length += len(formula)
        if length > MAX_LENGTH:
            formula = re.sub("<[^>]*>", " ", formula)
        else:
            formulas.append(formula)
            formula = f"{_BEGIN}{len(formulas) - 1}{_END}"
        parts += source[at:begin], formula
        at = end
    return "".join(_without_copies("".join([*parts, source[at:]]))), formulas


def _without_copies(source: str) -> Iterator[str]:
    """Remove the copies of formulas that are made of boxes and need a style sheet."""
    at = 0
    while (copy := _COPY.search(source, at)) is not None:
        yield source[at : copy.start()]
        at, depth = copy.end(), 1
        for span in _SPAN_TAG.finditer(source, at):
            depth += -1 if span[1] else 1
            if not depth:
                at = span.end()
                break
        else:
            # Not closed: then the next one is not closed either.
            break
    yield source[at:]


def put_back(safe: str, formulas: list[str]) -> str:
    """Put the formulas back into the sanitized text."""
    if not formulas:
        return safe
    left = dict(enumerate(formulas))

    def put(match: re.Match[str]) -> str:
        return left.pop(int(match[1]), "") if match[1] else match[0]

    return _TORN.sub("", _TAG_OR_MARK.sub(put, safe))


def _found(source: str) -> Iterator[tuple[int, int, str]]:
    """Yield where each formula begins and ends, and what is written in its place."""
    at, ends = 0, _Ends(source)
    while (match := TOKEN.search(source, at)) is not None and match[0]:
        at = match.end()
        name = (match[2] or "").lower()
        if match[1] or not match[4]:
            continue
        if name in _RAW:
            at = ends.after(name, at)
        elif name in _STARTS:
            writer = _FormulaWriter(source, ends, name.removesuffix("math"))
            if (end := writer.read(match)) is not None:
                yield match.start(), end, "".join(writer.written)
                at = end


class _Ends:
    """The ends of elements whose content is not read; a missing end is not searched again."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.missing: set[str] = set()

    def after(self, name: str, at: int) -> int:
        """Return the position after the end tag; `at` if there is none."""
        end = None if name in self.missing else _ENDS[name].search(self.source, at)
        if end is None:
            self.missing.add(name)
            return at
        return end.end()


class _FormulaWriter:
    """Reads one formula and writes what is kept of it to `written`."""

    def __init__(self, source: str, ends: _Ends, prefix: str) -> None:
        self.source = source
        self.ends = ends
        self.prefix = prefix
        self.written: list[str] = []
        self.open: list[str] = []

    def read(self, start: re.Match[str]) -> int | None:
        """Read from the start tag on; return the position where the formula ends, None if it is not one."""
        source, at = self.source, start.end()
        self._start("math", start)
        if source[at - 2] == "/":
            self._close("math")
        while self.open:
            match = TOKEN.search(source, at)
            self._text(source[at : len(source) if match is None else match.start()])
            if match is None:
                self._close("math")
                return len(source)
            at = match.end()
            if match[0].startswith("<![CDATA["):
                end = source.find("]]>", at)
                end = len(source) if end < 0 else end
                self._text(html.escape(source[at:end], quote=False))
                at = end + 3
            elif (name := (match[2] or "").lower().removeprefix(self.prefix)) and match[4]:
                if match[1] and name in _RAW:
                    # The text of a script or style that has the start of a formula in it.
                    return None
                if not match[1] and name in _BREAKS and self.open[-1] not in _TOKENS:
                    self._close("math")
                    return match.start()
                at = self._tag(name, match)
        return at

    def _tag(self, name: str, tag: re.Match[str]) -> int:
        """Take a tag; return the position to continue at."""
        if tag[1]:
            self._close(name)
        elif name in _EMPTIED:
            return tag.end() if tag[0].endswith("/>") else self.ends.after(name, tag.end())
        elif self._start(name, tag) and tag[0].endswith("/>"):
            self._close(name)
        return tag.end()

    def _start(self, name: str, tag: re.Match[str]) -> bool:
        if self.open and (name not in _ELEMENTS or self.open[-1] in _TOKENS or len(self.open) >= MAX_DEPTH):
            return False
        self.open.append(name)
        self.written.append(f"<{name}{''.join(_attributes(name, tag[3]))}>")
        if name in _VOID:
            self._close(name)
        return True

    def _close(self, name: str) -> None:
        """Close an open element with all that is open inside it."""
        if name in self.open:
            last = ""
            while last != name:
                last = self.open.pop()
                self.written.append(f"</{last}>")

    def _text(self, text: str) -> None:
        if text:
            self.written.append(_escape(unescape(text)))


def _attributes(element: str, written: str) -> Iterator[str]:
    judges = _EVERYWHERE | _ATTRIBUTES.get(element, {})
    for name, value in attributes(written).items():
        if name in judges and len(value) <= _MAX_VALUE and judges[name](value):
            yield f' {name}="{_escape(value).replace(chr(34), "&quot;")}"'


def _escape(text: str) -> str:
    return html.escape(_ILLEGAL.sub("", text), quote=False).replace("\u00a0", "&nbsp;")
