"""The front matter of a post.

In: an item and a preset. Out: the text of the front matter, in the form that the preset names. Pure.

The lines of the contract are written here: a string becomes a scalar that parsers of YAML 1.1 and YAML 1.2 load as the
same string, in a block context, on one line, at column 1 or later. YAML and TOML of all other forms are written by
libraries.
"""

from __future__ import annotations

import html
import re
import string
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from aggregator.models import Item, Origin
from aggregator.publish.names import MAX_BYTES, cut, slug_of
from aggregator.publish.posts.presets import Dates, Field, Form, Preset, Value
from aggregator.values.markup import attribute_value, xml_text

#: A possible character reference; names have at most 32 characters.
_REFERENCE = re.compile(r"&(?=[#A-Za-z])#?[0-9A-Za-z]{1,32};?")
#: Characters that are not enough for the name of a folder.
_NOT_IN_FOLDERS = string.punctuation + string.whitespace


_BETWEEN_PLUSES = re.compile(r"\+\+\+\n(.*)\+\+\+\n", re.DOTALL)


class _Facts(NamedTuple):
    """What the fields of one post are made from."""

    item: Item
    #: The first level of the categories, or None.
    group: str | None
    #: Address of the picture, or None.
    image: str | None
    preset: Preset


def front_matter(item: Item, category_title: str | None, image: str | None, preset: Preset) -> str:
    """Render the front matter; a field without a value is left out."""
    return _FORMS[preset.form](_Facts(item, category_title, image, preset))


def values_of(item: Item, category_title: str | None, image: str | None, preset: Preset) -> dict[str, Any]:
    """Return all values that a field can have, by name; dates as they are written."""
    facts = _Facts(item, category_title, image, preset)
    found: dict[str, Any] = {name: value(facts) for name, value in VALUES.items()}
    return {name: _date(value, preset.dates) if isinstance(value, datetime) else value for name, value in found.items()}


def section_file(title: str, *, nested: bool) -> str:
    """Render the file of a folder of posts for Zola.

    Args:
        title: the name of the folder for people.
        nested: whether the folder is in another one, whose list shall have its posts.
    """
    import tomli_w

    values: dict[str, Any] = {"title": _encodable(title), "sort_by": "date"}
    return f"+++\n{tomli_w.dumps({**values, 'transparent': True} if nested else values)}+++\n"


def is_section_file(text: str) -> bool:
    """Whether a text is what `section_file` renders for any title."""
    import tomllib

    match = _BETWEEN_PLUSES.fullmatch(text)
    try:
        title = tomllib.loads(match[1]).get("title") if match else None
    except tomllib.TOMLDecodeError:
        return False
    return isinstance(title, str) and text in [section_file(title, nested=nested) for nested in (False, True)]


# -- values ------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _source(origin: Origin, preset: Preset) -> str:
    """Return the name of a source; one from a feed in a form fit for a category, of which generators make a folder."""
    if origin.named:
        return origin.name
    name = cut(_without_files(_masked(origin.name, preset.masked_in_sources), preset), MAX_BYTES)
    if not name.strip(_NOT_IN_FOLDERS):
        return origin.id
    return f"{name}_" if name in preset.reserved else name


def _levels(group: str | None, origin: Origin, preset: Preset) -> list[str]:
    return [level for level in (group, _source(origin, preset), origin.section) if level]


def _terms(facts: _Facts) -> list[str]:
    return list(dict.fromkeys([level for level in (facts.group, facts.item.origin.section) if level]))


def _tags(facts: _Facts) -> list[str]:
    return _fit(facts.item.entry.tags, facts.preset)


def _fit(names: Sequence[str], preset: Preset) -> list[str]:
    """Return the names of which generators can make an address, each once."""
    named = [cut(_without_files(_masked(name, preset.masked_in_people), preset), MAX_BYTES) for name in names]
    return list(dict.fromkeys([name for name in named if any(map(str.isalnum, name))]))


def _without_files(name: str, preset: Preset) -> str:
    if preset.reserved_files is None:
        return name
    return preset.reserved_files.sub(lambda match: match[0].replace(".", "_"), name)


