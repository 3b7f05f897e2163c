"""The settings of posts, and one's own presets: a folder with `preset.yaml` and perhaps `body.html.j2`.

In: values of feeds.yaml, and the folders that it names. Out: frozen settings, or problems with their places. The names
of the presets, and of the values that their fields can have, come from the registry of presets.
"""

from __future__ import annotations

import hashlib
import importlib.util
import posixpath
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, PlainValidator, ValidationError, WithJsonSchema, model_validator

from aggregator.config.fields import Maybe, Placeholder, Section, Url
from aggregator.config.mistakes import explain
from aggregator.config.problems import Path as KeyPath
from aggregator.config.problems import Problems, show
from aggregator.config.tree import ListNode, MapNode, find_place, parse_yaml, read_text
from aggregator.errors import ConfigError
from aggregator.publish.posts.presets import PATH_KEYS, PRESETS, Body, Dates, Value

DEFAULT_FOLDER = "posts"
"""The folder of the posts where feeds.yaml names none."""
PRESET_FILE, TEMPLATE_FILE = "preset.yaml", "body.html.j2"
_MAX_FILE = 256 * 1024
_MAX_PATH = 200

VALUES: tuple[str, ...] = get_args(Value)
"""What a field of the front matter can say."""

#: Folders of the data folder with other contents.
_OTHER_FOLDERS = frozenset({"public"})
_FOLDER_NAME = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_-]*")
# As in the names of posts: what Windows forbids, and what has a meaning in an address.
_NOT_IN_PATHS = re.compile(r'[\\:*?"<>|#%{}\s]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
#: Most bytes of UTF-8 in one part of a pattern, besides what takes the place of its words.
_MAX_LITERAL = 60
#: How the names of all posts for Jekyll begin.
_DATED = "{year}-{month}-{day}-"
_SUFFIX = re.compile(r"\.[a-z0-9]{1,10}")
_COMMENTS = re.compile(r"^\s*#.*$", re.MULTILINE)
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,60}")


# -- single values -----------------------------------------------------------------------------------------------------


def preset_name(value: object) -> str:
    """Check the name of a preset, or the path of the folder of one's own."""
    if isinstance(value, str) and ("/" in value or value.startswith(".")):
        # A folder of posts remembers its preset by this name: it has one spelling.
        name = posixpath.normpath(value)
        return name if name.startswith(("/", ".")) else f"./{name}"
    if isinstance(value, str) and value in PRESETS:
        return value
    names = ", ".join(f"`{name}`" for name in PRESETS)
    near = get_close_matches(value.lower(), PRESETS, n=1) if isinstance(value, str) else []
    hint = f"; did you mean `{near[0]}`?" if near else ""
    own = "the path of your own, such as `./my-preset/`"
    raise ValueError(f"{show(value)} is not a preset; use {names}, or {own}{hint}")


def folder_name(value: object) -> str:
    """Check the name of a folder below the data folder; it may be nested."""
    parts = value.rstrip("/").split("/") if isinstance(value, str) else []
    if not parts or len("/".join(parts)) > _MAX_PATH or not all(map(_FOLDER_NAME.fullmatch, parts)):
        raise ValueError(
            f"{show(value)} cannot be the folder of posts: write a path below the data folder such as `posts` or "
            "`site/content`, of letters, digits, `-` and `_`"
        )
    if reserved := next(filter(_RESERVED.fullmatch, parts), None):
        raise ValueError(f"{show(value)} cannot be the folder of posts: Windows keeps `{reserved}` for itself")
    if parts[0].lower() in _OTHER_FOLDERS:
        raise ValueError(f"{show(value)} is not free: `{parts[0]}` has the feeds; choose another folder")
    return "/".join(parts)


def path_pattern(value: object) -> str:
    """Check the pattern of the paths of posts."""
    if not isinstance(value, str) or not value or len(value) > _MAX_PATH:
        raise ValueError(f"must be a path such as `{{category}}/{{year}}/{{name}}`, not {show(value)}")
    try:
        fields = [(text, name, spec, conversion) for text, name, spec, conversion in string.Formatter().parse(value)]
    except ValueError:
        raise ValueError(f"{show(value)}: a brace is open or closed alone") from None
    names = [name for _, name, _, _ in fields if name is not None]
    known = ", ".join(f"`{{{name}}}`" for name in PATH_KEYS)
    for _, name, spec, conversion in fields:
        if name is not None and (name not in PATH_KEYS or spec or conversion):
            raise ValueError(f"{show(value)}: `{{{name}}}` is not known here; use {known}")
    parts = value.split("/")
    literal = "".join([text for text, *_ in fields])
    if odd := _NOT_IN_PATHS.search(literal):
        sign = "white space" if odd[0].isspace() else show(odd[0])
        raise ValueError(f"{show(value)} cannot be a path: remove {sign}")
    if not literal.isprintable():
        raise ValueError(f"{show(value)} cannot be a path: remove what is invisible in it")
    if long := next((part for part in literal.split("/") if len(part.encode()) > _MAX_LITERAL), None):
        raise ValueError(f"{show(long)} is too long for a part of a path, which needs room for a name; shorten it")
    if any(not part or part.startswith((".", "_", "-", "~")) or part.endswith((".", " ")) for part in parts):
        raise ValueError(
            f"{show(value)} cannot be a path: its parts must not be empty, begin with `.`, `-` or `_`, or end with `.`"
        )
    if reserved := next(filter(_RESERVED.fullmatch, parts), None):
        raise ValueError(f"{show(value)} cannot be a path: Windows keeps `{reserved}` for itself")
    if not {"name", "id"} & {name for name in names if f"{{{name}}}" in parts[-1]}:
        raise ValueError(f"{show(value)} must end with a part that has `{{name}}` or `{{id}}`, so that names differ")
    return value


