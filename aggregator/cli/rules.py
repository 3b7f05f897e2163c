"""`rules test` and `replay`: what rules do with what is stored."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aggregator.cli.console import complain, say, say_json
from aggregator.cli.items import JsonOption, SinceOption, SourceOption
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    WaitOption,
    duration,
    load_config,
    located,
    locked,
    opened_store,
    read_store,
    require_sources,
    utc_now,
)
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aggregator.config import Config
    from aggregator.replay import Change, Difference, Kind
    from aggregator.store import Store
    from aggregator.trial import RuleTrial, Trial

#: Reasons why steps gave no result that are shown.
_MOST_REASONS = 5


def test(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    source: SourceOption = None,
    since: SinceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try the rules of feeds.yaml on what is stored, without changing anything.

    Shows how many items each rule hits, examples of what it does, and which
    rules do nothing.
    """
    from aggregator.cli.console import counting
    from aggregator.trial import Trial, try_rules

    loaded = load_config(config)
    if source is not None:
        require_sources(loaded, [source], option="--source ")
    moment = None if since is None else utc_now() - duration("--since", since)
    with read_store(located(loaded, data)) as store, counting("judging stored items") as progress:
        trial = try_rules(store, loaded, source=source, since=moment, progress=progress) if store else Trial()
    if as_json:
        say_json(_trial_json(trial), indent=2)
    else:
        _show_trial(trial)


def replay(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    apply: Annotated[bool, typer.Option("--apply", help="Change the stored items.")] = False,
    steps: Annotated[
        bool, typer.Option("--steps", help="With --apply: run the steps of one's own that gave no result yet.")
    ] = False,
    as_json: JsonOption = False,
    wait: WaitOption = False,
) -> None:
    """Show what the rules of feeds.yaml would change of what is stored; --apply changes it.

    Rules are applied to the items as their sources gave them. Ids, paths and
    dates stay, and nothing is fetched. The next publication writes the files
    that differ. --apply needs exclusive use of the data folder: stop the
    daemon first. Rules that run something of one's own (python, command,
    http) give what they gave before; where that is nothing, --steps runs
    them.
    """
    if steps and not apply:
        complain("error: --steps goes with --apply")
        raise typer.Exit(2)
    from aggregator.cli.console import counting
    from aggregator.replay import Difference, compare
    from aggregator.replay import apply as apply_rules

    loaded = load_config(config)
    difference = Difference()
    place, bar = located(loaded, data), counting("judging stored items")
    if apply:
        with locked(data, place, wait=wait), opened_store(place) as store, bar as progress:
            store.sync_sources(loaded.sources)
            if steps:
                _run_steps(store, loaded)
            difference = apply_rules(store, loaded, progress=progress)
    else:
        with read_store(place) as reading, bar as progress:
            if reading is not None:
                difference = compare(reading, loaded, progress=progress)
    if as_json:
        say_json(_difference_json(difference, apply), indent=2)
    else:
        _show_difference(difference, apply)


def _run_steps(store: Store, config: Config) -> None:
    """Run the steps that gave no result for stored items yet."""
    import asyncio

    from aggregator.pipeline.engine import fetch_settings
    from aggregator.pipeline.steps import run_missing
    from aggregator.workers import StoreThread

    user_agent = fetch_settings(config, 1).user_agent
    with StoreThread() as thread:
        failures = asyncio.run(run_missing(config, store, thread, utc_now, user_agent=user_agent))
    for reason, count in Counter(failures.values()).most_common(_MOST_REASONS):
        complain(f"{counted(count, 'item')}: {reason}")


