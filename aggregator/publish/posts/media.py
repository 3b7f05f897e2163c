"""The HTML of a post: the image rules, the picture and the files that its text does not show, all as one block.

In: HTML that the sanitizer serialized: every attribute value double quoted, with ``"`` as ``&quot;`` inside. Because of
that, tags can be edited with regular expressions, and everything else stays as it is, byte for byte. Out: HTML of the
same kind. Pure, and linear in the size of the HTML, also where it is not what it should be. Nothing is loaded before a
reader asks for it: players preload nothing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable
from urllib.parse import unquote

from aggregator.models import Enclosure
from aggregator.normalize.sanitizer.allowlist import STRICT
from aggregator.normalize.text import tidy_line
from aggregator.publish.feeds.feeditems import guessed_type, media_type
from aggregator.values.xmltext import attribute_value

# -- images ------------------------------------------------------------------------------------------------------------

# `<` outside of quotes ends the attempt, which keeps the search linear on broken input.
_ATTRIBUTES = r'[^"<>]*+(?:"[^"]*"[^"<>]*+)*+'
_NAME = r"(?i:img|source)(?=[\s>])"
# Everything before the next image, and the image; at the end of the text, only what is left of it. All other start tags
# are walked over as a whole, so that nothing inside another tag's attributes is taken for an image.
_IMAGE = re.compile(
    rf"((?:[^<]*+<(?:/|(?!{_NAME}{_ATTRIBUTES}>)(?:[a-zA-Z]{_ATTRIBUTES}>)?+))*+[^<]*+)"
    rf"(?:<({_NAME})({_ATTRIBUTES})>|\Z)"
)
_SOME = re.compile(r"<(?:img|source)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r'(?<!\s)(\s++)([^\s"=<>]+)(?:="([^"]*)")?')
# The attributes of an image of which all but perhaps the address stays: no other one that begins with `src`, no policy.
_OTHERS = r'(?: (?!src|referrerpolicy)[a-z]++="[^"]*")*+'
_USUAL = re.compile(rf'{_OTHERS} src="([^"]*)"{_OTHERS}')
# One image candidate (HTML, "srcset attribute"): the address ends at white space, commas at its end not included.
_CANDIDATE = re.compile(r"([\s,]*)(\S*[^\s,])(,+|\s[^,]*,?|\Z)")


def rewrite_images(body: str, proxy: str | None) -> tuple[str, tuple[str, ...]]:
    """Apply the image rules to a body.

    Args:
        body: sanitized HTML.
        proxy: what is put before image addresses that start with ``http://``, or None.

    Returns:
        The body, in which every ``img`` ends with ``referrerpolicy="no-referrer"``; and the addresses of its images in
        their order, without the proxy.
    """
    if not _SOME.search(body):
        return body, ()
    editor = _Editor(html.escape(proxy or ""))
    # For each match: what is between it and the one before, which is nothing, and its three groups.
    parts = _IMAGE.split(body)
    for place in range(2, len(parts), 4):
        name, attributes = parts[place], parts[place + 1]
        parts[place], parts[place + 1] = (editor.tag(name, attributes) if name else ""), ""
    return "".join(parts), tuple(editor.images)


class _Editor:
    """Edits the tags of one body; `prefix` is the proxy as it stands in an attribute."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        #: Addresses of the images so far.
        self.images: list[str] = []

    def tag(self, name: str, attributes: str) -> str:
        # Most images are such ones, and it costs a third.
        if name == "img" and (usual := _USUAL.fullmatch(attributes)) and _proxied(usual[1], self.prefix) == usual[1]:
            self.images.append(html.unescape(usual[1]))
            return f'<img{attributes} referrerpolicy="no-referrer">'
        if name.lower() == "source":
            return f"<{name}{_ATTRIBUTE.sub(self._of_source, attributes)}>"
        return f'<{name}{_ATTRIBUTE.sub(self._of_image, attributes)} referrerpolicy="no-referrer">'

    def _of_image(self, match: re.Match[str]) -> str:
        space, name, value = match.groups()
        if name.lower() == "referrerpolicy":
            return ""
        if value is None or name.lower() != "src":
            return self._of_source(match)
        self.images.append(html.unescape(value))
        return f'{space}{name}="{_proxied(value, self.prefix)}"'

    def _of_source(self, match: re.Match[str]) -> str:
        space, name, value = match.groups()
        if value is None or name.lower() != "srcset":
            return match[0]
        return f'{space}{name}="{_proxied_candidates(value, self.prefix)}"'


def proxied(url: str, proxy: str | None) -> str:
    """Put the proxy before an address that starts with ``http://``."""
    return _proxied(url, proxy or "")