def suffix(value: object) -> str:
    """Check the suffix of the files of posts."""
    if not isinstance(value, str) or not _SUFFIX.fullmatch(value):
        raise ValueError(f"{show(value)} is not a suffix; write one such as `.md` or `.html`")
    return value


def _fields(value: object) -> tuple[tuple[str, str], ...]:
    """Check a mapping from keys to names of values, which may have mappings in it."""
    return tuple(_checked(value, "", _value_name))


def _constants(value: object) -> tuple[tuple[str, str | bool | int], ...]:
    """Check a mapping from keys to texts, numbers, `true` and `false`, which may have mappings in it."""
    return tuple(_checked(value, "", _constant))


def _checked(value: object, before: str, check: Any) -> Sequence[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a mapping of keys and values, not {show(value)}")
    found: list[tuple[str, Any]] = []
    for key, one in value.items():
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise ValueError(f"{show(key)} cannot be a key: use letters, digits, `-` and `_`")
        if isinstance(one, Mapping):
            found += _checked(one, f"{before}{key}.", check)
        else:
            found.append((before + key, check(one)))
    return found


def _value_name(value: object) -> str:
    if isinstance(value, str) and value in VALUES:
        return value
    near = get_close_matches(str(value), VALUES, n=1)
    hint = f"; did you mean `{near[0]}`?" if near else ""
    raise ValueError(f"{show(value)} is not a value of a post; use {', '.join(f'`{name}`' for name in VALUES)}{hint}")


def _constant(value: object) -> str | bool | int:
    if isinstance(value, str | bool | int):
        return value
    raise ValueError(f"{show(value)} must be text, a whole number, `true` or `false`")


PresetName = Annotated[
    str,
    PlainValidator(preset_name),
    WithJsonSchema({"anyOf": [{"enum": list(PRESETS)}, {"type": "string", "pattern": r"/|^\."}]}),
]
FolderName = Annotated[str, PlainValidator(folder_name), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_]"})]
PathPattern = Annotated[
    str, PlainValidator(path_pattern), WithJsonSchema({"type": "string", "pattern": r"\{(name|id)\}"})
]
Suffix = Annotated[str, PlainValidator(suffix), WithJsonSchema({"type": "string", "pattern": f"^{_SUFFIX.pattern}$"})]


# -- sections ----------------------------------------------------------------------------------------------------------


class PostSettings(Section):
    """How entries become posts in one folder."""

    preset: PresetName = Field(
        default="hexo", description="The form of the post files, or the path of a folder with your own preset."
    )
    folder: FolderName = Field(default=DEFAULT_FOLDER, description="The folder of the posts, below the data folder.")
    path: Maybe[PathPattern] = Field(
        default=None,
        description="Pattern of the paths of new posts, without their suffix; that of the preset if left out.",
    )
    categories: Maybe[tuple[str, ...]] = Field(
        default=None, description="Slugs of the categories whose entries become posts here; all if left out."
    )
    on_edit: Literal["beside", "ignore"] = Field(
        default="beside",
        description="What happens to a new version of a post that you have edited: it goes `beside` the file, or "
        "nowhere (`ignore`).",
    )
    footer: bool = Field(
        default=False,
        strict=True,
        description="Whether a link to the original follows the text; only for `hexo`, as others state it as a field.",
    )
    image_proxy: Maybe[Url] = Field(
        default=None, description="Prefix for the address of every `http://` image; none if left out."
    )
    placeholder: Placeholder = Field(
        default="https://picsum.photos/400/300?random={n}",
        description="Picture for posts without one; `{n}` becomes a number from 0 to 9999, always the same for "
        "a post. `false`: no picture. If left out, only `hexo` has one.",
    )

    @model_validator(mode="after")
    def _footer_of_hexo(self) -> PostSettings:
        if self.footer and self.preset != "hexo":
            raise ValueError("`footer` is only for `hexo`; remove it, the address of the original is a field")
        return self

    @property
    def picture(self) -> str | None:
        """Address of the picture of posts without one, or None."""
        return self.placeholder if self.preset == "hexo" or "placeholder" in self.model_fields_set else None

    @property
    def is_own(self) -> bool:
        """Whether the preset is the path of a folder."""
        return self.preset not in PRESETS


DATES = (
    "How dates are written, always in UTC: `rfc3339` (`2022-06-29T06:36:00+00:00`), `zulu` (with `Z`), `local` "
    "(without a zone), `spaced` (`2022-06-29 06:36:00 +0000`) or `rfc822` (`Wed, 29 Jun 2022 06:36:00 GMT`)."
)


class PresetFile(Section):
    """The whole of a preset.yaml."""

    front_matter: Literal["yaml", "toml", "none"] = Field(
        default="yaml", description="The form of the front matter: `yaml`, `toml` or `none`."
    )
    fields: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_fields)] = Field(
        default=(),
        description="Keys of the front matter, each with the name of a value or with such keys; none if left out.",
    )
    constants: Annotated[tuple[tuple[str, str | bool | int], ...], BeforeValidator(_constants)] = Field(
        default=(),
        description="Keys of the front matter that are the same for all posts, with their values; none if left out.",
    )
    dates: Dates = Field(default="rfc3339", description=DATES)
    body: Body = Field(
        default="html", description="The text: `html`, `block` (HTML that is one block to Markdown) or `markdown`."
    )
    escape_braces: bool = Field(
        default=False, strict=True, description="Whether `{` and `}` become references, because a template engine runs."
    )
    suffix: Suffix = Field(default=".html", description="The suffix of the files.")
    path: PathPattern = Field(default="{category}/{name}", description="Pattern of the paths, without the suffix.")

    @model_validator(mode="after")
    def _keys_differ(self) -> PresetFile:
        keys = [key for key, _ in (*self.fields, *self.constants)]
        for key in keys:
            if keys.count(key) > 1 or any(other.startswith(f"{key}.") for other in keys):
                raise ValueError(f"the key {show(key)} is there twice; keep one of `fields` and `constants`")
        return self

    @model_validator(mode="after")
    def _fields_have_a_place(self) -> PresetFile:
        if self.front_matter == "none" and (self.fields or self.constants):
            raise ValueError("`fields` and `constants` need a `front_matter`; write `yaml` or `toml`, or remove them")
        return self

    @model_validator(mode="after")
    def _suffix_follows(self) -> PresetFile:
        if mistake := _repeated(self.path, self.suffix):
            raise ValueError(f"`path`: {mistake}")
        return self


