"""Posts that a person has moved are followed by their ids; and no edit is lost, however a run ends."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from aggregator.config import load
from aggregator.publish import files, postedits, postfiles
from aggregator.publish.posts.presets import PRESETS
from aggregator.publish.posts.reading import MAX_HEAD, id_keys, read_id
from aggregator.publish.publication import publish
from aggregator.store import open_store
from tests.origin import Origin
from tests.publish.test_postedits import EDIT, HUGO, feed, run, tree
from tests.store_samples import NOW, entry, update
from tests.support import Site, item, rss
from tests.thoroughness import THOROUGH


class TestMoved:
    """A post is followed by the id in its front matter."""

    @pytest.mark.parametrize("preset", [name for name in PRESETS if name != "hexo"])
    def test_it_is_followed(self, site: Site, origin: Origin, preset: str) -> None:
        site.configure(feed(origin, 1, 2, 3), posts={"preset": preset})
        run(site, "update")
        (old,) = (name for name in tree(site) if "Item-1" in name)
        suffix = Path(old).suffix
        new = site.data / f"posts/mine/renamed{suffix}"
        new.parent.mkdir()
        (site.data / "posts" / old).rename(new)
        before = tree(site)
        # Until its entry changes, nothing happens at all.
        assert "Nothing to write" in run(site, "update", "--all")
        site.configure(feed(origin, 1, 2, 3, text="second"), posts={"preset": preset})
        said = run(site, "update", "--all")
        assert f"1 post was moved by a person and is followed: posts/{old} -> mine/renamed{suffix}" in said
        assert tree(site).keys() - before.keys() <= {"mine/_index.md"}
        assert b"second" in new.read_bytes()
        # Edited, it stays as it is there; and it can be moved again.
        new.write_bytes(new.read_bytes() + EDIT)
        site.configure(feed(origin, 1, 2, 3, text="third"), posts={"preset": preset})
        run(site, "update", "--all")
        assert EDIT in new.read_bytes()
        beside = {name for name in tree(site) if "upstream" in name}
        assert len(beside) == 1
        again = new.with_stem("again")
        new.rename(again)
        site.configure(feed(origin, 1, 2, 3, text="fourth"), posts={"preset": preset})
        run(site, "update", "--all")
        assert EDIT in again.read_bytes()
        assert not new.exists()
        assert {name for name in tree(site) if "upstream" in name}.isdisjoint(beside)
        assert len([name for name in tree(site) if "upstream" in name]) == 1

    def test_where_there_is_no_id_it_counts_as_deleted(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3))
        run(site, "update")
        (site.data / "posts/news/Item-1.md").rename(site.data / "posts/news/mine.md")
        site.configure(feed(origin, 1, 2, 3, text="second"))
        assert "deleted" in run(site, "update", "--all")
        assert sorted(tree(site)) == ["news/Item-2.md", "news/Item-3.md", "news/mine.md"]

    def test_a_folder_that_was_renamed_is_no_folder_that_is_gone(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3), posts=HUGO)
        run(site, "update")
        (site.data / "posts/news").rename(site.data / "posts/tech")
        site.configure(feed(origin, 1, 2, 3, 4, text="second"), posts=HUGO)
        run(site, "update", "--all")
        run(site, "publish")
        assert sorted(tree(site)) == ["news/Item-4.md", *(f"tech/Item-{n}.md" for n in (1, 2, 3))]
        assert b"second" in tree(site)["tech/Item-1.md"]

    def test_its_place_is_given_to_no_other_post(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3), posts=HUGO)
        run(site, "update")
        (site.data / "posts/news/Item-1.md").rename(site.data / "posts/news/Item-4.md")
        site.configure(feed(origin, 1, 2, 3, 4, text="second"), posts=HUGO)
        run(site, "update", "--all")
        assert b"second" in tree(site)["news/Item-4.md"]
        assert len(tree(site)) == 4
        (other,) = tree(site).keys() - {f"news/Item-{n}.md" for n in (2, 3, 4)}
        assert b"Text of item 4" in tree(site)[other]

    def test_it_goes_with_its_entry(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3), posts=HUGO)
        run(site, "update")
        (site.data / "posts/news/Item-1.md").rename(site.data / "posts/mine.md")
        run(site, "publish")
        site.configure(feed(origin, 1, 2, 3), posts=HUGO, retention={"count": 1, "posts": "delete"})
        run(site, "update", "--all")
        assert sorted(tree(site)) == ["news/Item-3.md"]

    def test_it_keeps_its_place_with_another_preset(self, site: Site, origin: Origin) -> None:
        site.configure(feed(origin, 1, 2, 3), posts=HUGO)
        run(site, "update")
        (site.data / "posts/news/Item-1.md").rename(site.data / "posts/mine.md")
        site.configure(feed(origin, 1, 2, 3), posts={"preset": "jekyll"})
        run(site, "publish", "--change-preset")
        assert len(tree(site)) == 3
        assert b"layout: " in tree(site)["mine.md"]


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "hexo"])
@pytest.mark.parametrize("how", ["as it is", "line ends", "more text", "more fields"])
def test_ids_are_read_back(site: Site, origin: Origin, preset: str, how: str) -> None:
    nasty = "https://example.org/?a=1&b=\"x\"'y' # : é"
    one = item(1, guid=nasty.replace("&", "&amp;"))
    site.configure({"id": "one", "feed": origin.route("/one", rss([one]))}, posts={"preset": preset})
    run(site, "update")
    with closing(sqlite3.connect(site.data / "aggregator.db")) as database:
        ((expected,),) = database.execute("SELECT public_id FROM entries")
    (data,) = (data for name, data in tree(site).items() if "Item" in name)
    if how == "line ends":
        data = b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")
    elif how == "more text":
        data += b"x" * MAX_HEAD
    elif how == "more fields":
        start = {"pelican": b"<head>\n", "zola": b"+++\n"}.get(preset, b"---\n")
        more = {"pelican": b'<meta name="mine" content="1">\n', "zola": b"mine = 1\n"}.get(preset, b"mine: [1, x: 2]\n")
        data = data.replace(start, start + more, 1)
    assert read_id(data, id_keys(PRESETS[preset])) == expected


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"---\n",
        b"---\nid: [\n---\n",
        b"---\nid: 12\n---\n",
        b"---\n- id\n---\n",
        b"---\nid: 2026-99-99\n---\n",
        b"---\n" + b"[" * 60_000 + b"\n---\n",
        b"---\nid: !!python/object/apply:os.system [true]\n---\n",
        b"+++\nid = \n+++\n",
        b"+++\nid = " + b"[" * 60_000 + b"\n+++\n",
        b"<meta name='id'>",
        b"<meta " * 10_000,
        b"\xff\xfe\x00",
    ],
)
def test_heads_without_an_id_have_none(head: bytes) -> None:
    assert read_id(head, id_keys(PRESETS["hugo"])) is None


@pytest.mark.slow
def test_no_edit_is_lost_however_a_run_ends(site: Site) -> None:
    """Killed at any line of the writers, and run again: the edit is there, and the new version beside it."""
    titles = ("One", "Two", "Three", "Four")
    site.configure({"id": "s", "feed": "https://s.example/feed"}, posts=HUGO)
    config = load(site.config, os.environ)
    fresh = site.folder / "fresh"
    with closing(open_store(site.data / "aggregator.db")) as store:
        store.sync_sources(config.sources)
        store.apply(update("s", *(entry("s", title, title=title) for title in titles)))
        publish(store, config, site.data, now=NOW)
        posts = site.data / "posts/news"
        mine = posts.joinpath("One.md").read_bytes() + EDIT
        posts.joinpath("One.md").write_bytes(mine)
        posts.joinpath("Two.md").unlink()
        posts.joinpath("Three.md").rename(posts / "Moved.md")
        changed = tuple(entry("s", title, title=title, html="<p>changed</p>", hash="2") for title in titles)
        store.apply(update("s", changed=changed))
    shutil.copytree(site.data, fresh)
    step, ended = 0, False
    while not ended:
        shutil.rmtree(site.data)
        shutil.copytree(fresh, site.data)
        ended = _killed_at(step, site, config)
        with closing(open_store(site.data / "aggregator.db")) as store:
            assert publish(store, config, site.data, now=NOW).failures == []
        assert sorted(site.posts()) == [f"news/{name}" for name in ("Four.md", "Moved.md", "One.md", BESIDE)], step
        assert site.posts()["news/One.md"] == mine, step
        assert all(b"changed" in site.posts()[f"news/{name}"] for name in ("Four.md", "Moved.md", BESIDE)), step
        step += 41 if THOROUGH else 113
    assert step > 300


BESIDE = "One.upstream.md~"


def _killed_at(step: int, site: Site, config: Any) -> bool:
    """Publish in a process that is killed after so many lines of the writers; returns whether it came to its end."""
    child = os.fork()
    if child == 0:
        left = step

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename not in (files.__file__, postedits.__file__, postfiles.__file__):
                return None
            left -= event == "line"
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        with closing(open_store(site.data / "aggregator.db")) as store:
            sys.settrace(trace)
            publish(store, config, site.data, now=NOW)
            sys.settrace(None)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
