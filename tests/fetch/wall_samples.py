"""Answers of bot walls, written after what each of them really sends, and ordinary pages that look a bit like them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HTML = {"Content-Type": "text/html; charset=UTF-8"}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Sample:
    """One answer."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=lambda: HTML)


_CF_CHALLENGE = """<!DOCTYPE html><html lang="en-US"><head><title>{title}</title>
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8"><meta name="robots" content="noindex,nofollow">
<meta http-equiv="content-security-policy" content="default-src 'none'; script-src 'nonce-Qx' https://challenges.cloudflare.com">
<style>*{{box-sizing:border-box;margin:0}}</style><meta http-equiv="refresh" content="360"></head><body>
<div class="main-wrapper" role="main"><div class="main-content"><noscript><span id="challenge-error-text">Enable JavaScript
and cookies to continue</span></noscript></div></div><script nonce="Qx">(function(){{window._cf_chl_opt = {{cFPWv: 'b',
cH: 'k.tiZo622qa0-1776908002-1.2.1.1',cITimeS: '1776908002',cRay: '9f091ea7eb1afc03',cType: 'managed',
cUPMDTk:"/feed/?__cf_chl_tk=FEZ",cvId: '3',cZone: 'example.org'}};var a = document.createElement('script');
a.src = '/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1?ray=9f091ea7eb1afc03';
document.getElementsByTagName('head')[0].appendChild(a);}}());</script></body></html>"""
_CF_BLOCKED = """<!DOCTYPE html><!--[if lt IE 7]> <html class="no-js ie6 oldie" lang="en-US"> <![endif]-->
<!--[if gt IE 8]><!--> <html class="no-js" lang="en-US"> <!--<![endif]--><head>
<title>{title}</title><meta charset="UTF-8" /><link rel="stylesheet" href="/cdn-cgi/styles/cf.errors.css" /></head>
<body><div id="cf-wrapper"><div id="cf-error-details" class="cf-error-details-wrapper">
<div class="cf-wrapper cf-header cf-error-overview"><h1 data-translate="block_headline">Sorry, you have been blocked</h1>
<h2 class="cf-subheadline"><span data-translate="unable_to_access">You are unable to access</span> example.org</h2></div>
<p class="cf-error-footer">Cloudflare Ray ID: <strong>a3a052880aa772d5</strong></p></div></div></body></html>"""
_DATADOME = """<html lang="en"><head><title>example.org</title><style>#cmsg{animation: A 1.5s;}@keyframes A{0%{opacity:0;}}</style>
</head><body style="margin:0"><p id="cmsg">Please enable JS and disable any ad blocker</p><script data-cfasync="false">
var dd={'rt':'c','cid':'AHrlqAAAAAMA6gifcHcCX3','hsh':'EC3A9FB6F2A31D3AF16C','t':'fe','s':43337,'e':'5e8c4055',
'host':'geo.captcha-delivery.com','cookie':'Xk'}</script><script data-cfasync="false" src="https://ct.captcha-delivery.com/c.js">
</script></body></html>"""
_DATADOME_FRAME = """<!DOCTYPE html><html><head><title>example.org</title><meta name="viewport" content="width=device-width"></head>
<body><div class="captcha__human"><iframe src="https://geo.captcha-delivery.com/captcha/?initialCid=AHrl&amp;hash=EC3A&amp;t=fe"
width="100%" height="400" title="DataDome CAPTCHA"></iframe></div></body></html>"""
_ANUBIS = """<!doctype html><html lang="en"><head><title>{title}</title>
<link rel="stylesheet" href="{base}/.within.website/x/xess/xess.min.css?cachebuster=1.25.0">
<meta name="viewport" content="width=device-width, initial-scale=1.0"><meta name="robots" content="noindex,nofollow">
<script id="anubis_version" type="application/json">"1.25.0"</script>
<script id="anubis_challenge" type="application/json">{{"rules":{{"algorithm":"fast","difficulty":4}},"challenge":
{{"id":"01a0eb88-873a","method":"fast","randomData":"b8d25ea9","difficulty":4}}}}</script></head><body id="top"><main>
<h1 id="title" class="centered-div">{title}</h1><img id="image" src="{base}/.within.website/x/cmd/anubis/static/img/pensive.webp">
<p id="status">Loading...</p><script async type="module" src="{base}/.within.website/x/cmd/anubis/static/js/main.mjs"></script>
<footer><p>Protected by <a href="https://github.com/TecharoHQ/anubis">Anubis</a></p></footer></main></body></html>"""
_ANUBIS_REFRESH = """<!doctype html><html lang="en"><head><title>Making sure you&#39;re not a bot!</title>
<meta http-equiv="refresh" content="3; url=/.within.website/x/cmd/anubis/api/pass-challenge?id=01a0&amp;redir=%2Ffeed"></head>
<body><h1>Making sure you&#39;re not a bot!</h1></body></html>"""
_ANUBIS_DENIED = """<!doctype html><html><head><title>Oh noes!</title>
<link rel="stylesheet" href="/.within.website/x/xess/xess.min.css?cachebuster=1.21.3"></head><body id="top"><main>
<h1>Oh noes!</h1><img src="/.within.website/x/cmd/anubis/static/img/reject.webp"><p>Access Denied: error code abc.</p>
</main></body></html>"""
_AWS = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title></title><style>body{font-family:"Arial"}</style>
<script type="text/javascript">window.awsWafCookieDomainList = [];window.gokuProps = {"key":"AQIDAHj","iv":"A6wUCg",
"context":"glDLQwA7"};</script><script src="https://1c5c1ecf7303.d474e66d.us-west-2.{kind}.awswaf.com/1c5c/78/challenge.js">
</script></head><body><div id="challenge-container"></div><script>AwsWafIntegration.saveReferrer();</script>
<noscript><h1>JavaScript is disabled</h1></noscript></body></html>"""
_CLOUDFRONT = """<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">
<HTML><HEAD><META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=iso-8859-1">
<TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY><H1>403 ERROR</H1><H2>The request could not be
satisfied.</H2><HR noshade size="1px">Request blocked.
We can't connect to the server for this app or website at this time.<PRE>Generated by cloudfront (CloudFront)
Request ID: Wk1A==</PRE></BODY></HTML>"""
_VERCEL = """<!DOCTYPE html><html lang="en" data-astro-cid-4wdtffzm><head><meta charset="utf-8">
<title>Vercel Security Checkpoint</title><style>body{display:flex}</style></head><body><div class="container"><main>
<p id="header-text">We're verifying your browser</p></main><footer><p><a href="https://vercel.link/security-checkpoint">Vercel
Security Checkpoint</a> | fra1::1787</p></footer></div><script type="module">(function(){})()</script></body></html>"""
_AKAMAI_CHALLENGE = """<!DOCTYPE html>
<html lang="en">
<body><script type="text/javascript" src="/Wjv3muMJul/a-27ijBVRX/bQEmGXt1/PwknTm9wYQE?v=76fd93f0&amp;t=741026095"></script>
<div id="sec-if-cpt-container" role="main" style="display: none"><div class="behavioral-content"></div>
<div class="scf-akamai-logo-msg"><p class ="scf-akamai-protected-by">Powered and protected by</p></div></div></body></html>"""
_AKAMAI_VERIFY = """<html><head><meta http-equiv="refresh" content="5; URL='/news/?bm-verify=AAQAAAAL_____4xk'" /></head>
<body><script src="https://cdn.example.org/akam/13/49a3c94"></script><noscript><img src="/akam/13/pixel_49a3"></noscript></body></html>"""
_AKAMAI_DENIED = """<HTML><HEAD>
<TITLE>Access Denied</TITLE>
</HEAD><BODY>
<H1>Access Denied</H1>
 