@dataclass(frozen=True, slots=True)
class OwnPreset:
    """One's own preset, read and checked."""

    settings: PresetFile
    #: The source of the template of the body; None: the body alone.
    template: str | None
    #: SHA-256 of what was read.
    digest: str


# -- reading -----------------------------------------------------------------------------------------------------------


def list_posts(tree: MapNode, problems: Problems) -> None:
    """Put the one mapping below `posts` into a list: it is the short form of one."""
    posts = tree.get("posts")
    if posts is not None and not isinstance(posts, ListNode):
        place = tree.value_places["posts"]
        tree["posts"] = listed = ListNode(place)
        listed.append(posts)
        listed.value_places.append(place)
        problems.unwritten.add(("posts", 0))


def check_posts(posts: Sequence[PostSettings], categories: Sequence[str], tree: MapNode, problems: Problems) -> None:
    """Report what is wrong between settings, and libraries that are not installed."""

    def report(message: str, index: int, *key: str) -> None:
        path: KeyPath = ("posts", index, *key)
        problems.add(message, find_place(tree, path), path)

    for index, one in enumerate(posts):
        other = next((before for before in range(index) if _overlap(posts[before].folder, one.folder)), None)
        if len(posts) > 1 and "folder" not in one.model_fields_set:
            report("has no `folder`; where there are several, each needs its own", index)
        elif other is not None:
            line = find_place(tree, ("posts", other))[0]
            text = f"{show(one.folder)} is, contains or is below the folder on line {line}; choose another one"
            report(text, index, "folder")
        for slug in one.categories or ():
            if slug not in categories:
                report(f"there is no category {show(slug)}{problems.hint(slug, categories)}", index, "categories")
        if one.path and (mistake := _mistake_for(one.preset, one.path)):
            report(mistake, index, "path")
        if one.preset in PRESETS and PRESETS[one.preset].body == "markdown" and (missing := _missing_library()):
            report(f"the preset {show(one.preset)} {missing}", index, "preset")


