"""Sources of an OPML document -> a feeds.yaml that has them, too.

In: `Subscriptions`, and the text of feeds.yaml with its configuration, or nothing. Out: `Merged`: the new text, and
what became of each outline. Nothing is written here. What `load` would not accept is left out: a setting, if the source
can do without it, else the source; the message of the mistake says why.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from aggregator.config import Config, load
from aggregator.config.additions import Categories, NewSource, add_sources
from aggregator.config.configuration import UNCATEGORIZED
from aggregator.config.editing import check_edit, compared
from aggregator.config.layout import NotEditable
from aggregator.config.problems import show
from aggregator.config.scaffold import EMPTY, HEADER
from aggregator.config.secrets import has_reference, literal
from aggregator.config.settings import source_kinds
from aggregator.config.unresolved import address_of, read_unresolved, texts_in
from aggregator.config.writing import lines
from aggregator.errors import ConfigError, Problem
from aggregator.models import Source
from aggregator.subscriptions.reading import Folder, Page, Refused, Subscription, Subscriptions
from aggregator.subscriptions.risks import without_risks
from aggregator.values.urls import same_feed

#: Kind and normalized address: what two outlines of one source have in common.
_Key = tuple[str, str]
#: How often what is wrong is left out before the rest is refused.
_ROUNDS = 8
_OF_SOURCE = re.compile(r"sources\[([0-9]+)\](?:\.([\w-]+))?")
_OF_CATEGORY = re.compile(r"categories\.([^.\[\]]+)(?:\.([\w-]+))?")
_OF_SECTION = re.compile(r"([\w-]+)(?:\.([\w-]+))?")
_PLACES = ("category", "categories")
WHOLE = "the whole file"
"""What sections of feeds.yaml are settings of."""
TRUST = "--trust takes it over, if the list is your own"


@dataclass(frozen=True, slots=True)
class Added:
    """A source that was added."""

    line: int
    id: str
    name: str | None
    kind: str
    address: str
    #: Slugs.
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class There:
    """A source that is in feeds.yaml already."""

    line: int
    address: str
    #: The id of the source in feeds.yaml.
    id: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """An outline of a source that has another one before it."""

    line: int
    address: str
    #: Line of the first one.
    first: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A setting that was not taken over."""

    line: int
    #: What it is a setting of: the name or the address of a source, or a section of feeds.yaml.
    of: str
    why: str


