"""Bot walls: which one answered in place of the site, by its own marks; pure.

In: status, headers and the beginning of a body. Out: the wall, or None. A wall is recognized by what only its own pages
have: a header that it documents, or the scripts and containers of its challenge, as markup. A page that is about walls,
loads a script of one or has a form with a CAPTCHA is none, so what ordinary pages may have counts only beside the
status of a refusal. Nothing here helps through a wall; it tells the operator what stands there, and what can honestly
be done.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

HEAD = 20_000
"""Bytes of a body that are looked at; the marks stand near the beginning."""
LARGEST = 100_000
"""Bytes that a challenge has at most; a larger document is the site's own."""

Stance = Literal["browser", "person", "nobody"]
"""Whom a wall lets in: browsers that pass its test, persons who solve its CAPTCHA, or nobody from here."""

_CONTACT = "set `fetch.contact`, so that the owner can see who asks and let you in"
_OWN_WAY = f"use the address of the site's own feed, a token or cookie from its owner, or RSSHub; {_CONTACT}"
_LETS_IN: dict[Stance, str] = {
    "browser": "lets in only browsers that pass its test",
    "person": "lets in only persons who solve its CAPTCHA",
    "nobody": "keeps this program or its network out",
}
_ADVICE: dict[Stance, str] = {
    "browser": _OWN_WAY,
    "person": _OWN_WAY,
    "nobody": f"ask the site's owner to let feed readers in, or use a token from them, or RSSHub; {_CONTACT}",
}


@dataclass(frozen=True, slots=True)
class Wall:
    """A bot wall."""

    #: As its makers call it.
    name: str
    lets_in: Stance

    @property
    def advice(self) -> str:
        """What can honestly be done, as clauses for people."""
        return _ADVICE[self.lets_in]

    def message(self, status: int) -> str:
        """Say what happened, and what to do."""
        return f"{self.name} stands before the site and {_LETS_IN[self.lets_in]} (status {status}); {self.advice}"


def wall_of(status: int, headers: Mapping[bytes, str], head: bytes) -> Wall | None:
    """Return the wall that sent an answer, or None where the site itself did.

    Args:
        headers: by their names in lower case.
        head: the beginning of the decoded body, `HEAD` bytes; of a document larger than `LARGEST` nothing.
    """
    for mark in _HEADERS:
        if mark.fits(status, headers, b""):
            return Wall(mark.name, mark.lets_in)
    head = head[:HEAD].lower()
    if head and (_HTML.match(head) or not 200 <= status <= 299):
        for mark in _PAGES:
            if mark.fits(status, headers, head):
                return Wall(mark.name, mark.lets_in)
    return None


@dataclass(frozen=True, slots=True)
class _Mark:
    """What tells a wall; all of it must be there."""

    name: str
    lets_in: Stance
    #: Patterns of whole values of headers, by their names in lower case.
    headers: Mapping[bytes, re.Pattern[str]] = field(default_factory=dict)
    #: A text in the beginning of the body, in lower case: without it, the patterns need not be tried.
    text: bytes = b""
    #: Patterns to be found there, in lower case.
    patterns: tuple[re.Pattern[bytes], ...] = ()
    #: Statuses with which it counts; None: any.
    statuses: frozenset[int] | None = None

    def fits(self, status: int, headers: Mapping[bytes, str], head: bytes) -> bool:
        return (
            (self.statuses is None or status in self.statuses)
            and self.text in head
            and all(pattern.fullmatch(headers.get(name, "").strip()) for name, pattern in self.headers.items())
            and all(pattern.search(head) for pattern in self.patterns)
        )


def _says(name: str, lets_in: Stance, header: bytes, value: str, statuses: frozenset[int] | None = None) -> _Mark:
    """Make a mark that is a header alone."""
    return _Mark(name, lets_in, {header: re.compile(value, re.IGNORECASE)}, statuses=statuses)