You don't have permission to access "http&#58;&#47;&#47;www&#46;example&#46;org&#47;feed" on this server.<P>
Reference&#32;&#35;18&#46;49d02e17&#46;1777653101&#46;1c9116d2
<P>https&#58;&#47;&#47;errors&#46;edgesuite&#46;net&#47;18&#46;49d02e17&#46;1777653101&#46;1c9116d2</P>
</BODY>
</HTML>"""
_AKAMAI_JSON = '{"sec-cp-challenge": "true","provider":"crypto","branding_url_content":"/_sec/cp_challenge/crypto_message-3-4.htm"}'
_SUCURI_CHALLENGE = """<html><title>You are being redirected...</title>
<noscript>Javascript is required. Please enable javascript before you are allowed to see this page.</noscript>
<script>var s={},u,c,U,r,i,l=0,a,e=eval,w=String.fromCharCode,sucuri_cloudproxy_js='',S='YT0nWTInLnNsaWNlKDEsMik';L=S.length;
</script></html>"""
_SUCURI_DENIED = """<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml"><head><link rel="stylesheet" href="https://cdn.sucuri.net/sucuri-firewall-block.css" />
<title>Sucuri WebSite Firewall - Access Denied</title></head><body><div id="main-container"><h1>Access Denied - Sucuri Website
Firewall</h1><table><tr><td>Block ID:</td><td>FBP007</td></tr></table></div></body></html>"""
_IMPERVA = """<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX, NOFOLLOW">
<meta name="format-detection" content="telephone=no"><script type="text/javascript" src="/_Incapsula_Resource?SWJIYLWA=719d34"></script>
</head><body style="margin:0px;height:100%"><iframe id="main-iframe" src="/_Incapsula_Resource?CWUDNSAI=22&xinfo=0-16116849"
frameborder=0 width="100%" height="100%">Request unsuccessful. Incapsula incident ID: 480000110055256111-7073</iframe></body></html>"""
_IMPERVA_PARDON = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>Pardon Our Interruption</title><style>.c{margin:0}</style>
</head><body><div class="container"><h1>Pardon Our Interruption...</h1><p>As you were browsing something about your browser made
us think you were a bot.</p></div></body></html>"""
_PERIMETERX = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="description" content="px-captcha">
<title>Access to this page has been denied</title></head><body><script>window._pxAppId = 'PXabcd1234';</script>
<div class="px-captcha-container"><div id="px-captcha"></div><p>Press &amp; Hold to confirm you are a human (and not a bot).</p>
</div><script src="/abcd1234/captcha/captcha.js?a=c&m=0"></script></body></html>"""
_PERIMETERX_JSON = '{"appId":"PXabcd1234","jsClientSrc":"/abcd1234/init.js","blockScript":"/abcd1234/captcha/captcha.js","uuid":"e8e6"}'
_ALIBABA = """<html><script>
var arg1='3A1F0C9E5D7B28463A1F0C9E5D7B2846ABCDEF01';(function(a,c){var d=function(f){while(--f){a.push(a.shift());}};d(++c);}
(_0x4818,0x15b));function reload(x) {setCookie("acw_sc__v2", x);document.location.reload();}</script></html>"""
_ALIBABA_META = """<!doctype html><html><head><meta charset="utf-8"><meta name="aliyun_waf_aa" content="9f2c61"><title></title></head>
<body><textarea id="renderData" style="display:none">{"l1":"x"}</textarea><script>(function(){})()</script></body></html>"""
_ALIBABA_405 = """<!DOCTYPE html><html lang="zh-cn"><head><meta charset="utf-8" /><title>405</title></head><body>
<div id="block_message">很抱歉，由于您访问的URL有可能对网站造成安全威胁，您的访问被阻断。</div>
<img src="https://errors.aliyun.com/images/TB15QGaHpXXXXXOaXXXXia39XXX-660-117.png"></body></html>"""
_ALIBABA_PUNISH = """<html><head></head><body><script>window._config_ = {"action":"captcha","url":
"https://www.example.org//_____tmd_____/punish?x5secdata=xcAB"};</script></body></html>"""
_JIASULE = """<script>document.cookie=('_')+('_')+('j')+('s')+('l')+('_')+('c')+('l')+'=1647518540.307|-1|IQ;max-age=3600;path=/';
location.href=location.pathname+location.search</script>"""
_RIVER = """<!DOCTYPE html><html><head><meta charset="utf-8"><meta id="13JnD7t9MzWf" content="KszeWp.PSsEFpfp" r='m'>
<!--[if lt IE 9]><script r='m'>document.createElement("section")</script><![endif]--><script type="text/javascript" r='m'>
$_ts=window['$_ts'];if(!$_ts)$_ts={};$_ts.nsd=52206;$_ts.cd="qtJDrpAltcLqlqVm";</script><script src="/3of0Ehp/Rk.js" r='m'>
</script></head><body></body></html>"""
_SAFELINE = """<!DOCTYPE html><html lang="zh"><head><meta charset="utf-8"><link rel="icon" href="/.safeline/static/favicon.png">
<title id="slg-title"></title></head><body><div id="slg-bg"></div><div id="slg-box"></div>
<script>window.product_data = {};SafeLineChallenge("c1d2e3", {"level": 1})</script></body></html>"""
_SITEGROUND = """<html><head><link rel="icon" href="data:;"><meta http-equiv="refresh" content="0;/.well-known/sgcaptcha/?r=%2Ffeed%2F&y=ipc:198.51.100.7:17">
</meta></head></html>"""
_IMUNIFY = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>One moment, please...</title></head><body>
<h1>Please wait while your request is being verified...</h1><form id="wsidchk-form" style="display:none;" method="POST"></form>
</body></html>"""
_DDOS_GUARD = """<!DOCTYPE html><html lang="en"><head><title>DDOS-GUARD</title><meta charset="utf-8">
<link rel="stylesheet" href="/.well-known/ddos-guard/js-challenge/index.css"></head><body data-ddg-origin="true">
<div class="container"><h1 id="ddg-l10n-title">Checking your browser before accessing example.org</h1></div>
<script src="/.well-known/ddos-guard/js-challenge/index.js"></script></body></html>"""
_KASADA = """<!DOCTYPE html><html><head></head><body><script>window.KPSDK={};KPSDK.now=typeof performance!=='undefined'?
performance.now.bind(performance):Date.now.bind(Date);KPSDK.start=KPSDK.now();</script>
<script src="/149e9513/2d206a39/ips.js?KP_UIDz=0d&x-kpsdk-im=AAIk"></script></body></html>"""
_WORDFENCE = """<!DOCTYPE html><html><head><title>Your access to this site has been limited by the site owner</title></head><body>
<h1>Your access to this site has been limited by the site owner</h1><p>Your access to this service has been limited. (HTTP
response code 503)</p><p>Block Reason: Access from your area has been temporarily limited for security reasons</p>
<div class="about"><p>Generated by Wordfence at Mon, 4 May 2026 12:00:00 GMT.</p></div></body></html>"""
_CAPTCHA = """<!DOCTYPE html><html><head><title>Are you human?</title><script src="https://www.google.com/recaptcha/api.js"></script>
</head><body><form method="post"><div class="g-recaptcha" data-sitekey="6Lc"></div><button>Continue</button></form></body></html>"""
_TURNSTILE = """<html><head><title>Verify</title></head><body><form><div class="box cf-turnstile" data-sitekey="0x4A"></div>
<script src="https://challenges.cloudflare.com/turnstile/v0/api.js"></script></form></body></html>"""


