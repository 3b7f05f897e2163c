"""What publishing computes, cut into batches that can be rendered in any process.

In: batches, which can be pickled. Out: `Rendered` outputs, and a `Failure` for each one that cannot be rendered. Pure:
same batch, same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from aggregator.models import Rendered
from aggregator.publish.feeds import FILE_NAMES, Channel, Format, render_feeds
from aggregator.publish.posts import PRESETS, Post, render_post
from aggregator.publish.prepare import Shown
from aggregator.publish.report import Failure, sift, unexpected

Made = Rendered | Failure
Result = Callable[[], tuple[Made, ...]]
"""Waits for what a batch gives and returns it, or raises what the rendering raised; is called once at most."""


@dataclass(frozen=True, slots=True)
class PostBatch:
    """Posts to render; its length is their number."""

    #: Each with its file below `posts/`.
    posts: tuple[tuple[str, Post], ...]
    #: A name in `PRESETS`.
    preset: str
    image_proxy: str | None
    placeholder: str | None

    def __len__(self) -> int:
        return len(self.posts)


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """The feeds of one category to render; its length is the number of items in all of them."""

    channel: Channel
    #: In the order in which they are shown.
    items: tuple[Shown, ...]
    formats: tuple[Format, ...]

    def __len__(self) -> int:
        return len(self.items) * len(self.formats)


Batch = TypeVar("Batch", PostBatch, FeedBatch)


class Run(Protocol):
    """Starts the rendering of a batch, here or elsewhere: ``lambda function, batch: executor.submit(...).result``.

    Where publishing fails, the results of what was started are not asked for.
    """

    def __call__(self, function: Callable[[Batch], tuple[Made, ...]], batch: Batch, /) -> Result: ...


def here(function: Callable[[Batch], tuple[Made, ...]], batch: Batch, /) -> Result:
    """Render a batch in this process, as soon as its result is asked for: no output waits in memory."""
    return partial(function, batch)


def begin(run: Run, function: Callable[[Batch], tuple[Made, ...]], batch: Batch) -> Result:
    """Start the rendering of a batch as `run` does it; where that fails, asking for the result renders it here."""
    try:
        started = run(function, batch)
    except Exception:
        return partial(function, batch)

    def result() -> tuple[Made, ...]:
        try:
            return started()
        except Exception:
            return function(batch)

    return result


def render_post_batch(batch: PostBatch) -> tuple[Made, ...]:
    """Render posts; the outcomes are named below `posts/` and come in the order of the batch."""
    preset = PRESETS[batch.preset]

    def outcome(path: str, post: Post) -> Made:
        try:
            data = render_post(post, preset=preset, image_proxy=batch.image_proxy, placeholder=batch.placeholder)
        except Exception as error:
            return unexpected(f"posts/{path}", error)
        return Rendered(path, "text/markdown", data)

    return tuple([outcome(path, post) for path, post in batch.posts])


def render_feed_batch(batch: FeedBatch) -> tuple[Made, ...]:
    """Render the feeds of a category; the outputs are named below `public/` and come in the order of the formats.

    An item with which a format cannot be rendered is left out of it.
    """
    slug = batch.channel.slug
    outcomes: list[Made]
    try:
        outcomes = list(render_feeds(batch.channel, batch.items, batch.formats))
    except Exception:
        outcomes = [outcome for form in batch.formats for outcome in _render_without(batch, form)]
    return tuple([replace(one, name=f"{slug}/{one.name}") if isinstance(one, Rendered) else one for one in outcomes])


def _render_without(batch: FeedBatch, form: Format) -> list[Made]:
    """One feed without the items that it cannot be rendered with, and a failure for each of them."""
    what = f"public/{batch.channel.slug}/{FILE_NAMES[form]}"
    failures: list[Made] = []

    def render(items: Sequence[Shown]) -> tuple[Rendered, ...]:
        return render_feeds(batch.channel, items, (form,))

    def leave_out(item: Shown, error: Exception) -> None:
        failures.append(unexpected(f"entry {item.id!r}, which is left out of {what}", error))

    try:
        rendered, _ = sift(render, batch.items, leave_out)
    except Exception as error:
        return [unexpected(what, error)]
    return [*rendered, *failures]
