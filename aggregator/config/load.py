"""feeds.yaml -> `Config`, or one `ConfigError` with everything that is wrong in the file.

In: a path and the environment. Out: frozen settings and sources with all defaults filled in. It reads that file and
the files that it refers to, nothing else, and must not touch the network.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aggregator.config import ids, notes
from aggregator.config.across import (
    CategoryNames,
    also,
    check_categories,
    check_duplicates,
    check_instances,
    check_outputs,
    source_nodes,
)
from aggregator.config.configuration import UNCATEGORIZED, Config, Provenance
from aggregator.config.mistakes import explain, synonym
from aggregator.config.outputs import join_levels, make_outputs
from aggregator.config.posts import PRESET_FILE, TEMPLATE_FILE, OwnPreset, check_posts, list_posts, read_presets
from aggregator.config.problems import Path as KeyPath
from aggregator.config.problems import Place, Problems, show
from aggregator.config.ruling import ListFiles, check_rules, credentials, make_rule_lists, uses_rules, with_digests
from aggregator.config.secrets import (
    SHORTEST_SECRET,
    References,
    basic_credentials,
    contains_secret,
    mask,
    public_address,
    redact,
)
from aggregator.config.settings import (
    RENAMED,
    CategorySettings,
    CommonSettings,
    FileSettings,
    RetentionSettings,
    file_model,
    source_kinds,
    source_model,
)
from aggregator.config.templates import FOR, Open, Templates, is_open
from aggregator.config.tree import ListNode, MapNode, find_place, parse_yaml, read_text
from aggregator.errors import Problem
from aggregator.models import (
    Auto,
    Category,
    Every,
    Interval,
    Mirrored,
    Retention,
    Source,
    host_of,
)
from aggregator.place import from_environment, passwords

MAX_FILE = 32 * 10**6
"""Bytes in feeds.yaml at most."""

#: Values below these keys are published anyway; everything else that a reference gives is kept secret.
_PUBLIC_SECTIONS = frozenset({"site", "posts", "feeds", "categories", "outputs"})


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the kind of a source makes of the value of its key."""

    name: str
    url: str
    rules: object

    @property
    def secrets(self) -> frozenset[str]:
        return self.rules.secrets if isinstance(self.rules, Mirrored) else frozenset()


def load(path: Path, environ: Mapping[str, str], *, text: str | None = None) -> Config:
    """Read and check feeds.yaml.

    Args:
        path: the file.
        environ: where ``${env:NAME}`` is looked up, usually `os.environ`.
        text: the text to load in place of the file's own; None: read the file.

    Raises:
        ConfigError: with all problems found, sorted by place, without any secret.
    """
    problems = Problems(str(path))
    references = References(path.parent, environ)
    hashed = ""
    if text is None:
        text, hashed = _read(path, problems)
    written = text.removeprefix("\ufeff")
    tree, entries, templates = _parse(written, references, problems)
    renamed = _rename_keys(tree, problems)
    lists = ListFiles(path.parent)
    document, source_ids = _check(tree, lists, problems)
    presets = read_presets(document.posts, path.parent, tree, problems)
    kinds = _kinds(document, tree, problems)
    sent = _credentials(document.sources, kinds) | credentials(document)
    confidential = frozenset(problems.secrets.union(sent))
    sources = _in_phase(_sources(document, kinds, source_ids, tree["sources"], confidential))
    database = from_environment(environ) or document.database
    secrets = confidential.union(
        passwords(database), *map(CommonSettings.secrets, document.sources), *(kind.secrets for kind in kinds)
    )
    duplicates = join_levels(document)
    rules = make_rule_lists(document, tree, sources, duplicates, lambda text: redact(text, secrets))
    sources = with_digests(sources, rules)
    remarks = [*renamed, *notes.collect(written, tree, document, sources, environ)]
    read = (*references.found, *lists.found, *_presets_read(presets, path.parent))
    return Config(
        site=document.site,
        posts=document.posts,
        presets=presets,
        feeds=document.feeds,
        fetch=document.fetch,
        rsshub=document.rsshub,
        hooks=document.hooks,
        after_publish=document.after_publish,
        categories=_categories(document, sources),
        sources=sources,
        path=path,
        database=database,
        secrets=secrets,
        confidential=confidential,
        notes=_placed(remarks, tree, problems),
        provenance=Provenance(hashed, read, references.of_database),
        outputs=make_outputs(document, rules.outputs),
        duplicates=duplicates,
        rules=rules,
        entries=entries,
        templates=templates,
    )


