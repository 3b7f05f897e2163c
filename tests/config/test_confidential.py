"""Values from the environment or from files below `sources` are never published, in any form."""

from __future__ import annotations

import html
import json
import sqlite3
from base64 import b64encode
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from aggregator.config import load, redact
from aggregator.config.secrets import contains_secret, mask, public_address, public_html
from aggregator.models import Text
from aggregator.normalize.sanitizer import clean_html
from tests.origin import Origin, Response
from tests.support import Site, item, read_tree, rss

#: Nearly all that is ever escaped.
TOKEN = "k3y/with+odd &chars=<ü>\"'"  # noqa: S105 (made up)
SECRETS = frozenset({TOKEN})


def published(site: Site) -> str:
    """All that is published, names of files included, as one text without JSON's own escapes."""
    files = {**site.posts(), **site.public()}
    return "\n".join([*files, *(data.decode() for data in files.values())])


def columns(site: Site) -> str:
    """All that is stored of what is published."""
    with closing(sqlite3.connect(site.data / "aggregator.db")) as database:
        entries = "guid, public_id, path, url, title, authors, tags, enclosures, image, comments_url, summary, html"
        entries += ", original_feed"
        rows = database.execute(f"SELECT {entries} FROM entries").fetchall()  # noqa: S608 (a constant)
        rows += database.execute("SELECT title, home_url, public_url, fallback_name FROM sources").fetchall()
    return str(rows)


# -- forms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        TOKEN,
        quote(TOKEN, safe=""),
        quote(TOKEN),
        quote_plus(TOKEN),
        quote(TOKEN, safe="").lower(),
        quote(quote(TOKEN, safe=""), safe=""),
        html.escape(TOKEN),
        html.escape(html.escape(TOKEN)),
        html.escape(quote(TOKEN, safe="&=")),
        "".join(character if character.isalnum() else f"&#{ord(character)};" for character in TOKEN),
        "".join(character if character.isalnum() else f"&#x{ord(character):x};" for character in TOKEN),
        json.dumps(TOKEN)[1:-1],
        json.dumps(TOKEN, ensure_ascii=False)[1:-1].replace("/", "\\/"),
        b64encode(TOKEN.encode()).decode(),
        TOKEN.upper().lower(),
    ],
)
def test_every_form_is_found(form: str) -> None:
    text = f"before {form} behind"
    assert contains_secret(text, SECRETS)
    assert mask(text, SECRETS).rstrip("=") in ("before *** behind", "before ***= behind", "before ***== behind")


@given(st.text(min_size=4, max_size=40), st.text(max_size=40), st.text(max_size=40))
@example("aaaa", "a", "a")
@example("%41%42%43%44", "", "ABC")
@example("000\U00010000", "", "")
def test_no_form_is_left(secret: str, before: str, after: str) -> None:
    for form in (secret, quote(secret, safe=""), html.escape(secret), json.dumps(secret)[1:-1]):
        left = mask(before + form + after, frozenset({secret})).replace("***", "\0")
        assert form not in left


