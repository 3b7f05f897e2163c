"""A feed that is opened in a browser: real headless Chromium shows what people read, and runs nothing."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests import ROOT
from tests.chromium import Tab, tab
from tests.origin import Origin
from tests.support import Site, item, rss

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

NOTICE = "To subscribe, copy the address of this page into a feed reader."
HOSTILE = {
    "title": "Hostile &lt;script>document.documentElement.id='ran'&lt;/script>&lt;b onclick=x>bold&lt;/b>",
    "description": "&lt;p>Text&lt;img src='x' onerror='document.documentElement.id=1'>&lt;script>1&lt;/script>&lt;/p>",
}
#: What is below this address has no policy.
UNPROTECTED = "/unprotected/"
#: What is shown of each element of a page: its name, text and box, and the text that the stylesheet adds.
LOOK = """[...document.querySelectorAll('*')].map(element => {
  const box = element.getBoundingClientRect(), style = getComputedStyle(element);
  const added = getComputedStyle(element, '::before').content;
  return {name: element.localName, parent: element.parentElement?.localName ?? '', text: element.textContent.trim(),
    shown: element.getClientRects().length > 0 && box.width > 1 && box.height > 1, left: box.left, right: box.right,
    size: parseFloat(style.fontSize), direction: style.direction, color: style.color,
    added: added === 'none' ? '' : added};
})"""


@dataclass
class Folder:
    """A published folder, given out as docs/serving.md says; and what was asked for."""

    root: Path
    address: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    site = Site(tmp_path_factory.mktemp("site"))
    origin = Origin()
    many = origin.route("/many", rss([item(1), item(2, **HOSTILE), item(3)], title="A source"))
    other = origin.route("/other", rss([item(5, title="عنوان المقال")], title="مصدر"))
    site.configure(
        {"id": "one", "feed": many, "category": "news"},
        {"id": "two", "feed": other, "category": "arabic"},
        categories={"news": "News", "arabic": "Arabic"},
    )
    assert site.run("update").status == 0
    origin.close()
    public = site.data / "public"
    # As it is with a site in Arabic.
    for name in ("rss.xml", "atom.xml"):
        text = (public / "arabic" / name).read_text(encoding="utf-8")
        (public / "arabic" / name).write_text(text.replace('xml:lang="en"', 'xml:lang="ar"'), encoding="utf-8")
    folder = Folder(public)
    policy = re.search(r'Content-Security-Policy "(.*)"', (ROOT / "docs" / "serving.md").read_text(encoding="utf-8"))
    assert policy
    header = policy[1]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            folder.asked.append(self.path)
            path = public / self.path.lstrip("/")
            data = path.read_bytes() if path.is_file() else b""
            self.send_response(200 if path.is_file() else 404)
            self.send_header("Content-Type", "text/css" if path.suffix == ".css" else "application/xml")
            self.send_header("Content-Length", str(len(data)))
            if not self.path.startswith(UNPROTECTED):
                self.send_header("Content-Security-Policy", header)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    folder.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tab]:
    """One browser for all tests: to start it takes longer than what they do with it."""
    async with tab(tmp_path_factory.mktemp("profile")) as page:
        yield page


def _shown(look: list[dict[str, Any]], name: str, parent: str) -> list[dict[str, Any]]:
    return [one for one in look if (one["name"], one["parent"], one["shown"]) == (name, parent, True)]


@pytest.mark.parametrize("form", ["rss", "atom"])
async def test_a_feed_can_be_read(folder: Folder, browser: Tab, form: str) -> None:
    folder.asked.clear()
    await browser.open(f"{folder.address}/news/{form}.xml")
    look = await browser.ask(LOOK)
    head, entry = ("channel", "item") if form == "rss" else ("feed", "entry")
    (title,) = _shown(look, "title", head)
    assert title["text"] == "News"
    assert NOTICE in title["added"]
    titles = _shown(look, "title", entry)
    # A title is text, whatever it looks like.
    assert [one["text"] for one in titles] == ["Item 3", html.unescape(HOSTILE["title"]), "Item 1"]
    assert title["size"] > titles[0]["size"] > 16
    dates = _shown(look, "pubDate" if form == "rss" else "published", entry)
    assert len(dates) == 3
    sources = _shown(look, "source", entry)
    assert len(sources) == 3
    assert all("A source" in one["text"] for one in sources)
    assert len(_shown(look, "link", entry)) == 3
    shown = {one["name"] for one in look if one["shown"]}
    assert shown <= {head, entry, form, "title", "description", "subtitle", "link", "source", "author", "name"} | {
        "creator", "pubDate", "published", "summary",
    }  # fmt: skip
    # Nothing else was loaded.
    assert set(folder.asked) <= {f"/news/{form}.xml", "/_assets/feed.css", "/favicon.ico"}
    assert "/_assets/feed.css" in folder.asked


@pytest.mark.parametrize("form", ["rss", "atom"])
async def test_nothing_runs(folder: Folder, browser: Tab, form: str) -> None:
    await browser.call("Page.addScriptToEvaluateOnNewDocument", source="window.alert = () => { window.ran = true; };")
    await browser.open(f"{folder.address}/news/{form}.xml")
    assert await browser.ask("[window.ran ?? null, document.documentElement.id]") == [None, ""]
    assert await browser.ask("document.querySelectorAll('script, img, [onerror], [onclick]').length") == 0
    # Even if there was a script, the policy of docs/serving.md would keep it from running.
    feed = (folder.root / "news" / f"{form}.xml").read_text(encoding="utf-8")
    script = '<script xmlns="http://www.w3.org/1999/xhtml">document.documentElement.id = "ran";</script>'
    for name in ("protected", "unprotected"):
        (folder.root / name).mkdir(exist_ok=True)
        end = f"{script}</rss>" if form == "rss" else f"{script}</feed>"
        text = feed.replace("</rss>" if form == "rss" else "</feed>", end)
        (folder.root / name / f"{form}.xml").write_text(text, encoding="utf-8")
        await browser.open(f"{folder.address}/{name}/{form}.xml")
        assert await browser.ask("document.querySelectorAll('script').length") == 1
        # Without the policy it runs: this test would see it.
        assert await browser.ask("document.documentElement.id") == ("" if name == "protected" else "ran")


@pytest.mark.parametrize("form", ["rss", "atom"])
async def test_it_is_written_from_right_to_left_where_its_language_is(folder: Folder, browser: Tab, form: str) -> None:
    await browser.open(f"{folder.address}/arabic/{form}.xml")
    look = await browser.ask(LOOK)
    (title,) = _shown(look, "title", "channel" if form == "rss" else "feed")
    assert title["direction"] == "rtl"
    assert "للاشتراك" in title["added"]
    (entry,) = _shown(look, "title", "item" if form == "rss" else "entry")
    assert (entry["text"], entry["direction"]) == ("عنوان المقال", "rtl")


@pytest.mark.parametrize("form", ["rss", "atom"])
async def test_it_fits_a_small_screen(folder: Folder, browser: Tab, form: str) -> None:
    for mobile in (False, True):
        await browser.call(
            "Emulation.setDeviceMetricsOverride", width=360, height=640, deviceScaleFactor=2, mobile=mobile
        )
        await browser.open(f"{folder.address}/news/{form}.xml")
        # A phone lays out a document without a viewport for a page of 980 pixels, and makes it smaller.
        width = await browser.ask("innerWidth")
        look = await browser.ask(LOOK)
        assert all(one["left"] >= 0 and one["right"] <= width for one in look if one["shown"])
        (title, *_) = _shown(look, "title", "item" if form == "rss" else "entry")
        assert title["size"] * 360 / width >= 15
    await browser.call("Emulation.clearDeviceMetricsOverride")


async def test_it_is_dark_where_the_reader_wants_that(folder: Folder, browser: Tab) -> None:
    colors = set()
    for scheme in ("light", "dark"):
        await browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await browser.open(f"{folder.address}/news/rss.xml")
        (title,) = _shown(await browser.ask(LOOK), "title", "channel")
        background = await browser.ask("getComputedStyle(document.documentElement).backgroundColor")
        bright = [sum(map(int, re.findall(r"\d+", color)[:3])) for color in (title["color"], background)]
        assert (bright[0] < bright[1]) == (scheme == "light")
        colors.add(background)
    assert len(colors) == 2
    await browser.call("Emulation.setEmulatedMedia", features=[])