def _cloudflare(title: str) -> str:
    return _CF_CHALLENGE.format(title=title)


#: By the name of the wall: what it sends, with whom it lets in.
WALLS: dict[str, list[tuple[Sample, str]]] = {
    "Cloudflare": [
        (
            Sample(403, _cloudflare("Just a moment..."), {**HTML, "cf-mitigated": "challenge", "Server": "cloudflare"}),
            "browser",
        ),
        (Sample(403, "", {"CF-Mitigated": "Challenge"}), "browser"),
        (Sample(429, _cloudflare("Just a moment..."), {**HTML, "cf-mitigated": "challenge"}), "browser"),
        (
            Sample(
                503, "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking</body></html>"
            ),
            "browser",
        ),
        (Sample(403, _cloudflare("Einen Moment\N{HORIZONTAL ELLIPSIS}")), "browser"),
        (Sample(200, _cloudflare("Just a moment...")), "browser"),
        (Sample(403, _CF_BLOCKED.format(title="Attention Required! | Cloudflare")), "nobody"),
        (
            Sample(403, _CF_BLOCKED.format(title="Access denied | example.org used Cloudflare to restrict access")),
            "nobody",
        ),
        (Sample(403, "error code: 1020", {"Content-Type": "text/plain; charset=UTF-8"}), "nobody"),
    ],
    "DataDome": [
        (Sample(403, _DATADOME, {**HTML, "x-datadome": "protected", "x-dd-b": "1"}), "person"),
        (Sample(401, _DATADOME), "person"),
        (Sample(200, _DATADOME), "person"),
        (Sample(403, _DATADOME_FRAME), "person"),
        (Sample(403, '{"url":"https://geo.captcha-delivery.com/captcha/?initialCid=AHrl&t=fe"}', JSON), "person"),
    ],
    "Anubis": [
        (Sample(200, _ANUBIS.format(title="Making sure you&#39;re not a bot!", base="")), "browser"),
        (Sample(401, _ANUBIS.format(title="Making sure you&#39;re not a bot!", base="")), "browser"),
        (Sample(202, _ANUBIS.format(title="Verifying your request...", base="/guard")), "browser"),
        (Sample(503, _ANUBIS_REFRESH), "browser"),
        (Sample(200, _ANUBIS_REFRESH), "browser"),
        (Sample(200, _ANUBIS_DENIED), "nobody"),
    ],
    "AWS WAF": [
        (Sample(202, "", {"x-amzn-waf-action": "challenge", "Server": "CloudFront"}), "browser"),
        (Sample(405, _AWS.replace("{kind}", "captcha"), {**HTML, "x-amzn-waf-action": "captcha"}), "person"),
        (Sample(202, _AWS.replace("{kind}", "token")), "browser"),
        (Sample(200, _AWS.replace("{kind}", "token")), "browser"),
    ],
    "CloudFront": [(Sample(403, _CLOUDFRONT, {**HTML, "X-Cache": "Error from cloudfront"}), "nobody")],
    "Vercel": [
        (Sample(429, _VERCEL, {**HTML, "x-vercel-mitigated": "challenge", "Server": "Vercel"}), "browser"),
        (Sample(403, _VERCEL), "browser"),
        (Sample(403, "Forbidden", {"Content-Type": "text/plain", "x-vercel-mitigated": "deny"}), "nobody"),
    ],
    "Akamai": [
        (Sample(200, _AKAMAI_CHALLENGE), "browser"),
        (Sample(403, _AKAMAI_CHALLENGE), "browser"),
        (Sample(200, _AKAMAI_VERIFY), "browser"),
        (Sample(428, _AKAMAI_JSON, JSON), "browser"),
        (Sample(403, _AKAMAI_DENIED, {"Content-Type": "text/html", "Server": "AkamaiGHost"}), "nobody"),
    ],
    "Sucuri": [
        (Sample(200, _SUCURI_CHALLENGE, {**HTML, "X-Sucuri-ID": "12005"}), "browser"),
        (Sample(307, _SUCURI_CHALLENGE, {**HTML, "X-Sucuri-ID": "12005"}), "browser"),
        (Sample(403, _SUCURI_DENIED, {**HTML, "X-Sucuri-Block": "FBP007", "Server": "Sucuri/Cloudproxy"}), "nobody"),
        (Sample(403, _SUCURI_DENIED), "nobody"),
    ],
    "Imperva": [
        (Sample(200, _IMPERVA, {**HTML, "X-Iinfo": "0-16116849-0 0NNN", "X-CDN": "Imperva"}), "browser"),
        (Sample(403, _IMPERVA), "browser"),
        (Sample(403, _IMPERVA_PARDON), "browser"),
        (Sample(403, "Request unsuccessful. Incapsula incident ID: 480000110055256111-7073"), "nobody"),
    ],
    "PerimeterX": [
        (Sample(403, _PERIMETERX), "person"),
        (Sample(200, _PERIMETERX), "person"),
        (Sample(403, _PERIMETERX_JSON, JSON), "person"),
    ],
    "Alibaba Cloud WAF": [
        (Sample(200, _ALIBABA), "browser"),
        (Sample(200, _ALIBABA_META), "browser"),
        (Sample(200, _ALIBABA_PUNISH), "person"),
        (Sample(405, _ALIBABA_405), "nobody"),
    ],
    "Jiasule": [(Sample(521, _JIASULE, {**HTML, "Set-Cookie": "__jsluid_s=9d0d84; path=/"}), "browser")],
    "River Security": [(Sample(412, _RIVER), "browser"), (Sample(202, _RIVER), "browser")],
    "SafeLine": [(Sample(468, _SAFELINE), "browser"), (Sample(200, _SAFELINE), "browser")],
    "SiteGround": [
        (Sample(202, _SITEGROUND, {**HTML, "SG-Captcha": "challenge"}), "browser"),
        (Sample(202, _SITEGROUND), "browser"),
    ],
    "Imunify360": [(Sample(200, _IMUNIFY, {**HTML, "Server": "imunify360-webshield/1.21"}), "browser")],
    "DDoS-Guard": [
        (Sample(403, _DDOS_GUARD, {**HTML, "Server": "ddos-guard"}), "browser"),
        (Sample(200, _DDOS_GUARD), "browser"),
    ],
    "Kasada": [(Sample(429, _KASADA), "browser")],
    "Wordfence": [(Sample(503, _WORDFENCE), "nobody")],
    "an unknown wall": [(Sample(403, _CAPTCHA), "person"), (Sample(429, _TURNSTILE), "person")],
}