def _page(name: str, lets_in: Stance, text: bytes, *patterns: bytes, statuses: frozenset[int] | None = None) -> _Mark:
    """Make a mark of a page.

    Every repetition in the patterns is bounded, so that a page made to slow them down costs milliseconds.
    """
    return _Mark(name, lets_in, text=text, patterns=tuple(map(re.compile, patterns)), statuses=statuses)


def _title(text: bytes) -> bytes:
    return rb"<title[^>]{0,100}>\s{0,50}" + text + rb"\s{0,50}</title>"


def _script(text: bytes) -> bytes:
    """Return a pattern of a text near the beginning of a script that is no JSON: that may hold anything."""
    return rb"<script[^>]{0,300}>\s{0,50}(?![\s{\[])[^<]{0,300}" + text


def _source(address: bytes) -> bytes:
    """Return a pattern of a script or frame that is loaded from an address."""
    return rb"<(?:script|iframe)[^>]{0,300}\ssrc=[\"']?" + address


def _meta(attribute: bytes, value: bytes) -> bytes:
    return rb"<meta[^>]{0,60}\s" + attribute + rb"=[\"']?" + value


def _identified(name: bytes) -> bytes:
    """Return a pattern of an element with an id."""
    return rb"<\w{1,9}[^>]{0,60}\sid=[\"']?" + name + rb"[\"'\s>]"


#: How a document that is shown as a page begins; feeds and JSON begin otherwise.
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,200}<(?:!doctype html|html|head|title|meta|script|body)\b")
#: Statuses that walls answer with. 404 and 410 are none: such pages may well have a form with a CAPTCHA.
_REFUSED = frozenset({202, 307, 400, 401, 403, 405, 406, 412, 415, 418, 428, 429, 444, 468, 500, 503, 521})
_FORBIDDEN = frozenset({403, 405, 406, 429, 503})

