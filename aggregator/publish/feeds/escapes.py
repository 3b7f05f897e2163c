"""Texts as they stand in the XML of feeds. Pure."""

from __future__ import annotations

from aggregator.values.markup import FORBIDDEN

#: Characters that an XML parser would replace by a space or a line feed in an attribute.
_BREAKS = str.maketrans({"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})


def allowed(text: str) -> str:
    """Return a text that was not prepared, if XML can hold it; the ValueError leaves its item out."""
    if not text.isprintable() and FORBIDDEN.search(text):
        raise ValueError(f"XML cannot hold all characters of {text!r}")
    return text


def content(text: str) -> str:
    """Escape a text as the content of an element."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;") if "\r" in text else text


def value(text: str) -> str:
    """Escape a text as the value of an attribute."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return text if text.isprintable() else text.translate(_BREAKS)


def element(name: str, text: str | None = None, inside: str = "", /, **attributes: str | int | None) -> str:
    """Write an element on one line.

    Args:
        text: its text, as it is to be read; None: there is none.
        inside: elements inside, written.
        attributes: those that are None are left out.
    """
    written = "".join([f' {key}="{value(allowed(str(one)))}"' for key, one in attributes.items() if one is not None])
    filled = inside or ("" if text is None else content(allowed(text)))
    return f"<{name}{written}>{filled}</{name}>" if filled else f"<{name}{written}/>"
