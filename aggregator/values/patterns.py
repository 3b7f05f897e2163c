"""Regular expressions of re2, which take linear time whatever the text."""

from __future__ import annotations

import re
from typing import Any

_MEMORY = 64 * 2**20


def compile_pattern(pattern: str, *, flags: str = "") -> Any:
    """Compile a regular expression of re2.

    Raises:
        ValueError: re2 cannot hold it; the message is the reason.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    before = f"(?{flags})" if flags else ""
    try:
        return re2.compile(before + pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        raise ValueError(_reason(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said))) from None


def _reason(said: str) -> str:
    if "invalid perl operator: (?" in said and said.rstrip()[-1:] in "=!<":
        return "looking ahead and behind, `(?=`, `(?!` and `(?<`, is not possible in linear time"
    if re.search(r"invalid escape sequence: \\[1-9]", said):
        return "a reference to a group, such as `\\1`, is not possible in linear time"
    if "pattern too large" in said:
        return "it is too large"
    return said or "it cannot be read"
