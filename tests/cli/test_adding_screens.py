"""What `add` shows on a terminal of 80 columns; `AGGREGATOR_GOLDEN=write` writes the screens anew."""

from __future__ import annotations

import re
import sys

import pytest

from aggregator.cli.console import cell_width
from tests.adding import page, write
from tests.cli.test_screens import agreed, screen
from tests.origin import Origin
from tests.support import Site, item, rss

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pseudo terminal is needed")


def shown(site: Site, name: str, *arguments: str) -> None:
    """Compare a screen; ports are other ones each time, but of the same width."""
    found = re.sub(r"(?<=127\.0\.0\.1:)\d{5}", "54321", screen(site, 80, *arguments))
    beyond = [line for line in found.splitlines() if cell_width(line) > 80]
    assert all("://" in line for line in beyond), "only an address may go beyond the edge"
    agreed(name, found)


@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
def test_screens(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch, terminal: str) -> None:
    monkeypatch.setenv("TERM", terminal)
    before = write(site)
    long = "/a/path/that/is/longer/than/usual/and/does/not/fit/into/the/line/of/a/terminal.xml"
    titles = ("A title that is rather long, and goes on and on, until it does not fit any more", "短い題名")
    origin.route("/", page("新聞とブログ", ("/feed", "新聞"), (long, "Long")), content_type="text/html")
    origin.route("/feed", rss([item(number, title=title) for number, title in enumerate(titles)], "新聞とブログ"))
    origin.route(long, rss([{"title": "No date"}], "A feed"))
    shown(site, "add-80", "add", f"{origin.url}/")
    origin.route("/", page("P", (long, "x")), content_type="text/html")
    del origin.routes[long], origin.routes["/feed"]
    shown(site, "add-nothing-80", "add", f"{origin.url}/")
    wall = {"cf-mitigated": "challenge"}
    origin.route("/", "<title>Just a moment...</title>", status=403, content_type="text/html", headers=wall)
    origin.route("/feed", rss([item(1)]))
    shown(site, "add-wall-80", "add", f"{origin.url}/")
    assert site.config.read_text(encoding="utf-8") == before
