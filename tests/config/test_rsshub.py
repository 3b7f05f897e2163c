"""Routes of RSSHub in feeds.yaml, and the instances that have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import Config, load, schema_text
from aggregator.config.editing import check_edit, remove_source, set_paused
from aggregator.config.rsshub import route
from aggregator.errors import ConfigError
from aggregator.fetch import addresses
from aggregator.models import Source
from aggregator.sources.rsshub import Instance, RsshubRules, access_code

KEY = "sesame-of-the-test"
SCHEMA = json.loads(schema_text())


def loaded(folder: Path, sources: list[Any], environ: dict[str, str] | None = None, **rsshub: Any) -> Config:
    path = folder / "feeds.yaml"
    whole = {**({"rsshub": rsshub} if rsshub else {}), "sources": sources}
    jsonschema.validate(whole, SCHEMA)
    path.write_text(json.dumps(whole), encoding="utf-8")
    return load(path, environ or {})


def rules_of(source: Source) -> RsshubRules:
    assert isinstance(source.rules, RsshubRules)
    return source.rules


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("/ofweek/news", "rsshub://ofweek/news"),
        (" rsshub://ofweek/news ", "rsshub://ofweek/news"),
        ("RSSHub://ofweek/news", "rsshub://ofweek/news"),
        ("/ofweek/news?limit=5&filter=a%20b", "rsshub://ofweek/news?limit=5&filter=a%20b"),
        ("/zhihu/search/中文?filter=一|二", "rsshub://zhihu/search/%E4%B8%AD%E6%96%87?filter=%E4%B8%80%7C%E4%BA%8C"),
        ("/twitter/user/durov/readable=1&includeRts=0", "rsshub://twitter/user/durov/readable=1&includeRts=0"),
        ("/rsshub/transform/html/https%3A%2F%2Fx.example%2F/item=li", None),
        ("/x/a:b@c/d", "rsshub://x/a:b@c/d"),
        ("/x/?keys=1", "rsshub://x/?keys=1"),
    ],
)
def test_a_route_is_the_same_however_it_is_written(written: str, url: str | None) -> None:
    assert route(written) == (url or f"rsshub:/{written}")
    assert route(route(written)) == route(written)


@given(st.text(max_size=40), st.text(max_size=20))
def test_a_route_is_read_or_refused_and_then_sent_as_it_is(path: str, query: str) -> None:
    try:
        url = route(f"/{path}?{query}")
    except ValueError as error:
        assert "\n" not in str(error)
        return
    sent = f"https://a.example/{url.removeprefix('rsshub://')}"
    assert addresses.parse(sent).url == sent
    assert url == route(url)
    assert urlsplit(url).scheme == "rsshub"


def test_id_name_and_address_come_from_the_route(tmp_path: Path) -> None:
    routes = ["/ofweek/news", "rsshub://github/issue/DIYgod/RSSHub", {"route": "/x/中文"}, "/ofweek/news?limit=5"]
    found = loaded(tmp_path, [{"rsshub": one} for one in routes], instances=["https://a.example"]).sources
    assert [one.id for one in found][:3] == ["ofweek-news-5988e9b9", "github-issue-diygod-rsshub", "x-中文"]
    assert [one.fallback_name == one.id and one.host is None for one in found] == [True] * 4
    assert [one.public_url for one in found] == [one.url for one in found]
    assert found[0].url == "rsshub://ofweek/news"


def test_instances_have_their_addresses_and_codes(tmp_path: Path) -> None:
    instances = ["https://a.example", {"url": "https://me:word@b.example/hub", "key": "other-sesame"}]
    (one,) = loaded(tmp_path, [{"rsshub": "/ofweek/news?limit=1"}], instances=instances, key=KEY).sources
    rules = rules_of(one)
    assert rules.servers == one.servers == ("https://a.example/", "https://b.example/hub/")
    assert rules.instances == (
        Instance("https://a.example/", "https://a.example/", access_code("rsshub://ofweek/news", KEY)),
        Instance(
            "https://me:word@b.example/hub/",
            "https://b.example/hub/",
            access_code("rsshub://ofweek/news", "other-sesame"),
        ),
    )


def test_the_access_code_is_the_one_of_the_documentation() -> None:
    assert access_code("rsshub://qdaily/column/59", "ILoveRSSHub") == "0f820530128805ffc10351f22b5fd121"
    assert access_code("rsshub://test/2?limit=1", "1L0veRSSHub") == access_code("rsshub://test/2", "1L0veRSSHub")


def test_a_source_has_instances_and_a_key_of_its_own(tmp_path: Path) -> None:
    own = {"route": "/x", "instances": ["https://b.example"]}
    sources = [
        {"rsshub": own},
        {"rsshub": {**own, "route": "/y", "key": "own"}},
        {"rsshub": {"route": "/z", "key": "own"}},
    ]
    found = loaded(tmp_path, sources, instances=["https://a.example"], key=KEY).sources
    codes = [rules_of(one).instances[0].code for one in found]
    # The key of the instances at the top is not for others.
    assert codes == [None, access_code("rsshub://y", "own"), access_code("rsshub://z", "own")]
    assert [one.servers for one in found] == [("https://b.example/",), ("https://b.example/",), ("https://a.example/",)]
    assert rules_of(found[0]).names == ("https://b.example/", "https://a.example/")
    alone = loaded(tmp_path, [{"rsshub": own}])
    assert alone.rsshub is None
    assert alone.sources[0].servers == ("https://b.example/",)


@pytest.mark.parametrize("written", [KEY, "${env:HUB_KEY}"])
def test_key_and_codes_are_secrets(tmp_path: Path, written: str) -> None:
    config = loaded(tmp_path, [{"rsshub": "/x"}], {"HUB_KEY": KEY}, instances=["https://a.example"], key=written)
    assert {KEY, access_code("rsshub://x", KEY)} <= config.secrets
    assert (KEY in config.confidential) is (written != KEY)
    (one,) = config.sources
    assert KEY not in repr(one)
    assert access_code("rsshub://x", KEY) not in repr(one)


def test_the_key_is_not_in_messages(tmp_path: Path) -> None:
    for wrong in ({"url": "https://a.example", "key": ["hidden-word"]}, {"url": 5, "key": {"hidden-word": 1}}):
        with pytest.raises(ConfigError) as caught:
            text = json.dumps({"rsshub": {"instances": [wrong]}, "sources": [{"rsshub": "/x"}]})
            load(tmp_path / "feeds.yaml", {}, text=text)
        assert "hidden-word" not in str(caught.value)


def test_a_template_makes_a_source_of_each_route(tmp_path: Path) -> None:
    entry = {"for": {"uid": ["1", "2"]}, "rsshub": "/bilibili/user/video/${uid}?limit=3"}
    found = loaded(tmp_path, [entry], instances=["https://a.example"]).sources
    assert [one.url for one in found] == [f"rsshub://bilibili/user/video/{uid}?limit=3" for uid in (1, 2)]
    assert len({one.id for one in found}) == 2


def test_the_file_can_be_edited(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    text = (
        "rsshub: {instances: [https://a.example]}\nsources:\n  - rsshub: /a/b  # first\n"
        "  - rsshub: {route: /c/d}\n  - feed: https://c.example/\n"
    )
    path.write_text(text, encoding="utf-8")
    config = load(path, {})
    paused = set_paused(text, 0, True)
    assert check_edit(config, paused, {}, paused={0: True}).sources[0].paused
    assert len(check_edit(config, remove_source(text, 1), {}, removed=[1]).sources) == 2
