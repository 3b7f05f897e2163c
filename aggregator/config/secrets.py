"""Secrets: the references in feeds.yaml by which they are given, and their removal from texts.

`References` replaces `${env:NAME}` and `${file:PATH}` in values of feeds.yaml. Inserted values are not searched for
references again, so a secret may contain any text.

`redact`, `mask` and `contains_secret` find secrets in texts, in every form that they take there: percent-encoded in an
address, with character references in a page, in base64 in a header. They are the seam where something is shown.

The functions that begin with `public_` are the seam before the store: they take confidential values out of what will be
published. A feed may repeat the token of its own address in every link, and a page the address at which it was found.
In texts, `***` replaces a secret; an address that contains one is dropped, because it would lead nowhere.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from html.entities import codepoint2name
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_plus

from aggregator.models import Enclosure, Entry, FeedState, FeedUpdate, OriginalFeed, Placement, Ruling

if TYPE_CHECKING:
    from aggregator.models.extras import Extras

#: The name of a variable as shells and other programs write it.
_NAME = re.compile(r"(?:env[.:]|ENV[.:])?([A-Z_][A-Z0-9_]{0,60})\}")
#: A name with a default in the syntax of a shell.
_DEFAULT = re.compile(r"(\w{1,60})\s*(?::[-=?+]|[|,?=])")
MAX_REFERENCED_FILE = 64 * 1024
"""Bytes in a referenced file at most."""

_REFERENCE = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?:(?P<kind>env|file):(?P<name>[^{}]*)\}|(?P<other>[^{}]*\}?))")


class BadReference(ValueError):
    """A reference cannot be replaced; the message says why."""


class References:
    """Replaces references, and records a digest of each value.

    Args:
        folder: where relative paths of files begin.
        environ: the environment variables.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ
        self._found: dict[tuple[str, str], str] = {}
        #: Files that only tell where the database is.
        self.of_database: frozenset[str] = frozenset()

    @property
    def found(self) -> tuple[tuple[str, str, str], ...]:
        """Kind, name and digest of each value that was inserted."""
        return tuple((kind, name, value) for (kind, name), value in self._found.items())

    @property
    def files(self) -> frozenset[str]:
        """The files that were inserted."""
        return frozenset(name for kind, name in self._found if kind == "file")

    def replace(self, text: str) -> tuple[str, list[str]]:
        """Replace every reference in `text`.

        Returns:
            The new text, and the values that were inserted.

        Raises:
            BadReference: one of them cannot be replaced.
        """
        values: list[str] = []

        def value(match: re.Match[str]) -> str:
            if match["escaped"]:
                return "${"
            if match["kind"] is None:
                said = f"`${{{match['other'][:60]}` is not understood"
                if variable := _NAME.fullmatch(match["other"]):
                    raise BadReference(f"{said}; did you mean `${{env:{variable[1]}}}`? A literal `${{` is `$${{`")
                raise BadReference(f"{said}; write `${{env:NAME}}` or `${{file:PATH}}`, and `$${{` for a literal `${{`")
            found = self._env(match["name"]) if match["kind"] == "env" else self._file(match["name"])
            values.append(found)
            return found

        return _REFERENCE.sub(value, text), values

    def _env(self, name: str) -> str:
        found = self._environ.get(name)
        if found is None and (match := _DEFAULT.match(name)):
            raise BadReference(
                f"`${{env:{match[1]}…}}` has a default, which references do not support; write `${{env:{match[1]}}}`"
            )
        if found is None:
            raise BadReference(f"the environment has no variable `{name}`; set it, or change the reference")
        try:
            found.encode()
        except UnicodeEncodeError:
            raise BadReference(f"the environment variable `{name}` is not UTF-8") from None
        self._found["env", name] = hashlib.sha256(found.encode()).hexdigest()
        return found

    def _file(self, name: str) -> str:
        try:
            path = self._folder / name
            if not path.is_file():
                raise BadReference(f"there is no file `{name}` (relative to {self._folder})")
            with path.open("rb") as file:
                data = file.read(MAX_REFERENCED_FILE + 1)
        except (OSError, ValueError) as error:
            if isinstance(error, BadReference):
                raise
            reason = getattr(error, "strerror", None) or str(error)
            raise BadReference(f"the file `{name}` cannot be read: {reason}") from None
        if len(data) > MAX_REFERENCED_FILE:
            raise BadReference(
                f"the file `{name}` is larger than {MAX_REFERENCED_FILE // 1024} kB; is it the right one?"
            )
        self._found["file", name] = hashlib.sha256(data).hexdigest()
        try:
            return data.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            raise BadReference(f"the file `{name}` is not UTF-8") from None


