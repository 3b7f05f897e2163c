"""Sources kept as files, to find out offline what an edit changes: what was answered, and the items made of it.

A fixture is a folder `fixtures/<id>` beside feeds.yaml: `expected.json`, and each document that came as an HTTP message
(`fetch.recorded`). `capture` makes it; `check` reads the documents again by the configuration in force, at the time at
which they were captured, and compares the items. Both do so by a `preview`.

Such folders are shared, so no secret enters them: request headers are not kept, and in addresses and documents `***`
stands for each secret. The expected items are those that come of the documents as they are kept. A request is known by
its address without secrets, so that a check needs the names of secrets and not their values.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from aggregator.config import redact
from aggregator.config.secrets import mask
from aggregator.errors import AggregatorError, FetchError
from aggregator.fetch import recorded
from aggregator.models import FAILURE_KINDS, FailureKind, Fetched, NotModified, Rendered, Request, Source
from aggregator.parse.encoding import decode
from aggregator.pipeline.engine import page_worker
from aggregator.pipeline.together import Send
from aggregator.preview import Document, Preview, preview
from aggregator.publish import files
from aggregator.snapshots import Difference, Item, difference, item_values
from aggregator.values.terminal import as_json
from aggregator.workers import Worker

if TYPE_CHECKING:
    from aggregator.config import Config

FOLDER = "fixtures"
"""The folder of the fixtures, beside feeds.yaml."""
EXPECTED = "expected.json"
"""The file of a fixture that says what is expected."""
FORMAT = "aggregator-fixture-1"
#: Bytes of an `expected.json`, and of a document, that are read.
_MAX_FILE = 64_000_000
_DOCUMENT = re.compile(r"[0-9]{2,4}\.http")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request was answered, without secrets."""

    url: str
    #: Digest of the body of the request, without secrets; None: it had none.
    content: str | None
    #: The document; None: the request failed.
    document: Fetched | None = None
    kind: FailureKind = "internal"
    status: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Fixture:
    """One source as it is kept."""

    source_id: str
    captured_at: datetime
    #: In the order of the requests.
    answers: tuple[Answer, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Captured:
    """How a capture ended."""

    #: What the source gave.
    seen: Preview
    folder: Path
    fixture: Fixture | None = None
    #: Why nothing was kept, as a clause.
    problem: str | None = None
    #: How the items that are expected differ from those of the source.
    difference: Difference = field(default_factory=Difference)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of one fixture found."""

    #: Name of its folder, and the id of its source; "": not known.
    name: str
    source_id: str
    #: Why it could not be compared, as a clause; None: it was.
    problem: str | None = None
    #: Addresses that are asked for now, and that were not when it was captured.
    unanswered: tuple[str, ...] = ()
    difference: Difference = field(default_factory=Difference)
    #: Items that were expected.
    items: int = 0

    @property
    def fine(self) -> bool:
        """Whether all is as expected."""
        return self.problem is None and not self.unanswered and not self.difference


# -- capture -----------------------------------------------------------------------------------------------------------


async def capture(
    config: Config,
    source: Source,
    *,
    clock: Callable[[], datetime],
    data: Path | None,
    through: Callable[[Send], Send] = lambda send: send,
) -> Captured:
    """Fetch a source as if nothing of it were stored, and keep what came; where it fails, an earlier fixture stays.

    Args:
        config: the configuration, which names the source.
        clock: the current time, aware and in UTC.
        data: the data folder, which says which hosts want to be left alone; it is only read.
        through: what requests go through, see `update_due`.

    Raises:
        AggregatorError: the files cannot be written.
    """
    at = clock()
    async with page_reader() as pages:
        seen = await preview(config, source, clock=clock, data=data, through=through, repeatable=True, pages=pages)
        answers = tuple(_answer(one, config.secrets) for one in seen.documents)
        return await _keep(config, source, seen, Fixture(source.id, at, answers, ()), pages)


async def capture_again(config: Config, source: Source) -> Captured:
    """Make the expected items of a fixture again, of the documents that are kept.

    Raises:
        AggregatorError: there is no such fixture, or the files cannot be read or written.
    """
    folder = folder_of(config, source.id)
    fixture = read(folder)
    async with page_reader() as pages:
        seen, unanswered = await replay(config, source, fixture, pages)
        if unanswered:
            return Captured(seen, folder, problem=f"{unanswered[0]} was not captured; capture it without --offline")
        return await _keep(config, source, seen, fixture, pages)


@asynccontextmanager
async def page_reader() -> AsyncIterator[Worker]:
    """Yield a process that reads the pages of several fixtures; it is started when one has any."""
    worker = page_worker()
    try:
        yield worker
    finally:
        await worker.close()


async def _keep(config: Config, source: Source, seen: Preview, fixture: Fixture, pages: Worker) -> Captured:
    """Write a fixture, with the items that come of its documents."""
    folder = folder_of(config, source.id)
    if seen.failure is not None:
        return Captured(seen, folder, problem=f"it failed: {seen.failure}")
    replayed, _ = await replay(config, source, fixture, pages)
    if replayed.failure is not None:
        return Captured(seen, folder, problem=f"without its secrets it fails: {replayed.failure}")
    fixture = replace(fixture, items=_items(replayed, config.secrets))
    _write(folder, fixture)
    return Captured(seen, folder, fixture, difference=difference(_items(seen, config.secrets), fixture.items))


def folder_of(config: Config, source_id: str) -> Path:
    """Return the folder of the fixture of a source."""
    name = source_id if len(source_id.encode()) <= 200 else hashlib.sha256(source_id.encode()).hexdigest()
    return config.path.parent / FOLDER / name


def without_secrets(fetched: Fetched, secrets: frozenset[str]) -> Fetched:
    """Return a document with `***` in place of each secret in its addresses and its body."""
    body = _masked(fetched.body, fetched.content_type, secrets) if secrets else fetched.body
    return replace(
        fetched,
        body=body,
        body_hash=hashlib.sha256(body).hexdigest(),
        url=redact(fetched.url, secrets),
        requested_url=redact(fetched.requested_url, secrets),
    )


def _masked(body: bytes, content_type: str, secrets: frozenset[str]) -> bytes:
    """Replace secrets in a document, and leave every other byte as it is."""
    encoding = decode(body, content_type).encoding
    if encoding.startswith(("utf-16", "utf-32")):
        text = body.decode(encoding, "surrogatepass")
        hidden = mask(text, secrets)
        return body if hidden == text else hidden.encode(encoding, "surrogatepass")
    text, wanted = body.decode("latin-1"), set(secrets)
    for secret in secrets:
        for one in ("utf-8", encoding):
            with suppress(UnicodeEncodeError):
                wanted.add(secret.encode(one).decode("latin-1"))
    return mask(text, frozenset(wanted)).encode("latin-1")


def _answer(document: Document, secrets: frozenset[str]) -> Answer:
    request, outcome = document.request, document.outcome
    called = redact(request.url, secrets), _digest(request, secrets)
    if isinstance(outcome, Fetched):
        # Validators are of no use here, and may be different each time.
        return Answer(*called, replace(without_secrets(outcome, secrets), etag=None, last_modified=None))
    if isinstance(outcome, NotModified):
        return Answer(*called, kind="http_status", status=304, message="the server answered 304 without being asked")
    return Answer(*called, None, outcome.kind, outcome.status, redact(str(outcome), secrets))


def _digest(request: Request, secrets: frozenset[str]) -> str | None:
    if request.content is None:
        return None
    text = mask(request.content.decode("utf-8", "backslashreplace"), secrets)
    return hashlib.sha256(text.encode()).hexdigest()


def _items(seen: Preview, secrets: frozenset[str]) -> tuple[Item, ...]:
    """Return the items of a preview as they are when they are read from the file."""
    values = as_json([item_values(one) for one in seen.items], lambda text: redact(text, secrets))
    return tuple(json.loads(values))


# -- replay ------------------------------------------------------------------------------------------------------------


async def replay(
    config: Config, source: Source, fixture: Fixture, pages: Worker | None = None
) -> tuple[Preview, tuple[str, ...]]:
    """Read the documents of a fixture again, as of the time at which they were captured; nothing is fetched.

    Args:
        pages: as for `preview`.

    Returns:
        What came of them, and the addresses that were asked for and have no answer there.
    """
    tape = _Tape(fixture.answers, config.secrets)
    at = fixture.captured_at
    seen = await preview(config, source, clock=lambda: at, through=lambda send: tape.send, pages=pages)
    return seen, tuple(dict.fromkeys(tape.unanswered))


class _Tape:
    """Answers requests as they were answered.

    Args:
        answers: those to the same request come one after the other; the last of them again and again.
    """

    def __init__(self, answers: Sequence[Answer], secrets: frozenset[str]) -> None:
        self._secrets = secrets
        self._left: dict[tuple[str, str | None], list[Answer]] = {}
        for one in answers:
            self._left.setdefault((one.url, one.content), []).append(one)
        self.unanswered: list[str] = []

    async def send(self, request: Request) -> Fetched | NotModified:
        """Answer a request; raises `FetchError` as it was raised, or where there is no answer."""
        url = redact(request.url, self._secrets)
        left = self._left.get((url, _digest(request, self._secrets)))
        if not left:
            self.unanswered.append(url)
            raise FetchError("the fixture has no answer to this request", kind="refused", url=request.url)
        found = left.pop(0) if len(left) > 1 else left[0]
        if found.document is None:
            raise FetchError(found.message, kind=found.kind, status=found.status)
        # Addresses that were hidden are those that are asked for now.
        page = found.document
        return replace(page, requested_url=request.url, url=request.url if page.url == url else page.url)


async def check(config: Config, folder: Path, pages: Worker | None = None) -> Checked:
    """Replay a fixture by the configuration in force, and compare its items with those that are expected.

    Args:
        pages: as for `preview`.
    """
    try:
        fixture = read(folder)
    except AggregatorError as error:
        return Checked(folder.name, "", str(error))
    source = next((one for one in config.sources if one.id == fixture.source_id), None)
    name = folder.name, fixture.source_id
    if source is None:
        return Checked(*name, f"there is no source {fixture.source_id} in {config.path}; delete the folder {folder}")
    seen, unanswered = await replay(config, source, fixture, pages)
    count = len(fixture.items)
    if seen.failure is not None:
        return Checked(*name, f"it fails now: {seen.failure}", unanswered, items=count)
    return Checked(*name, None, unanswered, difference(fixture.items, _items(seen, config.secrets)), count)


def find(config: Config) -> list[Path]:
    """Return the folders of all fixtures, sorted.

    Raises:
        AggregatorError: they cannot be read.
    """
    place = config.path.parent / FOLDER
    try:
        if not place.is_dir():
            return []
        return sorted(one for one in place.iterdir() if any((one / name).is_file() for name in (EXPECTED, "01.http")))
    except OSError as error:
        raise AggregatorError(f"{error.filename or place} cannot be read: {error.strerror or error}") from None


# -- files -------------------------------------------------------------------------------------------------------------


def read(folder: Path) -> Fixture:
    """Read a fixture.

    Raises:
        AggregatorError: it is none, or cannot be read.
    """
    path = folder / EXPECTED
    try:
        values = json.loads(_bytes(path))
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise ValueError(f"its `format` is not {FORMAT}")
        at = datetime.strptime(values["captured_at"], _TIME).replace(tzinfo=UTC)
        answers = tuple(_read_answer(folder, one) for one in values["requests"])
        items = values["items"]
        if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
            raise TypeError("`items` must be a list of mappings")
        return Fixture(str(values["source"]), at, answers, tuple(items))
    except OSError as error:
        raise AggregatorError(f"{error.filename or path} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else error
        raise AggregatorError(
            f"{path} is not what `aggregator capture` writes: {why}; capture the source again"
        ) from None


def _read_answer(folder: Path, values: Mapping[str, Any]) -> Answer:
    url, content = str(values["url"]), values.get("content")
    called = url, None if content is None else str(content)
    if "file" in values:
        name = str(values["file"])
        if not _DOCUMENT.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a document")
        return Answer(*called, recorded.load(_bytes(folder / name), url))
    error = values["error"]
    if error["kind"] not in FAILURE_KINDS:
        raise ValueError(f"there is no kind of failure {error['kind']!r}")
    status = error.get("status")
    return Answer(
        *called, None, cast("FailureKind", error["kind"]), status if isinstance(status, int) else None, error["message"]
    )


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_MAX_FILE + 1)
    if len(data) > _MAX_FILE:
        raise ValueError(f"{path.name} is too large")
    return data


def _write(folder: Path, fixture: Fixture) -> None:
    requests: list[dict[str, Any]] = []
    outputs: list[Rendered] = []
    for one in fixture.answers:
        values: dict[str, Any] = {"url": one.url}
        if one.content is not None:
            values["content"] = one.content
        if one.document is None:
            values["error"] = {"kind": one.kind, "status": one.status, "message": one.message}
        else:
            values["file"] = f"{len(outputs) + 1:02d}{recorded.SUFFIX}"
            outputs.append(Rendered(values["file"], "application/http", recorded.dump(one.document)))
        requests.append(values)
    whole = {
        "format": FORMAT,
        "source": fixture.source_id,
        "captured_at": fixture.captured_at.strftime(_TIME),
        "requests": requests,
        "items": list(fixture.items),
    }
    # Secrets are gone already.
    text = as_json(whole, lambda one: one, indent=2) + "\n"
    written = files.write(folder, [*outputs, Rendered(EXPECTED, "application/json", text.encode())])
    if written.failed:
        raise AggregatorError(f"{folder} cannot be written: {next(iter(written.failed.values()))}")
    kept = {one.name for one in outputs}
    for path in folder.iterdir():
        if _DOCUMENT.fullmatch(path.name) and path.name not in kept:
            files.delete(folder, path.name)
