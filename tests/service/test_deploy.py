"""The files of `deploy/`: what they promise can be checked without a service manager or a container."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests import ROOT
from tests.origin import Origin
from tests.support import Site, command, item, rss

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")


def _instructions(name: str) -> list[str]:
    return [line.split(None, 1)[1] for line in DOCKERFILE.splitlines() if line.startswith(name + " ")]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
@pytest.mark.parametrize(
    "unit",
    ["aggregator.service", "aggregator-update.service", "aggregator-update.timer", "aggregator-worker@.service"],
)
def test_systemd_takes_the_units(unit: str, tmp_path: Path) -> None:
    program = tmp_path / "aggregator"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for path in DEPLOY.glob("aggregator*"):
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/aggregator/bin/aggregator", str(program)))
    done = subprocess.run(
        [str(shutil.which("systemd-analyze")), "verify", "--man=no", "--recursive-errors=no", unit],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_stops_later_than_the_grace_period() -> None:
    unit = (DEPLOY / "aggregator.service").read_text()
    assert "Type=notify\n" in unit
    assert "WatchdogSec=120\n" in unit
    assert "RestartPreventExitStatus=2\n" in unit
    assert re.search(r"^ExecStart=\S+ run$", unit, re.MULTILINE)


def test_the_commands_of_all_files_exist() -> None:
    for name in ("run", "update", "health", "worker"):
        assert command(name, "--help").status == 0
    (entry,) = _instructions("ENTRYPOINT")
    assert entry == '["aggregator"]'
    (start,) = _instructions("CMD")
    assert start == '["run", "--log-format", "json"]'


def test_images_are_pinned_and_nothing_runs_as_root() -> None:
    bases = [line.split()[0] for line in _instructions("FROM")]
    assert bases
    assert all(re.fullmatch(r"[a-z]+:\d+\.\d+\.\d+-[a-z-]+", base) for base in bases)
    assert _instructions("USER") == ["10001:10001"]
    assert DOCKERFILE.rindex("\nUSER") > DOCKERFILE.rindex("\nRUN")
    assert 'CMD ["aggregator", "health"]' in _instructions("HEALTHCHECK")[0]
    assert "ADD " not in DOCKERFILE
    assert "latest" not in DOCKERFILE


def test_the_builder_gets_what_it_copies_and_nothing_else() -> None:
    """The folder may hold secrets, data and environments; none of them goes to whoever builds the image."""
    lines = (DEPLOY.parent / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = {name.removeprefix("./") for line in _instructions("COPY") for name in line.split()[:-1]}
    assert let_in == {name for name in copied if not name.startswith(("-", "/"))}


def test_nobody_is_told_to_install_a_program_of_another_name() -> None:
    """The name of the command is that of somebody else's distribution."""
    root = DEPLOY.parent
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "feed-republisher"
    assert project["scripts"] == {"aggregator": "aggregator.__main__:main"}
    texts = [root / "README.md", DEPLOY / "Dockerfile", *(root / "docs").glob("*.md")]
    installs = [
        line for text in texts for line in text.read_text(encoding="utf-8").splitlines() if "pip install" in line
    ]
    assert len(installs) >= 3
    ours = r"""pip install (--no-cache-dir )?(\. |\.$|'\.\[[a-z]+\]'|"\.\$\{EXTRAS\}")"""
    assert all(re.search(ours, line) for line in installs)


@pytest.mark.parametrize(
    ("words", "expected"), [("aggregator upd", "update"), ("aggregator update --dry", "--dry-run")]
)
def test_shells_complete_commands_and_options(words: str, expected: str) -> None:
    asked = {"_AGGREGATOR_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    program = str(Path(sys.executable).with_name("aggregator"))
    done = subprocess.run([program], capture_output=True, text=True, env={**os.environ, **asked})
    assert done.stdout.split() == [expected], done.stderr


def test_the_container_needs_to_write_to_its_volume_only() -> None:
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["aggregator"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "../config:/config:ro" in service["volumes"]


def test_the_containers_of_a_cluster_are_confined_alike_and_share_one_database() -> None:
    services = yaml.safe_load((DEPLOY / "compose-cluster.yaml").read_text())["services"]
    single = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["aggregator"]
    workers = [services[name] for name in ("worker", "publisher")]
    confined = ("read_only", "cap_drop", "security_opt", "stop_grace_period", "init", "tmpfs")
    assert all(one[name] == single[name] for one in workers for name in confined)
    assert all(one["build"]["args"] == {"EXTRAS": "[postgres]"} for one in workers)
    assert len({one["environment"]["AGGREGATOR_DATABASE"] for one in workers}) == 1
    assert services["worker"]["deploy"]["replicas"] == 2
    assert ["--publish" in one["command"] for one in workers] == [False, True]
    assert re.fullmatch(r"postgres:\d+\.\d+-[a-z]+", services["database"]["image"])


@pytest.mark.skipif(not shutil.which("sh"), reason="no shell here")
def test_the_line_for_cron_is_silent_while_all_is_well(site: Site, origin: Origin) -> None:
    (line,) = [line for line in (DEPLOY / "crontab").read_text().splitlines() if not line.startswith("#")]
    program = f"{shlex.quote(sys.executable)} -m aggregator"
    for old, new in (
        ("/opt/aggregator/bin/aggregator", program),
        ("/etc/aggregator/feeds.yaml", str(site.config)),
        ("/var/lib/aggregator", str(site.data)),
    ):
        line = line.replace(old, new)
    script = line.split(None, 5)[5]
    good = {"id": "one", "feed": origin.route("/one", rss([item(1)]))}
    site.configure(good)

    def run() -> str:
        return subprocess.run(
            [str(shutil.which("sh")), "-c", script], capture_output=True, text=True, env=dict(os.environ)
        ).stdout

    assert run() == ""
    assert list(site.posts()) == ["news/Item-1.md"]
    site.configure(good, {"id": "bad", "feed": origin.url})
    assert "bad: failed: http_status" in run()
