"""What settings in an OPML document could do that a list of feeds must not: it may come from strangers.

A reference would send a secret to an address of their choice, a proxy would see all that is fetched, a step of one's
own would run. Such settings are taken over only from a document that the operator calls his own. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aggregator.config.secrets import has_reference
from aggregator.config.unresolved import texts_in

#: Keys of a source, of `fetch` and of the whole file that lead requests or data elsewhere, or weaken checks.
_ACCESS = {
    "allow_private_addresses": "it allows addresses that are not public",
    "database": "it leads everything that is stored elsewhere",
    "proxy": "it leads requests through a proxy",
    "tls": "it is an exception from the check of a certificate",
}
_FETCH, _RULES, _FILE = "fetch", "rules", "file"


def without_risks(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return settings without those that are risky.

    Args:
        settings: of a source, of a category, or the sections of the whole file.

    Returns:
        The others, and why each of these was left out, as a clause, by its key.
    """
    kept: dict[str, Any] = {}
    risks: dict[str, str] = {}
    for key, value in settings.items():
        if key == _FETCH and isinstance(value, Mapping):
            inner, found = without_risks(value)
            risks |= {f"{_FETCH}.{name}": why for name, why in found.items()}
            value = inner
        elif why := _risk(key, value):
            risks[key] = why
            continue
        kept[key] = value
    return kept, risks


def _risk(key: str, value: object) -> str | None:
    if key in _ACCESS and value is not False:
        return _ACCESS[key]
    names = {key, *_keys(value)}
    if any(map(has_reference, (*texts_in(value), *names))):
        return "it has a reference to a secret"
    if _RULES in names:
        # To import the rules takes longer than all else, and few documents have any.
        from aggregator.rules.steps import STEPS

        if step := next((name for name in STEPS if name in names), None):
            return f"it has a step of one's own, `{step}`"
        if _FILE in names:
            return "it reads a file"
    return None


def _keys(value: object) -> Iterator[str]:
    """Iterate over all keys in a value."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, Mapping):
            yield from one
            pending += one.values()
        elif isinstance(one, list):
            pending += one
