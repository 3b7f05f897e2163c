"""Text in XML and HTML: its characters, how they are escaped and unescaped, the elements of HTML. Nothing raises."""

from __future__ import annotations

import html
import re

#: Everything outside of Char (XML 1.0, section 2.2): no XML document can hold it, not even by reference.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: What `FORBIDDEN` finds, and the controls that the same section discourages.
_DISCOURAGED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
#: The opposite of `_DISCOURAGED`: to match a whole text takes half as long as to search it.
_FIT = re.compile("[\t\n\r -~\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*+")
#: Halves of surrogate pairs, which JSON can name: UTF-8 cannot encode them.
SURROGATES = re.compile("[\ud800-\udfff]")
#: References to numbers that have too many digits to be a character, and perhaps too many for `int`.
_HUGE_REFERENCE = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")


def xml_text(text: str) -> str:
    """Remove the characters that an XML document cannot hold or should not: C0 and C1 controls have no meaning."""
    return text if _FIT.fullmatch(text) else _DISCOURAGED.sub("", text)


def unescape(text: str) -> str:
    """Resolve the character references of a text, whatever numbers they have."""
    if "&" not in text:
        return text
    return html.unescape(_HUGE_REFERENCE.sub("\ufffd", text))


def attribute_value(text: str) -> str:
    """Escape a text for an HTML attribute in double quotes, as the sanitizer writes it."""
    for character, reference in (("&", "&amp;"), ("\u00a0", "&nbsp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;")):
        if character in text:
            text = text.replace(character, reference)
    return text


#: All that HTML has or had, and the roots of the two other languages in it.
ELEMENTS = frozenset(
    """
    a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink blockquote body
    br button canvas caption center cite code col colgroup command content data datalist dd del details dfn dialog
    dir div dl dt element em embed fencedframe fieldset figcaption figure font footer form frame frameset h1 h2 h3
    h4 h5 h6 head header hgroup hr html i iframe image img input ins isindex kbd keygen label layer legend li link
    listing main map mark marquee math menu menuitem meta meter multicol nav nextid nobr noembed noframes nolayer
    noscript object ol optgroup option output p param picture plaintext portal pre progress q rb rbc rp rt rtc ruby
    s samp script search section select shadow slot small source spacer span strike strong style sub summary sup svg
    table tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr xmp
    """.split()
)
#: Those by which a text that should be plain is taken for markup: feedparser's list of acceptable elements, and `mark`.
IN_TITLES = frozenset(
    """
    a abbr acronym address area article aside audio b big blockquote br button canvas caption center cite code col
    colgroup command datagrid datalist dd del details dfn dialog dir div dl dt em event-source fieldset figcaption
    figure font footer form h1 h2 h3 h4 h5 h6 header hr i img input ins kbd keygen label legend li m map mark menu
    meter multicol nav nextid noscript ol optgroup option output p pre progress q s samp section select small sound
    source spacer span strike strong sub sup table tbody td textarea tfoot th thead time tr tt u ul var video
    """.split()
)
#: Elements without content (HTML standard, section 13.1.2), whatever they have in XML.
VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
#: Elements that do not separate the words around them.
INLINE = frozenset(
    """
    a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup time
    tt u var wbr
    """.split()
)
