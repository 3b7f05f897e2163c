"""The rules of the house that no import contract can express."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "aggregator").rglob("*.py"))
SOURCES = MODULES + sorted((ROOT / "tests").rglob("*.py"))
PURE = (
    "models",
    "errors.py",
    "terminal.py",
    "decide.py",
    "kin.py",
    "trust.py",
    "schedule",
    "parse",
    "normalize",
    "publish/feeds.py",
    "publish/posts.py",
)
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "time_ns"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_module_is_longer_than_500_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_function_is_longer_than_60_lines(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {f.name: f.end_lineno - f.lineno + 1 for f in functions if f.end_lineno and f.end_lineno - f.lineno >= 60}
    assert long == {}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_every_module_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)) or (path.name == "__init__.py" and len(text.splitlines()) < 3)


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_pure_stages_have_no_clock(path: Path) -> None:
    inside = path.relative_to(ROOT / "aggregator").as_posix()
    if not inside.startswith(PURE):
        pytest.skip("not a pure stage")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [n.func.attr for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    assert CLOCKS.isdisjoint(calls)


def test_help_loads_nothing_heavy() -> None:
    """`--help` answers at once because the stages are imported by the commands that need them."""
    code = (
        "import sys, aggregator.cli\n"
        "heavy = {'sqlalchemy', 'alembic', 'httpx', 'aiohttp', 'lxml', 'bs4', 'feedparser', 'feedgen', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
