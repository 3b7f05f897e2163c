"""Commands about stored items: list, show, explain, review, replay, rules test, outputs, not-duplicate."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.origin import Origin
from tests.support import Done, Site, item, rss

ITEMS = [
    item(1, title="Rust 1.90 is out", link="https://example.org/1?utm_source=feed"),
    item(2, title="Sponsored: buy this"),
    item(3, title="Kubernetes news"),
    item(4, title="Long", description="word " * 300),
]
RULES: list[dict[str, Any]] = [
    {"drop": {"title": ["sponsored"]}},
    {"hold": {"title": "kubernetes"}},
    {"also_in": ["deep"], "when": "words > 200"},
    {"tag": ["never"], "when": 'source == "nobody"'},
]
OUTPUTS = {"rust": {"title": "Rust", "where": 'title.contains("Rust")'}, "mine": {"title": "Mine", "private": True}}


def configure(site: Site, origin: Origin, **sections: Any) -> None:
    url = origin.route("/feed", rss(ITEMS))
    site.configure({"feed": url, "id": "s"}, **{"categories": {"news": "News", "deep": "Deep"}, **sections})


@pytest.fixture
def ruled(site: Site, origin: Origin) -> Site:
    """A site whose items were all stored under the rules."""
    configure(site, origin, rules=RULES, outputs=OUTPUTS)
    done = site.run("update")
    assert done.status == 0, done.stderr
    return site


def listed(site: Site, *arguments: str) -> dict[str, str]:
    """The states of the listed items, by title."""
    return {row["title"]: row["state"] for row in as_json(site.run("list", "--json", *arguments))}


def as_json(done: Done) -> Any:
    assert done.status == 0, done.stderr
    return json.loads(done.stdout)


def feed(site: Site, slug: str) -> str:
    return (site.data / "public" / slug / "rss.xml").read_text(encoding="utf-8")


# -- list and show -----------------------------------------------------------------------------------------------------


def test_the_list_has_every_item_with_its_state(ruled: Site) -> None:
    states = {
        "Long": "published",
        "Kubernetes news": "held",
        "Sponsored: buy this": "dropped",
        "Rust 1.90 is out": "published",
    }
    assert listed(ruled) == states
    assert list(listed(ruled, "-n", "2")) == ["Long", "Kubernetes news"]
    assert list(listed(ruled, "--state", "dropped")) == ["Sponsored: buy this"]
    assert list(listed(ruled, "--output", "rust")) == ["Rust 1.90 is out"]
    assert list(listed(ruled, "--output", "deep")) == ["Long"]
    assert list(listed(ruled, "--where", 'title.startsWith("S") || words > 200')) == ["Long", "Sponsored: buy this"]
    assert listed(ruled, "--since", "30d", "--source", "s", "--category", "news") == states
    shown = ruled.run("list").stdout.splitlines()
    assert re.split(r"  +", shown[0].strip()) == ["item", "published", "state", "source", "category", "title"]
    assert "2026-01-04 10:00  held" in shown[2]
    assert ruled.run("list", "--state", "draft").stdout == "no such item is stored\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--where", "titel == 'x'"), "--where: "),
        (("--where", "title =="), "--where: "),
        (("--state", "gone"), "--state: there is no 'gone'; known are: published"),
        (("--category", "nes"), "--category: there is no 'nes'; known are: news, deep"),
        (("--output", "rusty"), "--output: there is no 'rusty'"),
        (("--since", "soon"), "--since: "),
    ],
)
def test_wrong_options_are_usage_errors(ruled: Site, arguments: tuple[str, str], message: str) -> None:
    done = ruled.run("list", *arguments)
    assert done.status == 2
    assert message in done.stderr


def test_an_item_is_shown_as_published_and_as_its_source_gave_it(ruled: Site) -> None:
    found = as_json(ruled.run("show", "rust 1.90", "--json"))
    assert found["entry"]["url"] == "https://example.org/1"
    assert found["before_rules"] == {"url": "https://example.org/1?utm_source=feed"}
    assert "url was       https://example.org/1?utm_source=feed\n" in ruled.run("show", "rust 1.90").stdout


def test_an_item_is_found_by_whatever_names_it(ruled: Site) -> None:
    row = as_json(ruled.run("list", "--json", "--output", "rust"))[0]
    post = next(path for path in ruled.posts() if "Rust" in path)
    for name in (
        str(row["number"]),
        f"#{row['number']}",
        row["id"],
        "https://example.org/1?utm_source=feed",
        "rust out",
        post,
        str(ruled.data / "posts" / post),
    ):
        assert as_json(ruled.run("show", name, "--json"))["title"] == "Rust 1.90 is out", name


def test_what_is_not_there_or_not_clear_is_said(ruled: Site) -> None:
    done = ruled.run("explain", "nothing like it")
    assert (done.status, done.stdout) == (2, "")
    assert "there is no such item" in done.stderr
    done = ruled.run("show", "o")
    assert done.status == 2
    assert "several items fit; name one by its number:\n  " in done.stderr


def test_without_a_database_nothing_is_found(site: Site, origin: Origin) -> None:
    configure(site, origin)
    assert site.run("list").stdout == "no such item is stored\n"
    done = site.run("explain", "x")
    assert (done.status, "has no database yet" in done.stderr) == (2, True)
    assert site.run("rules", "test").stdout == "0 items judged; nothing was changed\n"
    assert site.run("replay").stdout == "0 items judged; nothing differs\n"
    assert site.run("review").stdout == "Nothing waits for review.\n"
    assert not site.data.exists()


# -- explain -----------------------------------------------------------------------------------------------------------


def test_what_came_of_an_item_is_explained(ruled: Site) -> None:
    found = as_json(ruled.run("explain", "sponsored", "--json"))
    assert (found["state"], found["posts"]) == ("dropped", [])
    assert [(one["place"], one["number"], one["what"]) for one in found["rules"]] == [
        ("site", 1, "dropped: `sponsored` in title")
    ]
    assert {one["output"]: one["shown"] for one in found["outputs"]} == dict.fromkeys(
        ("news", "all", "rust", "mine"), False
    )
    found = as_json(ruled.run("explain", "long", "--json"))
    assert {one["output"]: one["shown"] for one in found["outputs"]} == {
        "news": True,
        "deep": True,
        "all": True,
        "rust": False,
        "mine": True,
    }
    assert found["posts"] == [f"posts/{path}" for path in ruled.posts() if "Long" in path]
    text = ruled.run("explain", "long").stdout
    assert "site, rule 1, drop: {title: [sponsored]}: leaves it as it is" in text
    assert "site, rule 3, also_in: [deep]" in text
    assert "is not applied (`when` does not hold)" in text
    assert "not in rust: " in text
    assert "in deep: it is among the items that the feed shows" in text


def test_every_item_has_an_explanation_that_agrees_with_the_feeds(ruled: Site) -> None:
    slugs = ["news", "deep", "all", "rust"]
    for row in as_json(ruled.run("list", "--json")):
        found = as_json(ruled.run("explain", str(row["number"]), "--json"))
        shown = {one["output"] for one in found["outputs"] if one["shown"]} - {"mine"}
        assert shown == {slug for slug in slugs if row["title"] in feed(ruled, slug)}, row["title"]
        assert found["rules_have_changed"] is False


def test_what_rules_and_persons_say_now_is_no_reason_why_an_item_is_not_there(ruled: Site, origin: Origin) -> None:
    def why(title: str) -> dict[str, str]:
        done = ruled.run("explain", title)
        assert "The rules have changed since it was judged, or a person decided since" in done.stdout
        found = as_json(ruled.run("explain", title, "--json"))
        return {one["output"]: one["why"] for one in found["outputs"] if not one["shown"]}

    assert ruled.run("review", "--publish", "Kubernetes").status == 0
    assert why("Kubernetes")["mine"] == "it waits for `aggregator review`"
    configure(ruled, origin, rules=[{"title": "Rust, {title}"}], outputs=OUTPUTS)
    assert why("Long")["rust"] == "it was not a member when it was judged last"


def test_a_removed_item_is_remembered(ruled: Site, origin: Origin) -> None:
    post = next(path for path in ruled.posts() if "Rust" in path)
    configure(ruled, origin, rules=RULES, outputs=OUTPUTS, retention={"count": 1})
    ruled.run("update")
    done = ruled.run("explain", post)
    assert done.status == 1
    assert "was stored once and was removed" in done.stderr


# -- rules test and replay ---------------------------------------------------------------------------------------------


def test_rules_are_tried_on_what_is_stored(site: Site, origin: Origin) -> None:
    configure(site, origin)
    site.run("update")
    before = site.stamps()
    configure(site, origin, rules=RULES)
    found = as_json(site.run("rules", "test", "--json"))
    assert (found["judged"], found["verdicts"]) == (4, {"published": 2, "dropped": 1, "held": 1})
    assert [(one["rule"], one["applied"], one["hits"]) for one in found["rules"]] == [
        ("drop", 4, 1),
        ("hold", 3, 1),
        ("also_in", 3, 1),
        ("tag", 3, 0),
    ]
    assert found["rules"][0]["examples"][0]["title"] == "Sponsored: buy this"
    # That a `when` does not hold is nothing that went wrong.
    assert [one["notes"] for one in found["rules"]] == [[]] * 4
    text = site.run("rules", "test", "--since", "1h").stdout
    assert "1 rule did nothing: site 4\n" in text
    assert "4 items judged: 1 dropped, 1 held, 2 published; nothing was changed\n" in text
    assert (site.stamps(), set(listed(site).values())) == (before, {"published"})


def test_changed_rules_are_applied_to_what_is_stored_by_request(site: Site, origin: Origin) -> None:
    configure(site, origin)
    site.run("update")
    posts = site.posts()
    configure(site, origin, rules=RULES)
    done = site.run("update", "--all")
    assert "rules or categories have changed; stored items are as before: `aggregator replay`" in done.stdout
    assert site.posts() == posts
    shown = as_json(site.run("replay", "--json"))
    assert (shown["applied"], shown["counts"]) == (False, {"dropped": 1, "held": 1, "outputs": 1})
    assert shown["outputs"] == {"deep": {"joined": 1, "left": 0, "altered": 0}}
    assert site.posts() == posts
    applied = as_json(site.run("replay", "--apply", "--json"))
    assert {**applied, "applied": False} == shown
    done = site.run("update")
    assert "have changed" not in done.stdout
    assert sorted(path.split("/")[-1] for path in site.posts()) == ["Long.md", "Rust-1.90-is-out.md"]
    assert "Long" in feed(site, "deep")
    assert "Sponsored" not in feed(site, "all")
    assert "nothing differs" in site.run("replay").stdout
    configure(site, origin)
    assert "published again" in site.run("replay", "--apply").stdout
    site.run("update")
    assert site.posts() == posts


# -- review ------------------------------------------------------------------------------------------------------------


def test_held_items_are_listed_and_decided_on(ruled: Site) -> None:
    assert "1 item to review; decide with: aggregator review ITEM --publish, or --drop" in ruled.run("review").stdout
    assert [row["title"] for row in as_json(ruled.run("review", "--json"))] == ["Kubernetes news"]
    done = ruled.run("review", "kubernetes", "--category", "deep")
    assert done.stdout == "Published in deep: 1 item; the next publication carries it out.\n"
    ruled.run("publish")
    assert "Kubernetes" in feed(ruled, "deep")
    assert "deep/Kubernetes-news.md" in ruled.posts()
    assert ruled.run("review").stdout == "Nothing waits for review.\n"
    # It holds when rules change, and until it is taken back.
    assert "nothing differs" in ruled.run("replay", "--apply").stdout
    ruled.run("review", "kubernetes", "--undo")
    ruled.run("publish")
    assert listed(ruled)["Kubernetes news"] == "held"
    assert "Kubernetes" not in feed(ruled, "all")
    assert "deep/Kubernetes-news.md" not in ruled.posts()
    assert "Dropped 1 item" in ruled.run("review", "--all", "--drop").stdout
    ruled.run("publish")
    assert listed(ruled)["Kubernetes news"] == "dropped"


@pytest.mark.parametrize(
    "arguments",
    [
        ("x", "--publish", "--drop"),
        ("x",),
        ("--publish",),
        ("x", "--all", "--publish"),
        ("x", "--drop", "--category", "deep"),
        ("x", "--category", "none"),
    ],
)
def test_a_review_says_what_is_to_be_done(ruled: Site, arguments: tuple[str, ...]) -> None:
    assert ruled.run("review", *arguments).status == 2
    assert listed(ruled)["Kubernetes news"] == "held"


def test_a_source_can_be_reviewed_as_a_whole(site: Site, origin: Origin) -> None:
    url = origin.route("/feed", rss(ITEMS[:2]))
    site.configure({"feed": url, "id": "s", "review": True})
    site.run("update")
    assert site.posts() == {}
    assert re.search(r"review +held, because the source has `review: true`", site.run("explain", "Rust 1.90").stdout)
    assert site.run("rules", "test").status == 0
    assert "Published 2 items" in site.run("review", "--all", "--publish").stdout
    site.run("publish")
    assert len(site.posts()) == 2


# -- outputs and duplicates --------------------------------------------------------------------------------------------


def test_outputs_are_listed_with_their_addresses(ruled: Site) -> None:
    def private() -> str:
        rows = {row["output"]: row for row in as_json(ruled.run("outputs", "--json"))}
        assert {slug: row["kind"] for slug, row in rows.items()} == {
            "news": "category",
            "deep": "category",
            "all": "all",
            "rust": "output",
            "mine": "output",
        }
        assert rows["rust"]["addresses"]["rss"] == "https://feeds.example.org/rust/rss.xml"
        return str(rows["mine"]["addresses"]["atom"]).removeprefix("https://feeds.example.org/")

    first = private()
    assert (ruled.data / "public" / first).is_file()
    done = ruled.run("outputs", "--new-path", "mine")
    assert done.status == 0
    second = private()
    assert first != second
    ruled.run("publish")
    assert not (ruled.data / "public" / first).exists()
    assert (ruled.data / "public" / second).is_file()
    assert ruled.run("outputs", "--new-path", "rust").status == 2


def test_two_items_are_no_duplicates_if_a_person_says_so(site: Site, origin: Origin) -> None:
    urls = [origin.route(f"/{name}", rss([item(1)], title=name)) for name in ("a", "b")]
    site.configure(*({"feed": url, "id": url[-1]} for url in urls), duplicates="url")
    site.run("update")
    assert sorted(row["state"] for row in as_json(site.run("list", "--json"))) == ["copy", "published"]
    copy = next(row["number"] for row in as_json(site.run("list", "--json", "--state", "copy")))
    other = next(row for row in as_json(site.run("list", "--json", "--state", "published")))
    assert f"copy of     {other['number']}, Item 1 ({other['source']})" in site.run("explain", str(copy)).stdout
    assert site.run("not-duplicate", str(copy), str(copy)).status == 2
    assert site.run("not-duplicate", str(copy), str(other["number"])).status == 0
    site.run("publish")
    assert [row["state"] for row in as_json(site.run("list", "--json"))] == ["published", "published"]
