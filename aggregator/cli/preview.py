"""`preview`: what a source gives, stage by stage, without storing or writing anything."""

from __future__ import annotations

import json
import sys
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from aggregator.cli.console import Cell, Column, complain, hide, say, say_bytes, say_json, say_table
from aggregator.cli.fixtures import difference_json, same, say_difference, summary, watched
from aggregator.cli.items import COLOURS, JsonOption
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    checked_address,
    load_config,
    require_sources,
    utc_now,
)
from aggregator.cli.previewvalues import FORMAT, as_values, encoding_of, fetched_of, fields_filled, rule_rows
from aggregator.log import LogFormat, configure_logging
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aggregator.config import Config
    from aggregator.models import Fetched, Request, Source
    from aggregator.pipeline.together import Send
    from aggregator.preview import Document, Preview, PreviewItem
    from aggregator.snapshots import Item

#: Items that are shown, and documents besides those that failed.
_ITEMS = 10
_DOCUMENTS = 5
#: Bytes of a file that is compared with.
_MAX_FILE = 64_000_000
#: Media types of saved pages, by the end of the name.
_TYPES = {".html": "text/html", ".htm": "text/html", ".json": "application/json", ".xml": "application/xml"}


def preview(
    source: Annotated[str, typer.Argument(help="Id of a source, or an address.", metavar="SOURCE|URL")],
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    items: Annotated[
        int | None, typer.Option("--items", "-n", min=0, help="Show the newest items, this many; 10 if left out.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Print the documents as they came.")] = False,
    post: Annotated[bool, typer.Option("--post", help="Print the posts; with --json, add them.")] = False,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="FILE",
            help="A saved page: read it in place of the source's own document, and fetch nothing. Or what --json "
            "printed before: show what differs now.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a source gives, rules included, without storing or writing anything.

    For each stage: the documents that came, how many items were read and
    which of their fields are filled, what the rules did, and the newest
    items beside what is stored. Steps of one's own do not run, only results
    that are kept count; duplicates in other sources are not looked for.

    Exit status: 0 it works, 1 the source failed.
    """
    import asyncio

    from aggregator.preview import preview as see

    if raw and (post or as_json):
        complain("error: --raw goes with neither --post nor --json")
        raise typer.Exit(2)
    configure_logging(LogFormat.text, hide, stamped=False)
    loaded = _config(config, source)
    chosen, configured = _source(loaded, source)
    file = None if against is None else _against(against, chosen)
    through: Callable[[Send], Send] = same
    if file is not None and file.page is not None:
        chosen, through = _without_articles(chosen), _Offline(file.page).through
    with watched(through) as through:
        seen = asyncio.run(see(loaded, chosen, clock=utc_now, data=data, through=through, posts=post))
    if raw:
        _say_raw(seen, loaded)
    elif file is not None and file.items is not None:
        _say_against(against, file.items, seen, as_json)
    elif as_json:
        say_json(as_values(seen, loaded, seen.items[:items]), indent=2)
    elif post:
        _say_posts(seen.items[: _ITEMS if items is None else items])
    else:
        page = against if file is not None else None
        _Report(seen, loaded, data, configured, page).say(_ITEMS if items is None else items)
    if seen.failure is not None and (raw or post):
        complain(f"error: {seen.failure}")
    raise typer.Exit(0 if seen.failure is None else 1)


# -- what is previewed -------------------------------------------------------------------------------------------------


def _config(path: Path, text: str) -> Config:
    """Read feeds.yaml; for an address, it may be missing."""
    if "://" not in text or path.exists():
        return load_config(path)
    from aggregator.config import load

    return load(path, {}, text="sources: []\n")


def _source(config: Config, text: str) -> tuple[Source, bool]:
    """Return the source with an id or an address, and whether it is configured."""
    exact = (one for one in config.sources if text in (one.id, one.url))
    if found := next(exact, None):
        return found, True
    if "://" in text:
        from aggregator.values.urls import same_feed

        wanted = same_feed(text)
        if found := next((one for one in config.sources if same_feed(one.url) == wanted), None):
            return found, True
    else:
        require_sources(config, [text], advice="; an address begins with `https://`")
    from aggregator.preview import feed_source

    return feed_source(config, checked_address(text)), False


class _File(NamedTuple):
    """What --against names: a saved page, or the items of an earlier preview."""

    page: Fetched | None
    items: list[Item] | None


def _against(path: Path, source: Source) -> _File:
    from aggregator.fetch import recorded

    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        complain(f"error: {path} cannot be read: {error.strerror or error}")
        raise typer.Exit(2) from None
    if len(data) > min(_MAX_FILE, max(source.max_body, 1_000_000)):
        complain(f"error: {path} is larger than `max_body` of the source allows")
        raise typer.Exit(2)
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        values = None
    if isinstance(values, dict) and values.get("format") == FORMAT and isinstance(values.get("items"), list):
        return _File(None, [one for one in values["items"] if isinstance(one, dict)])
    return _File(recorded.load(data, source.url, content_type=_TYPES.get(path.suffix.lower(), "")), None)


def _without_articles(source: Source) -> Source:
    """Return a source whose list is all there is: offline, there are no articles."""
    rules: Any = source.rules
    # Of some kinds, an item is nothing but its article.
    optional = is_dataclass(rules) and any(one.name == "article" and one.default is None for one in fields(rules))
    return replace(source, rules=replace(rules, article=None)) if optional else source


class _Offline:
    """Answers the first request with a saved page, and no other."""

    def __init__(self, page: Fetched) -> None:
        self._page: Fetched | None = page

    def through(self, send: Send) -> Send:
        """Return what answers in place of `send`."""
        return self._fetch

    async def _fetch(self, request: Request) -> Fetched:
        from aggregator.errors import FetchError

        page, self._page = self._page, None
        if page is None:
            raise FetchError("not fetched, because a saved page is read", kind="refused", url=request.url)
        return page


# -- for people --------------------------------------------------------------------------------------------------------


class _Report:
    """What a preview shows to people, one block for each stage.

    Args:
        configured: whether the source is in feeds.yaml.
        page: the file that was read in place of what is fetched; None: nothing was.
    """

    def __init__(self, seen: Preview, config: Config, data: Path, configured: bool, page: Path | None) -> None:
        self._seen = seen
        self._config = config
        self._data = data
        self._configured = configured
        self._page = page

    def say(self, count: int) -> None:
        """Print it, with so many items at most."""
        source = self._seen.source
        name = source.id if self._configured else "not configured"
        say(f"{name}: {source.kind}, {source.url}")
        self._say_documents()
        self._say_read()
        if self._seen.items:
            self._say_rules()
            self._say_items(count)
        for failure in self._seen.failures:
            complain(f"error: {failure}")
        if self._seen.failure is not None:
            self._say_failure(self._seen.failure)
        say("")
        if any(one.by != "off" for one in self._config.duplicates.values()):
            say("Duplicates were looked for in this source only.")
        say("Nothing was stored or written.")

    def _say_documents(self) -> None:
        documents = self._seen.documents
        came = [one for one in map(fetched_of, documents) if one]
        size = _size(sum(len(one.body) for one in came))
        say("")
        if self._page is not None:
            say(f"Read {self._page}, {size}; nothing was fetched, no articles either.")
            return
        say(f"Fetched {counted(len(came), 'document')}, {size}.")
        shown = [one for place, one in enumerate(documents) if place < _DOCUMENTS or fetched_of(one) is None]
        shown = shown[: 2 * _DOCUMENTS]
        if shown:
            rows = [_document_cells(one, self._seen.source) for one in shown]
            columns = (Column(""), Column("", right=True), Column("", spare=1), Column(""))
            say_table(columns, rows, wrap=True, header=False)
        if len(shown) < len(documents):
            say(f"and {len(documents) - len(shown)} more")

    def _say_read(self) -> None:
        parsed, notes = self._seen.parsed, self._seen.result.notes
        if parsed is None:
            return
        total = len(parsed.entries)
        say("")
        title = f" of “{parsed.title}”" if parsed.title else ""
        say(f"Read {counted(total, 'item')}{title} ({parsed.version}).")
        filled = fields_filled(self._seen)
        by_count: dict[int, list[str]] = {}
        for name, count in filled.items():
            by_count.setdefault(count, []).append(name)
        rows = []
        for count in sorted(by_count, reverse=True) if total else ():
            where = "in all" if count == total else "in none" if count == 0 else f"in {count}"
            rows.append([Cell(where), Cell(", ".join(by_count[count]))])
        _say_facts([*rows, *([Cell("note"), Cell(note)] for note in notes)])

    def _say_rules(self) -> None:
        rows = rule_rows(self._seen, self._config)
        say("")
        if not rows:
            say("No rule applies.")
        for row in rows:
            place = f"{row['place']}, rule {row['number']}"
            say(f"{place}, {row['text']}: {row['hits']} of {counted(row['applied'], 'item')}")
            if row["example"]:
                say(f"    {row['example']}")
            for note in row["notes"]:
                say(f"    note: {note}")
        if self._seen.unmade:
            said = f"{counted(self._seen.unmade, 'item')} judged without the result of a step"
            say(f"note: {said}: steps of one's own do not run in a preview")
        for slug in self._config.outputs:
            count = sum(slug in _outputs(one) for one in self._seen.items)
            say(f"output {slug}: {count} of {counted(len(self._seen.items), 'item')}")

    def _say_items(self, count: int) -> None:
        shown = self._seen.items[:count]
        say("")
        if shown:
            rows = [row for one in shown for row in _item_cells(one)]
            columns = (
                Column("published"),
                Column("state"),
                Column("here", spare=1),
                Column("category", spare=2),
                Column("item"),
            )
            say_table(columns, rows, wrap=True)
        if len(shown) < len(self._seen.items):
            say(f"and {len(self._seen.items) - len(shown)} older; --items shows more")
        if self._seen.removed:
            say(f"`retention` removes {counted(self._seen.removed, 'more item')} at once")

    def _say_failure(self, failure: str) -> None:
        from aggregator.pipeline.savedpages import FOLDER, name_of

        rows = [[Cell("failed", "red"), Cell(failure)]]
        if any(map(fetched_of, self._seen.documents)):
            rows.append([Cell("page"), Cell("the same command with --raw prints what came")])
        kept = self._data / FOLDER / name_of(self._seen.source.id)
        if self._configured and kept.is_file():
            rows.append([Cell("kept"), Cell(f"{kept}, by an update that failed so")])
        if not self._configured and self._seen.result.state.failure_kind == "not_a_feed":
            rows.append([Cell("instead"), Cell(f"`aggregator add {self._seen.source.url}` looks for what it offers")])
        say("")
        _say_facts(rows)


def _say_facts(rows: Sequence[Sequence[Cell]]) -> None:
    if rows:
        say_table((Column(""), Column("")), rows, wrap=True, header=False)


def _size(count: int) -> str:
    if count < 1000:
        return counted(count, "byte")
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"


def _document_cells(document: Document, source: Source) -> list[Cell]:
    from aggregator.models import NotModified

    outcome = document.outcome
    address = document.request.url
    if isinstance(outcome, NotModified):
        return [Cell("304"), Cell(""), Cell(""), Cell(address)]
    page = fetched_of(document)
    if page is None:
        status, said = getattr(outcome, "status", None), str(outcome)
        said = said if address in said else f"{said} ({address})"
        return [Cell(str(status or "none"), "red"), Cell(""), Cell(""), Cell(said)]
    if page.url != address:
        address = f"{address} -> {page.url}"
    return [Cell(str(page.status)), Cell(_size(len(page.body))), Cell(encoding_of(page, source)), Cell(address)]


def _outputs(item: PreviewItem) -> set[str]:
    return {member.placement.output for member in item.stored.memberships}


def _item_cells(item: PreviewItem) -> Iterator[list[Cell]]:
    one = item.stored
    entry = one.ruling.entry
    category = one.ruling.category or one.sight.category
    undated = "no date" if one.stored.entry.future_at is None else "in the future"
    yield [
        Cell(f"{one.stored.entry.published_at:%Y-%m-%d %H:%M}" if one.stored.entry.dated else undated),
        Cell(item.condition, COLOURS.get(item.condition, "")),
        Cell(item.here or ""),
        Cell(category),
        Cell(entry.title),
    ]
    if entry.url:
        yield [Cell(""), Cell(""), Cell(""), Cell(""), Cell(entry.url)]


def _say_posts(items: Sequence[PreviewItem]) -> None:
    for one in items:
        if one.post is None:
            say(f"==> no post: it is {one.condition}: {one.stored.ruling.entry.title}")
        else:
            say(f"==> {one.post.name}")
            say(one.post.data.decode("utf-8", "replace"))


def _say_raw(seen: Preview, config: Config) -> None:
    """Print documents: as text on a terminal, else byte for byte."""
    from aggregator.fetch import recorded
    from aggregator.fixtures import without_secrets
    from aggregator.parse.encoding import decode

    for document in seen.documents:
        page = fetched_of(document)
        if page is None:
            complain(f"note: {document.request.url}: {document.outcome}")
            continue
        page = without_secrets(page, config.secrets)
        data = recorded.dump(page)
        if sys.stdout.isatty():
            head = data[: len(data) - len(page.body)].decode("utf-8", "replace")
            say(head.replace("\r\n", "\n") + decode(page.body, page.content_type).text)
        else:
            say_bytes(data)


def _say_against(path: Path | None, before: Sequence[Item], seen: Preview, as_json: bool) -> None:
    """Show how the items differ from those of an earlier preview."""
    from aggregator.snapshots import difference, item_values
    from aggregator.values.terminal import as_json as written

    if seen.failure is not None:
        complain(f"error: {seen.failure}")
        return
    # Those of the file have no secrets either.
    now = json.loads(written([item_values(one) for one in seen.items], hide))
    found = difference(before, now)
    if as_json:
        say_json(difference_json(found), indent=2)
        return
    say(f"{counted(len(now), 'item')} now, {len(before)} in {path}: {summary(found)}")
    say_difference(found)
