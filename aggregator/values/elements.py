"""Elements of HTML, by what they are."""

from __future__ import annotations

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
