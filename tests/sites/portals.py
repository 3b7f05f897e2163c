"""Replicas of news portals and blogs: lists with article pages behind them, in several encodings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.sites.replica import Item, Replica

#: Lists that leave the year out mean the last such day.
_DAY = datetime.now(UTC).date() - timedelta(days=8)
_BEFORE = _DAY - timedelta(days=1)

# -- a news portal in GBK ----------------------------------------------------------------------------------------------

_NAVIGATION = """
<div class="top"><a href="/">首页</a> <a href="/finance/">财经</a> <a href="/tech/">科技</a> <a href="/sports/">体育</a></div>
<div class="hot"><h3>热点排行</h3><ol><li><a href="/hot/1.html">热点一</a></li><li><a href="/hot/2.html">热点二</a></li></ol></div>
"""


def _portal_article(title: str, paragraphs: str, pager: str = "") -> str:
    return f"""<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" lang="zh-CN"><head>
<meta http-equiv="Content-Type" content="text/html; charset=gb2312" />
<title>{title}_财经频道_联播网</title><script>var _hmt = _hmt || [];</script></head><body>{_NAVIGATION}
<div class="main"><h1 id="artibodyTitle">{title}</h1>
<div class="artInfo"><span id="pub_date">2026年11月20日 08:30</span> <span id="media_name">联播网</span></div>
<div class="blkContainerSblkCon" id="artibody">{paragraphs}
<div class="ad"><a href="http://ad.example.com/click?id=1"><img src="/images/ad.gif"></a></div>
<div class="share">分享到：<a href="#">微博</a></div></div>{pager}</div>
<div class="footer">版权所有 联播网</div></body></html>"""


_PORTAL_LIST = f"""<html><head><meta http-equiv="Content-Type" content="text/html; charset=gb2312">
<title>财经滚动新闻_联播网</title></head><body>{_NAVIGATION}
<ul class="news-list">
<li><a href="http://127.0.0.1/" style="display:none"></a><a target="_blank" href="./doc-1001.shtml">央行：稳健的货币政策“精准有力”</a><span class="time">({_DAY.month}月{_DAY.day}日 10:15)</span></li>
<li><a target="_blank" href="{{origin}}/roll/doc-1002.shtml">新能源汽车出口同比增长５０％</a><span class="time">({_DAY:%m月%d日} 09:40)</span></li>
<li><a target="_blank" href="/roll/doc-1003.shtml">多地出台政策 支持专精特新企业朱镕喆</a><span class="time">({_BEFORE:%m月%d日} 17:05)</span></li>
</ul><div class="pagebox"><a href="index_2.shtml">下一页</a></div></body></html>"""

PORTAL = Replica(
    "a news portal in GBK",
    """
    name: 联播网
    scrape:
      url: "{origin}/roll/index.shtml"
      items: ul.news-list li
      link: a[target=_blank]
      date: {select: .time, regex: '\\((.*)\\)', timezone: Asia/Shanghai}
      article: {body: "#artibody", remove: [.ad, .share], next: a.next}
    """,
    {
        "/roll/index.shtml": _PORTAL_LIST,
        "/roll/doc-1001.shtml": _portal_article(
            "央行：稳健的货币政策“精准有力”",
            "<p>　　第一页的正文，提到镕基与喆。</p>",
            '<p class="page"><a href="doc-1001.shtml">1</a> <a class="next" href="doc-1001_2.shtml">下一页</a></p>',
        ),
        "/roll/doc-1001_2.shtml": _portal_article(
            "央行：稳健的货币政策“精准有力”",
            '<p>　　第二页的正文。<img src="../images/chart.png" alt="图表"></p>',
            '<p class="page"><a href="doc-1001.shtml">1</a> <a href="doc-1001_2.shtml">2</a></p>',
        ),
        "/roll/doc-1002.shtml": _portal_article("新能源汽车出口同比增长５０％", "<p>　　出口数据。</p>"),
        "/roll/doc-1003.shtml": _portal_article("多地出台政策 支持专精特新企业朱镕喆", "<p>　　政策内容。</p>"),
    },
    (
        Item(
            "央行：稳健的货币政策“精准有力”",
            "/roll/doc-1001.shtml",
            f"{_DAY}T02:15:00+00:00",
            has=("第一页的正文，提到镕基与喆。", "第二页的正文。", "/images/chart.png"),
            lacks=("ad.gif", "分享到"),
        ),
        Item("新能源汽车出口同比增长５０％", "/roll/doc-1002.shtml", f"{_DAY}T01:40:00+00:00", has=("出口数据。",)),
        Item(
            "多地出台政策 支持专精特新企业朱镕喆",
            "/roll/doc-1003.shtml",
            f"{_BEFORE}T09:05:00+00:00",
            has=("政策内容。",),
        ),
    ),
    encoding="gbk",
)

# -- a WordPress blog whose feeds are off ------------------------------------------------------------------------------


def _post(number: int, title: str, day: str) -> str:
    return f"""<article id="post-{number}" class="post-{number} post type-post status-publish hentry category-notes">
