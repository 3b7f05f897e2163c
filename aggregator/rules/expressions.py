"""Conditions and ``where`` of feeds.yaml: expressions of CEL (Common Expression Language) over variables.

CEL has no loops, no assignment and no access to Python. The library alone is not bounded: a comprehension inside
another takes time that grows with the product of both, and one over a list takes the square of its length. So a
comprehension in another one is refused, `map` stands once, and lists and texts have limits (`aggregator.rules.facts`).
`matches` is re2 here, as in the rest of feeds.yaml; the one of the library compiles its pattern at each call, and
cannot be replaced, so that the call gets another name.

An expression is checked when it is loaded: names first, then it is evaluated on a sample. What still fails on an entry
counts as false, with a note. Importing the library takes long: it is imported when there is an expression.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache, partial
from itertools import pairwise
from types import ModuleType
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from aggregator.config.problems import show
from aggregator.rules.facts import VARIABLES, Facts, Variable, fold
from aggregator.values.patterns import compile_pattern

__all__ = ["VARIABLES", "Expression", "Key", "Variable", "When", "Where", "parse_expression"]

MAX_LENGTH = 2000
"""Characters in an expression at most."""
_MAX_DEPTH = 30

_MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
_FUNCTIONS = frozenset(
    "bool bytes contains double duration dyn endsWith getDate getDayOfMonth getDayOfWeek getDayOfYear getFullYear "
    "getHours getMilliseconds getMinutes getMonth getSeconds has int lower matches size startsWith string timestamp "
    "type uint".split()
)
_WORDS = frozenset({"true", "false", "null", "in", "bool", "bytes", "double", "int", "string", "uint"})
_OTHER_LANGUAGES = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "AND": "&&",
    "OR": "||",
    "NOT": "!",
    "True": "true",
    "False": "false",
}
#: The name of `matches` for the library.
_MATCHES = "re2_matches"
_UNKNOWN = object()
_VERBS = ("contains", "matches", "startsWith", "endsWith")

_TOKEN = re.compile(
    r"""(?P<string>(?:[rR][bB]?|[bB][rR])(?:"[^"\n]*"|'[^'\n]*')|[bB]?(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))"""
    r"|(?P<comment>//[^\n]*)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>[0-9][A-Za-z0-9_.]*)"
    r"|(?P<sign>&&|\|\||[=!<>]=|=~|\S)"
)
_AT = re.compile(r"<input>:([0-9]+):([0-9]+): (?:Syntax error: )?([^\n]*)")
_UNDEFINED = re.compile(r"Undefined variable or function: '(\w+)'")
#: Of the library's errors: about values of the sample alone; other entries may have others.
_OF_VALUES = re.compile(r"Function '(?:int|uint|double|timestamp|duration)' error")


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was checked."""

    text: str
    #: The variables that it uses.
    names: frozenset[str]
    _program: Any = field(repr=False, compare=False)

    def evaluate(self, variables: Mapping[str, Any], notes: list[str] | None = None) -> bool:
        """Return whether it holds; an error counts as false, and why is added to `notes`."""
        try:
            # Nearly always, all that it uses is there; the shortest way there.
            if type(variables) is Facts and self.names <= variables.loaded:
                value = self._program.execute(variables.shared)
            else:
                value = self._value(variables)
            if value is True or value is False:
                return value
            raise TypeError("it is not true or false")
        except Exception as error:  # whatever the library raises is about one entry
            if notes is not None:
                notes.append(f"{show(self.text)} counts as false: {_reason(error)}")
            return False

    def key(self, variables: Mapping[str, Any]) -> str:
        """Return its value as a text; "" where it cannot be evaluated."""
        try:
            value = self._value(variables)
        except Exception:  # as above
            return ""
        return value if isinstance(value, str) else repr(value)

    def _value(self, variables: Mapping[str, Any]) -> Any:
        if isinstance(variables, Facts):
            return self._program.execute(variables.context(self.names, _context))
        context = _context()
        for name in self.names:
            context.add_variable(name, variables[name])
        return self._program.execute(context)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse_expression(text: object, *, age: bool, key: bool = False) -> Expression:
    """Check an expression and compile it.

    Args:
        age: whether it may use `age`.
        key: whether it gives a text or a number; otherwise true or false.

    Raises:
        ValueError: it is not a usable expression; the message says why, and where.
    """
    if isinstance(text, bool):
        text = "true" if text else "false"
    if isinstance(text, str) and len(text) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH:,} characters")
    if not isinstance(text, str) or not (tokens := _tokens(text)):
        raise ValueError("must be an expression in quotes, such as `'words > 2000'`")
    bound = _check_shape(text, tokens)
    _check_syntax(text, tokens)
    _check_names(text, tokens, bound, age)
    program = _program(text)
    words = {token.text for token in tokens if token.kind == "name"}
    names = frozenset(words.intersection(program.variables(), VARIABLES))
    expression = Expression(text, names, program)
    _check_literals(text, tokens)
    for part in _parts(text, tokens):
        _try(text, part)
    _check_result(text, _try(text, (0, text)), key)
    return expression


def _tokens(text: str) -> list[_Token]:
    return [
        _Token(str(match.lastgroup), match[0], match.start())
        for match in _TOKEN.finditer(text)
        if match.lastgroup != "comment"
    ]


def _library() -> Any:
    """Return the module `cel`."""
    # It imports its own command line, which takes longer than the rest of it and is not needed. What is in its place
    # has no contents.
    sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))
    import cel

    return cel


def _program(text: str) -> Any:
    """Compile an expression with `matches` of re2."""
    tokens = _tokens(text)
    for token, following in reversed([*pairwise(tokens)]):
        if token.kind == "name" and (token.text, following.text) == ("matches", "("):
            text = text[: token.at] + _MATCHES + text[token.at + len("matches") :]
    return _library().compile(text)


def _check_shape(text: str, tokens: Sequence[_Token]) -> frozenset[str]:
    """Check that nothing is nested too deeply, and return the names that comprehensions give to elements."""
    depth, maps, bound = 0, 0, set[str]()
    macros: list[int] = []
    for index, token in enumerate(tokens):
        if token.text in ("(", "[", "{") and token.kind == "sign":
            depth += 1
            if depth > _MAX_DEPTH:
                raise _wrong(text, token.at, "is nested too deeply")
            if token.text == "(" and _is_macro(tokens, index - 1):
                if macros:
                    what = f"`{tokens[index - 1].text}` stands inside another one: that could take very long"
                    raise _wrong(text, tokens[index - 1].at, what)
                macros.append(depth)
                maps += tokens[index - 1].text == "map"
                if maps > 1:
                    what = "`map` stands here for the second time: what it makes could grow without end"
                    raise _wrong(text, tokens[index - 1].at, what)
                if index + 1 < len(tokens):
                    bound.add(tokens[index + 1].text)
        elif token.text in (")", "]", "}") and token.kind == "sign":
            if macros and macros[-1] == depth:
                macros.pop()
            depth -= 1
    return frozenset(bound)


def _is_macro(tokens: Sequence[_Token], index: int) -> bool:
    return index > 0 and tokens[index].text in _MACROS and tokens[index - 1].text in (".", "?")


def _check_syntax(text: str, tokens: Sequence[_Token]) -> None:
    try:
        _library().compile(text)
    except Exception as error:
        for token, following in zip(tokens, [*tokens[1:], None], strict=True):
            if token.text in ("=", "=~"):
                meant = "use `.matches(…)`" if token.text == "=~" else "to compare, write `==`"
                raise _wrong(text, token.at, f"`{token.text}` is not known; {meant}") from None
            if token.text in _OTHER_LANGUAGES and token.kind == "name":
                raise _wrong(text, token.at, f"write `{_OTHER_LANGUAGES[token.text]}` for `{token.text}`") from None
            if following is not None and token.kind == "name" and following.text in _VERBS:
                meant = f"write `{token.text}.{following.text}(…)`"
                raise _wrong(text, following.at, f"`{following.text}` follows a name; {meant}") from None
            if token.text in "“”‘’„«»":
                raise _wrong(
                    text, token.at, f"`{token.text}` is not a quotation mark here; write `\"` or `'`"
                ) from None
        if (match := _AT.search(str(error))) is None:
            raise ValueError(f"{show(text)} is not an expression") from None
        line, column, said = int(match[1]), int(match[2]), match[3].partition(" expecting {")[0]
        at = sum(len(one) + 1 for one in text.split("\n")[: line - 1]) + column
        said = said.replace("mismatched input '<EOF>'", "something is missing at its end").replace("'", "`")
        raise _wrong(text, at, said) from None


def _check_names(text: str, tokens: Sequence[_Token], bound: frozenset[str], age: bool) -> None:
    for index, token in enumerate(tokens):
        if token.kind != "name":
            continue
        name = token.text
        is_call = index + 1 < len(tokens) and tokens[index + 1].text == "("
        if is_call:
            if name not in _FUNCTIONS and not _is_macro(tokens, index):
                raise _wrong(text, token.at, f"`{name}` is not a function{_near(name, _FUNCTIONS | _MACROS)}")
        elif index and tokens[index - 1].text == ".":
            continue
        elif name == "age" and not age and name not in bound:
            what = "`age` changes with time and cannot decide what belongs to an output; use `max_age`"
            raise _wrong(text, token.at, what)
        elif name not in VARIABLES and name not in bound and name not in _WORDS:
            known = ", ".join(f"`{one}`" for one in VARIABLES)
            advice = _near(name, VARIABLES) or f"; there are {known}"
            raise _wrong(text, token.at, f"`{name}` is not a variable{advice}")


def _check_literals(text: str, tokens: Sequence[_Token]) -> None:
    """Check the patterns, times and durations that are written out, wherever they stand."""
    for name, bracket, literal, end in zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False):
        if name.text not in ("matches", "timestamp", "duration") or (bracket.text, end.text) != ("(", ")"):
            continue
        if literal.kind == "string":
            try:
                if name.text == "matches":
                    compile_pattern(str(_execute(literal.text)))
                else:
                    _execute(f"{name.text}({literal.text})")
            except Exception as error:
                raise _wrong(text, literal.at, _literal_advice(name.text, literal.text, error)) from None


def _literal_advice(function: str, literal: str, error: Exception) -> str:
    if function == "duration":
        return f'{literal} is not a duration: use the units `h`, `m` and `s`, such as "36h" or "1h30m"'
    if function == "timestamp":
        return f'{literal} is not a time: write one such as "2026-01-31T00:00:00Z"'
    return f"{literal} is not a regular expression: {_reason(error)}"


def _parts(text: str, tokens: Sequence[_Token]) -> Iterator[tuple[int, str]]:
    """Return what stands between the operators of logic, each an expression, with its place.

    An expression often stops before it comes to a part that cannot be evaluated, on the sample and on most entries.
    Those inside a comprehension know the name of its element, and are left out.
    """
    starts: list[int | None] = [0]
    for index, token in enumerate(tokens):
        if token.kind != "sign":
            continue
        if token.text in ("(", "[", "{"):
            hidden = starts[-1] is None or (token.text == "(" and index and tokens[index - 1].text in {*_MACROS, "has"})
            starts.append(None if hidden else token.at + 1)
        elif token.text in ("&&", "||", "?", ":", ",", ")", "]", "}"):
            closes = token.text in (")", "]", "}")
            start = starts.pop() if closes and len(starts) > 1 else starts[-1]
            if start is not None and text[start : token.at].strip():
                yield start, text[start : token.at]
            if not closes and start is not None:
                starts[-1] = token.at + len(token.text)
    if starts[-1]:
        yield starts[-1], text[starts[-1] :]


def _try(text: str, part: tuple[int, str]) -> Any:
    """Evaluate a part of an expression on the sample; `_UNKNOWN` where only the values of the sample are to blame."""
    start, words = part
    at = start + len(words) - len(words.lstrip())
    try:
        return _execute(words)
    except (IndexError, ArithmeticError):
        return _UNKNOWN
    except Exception as error:
        if _OF_VALUES.search(str(error)) or (start and isinstance(error, ValueError)):
            return _UNKNOWN
        where = words.strip()
        which = f"{show(where)}: " if start or where != text.strip() else ""
        raise _wrong(text, at, which + _reason(error)) from None


def _execute(text: str) -> Any:
    context = _context()
    for name, variable in VARIABLES.items():
        context.add_variable(name, variable.sample)
    return _program(text).execute(context)


def _check_result(text: str, result: Any, key: bool) -> None:
    if result is _UNKNOWN:
        return
    if key and not isinstance(result, str | int | float | datetime):
        raise ValueError(f"{show(text)} must give a text or a number")
    if not key and not isinstance(result, bool):
        kinds = {
            str: "a text",
            int: "a number",
            float: "a number",
            list: "a list",
            timedelta: "a duration",
            datetime: "a time",
        }
        raise ValueError(f"{show(text)} gives {kinds.get(type(result), 'a value')}, not true or false")


def _wrong(text: str, at: int, reason: str) -> ValueError:
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    where = f"line {line}, character {column}" if "\n" in text.strip() else f"character {column}"
    return ValueError(f"{show(text)} is not an expression: {where}: {reason}")


def _near(name: str, known: object) -> str:
    near = get_close_matches(name, list(known), n=1)  # type: ignore[call-overload]
    return f"; did you mean `{near[0]}`?" if near else ""


def _reason(error: BaseException) -> str:
    """Say in a few words why an expression could not be evaluated."""
    said = " ".join(str(error).split())
    if isinstance(error, KeyError):
        return f"there is no field {said}"
    if said.startswith("No such overload"):
        return "an operator or a function does not fit the types of its values"
    if match := _UNDEFINED.match(said):
        hint = '; what is in a list is found by `"rust" in tags`' if match[1] == "contains" else ""
        return f"`{match[1].replace(_MATCHES, 'matches')}` does not fit the types of its values{hint}"
    said = re.sub(r"^Function '\w+' error: ", "", said)
    return said.partition(". Check ")[0].partition(". CEL does")[0][:200] or type(error).__name__


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> Any:
    return compile_pattern(pattern)


# What these raised would be logged by the library: for a wrong type, and a pattern that is none, they return null.


def _matches(text: object, pattern: object = None) -> bool | None:
    try:
        return (
            _pattern(pattern).search(text) is not None if isinstance(text, str) and isinstance(pattern, str) else None
        )
    except ValueError:
        return None


def _lower(text: object = None) -> str | None:
    return fold(text) if isinstance(text, str) else None


def _context() -> Any:
    return _library().Context(functions={_MATCHES: _matches, "lower": _lower})


_SCHEMA = WithJsonSchema({"type": ["string", "boolean"], "maxLength": MAX_LENGTH})

When = Annotated[Expression, PlainValidator(partial(parse_expression, age=True)), _SCHEMA]
"""A condition of a rule."""
Where = Annotated[Expression, PlainValidator(partial(parse_expression, age=False)), _SCHEMA]
"""What belongs to an output; what depends on time is not decided here."""
Key = Annotated[Expression, PlainValidator(partial(parse_expression, age=True, key=True)), _SCHEMA]
"""A text or number by which entries are compared."""
