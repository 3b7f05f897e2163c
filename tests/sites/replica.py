"""What the replicas of sites have in common: their pages on a loopback origin, and the items that come of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import dedent, indent
from typing import Any

from tests.origin import Origin, Response, Route
from tests.support import Site

HEAD = """\
site: {title: Replicas, url: "https://feeds.example.org/", language: en}
categories: {news: News}
fetch: {allow_private_addresses: [127.0.0.0/8]}
posts: {preset: hexo}
sources:
"""


@dataclass(frozen=True)
class Item:
    """An item as a reader of the merged feed sees it."""

    title: str
    #: Path and query of its address.
    path: str
    #: ISO 8601 with `+00:00`, or None: the time of the first sight.
    date: str | None = None
    #: What its body has, and what it must not have.
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    #: None: as the feed names those of items without one.
    authors: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    #: Path of its picture.
    image: str | None = None


@dataclass(frozen=True)
class Replica:
    """A site: its source in feeds.yaml, its pages, and the items that it has to give, newest first."""

    name: str
    #: The lines of its source, with `{origin}` for the address of the site.
    lines: str
    #: What it answers, by path and query. Texts are pages in `encoding`.
    pages: Mapping[str, str | Route]
    items: tuple[Item, ...]
    encoding: str = "utf-8"
    #: Content-Type of the pages.
    content_type: str = "text/html"
    #: What POST requests to a path are answered.
    posts: Mapping[str, Any] = field(default_factory=dict)

    def serve(self, origin: Origin) -> None:
        """Serve all its pages."""
        for path, page in self.pages.items():
            if isinstance(page, str):
                body = page.replace("{origin}", origin.url).encode(self.encoding)
                origin.route(path, body, content_type=self.content_type, conditional=True)
            else:
                origin.handle(path, page)
        origin.posts.update(self.posts)

    def source(self, origin: Origin) -> str:
        """Return the lines of its source."""
        return dedent(self.lines).strip().replace("{origin}", origin.url)

    def configure(self, site: Site, origin: Origin) -> None:
        """Write a feeds.yaml with this source alone."""
        source = self.source(origin)
        entry = indent(source, "    ")[2:]
        site.config.write_text(f"{HEAD}  - {entry[2:]}\n    category: news\n", encoding="utf-8")


def answer(text: str, content_type: str, **headers: str) -> Response:
    """Return an answer in UTF-8."""
    return Response(text.encode(), 200, {"Content-Type": content_type, **headers})
