"""All merged feeds as one list: those of the categories, the one of all entries, and those of `outputs` in feeds.yaml.

In: the configuration, and what the store has recorded. Out: `MergedFeed`s with the folders of their files, their heads,
and fingerprints of everything that they are made from besides their items. Pure, except that a private feed without a
path gets a random one.

A private feed has a folder that cannot be guessed, below `public/_private/`. The store remembers it, and those that it
had before, until their files are deleted.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal, NamedTuple

import aggregator
from aggregator.config import Config
from aggregator.models import ALL, Output
from aggregator.publish.feeds import FILE_NAMES, Channel

#: Raise this with every change of how posts, feeds or the list of the sources are rendered. Then all of them are
#: rendered again, and those whose bytes differ are written.
RENDERING = 4

PRIVATE = "_private"
"""The folder of the private feeds below `public/`; no slug begins with `_`."""

#: The bytes of a private path that are random.
_RANDOM = 16
_FOLDER = re.compile(f"{PRIVATE}/[0-9a-f]{{{2 * _RANDOM}}}")


@dataclass(frozen=True, slots=True)
class MergedFeed:
    """One merged feed, in all of its formats."""

    #: A category, and all entries, have the settings of an output that shows just the newest.
    output: Output
    kind: Literal["category", "all", "output"]
    #: Where its files are below `public/`.
    folder: str
    #: How often the most frequent of its sources is fetched; None: unknown.
    interval: timedelta | None = None

    @property
    def slug(self) -> str:
        """Its slug, which the store knows it by."""
        return self.output.slug

    @property
    def label(self) -> str:
        """The folder for people, who may not learn that of a private feed from a message."""
        return f"{PRIVATE}/… (private output {self.slug})" if self.output.private else self.folder

    @property
    def files(self) -> list[str]:
        """The names of its files below `public/`."""
        return [f"{self.folder}/{FILE_NAMES[form]}" for form in self.output.formats]


class PrivatePath(NamedTuple):
    """The paths of a private feed, as the store records them."""

    #: None: it has none yet.
    current: str | None
    #: Those whose files have to be deleted.
    former: tuple[str, ...]

    @classmethod
    def load(cls, recorded: Mapping[str, str], slug: str) -> PrivatePath:
        """Return what is recorded; the current path comes first, and `-` stands for none."""
        current, *former = (recorded.get(_private(slug)) or "-").split()
        return cls(None if current == "-" else current, tuple(former))

    def dump(self) -> str:
        """Return the value that is recorded."""
        text = " ".join([self.current or "-", *self.former])
        return "" if text == "-" else text

    def moved(self, current: str | None) -> PrivatePath:
        """Return this with another path."""
        former = self.former if self.current is None else (*self.former, self.current)
        return PrivatePath(current, former)


def _private(slug: str) -> str:
    return f"private/{slug}"


def new_path(recorded: Mapping[str, str], slug: str) -> dict[str, str]:
    """Return what to record so that a private output gets another path; the next publication deletes the old files."""
    return {_private(slug): PrivatePath.load(recorded, slug).moved(secrets.token_hex(_RANDOM)).dump()}


def private_paths(config: Config, recorded: Mapping[str, str]) -> dict[str, str]:
    """Return what to record so that all private outputs have a path, and the others have none."""
    known = {name.removeprefix("private/") for name, value in recorded.items() if name.startswith("private/") and value}
    private = {slug for slug, output in config.outputs.items() if output.private}
    news: dict[str, str] = {}
    for slug in private:
        if PrivatePath.load(recorded, slug).current is None:
            news |= new_path(recorded, slug)
    for slug in known - private:
        path = PrivatePath.load(recorded, slug)
        if path.current is not None:
            news[_private(slug)] = path.moved(None).dump()
    return news


def former_paths(recorded: Mapping[str, str]) -> dict[str, PrivatePath]:
    """Return the outputs with former paths, whose files have to be deleted, by slug."""
    slugs = [name.removeprefix("private/") for name in recorded if name.startswith("private/")]
    paths = {slug: PrivatePath.load(recorded, slug) for slug in slugs}
    return {slug: path for slug, path in paths.items() if path.former}


def without_former(recorded: Mapping[str, str], slug: str, gone: Collection[str]) -> dict[str, str]:
    """Return what to record after the files of some former paths are deleted.

    Args:
        recorded: as of now, because a person may have asked for another path since the publication began.
    """
    path = PrivatePath.load(recorded, slug)
    return {_private(slug): PrivatePath(path.current, tuple(one for one in path.former if one not in gone)).dump()}


def folder_of(path: str) -> str:
    """Return the folder of a private feed below `public/`."""
    return f"{PRIVATE}/{path}"


def without_private_paths(text: str) -> str:
    """Return a message that does not tell where private feeds are, or were."""
    return _FOLDER.sub(f"{PRIVATE}/…", text)


def merged(config: Config, recorded: Mapping[str, str] | None = None) -> list[MergedFeed]:
    """Return all merged feeds: those of categories, that of all entries, and those of outputs.

    Args:
        recorded: the fingerprints of the store, which have the paths of the private outputs; an output whose path is
            not known is left out.
    """
    site, limit, formats = config.site, config.feeds.limit, config.feeds.formats
    interval = min((one.interval for one in config.categories.values() if one.interval is not None), default=None)
    feeds = [
        MergedFeed(
            Output(slug, category.title, category.description, category.limit, "", formats),
            "category",
            slug,
            category.interval,
        )
        for slug, category in config.categories.items()
    ]
    feeds.append(MergedFeed(Output(ALL, site.title, site.description, limit, "", formats), "all", ALL, interval))
    for slug, output in config.outputs.items():
        folder: str | None = slug
        if output.private:
            path = PrivatePath.load(recorded or {}, slug).current
            folder = None if path is None else folder_of(path)
        if folder is not None:
            feeds.append(MergedFeed(output, "output", folder, None if output.digest else interval))
    return feeds


def channel_of(config: Config, feed: MergedFeed) -> Channel:
    """Return the head of a feed."""
    site, output = config.site, feed.output
    base = site.url if site.url.endswith("/") else site.url + "/"
    return Channel(
        slug=feed.folder,
        title=output.title,
        description=output.description or site.description or output.title,
        home_url=base,
        base_url=f"{base}{feed.folder}/",
        language=output.language or site.language,
        author=site.author or site.title,
        icon=site.icon,
        minutes=None if feed.interval is None else max(1, int(feed.interval.total_seconds()) // 60),
    )


def feed_fingerprints(config: Config, feeds: Iterable[MergedFeed]) -> dict[str, str]:
    """Return the fingerprint of everything but the items that each feed is made from, by name."""
    # The values of the sources in a feed on which its bytes depend.
    members: dict[str, list[list[str | bool | None]]] = {ALL: []}
    for source in sorted(config.sources, key=lambda source: source.id):
        shown = (source.republish, source.copyright, source.noindex)
        for slug in (source.category, ALL):
            members.setdefault(slug, []).append([source.id, source.name, source.public_url, *shown])
    # Rules can put items of any source anywhere. What is long is written once.
    routed, everything = not config.rules.is_trivial, fingerprint(members[ALL])
    return {
        f"feeds/{feed.slug}": fingerprint(
            channel_of(config, feed).fingerprint(),
            feed.output.limit,
            feed.output.formats,
            config.feeds.archive,
            everything if feed.kind == "output" or routed else members.get(feed.slug, []),
            *([repr(replace(feed.output, definition=""))] if feed.kind == "output" else []),
            *looks(config, feed),
        )
        for feed in feeds
    }


def looks(config: Config, feed: MergedFeed) -> list[object]:
    """Return what decides how a feed shows its items, if it is not as all others do."""
    output = feed.output
    if output.title_template is None and output.content == "full":
        return []
    return [output.title_template, output.content, [[slug, one.title] for slug, one in config.categories.items()]]


def fingerprint(*parts: object) -> str:
    """Return a digest of settings; it includes the versions of the program and of its rendering."""
    text = json.dumps([aggregator.__version__, RENDERING, *parts], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
