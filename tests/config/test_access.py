"""The settings of a source's requests: read, checked, and hidden where they are secret."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from aggregator.config import Config, load, redact
from aggregator.errors import ConfigError
from aggregator.models import Access
from tests.origin import Origin
from tests.support import Site, item, rss


def read(tmp_path: Path, environ: dict[str, str] | None = None, **settings: Any) -> Config:
    path = tmp_path / "feeds.yaml"
    path.write_text(json.dumps({"sources": [{"feed": "https://example.org/feed", **settings}]}), encoding="utf-8")
    return load(path, environ or {})


def test_everything_together(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        headers={"X-Key": "abc", "Accept-Language": "en"},
        auth={"basic": {"user": "me", "password": "geheim"}},
        cookies={"session": "1234567"},
        proxy="http://me:pw@127.0.0.1:3128",
        user_agent="Other/2",
        tls={"verify": False, "until": "2027-01-31"},
    )
    assert config.sources[0].access == Access(
        headers=(("X-Key", "abc"), ("Accept-Language", "en")),
        authorization="Basic bWU6Z2VoZWlt",
        cookies=(("session", "1234567"),),
        proxy="http://me:pw@127.0.0.1:3128",
        user_agent="Other/2",
        unverified_until=date(2027, 1, 31),
    )


def test_a_bearer_token_may_come_from_the_environment(tmp_path: Path) -> None:
    config = read(tmp_path, {"TOKEN": "abc.def"}, auth={"bearer": "${env:TOKEN}"})
    assert config.sources[0].access.authorization == "Bearer abc.def"
    assert redact("token abc.def", config.secrets) == "token ***"


def test_nothing_is_the_default(tmp_path: Path) -> None:
    assert read(tmp_path).sources[0].access == Access()


def test_secrets_in_the_file_itself_are_hidden_as_well(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        headers={"X-Key": "key-1", "Accept-Language": "en-GB"},
        auth={"basic": {"user": "someone", "password": "geheim"}},
        cookies={"session": "cookie-1"},
    )
    shown = redact("key-1 en-GB someone geheim cookie-1 c29tZW9uZTpnZWhlaW0=", config.secrets)
    assert shown == "*** en-GB someone *** *** ***"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"headers": {"Cookie": "x"}}, "`cookies`"),
        ({"headers": {"Authorization": "x"}}, "`auth`"),
        ({"headers": {"user-agent": "x"}}, "`user_agent`"),
        ({"headers": {"Host": "x"}}, "by the program itself"),
        ({"headers": {"If-None-Match": "x"}}, "by the program itself"),
        ({"headers": {"A B": "x"}}, "not a header name"),
        ({"headers": {"X": "a\nb"}}, "printable ASCII"),
        ({"headers": {"X": 1}}, "printable ASCII"),
        ({"cookies": {"a;b": "x"}}, "not a cookie name"),
        ({"cookies": {"a": "x; b=2"}}, "without spaces"),
        ({"auth": {}}, "one of `basic` and `bearer`"),
        ({"auth": {"bearer": "x", "basic": {"user": "a", "password": "b"}}}, "one of `basic` and `bearer`"),
        ({"auth": {"bearer": "a b"}}, "a token"),
        ({"auth": {"basic": {"user": "a:b", "password": "b"}}}, "`:`"),
        ({"auth": {"basic": {"user": "a", "password": "b\u0000"}}}, "one line"),
        ({"auth": {"basic": {"user": "a"}}}, "`password` is missing"),
        ({"proxy": "socks5://127.0.0.1"}, "`https://` or `http://`"),
        ({"tls": {"verify": False}}, "`until` is missing"),
        ({"tls": {"verify": False, "until": "soon"}}, "not a date"),
        ({"tls": {"verify": True, "until": "2027-01-01"}}, "must be `false`; certificates are checked"),
    ],
)
def test_invalid_settings_are_reported(tmp_path: Path, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, **settings)
    assert says in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_secret_in_an_error_reaches_neither_the_terminal_nor_the_database(site: Site, origin: Origin) -> None:
    serve = origin.url + "/old"
    origin.route("/old", b"", status=302, headers={"Location": "/login?key=key-number-1"})
    site.configure({"id": "one", "feed": serve, "headers": {"X-Key": "key-number-1"}})
    done = site.run("update")
    assert done.status == 1
    assert "key-number-1" not in done.stdout + done.stderr
    error = site.status()["one"]["error"]
    assert "***" in error
    assert b"key-number-1" not in (site.data / "aggregator.db").read_bytes()
    origin.route("/old", rss([item(1)]))
    assert site.run("update", "--all").status == 0
    assert origin.asked("/old")[-1].headers["x-key"] == "key-number-1"


def test_the_user_agent_names_the_operator(site: Site, origin: Origin) -> None:
    site.configure(
        {"feed": origin.route("/feed", rss([item(1)]))},
        fetch={"allow_private_addresses": True, "contact": "me@example.org"},
    )
    site.run("update")
    agent = origin.asked("/feed")[0].headers["user-agent"]
    assert agent.startswith("aggregator/")
    assert agent.endswith(" (+https://feeds.example.org/; me@example.org)")
