"""What publishing computes, cut into batches that can be rendered in any process.

In: batches, which can be pickled. Out: `Rendered` outputs. Pure: same batch, same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from aggregator.models import Rendered
from aggregator.publish.feeds import Channel, Format, render_feeds
from aggregator.publish.posts import PRESETS, Post, render_post
from aggregator.publish.prepare import Shown

Result = Callable[[], tuple[Rendered, ...]]
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

    def __call__(self, function: Callable[[Batch], tuple[Rendered, ...]], batch: Batch, /) -> Result: ...


def here(function: Callable[[Batch], tuple[Rendered, ...]], batch: Batch, /) -> Result:
    """Render a batch in this process, as soon as its result is asked for: no output waits in memory."""
    return partial(function, batch)


def render_post_batch(batch: PostBatch) -> tuple[Rendered, ...]:
    """Render posts; the outputs are named below `posts/` and come in the order of the batch."""
    preset = PRESETS[batch.preset]
    return tuple(
        [
            Rendered(
                path,
                "text/markdown",
                render_post(post, preset=preset, image_proxy=batch.image_proxy, placeholder=batch.placeholder),
            )
            for path, post in batch.posts
        ]
    )


def render_feed_batch(batch: FeedBatch) -> tuple[Rendered, ...]:
    """Render the feeds of a category; the outputs are named below `public/` and come in the order of the formats."""
    outputs = render_feeds(batch.channel, batch.items, batch.formats)
    return tuple(replace(output, name=f"{batch.channel.slug}/{output.name}") for output in outputs)
