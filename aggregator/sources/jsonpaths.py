"""JSONPath (RFC 9535), compiled and run with the library python-jsonpath, which is imported where a path is used.

Its extensions are turned off, and its regular expressions are those of re2, which take linear time: both the path and
the value that it runs on are taken to be hostile.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from aggregator.parse.jsontext import MAX_DEPTH
from aggregator.values.jsonpaths import is_template, path_of, places
from aggregator.values.patterns import compile_pattern

MAX_FOUND = 10_000
"""Values that a path finds at most; the others are left out."""


def check(selector: str) -> None:
    """Check a selector: the name of a member, a JSONPath, or a template of them.

    Raises:
        ValueError: it is none; a sentence that completes "`key` …".
    """
    for one in places(selector) if is_template(selector) else [selector]:
        path = path_of(one)
        if path is not None:
            check_path(path, one)


def check_path(path: str, written: str) -> None:
    """Check a JSONPath from `$`; `written` is what stands in feeds.yaml. Raises ValueError as `check`."""
    try:
        compiled(path)
    except PathError as error:
        place = hint = ""
        if error.at is not None:
            place = f" at character {max(error.at - (len(path) - len(written)), 0) + 1}"
        if not written.startswith(("$", "@")) and "'" not in written:
            hint = f"; the member with this name is `$['{written}']`"
        raise ValueError(f"`{written}` is not a JSONPath: {error}{place}{hint}") from None


class PathError(ValueError):
    """A text is no JSONPath.

    Args:
        at: the character at which it is none, from 0; None: its end, or unknown.
    """

    def __init__(self, message: str, at: int | None = None) -> None:
        self.at = at
        super().__init__(message)


#: Sentences of the library in other words.
_WORDS = {"expected a shorthand selector": "a name or `*` is missing after a `.`"}


@functools.lru_cache(maxsize=1024)
def compiled(path: str) -> Any:
    """Compile a JSONPath.

    Raises:
        PathError: it is none.
    """
    import jsonpath

    try:
        return _environment().compile(path)
    except jsonpath.JSONPathError as error:
        # `str(error)` would be a drawing.
        said = str(error.message)
        at = error.token.index if error.token is not None else -1
        raise PathError(_WORDS.get(said, said), at if at >= 0 else None) from None
    except RecursionError:
        raise PathError("it is nested too deeply") from None
    except (OverflowError, ValueError) as error:
        raise PathError(str(error)) from None


def find(selector: str, value: Any) -> list[Any]:
    """Return what a name or a path finds in a value, at most `MAX_FOUND` of it; what cannot be run finds nothing."""
    path = path_of(selector)
    if path is None:
        return [value[selector]] if isinstance(value, dict) and selector in value else []
    return list(_run(path, value))


def _run(path: str, value: Any) -> Iterator[Any]:
    if not isinstance(value, dict | list):
        # The library would read a text as JSON.
        if path == "$":
            yield value
        return
    for number, match in enumerate(compiled(path).finditer(value)):
        if number == MAX_FOUND:
            return
        yield match.obj


def gives_one(selector: str) -> bool:
    """Whether a selector can find one value at most (RFC 9535, section 2.3.5.1: a singular query)."""
    path = path_of(selector)
    return path is None or bool(compiled(path).singular_query())


def place_of(selector: str, value: Any) -> bool:
    """Whether what a selector would find could be there: the place is, and has nothing in it."""
    if find(selector, value) in ([[]], [{}], [None]):
        return True
    path = path_of(selector)
    if path is None or gives_one(selector):
        return False
    import jsonpath

    *before, _ = compiled(path).segments
    parent = jsonpath.JSONPath(env=_environment(), segments=before)
    return isinstance(value, dict | list) and next(iter(parent.finditer(value)), None) is not None


@functools.cache
def _environment() -> Any:
    import jsonpath
    from jsonpath.filter import StringLiteral
    from jsonpath.function_extensions import ExpressionType, FilterFunction

    class Pattern(FilterFunction):
        """The functions `match` and `search`; a pattern that is none matches nothing (section 2.4.6)."""

        arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012
        return_type = ExpressionType.LOGICAL

        def __init__(self, *, whole: bool) -> None:
            self._whole = whole

        def __call__(self, value: object, pattern: object) -> bool:
            if not isinstance(value, str) or not isinstance(pattern, str):
                return False
            try:
                found = _pattern(pattern)
            except ValueError:
                return False
            return bool(found.fullmatch(value) if self._whole else found.search(value))

    class Environment(jsonpath.JSONPathEnvironment):
        # A descendant is one level deeper than its parent, and so is the value itself.
        max_recursion_depth = MAX_DEPTH + 2

        def setup_function_extensions(self) -> None:
            super().setup_function_extensions()
            self.function_extensions["match"] = Pattern(whole=True)
            self.function_extensions["search"] = Pattern(whole=False)

        def validate_function_extension_signature(self, token: Any, args: list[Any]) -> list[Any]:
            checked: list[Any] = super().validate_function_extension_signature(token, args)
            if token.value in ("match", "search") and isinstance(args[1], StringLiteral):
                try:
                    _pattern(args[1].value)
                except ValueError as error:
                    message = f"`{args[1].value}` is not a regular expression: {error}"
                    raise jsonpath.JSONPathSyntaxError(message, token=token) from None
            return checked

    return Environment(strict=True)


@functools.lru_cache(maxsize=256)
def _pattern(pattern: str) -> Any:
    return compile_pattern(pattern)
