"""The configuration in force, and how to keep its secrets out of what people read.

`Config` is what `load` gives to the rest of the program: frozen, with all defaults filled in.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from aggregator.models import Category, Source

if TYPE_CHECKING:
    from aggregator.config.schema import FeedSettings, FetchDefaults, PostSettings, Site
    from aggregator.config.upkeep import HookSettings

HIDDEN = "***"
"""What stands in place of a secret."""

#: A shorter value is no secret, and to blot it out everywhere would make messages unreadable.
_SHORTEST_SECRET = 4

# RFC 3986, section 3.2.1. The last @ before the path ends the userinfo, as browsers read it.
_USERINFO = re.compile(r"(?<=://)([^\s/?#@:]*)(:?)[^\s/?#]*@")


@dataclass(frozen=True, slots=True)
class Config:
    """One feeds.yaml, read and checked."""

    site: Site
    posts: PostSettings
    feeds: FeedSettings
    #: Defaults for fetching; what a source says itself is in its `Source` already.
    fetch: FetchDefaults
    hooks: HookSettings
    #: By slug, in the order of the file; the implicit one (sources without a category), where there is one, is last.
    categories: dict[str, Category]
    #: In the order of the file.
    sources: tuple[Source, ...]
    #: The file it was read from.
    path: Path
    #: Values that came from the environment or from files; `redact` hides them.
    secrets: frozenset[str]


def redact(text: str, secrets: frozenset[str]) -> str:
    """Hide secrets in a text that people will see.

    Args:
        text: any message.
        secrets: `Config.secrets`; values of fewer than 4 characters are left alone.

    Returns:
        The text with every secret, also in its percent-encoded form and as it stands in the host of an address, and
        every password (or lone token) in the userinfo of a URL replaced by ``***``.
    """
    pattern = _secrets_pattern(secrets)
    if pattern is not None:
        text = pattern.sub(HIDDEN, text)
    return _USERINFO.sub(_hide_userinfo, text) if "://" in text else text


def _hide_userinfo(match: re.Match[str]) -> str:
    return f"{match[1]}:{HIDDEN}@" if match[2] else f"{HIDDEN}@"


@functools.lru_cache(maxsize=16)
def _secrets_pattern(secrets: frozenset[str]) -> re.Pattern[str] | None:
    forms = {
        form
        for secret in secrets
        if len(secret) >= _SHORTEST_SECRET
        # Hosts are written in small letters (RFC 3986, section 6.2.2.1).
        for form in (secret, quote(secret, safe=""), secret.lower())
    }
    if not forms:
        return None
    return re.compile("|".join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form))))