def _proxied(url: str, prefix: str) -> str:
    return prefix + url if url[:7].lower() == "http://" else url


def _proxied_candidates(value: str, prefix: str) -> str:
    if not prefix or "http://" not in value.lower():
        return value
    # Stripped, a run of separators is always followed by an address: no attempt fails, so the search stays linear.
    return _CANDIDATE.sub(lambda match: match[1] + _proxied(match[2], prefix) + match[3], value.strip(" \t\r\n\f,"))


# -- the picture and the files -----------------------------------------------------------------------------------------

#: Longest name of a file, in characters.
_MAX_NAME = 100
#: What plays the files whose types do not say it.
_PLAYERS = {"application/ogg": "audio", "application/x-mp3": "audio", "application/mp4": "video"}
#: Names that Python's own table of types does not know.
_SOUNDS = (".ogg", ".oga", ".m4a", ".m4b", ".flac")
_FILMS = (".m4v", ".ogv", ".mkv")
#: Types that say nothing: the name of the file may say more.
_ANY = frozenset({"application/octet-stream", "binary/octet-stream", "application/force-download"})


def picture(url: str) -> str:
    """An image as a paragraph of its own, without a line break."""
    return f'<p><img src="{attribute_value(url)}" alt="" referrerpolicy="no-referrer"></p>'


def can_be_asked_for(url: str) -> bool:
    """Whether a browser can ask for an image: not where its host is none, such as ``256.1.1.1`` or ``xn--a``.

    Generators that parse the address of such an image end the whole build. The sanitizer has judged those of a text.
    """
    return " src=" in STRICT.clean(f'<img src="{attribute_value(url)}">')


def files(enclosures: Iterable[Enclosure], body: str, shown: Collection[str | None]) -> str:
    """Players and links for the files that a body does not show, each on a line of its own.

    Args:
        enclosures: the files of the entry.
        body: its text, sanitized.
        shown: addresses of the images that the post shows.
    """
    return "".join(
        [f"\n<p>{_file(file)}</p>" for file in enclosures if file.url not in shown and not _is_named(file.url, body)]
    )


def _is_named(url: str, body: str) -> bool:
    """Whether an attribute has this address, by HTTP or HTTPS."""
    return f'{attribute_value(url.partition(":")[2])}"' in body


def _file(file: Enclosure) -> str:
    url = attribute_value(file.url)
    link = f'<a href="{url}">{attribute_value(_name(file))}</a>'
    told = media_type(file).lower()
    kind = _PLAYERS.get(told) or (_told_by_name(file.url) if told in _ANY else told).partition("/")[0]
    # What cannot play it shows the link instead.
    return f'<{kind} src="{url}" controls="" preload="none">{link}</{kind}>' if kind in ("audio", "video") else link


def _told_by_name(url: str) -> str:
    name = url.partition("?")[0].partition("#")[0].lower()
    return "audio" if name.endswith(_SOUNDS) else "video" if name.endswith(_FILMS) else guessed_type(url)


def _name(file: Enclosure) -> str:
    """What a person calls the file: its title, else its own name, else its address."""
    path = file.url.partition("://")[2].partition("?")[0].partition("#")[0].rstrip("/")
    name = path.rpartition("/")[2] if "/" in path else ""
    return file.title or tidy_line(unquote(name), _MAX_NAME) or file.url


# -- one block of HTML for Markdown ------------------------------------------------------------------------------------

# A `<div>` at the start of a line opens an HTML block, which ends at the first blank line (CommonMark 0.31,
# section 4.6, kind 6). Blank is a line of spaces and tabs only; nothing else ends the block, and nothing inside has a
# meaning.

#: What blank lines are made of.
BLANK = " \t\n"
_BEFORE_BLANK = re.compile(r"\n(?=[ \t]*+\n)")
_LINE_END = re.compile(r"\r\n?")
#: Also where a line begins for JavaScript only.
_LEADING_TAB = re.compile(r"([\n\u2028\u2029] *+)\t")


def one_block(html: str) -> str:
    """Write HTML without blank lines. White space around the whole is kept at its end only, where it is harmless."""
    if "\r" in html:
        # Readers of HTML read them as line feeds (HTML standard, section 13.2.3.5), and so does Markdown.
        html = _LINE_END.sub("\n", html)
    html = html.lstrip(BLANK)
    inner = html.rstrip(BLANK)
    closed = _BEFORE_BLANK.sub("&#10;", inner)
    if "\t" in closed:
        # Versions of marked before 15 write four spaces for each tab that begins a line.
        closed = _LEADING_TAB.sub(r"\1&#9;", closed)
    return closed + html[len(inner) :]