<header class="entry-header"><h2 class="entry-title"><a href="{{origin}}/2026/{title.lower().replace(" ", "-")}/" rel="bookmark">{title}</a></h2>
<div class="entry-meta"><a href="{{origin}}/2026/{title.lower().replace(" ", "-")}/"><time class="entry-date published" datetime="{day}">{day[:10]}</time></a>
<span class="byline">by <a class="url fn n" href="{{origin}}/author/jo/">Jo Miller</a></span></div></header>
<div class="entry-summary"><p>About {title} &hellip; <a class="more-link" href="{{origin}}/2026/{title.lower().replace(" ", "-")}/">Continue reading</a></p></div></article>"""


def _blog(posts: str, navigation: str) -> str:
    return f"""<!DOCTYPE html><html lang="en-US"><head><meta charset="UTF-8"><title>Jo&#8217;s Notes</title>
<link rel="https://api.w.org/" href="{{origin}}/wp-json/"><meta name="generator" content="WordPress 6.8"></head>
<body class="blog"><nav><ul class="menu"><li><a href="{{origin}}/about/">About</a></li></ul></nav><main id="main">{posts}
<nav class="navigation pagination"><h2 class="screen-reader-text">Posts navigation</h2>{navigation}</nav></main>
<aside><h2>Recent comments</h2><ul><li><a href="{{origin}}/2026/old/#comment-1">Ann</a></li></ul></aside></body></html>"""


def _entry(title: str, text: str) -> str:
    return f"""<!DOCTYPE html><html lang="en-US"><head><meta charset="UTF-8"><title>{title} &#8211; Jo&#8217;s Notes</title></head>
<body class="single"><main><article class="post hentry"><h1 class="entry-title">{title}</h1><div class="entry-content">{text}
<div class="sharedaddy"><h3>Share this:</h3></div></div><footer class="entry-footer">Tags: <a href="/tag/a/" rel="tag">a</a></footer></article>
<div id="comments"><h2>2 thoughts</h2><p>First!</p></div></main></body></html>"""


WORDPRESS = Replica(
    "a WordPress blog",
    """
    scrape:
      url: "{origin}/"
      items: article.post
      title: h2.entry-title
      author: .byline .fn
      next: a.next.page-numbers
      article: {body: .entry-content, remove: [.sharedaddy], categories: 'a[rel=tag]'}
    """,
    {
        "/": _blog(
            _post(30, "Third Post", "2026-11-18T21:05:00+01:00")
            + _post(20, "Second Post", "2026-11-10T08:00:00+01:00"),
            '<span class="page-numbers current">1</span> <a class="page-numbers" href="{origin}/page/2/">2</a> '
            '<a class="next page-numbers" href="{origin}/page/2/">Next</a>',
        ),
        "/page/2/": _blog(
            _post(20, "Second Post", "2026-11-10T08:00:00+01:00")
            + _post(10, "First Post", "2026-11-01T12:00:00+01:00"),
            '<a class="prev page-numbers" href="{origin}/">Previous</a>',
        ),
        "/2026/third-post/": _entry("Third Post", "<p>Third &amp; <em>last</em>.</p>"),
        "/2026/second-post/": _entry("Second Post", '<p>Second.</p><p><img src="/wp-content/uploads/two.jpg"></p>'),
        "/2026/first-post/": _entry("First Post", "<p>First.</p>"),
    },
    (
        Item(
            "Third Post",
            "/2026/third-post/",
            "2026-11-18T20:05:00+00:00",
            has=("<em>last</em>",),
            lacks=("Share this", "thoughts"),
            authors=("Jo Miller",),
            tags=("a",),
        ),
        Item(
            "Second Post",
            "/2026/second-post/",
            "2026-11-10T07:00:00+00:00",
            has=("two.jpg",),
            authors=("Jo Miller",),
            tags=("a",),
        ),
        Item(
            "First Post",
            "/2026/first-post/",
            "2026-11-01T11:00:00+00:00",
            has=("First.",),
            authors=("Jo Miller",),
            tags=("a",),
        ),
    ),
)

# -- Big5, which nothing declares --------------------------------------------------------------------------------------


def _big5(title: str, text: str) -> str:
    return f"""<html><head><title>{title} - 晨報</title></head><body bgcolor="#ffffff"><table width="760"><tr><td class="title"><b>{title}</b></td></tr>
<tr><td class="info">發布時間：2026/11/17 下午 03:20　記者 林小明 台北報導</td></tr><tr><td class="story">{text}</td></tr></table></body></html>"""


BIG5 = Replica(
    "a newspaper in Big5",
    """
    name: 晨報
    scrape:
      url: "{origin}/news/"
      items: table.list a
      article:
        body: td.story
        date: {select: td.info, timezone: Asia/Taipei}
        author: {select: td.info, regex: '記者 (\\S+)'}
    """,
    {
        "/news/": """<html><head><title>晨報 即時新聞</title></head><body><table class="list">
