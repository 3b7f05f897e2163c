"""The configuration: feeds.yaml in, `Config` or `ConfigError` out.

Only pydantic and PyYAML are imported; soupsieve when a file has selectors.
"""

from __future__ import annotations

from aggregator.config.configuration import Config
from aggregator.config.load import load
from aggregator.config.scaffold import TEMPLATE, schema_text
from aggregator.config.secrets import redact

__all__ = ["TEMPLATE", "Config", "load", "redact", "schema_text"]