def has_reference(text: str) -> bool:
    """Whether a text of feeds.yaml has a reference that `References` would replace."""
    return "${" in text and any(match["kind"] for match in _REFERENCE.finditer(text))


def literal(value: Any) -> Any:
    """Return a value of feeds.yaml in whose texts nothing is a reference."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {key: literal(one) for key, one in value.items()}
    return [literal(one) for one in value] if isinstance(value, list | tuple) else value


HIDDEN = "***"
"""The replacement for a secret."""

SHORTEST_SECRET = 4
"""Characters in the shortest value that is searched for: a shorter one occurs everywhere by chance."""

#: Characters that are the same in every form.
_PLAIN = re.compile(r"[0-9A-Za-z]+")
#: What JSON writes after a backslash (RFC 8259, section 7).
_JSON = {'"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}

# RFC 3986, section 3.2.1. The last @ before the path ends the userinfo, as browsers read it.
# What begins with `xpath:` is a selector, whose `@` is that of an attribute.
_USERINFO = re.compile(r"(?<=://)(?<!xpath://)([^\s/?#@:]*)(:?)[^\s/?#]*@")


def redact(text: str, secrets: frozenset[str]) -> str:
    """Hide secrets in a text for people.

    Args:
        text: any text.
        secrets: `Config.secrets`; values of fewer than 4 characters are left alone.

    Returns:
        The text with every secret, in any of its forms, and every password (or lone token) in the userinfo of a URL
        replaced by ``***``.
    """
    text = mask(text, secrets)
    return _USERINFO.sub(_hide_userinfo, text) if "://" in text else text


def mask(text: str, secrets: frozenset[str]) -> str:
    """Replace every secret in a text by ``***``, and nothing else."""
    for core, form in _all_forms(secrets) if secrets else ():
        if core in text:
            text = _pattern(form).sub(HIDDEN, text)
    return text


def contains_secret(text: str, secrets: frozenset[str]) -> bool:
    """Whether the text contains a secret, in any of its forms."""
    # Most configurations have no secrets.
    return bool(secrets) and any(core in text and _pattern(form).search(text) for core, form in _all_forms(secrets))


def public_address(url: str, secrets: frozenset[str]) -> str | None:
    """Return the address for the public, without user name and password; None where it contains a secret elsewhere."""
    bare = _USERINFO.sub("", url, count=1) if "@" in url else url
    return None if contains_secret(bare, secrets) else bare


def without_written_password(url: str) -> str:
    """Remove user name and password from an address as it is written, unless they are references."""
    match = _USERINFO.search(url) if "@" in url else None
    return url if match is None or has_reference(match[0]) else url[: match.start()] + url[match.end() :]


def basic_credentials(url: str) -> str | None:
    """Return user name and password of an address as a browser sends them (RFC 7617), or None where it has none."""
    match = _USERINFO.search(url) if "@" in url else None
    return None if match is None else b64encode(unquote(match[0][:-1]).encode()).decode()


def _hide_userinfo(match: re.Match[str]) -> str:
    return f"{match[1]}:{HIDDEN}@" if match[2] else f"{HIDDEN}@"


@lru_cache(maxsize=16)
def _all_forms(secrets: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Return each form of each secret, preceded by a part of it that is never escaped.

    The search for that part is fast, and nearly all texts need no other. The longest form comes first, so that no end
    of one is left over.
    """
    forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST_SECRET}
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    return tuple((max(_PLAIN.findall(form), key=len, default=""), form) for form in ordered)


@lru_cache(maxsize=1024)
def _pattern(form: str) -> re.Pattern[str]:
    """Compile a pattern for a text with each of its characters in any of its escaped forms."""
    return re.compile("".join([one if _PLAIN.fullmatch(one) else _escaped(one) for one in form]))


