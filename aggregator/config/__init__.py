"""The configuration: feeds.yaml in, `Config` or `ConfigError` out.

Nothing heavier than pydantic and PyYAML is imported here; soupsieve only when a file has selectors.
"""

from __future__ import annotations

from aggregator.config.jsonschema import schema_text
from aggregator.config.load import load
from aggregator.config.model import Config
from aggregator.config.redaction import redact
from aggregator.config.template import TEMPLATE

__all__ = ["TEMPLATE", "Config", "load", "redact", "schema_text"]