def _check(tree: MapNode, lists: ListFiles, problems: Problems) -> tuple[FileSettings, list[str]]:
    """Return the checked settings, and the ids of the sources.

    Raises:
        ConfigError: there is any problem.
    """
    list_posts(tree, problems)
    document = _validate(tree, lists, problems)
    _check_kinds(tree, problems)
    check_categories(tree, problems)
    check_outputs(tree, problems)
    check_instances(tree, problems)
    if uses_rules(tree):
        check_rules(tree, CategoryNames(tree, problems).mistake, problems)
    source_ids = _identify(tree, problems)
    check_duplicates(tree, source_ids, problems)
    if document is not None:
        check_posts(document.posts, [*document.categories, UNCATEGORIZED], tree, problems)
    problems.raise_any()
    # Without problems, there is a document.
    assert document is not None
    return document, source_ids


def _parse(text: str, references: References, problems: Problems) -> tuple[MapNode, tuple[int, ...], frozenset[int]]:
    """Read the text, and write out its templated sources; for the last two see `Config`."""
    resolve = _resolver(references, problems)
    opened = False

    def replace_later(value: str, path: KeyPath) -> str:
        nonlocal opened
        if path[:1] == ("sources",) and path[2:3] == (FOR,):
            raise ValueError("cannot be a reference; write it where the variable is used")
        if not is_open(value):
            return resolve(value, path)
        opened = True
        return Open(value)

    tree = parse_yaml(text, problems, replace_later)
    entries, templates = Templates(resolve, problems).write_out(tree, opened=opened)
    problems.entries = entries if templates else None
    return tree, entries, templates


def _presets_read(presets: Mapping[str, OwnPreset], folder: Path) -> Iterable[tuple[str, str, str]]:
    """Yield the files of one's own presets, as references."""
    for name in presets:
        for file in (PRESET_FILE, TEMPLATE_FILE):
            if (folder / name / file).is_file():
                digest = hashlib.sha256((folder / name / file).read_bytes()).hexdigest()
                yield "file", f"{name.rstrip('/')}/{file}", digest


def _resolver(references: References, problems: Problems) -> Callable[[str, KeyPath], str]:
    """Make the function that replaces the references in a text, and records secrets in `problems`."""

    def resolve(text: str, key_path: KeyPath) -> str:
        before = references.files
        replaced, values = references.replace(text)
        if key_path == ("database",):
            references.of_database = references.files - before
            # No source and no post has it, so it need not be looked for there.
            return replaced
        if key_path and (key_path[0] not in _PUBLIC_SECTIONS or "rules" in key_path[:3]):
            problems.secrets.update(value for value in values if value)
            if any(0 < len(value) < SHORTEST_SECRET for value in values):
                # A short value occurs everywhere by chance; the whole text around it does not.
                problems.secrets.add(replaced.partition("://")[2] or replaced)
        return replaced

    return resolve


def _placed(remarks: Iterable[tuple[KeyPath, str]], tree: MapNode, problems: Problems) -> tuple[Problem, ...]:
    """Add the places to remarks; sorted, without any secret."""
    placed = Problems(problems.file)
    placed.secrets = problems.secrets
    placed.entries = problems.entries
    for about, message in remarks:
        placed.add(message, find_place(tree, about), about)
    return placed.sorted()


def _read(path: Path, problems: Problems) -> tuple[str, str]:
    """Read the file: its text, and a digest of its bytes."""
    try:
        text, data = read_text(path, problems, MAX_FILE)
    except FileNotFoundError:
        raise problems.fatal("there is no such file; `aggregator init` writes one to start from") from None
    except IsADirectoryError:
        raise problems.fatal(f"is a folder; name a file, such as `{path / 'feeds.yaml'}`") from None
    return text, hashlib.sha256(data).hexdigest()


def _validate(tree: MapNode, lists: ListFiles, problems: Problems) -> FileSettings | None:
    model = file_model(rules=uses_rules(tree))
    try:
        return model.model_validate(tree, context={"read_list": lists.read})
    except ValidationError as error:
        explain(error, tree, model, problems)
        return None


def _rename_keys(tree: MapNode, problems: Problems) -> list[tuple[KeyPath, str]]:
    """Give keys of sources that have old names their new ones, and return a remark on each."""
    remarks: list[tuple[KeyPath, str]] = []
    for index, node in source_nodes(tree):
        for old, new in RENAMED.items():
            if old in node and new in node:
                message = f"has both `{new}` and `{old}`, its old name; remove `{old}`"
                problems.add(message, node.key_places[old], ("sources", index, old))
                node.remove(old)
            elif old in node:
                node.rename(old, new)
                remarks.append((("sources", index, new), f"`{old}` is now `{new}`; the old name still works"))
    return remarks