def _forms(secret: str) -> set[str]:
    """Return the secret itself, decoded, in lower case as in a host name, and in base64."""
    if len(secret) < SHORTEST_SECRET:
        return set()
    data = secret.encode("utf-8", "surrogatepass")
    encoded = {encode(data).decode().rstrip("=") for encode in (b64encode, urlsafe_b64encode)}
    return {secret, secret.lower(), unquote(secret), unquote_plus(secret), *encoded}


@cache
def _escaped(character: str) -> str:
    code = ord(character)
    percent = "".join([f"%(?:25){{0,2}}{_hex(f'{byte:02X}')}" for byte in character.encode("utf-8", "surrogatepass")])
    names = ["apos"] if character == "'" else [codepoint2name[code]] if code in codepoint2name else []
    reference = "|".join(
        [rf"#0{{0,5}}{code};?", rf"#[xX]0{{0,5}}{_hex(f'{code:X}')};?", *(f"{name};" for name in names)]
    )
    # Markup inside markup has its `&` escaped again.
    forms = [percent, rf"&(?:amp;){{0,2}}(?:{reference})"]
    # JSON escapes the units of UTF-16.
    units = character.encode("utf-16-be", "surrogatepass").hex().upper()
    forms.append("".join([rf"\\u{_hex(units[at : at + 4])}" for at in range(0, len(units), 4)]))
    if character in _JSON:
        forms.append(re.escape("\\" + _JSON[character]))
    if character == " ":
        forms.append(r"\+")
    return f"(?:{'|'.join(forms)}|{re.escape(character)})"


def _hex(digits: str) -> str:
    return "".join([f"[{digit}{digit.lower()}]" if digit.isalpha() else digit for digit in digits])


#: A tag as the sanitizer writes it.
_TAG = re.compile(r'<[a-zA-Z][a-zA-Z0-9-]*+(?: [^ "=<>]+="[^"]*")++>')
_ATTRIBUTE = re.compile(r' ([^ "=<>]+)="([^"]*)"')
#: Attributes that are texts; a part of any other one is useless.
_TEXTS = frozenset({"alt", "title", "summary", "label", "aria-label"})
#: Elements that are empty without an address.
_NOTHING_LEFT = re.compile(r"<(?:img(?! (?:.* )?src=)|source(?! (?:.* )?src(?:set)?=))[ >]")


def public_update(update: FeedUpdate, secrets: frozenset[str], confidential: frozenset[str]) -> FeedUpdate:
    """Return the update as it may enter the store: its messages are shown in many places, its entries published.

    Args:
        secrets: values that must not be in messages.
        confidential: values that must not be published either.
    """
    if update.state.error is None and not update.notes and not confidential:
        return update
    state = public_state(update.state, confidential)
    error = state.error and redact(state.error, secrets)
    kept, notes = (tuple([redact(note, secrets) for note in some]) for some in (state.notes, update.notes))
    new, changed, reread = (
        tuple([public_entry(entry, confidential) for entry in entries]) if confidential else entries
        for entries in (update.new, update.changed, update.reread)
    )
    state = replace(state, error=error, notes=kept)
    return replace(update, state=state, new=new, changed=changed, reread=reread, notes=notes)


def public_state(state: FeedState, secrets: frozenset[str]) -> FeedState:
    """Return the state of a source, with the title and the address of its feed as they may be published."""
    title, home = state.title, state.home_url
    if not (title and contains_secret(title, secrets)) and not (home and contains_secret(home, secrets)):
        return state
    return replace(state, title=title and mask(title, secrets), home_url=public_identifier(home, secrets))


