"""What every store does with the paths of posts in several folders."""

from __future__ import annotations

import pytest

from aggregator.errors import RowError
from aggregator.store import POSTS, Assignment, PostFile, Store
from tests.store_samples import entry, publish, source, update


@pytest.fixture
def pks(store: Store) -> list[int]:
    """Two published entries, whose paths in `POSTS` are `k1.md` and `k2.md`."""
    store.sync_sources([source("a")])
    store.apply(update("a", entry("a", "k1"), entry("a", "k2")))
    found = sorted(one.pk for one in store.unassigned(9))
    store.assign([Assignment(pk, f"urn:{pk}", f"{pk}.md", f"{pk}.md") for pk in found])
    return found


def path(pk: int, name: str) -> Assignment:
    return Assignment(pk, "ignored", name, name.lower())


def test_each_folder_has_its_own_paths(store: Store, pks: list[int]) -> None:
    one, two = pks
    assert store.post_folders() == []
    store.add_posts("hugo", [path(one, "A.md"), path(two, "B.md")])
    store.add_posts("blog", [path(one, "A.md")])
    assert store.post_folders() == ["blog", "hugo"]
    assert store.post_paths("hugo", [one, two, 99]) == {one: "A.md", two: "B.md"}
    assert store.post_paths("blog", pks) == {one: "A.md"}
    assert store.post_paths(POSTS, pks) == {one: f"{one}.md", two: f"{two}.md"}
    assert store.taken((), ["a.md", "b.md", "c.md"], "hugo") == (set(), {"a.md", "b.md"})
    assert store.taken((), ["a.md", f"{one}.md"]) == (set(), {f"{one}.md"})
    with pytest.raises(RowError):
        store.add_posts("blog", [path(two, "a.md")])
    assert store.post_paths("blog", pks) == {one: "A.md"}


def test_items_have_the_path_of_the_folder(store: Store, pks: list[int]) -> None:
    one, two = pks
    store.add_posts("hugo", [path(two, "B.md")])
    assert [(item.pk, item.path, item.id) for item in store.posts_in("hugo", 0, 9)] == [(two, "B.md", f"urn:{two}")]
    assert [item.path for item in store.posts_in(POSTS, 0, 1)] == [f"{one}.md"]
    assert [item.path for item in store.posts_in(POSTS, one, 9)] == [f"{two}.md"]
    # Also of sources that are configured no longer.
    store.sync_sources([])
    assert [item.path for item in store.posts_in("hugo", 0, 9)] == ["B.md"]


def test_digests_are_kept_by_folder(store: Store, pks: list[int]) -> None:
    one, two = pks
    store.add_posts("hugo", [path(one, "A.md"), path(two, "B.md")])
    assert store.post_files(pks, "hugo") == {}
    store.save_post_files({one: PostFile(None, "1")}, "hugo")
    store.save_post_files({one: PostFile(None, "2"), two: PostFile(None, "3")})
    assert store.post_files(pks, "hugo") == {one: PostFile(None, "1")}
    assert not store.any_post_written("hugo")
    store.mark_published([one])
    assert store.post_files(pks, "hugo") == {one: PostFile("1", "1")}
    assert store.post_files(pks) == {one: PostFile("2", "2"), two: PostFile(None, "3")}
    assert store.any_post_written("hugo")
    assert store.any_post_written(POSTS)
    assert not store.any_post_written("blog")
    store.forget_posts("hugo", [one])
    assert store.post_paths("hugo", pks) == {two: "B.md"}
    store.forget_posts(POSTS, [one])
    assert store.post_files(pks) == {two: PostFile(None, "3")}
    assert store.post_paths(POSTS, pks) == {one: f"{one}.md", two: f"{two}.md"}


def test_only_posts_that_were_never_written_move(store: Store, pks: list[int]) -> None:
    one, two = pks
    store.add_posts("hugo", [path(one, "A.md"), path(two, "B.md")])
    store.save_post_files({one: PostFile("1", "1")}, "hugo")
    store.move_posts([path(one, "X.md"), path(two, "Y.md")], "hugo")
    assert store.post_paths("hugo", pks) == {one: "A.md", two: "Y.md"}
    # A folder that gets another preset replaces all of them.
    for folder in ("hugo", POSTS):
        store.save_post_files({one: PostFile("1", "1")}, folder)
        store.replace_posts(folder, [path(one, "Z.md")])
        assert store.post_paths(folder, [one]) == {one: "Z.md"}
        assert store.post_files([one], folder) == {}
    with pytest.raises(RowError):
        store.replace_posts("hugo", [path(one, "Y.md")])
    assert store.post_paths("hugo", [one]) == {one: "Z.md"}


def test_paths_go_with_their_entries(store: Store, pks: list[int]) -> None:
    store.add_posts("hugo", [path(pk, f"h{pk}.md") for pk in pks])
    publish(store)
    store.remove_entries("a", pks[:1])
    assert store.post_paths("hugo", pks) == {pks[1]: f"h{pks[1]}.md"}