def _check_kinds(tree: MapNode, problems: Problems) -> None:
    kinds = source_kinds()
    *others, last = (f"`{name}`" for name in kinds)
    wanted = f"{', '.join(others)} or {last}"
    for index, node in source_nodes(tree):
        given = [name for name in kinds if name in node]
        if not given and not _kind_reported(tree, node, problems):
            place = find_place(tree, ("sources", index))
            problems.add(f"has no address; add {wanted}", place, ("sources", index))
        for extra in given[1:]:
            message = f"has both `{given[0]}` and `{extra}`; keep one of them, or write two sources"
            problems.add(message, node.key_places[extra], ("sources", index, extra))


def _kind_reported(tree: MapNode, node: MapNode, problems: Problems) -> bool:
    """Whether the source names its kind by an unknown key, or one at the top level, which is reported already."""
    known, kinds = list(source_model().model_fields), source_kinds()
    named = any((synonym(key, known) or problems.near(key, known)) in kinds for key in node)
    return named or any(name in tree for name in kinds if name not in FileSettings.model_fields)


def _identify(tree: MapNode, problems: Problems) -> list[str]:
    """Return the ids of the sources, in order, also of those with other errors, and report duplicates."""
    rows = [(index, node, _address(node)) for index, node in source_nodes(tree)]
    named = [
        ids.Named(_text(node.get("id")), _text(node.get("name")), address)
        for _, node, address in rows
        if address is not None
    ]
    nodes = [(index, node) for index, node, address in rows if address is not None]
    assigned = ids.assign(named)
    for first, later in ids.repeated(assigned):
        index, node = nodes[later]
        line = find_place(tree, ("sources", nodes[first][0]))[0]
        if problems.entries and problems.entries[nodes[first][0]] == problems.entries[index]:
            what = f"two sources with the id {show(assigned[later])}" if named[later].id else "the same source twice"
            key = "`id`" if named[later].id else "address, or in an `id`"
            message = f"`for` makes {what}; write every variable in its {key}"
            problems.add(message, find_place(tree, ("sources", index)), ("sources", index))
        elif named[later].id is not None and named[first].id is not None:
            message = f"the id {show(assigned[later])} is already used on line {line}; every source needs its own"
            problems.add(message, node.value_places["id"], ("sources", index, "id"))
        else:
            message = f"the same source twice, first on line {line}; remove one, or give each its own `id`"
            problems.add(message, find_place(tree, ("sources", index)), ("sources", index))
    return assigned


def _address(node: MapNode) -> str | None:
    """Return the address of a source as it is written in the file, before references are replaced."""
    for name, kind in source_kinds().items():
        short = kind.ADDRESS_KEY is None or isinstance(node.get(name), str)
        holder: Any = node if short else node.get(name)
        key = name if short or kind.ADDRESS_KEY is None else kind.ADDRESS_KEY
        if isinstance(holder, MapNode) and isinstance(holder.get(key), str):
            return holder.written.get(key) or str(holder[key])
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class _Defaults:
    """The settings that sources of one category, or of none, have unless they have their own."""

    interval: Interval
    #: Settings of the retention, in order of precedence.
    levels: tuple[RetentionSettings, ...]
    retention: Retention

    @classmethod
    def of(cls, category: CategorySettings | None, document: FileSettings) -> _Defaults:
        chosen = (category.interval if category else None) or document.fetch.interval
        own = category.retention if category else None
        levels = (document.retention,) if own is None else (own, document.retention)
        return cls(chosen.interval(document.site.timezone), levels, _retention(levels))


def _sources(
    document: FileSettings,
    kinds: Sequence[_Kind],
    source_ids: Sequence[str],
    nodes: ListNode,
    confidential: frozenset[str],
) -> tuple[Source, ...]:
    """Return all sources, in the order of the file."""
    # What the sources of a category have in common is computed once.
    defaults = {slug: _Defaults.of(category, document) for slug, category in (("", None), *document.categories.items())}
    return tuple(
        _source(settings, kind, identity, document, defaults, line, confidential)
        for settings, kind, identity, (line, _) in zip(
            document.sources, kinds, source_ids, nodes.value_places, strict=True
        )
    )