#: What a tag of Obsidian cannot hold.
_NOT_IN_LABELS = re.compile(r"[^\w/-]+")


def _labels(facts: _Facts) -> list[str]:
    """Return the tags as Obsidian has them: no white space, and not only digits."""
    labels = [_NOT_IN_LABELS.sub("-", tag).strip("-/") for tag in _tags(facts)]
    return list(dict.fromkeys([f"_{label}" if label.isdecimal() else label for label in labels if label]))


def _authors(facts: _Facts) -> list[str]:
    return _fit(facts.item.entry.authors, facts.preset)


def _images(facts: _Facts) -> list[str]:
    """Return the picture, unless its address is one that Go cannot parse, which ends a build with Hugo."""
    image = facts.image
    return [image] if image and "%" not in image.partition("://")[2].partition("/")[0] else []


def _also_at(facts: _Facts) -> list[str]:
    """Return the addresses of the copies of an item; of Pelican's lists, a semicolon would part one in two."""
    written = [copy.url for copy in facts.item.also_at if copy.url is not None]
    return [url.replace(";", "%3B") for url in written] if facts.preset.form == "html" else written


def _slug(facts: _Facts) -> str | None:
    item, preset = facts.item, facts.preset
    return None if item.path is None else slug_of(item.path, item.id, preset)


def _link(facts: _Facts) -> str | None:
    return facts.item.entry.url


def _license(facts: _Facts) -> str | None:
    extras = facts.item.entry.extras
    return extras.licenses[0] if extras is not None and extras.licenses else None


def _robots(facts: _Facts) -> str | None:
    extras = facts.item.entry.extras
    return "noindex" if extras is not None and extras.noindex else None


#: Every value that a field can have; a value that is empty is left out.
VALUES: dict[Value, Callable[[_Facts], str | bool | datetime | Sequence[str] | None]] = {
    "also_at": _also_at,
    "author": lambda facts: _source(facts.item.origin, facts.preset),
    "authors": _authors,
    "canonical": _link,
    "categories": lambda facts: _levels(facts.group, facts.item.origin, facts.preset),
    "category": lambda facts: facts.group,
    "date": lambda facts: facts.item.entry.published_at,
    "draft": lambda facts: facts.item.draft or None,
    "id": lambda facts: facts.item.id,
    "image": lambda facts: facts.image,
    "images": _images,
    "labels": _labels,
    "license": _license,
    "link": _link,
    "rights": lambda facts: None if facts.item.entry.extras is None else facts.item.entry.extras.rights,
    "robots": _robots,
    "section": lambda facts: facts.item.origin.section,
    "slug": _slug,
    "source": lambda facts: facts.item.origin.name,
    "source_url": lambda facts: facts.item.origin.home_url or facts.item.origin.url,
    "tags": _tags,
    "terms": _terms,
    "title": lambda facts: _masked(facts.item.entry.title, facts.preset.masked_in_titles),
    "updated": lambda facts: facts.item.entry.updated_at,
}


def _date(moment: datetime, dates: Dates) -> str:
    """Write a time in UTC."""
    moment = moment.astimezone(UTC)
    if dates == "rfc822":
        return format_datetime(moment, usegmt=True)
    text = moment.replace(microsecond=0, tzinfo=None).isoformat()
    if dates == "spaced":
        return f"{text.replace('T', ' ')} +0000"
    return text + {"rfc3339": "+00:00", "zulu": "Z", "local": ""}[dates]


def _wanted(facts: _Facts) -> Iterable[Field]:
    return [field for field in facts.preset.fields if facts.item.draft or not field.of_drafts]


def _fields(facts: _Facts) -> dict[str, Any]:
    """Return the fields that have a value, with the members of mappings in place."""
    found: dict[str, Any] = {}
    for field in _wanted(facts):
        value: Any = field.constant if field.value is None else VALUES[field.value](facts)
        if value is None or value == "" or value == []:
            continue
        *outer, key = field.key.split(".")
        members = found
        for name in outer:
            members = members.setdefault(name, {})
        members[key] = value
    return found


def _masked(text: str, masked: str) -> str:
    """Mask what has a meaning in HTML in a text from a feed, because themes write it unescaped."""
    if not masked:
        return text
    text = _masks(masked).sub("_", text)
    return _REFERENCE.sub(_without_reference, text) if "&" in text else text


