"""Addresses as found in the configuration, in headers and in documents; absolute http(s) addresses out.

`resolve` is for links inside a text: it makes them absolute and changes nothing else, so that markup which needs no
change keeps its bytes. `clean_url` is for the addresses of entries: it returns a valid URI (RFC 3986). `same_feed` is
for comparing the addresses of sources. None of them raises.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin

#: In place of the address of a proxy: the proxies that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name.
ENVIRONMENT = "environment"
_FEED = re.compile(r"\s*feed:(?=//|https?:)", re.IGNORECASE)
_HTTP = re.compile(r"https?:", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=//)[^/?#]*@")

#: Longest address of an entry, and of a link in a text, in characters.
MAX_URL = 2000
MAX_LINK = 4000
#: An address of this length has no host that is too long for a name (RFC 1035, section 3.1).
_SHORT = 253

#: Scheme, host and port of a plain address, as a pattern.
ORIGIN = r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?::(?:[0-9]{1,4}|[1-5][0-9]{4}))?"
_PLAIN = re.compile(rf"{ORIGIN}(?:[/?#][!#-;=?-\[\]^_a-z{{|}}~]*)?")
#: A path from the root that `resolve` puts behind a plain origin.
_ROOTED = re.compile(r"/(?![/.])(?:[!#-.0-;=?-\[\]^_a-z{|}~]++|/(?!\.))*+")
_PLAIN_ORIGIN = re.compile(rf"{ORIGIN}(?=[/?#]|\Z)")
_PARTS = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.IGNORECASE | re.DOTALL)
#: A plain address in which nothing is to be escaped, corrected or removed.
_CLEAN = re.compile(
    r"https?://[a-z0-9][a-z0-9-]*+(?:\.[a-z0-9-]++)*+(?::(?:[0-9]{1,4}|[1-5][0-9]{4}))?"
    r"(?:/(?:[!$'()*-;=@A-Z_a-z~]++|%[0-9A-Fa-f]{2})*+)?"
    r"(?:\?(?:[!$'()*-;=?@A-Z_a-z~]++|%[0-9A-Fa-f]{2}|&(?!#?[A-Za-z0-9]+;))++)?"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_AUTHORITY = re.compile(r"(?:(.*)@)?(\[[0-9A-Fa-f:.]+\]|[^\[\]:%@]+)(?::([0-9]{0,5}))?", re.DOTALL)
#: Browsers remove tabs and line breaks anywhere (WHATWG URL, section 4.4); no other control belongs there either.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufeff]")
_EDGES = "".join(map(chr, range(0x21))) + "\x7f\u00a0\u200b\u3000\ufeff"
_UNSAFE = re.compile(r"[\s\"<>`\\]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPED_AGAIN = re.compile(r"&(?:amp;)+")
_REFERENCE = re.compile(r"(&#?[A-Za-z0-9]+);")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
#: Characters that mean the same whether they are escaped or not (RFC 3986, section 2.3).
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_HOST = re.compile(r"[a-z0-9_~!$&'()*+,;=-]+(?:\.[a-z0-9_~!$&'()*+,;=-]+)*\.?")


def without_feed_scheme(text: str) -> str:
    """Return the http(s) address that a `feed:` address stands for; any other text is returned as it is.

    ``feed://example.org/x`` is ``http://example.org/x``, ``feed:https://example.org/x`` is ``https://example.org/x``.
    """
    found = _FEED.match(text)
    if found is None:
        return text
    rest = text[found.end() :]
    return rest if _HTTP.match(rest) else f"http:{rest}"


def without_userinfo(text: str) -> str:
    """Remove user name and password from an address."""
    return _USERINFO.sub("", text)


def resolve(link: str, base: str | None) -> str | None:
    """Resolve a link to an absolute http(s) address (RFC 3986, section 5); None where it has none.

    Args:
        base: the absolute base of relative links; None, or not http(s): they have no address.
    """
    if len(link) <= MAX_LINK:
        if _PLAIN.fullmatch(link):
            return link
        if base is not None and _ROOTED.fullmatch(link) and (origin := plain_origin(base)):
            return origin + link
    if len(link) > 2 * MAX_LINK:
        return None
    link = without_feed_scheme(_CONTROLS.sub("", link.strip(_EDGES)))
    head, mark, rest = _before_query(link)
    # As browsers do for http(s) addresses (WHATWG URL, section 4.4).
    link = head.replace("\\", "/") + mark + rest
    scheme = _SCHEME.match(link)
    if scheme is not None:
        if scheme[0].lower() not in ("http:", "https:"):
            return None
    elif link.startswith("//"):
        link = (base.partition(":")[0] if base is not None and is_web(base) else "https") + ":" + link
    elif link and base is not None and is_web(base):
        try:
            link = urljoin(base, link)
        except ValueError:
            return None
    else:
        return None
    link = _UNSAFE.sub(lambda match: quote(match[0]), link)
    return link if len(link) <= MAX_LINK and is_web(link) else None


def plain_origin(base: str) -> str | None:
    """Return the origin of a plain address, which a path from the root is put behind; else None."""
    origin = _PLAIN_ORIGIN.match(base)
    return None if origin is None else origin[0]


def is_web(url: str) -> bool:
    """Whether this is an absolute http(s) address with a host and, where there is one, a possible port."""
    return _PLAIN.fullmatch(url) is not None or _split_authority(url) is not None


def clean_url(url: str | None) -> str | None:
    """Return an address as a valid absolute http(s) URI of at most `MAX_URL` characters, or None.

    Host names become ASCII (IDNA 2008, UTS 46), characters that a URI cannot have are percent-encoded, and a user name
    with its password is removed: it would be published.
    """
    if url is None or (len(url) <= _SHORT and _CLEAN.fullmatch(url)):
        return url
    return _clean(url)


def same_feed(url: str) -> str:
    """Return a text that is the same for the addresses by which people know one feed; not an address itself.

    It has no scheme, user name, `www.`, default port, tracking parameters, fragment and slash at the end; the host is
    in lower case, and each character is escaped in one way. The order of parameters stays: it may mean something. An
    address that is not http(s), such as that of a route of RSSHub, keeps its scheme.
    """
    from aggregator.values.tracking import without_tracking

    cleaned = _clean(url)
    parts = None if cleaned is None else _PARTS.fullmatch(without_tracking(cleaned.partition("#")[0]))
    if parts is None:
        return one_way(url.strip()).rstrip("/")
    scheme, authority, path, query, _ = parts.groups(default="")
    host = authority.removesuffix(_DEFAULT_PORTS[scheme]).removeprefix("www.")
    return f"{host}{one_way(path).rstrip('/')}{one_way(query) if query != '?' else ''}"


def one_way(text: str) -> str:
    """Write each escaped character of a part of an address in only one way (RFC 3986, section 6.2.2)."""
    return _ESCAPE.sub(_one_escape, text) if "%" in text else text


def _one_escape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.match(character) else match[0].upper()


def _clean(url: str) -> str | None:
    absolute = resolve(url, None)
    if absolute is None:
        return None
    parts, authority = _PARTS.fullmatch(absolute), _split_authority(absolute)
    if parts is None or authority is None:
        return None
    host = _ascii_host(authority[0])
    if host is None:
        return None
    scheme, _, path, query, fragment = parts.groups(default="")
    port = f":{authority[1]}" if authority[1] else ""
    rest = _escape(path, "/") + "?" * bool(query) + _escape(query[1:], "/?")
    rest += "#" * bool(fragment) + _escape(fragment[1:], "/?")
    # An address that was escaped twice is corrected; what still looks like a reference would not survive readers that
    # resolve references once too often.
    rest = _REFERENCE.sub(r"\1%3B", _ESCAPED_AGAIN.sub("&", rest))
    whole = f"{scheme.lower()}://{host}{port}{rest}"
    return whole if len(whole) <= MAX_URL else None


def _before_query(link: str) -> tuple[str, str, str]:
    end = min((at for at in (link.find("?"), link.find("#")) if at >= 0), default=len(link))
    return link[:end], link[end : end + 1], link[end + 1 :]


def _split_authority(url: str) -> tuple[str, str] | None:
    """Host and port of an http(s) address, or None where they are not sound."""
    parts = _PARTS.fullmatch(url)
    authority = None if parts is None else _AUTHORITY.fullmatch(parts[2])
    if authority is None:
        return None
    host, port = authority[2], authority[3] or ""
    if _UNSAFE.search(host) or _CONTROLS.search(host) or not host.strip(".") or (port and int(port) > 65535):
        return None
    return host, port


def _ascii_host(host: str) -> str | None:
    if host.startswith("["):
        return host.lower()
    if len(host) > 253:
        return None
    if not host.isascii():
        # Few addresses need it, and most commands read no address but those of the configuration.
        import idna

        try:
            host = idna.encode(host, uts46=True).decode()
        except UnicodeError:
            # Names with emoji are registered although IDNA 2008 does not allow them.
            try:
                host = host.encode("idna").decode()
            except UnicodeError:
                return None
    host = host.lower()
    return host if _HOST.fullmatch(host) else None


def _escape(part: str, extra: str) -> str:
    return quote(_BAD_ESCAPE.sub("%25", part), safe=f"%:@!$&'()*+,;=-._~{extra}", errors="replace")
