"""What is shown: nothing that a terminal would obey, and no secret, wherever it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import redact
from aggregator.values.terminal import as_json, printable, printable_lines
from tests.origin import Origin
from tests.support import Done, Site

#: CSI in eight bits, direction overrides and isolates, a line separator, a zero-width joiner, a lone surrogate.
OBEYED = "\x1b\x9b\x7f\u202e\u2066\u2069\u2028\u200d\ud800\U000e0001"

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters() | st.sampled_from(OBEYED)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_json_says_the_same_without_anything_that_is_obeyed(
    value: object, indent: int | None, ascii_only: bool
) -> None:
    text = as_json(value, str, indent=indent, ascii_only=ascii_only)
    assert json.loads(text) == value
    assert all(character.isprintable() or character == "\n" for character in text)
    assert indent or "\n" not in text
    assert text.isascii() or not ascii_only


@given(st.text(st.characters() | st.sampled_from(OBEYED + "\n\t")))
def test_text_has_nothing_that_is_obeyed(text: str) -> None:
    assert printable(text).isprintable()
    lines = printable_lines(text)
    assert all(character.isprintable() or character in "\n\t" for character in lines)
    assert len(lines) == len(text)


def test_what_can_be_seen_stays_as_it_is() -> None:
    assert as_json({"title": "Größe 新闻 “q” 😀"}, str) == '{"title": "Größe 新闻 “q” 😀"}'


def test_secrets_are_hidden_before_they_are_escaped() -> None:
    key = 'a"b\\c\x9b'
    assert as_json(["x " + key, {"y": (key, Path("/" + "p"))}], lambda text: text.replace(key, "***")) == (
        '["x ***", {"y": ["***", "/p"]}]'
    )


def test_a_secret_is_hidden_in_the_small_letters_of_a_host() -> None:
    assert redact("at abc-d.example, AbC-d", frozenset(["AbC-d"])) == "at ***.example, ***"


def _commands(site: Site) -> dict[str, Done]:
    """What every command that shows something of a source says."""
    return {
        " ".join(arguments): site.run(*arguments)
        for arguments in (
            ("update", "--all"),
            ("update", "--all", "--log-format", "json"),
            ("update", "--all", "--dry-run"),
            ("status",),
            ("status", "--json"),
            ("health",),
            ("health", "--json", "--max-failing", "0"),
            ("etiquette",),
            ("etiquette", "--json"),
            ("fix",),
            ("check",),
            ("publish",),
        )
    }


def test_no_command_shows_what_a_terminal_would_obey(site: Site, origin: Origin) -> None:
    rubbish = f"no feed {OBEYED}".encode("utf-8", "surrogatepass")
    titled = f"<rss version='2.0'><channel><title>t{OBEYED[1:-2]}</title></channel></rss>".encode()
    site.configure(
        {"id": "bad", "feed": origin.route("/x", rubbish, content_type="text/plain; charset=utf-8")},
        {"id": "titled", "feed": origin.route("/y", titled, content_type="application/xml")},
    )
    said = _commands(site)
    for name, done in said.items():
        for text in (done.stdout, done.stderr):
            assert all(c.isprintable() or c == "\n" for c in text), name
    assert "no feed" in json.loads(said["status --json"].stdout)[0]["error"]


def test_no_command_shows_a_secret_in_a_host(
    site: Site, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORIGIN", "127.0.0.1")
    (tmp_path / "where").write_text(f"127.0.0.1:{origin.port}")
    told = tmp_path / "told"
    origin.route("/moved", status=301, headers={"Location": f"{origin.url}/nowhere"})
    site.configure(
        {"id": "one", "feed": f"http://${{env:ORIGIN}}:{origin.port}/one"},
        {"id": "two", "feed": "http://${file:where}/moved"},
        hooks={"on_problem": ["/bin/sh", "-c", f"(env | grep AGGREGATOR_; cat) >> {told}"], "after": 1},
    )
    for name, done in _commands(site).items():
        assert "127.0.0.1" not in done.stdout + done.stderr, name
        assert "Traceback" not in done.stderr
    assert {row["name"] for row in site.status().values()} == {"***"}
    hosts = {row["host"] for row in json.loads(site.run("etiquette", "--json").stdout)}
    assert hosts
    assert hosts <= {"***", f"***:{origin.port}"}
    assert "AGGREGATOR_URL=http://***" in told.read_text()
    assert "127.0.0.1" not in told.read_text()


def test_what_hosts_were_asked_is_shown_only_where_secrets_are_known(site: Site) -> None:
    done = site.run("etiquette")
    assert done.status == 2
    assert "feeds.yaml" in done.stderr
