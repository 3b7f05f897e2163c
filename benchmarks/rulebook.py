"""Rules and outputs as people write them, for a feeds.yaml of the benchmarks: a mix as in docs/rules.md.

Most rules match little, as most do in real configurations: what they drop would make a cycle cheaper. Those of the site
are looked at for every item; words and patterns are English and Chinese, as the workload is.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.places import CATEGORIES, Added

#: 40 rules for every source.
SITE = r"""
- drop: {title: [sponsored, advertisement, promoted, webinar, 广告, 赞助, 推广]}
- drop: {title: ['/^\[(ad|ads|pr)\]/i', '/deal of the (day|week)/i', '/限时(优惠|抢购)/']}
- drop: {any: [casino, lottery, payday loan, 彩票, 博彩]}
- drop: {file: muted.txt, in: [title, tags]}
- drop: {author: [spambot, marketing team, {file: authors.txt}]}
- drop: {all: [river, garden, travel, market], in: title}
- drop: {host: [ads.example.org, promo.example.org], any: [buy, sale]}
- drop: {tags: [advertorial, nsfw]}
- drop: {url: ['/[?&]ref=sponsor/', '/\/(sponsored|promo)\//']}
- drop: {max_words: 5, where: 'images.size() == 0'}
- drop: {title: podcast, max_words: 100}
- drop: {duration: "<1m", has: audio}
- drop: {text: ["/this (post|article) was sponsored by/i"]}
- drop: true
  when: 'words < 20 && images.size() == 0 && enclosures.size() == 0'
- drop: true
  when: 'title.startsWith("Re: ") || title.endsWith("(reupload)")'
- drop: {title: quiet engine}
  when: 'category == "c3"'
- keep: {max_age: 366d}
- keep: {any: [the, of, a, "/[一-龥]/"], in: title}
  when: 'category == "c4"'
- keep: {has: [text, url]}
- keep: {where: '!(language.startsWith("fr") || language.startsWith("es"))'}
- hold: {title: ["/giveaway|contest|抽奖/i"]}
- hold: {any: [embargo, not for publication], in: title}
- future_dates: hold
  when: 'category == "c5"'
- tag: [long]
  when: 'words > 700'
- tag: [photos]
  when: 'images.size() > 3'
- tag: [science]
  when: 'title.contains("science history")'
- tag: [travel]
  when: 'title.matches("(?i)\\btravel (morning|garden)|旅行")'
- untag: [uncategorized, '/^[0-9]+$/', '/^tag 6/']
- title: '{title} ({author})'
  when: 'category == "c6" && author == "Author 6"'
- replace: {field: title, pattern: '/^\[(.*?)\] (.*)/', with: '\2 (\1)'}
- replace: {field: text, pattern: colour, with: color}
- replace: {field: url, pattern: '/^http:/', with: 'https:'}
- replace: {field: tags, pattern: '/^tag 1$/', with: first}
- category: c1
  when: 'title.contains("market travel") && category != "c1"'
- also_in: [c2]
  when: 'title.matches("CVE-[0-9]+") || "security" in tags'
- also_in: [c0]
  when: 'words > 600 && "tag 2" in tags'
- remove: [.share, 'p:-soup-contains("Sponsored by")', 'img[src*="/ads/"]']
  when: 'html.contains("share") || html.contains("Sponsored") || html.contains("/ads/")'
- remove: [.newsletter, iframe, 'img[data-tracking]']
- unwrap: a.keyword
- draft: true
  when: 'title.startsWith("Draft: ")'
"""

#: Four rules in two categories.
OF_CATEGORIES = {
    7: r"""
- drop: {title: ["/^(update|minor) change/i"]}
- tag: [seven]
""",
    8: r"""
- keep: {min_words: 50}
- suffix: {html: '<p><a href="{url}">Read on at {host}</a></p>'}
""",
}

#: Six rules of five sources.
OF_SOURCES = {
    10: r"""
- excerpt: 300
""",
    31: r"""
- excerpt: 500
- prefix: 'From {source}:'
""",
    52: r"""
