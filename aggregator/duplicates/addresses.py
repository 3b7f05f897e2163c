"""The address of an item as it would be if each page had only one. Pure.

In: the address of an entry. Out: the same text for all addresses of one page: without scheme, default port, user name,
`www.` and the names of mobile hosts, without the forms of AMP, tracking parameters, `index.html` and the slash at the
end, and behind the redirects whose targets stand in them. A fragment is left out, unless it is a route of the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, quote, unquote, urlsplit

from aggregator.values.tracking import without_tracking
from aggregator.values.urls import one_way

#: Redirects within redirects that are followed.
_DEPTH = 5

#: Labels in front of a host name that stand for another form of the same site.
_FORMS = frozenset({"www", "m", "mobile", "amp", "wap", "touch"})
#: The same within a name: `en.m.wikipedia.org`.
_INNER_FORMS = frozenset({"m", "mobile", "amp"})
#: Second labels below the top-level domain of a country, below which names are registered.
_REGISTRIES = frozenset("ac co com edu go gob gov mil ne net nom or org".split())
_PORTS = {"http": "80", "https": "443"}

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:]+)(?::([0-9]*))?")
_INDEX = re.compile(r"/(?:index|default)\.(?:x?html?|shtml|php|aspx?|jsp)\Z", re.IGNORECASE)
_AMP_PATH = re.compile(r"(?:/amp(?:\.html?)?|\.amp)/*\Z|\A/amp(?=/.)|\.amp(?=\.html?\Z)", re.IGNORECASE)
_AMP_PARAMETER = re.compile(r"(?:amp(?:=(?:1|true|amp)?)?|outputtype=amp|amp_js_v=.*|usqp=.*)\Z", re.IGNORECASE)
#: Paths of AMP caches and of Google's viewer, with the address behind them.
_AMP_CACHE = re.compile(r"/(?:[a-z]{1,3}|amp)/(?:s/)?([^/]+\.[^/]+(?:/.*)?)\Z", re.IGNORECASE | re.DOTALL)
_GOOGLE = re.compile(r"(?:[a-z]+\.)?google(?:\.[a-z]{2,3}){1,2}\Z")
_VIDEO = re.compile(r"/([A-Za-z0-9_-]+)")
_OTHER_VIDEO = re.compile(r"/(?:shorts|live|embed)/([A-Za-z0-9_-]+)")
_NOTHING = re.compile(r"(?!)")

#: Redirects with their target in a parameter: host without `www.`, start of the path, names of the parameter.
_REDIRECTS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "away.vk.com": (("/away.php", ("to",)),),
    "bing.com": (("/news/apiclick.aspx", ("url",)),),
    "duckduckgo.com": (("/l/", ("uddg",)),),
    "getpocket.com": (("/redirect", ("url",)),),
    "jianshu.com": (("/go-wild", ("url",)),),
    "l.facebook.com": (("/l.php", ("u",)),),
    "l.instagram.com": (("/", ("u",)),),
    "l.threads.net": (("/", ("u",)),),
    "link.csdn.net": (("/", ("target",)),),
    "link.juejin.cn": (("/", ("target",)),),
    "link.zhihu.com": (("/", ("target",)),),
    "linkedin.com": (("/redir/redirect", ("url",)),),
    "lm.facebook.com": (("/l.php", ("u",)),),
    "out.reddit.com": (("/", ("url",)),),
    "slack-redir.net": (("/link", ("url",)),),
    "sspai.com": (("/link", ("target",)),),
    "steamcommunity.com": (("/linkfilter", ("url", "u")),),
    "t.umblr.com": (("/redirect", ("z",)),),
    "vk.com": (("/away.php", ("to",)),),
    "weibo.cn": (("/sinaurl", ("u", "toasturl")),),
    "youtube.com": (("/redirect", ("q",)),),
}
_GOOGLE_REDIRECT = (("/url", ("url", "q")),)


def canonical_address(url: str) -> str | None:
    """Return the canonical address, without a scheme; None if this is no http(s) address."""
    for _ in range(_DEPTH):
        target = _target(url)
        if target is None:
            break
        url = target
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    authority = _AUTHORITY.fullmatch(parts.netloc.rpartition("@")[2].lower())
    if scheme not in _PORTS or authority is None:
        return None
    host, port = _bare_host(authority[1]), authority[2]
    path, query = _path(parts.path), parts.query
    if video := {"youtu.be": _VIDEO, "youtube.com": _OTHER_VIDEO}.get(host, _NOTHING).fullmatch(path):
        host, path, query = "youtube.com", "/watch", f"v={video[1]}&{query}"
    query = _query(without_tracking(f"https://{host}{path}?{query}").partition("?")[2])
    where = f"{host}:{port}" if port and port not in _PORTS.values() else host
    route = f"#{_even(parts.fragment)}" if parts.fragment.startswith(("!", "/")) else ""
    return where + path + (f"?{query}" if query else "") + route


def _target(url: str) -> str | None:
    """Return the address behind a redirect or in a cache of AMP, None where this is neither."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    google = _GOOGLE.match(host) is not None
    cached = host.endswith(("cdn.ampproject.org", "bing-amp.com")) or (google and parts.path.startswith("/amp/"))
    if cached and (behind := _AMP_CACHE.match(parts.path)):
        return f"https://{behind[1]}" + (f"?{parts.query}" if parts.query else "")
    if host == "href.li" and parts.query:
        return _web(unquote(parts.query))
    for start, names in _GOOGLE_REDIRECT if google else _REDIRECTS.get(host, ()):
        if parts.path.startswith(start):
            values = parse_qs(parts.query)
            return next((found for name in names for value in values.get(name, ()) if (found := _web(value))), None)
    return None


def _web(text: str) -> str | None:
    return text if text.lower().startswith(("http://", "https://")) else None


def _bare_host(host: str) -> str:
    labels = host.rstrip(".").split(".")
    if host.startswith("[") or labels[-1].isdecimal():
        return host
    while len(labels) > 2 and labels[0] in _FORMS and not _is_registry(labels[1:]):
        labels = labels[1:]
    while len(labels) > 3 and labels[1] in _INNER_FORMS and not _is_registry(labels[2:]):
        labels = [labels[0], *labels[2:]]
    return ".".join(labels)


def _is_registry(labels: list[str]) -> bool:
    """Whether names are registered below this name, so that it is no site."""
    return len(labels) == 2 and len(labels[1]) == 2 and labels[0] in _REGISTRIES


def _path(path: str) -> str:
    return _repeated(_even(path), lambda text: _AMP_PATH.sub("", _INDEX.sub("/", text)).rstrip("/"))


def _repeated(text: str, step: Callable[[str], str]) -> str:
    while (shorter := step(text)) != text:
        text = shorter
    return text


def _query(query: str) -> str:
    """Return the parameters of a query, sorted; those of one name stay in their order."""
    parameters = [_even(one.replace("+", "%20")) for one in query.split("&")]
    kept = [one for one in parameters if one and not _AMP_PARAMETER.match(one)]
    return "&".join(sorted(kept, key=lambda one: one.partition("=")[0]))


def _even(part: str) -> str:
    """Write each character of a part of an address in only one way (RFC 3986, section 6.2.2)."""
    if not part.isascii() or " " in part:
        part = quote(part, safe="%:/?#[]@!$&'()*+,;=~")
    return one_way(part)
