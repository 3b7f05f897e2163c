"""Routes of RSSHub on several real instances: which is asked, what is sent, and that entries stay what they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from aggregator.config import load
from aggregator.models import FeedState, InstanceState
from aggregator.pipeline.due import TURN, choose
from aggregator.pipeline.run import SourceResult
from aggregator.sources.instances import FIRST_PAUSE
from aggregator.sources.rsshub import Memory
from aggregator.store import Store, open_store
from tests.hubs import CHALLENGE, ERROR_PAGE, Hub, dead, hubs
from tests.origin import Response, Seen
from tests.store_samples import NOW
from tests.support import Site, command
from tests.validators import check_atom, check_jsonfeed, check_rss
from tests.worlds import World

ROUTE = "/ofweek/news"
KEY = "open-sesame-of-the-test"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "aggregator.db")) as made:
        yield made


@pytest.fixture
def three() -> Iterator[list[Hub]]:
    with hubs(3) as made:
        yield made


def world(
    site: Site, store: Store, instances: list[Any], *routes: str, sources: Mapping[str, Any] | None = None
) -> World:
    """Sources with these routes, which are due every five minutes: `one`, `two` and so on."""
    names = ["one", "two", "three", "four", "five", "six"]
    named = {name: {"rsshub": route, "interval": "5m"} for name, route in zip(names, routes or (ROUTE,), strict=False)}
    listed = [one.url if isinstance(one, Hub) else one for one in instances]
    return World(site, store, sources or named, rsshub={"instances": listed})


async def later(made: World, after: timedelta = timedelta(hours=2)) -> list[SourceResult]:
    return await made.cycle(made.now + after)


#: Soon enough that an instance which has failed is not asked first again, and late enough that the sources are due.
SOON = timedelta(minutes=9)


def memory(state: FeedState) -> str | None:
    return Memory.load(state.memory).instance


def entries(store: Store) -> dict[str, int]:
    return store.entry_counts()


async def test_the_first_instance_that_has_the_route_gives_it(site: Site, store: Store, three: list[Hub]) -> None:
    for hub in three:
        hub.serve(ROUTE, "One", "Two")
    made = world(site, store, three)
    (result,) = await made.cycle()
    assert (result.new, result.notes) == (2, ())
    assert [hub.statuses() for hub in three] == [[200], [], []]
    assert memory(made.state()) == three[0].name
    await later(made)
    assert [hub.statuses() for hub in three] == [[200, 304], [], []]


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (lambda hub: hub.fail(ROUTE, 503), "it answered 503 Service Unavailable"),
        (lambda hub: hub.fail(ROUTE, 500), "it answered 500 Internal Server Error"),
        (lambda hub: hub.fail(ROUTE, 404), "it answered 404 Not Found; it has no such route"),
        (lambda hub: hub.fail(ROUTE, 403), "it answered 403 Forbidden; does it want a `key`?"),
        (lambda hub: hub.fail(ROUTE, 401), "it answered 401 Unauthorized; put user name and password into its address"),
        (lambda hub: hub.fail(ROUTE, 200), 'this is an HTML page ("Welcome to RSSHub!"), not a feed'),
        (lambda hub: hub.fail(ROUTE, 200, ""), "the answer is empty"),
        (lambda hub: hub.fail(ROUTE, 200, "<rss"), "the document is cut off before"),
        (lambda hub: hub.fail(ROUTE, 200, "x" * 20_000_000), "larger than"),
        (lambda hub: hub.fail(ROUTE, 429, "slow down"), "it answered 429 Too Many Requests"),
    ],
)
async def test_one_that_fails_is_followed_by_the_next(
    site: Site, store: Store, three: list[Hub], breaks: Any, said: str
) -> None:
    first, second, third = three
    breaks(first)
    second.serve(ROUTE, "One")
    made = world(site, store, three)
    (result,) = await made.cycle()
    assert (result.failed, result.new) == (False, 1)
    (note,) = result.notes
    assert note.startswith(f"{second.url} gave it; {first.url}: ")
    assert said in note
    assert third.asked() == []


async def test_a_wall_is_a_failure_of_the_instance(site: Site, store: Store, three: list[Hub]) -> None:
    three[0].fail(ROUTE, 403, CHALLENGE, **{"cf-mitigated": "challenge"})
    three[1].serve(ROUTE, "One")
    (result,) = await world(site, store, three[:2]).cycle()
    assert result.new == 1
    assert result.notes[0].startswith(f"{three[1].url} gave it; {three[0].url}: ")
    assert store.pages.instances()[three[0].name].failures == 1


async def test_a_slow_one_is_left_after_the_timeout(site: Site, store: Store, three: list[Hub]) -> None:
    def silent(handler: BaseHTTPRequestHandler) -> None:
        # Until the other side gives up.
        handler.rfile.read(1)

    three[0].answer(ROUTE, lambda seen: Response(raw=silent))
    three[1].serve(ROUTE, "One")
    sources = {"one": {"rsshub": ROUTE, "timeout": "1s"}}
    made = world(site, store, three[:2], sources=sources)
    (result,) = await made.cycle()
    assert result.new == 1
    assert "no complete answer within 1 seconds" in result.notes[0]


async def test_health_is_kept_across_cycles_and_one_that_comes_back_is_asked_first_again(
    site: Site, store: Store, three: list[Hub]
) -> None:
    gone, second = dead(), three[1]
    second.serve(ROUTE, "One")
    made = world(site, store, [gone, second])
    (result,) = await made.cycle()
    assert f"{gone}: no connection" in result.notes[0]
    assert store.pages.instances() == {f"{gone}/": InstanceState(f"{gone}/", 1, made.now + FIRST_PAUSE)}
    # It is asked last: the other one answers first, and no note says that it failed.
    (result,) = await later(made, SOON)
    assert (result.failed, result.notes) == (False, ())
    (result,) = await later(made)
    assert f"{gone}: no connection" in result.notes[0]
    assert store.pages.instances()[f"{gone}/"].failures == 2


async def test_one_that_works_again_takes_its_place(site: Site, store: Store, three: list[Hub]) -> None:
    first, second = three[:2]
    first.fail(ROUTE, 502)
    second.serve(ROUTE, "One")
    made = world(site, store, [first, second])
    await made.cycle()
    assert store.pages.instances()[first.name].failures == 1
    first.serve(ROUTE, "One", "Two")
    for hub in (first, second):
        hub.forget()
    (result,) = await later(made)
    assert (first.statuses(), second.statuses()) == ([200], [])
    assert (result.new, result.changed, result.unchanged) == (1, 0, 1)
    assert memory(made.state()) == first.name
    assert store.pages.instances() == {first.name: InstanceState(first.name)}


async def test_a_route_that_an_instance_lacks_says_nothing_of_its_other_routes(
    site: Site, store: Store, three: list[Hub]
) -> None:
    first, second = three[:2]
    first.serve("/other/news", "A")
    second.serve("/other/news", "A")
    second.serve(ROUTE, "One")
    made = world(site, store, [first, second], ROUTE, "/other/news")
    await made.cycle()
    assert store.pages.instances() == {}
    for hub in (first, second):
        hub.forget()
    await later(made, SOON)
    # The source remembers by itself who lacks its route, for a while.
    assert (first.asked(), second.asked()) == ([("/other/news", 304)], [(ROUTE, 304)])


async def test_several_sources_find_out_that_an_instance_is_broken(site: Site, store: Store, three: list[Hub]) -> None:
    first, second = three[:2]
    routes = [f"/r/{number}" for number in range(6)]
    for number, route in enumerate(routes):
        first.fail(route, 503)
        second.serve(route, f"Item {number}")
    made = world(site, store, [first, second], *routes)
    results = await made.cycle()
    assert [result.new for result in results] == [1] * 6
    state = store.pages.instances()[first.name]
    assert (state.failures, state.until) == (1, made.now + FIRST_PAUSE)
    first.forget()
    assert [result.failed for result in await later(made, SOON)] == [False] * 6
    assert first.asked() == []


async def test_several_sources_fail_at_once(site: Site, store: Store, three: list[Hub]) -> None:
    routes = [f"/r/{number}" for number in range(6)]
    for hub in three[:2]:
        for route in routes:
            hub.fail(route, 503)
    made = world(site, store, three[:2], *routes)
    results = await made.cycle()
    assert [result.state.failure_kind for result in results] == ["http_status"] * 6
    # All instances say the same, so that none of them is to blame.
    assert store.pages.instances() == {}


async def test_all_failures_are_named(site: Site, store: Store, three: list[Hub]) -> None:
    gone = dead()
    three[0].fail(ROUTE, 503)
    three[1].fail(ROUTE, 200)
    made = world(site, store, [gone, *three])
    (result,) = await made.cycle()
    error = made.state().error or ""
    assert result.failed
    assert error.startswith(f"no instance has it: {gone}: no connection")
    assert f"{three[0].url}: it answered 503 Service Unavailable" in error
    assert f'{three[1].url}: this is an HTML page ("Welcome to RSSHub!")' in error
    assert f"{three[2].url}: it answered 404" in error
    assert (made.state().failure_kind, made.state().failures) == ("http_status", 1)


async def test_a_failure_of_the_network_is_one_of_the_network(site: Site, store: Store) -> None:
    made = world(site, store, [dead(), dead()])
    (result,) = await made.cycle()
    assert result.state.failure_kind == "connect"


async def test_entries_neither_change_nor_double_when_another_instance_gives_them(
    site: Site, store: Store, three: list[Hub]
) -> None:
    for hub in three:
        hub.serve(ROUTE, "One", "Two")
    made = world(site, store, three)
    await made.cycle()
    for number in (0, 1):
        three[number].fail(ROUTE, 503)
        (result,) = await later(made)
        assert (result.new, result.changed, result.unchanged) == (0, 0, 2)
        assert memory(made.state()) == three[number + 1].name
    assert entries(store) == {"one": 2}
    for found in store.similar_entries("one", (), (), 5):
        assert found.guid is not None
        assert found.guid.startswith("rsshub://ofweek/item/")
        assert f"{three[0].url}/picture/" in found.html
        assert [file.url.startswith(f"{three[0].url}/sound/") for file in found.enclosures] == [True]


async def test_validators_go_only_to_the_instance_that_gave_them(site: Site, store: Store, three: list[Hub]) -> None:
    for hub in three:
        hub.serve(ROUTE, "One")
    made = world(site, store, three[:2])
    await made.cycle()
    served = three[0].origin.routes[ROUTE]
    three[0].fail(ROUTE, 503)
    await later(made)
    assert "if-none-match" not in three[1].origin.requests[-1].headers
    assert three[1].statuses() == [200]
    await later(made, timedelta(minutes=70))
    assert three[1].origin.requests[-1].headers["if-none-match"]
    three[0].origin.routes[ROUTE] = served
    await later(made, timedelta(hours=13))
    assert "if-none-match" not in three[0].origin.requests[-1].headers
    assert three[0].statuses()[-1] == 200


async def test_a_host_that_wants_to_be_left_alone_is_passed_over(site: Site, store: Store, three: list[Hub]) -> None:
    first, second = three[:2]
    first.fail(ROUTE, 429, "later", **{"Retry-After": "7200"})
    second.serve(ROUTE, "One")
    made = world(site, store, [first, second])
    await made.cycle()
    second.fail(ROUTE, 429, "later", **{"Retry-After": "3600"})
    await later(made, timedelta(minutes=70))
    assert (first.statuses(), made.state().failure_kind) == ([429], "http_status")
    # Neither is asked before the time that the first of them gave.
    await later(made, timedelta(minutes=30))
    assert (first.statuses(), second.statuses()) == ([429], [200, 429])


async def test_nothing_of_the_source_goes_to_an_instance_but_its_user_agent(
    site: Site, store: Store, three: list[Hub]
) -> None:
    three[0].serve(ROUTE, "One")
    made = world(site, store, three[:1], sources={"one": {"rsshub": ROUTE, "user_agent": "mine/1"}})
    await made.cycle()
    (seen,) = three[0].origin.requests
    assert seen.headers["user-agent"] == "mine/1"
    assert not {"authorization", "cookie", "referer"} & seen.headers.keys()


async def test_user_and_password_of_an_instance_go_to_it_alone(site: Site, store: Store, three: list[Hub]) -> None:
    first, second = three[:2]
    first.answer(ROUTE, lambda seen: Response(b"", 302, {"Location": f"{second.url}{ROUTE}"}))
    second.serve(ROUTE, "One")
    made = world(site, store, [first.url.replace("//", "//me:hidden-word@")])
    (result,) = await made.cycle()
    assert result.new == 1
    assert first.origin.requests[0].headers["authorization"].startswith("Basic ")
    assert "authorization" not in second.origin.requests[0].headers
    assert "hidden-word" not in repr(store.states())
    # What it redirects to is the same instance by another address.
    (found,) = store.similar_entries("one", (), (), 1)
    assert found.guid == "rsshub://ofweek/item/one"


async def test_an_instance_that_has_moved_is_a_note_and_the_source_stays_where_it_is(
    site: Site, store: Store, three: list[Hub]
) -> None:
    first, second = three[:2]
    first.answer(ROUTE, lambda seen: Response(b"", 301, {"Location": f"{second.url}{ROUTE}"}))
    second.serve(ROUTE, "One")
    made = world(site, store, [first])
    (result,) = await made.cycle()
    assert result.notes == (f"{first.url} has moved permanently to {second.url}; correct it in `instances`",)
    assert (made.state().moved_to, made.state().notes) == (None, result.notes)


async def test_sources_with_one_route_ask_each_instance_once(site: Site, store: Store, three: list[Hub]) -> None:
    three[0].fail(ROUTE, 503)
    three[1].serve(ROUTE, "One")
    sources = {name: {"rsshub": ROUTE} for name in ("one", "two", "three")}
    made = world(site, store, three[:2], sources=sources)
    results = await made.cycle()
    assert [result.new for result in results] == [1, 1, 1]
    assert (three[0].statuses(), three[1].statuses()) == ([503], [200])
    await later(made)
    assert (three[0].statuses(), three[1].statuses()) == ([503, 503], [200, 304])


async def test_a_source_has_instances_of_its_own(site: Site, store: Store, three: list[Hub]) -> None:
    for hub in three:
        hub.serve(ROUTE, "One")
    three[2].key = KEY
    own = {"route": ROUTE, "instances": [three[2].url], "key": KEY}
    made = world(site, store, three[:1], sources={"one": {"rsshub": own}})
    (result,) = await made.cycle()
    assert result.new == 1
    assert [hub.statuses() for hub in three] == [[], [], [200]]


def test_the_bytes_of_a_feed_that_only_says_when_it_was_made_change_nothing(site: Site, three: list[Hub]) -> None:
    three[0].serve(ROUTE, "One", build=1)
    site.configure({"id": "one", "rsshub": ROUTE}, rsshub={"instances": [three[0].url]})
    site.run("update")
    before = site.stamps()
    three[0].serve(ROUTE, "One", build=2)
    assert site.run("update", "--all").status == 0
    assert site.stamps() == before


@pytest.mark.parametrize("broken", [False, True])
def test_neither_key_nor_code_is_anywhere(site: Site, three: list[Hub], broken: bool) -> None:
    first, second = three[:2]
    first.key = second.key = KEY
    codes: set[str] = set()

    def watched(seen: Seen) -> Response:
        code = seen.path.partition("code=")[2]
        codes.add(code)
        page = f"<html><title>Error at {seen.path}</title><body>{seen.path}</body></html>"
        return Response(page.encode(), 200, {"Content-Type": "text/html"})

    first.answer(ROUTE, watched)
    second.serve(ROUTE, "One", "Two")
    if broken:
        second.fail(ROUTE, 503, ERROR_PAGE)
    instances = [first.url, second.url.replace("//", "//me:hidden-word@")]
    site.configure({"id": "one", "rsshub": ROUTE}, rsshub={"instances": instances, "key": "${env:HUB_KEY}"})
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HUB_KEY", KEY)
        said = [site.run("update", "--verbose", "--log-format", "json")]
        others = ("status", "status one", "status one --json", "check", "explain 1", "show 1", "list")
        said += [site.run(*words.split()) for words in others]
    (code,) = codes
    assert len(code) == 32
    assert said[0].status == int(broken)
    told = [done.stdout + done.stderr for done in said]
    files = {path: path.read_bytes() for path in site.data.rglob("*") if path.is_file()}
    assert (site.data / "pages" / "one.http").is_file() is broken
    for secret in (KEY, code, "hidden-word"):
        assert [text for text in told if secret in text] == []
        assert [path.name for path, data in files.items() if secret.encode() in data] == []


async def test_one_dead_instance_is_no_dead_network(site: Site, store: Store) -> None:
    made = world(site, store, [dead()], *(f"/r/{number}" for number in range(4)))
    results = await made.cycle()
    assert [(result.failed, result.unreached) for result in results] == [(True, False)] * 4


def test_a_source_is_left_alone_with_the_domains_of_its_instances(site: Site, store: Store) -> None:
    site.configure(
        {"id": "route", "rsshub": "/a"},
        {"id": "feed", "feed": "https://www.b.example/feed"},
        {"id": "other", "feed": "https://c.example/feed"},
        {"id": "own", "rsshub": {"route": "/a", "instances": ["https://d.example"]}},
        rsshub={"instances": ["https://a.example", "https://b.example"]},
    )
    config = load(site.config, {})
    store.sync_sources(config.sources)
    sources = {source.id: source for source in config.sources}

    def chosen(busy: str) -> set[str]:
        return {source.id for source, _ in choose(config, store, NOW, busy=[sources[busy]])}

    assert chosen("route") == {"other", "own"}
    assert chosen("feed") == {"other", "own"}
    assert chosen("other") == {"route", "feed", "own"}


def test_routes_take_turns_at_their_first_instance(site: Site, store: Store) -> None:
    routes = [{"id": f"r{number}", "rsshub": f"/r/{number}"} for number in range(200)]
    site.configure(*routes, {"id": "feed", "feed": "https://c.example/"}, rsshub={"instances": ["https://a.example"]})
    config = load(site.config, {})
    store.sync_sources(config.sources)
    taken = [source.id for source, _ in choose(config, store, NOW, turn=TURN)]
    assert len(taken) == 120 + 1
    assert "feed" in taken[:2]


def test_outputs_are_valid_and_name_no_route(site: Site, three: list[Hub]) -> None:
    three[0].serve(ROUTE, "One", "Two")
    site.configure({"id": "one", "rsshub": ROUTE}, rsshub={"instances": [three[0].url]})
    assert site.run("update").status == 0
    public = site.public()
    for name, check in (("rss.xml", check_rss), ("atom.xml", check_atom), ("feed.json", check_jsonfeed)):
        assert check(public[f"all/{name}"]) == []
        assert b"rsshub://ofweek/news" not in public[f"all/{name}"]
    assert b'type="link" url="' in public["opml.xml"]
    assert b"xmlUrl" not in public["opml.xml"]


def test_a_source_that_is_written_in_another_way_is_the_same(site: Site, three: list[Hub]) -> None:
    three[0].serve(ROUTE, "One")
    for written in (ROUTE, "rsshub://ofweek/news", {"route": ROUTE}):
        site.configure({"rsshub": written}, rsshub={"instances": [three[0].url]})
        assert site.run("update", "--all").status == 0
    assert {name: row["entries"] for name, row in site.status().items()} == {"ofweek-news": 1}
    assert three[0].statuses() == [200, 304, 304]
    assert len(site.posts()) == 1


def test_commands_on_a_source_work_for_a_route(site: Site, three: list[Hub]) -> None:
    three[0].serve(ROUTE, "One")
    site.configure({"id": "one", "rsshub": ROUTE}, rsshub={"instances": [three[0].url]})
    site.run("update")
    assert site.run("fix").stdout == "Nothing to fix.\n"
    assert "rsshub://ofweek/news" in site.run("explain", "1").stdout
    assert site.run("reset", "one").status == 0
    site.run("update", "--all")
    assert three[0].statuses() == [200, 200]
    assert f"{three[0].origin.url.partition('://')[2]} " in site.run("etiquette").stdout
    assert command("pause", "one", "--config", str(site.config)).status == 0
    assert site.run("remove", "one", "--purge", "--yes").status == 0
    assert site.status() == {}


def test_status_shows_the_instances(site: Site, three: list[Hub]) -> None:
    gone, first, second = dead(), three[0], three[1]
    first.fail(ROUTE, 503)
    second.serve(ROUTE, "One")
    instances = [gone, first.url, second.url, "https://d.example"]
    site.configure({"id": "one", "rsshub": ROUTE}, rsshub={"instances": instances})
    shown = site.run("status", "one").stdout
    assert [line.split()[1:] for line in shown.splitlines() if line.startswith("instance ")] == [
        [f"{url}/"] for url in instances
    ]
    site.run("update")
    found = json.loads(site.run("status", "one", "--json").stdout)
    assert (found["address"], found["served_by"]) == ("rsshub://ofweek/news", second.name)
    known = [(one["failures"], one["lacks_route"], one["asked_last_until"] is None) for one in found["instances"]]
    assert known == [(1, False, False), (0, True, False), (0, False, True), (0, False, True)]
    shown = site.run("status", "one").stdout
    assert f"instance       {gone}/, failed 1 time in a row, asked last until 20" in shown
    assert f"instance       {first.url}/, lacks the route, asked last until 20" in shown
    assert f"instance       {second.url}/\n" in shown
    assert f"served by      {second.url}/\n" in shown
