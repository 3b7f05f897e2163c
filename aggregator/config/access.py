"""The settings of a source that concern its requests: headers, credentials, cookies, proxy, certificate checks.

The checks, the JSON Schema and the reference page are made from these models, as from those in `settings`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from aggregator.config.fields import Maybe, ProxyUrl, Section, UserAgent, checked
from aggregator.config.problems import show
from aggregator.models import Access

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,4000}[\x21-\x7e])?")
_COOKIE_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{0,4000}")
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]{1,4000}=*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

#: Keys to use in place of a header: their values are sent to the right origin only.
_KEYS = {"authorization": "auth", "cookie": "cookies", "user-agent": "user_agent"}
#: Headers that the program has to set itself for the connection to work (RFC 9110, RFC 9112).
_SET_BY_PROGRAM = frozenset(
    [
        "a-im",
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
#: Headers whose values may be shown: they do not identify the client.
_HARMLESS = re.compile(r"(?:accept(?:-language)?|from|referer|dnt|sec-.*)", re.IGNORECASE)


def is_harmless(header: str) -> bool:
    """Whether the value of a header, by its name, may be shown."""
    return _HARMLESS.fullmatch(header) is not None


def _header_name(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise ValueError(f"{show(value)} is not a header name")
    name = value.lower()
    if name in _KEYS:
        raise ValueError(f"use the key `{_KEYS[name]}` of the source for this")
    if name in _SET_BY_PROGRAM:
        raise ValueError("is set by the program itself; remove it")
    return value


def _cookie_name(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise ValueError(f"{show(value)} is not a cookie name")
    return value


def _matches(pattern: re.Pattern[str], wanted: str) -> Any:
    def check(value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"must be {wanted}; put a number in quotes")
        return value

    return check


def _token(value: object) -> str:
    if isinstance(value, str) and value.lower().startswith("bearer "):
        raise ValueError("must be the token alone; remove the word `Bearer`")
    token: str = _matches(_BEARER, "a token of letters, digits and `-._~+/=`")(value)
    return token


def _login(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > 1000 or _CONTROL.search(value):
        raise ValueError("must be text on one line; put a number in quotes")
    return value


def _user(value: object) -> str:
    if ":" in _login(value):
        raise ValueError("must not contain `:`, which ends the user name (RFC 7617)")
    return _login(value)


def _day(value: object) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f"{show(value)} is not a date; write it like `2027-01-31`") from None


_HeaderName = Annotated[str, BeforeValidator(_header_name)]
_HeaderValue = Annotated[str, *checked(_matches(_VALUE, "printable ASCII on one line"))]
_CookieName = Annotated[str, BeforeValidator(_cookie_name)]
_CookieValue = Annotated[
    str, *checked(_matches(_COOKIE_VALUE, "printable ASCII without spaces, quotes, `,`, `;` and `\\`"))
]
_Token = Annotated[str, *checked(_token)]
_User = Annotated[str, *checked(_user)]
_Login = Annotated[str, *checked(_login)]
_Day = Annotated[date, *checked(_day, format="date")]


class BasicSettings(Section):
    """User and password (RFC 7617)."""

    user: _User = Field(description="User name.")
    password: _Login = Field(description="Password; better as a reference: `${env:NAME}` or `${file:PATH}`.")


class AuthSettings(Section):
    """How to sign in: with exactly one of `basic` and `bearer`."""

    basic: Maybe[BasicSettings] = Field(default=None, description="User and password (RFC 7617).")
    bearer: Maybe[_Token] = Field(default=None, description="A token (RFC 6750); better as a reference.")

    @model_validator(mode="after")
    def _one(self) -> AuthSettings:
        if (self.basic is None) == (self.bearer is None):
            raise ValueError("must have one of `basic` and `bearer`")
        return self

    @property
    def header(self) -> str:
        """Value of the Authorization header."""
        if self.basic is None:
            return f"Bearer {self.bearer}"
        return "Basic " + b64encode(f"{self.basic.user}:{self.basic.password}".encode()).decode()


class TlsSettings(Section):
    """An exception from the certificate check."""

    verify: Literal[False] = Field(description="`false`: do not check the certificate.")
    until: _Day = Field(description="Last day of the exception, such as `2027-01-31`; after that day the source fails.")


class AccessSettings(Section):
    """The settings of the requests for a source."""

    # Only the models that are made from it check anything.
    model_config = ConfigDict(defer_build=True)

    headers: Maybe[dict[_HeaderName, _HeaderValue]] = Field(
        default=None, description="Headers to send in addition to the usual ones."
    )
    auth: Maybe[AuthSettings] = Field(default=None, description="How to sign in: `basic` or `bearer`.")
    cookies: Maybe[dict[_CookieName, _CookieValue]] = Field(default=None, description="Cookies to send, by name.")
    proxy: Maybe[ProxyUrl] = Field(default=None, description="Address of an HTTP proxy to use.")
    user_agent: Maybe[UserAgent] = Field(default=None, description="Text of the `User-Agent` header.")
    tls: Maybe[TlsSettings] = Field(default=None, description="An exception from the check of its certificate.")

    def access(self) -> Access:
        """Return the settings as the fetcher takes them."""
        return Access(
            headers=tuple((self.headers or {}).items()),
            authorization=self.auth.header if self.auth else None,
            cookies=tuple((self.cookies or {}).items()),
            proxy=self.proxy,
            user_agent=self.user_agent,
            unverified_until=self.tls.until if self.tls else None,
        )

    def secrets(self) -> set[str]:
        """Return the values that must not be shown, including those that are written in the file itself."""
        found = set((self.cookies or {}).values())
        found |= {value for name, value in (self.headers or {}).items() if not is_harmless(name)}
        if self.auth:
            found |= {self.auth.header.partition(" ")[2], self.auth.basic.password if self.auth.basic else ""}
        return found - {""}