def _mistake_for(name: str, path: str) -> str:
    """Return what is wrong with a pattern for one of the presets that are there; empty if nothing is."""
    preset, last = PRESETS.get(name), path.rpartition("/")[2]
    if preset is None:
        return ""
    if preset.dated_names and not last.startswith(_DATED):
        return f"must end with a part that begins with `{_DATED}`, as Jekyll reads only such files"
    if preset.renamed is not None and _DATED in last:
        return "Eleventy drops such a date, so that two posts could have one address; write `{year}/{month}/{name}`"
    return _repeated(path, preset.suffix)


def _repeated(path: str, suffix: str) -> str:
    return f"`{suffix}` follows the path in any case; remove it" if path.endswith(suffix) else ""


def _overlap(one: str, other: str) -> bool:
    """Whether two folders are one, or one contains the other; names that differ by case are one on some systems."""
    first, second = f"{one}/".lower(), f"{other}/".lower()
    return first.startswith(second) or second.startswith(first)


def _missing_library() -> str:
    if importlib.util.find_spec("html_to_markdown"):
        return ""
    return "needs html-to-markdown; install this program with the extra `markdown`"


def read_preset(folder: Path) -> OwnPreset:
    """Read and check one's own preset.

    Raises:
        ConfigError: with all problems found, in the file that has them.
        FileNotFoundError: there is none.
    """
    problems = Problems(str(folder / PRESET_FILE))
    text = _read(folder / PRESET_FILE, problems)
    if text is None:
        raise FileNotFoundError(folder / PRESET_FILE)
    if not _COMMENTS.sub("", text).strip():
        raise problems.fatal("the file is empty; write what posts have, such as `fields: {title: title}`")
    tree = parse_yaml(text.removeprefix("\ufeff"), problems, lambda found, path: found)
    settings = None
    try:
        settings = PresetFile.model_validate(tree)
    except ValidationError as error:
        explain(error, tree, PresetFile, problems)
    if settings is not None and settings.body == "markdown" and (missing := _missing_library()):
        problems.add(f"`markdown` {missing}", find_place(tree, ("body",)), ("body",))
    problems.raise_any()
    assert settings is not None
    template = _read(folder / TEMPLATE_FILE, Problems(str(folder / TEMPLATE_FILE)))
    if template is not None:
        _check_template(template, folder / TEMPLATE_FILE)
    digest = hashlib.sha256(f"{text}\0{template}".encode()).hexdigest()
    return OwnPreset(settings, template, digest)


def _read(path: Path, problems: Problems) -> str | None:
    try:
        return read_text(path, problems, _MAX_FILE)[0]
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise problems.fatal("is a folder; it has to be a file") from None


def _check_template(text: str, path: Path) -> None:
    """Check the syntax of a template, and that it uses only what a post has.

    Raises:
        ConfigError: it is not a template.
    """
    from jinja2 import TemplateSyntaxError, meta
    from jinja2.sandbox import SandboxedEnvironment

    problems = Problems(str(path))
    environment = SandboxedEnvironment(autoescape=True)
    try:
        tree = environment.parse(text)
        # Names of filters and tests are looked up here.
        environment.compile(text)
    except TemplateSyntaxError as error:
        raise problems.fatal(f"not a template: {error.message}", (error.lineno, 1)) from None
    except (RecursionError, MemoryError):
        raise problems.fatal("its expressions are nested too deep") from None
    known = (*VALUES, "body")
    for name in sorted(meta.find_undeclared_variables(tree) - {*known}):
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        names = ", ".join(f"`{one}`" for one in known)
        problems.add(f"a post has no {show(name)}; use {names}{hint}")
    for referenced in meta.find_referenced_templates(tree):
        what = "another template" if referenced is None else show(referenced)
        problems.add(f"{what} cannot be included; a preset has one template")
    problems.raise_any()


def read_presets(
    posts: Sequence[PostSettings], folder: Path, tree: MapNode, problems: Problems
) -> dict[str, OwnPreset]:
    """Read one's own presets that the settings name, by their names.

    Args:
        folder: where relative paths begin.
        tree: the file with the settings.
        problems: of this file.

    Raises:
        ConfigError: there are none where the settings say; otherwise with the problems of all of them.
    """
    found: dict[str, OwnPreset] = {}
    wrong: list[Any] = []
    for name, index in {one.preset: index for index, one in enumerate(posts) if one.is_own}.items():
        try:
            found[name] = read_preset(folder / name)
        except FileNotFoundError:
            path: KeyPath = ("posts", index, "preset")
            said = f"{folder / name / PRESET_FILE}: there is no such file; a preset is a folder with a `{PRESET_FILE}`"
            problems.add(said, find_place(tree, path), path)
        except ConfigError as error:
            wrong += error.problems
    problems.raise_any()
    if wrong:
        raise ConfigError(wrong)
    return found
