"""Errors in the shape of feeds.yaml: pydantic's errors -> sentences for people, each with its place.

They recognize other words for keys, keys at the wrong level, and text where a mapping belongs. In: the errors of a
validation and the tree that was validated. Out: problems. What is right or wrong is not decided here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from aggregator.config.advice import character_advice
from aggregator.config.problems import Path, Place, Problems, show
from aggregator.config.tree import ListNode, MapNode, find_place

_KEY = "[key]"
#: The mappings along the path of a value: the key of each, and its model; the outermost first.
_Levels = list[tuple[str, type[BaseModel]]]
_JOINED = re.compile(r"([a-z_]{2,30}):(?!//)\S")
_WIDE = re.compile(r"[a-z_]{2,30}\uff1a")
_BULLETS = ("–", "—", "•", "·", "−", "‣")
_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_TRUTHS = {"true": "true", "false": "false", "1": "true", "0": "false"}
_YAML_WORDS = {"True": "`true`", "False": "`false`"}
_SENTENCES = {
    "string_type": "must be text, not {value}; put it in quotes",
    "bool_type": "must be `true` or `false`, not {value}",
    "int_type": "must be a whole number, not {value}",
    "greater_than_equal": "must be at least {ge}, not {value}",
    "less_than_equal": "must be at most {le}, not {value}",
    "too_short": "must have at least {min_length} entry",
}
#: Other words for keys, as in other programs. The first key that is known at the place of the word is meant.
_SYNONYMS = {
    "access_key": ("key",),
    "active": ("paused",),
    "block": ("drop",),
    "condition": ("when", "where"),
    "address": ("feed", "url"),
    "atom": ("feed",),
    "auth_token": ("bearer", "auth"),
    "base_url": ("url",),
    "basic_auth": ("basic", "auth"),
    "charset": ("encoding",),
    "baseurl": ("url",),
    "content": ("body",),
    "count": ("limit", "count"),
    "attr": ("attribute",),
    "css": ("items", "select"),
    "cursor": ("next",),
    "data": ("body",),
    "disabled": ("paused",),
    "enabled": ("paused",),
    "every": ("interval",),
    "feed": ("url",),
    "feed_timeout": ("timeout",),
    "feed_url": ("feed",),
    "feed_urls": ("sources",),
    "filter": ("where", "rules"),
    "filters": ("rules",),
    "folder": ("category",),
    "frequency": ("interval",),
    "delete": ("drop",),
    "days": ("every", "age"),
    "description": ("summary",),
    "excerpt": ("summary",),
    "defaults": ("fetch",),
    "exclude": ("drop",),
    "expire": ("age", "retention"),
    "group": ("category",),
    "hours": ("every",),
    "guid": ("id",),
    "href": ("feed", "url"),
    "if": ("when",),
    "img": ("image",),
    "include": ("keep", "where"),
    "insecure": ("tls",),
    "items_per_page": ("limit", "count"),
    "json_path": ("items", "select"),
    "jsonpath": ("items", "select"),
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
    "max_pages": ("pages",),
    "method": ("body",),
    "minutes": ("every",),
    "name": ("title",),
    "next_page": ("next",),
    "on_error": ("on_problem",),
    "on_failure": ("on_problem",),
    "on_success": ("on_recovery",),
    "pagination": ("next",),
    "pass": ("password",),
    "payload": ("body",),
    "pattern": ("regex",),
    "picture": ("image",),
    "post": ("body",),
    "pubdate": ("date",),
    "published": ("date",),
    "pwd": ("password",),
    "refresh": ("interval",),
    "rss": ("feed",),
    "schedule": ("interval",),
    "selector": ("items", "body", "select"),
    "subscriptions": ("sources",),
    "tag": ("category",),
    "tags": ("tag", "category", "categories"),
    "text": ("body", "name"),
    "thumbnail": ("image",),
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
    "xpath": ("items", "select"),
}
#: Keys of other programs for what is an option of the command line here.
_FOLDERS = frozenset({"cache", "cache_directory", "data", "data_dir", "database", "db", "output", "output_dir"})
#: How to write a mapping, by the last key of its path; for messages about another type there.
_SHAPES = {
    "after_publish": "write `after_publish: [hexo, generate]`",
    "article": 'write `article: {body: "…"}`',
    "auth": "write `auth: {basic: {user: …, password: …}}`, or `auth: {bearer: …}`",
    "basic": "write `basic: {user: …, password: …}`",
    "fetch": "write `fetch: {interval: 1h, timeout: 20s}`",
    "categories": "write each as `slug: Title`, without `- `",
    "cookies": "write `cookies: {name: value}`",
    "headers": "write `headers: {Name: value}`",
    "hooks": "write `hooks: {on_problem: [command, argument]}`",
    "posts": "write `posts: {preset: hexo}`",
    "retention": "write `retention: {age: 90d}` or `retention: {count: 500}`",
    "rsshub": "write `rsshub: {instances: [https://…]}`",
    "sources.rsshub": "write `rsshub: /ofweek/news`",
    "scrape": "write `scrape: {url: https://…, items: …}`",
    "json": 'write `json: {url: https://…, items: "$.…", link: …}`',
    "sitemap": "write `sitemap: https://…`",
    "outputs": "write each as `slug: {title: …, where: …}`",
    "rules": "write each as `- drop: {title: [sponsored]}`",
    "site": "write `site: {title: …}`",
    "tls": "write `tls: {verify: false, until: 2027-01-31}`",
}
#: Values below these keys may be passwords, even in the wrong shape.
_SECRET = frozenset({"auth", "basic", "cookies", "database", "headers", "key"})


def explain(error: ValidationError, tree: MapNode, model: type[BaseModel], problems: Problems) -> None:
    """Add a problem for each error of the validation of `tree` as `model`."""
    details = error.errors(include_url=False)
    levels = [_levels(detail["loc"][:-1], model) for detail in details]
    meant = {
        (*detail["loc"][:-1], name)
        for detail, around in zip(details, levels, strict=True)
        if detail["type"] == "extra_forbidden" and (name := _meant(str(detail["loc"][-1]), around, problems))
    }
    meant |= _consequences(details, tree)
    for detail, around in zip(details, levels, strict=True):
        if detail["input"] is None and (below := _misindented(detail["loc"], tree, around)):
            meant |= {(*detail["loc"][:-1], key) for key in below}
    for detail, around in zip(details, levels, strict=True):
        path: Path = detail["loc"]
        if path in meant and (detail["type"] in ("missing", "extra_forbidden")):
            # It is there under another name or at another level, which is reported already.
            continue
        if detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]:
            # pydantic does not count entries that are wrong themselves.
            continue
        at_key = detail["type"] == "extra_forbidden"
        if path and path[-1] == _KEY:
            path, at_key = path[:-1], True
        below = _misindented(path, tree, around) if detail["input"] is None else []
        sentence = _sentence(detail, path, problems)
        if at_key and detail["type"] == "extra_forbidden":
            sentence = _unknown_key(str(path[-1]), around, _node(path, tree), problems)
        if below:
            names = " and ".join(f"`{name}`" for name in below[:5])
            sentence = f"is empty; {names} belong{'s' if len(below) == 1 else ''} below it: indent deeper"
        if "rules" in path or detail["type"] == "value_error":
            path = _written(path, tree)
        problems.add(sentence, _part_meant(detail, path, tree) or find_place(tree, path, key=at_key), path)


def _written(path: Path, tree: MapNode) -> Path:
    """Return the part of a path that is in the file: short forms stand for more."""
    node: Any = tree
    for number, step in enumerate(path):
        if isinstance(node, dict):
            node = node.get(step)
        elif isinstance(node, list) and isinstance(step, int) and step < len(node):
            node = node[step]
        else:
            return path[:number]
    return path


def _part_meant(detail: Any, path: Path, tree: MapNode) -> Place | None:
    """Return the place of the one value of a list in a rule that an error about the whole list names first."""
    given = detail["input"]
    if detail["type"] != "value_error" or "rules" not in path or not isinstance(given, ListNode):
        return None
    said = str(detail["ctx"]["error"])
    values = zip(given, given.value_places, strict=True)
    return next((place for one, place in values if isinstance(one, str) and said.startswith(show(one))), None)


def _consequences(details: list[Any], tree: MapNode) -> set[Path]:
    """Return the paths of errors that only follow from others."""
    found: set[Path] = set()
    categories = tree.get("categories")
    if isinstance(tree.get("feeds"), list) or (isinstance(categories, dict) and "sources" in categories):
        # They were meant as `sources`.
        found.add(("sources",))
    found |= {
        (*detail["loc"][:-1], "until")
        for detail in details
        if detail["type"] == "literal_error" and detail["loc"][-1] == "verify"
    }
    return found


def _node(path: Path, tree: MapNode) -> Any:
    """Return the mapping or list that contains the value at a path, or None."""
    node: Any = tree
    for step in path[:-1]:
        known = step in node if isinstance(node, dict) else isinstance(node, list) and isinstance(step, int)
        if not known:
            return None
        node = node[step]
    return node


def _misindented(path: Path, tree: MapNode, levels: _Levels) -> list[str]:
    """Return the keys beside an empty one that belong below it."""
    node = _node(path, tree)
    return badly_indented(path, node, levels[-1][1]) if isinstance(node, dict) else []


def _meant(key: str, levels: _Levels, problems: Problems) -> str | None:
    """Return the known key that was probably meant by an unknown one, or None."""
    known = _ordered(levels[-1][1])
    return synonym(key, known) or problems.near(key, known)


def _sentence(detail: Any, path: Path, problems: Problems) -> str:
    kind: str = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    value = detail["input"]
    if path == ("categories", "sources") and isinstance(value, list):
        return "is below `categories`; it belongs one level up, at the margin"
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return f"`{path[-1]}` is missing; add it"
    if kind in ("model_type", "dict_type", "tuple_type"):
        return _wrong_shape(kind, value, path)
    if value is None:
        return "is empty; give it a value, or remove it"
    if kind == "literal_error" and path[-1] == "verify":
        return "must be `false`; certificates are checked by default, so remove `tls`"
    if kind == "literal_error":
        hint = problems.hint(value, _literals(context["expected"])) if isinstance(value, str) else ""
        expected = _YAML_WORDS.get(context["expected"], context["expected"].replace("'", "`"))
        return f"{_shown(value)} is not a valid value; use {expected}{hint}"
    if kind == "bool_type" and isinstance(value, str) and value.lower() in _BOOLEANS:
        return f"must be `true` or `false`, not {_shown(value)}; write `{_BOOLEANS[value.lower()]}`"
    if kind == "bool_type" and (meant := _TRUTHS.get(str(value).lower())):
        return f"must be `true` or `false`, not {_typed(value)}; write `{meant}`"
    if kind == "int_type" and isinstance(value, str) and value.isdecimal():
        return f"must be a whole number, not text; write {show(value)} without quotes"
    if kind == "string_type" and isinstance(value, list) and path[-1] == "category":
        return "must be one category, not a list; write `categories: […]` for several"
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(value=_shown(value), **context)
    return f"{_shown(value)} cannot be used: {detail['msg']}"


def _wrong_shape(kind: str, value: object, path: Path) -> str:
    """Describe a value where a mapping or a list belongs."""
    if kind == "tuple_type":
        if path == ("sources",):
            if isinstance(value, dict) and (joined := next((key for key in value if key.startswith("-")), None)):
                return f"a space is missing after `-`; write `- {joined.lstrip('-')}:`"
            if isinstance(value, dict) and (odd := next((key[0] for key in value if key[:1] in _BULLETS), None)):
                return f"`{odd}` does not begin a list entry; write `-`"
            given = "is empty" if value is None else f"must be a list, not {_shown(value)}"
            wanted = "add at least one source, such as" if value is None else "write each source like"
            return f"{given}; {wanted} `- feed: https://example.org/feed.xml`"
        wanted = f"; write `[{value}]`" if isinstance(value, str | int) else ""
        if path[-1] == "rules":
            wanted = shape_advice(path)
        return f"must be a list (lines that begin with `- `), not {_shown(value)}{wanted}"
    if path[:1] == ("sources",) and len(path) == 2:
        return _source_of_text(value)
    if path == ("feeds",) and isinstance(value, list):
        formats = [one for one in value if one in ("rss", "atom", "json")]
        if formats and len(formats) == len(value):
            return (
                f"must be a mapping of keys and values, not a list; write `feeds: {{formats: [{', '.join(formats)}]}}`"
            )
        return "has the settings of the merged feeds; the feeds to aggregate belong below `sources`"
    given = "text" if is_secret(path) and not isinstance(value, list | dict | None) else _shown(value)
    return f"must be a mapping of keys and values, not {given}{shape_advice(path)}"


def _source_of_text(value: object) -> str:
    """Describe an entry of `sources` that is not a mapping."""
    if value is None:
        return "is empty; write `- feed: https://…`, or remove the `-`"
    if not isinstance(value, str):
        return f"must be a mapping of keys and values, not {_shown(value)}; write `- feed: https://…`"
    if not value.lower().startswith(("http:", "https:")) and (match := _JOINED.match(value)):
        return f"a space is missing after `{match[1]}:`"
    if (match := _WIDE.match(value)) and (odd := character_advice(match[0])):
        return f"must be a mapping of keys and values, not {_shown(value)}: {odd} and a space"
    if value.lower().startswith(("http:", "https:")):
        return f"must be a mapping of keys and values; write `- feed: {' '.join(value.split())[:200]}`"
    return f"must be a mapping of keys and values, not {_shown(value)}; write `- feed: https://…`"


def _typed(value: object) -> str:
    """Quote a value for a message, with a remark where it is text that looks like another type."""
    return f"the text {show(value)} in quotes" if isinstance(value, str) else show(value)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else show(value)


def _ordered(model: type[BaseModel]) -> list[str]:
    """Return the keys of a model as they are written, its own before inherited ones."""
    own = (name for one in model.__mro__ for name in inspect.get_annotations(one))
    return [model.model_fields[name].alias or name for name in dict.fromkeys(own) if name in model.model_fields]


def _unknown_key(key: str, levels: _Levels, node: dict[str, Any] | None, problems: Problems) -> str:
    if key == "<<":
        return "merge keys (`<<`) are not supported; write the keys out"
    around, (_, here) = levels[:-1], levels[-1]
    known = _ordered(here)
    if odd := character_advice(key):
        return f"unknown key {show(key)}: {odd}"
    joined = key.partition(":")[0]
    if joined != key and joined in known:
        return f"a space is missing after `{joined}:`"
    if levels[-1][0] == "categories" and key in ("feed", "feeds", "sources"):
        return f"unknown key {show(key)}; sources belong below `sources`, and each names its `category`"
    beside = len(levels) > 1 and key in levels[-2][1].model_fields
    if not beside and (meant := synonym(key, known)):
        if node and meant in node:
            return f"unknown key {show(key)}; `{meant}` is there as well: keep one of them"
        return f"unknown key {show(key)}; did you mean `{meant}`?"
    where = level_advice(
        key, here, [(str(name), model) for (_, model), (name, _) in zip(around, levels[1:], strict=True)]
    )
    hint = where or problems.hint(key, known)
    return f"unknown key {show(key)}{hint or '; the keys here are ' + ', '.join(f'`{name}`' for name in known)}"


def _literals(expected: str) -> list[str]:
    """Return the choices in a message of pydantic: ``'rss', 'atom' or 'json'``."""
    return expected.split("'")[1::2]


def _levels(path: Path, model: type[BaseModel]) -> _Levels:
    """Return the models of the mappings along `path`, each with its key; the outermost first."""
    found: list[tuple[str, type[BaseModel]]] = [("", model)]
    for step in path:
        fields = found[-1][1].model_fields
        inner = next(models_in(fields[step]), None) if isinstance(step, str) and step in fields else None
        if inner is not None:
            found.append((str(step), inner))
    return found


def shape_advice(path: tuple[str | int, ...]) -> str:
    """Give advice, ``; write …``, for another type where a mapping belongs; empty where there is none."""
    # A list of mappings is meant by its key.
    keys = [step for step in path if isinstance(step, str)]
    known = _SHAPES.get(".".join(keys[-2:])) or _SHAPES.get(keys[-1]) if keys else None
    return f"; {known}" if known else ""


def is_secret(path: tuple[str | int, ...]) -> bool:
    """Whether the value at `path` must not be shown in a message."""
    return not _SECRET.isdisjoint(path)


def synonym(key: str, known: list[str]) -> str | None:
    """Return the key of `known` for which `key` is another word, or None."""
    word = key.strip().lower()
    if word in known and word != key:
        return word
    return next((name for name in _SYNONYMS.get(word, ()) if name in known), None)


def level_advice(key: str, here: type[BaseModel], around: list[tuple[str, type[BaseModel]]]) -> str | None:
    """Give advice on a key that is known at another level, or None.

    Args:
        key: the unknown key.
        here: the model of the mapping that contains it.
        around: for each mapping around that one, its key and the model that contains it; the innermost last.
    """
    if not around and key.lower() in _FOLDERS:
        return "; everything is written to one folder, the option `--data` of the commands"
    for below, name in _keys_below(here):
        if name == key:
            if below == "sources":
                return "; it belongs to an entry of `sources`; check the indentation"
            example = shape_advice(tuple(below.split(".")))
            return f"; it belongs below `{below}`{example if f'{key}:' in example else ''}"
    for beside, model in reversed(around):
        if key in model.model_fields:
            return f"; it belongs beside `{beside}`, one level up; check the indentation"
    return None


def _keys_below(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Iterate over the keys of all mappings below a model, each with the path of its mapping; nearest first."""
    inner = [(f"{prefix}{name}", found) for name, field in model.model_fields.items() for found in models_in(field)]
    for path, found in inner:
        yield from ((path, name) for name in found.model_fields)
    for path, found in inner:
        yield from _keys_below(found, f"{path}.")


def badly_indented(path: tuple[str | int, ...], node: dict[str, Any], model: type[BaseModel]) -> list[str]:
    """Return the keys beside an empty key that belong below it.

    Args:
        path: the path of the empty key.
        node: the mapping that contains it.
        model: the model of that mapping.
    """
    field = model.model_fields.get(str(path[-1])) if path else None
    inner = next(models_in(field), None) if field else None
    return [key for key in node if inner and key in inner.model_fields and key not in model.model_fields]


def models_in(field: Any) -> Iterator[type[BaseModel]]:
    """Iterate over the models in the annotation of a field, such as ``tuple[Model, ...]`` or ``Model | None``."""
    pending = [getattr(field, "annotation", field)]
    while pending:
        one = pending.pop()
        if isinstance(one, type) and issubclass(one, BaseModel):
            yield one
        pending += getattr(one, "__args__", ())
