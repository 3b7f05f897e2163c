"""What `aggregator init` writes: a feeds.yaml to start from, and its JSON Schema for editors.

The JSON Schema is made from the models in `settings`. It accepts what `load` accepts, as far as a schema can express
it: categories, selectors and time zones are not checked.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from aggregator.config.ids import MAX_ID, RESERVED_SLUGS, SLUG_PATTERN
from aggregator.config.intervals import NAMES, SHORT_FORM
from aggregator.config.outputs import DIGEST_PATTERN
from aggregator.config.ruling import rule_kinds
from aggregator.config.settings import ANCHORS, RENAMED, file_model, source_kinds

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

HEADER = """\
# yaml-language-server: $schema=./feeds.schema.json
#
# What `aggregator update` collects and publishes. `aggregator add URL` adds sources, `aggregator check` finds mistakes.
# Keys that begin with `#` show their defaults; docs/configuration.md explains all of them.
"""
"""The comment at the top of a new feeds.yaml."""

_SECTIONS = """
site:
  title: My feeds
  url: http://localhost/               # where data/public/ will be served
  language: en

# posts:
#   preset: hexo                       # or hugo, jekyll, eleventy, astro, pelican, zola, obsidian, markdown
#   image_proxy: https://proxy.example/?   # prefix for the address of each http:// image; no default

# feeds:
#   formats: [rss, atom, json]
#   limit: 100                         # entries in each feed

# fetch:
#   interval: 1h                       # how often a source is fetched: 90s, 20m, 1h30m, 2d ...
#   timeout: 20s
#   max_body: 15MB

"""

_SAMPLES = """\
categories:                            # slug: title
  news: News
  programming: Programming

sources:
  - name: LWN
    category: programming
    feed: https://lwn.net/headlines/rss

  - name: Ars Technica
    category: news
    feed: https://feeds.arstechnica.com/arstechnica/index

  # A site without a feed; `aggregator add` guesses such selectors. Those that begin with # need quotes.
  # - name: Example
  #   category: news
  #   scrape:
  #     url: https://example.org/news/
  #     items: h3 > a
  #     article: {body: "#article", date: time, timezone: Europe/Berlin}
"""

EMPTY = f"{HEADER}{_SECTIONS}sources: []\n"
"""A new feeds.yaml without sources."""

TEMPLATE = f"{HEADER}{_SECTIONS}{_SAMPLES}"
"""The feeds.yaml that `aggregator init` writes: short, commented, and usable as it is."""


def schema_text() -> str:
    """Return the JSON Schema (draft 2020-12) as JSON text; the same at every call."""
    model = file_model()
    schema = _plain(model.model_json_schema())
    sections: dict[str, Any] = schema["properties"]
    reserved = sorted(RESERVED_SLUGS)
    for name in ("categories", "outputs"):
        sections[name]["propertyNames"] = {"pattern": SLUG_PATTERN, "maxLength": MAX_ID, "not": {"enum": reserved}}
    # A mapping is the short form of a list with one element.
    posts = sections["posts"]
    posts.pop("default", None)
    described = {"description": posts.pop("description")}
    sections["posts"] = {**described, "anyOf": [posts["items"], posts]}
    for name in sections:
        if name not in schema["required"]:
            # A section may be empty: all of its keys are commented out.
            described = {"description": model.model_fields[name].description}
            sections[name].pop("description", None)
            sections[name] = {**described, "anyOf": [sections[name], {"type": "null"}]}
    definitions: dict[str, Any] = schema["$defs"]
    source = definitions["SourceSettings"]
    source["oneOf"] = [{"required": [name]} for name in source_kinds()]
    # Accepted, but not among the properties, which editors offer.
    source["patternProperties"] = {
        f"^{old}$": {**source["properties"][new], "description": f"Old name of `{new}`.", "deprecated": True}
        for old, new in RENAMED.items()
    }
    source["not"] = {"anyOf": [{"required": [old, new]} for old, new in RENAMED.items()]}
    source["properties"]["id"]["anyOf"] = [
        {key: source["properties"]["id"].pop(key) for key in ("pattern", "maxLength")},
        {"pattern": r"\$\{", "description": "With a variable of `for`."},
    ]
    _describe_rules(definitions["RuleSettings"])
    digest = definitions["DigestSettings"]
    definitions["DigestSettings"] = {"anyOf": [{"type": "string", "pattern": DIGEST_PATTERN}, digest]}
    category = definitions["CategorySettings"]
    title = {key: value for key, value in category["properties"]["title"].items() if key != "description"}
    definitions["CategorySettings"] = {"anyOf": [title, category]}
    interval = definitions["IntervalSettings"]
    interval["oneOf"] = [{"required": [name]} for name in NAMES]
    definitions["IntervalSettings"] = {"anyOf": [SHORT_FORM, interval]}
    schema["patternProperties"] = {f"^{ANCHORS}": {"description": "Holds anchors (`&name`) for use further down."}}
    head = {"$schema": _DIALECT, "title": "feeds.yaml"}
    return json.dumps({**head, **schema}, ensure_ascii=False, indent=2) + "\n"


def _describe_rules(rule: dict[str, Any]) -> None:
    """Say of a rule that it has exactly one name, and show how each is written."""
    rule["oneOf"] = [{"required": [name]} for name in rule_kinds()]
    for name, kind in rule_kinds().items():
        rule["properties"][name]["examples"] = [yaml.safe_load(kind.EXAMPLE)[name]]


def _plain(node: Any, *, names: bool = False) -> Any:
    """Remove what pydantic adds and editors would show: titles made from names, and null for keys left out.

    Args:
        node: a schema, or part of one.
        names: whether the keys of `node` are names of settings, not keywords of JSON Schema.
    """
    if isinstance(node, list):
        return [_plain(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _plain(value) for key, value in node.items()}
    node = {
        key: _plain(value, names=key in ("properties", "$defs"))
        for key, value in node.items()
        if key != "title" and not (key == "default" and value is None)
    }
    choices = [choice for choice in node.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del node["anyOf"]
        return {**choices[0], **node}
    return {**node, "anyOf": choices} if choices else node
