"""How large each experiment is: as it counts, and so small that a test can run it."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.workload import Pages, Workload


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of all experiments."""

    #: Feeds to parse, and how often fast and slow sides do it for one sample.
    parse: Workload
    passes: int
    #: Real feeds at most; None: all.
    corpus: int | None
    normalize: Workload
    #: Requests of the experiment with requests alone.
    requests: Workload
    #: Jobs of the queue of a cluster.
    jobs: int
    cold: Workload
    unchanged: Workload
    warm: Workload
    #: Few and many sources, to see how the cost grows.
    few: Workload
    many: Workload
    #: Categories, and sources in each, of the site that is published.
    categories: int
    members: int
    #: Entries of each of its sources, and their bytes of HTML, before they are multiplied.
    stored: int
    stored_body: int
    #: By how much.
    times: tuple[int, ...]
    #: Outputs of it, where it has any.
    outputs: int
    #: Categories that all change, one for each source.
    render: Workload
    #: Items that become posts in the form of each preset.
    posts: Workload
    #: Sites without a feed.
    pages: Pages
    #: Feeds in a list of subscriptions, and in a smaller one.
    subscriptions: int
    subscriptions_few: int
    #: Sources of the configuration with nothing due, and of a very large one.
    idle: int
    idle_most: int


FULL = Sizes(
    parse=Workload(60),
    passes=10,
    corpus=None,
    normalize=Workload(30),
    requests=Workload(1000, 1, 200),
    jobs=5000,
    cold=Workload(200),
    unchanged=Workload(1000, 20, 1000),
    warm=Workload(1000, fresh=0.05),
    few=Workload(1000, 2, 500),
    many=Workload(10_000, 2, 500),
    categories=20,
    members=10,
    stored=50,
    stored_body=1000,
    times=(1, 10, 100),
    outputs=100,
    render=Workload(100, 100),
    posts=Workload(20, 100),
    pages=Pages(100),
    subscriptions=5000,
    subscriptions_few=500,
    idle=1000,
    idle_most=100_000,
)

TINY = Sizes(
    parse=Workload(3, 2, 300),
    passes=1,
    corpus=5,
    normalize=Workload(2, 2, 300),
    requests=Workload(4, 1, 100),
    jobs=4,
    cold=Workload(3, 2, 300),
    unchanged=Workload(3, 2, 300),
    warm=Workload(3, 4, 300, fresh=0.25),
    few=Workload(2, 1, 100),
    many=Workload(4, 1, 100),
    categories=2,
    members=1,
    stored=3,
    stored_body=200,
    times=(1, 2),
    outputs=6,
    render=Workload(2, 3, 300),
    posts=Workload(2, 3, 300),
    pages=Pages(2, 3, 300),
    subscriptions=6,
    subscriptions_few=3,
    idle=2,
    idle_most=4,
)
