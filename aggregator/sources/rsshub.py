"""The kind `rsshub`: a route of RSSHub (https://docs.rsshub.app), which any of several instances has.

The instances are asked one after the other, in order of health (`aggregator.sources.instances`), until one has the
feed. It is read while fetching, since only a document that can be read ends the search. What it says does not depend
on the instance that gave it (`aggregator.sources.rsshubfeed`).

An instance gets no more than the request: neither headers nor credentials of the source, and not the access key, but
the code that RSSHub makes of the key and the route. Validators go only to the instance that gave them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from aggregator.config.fields import Maybe, ShortSection
from aggregator.config.rsshub import (
    KEY_MEANING,
    SCHEME,
    AccessKey,
    Instances,
    InstancesSettings,
    Route,
)
from aggregator.config.secrets import basic_credentials
from aggregator.errors import FetchError, ParseError, SourceError
from aggregator.models import (
    Access,
    FeedState,
    Fetched,
    InstanceState,
    Mirrored,
    NotModified,
    ParsedFeed,
    Request,
    Source,
)
from aggregator.sources.feed import ACCEPT
from aggregator.sources.kind import Parse, ShareUsedUp, Tools, fingerprint, plain_request, validators
from aggregator.values.urls import without_userinfo

if TYPE_CHECKING:
    from aggregator.config.settings import FileSettings

#: CPU time in seconds for reading one feed.
SECONDS = 10.0
#: Characters of a message and of a note that are kept (`pipeline.decide`), without what a note begins with.
MAX_ERROR = 500
MAX_NOTE = 200
#: Failures that come from the server as a whole, whatever the route; of the others, a route may be to blame.
_WHOLE = frozenset({"dns", "connect", "tls", "blocked", "refused", "redirect"})
_WHOLE_STATUSES = frozenset({401, 429, 502, 504, *range(520, 527)})


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance, as a source asks it."""

    #: Its address, with user name and password where it wants them.
    url: str = field(repr=False)
    #: The same without them: its name.
    name: str
    #: The code that lets requests for the route pass, or None.
    code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RsshubRules(Mirrored):
    """The instances of one source."""

    #: In the order in which they are configured.
    instances: tuple[Instance, ...] = ()
    #: Addresses of these and of all other instances that are known: what begins with one is a route.
    names: tuple[str, ...] = ()


class RouteSettings(InstancesSettings, ShortSection):
    """A route of RSSHub; itself in short."""

    SHORT: ClassVar[str] = "route"

    route: Route = Field(description="The route, such as `/ofweek/news` or `rsshub://ofweek/news`.")
    instances: Maybe[Instances] = Field(
        default=None, description="Instances for this source alone; those of `rsshub` at the top if left out."
    )
    key: Maybe[AccessKey] = Field(default=None, description=KEY_MEANING.format("instances that have none of their own"))


SETTINGS: Any = RouteSettings
DESCRIPTION = "A route of RSSHub, which several instances have."
GUIDE = (
    "A route is asked from the instances in `rsshub` at the top of the file, one after the other until one has it; "
    "[RSSHub](rsshub.md) shows how. `headers`, `auth`, `cookies` and `tls` cannot be used with it: nothing of that "
    "goes to an instance."
)
ADDRESS_KEY: str | None = "route"
PARSE_ONLY = False
DATE_ADVICE = ""


def address(settings: RouteSettings) -> str:
    """Return the route as an address that is the same for all instances: ``rsshub://ofweek/news``."""
    return settings.route


def make_rules(settings: RouteSettings, file: FileSettings) -> RsshubRules:
    """Return the instances with their codes.

    Raises:
        ValueError: no instances are configured.
    """
    common, key = file.rsshub, settings.key
    listed = settings.instances
    if listed is None:
        if common is None:
            raise ValueError(
                "needs an instance of RSSHub; write `rsshub: {instances: [https://rsshub.example]}`, with the address "
                "of one, at the top of the file"
            )
        listed, key = common.instances, key or common.key
    instances, secrets = [], set[str]()
    for one in listed:
        used = one.key or key
        code = access_code(settings.route, used) if used else None
        instances.append(Instance(one.url, without_userinfo(one.url), code))
        secrets |= {secret for secret in (used, code, basic_credentials(one.url)) if secret}
    servers = tuple(one.name for one in instances)
    others = (without_userinfo(one.url) for one in (common.instances if common else ()))
    return RsshubRules(servers, frozenset(secrets), tuple(instances), tuple(dict.fromkeys((*servers, *others))))


