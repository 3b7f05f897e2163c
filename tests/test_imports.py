"""What a cycle imports: nothing that it has no use for, since that takes longer than all that it does."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.commands import PATIENCE, places
from tests.origin import Origin
from tests.support import Site, item, rss

#: What only scraped pages, a terminal, an old database or a PostgreSQL database need.
ELSEWHERE = {"bs4", "soupsieve", "html5lib", "rich", "pygments", "alembic", "psycopg", "sqlalchemy.dialects.postgresql"}
#: What only documents that have changed need.
CHANGES = {
    "feedgen",
    "nh3",
    "aggregator.normalize.entry",
    "aggregator.normalize.sanitizer",
    "aggregator.parse.wellformed",
    "aggregator.publish.posts.render",
}


def imported(site: Site, *arguments: str, environ: dict[str, str] | None = None) -> set[str]:
    """Run a command in a process of its own and return what it has imported."""
    code = (
        "import sys\nfrom aggregator.__main__ import main\ntry:\n    main()\n"
        "finally:\n    sys.__stderr__.write('\\n' + ' '.join(sys.modules))"
    )
    outside = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "TTY_COMPATIBLE")}
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**outside, **places(site), **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert run.returncode == 0, run.stderr
    return set(run.stderr.splitlines()[-1].split())


def configured(site: Site, origin: Origin) -> Site:
    """A site with one feed that was never asked for."""
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    return site


def test_a_cycle_of_feeds_imports_nothing_that_others_need(site: Site, origin: Origin) -> None:
    configured(site, origin)
    first, second = (imported(site, "update", "--all") for _ in range(2))
    assert first & ELSEWHERE == set()
    assert second & {*ELSEWHERE, *CHANGES} == set()
    assert first >= CHANGES


def test_bars_are_shown_where_the_environment_says_that_there_is_a_terminal(site: Site, origin: Origin) -> None:
    assert "rich" in imported(configured(site, origin), "update", "--all", environ={"FORCE_COLOR": "1"})
