"""Bot walls are told from the sites behind them, and the operator is told what can be done."""

from __future__ import annotations

import gzip
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.fetch import walls
from aggregator.fetch.walls import wall_of
from tests import ROOT, etiquette
from tests.daemons import PATIENCE
from tests.fetch.wall_samples import HTML, ORDINARY, WALLS, Sample
from tests.fetch_support import document, failure
from tests.origin import Origin, Response
from tests.support import Site

SENT = [(name, *one) for name, samples in WALLS.items() for one in samples]
#: Those that the origin of the tests can send: it has a Server header of its own.
SERVED = [(name, one) for name, one, _ in SENT if name != "Imunify360"]
ASKED = {"Cloudflare", "DataDome", "Anubis", "AWS WAF", "Vercel", "Akamai", "Sucuri"}
ONE = WALLS["Anubis"][0][0]


def found(sample: Sample, body: bytes | None = None) -> walls.Wall | None:
    headers = {name.lower().encode(): value for name, value in sample.headers.items()}
    return wall_of(sample.status, headers, sample.body.encode() if body is None else body)


def answer(sample: Sample, **more: str) -> Response:
    return Response(sample.body.encode(), sample.status, {**sample.headers, **more})


@pytest.mark.parametrize(("name", "sample", "lets_in"), SENT, ids=[f"{name}-{one.status}" for name, one, _ in SENT])
def test_a_wall_is_told_by_its_own_marks(name: str, sample: Sample, lets_in: str) -> None:
    wall = found(sample)
    assert wall is not None
    assert (wall.name, wall.lets_in) == (name, lets_in)


def test_all_walls_that_were_asked_for_are_known() -> None:
    assert WALLS.keys() >= ASKED


@pytest.mark.parametrize("name", ORDINARY)
def test_what_a_site_sends_is_no_wall(name: str) -> None:
    assert found(ORDINARY[name]) is None


def test_there_are_enough_ordinary_pages() -> None:
    assert sum(sample.status == 200 for sample in ORDINARY.values()) >= 20


@pytest.mark.parametrize(("name", "sample"), SERVED, ids=[f"{name}-{one.status}" for name, one in SERVED])
async def test_a_walled_document_is_a_failure_with_advice(origin: Origin, name: str, sample: Sample) -> None:
    error = await failure(origin.handle("/feed", answer(sample)))
    assert (error.kind, error.status) == ("blocked", sample.status)
    said = str(error)
    assert said.startswith(f"{name} stands before the site")
    assert f"(status {sample.status})" in said
    assert "RSSHub" in said
    assert "token" in said
    assert "`fetch.contact`" in said


@pytest.mark.parametrize("name", ORDINARY)
async def test_what_a_site_sends_comes_as_it_is(origin: Origin, name: str) -> None:
    sample = ORDINARY[name]
    url = origin.handle("/feed", answer(sample))
    if sample.status == 200:
        assert (await document(url)).body == sample.body.encode()
    else:
        assert (await failure(url)).kind == "http_status"


async def test_a_compressed_challenge_is_read(origin: Origin) -> None:
    for status in (200, 403):
        packed = Response(gzip.compress(ONE.body.encode()), status, {**HTML, "Content-Encoding": "gzip"})
        assert (await failure(origin.handle("/feed", packed))).kind == "blocked"


async def test_a_refusal_whose_body_cannot_be_read_stays_one(origin: Origin) -> None:
    broken = Response(b"\x1f\x8bnothing", 403, {**HTML, "Content-Encoding": "gzip, gzip, gzip, gzip"})
    assert (await failure(origin.handle("/feed", broken))).kind == "http_status"
    huge = Response(b"<p>" * 5_000_000, 403, HTML)
    assert (await failure(origin.handle("/feed", huge))).kind == "http_status"
    bomb = Response(gzip.compress(bytes(50_000_000)), 403, {**HTML, "Content-Encoding": "gzip"})
    assert (await failure(origin.handle("/feed", bomb))).kind == "http_status"
    short = Response(b"<html>", 403, {**HTML, "Content-Length": "600"})
    assert (await failure(origin.handle("/feed", short))).kind == "http_status"


async def test_a_refusal_that_does_not_end_is_not_waited_for(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.fetch.answer._REFUSAL_SECONDS", 0.05)
    leave = threading.Event()

    def stall(handler: Any) -> None:
        head = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 600\r\n\r\n<html>"
        handler.wfile.write(head)
        handler.wfile.flush()
        leave.wait(PATIENCE)

    error = await failure(origin.handle("/feed", Response(raw=stall)))
    leave.set()
    assert (error.kind, error.status) == ("http_status", 404)


async def test_a_wall_before_robots_txt_alone_is_in_nobodys_way(origin: Origin) -> None:
    origin.handle("/robots.txt", answer(ONE))
    etiquette.serve(origin, "/list", b"<html>")
    await etiquette.fetch(origin, "http://example.org/list", robots=True)
    origin.handle("/list", answer(ONE))
    error = await etiquette.failure(origin, "http://example.org/list", robots=True)
    assert error.kind == "blocked"
    assert str(error).startswith("Anubis stands")


async def test_a_wall_that_says_when_to_come_back_is_obeyed(origin: Origin) -> None:
    (sample, _), *_ = WALLS["Vercel"]
    origin.handle("/feed", answer(sample, **{"Retry-After": "600"}))
    async with etiquette.fetcher(origin) as one:
        error = await etiquette.failed(one, "http://example.org/feed")
        assert error.retry_after is not None
        assert (await etiquette.failed(one, "http://example.org/other")).held


def test_a_large_document_is_looked_at_no_further(origin: Origin) -> None:
    body = ONE.body.encode()
    assert found(ONE, body + b" " * walls.HEAD) is not None
    assert found(ONE, b"<!doctype html>" + b" " * walls.HEAD + body) is None


async def test_a_large_document_is_the_sites_own(origin: Origin) -> None:
    page = ONE.body + " " * walls.LARGEST
    assert (await document(origin.route("/feed", page, content_type="text/html"))).body == page.encode()


def test_the_status_shows_the_wall(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.handle("/feed", answer(ONE))})
    assert site.run("update").status == 1
    shown = site.status()["one"]
    assert shown["failure_kind"] == "blocked"
    assert shown["error"].startswith("Anubis stands before the site")


@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from([b"cf-mitigated", b"server", b"x-sucuri-block"]), st.text()),
    st.binary(max_size=3000),
)
def test_any_answer_can_be_looked_at(status: int, headers: dict[bytes, str], body: bytes) -> None:
    wall_of(status, headers, body)


def test_the_documentation_names_all_walls() -> None:
    text = (ROOT / "docs" / "etiquette.md").read_text(encoding="utf-8")
    part = text.partition("### Bot walls")[2].partition("###")[0]
    names = {mark.name for mark in (*walls._HEADERS, *walls._PAGES)}
    assert {name for name in names - {"an unknown wall"} if name not in " ".join(part.split())} == set()
    assert names == WALLS.keys()
