"""`add`, which finds a source and writes it into feeds.yaml, and `move` and `rename`, which edit what is there."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from aggregator.cli.console import Cell, Column, activity, complain, say, say_json, say_table
from aggregator.cli.edits import edit_file, index_of, say_new_ids
from aggregator.cli.items import JsonOption
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    checked_address,
    load_config,
    load_to_add,
    located,
    read_store,
    require_sources,
    utc_now,
)
from aggregator.values.terminal import counted, iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.config.additions import Categories, NewSource
    from aggregator.discover.found import Found, Known, Option
    from aggregator.models import Source

#: Items of each source that are shown.
_NEWEST = 3
#: Characters of a title that becomes the name of a source.
_LONGEST_NAME = 100
#: Failures that are shown.
_MISSES = 15
_OPML = re.compile(r"\.opml(?:\.xml)?(?:[?#].*)?\Z", re.IGNORECASE)
#: The name of an account in the fediverse.
_ACCOUNT = re.compile(r"@([\w.-]+)@([\w-]+(?:\.[\w-]+)+)")


def add(
    address: Annotated[
        str,
        typer.Argument(
            metavar="URL|FILE.opml",
            help="Address of a site, a page or a feed, or a route of RSSHub; or an OPML file, - for standard input.",
        ),
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    category: Annotated[
        str | None, typer.Option("--category", help="Slug or title of its category; one that is missing is added.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the source; the feed's own title if left out.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Add the best one without asking.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find what an address offers, try it, and add it to feeds.yaml.

    It may be a feed, a page that names feeds, a known site, a sitemap, or a
    page whose list of articles can be read. Each source that works is shown
    with its newest items. On a terminal, the command asks which one to add;
    elsewhere it adds one only with --yes. Comments and everything else in
    feeds.yaml stay as they are. `aggregator preview URL` shows more.

    Exit status: 0 it is in feeds.yaml, now or already, 1 it is not, 2 the
    call or feeds.yaml is wrong.
    """
    if _is_list(address):
        if name is not None:
            _refuse("--name goes with an address, not with a list of subscriptions")
        from aggregator.cli.subscriptions import run_import

        raise typer.Exit(run_import(address, config, category=category, as_json=as_json))
    adding = _Adding(config, data, category, name)
    url = adding.address(address)
    found = adding.search(url, guessed=_has_no_scheme(address), best=yes)
    if not as_json:
        adding.show(found)
    asks = not (as_json or yes) and _is_terminal()
    chosen = _chosen(found, name, yes=yes, ask=asks)
    added = adding.write(chosen) if chosen else []
    if as_json:
        say_json(_as_json(found, config, added), indent=2)
    else:
        for source in added:
            say(f"Added {source.id} to {config}, line {source.line}; the next update fetches it.")
    if not chosen and found.options and not found.there:
        how = "" if asks else " To add the first one: the same command with --yes"
        complain(f"Nothing was added.{how}")
    raise typer.Exit(0 if added or found.there else 1)


