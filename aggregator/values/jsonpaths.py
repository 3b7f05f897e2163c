"""What a text of feeds.yaml selects in JSON: the member of a name, a JSONPath (RFC 9535), or a text with both in it."""

from __future__ import annotations

import re

#: A path from the value itself; other names may begin with these signs, such as `@type` and `$t`.
_PATH = re.compile(r"[$@](?:[.\[]|\Z)")
_PLACE = re.compile(r"\{([^{}]*)\}")

NEXT = "{next}"
"""What stands for the value that leads to the next page."""


def path_of(selector: str) -> str | None:
    """Return the JSONPath that a selector is, from `$`; None: it is the plain name of a member.

    `$` and `@` both are the value in which it selects; both may be left out of a path.
    """
    if _PATH.match(selector):
        return f"${selector[1:]}"
    if "." not in selector and "[" not in selector:
        return None
    return f"${selector}" if selector[0] in ".[" else f"$.{selector}"


def is_template(selector: str) -> bool:
    """Whether a selector is a text with selectors in braces; the braces of a JSONPath are in its conditions."""
    return ("{" in selector or "}" in selector) and not _PATH.match(selector) and "[?" not in selector


def places(template: str) -> list[str]:
    """Return the selectors in a template, in order.

    Raises:
        ValueError: a brace has no other one, or there is nothing in between; a sentence that completes "`key` …".
    """
    rest = _PLACE.sub("", template)
    if "{" in rest or "}" in rest:
        raise ValueError("has a brace without its other one; `{name}` stands for the value of `name`")
    found = [inner.strip() for inner in _PLACE.findall(template)]
    if "" in found:
        raise ValueError("has `{}` without a name in it")
    return found


def fill(template: str, values: list[str]) -> str:
    """Return a template with these values in its places."""
    left = iter(values)
    return _PLACE.sub(lambda match: next(left), template)
