"""The search over saved pages: the right source comes first, works, and can be written into feeds.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from aggregator.config import load
from aggregator.config.additions import NewSource, add_sources
from aggregator.config.editing import check_edit
from aggregator.discover import search as searching
from aggregator.discover.candidates import Candidate
from aggregator.discover.found import Found
from aggregator.errors import FetchError
from aggregator.models import Fetched, NotModified, Request
from aggregator.pipeline.together import Send
from aggregator.preview import preview
from tests.config.test_additions import FEEDS
from tests.discover.pages import NOW, Sample, fetched, samples
from tests.support import item, rss

HUB = "https://hub.example"
TEXT = f"# mine\nrsshub: {{instances: [{HUB}]}}\nsources: []\n"
#: The first ten pages without a feed, each made differently.
LISTS = samples("lists")[:10]


class World:
    """Answers requests from saved pages: everything else is not there."""

    def __init__(self, pages: Mapping[str, Fetched]) -> None:
        self._pages = dict(pages)
        self.asked: list[str] = []

    def through(self, send: Send) -> Send:
        async def fetch(request: Request) -> Fetched | NotModified:
            self.asked.append(request.url)
            if request.url not in self._pages:
                raise FetchError("the server answered 404 Not Found", kind="http_status", url=request.url, status=404)
            return self._pages[request.url]

        return fetch


class Inline:
    """In place of a worker: the pages are known to be harmless, and a process takes a second."""

    def __init__(self, **limits: object) -> None:
        pass

    calls = 0

    async def run(self, function: Callable[..., Any], *arguments: Any, **limits: object) -> tuple[Any, float]:
        return function(*arguments), 0.0

    async def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.pipeline.engine.Worker", Inline)


async def search(url: str, world: World, *, best: bool = True, text: str = TEXT) -> Found:
    config = load(FEEDS, {}, text=text)
    return await searching.search(url, config, text, {}, clock=lambda: NOW, best=best, through=world.through)


def a_feed(url: str, title: str) -> Fetched:
    dated = item(1, title=title, link=f"{url}/1", guid=url, pubDate="Fri, 27 Nov 2026 10:00:00 GMT")
    return fetched(rss([dated], title), url, content_type="application/rss+xml")


@pytest.mark.parametrize("home", samples("homes"), ids=str)
async def test_the_right_feed_of_a_platform_is_found(home: Sample) -> None:
    best = str(home.expected["best"])
    route = best.removeprefix("rsshub:")
    address = best if route == best else HUB + route
    world = World({home.url: home.page, address: a_feed(address, "The feed")})
    found = await search(home.url, world)
    (option,) = found.options
    assert option.candidate.entry == ({"feed": best} if route == best else {"rsshub": route})
    assert option.title == "The feed"
    # The page and the best feed; nothing before it was tried in vain.
    assert (len(world.asked), found.misses) == (2, [])


@pytest.mark.parametrize("sample", LISTS, ids=str)
async def test_on_a_page_without_a_feed_its_articles_are_read(sample: Sample) -> None:
    pages = {sample.url: sample.page}
    for url, title in sample.expected["articles"]:
        body = f"<title>{title}</title><article><h1>{title}</h1><p>{'All of the text. ' * 30}</p></article>"
        pages[url] = fetched(f"<meta charset=utf-8>{body}", url)
    world = World(pages)
    found = await search(sample.url, world)
    (option,) = found.options
    # What is offered can be written, and then gives what was shown.
    entry = NewSource({"name": "A site: new", **option.candidate.entry})
    text = add_sources(TEXT, [entry])
    config = check_edit(load(FEEDS, {}, text=TEXT), text, {}, added=[entry])
    seen = await preview(config, config.sources[0], clock=lambda: NOW, through=world.through)
    assert seen.failure is None
    expected = {url for url, _ in sample.expected["articles"]}
    assert {one.stored.stored.entry.url for one in seen.items} == expected
    assert len(option.preview.items) == len(seen.items)


async def test_a_try_that_fails_is_followed_by_the_next() -> None:
    url = "https://www.youtube.com/channel/UCq1W2e3R4t5Y6u7I8o9P0aA"
    feeds = f"{url}/feed"
    page = fetched(f'<title>C</title><link rel=alternate type="application/rss+xml" href="{feeds}">', url)
    found = await search(url, World({url: page, feeds: a_feed(feeds, "Named")}))
    assert [one.title for one in found.options] == ["Named"]
    assert {miss.found for miss in found.misses} == {"YouTube channel"}


async def test_an_empty_feed_comes_after_one_with_items() -> None:
    url = "https://blog.example/"
    names = ("a", "b")
    links = "".join(f'<link rel=alternate type="application/rss+xml" href="/{name}">' for name in names)
    pages = {url: fetched(links, url), f"{url}b": a_feed(f"{url}b", "Full")}
    pages[f"{url}a"] = fetched(rss([], "Empty"), f"{url}a")
    found = await search(url, World(pages), best=False)
    assert [one.title for one in found.options] == ["Full", "Empty"]


async def test_comments_come_last_and_are_not_tried_where_the_best_is_wanted() -> None:
    url = "https://blog.example/"
    links = "".join(
        f'<link rel=alternate type="application/rss+xml" href="{path}" title="{title}">'
        for path, title in (("/comments/feed/", "Comments Feed"), ("/feed/", "Feed"))
    )
    pages = {url: fetched(links, url)}
    pages |= {f"{url}{path}": a_feed(f"{url}{path}", path) for path in ("feed/", "comments/feed/")}
    world = World(pages)
    assert [one.title for one in (await search(url, world, best=False)).options] == ["feed/", "comments/feed/"]
    world = World(pages)
    assert [one.title for one in (await search(url, world)).options] == ["feed/"]
    assert world.asked == [url, f"{url}feed/"]


async def test_what_feeds_yaml_would_not_take_is_a_miss_and_the_rest_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://blog.example/"
    links = '<link rel=alternate type="application/rss+xml" href="/feed">'
    wrong = Candidate({"feed": "https://{{x}}/"}, "a mistake", None, 0)
    right = Candidate({"feed": f"{url}feed"}, "the page names it", None, 1)
    monkeypatch.setattr(searching, "of_page", lambda page, instances: [wrong, right])
    found = await search(url, World({url: fetched(links, url), f"{url}feed": a_feed(f"{url}feed", "F")}))
    assert [one.title for one in found.options] == ["F"]
    assert [(miss.address, miss.found) for miss in found.misses] == [("https://{{x}}/", "a mistake")]
    assert "templates are not filled in" in found.misses[0].why


async def test_all_guesses_about_a_page_are_tried_before_the_feed_of_the_whole_site_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "https://site.example/news/"
    links = "".join(f'<p><a href="/n/{n}">A title of some length, number {n}</a></p>' for n in range(5))
    guesses = [{"scrape": {"url": url, "items": items}} for items in ("b > a", "p > a")]
    made = [Candidate(one, "a list on the page", None, 800 + number) for number, one in enumerate(guesses)]
    monkeypatch.setattr(searching, "of_page", lambda page, instances: made)
    feed = "https://site.example/feed"
    for best in (True, False):
        found = await search(url, World({url: fetched(links, url), feed: a_feed(feed, "All")}), best=best)
        assert [one.candidate.entry for one in found.options] == [guesses[1], {"feed": feed}][: 1 if best else 2]
        assert [miss.found for miss in found.misses] == ["a list on the page"]


async def test_routes_are_tried_only_where_instances_are_configured() -> None:
    url = "https://space.bilibili.com/280793434"
    hub = f"{HUB}/bilibili/user/video/280793434"
    pages = {url: fetched("<title>B</title>", url), hub: a_feed(hub, "By RSSHub")}
    assert [one.source.kind for one in (await search(url, World(pages))).options] == ["rsshub"]
    assert (await search(url, World(pages), text="sources: []\n")).options == []
