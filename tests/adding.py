"""What the tests of `aggregator add` share: pages that name feeds, and a feeds.yaml to add to."""

from __future__ import annotations

from typing import Any

from tests.origin import Origin
from tests.support import Done, Site, command, item, rss

HEAD = "# mine\nfetch: {allow_private_addresses: [127.0.0.0/8]}  # tests\n"


def page(title: str, *feeds: tuple[str, str], body: str = "") -> str:
    links = "".join(
        f'<link rel="alternate" type="application/rss+xml" title="{name}" href="{url}">' for url, name in feeds
    )
    return f"<!doctype html><html><head><title>{title}</title>{links}</head><body>{body}</body></html>"


def feed(title: str, *numbers: int) -> str:
    return rss(
        [item(number, link=f"https://example.org/{title[0]}/{number}", guid=f"{title}{number}") for number in numbers],
        title,
    )


def write(site: Site, rest: str = "sources: []\n") -> str:
    """Write feeds.yaml, and return its text."""
    site.config.write_bytes((HEAD + rest).encode())
    return HEAD + rest


def text_of(site: Site) -> str:
    return site.config.read_bytes().decode()


def add(site: Site, *arguments: str) -> Done:
    return site.run("add", *arguments)


def works(site: Site) -> dict[str, dict[str, Any]]:
    """Check and update the site; returns the status of its sources."""
    assert command("check", "--config", str(site.config)).status == 0
    assert site.run("update").status == 0
    return site.status()


def serve_blog(origin: Origin) -> Origin:
    """Serve a blog with three feeds, one of them of comments."""
    origin.route(
        "/",
        page("The Blog", ("/feed", "All"), ("/cats", "Cats"), ("/comments", "Comments on all")),
        content_type="text/html",
    )
    origin.route("/feed", feed("The Blog", 1, 2, 3, 4))
    origin.route("/cats", feed("Cats", 11))
    origin.route("/comments", feed("Words on it", 21, 22))
    return origin
