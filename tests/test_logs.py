"""Log lines: fixed keys for programs, plain text for people, secrets for nobody."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest

from aggregator.log import ROOT, LogFormat, configure_logging, log_event
from tests.origin import Origin
from tests.support import Site, item, rss

LAST = logging.lastResort


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    ROOT.handlers[:] = []
    ROOT.propagate = True
    ROOT.setLevel(logging.NOTSET)
    logging.lastResort = LAST


def _hide(text: str) -> str:
    return text.replace("s3cret", "***")


def test_json_lines_have_the_keys_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogFormat.json, _hide)
    log_event("one: failed: at\nhttp://x/s3cret", action="fetch", source="one", error="s3cret", kind=None, elapsed=0.5)
    (line,) = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert record.pop("time").endswith("+00:00")
    assert record == {
        "level": "info",
        "action": "fetch",
        "message": "one: failed: at\nhttp://x/***",
        "source": "one",
        "error": "***",
        "elapsed": 0.5,
    }


def test_plain_lines_are_one_line_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogFormat.text, _hide)
    log_event("bad\x1b[2J\nend s3cret", action="fetch", level=logging.ERROR)
    line = capsys.readouterr().err
    assert line[20:] == " error: bad [2J end ***\n"
    assert line[19] == "Z"


def test_traceback_is_kept_in_both_forms(capsys: pytest.CaptureFixture[str]) -> None:
    for form in LogFormat:
        configure_logging(form, _hide)
        try:
            raise ValueError("s3cret")
        except ValueError:
            logging.getLogger("aggregator.x").exception("unexpected")
        text = capsys.readouterr().err
        assert "Traceback" in text
        assert "ValueError: ***" in text


async def test_the_lines_of_one_pass_of_the_loop_are_written_together_and_in_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(LogFormat.text, _hide, stamped=False)
    log_event("one", action="fetch")
    log_event("two", action="fetch")
    assert capsys.readouterr().err == ""
    await asyncio.sleep(0)
    assert capsys.readouterr().err == "one\ntwo\n"
    log_event("three", action="fetch")
    await asyncio.to_thread(log_event, "four", action="fetch")
    assert capsys.readouterr().err == "three\nfour\n"


def test_the_end_of_a_loop_leaves_no_line_behind(capsys: pytest.CaptureFixture[str]) -> None:
    async def end() -> None:
        log_event("last", action="fetch")

    configure_logging(LogFormat.text, _hide, stamped=False)
    for _ in range(2):
        asyncio.run(end())
        assert capsys.readouterr().err == "last\n"


def test_a_stream_that_is_closed_stops_nobody() -> None:
    stream = io.StringIO()
    configure_logging(LogFormat.text, _hide)
    handler = ROOT.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    stream.close()
    log_event("one", action="fetch")


def test_update_logs_json_where_asked(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))}, {"id": "two", "feed": origin.url})
    lines = {
        record["source"]: record
        for record in map(json.loads, site.run("update", "--log-format", "json").stderr.splitlines())
    }
    assert (lines["one"]["status"], lines["one"]["entries"]) == ("ok", 1)
    assert (lines["two"]["status"], lines["two"]["kind"], lines["two"]["level"]) == ("failed", "http_status", "warning")
    assert "entries" not in lines["two"]


def test_traceback_has_nothing_that_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    for form in LogFormat:
        configure_logging(form, _hide)
        try:
            raise ValueError("\x1b[2J \x9b \u202e")
        except ValueError:
            logging.getLogger("aggregator.x").exception("unexpected \u202e")
        text = capsys.readouterr().err
        assert "ValueError" in text
        assert all(character.isprintable() or character == "\n" for character in text)


def test_what_libraries_complain_of_is_a_line_like_others(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogFormat.json, _hide)
    others = logging.lastResort
    assert others is not None
    assert others.level == logging.WARNING
    others.handle(logging.LogRecord("lib", logging.WARNING, "x.py", 1, "at http://s3cret/\x9b", None, None))
    record = json.loads(capsys.readouterr().err)
    assert (record["level"], record["message"]) == ("warning", "at http://***/\x9b")