def access_code(route: str, key: str) -> str:
    """Return what lets requests for a route pass: MD5 of its path and the key, hexadecimal.

    https://docs.rsshub.app/deploy/config, "Access Control Configurations".
    """
    path = "/" + route.removeprefix(SCHEME).partition("?")[0]
    return hashlib.md5((path + key).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def request_hash(source: Source) -> str:
    """Hash what the validators of a route depend on; of which instance they are, its memory says."""
    return fingerprint(source, ACCEPT)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of the instances of one source."""

    #: The one that gave the last document, by its name; None: there is none yet.
    instance: str | None = None
    #: Those that lacked the route while others had it, by name.
    lacking: Mapping[str, InstanceState] = field(default_factory=dict)

    @classmethod
    def load(cls, text: str | None) -> Memory:
        """Read what `dump` wrote; of anything else, nothing is remembered."""
        try:
            found = json.loads(text or "")
            lacking = {
                name: InstanceState(name, int(failures), datetime.fromisoformat(until).astimezone(UTC))
                for name, (failures, until) in found["lacking"].items()
            }
            instance = found["instance"]
            return cls(instance if isinstance(instance, str) else None, lacking)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            return cls()

    def dump(self) -> str:
        """Return it as text."""
        lacking = {
            name: [state.failures, state.until.isoformat()] for name, state in self.lacking.items() if state.until
        }
        return json.dumps({"v": 1, "instance": self.instance, "lacking": lacking}, separators=(",", ":"))


async def fetch(source: Source, state: FeedState, tools: Tools) -> Fetched | NotModified:
    """Ask the instances one after the other until one has the feed, and read it."""
    rules, memory = _rules(source), Memory.load(state.memory)
    instances = {one.name: one for one in rules.instances}
    failures: dict[str, SourceError] = {}
    for name in tools.instances.order(rules.servers, memory.lacking):
        try:
            found = await _ask(source, state, tools, instances[name], name == memory.instance)
        except ShareUsedUp:
            if not failures:
                raise
            break
        except SourceError as error:
            failures[name] = error
            if _concerns_all(error):
                tools.instances.failed(name)
            continue
        memory = _settle(tools, rules, memory, name, failures, whole=isinstance(found, Fetched))
        instead = [f"{_shown(name)} gave it; {_listed(rules, failures, MAX_NOTE)}"] if failures else []
        return replace(found, notes=(*found.notes, *instead), memory=memory.dump())
    raise _failure(rules, failures)


def read(source: Source, fetched: Fetched, now: datetime, parse: Parse) -> ParsedFeed:
    """Return what was read while fetching."""
    if fetched.parsed is None:
        raise ParseError("the feed was not read while it was fetched", kind="internal", url=source.url)
    return fetched.parsed


def _rules(source: Source) -> RsshubRules:
    if not isinstance(source.rules, RsshubRules):
        raise SourceError("the source has no instances", kind="internal", url=source.url)
    return source.rules


async def _ask(source: Source, state: FeedState, tools: Tools, instance: Instance, same: bool) -> Fetched | NotModified:
    """Ask one instance.

    Args:
        same: whether it gave the last document.
    """
    from aggregator.sources.rsshubfeed import Addresses, read_feed, read_small, without_code

    found = await tools.fetch(_request(source, state, instance, same))
    url = without_code(found.url, instance.code)
    notes = [without_code(note, instance.code) for note in found.notes]
    if found.moved_to is not None:
        notes += _moved(source, instance, url)
    found = replace(found, url=url, moved_to=None, notes=tuple(notes))
    if isinstance(found, NotModified):
        return found
    page = replace(found, requested_url=without_code(found.requested_url, instance.code))
    rules = _rules(source)
    names = (*rules.names, *([] if (base := _base(source, url)) is None else [base]))
    work = page, Addresses(names, rules.servers[0], instance.code)
    try:
        parsed: ParsedFeed = read_small(*work) or await tools.offload(read_feed, work, SECONDS)
    except ParseError as error:
        # It is kept for a look, and may show the address at which it was found.
        error.page = replace(page, body=page.body.replace(instance.code.encode(), b"***")) if instance.code else page
        raise
    return replace(page, parsed=parsed)


def _request(source: Source, state: FeedState, instance: Instance, same: bool) -> Request:
    route = source.url.removeprefix(SCHEME)
    mark = "&" if "?" in route else "?"
    url = f"{instance.url}{route}{f'{mark}code={instance.code}' if instance.code else ''}"
    etag, last_modified, body_hash = validators(state, request_hash(source)) if same else (None, None, None)
    request = plain_request(source, url, accept=ACCEPT, etag=etag, last_modified=last_modified, body_hash=body_hash)
    access = Access(proxy=source.access.proxy, user_agent=source.access.user_agent)
    return replace(request, access=access, home=instance.url)


def _base(source: Source, url: str) -> str | None:
    """Return the address of the instance that answered with a route, or None; after a redirect it may be another."""
    path = "/" + source.url.removeprefix(SCHEME).partition("?")[0]
    whole = url.partition("?")[0]
    return whole.removesuffix(path) + "/" if whole.endswith(path) else None


def _moved(source: Source, instance: Instance, url: str) -> list[str]:
    """Return a note on an instance that has moved: the route is the same, so the address of the source stays."""
    base = _base(source, url)
    if base is None or base == instance.name:
        return []
    return [f"{_shown(instance.name)} has moved permanently to {_shown(base)}; correct it in `instances`"]


def _settle(
    tools: Tools,
    rules: RsshubRules,
    memory: Memory,
    name: str,
    failures: Mapping[str, SourceError],
    *,
    whole: bool,
) -> Memory:
    """Record that an instance has the route, and those that lack it; return what is remembered of them.

    Args:
        whole: whether the document came. Validators of the last one stay where it did not.
    """
    tools.instances.worked(name)
    lacking = {one: state for one, state in memory.lacking.items() if one != name and one in rules.servers}
    for failed, error in failures.items():
        if not _concerns_all(error) and not _is_held(error):
            tools.instances.doubted(failed)
            lacking[failed] = tools.instances.after_failure(lacking.get(failed) or InstanceState(failed))
    return Memory(name if whole else memory.instance, lacking)


def _concerns_all(error: SourceError) -> bool:
    """Whether an instance failed as a whole, and not only with the route."""
    if error.kind == "http_status":
        return isinstance(error, FetchError) and not error.held and error.status in _WHOLE_STATUSES
    return error.kind in _WHOLE


def _is_held(error: SourceError) -> bool:
    return isinstance(error, FetchError) and error.held


def _failure(rules: RsshubRules, failures: Mapping[str, SourceError]) -> SourceError:
    """Make one failure of those of all instances that were asked.

    Its kind is that of an instance that answered, where one did: then the network here is not to blame.
    """
    from aggregator.schedule import OFFLINE

    errors = list(failures.values())
    asked = [error for error in errors if not _is_held(error)]
    waits = [error.retry_after if isinstance(error, FetchError) else None for error in errors]
    until = None if None in waits else min(wait for wait in waits if wait is not None)
    # 410 is a reason to give a source up, so that all of them have to say it.
    first = min(asked or errors, key=lambda error: (error.kind in OFFLINE, _status(error) == HTTPStatus.GONE))
    failure = FetchError(
        _message(rules, failures), kind=first.kind, status=_status(first), retry_after=until, held=not asked
    )
    failure.page = next((error.page for error in errors if error.page is not None), None)
    return failure


def _status(error: SourceError) -> int | None:
    return error.status if isinstance(error, FetchError) else None


def _message(rules: RsshubRules, failures: Mapping[str, SourceError]) -> str:
    """Name each instance that was asked, and why it failed."""
    begin = "" if len(failures) == 1 else "no instance has it: "
    return begin + _listed(rules, failures, MAX_ERROR - len(begin))


def _listed(rules: RsshubRules, failures: Mapping[str, SourceError], length: int) -> str:
    """List instances with their failures, each shortened so that all of them are named in `length` characters."""
    failed = [one for one in rules.instances if one.name in failures]
    parts = [f"{_shown(one.name)}: {_reason(failures[one.name], one.code)}" for one in failed]
    each = length // len(parts) - len("; ")
    if sum(map(len, parts)) + len("; ") * len(parts) > length:
        parts = [_cut(part, each) for part in parts]
    return "; ".join(parts)


def _reason(error: SourceError, code: str | None) -> str:
    """Say why an instance failed, without its address: the message of the error is about sources with an address."""
    from aggregator.sources.rsshubfeed import without_code

    status = _status(error)
    if error.kind != "http_status" or status is None:
        text = str(error).removesuffix(f" ({error.url})") if error.url else str(error)
        text = without_code(text, code)
        # The advice on what else to configure is for feeds; on addresses that are not public, it holds here.
        return text if error.kind == "refused" else text.partition("; ")[0]
    said = f"it answered {status} {_phrase(status)}".rstrip()
    if status == HTTPStatus.UNAUTHORIZED:
        return f"{said}; put user name and password into its address"
    if status == HTTPStatus.FORBIDDEN:
        return f"{said}; {'is its `key` right?' if code else 'does it want a `key`?'}"
    return f"{said}; it has no such route" if status == HTTPStatus.NOT_FOUND else said


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _shown(name: str) -> str:
    return name.removesuffix("/")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