#: Headers that say it, whatever the body.
_HEADERS = (
    # developers.cloudflare.com, "Detect a Challenge Page response".
    _says("Cloudflare", "browser", b"cf-mitigated", "challenge"),
    # docs.aws.amazon.com/waf: a challenge has status 202, a CAPTCHA 405.
    _says("AWS WAF", "browser", b"x-amzn-waf-action", "challenge"),
    _says("AWS WAF", "person", b"x-amzn-waf-action", "captcha"),
    _says("Vercel", "browser", b"x-vercel-mitigated", "challenge"),
    _says("Vercel", "nobody", b"x-vercel-mitigated", "deny"),
    _says("Sucuri", "nobody", b"x-sucuri-block", r"\S{1,100}", _REFUSED),
    _says("SiteGround", "browser", b"sg-captcha", "challenge"),
)
#: Pages of walls.
_PAGES = (
    # The page by itself. Ordinary pages load a script from the same folder: `/cdn-cgi/challenge-platform/scripts/jsd/`.
    _page(
        "Cloudflare",
        "browser",
        b"_cf_chl_opt",
        _script(rb"window\._cf_chl_opt\s{0,9}="),
        rb"/cdn-cgi/challenge-platform/h/\w{1,9}/orchestrate/",
    ),
    _page("Cloudflare", "browser", b"just a moment...", _title(rb"just a moment\.\.\."), statuses=_FORBIDDEN),
    _page("Cloudflare", "nobody", b"| cloudflare", _title(rb"attention required! \| cloudflare"), statuses=_FORBIDDEN),
    _page(
        "Cloudflare",
        "nobody",
        b"used cloudflare to restrict access",
        _title(rb"access denied \| [^<]{1,200} used cloudflare to restrict access"),
        statuses=_FORBIDDEN,
    ),
    # The same for programs: 1005 to 1012 refuse networks, countries and programs, 1020 is a rule of the site.
    _page(
        "Cloudflare",
        "nobody",
        b"error code: 10",
        rb"\A\s{0,9}error code: (?:100[5-9]|101[0-2]|1020)\s{0,9}\Z",
        statuses=_FORBIDDEN,
    ),
    # Its cookie and its header `x-datadome: protected` are on ordinary pages as well.
    _page(
        "DataDome",
        "person",
        b"captcha-delivery.com",
        _script(rb"var dd\s{0,9}=\s{0,9}\{"),
        _source(rb"https://ct\.captcha-delivery\.com/\w\.js"),
    ),
    _page(
        "DataDome",
        "person",
        b"captcha-delivery.com",
        _source(rb"https://(?:ct|geo)\.captcha-delivery\.com/"),
        statuses=_REFUSED,
    ),
    # What a request for JSON gets.
    _page(
        "DataDome",
        "person",
        b"captcha-delivery.com",
        rb"\A\s{0,9}\{\s{0,9}\"url\"\s{0,9}:\s{0,9}\"https:\\?/\\?/geo\.captcha-delivery\.com\\?/",
        statuses=_REFUSED,
    ),
    # Served with 200, unless its operator has chosen another status.
    _page("Anubis", "browser", b"anubis_challenge", rb"<script[^>]{0,200}\sid=[\"']?anubis_challenge\b"),
    _page(
        "Anubis",
        "browser",
        b".within.website/x/cmd/anubis/",
        rb"<(?:script|meta|link)[^>]{0,300}[\"'=;]\s?/[^\"'>]{0,200}\.within\.website/x/cmd/anubis/(?:static/js|api)/",
    ),
    _page("Anubis", "nobody", b".within.website/x/", _title(rb"oh noes!")),
    # Ordinary pages load a `challenge.js`, too, but from `edge.sdk.awswaf.com`.
    _page(
        "AWS WAF",
        "browser",
        b"window.gokuprops",
        _script(rb"window\.gokuprops\s{0,9}="),
        _source(rb"https://[\w.-]{1,200}\.(?:token|captcha)\.awswaf\.com/"),
    ),
    _page(
        "CloudFront",
        "nobody",
        b"request blocked.",
        _title(rb"error: the request could not be satisfied"),
        statuses=_FORBIDDEN,
    ),
    _page("Vercel", "browser", b"vercel", _title(rb"vercel security checkpoint"), statuses=_FORBIDDEN),
    # Its sensor script and its cookies are on ordinary pages as well.
    _page("Akamai", "browser", b"sec-if-cpt-container", _identified(rb"sec-if-cpt-container")),
    _page("Akamai", "browser", b"bm-verify=", _meta(rb"content", rb"\d{1,3};\s?url='?[^'\">]{0,300}[?&]bm-verify=")),
    _page("Akamai", "browser", b'"sec-cp-challenge"', statuses=frozenset({428})),
    _page(
        "Akamai",
        "nobody",
        b"access denied</h1>",
        rb"reference(?:&#32;|\s)(?:&#35;|#)\d{1,4}(?:&#46;|\.)[0-9a-f]{1,20}(?:&#46;|\.)",
        statuses=_FORBIDDEN,
    ),
    _page("Sucuri", "browser", b"sucuri_cloudproxy_js", _script(rb"\bsucuri_cloudproxy_js\b")),
    _page("Sucuri", "nobody", b"sucuri", _title(rb"sucuri website firewall - access denied"), statuses=_FORBIDDEN),
    # Ordinary pages load `/_Incapsula_Resource?SWJIYLWA=…` as a script.
    _page("Imperva", "browser", b"_incapsula_resource", rb"<iframe[^>]{0,200}\ssrc=[\"']?/_incapsula_resource\?"),
    _page(
        "Imperva", "browser", b"pardon our interruption", _title(rb"pardon our interruption\.{0,3}"), statuses=_REFUSED
    ),
    _page("Imperva", "nobody", b"incapsula incident id", rb"\bincapsula incident id: ?\d", statuses=_REFUSED),
    _page(
        "PerimeterX",
        "person",
        b"px-captcha",
        _identified(rb"px-captcha"),
        _title(rb"access to this page has been denied\.?"),
    ),
    _page("PerimeterX", "person", b"px-captcha", _identified(rb"px-captcha"), statuses=_REFUSED),
    _page("PerimeterX", "person", b'"blockscript"', rb"\"appid\"\s{0,9}:\s{0,9}\"px\w{4,12}\"", statuses=_REFUSED),
    # Common in China. Jiasule and SafeLine have statuses of their own.
    _page(
        "Alibaba Cloud WAF",
        "browser",
        b"var arg1=",
        rb"\A\s{0,99}<html><script[^>]{0,99}>\s{0,9}var arg1='[0-9a-f]{16}",
    ),
    _page("Alibaba Cloud WAF", "browser", b"aliyun_waf_", _meta(rb"name", rb"aliyun_waf_\w{1,9}\b")),
    _page("Alibaba Cloud WAF", "person", b"/_____tmd_____/punish", _script(rb"/_____tmd_____/punish\?x5secdata=")),
    _page("Alibaba Cloud WAF", "nobody", b"//errors.aliyun.com/", statuses=frozenset({405})),
    _page(
        "Jiasule",
        "browser",
        b"document.cookie",
        rb"\A\s{0,99}<script>\s{0,9}document\.cookie",
        statuses=frozenset({521}),
    ),
    # Pages that it lets through have the same script.
    _page(
        "River Security",
        "browser",
        b"$_ts",
        _script(rb"\$_ts\s{0,9}=\s{0,9}window\[['\"]\$_ts['\"]\]"),
        statuses=frozenset({202, 400, 412}),
    ),
    _page("SafeLine", "browser", b"safelinechallenge(", _script(rb"safelinechallenge\(")),
    _page("SafeLine", "browser", b"/.safeline/", statuses=frozenset({468})),
    _page("SiteGround", "browser", b"sgcaptcha", _meta(rb"content", rb"\d{1,3};\s?(?:url=)?/\.well-known/sgcaptcha/")),
    _Mark(
        "Imunify360",
        "browser",
        {b"server": re.compile(r"imunify360-webshield\b.{0,50}", re.IGNORECASE)},
        b"one moment, please...",
    ),
    _page("DDoS-Guard", "browser", b"/.well-known/ddos-guard/", _title(rb"ddos-guard")),
    _page("DDoS-Guard", "browser", b"ddos-guard", _source(rb"/\.well-known/ddos-guard/"), statuses=_FORBIDDEN),
    _page(
        "Kasada",
        "browser",
        b"window.kpsdk",
        _script(rb"window\.kpsdk\s{0,9}=\s{0,9}\{\}"),
        statuses=frozenset({403, 429}),
    ),
    _page("Wordfence", "nobody", b"generated by wordfence", rb">\s{0,9}generated by wordfence\b", statuses=_FORBIDDEN),
    # CAPTCHAs of any maker, on pages that refuse.
    _page(
        "an unknown wall",
        "person",
        b"captcha",
        rb"\sclass=[\"'](?:[\w -]{0,100}\s)?(?:g-recaptcha|h-captcha|frc-captcha)[\s\"']",
        statuses=frozenset({403, 405, 429}),
    ),
    _page(
        "an unknown wall",
        "person",
        b"turnstile",
        rb"\sclass=[\"'](?:[\w -]{0,100}\s)?cf-turnstile[\s\"']",
        statuses=frozenset({403, 405, 429}),
    ),
    _page(
        "an unknown wall",
        "person",
        b"captcha",
        _source(
            rb"https://(?:(?:js\.)?hcaptcha\.com|www\.(?:google\.com|recaptcha\.net)/recaptcha"
            rb"|gcaptcha4\.geetest\.com|turing\.captcha\.qcloud\.com)/"
        ),
        statuses=frozenset({403, 405, 429}),
    ),
)