def test_many_and_long_secrets_take_no_time() -> None:
    secrets = frozenset({"".join(map(str, range(10_000))), "&<>" * 5, *(f"token{n}-x" for n in range(2000))})
    text = ("".join(map(str, range(9_999))) + "x" + "&amp;&lt;&gt;" * 4 + "y" + "token7") * 3
    assert mask(text, secrets) == text
    assert mask("token1999-x", secrets) == "***"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/feed", "https://example.org/feed"),
        ("https://me:pass@example.org/feed", "https://example.org/feed"),
        ("https://s3cr3t@example.org/feed", "https://example.org/feed"),
        ("https://me:s3cr3t@example.org/feed", "https://example.org/feed"),
        ("https://example.org/feed?t=s3cr3t", None),
        ("https://s3cr3t.example.org/feed", None),
    ],
)
def test_addresses_with_secrets_are_left_out(url: str, expected: str | None) -> None:
    assert public_address(url, frozenset({"s3cr3t"})) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>the s3cr3t word</p>", "<p>the *** word</p>"),
        ('<p title="s3cr3t">x</p>', '<p title="***">x</p>'),
        ('<p class="s3cr3t">x</p>', "<p>x</p>"),
        ('<a href="https://a.example/?t=s3cr3t" title="a">x</a>', '<a title="a">x</a>'),
        ('<p><img src="https://a.example/s3cr3t.png" alt="a src="></p>', '<p><img alt="a src="></p>'),
        ('<p>a<img src="https://a.example/s3cr3t.png" alt="a">b</p>', "<p>ab</p>"),
        (
            '<img src="https://a.example/1.png" srcset="https://a.example/s3cr3t.png 2x">',
            '<img src="https://a.example/1.png">',
        ),
        ('<video src="https://a.example/s3cr3t.mp4" controls="">x</video>', '<video controls="">x</video>'),
        ('<a href="https://a.example/">s3<b>cr3t</b></a>', '<a href="https://a.example/">s3<b>cr3t</b></a>'),
    ],
)
def test_markup_loses_attributes_and_words(before: str, after: str) -> None:
    assert public_html(before, frozenset({"s3cr3t"})) == after


@given(
    st.lists(st.sampled_from(['<a href="', '">', "<img src='https://x.example/", "' alt=\"", "key<1>", "b", "</a>"]))
)
def test_markup_stays_safe(parts: list[str]) -> None:
    secrets = frozenset({"key<1>", '"><b', " alt=", 'href="'})
    safe = clean_html(Text("".join(parts), "html", "https://x.example/"))
    shown = public_html(safe, secrets)
    assert not contains_secret(shown, frozenset({"key<1>"}))
    assert clean_html(Text(shown, "html")) in (shown, clean_html(Text(clean_html(Text(shown, "html")), "html")))


# -- end to end ------------------------------------------------------------------------------------------------------


def echoing(address: str, secret: str) -> dict[str, str]:
    """A feed in each format that says its own address, and the secret, wherever it can."""
    link = html.escape(address)
    word = html.escape(secret)
    text = html.escape(
        f'<p>the word {word} <a href="{link}&amp;p=2">more</a> <img src="{link}&amp;i=1" alt="{word}"></p>'
    )
    one = {
        "title": f"Title of {word}",
        "link": f"{link}&amp;id=1",
        "guid": f"{link}&amp;id=1",
        "description": text,
        "author": f"{word} of the feed",
        "category": word,
        "comments": f"{link}&amp;c=1",
        f'enclosure url="{link}&amp;f=1" length="5" type="audio/mpeg"': "",
    }
    channel = rss([one], title=f"Feed of {word}").replace("</enclosure url", "</enclosure url")
    channel = channel.replace(f'</enclosure url="{link}&amp;f=1" length="5" type="audio/mpeg">', "</enclosure>")
    atom = (
        f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Feed of {word}</title><id>{link}</id>'
        f'<link rel="self" href="{link}"/><link href="{link}"/><updated>2026-01-01T00:00:00Z</updated>'
        f'<entry><title>Title of {word}</title><id>{link}&amp;id=2</id><link href="{link}&amp;id=2"/>'
        f"<updated>2026-01-01T00:00:00Z</updated><summary>{word} in short</summary>"
        f'<content type="html">{text}</content><link rel="enclosure" href="{link}&amp;f=2" title="{word}"/>'
        f"<author><name>{word}</name></author></entry></feed>"
    )
    number = {
        "id": f"{address}&id=3",
        "url": f"{address}&id=3",
        "title": f"Title of {secret}",
        "content_html": html.unescape(text),
        "image": f"{address}&i=3",
        "tags": [secret],
        "attachments": [{"url": f"{address}&f=3", "mime_type": "audio/mpeg", "title": secret}],
        "date_published": "2026-01-01T00:00:00Z",
    }
    head = {"version": "https://jsonfeed.org/version/1.1", "title": f"Feed of {secret}", "home_page_url": address}
    own = channel.replace("https://example.org/", link, 1)
    return {"rss": own, "atom": atom, "json": json.dumps({**head, "feed_url": address, "items": [number]})}


