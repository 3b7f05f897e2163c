"""Private outputs: where nobody finds them, in nothing that others see, and gone when their path is revoked."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.publish.outputs import former_paths, merged, new_path, without_former
from aggregator.publish.publication import Report, outputs, publish
from tests.publish.output_world import OUTPUT, World


def _private(world: World) -> str:
    """The folder of the private output below `public/`."""
    (found,) = [feed for feed in merged(world.config, world.store.fingerprints()) if feed.output.private]
    return found.folder


def test_a_private_output_is_where_nobody_finds_it(world: World) -> None:
    world.configure(private=True, limit=1)
    world.add("a", "b")
    report = world.publish()
    folder = _private(world)
    assert len(folder.rpartition("/")[2]) == 32
    assert world.titles(folder) == ["a"]
    world.check(folder)
    token = folder.rpartition("/")[2].encode()
    public = world.site.public()
    assert {name for name, data in public.items() if token in data or token.decode() in name} == {
        f"{folder}/{name}" for name in ("rss.xml", "atom.xml", "feed.json")
    }
    assert not any(name.startswith(f"{OUTPUT}/") for name in public)
    assert set(outputs(world.config, world.store.fingerprints())) >= {f"public/{folder}/rss.xml"}
    assert f"public/{folder}/rss.xml" in report.feeds
    assert world.publish() == Report()
    assert _private(world) == folder


def test_a_new_path_revokes_the_old_one(world: World) -> None:
    world.configure(private=True)
    world.add("a")
    world.publish()
    old = _private(world)
    world.store.record_fingerprints(new_path(world.store.fingerprints(), OUTPUT))
    new = _private(world)
    assert new != old
    report = world.publish()
    assert sorted(report.removed) == [f"public/{old}/{name}" for name in ("atom.xml", "feed.json", "rss.xml")]
    assert [name for name in world.site.public() if name.startswith("_private/")] == [
        f"{new}/{name}" for name in ("atom.xml", "feed.json", "rss.xml")
    ]
    assert world.publish() == Report()


@pytest.mark.parametrize("settings", [{}, {"outputs": {}}])
def test_an_output_that_is_private_no_more_leaves_its_path(world: World, settings: dict[str, Any]) -> None:
    world.configure(private=True)
    world.add("a")
    world.publish()
    world.configure(**settings)
    world.publish()
    assert [name for name in world.site.public() if name.startswith("_private/")] == []
    assert (f"{OUTPUT}/rss.xml" in world.site.public()) == (not settings)
    # An output that becomes private leaves the place where everybody knows it.
    world.configure(private=True)
    world.publish()
    assert f"{OUTPUT}/rss.xml" not in world.site.public()


def test_a_failure_does_not_tell_a_private_path(world: World) -> None:
    world.configure(private=True)
    world.add("a")
    world.publish()
    folder = _private(world)
    file = world.site.data / "public" / folder / "rss.xml"
    file.unlink()
    file.mkdir()
    report = publish(world.store, world.config, world.site.data, now=world.now)
    (failure,) = report.failures
    assert folder.rpartition("/")[2] not in str(failure)
    assert "private output rust" in str(failure)


def test_a_failure_does_not_tell_a_former_private_path(world: World) -> None:
    world.configure(private=True)
    world.add("a")
    world.publish()
    old = world.site.data / "public" / _private(world)
    world.store.record_fingerprints(new_path(world.store.fingerprints(), OUTPUT))
    # Nothing is deleted behind a link that leads out of the folder, and its files are still served.
    elsewhere = old.rename(world.site.folder / "elsewhere")
    old.symlink_to(elsewhere)
    report = publish(world.store, world.config, world.site.data, now=world.now)
    assert len(report.failures) == 3
    assert old.name not in str(report.failures)
    old.unlink()
    elsewhere.rename(old)
    world.publish()
    assert list(old.iterdir()) == []


def test_a_path_that_is_asked_for_while_the_old_files_are_deleted_is_kept(world: World) -> None:
    world.configure(private=True)
    world.publish()
    first = new_path(world.store.fingerprints(), OUTPUT)
    ((slug, path),) = former_paths(first).items()
    second = new_path(first, OUTPUT)
    world.store.record_fingerprints(without_former(second, slug, path.former))
    folder = _private(world)
    assert folder.rpartition("/")[2] in str(second)
    assert not any(folder.endswith(one) for one in (*path.former, str(path.current)))
    # The path between the two ends, too.
    ((_, left),) = former_paths(world.store.fingerprints()).items()
    assert left.former == (path.current,)