def public_entry(entry: Entry, secrets: frozenset[str]) -> Entry:
    """Return the entry as it may be published; its key and its hash stay, so that it is recognized again."""
    if not secrets or not contains_secret("\n".join(_published_texts(entry)), secrets):
        return entry
    return replace(
        entry,
        # The guid would become the public id; without it, one is made.
        guid=public_identifier(entry.guid, secrets),
        url=public_identifier(entry.url, secrets),
        title=mask(entry.title, secrets),
        html=public_html(entry.html, secrets),
        summary=public_html(entry.summary, secrets),
        authors=_masked(entry.authors, secrets),
        tags=_masked(entry.tags, secrets),
        enclosures=tuple(
            [_public_file(file, secrets) for file in entry.enclosures if not contains_secret(file.url, secrets)]
        ),
        image=public_identifier(entry.image, secrets),
        comments_url=public_identifier(entry.comments_url, secrets),
        original_feed=entry.original_feed and _public_feed(entry.original_feed, secrets),
        extras=entry.extras and _public_extras(entry.extras, secrets),
    )


def public_ruling(ruling: Ruling, entry: Entry, secrets: frozenset[str]) -> Ruling:
    """Return a ruling on an entry without secrets in what rules made of it.

    Args:
        entry: the entry before rules; it holds no secrets.
    """
    if not secrets or (ruling.entry is entry and not ruling.placements):
        return ruling
    made = ruling.entry if ruling.entry is entry else public_entry(ruling.entry, secrets)
    return replace(ruling, entry=made, placements=tuple([public_placement(one, secrets) for one in ruling.placements]))


def public_placement(placement: Placement, secrets: frozenset[str]) -> Placement:
    """Return a membership without secrets in what the output alone shows."""
    return placement if placement.entry is None else replace(placement, entry=public_entry(placement.entry, secrets))


def public_identifier(address: str | None, secrets: frozenset[str]) -> str | None:
    """Return the address or id; None where it contains a secret."""
    return None if address is None or contains_secret(address, secrets) else address


def public_html(html: str, secrets: frozenset[str]) -> str:
    """Remove secrets from sanitized HTML, which stays safe: only whole attributes, images and parts of texts go."""
    if not contains_secret(html, secrets):
        return html
    made, at = [], 0
    for match in _TAG.finditer(html):
        made.append(mask(html[at : match.start()], secrets))
        made.append(_public_tag(match[0], secrets) if contains_secret(match[0], secrets) else match[0])
        at = match.end()
    return "".join([*made, mask(html[at:], secrets)])


def _public_tag(tag: str, secrets: frozenset[str]) -> str:
    def attribute(match: re.Match[str]) -> str:
        name, value = match.groups()
        if not contains_secret(value, secrets):
            return match[0]
        return f' {name}="{mask(value, secrets)}"' if name in _TEXTS else ""

    kept = _ATTRIBUTE.sub(attribute, tag)
    return "" if _NOTHING_LEFT.match(kept) else kept


def _public_file(file: Enclosure, secrets: frozenset[str]) -> Enclosure:
    return replace(file, title=file.title and mask(file.title, secrets))


def _public_feed(feed: OriginalFeed, secrets: frozenset[str]) -> OriginalFeed:
    id, url, home = (public_identifier(text, secrets) for text in (feed.id, feed.url, feed.home_url))
    return OriginalFeed(mask(feed.title, secrets), id, url, home)


def _public_extras(extras: Extras, secrets: frozenset[str]) -> Extras | None:
    from aggregator.models.extras import rebuilt

    return rebuilt(extras, partial(_unless_secret, secrets))


def _unless_secret(secrets: frozenset[str], kind: str, value: Any) -> Any:
    return None if isinstance(value, str) and contains_secret(value, secrets) else value


def _masked(texts: Sequence[str], secrets: frozenset[str]) -> tuple[str, ...]:
    return tuple([mask(text, secrets) for text in texts])


def _published_texts(entry: Entry) -> list[str]:
    """Return all texts of an entry that are published."""
    addresses = (entry.guid, entry.url, entry.image, entry.comments_url)
    files = [part for file in entry.enclosures for part in (file.url, file.title)]
    feed = entry.original_feed
    origin = () if feed is None else (feed.title, feed.id, feed.url, feed.home_url)
    extras: Iterable[str] = ()
    if entry.extras is not None:
        # Few entries have any, and this takes long to import.
        from aggregator.models.extras import texts_of

        extras = texts_of(entry.extras)
    texts = (entry.title, *entry.authors, *entry.tags, entry.summary, entry.html, *extras)
    return [text for text in (*addresses, *files, *origin, *texts) if text]