def _page(head: str = "", body: str = "", title: str = "News") -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>{head}</head><body><main>'
        f"<h1>{title}</h1><ul><li><a href='/1'>First</a></li><li><a href='/2'>Second</a></li></ul>{body}</main></body></html>"
    )


def _listing(code: str) -> str:
    escaped = code.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _page(
        body=f"<p>This is what the challenge looks like:</p><pre><code>{escaped}</code></pre>", title="Walls explained"
    )


#: Answers of the sites themselves.
ORDINARY: dict[str, Sample] = {
    "a page": Sample(200, _page()),
    "a page behind Cloudflare with its detection script": Sample(
        200,
        _page(
            body="<script>(function(){window['__CF$cv$params']={r:'9f09',t:'MTc3'};var a=document.createElement('script');"
            "a.src='/cdn-cgi/challenge-platform/scripts/jsd/main.js';}());</script>"
        ),
        {**HTML, "Server": "cloudflare", "CF-RAY": "9f091ea7-FRA", "Set-Cookie": "__cf_bm=x; path=/"},
    ),
    "a page with Turnstile in a form": Sample(
        200,
        _page(
            head='<script src="https://challenges.cloudflare.com/turnstile/v0/api.js" async></script>',
            body='<form><div class="cf-turnstile" data-sitekey="0x4A"></div></form>',
        ),
    ),
    "a page with reCAPTCHA in a form": Sample(
        200,
        _page(
            head='<script src="https://www.google.com/recaptcha/api.js" async defer></script>',
            body='<form action="/contact"><div class="g-recaptcha" data-sitekey="6Lc"></div></form>',
        ),
    ),
    "a login page with hCaptcha": Sample(
        200,
        _page(
            head='<script src="https://js.hcaptcha.com/1/api.js"></script>',
            body='<div class="h-captcha"></div>',
            title="Sign in",
        ),
    ),
    "a missing page with a form": Sample(
        404, _page(body='<form><div class="g-recaptcha"></div></form>', title="Not found")
    ),
    "a gone page with a form": Sample(
        410, _page(body='<div class="cf-turnstile" data-sitekey="x"></div>', title="Gone")
    ),
    "a page that DataDome protects": Sample(
        200,
        _page(
            head="<script>window.ddjskey='8C5';window.ddoptions={ajaxListenerPath:true};</script>"
            '<script src="https://js.datadome.co/tags.js" async></script>'
        ),
        {**HTML, "x-datadome": "protected", "Set-Cookie": "datadome=ab; Max-Age=31536000; Path=/"},
    ),
    "a page with the AWS integration script": Sample(
        200, _page(head='<script src="https://a40627b4876a.edge.sdk.awswaf.com/a406/b00b/challenge.js" defer></script>')
    ),
    "a page with Akamai's sensor": Sample(
        200,
        _page(body='<script src="/akam/13/5e1b2a3c" defer></script><script>bmak.sensor_data = "x";</script>'),
        {**HTML, "Set-Cookie": "_abck=ab~0~; Domain=.example.org", "akamai-grn": "0.8f"},
    ),
    "a page behind Imperva": Sample(
        200,
        _page(body='<script type="text/javascript" src="/_Incapsula_Resource?SWJIYLWA=719d34&ns=1&cb=98"></script>'),
        {**HTML, "X-Iinfo": "9-1", "X-CDN": "Imperva", "Set-Cookie": "visid_incap_1=x"},
    ),
    "a page behind Sucuri": Sample(
        200,
        _page(body='<a href="https://sitecheck.sucuri.net/">Scanned by Sucuri</a>'),
        {**HTML, "X-Sucuri-ID": "19002", "X-Sucuri-Cache": "HIT", "Server": "Sucuri/Cloudproxy"},
    ),
    "a page with PerimeterX": Sample(
        200, _page(head="<script>window._pxAppId='PXabcd1234';</script><script src='/abcd1234/init.js'></script>")
    ),
    "a page that River Security lets through": Sample(
        200,
        _page(
            head="<script r='m'>$_ts=window['$_ts'];if(!$_ts)$_ts={};$_ts.nsd=52206;</script><script src='/3of0/Rk.js'></script>"
        ),
    ),
    "a page behind SafeLine": Sample(200, _page(head='<link rel="icon" href="/.safeline/static/favicon.png">')),
    "a page behind DDoS-Guard": Sample(
        200, _page(body="<p>Protected by DDoS-Guard</p>"), {**HTML, "Server": "ddos-guard", "Set-Cookie": "__ddg1_=x"}
    ),
    "a page on Vercel": Sample(
        200, _page(), {**HTML, "Server": "Vercel", "x-vercel-cache": "HIT", "x-vercel-id": "fra1::x"}
    ),
    "an article about Cloudflare": Sample(
        200, _page(title="Just a moment... with Cloudflare", body="<p>window._cf_chl_opt = {}</p>")
    ),
    "an article with the title of a challenge": Sample(
        200, _page(title="Just a moment...", body="<p>A short story.</p>")
    ),
    "a listing of a Cloudflare challenge": Sample(200, _listing(_cloudflare("Just a moment..."))),
    "a listing of a DataDome challenge": Sample(200, _listing(_DATADOME)),
    "a listing of an Anubis challenge": Sample(200, _listing(_ANUBIS.format(title="x", base=""))),
    "a listing of an AWS challenge": Sample(200, _listing(_AWS)),
    "a listing of an Akamai challenge": Sample(200, _listing(_AKAMAI_CHALLENGE + _AKAMAI_DENIED)),
    "a listing of a Sucuri challenge": Sample(200, _listing(_SUCURI_CHALLENGE + _SUCURI_DENIED)),
    "the documentation of Anubis": Sample(
        200,
        _page(
            title="Anubis: Web AI Firewall Utility",
            body='<img src="https://example.org/.within.website/x/cmd/anubis/static/img/happy.webp">'
            '<a href="/.within.website/x/cmd/anubis/api/pass-challenge">the API</a>',
        ),
    ),
    "a page whose data has a challenge": Sample(
        200,
        _page(
            body='<script id="__NEXT_DATA__" type="application/json">{"props":{"post":{"title":"How walls work","html":'
            "\"\\u003cscript\\u003e(function(){window._cf_chl_opt = {};a.src = '/cdn-cgi/challenge-platform/h/b/orchestrate/chl'\""
            "}}}</script>"
        ),
    ),
    "a refusal of the site": Sample(
        403, "<html><head><title>403 Forbidden</title></head><body><h1>Forbidden</h1></body></html>"
    ),
    "a refusal of a site behind Cloudflare": Sample(
        403,
        "<html><head><title>403 Forbidden</title></head><body>nginx</body></html>",
        {**HTML, "Server": "cloudflare"},
    ),
    "an error of Cloudflare that is no wall": Sample(
        521,
        '<!DOCTYPE html><html><head><title>example.org | 521: Web server is down</title></head><body class="cf-error-details"></body></html>',
    ),
    "a rate limit of Cloudflare": Sample(429, "error code: 1015", {"Content-Type": "text/plain"}),
    "an access control of an application": Sample(
        403,
        "<html><head><title>Access Denied</title></head><body><h1>Access Denied</h1><p>Your role may not see this.</p></body></html>",
    ),
    "maintenance": Sample(503, _page(title="One moment, please...", body="<p>We are back soon.</p>")),
    "a feed with a challenge in an item": Sample(
        200,
        '<?xml version="1.0"?><rss version="2.0"><channel><title>Walls</title><item><title>x</title><description><![CDATA['
        + _ANUBIS.format(title="x", base="")
        + "]]></description></item></channel></rss>",
    ),
    "an answer of an API": Sample(
        200, '{"html": "<script id=\\"anubis_challenge\\">", "url": "https://geo.captcha-delivery.com/"}', JSON
    ),
}
