"""The report in docs/generators.md: what became of each site, and what each needs."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field

from generators import browser
from generators.registry import Site
from generators.tools import PAGE, between

_BEGIN = "<!-- {name}: made by `python -m generators --write`, do not edit -->"
_END = "<!-- end of the {name} -->"
_TITLES = "| site | preset | versions | pages compared | pages in the browser | faults |\n|---|---|---|---|---|---|"


@dataclass
class Result:
    """What became of one site."""

    site: Site
    versions: dict[str, str] = field(default_factory=dict)
    compared: int = 0
    loaded: int = 0
    faults: list[str] = field(default_factory=list)
    seconds: float = 0

    def row(self) -> str:
        """Its row of the table."""
        cells = [
            self.site.name,
            f"`{self.site.preset}`",
            ", ".join(f"{name} {version}" for name, version in self.versions.items()),
            str(self.compared) if self.compared else "none",
            str(self.loaded),
            str(len(self.faults)),
        ]
        return f"| {' | '.join(cells)} |"


def write(results: Sequence[Result], sites: Sequence[Site]) -> None:
    """Write the report; the rows of sites that were not built this time stay."""
    text = PAGE.read_text(encoding="utf-8")
    rows = {name: line for line in text.splitlines() if (name := _site(line)) is not None}
    rows |= {result.site.name: result.row() for result in results}
    table = "\n".join(rows[site.name] for site in sites if site.name in rows)
    versions = f"{browser.version()}, Node.js {_node()}, Python {platform.python_version()}."
    _put("report", f"{versions}\n\n{_TITLES}\n{table}")
    _put("settings", _settings(sites))


def _site(line: str) -> str | None:
    found = re.match(r"\| ([^|]+) \| `\w+` \| ", line)
    return found[1] if found else None


def _settings(sites: Sequence[Site]) -> str:
    """The settings of each preset, as the sites here are built with them."""
    said = {site.preset: site for site in sites if site.place}
    return "\n\n".join(
        f"### `{preset}`\n\nThe posts are in `{site.place}` of the site."
        + (f"\n\n```text\n{site.configuration.rstrip()}\n```" if site.configuration else " No setting is needed.")
        for preset, site in said.items()
    )


def _put(name: str, lines: str) -> None:
    between(PAGE, _BEGIN.format(name=name), _END.format(name=name), lines)


def _node() -> str:
    done = subprocess.run([shutil.which("node") or "", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip().lstrip("v")
