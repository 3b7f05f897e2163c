"""`aggregator move` and `rename`: the category and the name of a source in feeds.yaml."""

from __future__ import annotations

import pytest

from tests.origin import Origin
from tests.support import Done, Site, command, item, rss

TEXT = """\
# mine
site: {{title: Test, url: "https://feeds.example.org/"}}
fetch: {{allow_private_addresses: [127.0.0.0/8], interval: 1h}}
categories:
  news: News   # daily
  tech: {{title: Technik, interval: 3h, retention: {{count: 3}}}}
sources:
  # the first
  - name: One   # a name
    category: news
    feed: {one}
  - {{feed: {two}, id: two}}
"""


@pytest.fixture
def written(site: Site, origin: Origin) -> str:
    """feeds.yaml with two sources; returns its text."""
    urls = {name: origin.route(f"/{name}", rss([item(1)], title=name)) for name in ("one", "two")}
    site.config.write_bytes(TEXT.format(**urls).encode())
    return TEXT.format(**urls)


def run(site: Site, *arguments: str) -> Done:
    return command(*arguments, "--config", str(site.config))


def text_of(site: Site) -> str:
    return site.config.read_bytes().decode()


@pytest.mark.parametrize("category", ["tech", "Technik", "TECHNIK", " tech "])
def test_a_source_moves_to_a_category_by_slug_or_title(site: Site, written: str, category: str) -> None:
    done = run(site, "move", "one", category)
    assert (done.status, done.stdout) == (0, f"Moved one to tech in {site.config}.\n")
    assert text_of(site) == written.replace("category: news", "category: tech")
    again = run(site, "move", "one", category)
    assert (again.status, again.stdout) == (0, "one is in tech already.\n")


def test_what_is_stored_follows_and_feeds_change(site: Site, written: str) -> None:
    assert site.run("update").status == 0
    posts = site.posts()
    assert b"/1<" in site.public()["news/rss.xml"]
    assert run(site, "move", "one", "tech").status == 0
    assert site.run("publish").status == 0
    assert b"/1<" in site.public()["tech/rss.xml"]
    assert b"/1<" not in site.public()["news/rss.xml"]
    assert site.posts().keys() == posts.keys()
    assert site.status()["one"]["entries"] == 1


def test_a_missing_category_is_added(site: Site, written: str) -> None:
    done = run(site, "move", "two", "Science: all of it")
    said = f"Moved two to science-all-of-it in {site.config}, a new category: Science: all of it.\n"
    assert (done.status, done.stdout) == (0, said)
    assert text_of(site) == written.replace(
        "count: 3}}\n", "count: 3}}\n  science-all-of-it: 'Science: all of it'\n"
    ).replace(", id: two}", ", category: science-all-of-it, id: two}")
    assert run(site, "check").status == 0


def test_a_source_leaves_all_categories(site: Site, written: str) -> None:
    done = run(site, "move", "one", "uncategorized")
    assert (done.status, done.stdout) == (0, f"Moved one to uncategorized in {site.config}.\n")
    assert text_of(site) == written.replace("    category: news\n", "")
    assert run(site, "move", "two", "uncategorized").stdout == "two is in uncategorized already.\n"


@pytest.mark.parametrize(
    ("name", "shown"), [("Two: new", "'Two: new'"), ("  Zwei \n drei ", "Zwei drei"), ("新", "新")]
)
def test_a_source_gets_a_name(site: Site, written: str, name: str, shown: str) -> None:
    done = run(site, "rename", "two", name)
    assert (done.status, done.stdout) == (0, f"Renamed two to {' '.join(name.split())} in {site.config}.\n")
    assert text_of(site) == written.replace(", id: two}", f", name: {shown}, id: two}}")


def test_an_id_made_from_the_name_changes_with_it_and_what_is_stored_stays(site: Site, written: str) -> None:
    assert site.run("update").status == 0
    done = run(site, "rename", "one", "Another")
    assert done.stdout.splitlines() == [
        f"Renamed one to Another in {site.config}.",
        "the id one, made from the name, becomes another; its entries stay with it",
    ]
    assert text_of(site) == written.replace("name: One ", "name: Another ")
    assert run(site, "rename", "another", "Another").stdout == "another has that name already.\n"
    assert site.run("publish").status == 0
    assert site.status()["another"]["entries"] == 1


def test_a_name_goes(site: Site, written: str) -> None:
    done = run(site, "rename", "one", "")
    assert done.stdout.splitlines()[0] == f"Removed the name of one from {site.config}."
    assert text_of(site) == written.replace("- name: One   # a name\n    category", "- category")
    assert run(site, "rename", "two", " ").stdout == "two has no name of its own.\n"


@pytest.mark.parametrize("call", [("move", "onee", "tech"), ("rename", "onee", "x")])
def test_a_source_that_is_not_there_is_named(site: Site, written: str, call: tuple[str, ...]) -> None:
    done = run(site, *call)
    assert (done.status, text_of(site)) == (2, written)
    assert "onee: there is no such source; did you mean 'one'" in done.stderr


@pytest.mark.parametrize(
    ("call", "why"), [(("rename", "two", "x" * 501), "longer than 500"), (("rename", "two", "a\x07b"), "control")]
)
def test_a_name_that_cannot_be_one_changes_nothing(site: Site, written: str, call: tuple[str, ...], why: str) -> None:
    done = run(site, *call)
    assert (done.status, text_of(site)) == (2, written)
    assert why in done.stderr


def test_what_only_a_person_can_edit_is_left_alone(site: Site) -> None:
    text = "sources:\n- feed: https://${lang}.example/\n  for: {lang: [en, de]}\n"
    site.config.write_text(text, encoding="utf-8")
    for call in (("move", "en-example", "tech"), ("rename", "de-example", "x")):
        done = run(site, *call)
        assert (done.status, text_of(site)) == (2, text)
        assert "edit it by hand" in done.stderr
