"""A replica of OFweek's list of news and of its article pages: GBK, 25 items, one article of two pages, one removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.origin import Origin

#: The newest article is this old, by the clock of the site (UTC+8), each further one two hours older.
_FIRST = datetime(2026, 11, 20, 14, 36, tzinfo=UTC)
COUNT = 25
#: The articles, from 0, that have two pages, that are gone, and whose links are absolute.
TWO_PAGES, REMOVED, ABSOLUTE = 3, 7, range(10, 20)
LIST = "/CATList-8100-CHANGYIEXINWE.html"

SOURCE = """\
- id: ofweek
  name: 高科技行业门户
  category: media
  section: 新闻
  scrape:
    url: "{origin}/CATList-8100-CHANGYIEXINWE.html"
    items: div.list-left div.con-details
    title: h3 > a
    summary: p
    limit: 25
    article:
      body: "#articleC"
      author: div.source-name
      date: div.time.fl
      timezone: Asia/Shanghai
      remove: [.artical-relative]
      next: .page a.next
"""


def title(number: int) -> str:
    return f"县域数字化的第{number}个话题：“Yes”or“No”？"


def path(number: int) -> str:
    return f"/2026-11/ART-8100-2800-{30700000 - number}.html"


def published(number: int) -> datetime:
    """When an article was published, in UTC."""
    return _FIRST - timedelta(hours=8 + 2 * number)


def _head(name: str) -> str:
    return (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\r\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" lang="zh-CN">\r\n<head>\r\n'
        '<meta http-equiv="Content-Type" content="text/html; charset=gbk" />\r\n'
        f"<title>{name}</title>\r\n<script type=\"text/javascript\">var pageId = '8100';</script>\r\n</head>\r\n"
    )


def list_page(origin: str, *, item: str = "con-details", numbers: range = range(COUNT)) -> str:
    """The list; `item` is the class of its items."""
    rows = []
    for number in numbers:
        href = origin + path(number) if number in ABSOLUTE else path(number)
        rows.append(
            f'<div class="con"><div class="con-img"><a href="{href}" target="_blank"><img src="/Upload/{number}.jpg" alt=""></a></div>\r\n'
            f'<div class="{item}"><h3><a href="{href}" target="_blank">{title(number)}</a></h3>\r\n'
            f'<p>摘要{number}</p><div class="tag"><span>{number}阅读</span></div></div></div>\r\n'
        )
    hot = "".join(f'<li><a href="/hot/{number}.html">热点{number}</a></li>' for number in range(10))
    return (
        _head("创业新闻 - OFweek")
        + f'<body><div class="nav"><a href="/">首页</a></div><div class="list-left">{"".join(rows)}</div>\r\n'
        + f'<div class="list-right"><h3><a href="/hot/">排行榜</a></h3><ul>{hot}</ul></div></body></html>'
    )


def _article(number: int, body: str, pager: str = "") -> str:
    shown = _FIRST - timedelta(hours=2 * number)
    return (
        _head(title(number) + " - OFweek")
        + f'<body><div class="artical"><h1>{title(number)}</h1>\r\n'
        + f'<div class="artical-info"><div class="time fl">{shown:%Y-%m-%d %H:%M}</div>\r\n'
        + f'<div class="source-name">\r\n来源： OFweek\r\n</div></div>\r\n<div class="artical-content" id="articleC">{body}'
        + '<div class="artical-relative"><a href="/relative/1.html">相关阅读</a></div></div>\r\n'
        + f'{pager}</div><div class="footer">OFweek 版权所有</div></body></html>'
    )


def body(number: int) -> str:
    return (
        f'<p style="text-indent: 2em; text-align: left;">正文{number}：<span class="hrefStyle"><a href="https://www.ofweek.com/smartcity/" '
        'target="_blank" title="智慧城市">智慧城市</a></span>发展研究，朱镕基与李喆。</p>'
        f'<p style="text-align:center"><img src="/Upload/News/2026-11/{number}.png"></p>'
    )


def serve(origin: Origin, *, item: str = "con-details", numbers: range = range(COUNT)) -> None:
    """Serve the list and the articles."""

    def page(where: str, text: str) -> None:
        origin.route(where, text.encode("gbk"), content_type="text/html", conditional=True)

    page(LIST, list_page(origin.url, item=item, numbers=numbers))
    for number in numbers:
        if number == REMOVED:
            origin.route(path(number), "<html>404</html>", status=404, content_type="text/html")
        elif number == TWO_PAGES:
            second = path(number).replace(".html", "_2.html")
            page(
                path(number),
                _article(number, body(number), f'<div class="page"><a class="next" href="{second}">下一页</a></div>'),
            )
            page(
                second, _article(number, "<p>第二页的正文。</p>", '<div class="page"><a href="1.html">上一页</a></div>')
            )
        else:
            page(path(number), _article(number, body(number)))
