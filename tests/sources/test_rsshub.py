"""The kind `rsshub` by itself: what it remembers, how it fails, and what it does when its share is used up."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import FetchError, SourceError
from aggregator.models import FailureKind, FeedState, Fetched, InstanceState, NotModified, Request, Source
from aggregator.pipeline.decide import MAX_ERROR
from aggregator.sources import KINDS, Instances, ShareUsedUp, Tools
from aggregator.sources.rsshub import Instance, Memory, RsshubRules, fetch, request_hash
from aggregator.sources.rsshubfeed import SMALL
from tests.scraping import NOW, offload, source
from tests.support import item, rss

NAMES = tuple(f"https://{letter}.example/" for letter in "abc")
FEED = rss([item(1)]).encode()

Answer = Callable[[Request], Fetched | NotModified]


def routed(*names: str, code: str | None = None) -> Source:
    rules = RsshubRules(names, frozenset(), tuple(Instance(name, name, code) for name in names), names)
    return replace(source("rsshub://ofweek/news", None), kind="rsshub", rules=rules)


def fetched(request: Request, body: bytes = FEED) -> Fetched:
    return Fetched(request.url, request.url, 200, "application/xml", body, etag='"1"', body_hash="1")


def failing(kind: FailureKind = "connect", status: int | None = None, **more: object) -> Answer:
    def answer(request: Request) -> Fetched:
        raise FetchError("it failed", kind=kind, url=request.url, status=status, **more)  # type: ignore[arg-type]

    return answer


def used_up(request: Request) -> Fetched:
    raise ShareUsedUp("it may take 320 s at once")


async def ask(
    one: Source, answers: dict[str, Answer], state: FeedState | None = None
) -> tuple[Fetched | NotModified, list[Request]]:
    """Fetch a route from instances that answer like this; what is not named has the feed."""
    asked: list[Request] = []

    async def send(request: Request) -> Fetched | NotModified:
        asked.append(request)
        host = "/".join(request.url.split("/")[:3]) + "/"
        return answers.get(host, fetched)(request)

    # A route needs none of the other tools.
    tools = SimpleNamespace(fetch=send, offload=offload, instances=Instances({}, lambda: NOW))
    return await fetch(one, state or FeedState("site"), cast(Tools, tools)), asked


async def failure(answers: dict[str, Answer], *names: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await ask(routed(*(names or NAMES)), answers)
    return caught.value


def test_the_request_hash_is_the_one_that_databases_hold() -> None:
    assert request_hash(routed(*NAMES)) == request_hash(routed("https://x.example/"))
    assert request_hash(routed(*NAMES)) == "13717bda79fe3a8e29a28826f9e2425481bebce7b8c9dc9048c57a15bd27df4f"


async def test_the_request_has_the_route_and_the_code() -> None:
    _, (request,) = await ask(routed(*NAMES, code="c0de"), {})
    assert (request.url, request.home) == ("https://a.example/ofweek/news?code=c0de", NAMES[0])
    with_query = replace(routed(*NAMES, code="c0de"), url="rsshub://ofweek/news?limit=1")
    found, (request,) = await ask(with_query, {})
    assert request.url == "https://a.example/ofweek/news?limit=1&code=c0de"
    assert found.url == "https://a.example/ofweek/news?limit=1"


@pytest.mark.parametrize(
    ("kinds", "kind"),
    [
        (("connect", "dns", "timeout"), "connect"),
        (("connect", "http_status", "timeout"), "http_status"),
        (("dns", "timeout", "not_a_feed"), "not_a_feed"),
    ],
)
async def test_the_failure_is_of_the_kind_of_an_instance_that_answered(
    kinds: Sequence[FailureKind], kind: FailureKind
) -> None:
    error = await failure({name: failing(one) for name, one in zip(NAMES, kinds, strict=True)})
    assert error.kind == kind


async def test_a_route_is_gone_when_all_instances_say_so() -> None:
    gone, broken = failing("http_status", 410), failing("http_status", 503)
    assert (await failure(dict.fromkeys(NAMES, gone))).status == 410
    assert (await failure({**dict.fromkeys(NAMES, gone), NAMES[1]: broken})).status == 503


async def test_hosts_that_want_to_be_left_alone_are_waited_for_where_all_do() -> None:
    soon, later = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    held = [failing("http_status", retry_after=moment, held=True) for moment in (later, soon, None)]
    error = await failure(dict(zip(NAMES, held, strict=True)), *NAMES[:2])
    assert (error.held, error.retry_after) == (True, soon)
    error = await failure(dict(zip(NAMES, held, strict=True)))
    assert (error.held, error.retry_after) == (True, None)
    error = await failure({NAMES[0]: held[0], NAMES[1]: failing()}, *NAMES[:2])
    assert (error.held, error.retry_after, error.kind) == (False, None, "connect")


async def test_a_share_that_is_used_up_ends_the_search() -> None:
    with pytest.raises(ShareUsedUp):
        await ask(routed(*NAMES), dict.fromkeys(NAMES, used_up))
    error = await failure({NAMES[0]: failing(), NAMES[1]: used_up})
    assert str(error) == "https://a.example: it failed"


async def test_all_instances_are_named_however_many_they_are() -> None:
    names = [f"https://rsshub-{number}.some-provider.example/" for number in range(10)]
    error = await failure(dict.fromkeys(names, failing("http_status", 503)), *names)
    assert len(str(error)) <= MAX_ERROR
    assert all(f"rsshub-{number}" in str(error) for number in range(10))


async def test_advice_that_is_not_for_instances_is_left_out() -> None:
    def refused(request: Request) -> Fetched:
        message = "127.0.0.1 is not a public address; to fetch from there, list its network in allow_private_addresses"
        raise FetchError(message, kind="refused", url=request.url)

    def untrusted(request: Request) -> Fetched:
        message = "the certificate of a.example is not accepted: expired; its operator has to put it right"
        raise FetchError(message, kind="tls", url=request.url)

    said = str(await failure({NAMES[0]: refused, NAMES[1]: untrusted}, *NAMES[:2]))
    assert "list its network in allow_private_addresses; https://b.example: the certificate" in said
    assert said.endswith("is not accepted: expired")


async def test_a_document_that_cannot_be_read_is_followed_by_the_next_instance() -> None:
    large = b"<html><title>No</title>" + b"x" * SMALL
    found, asked = await ask(routed(*NAMES), {NAMES[0]: lambda request: fetched(request, large)})
    assert isinstance(found, Fetched)
    assert found.parsed is not None
    assert len(asked) == 2
    (note,) = found.notes
    assert note == 'https://b.example gave it; https://a.example: this is an HTML page ("No"), not a feed'


async def test_a_large_feed_is_read_in_another_process() -> None:
    many = rss([item(number) for number in range(1500)]).encode()
    assert len(many) > SMALL
    found, _ = await ask(routed(*NAMES), {NAMES[0]: lambda request: fetched(request, many)})
    assert isinstance(found, Fetched)
    assert found.parsed is not None
    assert len(found.parsed.entries) == 1500


async def test_validators_are_those_of_the_instance_that_is_asked() -> None:
    one = routed(*NAMES)
    known = FeedState("site", etag='"1"', last_modified="x", body_hash="1", request_hash=request_hash(one))
    for instance, sent in ((NAMES[0], '"1"'), (NAMES[1], None), (None, None)):
        state = replace(known, memory=Memory(instance).dump())
        _, (request,) = await ask(one, {}, state)
        assert request.etag == sent
    _, (request,) = await ask(one, {}, replace(known, memory=Memory(NAMES[0]).dump(), request_hash="other"))
    assert request.etag is None


async def test_a_document_that_another_instance_calls_unchanged_leaves_the_validators_where_they_belong() -> None:
    """Two sources may share a request whose answer one of them knows already, from another instance."""
    state = FeedState("site", memory=Memory(NAMES[1]).dump())
    found, _ = await ask(routed(*NAMES), {NAMES[0]: lambda request: NotModified(request.url, whole=True)}, state)
    assert Memory.load(found.memory).instance == NAMES[1]


async def test_what_lacks_a_route_is_remembered_with_the_source() -> None:
    answers = {NAMES[0]: failing("http_status", 404), NAMES[1]: failing("connect")}
    found, _ = await ask(routed(*NAMES), answers)
    memory = Memory.load(found.memory)
    assert (memory.instance, set(memory.lacking)) == (NAMES[2], {NAMES[0]})
    found, asked = await ask(routed(*NAMES), {}, FeedState("site", memory=found.memory))
    assert [request.url for request in asked] == ["https://b.example/ofweek/news"]
    assert set(Memory.load(found.memory).lacking) == {NAMES[0]}


@given(
    st.none() | st.sampled_from(NAMES),
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 99), max_size=3),
)
def test_memory_reads_back(instance: str | None, failures: dict[str, int]) -> None:
    lacking = {name: InstanceState(name, count, NOW + timedelta(minutes=count)) for name, count in failures.items()}
    memory = Memory(instance, lacking)
    assert Memory.load(memory.dump()) == memory


@given(
    st.none()
    | st.text(max_size=20)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["v", "instance", "lacking", "x"]), inner, max_size=4)
        ),
        max_leaves=8,
    ).map(json.dumps)
)
def test_nothing_is_remembered_of_what_cannot_be_read(text: str | None) -> None:
    memory = Memory.load(text)
    assert memory.instance is None or isinstance(memory.instance, str)
    assert Memory.load(memory.dump()).instance == memory.instance


async def test_rules_of_another_kind_are_a_mistake_of_this_program() -> None:
    with pytest.raises(SourceError) as caught:
        await ask(replace(routed(*NAMES), rules=None), {})
    assert caught.value.kind == "internal"
    page = fetched(Request("https://a.example/", timedelta(1), 1, False, ""))
    with pytest.raises(SourceError, match="not read"):
        KINDS["rsshub"].read(routed(*NAMES), page, NOW, lambda found: None)  # type: ignore[arg-type, return-value]