def move(
    source: Annotated[str, typer.Argument(help="Id of the source, as shown by `aggregator status`.")],
    category: Annotated[
        str, typer.Argument(help="Slug or title of the category; one that is missing is added. Or uncategorized.")
    ],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Give a source another category in feeds.yaml; everything else in the file stays unchanged.

    The feeds of both categories change at the next publication. Posts that
    are there stay where they are.
    """
    from aggregator.config.additions import Categories, set_value
    from aggregator.config.configuration import UNCATEGORIZED
    from aggregator.config.editing import entry_of

    loaded = load_config(config)
    require_sources(loaded, [source])
    index, names = index_of(loaded, source), Categories(loaded)
    slug = names.slug(category)
    if loaded.sources[index].category == (slug or UNCATEGORIZED):
        say(f"{source} is in {slug or UNCATEGORIZED} already.")
        return
    edit_file(
        loaded,
        lambda text: set_value(text, entry_of(loaded, index), "category", slug, names.new),
        values={index: {"category": slug}},
    )
    new = f", a new category: {names.new[slug]}" if slug in names.new else ""
    say(f"Moved {source} to {slug or UNCATEGORIZED} in {config}{new}.")


def rename(
    source: Annotated[str, typer.Argument(help="Id of the source, as shown by `aggregator status`.")],
    name: Annotated[str, typer.Argument(help="The new name; '' for the feed's own title.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Give a source another name in feeds.yaml; everything else in the file stays unchanged.

    An id that is made from the name changes with it; what is stored of the
    source stays with it.
    """
    from aggregator.config.additions import set_value
    from aggregator.config.editing import entry_of

    loaded = load_config(config)
    require_sources(loaded, [source])
    index, text = index_of(loaded, source), " ".join(name.split()) or None
    if loaded.sources[index].name == text:
        say(f"{source} has that name already." if text else f"{source} has no name of its own.")
        return
    new = edit_file(
        loaded,
        lambda before: set_value(before, entry_of(loaded, index), "name", text),
        values={index: {"name": text}},
    )
    say(f"Renamed {source} to {text} in {config}." if text else f"Removed the name of {source} from {config}.")
    say_new_ids(loaded.sources, new.sources, "name")


# -- what is looked for ------------------------------------------------------------------------------------------------


def _refuse(message: str) -> NoReturn:
    complain(f"error: {message}")
    raise typer.Exit(2)


def _is_list(text: str) -> bool:
    """Whether an argument names a list of subscriptions, and no source."""
    if text == "-" or _OPML.search(text):
        return True
    return "://" not in text and Path(text).is_file()


def _has_no_scheme(text: str) -> bool:
    return "://" not in text and not text.lower().startswith("feed:")


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


class _Adding:
    """One call of `add`.

    Args:
        path: feeds.yaml.
        category: as a person names it.
        name: for the source, or None.
    """

    def __init__(self, path: Path, data: Path, category: str | None, name: str | None) -> None:
        from aggregator.config.additions import Categories

        self._path = path
        self._data = data
        self._before, self._text, self._config = load_to_add(path)
        self._categories: Categories = Categories(self._config)
        slug = None if category is None else self._categories.slug(category)
        self._settings = {} if slug is None else {"category": slug}
        self._name = name

    def address(self, text: str) -> str:
        """Return the address that a person means, or a route; anything else is a usage error."""
        text = text.strip()
        if text.startswith("/") or text.lower().startswith("rsshub:"):
            return self._route(text)
        if account := _ACCOUNT.fullmatch(text):
            return f"https://{account[2]}/@{account[1]}"
        return checked_address(f"https://{text}" if _has_no_scheme(text) else text)

    def _route(self, text: str) -> str:
        from aggregator.config.rsshub import route

        if self._config.rsshub is None:
            example = "`rsshub: {instances: [https://rsshub.example.org/]}`"
            _refuse(f"{text} is a route of RSSHub, and {self._path} names no instances; add {example}")
        try:
            return route(text)
        except ValueError as error:
            _refuse(str(error))

    def search(self, url: str, *, guessed: bool, best: bool) -> Found:
        """Look for what an address offers.

        Args:
            guessed: the scheme of the address was not given.
            best: one source that works is enough.
        """
        import asyncio

        from aggregator.discover.search import search

        with activity("looking at") as report:
            return asyncio.run(
                search(
                    url,
                    self._config,
                    self._text,
                    os.environ,
                    clock=utc_now,
                    known=self._known(),
                    settings=self._settings,
                    best=best,
                    or_http=guessed,
                    report=report,
                )
            )

    def _known(self) -> Known:
        from aggregator.discover.found import Known

        with read_store(located(self._config, self._data)) as store:
            if store is None:
                return Known()
            moved = {name: state.moved_to for name, state in store.states().items() if state.moved_to is not None}
            return Known(store.host_waits(utc_now()), moved, self._data)

    # -- what is shown ---------------------------------------------------------------------------------------------

    def show(self, found: Found) -> None:
        """Print what was found, for people."""
        for there in found.there:
            one, how = there.source, f"; {there.found}" if there.found else ""
            say(f"{self._path}:{one.line}: {one.id} is there already: {one.url}{how}")
        if found.options:
            own = [miss for miss in found.misses if miss.address == found.url]
            _say_lines([[Cell("note"), Cell(miss.why)] for miss in own])
            if found.there or own:
                say("There is also:" if found.there else "There is:")
            rows = [row for number, one in enumerate(found.options, 1) for row in _cells(number, one)]
            _say_lines(rows)
        elif not found.there:
            say(f"Nothing was found at {found.url}. Tried:")
            _say_lines([[Cell(miss.address), Cell(f"{miss.found}: {miss.why}")] for miss in found.misses[:_MISSES]])
            if len(found.misses) > _MISSES:
                say(f"and {len(found.misses) - _MISSES} more")
            if found.is_page:
                say("To read the page by selectors of your own: `scrape`, see docs/scraping.md.")
            say(f"{self._path} was not changed.")
        if found.untried:
            say(f"{counted(found.untried, 'more candidate')} not tried; add one by its own address.")

    # -- what is written -------------------------------------------------------------------------------------------

    def write(self, chosen: Sequence[Option]) -> list[Source]:
        """Add sources to the file, and return them as they are now."""
        from aggregator.config.additions import add_sources

        entries = [self._entry(one) for one in chosen]
        new = edit_file(
            self._config,
            lambda _: add_sources(self._text, entries, self._categories.new),
            added=entries,
            before=self._before,
        )
        kept = {(source.kind, source.url, source.name) for source in self._config.sources}
        wanted = {(one.source.kind, one.source.url) for one in chosen}
        return [
            source
            for source in new.sources
            if (source.kind, source.url) in wanted and (source.kind, source.url, source.name) not in kept
        ]

    def _entry(self, option: Option) -> NewSource:
        from aggregator.config.additions import NewSource

        name = self._name or _short_name(option.title or "")
        return NewSource({**({"name": name} if name else {}), **self._settings, **option.candidate.entry})


def _say_lines(rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows of the same length without a header; on a terminal, the last column is wrapped."""
    if rows:
        say_table([Column("")] * len(rows[0]), rows, wrap=True, header=False)


def _short_name(title: str) -> str:
    """Return a title as the name of a source: one line without controls, not too long."""
    words = "".join(one if one.isprintable() else " " for one in title).split()
    while len(" ".join(words)) > _LONGEST_NAME and len(words) > 1:
        words.pop()
    return " ".join(words)[:_LONGEST_NAME]


def _chosen(found: Found, name: str | None, *, yes: bool, ask: bool) -> list[Option]:
    """Return the sources to add."""
    if not found.options or (found.there and not ask):
        return []
    if yes:
        return found.options[:1]
    return _asked(found, name) if ask else []


def _asked(found: Found, name: str | None) -> list[Option]:
    """Ask a person which sources to add."""
    count = len(found.options)
    numbers = "1" if count == 1 else f"1 to {count}" if name else f"1 to {count}, several with a space between"
    default = "n" if found.there else "1"
    while True:
        said = typer.prompt(f"Add which one ({numbers}, or n for none)", default=default).strip().lower()
        if said in ("n", "no", "none", "q", "quit"):
            return []
        words = said.replace(",", " ").split()
        places = {int(word) for word in words if word.isdecimal() and 1 <= int(word) <= count}
        if said in ("y", "yes") and count == 1:
            places = {1}
        elif len(places) != len(set(words)) or not places or (name and len(places) > 1):
            say(f"{said} is none of these")
            continue
        return [found.options[place - 1] for place in sorted(places)]


def _cells(number: int, option: Option) -> list[list[Cell]]:
    """Return the rows of one option: what it is, where, and its newest items."""
    from aggregator.config.writing import in_brackets

    seen, source, entry = option.preview, option.source, option.candidate.entry
    what = source.url if isinstance(entry.get(source.kind), str) else in_brackets(entry[source.kind])
    items = counted(len(seen.items), "item") if seen.items else "no items now"
    rows = [
        [Cell(str(number), "bold"), Cell(source.kind), Cell(option.title or source.fallback_name, "bold")],
        [Cell(""), Cell(""), Cell(what)],
        [Cell(""), Cell(""), Cell(f"{option.candidate.found}; {items}")],
    ]
    for item in seen.items[:_NEWEST]:
        stored = item.stored.stored.entry
        day = f"{stored.published_at:%Y-%m-%d}" if stored.dated else "no date"
        rows.append([Cell(""), Cell(day), Cell(item.stored.ruling.entry.title)])
    rows += [[Cell(""), Cell("note"), Cell(note)] for note in seen.result.notes[:_NEWEST]]
    return rows


def _as_json(found: Found, path: Path, added: Sequence[Source]) -> dict[str, Any]:
    """Return what was found and what was added, for programs."""
    return {
        "config": str(path),
        "url": found.url,
        "there": [
            {"id": one.source.id, "line": one.source.line, "url": one.source.url, "found": one.found}
            for one in found.there
        ],
        "options": [_option_json(number, one) for number, one in enumerate(found.options, 1)],
        "misses": [{"address": one.address, "found": one.found, "why": one.why} for one in found.misses],
        "untried": found.untried,
        "added": [{"id": one.id, "line": one.line, "url": one.url} for one in added],
    }


def _option_json(number: int, option: Option) -> dict[str, Any]:
    seen = option.preview
    return {
        "number": number,
        "kind": option.source.kind,
        "url": option.source.url,
        "title": option.title,
        "found": option.candidate.found,
        "settings": dict(option.candidate.entry),
        "items": len(seen.items),
        "newest": [
            {
                "title": one.stored.ruling.entry.title,
                "url": one.stored.ruling.entry.url,
                "published": iso(one.stored.stored.entry.published_at) if one.stored.stored.entry.dated else None,
            }
            for one in seen.items[:_NEWEST]
        ],
        "notes": list(seen.result.notes),
    }
