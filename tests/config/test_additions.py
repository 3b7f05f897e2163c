"""Sources and categories that are added to feeds.yaml, and values that change: no other byte does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from aggregator.config import TEMPLATE, load
from aggregator.config.additions import NewSource, add_sources
from aggregator.config.editing import check_edit, remove_source
from aggregator.config.layout import NotEditable
from aggregator.errors import AggregatorError, ConfigError
from tests.config.test_editing import COMMENTS, GAPS, TEXT, URLS
from tests.thoroughness import examples

ROOT = Path(__file__).resolve().parents[2]
FEEDS = Path("feeds.yaml")
NEW = NewSource({"name": "New", "feed": "https://new.example/feed"})
SCRAPED = NewSource(
    {
        "name": "Scraped: 新",
        "category": "news",
        "scrape": {
            "url": "https://new.example/list",
            "items": "#list a",
            "article": {"body": "main", "remove": ["nav"]},
        },
    }
)


def plain(text: str) -> Any:
    """The file as another reader of YAML 1.2 reads it, which knows no tabs before comments."""
    return YAML(typ="safe", pure=True).load(text.removeprefix("\ufeff").replace("\t#", " #"))


def add(text: str, *sources: NewSource, **titles: str) -> str:
    """Add sources, and check with another reader that nothing else is different."""
    base = add_sources(text, [])
    before = load(FEEDS, {}, text=base)
    after = add_sources(base, sources, titles)
    check_edit(before, after, {}, added=sources)
    assert keeps(base.replace(" []", "").replace("categories: {}", "categories:"), after)
    old, new = plain(base), plain(after)
    rest = [one for one in new.pop("sources") if not is_one_of(one, sources)]
    assert rest == old.pop("sources")
    known, now = old.pop("categories", None) or {}, new.pop("categories", None) or {}
    assert new == old
    assert {slug: title for slug, title in now.items() if slug in known} == known
    assert now.keys() - known.keys() == {slug for one in sources for slug in one.slugs} - known.keys()
    return after


def is_one_of(entry: Mapping[str, Any], sources: Sequence[NewSource]) -> bool:
    entry = {key: value for key, value in entry.items() if key != "id"}
    return any({key: value for key, value in one.written.items() if key != "id"} == entry for one in sources)


def keeps(before: str, after: str) -> bool:
    """Whether everything before is still there, in its order."""
    left = iter(after)
    return all(one in left for one in before)


def test_a_source_follows_the_last_one_of_its_category() -> None:
    after = add(TEXT, SCRAPED, NewSource({"category": "news", "feed": "https://f.example/"}), NEW)
    head, tail = TEXT.split("  - feed: 'https://c.example/'\n")
    assert after == (
        f"""{head}\
  - name: 'Scraped: 新'
    category: news
    scrape:
      url: https://new.example/list
      items: '#list a'
      article: {{body: main, remove: [nav]}}
  - category: news
    feed: https://f.example/
  - feed: 'https://c.example/'
{tail}"""
    ).replace("      items: a\n", "      items: a\n  - feed: https://new.example/feed\n    name: New\n")


@pytest.mark.parametrize("change", [lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text, str.rstrip])
def test_line_breaks_and_the_byte_order_mark_stay(change: Any) -> None:
    after = add(change(TEXT), SCRAPED, NEW)
    assert after.splitlines() == change(add(TEXT, SCRAPED, NEW)).splitlines()
    assert ("\r\n" in change(TEXT)) is (after.count("\r\n") == after.count("\n"))


FEED = "feed: https://new.example/feed"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("sources: []\n", f"sources:\n  - name: New\n    {FEED}\n"),
        ("sources: [] # mine\n", f"sources: # mine\n  - name: New\n    {FEED}\n"),
        ("sources:\n", f"sources:\n  - name: New\n    {FEED}\n"),
        ("sources:", f"sources:\n  - name: New\n    {FEED}\n"),
        ("sources: null # none\n", f"sources: # none\n  - name: New\n    {FEED}\n"),
        ("sources: ~", f"sources:\n  - name: New\n    {FEED}\n"),
        ("sources:\n  []\nfetch: {interval: 2h}\n", f"sources:\n  - name: New\n    {FEED}\nfetch: {{interval: 2h}}\n"),
        ("site: {title: A}", f"site: {{title: A}}\n\nsources:\n  - name: New\n    {FEED}\n"),
        ("site: {title: A}\n\n...\n", f"site: {{title: A}}\n\nsources:\n  - name: New\n    {FEED}\n...\n"),
        ("", f"sources:\n  - name: New\n    {FEED}\n"),
        ("# mine\n", f"# mine\n\nsources:\n  - name: New\n    {FEED}\n"),
        ("---\n", f"---\n\nsources:\n  - name: New\n    {FEED}\n"),
        ("{}", "{sources: [{name: New, feed: https://new.example/feed}]}"),
        (
            "sources:\n  # - feed: https://old.example/\n\n  # the end\nfetch: {interval: 2h}\n",
            "sources:\n  # - feed: https://old.example/\n\n  # the end\n\n"
            f"  - name: New\n    {FEED}\nfetch: {{interval: 2h}}\n",
        ),
        ("sources: [\n  # none\n]\n", "sources: [{name: New, feed: https://new.example/feed}\n  # none\n]\n"),
    ],
)
def test_a_list_is_begun(text: str, after: str) -> None:
    assert add(text, NEW) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (
            "sources:\n- name: A\n  feed: https://a/",
            f"sources:\n- name: A\n  feed: https://a/\n\n- name: New\n  {FEED}\n",
        ),
        ("sources:\n- feed: https://a/\n", f"sources:\n- feed: https://a/\n- {FEED}\n  name: New\n"),
        (
            "sources:\n    -   feed: https://a/\n    -   feed: https://b/\n",
            f"sources:\n    -   feed: https://a/\n    -   feed: https://b/\n    -   {FEED}\n        name: New\n",
        ),
        (
            "sources:\n- feed: https://a/\n\n\n- feed: https://b/\n\n# end\n",
            f"sources:\n- feed: https://a/\n\n\n- feed: https://b/\n\n- {FEED}\n  name: New\n\n# end\n",
        ),
        (
            "sources:\n  - {feed: https://a/}  # a\n",
            "sources:\n  - {feed: https://a/}  # a\n  - {feed: https://new.example/feed, name: New}\n",
        ),
        (
            "sources: [{feed: https://a/}]",
            "sources: [{feed: https://a/}, {feed: https://new.example/feed, name: New}]",
        ),
        (
            "sources: [{feed: https://a/},]",
            "sources: [{feed: https://a/}, {feed: https://new.example/feed, name: New},]",
        ),
        (
            "sources: [\n  {feed: https://a/}, # a\n  # end\n]\n",
            "sources: [\n  {feed: https://a/}, # a\n  {feed: https://new.example/feed, name: New},\n  # end\n]\n",
        ),
        (
            "sources: [\n  {feed: https://a/} # a\n]\n",
            "sources: [\n  {feed: https://a/}, # a\n  {feed: https://new.example/feed, name: New}\n]\n",
        ),
        (
            "sources: [\n  {feed: https://a/}\n  , {feed: https://b/} ]\n",
            "sources: [\n  {feed: https://a/}\n  , {feed: https://b/}, {feed: https://new.example/feed, name: New} ]\n",
        ),
        (
            '{"sources": [{"feed": "https://a/"}]}\n',
            '{"sources": [{"feed": "https://a/"}, {"feed": "https://new.example/feed", "name": "New"}]}\n',
        ),
        (
            "sources:\n- &a {feed: https://a/}\n- &b\n  feed: https://b/\n  name: |\n    B\n\nfetch: {}\n",
            f"sources:\n- &a {{feed: https://a/}}\n- &b\n  feed: https://b/\n  name: |\n    B\n\n- {FEED}\n"
            "  name: New\nfetch: {}\n",
        ),
        (
            "sources:\n- feed: https://${lang}.example/\n  for: {lang: [en, de]}\n  # the end\n",
            "sources:\n- feed: https://${lang}.example/\n  for: {lang: [en, de]}\n  # the end\n\n"
            f"- {FEED}\n  name: New\n",
        ),
    ],
)
def test_an_entry_looks_like_its_neighbours(text: str, after: str) -> None:
    assert add(text, NEW) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("categories: {}\n", "categories:\n  tech: Tech & more\n"),
        ("categories:\n", "categories:\n  tech: Tech & more\n"),
        ("categories: # none\n  # old: Old\n", "categories: # none\n  # old: Old\n\n  tech: Tech & more\n"),
        ("categories: {news: News}\n", "categories: {news: News, tech: Tech & more}\n"),
        ("categories: {news: News,}\n", "categories: {news: News, tech: Tech & more,}\n"),
        ("categories:\n    news: News # n\n", "categories:\n    news: News # n\n    tech: Tech & more\n"),
        (
            "categories:\n  news:\n    title: News\n    # limit: 3\n\n  # end\n",
            "categories:\n  news:\n    title: News\n    # limit: 3\n  tech: Tech & more\n\n  # end\n",
        ),
        ("", "categories:\n  tech: Tech & more\n\n"),
        ("# mine\n# and more\n", "# mine\n# and more\ncategories:\n  tech: Tech & more\n\n"),
        ("# mine\n\n# sources\n", "# mine\n\ncategories:\n  tech: Tech & more\n\n# sources\n"),
        ("site: {title: A}\n# sources\n", "site: {title: A}\ncategories:\n  tech: Tech & more\n\n# sources\n"),
        ("x-t: &t News\ncategories:\n  news: *t\n", "x-t: &t News\ncategories:\n  news: *t\n  tech: Tech & more\n"),
    ],
)
def test_a_category_is_added_where_it_is_missing(text: str, after: str) -> None:
    source = NewSource({"category": "tech", "feed": "https://new.example/feed"})
    list_of_one = "sources:\n- feed: https://a/\n"
    expected = f"{after}{list_of_one}- {FEED}\n  category: tech\n"
    assert add(text + list_of_one, source, tech="Tech & more") == expected


def test_a_category_without_a_title_has_its_slug_as_title() -> None:
    several = NewSource({"categories": ["one", "two"], "feed": "https://new.example/feed"})
    after = add("sources: []\n", several)
    assert after.startswith("categories:\n  one: one\n  two: two\n\nsources:\n  - categories: [one, two]\n")
    config = load(FEEDS, {}, text=after)
    assert (config.sources[0].category, config.sources[0].also_in) == ("one", ("two",))


def test_an_id_is_written_where_another_source_would_lose_its_own() -> None:
    text = "sources:\n- {name: News, feed: https://a/}\n- {feed: https://b/feed}\n"
    sources = [
        NewSource({"name": "News", "feed": "https://c/"}),
        NewSource({"name": "news!", "feed": "https://d/"}),
        NewSource({"feed": "https://b/feed?a=b"}),
        NewSource({"name": "Own", "id": "own", "feed": "https://e/"}),
        NewSource({"name": "Own", "feed": "https://f/"}),
    ]
    config = load(FEEDS, {}, text=add(text, *sources))
    ids = [source.id for source in config.sources]
    assert ids == ["news", "b-feed", "news-2", "news-3", "b-feed-2", "own", "own-2"]


def test_nothing_in_a_title_is_a_reference_unless_the_operator_wrote_it() -> None:
    settings = {"name": "${env:HOME} ${x}", "feed": "https://new.example/${file:/etc/passwd}"}
    text = add("sources: []\n", NewSource(settings))
    (source,) = load(FEEDS, {}, text=text).sources
    assert (source.name, source.url) == (settings["name"], settings["feed"])
    reference = NewSource({"feed": "https://new.example/${env:KEY}"}, references=True)
    after = add_sources("sources: []\n", [reference])
    assert load(FEEDS, {"KEY": "secret"}, text=after).sources[0].url == "https://new.example/secret"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x-s: &s [{feed: https://a/}]\nsources: *s\n", "alias"),
        ("sources: &s [{feed: https://a/}]\n", "anchor"),
        ("x-c: &c {news: News}\ncategories: *c\nsources: []\n", "alias"),
        ("x-a: &a {feed: https://a/}\nsources:\n- *a\n", "come from aliases"),
        ("categories: {news: &n News, other: *n}\nsources: []\n", "`other` comes from an alias"),
        ("sources: [\n", "not YAML"),
        ("- a\n", "no keys"),
        ("sources: {a: b}\n", "not a list"),
    ],
)
def test_what_cannot_be_edited_is_left_to_people(text: str, why: str) -> None:
    with pytest.raises(NotEditable, match=why):
        add_sources(text, [NewSource({"feed": "https://new.example/", "category": "tech"})])


def test_an_edit_that_does_more_or_less_is_refused() -> None:
    config = load(FEEDS, {}, text=TEXT)
    after = add_sources(TEXT, [NEW])
    for added in ([], [SCRAPED], [NEW, SCRAPED]):
        with pytest.raises(AggregatorError, match="more of feeds"):
            check_edit(config, after, {}, added=added)
    for text in (after.replace("News }", "Other }").replace("news: News", "news: Other"), after.replace("2h", "3h")):
        with pytest.raises(AggregatorError, match="more of feeds"):
            check_edit(config, text, {}, added=[NEW])
    with pytest.raises(AggregatorError, match="more of feeds"):
        check_edit(config, after.replace("one\n", "one\n").replace("news: News", "news: News, x: X"), {}, added=[NEW])


def test_thousands_are_added_at_once() -> None:
    sources = [
        NewSource({"name": "Same", "category": f"c{n % 7}", "feed": f"https://{n}.example/"}) for n in range(5000)
    ]
    after = add_sources(TEXT, sources)
    config = check_edit(load(FEEDS, {}, text=TEXT), after, {}, added=sources)
    assert len({source.id for source in config.sources}) == 5005
    assert keeps(TEXT, after)


# -- any file ----------------------------------------------------------------------------------------------------------

VALUES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=30).filter(str.strip)
NAMES = VALUES | st.sampled_from(
    ["no", "12:30", "a: b", "#1", "- x", "'", '"', "{{a}}", "[x]", "*a", "&a", "${a}", "| x"]
)
SLUGS = st.sampled_from(["news", "tech", "世界"])


@st.composite
def files(draw: Any) -> str:
    """A feeds.yaml with comments everywhere, in any style, perhaps without sources or categories."""
    parts = []
    if draw(st.booleans()):
        kind = draw(st.sampled_from(["{news: News}", "{ news: News , }", "{}", "", "block"]))
        section = f"categories: {kind}" if kind != "block" else "categories:"
        section += draw(COMMENTS) + "\n" + "".join(draw(GAPS))
        if kind == "block":
            section += f"    news: News{draw(COMMENTS)}\n" + "".join(draw(GAPS)) + "    tech: {title: Tech}\n"
        parts.append(section)
    known = ["news"] if parts and "news" in parts[0] else []
    style = draw(st.sampled_from(["block", "block", "flow", "lines", "empty", "null", "none"]))
    if style != "none":
        parts.append(draw(list_of_sources(style, known)))
    parts += draw(st.sampled_from([[], ["fetch: {interval: 3h}\n"], ["site:\n  title: |\n    A\n"]]))
    head = draw(st.sampled_from(["", "# top\n", "# top\n\n", "---\n"]))
    text: str = head + "".join("".join(draw(GAPS)) + part for part in draw(st.permutations(parts)))
    return text.rstrip("\n") if draw(st.booleans()) else text


@st.composite
def list_of_sources(draw: Any, style: str, known: Sequence[str]) -> str:
    if style in ("empty", "null"):
        return f"sources:{' []' if style == 'empty' else ''}{draw(COMMENTS)}\n{''.join(draw(GAPS))}"
    entries = []
    for number in range(draw(st.integers(1, 4))):
        keys = [f"feed: https://{number}.example/", f"id: s{number}"]
        if known and draw(st.booleans()):
            keys.append(f"category: {draw(st.sampled_from(known))}")
        entries.append(draw(st.permutations(keys)))
    if style != "block":
        separator = ", " if style == "flow" else "," + draw(COMMENTS).replace("\t", " ") + "\n  "
        inside = separator.join(f"{{{', '.join(keys)}}}" for keys in entries)
        end = draw(st.sampled_from(["", ",", " # x\n"])) if style == "lines" else ""
        return f"sources: [{inside}{end}]\n" if style == "flow" else f"sources: [\n  {inside}{end}\n ]\n"
    indentation, text = draw(st.sampled_from(["", "  ", "    "])), f"sources:{draw(COMMENTS)}\n"
    for keys in entries:
        text += "".join(draw(GAPS)) + f"{indentation}- "
        if draw(st.booleans()):
            text += f"{{{', '.join(keys)}}}{draw(COMMENTS)}\n"
        else:
            text += f"{draw(COMMENTS)}\n{indentation}  ".join(keys) + draw(COMMENTS) + "\n"
    return text


@st.composite
def new_sources(draw: Any) -> list[NewSource]:
    made = []
    for number in range(draw(st.integers(1, 3))):
        url = draw(URLS).replace("https://", f"https://n{number}.")
        settings: dict[str, Any] = {"name": draw(NAMES)} if draw(st.booleans()) else {}
        if draw(st.booleans()):
            settings["category"] = draw(SLUGS)
        scraped = {"url": url, "items": "#a > b", "article": {"body": ".x"}}
        made.append(NewSource({**settings, **({"feed": url} if draw(st.booleans()) else {"scrape": scraped})}))
    return made


def is_valid(text: str) -> bool:
    try:
        load(FEEDS, {}, text=add_sources(text, []))
    except (ConfigError, NotEditable):
        return False
    return True


@examples(30)
@given(files().filter(is_valid), new_sources(), st.booleans(), st.booleans())
def test_any_file_takes_any_source(text: str, sources: list[NewSource], crlf: bool, mark: bool) -> None:
    if crlf:
        text = text.replace("\n", "\r\n")
    add(("\ufeff" if mark else "") + text, *sources)


def real_files() -> list[str]:
    """The file that the project ships, the one that `init` writes, and those of the documentation."""
    import re

    pages = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
    found = [TEMPLATE, (ROOT / "feeds.yaml").read_text(encoding="utf-8"), TEXT]
    for page in pages:
        blocks = re.findall(r"^```yaml[^\n]*\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        found += [block for block in blocks if is_valid(block)]
    return found


def test_real_files_take_sources_and_give_them_back() -> None:
    files = real_files()
    assert len(files) > 10
    for text in files:
        after = add(text, SCRAPED, NEW)
        config = load(FEEDS, {}, text=after)
        places = {source.name: config.entries[place] for place, source in enumerate(config.sources)}
        for place in sorted((places["New"], places["Scraped: 新"]), reverse=True):
            after = remove_source(after, place)
        assert len(load(FEEDS, {}, text=after).sources) == len(load(FEEDS, {}, text=add_sources(text, [])).sources)
