"""The rule `http`: a service of one's own."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from aggregator.config.access import AuthSettings
from aggregator.config.fields import Maybe, PrivateAddresses, Url
from aggregator.rules.kind import Subject
from aggregator.rules.steps import StepSettings, apply_step


class HttpSettings(StepSettings):
    """A service of one's own."""

    url: Url = Field(description="Address to which the item is posted.")
    auth: Maybe[AuthSettings] = Field(default=None, description="How to sign in there.")
    allow_private_addresses: Maybe[PrivateAddresses] = Field(
        default=None, description="As for sources; if left out, what `fetch` says counts."
    )

    def identity(self) -> Any:
        """Return what results depend on, besides the input."""
        return self.url, self.version


def _short(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


NAME = "http"
SETTINGS: Any = Annotated[HttpSettings, BeforeValidator(_short, json_schema_input_type=Url | HttpSettings)]
DESCRIPTION = (
    "Posts the item to an address, as JSON, and changes it as the JSON says that comes back. Redirects are not "
    "followed, and addresses that are not public have to be allowed, as for sources."
)
EXAMPLE = 'http: {url: "https://translate.example.org/items", deadline: 20s, per_day: 200}'
IN_OUTPUTS = False


def apply(settings: HttpSettings, subject: Subject) -> str | None:
    """Change the entry as the service says."""
    return apply_step(NAME, settings, subject)
