"""The Python interface: what docs/python.md promises."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

import aggregator
from aggregator import api
from tests import ROOT
from tests.origin import Origin
from tests.support import Site, item, rss

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


@pytest.fixture
def config(site: Site, origin: Origin) -> aggregator.Config:
    """One good source, and one that is not there."""
    good = origin.route("/one", rss([item(1), item(2)]), conditional=True)
    site.configure({"id": "one", "feed": good}, {"id": "two", "feed": f"{origin.url}/two"})
    return aggregator.load_config(site.config)


def test_the_example_of_the_page_prints_what_the_page_shows(site: Site, config: aggregator.Config) -> None:
    example, shown = re.findall(r"```(?:python|text)\n(.*?)```", PAGE, re.DOTALL)
    program = site.folder / "example.py"
    program.write_text(example, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, program], cwd=site.folder, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.sub(r":\d+/", ":8000/", done.stdout).splitlines()[2:] == shown.splitlines()[2:]
    # Sources come in the order in which they were done.
    assert sorted(re.sub(r":\d+/", ":8000/", done.stdout).splitlines()[:2]) == shown.splitlines()[:2]


def test_a_cycle_does_what_the_command_does(site: Site, config: aggregator.Config) -> None:
    seen: list[str] = []
    summary = asyncio.run(
        aggregator.run_cycle(config, site.data, on_result=lambda result: seen.append(result.source.id))
    )
    assert sorted(seen) == ["one", "two"]
    assert {result.source.id: (result.new, result.failed) for result in summary.results} == {
        "one": (2, False),
        "two": (0, True),
    }
    assert (summary.troubles, summary.failures) == ([], [])
    assert sorted(summary.written.posts) == ["posts/news/Item-1.md", "posts/news/Item-2.md"]
    by_api = site.posts() | site.public()
    assert site.run("health").status == 0
    done = site.run("publish")
    assert done.stdout == "Nothing to write: all files are up to date.\n"
    assert site.posts() | site.public() == by_api


def test_a_cycle_without_a_source_that_is_due_publishes_all_the_same(site: Site, config: aggregator.Config) -> None:
    asyncio.run(aggregator.run_cycle(config, site.data))
    (site.data / "public" / "all" / "rss.xml").unlink()
    summary = asyncio.run(aggregator.run_cycle(config, str(site.data)))
    assert summary.results == []
    assert summary.written.feeds == ["public/all/rss.xml"]
    summary = asyncio.run(aggregator.run_cycle(config, site.data, everything=True))
    assert sorted(result.source.id for result in summary.results) == ["one", "two"]


def test_a_folder_in_use_is_an_error(site: Site, config: aggregator.Config) -> None:
    site.data.mkdir()
    with FileLock(site.data / ".lock"), pytest.raises(aggregator.LockedError):
        asyncio.run(aggregator.run_cycle(config, site.data))


def test_the_store_answers_while_the_folder_is_in_use(site: Site, config: aggregator.Config) -> None:
    asyncio.run(aggregator.run_cycle(config, site.data))
    with FileLock(site.data / ".lock"), aggregator.open_store(site.data) as store:
        assert store.entry_counts() == {"one": 2, "two": 0}
        assert store.states()["two"].failure_kind == "http_status"
        assert [one.entry.title for one in store.newest(None, 1)] == ["Item 2"]
        assert set(store.activity(datetime.now(UTC))) <= {"one", "two"}


def test_there_is_no_store_before_the_first_cycle(tmp_path: Path) -> None:
    with pytest.raises(aggregator.StoreError, match="run a cycle first"), aggregator.open_store(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_configuration_is_an_error_with_places(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text("sources:\n  - fed: https://example.org/\n", encoding="utf-8")
    with pytest.raises(aggregator.ConfigError) as caught:
        aggregator.load_config(path)
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(2, 5)]


def test_secrets_come_from_the_given_environment(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text("sources: [{feed: 'https://example.org/${env:FEED_TOKEN}'}]", encoding="utf-8")
    config = aggregator.load_config(str(path), {"FEED_TOKEN": "s3cr3t-token"})
    assert aggregator.redact(config.sources[0].url, config.secrets) == "https://example.org/***"


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys; before = set(sys.modules); import aggregator\n"
        "print(sorted(name for name in set(sys.modules) - before if name.startswith('aggregator.')))\n"
        "print(sorted({'asyncio', 'pydantic', 'sqlalchemy', 'yaml'} & (set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": ""}
    )
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def test_every_name_is_offered_and_described() -> None:
    assert sorted(aggregator.__all__) == sorted(api.__all__)
    assert all(getattr(aggregator, name) is getattr(api, name) for name in aggregator.__all__)
    assert set(aggregator.__all__) <= set(dir(aggregator))
    assert [name for name in aggregator.__all__ if not re.search(rf"`(await )?{name}[`(]", PAGE)] == []
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = aggregator.nonsense  # type: ignore[attr-defined]


@pytest.mark.parametrize("row", re.findall(r"^\| (`[A-Z].*?) \| (.*) \|$", PAGE, re.MULTILINE))
def test_the_attributes_of_the_page_are_those_of_the_types(row: tuple[str, str]) -> None:
    types = [getattr(aggregator, name) for name in re.findall(r"`(\w+)`", row[0])]
    for name in re.findall(r"`(\w+)`", row[1]):
        assert any(hasattr(one, name) or name in getattr(one, "__dataclass_fields__", ()) for one in types), name


def test_the_package_says_that_it_is_typed() -> None:
    assert Path(aggregator.__file__).with_name("py.typed").is_file()