@pytest.mark.parametrize("form", ["rss", "atom", "json"])
@pytest.mark.parametrize("secret", ["s3cr3t-token", "with/slash+and=more"])
def test_a_feed_that_echoes_its_own_address(
    site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch, form: str, secret: str
) -> None:
    monkeypatch.setenv("TOKEN", quote(secret, safe=""))
    address = f"{origin.url}/feed?token={quote(secret, safe='')}"
    kind = "application/feed+json" if form == "json" else "application/xml"
    origin.route("/feed", echoing(address, secret)[form], content_type=kind)
    site.configure({"feed": origin.url + "/feed?token=${env:TOKEN}"})
    done = site.run("update")
    assert done.status == 0, done.stderr
    assert len(site.posts()) == 1
    for text in (published(site), columns(site)):
        assert not contains_secret(text, frozenset({secret}))
    assert "Title of ***" in published(site)
    feed = json.loads(site.public()["news/feed.json"])["items"][0]
    assert feed["id"].startswith("urn:uuid:")
    assert feed["_origin"] == {"title": "Feed of ***"}
    assert "url" not in feed
    # A list without the address, but with the name.
    outline = etree.fromstring(site.public()["opml.xml"]).findall(".//outline")[-1]
    assert sorted(outline.items()) == [("text", "Feed of ***"), ("title", "Feed of ***")]
    assert site.run("update", "--all").status == 0


