"""The image rules of posts: proxy for plain HTTP, and no referrer.

In: HTML that the sanitizer serialized: every attribute value double quoted, with ``"`` as ``&quot;`` inside. Because of
that, tags can be edited with regular expressions, and everything else stays as it is, byte for byte. Linear in the size
of the HTML, also where it is not what it should be.
"""

from __future__ import annotations

import html
import re

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