<tr><td>■<a href="story.php?id=81">颱風遠離 週末各地轉晴</a></td></tr>
<tr><td>■<a href="story.php?id=80">半導體業者擴大投資 創造就業機會</a></td></tr></table>
<p>本網站提供各界最新消息，包括政治、財經、社會、體育、娛樂與國際新聞，歡迎讀者來信指教。</p></body></html>""",
        "/news/story.php?id=81": _big5("颱風遠離 週末各地轉晴", "<p>中央氣象署表示，颱風已經遠離，各地天氣轉晴。</p>"),
        "/news/story.php?id=80": _big5(
            "半導體業者擴大投資 創造就業機會", "<p>業者宣布在台灣擴大投資，預計創造三千個就業機會。</p>"
        ),
    },
    (
        Item(
            "颱風遠離 週末各地轉晴",
            "/news/story.php?id=81",
            "2026-11-17T07:20:00+00:00",
            has=("中央氣象署表示，颱風已經遠離",),
            authors=("林小明",),
        ),
        Item(
            "半導體業者擴大投資 創造就業機會",
            "/news/story.php?id=80",
            "2026-11-17T07:20:00+00:00",
            has=("三千個就業機會",),
            authors=("林小明",),
        ),
    ),
    encoding="big5",
)

# -- Shift_JIS, with dates in the words of its language ----------------------------------------------------------------


def _japanese(title: str, day: str, text: str) -> str:
    return f"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN"><html lang="ja"><head>
<meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS"><title>{title}｜お知らせ</title></head><body>
<div id="contents"><h2>{title}</h2><p class="day">{day} 更新</p><div class="txt">{text}</div></div></body></html>"""


SHIFT_JIS = Replica(
    "a company's news in Shift_JIS",
    """
    name: お知らせ
    scrape:
      url: "{origin}/info/index.html"
      items: dl.news dd a
      article: {body: div.txt, date: {select: p.day, timezone: Asia/Tokyo}}
    """,
    {
        "/info/index.html": """<html lang="ja"><head><meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">
<title>お知らせ一覧</title></head><body><dl class="news">
<dt>2026年11月16日</dt><dd><a href="20261116.html">年末年始の営業について①</a></dd>
<dt>2026年11月2日</dt><dd><a href="20261102.html">新製品「ソーラー表示器」を発売</a></dd></dl></body></html>""",
        "/info/20261116.html": _japanese(
            "年末年始の営業について①", "2026年11月16日 9時30分", "<p>誠に勝手ながら休業いたします。髙橋</p>"
        ),
        "/info/20261102.html": _japanese(
            "新製品「ソーラー表示器」を発売", "2026年11月2日", "<p>本日より発売します。</p>"
        ),
    },
    (
        Item(
            "年末年始の営業について①", "/info/20261116.html", "2026-11-16T00:30:00+00:00", has=("休業いたします。髙橋",)
        ),
        Item(
            "新製品「ソーラー表示器」を発売",
            "/info/20261102.html",
            "2026-11-01T15:00:00+00:00",
            has=("本日より発売します。",),
        ),
    ),
    encoding="cp932",
)

# -- images that are loaded lazily -------------------------------------------------------------------------------------

_BLANK = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def _card(number: int, name: str, attribute: str) -> str:
    return f"""<div class="card"><a class="card__link" href="/stories/{number}"><img class="lazyload" src="{_BLANK}" {attribute}="/thumbs/{number}.jpg" alt=""></a>
<div class="card__body"><h3 class="card__title">{name}</h3><p class="card__teaser">Teaser {number}.</p></div></div>"""


def _story(number: int) -> str:
    return f"""<!doctype html><html lang="en"><head><title>Story {number}</title><meta property="article:published_time" content="2026-11-1{number}T06:00:00+00:00"></head>
<body><main><h1>Story {number}</h1><div class="story-body"><figure><img src="/static/blank.gif" data-src="/photos/{number}-wide.jpg" data-sizes="auto" width="1200"></figure>
<p>Text of story {number}.</p><picture><source data-srcset="/photos/{number}-b.webp 800w" type="image/webp"><img src="{_BLANK}" data-srcset="/photos/{number}-s.jpg 400w, /photos/{number}-b.jpg 800w"></picture></div></main></body></html>"""


LAZY = Replica(
    "a magazine with lazy images",
    """
    scrape:
      url: "{origin}/stories"
      items: .card
      title: .card__title
      summary: .card__teaser
      image: {select: img.lazyload, attribute: data-original}
      article: {body: .story-body}
    """,
    {
        "/stories": f"""<!doctype html><html lang="en"><head><title>Stories</title></head><body><div class="grid">
{_card(2, "A second story", "data-original")}{_card(1, "A first story", "data-original")}</div></body></html>""",
        "/stories/2": _story(2),
        "/stories/1": _story(1),
    },
    (
        Item(
            "A second story",
            "/stories/2",
            "2026-11-12T06:00:00+00:00",
            has=("Text of story 2.", "/photos/2-wide.jpg"),
            lacks=("blank.gif", "data:image"),
            image="/photos/2-wide.jpg",
        ),
        Item(
            "A first story",
            "/stories/1",
            "2026-11-11T06:00:00+00:00",
            has=("/photos/1-wide.jpg",),
            image="/photos/1-wide.jpg",
        ),
    ),
)