def _without_reference(match: re.Match[str]) -> str:
    return match[0] if html.unescape(match[0]) == match[0] else "_" + match[0][1:]


@cache
def _masks(masked: str) -> re.Pattern[str]:
    # A pattern is faster than `str.translate`, which looks up each character.
    return re.compile(f"[{re.escape(masked)}]")


# -- the contract ------------------------------------------------------------------------------------------------------


def _as_contract(facts: _Facts) -> str:
    lines = []
    for field in _wanted(facts):
        if field.value is None:
            lines.append(f"{field.key}: {field.constant}\n")
        elif field.value == "categories":
            lines.append(f"{field.key}: \n{_category_lines(facts.group, facts.item.origin, facts.preset)}")
        elif value := VALUES[field.value](facts):
            text = _date(value, facts.preset.dates) if isinstance(value, datetime) else str(value)
            lines.append(f"{field.key}: {single(text) if field.quoted else plain(text)}\n")
    return "".join(lines)


# Cached, because a source has many posts.
@lru_cache(maxsize=4096)
def _category_lines(group: str | None, origin: Origin, preset: Preset) -> str:
    return "".join([f" - {plain(level)}\n" for level in _levels(group, origin, preset)])


# -- strings as YAML scalars -------------------------------------------------------------------------------------------

# Not c-printable (YAML 1.2.2, section 5.1), or a line break in YAML 1.1 (NEL, LS, PS), or eaten as a byte order mark.
# A tab beside an indicator separates tokens; an escaped tab is always text.
_NEEDS_ESCAPE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_ESCAPED = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff"\\\\]')

# YAML 1.2.2, section 7.3.3: what a plain scalar cannot begin with or hold.
_NOT_PLAIN = re.compile(r"""[,\[\]{}#&*!|>'"%@`]|[-?:](?:\ |\Z)|\ |.*(?::\ |\ \#|[:\ ]\Z)""", re.VERBOSE)

# Plain text that is read as something other than a string: the types of YAML 1.1 (yaml.org/type) and the core schema of
# YAML 1.2.2 (section 10.3), including the interpretations of PyYAML and js-yaml.
_NOT_STRING = re.compile(
    r"""
    ~ | null | Null | NULL | << | = |
    y | Y | yes | Yes | YES | n | N | no | No | NO | on | On | ON | off | Off | OFF |
    true | True | TRUE | false | False | FALSE |
    [-+]? 0b [01_]+ | [-+]? 0o? [0-7_]+ | [-+]? 0x [0-9a-fA-F_]+ |
    [-+]? [0-9] [0-9_]*+ (?: : [0-5]? [0-9] )++ (?: \. [0-9_]* )? |
    [-+]? (?= [0-9.] ) [0-9_]*+ \.? [0-9._]*+ (?: [eE] [-+]? [0-9]+ )? |
    [-+]? \. (?: inf | Inf | INF ) | \. (?: nan | NaN | NAN ) |
    [0-9]{4} - [0-9]{1,2} - [0-9]{1,2}
        (?: (?: [Tt] | [ \t]+ ) [0-9]{1,2} : [0-9]{2} : [0-9]{2} (?: \. [0-9]* )?
            (?: [ \t]* (?: Z | [-+] [0-9]{1,2} (?: :? [0-9]{2} )? ) )? )?
    """,
    re.VERBOSE,
)


def plain(text: str) -> str:
    """Write `text` as a plain scalar; quote it only if a parser would read something other than this string."""
    if not text or _NOT_PLAIN.match(text) or _NOT_STRING.fullmatch(text):
        return single(text)
    return double(text) if _has_to_be_escaped(text) else text


def single(text: str) -> str:
    """Write `text` single quoted, or double quoted if it holds characters that need an escape."""
    if _has_to_be_escaped(text):
        return double(text)
    return "'" + text.replace("'", "''") + "'"


def double(text: str) -> str:
    """Write `text` double quoted (YAML 1.2.2, section 7.3.1)."""
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _has_to_be_escaped(text: str) -> bool:
    # None of these characters is printable, and `isprintable` is faster than the pattern.
    return not text.isprintable() and _NEEDS_ESCAPE.search(text) is not None


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


