"""`list`, `show` and `explain`: stored items, and what came of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from heapq import nlargest
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aggregator.cli.console import Cell, Column, say, say_json, say_table
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    duration,
    found_items,
    load_config,
    located,
    read_store,
    require_sources,
    utc_now,
)
from aggregator.values.terminal import counted, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aggregator.config import Config
    from aggregator.inspection import Explanation
    from aggregator.store import StoredRuling

ItemArgument = Annotated[
    str, typer.Argument(help="Its number, id, address, post file, or words of its title.", metavar="ITEM")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", help="Only items that were first seen in this time, such as 30d.")
]
SourceOption = Annotated[str | None, typer.Option("--source", "-s", help="Only items of this source.")]

COLOURS = {"published": "green", "held": "yellow", "waiting": "yellow", "draft": "yellow", "dropped": "red"}


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item in `list --json`; times are ISO 8601 in UTC."""

    number: int
    #: The id in the feeds; null: it has none yet.
    id: str | None
    source: str
    category: str
    #: ``published``, ``waiting`` (for the next publication), ``draft``, ``held`` (for review), ``dropped``, ``copy``
    #: (of another source's item), or ``retired`` (its source is not configured any more).
    state: str
    published_at: str
    title: str
    url: str | None


def list_items(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    where: Annotated[
        str | None, typer.Option("--where", help="Only items for which this expression is true, see docs/rules.md.")
    ] = None,
    source: SourceOption = None,
    category: Annotated[str | None, typer.Option("--category", help="Only items with this first category.")] = None,
    output: Annotated[str | None, typer.Option("--output", help="Only members of this output.")] = None,
    state: Annotated[
        str | None, typer.Option("--state", help="Only items in this state, such as published, held or dropped.")
    ] = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Show the newest ones, this many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List the newest stored items, dropped and held ones included."""
    loaded = load_config(config)
    chosen = _Chosen.of(loaded, where, source, category, output, state, since)
    with read_store(located(loaded, data)) as store:
        found = chosen.items(store) if store else ()
        newest = nlargest(limit, found, key=lambda one: (one.stored.entry.published_at, one.stored.pk))
    rows = [item_row(one) for one in newest]
    if as_json:
        say_json([asdict(row) for row in rows], indent=2)
    elif rows:
        say_table(COLUMNS, [item_cells(row) for row in rows])
    else:
        say("no such item is stored")


def show(
    item: ItemArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Show a stored item: what its source said, and what rules changed."""
    from aggregator.snapshots import changed_by_rules, entry_values

    with found_items(located(load_config(config), data), [item]) as (_, (one,)):
        pass
    row = item_row(one)
    after = entry_values(one.ruling.entry)
    changed = changed_by_rules(one.stored.entry, one.ruling.entry)
    if as_json:
        say_json({**asdict(row), "made_by": one.ruling.made_by, "entry": after, "before_rules": changed}, indent=2)
        return
    lines = [("number", str(row.number)), ("state", row.state), ("source", row.source), ("category", row.category)]
    lines += [("id", row.id or "none yet")]
    for name, value in after.items():
        if value and name != "html":
            lines.append((name, _text(value)))
        if name in changed:
            lines.append((f"{name} was", _text(changed[name]) or "empty"))
    lines += [("made by", ", ".join(one.ruling.made_by))] if one.ruling.made_by else []
    lines += [("html", _text(after["html"]))]
    _say_facts(lines)


def explain(
    item: ItemArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Explain what came of an item: what each rule did, which outputs have it and why the others do not.

    This works for every item that was ever stored, dropped ones included.
    """
    from aggregator.inspection import explain as explained

    loaded = load_config(config)
    with found_items(located(loaded, data), [item]) as (store, (one,)):
        found = explained(store, loaded, data, one, utc_now())
        state = store.states().get(one.stored.entry.source_id)
    fetched = None if state is None else state.last_success_at
    if as_json:
        say_json(_as_json(found, fetched), indent=2)
    else:
        _say_facts(_facts(found, loaded, fetched))
        _say_answers(found)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Which items `list` shows."""

    matches: Any
    source: str | None
    category: str | None
    output: str | None
    state: str | None
    since: datetime | None

    @classmethod
    def of(
        cls,
        config: Config,
        where: str | None,
        source: str | None,
        category: str | None,
        output: str | None,
        state: str | None,
        since: str | None,
    ) -> _Chosen:
        """Check the options; a wrong one is a usage error."""
        from aggregator.inspection import CONDITIONS

        if source is not None:
            require_sources(config, [source], option="--source ")
        require_one_of("--state", state, CONDITIONS)
        require_one_of("--category", category, config.categories)
        require_one_of("--output", output, [*config.outputs, *config.categories])
        moment = None if since is None else utc_now() - duration("--since", since)
        return cls(expression("--where", where), source, category, output, state, moment)

    def items(self, store: Any) -> Iterable[StoredRuling]:
        """Yield the stored items that are wanted."""
        from aggregator.inspection import condition
        from aggregator.judging import stored_rulings

        for one in stored_rulings(store, self.source, self.since):
            category = one.ruling.category or one.sight.category
            if self.category is not None and category != self.category:
                continue
            if self.output is not None and all(member.placement.output != self.output for member in one.memberships):
                continue
            if self.state is not None and condition(one) != self.state:
                continue
            if self.matches is None or self.matches(one):
                yield one


def expression(option: str, text: str | None) -> Any:
    """Return a function of a stored item for an expression; a wrong one is a usage error."""
    if text is None:
        return None
    from aggregator.cli.console import complain
    from aggregator.rules.expressions import parse_expression
    from aggregator.rules.facts import Facts

    try:
        parsed = parse_expression(text, age=True)
    except ValueError as error:
        complain(f"error: {option}: {error}")
        raise typer.Exit(2) from None
    return lambda one: parsed.evaluate(Facts(one.ruling.entry, one.sight, one.ruling.category))


def require_one_of(option: str, value: str | None, known: Iterable[str]) -> None:
    """Check the value of an option; a wrong one is a usage error."""
    from aggregator.cli.console import complain

    names = list(known)
    if value is not None and value not in names:
        listed = ", ".join(names[:20]) or "none is configured"
        complain(f"error: {option}: there is no {value!r}; known are: {listed}")
        raise typer.Exit(2)


def item_row(one: StoredRuling) -> ItemRow:
    """Return what lists show of a stored item."""
    from aggregator.inspection import condition

    return ItemRow(
        number=one.stored.pk,
        id=one.stored.id,
        source=one.stored.entry.source_id,
        category=one.ruling.category or one.sight.category,
        state=condition(one),
        published_at=iso(one.stored.entry.published_at),
        title=one.ruling.entry.title,
        url=one.ruling.entry.url,
    )


COLUMNS = (
    Column("item", right=True),
    Column("published", spare=2),
    Column("state"),
    Column("source", spare=1),
    Column("category", spare=3),
    Column("title"),
)


def item_cells(row: ItemRow) -> list[Cell]:
    """Return the row of a table, with the columns `COLUMNS`."""
    return [
        Cell(str(row.number)),
        Cell(row.published_at[:16].replace("T", " ")),
        Cell(row.state, COLOURS.get(row.state, "")),
        Cell(row.source),
        Cell(row.category),
        Cell(row.title),
    ]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(one["url"] if isinstance(one, dict) else str(one) for one in value)
    return "" if value is None else str(value)


def _say_facts(lines: Iterable[tuple[str, str]]) -> None:
    say_table((Column(""), Column("")), [[Cell(name), Cell(text)] for name, text in lines], wrap=True, header=False)


def _facts(found: Explanation, config: Config, fetched: datetime | None) -> Iterator[tuple[str, str]]:
    from aggregator.config import redact
    from aggregator.inspection import CONDITIONS

    one = found.item
    yield "item", f"{one.stored.pk}, {one.ruling.entry.title}"
    yield "state", f"{found.condition}: {CONDITIONS[found.condition]}"
    yield "source", f"{one.stored.entry.source_id}, {redact(one.stored.source_url, config.secrets)}"
    yield "address", one.ruling.entry.url or "none"
    seen = one.sight.seen_at
    yield "first seen", f"{iso(seen)}" if seen else "by a version that did not record it"
    dated = "" if one.stored.entry.dated else ", the source gives no date"
    yield "published", f"{iso(one.stored.entry.published_at)}{dated}"
    if one.stored.revision:
        yield "changed", f"{counted(one.stored.revision, 'time')} by its source"
    if fetched is not None:
        yield "last fetch", f"{iso(fetched)} of its source"
    yield "id", one.stored.id or "none yet"
    yield "category", found.category
    if one.decision is not None:
        where = f", in {one.decision.category}" if one.decision.category else ""
        yield "review", f"a person decided: {one.decision.verdict}{where}"
    elif found.review is not None:
        yield "review", found.review
    if one.ruling.made_by:
        yield "made by", ", ".join(one.ruling.made_by)
    if found.copy_of is not None:
        yield "copy of", f"{found.copy_of.pk}, {found.copy_of.entry.title} ({found.copy_of.entry.source_id})"
    for path in found.files:
        yield "post", path


def _say_answers(found: Explanation) -> None:
    say("")
    if not found.steps:
        say("No rule applies to it.")
    for step in found.steps:
        note = f" ({step.note})" if step.note else ""
        did = step.what or ("leaves it as it is" if step.applied else "is not applied")
        say(f"{step.place}, rule {step.number}, {step.text}: {did}{note}")
    if found.outdated:
        since = "The rules have changed since it was judged, or a person decided since"
        say(f"{since}: `aggregator replay` shows what that would change.")
    say("")
    for output in found.outputs:
        say(f"{'in' if output.shown else 'not in'} {output.output}: {output.why}")


def _as_json(found: Explanation, fetched: datetime | None) -> dict[str, Any]:
    one = found.item
    return {
        **asdict(item_row(one)),
        "source_url": one.stored.source_url,
        "first_seen_at": None if one.sight.seen_at is None else iso(one.sight.seen_at),
        "source_fetched_at": None if fetched is None else iso(fetched),
        "changed_by_source": one.stored.revision,
        "decision": None if one.decision is None else asdict(one.decision),
        "review": found.review,
        "made_by": list(one.ruling.made_by),
        "copy_of": None if found.copy_of is None else found.copy_of.pk,
        "rules": [asdict(step) for step in found.steps],
        "rules_have_changed": found.outdated,
        "outputs": [asdict(output) for output in found.outputs],
        "posts": list(found.files),
    }
