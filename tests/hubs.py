"""Instances of RSSHub on loopback: they answer as real ones do, each with its own address in its feeds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

from tests.origin import Origin, Response, Seen

ERROR_PAGE = (
    '<!DOCTYPE html><html><head><title>Welcome to RSSHub!</title></head><body><div id="app"><h1>Looks like '
    "something went wrong</h1><pre>Route: /ofweek/news\nError Message: HTTPError: Response code 403</pre></div></body>"
)
CHALLENGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking</body></html>"


class Hub:
    """One instance.

    Args:
        key: its ACCESS_KEY; requests need the code that is made of it.
    """

    def __init__(self, origin: Origin, key: str | None = None) -> None:
        self.origin = origin
        self.url = origin.url
        self.key = key

    @property
    def name(self) -> str:
        """As the configuration has it, once it is read."""
        return f"{self.url}/"

    def serve(self, route: str, *titles: str, build: int = 0) -> None:
        """Have a route with these items.

        Args:
            build: changes the bytes of the feed, as its `lastBuildDate` does, but not its ETag.
        """
        tag = '"' + hashlib.sha256(repr(titles).encode()).hexdigest()[:8] + '"'

        def answer(seen: Seen) -> Response:
            if refused := self._refused(seen):
                return refused
            if seen.headers.get("if-none-match") == tag:
                return Response(b"", 304, {"ETag": tag})
            own = f"{self.url}{seen.path}".replace("&", "&amp;amp;")
            items = "".join(self._item(title, own) for title in titles)
            text = (
                '<?xml version="1.0" encoding="UTF-8"?><rss xmlns:atom="http://www.w3.org/2005/Atom" version="2.0">'
                f"<channel><title>OFweek</title><link>{self.url}{route}</link>"
                f'<atom:link href="{self.url}{seen.path.replace("&", "&amp;")}" rel="self"/>'
                f"<description>News - Powered by RSSHub</description><generator>RSSHub</generator><ttl>5</ttl>"
                f"<lastBuildDate>{build}</lastBuildDate>{items}</channel></rss>"
            )
            headers = {"Content-Type": "application/xml; charset=utf-8", "ETag": tag, "Cache-Control": "max-age=300"}
            return Response(text.encode(), 200, headers)

        self.origin.handle(route, answer)

    def fail(self, route: str, status: int, body: str = ERROR_PAGE, **headers: str) -> None:
        """Answer a route with a page."""
        self.origin.handle(route, Response(body.encode(), status, {"Content-Type": "text/html", **headers}))

    def answer(self, route: str, answer: Callable[[Seen], Response]) -> None:
        """Answer a route in any other way."""
        self.origin.handle(route, answer)

    def asked(self) -> list[tuple[str, int]]:
        """The paths of all requests so far, without their parameters, each with the status of the answer."""
        return [(seen.path.partition("?")[0], seen.status) for seen in self.origin.requests]

    def statuses(self) -> list[int]:
        """The statuses of all answers so far."""
        return [status for _, status in self.asked()]

    def forget(self) -> None:
        """Forget the requests so far."""
        self.origin.requests.clear()

    def _refused(self, seen: Seen) -> Response | None:
        path, _, query = seen.path.partition("?")
        if self.key is None:
            return None
        code = hashlib.md5((path + self.key).encode(), usedforsecurity=False).hexdigest()
        if f"code={code}" in query.split("&"):
            return None
        return Response(b"Authentication failed. Access denied.", 403, {"Content-Type": "text/html"})

    def _item(self, title: str, feed: str) -> str:
        """An item whose picture, file and guid are addresses of the instance, with a link to the feed as requested."""
        slug = title.lower().replace(" ", "-")
        return (
            f"<item><title>{title}</title><link>https://www.ofweek.example/{slug}</link>"
            f'<guid isPermaLink="false">{self.url}/ofweek/item/{slug}</guid>'
            "<pubDate>Wed, 15 Apr 2026 08:00:00 GMT</pubDate>"
            f'<description>&lt;p&gt;Text of &lt;a href="{feed}"&gt;news&lt;/a&gt;.&lt;/p&gt;'
            f'&lt;img src="{self.url}/picture/{slug}.jpg"&gt;</description>'
            f'<enclosure url="{self.url}/sound/{slug}.mp3" type="audio/mpeg" length="9"/></item>'
        )


@contextmanager
def hubs(count: int) -> Iterator[list[Hub]]:
    """Instances that are closed at the end."""
    with ExitStack() as stack:
        yield [Hub(stack.enter_context(closing(Origin()))) for _ in range(count)]


def dead() -> str:
    """The address of a server that is not there any more."""
    with closing(Origin()) as origin:
        return origin.url
