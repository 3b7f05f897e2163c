"""The registry of the kinds of source. Another kind is another module here, and one line in `KINDS`.

The configuration makes its model, the JSON Schema and its checks from the registry, the reference page is made from it,
and the pipeline fetches and reads with it.
"""

from __future__ import annotations

from aggregator.sources import feed, jsonapi, rsshub, scrape, sitemap
from aggregator.sources.instances import Instances
from aggregator.sources.kind import Kind, ShareUsedUp, Tools, validators, without_old_validators

__all__ = ["KINDS", "Instances", "Kind", "ShareUsedUp", "Tools", "validators", "without_old_validators"]

#: Every kind by its key in feeds.yaml; messages name the kinds in this order.
KINDS: dict[str, Kind] = {"feed": feed, "scrape": scrape, "json": jsonapi, "rsshub": rsshub, "sitemap": sitemap}
