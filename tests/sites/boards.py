"""Replicas of boards: notices in a table, a forum, a list without an end, and a site behind a wall."""

from __future__ import annotations

from tests.origin import Response, Seen
from tests.sites.replica import Item, Replica

# -- a notice board whose articles carry no date -----------------------------------------------------------------------


def _notice(title: str, text: str) -> str:
    return f"""<html><head><meta charset="utf-8"><title>{title}-教务处</title></head><body><form name="_newscontent_fromname">
<div class="content"><h1>{title}</h1><div class="v_news_content" id="vsb_content">{text}</div></div>
<ul style="list-style-type:none;">附件【<a href="/system/_content/download.jsp?id=7">附件1.docx</a>】</ul></form></body></html>"""


NOTICES = Replica(
    "a notice board with dates only in the list",
    """
    name: 教务处
    scrape:
      url: "{origin}/tzgg.htm"
      items: "//table[@class='winstyle']//tr[td/a]"
      date: {select: ./td/span, timezone: Asia/Shanghai}
      article: {body: "#vsb_content"}
    """,
    {
        "/tzgg.htm": """<html><head><meta charset="utf-8"><title>通知公告-教务处</title></head><body>
<table class="leftnav"><tr><td><a href="index.htm">首页</a></td></tr></table><table class="winstyle" width="100%">
<tr height="20"><td width="1%"><img src="dot.gif"></td><td><a class="c1" href="info/1011/2203.htm" title="关于2026年寒假放假安排的通知">关于2026年寒假放假安排的…</a></td><td width="1%"><span class="timestyle">2026-11-12&nbsp;</span></td></tr>
<tr height="20"><td width="1%"><img src="dot.gif"></td><td><a class="c1" href="info/1011/2201.htm" title="关于期末考试报名的通知">关于期末考试报名的通知</a></td><td width="1%"><span class="timestyle">2026-11-05&nbsp;</span></td></tr>
<tr><td colspan="3">共2条&nbsp;1/1&nbsp;</td></tr></table></body></html>""",
        "/info/1011/2203.htm": _notice(
            "关于2026年寒假放假安排的通知", '<p class="MsoNormal">各学院：寒假自1月16日起。</p>'
        ),
        "/info/1011/2201.htm": _notice("关于期末考试报名的通知", '<p class="MsoNormal">请各位同学按时报名。</p>'),
    },
    (
        Item(
            "关于2026年寒假放假安排的通知",
            "/info/1011/2203.htm",
            "2026-11-11T16:00:00+00:00",
            has=("寒假自1月16日起。",),
            lacks=("附件",),
        ),
        Item("关于期末考试报名的通知", "/info/1011/2201.htm", "2026-11-04T16:00:00+00:00", has=("按时报名",)),
    ),
)

# -- a forum, whose addresses carry a session --------------------------------------------------------------------------


def _thread(number: int, title: str, author: str, when: str, group: str) -> str:
    return f"""<tbody id="normalthread_{number}"><tr><td class="icn"><a href="thread-{number}-1-1.html?sid=Xq9"><img src="folder.gif"></a></td>
<th><em>[<a href="forum.php?typeid=3">{group}</a>]</em> <a href="thread-{number}-1-1.html?sid=Xq9" class="s xst">{title}</a></th>
<td class="by"><cite><a href="space-uid-{number}.html">{author}</a></cite><em><span title="{when}">{when[:10]}</span></em></td>
<td class="num"><a href="thread-{number}-1-1.html?sid=Xq9">12</a><em>345</em></td></tr></tbody>"""


FORUM = Replica(
    "a forum",
    """
    scrape:
      url: "{origin}/forum-2-1.html"
      items: tbody[id^=normalthread_]
      id: {attribute: id, regex: '\\d+'}
      title: a.xst
      date: {select: .by span, attribute: title, format: '%Y-%m-%d %H:%M'}
      author: .by cite
      categories: th em a
    """,
    {
        "/forum-2-1.html": f"""<!DOCTYPE html><html><head><meta charset="utf-8"><title>Hardware - Forum</title></head><body><table id="threadlisttableid">
<tbody id="stickthread_1"><tr><th><a class="s xst" href="thread-1-1-1.html">Read this first</a></th></tr></tbody>
{_thread(92, "Which printer for labels?", "mira", "2026-11-19 18:20", "Question")}
{_thread(90, "Case for a small board &amp; two disks", "o'neil", "2026-11-17 07:05", "Project")}</table></body></html>""",
    },
    (
        Item(
            "Which printer for labels?",
            "/thread-92-1-1.html?sid=Xq9",
            "2026-11-19T18:20:00+00:00",
            authors=("mira",),
            tags=("Question",),
        ),
        Item(
            "Case for a small board & two disks",
            "/thread-90-1-1.html?sid=Xq9",
            "2026-11-17T07:05:00+00:00",
            authors=("o'neil",),
            tags=("Project",),
        ),
    ),
)

# -- a list without an end ---------------------------------------------------------------------------------------------


def _entries(*numbers: int) -> str:
    return "".join(
        f'<li class="stream-item"><a href="/n/{number}"><h2>News {number}</h2></a><p>Posted on November {number}, 2026 in City</p></li>'
        for number in numbers
    )


def _stream(*numbers: int) -> str:
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stream</title></head><body>
<ul id="stream" data-next="/stream?page=2">{_entries(*numbers)}</ul><div class="loader">Loading …</div></body></html>"""


INFINITE = Replica(
    "an infinite list",
    """
    scrape:
      url: "{origin}/stream"
      items: li.stream-item
      title: h2
      summary: p
      next: "{origin}/stream?page={n}"
      pages: 3
    """,
    {
        "/stream": _stream(20, 19),
        "/stream?page=2": _stream(19, 18),
        "/stream?page=3": _stream(17),
        "/stream?page=4": _stream(16),
    },
    tuple(Item(f"News {number}", f"/n/{number}", f"2026-11-{number}T00:00:00+00:00") for number in (20, 19, 18, 17)),
)

# -- a site behind a wall, whose owner gave out a token ----------------------------------------------------------------

_CHALLENGE = """<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title><meta name="robots" content="noindex,nofollow"></head>
<body><div class="main-wrapper" role="main"><noscript>Enable JavaScript and cookies to continue</noscript></div>
<script>(function(){window._cf_chl_opt = {cvId: '3',cZone: 'example.com',cType: 'managed'};
var a = document.createElement('script');a.src = '/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1?ray=9a1';}());</script></body></html>"""


def _walled(page: str) -> object:
    def answer(seen: Seen) -> Response:
        if seen.headers.get("x-reader-token") == "let-me-in":
            return Response(page.encode(), 200, {"Content-Type": "text/html; charset=utf-8"})
        headers = {"Content-Type": "text/html; charset=UTF-8", "Server": "cloudflare", "CF-RAY": "9a1-FRA"}
        return Response(_CHALLENGE.encode(), 403, headers)

    return answer


WALLED_PAGE = """<!doctype html><html lang="en"><head><title>Reports</title></head><body><section>
<div class="report"><h3><a href="/reports/7">Report 7</a></h3><time datetime="2026-11-15T10:00:00Z">15 Nov</time></div></section></body></html>"""

WALLED = Replica(
    "a walled site",
    """
    headers: {X-Reader-Token: let-me-in}
    scrape:
      url: "{origin}/reports"
      items: .report
      title: h3
      date: time
    """,
    {"/reports": _walled(WALLED_PAGE)},  # type: ignore[dict-item]
    (Item("Report 7", "/reports/7", "2026-11-15T10:00:00+00:00"),),
)