- replace: {field: text, pattern: '/network (server|feed)/', with: 'net \1'}
""",
    73: r"""
- remove: [.p2]
""",
    94: r"""
- strip_tracking: false
""",
}

#: 20 outputs: by words, by expressions, capped, and with rules of their own.
OUTPUTS = r"""
science: {title: Science, where: 'title.contains("science")', limit: 50}
history: {title: History, where: 'title.contains("history") || "history" in tags', limit: 50}
travel: {title: Travel, where: 'title.matches("(?i)\\btravel\\b|旅行")', limit: 30}
security: {title: Security, where: 'title.matches("CVE-[0-9]{4}-[0-9]+") || text.contains("CVE-2026")'}
chinese: {title: 中文, where: 'title.matches("[一-龥]")', limit: 50}
english: {title: English, where: 'title.matches("^[ -~]*$")', limit: 50}
long: {title: Long reads, where: 'words > 650', limit: 20}
short: {title: Short, where: 'words < 200', limit: 50}
pictures: {title: Pictures, where: 'images.size() > 2', limit: 30}
audio: {title: Audio, where: 'enclosures.exists(file, file.type.startsWith("audio/"))'}
first: {title: First, where: 'source.endsWith("-1")', limit: 30}
morning: {title: Morning, where: 'published.getHours() < 4', per_source: 1, limit: 50}
calm: {title: Calm, mix: fair, limit: 50}
capped: {title: Two of each, per_source: 2, limit: 50}
week: {title: Not for long, where: '"photos" in tags', max_age: 365d, limit: 30}
links: {title: Links, where: 'category in ["c1", "c2", "c3"]', content: link, limit: 50}
titled: {title: With names, where: 'category == "c9"', title_template: "[{source}] {title}", limit: 30}
kept:
  title: Kept
  where: 'category == "c10" && words > 100'
  rules: [{drop: {title: quiet}}, {keep: {any: [river, garden, 时]}}]
late: {title: Settled, where: 'title.contains("market")', delay: 2h}
mine: {title: Mine, where: 'author.startsWith("Author 10")', private: true, per_source: 3, limit: 30}
"""

#: Words of a long list of what somebody does not want to read about.
MUTED = [f"{kind} {number}" for kind in ("brand", "celebrity", "series", "team", "名人") for number in range(40)]


RULED = Added(SITE, OUTPUTS, OF_CATEGORIES, OF_SOURCES)
"""50 rules and 20 outputs."""


def write_lists(folder: Path) -> None:
    """Write the lists of words that the rules name."""
    (folder / "muted.txt").write_text("# not again\n" + "\n".join(MUTED) + "\n", encoding="utf-8")
    (folder / "authors.txt").write_text("".join(f"Troll {number}\n" for number in range(30)), encoding="utf-8")


def many_outputs(count: int, categories: int = CATEGORIES) -> str:
    """Return as many outputs, of all kinds in turn; nearly each has the entries of one category, two have all."""
    lines = []
    for number in range(count):
        turn, category = divmod(number, categories)
        pair = _KINDS[turn % len(_KINDS)]
        where = "true" if number in (categories + 1, 2 * categories + 2) else _WHERES[number % len(_WHERES)]
        where = where.format(category=f"c{category}", number=number)
        lines.append(f"o{number}: {{title: Output {number}, where: '{where}', {pair[category % 2]}}}\n")
    return "".join(lines)


_WHERES = (
    'category == "{category}"',
    'author == "An author" && category == "{category}"',
    'category == "{category}" && title.size() > 3',
    'category == "{category}" || title.contains("word {number}")',
)
#: Of even categories, and of odd ones.
_KINDS = (
    ("limit: 50", "limit: 50, language: en"),
    ("per_source: 5, limit: 50", "per_source: 3, limit: 20"),
    ("mix: fair, limit: 50", "mix: fair, per_source: 3, max_age: 5d, limit: 50"),
    ("max_age: 6d, limit: 50", "delay: 2h, limit: 50"),
    ("content: link, limit: 50", 'title_template: "[{source}] {title}", limit: 30'),
)