def test_a_scraped_page_does_not_reveal_its_address(
    site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t-token")
    origin.route("/list", '<a class="n" href="/1.html">One</a>', content_type="text/html")
    origin.route("/1.html", "<h1>One</h1><div id='b'>text</div>", content_type="text/html")
    page = {"url": origin.url + "/list?t=${env:TOKEN}", "items": "a.n", "article": {"body": "#b"}}
    site.configure({"name": "Page", "scrape": page})
    done = site.run("update")
    assert done.status == 0, done.stdout
    assert len(site.posts()) == 1
    assert "s3cr3t" not in published(site) + columns(site)
    # What holds no secret stays.
    assert json.loads(site.public()["news/feed.json"])["items"][0]["url"] == origin.url + "/1.html"


def test_secrets_in_hosts_users_headers_and_names(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOST": "127.0.0.1", "PASS": "p4ssw0rd", "KEY": "h34der-key", "NAME": "n4me"}.items():
        monkeypatch.setenv(name, value)
    echo = b64encode(b"me:p4ssw0rd").decode()
    text = f"127.0.0.1 p4ssw0rd h34der-key n4me {echo}"
    for n in range(4):
        fed = rss([item(n, description=text)]).replace("<title>A feed</title>", "")
        origin.route(f"/feed{n}", fed)
    address = origin.url.replace("127.0.0.1", "${env:HOST}") + "/feed0"
    site.configure(
        {"feed": address},
        {"feed": origin.url.replace("//", "//me:${env:PASS}@") + "/feed1"},
        {"feed": origin.url + "/feed2", "headers": {"X-Key": "${env:KEY}"}, "id": "header"},
        {"name": "Of ${env:NAME}", "section": "${env:NAME}", "feed": origin.url + "/feed3", "id": "named"},
    )
    done = site.run("update")
    assert done.status == 0, done.stderr
    whole = published(site) + columns(site)
    assert [secret for secret in ("127.0.0.1", "p4ssw0rd", "h34der-key", "n4me", echo) if secret in whole] == []
    assert "author: Of ***" in whole


def test_a_short_secret_is_kept_with_its_address(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIN", "a")
    address = f"{origin.url}/feed?pin=a"
    origin.route("/feed", echoing(address, "a")["rss"])
    site.configure({"name": "Short", "feed": origin.url + "/feed?pin=${env:PIN}"})
    assert site.run("update").status == 0
    assert "pin=a" not in published(site) + columns(site)
    # A letter by itself says nothing.
    assert "Title of a" in published(site)


def test_values_in_the_file_itself_stay_in_texts(site: Site, origin: Origin) -> None:
    origin.route("/feed", rss([item(1, description="true words of somebody")]))
    site.configure(
        {"feed": origin.url + "/feed", "cookies": {"over18": "true"}, "headers": {"X-Who": "somebody"}, "id": "one"}
    )
    site.run("update")
    assert "true words of somebody" in published(site)


def test_secrets_that_are_already_stored_are_removed(
    site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token stood in the file as it is at first; then it was put where it belongs."""
    address = f"{origin.url}/feed?token=s3cr3t-token"
    origin.route("/feed", echoing(address, "s3cr3t-token")["atom"])
    site.configure({"feed": address, "id": "one"})
    assert site.run("update").status == 0
    assert "s3cr3t-token" in published(site)
    assert list(site.posts()) == ["news/Title-of-s3cr3t-token.md"]
    monkeypatch.setenv("TOKEN", "s3cr3t-token")
    site.configure({"feed": f"{origin.url}/feed?token=${{env:TOKEN}}", "id": "one"})
    done = site.run("update")
    assert done.status == 0, done.stderr
    assert "s3cr3t-token" not in published(site) + columns(site)
    assert len(site.posts()) == 1
    before = site.stamps()
    assert "0 new entries, 0 changed" in site.run("update", "--all").stdout
    assert site.stamps() == before


def test_secrets_leave_the_names_of_posts_in_all_folders(
    site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"{origin.url}/feed?token=s3cr3t-token"
    origin.route("/feed", echoing(address, "s3cr3t-token")["atom"])
    posts = [{"folder": "posts"}, {"preset": "hugo", "folder": "hugo"}]
    site.configure({"feed": address, "id": "one"}, posts=posts)
    assert site.run("update").status == 0
    assert list(read_tree(site.data / "hugo")) == ["news/Title-of-s3cr3t-token.md"]
    monkeypatch.setenv("TOKEN", "s3cr3t-token")
    site.configure({"feed": f"{origin.url}/feed?token=${{env:TOKEN}}", "id": "one"}, posts=posts)
    assert site.run("update").status == 0
    found = read_tree(site.data / "hugo")
    assert len(found) == len(site.posts()) == 1
    assert "s3cr3t-token" not in str(found)
    with closing(sqlite3.connect(site.data / "aggregator.db")) as database:
        assert "s3cr3t-token" not in str(database.execute("SELECT path FROM folder_posts").fetchall())


def test_a_host_that_is_kept_secret_gives_no_name(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "internal.example")
    site.configure({"feed": "https://${env:HOST}/feed"}, {"feed": "https://public.example/${env:HOST}"})
    first, second = load(site.config, {"HOST": "internal.example"}).sources
    assert (first.public_url, first.fallback_name) == (None, first.id)
    assert (second.public_url, second.fallback_name) == (None, "public.example")
    assert "internal" not in first.id


def test_messages_hide_more_than_what_is_published(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(
        "sources: [{feed: 'https://a.example/${env:T}', headers: {X-Key: literal-key}, auth: {bearer: b34rer}}]"
    )
    config = load(path, {"T": "t0ken"})
    assert config.confidential == {"t0ken", "b34rer"}
    assert redact("t0ken literal-key b34rer", config.secrets) == "*** *** ***"


def test_a_refused_redirect_reveals_nothing_either(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t-token")
    origin.handle("/old", Response(b"", 301, {"Location": "/feed?token=s3cr3t-token"}))
    origin.route("/feed", rss([item(1)], title="Moved"))
    site.configure({"feed": origin.url + "/old?token=${env:TOKEN}"})
    assert site.run("update").status == 0
    assert "s3cr3t" not in published(site) + columns(site)
