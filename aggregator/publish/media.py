"""What an entry brings beside its text, as HTML: the picture that stands for it, and the files that it encloses.

In: addresses and types as stored. Out: HTML as the sanitizer would write it. Pure. Nothing is loaded before a reader
asks for it: players preload nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from urllib.parse import unquote

from aggregator.models import Enclosure
from aggregator.normalize.sanitizer.allowlist import STRICT
from aggregator.normalize.text import tidy_line
from aggregator.publish.prepare import guessed_type, media_type
from aggregator.values.xmltext import attribute_value

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
