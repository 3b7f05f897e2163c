"""The body of a post: the image rules, the picture and files that its text does not show, and one block for Markdown.

In: HTML that the sanitizer serialized: every attribute value is double quoted, with ``"`` as ``&quot;`` inside.
Therefore tags can be edited with regular expressions, and everything else stays as it is, byte for byte. Out: HTML of
the same form. Pure; linear in the size of the HTML, even if it does not have this form. Players preload nothing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable
from urllib.parse import unquote

from aggregator.models import Enclosure, Entry
from aggregator.normalize.sanitizer import first_image
from aggregator.normalize.sanitizer.allowlist import STRICT
from aggregator.normalize.text import tidy_line
from aggregator.publish.feeds.feeditems import guessed_type, media_type
from aggregator.values.markup import attribute_value
from aggregator.values.urls import clean_url

# -- images ------------------------------------------------------------------------------------------------------------

# `<` outside of quotes ends the attempt, so that the search is linear on broken input.
_ATTRIBUTES = r'[^"<>]*+(?:"[^"]*"[^"<>]*+)*+'
_NAME = r"(?i:img|source)(?=[\s>])"
# Everything before the next image, and the image; at the end of the text, the rest. All other start tags are matched as
# a whole, so that nothing inside of their attributes is taken for an image.
_IMAGE = re.compile(
    rf"((?:[^<]*+<(?:/|(?!{_NAME}{_ATTRIBUTES}>)(?:[a-zA-Z]{_ATTRIBUTES}>)?+))*+[^<]*+)"
    rf"(?:<({_NAME})({_ATTRIBUTES})>|\Z)"
)
_SOME = re.compile(r"<(?:img|source)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r'(?<!\s)(\s++)([^\s"=<>]+)(?:="([^"]*)")?')
# The attributes of an image that all stay, except perhaps the address: no other that begins with `src`, no policy.
_OTHERS = r'(?: (?!src|referrerpolicy)[a-z]++="[^"]*")*+'
_USUAL = re.compile(rf'{_OTHERS} src="([^"]*)"{_OTHERS}')
# One image candidate (HTML standard, `srcset`): the address ends at white space, without the commas at its end.
_CANDIDATE = re.compile(r"([\s,]*)(\S*[^\s,])(,+|\s[^,]*,?|\Z)")


def rewrite_images(body: str, proxy: str | None) -> tuple[str, tuple[str, ...]]:
    """Apply the image rules to a body.

    Args:
        body: sanitized HTML.
        proxy: prefix of image addresses that start with ``http://``, or None.

    Returns:
        The body, in which every ``img`` ends with ``referrerpolicy="no-referrer"``, and the addresses of its images in
        order, without the proxy.
    """
    if not _SOME.search(body):
        return body, ()
    editor = _Editor(html.escape(proxy or ""))
    # For each match: the empty text between it and the previous match, and its three groups.
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
        # The fast path for most images.
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
    # After the strip, an address follows each run of separators: no attempt fails, so the search is linear.
    return _CANDIDATE.sub(lambda match: match[1] + _proxied(match[2], prefix) + match[3], value.strip(" \t\r\n\f,"))


# -- the picture and the files -----------------------------------------------------------------------------------------

#: Longest name of a file, in characters.
_MAX_NAME = 100
#: The players of types that do not name one.
_PLAYERS = {"application/ogg": "audio", "application/x-mp3": "audio", "application/mp4": "video"}
#: Extensions that are missing in Python's table of types.
_SOUNDS = (".ogg", ".oga", ".m4a", ".m4b", ".flac")
_FILMS = (".m4v", ".ogv", ".mkv")
#: What themes cannot write unescaped into attributes and styles.
_QUOTES = (("'", "%27"), ("(", "%28"), (")", "%29"))
#: What an HTML parser takes for a character reference in an unescaped address; a number needs no `;`.
_NUMBER_IN_URL = re.compile(r"&(?=#)")
_NAME_IN_URL = re.compile(r"(&[0-9A-Za-z]+);")
#: Types without a meaning; the name of the file may say more.
_ANY = frozenset({"application/octet-stream", "binary/octet-stream", "application/force-download"})


def with_media(entry: Entry, proxy: str | None) -> tuple[str, str | None]:
    """Return the body with the picture and files that it does not show, and the picture for the front matter."""
    text = entry.html or entry.summary
    body, addresses = rewrite_images(text, proxy)
    image = entry.image or (first_image(text) if addresses else None)
    if image is None and not entry.enclosures:
        return body, None
    shown = {image, *addresses, *map(clean_url, addresses)} if entry.enclosures else {image}
    more = _files(entry.enclosures, text, shown)
    if image is not None and image not in addresses and image not in map(clean_url, addresses):
        if _can_be_asked_for(image):
            body = f"{_picture(proxied(image, proxy))}\n{body.lstrip(BLANK)}"
        else:
            image = None
    front = None if image is None else proxied(_for_styles(image), proxy)
    return body.rstrip(BLANK) + more if more else body, front


def _for_styles(url: str) -> str:
    """Return an address in a form that themes can write unescaped into attributes and styles."""
    for quote, written in _QUOTES:
        url = url.replace(quote, written)
    return _NAME_IN_URL.sub(r"\1%3B", _NUMBER_IN_URL.sub("%26", url)) if "&" in url else url


def footer(url: str) -> str:
    """Render a line with a link to the original of a post."""
    address = attribute_value(url)
    return f'\n<p><a href="{address}">{address}</a></p>'


def _picture(url: str) -> str:
    """Render an image as a paragraph without a line break."""
    return f'<p><img src="{attribute_value(url)}" alt="" referrerpolicy="no-referrer"></p>'


def _can_be_asked_for(url: str) -> bool:
    """Whether a browser can request an image; not if its host is invalid, such as ``256.1.1.1`` or ``xn--a``.

    A generator that parses such an address ends the whole build. The sanitizer has checked the addresses in texts.
    """
    return " src=" in STRICT.clean(f'<img src="{attribute_value(url)}">')


def _files(enclosures: Iterable[Enclosure], body: str, shown: Collection[str | None]) -> str:
    """Render players and links for the files that a body does not show, each on its own line.

    Args:
        enclosures: the files of the entry.
        body: its sanitized text.
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
    type = media_type(file).lower()
    kind = _PLAYERS.get(type) or (_type_by_name(file.url) if type in _ANY else type).partition("/")[0]
    # A browser that cannot play it shows the link.
    return f'<{kind} src="{url}" controls="" preload="none">{link}</{kind}>' if kind in ("audio", "video") else link