@dataclass(slots=True)
class Merged:
    """What a document adds to feeds.yaml."""

    #: The new text; None: there is nothing to change.
    text: str | None = None
    added: list[Added] = field(default_factory=list)
    there: list[There] = field(default_factory=list)
    repeated: list[Repeated] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    #: Remarks on what is as it should be.
    notes: list[str] = field(default_factory=list)
    #: Titles of new categories, by slug.
    categories: dict[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether all subscriptions are in feeds.yaml now, with all that the document says of them."""
        return not (self.refused or self.left_out or self.remarks)


@dataclass(slots=True)
class _New:
    """A source that is to be added, as far as it has come."""

    source: Subscription
    settings: dict[str, Any]
    slugs: tuple[str, ...]

    def written(self) -> dict[str, Any]:
        """Its keys as they stand in feeds.yaml, those that name it first."""
        placed = {"category": self.slugs[0]} if len(self.slugs) == 1 else {"categories": list(self.slugs)}
        names = ("name", "id"), tuple(source_kinds())
        head, kind = ({key: self.settings[key] for key in some if key in self.settings} for some in names)
        return head | (placed if self.slugs else {}) | kind | self.settings


def is_blank(text: str) -> bool:
    """Whether a feeds.yaml has nothing but blank lines and comments."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.removeprefix("\ufeff").splitlines())


def merge(
    found: Subscriptions,
    path: Path,
    before: str | None,
    config: Config | None,
    environ: Mapping[str, str],
    *,
    category: str | None = None,
    trust: bool = False,
) -> Merged:
    """Merge a document into feeds.yaml.

    Args:
        path: feeds.yaml.
        before: its text; None: there is none yet.
        config: its configuration; None: it has no sources and no settings yet.
        environ: the environment variables for references.
        category: slug or title of the category of all sources, in place of folders.
        trust: also take over settings that could do harm if they came from a stranger.

    Raises:
        ConfigError: feeds.yaml is written in a way that only a person can edit.
    """
    return _Merge(found, path, before, config, environ, category=category, trust=trust).run()


class _Merge:
    """The state of one merge; see `merge`."""

    def __init__(
        self,
        found: Subscriptions,
        path: Path,
        before: str | None,
        config: Config | None,
        environ: Mapping[str, str],
        *,
        category: str | None,
        trust: bool,
    ) -> None:
        self._found, self._path, self._environ = found, path, environ
        self._before, self._category, self._trust = before, category, trust
        self._config = load(path, environ, text="sources: []") if config is None else config
        #: Whether the file has nothing but perhaps comments.
        self._fresh = before is None or is_blank(before)
        self._ids = {source.id for source in self._config.sources}
        self._names = Categories(self._config)
        #: Slugs here, by those in the document.
        self._slugs: dict[str, str] = {}
        self._category_settings: dict[str, dict[str, Any]] = {}
        self._sections: dict[str, Any] = {}
        self._news: list[_New] = []
        self.made = Merged(pages=list(found.pages), refused=list(found.refused), remarks=list(found.remarks))

    def run(self) -> Merged:
        self._take_sections()
        self._take_folders()
        missing = self._missing(self._joined(self._found.sources))
        self._news = [new for one in missing if (new := self._taken(one)) is not None]
        text, config = self._settle()
        if text != self._before:
            self.made.text = text
        self._report(config)
        self.made.refused.sort(key=lambda one: one.line)
        return self.made

    # -- what is asked for ---------------------------------------------------------------------------------------------

    def _take_sections(self) -> None:
        sections = self._found.sections
        if sections and self._fresh:
            self._sections = self._without_risks(sections, 1, WHOLE)
        elif sections and self._before is not None:
            there = read_unresolved(self._before)
            others = ", ".join(f"`{name}`" for name, value in sections.items() if there.get(name) != value)
            if others:
                self.made.notes.append(f"its own {others} would be for a new {self._path.name}; yours stay as they are")

    def _take_folders(self) -> None:
        """Find the categories of the folders that our own export has written."""
        if self._category is not None:
            return
        for folder in self._found.folders:
            if folder.slug is None or folder.slug in self._slugs:
                continue
            slug = self._slugs[folder.slug] = self._names.named(folder.slug, folder.title)
            if slug in self._names.new and folder.settings:
                settings = self._without_risks(folder.settings, 1, f"category {slug}")
                if self._fresh or not any(map(has_reference, texts_in(settings))):
                    self._category_settings[slug] = settings
                else:
                    self.made.left_out.append(LeftOut(1, f"category {slug}", "it has references; write them by hand"))

    def _without_risks(self, settings: Mapping[str, Any], line: int, of: str) -> dict[str, Any]:
        if self._trust:
            return dict(settings)
        kept, risks = without_risks(settings)
        for key, why in risks.items():
            self.made.left_out.append(LeftOut(line, of, f"`{key}`: {why}; {TRUST}"))
        return kept

    def _joined(self, sources: Sequence[Subscription]) -> list[tuple[_Key, Subscription]]:
        """Join those of other programs that stand in the document several times: they get the categories of all."""
        first: dict[_Key, int] = {}
        found: list[tuple[_Key, Subscription]] = []
        for one in sources:
            key = _key(one.settings)
            place = len(found) if one.own else first.setdefault(key, len(found))
            if place == len(found):
                found.append((key, one))
            else:
                earlier = found[place][1]
                found[place] = key, replace(earlier, folders=(*earlier.folders, *one.folders))
                self.made.repeated.append(Repeated(one.line, one.address, earlier.line))
        return found

    def _missing(self, sources: Sequence[tuple[_Key, Subscription]]) -> Iterator[Subscription]:
        """Iterate over the sources that are not in feeds.yaml; the others are reported."""
        groups: dict[_Key, list[Subscription]] = defaultdict(list)
        for key, one in sources:
            groups[key].append(one)
        there = self._there() if self._config.sources else {}
        missing = set()
        for key, group in groups.items():
            left = dict(there.get(key, ()))
            # Several sources may have one address: those with the same name come first.
            for one in sorted(group, key=lambda one: one.settings.get("name") not in left.values()):
                name = one.settings.get("name")
                match = next((id for id in left if left[id] == name), next(iter(left), None))
                if match is None:
                    missing.add(id(one))
                else:
                    del left[match]
                    self.made.there.append(There(one.line, one.address, match))
        self.made.there.sort(key=lambda one: one.line)
        yield from (one for _, one in sources if id(one) in missing)

    def _there(self) -> dict[_Key, dict[str, str | None]]:
        """Return the ids of the sources of feeds.yaml, with their names, by kind and normalized address."""
        found: dict[_Key, dict[str, str | None]] = defaultdict(dict)
        unresolved = read_unresolved(self._before)["sources"] if self._before and "${" in self._before else None
        for index, source in enumerate(self._config.sources):
            found[source.kind, same_feed(source.url)][source.id] = source.name
            if unresolved is not None:
                found[_key(unresolved[index])][source.id] = source.name
        return found

    def _taken(self, one: Subscription) -> _New | None:
        """Return a source as it is to be added; None: it cannot be."""
        self.made.left_out += [LeftOut(one.line, _called(one), why) for why in one.left_out]
        if not self._trust:
            _, risks = without_risks(one.settings)
            if kind := next((key for key in risks if key in source_kinds()), None):
                why = f"`{kind}` cannot be taken over: {risks[kind]}; {TRUST}"
                self.made.refused.append(Refused(one.line, _called(one), why))
                return None
        settings = self._without_risks(one.settings, one.line, _called(one))
        if settings.get("id") in self._ids:
            # A source whose id is not written there would get another one.
            why = f"`id`: {show(settings.pop('id'))} is the id of another source"
            self.made.left_out.append(LeftOut(one.line, _called(one), why))
        several = settings.pop("categories", ())
        return _New(one, settings, self._slugs_of(one.folders, several if isinstance(several, list) else []))

    def _slugs_of(self, folders: Sequence[Folder], several: Sequence[object]) -> tuple[str, ...]:
        """Return the slugs of the categories of a source.

        Args:
            several: slugs as our own export has written them; its folder counts as the first one.
        """
        if self._category is not None:
            slug = self._names.slug(self._category)
            return () if slug is None else (slug,)
        found = [self._slug_of(folder) for folder in folders]
        found += [self._slugs.get(one, one) for one in several if isinstance(one, str)]
        return tuple(dict.fromkeys(slug for slug in found if slug is not None))

    def _slug_of(self, folder: Folder) -> str | None:
        return self._names.slug(folder.title) if folder.slug is None else self._slugs[folder.slug]

    # -- what can be had -----------------------------------------------------------------------------------------------

    def _settle(self) -> tuple[str | None, Config]:
        """Return the new text, and the configuration that it gives, without what is wrong."""
        for number in range(_ROUNDS):
            if not self._news and not (self._fresh and self._found.sections is not None):
                break
            text = self._text()
            try:
                return text, self._checked(text)
            except ConfigError as error:
                if not self._leave_out(error.problems, text, whole=number == _ROUNDS - 2):
                    raise
        return self._before, self._config

    def _text(self) -> str:
        try:
            return add_sources(
                self._new_file() if self._fresh else self._before or "",
                self._new_sources(),
                {slug: _plain(one) for slug, one in self._categories().items()},
                give_ids=not self._fresh,
            )
        except NotEditable as error:
            raise ConfigError([Problem(str(error), str(self._path))]) from None

    def _new_sources(self) -> list[NewSource]:
        return [NewSource(one.written(), references=True) for one in self._news]

    def _new_file(self) -> str:
        """Return a feeds.yaml without sources, with the settings and categories of our own export."""
        if self._found.sections is None:
            return EMPTY if self._before is None else self._before
        categories = self._categories()
        sections = self._sections | ({"categories": categories} if categories else {}) | {"sources": []}
        head = HEADER if self._before is None else self._before.removeprefix("\ufeff")
        return "\n".join([head, *("\n".join([*lines({name: one}, 0), ""]) for name, one in sections.items())])

    def _categories(self) -> dict[str, Any]:
        """Return the new categories as feeds.yaml has them: their titles, or all their settings."""
        made: dict[str, Any] = {}
        for slug, title in self._names.new.items():
            settings = self._category_settings.get(slug)
            titled = {} if title == slug else {"title": literal(title)}
            made[slug] = titled | settings if settings else literal(title)
        return made

    def _checked(self, text: str) -> Config:
        if self._fresh:
            return load(self._path, self._environ, text=text)
        return check_edit(self._config, text, self._environ, added=self._new_sources())

    def _leave_out(self, problems: Sequence[Problem], text: str, *, whole: bool) -> bool:
        """Leave out what is wrong; return whether any of it is new.

        Args:
            whole: leave out sources as a whole.
        """
        nodes = read_unresolved(text).get("sources") or []
        by_settings: dict[str, list[_New]] = defaultdict(list)
        for one in self._news:
            by_settings[compared(one.written())].append(one)
        refused: dict[int, Refused] = {}
        before = len(self.made.left_out)
        for problem in problems:
            if match := _OF_SOURCE.match(problem.path):
                for one in by_settings.get(compared(nodes[int(match[1])]), ()):
                    key = None if whole else match[2]
                    if not self._leave_out_of_source(one, key, problem.message):
                        refused[id(one)] = Refused(one.source.line, _called(one.source), problem.message)
            elif match := _OF_CATEGORY.match(problem.path):
                settings = self._category_settings.get(match[1], {})
                self._leave_out_of(settings, match[2], problem.message, f"category {match[1]}")
            elif match := _OF_SECTION.match(problem.path):
                inner = self._sections.get(match[1])
                if isinstance(inner, dict) and match[2] in inner:
                    self._leave_out_of(inner, match[2], problem.message, match[1])
                else:
                    self._leave_out_of(self._sections, match[1], problem.message, WHOLE)
        self._news = [one for one in self._news if id(one) not in refused]
        self.made.refused += refused.values()
        return bool(refused) or len(self.made.left_out) > before

    def _leave_out_of_source(self, one: _New, key: str | None, message: str) -> bool:
        """Leave out a setting of a source; return whether the source can do without it."""
        if key in _PLACES:
            if not one.slugs:
                return True
            one.slugs = ()
        elif key is None or key in source_kinds():
            return False
        elif key not in one.settings:
            # It had several problems.
            return True
        else:
            del one.settings[key]
        self.made.left_out.append(LeftOut(one.source.line, _called(one.source), f"`{key}`: {message}"))
        return True

    def _leave_out_of(self, settings: dict[str, Any], key: str | None, message: str, of: str) -> None:
        if key in settings:
            del settings[key]
            self.made.left_out.append(LeftOut(1, of, f"`{key}`: {message}"))

    # -- what came of it -----------------------------------------------------------------------------------------------

    def _report(self, new: Config) -> None:
        """Say what was added, with ids: the new sources of a category are in the order of the document."""
        ids: dict[str, Iterator[Source]] = {
            slug: iter([one for one in group if one.id not in self._ids])
            for slug, group in _by_category(new.sources).items()
        }
        for one in self._news:
            source = next(ids[one.slugs[0] if one.slugs else UNCATEGORIZED])
            kind, address = address_of(one.settings)
            self.made.added.append(Added(one.source.line, source.id, source.name, kind, _shown(address), one.slugs))
        used = {slug for one in self._news for slug in one.slugs}
        self.made.categories = {slug: title for slug, title in self._names.new.items() if slug in used or self._fresh}


def _by_category(sources: Sequence[Source]) -> dict[str, list[Source]]:
    found: dict[str, list[Source]] = defaultdict(list)
    for one in sources:
        found[one.category].append(one)
    return found


def _key(settings: Mapping[str, Any]) -> _Key:
    """Return what two sources of one address have in common."""
    kind, address = address_of(settings)
    if kind and "://" not in address:
        # A short form, such as a route.
        with suppress(ValueError):
            address = source_kinds()[kind].address(_settings_of(kind).validate_python(address))
    return kind, same_feed(address)


@cache
def _settings_of(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(source_kinds()[kind].SETTINGS)


def _called(one: Subscription) -> str:
    """Return what a source is called in messages."""
    name = one.settings.get("name")
    return _shown(name) if isinstance(name, str) and name else one.address


def _shown(text: str) -> str:
    """Return a text of feeds.yaml for people: as it is written if it has references."""
    shown: str = text if has_reference(text) else _plain(text)
    return shown


def _plain(value: Any) -> Any:
    """Undo `literal`."""
    if isinstance(value, str):
        return value.replace("$${", "${")
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
