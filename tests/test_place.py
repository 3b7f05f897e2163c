"""Where the database is: what the environment and feeds.yaml may say, and what messages show of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import load
from aggregator.config.database import database_of
from aggregator.errors import ConfigError
from aggregator.place import (
    DATABASE,
    VARIABLE,
    connection_string,
    from_environment,
    is_server,
    passwords,
    place_of,
    shown,
)
from tests.support import Site

PASSWORD = "tiger,lily"  # noqa: S105 (it opens nothing)
URI = "postgresql://scott:tiger%2Clily@db.example:5433/feeds"

#: Connection strings, and what is shown of them.
GOOD = {
    URI: "postgresql://db.example:5433/feeds",
    "postgres://db.example/feeds": "postgresql://db.example/feeds",
    "postgresql://": "postgresql:///",
    "postgresql:///feeds?host=/run/pg&port=5433": "postgresql:///feeds?host=/run/pg&port=5433",
    "postgresql://scott@%2Frun%2Fpg/feeds": "postgresql:///feeds?host=/run/pg",
    "postgresql:///feeds?host=@abstract": "postgresql:///feeds?host=@abstract",
    "postgresql:///?service=mine": "postgresql:///?service=mine",
    "service=mine": "postgresql:///?service=mine",
    "host=db.example dbname=feeds password='tiger,lily'": "postgresql://db.example/feeds",
    "postgresql://one,two:5433/feeds?target_session_attrs=read-write": "postgresql://one,two:5433/feeds",
    "postgresql://[::1]:5433/feeds": "postgresql://[::1]:5433/feeds",
    "postgresql://db.example/feeds?password=tiger,lily&sslmode=require": "postgresql://db.example/feeds",
}
#: What is none, and a part of what is said.
BAD = {
    "": "is empty; write a PostgreSQL URI",
    "mysql://scott:tiger,lily@db.example/feeds": "`mysql:` is not supported; use PostgreSQL",
    "sqlite:///data/x.db": "SQLite needs no setting: its file is aggregator.db in the data folder",
    "postgresql+psycopg://db.example/feeds": "must begin with `postgresql://`",
    "POSTGRESQL://db.example/feeds": "must begin with `postgresql://`",
    "postgresql:/feeds": "must begin with `postgresql://`",
    "tiger,lily": "is no PostgreSQL URI",
    "/var/lib/feeds.db": "is no PostgreSQL URI",
    "postgresql://scott:tiger,lily@rose@db.example/feeds": "more than one `@`",
    "postgresql://scott:tiger,lily/rose@db.example/feeds": "has a port that is no number",
    "postgresql://db.example:70000/feeds": "has a port that is no number from 1 to 65535",
    "postgresql://scott:tiger,lily%zz@db.example/feeds": "invalid percent-encoded token; in a user name",
    "postgresql://db.example/feeds?sslmood=require": "invalid URI query parameter `sslmood`",
    "host=db.example pasword=tiger,lily": "invalid connection option `pasword`",
    "postgresql://db.example/fe\neds": "must be one line without control characters",
    f"postgresql://{'x' * 5000}/": "is longer than 4096 characters",
}


@pytest.mark.parametrize("text", GOOD)
def test_connection_strings_are_taken_as_libpq_reads_them(text: str) -> None:
    assert connection_string(f" {text}\n") == text
    assert is_server(text)
    assert shown(text) == GOOD[text]


@pytest.mark.parametrize("text", BAD)
def test_what_is_none_is_told_without_a_password(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(BAD[text])) as caught:
        connection_string(text)
    assert "tiger" not in str(caught.value)
    assert "lily" not in str(caught.value)


@given(st.text(max_size=60), st.sampled_from(["", "postgresql://", "postgresql://u:pw@h/", "host=", "service="]))
def test_any_text_is_a_connection_string_or_a_mistake(text: str, start: str) -> None:
    try:
        assert shown(connection_string(start + text)).startswith("postgresql://")
    except ValueError as error:
        assert str(error)


def test_passwords_are_known_unless_they_are_names() -> None:
    assert passwords(URI) == {PASSWORD}
    assert passwords("postgresql://h/d?password=x1y2&sslpassword=z3") == {"x1y2", "z3"}
    assert passwords("postgresql://feeds:feeds@h/d") == frozenset()
    assert passwords(Path("data/aggregator.db")) == passwords(None) == frozenset()


def test_without_psycopg_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ValueError, match="install this program with the extra `postgres`: pip install"):
        connection_string(URI)
    assert shown(URI) == "the PostgreSQL database"


def test_the_environment_comes_first_and_the_file_last() -> None:
    data = Path("data")
    assert place_of(data, None) == data / DATABASE
    assert place_of(data, "service=a") == "service=a"
    assert place_of(data, "service=a", {VARIABLE: "service=b"}) == "service=b"
    assert place_of(data, "service=a", {VARIABLE: " "}) == "service=a"
    with pytest.raises(ConfigError, match=rf"^{VARIABLE}: `mysql:` is not supported"):
        from_environment({VARIABLE: "mysql://x"})


# -- feeds.yaml --------------------------------------------------------------------------------------------------------


def configured(site: Site, value: Any) -> Path:
    site.configure({"id": "one", "feed": "https://a.example/"}, database=value)
    return site.config


def test_feeds_yaml_names_it_best_by_reference(site: Site) -> None:
    config = load(configured(site, "${env:DB}"), {"DB": URI})
    assert config.database == URI
    assert config.notes == ()
    assert database_of(site.config, {"DB": URI}) == URI
    assert load(site.config, {"DB": URI, VARIABLE: "service=other"}).database == "service=other"
    site.folder.joinpath("secret").write_text(f"{URI}\n")
    assert load(configured(site, "${file:secret}"), {}).database == URI


def test_its_password_is_hidden_but_not_taken_out_of_what_sources_say(site: Site) -> None:
    config = load(configured(site, "${env:DB}"), {"DB": URI})
    assert config.secrets == {PASSWORD}
    # Otherwise posts would differ from those of another database, with a weak password by many words.
    assert config.confidential == frozenset()


def test_a_password_that_is_written_out_deserves_a_look(site: Site) -> None:
    (note,) = load(configured(site, URI), {}).notes
    assert (note.path, note.line) == ("database", 1)
    assert str(note).endswith("a password is written out here; write the whole value as a reference: `${env:NAME}`")
    assert load(configured(site, "postgresql://scott@db.example/feeds"), {}).notes == ()
    assert load(configured(site, "postgresql://scott:${env:PW}@h/feeds"), {"PW": "x1y2"}).notes == ()


@pytest.mark.parametrize("read", [load, database_of])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("mysql://scott:tiger,lily@h/d", "`mysql:` is not supported"),
        ("${env:NONE}", "the environment has no variable `NONE`"),
        (["tiger,lily"], "must be a PostgreSQL URI"),
        (12, "must be a PostgreSQL URI"),
    ],
)
def test_a_mistake_has_its_line(site: Site, read: Any, value: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(configured(site, value), {})
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == ("database", 1)
    assert said in problem.message
    assert "tiger" not in problem.message


def test_where_it_is_can_be_read_from_a_file_with_other_mistakes(site: Site) -> None:
    site.config.write_text("database: service=mine\nsourcs: [x]\nsite: 3\n")
    assert database_of(site.config, {}) == "service=mine"
    site.config.write_text("x-place: &place '${env:DB}'\ndatabase: *place\n")
    assert database_of(site.config, {"DB": URI}) == URI
    site.config.write_text("sources: []\n  - this is no YAML")
    assert database_of(site.config, {}) is None
    site.config.write_text("# The database is elsewhere.\ndatabase:\nsources: []\n")
    assert database_of(site.config, {}) is None
    site.config.unlink()
    assert database_of(site.config, {}) is None