def _type_by_name(url: str) -> str:
    name = url.partition("?")[0].partition("#")[0].lower()
    return "audio" if name.endswith(_SOUNDS) else "video" if name.endswith(_FILMS) else guessed_type(url)


def _name(file: Enclosure) -> str:
    """Return a name for people: the title of the file, else its file name, else its address."""
    path = file.url.partition("://")[2].partition("?")[0].partition("#")[0].rstrip("/")
    name = path.rpartition("/")[2] if "/" in path else ""
    return file.title or tidy_line(unquote(name), _MAX_NAME) or file.url


# -- one block of HTML for Markdown ------------------------------------------------------------------------------------

# A `<div>` at the start of a line opens an HTML block, which ends at the first blank line (CommonMark 0.31,
# section 4.6, kind 6). Blank is a line of spaces and tabs only; nothing else ends the block, and nothing inside has a
# meaning.

#: The characters of blank lines.
BLANK = " \t\n"
_BEFORE_BLANK = re.compile(r"\n(?=[ \t]*+\n)")
_LINE_END = re.compile(r"\r\n?")
#: Includes line separators that only JavaScript knows.
_LEADING_TAB = re.compile(r"([\n\u2028\u2029] *+)\t")


def one_block(html: str) -> str:
    """Rewrite HTML without blank lines; white space around it is kept only at the end, where it is harmless."""
    if "\r" in html:
        # HTML parsers read them as line feeds (HTML standard, section 13.2.3.5), and so does Markdown.
        html = _LINE_END.sub("\n", html)
    html = html.lstrip(BLANK)
    inner = html.rstrip(BLANK)
    closed = _BEFORE_BLANK.sub("&#10;", inner)
    if "\t" in closed:
        # Before version 15, marked writes four spaces for each tab at the start of a line.
        closed = _LEADING_TAB.sub(r"\1&#9;", closed)
    return closed + html[len(inner) :]
