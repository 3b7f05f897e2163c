"""What people write in feeds.yaml in place of what is known there: other words for keys, the right key at the wrong
level, a text where a mapping belongs. Pure: in goes what was written and where, out comes the advice for a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

#: Other words for keys, as other programs call them. The first one that is known where the word stands is meant.
_SYNONYMS = {
    "active": ("paused",),
    "address": ("feed", "url"),
    "atom": ("feed",),
    "auth_token": ("bearer", "auth"),
    "base_url": ("url",),
    "basic_auth": ("basic", "auth"),
    "charset": ("encoding",),
    "baseurl": ("url",),
    "content": ("body",),
    "count": ("limit", "count"),
    "css": ("items",),
    "disabled": ("paused",),
    "enabled": ("paused",),
    "every": ("interval",),
    "feed": ("url",),
    "feed_timeout": ("timeout",),
    "feed_url": ("feed",),
    "feed_urls": ("sources",),
    "folder": ("category",),
    "frequency": ("interval",),
    "days": ("every", "age"),
    "defaults": ("fetch",),
    "expire": ("age", "retention"),
    "group": ("category",),
    "hours": ("every",),
    "href": ("feed", "url"),
    "insecure": ("tls",),
    "items_per_page": ("limit", "count"),
    "keep": ("count", "retention"),
    "keep_max": ("count", "retention"),
    "label": ("name", "title"),
    "lang": ("language",),
    "link": ("feed", "url"),
    "links": ("items",),
    "login": ("auth", "user"),
    "max": ("limit", "count"),
    "max_age": ("age", "retention"),
    "max_items": ("limit", "count", "retention"),
    "minutes": ("every",),
    "name": ("title",),
    "on_error": ("on_problem",),
    "on_failure": ("on_problem",),
    "on_success": ("on_recovery",),
    "pass": ("password",),
    "pwd": ("password",),
    "refresh": ("interval",),
    "rss": ("feed",),
    "schedule": ("interval",),
    "selector": ("items", "body"),
    "subscriptions": ("sources",),
    "tag": ("category",),
    "tags": ("category",),
    "text": ("body", "name"),
    "ssl_verify": ("tls",),
    "title": ("name",),
    "token": ("bearer", "auth"),
    "ttl": ("interval",),
    "tz": ("timezone",),
    "ua": ("user_agent",),
    "uri": ("feed", "url"),
    "url": ("feed",),
    "urls": ("sources",),
    "user-agent": ("user_agent",),
    "useragent": ("user_agent",),
    "username": ("user", "auth"),
    "verify": ("tls",),
    "verify_ssl": ("tls",),
    "xmlurl": ("feed",),
}
#: What other programs keep in their configuration, and this one takes from its command line.
_FOLDERS = frozenset({"cache", "cache_directory", "data", "data_dir", "database", "db", "output", "output_dir"})
#: How what is a mapping is written, by the last key of its path; for where something else stands there.
_SHAPES = {
    "article": 'write `article: {body: "…"}`',
    "auth": "write `auth: {basic: {user: …, password: …}}`, or `auth: {bearer: …}`",
    "basic": "write `basic: {user: …, password: …}`",
    "fetch": "write `fetch: {interval: 1h, timeout: 20s}`",
    "categories": "write each as `slug: Title`, without `- `",
    "cookies": "write `cookies: {name: value}`",
    "headers": "write `headers: {Name: value}`",
    "hooks": "write `hooks: {on_problem: [command, argument]}`",
    "retention": "write `retention: {age: 90d}` or `retention: {count: 500}`",
    "scrape": "write `scrape: {url: https://…, items: …}`",
    "site": "write `site: {title: …}`",
    "tls": "write `tls: {verify: false, until: 2027-01-31}`",
}
#: What stands below these may be a password, also where it stands in the wrong shape.
_SECRET = frozenset({"auth", "basic", "cookies", "headers"})


def shape(path: tuple[str | int, ...]) -> str:
    """``; write …`` for a mapping that is something else, or nothing."""
    known = _SHAPES.get(str(path[-1])) if path else None
    return f"; {known}" if known else ""


def is_secret(path: tuple[str | int, ...]) -> bool:
    """Whether what stands at `path` is not to be shown in a message."""
    return not _SECRET.isdisjoint(path)


def synonym(key: str, known: list[str]) -> str | None:
    """The key that is meant by another word for it, of those that are known where it stands."""
    word = key.strip().lower()
    if word in known and word != key:
        return word
    return next((name for name in _SYNONYMS.get(word, ()) if name in known), None)


def elsewhere(key: str, here: type[BaseModel], around: list[tuple[str, type[BaseModel]]]) -> str | None:
    """Where a key belongs that is known at another level.

    Args:
        key: what is unknown where it stands.
        here: the model of the mapping in which it stands.
        around: the keys of the mappings around that one, with the models in which they stand; the innermost last.
    """
    if not around and key.lower() in _FOLDERS:
        return "; everything is written to one folder, which `--data` of the commands names"
    for below, name in _below(here):
        if name == key:
            if below == "sources":
                return "; it belongs to an entry of `sources`; check the indentation"
            example = shape(tuple(below.split(".")))
            return f"; it belongs below `{below}`{example if f'{key}:' in example else ''}"
    for beside, model in reversed(around):
        if key in model.model_fields:
            return f"; it belongs beside `{beside}`, one level up; check the indentation"
    return None


def _below(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The keys of all mappings below one: path of the mapping, key; the nearest first."""
    inner = [(f"{prefix}{name}", found) for name, field in model.model_fields.items() for found in models(field)]
    for path, found in inner:
        yield from ((path, name) for name in found.model_fields)
    for path, found in inner:
        yield from _below(found, f"{path}.")


def indented_too_little(path: tuple[str | int, ...], node: dict[str, Any], model: type[BaseModel]) -> list[str]:
    """The keys beside an empty one that belong below it.

    Args:
        path: of the empty one.
        node: the mapping in which it stands.
        model: that of the mapping.
    """
    field = model.model_fields.get(str(path[-1])) if path else None
    inner = next(models(field), None) if field else None
    return [key for key in node if inner and key in inner.model_fields and key not in model.model_fields]


def models(field: Any) -> Iterator[type[BaseModel]]:
    """The models in the annotation of a field, such as ``tuple[Model, ...]`` or ``Model | None``."""
    pending = [getattr(field, "annotation", field)]
    while pending:
        one = pending.pop()
        if isinstance(one, type) and issubclass(one, BaseModel):
            yield one
        pending += getattr(one, "__args__", ())
