"""What every store remembers of what persons did with posts."""

from __future__ import annotations

import pytest

from aggregator.store import POSTS, Assignment, PostEdit, PostFile, Store, WrittenPost
from tests.store_samples import entry, source, update

EDIT = PostEdit("edited", "elsewhere.md", ("a" * 64, "b" * 64))


@pytest.fixture
def pks(store: Store) -> list[int]:
    """Three entries with paths; the files of the first two are written to `POSTS`, and of the first to `hugo`."""
    store.sync_sources([source("a")])
    store.apply(update("a", *(entry("a", f"k{n}") for n in range(3))))
    found = sorted(one.pk for one in store.unassigned(9))
    store.assign([Assignment(pk, f"urn:{pk}", f"{pk}.md", f"{pk}.md") for pk in found])
    store.add_posts("hugo", [Assignment(pk, "", f"h{pk}.md", f"h{pk}.md") for pk in found])
    store.save_post_files({pk: PostFile(None, "1") for pk in found[:2]})
    store.save_post_files({found[0]: PostFile(None, "2")}, "hugo")
    store.mark_published(found)
    return found


def test_edits_are_kept_by_folder(store: Store, pks: list[int]) -> None:
    one, two, three = pks
    assert store.edits.find(POSTS, pks) == {}
    store.edits.save(POSTS, {one: EDIT, two: PostEdit("deleted")})
    store.edits.save("hugo", {one: PostEdit("moved", "x.md")})
    assert store.edits.find(POSTS, [*pks, 99]) == {one: EDIT, two: PostEdit("deleted")}
    assert store.edits.find("hugo", pks) == {one: PostEdit("moved", "x.md")}
    assert store.edits.find(POSTS, []) == {}
    store.edits.save(POSTS, {one: PostEdit("edited")})
    store.edits.forget(POSTS, [two, three])
    assert store.edits.find(POSTS, pks) == {one: PostEdit("edited")}
    store.remove_entries("a", [one])
    assert store.edits.find(POSTS, pks) == store.edits.find("hugo", pks) == {}


def test_posts_that_were_written_have_their_paths_and_edits(store: Store, pks: list[int]) -> None:
    one, two, _ = pks
    store.edits.save(POSTS, {one: EDIT})
    store.edits.save("hugo", {two: EDIT})
    written = [WrittenPost(one, f"urn:{one}", f"{one}.md", EDIT), WrittenPost(two, f"urn:{two}", f"{two}.md", None)]
    assert store.edits.written(POSTS, 0, 9) == written
    assert store.edits.written(POSTS, 0, 1) == written[:1]
    assert store.edits.written(POSTS, one, 9) == written[1:]
    assert store.edits.written("hugo", 0, 9) == [WrittenPost(one, f"urn:{one}", f"h{one}.md", None)]
    assert store.edits.written("blog", 0, 9) == []


def test_what_was_missing_becomes_pending(store: Store, pks: list[int]) -> None:
    one, two, _ = pks
    store.edits.save(POSTS, {one: PostEdit("missing"), two: EDIT})
    store.edits.save("hugo", {two: PostEdit("missing")})
    assert store.pending(9) == []
    store.edits.return_missing(POSTS)
    assert [item.pk for item in store.pending(9)] == [one]
    assert store.edits.find(POSTS, pks) == {two: EDIT}
    assert store.edits.find("hugo", pks) == {two: PostEdit("missing")}
