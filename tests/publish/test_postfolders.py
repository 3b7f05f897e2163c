"""Posts in several folders, each with its preset: ids are shared, paths are kept, and nothing is overwritten."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import frontmatter
import pytest

from tests.origin import Origin
from tests.support import Site, item, read_tree, rss

HEXO: dict[str, Any] = {"folder": "posts"}
HUGO: dict[str, Any] = {"preset": "hugo", "folder": "hugo"}


@pytest.fixture
def feed(origin: Origin) -> dict[str, Any]:
    return {"id": "one", "feed": origin.route("/one", rss([item(1), item(2, title="C++ &amp; {{ x }}")]))}


def posts(site: Site, folder: str) -> dict[str, str]:
    return {name: data.decode() for name, data in read_tree(site.data / folder).items()}


def front(text: str) -> dict[str, Any]:
    return dict(frontmatter.loads(text).metadata)


def ids(site: Site) -> set[str]:
    return {one["id"] for one in json.loads(site.public()["news/feed.json"])["items"]}


def sql(site: Site, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(site.data / "aggregator.db")) as database, database:
        return database.execute(statement).fetchall()


def test_several_folders_have_the_same_posts_in_their_own_forms(site: Site, feed: dict[str, Any]) -> None:
    jekyll = {"preset": "jekyll", "folder": "site/_posts"}
    site.configure(feed, posts=[HEXO, HUGO, jekyll])
    done = site.run("update")
    assert done.status == 0, done.stderr
    assert set(posts(site, "posts")) == {"news/Item-1.md", "news/C++-&-{{-x-}}.md"}
    assert set(posts(site, "hugo")) == set(posts(site, "posts"))
    assert set(posts(site, "site/_posts")) == {"news/2026-01-02-Item-1.html", "news/2026-01-03-C++-&-{{-x-}}.html"}
    read = [front(text) for text in posts(site, "hugo").values()]
    assert {one["params"]["id"] for one in read} == ids(site)
    assert all(one["slug"].startswith("C-") for one in read if "slug" in one)
    assert "Nothing to write" in site.run("update", "--all").stdout
    assert "Nothing to write" in site.run("publish").stdout


def test_one_folder_may_have_another_name(site: Site, feed: dict[str, Any]) -> None:
    site.configure(feed, posts={"preset": "zola", "folder": "content"})
    assert site.run("update").status == 0
    assert not (site.data / "posts").exists()
    found = posts(site, "content")
    assert set(found) == {"news/Item-1.md", "news/C++-&-{{-x-}}.md", "news/_index.md"}
    assert 'title = "News"' in found["news/_index.md"]
    (site.data / "content/news/_index.md").write_text("mine", encoding="utf-8")
    site.run("publish")
    assert posts(site, "content")["news/_index.md"] == "mine"


def test_a_section_of_zola_has_the_title_of_its_category(site: Site, feed: dict[str, Any]) -> None:
    zola = {"preset": "zola", "folder": "content"}
    categories = {"news": "News", "other": "Other"}
    site.configure(feed, categories=categories, posts=zola)
    site.run("update")
    section = site.data / "content/news/_index.md"
    site.configure(feed, categories={**categories, "news": "Renamed"}, posts=zola)
    assert site.run("update").status == 0
    assert 'title = "Renamed"' in section.read_text(encoding="utf-8")
    # A post keeps its path in another category, and the folder its title.
    site.configure({**feed, "category": "other"}, categories={**categories, "news": "Again"}, posts=zola)
    assert site.run("update", "--all").status == 0
    assert 'title = "Again"' in section.read_text(encoding="utf-8")
    section.write_text("mine", encoding="utf-8")
    site.configure(feed, categories=categories, posts=zola)
    site.run("update")
    assert section.read_text(encoding="utf-8") == "mine"


def test_no_posts_are_written_where_none_are_wanted(site: Site, feed: dict[str, Any]) -> None:
    site.configure(feed, posts=[])
    assert site.run("update").status == 0
    assert not (site.data / "posts").exists()
    assert len(ids(site)) == 2
    assert "Nothing to write" in site.run("update", "--all").stdout


def test_a_folder_that_comes_later_gets_all_posts(site: Site, feed: dict[str, Any], origin: Origin) -> None:
    site.configure(feed)
    site.run("update")
    before = site.posts()
    site.configure(feed, posts=[HEXO, HUGO])
    assert site.run("update", "--all").status == 0
    assert site.posts() == before
    assert len(posts(site, "hugo")) == 2
    # A title that changes leaves the path as it was, in every folder.
    origin.route("/one", rss([item(1, title="Renamed"), item(2)]))
    site.run("update", "--all")
    assert set(posts(site, "hugo")) == set(posts(site, "posts")) == set(before)
    assert front(posts(site, "hugo")["news/Item-1.md"])["title"] == "Renamed"


def test_a_pattern_holds_for_new_posts_only(site: Site, feed: dict[str, Any], origin: Origin) -> None:
    site.configure(feed, posts={"path": "{category}/{year}/{month}-{name}"})
    site.run("update")
    assert set(site.posts()) == {"news/2026/01-Item-1.md", "news/2026/01-C++-&-{{-x-}}.md"}
    site.configure(feed, posts={"path": "{year}/{name}"})
    origin.route("/one", rss([item(1), item(3)]))
    site.run("update", "--all")
    assert set(site.posts()) == {"news/2026/01-Item-1.md", "news/2026/01-C++-&-{{-x-}}.md", "2026/Item-3.md"}


def test_a_folder_has_the_categories_that_it_names(site: Site, origin: Origin) -> None:
    one = {"id": "one", "feed": origin.route("/one", rss([item(1)]))}
    two = {"id": "two", "category": "other", "feed": origin.route("/two", rss([item(2)]))}
    categories = {"news": "News", "other": "Other"}
    wanted = [{**HEXO, "categories": ["news"]}, {**HUGO, "categories": ["other"]}]
    site.configure(one, two, categories=categories, posts=wanted)
    site.run("update")
    assert (set(site.posts()), set(posts(site, "hugo"))) == ({"news/Item-1.md"}, {"other/Item-2.md"})
    # A source that moves takes its posts along; a path stays what it was.
    site.configure(one, {**two, "category": "news"}, categories=categories, posts=wanted)
    done = site.run("update", "--all")
    assert set(site.posts()) == {"news/Item-1.md", "other/Item-2.md"}, done
    assert posts(site, "hugo") == {}


def test_a_post_that_cannot_leave_its_folder_leaves_it_later(site: Site, origin: Origin, tmp_path: Path) -> None:
    two = {"id": "two", "category": "other", "feed": origin.route("/two", rss([item(2)]))}
    settings: dict[str, Any] = {
        "categories": {"news": "News", "other": "Other"},
        "posts": [HEXO, {**HUGO, "categories": ["other"]}],
    }
    site.configure(two, **settings)
    site.run("update")
    aside = tmp_path / "aside"
    (site.data / "hugo/other").rename(aside)
    (site.data / "hugo/other").symlink_to(aside)
    site.configure({**two, "category": "news"}, **settings)
    done = site.run("update")
    assert (done.status, "hugo/other/Item-2.md" in done.stderr) == (4, True)
    (site.data / "hugo/other").unlink()
    aside.rename(site.data / "hugo/other")
    assert site.run("update").status == 0
    assert posts(site, "hugo") == {}


def test_files_of_people_are_not_touched_in_any_folder(site: Site, feed: dict[str, Any]) -> None:
    mine = site.data / "hugo/news/Item-1.md"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")
    site.configure(feed, posts=[HEXO, HUGO])
    done = site.run("update")
    assert f"1 file below {site.data / 'hugo'} does not belong" in done.stderr
    found = posts(site, "hugo")
    assert found.pop("news/Item-1.md") == "mine"
    assert len(found) == 2
    assert set(site.posts()) == {"news/Item-1.md", "news/C++-&-{{-x-}}.md"}
    assert "Nothing to write" in site.run("update", "--all").stdout


def test_a_folder_that_cannot_be_written_is_completed_later(site: Site, feed: dict[str, Any]) -> None:
    site.data.mkdir()
    (site.data / "hugo").write_text("in the way", encoding="utf-8")
    site.configure(feed, posts=[HEXO, HUGO])
    done = site.run("update")
    assert (done.status, "hugo/news/Item-1.md" in done.stderr) == (4, True)
    assert len(site.posts()) == 2
    before = site.stamps()
    (site.data / "hugo").unlink()
    assert site.run("update").status == 0
    assert len(posts(site, "hugo")) == 2
    assert site.stamps() == before
    assert "Nothing to write" in site.run("update", "--all").stdout


def test_removed_entries_lose_their_files_in_all_folders(site: Site, feed: dict[str, Any]) -> None:
    site.configure(feed, posts=[HEXO, HUGO], retention={"count": 1, "posts": "delete"})
    site.run("update")
    assert list(site.posts()) == list(posts(site, "hugo")) == ["news/C++-&-{{-x-}}.md"]
    # Also in a folder that the configuration names no longer.
    site.configure(feed, posts=[HEXO])
    assert site.run("remove", "one", "--purge", "--yes").status == 0
    assert posts(site, "posts") == posts(site, "hugo") == {}


class TestAnotherPreset:
    """A folder gets another preset only by request."""

    @pytest.fixture
    def written(self, site: Site, feed: dict[str, Any]) -> Site:
        site.configure(feed)
        assert site.run("update").status == 0
        return site

    def test_nothing_is_written_before(self, written: Site, feed: dict[str, Any], origin: Origin) -> None:
        before = written.posts()
        written.configure(feed, posts={"preset": "jekyll"})
        origin.route("/one", rss([item(1, title="Renamed"), item(3)]))
        done = written.run("update", "--all")
        assert done.status != 0
        assert "`hexo`" in done.stderr
        assert "--change-preset" in done.stderr
        assert written.posts() == before
        # The feeds do not wait.
        assert len(ids(written)) == 3
        # As it was, everything goes on.
        written.configure(feed)
        assert written.run("update", "--all").status == 0
        assert len(written.posts()) == 3

    def test_all_posts_are_written_again_by_request(self, written: Site, feed: dict[str, Any]) -> None:
        own = written.data / "posts/news/own.md"
        own.write_text("mine", encoding="utf-8")
        known = ids(written)
        written.configure(feed, posts={"preset": "jekyll"})
        done = written.run("publish", "--change-preset")
        assert done.status == 0, done.stderr
        found = posts(written, "posts")
        assert found.pop("news/own.md") == "mine"
        assert set(found) == {"news/2026-01-02-Item-1.html", "news/2026-01-03-C++-&-{{-x-}}.html"}
        assert {front(text)["id"] for text in found.values()} == known == ids(written)
        assert "Nothing to write" in written.run("update", "--all").stdout

    def test_paths_that_fit_stay(self, written: Site, feed: dict[str, Any], origin: Origin) -> None:
        origin.route("/one", rss([item(1, title="Renamed"), item(2, title="Node.js")]))
        written.run("update", "--all")
        before = sql(written, "SELECT pk, public_id, path FROM entries")
        written.configure(feed, posts={"preset": "hugo"})
        assert written.run("publish", "--change-preset").status == 0
        assert sql(written, "SELECT pk, public_id, path FROM entries") == before
        found = posts(written, "posts")
        assert len(found) == 2
        assert all(text.startswith("---\ntitle:") for text in found.values())

    def test_posts_of_ended_sources_come_along(self, written: Site, feed: dict[str, Any], origin: Origin) -> None:
        other = {"id": "two", "feed": origin.route("/two", rss([item(5), item(6)]))}
        written.configure(feed, other)
        written.run("update", "--all")
        written.configure(feed)
        written.run("update", "--all")
        (written.data / "posts/news/Item-6.md").unlink()
        written.configure(feed, posts={"preset": "pelican"})
        assert written.run("publish", "--change-preset").status == 0
        # What somebody deleted stays deleted.
        assert set(posts(written, "posts")) == {"news/Item-1.html", "news/C++-&-{{-x-}}.html", "news/Item-5.html"}

    @pytest.mark.parametrize(
        "settings",
        [
            {"preset": "hugo", "path": "{name}.en"},
            {"preset": "hugo"},
            {"preset": "jekyll"},
            {"preset": "eleventy"},
            {"preset": "zola"},
        ],
    )
    def test_a_request_without_another_preset_changes_nothing(
        self, site: Site, origin: Origin, settings: dict[str, str]
    ) -> None:
        one = {"id": "one", "feed": origin.route("/one", rss([item(1, title="2026-01-01-Node.js"), item(2)]))}
        site.configure(one, posts=settings)
        site.run("update")
        before = site.posts()
        assert "Nothing to write" in site.run("publish", "--change-preset").stdout
        assert site.posts() == before

    def test_a_file_that_cannot_be_deleted_does_not_hold_up_the_others(
        self, written: Site, feed: dict[str, Any], origin: Origin, tmp_path: Path
    ) -> None:
        other = {"id": "two", "category": "other", "feed": origin.route("/two", rss([item(3)]))}
        categories = {"news": "News", "other": "Other"}
        written.configure(feed, other, categories=categories)
        written.run("update", "--all")
        folder, aside = written.data / "posts/other", tmp_path / "aside"
        folder.rename(aside)
        folder.symlink_to(aside)
        written.configure(feed, other, categories=categories, posts={"preset": "pelican"})
        done = written.run("publish", "--change-preset")
        assert (done.status, "posts/other/Item-3.md: a symbolic link" in done.stderr) == (4, True)
        assert {"news/Item-1.html", "news/C++-&-{{-x-}}.html"} <= set(written.posts())
        folder.unlink()
        aside.rename(folder)
        assert written.run("publish", "--change-preset").status == 0
        assert set(written.posts()) == {"news/Item-1.html", "news/C++-&-{{-x-}}.html", "other/Item-3.html"}

    @pytest.mark.parametrize("preset", ["astro", "pelican"])
    def test_sections_of_zola_go_with_it(self, site: Site, feed: dict[str, Any], origin: Origin, preset: str) -> None:
        other = {"id": "two", "category": "other", "feed": origin.route("/two", rss([item(3)]))}
        categories = {"news": "The +++ news", "other": "Other"}
        site.configure(feed, other, categories=categories, posts={"preset": "zola", "path": "{year}/{category}/{name}"})
        assert site.run("update").status == 0
        mine = site.data / "posts/2026/other/_index.md"
        mine.write_text(mine.read_text(encoding="utf-8") + "mine", encoding="utf-8")
        assert {"2026/_index.md", "2026/news/_index.md"} < set(site.posts())
        site.configure(feed, other, categories=categories, posts={"preset": preset})
        assert site.run("publish", "--change-preset").status == 0
        # To these it would be a post without a date.
        assert [name for name in site.posts() if name.endswith("_index.md")] == ["2026/other/_index.md"]

    def test_a_folder_without_posts_needs_no_request(self, site: Site, feed: dict[str, Any]) -> None:
        site.configure(feed, posts=[HUGO])
        site.run("update")
        # The paths in `posts` were given, but nothing was written there.
        site.configure(feed, posts=[HUGO, {"preset": "jekyll", "folder": "posts"}])
        assert site.run("update", "--all").status == 0
        assert all(name.endswith(".html") for name in site.posts())


class TestOwnPreset:
    """A preset of one's own: a mapping, and a template in which texts of sources are values."""

    @pytest.fixture
    def own(self, site: Site) -> Path:
        folder = site.folder / "my-preset"
        folder.mkdir()
        (folder / "preset.yaml").write_text(
            "front_matter: yaml\nfields: {title: title, when: date, meta: {from: link, id: id}}\n"
            "constants: {layout: wide, meta: {draft: false}}\ndates: zulu\nsuffix: .htm\nescape_braces: true\n",
            encoding="utf-8",
        )
        (folder / "body.html.j2").write_text(
            "<h1>{{ title }}</h1>{% for tag in tags %}<i>{{ tag }}</i>{% endfor %}\n{{ body }}\n", encoding="utf-8"
        )
        return folder

    def test_it_makes_the_posts(self, site: Site, origin: Origin, own: Path) -> None:
        nasty = "&amp;lt;b&amp;gt; {{ config }} {% raw %}"
        one = {"id": "one", "feed": origin.route("/one", rss([item(1, title=nasty, category="t&amp;t")]))}
        site.configure(one, posts={"preset": "./my-preset/"})
        done = site.run("update")
        assert done.status == 0, done.stderr
        ((name, text),) = posts(site, "posts").items()
        assert name.endswith(".htm")
        read = front(text)
        assert read["layout"] == "wide"
        assert read["meta"] == {"from": "https://example.org/1", "id": "https://example.org/1", "draft": False}
        assert "<h1>&lt;b&gt; &#123;&#123; config &#125;&#125; &#123;% raw %&#125;</h1><i>t&amp;t</i>" in text
        assert "<p>Text of item 1.</p>" in text

    def test_a_change_of_it_is_published(self, site: Site, feed: dict[str, Any], own: Path) -> None:
        site.configure(feed, posts={"preset": "./my-preset/"})
        site.run("update")
        assert "Nothing to write" in site.run("update").stdout
        (own / "body.html.j2").write_text("{{ body }} changed", encoding="utf-8")
        site.run("update")
        assert all(text.endswith(" changed") for text in posts(site, "posts").values())

    def test_another_suffix_is_for_new_posts_until_it_is_asked_for(
        self, site: Site, feed: dict[str, Any], own: Path, origin: Origin
    ) -> None:
        site.configure(feed, posts={"preset": "./my-preset/"})
        site.run("update")
        preset = (own / "preset.yaml").read_text(encoding="utf-8")
        (own / "preset.yaml").write_text(preset.replace(".htm", ".md"), encoding="utf-8")
        origin.route("/one", rss([item(1), item(2), item(3)]))
        assert site.run("update", "--all").status == 0
        assert sorted(Path(name).suffix for name in site.posts()) == [".htm", ".htm", ".md"]
        assert site.run("publish", "--change-preset").status == 0
        assert sorted(Path(name).suffix for name in site.posts()) == [".md"] * 3
        before = site.posts()
        assert "Nothing to write" in site.run("publish", "--change-preset").stdout
        assert site.posts() == before

    def test_posts_of_ended_sources_come_along_later(
        self, site: Site, feed: dict[str, Any], own: Path, origin: Origin
    ) -> None:
        other = {"id": "two", "feed": origin.route("/two", rss([item(5), item(6)]))}
        site.configure(feed, other)
        site.run("update")
        (site.data / "posts/news/Item-6.md").unlink()
        template = (own / "body.html.j2").read_text(encoding="utf-8")
        (own / "body.html.j2").write_text("{{ title.x.y }}", encoding="utf-8")
        site.configure(feed, posts={"preset": "./my-preset/"})
        assert site.run("publish", "--change-preset").status == 4
        assert site.posts() == {}
        (own / "body.html.j2").write_text(template, encoding="utf-8")
        assert site.run("update", "--all").status == 0
        expected = {"news/Item-1", "news/C++-&-{{-x-}}", "news/Item-5"}
        assert set(site.posts()) == {f"{name}.htm" for name in expected}
        # Also where nothing but their paths changes.
        preset = (own / "preset.yaml").read_text(encoding="utf-8")
        (own / "preset.yaml").write_text(preset.replace(".htm", ".md"), encoding="utf-8")
        site.run("update", "--all")
        assert site.run("publish", "--change-preset").status == 0
        assert set(site.posts()) == {f"{name}.md" for name in expected}
        (site.data / "posts/news/Item-5.md").unlink()
        (own / "body.html.j2").write_text("{{ body }}", encoding="utf-8")
        site.run("update", "--all")
        assert "news/Item-5.md" not in site.posts()

    def test_a_preset_may_be_named_in_two_ways(self, site: Site, feed: dict[str, Any], own: Path) -> None:
        site.configure(feed, posts={"preset": "./my-preset/"})
        site.run("update")
        site.configure(feed, posts={"preset": "././my-preset"})
        done = site.run("update", "--all")
        assert (done.status, "Nothing to write" in done.stdout) == (0, True)

    @pytest.mark.parametrize(
        ("file", "text", "said"),
        [
            ("preset.yaml", "fields: {title: titel}", "preset.yaml:1:9: fields: `titel` is not a value of a post"),
            ("preset.yaml", "fields: {a: title}\nsufix: .md", "preset.yaml:2:1: sufix: unknown key `sufix`"),
            ("preset.yaml", "path: '{name}.html'", "`path`: `.html` follows the path in any case; remove it"),
            ("preset.yaml", "path: ../{name}", "preset.yaml:1:7: path: `../{name}` cannot be a path"),
            ("preset.yaml", "fields: {a: title}\nconstants: {a: b}", "`a` is there twice"),
            ("body.html.j2", "{% if %}", "body.html.j2:1:1: not a template"),
            ("body.html.j2", "{{ titel }}", "a post has no `titel`"),
            ("preset.yaml", "front_matter: none\nfields: {a: title}", "need a `front_matter`; write `yaml` or `toml`"),
            ("preset.yaml", "# later\n", "preset.yaml: the file is empty; write what posts have"),
            ("body.html.j2", "{% include 'x' %}", "`x` cannot be included"),
            ("body.html.j2", "{% include title %}", "another template cannot be included"),
            ("body.html.j2", "a\n{{ title | nofilter }}", "body.html.j2:2:1: not a template: No filter named"),
            ("body.html.j2", "{{" + "(" * 50_000, "nested too deep"),
        ],
    )
    def test_mistakes_have_places(
        self, site: Site, feed: dict[str, Any], own: Path, file: str, text: str, said: str
    ) -> None:
        (own / file).write_text(text, encoding="utf-8")
        site.configure(feed, posts={"preset": "./my-preset/"})
        done = site.run("update")
        assert done.status == 2
        assert said in done.stdout + done.stderr

    def test_a_template_reaches_nothing(self, site: Site, feed: dict[str, Any], own: Path) -> None:
        (own / "body.html.j2").write_text("{{ body.__class__.__mro__ }}", encoding="utf-8")
        site.configure(feed, posts={"preset": "./my-preset/"})
        done = site.run("update")
        assert done.status != 0
        assert "unsafe" in done.stdout + done.stderr
        assert posts(site, "posts") == {}

    @pytest.mark.parametrize(
        ("template", "said"),
        [
            ("a\n{{ title.x.y }}", "line 2 of the template failed: 'str object' has no attribute 'x'"),
            ("{% for i in range(10**9) %}x{% endfor %}", "Range too big"),
            ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion"),
        ],
    )
    def test_a_template_that_fails_is_to_be_mended(
        self, site: Site, feed: dict[str, Any], own: Path, template: str, said: str
    ) -> None:
        (own / "body.html.j2").write_text(template, encoding="utf-8")
        site.configure(feed, posts=[HEXO, {"preset": "./my-preset/", "folder": "own"}])
        done = site.run("update")
        assert done.status == 4
        assert said in done.stderr
        assert "mend the template of the preset ./my-preset\n" in done.stderr
        assert "bug" not in done.stderr
        # The other folders and the feeds are written, and this one is completed later.
        assert (len(site.posts()), len(ids(site)), posts(site, "own")) == (2, 2, {})
        (own / "body.html.j2").write_text("{{ body }}", encoding="utf-8")
        assert site.run("update").status == 0
        assert len(posts(site, "own")) == 2

    def test_a_folder_that_is_not_there(self, site: Site, feed: dict[str, Any]) -> None:
        site.configure(feed, posts={"preset": "./other/"})
        done = site.run("update")
        assert done.status == 2
        assert "other/preset.yaml: there is no such file" in done.stdout + done.stderr
        assert "feeds.yaml:1:" in done.stderr
        assert "posts.preset: " in done.stderr