def _source(
    settings: CommonSettings,
    chosen: _Kind,
    identity: str,
    document: FileSettings,
    defaults: Mapping[str, _Defaults],
    line: int,
    confidential: frozenset[str],
) -> Source:
    """One source with all defaults filled in.

    Args:
        chosen: its kind.
        defaults: by category; those of sources without a category by "".
        confidential: as in `Config`.
    """
    kind, url = chosen.name, chosen.url
    host = host_of(url)
    fetch = document.fetch
    private = settings.allow_private_addresses
    common, interval, retention = defaults[_first_category(settings)], settings.interval, settings.retention
    return Source(
        id=identity,
        name=settings.name and mask(settings.name, confidential),
        kind=kind,
        url=url,
        category=_first_category(settings) or UNCATEGORIZED,
        section=settings.section and mask(settings.section, confidential),
        interval=common.interval if interval is None else interval.interval(document.site.timezone),
        timeout=settings.timeout or fetch.timeout,
        max_body=settings.max_body or fetch.max_body,
        allow_private=fetch.allow_private_addresses if private is None else private,
        rules=chosen.rules,
        explicit_id=settings.id is not None,
        line=line,
        access=settings.access(),
        retention=common.retention if retention is None else _retention((retention, *common.levels)),
        public_url=public_address(url, confidential),
        fallback_name=identity if host is None or contains_secret(host, confidential) else host,
        poll_without_validators=settings.poll_without_validators,
        paused=settings.paused,
        republish=settings.republish,
        copyright=settings.copyright and mask(settings.copyright, confidential),
        noindex=settings.noindex,
        also_in=(settings.categories or ())[1:],
        review=settings.review,
    )


def _in_phase(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """Return the sources, those of one request with the same place in an interval."""
    addresses = Counter((source.kind, source.url) for source in sources)
    if len(addresses) == len(sources):
        return sources
    first: dict[tuple[object, ...], str] = {}
    return tuple(
        source
        if addresses[source.kind, source.url] == 1
        or (leader := first.setdefault(source.request, source.id)) == source.id
        else replace(source, phase=leader)
        for source in sources
    )


def _first_category(settings: CommonSettings) -> str:
    """Return the slug of the category of a source; empty where it names none."""
    return settings.categories[0] if settings.categories else settings.category or ""


def _credentials(settings: Sequence[CommonSettings], kinds: Sequence[_Kind]) -> set[str]:
    """Return what is sent to sign in at sources: confidential, as no text contains it by chance."""
    headers = {one.auth.header.partition(" ")[2] for one in settings if one.auth is not None}
    return headers | {sent for kind in kinds if "@" in kind.url and (sent := basic_credentials(kind.url))}


def _retention(levels: Sequence[RetentionSettings]) -> Retention:
    """How long entries are kept: each key from the source, its category or the top level, in that order."""
    return Retention(
        age=next((level.age for level in levels if level.age is not None), None),
        count=next((level.count for level in levels if level.count is not None), None),
        delete_posts=next((level.posts for level in levels if level.posts is not None), "keep") == "delete",
    )


def _kinds(document: FileSettings, tree: MapNode, problems: Problems) -> list[_Kind]:
    """Return the kind of each checked source.

    Raises:
        ConfigError: the file lacks something that a source needs.
    """
    kinds, made = source_kinds(), []
    lacking: dict[str, list[tuple[Place, KeyPath]]] = {}
    for (index, node), settings in zip(source_nodes(tree), document.sources, strict=True):
        name, value = next((name, value) for name in kinds if (value := getattr(settings, name)) is not None)
        try:
            made.append(_Kind(name, kinds[name].address(value), kinds[name].make_rules(value, document)))
        except ValueError as error:
            lacking.setdefault(str(error), []).append((node.key_places[name], ("sources", index, name)))
    for message, uses in lacking.items():
        place, path = uses[0]
        problems.add(message + also([line for (line, _), _ in uses[1:] if line != place[0]]), place, path)
    problems.raise_any()
    return made


def _categories(document: FileSettings, sources: tuple[Source, ...]) -> dict[str, Category]:
    limit = document.feeds.limit
    found = {
        slug: Category(slug, settings.title or slug, settings.description, settings.limit or limit)
        for slug, settings in document.categories.items()
    }
    if UNCATEGORIZED not in found and any(source.category == UNCATEGORIZED for source in sources):
        found[UNCATEGORIZED] = Category(UNCATEGORIZED, "Uncategorized", None, limit, implicit=True)
    shortest: dict[str, timedelta] = {}
    for source in sources:
        interval = _interval(source.interval)
        shortest[source.category] = min(interval, shortest.get(source.category, interval))
    return {slug: replace(category, interval=shortest.get(slug)) for slug, category in found.items()}


def _interval(interval: Interval) -> timedelta:
    """Return how often a source is fetched at most; the times of a cron expression are taken to be an hour apart."""
    if isinstance(interval, Every):
        return interval.period
    return interval.min if isinstance(interval, Auto) else timedelta(hours=1)
