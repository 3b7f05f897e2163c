"""Replicas of sites that are made for programs: data in a script, an API with pages, and nothing but a sitemap."""

from __future__ import annotations

import json

from tests.origin import Response, Seen
from tests.sites.replica import Item, Replica, answer

# -- a Next.js page with its data in a script --------------------------------------------------------------------------

_PROPS = {
    "props": {
        "pageProps": {
            "articles": [
                {
                    "id": "b2",
                    "slug": "second-</script>-story",
                    "headline": {"en": "Second story <b>&</b> more"},
                    "publishedAt": "2026-11-14T09:30:00.000Z",
                    "lead": "Lead of the second.",
                    "body": "<p>Body of the <i>second</i>.</p>",
                    "authors": [{"name": "Ada"}, {"name": "Lin"}],
                    "image": {"url": "/img/second.jpg"},
                    "tags": ["web", "data"],
                },
                {
                    "id": "a1",
                    "slug": "first-story",
                    "headline": {"en": "First story"},
                    "publishedAt": "2026-11-13T09:30:00.000Z",
                    "lead": "Lead of the first.",
                    "body": "<p>Body of the first.</p>",
                    "authors": [],
                    "image": None,
                    "tags": [],
                },
            ]
        }
    },
    "page": "/news",
    "buildId": "Zk3",
}

NEXT = Replica(
    "a Next.js page with its data in a script",
    """
    json: {url: "{origin}/news", script: "script#__NEXT_DATA__", items: "$.props.pageProps.articles[*]",
      id: id, title: "$.headline.en", link: "{origin}/news/{slug}", date: publishedAt, summary: lead,
      content: body, author: "$.authors[*].name", image: "$.image.url", categories: tags}
    """,
    {
        "/news": '<!DOCTYPE html><html lang="en"><head><meta charSet="utf-8"/><title>News</title></head><body><div id="__next">'
        '<main class="css-1x2y3z"><div class="css-9abc"></div></main></div><script id="__NEXT_DATA__" type="application/json">'
        + json.dumps(_PROPS).replace("<", "\\u003c")
        + "</script></body></html>"
    },
    (
        Item(
            "Second story & more",
            "/news/second-%3C/script%3E-story",
            "2026-11-14T09:30:00+00:00",
            has=("Body of the <i>second</i>.",),
            authors=("Ada", "Lin"),
            tags=("web", "data"),
            image="/img/second.jpg",
        ),
        Item("First story", "/news/first-story", "2026-11-13T09:30:00+00:00", has=("Body of the first.",)),
    ),
)

# -- an API that gives pages -------------------------------------------------------------------------------------------


def _api(seen: Seen, body: bytes) -> Response:
    asked = json.loads(body)
    if asked.get("channel") != "news" or seen.headers.get("content-type") != "application/json":
        return Response(b'{"error": "bad request"}', 400, {"Content-Type": "application/json"})
    page = asked["page"]
    rows = [
        {"nid": 1000 - number, "t": f"Item {number}", "u": f"/d/{number}", "at": 1_763_700_000 - number * 3600}
        for number in range(page * 2 - 1, page * 2 + 1)
    ]
    return answer(json.dumps({"code": 0, "data": {"list": rows, "page": page, "pages": 9}}), "application/json")


API = Replica(
    "a JSON API with pages",
    """
    json: {url: "{origin}/api/list", body: {channel: news, page: "{n}"}, items: "$.data.list[*]",
      id: nid, title: t, link: u, date: at, next: "{n}", pages: 2}
    """,
    {},
    (
        Item("Item 1", "/d/1", "2025-11-21T03:40:00+00:00"),
        Item("Item 2", "/d/2", "2025-11-21T02:40:00+00:00"),
        Item("Item 3", "/d/3", "2025-11-21T01:40:00+00:00"),
        Item("Item 4", "/d/4", "2025-11-21T00:40:00+00:00"),
    ),
    posts={"/api/list": _api},
)

# -- nothing but a sitemap ---------------------------------------------------------------------------------------------

_INDEX = """<?xml version="1.0" encoding="UTF-8"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<sitemap><loc>{origin}/sitemaps/pages.xml</loc><lastmod>2025-01-01</lastmod></sitemap>
<sitemap><loc>{origin}/sitemaps/articles.xml</loc><lastmod>2026-11-21T08:00:00+00:00</lastmod></sitemap></sitemapindex>"""
_URLS = """<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">
<url><loc>{origin}/articles/older</loc><lastmod>2026-11-09</lastmod></url>
<url><loc>{origin}/articles/newer</loc><lastmod>2026-11-21T08:00:00+00:00</lastmod></url>
<url><loc>https://elsewhere.example/articles/x</loc><lastmod>2026-11-22</lastmod></url></urlset>"""
_PAGES = """<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc>{origin}/about</loc></url><url><loc>{origin}/contact</loc></url></urlset>"""


def _article(title: str, day: str, text: str) -> Response:
    facts = {
        "@context": "https://schema.org",
        "@graph": [
            {"@type": "WebSite", "name": "Letters"},
            {
                "@type": "NewsArticle",
                "headline": title,
                "datePublished": day,
                "author": [{"@type": "Person", "name": "R. Hart"}],
            },
        ],
    }
    page = f"""<!doctype html><html lang="en"><head><title>{title} | Letters</title><meta property="og:title" content="{title}">
<meta property="og:image" content="/covers/{day[:10]}.png"><script type="application/ld+json">{json.dumps(facts)}</script></head>
<body><header><a href="/">Letters</a></header><main><article><h1>{title}</h1>{text}</article><aside><h2>More</h2></aside></main></body></html>"""
    return answer(page, "text/html; charset=utf-8")


SITEMAP = Replica(
    "a site with nothing but a sitemap",
    """
    sitemap: {url: "{origin}/", include: [/articles/*]}
    """,
    {
        "/robots.txt": "User-agent: *\nAllow: /\nSitemap: {origin}/sitemap-index.xml\n",
        "/sitemap-index.xml": _INDEX,
        "/sitemaps/articles.xml": _URLS,
        "/sitemaps/pages.xml": _PAGES,
        "/articles/newer": _article(
            "On newer things", "2026-11-20T18:00:00+01:00", "<p>Newer text, long enough to be read.</p>"
        ),
        "/articles/older": _article(
            "On older things", "2026-11-08T18:00:00+01:00", "<p>Older text, long enough to be read.</p>"
        ),
    },
    (
        Item(
            "On newer things",
            "/articles/newer",
            "2026-11-20T17:00:00+00:00",
            has=("Newer text",),
            lacks=("More",),
            authors=("R. Hart",),
            image="/covers/2026-11-20.png",
        ),
        Item(
            "On older things", "/articles/older", "2026-11-08T17:00:00+00:00", has=("Older text",), authors=("R. Hart",)
        ),
    ),
    content_type="application/xml",
)
