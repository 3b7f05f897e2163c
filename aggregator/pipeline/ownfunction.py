"""The call of a function of one's own, in its process: `aggregator.pipeline.steps` has it made there.

This module stands apart so that such a process imports the function and little else.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

#: Characters of a reason why a call failed.
_MAX_REASON = 300


def call_function(folder: str, function: str, given: dict[str, Any], longest: int) -> tuple[bool, str]:
    """Call a function of one's own, in a worker; return whether it worked, and its result as JSON or why it failed.

    Args:
        folder: where its module may stand.
        function: ``module:function``.
        given: what it gets.
        longest: characters of a result.
    """
    if folder not in sys.path:
        # Behind all others, so that no file there hides a module of the program.
        sys.path.append(folder)
    module, _, name = function.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)(given)
        text = json.dumps({} if made is None else made, ensure_ascii=False)
        text.encode()
    except MemoryError:
        raise
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"[:_MAX_REASON]
    if len(text) > longest:
        return False, f"it returned more than {longest:,} characters"
    return True, text
