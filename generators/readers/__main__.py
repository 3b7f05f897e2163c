"""Let feed readers subscribe to the demo, real and nasty items: ``python -m generators.readers``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

from generators.readers import PROGRAMS, Program, Publication, check, demo, nasty_set, real_slice
from generators.readers.check import Result
from generators.tools import PAGE, between

_ROOT = Path(__file__).resolve().parent.parent.parent
_CORPUS = _ROOT.parent / "shared" / "corpus" / "real"
_BEGIN = "<!-- report: made by `python -m generators.readers --write`, do not edit -->"
_END = "<!-- end of the report on readers -->"
#: Faults that are printed of each program.
_SHOWN = 20


def main() -> int:
    options = _options()
    missing = [f"{program.name} ({program.package})" for program in PROGRAMS if program.version() is None]
    if missing:
        sys.stderr.write(f"readers: not installed: {', '.join(missing)}\n")
        return 2
    results = [
        (name, program, result) for name, made in _publications().items() for program, result in _run(name, made)
    ]
    if options.write:
        _write(results)
    return 1 if any(result.faults for _, _, result in results) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m generators.readers", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the report into docs/generators.md")
    return parser.parse_args()


def _publications() -> dict[str, Callable[[Path], AbstractContextManager[Publication]]]:
    """What is published, by how the report calls it; real items are there only beside a corpus."""
    real = {"real": lambda folder: real_slice(folder, _CORPUS)} if _CORPUS.is_dir() else {}
    return {"demo": demo, "nasty": nasty_set, **real}


def _run(name: str, made: Callable[[Path], AbstractContextManager[Publication]]) -> list[tuple[Program, Result]]:
    results = []
    with TemporaryDirectory(prefix="readers-") as folder, made(Path(folder)) as publication:
        for program in PROGRAMS:
            started = time.monotonic()
            with TemporaryDirectory(prefix="reader-") as state:
                result = check(program, publication, Path(state))
            results.append((program, result))
            _say(
                f"{name}, {program.name} {program.version()}: {result.feeds} feeds, {result.items} items, {result.new} "
                f"new, {result.changed} changed, {len(result.faults)} faults, {time.monotonic() - started:.0f} s"
            )
            for fault in result.faults[:_SHOWN]:
                _say(f"  {fault}")
    return results


def _write(results: list[tuple[str, Program, Result]]) -> None:
    lines = ["| reader | of | items | feeds | new | changed | faults |", "|---|---|---|---|---|---|---|"]
    for name, program, result in sorted(results, key=lambda row: [one.name for one in PROGRAMS].index(row[1].name)):
        changed = "not shown" if result.changed is None else str(result.changed)
        lines.append(
            f"| {program.name} {program.version()} | {name} | {result.items} | {result.feeds} "
            f"({', '.join(program.formats)}) | {result.new} | {changed} | {len(result.faults)} |"
        )
    between(PAGE, _BEGIN, _END, "\n".join(lines))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
