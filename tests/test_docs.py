"""The documents: reference pages are those that the code makes, and whatever a document points to is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from filelock import FileLock
from typer.main import get_command

from aggregator.cli import app
from aggregator.cli.process import CAN_BE_LOCKED_OUT, MEANING_OF_1, STATUSES
from aggregator.log import ACTIONS, KEYS
from aggregator.models import FAILURE_KINDS, FailureKind
from aggregator.place import DATABASE
from tests import ROOT, reference
from tests.support import Site, command

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "data" / "README.md"])
COMMANDS = list(get_command(app).commands)  # type: ignore[attr-defined]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _anchors(text: str) -> set[str]:
    """The anchors of the headings of a page, as GitHub and GitLab make them."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", outside, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# -- reference pages -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", reference.PARTS)
def test_reference_pages_are_up_to_date(name: str) -> None:
    is_same = (ROOT / "docs" / name).read_text(encoding="utf-8") == reference.page(name)
    assert is_same, f"docs/{name} differs from the code; run: make docs"


def test_failure_kinds_are_those_of_the_type() -> None:
    assert tuple(FAILURE_KINDS) == FailureKind.__args__  # type: ignore[attr-defined]


def _log_calls() -> list[tuple[str, dict[str, ast.expr]]]:
    """The keyword arguments and the keys of mappings that name an `action`, wherever they are in the program."""
    found: list[tuple[str, dict[str, ast.expr]]] = []
    for path in sorted((ROOT / "aggregator").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            fields: dict[str, ast.expr] = {}
            if isinstance(node, ast.Call):
                fields = {one.arg: one.value for one in node.keywords if one.arg}
            elif isinstance(node, ast.Dict):
                keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
                if len(keys) == len(node.keys):
                    fields = dict(zip(map(str, keys), node.values, strict=True))
            if isinstance(action := fields.get("action"), ast.Constant):
                found.append((str(action.value), fields))
    return found


def test_the_registry_names_every_action_and_key_that_is_logged() -> None:
    # The registry itself is a mapping with an action, too.
    calls = [call for call in _log_calls() if call[0].isalpha()]
    assert {action for action, _ in calls} | {"error"} == set(ACTIONS)
    assert {key for _, fields in calls for key in fields} - {"level"} <= set(KEYS)


# -- exit statuses ---------------------------------------------------------------------------------------------------


def test_statuses_name_commands() -> None:
    assert {*MEANING_OF_1, *CAN_BE_LOCKED_OUT} <= set(COMMANDS)


def test_help_lists_every_status() -> None:
    words = re.sub(r"[\s│|]+", " ", command("--help").stdout)
    assert all(f"{number} {status.short}" in words for number, status in STATUSES.items() if status.short)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_locked_out_where_its_page_says_so(site: Site, name: str) -> None:
    site.configure({"id": "one", "feed": "http://127.0.0.1:9/"})
    more = {
        "remove": ["one", "--purge", "--yes"],
        "backup": [str(site.folder / "copy.db")],
        "copy-database": [str(site.folder / "copy.db"), str(site.data / DATABASE)],
    }.get(name, [])
    more = ["one"] if name in ("pause", "resume", "reset", "preview", "capture") else more
    site.data.mkdir()
    options = {one.name for one in get_command(app).commands[name].params}  # type: ignore[attr-defined]
    places = [word for key in ("config", "data") if key in options for word in (f"--{key}", str(getattr(site, key)))]
    with FileLock(site.data / ".lock"):
        done = command(name, *more, *places)
    assert (done.status == 3) == (name in CAN_BE_LOCKED_OUT), done


# -- links -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in path or path.startswith("mailto:"):
            continue
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{_name(page)} links to {target}, which is not there"
        if anchor:
            assert anchor in _anchors(file.read_text(encoding="utf-8")), f"{_name(page)}: no heading for {target}"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_paths_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:aggregator|tests|docs|deploy|generators|benchmarks)/[\w./-]*)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shell = "".join(re.findall(r"^```sh.*?\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    named = [
        *re.findall(r"`(make|aggregator) ([a-z][a-z-]*)", text),
        *re.findall(r"^(make|aggregator) ([a-z][a-z-]*)", shell, re.MULTILINE),
    ]
    assert {name for program, name in named if program == "make"} <= targets
    assert {name for program, name in named if program == "aggregator"} <= set(COMMANDS)


def test_every_page_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = [_name(page) for page in PAGES if page.parent.name != "data" and page.name != "README.md"]
    assert [page for page in pages if f"]({page})" not in readme] == []