def _show_trial(trial: Trial) -> None:
    for one in trial.rules:
        rule = one.rule
        hits = f"{one.hits} of {counted(one.applied, 'item')}" if one.applied else "no item reaches it"
        say(f"{rule.place}, rule {rule.number} (line {rule.line}), {rule.text}: {hits}")
        for example in one.examples:
            say(f"    {example.pk}  {example.title}: {example.what}")
        for note in one.notes:
            say(f"    note: {note}")
    dead = [one for one in trial.rules if not one.hits]
    if trial.rules:
        say("")
    if dead:
        places = ", ".join(f"{one.rule.place} {one.rule.number}" for one in dead)
        say(f"{counted(len(dead), 'rule')} did nothing: {places}")
    counts = ", ".join(f"{number} {verdict}" for verdict, number in sorted(trial.verdicts.items()))
    say(f"{counted(trial.judged, 'item')} judged{f': {counts}' if counts else ''}; nothing was changed")


def _trial_json(trial: Trial) -> dict[str, Any]:
    return {
        "judged": trial.judged,
        "verdicts": dict(trial.verdicts),
        "rules": [_rule_json(one) for one in trial.rules],
    }


def _rule_json(one: RuleTrial) -> dict[str, Any]:
    return {
        "place": one.rule.place,
        "number": one.rule.number,
        "line": one.rule.line,
        "rule": one.rule.name,
        "text": one.rule.text,
        "applied": one.applied,
        "hits": one.hits,
        "examples": [example._asdict() for example in one.examples],
        "notes": one.notes,
    }


#: What each kind of change is called.
_LABELS: dict[Kind, str] = {
    "dropped": "dropped",
    "held": "held for review",
    "published": "published again",
    "changed": "changed",
    "moved": "moved to another category",
    "draft": "made or no longer a draft",
    "outputs": "in other outputs",
}


def _show_difference(difference: Difference, applied: bool) -> None:
    from aggregator.replay import KINDS

    for kind in KINDS:
        count, label = difference.counts[kind], _LABELS[kind]
        if count:
            say(f"{counted(count, 'item')} {label}")
            for change in difference.examples.get(kind, ()):
                say(f"    {_describe(change)}")
    for slug in sorted({*difference.joined, *difference.left, *difference.altered}):
        counts = ((difference.joined, "new"), (difference.left, "gone"), (difference.altered, "different"))
        say(f"{slug}: {', '.join(f'{count[slug]} {label}' for count, label in counts if count[slug])}")
    for note in difference.notes:
        say(f"note: {note}")
    if difference.unmade:
        said = f"{counted(difference.unmade, 'item')} judged without the result of a step"
        say(f"note: {said}; `--apply --steps` runs it")
    judged = counted(difference.judged, "item")
    if not difference.changed:
        say(f"{judged} judged; nothing differs")
    elif applied:
        say(f"{judged} judged, {difference.changed} changed; the next publication writes the files")
    else:
        say(f"{judged} judged, {difference.changed} would change; --apply changes them")


def _describe(change: Change) -> str:
    parts = [f"{change.stored.pk}  {change.before.entry.title}"]
    if change.after.entry.title != change.before.entry.title:
        parts.append(f"-> {change.after.entry.title}")
    if change.moved:
        parts.append(f"({change.moved[0]} -> {change.moved[1]})")
    others = [name for name in change.fields if name != "title"]
    if others:
        parts.append(f"[{', '.join(others)}]")
    return " ".join(parts)


def _difference_json(difference: Difference, applied: bool) -> dict[str, Any]:
    return {
        "applied": applied,
        "judged": difference.judged,
        "changed": difference.changed,
        "counts": dict(difference.counts),
        "fields": dict(difference.fields),
        "moved": [{"from": old, "to": new, "items": count} for (old, new), count in sorted(difference.moves.items())],
        "outputs": {
            slug: {
                "joined": difference.joined[slug],
                "left": difference.left[slug],
                "altered": difference.altered[slug],
            }
            for slug in sorted({*difference.joined, *difference.left, *difference.altered})
        },
        "unmade": difference.unmade,
        "notes": difference.notes,
        "examples": {kind: [_change_json(one) for one in found] for kind, found in difference.examples.items()},
    }


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "number": change.stored.pk,
        "id": change.stored.id,
        "title": {"before": change.before.entry.title, "after": change.after.entry.title},
        "fields": list(change.fields),
        "joined": list(change.joined),
        "left": list(change.left),
        "altered": list(change.altered),
    }
