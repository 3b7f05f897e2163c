"""The elements and attributes that a text may have, as two sanitizers: `LENIENT` and `STRICT`.

`LENIENT` also keeps what is needed to rewrite images and players; its output must not be published. `STRICT` decides.
"""

from __future__ import annotations

from itertools import permutations

import nh3

from aggregator.normalize.images import LAZY, LAZY_SETS

_TAGS = frozenset(
    """
    a abbr acronym address article aside audio b bdi big blockquote br caption center cite code col colgroup dd del
    details dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li main
    mark menu nav ol p picture pre q rp rt rtc rb ruby s samp search section small source span strike strong sub
    summary sup table tbody td tfoot th thead time tr track tt u ul var video wbr
    """.split()
)
#: Removed with their content.
_EMPTIED = frozenset(
    """
    applet button canvas datalist embed frameset iframe math noembed noframes noscript object option
    select script style svg template textarea title
    """.split()
)

_ATTRIBUTES: dict[str, frozenset[str]] = {
    "*": frozenset({"class", "style", "title", "lang", "dir", "align"}),
    "a": frozenset({"href", "hreflang", "type"}),
    "audio": frozenset({"src", "controls", "loop", "muted", "preload"}),
    "blockquote": frozenset({"cite"}),
    "br": frozenset({"clear"}),
    "col": frozenset({"span", "width", "valign"}),
    "colgroup": frozenset({"span", "width", "valign"}),
    "del": frozenset({"cite", "datetime"}),
    "details": frozenset({"open"}),
    "font": frozenset({"color", "face", "size"}),
    "hr": frozenset({"color", "noshade", "width"}),
    "img": frozenset({"src", "srcset", "sizes", "alt", "width", "height", "loading", "decoding"}),
    "ins": frozenset({"cite", "datetime"}),
    "li": frozenset({"value", "type"}),
    "ol": frozenset({"start", "reversed", "type"}),
    "q": frozenset({"cite"}),
    "source": frozenset({"src", "srcset", "sizes", "type", "media", "width", "height"}),
    "table": frozenset({"bgcolor", "frame", "rules", "summary", "width", "height"}),
    "tbody": frozenset({"valign"}),
    "td": frozenset({"bgcolor", "colspan", "rowspan", "headers", "height", "width", "valign", "nowrap"}),
    "tfoot": frozenset({"valign"}),
    "th": frozenset(
        {"abbr", "bgcolor", "colspan", "rowspan", "headers", "height", "width", "scope", "valign", "nowrap"}
    ),
    "thead": frozenset({"valign"}),
    "time": frozenset({"datetime"}),
    "tr": frozenset({"bgcolor", "valign", "height"}),
    "track": frozenset({"src", "kind", "label", "srclang", "default"}),
    "ul": frozenset({"type"}),
    "video": frozenset({"src", "controls", "height", "loop", "muted", "playsinline", "poster", "preload", "width"}),
}
_RELATIONS = ("nofollow", "noopener", "noreferrer", "external", "ugc", "sponsored", "tag")
#: Pixels of borders and gaps, as many as a text needs.
_FEW = set(map(str, range(65)))
#: Where a link may open: not in a frame with a name, which could be another page's. And no `rel` that gives the opened
#: page access to the one it was opened from.
_VALUES: dict[str, dict[str, set[str]]] = {
    "hr": {"size": _FEW},
    "img": dict.fromkeys(("border", "hspace", "vspace"), _FEW),
    "table": dict.fromkeys(("border", "cellpadding", "cellspacing"), _FEW),
    "a": {
        "target": {"_blank", "_self", "_parent", "_top"},
        "rel": {" ".join(some) for count in range(1, 5) for some in permutations(_RELATIONS, count)},
    },
}
_SCHEMES = {"http", "https", "mailto", "tel"}


def _sanitizer(extra_tags: frozenset[str], extra_attributes: dict[str, frozenset[str]]) -> nh3.Cleaner:
    names = _ATTRIBUTES.keys() | extra_attributes.keys()
    return nh3.Cleaner(
        tags=_TAGS | extra_tags,
        clean_content_tags=_EMPTIED,
        attributes={
            name: _ATTRIBUTES.get(name, frozenset()) | extra_attributes.get(name, frozenset()) for name in names
        },
        tag_attribute_values=_VALUES,
        url_schemes=_SCHEMES,
        strip_comments=True,
        link_rel=None,
    )


STRICT = _sanitizer(frozenset(), {})
LENIENT = _sanitizer(
    frozenset({"x-iframe", "x-noscript"}),
    {
        "img": frozenset({*LAZY, *LAZY_SETS}),
        "source": frozenset(LAZY_SETS),
        "x-iframe": frozenset({"src"}),
    },
)