# -- YAML, TOML and HTML -----------------------------------------------------------------------------------------------


class _Quoted(str):
    """A string that is written in double quotes."""

    __slots__ = ()


class _Plain(str):
    """A date as it is written, without quotes."""

    __slots__ = ()


def _written(value: Any, text: Callable[[str], Any], date: Callable[[datetime], Any]) -> Any:
    """Return a value, and those inside of it, in the form that a library writes."""
    if isinstance(value, dict):
        return {key: _written(member, text, date) for key, member in value.items()}
    if isinstance(value, list):
        return [_written(member, text, date) for member in value]
    if isinstance(value, datetime):
        return date(value)
    return text(value) if isinstance(value, str) else value


def _as_yaml(facts: _Facts) -> str:
    import yaml

    fields = _written(
        _fields(facts),
        lambda text: _Quoted(_encodable(text)),
        lambda moment: _Plain(_date(moment, facts.preset.dates)),
    )
    # No line is folded, and the order of the fields is that of the preset.
    return str(yaml.dump(fields, Dumper=_dumper(), allow_unicode=True, sort_keys=False, width=1 << 30))


@cache
def _dumper() -> type[Any]:
    """Return a dumper of PyYAML, the one in C where it is there, that knows the classes above."""
    import yaml

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class Dumper(base):  # type: ignore[misc]
        pass

    def quoted(dumper: Any, text: _Quoted) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')

    def plain_date(dumper: Any, text: _Plain) -> Any:
        return dumper.represent_scalar(dumper.resolve(yaml.ScalarNode, str(text), (True, False)), str(text))

    Dumper.add_representer(_Quoted, quoted)
    Dumper.add_representer(_Plain, plain_date)
    return Dumper


def _as_toml(facts: _Facts) -> str:
    import tomli_w

    fields = _written(_fields(facts), _encodable, lambda moment: moment.astimezone(UTC).replace(microsecond=0))
    return tomli_w.dumps(fields)


def _as_html(facts: _Facts) -> str:
    """Write the title and further elements of a head, as Pelican reads them.

    Themes of Pelican print what they get without escaping it. Pelican gives them the title as it stands in the file,
    but resolves the references in attributes: what the attributes say is therefore HTML.
    """
    lines = []
    for key, value in _fields(facts).items():
        if key == "title":
            lines.append(f"<title>{_title_for_pelican(value)}</title>\n")
            continue
        if isinstance(value, list):
            text = _joined(value)
        elif isinstance(value, datetime):
            text = _date(value, facts.preset.dates)
        else:
            text = html.escape(value) if key in _PRINTED else value
        lines.append(f'<meta name="{key}" content="{attribute_value(xml_text(text))}">\n')
    return "".join(lines)


#: What can begin a tag.
_TAG_START = re.compile("<(?=[A-Za-z/!?])")


def _title_for_pelican(title: str) -> str:
    """Return a title as HTML that stays safe when it is unescaped once.

    Themes do that where they strip tags, for ``title="{{ article.title|striptags }}"``, as the stock theme does.
    """
    title = _TAG_START.sub("\u2039", xml_text(title)).replace('"', "\u201d")
    return html.escape(title, quote=False)


#: Fields, besides lists, that themes of Pelican print.
_PRINTED = frozenset({"category", "source"})


def _joined(values: Sequence[str]) -> str:
    """Join a list as Pelican reads it: semicolons part its members, or commas where there is no semicolon.

    So no member can hold a reference, and what has a meaning in HTML is masked.
    """
    members = [_masked(text, '<>"').replace(";", ",") for value in values if (text := xml_text(value).strip())]
    return f"{members[0]};" if len(members) == 1 and "," in members[0] else "; ".join(members)


def _encodable(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot carry."""
    return text if text.isascii() else text.encode(errors="replace").decode()


_FORMS: dict[Form, Callable[[_Facts], str]] = {
    "hexo": _as_contract,
    "yaml": _as_yaml,
    "toml": _as_toml,
    "html": _as_html,
    "none": lambda facts: "",
}
