"""Whether anything runs in a page, asked of a real browser.

Every dialog, error, window, request and navigation is looked at; every handler that an element may have is called; and
the page is searched for what would run at a click. Nothing but the site itself is answered.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import BrowserContext, Dialog, Error, Page, Request, Route, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
#: Kinds of requests that run nothing.
_PLAIN = frozenset({"document", "image", "media", "stylesheet", "font"})
#: Loaded into every page before anything of its own. Whatever a handler does, it does with one of these.
_HOOKS = """
window.ran = [];
for (const name of ['alert', 'confirm', 'prompt', 'print', 'open'])
  window[name] = (...given) => { window.ran.push(name + ' ' + given.join().slice(0, 80)); };
"""
#: Calls all handlers, and names what would run.
_SEARCH = """scripted => {
  const found = [...window.ran];
  const events = ['load', 'error', 'click', 'mouseover', 'mouseenter', 'focus', 'blur', 'toggle', 'input', 'submit',
    'animationstart', 'transitionend', 'pointerover', 'beforetoggle', 'play', 'canplay', 'scroll', 'keydown'];
  document.addEventListener('click', event => event.preventDefault(), true);
  document.addEventListener('submit', event => event.preventDefault(), true);
  for (const element of document.querySelectorAll(scripted ? 'article *, article, h1, title' : '*')) {
    for (const attribute of element.attributes) {
      const value = attribute.value.replace(/[\\u0000-\\u0020]/g, '').toLowerCase();
      if (attribute.name.startsWith('on') || attribute.name === 'srcdoc') found.push('attribute ' + attribute.name);
      if (/^(javascript|vbscript|data):/.test(value) && !/^(alt|title|class|lang)$/.test(attribute.name))
        found.push('address ' + value.slice(0, 80));
    }
    if (/^(script|iframe|frame|object|embed|base|form|svg|foreignobject|style)$/i.test(element.tagName))
      found.push('element ' + element.tagName);
    const style = getComputedStyle(element);
    if (style.position === 'fixed' || style.position === 'absolute') found.push('position ' + style.position);
    for (const name of events) element.dispatchEvent(new Event(name, {cancelable: true}));
  }
  return [...new Set([...found, ...window.ran])];
}
"""


def command() -> str | None:
    """Where the browser is."""
    return next((found for name in _NAMES if (found := shutil.which(name)) is not None), None)


def version() -> str:
    """Which browser it is."""
    told = subprocess.run([command() or "", "--version"], capture_output=True, text=True, check=True).stdout
    return told.strip().partition(" built")[0]


def findings(output: Path, pages: Iterable[str], *, scripted: bool) -> Iterator[tuple[str, str]]:
    """Load pages of a site; gives the page and what ran in it, or would.

    Args:
        output: the folder of the site.
        pages: paths below it.
        scripted: whether the theme has scripts of its own: only what is the post's is searched then.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(output)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=command(), args=_ARGUMENTS)
            context = browser.new_context()
            watched = _Watched(context, address, scripted)
            for path in pages:
                for one in watched.load(path):
                    yield path, one
            browser.close()
    finally:
        server.shutdown()
        server.server_close()


class _Watched:
    """A page of the browser, and what was seen of it."""

    def __init__(self, context: BrowserContext, address: str, scripted: bool) -> None:
        self._context = context
        self._address = address
        self._scripted = scripted
        self._seen: list[str] = []
        context.add_init_script(_HOOKS)
        context.route("**/*", self._answer)
        self._page = self._opened()

    def load(self, path: str) -> list[str]:
        """Load one page; gives what was seen, each once."""
        self._seen.clear()
        try:
            self._page.goto(self._address + quote(path), wait_until="load", timeout=60_000)
            here = self._page.url
            self._seen += self._page.evaluate(_SEARCH, self._scripted)
            if self._page.url != here:
                self._seen.append(f"navigation to {self._page.url[:100]}")
        except Error as error:
            self._seen.append(f"it did not stay: {error.message.splitlines()[0][:100]}")
            self._page.close()
            self._page = self._opened()
        return list(dict.fromkeys(self._seen))

    def _opened(self) -> Page:
        page = self._context.new_page()
        page.on("dialog", self._dialog)
        page.on("popup", lambda popup: self._seen.append("window"))
        page.on("pageerror", lambda error: self._scripted or self._seen.append(f"error {str(error)[:80]}"))
        return page

    def _dialog(self, dialog: Dialog) -> None:
        self._seen.append(f"dialog {dialog.message[:80]}")
        dialog.dismiss()

    def _answer(self, route: Route, request: Request) -> None:
        own = request.url.startswith(self._address)
        if request.resource_type not in _PLAIN and not (self._scripted and own):
            self._seen.append(f"request of a {request.resource_type}: {request.url[:100]}")
        if request.is_navigation_request() and not own:
            self._seen.append(f"navigation to {request.url[:100]}")
        if own:
            route.continue_()
        else:
            route.abort()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass
