"""The rules of the house that no import contract can express."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

from tests import ROOT

MODULES = sorted((ROOT / "aggregator").rglob("*.py"))
SOURCES = MODULES + sorted((ROOT / "tests").rglob("*.py"))
PURE = (
    "models",
    "errors.py",
    "values",
    "dates",
    "pipeline/decide.py",
    "pipeline/resemblance.py",
    "schedule",
    "discover/candidates.py",
    "discover/sites.py",
    "discover/named.py",
    "discover/guess.py",
    "discover/embedded.py",
    "duplicates",
    "parse",
    "normalize",
    "publish/feeds/",
    "publish/names.py",
    "publish/posts/",
)
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "time_ns"}


def test_modules_have_at_most_500_lines_and_functions_60() -> None:
    long = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > 500:
            long.append(f"{path}: {len(text.splitlines())} lines")
        functions = (
            node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        long += [f"{path}:{f.lineno}: {f.name}" for f in functions if f.end_lineno and f.end_lineno - f.lineno >= 60]
    assert long == []


def test_pure_stages_have_no_clock() -> None:
    asked = []
    for path in MODULES:
        if path.relative_to(ROOT / "aggregator").as_posix().startswith(PURE):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            calls = (n.func for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
            asked += [f"{path}:{call.lineno}: {call.attr}" for call in calls if call.attr in CLOCKS]
    assert asked == []


def test_help_loads_nothing_heavy() -> None:
    """`--help` answers at once because the stages are imported by the commands that need them."""
    code = (
        "import sys, aggregator.cli\n"
        "heavy = {'sqlalchemy', 'alembic', 'httpx', 'aiohttp', 'lxml', 'bs4', 'feedparser', 'feedgen', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_map_of_the_house_names_every_module() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    house = text[text.index("## The rooms") : text.index("## Rules")]
    named = set(re.findall(r"\w+", house))
    rooms = {path.stem if path.stem != "__init__" else path.parent.name for path in MODULES}
    revisions = {path.stem for path in MODULES if path.parent.name in ("versions", "migrations")}
    assert rooms - revisions - named - {"__main__", "versions"} == set()


def test_contract_tests_of_the_store_know_only_its_protocol() -> None:
    known = {"aggregator.store", "aggregator.store.protocol"}
    others = []
    for path in sorted((ROOT / "tests" / "store" / "contract").glob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        others += [f"{path}: {name}" for name in names - known if name.startswith(("aggregator.store", "sql"))]
    assert others == []
