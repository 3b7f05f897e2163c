"""What a person did with posts is never undone: edited, deleted and moved files, and folders that are gone."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aggregator.models import Rendered
from aggregator.publish import files
from tests import ROOT
from tests.origin import Origin
from tests.support import Site, item, read_tree, rss

EDIT = b"\n<!-- a person wrote this -->\n"
HUGO = {"preset": "hugo"}


def feed(origin: Origin, *numbers: int, text: str = "", **changed: dict[str, str]) -> dict[str, Any]:
    """A source with some items; `text` is added to the text of the first one."""
    items = [item(n, **changed.get(f"n{n}", {})) for n in numbers]
    if text:
        items[0]["description"] = f"&lt;p&gt;{text}&lt;/p&gt;"
    return {"id": "one", "feed": origin.route("/one", rss(items))}


def edit(site: Site, name: str, folder: str = "posts") -> bytes:
    """Edit a post, and return what it holds then."""
    path = site.data / folder / name
    path.write_bytes(path.read_bytes() + EDIT)
    return path.read_bytes()


def run(site: Site, *arguments: str) -> str:
    """Run a command that succeeds, and return all that it says."""
    done = site.run(*arguments)
    assert done.status == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def tree(site: Site, folder: str = "posts") -> dict[str, bytes]:
    return read_tree(site.data / folder)


def edits(site: Site) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(site.data / "aggregator.db")) as database:
        return database.execute("SELECT folder, edit, path FROM post_edits ORDER BY entry_pk, folder").fetchall()


class TestEdited:
    """A post that was edited stays as it is."""

    def test_its_new_version_goes_beside_it(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2))
        run(site, "update")
        mine = edit(site, "news/Item-1.md")
        site.configure(feed(origin, 1, 2, text="second"))
        said = run(site, "update", "--all")
        assert "1 post was edited by a person and stays as it is: posts/news/Item-1.md" in said
        assert "1 file with the new version of an edited post: posts/news/Item-1.upstream.md~" in said
        assert tree(site)["news/Item-1.md"] == mine
        assert b"second" in tree(site)["news/Item-1.upstream.md~"]
        assert len(tree(site)) == 3
        # The next version replaces the one before, and all is quiet again.
        site.configure(feed(origin, 1, 2, text="third"))
        run(site, "update", "--all")
        assert b"third" in tree(site)["news/Item-1.upstream.md~"]
        assert tree(site)["news/Item-1.md"] == mine
        assert "Nothing to write" in run(site, "update")
        before = site.stamps()
        said = run(site, "publish")
        assert "1 post was edited by a person" in said
        assert site.stamps() == before

    def test_without_a_new_version_nothing_is_beside_it(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2))
        run(site, "update")
        mine = edit(site, "news/Item-1.md")
        run(site, "publish")
        assert tree(site)["news/Item-1.md"] == mine
        assert len(tree(site)) == 2
        # A version that is taken back goes, too.
        site.configure(feed(origin, 1, 2, text="second"))
        run(site, "update", "--all")
        assert len(tree(site)) == 3
        site.configure(feed(origin, 1, 2))
        run(site, "update", "--all")
        assert len(tree(site)) == 2
        assert tree(site)["news/Item-1.md"] == mine

    def test_it_goes_nowhere_where_edits_are_ignored(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2))
        run(site, "update")
        mine = edit(site, "news/Item-1.md")
        site.configure(feed(origin, 1, 2, text="second"))
        run(site, "update", "--all")
        assert len(tree(site)) == 3
        site.configure(feed(origin, 1, 2, text="third"), posts={"on_edit": "ignore"})
        assert "1 post was edited" in run(site, "update", "--all")
        assert tree(site)["news/Item-1.md"] == mine
        assert len(tree(site)) == 2
        # Who changes their mind gets the version that they have not seen.
        site.configure(feed(origin, 1, 2, text="third"))
        run(site, "update", "--all")
        assert b"third" in tree(site)["news/Item-1.upstream.md~"]

    @pytest.mark.parametrize("how", ["undone", "accepted"])
    def test_a_file_with_bytes_of_ours_is_ours_again(self, site: Site, origin: Origin, how: str) -> None:
        site.configure(feed(origin, 1, 2))
        run(site, "update")
        first = tree(site)["news/Item-1.md"]
        edit(site, "news/Item-1.md")
        site.configure(feed(origin, 1, 2, text="second"))
        run(site, "update", "--all")
        post, beside = site.data / "posts/news/Item-1.md", site.data / "posts/news/Item-1.upstream.md~"
        if how == "undone":
            post.write_bytes(first)
        else:
            beside.replace(post)
        site.configure(feed(origin, 1, 2, text="third"))
        assert "edited" not in run(site, "update", "--all")
        assert b"third" in tree(site)["news/Item-1.md"]
        assert len(tree(site)) == 2
        assert edits(site) == []

    def test_a_new_version_that_was_removed_comes_back_with_the_next_one(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2))
        run(site, "update")
        edit(site, "news/Item-1.md")
        site.configure(feed(origin, 1, 2, text="second"))
        run(site, "update", "--all")
        beside = site.data / "posts/news/Item-1.upstream.md~"
        beside.unlink()
        run(site, "publish")
        assert not beside.exists()
        site.configure(feed(origin, 1, 2, text="third"))
        run(site, "update", "--all")
        assert b"third" in beside.read_bytes()

    def test_a_file_of_a_person_beside_it_stays_too(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2))
        run(site, "update")
        edit(site, "news/Item-1.md")
        beside = site.data / "posts/news/Item-1.upstream.md~"
        beside.write_bytes(b"mine")
        for text in ("second", "third"):
            site.configure(feed(origin, 1, 2, text=text))
            run(site, "update", "--all")
            assert beside.read_bytes() == b"mine"

    def test_it_is_replaced_by_request_only(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3))
        run(site, "update")
        edit(site, "news/Item-1.md")
        (site.data / "posts/news/Item-2.md").unlink()
        site.configure(feed(origin, 1, 2, 3, text="second"))
        run(site, "update", "--all")
        run(site, "publish", "--restore")
        assert EDIT in tree(site)["news/Item-1.md"]
        assert "news/Item-2.md" in tree(site)
        run(site, "publish", "--overwrite-edits")
        assert sorted(tree(site)) == ["news/Item-1.md", "news/Item-2.md", "news/Item-3.md"]
        assert b"second" in tree(site)["news/Item-1.md"]
        assert edits(site) == []

    def test_a_rendering_by_other_settings_is_a_new_version(self, site: Site, origin: Origin) -> None:
        """So is one in another category."""
        categories = {"news": "News", "other": "Other"}
        site.configure(feed(origin, 1, 2), categories=categories)
        run(site, "update")
        mine = edit(site, "news/Item-1.md")
        site.configure({**feed(origin, 1, 2), "category": "other"}, categories=categories)
        run(site, "update", "--all")
        assert tree(site)["news/Item-1.md"] == mine
        assert b"- Other" in tree(site)["news/Item-1.upstream.md~"]
        assert b"- Other" in tree(site)["news/Item-2.md"]

    def test_it_outlives_its_source(self, site: Site, origin: Origin) -> None:
        two = {"id": "two", "feed": origin.route("/two", rss([item(3)]))}
        site.configure(feed(origin, 1, 2), two)
        run(site, "update")
        mine = edit(site, "news/Item-1.md")
        site.configure(two, posts={"image_proxy": "https://proxy.example/?"})
        run(site, "update", "--all")
        assert tree(site)["news/Item-1.md"] == mine
        assert "1 post was edited" in run(site, "remove", "one", "--purge", "--yes")
        assert tree(site)["news/Item-1.md"] == mine
        assert sorted(tree(site)) == ["news/Item-1.md", "news/Item-3.md"]

    def test_it_outlives_its_entry(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3))
        run(site, "update")
        mine = edit(site, "news/Item-1.md")
        site.configure(feed(origin, 1, 2, 3, text="second"))
        run(site, "update", "--all")
        site.configure(feed(origin, 1, 2, 3), retention={"count": 1, "posts": "delete"})
        said = run(site, "update", "--all")
        assert "1 post was edited by a person and stays, although its entry has left: posts/news/Item-1.md" in said
        assert tree(site).keys() == {"news/Item-1.md", "news/Item-3.md"}
        assert tree(site)["news/Item-1.md"] == mine
        # Its name is free for no other post.
        site.configure(feed(origin, 1, 3), {"id": "two", "feed": origin.route("/two", rss([item(1, guid="x")]))})
        run(site, "update", "--all")
        assert tree(site)["news/Item-1.md"] == mine
        assert len(tree(site)) == 3

    def test_it_outlives_its_place_in_a_folder(self, site: Site, origin: Origin) -> None:
        categories = {"news": "News", "other": "Other"}
        posts = [{"folder": "posts"}, {**HUGO, "folder": "hugo", "categories": ["news"]}]
        site.configure(feed(origin, 1, 2), categories=categories, posts=posts)
        run(site, "update")
        mine = edit(site, "news/Item-1.md", "hugo")
        site.configure({**feed(origin, 1, 2), "category": "other"}, categories=categories, posts=posts)
        assert "although its entry has left: hugo/news/Item-1.md" in run(site, "update", "--all")
        assert tree(site, "hugo") == {"news/Item-1.md": mine}
        assert b"- Other" in tree(site)["news/Item-1.md"]
        # Back again, it is the post that it was.
        site.configure(feed(origin, 1, 2), categories=categories, posts=posts)
        run(site, "update", "--all")
        assert tree(site, "hugo").keys() == {"news/Item-1.md", "news/Item-2.md"}
        assert tree(site, "hugo")["news/Item-1.md"] == mine

    def test_it_outlives_a_rule(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3, 4, 5, 6, 7), posts=HUGO)
        run(site, "update")
        mine = edit(site, "news/Item-1.md")
        (site.data / "posts/news/Item-2.md").rename(site.data / "posts/news/moved.md")
        (site.data / "posts/news/Item-3.md").unlink()
        run(site, "publish")
        drop = [{"drop": {"title": ["Item 1", "Item 2", "Item 3", "Item 4"]}}]
        site.configure(feed(origin, 1, 2, 3, 4, 5, 6, 7), posts=HUGO, rules=drop)
        assert "although its entry has left: posts/news/Item-1.md" in run(site, "replay", "--apply") + run(
            site, "update"
        )
        assert tree(site).keys() == {"news/Item-1.md", *(f"news/Item-{n}.md" for n in (5, 6, 7))}
        assert tree(site)["news/Item-1.md"] == mine
        site.configure(feed(origin, 1, 2, 3, 4, 5, 6, 7), posts=HUGO)
        run(site, "replay", "--apply")
        run(site, "update")
        assert tree(site)["news/Item-1.md"] == mine
        posts = {name for name in tree(site) if "upstream" not in name}
        assert posts == {f"news/Item-{n}.md" for n in (1, 2, 4, 5, 6, 7)}

    def test_it_outlives_its_preset(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3, 4, 5))
        run(site, "update")
        mine = edit(site, "news/Item-1.md")
        (site.data / "posts/news/Item-2.md").unlink()
        site.configure(feed(origin, 1, 2, 3, 4, 5), posts={"preset": "pelican"})
        said = run(site, "publish", "--change-preset")
        assert "1 post was edited" in said
        assert "1 post was deleted" in said
        expected = {"news/Item-1.md", "news/Item-1.upstream.md~", *(f"news/Item-{n}.html" for n in (3, 4, 5))}
        assert tree(site).keys() == expected
        assert tree(site)["news/Item-1.md"] == mine
        assert tree(site)["news/Item-1.upstream.md~"].startswith(b"<html>")
        assert "Nothing to write" in run(site, "publish")
        run(site, "publish", "--change-preset", "--overwrite-edits")
        run(site, "publish", "--change-preset")
        assert tree(site).keys() == {f"news/Item-{n}.html" for n in range(1, 6)}

    def test_a_change_meanwhile_is_an_edit(self, tmp_path: Path) -> None:
        """Between the moment in which a file is compared and the one in which it is replaced."""
        old = Rendered("post.md", "text/markdown", b"old")
        files.write(tmp_path, [old])

        def person(staged: Any) -> list[str]:
            (tmp_path / "post.md").write_bytes(b"mine")
            return [file.name for file in staged]

        new = Rendered("post.md", "text/markdown", b"new")
        written = files.write(tmp_path, [new], ours={"post.md": [files.digest(b"old")]}, before=person)
        assert (written.taken, written.changed) == (["post.md"], [])
        assert read_tree(tmp_path) == {"post.md": b"mine"}

    def test_posts_of_several_folders_are_edited_one_by_one(self, site: Site, origin: Origin) -> None:
        posts = [{"folder": "posts"}, {**HUGO, "folder": "hugo", "on_edit": "ignore"}]
        site.configure(feed(origin, 1, 2), posts=posts)
        run(site, "update")
        mine, other = edit(site, "news/Item-1.md"), edit(site, "news/Item-2.md", "hugo")
        new = {"n2": {"description": "second"}}
        site.configure(feed(origin, 1, 2, text="second", **new), posts=posts)
        run(site, "update", "--all")
        assert tree(site)["news/Item-1.md"] == mine
        assert b"second" in tree(site)["news/Item-2.md"]
        assert b"second" in tree(site, "hugo")["news/Item-1.md"]
        assert tree(site, "hugo")["news/Item-2.md"] == other
        assert len(tree(site)) == 3
        assert len(tree(site, "hugo")) == 2


class TestDeleted:
    """A post that was deleted stays so."""

    def test_it_stays_so(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3))
        run(site, "update")
        (site.data / "posts/news/Item-1.md").unlink()
        site.configure(feed(origin, 1, 2, 3, text="second"))
        assert "1 post was deleted by a person and stays so: posts/news/Item-1.md" in run(site, "update", "--all")
        site.configure(feed(origin, 1, 2, 3, text="third"), posts={"image_proxy": "https://proxy.example/?"})
        run(site, "update", "--all")
        run(site, "publish")
        assert sorted(tree(site)) == ["news/Item-2.md", "news/Item-3.md"]
        assert b"third" in site.public()["news/feed.json"]
        assert "Nothing to write" in run(site, "update")
        run(site, "publish", "--restore")
        assert b"third" in tree(site)["news/Item-1.md"]
        assert edits(site) == []

    def test_a_file_that_comes_back_is_a_post_again(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3))
        run(site, "update")
        post = site.data / "posts/news/Item-1.md"
        first = post.read_bytes()
        post.unlink()
        run(site, "publish")
        post.write_bytes(first)
        site.configure(feed(origin, 1, 2, 3, text="second"))
        run(site, "update", "--all")
        assert b"second" in post.read_bytes()

    def test_a_post_that_could_not_be_restored_is_restored_later(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3))
        run(site, "update")
        shutil.rmtree(site.data / "posts")
        (site.data / "posts").write_bytes(b"in the way")
        assert site.run("publish", "--restore").status == 4
        (site.data / "posts").unlink()
        run(site, "update")
        assert len(tree(site)) == 3


class TestMissing:
    """Where most posts are missing, nothing counts as deleted."""

    @pytest.mark.parametrize("lost", ["folder", "files", "most"])
    def test_nothing_counts_as_deleted(self, site: Site, origin: Origin, lost: str) -> None:
        site.configure(feed(origin, 1, 2, 3, 4))
        run(site, "update")
        run(site, "update")
        posts = site.data / "posts"
        whole = tree(site)
        if lost == "folder":
            shutil.rmtree(posts)
        else:
            for name in sorted(whole)[: 3 if lost == "most" else 4]:
                (posts / name).unlink()
        gone = 3 if lost == "most" else 4
        if lost == "folder":
            # Also a run that has nothing to do says so, again and again.
            for _ in range(2):
                assert "4 of the 4 posts of posts/ are missing" in run(site, "update")
        site.configure(feed(origin, 1, 2, 3, 4, text="second"))
        said = run(site, "update", "--all")
        assert f"{gone} of the 4 posts of posts/ are missing, so that none counts as deleted" in said
        assert "aggregator publish --restore" in said
        assert f"{gone} of the 4" in run(site, "publish")
        assert len(tree(site)) == 4 - gone
        run(site, "publish", "--restore")
        assert tree(site).keys() == whole.keys()
        assert b"second" in tree(site)["news/Item-1.md"]
        assert "missing" not in run(site, "update", "--all")
        assert edits(site) == []

    def test_a_folder_that_comes_back_is_brought_up_to_date(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3, 4))
        run(site, "update")
        posts, aside = site.data / "posts", site.folder / "aside"
        posts.rename(aside)
        site.configure(feed(origin, 1, 2, 3, 4, text="second"))
        assert "are missing" in run(site, "update", "--all")
        aside.rename(posts)
        (posts / "news/Item-2.md").unlink()
        assert "missing" not in run(site, "update")
        assert b"second" in tree(site)["news/Item-1.md"]
        assert len(tree(site)) == 3
        assert edits(site) == []

    def test_new_posts_are_written_meanwhile(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3))
        run(site, "update")
        shutil.rmtree(site.data / "posts")
        site.configure(feed(origin, 1, 2, 3, 4))
        run(site, "update", "--all")
        assert sorted(tree(site)) == ["news/Item-4.md"]
        site.configure(feed(origin, 1, 2, 3, 4, text="second"))
        assert "3 of the 4" in run(site, "update", "--all")

    def test_new_posts_do_not_make_those_that_are_missing_deleted_ones(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2))
        run(site, "update")
        shutil.rmtree(site.data / "posts")
        site.configure(feed(origin, 1, 2, 3, 4, 5, 6))
        assert "2 of the 2" in run(site, "update", "--all")
        site.configure(feed(origin, 1, 2, 3, 4, 5, 6, text="second"))
        assert "2 of the 6" in run(site, "update", "--all")
        run(site, "publish")
        assert ("posts", "deleted", None) not in edits(site)

    def test_posts_that_were_written_meanwhile_come_into_the_folder_that_is_back(
        self, site: Site, origin: Origin
    ) -> None:
        site.configure(feed(origin, 1, 2, 3, 4))
        run(site, "update")
        posts, aside = site.data / "posts", site.folder / "aside"
        posts.rename(aside)
        site.configure(feed(origin, 5, 6, 1, 2, 3, 4))
        assert "4 of the 4" in run(site, "update", "--all")
        assert sorted(tree(site)) == ["news/Item-5.md", "news/Item-6.md"]
        # As a disk that is mounted again hides what was written in its place.
        shutil.rmtree(posts)
        aside.rename(posts)
        assert "missing" not in run(site, "update")
        assert sorted(tree(site)) == [f"news/Item-{n}.md" for n in range(1, 7)]
        assert edits(site) == []
        assert "Nothing to write" in run(site, "publish")

    def test_what_was_deleted_before_stays_so(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3, 4))
        run(site, "update")
        (site.data / "posts/news/Item-1.md").unlink()
        run(site, "publish")
        assert edits(site) == [("posts", "deleted", None)]
        for n in (2, 3):
            (site.data / f"posts/news/Item-{n}.md").unlink()
        assert "2 of the 3" in run(site, "publish")

    def test_another_preset_writes_all_of_them(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3))
        run(site, "update")
        shutil.rmtree(site.data / "posts")
        site.configure(feed(origin, 1, 2, 3), posts={"preset": "pelican"})
        assert site.run("update").status == 4
        run(site, "publish", "--change-preset")
        assert sorted(tree(site)) == [f"news/Item-{n}.html" for n in (1, 2, 3)]

    def test_check_says_so(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3))
        assert "note" not in run(site, "check")
        run(site, "update")
        assert "note" not in run(site, "check")
        shutil.rmtree(site.data / "posts")
        before = (site.data / "aggregator.db").read_bytes()
        assert "note: 3 of the 3 posts of posts/ are missing" in run(site, "check")
        site.configure(feed(origin, 1, 2, 3), posts=HUGO)
        assert "note: posts/: its posts have the form of the preset `hexo`" in run(site, "check")
        assert (site.data / "aggregator.db").read_bytes() == before
        (site.data / "aggregator.db").write_bytes(b"no database" * 100)
        assert "was not looked at" in run(site, "check")

    def test_a_quiet_run_says_so_once(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3))
        run(site, "update", "--quiet")
        shutil.rmtree(site.data / "posts")
        assert "3 of the 3 posts of posts/ are missing" in run(site, "update", "--quiet")
        assert run(site, "update", "--quiet") == ""


def test_the_example_of_the_documentation_is_what_happens(site: Site, origin: Origin) -> None:
    text = (ROOT / "docs" / "generators.md").read_text(encoding="utf-8")
    (block,) = re.findall(
        r"```console\n(.*?)```", text.partition("## Posts that you edit")[2].partition("\n## ")[0], re.DOTALL
    )
    site.configure(feed(origin, 1, 2, 3))
    run(site, "update")
    site.configure(feed(origin, 1, 2, 3, text="second"))
    said, commands = "", 0
    for line in block.splitlines():
        if line.startswith("$ aggregator "):
            said = run(site, *line.split()[2:])
            commands += 1
        elif line.startswith("$ "):
            subprocess.run(line[2:], shell=True, check=True, cwd=site.folder)  # noqa: S602 - a line of ours
        else:
            assert line in said
    assert commands == 3
    assert sorted(tree(site)) == [f"news/Item-{n}.md" for n in (1, 2, 3)]
